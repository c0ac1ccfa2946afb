import { beforeAll, describe, expect, it } from '@jest/globals';
import { DayUnit, dueDay, type DayCount } from '../src/entities/calendar.ts';
import { aLocal, type Local } from './support/local.ts';

const { WORKING, CALENDAR } = DayUnit;
const absent = '01900000-0000-7000-8000-00000000dead';

describe('a time limit', () => {
  const holidays = new Set(['2026-01-01', '2026-04-03', '2026-05-25', '2026-07-03', '2026-12-25', '2027-01-01']);
  const usual = { workweek: [1, 2, 3, 4, 5], holidays };
  const due = (
    from: string,
    days: number,
    unit: DayUnit,
    { calendar = usual, ...more }: Partial<DayCount> & { calendar?: typeof usual } = {},
  ) => dueDay(calendar, from, { days, unit, firstDayCounts: false, rollsForward: true, ...more });

  it.each([
    ['2026-03-06', 10, WORKING, {}, '2026-03-20'],
    ['2026-03-06', 10, WORKING, { firstDayCounts: true }, '2026-03-19'],
    ['2026-03-06', 10, CALENDAR, {}, '2026-03-16'],
    ['2026-03-06', 15, CALENDAR, {}, '2026-03-23'],
    ['2026-03-06', 15, CALENDAR, { rollsForward: false }, '2026-03-21'],
    ['2026-03-12', 10, WORKING, {}, '2026-03-26'],
    ['2026-03-20', 7, CALENDAR, {}, '2026-03-27'],
    ['2026-03-24', 5, WORKING, {}, '2026-03-31'],
    ['2026-03-31', 7, CALENDAR, {}, '2026-04-07'],
  ])('from %s of %i %s days %j ends on the expected day', (from, days, unit, more, day) => {
    expect(due(from, days, unit, more)).toBe(day);
  });

  it('counts from the next working day after an event on a day off, whether or not the first day counts', () => {
    for (const firstDayCounts of [false, true]) expect(due('2026-03-07', 10, WORKING, { firstDayCounts })).toBe('2026-03-20');
  });

  it('skips a holiday', () => {
    expect(due('2026-03-26', 10, WORKING)).toBe('2026-04-10');
    expect(due('2026-03-26', 10, WORKING, { calendar: { ...usual, holidays: new Set() } })).toBe('2026-04-09');
    expect(due('2026-03-24', 5, WORKING, { calendar: { ...usual, holidays: new Set(['2026-03-31']) } })).toBe('2026-04-01');
  });

  it('ends after consecutive days off', () => {
    expect(due('2026-03-27', 7, CALENDAR)).toBe('2026-04-06'); // Good Friday, Saturday, Sunday
    expect(due('2026-03-27', 7, CALENDAR, { firstDayCounts: true })).toBe('2026-04-02');
  });

  it('counts across the end of a year and a leap day', () => {
    expect(due('2026-12-24', 5, WORKING)).toBe('2027-01-04');
    expect(due('2028-02-28', 1, WORKING)).toBe('2028-02-29');
    expect(due('2028-02-28', 2, CALENDAR)).toBe('2028-03-01');
    expect(due('2027-02-26', 2, CALENDAR, { rollsForward: false })).toBe('2027-02-28');
    expect(due('2100-02-28', 1, CALENDAR, { rollsForward: false })).toBe('2100-03-01');
  });

  it('uses another workweek', () => {
    const weekends = { workweek: [6, 7], holidays: new Set<string>() };
    expect(due('2026-03-06', 3, WORKING, { calendar: weekends })).toBe('2026-03-14');
    expect(due('2026-03-06', 3, CALENDAR, { calendar: weekends })).toBe('2026-03-14');
  });

  it('of one day that includes the day of the event ends on that day', () => {
    for (const unit of [WORKING, CALENDAR]) expect(due('2026-03-06', 1, unit, { firstDayCounts: true })).toBe('2026-03-06');
  });

  it('has no due date after the last day that a date can hold', () => {
    expect(due('9999-12-30', 1, CALENDAR, { rollsForward: false })).toBe('9999-12-31');
    expect(due('9999-12-31', 1, CALENDAR)).toBeNull();
    expect(due('9999-12-31', 365, WORKING)).toBeNull();
    expect(due('0001-01-01', 1, CALENDAR)).toBe('0001-01-02');
  });
});

