import { beforeAll, describe, expect, it } from '@jest/globals';
import { dayIn } from '../src/entities/scalars.ts';
import { aLocal, type Actor, type Answer, type Local } from './support/local.ts';
import { saidOf } from './support/said.ts';

interface Employment {
  id: string;
  organization: { id: string } | null;
  startDate: string;
  endDate: string | null;
  isCurrent: boolean;
  jobTitle: string | null;
  hourlyRate: string | null;
}

interface Member {
  id: string;
  memberNumber: string;
  deletedAt: string | null;
  employments: Employment[];
  [field: string]: unknown;
}

const fields = `id memberNumber firstName lastName middleName status classification address city state zipCode phone email dateOfBirth hireDate
  notes deletedAt employments { id organization { id } startDate endDate isCurrent jobTitle hourlyRate }`;

const mutations = {
  create: `mutation ($input: CreateMemberInput!) { done: createMember(input: $input) { ${fields} } }`,
  update: `mutation ($id: ID!, $input: UpdateMemberInput!) { done: updateMember(id: $id, input: $input) { ${fields} } }`,
  delete: `mutation ($id: ID!) { done: deleteMember(id: $id) { ${fields} } }`,
  start: `mutation ($id: ID!, $input: EmploymentInput!) { done: startEmployment(memberId: $id, input: $input) { ${fields} } }`,
  correct: `mutation ($id: ID!, $input: EmploymentInput!) { done: updateEmployment(id: $id, input: $input) { ${fields} } }`,
  end: `mutation ($id: ID!, $endDate: Date!) { done: endEmployment(id: $id, endDate: $endDate) { ${fields} } }`,
} as const;

type Verb = keyof typeof mutations;

const ask = (who: Actor, verb: Verb, variables: object): Promise<Answer<{ done: Member }>> => who.ask(mutations[verb], variables);

/** Returns the result of a change that must be allowed. */
async function done(who: Actor, verb: Verb, variables: object): Promise<Member> {
  const { data, errors } = await ask(who, verb, variables);
  expect(errors).toEqual([]);
  return data.done;
}

const nobody = '01900000-0000-7000-8000-000000000009';

let local: Local;
let employer: string;
let other: string;

/** Returns the first column of the first row. */
async function value<T>(sql: string, ...parameters: unknown[]): Promise<T> {
  const [row = {}] = await local.sql(sql, parameters);
  return Object.values(row)[0] as T;
}

/** Returns everything that these operations could change. */
const contents = (): Promise<unknown> =>
  local.sql(
    `select (select md5(string_agg(m::text, '' order by m.id)) from members m) as members,
       (select md5(string_agg(e::text, '' order by e.id)) from member_employments e) as employments,
       (select count(*)::int from audit_events where action like 'member.%') as events`,
    [],
  );

const events = (target: string) =>
  local.sql(
    'select action, target_type, outcome, u.username from audit_events a join users u on u.id = a.actor_id where target_id = $1 order by at, a.id',
    [target],
  );

const tomorrow = (): string => dayIn('UTC', new Date(local.clock.now().valueOf() + 2 * 86_400_000));

let given = 0;
const aNumber = (): string => `T${String((given += 1)).padStart(5, '0')}`;
const facts = (more: object = {}) => ({
  memberNumber: aNumber(),
  firstName: 'Ola',
  lastName: 'Berg',
  classification: 'JOURNEYMAN',
  ...more,
});

/** Creates a member for one test. */
const aMember = (more: object = {}): Promise<Member> => done(local.admin, 'create', { input: facts(more) });
const aJob = (more: object = {}) => ({ organizationId: employer, startDate: '2021-03-01', ...more });

beforeAll(async () => {
  local = await aLocal();
  employer = await value(`select id from organizations where org_type = 'employer' and deleted_at is null order by id limit 1`);
  other = await value(`select id from organizations where org_type = 'employer' and deleted_at is null order by id desc limit 1`);
});

