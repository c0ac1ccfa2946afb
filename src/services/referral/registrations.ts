import { ref } from '@mikro-orm/postgresql';
import { Field, ID, InputType, Int } from 'type-graphql';
import { validate as isUuid } from 'uuid';
import type { WorkingDays } from '../../entities/calendar.ts';
import { instantAfterLock } from '../../entities/clock.ts';
import {
  isSigningDay,
  lastGroup,
  ReferralBook,
  Registrant,
  Registration,
  RegistrationAction,
  RegistrationEndReason,
  RegistrationEvent,
  resignBy,
} from '../../entities/referral.ts';
import { dayIn } from '../../entities/scalars.ts';
import { User } from '../../entities/user.ts';
import { conflict } from '../../errors.ts';
import { recordChange } from '../audit/event.ts';
import { assertNoProblems, findVisible, flush, parseInput } from '../record/index.ts';
import type { Scope } from '../scope.ts';

@InputType({ description: 'A signature on a referral book.' })
export class RegisterOnBookInput {
  @Field(() => ID, { description: 'The id of the book.' })
  bookId!: string;

  @Field(() => ID, { description: 'The id of the registrant.' })
  registrantId!: string;

  @Field(() => Int, { description: `The group, from 1 to ${lastGroup}. Group 1 is first on the list.` })
  groupNumber!: number;

  @Field(() => String, { nullable: true, description: 'The ground of the group, up to 500 characters.' })
  note?: string | null;
}

/** A registration whose book is locked, and the instant of the act, which is later than every earlier act on it. */
interface Locked {
  readonly tx: Scope;
  readonly registration: Registration;
  readonly book: ReferralBook;
  readonly calendar: WorkingDays;
  readonly at: Date;
  readonly today: string;
}

/**
 * Registers a registrant on a book, at the bottom of the group. The lock of the book orders simultaneous registrations.
 * Records the end of an earlier registration that was not re-signed in time.
 * @returns the id of the registration.
 * @throws BAD_INPUT with every problem; NOT_FOUND; CONFLICT if the registrant is on the book.
 */
export function register(scope: Scope, { bookId, registrantId, ...input }: RegisterOnBookInput): Promise<string> {
  const { values, problems } = parseInput(scope, RegistrationEvent, { note: input.note });
  for (const [path, id] of Object.entries({ bookId, registrantId }))
    if (!isUuid(id)) problems.push({ path, message: 'must be a UUID' });
  if (input.groupNumber < 1 || input.groupNumber > lastGroup)
    problems.push({ path: 'groupNumber', message: `must be from 1 to ${lastGroup}` });
  assertNoProblems(problems);
  return scope.transaction(async (tx) => {
    const book = await findVisible(tx, ReferralBook, bookId, { isHeld: true });
    const registrant = await findVisible(tx, Registrant, registrantId);
    const calendar = await workingDays(tx, book);
    const at = await instantAfterLock(tx);
    const today = dayIn(tx.timeZone, at);
    const open = await tx.em.findOne(Registration, { registrant: registrant.id, book: book.id, endedAt: null });
    if (open !== null) {
      if (open.resignBy >= today) throw conflict('The registrant is on this book.', 'REGISTERED', ['resign', 'leave']);
      await end({ tx, registration: open, book, calendar, at, today }, RegistrationEndReason.RESIGN_MISSED);
      await flush(tx);
    }
    book.lastPlace += 1;
    const registration = new Registration({
      registrant: ref(registrant),
      book: ref(book),
      groupNumber: input.groupNumber,
      registeredAt: at,
      place: book.lastPlace,
      resignBy: resignBy(book, calendar, today),
    });
    tx.em.persist(registration);
    const locked = { tx, registration, book, calendar, at, today };
    record(locked, 1, { action: RegistrationAction.REGISTER, note: values.note ?? null });
    await flush(tx);
    return registration.id;
  });
}

/**
 * Re-signs a registration, which keeps its place.
 * @returns its id.
 * @throws BAD_INPUT if the id is malformed; NOT_FOUND; CONFLICT if it has ended, the last day to re-sign has passed, or
 * the monthly window is closed.
 */
export function resign(scope: Scope, id: string): Promise<string> {
  return onLocked(scope, id, async (locked) => {
    const { registration, book, calendar, today } = locked;
    if (registration.resignBy < today)
      throw conflict('The last day to re-sign has passed. Register again.', 'LAPSED', ['register']);
    if (!isSigningDay(book, calendar, today))
      throw conflict('The window to re-sign is closed today.', 'WINDOW_CLOSED', ['leave']);
    registration.resignBy = resignBy(book, calendar, today);
    record(locked, await nextNumber(locked), { action: RegistrationAction.RESIGN });
  });
}

/**
 * Ends a registration at the registrant's request.
 * @returns its id.
 * @throws BAD_INPUT if the id is malformed; NOT_FOUND; CONFLICT if it has ended.
 */
export function leave(scope: Scope, id: string): Promise<string> {
  return onLocked(scope, id, (locked) => end(locked, RegistrationEndReason.OWN_REQUEST));
}

/** Runs an act on an open registration while its book is locked. */
function onLocked(scope: Scope, id: string, act: (locked: Locked) => Promise<void>): Promise<string> {
  return scope.transaction(async (tx) => {
    const seen = await findVisible(tx, Registration, id);
    const book = await findVisible(tx, ReferralBook, seen.book.id, { isHeld: true });
    const registration = await findVisible(tx, Registration, id, { isHeld: true });
    if (registration.endedAt !== null) throw conflict('The registration has ended.', 'ENDED', ['register']);
    const at = await instantAfterLock(tx);
    const calendar = await workingDays(tx, book);
    await act({ tx, registration, book, calendar, at, today: dayIn(tx.timeZone, at) });
    await flush(tx);
    return registration.id;
  });
}

async function end(locked: Locked, endReason: RegistrationEndReason): Promise<void> {
  const { registration, at } = locked;
  registration.endedAt = at;
  registration.endReason = endReason;
  record(locked, await nextNumber(locked), { action: RegistrationAction.END, endReason });
}

/** Adds an event of a registration, and its audit event. */
function record(
  { tx, registration, at }: Locked,
  number: number,
  event: Pick<RegistrationEvent, 'action'> & Partial<Pick<RegistrationEvent, 'endReason' | 'note'>>,
): void {
  const actor = tx.viewer.userId === null ? null : ref(User, tx.viewer.userId);
  const until = event.action === RegistrationAction.END ? null : registration.resignBy;
  const facts = { ...event, registration: ref(registration), number, at, actor, resignBy: until };
  tx.em.persist(new RegistrationEvent(facts));
  recordChange(tx, { action: `referral.${event.action}`, targetType: 'Registration', targetId: registration.id });
}

const nextNumber = async ({ tx, registration }: Locked): Promise<number> =>
  (await tx.em.count(RegistrationEvent, { registration: registration.id })) + 1;

/** The calendar of a book. */
async function workingDays({ em }: Pick<Scope, 'em'>, book: ReferralBook): Promise<WorkingDays> {
  const [row] = await em.execute<{ workweek: number[]; holidays: string[] }[]>(
    `select c.workweek, array(select to_char(h.day, 'YYYY-MM-DD') from holidays h where h.calendar_id = c.id) as holidays
     from holiday_calendars c where c.id = ?`,
    [book.calendar.id],
  );
  return { workweek: row?.workweek ?? [], holidays: new Set(row?.holidays) };
}
