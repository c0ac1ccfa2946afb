import { Holiday, HolidayCalendar } from '../entities/calendar.ts';
import { RoleName } from '../entities/role.ts';
import { everyRow } from '../entities/rule.ts';
import { ownAgreements } from './agreement.ts';
import { allow, anyone, rule, type Operations } from './rule.ts';

const { ADMIN, OFFICER, STAFF, ORGANIZER, INSTRUCTOR, MEMBER } = RoleName;

/** Anyone who knows the id of a calendar may count with it: the answer is a date, not a record. */
export const operations: Operations = {
  Query: { holidayCalendars: allow(...Object.values(RoleName)), dueDate: anyone },
  Mutation: {
    createHolidayCalendar: allow(ADMIN, OFFICER),
    addHoliday: allow(ADMIN, OFFICER),
    removeHoliday: allow(ADMIN, OFFICER),
  },
};

const ownCalendars = `select a.calendar_id from agreements a where a.deleted_at is null and a.id in (${ownAgreements})`;
const reading = { to: [ADMIN, OFFICER, STAFF, ORGANIZER, INSTRUCTOR], ...everyRow, see: 'everything' } as const;
const which = 'those of their current and former employers, and of employers in their grievances';

export const rows = [
  rule('HolidayCalendar', HolidayCalendar, [
    reading,
    { to: [MEMBER], which, rows: (row) => `${row}.id = any (array(${ownCalendars}))`, see: 'everything' },
  ]),
  rule('Holiday', Holiday, [
    reading,
    { to: [MEMBER], which, rows: (row) => `${row}.calendar_id = any (array(${ownCalendars}))`, see: 'everything' },
  ]),
];
