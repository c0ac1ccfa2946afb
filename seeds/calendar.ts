/** The day on which the seeded local lives: everything it has done was done before it. */
export const anchorDate = '2026-03-31';

const dayLength = 86_400_000;

/** The day this many days before the anchor. */
export const daysAgo = (days: number): string => plusDays(anchorDate, -days);

/** The day this many days after another (or before it, where negative). */
export const plusDays = (day: string, days: number): string => dayOf(countOf(day) + days);

/** The day itself, or the Monday after it where it is on a weekend. */
export function workday(day: string): string {
  const count = countOf(day);
  const sinceMonday = (((count + 3) % 7) + 7) % 7;
  return sinceMonday < 5 ? day : dayOf(count + 7 - sinceMonday);
}

/** How many days the second day is after the first. */
export const daysBetween = (from: string, to: string): number => countOf(to) - countOf(from);

/** An instant on the day, in minutes from ten in the morning (Eastern Standard Time), so that it is the same day there and in UTC. */
export const instantOn = (day: string, minutes: number): Date => new Date(countOf(day) * dayLength + (15 * 60 + minutes) * 60_000);

export const yearOf = (day: string): number => Number(day.slice(0, 4));

/** Days since 1970 by their names and the names by the days: a lifetime has few of them, and to compute one takes longer than to look it up. */
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