describe('a member', () => {
  const whole = (): object => ({
    memberNumber: aNumber(),
    firstName: 'Zoë',
    lastName: 'O’Hara-Núñez',
    middleName: 'Q.',
    status: 'SUSPENDED',
    classification: 'APPRENTICE_3',
    address: '4 Elm St',
    city: 'Troy',
    state: 'NY',
    zipCode: '12180-4411',
    phone: '518.555.0133',
    email: 'zoe@home.example',
    dateOfBirth: '1990-02-28',
    hireDate: '2012-02-29',
    notes: 'Prefers letters.',
  });

  it('is stored with the submitted values', async () => {
    const told = whole();
    const { id, employments, deletedAt, ...recorded } = await done(local.officer, 'create', { input: told });
    expect([recorded, employments, deletedAt]).toEqual([told, [], null]);
    expect((await local.staff.see<{ member: Member }>(`query ($id: ID!) { member(id: $id) { ${fields} } }`, { id })).member).toMatchObject(
      told,
    );
    expect(await events(id)).toMatchObject([{ action: 'member.create', target_type: 'Member', outcome: 'succeeded', username: 'officer' }]);
    expect(JSON.stringify(await local.sql('select * from audit_events where target_id = $1', [id]))).not.toMatch(/Zoë|555\.0133|letters/);
  });

  it.each([undefined, null])('is active by default: %s', async (status) => {
    expect(await aMember({ status })).toMatchObject({ status: 'ACTIVE', middleName: null, hireDate: null });
  });

  it.each(['ACTIVE', 'INACTIVE', 'SUSPENDED', 'RETIRED', 'DECEASED'])('can become %s, and change back', async (status) => {
    const { id } = await aMember();
    expect(await done(local.staff, 'update', { id, input: { status } })).toMatchObject({ status });
    expect(await done(local.staff, 'update', { id, input: { status: 'ACTIVE' } })).toMatchObject({ status: 'ACTIVE' });
  });

  it('changes submitted fields, keeps omitted ones, and clears null ones', async () => {
    const told = whole();
    const { id } = await done(local.admin, 'create', { input: told });
    const changes = { lastName: 'Berg', phone: null, notes: '  ', dateOfBirth: '1990-03-01' };
    expect(await done(local.staff, 'update', { id, input: changes })).toMatchObject({ ...told, ...changes, notes: null });
    expect(await events(id)).toMatchObject([{}, { action: 'member.update', username: 'staff' }]);
    const before = await contents();
    await done(local.staff, 'update', { id, input: {} });
    expect(await contents()).toEqual(before);
  });

  it('may be born the day before the hire date, and hired today', async () => {
    const today = dayIn('America/New_York', local.clock.now());
    expect(await aMember({ dateOfBirth: '2000-01-01', hireDate: '2000-01-02' })).toMatchObject({ hireDate: '2000-01-02' });
    expect(await aMember({ hireDate: today })).toMatchObject({ hireDate: today });
  });

  const wrong: [what: string, changes: object | (() => object), fields: string[]][] = [
    ['an empty name', { firstName: ' ', lastName: '' }, ['input.firstName must not be empty', 'input.lastName must not be empty']],
    ['a number with a dash', { memberNumber: 'A-1' }, ['input.memberNumber must contain only unaccented letters and digits']],
    ['a number with an accent', { memberNumber: 'É1' }, ['input.memberNumber must contain only unaccented letters and digits']],
    ['a number in two lines', { memberNumber: 'A1\nB2' }, ['input.memberNumber must contain only unaccented letters and digits']],
    ['an empty number', { memberNumber: '  ' }, ['input.memberNumber must not be empty']],
    ['a number of 31 characters', { memberNumber: '1'.repeat(31) }, ['input.memberNumber must have at most 30 characters']],
    ['an address that is none', { email: 'zoe at home' }, ['input.email must be an e-mail address']],
    ['a birth in the future', () => ({ dateOfBirth: tomorrow() }), ['input.dateOfBirth must not be in the future']],
    ['a day of hire in the future', () => ({ hireDate: tomorrow() }), ['input.hireDate must not be in the future']],
    [
      'a birth on the day of hire',
      { dateOfBirth: '2000-01-01', hireDate: '2000-01-01' },
      ['input.hireDate must be after the date of birth'],
    ],
    [
      'all that is wrong at once',
      { memberNumber: '#', firstName: '', state: 'x'.repeat(51), email: '@', dateOfBirth: '9999-12-31' },
      [
        'input.firstName must not be empty',
        'input.state must have at most 50 characters',
        'input.memberNumber must contain only unaccented letters and digits',
        'input.email must be an e-mail address',
        'input.dateOfBirth must not be in the future',
      ],
    ],
  ];

  it.each(wrong)('is not created or changed with %s', async (_, changes, told) => {
    const { id } = await aMember();
    const input = typeof changes === 'function' ? changes() : changes;
    const before = await contents();
    expect(saidOf(await ask(local.admin, 'create', { input: facts(input) })).sort()).toEqual([...told].sort());
    expect(saidOf(await ask(local.admin, 'update', { id, input })).sort()).toEqual([...told].sort());
    expect(await contents()).toEqual(before);
  });

  it('is validated in the state after the change', async () => {
    const { id } = await aMember({ dateOfBirth: '1990-01-01', hireDate: '2010-01-01' });
    for (const input of [{ dateOfBirth: '2010-01-01' }, { hireDate: '1989-12-31' }])
      expect(saidOf(await ask(local.staff, 'update', { id, input }))).toEqual(['input.hireDate must be after the date of birth']);
    await done(local.staff, 'update', { id, input: { dateOfBirth: null, hireDate: '1980-01-01' } });
    await done(local.staff, 'update', { id, input: { dateOfBirth: '1970-01-01' } });
  });

  it.each(['memberNumber', 'firstName', 'lastName', 'status', 'classification'])('cannot be left without a %s', async (field) => {
    const { id } = await aMember();
    expect(saidOf(await ask(local.staff, 'update', { id, input: { [field]: null } }))).toEqual([`input.${field} must not be null`]);
  });

  it.each([
    ['a standing there is not', { status: 'GONE' }],
    ['a day there is not', { hireDate: '2023-02-29' }],
    ['no classification', { classification: null }],
    ['what nobody asked for', { id: nobody }],
  ])('is refused with %s before anything is written', async (_, changes) => {
    const before = await contents();
    expect((await ask(local.admin, 'create', { input: facts(changes) })).codes).toEqual(['BAD_INPUT']);
    expect(await contents()).toEqual(before);
  });

  it('has a number that no other member has or had', async () => {
    const [one, gone] = [await aMember(), await aMember()];
    await done(local.admin, 'delete', { id: gone.id });
    const { id } = await aMember();
    const before = await contents();
    for (const { memberNumber } of [one, gone]) {
      expect(saidOf(await ask(local.staff, 'create', { input: facts({ memberNumber }) }))).toEqual(['input.memberNumber is taken']);
      expect(saidOf(await ask(local.staff, 'update', { id, input: { memberNumber } }))).toEqual(['input.memberNumber is taken']);
    }
    expect(await contents()).toEqual(before);
    await done(local.staff, 'update', { id: one.id, input: { memberNumber: one.memberNumber } });
  });
});

