import { Check, Entity, ManyToOne, OneToMany, Property, Unique } from '@mikro-orm/decorators/legacy';
import { Collection, type Ref } from '@mikro-orm/core';
import { Field, Int, ObjectType, registerEnumType } from 'type-graphql';
import type { FieldProblem } from '../errors.ts';
import { Dated, Kept } from './record.ts';
import { DateScalar } from './scalars.ts';

export enum DayUnit {
  WORKING = 'working',
  CALENDAR = 'calendar',
}

registerEnumType(DayUnit, {
  name: 'DayUnit',
  description: 'The days that a time limit counts.',
  valuesConfig: {
    WORKING: { description: 'Days of the workweek that are not holidays.' },
    CALENDAR: { description: 'All days.' },
  },
});

/** The working days of an agreement's parties. */
export interface WorkingDays {
  /** ISO weekdays, 1 for Monday to 7 for Sunday. At least one. */
  readonly workweek: readonly number[];
  /** Days as `YYYY-MM-DD`. */
  readonly holidays: ReadonlySet<string>;
}

/** A time limit, and how the agreement counts it. */
export interface DayCount {
  /** At least 1. */
  readonly days: number;
  readonly unit: DayUnit;
  /** Whether the day of the event is day 1 of the limit. A limit in working days counts it only if it is one. */
  readonly firstDayCounts: boolean;
  /** Whether a limit in calendar days that ends on a day off moves to the next working day. */
  readonly rollsForward: boolean;
}

/** The range of a time limit in days. */
export const [fewestDays, mostDays] = [1, 365];

/** Monday to Friday. */
export const usualWorkweek: readonly number[] = [1, 2, 3, 4, 5];

const dayLength = 86_400_000;

/** The number of days since 1970-01-01. */
const numberOf = (day: string): number => Date.parse(`${day}T00:00:00Z`) / dayLength;
const dayOf = (number: number): string => new Date(number * dayLength).toISOString().slice(0, 10);

/** 1970-01-01 was a Thursday, weekday 4. */
const weekdayOf = (number: number): number => ((((number + 3) % 7) + 7) % 7) + 1;

/**
 * The day this many days after another day, or before it if `days` is negative. Limited to 0001-01-01 to 9999-12-31.
 */
export const plusDays = (day: string, days: number): string =>
  dayOf(Math.min(Math.max(numberOf(day) + days, firstDay), lastDay));

function isWorkingDay({ workweek, holidays }: WorkingDays, number: number): boolean {
  return workweek.includes(weekdayOf(number)) && !holidays.has(dayOf(number));
}

/**
 * Counts a time limit from the day of an event.
 * @param from the day of the event, as `YYYY-MM-DD`.
 * @returns the last day on which the limit is met. Null if that day is after 9999-12-31.
 */
export function dueDay(calendar: WorkingDays, from: string, count: DayCount): string | null {
  const start = numberOf(from);
  const due =
    count.unit === DayUnit.WORKING ? dueWorkingDay(calendar, start, count) : dueCalendarDay(calendar, start, count);
  return due > lastDay ? null : dayOf(due);
}

const [firstDay, lastDay] = [numberOf('0001-01-01'), numberOf('9999-12-31')];

function dueWorkingDay(calendar: WorkingDays, start: number, { days, firstDayCounts }: DayCount): number {
  let day = firstDayCounts ? start - 1 : start;
  for (let counted = 0; counted < days;) {
    day += 1;
    if (isWorkingDay(calendar, day)) counted += 1;
  }
  return day;
}

function dueCalendarDay(
  calendar: WorkingDays,
  start: number,
  { days, firstDayCounts, rollsForward }: DayCount,
): number {
  let day = start + days - (firstDayCounts ? 1 : 0);
  while (rollsForward && !isWorkingDay(calendar, day)) day += 1;
  return day;
}

/** Returns the problems of a number of days. */
export const dayCountProblems = (days: number): FieldProblem[] =>
  days < fewestDays || days > mostDays ? [{ path: 'days', message: `must be from ${fewestDays} to ${mostDays}` }] : [];

/** Returns the problems of a workweek. The table's check constraint has the same rule, except for repeated days. */
export function workweekProblems(workweek: readonly number[]): FieldProblem[] {
  if (workweek.length === 0) return [{ path: 'workweek', message: 'must have at least one day' }];
  if (workweek.some((day) => day < 1 || day > 7))
    return [{ path: 'workweek', message: 'must contain only days from 1 to 7' }];
  return new Set(workweek).size < workweek.length ? [{ path: 'workweek', message: 'must not repeat a day' }] : [];
}

/** A working-day calendar: a workweek, and the holidays that an agreement names. */
@ObjectType({
  description:
    'A working-day calendar: a workweek, and the holidays that an agreement names. Time limits are counted with it.',
  simpleResolvers: true,
})
@Entity({ tableName: 'holiday_calendars' })
@Unique({
  name: 'holiday_calendars_name_unique',
  expression: 'create unique index "holiday_calendars_name_unique" on "holiday_calendars" (lower("name"))',
})
@Check({ name: 'holiday_calendars_name_not_empty', expression: `name <> ''` })
@Check({
  name: 'holiday_calendars_workweek_days',
  expression: 'cardinality(workweek) > 0 and workweek <@ array[1, 2, 3, 4, 5, 6, 7]',
})
export class HolidayCalendar extends Kept {
  @Field(() => String, { description: 'The name. Unique, ignoring case.' })
  @Property({ type: 'string', length: 100, collation: 'C' })
  name: string;

  @Field(() => [Int], { description: 'The days of the workweek in order, from 1 for Monday to 7 for Sunday.' })
  @Property({ type: 'array', columnType: 'integer[]' })
  workweek: number[];

  @Field(() => [Holiday], { description: 'The holidays in order.' })
  @OneToMany({ entity: () => Holiday, mappedBy: 'calendar', orderBy: { day: 'asc' } })
  holidays = new Collection<Holiday>(this);

  constructor(facts: { name: string; workweek: readonly number[] }) {
    super();
    this.name = facts.name;
    this.workweek = [...facts.workweek].sort((one, other) => one - other);
  }
}

/** A day that is not a working day, whatever its weekday. */
@ObjectType({ description: 'A holiday of a calendar.', simpleResolvers: true })
@Entity({ tableName: 'holidays' })
@Unique({ properties: ['calendar', 'day'] })
@Check({ name: 'holidays_name_not_empty', expression: `name <> ''` })
export class Holiday extends Dated {
  @ManyToOne({ entity: () => HolidayCalendar, ref: true, deleteRule: 'restrict' })
  calendar: Ref<HolidayCalendar>;

  @Field(() => DateScalar, { description: 'The day of the holiday. A calendar has at most one holiday on a day.' })
  @Property({ type: 'date' })
  day: string;

  @Field(() => String, { description: 'The name.' })
  @Property({ type: 'string', length: 100 })
  name: string;

  constructor(facts: { calendar: Ref<HolidayCalendar>; day: string; name: string }) {
    super();
    this.calendar = facts.calendar;
    this.day = facts.day;
    this.name = facts.name;
  }
}
