/** The day on which the seeded local lives: everything it has done was done before it. */
export const anchorDate = '2026-03-31';

const dayLength = 86_400_000;

/** The day this many days before the anchor. */
export const daysAgo = (days: number): string => plusDays(anchorDate, -days);

/** The day this many days after another (or before it, where negative). */
export const plusDays = (day: string, days: number): string => dayOf(new Date(midnight(day) + days * dayLength));

/** The day itself, or the Monday after it where it is on a weekend. */
export function workday(day: string): string {
  const weekday = new Date(midnight(day)).getUTCDay();
  if (weekday === 6) return plusDays(day, 2);
  return weekday === 0 ? plusDays(day, 1) : day;
}

/** How many days the second day is after the first. */
export const daysBetween = (from: string, to: string): number => (midnight(to) - midnight(from)) / dayLength;

/** An instant on the day, in minutes from ten in the morning (Eastern Standard Time), so that it is the same day there and in UTC. */
export const instantOn = (day: string, minutes: number): Date => new Date(midnight(day) + (15 * 60 + minutes) * 60_000);

export const yearOf = (day: string): number => Number(day.slice(0, 4));

const midnight = (day: string): number => Date.parse(`${day}T00:00:00Z`);
const dayOf = (instant: Date): string => instant.toISOString().slice(0, 10);
