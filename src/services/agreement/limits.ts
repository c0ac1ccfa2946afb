import { ref } from '@mikro-orm/postgresql';
import { Field, InputType, Int } from 'type-graphql';
import {
  Agreement,
  AgreementLimit,
  limitProblems,
  LimitBase,
  MissConsequence,
  TimeLimitAct,
} from '../../entities/agreement.ts';
import { DayUnit } from '../../entities/calendar.ts';
import { changedBy } from '../../entities/case.ts';
import { badInput } from '../../errors.ts';
import { recordChange } from '../audit/event.ts';
import { assertVersion, findVisible, flush } from '../record/index.ts';
import type { Scope } from '../scope.ts';
import { assertNoGrievances } from './update-agreement.ts';

@InputType({ description: 'A time limit of an agreement.' })
export class AgreementLimitInput {
  @Field(() => Int, {
    description: 'The step: 1 for FILE, up to the last step for MEET, ANSWER, and APPEAL, 4 for AWARD.',
  })
  step!: number;

  @Field(() => TimeLimitAct, { description: 'What must be done. At most one limit for each act at a step.' })
  act!: TimeLimitAct;

  @Field(() => Int, { description: 'The number of days, from 1 to 365.' })
  days!: number;

  @Field(() => DayUnit, { description: 'The days that the limit counts.' })
  dayUnit!: DayUnit;

  @Field(() => LimitBase, {
    description:
      'The event from which the limit counts: INCIDENT for FILE, SUBMISSION for MEET, SUBMISSION or MEETING for ANSWER, ' +
      'ANSWER for APPEAL, MEETING for AWARD.',
  })
  countsFrom!: LimitBase;

  @Field(() => MissConsequence, {
    description:
      'What the agreement says of a missed limit. NONE is allowed for each act. FILE also allows WAIVED. MEET and ANSWER also ' +
      'allow DENIED, ADVANCED, and GRANTED. APPEAL also allows WAIVED, LAST_ANSWER, and ADVANCED.',
  })
  onMiss!: MissConsequence;
}

/**
 * Replaces the time limits of an agreement.
 * @returns the agreement's id.
 * @throws BAD_INPUT with every problem; NOT_FOUND; CONFLICT if the version is outdated or the agreement governs a
 * grievance.
 */
export async function setLimits(
  scope: Scope,
  id: string,
  limits: readonly AgreementLimitInput[],
  version: number | null,
): Promise<string> {
  return scope.transaction(async (tx) => {
    const agreement = await findVisible(tx, Agreement, id, { isHeld: true });
    assertVersion(agreement, version);
    const problems = limitProblems(limits, agreement.steps);
    if (problems.length > 0) throw badInput(...problems);
    await assertNoGrievances(tx, agreement.id);
    await tx.em.nativeDelete(AgreementLimit, { agreement: agreement.id });
    for (const limit of limits) tx.em.persist(new AgreementLimit({ ...limit, agreement: ref(agreement) }));
    agreement.updatedAt = changedBy({ at: scope.now() }, agreement.updatedAt);
    recordChange(tx, { action: 'agreement.set_limits', targetType: 'Agreement', targetId: agreement.id });
    await flush(tx);
    return agreement.id;
  });
}
