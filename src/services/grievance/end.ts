import type { SqlEntityManager } from '@mikro-orm/postgresql';
import { Field, ID, InputType, Int } from 'type-graphql';
import { endProblems, Grievance, GrievanceAction } from '../../entities/grievance.ts';
import { DecimalScalar } from '../../entities/scalars.ts';
import type { FieldProblem } from '../../errors.ts';
import { draft, refuse, type Acting } from '../record/index.ts';
import { actOn } from './act.ts';

@InputType({ description: 'A settlement of a grievance.' })
export class SettleGrievanceInput {
  @Field(() => ID, { description: 'The id of the grievance.' })
  id!: string;

  @Field(() => String, { description: 'The terms of the settlement.' })
  resolution!: string;

  @Field(() => DecimalScalar, {
    nullable: true,
    description: 'The settlement amount in US dollars. Must be more than zero. Omit it for a settlement without a payment.',
  })
  settlementAmount?: string | null;

  @Field(() => Int, {
    nullable: true,
    description: 'The version that the caller read. Fails with CONFLICT if the record has changed since.',
  })
  version?: number | null;
}

@InputType({ description: 'The end of a grievance without a settlement.' })
export class EndGrievanceInput {
  @Field(() => ID, { description: 'The id of the grievance.' })
  id!: string;

  @Field(() => String, { description: 'The reason. It becomes the `resolution` of the grievance.' })
  reason!: string;

  @Field(() => Int, {
    nullable: true,
    description: 'The version that the caller read. Fails with CONFLICT if the record has changed since.',
  })
  version?: number | null;
}

/** Ends the case with a settlement. @returns its id. @throws BAD_INPUT; NOT_FOUND; CONFLICT. */
export function settle(acting: Acting, { resolution, settlementAmount, ...aim }: SettleGrievanceInput): Promise<string> {
  return actOn(acting, GrievanceAction.SETTLE, aim, (grievance, act, em) => {
    const { text, problems } = said(em, resolution, 'resolution');
    refuse([...problems, ...endProblems(text, settlementAmount, 'resolution')]);
    grievance.settle(text ?? '', settlementAmount ?? null, act);
  });
}

/** Ends the case because the union takes it back. @returns its id. @throws BAD_INPUT; NOT_FOUND; CONFLICT. */
export function withdraw(acting: Acting, { reason, ...aim }: EndGrievanceInput): Promise<string> {
  return actOn(acting, GrievanceAction.WITHDRAW, aim, (grievance, act, em) => {
    grievance.withdraw(demandReason(em, reason), act);
  });
}

/** Ends the case otherwise. @returns its id. @throws BAD_INPUT; NOT_FOUND; CONFLICT. */
export function close(acting: Acting, { reason, ...aim }: EndGrievanceInput): Promise<string> {
  return actOn(acting, GrievanceAction.CLOSE, aim, (grievance, act, em) => {
    grievance.close(demandReason(em, reason), act);
  });
}

/** What is said of how a case ends, as the column of the resolution takes it, and what is wrong with it at its path. */
export function said(
  em: SqlEntityManager,
  resolution: string | null | undefined,
  path: string,
): { text: string | null; problems: FieldProblem[] } {
  const { values, problems } = draft(em, Grievance, { resolution: resolution ?? null });
  return { text: values.resolution, problems: problems.map(({ message }) => ({ path, message })) };
}

function demandReason(em: SqlEntityManager, reason: string): string {
  const { text, problems } = said(em, reason, 'reason');
  refuse([...problems, ...endProblems(text, null, 'reason')]);
  return text ?? '';
}