describe('a deleted member', () => {
  it('leaves every list and lookup, and is returned once more by the deletion', async () => {
    const { id } = await aMember();
    const [job] = (await done(local.staff, 'start', { id, input: aJob() })).employments;
    const gone = await done(local.officer, 'delete', { id });
    expect([gone.id, typeof gone.deletedAt]).toEqual([id, 'string']);
    expect((await events(id)).at(-1)).toMatchObject({ action: 'member.delete', username: 'officer' });
    expect((await local.staff.ask('query ($id: ID!) { member(id: $id) { id } }', { id })).codes).toEqual(['NOT_FOUND']);
    const before = await contents();
    for (const [verb, variables] of [
      ['delete', { id }],
      ['update', { id, input: { firstName: 'Back' } }],
      ['start', { id, input: aJob() }],
      ['correct', { id: job?.id, input: { jobTitle: 'x' } }],
      ['end', { id: job?.id, endDate: '2022-01-01' }],
    ] as const)
      expect([verb, (await ask(local.admin, verb, variables)).codes]).toEqual([verb, ['NOT_FOUND']]);
    expect(await contents()).toEqual(before);
  });

  it.each([
    ['grievances', ['settled', 'withdrawn', 'closed'], 7],
    ['benevolence_applications', ['denied', 'paid'], 6],
  ] as const)('must not have an open case among %s', async (table, ended, kinds) => {
    const statuses = await local.sql(`select distinct status from ${table} order by 1`, []);
    expect(statuses).toHaveLength(kinds);
    for (const { status } of statuses) {
      const { id } = await aMember();
      const [found] = await local.sql(`select id, member_id from ${table} where status = $1 and deleted_at is null limit 1`, [status]);
      await local.sql(`update ${table} set member_id = $1 where id = $2`, [id, found?.['id']]);
      const before = await contents();
      const { codes, errors } = await ask(local.staff, 'delete', { id });
      const isEnded = (ended as readonly unknown[]).includes(status);
      expect([status, codes]).toEqual([status, isEnded ? [] : ['CONFLICT']]);
      if (!isEnded) {
        expect(errors[0]?.extensions).toMatchObject({ state: 'OPEN_CASES', allowedActions: [] });
        expect(await contents()).toEqual(before);
        await local.sql(`update ${table} set deleted_at = now() where id = $1`, [found?.['id']]);
        await done(local.staff, 'delete', { id });
      }
      await local.sql(`update ${table} set member_id = $1, deleted_at = null where id = $2`, [found?.['member_id'], found?.['id']]);
    }
  });

  it('must not have an active account, for any viewer of accounts', async () => {
    const { id } = await aMember();
    const before = await value<string | null>(`select member_id from users where username = 'president'`);
    const link = (member: string | null, isActive: boolean) =>
      local.sql(`update users set member_id = $1, is_active = $2 where username = 'president'`, [member, isActive]);
    await link(id, true);
    for (const who of ['staff', 'admin'] as const) {
      const { codes, errors } = await ask(local[who], 'delete', { id });
      expect([codes, errors[0]?.extensions['state']]).toEqual([['CONFLICT'], 'HAS_ACCOUNT']);
    }
    await link(id, false);
    await done(local.staff, 'delete', { id });
    await link(before, true);
  });
});

