import { Holiday, HolidayCalendar } from '../entities/calendar.ts';
import { RoleName } from '../entities/role.ts';
import { everyRow } from '../entities/rule.ts';
import { allow, anyone, rule, type Operations } from './rule.ts';

const { ADMIN, OFFICER, STAFF } = RoleName;

/** Anyone may count with a calendar whose id they know: the answer is a date, and no record. */
export const operations: Operations = {
  Query: { holidayCalendars: allow(ADMIN, OFFICER, STAFF), dueDate: anyone },
  Mutation: {
    createHolidayCalendar: allow(ADMIN, OFFICER),
    addHoliday: allow(ADMIN, OFFICER),
    removeHoliday: allow(ADMIN, OFFICER),
  },
};

export const rows = [
  rule('HolidayCalendar', HolidayCalendar, [{ to: [ADMIN, OFFICER, STAFF], ...everyRow, see: 'everything' }]),
  rule('Holiday', Holiday, [{ to: [ADMIN, OFFICER, STAFF], ...everyRow, see: 'everything' }]),
];
