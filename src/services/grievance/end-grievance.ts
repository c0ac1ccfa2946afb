import { Field, ID, InputType, Int } from 'type-graphql';
import { endProblems, Grievance, GrievanceAction } from '../../entities/grievance.ts';
import { versionOptions } from '../../entities/record.ts';
import { DecimalScalar } from '../../entities/scalars.ts';
import type { FieldProblem } from '../../errors.ts';
import { parseInput, assertNoProblems } from '../record/index.ts';
import type { Scope } from '../scope.ts';
import { actOnGrievance } from './grievance-action.ts';

@InputType({ description: 'A settlement of a grievance.' })
export class SettleGrievanceInput {
  @Field(() => ID, { description: 'The id of the grievance.' })
  id!: string;

  @Field(() => String, { description: 'The terms of the settlement.' })
  resolution!: string;

  @Field(() => DecimalScalar, {
    nullable: true,
    description:
      'The settlement amount in US dollars. Must be more than zero. Omit it for a settlement without a payment.',
  })
  settlementAmount?: string | null;

  @Field(() => Int, versionOptions)
  version?: number | null;
}

@InputType({ description: 'The end of a grievance without a settlement.' })
export class EndGrievanceInput {
  @Field(() => ID, { description: 'The id of the grievance.' })
  id!: string;

  @Field(() => String, { description: 'The reason. It becomes the `resolution` of the grievance.' })
  reason!: string;

  @Field(() => Int, versionOptions)
  version?: number | null;
}

/** Ends the case with a settlement. @returns its id. @throws BAD_INPUT; NOT_FOUND; CONFLICT. */
export function settleGrievance(
  scope: Scope,
  { resolution, settlementAmount, ...aim }: SettleGrievanceInput,
): Promise<string> {
  return actOnGrievance(scope, GrievanceAction.SETTLE, aim, (grievance, context) => {
    const { text, problems } = requiredText(scope, resolution, 'resolution');
    assertNoProblems([...problems, ...endProblems(text, settlementAmount, 'resolution')]);
    grievance.settle(text ?? '', settlementAmount ?? null, context);
  });
}

/** Ends the case because the union withdraws it. @returns its id. @throws BAD_INPUT; NOT_FOUND; CONFLICT. */
export function withdrawGrievance(scope: Scope, { reason, ...aim }: EndGrievanceInput): Promise<string> {
  return actOnGrievance(scope, GrievanceAction.WITHDRAW, aim, (grievance, context) => {
    grievance.withdraw(demandReason(scope, reason), context);
  });
}

/** Ends the case for any other reason. @returns its id. @throws BAD_INPUT; NOT_FOUND; CONFLICT. */
export function closeGrievance(scope: Scope, { reason, ...aim }: EndGrievanceInput): Promise<string> {
  return actOnGrievance(scope, GrievanceAction.CLOSE, aim, (grievance, context) => {
    grievance.close(demandReason(scope, reason), context);
  });
}

/** Returns the reason or resolution in its stored form, and its problem with its path. */
export function requiredText(
  scope: Scope,
  resolution: string | null | undefined,
  path: string,
): { text: string | null; problems: FieldProblem[] } {
  const { values, problems } = parseInput(scope, Grievance, { resolution: resolution ?? null });
  return { text: values.resolution, problems: problems.map(({ message }) => ({ path, message })) };
}

function demandReason(scope: Scope, reason: string): string {
  const { text, problems } = requiredText(scope, reason, 'reason');
  assertNoProblems([...problems, ...endProblems(text, null, 'reason')]);
  return text ?? '';
}
