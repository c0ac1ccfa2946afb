import { beforeAll, describe, expect, it } from '@jest/globals';
import type { WorkingDays } from '../src/entities/calendar.ts';
import { isSigningDay, registrantProblems, resignBy, ResignRule, resignRuleProblems } from '../src/entities/referral.ts';
import { Actor, aLocal, type Local } from './support/local.ts';

interface List {
  at: string;
  totalCount: number;
  entries: { position: number; registrationId: string; fullName: string; resignBy: string; isOwn: boolean; groupNumber: number }[];
}

const calendar: WorkingDays = { workweek: [1, 2, 3, 4, 5], holidays: new Set(['2026-04-03', '2026-05-25']) };
const every30 = { resignRule: ResignRule.EVERY_DAYS, resignDays: 30 };
const window = { resignRule: ResignRule.MONTHLY_WINDOW, windowFrom: 10, windowTo: 16 };

describe('the last day to re-sign', () => {
  it.each([
    ['30 days after a signature', every30, '2026-03-02', '2026-04-01'],
    ['a Sunday becomes the next Monday', every30, '2026-03-20', '2026-04-20'],
    ['a holiday becomes the next working day', every30, '2026-03-04', '2026-04-06'],
    ['a signature before the window is due in it', window, '2026-03-02', '2026-03-16'],
    ['a signature in the window is due in the next one', window, '2026-03-12', '2026-04-16'],
    ['a signature on the first day of the window too', window, '2026-03-10', '2026-04-16'],
    ['a window that ends on a Sunday ends on Monday', window, '2026-08-01', '2026-08-17'],
    ['a signature on that Monday counts for that window', window, '2026-08-17', '2026-09-16'],
    ['the window after December is in January', window, '2026-12-12', '2027-01-18'],
  ])('%s', (_, rules, signedOn, due) => {
    expect(resignBy(rules, calendar, signedOn)).toBe(due);
  });

  it('is signed for in the window alone', () => {
    const days = ['2026-04-09', '2026-04-10', '2026-04-16', '2026-04-17', '2026-08-17', '2026-08-18'];
    expect(days.map((day) => isSigningDay(window, calendar, day))).toEqual([false, true, true, false, true, false]);
    expect(isSigningDay(every30, calendar, '2026-04-09')).toBe(true);
  });

  it('of a window that ends with a month reaches into the next one', () => {
    const late = { ...window, windowFrom: 24, windowTo: 28 };
    const holidays = new Set(['2027-02-26']);
    expect(isSigningDay(late, { workweek: [1, 2, 3, 4, 5], holidays }, '2027-03-01')).toBe(true);
    expect(isSigningDay(late, { workweek: [1, 2, 3, 4, 5], holidays }, '2027-03-02')).toBe(false);
  });
});

it.each([
  [{ resignRule: ResignRule.EVERY_DAYS }, ['resignDays']],
  [{ ...every30, resignDays: 0 }, ['resignDays']],
  [{ ...every30, windowFrom: 1, windowTo: 2 }, ['windowFrom', 'windowTo']],
  [{ ...window, resignDays: 30 }, ['resignDays']],
  [{ ...window, windowFrom: 0, windowTo: 32 }, ['windowFrom', 'windowTo']],
  [{ ...window, windowTo: 9 }, ['windowTo']],
  [every30, []],
  [window, []],
])('the rules %j have problems in %j', (rules, paths) => {
  expect(resignRuleProblems(rules).map(({ path }) => path)).toEqual(paths);
});

it('a registrant is a member or has both names', () => {
  const paths = (given: object) => registrantProblems(given).map(({ path }) => path);
  expect(paths({ memberId: 'm' })).toEqual([]);
  expect(paths({ firstName: 'A', lastName: 'B' })).toEqual([]);
  expect(paths({ lastName: 'B' })).toEqual(['firstName']);
  expect(paths({ memberId: 'm', firstName: 'A' })).toEqual(['firstName']);
});

const createBook = 'mutation ($input: CreateReferralBookInput!) { made: createReferralBook(input: $input) { id } }';
const addRegistrant = 'mutation ($input: AddRegistrantInput!) { made: addRegistrant(input: $input) { id } }';
const registration = `{ id groupNumber place resignBy endedAt endReason registeredAt
  events { number action resignBy endReason note actor { fullName } } }`;
const registerOn = `mutation ($input: RegisterOnBookInput!) { made: registerOnBook(input: $input) ${registration} }`;
const resignIt = `mutation ($id: ID!) { made: resignRegistration(id: $id) ${registration} }`;
const leaveIt = `mutation ($id: ID!) { made: leaveBook(id: $id) ${registration} }`;
const listOf = `query ($bookId: ID!, $at: DateTime, $first: Int! = 100, $after: Int! = 0) {
  list: outOfWorkList(bookId: $bookId, at: $at, first: $first, after: $after) {
    at totalCount entries { position registrationId fullName groupNumber homeLocal registeredAt resignBy isOwn }
  }
}`;

let local: Local;
let calendarId: string;
let count = 0;

