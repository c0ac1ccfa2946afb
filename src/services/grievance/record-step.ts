import { Field, ID, InputType, Int } from 'type-graphql';
import { GrievanceAction, GrievanceStepOutcome, GrievanceStepRecord } from '../../entities/grievance.ts';
import { DateScalar, DecimalScalar } from '../../entities/scalars.ts';
import { parseInput, assertNoProblems } from '../record/index.ts';
import type { Scope } from '../scope.ts';
import { actOnGrievance } from './grievance-action.ts';
import { said } from './end-grievance.ts';

@InputType({ description: 'The meeting of the current step, and how it ended.' })
export class RecordGrievanceStepInput {
  @Field(() => ID, { description: 'The grievance.' })
  grievanceId!: string;

  @Field(() => DateScalar, { description: 'The day of the meeting: not in the future, nor before the filing or the previous meeting.' })
  meetingDate!: string;

  @Field(() => GrievanceStepOutcome, { description: 'How it ended; at arbitration, not ADVANCED.' })
  outcome!: GrievanceStepOutcome;

  @Field(() => String, { nullable: true, description: 'Who was there for the union.' })
  unionAttendees?: string | null;

  @Field(() => String, { nullable: true, description: 'Who was there for the employer.' })
  employerAttendees?: string | null;

  @Field(() => String, { nullable: true, description: "The union's own notes, which the grievant does not see." })
  notes?: string | null;

  @Field(() => String, { nullable: true, description: 'What was agreed: demanded when the outcome is SETTLED, and given only then.' })
  resolution?: string | null;

  @Field(() => DecimalScalar, { nullable: true, description: 'What the settlement pays, in US dollars; only when the outcome is SETTLED.' })
  settlementAmount?: string | null;

  @Field(() => Int, { nullable: true, description: 'The version that was looked at; another one is a CONFLICT.' })
  version?: number | null;
}

/**
 * Records the meeting of the current step; its outcome moves, settles or leaves the case.
 * @returns the grievance's id.
 * @throws BAD_INPUT naming all that is wrong; NOT_FOUND; CONFLICT.
 */
export function recordGrievanceStep(scope: Scope, input: RecordGrievanceStepInput): Promise<string> {
  const { grievanceId, version, resolution, settlementAmount, ...told } = input;
  const aim = { id: grievanceId, version: version ?? null, path: 'input.grievanceId' };
  return actOnGrievance(scope, GrievanceAction.RECORD_STEP, aim, (grievance, context) => {
    const { values, problems } = parseInput(scope, GrievanceStepRecord, told);
    const agreed = said(scope, resolution, 'resolution');
    const facts = { ...values, resolution: agreed.text, settlementAmount: settlementAmount ?? null };
    assertNoProblems([...problems, ...agreed.problems, ...grievance.stepProblems(facts, context.today)]);
    grievance.recordStep(facts, context);
  });
}
