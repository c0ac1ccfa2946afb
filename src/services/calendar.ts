import { ref } from '@mikro-orm/postgresql';
import { ArgsType, Field, ID, InputType, Int } from 'type-graphql';
import { validate as isUuid } from 'uuid';
import {
  dayCountProblems,
  DayUnit,
  dueDay,
  Holiday,
  HolidayCalendar,
  usualWorkweek,
  workweekProblems,
} from '../entities/calendar.ts';
import { DateScalar } from '../entities/scalars.ts';
import { badInput, conflict, notFound } from '../errors.ts';
import { recordChange } from './audit/event.ts';
import { recountDeadlines } from './case/count-deadlines.ts';
import { assertNoProblems, findVisible, flush, parseInput } from './record/index.ts';
import { todayOf, type Scope } from './scope.ts';

@InputType({ description: 'A working-day calendar to create.' })
export class CreateHolidayCalendarInput {
  @Field(() => String, { description: 'The name, 1 to 100 characters. Unique, ignoring case.' })
  name!: string;

  @Field(() => [Int], {
    nullable: true,
    description: 'The days of the workweek, from 1 for Monday to 7 for Sunday. Defaults to Monday to Friday.',
  })
  workweek?: number[] | null;
}

@InputType({ description: 'A holiday to add to a calendar.' })
export class HolidayInput {
  @Field(() => DateScalar, { description: 'The day of the holiday. Must not be a holiday of the calendar yet.' })
  day!: string;

  @Field(() => String, { description: 'The name, 1 to 100 characters.' })
  name!: string;
}

@ArgsType()
export class DueDateArgs {
  @Field(() => ID, { description: 'The id of the calendar.' })
  calendarId!: string;

  @Field(() => DateScalar, { description: 'The day of the event from which the limit counts.' })
  from!: string;

  @Field(() => Int, { description: 'The number of days, from 1 to 365.' })
  days!: number;

  @Field(() => DayUnit, { description: 'The days that the limit counts.' })
  dayUnit!: DayUnit;

  @Field(() => Boolean, {
    defaultValue: false,
    description:
      'Whether the day of the event is day 1. A limit in working days counts that day only if it is a working day.',
  })
  firstDayCounts!: boolean;

  @Field(() => Boolean, {
    defaultValue: true,
    description: 'Whether a limit in calendar days that ends on a day off ends on the next working day instead.',
  })
  rollsForward!: boolean;
}

/**
 * Creates a calendar without holidays.
 * @returns its id.
 * @throws BAD_INPUT with every problem, or if the name is taken.
 */
export async function createCalendar(scope: Scope, { name, workweek }: CreateHolidayCalendarInput): Promise<string> {
  const days = workweek ?? usualWorkweek;
  const { values, problems } = parseInput(scope, HolidayCalendar, { name });
  assertNoProblems([...problems, ...workweekProblems(days)]);
  const calendar = new HolidayCalendar({ name: values.name, workweek: days });
  scope.em.persist(calendar);
  recordChange(scope, { action: 'calendar.create', targetType: 'HolidayCalendar', targetId: calendar.id });
  await flush(scope, { holiday_calendars_name_unique: 'input.name' });
  return calendar.id;
}

/**
 * Adds a holiday to a calendar.
 * @returns the calendar's id.
 * @throws BAD_INPUT with every problem, or if the calendar has a holiday on that day; NOT_FOUND; CONFLICT if the day
 * has begun and an agreement uses the calendar.
 */
export async function addHoliday(scope: Scope, calendarId: string, input: HolidayInput): Promise<string> {
  const { values, problems } = parseInput(scope, Holiday, input);
  assertNoProblems(problems);
  return scope.transaction(async (tx) => {
    const calendar = await findVisible(tx, HolidayCalendar, calendarId, { path: 'calendarId', isHeld: true });
    await assertChangeable(tx, calendar, values.day);
    const holiday = new Holiday({ ...values, calendar: ref(calendar) });
    tx.em.persist(holiday);
    recordChange(tx, { action: 'calendar.add_holiday', targetType: 'Holiday', targetId: holiday.id });
    await flush(tx, { holidays_calendar_id_day_unique: 'input.day' });
    await recountDeadlines(tx, calendar.id);
    return calendar.id;
  });
}

/**
 * Removes a holiday from its calendar.
 * @returns the calendar's id.
 * @throws BAD_INPUT if the id is malformed; NOT_FOUND; CONFLICT if the day has begun and an agreement uses the
 * calendar.
 */
export async function removeHoliday(scope: Scope, id: string): Promise<string> {
  return scope.transaction(async (tx) => {
    const seen = await findVisible(tx, Holiday, id);
    // locks the calendar first, as adding a holiday does
    const calendar = await findVisible(tx, HolidayCalendar, seen.calendar.id, { isHeld: true });
    const holiday = await findVisible(tx, Holiday, id, { isHeld: true });
    await assertChangeable(tx, calendar, holiday.day);
    tx.em.remove(holiday);
    recordChange(tx, { action: 'calendar.remove_holiday', targetType: 'Holiday', targetId: holiday.id });
    await flush(tx);
    await recountDeadlines(tx, calendar.id);
    return calendar.id;
  });
}

/**
 * Expects the calendar's row to be locked. @throws CONFLICT if the day has begun and an agreement uses the calendar.
 */
async function assertChangeable(scope: Scope, calendar: HolidayCalendar, day: string): Promise<void> {
  if (day > todayOf(scope)) return;
  const [used] = await scope.em.execute<object[]>(
    'select from agreements where calendar_id = ? and deleted_at is null limit 1',
    [calendar.id],
  );
  if (used) throw conflict('An agreement uses the calendar: only holidays after today can change.', 'IN_USE', []);
}

/**
 * Counts a time limit with a calendar. Open to every caller, even one who may not list calendars.
 * @returns the due date.
 * @throws BAD_INPUT with every problem; NOT_FOUND if the calendar does not exist.
 */
export async function dueDate(scope: Scope, { calendarId, from, dayUnit, ...count }: DueDateArgs): Promise<string> {
  const problems = dayCountProblems(count.days);
  if (!isUuid(calendarId)) problems.unshift({ path: 'calendarId', message: 'must be a UUID' });
  if (problems.length > 0) throw badInput(...problems);
  const [calendar] = await scope.run(
    `select c.workweek, array(select to_char(h.day, 'YYYY-MM-DD') from holidays h where h.calendar_id = c.id and h.day >= $2) as holidays
     from holiday_calendars c where c.id = $1 and c.deleted_at is null`,
    [calendarId, from],
  );
  if (calendar === undefined) throw notFound();
  const { workweek, holidays } = calendar as { workweek: number[]; holidays: string[] };
  const due = dueDay({ workweek, holidays: new Set(holidays) }, from, { ...count, unit: dayUnit });
  if (due === null)
    throw badInput({ path: 'from', message: 'must be early enough for a due date in the year 9999 or before' });
  return due;
}

/** The working-day calendars. Every change returns the calendar's id. */
export const calendars = { create: createCalendar, addHoliday, removeHoliday, dueDate };
