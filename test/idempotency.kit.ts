import { day, does, value, type ApplicationAnswer, type GrievanceAnswer } from './case.kit.ts';
import type { Actor, Answer, Local } from './support/local.ts';

type Variables = Readonly<Record<string, unknown>> & { readonly input: Readonly<Record<string, unknown>> };

/** A creating mutation, and how it is called. */
export interface Creation {
  readonly name: string;
  readonly who: 'admin' | 'staff' | 'organizer' | 'vp';
  readonly form: string;
  /** The table of its rows, and the action of its audit events. */
  readonly table: string;
  readonly action: string;
  readonly fresh: (makings: Makings) => Variables | Promise<Variables>;
  /** Other valid arguments. */
  readonly otherwise: (variables: Variables) => Variables;
  /** Invalid arguments. */
  readonly wrongly: (variables: Variables) => Variables;
}

const changed =
  (change: object) =>
  (variables: Variables): Variables => ({ ...variables, input: { ...variables.input, ...change } });

const inputOf = (type: string): string => `$input: ${type}!`;

/** All idempotent mutations. */
export const creations: readonly Creation[] = [
  {
    name: 'createUser',
    who: 'admin',
    form: inputOf('CreateUserInput'),
    table: 'users',
    action: 'user.create',
    fresh: (makings) => {
      const name = makings.word('hand');
      return { input: { username: name, email: `${name}@site.test`, firstName: 'Nora', lastName: 'Hand', roleIds: [] } };
    },
    otherwise: changed({ firstName: 'Nell' }),
    wrongly: changed({ email: 'nowhere' }),
  },
  {
    name: 'createRole',
    who: 'admin',
    form: inputOf('CreateRoleInput'),
    table: 'roles',
    action: 'role.create',
    fresh: (makings) => ({ input: { name: makings.word('steward'), displayName: 'Steward', basedOn: 'STAFF' } }),
    otherwise: changed({ basedOn: 'OFFICER' }),
    wrongly: changed({ name: 'No Name' }),
  },
  {
    name: 'createOrganization',
    who: 'staff',
    form: inputOf('CreateOrganizationInput'),
    table: 'organizations',
    action: 'organization.create',
    fresh: (makings) => ({ input: { name: makings.word('Works'), orgType: 'EMPLOYER', unitSize: 40 } }),
    otherwise: changed({ unitSize: 41 }),
    wrongly: changed({ unitSize: 0 }),
  },
  {
    name: 'createOrganizationContact',
    who: 'staff',
    form: '$organizationId: ID!, $input: OrganizationContactInput!',
    table: 'organization_contacts',
    action: 'organization.add_contact',
    fresh: ({ employerId: organizationId }) => ({ organizationId, input: { firstName: 'Ana', lastName: 'Ruiz', isPrimary: true } }),
    otherwise: changed({ isPrimary: false }),
    wrongly: changed({ lastName: '' }),
  },
  {
    name: 'createMember',
    who: 'staff',
    form: inputOf('CreateMemberInput'),
    table: 'members',
    action: 'member.create',
    fresh: (makings) => ({
      input: { memberNumber: makings.word('N'), firstName: 'Ola', lastName: 'Berg', classification: 'FOREMAN', hireDate: '2020-03-01' },
    }),
    otherwise: changed({ hireDate: '2020-03-02' }),
    wrongly: changed({ memberNumber: '-' }),
  },
  {
    name: 'startEmployment',
    who: 'staff',
    form: '$memberId: ID!, $input: EmploymentInput!',
    table: 'member_employments',
    action: 'member.start_employment',
    fresh: ({ memberId, employerId: organizationId }) => ({
      memberId,
      input: { organizationId, startDate: '2021-01-04', endDate: '2021-02-01', hourlyRate: '31.50' },
    }),
    otherwise: changed({ hourlyRate: '31.51' }),
    wrongly: changed({ endDate: '2020-02-01' }),
  },
  {
    name: 'addMemberNote',
    who: 'staff',
    form: inputOf('AddMemberNoteInput'),
    table: 'member_notes',
    action: 'member_note.add',
    fresh: ({ memberId }) => ({ input: { memberId, text: 'Called about dues.', visibility: 'OFFICE', category: 'DUES' } }),
    otherwise: changed({ text: 'Called about a refund.' }),
    wrongly: changed({ text: ' ' }),
  },
  {
    name: 'createReferralBook',
    who: 'admin',
    form: inputOf('CreateReferralBookInput'),
    table: 'referral_books',
    action: 'referral.create_book',
    fresh: async (makings) => ({
      input: { name: 'Wire', code: makings.word('W'), calendarId: await makings.calendar(), resignRule: 'EVERY_DAYS', resignDays: 30 },
    }),
    otherwise: changed({ resignDays: 31 }),
    wrongly: changed({ resignDays: 0 }),
  },
  {
    name: 'addRegistrant',
    who: 'admin',
    form: inputOf('AddRegistrantInput'),
    table: 'registrants',
    action: 'referral.add_registrant',
    fresh: () => ({ input: { firstName: 'Toni', lastName: 'Traveler', homeLocal: '46' } }),
    otherwise: changed({ homeLocal: '47' }),
    wrongly: changed({ lastName: null }),
  },
  {
    name: 'registerOnBook',
    who: 'admin',
    form: inputOf('RegisterOnBookInput'),
    table: 'registrations',
    action: 'referral.register',
    fresh: (makings) => makings.signature(),
    otherwise: changed({ groupNumber: 3 }),
    wrongly: changed({ groupNumber: 5 }),
  },
  {
    name: 'logSaltingActivity',
    who: 'organizer',
    form: inputOf('LogSaltingActivityInput'),
    table: 'salting_activities',
    action: 'salting.log',
    fresh: ({ memberId, employerId: organizationId }) => ({
      input: { memberId, organizationId, activityType: 'SITE_VISIT', activityDate: '2026-01-15', location: 'Gate', workersContacted: 3 },
    }),
    otherwise: changed({ cardsSigned: 1 }),
    wrongly: changed({ organizationId: '01900000-0000-7000-8000-000000000009' }),
  },
  {
    name: 'applyForBenevolence',
    who: 'staff',
    form: inputOf('ApplyForBenevolenceInput'),
    table: 'benevolence_applications',
    action: 'benevolence.apply',
    fresh: ({ memberId }) => ({ input: { memberId, reason: 'MEDICAL', description: 'No pay.', amountRequested: '450.00' } }),
    otherwise: changed({ amountRequested: '451.00' }),
    wrongly: changed({ amountRequested: '0.00' }),
  },
  {
    name: 'reviewBenevolence',
    who: 'vp',
    form: inputOf('ReviewBenevolenceInput'),
    table: 'benevolence_reviews',
    action: 'benevolence.review',
    fresh: async (makings) => ({ input: { id: await makings.submitted(), decision: 'DENIED', comments: 'Not covered.' } }),
    otherwise: changed({ decision: 'NEEDS_INFO' }),
    wrongly: changed({ approvedAmount: '10.00' }),
  },
  {
    name: 'fileGrievance',
    who: 'staff',
    form: inputOf('FileGrievanceInput'),
    table: 'grievances',
    action: 'grievance.file',
    fresh: ({ memberId, employerId }) => ({ input: { memberId, employerId, violationDescription: 'No call-in pay.' } }),
    otherwise: changed({ contractArticle: 'Article 9' }),
    wrongly: changed({ violationDescription: ' ' }),
  },
  {
    name: 'createHolidayCalendar',
    who: 'admin',
    form: inputOf('CreateHolidayCalendarInput'),
    table: 'holiday_calendars',
    action: 'calendar.create',
    fresh: (makings) => ({ input: { name: makings.word('Calendar'), workweek: [1, 2, 3, 4] } }),
    otherwise: changed({ workweek: [2, 3, 4, 5] }),
    wrongly: changed({ workweek: [] }),
  },
  {
    name: 'addHoliday',
    who: 'admin',
    form: '$calendarId: ID!, $input: HolidayInput!',
    table: 'holidays',
    action: 'calendar.add_holiday',
    fresh: async (makings) => ({ calendarId: await makings.calendar(), input: { day: '2031-07-04', name: 'Independence Day' } }),
    otherwise: changed({ day: '2031-07-03' }),
    wrongly: changed({ name: ' ' }),
  },
  {
    name: 'createBargainingUnit',
    who: 'admin',
    form: inputOf('CreateBargainingUnitInput'),
    table: 'bargaining_units',
    action: 'bargaining_unit.create',
    fresh: (makings) => ({ input: { name: 'Line', code: makings.word('LINE') } }),
    otherwise: changed({ name: 'Outside line' }),
    wrongly: changed({ code: ' ' }),
  },
  {
    name: 'createAgreement',
    who: 'admin',
    form: inputOf('CreateAgreementInput'),
    table: 'agreements',
    action: 'agreement.create',
    fresh: (makings) => makings.agreementInput(),
    otherwise: changed({ title: 'Another' }),
    wrongly: changed({ steps: 4 }),
  },
  {
    name: 'addAgreementEmployer',
    who: 'admin',
    form: '$agreementId: ID!, $input: AgreementEmployerInput!',
    table: 'agreement_employers',
    action: 'agreement.add_employer',
    fresh: async (makings) => ({
      agreementId: await makings.agreement(),
      // not the employer of the grievances, which would then have agreements of several units
      input: { organizationId: await makings.otherEmployer(), assentedDate: '2001-01-01' },
    }),
    otherwise: changed({ assentedDate: '2001-02-01' }),
    wrongly: changed({ organizationId: 'none' }),
  },
  {
    name: 'recordGrievanceStep',
    who: 'staff',
    form: inputOf('RecordGrievanceStepInput'),
    table: 'grievance_step_records',
    action: 'grievance.record_step',
    // The next step can have the same input.
    fresh: async (makings) => ({ input: { grievanceId: await makings.filed(), meetingDate: day(makings.local), outcome: 'ADVANCED' } }),
    otherwise: changed({ unionAttendees: 'The steward' }),
    wrongly: changed({ resolution: 'Paid.' }),
  },
  {
    name: 'noteGrievanceDate',
    who: 'staff',
    form: inputOf('NoteGrievanceDateInput'),
    table: 'grievance_milestones',
    action: 'grievance.note_date',
    fresh: async (makings) => ({ input: { grievanceId: (await makings.governed()).id, kind: 'MET', date: '2026-01-29' } }),
    otherwise: changed({ date: '2026-01-30' }),
    wrongly: changed({ date: '2025-01-01' }),
  },
  {
    name: 'extendGrievanceDeadline',
    who: 'staff',
    form: inputOf('ExtendGrievanceDeadlineInput'),
    table: 'grievance_extensions',
    action: 'grievance.extend',
    fresh: async (makings) => {
      const { nextDeadline } = await makings.governed();
      const agreed = { agreedDate: '2026-01-21', agreedWith: 'R. Manager', reference: 'Letter' };
      return { input: { deadlineId: nextDeadline.id, dueDate: '2026-06-30', ...agreed } };
    },
    otherwise: changed({ agreedWith: 'S. Manager' }),
    wrongly: changed({ agreedDate: '2099-01-01' }),
  },
];

