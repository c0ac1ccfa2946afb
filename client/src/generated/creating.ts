/** The mutations that support the idempotency-key header. */
export const creating: ReadonlySet<string> = new Set([
  'addHoliday',
  'applyForBenevolence',
  'createHolidayCalendar',
  'createMember',
  'createOrganization',
  'createOrganizationContact',
  'createRole',
  'createUser',
  'fileGrievance',
  'logSaltingActivity',
  'recordGrievanceStep',
  'reviewBenevolence',
  'startEmployment',
]);