beforeAll(async () => {
  local = await aLocal();
  local.clock.stop();
  turnTo('2026-03-02T15:00:00Z');
  const [row] = await local.sql('select id from holiday_calendars order by name limit 1');
  calendarId = row?.['id'] as string;
});

/** Turns the clock. Access tokens are of their time, so everyone signs in again. */
function turn(seconds: number): void {
  local.clock.turn(seconds);
  for (const username of ['admin', 'officer', 'staff', 'organizer', 'instructor', 'member', 'testuser'] as const)
    Object.assign(local, { [username]: new Actor(() => `${local.url}/graphql`, username) });
}

const turnTo = (instant: string): void => turn((Date.parse(instant) - local.clock.now().getTime()) / 1000);

const made = async (who: Actor, mutation: string, variables: object): Promise<{ id: string } & Record<string, unknown>> =>
  (await who.see<{ made: { id: string } & Record<string, unknown> }>(mutation, variables)).made;

const aBook = async (rules: object = { resignRule: 'EVERY_DAYS', resignDays: 30 }): Promise<string> =>
  (await made(local.officer, createBook, { input: { name: 'Wire', code: `W${(count += 1)}`, calendarId, ...rules } })).id;

const aTraveler = async (lastName = 'Traveler'): Promise<string> =>
  (await made(local.admin, addRegistrant, { input: { firstName: 'Toni', lastName, homeLocal: '46', phone: '555' } })).id;

const register = (bookId: string, registrantId: string, groupNumber = 1) =>
  made(local.officer, registerOn, { input: { bookId, registrantId, groupNumber, note: 'Home local' } });

const memberOf = async (username: string): Promise<string> => {
  const [row] = await local.sql(`select member_id from users where username = $1`, [username]);
  const memberId = row?.['member_id'] as string;
  const [known] = await local.sql('select id from registrants where member_id = $1', [memberId]);
  return (known?.['id'] as string | undefined) ?? (await made(local.admin, addRegistrant, { input: { memberId } })).id;
};

const list = async (bookId: string, args: object = {}, who: Actor = local.staff): Promise<List> =>
  (await who.see<{ list: List }>(listOf, { bookId, ...args })).list;

describe('a registration', () => {
  it('is at the bottom of its group, with an event and an audit event', async () => {
    turnTo('2026-03-02T15:00:00Z');
    const bookId = await aBook();
    const [one, two, three] = [await aTraveler('One'), await aTraveler('Two'), await aTraveler('Three')];
    const second = await register(bookId, two, 2);
    const first = await register(bookId, one, 1);
    local.clock.turn(1);
    await register(bookId, three, 1);
    expect(first).toMatchObject({
      place: 2,
      resignBy: '2026-04-01',
      endedAt: null,
      events: [{ number: 1, action: 'REGISTER', resignBy: '2026-04-01', endReason: null, note: 'Home local' }],
    });
    const { totalCount, entries } = await list(bookId);
    expect(totalCount).toBe(3);
    expect(entries.map(({ position, fullName }) => [position, fullName])).toEqual([
      [1, 'Toni One'],
      [2, 'Toni Three'],
      [3, 'Toni Two'],
    ]);
    const page = await list(bookId, { first: 1, after: 1 });
    expect([page.totalCount, page.entries.map(({ position }) => position)]).toEqual([3, [2]]);
    const events = await local.sql('select action from audit_events where target_id = $1', [second.id]);
    expect(events).toEqual([{ action: 'referral.register' }]);
  });

  it('is one at a time on a book', async () => {
    const [bookId, registrantId] = [await aBook(), await aTraveler()];
    const { id } = await register(bookId, registrantId);
    const again = await local.officer.ask(registerOn, { input: { bookId, registrantId, groupNumber: 1 } });
    expect(again.codes).toEqual(['CONFLICT']);
    const left = await made(local.officer, leaveIt, { id });
    expect(left).toMatchObject({ endReason: 'OWN_REQUEST', events: [{ action: 'REGISTER' }, { action: 'END', resignBy: null }] });
    for (const act of [leaveIt, resignIt]) expect((await local.officer.ask(act, { id })).codes).toEqual(['CONFLICT']);
    expect((await register(bookId, registrantId))['place']).toBe(2);
  });

  it('keeps its place when it is re-signed in time, and leaves the list the day after the last day', async () => {
    turnTo('2026-03-02T15:00:00Z');
    const [bookId, one, two] = [await aBook(), await aTraveler('One'), await aTraveler('Two')];
    const { id } = await register(bookId, one);
    await register(bookId, two);
    turnTo('2026-03-20T15:00:00Z');
    expect(await made(local.officer, resignIt, { id })).toMatchObject({ place: 1, resignBy: '2026-04-20' });
    // the last minute of April 1 in New York, and the next one
    turnTo('2026-04-02T03:59:59Z');
    expect((await list(bookId)).entries.map(({ fullName }) => fullName)).toEqual(['Toni One', 'Toni Two']);
    turnTo('2026-04-02T04:00:00Z');
    expect((await list(bookId)).entries.map(({ fullName }) => fullName)).toEqual(['Toni One']);
    expect((await local.officer.ask(registerOn, { input: { bookId, registrantId: two, groupNumber: 5 } })).codes).toEqual(['BAD_INPUT']);
    const second = await register(bookId, two);
    const [old] = await local.sql(`select end_reason from registrations where registrant_id = $1 and place = 2`, [two]);
    expect([second['place'], old]).toEqual([3, { end_reason: 'resign_missed' }]);
  });

  it('cannot be re-signed late, or outside of the window', async () => {
    turnTo('2026-03-02T15:00:00Z');
    const late = await register(await aBook(), await aTraveler());
    const early = await register(await aBook({ resignRule: 'MONTHLY_WINDOW', windowFrom: 10, windowTo: 16 }), await aTraveler());
    expect((await local.officer.ask(resignIt, { id: early.id })).errors[0]?.extensions).toMatchObject({ state: 'WINDOW_CLOSED' });
    turnTo('2026-03-16T15:00:00Z');
    expect(await made(local.officer, resignIt, { id: early.id })).toMatchObject({ resignBy: '2026-04-16' });
    turnTo('2026-04-02T15:00:00Z');
    expect((await local.officer.ask(resignIt, { id: late.id })).errors[0]?.extensions).toMatchObject({ state: 'LAPSED' });
  });
});