describe('an employment', () => {
  it('starts, is corrected and ends', async () => {
    const { id } = await aMember();
    const begun = await done(local.staff, 'start', { id, input: aJob({ jobTitle: 'Lineman', hourlyRate: '41.5' }) });
    const [job] = begun.employments;
    expect(job).toMatchObject({
      organization: { id: employer },
      startDate: '2021-03-01',
      endDate: null,
      isCurrent: true,
      hourlyRate: '41.50',
    });
    const corrected = await done(local.officer, 'correct', {
      id: job?.id,
      input: { organizationId: other, hourlyRate: '42.00', jobTitle: null },
    });
    expect(corrected.employments).toMatchObject([
      { organization: { id: other }, startDate: '2021-03-01', hourlyRate: '42.00', jobTitle: null },
    ]);
    const ended = await done(local.admin, 'end', { id: job?.id, endDate: '2021-03-01' });
    expect(ended.employments).toMatchObject([{ endDate: '2021-03-01', isCurrent: false }]);
    expect(await events(job?.id ?? '')).toMatchObject(
      ['start', 'update', 'end'].map((verb) => ({ action: `member.${verb}_employment`, target_type: 'MemberEmployment' })),
    );
    const again = await done(local.staff, 'correct', { id: job?.id, input: { endDate: null } });
    expect(again.employments).toMatchObject([{ endDate: null, isCurrent: true }]);
  });

  it('ends once', async () => {
    const { id } = await aMember();
    const [job] = (await done(local.staff, 'start', { id, input: aJob({ endDate: '2022-01-01' }) })).employments;
    const before = await contents();
    const { codes, errors } = await ask(local.staff, 'end', { id: job?.id, endDate: '2022-02-01' });
    expect([codes, errors[0]?.extensions['state']]).toEqual([['CONFLICT'], 'ENDED']);
    expect(await contents()).toEqual(before);
  });

  it('may be one of several, and the latest is listed first', async () => {
    const { id } = await aMember();
    await done(local.staff, 'start', { id, input: aJob({ startDate: '2019-01-01' }) });
    const { employments } = await done(local.staff, 'start', { id, input: aJob({ organizationId: other, startDate: '2020-01-01' }) });
    expect(employments.map(({ startDate }) => startDate)).toEqual(['2020-01-01', '2019-01-01']);
  });

  const wrong: [what: string, changes: object | (() => object), fields: string[]][] = [
    ['an end before its start', { startDate: '2021-03-02', endDate: '2021-03-01' }, ['input.endDate must not be before the start date']],
    ['a start in the future', () => ({ startDate: tomorrow() }), ['input.startDate must not be in the future']],
    ['an end in the future', () => ({ endDate: tomorrow() }), ['input.endDate must not be in the future']],
    ['no pay', { hourlyRate: '0.00' }, ['input.hourlyRate must be more than zero']],
    ['pay that is owed', { hourlyRate: '-1.00' }, ['input.hourlyRate must be more than zero']],
    ['a long title', { jobTitle: 'x'.repeat(101) }, ['input.jobTitle must have at most 100 characters']],
    ['no start', { startDate: null }, ['input.startDate must not be null']],
    ['no employer', { organizationId: null }, ['input.organizationId must not be null']],
    ['an employer’s name for an id', { organizationId: 'Harbor' }, ['input.organizationId must be a UUID']],
    [
      'all that is wrong at once',
      { organizationId: 'x', startDate: '2021-03-02', endDate: '2021-03-01', hourlyRate: '0', jobTitle: 'x'.repeat(101) },
      [
        'input.endDate must not be before the start date',
        'input.hourlyRate must be more than zero',
        'input.jobTitle must have at most 100 characters',
        'input.organizationId must be a UUID',
      ],
    ],
  ];

  it.each(wrong)('does not start with %s, and is not corrected to it', async (_, changes, told) => {
    const { id } = await aMember();
    const [job] = (await done(local.staff, 'start', { id, input: aJob() })).employments;
    const input = typeof changes === 'function' ? changes() : changes;
    const before = await contents();
    expect(saidOf(await ask(local.staff, 'start', { id, input: aJob(input) })).sort()).toEqual(told);
    expect(saidOf(await ask(local.staff, 'correct', { id: job?.id, input })).sort()).toEqual(told);
    expect(await contents()).toEqual(before);
  });

  it('needs an employer and a first day', async () => {
    const { id } = await aMember();
    expect(saidOf(await ask(local.staff, 'start', { id, input: {} }))).toEqual([
      'input.organizationId is required',
      'input.startDate is required',
    ]);
  });

  it('is validated in the state after the change', async () => {
    const { id } = await aMember();
    const [job] = (await done(local.staff, 'start', { id, input: aJob({ endDate: '2022-01-01' }) })).employments;
    for (const input of [{ startDate: '2022-01-02' }, { endDate: '2021-02-28' }])
      expect(saidOf(await ask(local.staff, 'correct', { id: job?.id, input }))).toEqual([
        'input.endDate must not be before the start date',
      ]);
  });

  it('does not end before its start, or in the future', async () => {
    const { id } = await aMember();
    const [job] = (await done(local.staff, 'start', { id, input: aJob() })).employments;
    expect(saidOf(await ask(local.staff, 'end', { id: job?.id, endDate: '2021-02-28' }))).toEqual([
      'endDate must not be before the start date',
    ]);
    expect(saidOf(await ask(local.staff, 'end', { id: job?.id, endDate: tomorrow() }))).toEqual(['endDate must not be in the future']);
  });

  it('requires an existing employer', async () => {
    const { id } = await aMember();
    const gone = await value<string>(
      'select id from organizations where id <> $1 and id <> $2 and deleted_at is null limit 1',
      employer,
      other,
    );
    const [job] = (await done(local.staff, 'start', { id, input: aJob({ organizationId: gone }) })).employments;
    await local.sql('update organizations set deleted_at = now() where id = $1', [gone]);
    for (const organizationId of [gone, nobody, id])
      expect((await ask(local.staff, 'start', { id, input: aJob({ organizationId }) })).codes).toEqual(['NOT_FOUND']);
    expect((await ask(local.staff, 'correct', { id: job?.id, input: { organizationId: nobody } })).codes).toEqual(['NOT_FOUND']);
    // an employment with a deleted employer can still be corrected
    const corrected = await done(local.staff, 'correct', { id: job?.id, input: { organizationId: gone, jobTitle: 'Welder' } });
    expect(corrected.employments).toMatchObject([{ organization: { id: gone }, jobTitle: 'Welder' }]);
    await local.sql('update organizations set deleted_at = null where id = $1', [gone]);
  });
});