export const creationNames: readonly string[] = creations.map(({ name }) => name);

export interface Made {
  readonly made: { readonly id: string };
}

/** The records that a local can create repeatedly. */
export class Makings {
  #count = 0;

  private constructor(
    readonly local: Local,
    readonly memberId: string,
    readonly employerId: string,
  ) {}

  static async at(local: Local): Promise<Makings> {
    const memberId = await value<string>(local, `select member_id from users where username = 'testuser'`);
    const employerId = await value<string>(local, `select id from organizations where org_type = 'employer' order by id limit 1`);
    return new Makings(local, memberId, employerId);
  }

  word(start: string): string {
    return `${start}${(this.#count += 1)}`;
  }

  async variables({ fresh }: Creation): Promise<Variables> {
    return fresh(this);
  }

  ask({ name, form, who: usual }: Creation, variables: object, { key, who = this.local[usual] }: Asked = {}): Promise<Answer<Made>> {
    return who.ask<Made>(documentOf({ name, form }), variables, key === undefined ? {} : { 'idempotency-key': key });
  }

  /** Counts the rows and audit events of its kind that are created. */
  async watch({ table, action }: Creation, act: () => Promise<unknown>): Promise<{ rows: number; events: number }> {
    const count = async (): Promise<[rows: number, events: number]> => [
      await value(this.local, `select count(*)::int from ${table}`),
      await value(this.local, 'select count(*)::int from audit_events where action = $1', action),
    ];
    const before = await count();
    await act();
    const after = await count();
    return { rows: after[0] - before[0], events: after[1] - before[1] };
  }