it('the list at an instant is the list that was shown then', async () => {
  turnTo('2026-01-05T15:00:00Z');
  const bookId = await aBook({ resignRule: 'EVERY_DAYS', resignDays: 10 });
  const registrants = await Promise.all(['A', 'B', 'C', 'D', 'E', 'F'].map((name) => aTraveler(name)));
  const [open, shown] = [new Map<string, string>(), [] as List[]];
  for (let step = 0; step < 48; step += 1) {
    const registrantId = registrants[(step * 5 + (step >> 2)) % registrants.length] as string;
    const id = open.get(registrantId);
    const [mutation, variables] =
      id === undefined
        ? [registerOn, { input: { bookId, registrantId, groupNumber: (step % 3) + 1 } }]
        : [step % 4 === 0 ? leaveIt : resignIt, { id }];
    const { codes, data } = await local.officer.ask<{ made: { id: string } }>(mutation, variables);
    if (codes.length > 0 || mutation === leaveIt) open.delete(registrantId);
    else open.set(registrantId, data.made.id);
    shown.push(await list(bookId));
    turn(3600 * (step % 5 === 0 ? 130 : 7));
  }
  expect(new Set(shown.map(({ totalCount }) => totalCount)).size).toBeGreaterThan(3);
  for (const then of shown) expect(await list(bookId, { at: then.at })).toEqual(then);
});

describe('who sees the list', () => {
  it('a member on the book sees the whole list, or only their own line if the book says so', async () => {
    for (const listToRegistrants of ['FULL', 'POSITION']) {
      const bookId = await aBook({ resignRule: 'EVERY_DAYS', resignDays: 30, listToRegistrants });
      await register(bookId, await aTraveler());
      const { id } = await register(bookId, await memberOf('member'));
      const { totalCount, entries } = await list(bookId, {}, local.member);
      expect(totalCount).toBe(2);
      expect(entries.map(({ position, isOwn }) => [position, isOwn])).toEqual(
        listToRegistrants === 'FULL'
          ? [
              [1, false],
              [2, true],
            ]
          : [[2, true]],
      );
      expect((await local.testuser.ask(listOf, { bookId })).codes).toEqual(['NOT_FOUND']);
      expect((await local.testuser.ask(leaveIt, { id })).codes).toEqual(['NOT_FOUND']);
      expect(await made(local.member, leaveIt, { id })).toMatchObject({ endReason: 'OWN_REQUEST' });
      expect((await local.member.ask(listOf, { bookId })).codes).toEqual(['NOT_FOUND']);
    }
  });

  it('no organizer or instructor does, and staff cannot register', async () => {
    const bookId = await aBook();
    for (const who of [local.organizer, local.instructor]) expect((await who.ask(listOf, { bookId })).codes).toEqual(['FORBIDDEN']);
    const input = { bookId, registrantId: await aTraveler(), groupNumber: 1 };
    for (const who of [local.staff, local.member]) expect((await who.ask(registerOn, { input })).codes).toEqual(['FORBIDDEN']);
  });

  it('reports every wrong argument', async () => {
    const wrong = { bookId: 'x', at: '2999-01-01T00:00:00Z', first: 0, after: -1 };
    const { errors } = await local.staff.ask(listOf, wrong);
    const paths = ['bookId', 'at', 'first', 'after'];
    expect(errors[0]?.extensions['fields']).toEqual(paths.map((path) => ({ path, message: expect.any(String) })));
  });
});

it('an event cannot be changed or removed', async () => {
  await register(await aBook(), await aTraveler());
  for (const statement of ['update registration_events set number = 9', 'delete from registration_events'])
    await expect(local.sql(statement)).rejects.toThrow('append-only');
});
