import { expect, it } from '@jest/globals';
import fc from 'fast-check';
import { DayUnit, dueDay, type DayCount, type WorkingDays } from '../src/entities/calendar.ts';

/** Counts with a list of all days and the platform's dates. Shares no code with the service. */
function dueByList({ workweek, holidays }: WorkingDays, from: string, { days, unit, firstDayCounts, rollsForward }: DayCount): string {
  const [year, month, day] = from.split('-').map(Number) as [number, number, number];
  // enough weeks if every holiday is on a workday
  const length = 7 * (Math.ceil((days + holidays.size + 2) / workweek.length) + 2);
  const off = new Set([...holidays].map((text) => Date.parse(text)));
  const all = Array.from({ length }, (_, place) => {
    const time = Date.UTC(year, month - 1, day + place);
    return { time, isWorking: workweek.includes(new Date(time).getUTCDay() || 7) && !off.has(time) };
  });
  const counted = all.slice(firstDayCounts ? 0 : 1);
  const rest = unit === DayUnit.WORKING ? counted.filter(({ isWorking }) => isWorking).slice(days - 1) : counted.slice(days - 1);
  const due = unit === DayUnit.WORKING || !rollsForward ? rest[0] : rest.find(({ isWorking }) => isWorking);
  return due === undefined ? '' : new Date(due.time).toISOString().slice(0, 10);
}

const addDays = (day: string, days: number): string => new Date(Date.parse(day) + days * 86_400_000).toISOString().slice(0, 10);

/** Counts the working days between two days: whole weeks by multiplication, the rest by weekday, minus the holidays. */
function workingDaysAfter({ workweek, holidays }: WorkingDays, after: string, to: string): number {
  const length = Math.round((Date.parse(to) - Date.parse(after)) / 86_400_000);
  const isIn = (day: string) => workweek.includes(new Date(day).getUTCDay() || 7);
  let count = Math.floor(length / 7) * workweek.length;
  for (let place = 0; place < length % 7; place += 1) if (isIn(addDays(to, -place))) count += 1;
  return count - [...holidays].filter((day) => day > after && day <= to && isIn(day)).length;
}

const cases = fc
  .record({
    start: fc.integer({ min: Date.UTC(1970, 0, 1) / 86_400_000, max: Date.UTC(2110, 0, 1) / 86_400_000 }),
    workweek: fc.uniqueArray(fc.integer({ min: 1, max: 7 }), { minLength: 1, maxLength: 7 }),
    // either close together, so that many are adjacent, or spread over the whole time
    holidays: fc.oneof(
      fc.uniqueArray(fc.integer({ min: -3, max: 30 }), { maxLength: 20 }),
      fc.uniqueArray(fc.integer({ min: -3, max: 900 }), { maxLength: 40 }),
    ),
    days: fc.oneof(fc.integer({ min: 1, max: 20 }), fc.integer({ min: 1, max: 365 })),
    unit: fc.constantFrom(DayUnit.WORKING, DayUnit.CALENDAR),
    firstDayCounts: fc.boolean(),
    rollsForward: fc.boolean(),
  })
  .map(({ start, workweek, holidays, ...count }) => {
    const from = addDays('1970-01-01', start);
    return { from, calendar: { workweek, holidays: new Set(holidays.map((after) => addDays(from, after))) }, count };
  });

/** Set `CALENDAR_SEED=$RANDOM npm run test:full -- test/calendar` to count other cases. */
const chosen = Number(process.env['CALENDAR_SEED'] ?? 2);

it.each([
  [1, 25_000],
  [20_260_331, 25_000],
  [chosen, 50_000],
])('counts like two other implementations (seed %i, %i cases)', (seed, numRuns) => {
  fc.assert(
    fc.property(cases, ({ from, calendar, count }) => {
      const due = dueDay(calendar, from, count);
      const after = count.firstDayCounts ? addDays(from, -1) : from;
      // compared without matchers first, because they take longer than the counting
      const listed = dueByList(calendar, from, count);
      if (due !== listed) expect(due).toBe(listed);
      if (count.unit !== DayUnit.WORKING || due === null) return;
      const counted = workingDaysAfter(calendar, after, due);
      if (counted !== count.days) expect(counted).toBe(count.days);
      const before = workingDaysAfter(calendar, after, addDays(due, -1));
      if (before !== count.days - 1) expect(before).toBe(count.days - 1);
    }),
    { seed, numRuns },
  );
});