describe('the permissions', () => {
  const everything: [Verb, (id: string) => object][] = [
    ['create', () => ({ input: facts() })],
    ['update', (id) => ({ id, input: {} })],
    ['delete', (id) => ({ id })],
    ['start', (id) => ({ id, input: aJob() })],
    ['correct', (id) => ({ id, input: {} })],
    ['end', (id) => ({ id, endDate: '2020-01-01' })],
  ];

  it.each(['organizer', 'instructor', 'member', 'testuser', 'anonymous'] as const)('%s is refused, and learns nothing', async (who) => {
    const own = await value<string>(`select member_id from users where username = 'member'`);
    const before = await contents();
    for (const [verb, variables] of everything)
      for (const id of [own, nobody, 'no-id'])
        expect([verb, (await ask(local[who], verb, variables(id))).codes]).toEqual([
          verb,
          [who === 'anonymous' ? 'UNAUTHENTICATED' : 'FORBIDDEN'],
        ]);
    expect(await contents()).toEqual(before);
  });

  it.each(['admin', 'officer', 'staff'] as const)('%s is allowed, but not for missing records', async (who) => {
    for (const [verb, variables] of everything.slice(1)) {
      expect([verb, (await ask(local[who], verb, variables(nobody))).codes]).toEqual([verb, ['NOT_FOUND']]);
      expect([verb, saidOf(await ask(local[who], verb, variables('no-id')))]).toEqual([
        verb,
        [`${verb === 'start' ? 'memberId' : 'id'} must be a UUID`],
      ]);
    }
  });
});

