import { ref } from '@mikro-orm/postgresql';
import { Field, ID, InputType, Int } from 'type-graphql';
import {
  Agreement,
  agreementProblems,
  BargainingUnit,
  ClockStart,
  AgreementLimit,
  limitProblems,
} from '../../entities/agreement.ts';
import { HolidayCalendar } from '../../entities/calendar.ts';
import { versionOptions } from '../../entities/record.ts';
import { DateScalar } from '../../entities/scalars.ts';
import { conflict } from '../../errors.ts';
import { recordChange } from '../audit/event.ts';
import { assertNoProblems, assertVersion, findVisible, flush, parseInput, validValues } from '../record/index.ts';
import { todayOf, type Scope } from '../scope.ts';
import { assertFreeTerm, referenceProblems, termTaken } from './create-agreement.ts';

@InputType({
  description:
    'Changes to an agreement. Omitted fields keep their values. Null clears an optional field. What decides how time limits ' +
    'count cannot change once the agreement governs a grievance.',
})
export class UpdateAgreementInput {
  @Field(() => String, { nullable: true, description: 'The title, 1 to 200 characters. Must not be null.' })
  title?: string | null;

  @Field(() => String, { nullable: true, description: 'The short code, 1 to 20 characters. Must not be null.' })
  code?: string | null;

  @Field(() => ID, { nullable: true, description: 'The id of the bargaining unit. Must not be null.' })
  unitId?: string | null;

  @Field(() => ID, { nullable: true, description: 'The id of the working-day calendar. Must not be null.' })
  calendarId?: string | null;

  @Field(() => String, { nullable: true, description: "The employers' association. At most 200 characters." })
  association?: string | null;

  @Field(() => DateScalar, { nullable: true, description: 'The first day of the term. Must not be null.' })
  effectiveDate?: string | null;

  @Field(() => DateScalar, {
    nullable: true,
    description: 'The last day of the term. Null for an agreement without an end.',
  })
  expirationDate?: string | null;

  @Field(() => Boolean, {
    nullable: true,
    description: 'Whether the agreement renews from year to year. Must not be null.',
  })
  renewsYearly?: boolean | null;

  @Field(() => Int, {
    nullable: true,
    description: 'The number of days before the end by which notice must be received: 0 to 365. Must not be null.',
  })
  noticeDays?: number | null;

  @Field(() => DateScalar, { nullable: true, description: 'The date of signature. Must not be in the future.' })
  signedDate?: string | null;

  @Field(() => ClockStart, {
    nullable: true,
    description: 'The event from which the limit for filing counts. Must not be null.',
  })
  clock?: ClockStart | null;

  @Field(() => Boolean, {
    nullable: true,
    description: 'Whether the day of the event is day 1 of a time limit. Must not be null.',
  })
  firstDayCounts?: boolean | null;

  @Field(() => Boolean, {
    nullable: true,
    description:
      'Whether a limit in calendar days that ends on a day off ends on the next working day. Must not be null.',
  })
  rollsForward?: boolean | null;

  @Field(() => Boolean, {
    nullable: true,
    description: 'Whether an extension of a time limit must be in writing. Must not be null.',
  })
  extensionsInWriting?: boolean | null;

  @Field(() => Int, {
    nullable: true,
    description:
      'The number of steps before arbitration, from 1 to 3. No limit may be at a later step. Must not be null.',
  })
  steps?: number | null;

  @Field(() => Int, versionOptions)
  version?: number | null;
}

/** The fields that determine how time limits count, and which grievances the agreement governs. */
const frozen = [
  'unit',
  'calendar',
  'effectiveDate',
  'clock',
  'firstDayCounts',
  'rollsForward',
  'extensionsInWriting',
  'steps',
] as const;

/**
 * Changes an agreement.
 * @returns its id.
 * @throws BAD_INPUT with every problem; NOT_FOUND, also for the unit and the calendar; CONFLICT if the version is
 * outdated, its term overlaps another agreement of the unit, or a grievance fixes the changed field.
 */