  async submitted(): Promise<string> {
    const input = { memberId: this.memberId, reason: 'MEDICAL', description: 'No pay.', amountRequested: '450.00' };
    const { id } = await does<ApplicationAnswer>(this.local.staff, 'applyForBenevolence', { input });
    return (await does<ApplicationAnswer>(this.local.staff, 'submitBenevolence', { id })).id;
  }

  async calendar(): Promise<string> {
    const create = 'mutation ($input: CreateHolidayCalendarInput!) { created: createHolidayCalendar(input: $input) { id } }';
    const input = { name: this.word('Working days ') };
    return (await this.local.admin.see<{ created: { id: string } }>(create, { input })).created.id;
  }

  async signature(): Promise<Variables> {
    const add = 'mutation ($input: AddRegistrantInput!) { created: addRegistrant(input: $input) { id } }';
    const input = { firstName: 'Toni', lastName: this.word('Traveler ') };
    const registrant = await this.local.admin.see<{ created: { id: string } }>(add, { input });
    const bookId = await value<string>(this.local, `select id from referral_books order by id limit 1`);
    return { input: { bookId, registrantId: registrant.created.id, groupNumber: 2 } };
  }

  /** Files a grievance that an agreement governs. */
  async governed(): Promise<{ readonly id: string; readonly nextDeadline: { readonly id: string } }> {
    const file = 'mutation ($input: FileGrievanceInput!) { created: fileGrievance(input: $input) { id nextDeadline { id } } }';
    const employerId = await value<string>(this.local, `select organization_id from agreement_employers order by id limit 1`);
    const dates = { incidentDate: '2026-01-15', filedDate: '2026-01-20' };
    const input = { memberId: this.memberId, employerId, ...dates, violationDescription: 'No call-in pay.' };
    const { created } = await this.local.staff.see<{ created: { id: string; nextDeadline: { id: string } } }>(file, { input });
    return created;
  }

