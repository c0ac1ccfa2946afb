/** The present day of the seeded local. All its records are older. */
export const anchorDate = '2026-03-31';

const dayLength = 86_400_000;

/** Returns the day this many days before the anchor. */
export const daysAgo = (days: number): string => plusDays(anchorDate, -days);

/** Returns the day this many days after another, or before it for a negative number. */
export const plusDays = (day: string, days: number): string => dayOf(countOf(day) + days);

/** Returns the day itself, or the following Monday if it is on a weekend. */
export function workday(day: string): string {
  const count = countOf(day);
  const sinceMonday = (((count + 3) % 7) + 7) % 7;
  return sinceMonday < 5 ? day : dayOf(count + 7 - sinceMonday);
}

/** Returns the number of days from the first day to the second. */
export const daysBetween = (from: string, to: string): number => countOf(to) - countOf(from);

/**
 * Returns an instant on the day, in minutes from 10:00 Eastern Standard Time, so that the day is the same there and in
 * UTC.
 */
export const instantOn = (day: string, minutes: number): Date => new Date(countOf(day) * dayLength + (15 * 60 + minutes) * 60_000);

export const yearOf = (day: string): number => Number(day.slice(0, 4));

/** Days since 1970 by date, and dates by days. The seeds use few dates, and a lookup is faster than computing them. */
const counts = new Map<string, number>();
const days = new Map<number, string>();

function countOf(day: string): number {
  return counts.get(day) ?? note(Date.parse(`${day}T00:00:00Z`) / dayLength, day).count;
}

function dayOf(count: number): string {
  return days.get(count) ?? note(count, new Date(count * dayLength).toISOString().slice(0, 10)).day;
}

function note(count: number, day: string): { count: number; day: string } {
  counts.set(day, count);
  days.set(count, day);
  return { count, day };
}