describe('a calendar', () => {
  const create = 'mutation ($input: CreateHolidayCalendarInput!) { made: createHolidayCalendar(input: $input) { id name workweek } }';
  const add = `mutation ($calendarId: ID!, $input: HolidayInput!) {
    made: addHoliday(calendarId: $calendarId, input: $input) { id holidays { id day name } }
  }`;
  const remove = 'mutation ($id: ID!) { made: removeHoliday(id: $id) { id holidays { day } } }';
  const count = `query ($calendarId: ID!, $from: Date!, $days: Int!, $dayUnit: DayUnit!, $firstDayCounts: Boolean, $rollsForward: Boolean) {
    dueDate(calendarId: $calendarId, from: $from, days: $days, dayUnit: $dayUnit, firstDayCounts: $firstDayCounts, rollsForward: $rollsForward)
  }`;
  type Made = { made: { id: string; workweek: number[]; holidays: { id: string; day: string; name: string }[] } };

  let local: Local;
  let seededId: string;

  beforeAll(async () => {
    local = await aLocal();
    const [row] = await local.sql(`select id from holiday_calendars where name = 'Inside Agreement'`);
    seededId = row?.['id'] as string;
  });

  const events = async (id: string) =>
    (await local.sql('select action from audit_events where target_id = $1 order by id', [id])).map(({ action }) => action);

  it('is created with its workweek in order, Monday to Friday by default', async () => {
    const { made } = await local.officer.see<Made>(create, { input: { name: ' Outside ', workweek: [7, 1, 3] } });
    expect(made).toMatchObject({ name: 'Outside', workweek: [1, 3, 7] });
    expect(await events(made.id)).toEqual(['calendar.create']);
    const usual = await local.admin.see<Made>(create, { input: { name: 'Usual', workweek: null } });
    expect(usual.made.workweek).toEqual([1, 2, 3, 4, 5]);
  });

  it('is refused with every problem, and a name that is taken ignoring case', async () => {
    const fields = async (input: object) => (await local.admin.ask(create, { input })).errors[0]?.extensions['fields'];
    expect(await fields({ name: ' ', workweek: [] })).toEqual([
      { path: 'input.name', message: 'must not be empty' },
      { path: 'input.workweek', message: 'must have at least one day' },
    ]);
    expect(await fields({ name: 'x'.repeat(101), workweek: [0, 1] })).toEqual([
      { path: 'input.name', message: 'must have at most 100 characters' },
      { path: 'input.workweek', message: 'must contain only days from 1 to 7' },
    ]);
    expect(await fields({ name: 'Twice', workweek: [1, 1] })).toEqual([{ path: 'input.workweek', message: 'must not repeat a day' }]);
    expect(await fields({ name: 'INSIDE agreement' })).toEqual([{ path: 'input.name', message: 'is taken' }]);
    expect(await local.sql(`select id from holiday_calendars where name in ('Twice', 'INSIDE agreement')`)).toEqual([]);
  });

  it('gains and loses holidays, which move due dates', async () => {
    const { made } = await local.admin.see<Made>(create, { input: { name: 'Moving' } });
    const limit = { calendarId: made.id, from: '2026-03-24', days: 5, dayUnit: 'WORKING' };
    const day = async () => (await local.anonymous.see<{ dueDate: string }>(count, limit)).dueDate;
    expect(await day()).toBe('2026-03-31');
    const added = await local.officer.see<Made>(add, { calendarId: made.id, input: { day: '2026-03-31', name: ' Founding Day ' } });
    const [holiday] = added.made.holidays;
    expect(holiday).toMatchObject({ day: '2026-03-31', name: 'Founding Day' });
    expect(await day()).toBe('2026-04-01');
    const again = await local.officer.ask(add, { calendarId: made.id, input: { day: '2026-03-31', name: 'Again' } });
    expect(again.errors[0]?.extensions['fields']).toEqual([{ path: 'input.day', message: 'is taken' }]);
    expect(await local.officer.see<Made>(remove, { id: holiday?.id })).toEqual({ made: { id: made.id, holidays: [] } });
    expect(await day()).toBe('2026-03-31');
    expect(await events(holiday?.id ?? '')).toEqual(['calendar.add_holiday', 'calendar.remove_holiday']);
    expect((await local.officer.ask(remove, { id: holiday?.id })).codes).toEqual(['NOT_FOUND']);
  });

  it('is changed by admins and officers, and only if it exists', async () => {
    const input = { day: '2031-07-04', name: 'Independence Day' };
    expect((await local.staff.ask(add, { calendarId: seededId, input })).codes).toEqual(['FORBIDDEN']);
    expect((await local.staff.ask(create, { input: { name: 'Staff' } })).codes).toEqual(['FORBIDDEN']);
    expect((await local.admin.ask(add, { calendarId: absent, input })).codes).toEqual(['NOT_FOUND']);
    expect((await local.admin.ask(remove, { id: absent })).codes).toEqual(['NOT_FOUND']);
    expect((await local.admin.ask(add, { calendarId: 'x', input })).codes).toEqual(['BAD_INPUT']);
    expect((await local.admin.ask(remove, { id: 'x' })).codes).toEqual(['BAD_INPUT']);
  });

  it('of the seeds lists its holidays for the office, and counts for every caller', async () => {
    type Listed = { holidayCalendars: { name: string; holidays: { day: string }[] }[] };
    const { holidayCalendars } = await local.staff.see<Listed>('{ holidayCalendars { name holidays { day } } }');
    const days = holidayCalendars.find(({ name }) => name === 'Inside Agreement')?.holidays.map(({ day }) => day) ?? [];
    expect(days).toHaveLength(36);
    expect(days).toEqual([...days].sort());
    const limit = { calendarId: seededId, from: '2026-03-26', days: 10, dayUnit: 'WORKING' };
    for (const caller of [local.anonymous, local.member, local.organizer, local.admin])
      expect(await caller.see(count, limit)).toEqual({ dueDate: '2026-04-10' });
    const fifteen = { ...limit, from: '2026-03-06', days: 15, dayUnit: 'CALENDAR' };
    expect(await local.member.see(count, fifteen)).toEqual({ dueDate: '2026-03-23' });
    expect(await local.member.see(count, { ...fifteen, rollsForward: false })).toEqual({ dueDate: '2026-03-21' });
    expect(await local.member.see(count, { ...limit, from: '2026-03-06', firstDayCounts: true })).toEqual({ dueDate: '2026-03-19' });
  });

  it('refuses to count invalid periods', async () => {
    const limit = { calendarId: seededId, from: '2026-03-26', days: 10, dayUnit: 'WORKING' };
    const fields = async (change: object) => (await local.anonymous.ask(count, { ...limit, ...change })).errors[0]?.extensions['fields'];
    const range = { path: 'days', message: 'must be from 1 to 365' };
    for (const days of [0, -1, 366]) expect(await fields({ days })).toEqual([range]);
    expect(await fields({ calendarId: 'x', days: 0 })).toEqual([{ path: 'calendarId', message: 'must be a UUID' }, range]);
    expect(await fields({ from: '9999-12-31' })).toEqual([
      { path: 'from', message: 'must be early enough for a due date in the year 9999 or before' },
    ]);
    expect((await local.anonymous.ask(count, { ...limit, calendarId: absent })).codes).toEqual(['NOT_FOUND']);
    await local.sql(`insert into holiday_calendars (id, created_at, updated_at, deleted_at, name, workweek)
      values ('${absent}', now(), now(), now(), 'Deleted', '{1}')`);
    expect((await local.anonymous.ask(count, { ...limit, calendarId: absent })).codes).toEqual(['NOT_FOUND']);
    expect((await local.admin.ask(add, { calendarId: absent, input: { day: '2031-07-04', name: 'No' } })).codes).toEqual(['NOT_FOUND']);
  });
});
