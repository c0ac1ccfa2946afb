import type { Dossier, Kind } from './dossier.ts';
import { idOf, takenOverAt } from './id.ts';
import type { HolidayRow } from './row.ts';

/** The holidays in the local's agreements, with their dates in the years 2024 to 2027. */
const holidays: readonly (readonly [name: string, ...days: string[]])[] = [
  ["New Year's Day", '2024-01-01', '2025-01-01', '2026-01-01', '2027-01-01'],
  ['Good Friday', '2024-03-29', '2025-04-18', '2026-04-03', '2027-03-26'],
  ['Memorial Day', '2024-05-27', '2025-05-26', '2026-05-25', '2027-05-31'],
  // on a weekend in 2026 and 2027
  ['Independence Day (observed)', '2024-07-04', '2025-07-04', '2026-07-03', '2027-07-05'],
  ['Labor Day', '2024-09-02', '2025-09-01', '2026-09-07', '2027-09-06'],
  ['Veterans Day', '2024-11-11', '2025-11-11', '2026-11-11', '2027-11-11'],
  ['Thanksgiving Day', '2024-11-28', '2025-11-27', '2026-11-26', '2027-11-25'],
  ['Day after Thanksgiving', '2024-11-29', '2025-11-28', '2026-11-27', '2027-11-26'],
  ['Christmas Day', '2024-12-25', '2025-12-25', '2026-12-25', '2027-12-25'],
];

/** The days of the holidays. */
export const holidayDays: ReadonlySet<string> = new Set(holidays.flatMap(([, ...days]) => days));

const at = takenOverAt(0);

/** The id of the calendar, to which agreements refer. */
export const calendarId = idOf('holiday_calendars', 0, at);

export const calendarKind: Kind = { table: 'holiday_calendars', parts: ['holidays'] };

/** The calendar with the holidays of four years. */
export const calendarDossiers = (): readonly Dossier[] => [
  {
    holiday_calendars: [
      { id: calendarId, created_at: at, updated_at: at, deleted_at: null, name: 'Inside Agreement', workweek: [1, 2, 3, 4, 5] },
    ],
    holidays: holidays.flatMap(([name, ...days]) => days.map((day) => holidayRow(name, day))),
  },
];

const holidayRow = (name: string, day: string): HolidayRow => ({
  id: idOf('holidays', day, at),
  created_at: at,
  updated_at: at,
  calendar_id: calendarId,
  day,
  name,
});