export async function updateAgreement(scope: Scope, id: string, input: UpdateAgreementInput): Promise<string> {
  const { version, unitId, calendarId, ...told } = input;
  const read = parseInput(scope, Agreement, told);
  const nulls = Object.entries({ unitId, calendarId }).flatMap(([path, value]) =>
    value === null ? [{ path, message: 'must not be null' }] : [],
  );
  assertNoProblems([
    ...read.problems,
    ...nulls,
    ...referenceProblems({ unitId: unitId ?? null, calendarId: calendarId ?? null }),
  ]);
  return scope.transaction(async (tx) => {
    const agreement = await heldWithUnit(tx, id, { unitId: unitId ?? null, calendarId: calendarId ?? null });
    assertVersion(agreement, version);
    const before = Object.fromEntries(frozen.map((name) => [name, idOrValue(agreement[name])]));
    Object.assign(agreement, read.values);
    if (unitId != null) agreement.unit = ref(BargainingUnit, unitId.toLowerCase());
    if (calendarId != null) agreement.calendar = ref(HolidayCalendar, calendarId.toLowerCase());
    assertNoProblems(agreementProblems({ ...agreement, ...validValues(read) } as never, todayOf(scope)));
    if (frozen.some((name) => before[name] !== idOrValue(agreement[name]))) await assertNoGrievances(tx, agreement.id);
    if (before['steps'] !== agreement.steps) await assertLimitsFit(tx, agreement);
    if (Object.keys(read.values).length === 0 && unitId == null && calendarId == null) return agreement.id;
    await assertFreeTerm(tx, agreement);
    recordChange(tx, { action: 'agreement.update', targetType: 'Agreement', targetId: agreement.id });
    await flush(tx, termTaken);
    return agreement.id;
  });
}

/**
 * Deletes an agreement that governs no grievance.
 * @returns its id.
 * @throws BAD_INPUT for a malformed id; NOT_FOUND; CONFLICT if it governs a grievance or the version is outdated.
 */
export async function deleteAgreement(scope: Scope, id: string, version: number | null): Promise<string> {
  return scope.transaction(async (tx) => {
    const agreement = await findVisible(tx, Agreement, id, { isHeld: true });
    assertVersion(agreement, version);
    await assertNoGrievances(tx, agreement.id);
    agreement.deletedAt = scope.now();
    recordChange(tx, { action: 'agreement.delete', targetType: 'Agreement', targetId: agreement.id });
    await flush(tx);
    return agreement.id;
  });
}

/**
 * Expects the agreement's row to be locked. @throws CONFLICT if the agreement governs a grievance, even a deleted one.
 */
export async function assertNoGrievances({ em }: Pick<Scope, 'em'>, id: string): Promise<void> {
  const [governed] = await em.execute<object[]>('select from grievances where agreement_id = ? limit 1', [id]);
  if (governed) throw conflict('The agreement governs a grievance. Create its successor instead.', 'IN_USE', []);
}

/** Locks and returns the agreement, after the calendar and the units whose terms may change. */
async function heldWithUnit(
  tx: Scope,
  id: string,
  { unitId, calendarId }: { readonly unitId: string | null; readonly calendarId: string | null },
): Promise<Agreement> {
  const seen = await findVisible(tx, Agreement, id);
  if (calendarId !== null) await findVisible(tx, HolidayCalendar, calendarId, { isPinned: true });
  await findVisible(tx, BargainingUnit, unitId ?? seen.unit.id, { isHeld: true });
  const agreement = await findVisible(tx, Agreement, id, { isHeld: true });
  await tx.em.refresh(agreement);
  return agreement;
}

const idOrValue = (value: unknown): unknown =>
  typeof value === 'object' && value !== null ? (value as { id: string }).id : value;

async function assertLimitsFit({ em }: Pick<Scope, 'em'>, { id, steps }: Agreement): Promise<void> {
  const limits = await em.find(AgreementLimit, { agreement: id });
  if (limitProblems(limits, steps).length > 0)
    assertNoProblems([{ path: 'steps', message: 'must not be less than the step of a time limit' }]);
}
