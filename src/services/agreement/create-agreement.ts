import { ref } from '@mikro-orm/postgresql';
import { Field, ID, InputType, Int } from 'type-graphql';
import { validate as isUuid } from 'uuid';
import {
  Agreement,
  agreementProblems,
  BargainingUnit,
  ClockStart,
  type AgreementFacts,
} from '../../entities/agreement.ts';
import { HolidayCalendar } from '../../entities/calendar.ts';
import { DateScalar } from '../../entities/scalars.ts';
import { conflict, type FieldProblem } from '../../errors.ts';
import { recordChange } from '../audit/event.ts';
import { assertNoProblems, findVisible, flush, parseInput, validValues } from '../record/index.ts';
import { todayOf, type Scope } from '../scope.ts';

@InputType({ description: 'An agreement to create.' })
export class CreateAgreementInput {
  @Field(() => String, { description: 'The title, 1 to 200 characters.' })
  title!: string;

  @Field(() => String, { description: 'The short code, 1 to 20 characters. Agreements of successive terms share it.' })
  code!: string;

  @Field(() => ID, { description: 'The id of the bargaining unit.' })
  unitId!: string;

  @Field(() => ID, { description: 'The id of the working-day calendar.' })
  calendarId!: string;

  @Field(() => String, { nullable: true, description: "The employers' association. At most 200 characters." })
  association?: string | null;

  @Field(() => DateScalar, { description: 'The first day of the term.' })
  effectiveDate!: string;

  @Field(() => DateScalar, {
    nullable: true,
    description: 'The last day of the term. Omit it for an agreement without an end.',
  })
  expirationDate?: string | null;

  @Field(() => Boolean, {
    defaultValue: false,
    description: 'Whether the agreement renews from year to year after its term.',
  })
  renewsYearly!: boolean;

  @Field(() => Int, {
    defaultValue: 60,
    description: 'The number of days before the end by which notice must be received: 0 to 365.',
  })
  noticeDays!: number;

  @Field(() => DateScalar, { nullable: true, description: 'The date of signature. Must not be in the future.' })
  signedDate?: string | null;

  @Field(() => ClockStart, {
    defaultValue: ClockStart.OCCURRENCE,
    description: 'The event from which the time limit for filing counts.',
  })
  clock!: ClockStart;

  @Field(() => Boolean, { defaultValue: false, description: 'Whether the day of the event is day 1 of a time limit.' })
  firstDayCounts!: boolean;

  @Field(() => Boolean, {
    defaultValue: true,
    description: 'Whether a limit in calendar days that ends on a day off ends on the next working day.',
  })
  rollsForward!: boolean;

  @Field(() => Boolean, { defaultValue: true, description: 'Whether an extension of a time limit must be in writing.' })
  extensionsInWriting!: boolean;

  @Field(() => Int, { defaultValue: 3, description: 'The number of steps before arbitration, from 1 to 3.' })
  steps!: number;
}

/**
 * Creates an agreement without limits, articles and employers.
 * @returns its id.
 * @throws BAD_INPUT with every problem; NOT_FOUND for the unit and the calendar; CONFLICT if its term overlaps another
 * agreement of the unit.
 */
export async function createAgreement(scope: Scope, input: CreateAgreementInput): Promise<string> {
  const read = parseInput(scope, Agreement, input);
  assertNoProblems([
    ...read.problems,
    ...agreementProblems(validValues(read), todayOf(scope)),
    ...referenceProblems(input),
  ]);
  return scope.transaction(async (tx) => {
    const calendar = await findVisible(tx, HolidayCalendar, input.calendarId, { isPinned: true });
    const unit = await findVisible(tx, BargainingUnit, input.unitId, { isHeld: true });
    const agreement = new Agreement({
      ...(read.values as object as AgreementFacts),
      unit: ref(unit),
      calendar: ref(calendar),
    });
    await assertFreeTerm(tx, agreement);
    tx.em.persist(agreement);
    recordChange(tx, { action: 'agreement.create', targetType: 'Agreement', targetId: agreement.id });
    await flush(tx, termTaken);
    return agreement.id;
  });
}

/** The input field for a violation of the unique index. */
export const termTaken = { agreements_code_effective_date_unique: 'input.effectiveDate' };

/** Returns the problems of malformed ids. */
export const referenceProblems = (ids: {
  readonly unitId?: string | null;
  readonly calendarId?: string | null;
}): FieldProblem[] =>
  Object.entries({ unitId: ids.unitId, calendarId: ids.calendarId })
    .filter(([, id]) => id != null && !isUuid(id))
    .map(([path]) => ({ path, message: 'must be a UUID' }));

/** Expects the unit's row to be locked. @throws CONFLICT if the term overlaps that of another agreement of the unit. */
export async function assertFreeTerm({ em }: Pick<Scope, 'em'>, agreement: Agreement): Promise<void> {
  const { id, unit, effectiveDate, expirationDate } = agreement;
  const [other] = await em.execute<object[]>(
    `select from agreements where unit_id = ? and id <> ? and deleted_at is null
       and effective_date <= coalesce(cast(? as date), 'infinity') and coalesce(expiration_date, 'infinity') >= ? limit 1`,
    [unit.id, id, expirationDate, effectiveDate],
  );
  if (other) throw conflict('The term overlaps another agreement of the bargaining unit.', 'TERM_TAKEN', []);
}