describe('the database also refuses invalid rows', () => {
  it.each([
    [`update members set member_number = 'A-1' where id = (select id from members limit 1)`, 'members_member_number_form'],
    [`update members set first_name = ''`, 'members_name_not_empty'],
    [`update members set email = 'x'`, 'members_email_form'],
    [`update members set date_of_birth = '2000-01-01', hire_date = '2000-01-01'`, 'members_born_before_hired'],
    [`update member_employments set end_date = start_date - 1`, 'member_employments_end_after_start'],
    [`update member_employments set hourly_rate = 0`, 'member_employments_hourly_rate_positive'],
  ])('%s', async (statement, constraint) => {
    await expect(local.sql(statement, [])).rejects.toThrow(constraint);
  });
});

describe.each([
  ['Pacific/Honolulu', -10],
  ['Pacific/Kiritimati', 14],
])('today in %s', (zone, hours) => {
  it('changes at midnight there, for every entered date', async () => {
    local = await aLocal({ environment: { UNIONHALL_TIME_ZONE: zone } });
    local.clock.stop();
    employer = await value(`select id from organizations where org_type = 'employer' order by id limit 1`);
    const midnight = Math.ceil(local.clock.now().valueOf() / 86_400_000 + 1) * 86_400_000 - hours * 3_600_000;
    const day = dayIn(zone, new Date(midnight + 3_600_000));
    local.clock.turn((midnight - 30_000 - local.clock.now().valueOf()) / 1000);
    const { id } = await aMember();
    const [job] = (await done(local.admin, 'start', { id, input: aJob() })).employments;
    const everyDay = async () => {
      const answers: Answer<unknown>[] = [];
      for (const field of ['dateOfBirth', 'hireDate']) answers.push(await ask(local.admin, 'create', { input: facts({ [field]: day }) }));
      answers.push(await ask(local.admin, 'start', { id, input: aJob({ startDate: day }) }));
      answers.push(await ask(local.admin, 'correct', { id: job?.id, input: { startDate: day } }));
      answers.push(await ask(local.admin, 'end', { id: job?.id, endDate: day }));
      return answers.map(({ codes }) => codes[0] ?? 'done');
    };
    expect(await everyDay()).toEqual(Array(5).fill('BAD_INPUT'));
    local.clock.turn(60);
    expect(await everyDay()).toEqual(Array(5).fill('done'));
  });
});