  otherEmployer(): Promise<string> {
    return value<string>(this.local, `select id from organizations where org_type = 'employer' order by id desc limit 1`);
  }

  async agreementInput(): Promise<Variables> {
    const create = 'mutation ($input: CreateBargainingUnitInput!) { created: createBargainingUnit(input: $input) { id } }';
    const code = this.word('UNIT');
    const unit = await this.local.admin.see<{ created: { id: string } }>(create, { input: { name: code, code } });
    const calendarId = await value<string>(this.local, `select id from holiday_calendars order by id limit 1`);
    const term = { effectiveDate: '2001-01-01', expirationDate: '2001-12-31' };
    return { input: { title: code, code, unitId: unit.created.id, calendarId, ...term } };
  }

  async agreement(): Promise<string> {
    const create = 'mutation ($input: CreateAgreementInput!) { created: createAgreement(input: $input) { id } }';
    return (await this.local.admin.see<{ created: { id: string } }>(create, await this.agreementInput())).created.id;
  }

  async filed(): Promise<string> {
    const input = { memberId: this.memberId, employerId: this.employerId, violationDescription: 'No call-in pay.' };
    return (await does<GrievanceAnswer>(this.local.staff, 'fileGrievance', { input })).id;
  }
}

interface Asked {
  readonly key?: string;
  readonly who?: Pick<Actor, 'ask'>;
}

/** Returns a document with the mutation that selects the id of the new record. */
export function documentOf({ name, form }: Pick<Creation, 'name' | 'form'>): string {
  const passed = [...form.matchAll(/\$(\w+):/g)].map(([, each]) => `${each}: $${each}`).join(', ');
  return `mutation (${form}) { made: ${name}(${passed}) { id } }`;
}
