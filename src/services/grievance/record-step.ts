import { Field, ID, InputType, Int } from 'type-graphql';
import { GrievanceAction, GrievanceStepOutcome, GrievanceStepRecord } from '../../entities/grievance.ts';
import { versionOptions } from '../../entities/record.ts';
import { DateScalar, DecimalScalar } from '../../entities/scalars.ts';
import { parseInput, assertNoProblems } from '../record/index.ts';
import type { Scope } from '../scope.ts';
import { actOnGrievance } from './grievance-action.ts';
import { requiredText } from './end-grievance.ts';

@InputType({ description: 'The meeting of the current step and its result.' })
export class RecordGrievanceStepInput {
  @Field(() => ID, { description: 'The id of the grievance.' })
  grievanceId!: string;

  @Field(() => DateScalar, {
    description:
      'The date of the meeting. Must not be in the future, before the filing date, or before the previous meeting. Must be the noted date, if one was noted.',
  })
  meetingDate!: string;

  @Field(() => DateScalar, {
    nullable: true,
    description:
      'The date of the answer. Must not be in the future or before the meeting. Defaults to the date of the meeting.',
  })
  answeredDate?: string | null;

  @Field(() => GrievanceStepOutcome, { description: 'The result of the meeting. Must not be ADVANCED at arbitration.' })
  outcome!: GrievanceStepOutcome;

  @Field(() => String, { nullable: true, description: 'The people who attended for the union.' })
  unionAttendees?: string | null;

  @Field(() => String, { nullable: true, description: 'The people who attended for the employer.' })
  employerAttendees?: string | null;

  @Field(() => String, {
    nullable: true,
    description: 'The internal notes of the union. The grievant cannot see them.',
  })
  notes?: string | null;

  @Field(() => String, {
    nullable: true,
    description: 'The terms of the settlement. Required when the outcome is SETTLED; refused otherwise.',
  })
  resolution?: string | null;

  @Field(() => DecimalScalar, {
    nullable: true,
    description:
      'The settlement amount in US dollars. Must be more than zero. Accepted only when the outcome is SETTLED.',
  })
  settlementAmount?: string | null;

  @Field(() => Int, versionOptions)
  version?: number | null;
}

/**
 * Records the meeting of the current step. Its outcome advances, settles or keeps the case.
 * @returns the grievance's id.
 * @throws BAD_INPUT with every problem; NOT_FOUND; CONFLICT.
 */
export function recordGrievanceStep(scope: Scope, input: RecordGrievanceStepInput): Promise<string> {
  const { grievanceId, version, resolution, settlementAmount, ...told } = input;
  const aim = { id: grievanceId, version: version ?? null, path: 'input.grievanceId' };
  return actOnGrievance(scope, GrievanceAction.RECORD_STEP, aim, (grievance, context) => {
    const { values, problems } = parseInput(scope, GrievanceStepRecord, told);
    const agreed = requiredText(scope, resolution, 'resolution');
    const facts = {
      ...values,
      resolution: agreed.text,
      settlementAmount: settlementAmount ?? null,
      answeredDate: input.answeredDate ?? null,
    };
    assertNoProblems([...problems, ...agreed.problems, ...grievance.stepProblems(facts, context.today)]);
    grievance.recordStep(facts, context);
  });
}
