import { beforeAll, describe, expect, it } from '@jest/globals';
import pg from 'pg';
import { aLocal, type Answer, type Local } from './support/local.ts';
import { saidOf } from './support/said.ts';
import { call, Office } from './user.kit.ts';

// Runs on a server, because the embedded database has one connection and so no races.
const parallel = 16;
const rounds = 4;
const atOnce = <T>(work: (place: number) => Promise<T>, count = parallel): Promise<T[]> =>
  Promise.all(Array.from({ length: count }, (_, place) => work(place)));
const codesOf = (answers: readonly Answer<unknown>[]): string[] =>
  answers.flatMap(({ codes }) => (codes.length > 0 ? codes : ['done'])).sort();

let local: Local;

/** Returns the first column of the first row. */
async function value<T>(sql: string, ...parameters: unknown[]): Promise<T> {
  const [row = {}] = await local.sql(sql, parameters);
  return Object.values(row)[0] as T;
}

const anOrganization = async (): Promise<string> => {
  const input = { name: 'Harbor Crane Works', orgType: 'EMPLOYER' };
  const made = await local.admin.see<{ done: { id: string } }>(
    'mutation ($input: CreateOrganizationInput!) { done: createOrganization(input: $input) { id } }',
    { input },
  );
  return made.done.id;
};

let given = 0;
const createMember = (memberNumber: string): Promise<Answer<{ done: { id: string } }>> =>
  local.staff.ask('mutation ($input: CreateMemberInput!) { done: createMember(input: $input) { id } }', {
    input: { memberNumber, firstName: 'Ola', lastName: 'Berg', classification: 'FOREMAN' },
  });
const aMember = async (): Promise<string> => (await createMember(`R${(given += 1)}`)).data.done.id;

beforeAll(async () => {
  local = await aLocal({ engine: 'postgresql', comparesExecutions: false });
});

describe('the primary contact', () => {
  const primaries = (id: string) =>
    local.sql('select id from organization_contacts where organization_id = $1 and is_primary and deleted_at is null', [id]);
  const add = (id: string, input: object) =>
    local.staff.ask<{ done: { contacts: { id: string }[] } }>(
      'mutation ($id: ID!, $input: OrganizationContactInput!) { done: createOrganizationContact(organizationId: $id, input: $input) { contacts { id } } }',
      { id, input: { firstName: 'A', lastName: 'B', ...input } },
    );
  const promote = (id: unknown) =>
    local.officer.ask('mutation ($id: ID!) { updateOrganizationContact(id: $id, input: { isPrimary: true }) { id } }', { id });
  const remove = (id: unknown) => local.admin.ask('mutation ($id: ID!) { deleteOrganizationContact(id: $id) { id } }', { id });

  it('stays unique under concurrency', async () => {
    for (let round = 0; round < rounds; round += 1) {
      const id = await anOrganization();
      expect(codesOf(await atOnce(() => add(id, { isPrimary: true })))).toEqual(Array(parallel).fill('done'));
      expect(await primaries(id)).toHaveLength(1);
      const all = await local.sql('select id from organization_contacts where organization_id = $1', [id]);
      expect(all).toHaveLength(parallel);
      expect(codesOf(await atOnce((place) => promote(all[place]?.['id'])))).toEqual(Array(parallel).fill('done'));
      expect(await primaries(id)).toHaveLength(1);
    }
  });

  it('cannot be a deleted one, and each is deleted once', async () => {
    for (let round = 0; round < rounds; round += 1) {
      const id = await anOrganization();
      await atOnce(() => add(id, { isPrimary: true }), 4);
      const all = await local.sql('select id from organization_contacts where organization_id = $1 order by id', [id]);
      const [deleted, promoted] = await Promise.all([
        atOnce((place) => remove(all[place % 2]?.['id']), 8),
        atOnce((place) => promote(all[place % 4]?.['id']), 8),
      ]);
      expect(codesOf(deleted)).toEqual([...Array(6).fill('NOT_FOUND'), 'done', 'done']);
      expect(codesOf(promoted).filter((code) => !['NOT_FOUND', 'done'].includes(code))).toEqual([]);
      expect((await primaries(id)).length).toBeLessThan(2);
      expect(await value('select count(*)::int from organization_contacts where organization_id = $1 and deleted_at is null', id)).toBe(2);
    }
  });
});

describe('a member number', () => {
  it('is given to one of many concurrent requests', async () => {
    for (let round = 0; round < rounds; round += 1) {
      const memberNumber = `SAME${round}`;
      const answers = await atOnce(() => createMember(memberNumber));
      expect(codesOf(answers)).toEqual([...Array(parallel - 1).fill('BAD_INPUT'), 'done']);
      for (const answer of answers.filter(({ codes }) => codes.length > 0)) expect(saidOf(answer)).toEqual(['input.memberNumber is taken']);
      expect(
        await value(
          `select count(*)::int from audit_events where target_id = (select id from members where member_number = $1)`,
          memberNumber,
        ),
      ).toBe(1);
    }
  });

  it('is transferred to one of many', async () => {
    const ids = await atOnce(aMember);
    const rename = 'mutation ($id: ID!, $input: UpdateMemberInput!) { updateMember(id: $id, input: $input) { id } }';
    const answers = await atOnce((place) => local.staff.ask(rename, { id: ids[place], input: { memberNumber: 'OTHER' } }));
    expect(codesOf(answers)).toEqual([...Array(parallel - 1).fill('BAD_INPUT'), 'done']);
  });
});

describe('of two changes that are valid alone but not together', () => {
  const oneIsRefused = (answers: readonly Answer<unknown>[]): void => expect(codesOf(answers)).toEqual(['BAD_INPUT', 'done']);

  it('of an employment, one succeeds', async () => {
    const organizationId = await anOrganization();
    const start = `mutation ($id: ID!, $input: EmploymentInput!) { done: startEmployment(memberId: $id, input: $input) { employments { id } } }`;
    const correct = 'mutation ($id: ID!, $input: EmploymentInput!) { updateEmployment(id: $id, input: $input) { id } }';
    for (let round = 0; round < rounds; round += 1) {
      const input = { organizationId, startDate: '2020-01-01', endDate: '2020-12-31' };
      const { done } = await local.staff.see<{ done: { employments: { id: string }[] } }>(start, { id: await aMember(), input });
      const change = (input: object) => local.staff.ask(correct, { id: done.employments[0]?.id, input });
      oneIsRefused(await Promise.all([change({ startDate: '2020-09-01' }), change({ endDate: '2020-03-01' })]));
    }
  });

  it('of a member, one succeeds', async () => {
    const change = (id: string, input: object) =>
      local.staff.ask('mutation ($id: ID!, $input: UpdateMemberInput!) { updateMember(id: $id, input: $input) { id } }', { id, input });
    for (let round = 0; round < rounds; round += 1) {
      const id = await aMember();
      await change(id, { dateOfBirth: '1980-01-01', hireDate: '2000-01-01' });
      oneIsRefused(await Promise.all([change(id, { dateOfBirth: '1990-01-01' }), change(id, { hireDate: '1985-01-01' })]));
    }
  });

  it('of an activity, one succeeds', async () => {
    const organizationId = await anOrganization();
    const log = 'mutation ($input: LogSaltingActivityInput!) { done: logSaltingActivity(input: $input) { id } }';
    const correct = 'mutation ($id: ID!, $input: UpdateSaltingActivityInput!) { updateSaltingActivity(id: $id, input: $input) { id } }';
    for (let round = 0; round < rounds; round += 1) {
      const input = {
        memberId: await aMember(),
        organizationId,
        activityType: 'MEETING',
        activityDate: '2026-01-01',
        workersContacted: 9,
        cardsSigned: 2,
      };
      const { done } = await local.organizer.see<{ done: { id: string } }>(log, { input });
      const change = (input: object) => local.organizer.ask(correct, { id: done.id, input });
      oneIsRefused(await Promise.all([change({ workersContacted: 4 }), change({ cardsSigned: 8 })]));
    }
  });
});

describe('a change that is possible once', () => {
  it('happens once: an employment ends, a member and an organization are deleted', async () => {
    const [organizationId, id] = [await anOrganization(), await aMember()];
    const { done } = await local.staff.see<{ done: { employments: { id: string }[] } }>(
      'mutation ($id: ID!, $input: EmploymentInput!) { done: startEmployment(memberId: $id, input: $input) { employments { id } } }',
      { id, input: { organizationId, startDate: '2020-01-01' } },
    );
    const once: [code: string, query: string, id: string | undefined][] = [
      ['CONFLICT', 'mutation ($id: ID!) { endEmployment(id: $id, endDate: "2021-01-01") { id } }', done.employments[0]?.id],
      ['NOT_FOUND', 'mutation ($id: ID!) { deleteMember(id: $id) { id } }', id],
      ['NOT_FOUND', 'mutation ($id: ID!) { deleteOrganization(id: $id) { id } }', organizationId],
    ];
    for (const [code, query, target] of once)
      expect(codesOf(await atOnce(() => local.officer.ask(query, { id: target })))).toEqual([...Array(parallel - 1).fill(code), 'done']);
  });
});

describe('a deletion while another user files a grievance', () => {
  it.each([
    ['deleteMember', 'members', 'member_id', aMember],
    ['deleteOrganization', 'organizations', 'employer_id', anOrganization],
  ] as const)('waits, and gets the conflict: %s', async (operation, table, column, make) => {
    const id = await make();
    const url = new URL(process.env['UNIONHALL_TEST_POSTGRES'] ?? '');
    url.pathname = `/${await value<string>('select current_database()')}`;
    const filer = new pg.Client({ connectionString: url.href });
    await filer.connect();
    try {
      await filer.query('begin');
      await filer.query(`select id from ${table} where id = $1 for share`, [id]);
      const deleting = local.staff.ask(`mutation ($id: ID!) { ${operation}(id: $id) { id } }`, { id });
      const isWaiting = async () =>
        (await filer.query(`select from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'`)).rowCount === 1;
      while (!(await isWaiting()));
      const [like] = (await filer.query(`select id from grievances where status = 'open' limit 1`)).rows as { id: string }[];
      await filer.query(`update grievances set ${column} = $1 where id = $2`, [id, like?.id]);
      await filer.query('commit');
      expect((await deleting).codes).toEqual(['CONFLICT']);
      expect(await value(`select deleted_at from ${table} where id = $1`, id)).toBeNull();
    } finally {
      await filer.end();
    }
  });
});

describe('a referenced record exists, whatever is deleted concurrently', () => {
  const many = 12;
  let office: Office;
  const deleteMember = (id: string) => local.staff.ask('mutation ($id: ID!) { deleteMember(id: $id) { id } }', { id });
  const linked = `select count(*)::int from users u join members m on m.id = u.member_id
    where u.is_active and u.deleted_at is null and m.deleted_at is not null`;

  beforeAll(() => {
    office = new Office(local);
  });

  it('the member of an account that is created, linked or reactivated', async () => {
    for (let round = 0; round < many; round += 1) {
      const memberId = await aMember();
      const made = await Promise.all([
        call(local.admin, 'createUser', { input: { ...office.newcomer(), memberId } }),
        deleteMember(memberId),
      ]);
      expect(['CONFLICT,done', 'NOT_FOUND,done']).toContain(codesOf(made as Answer<unknown>[]).join());

      const [other, user] = [await aMember(), await office.settle()];
      const moved = await Promise.all([call(local.admin, 'updateUser', { id: user.id, input: { memberId: other } }), deleteMember(other)]);
      expect(['CONFLICT,done', 'NOT_FOUND,done']).toContain(codesOf(moved as Answer<unknown>[]).join());

      const third = await aMember();
      await call(local.admin, 'updateUser', { id: user.id, input: { memberId: third } });
      await call(local.admin, 'deactivateUser', { id: user.id });
      const back = await Promise.all([call(local.admin, 'reactivateUser', { id: user.id }), deleteMember(third)]);
      expect(codesOf(back as Answer<unknown>[])).toEqual(['CONFLICT', 'done']);
    }
    expect(await value<number>(linked)).toBe(0);
  });

  it('the representative of a grievance that is filed or reassigned', async () => {
    const [memberId, employerId] = [await aMember(), await anOrganization()];
    const file = (assignedUserId: string | null) =>
      local.officer.ask<{ done: { id: string } }>('mutation ($input: FileGrievanceInput!) { done: fileGrievance(input: $input) { id } }', {
        input: { memberId, employerId, assignedUserId, violationDescription: 'No break.' },
      });
    const give = (id: string, assignedUserId: string) =>
      local.officer.ask('mutation ($id: ID!, $input: UpdateGrievanceInput!) { updateGrievance(id: $id, input: $input) { id } }', {
        id,
        input: { assignedUserId },
      });
    for (let round = 0; round < many; round += 1) {
      const [one, other] = [await office.settle('staff'), await office.settle('staff')];
      const filed = await Promise.all([file(one.id), call(local.admin, 'deleteUser', { id: one.id })]);
      expect(['CONFLICT,done', 'NOT_FOUND,done']).toContain(codesOf(filed as Answer<unknown>[]).join());
      const { data } = await file(null);
      const given = await Promise.all([give(data.done.id, other.id), call(local.admin, 'deleteUser', { id: other.id })]);
      expect(['CONFLICT,done', 'NOT_FOUND,done']).toContain(codesOf(given as Answer<unknown>[]).join());
    }
    expect(
      await value<number>(
        `select count(*)::int from grievances g join users u on u.id = g.assigned_user_id
         where u.deleted_at is not null and g.resolution_date is null and g.deleted_at is null`,
      ),
    ).toBe(0);
  });
});

describe('a version', () => {
  const employments = '{ employments { id version } }';
  const contacts = '{ contacts { id version } }';
  type Made = { id: string; version: number };

  async function anEmployment(): Promise<Made> {
    const query = `mutation ($id: ID!, $input: EmploymentInput!) { done: startEmployment(memberId: $id, input: $input) ${employments} }`;
    const input = { organizationId: await anOrganization(), startDate: '2020-01-01' };
    const { done } = await local.staff.see<{ done: { employments: Made[] } }>(query, { id: await aMember(), input });
    return done.employments[0] as Made;
  }

  async function aContact(): Promise<Made> {
    const query = `mutation ($id: ID!, $input: OrganizationContactInput!) { done: createOrganizationContact(organizationId: $id, input: $input) ${contacts} }`;
    const { done } = await local.staff.see<{ done: { contacts: Made[] } }>(query, {
      id: await anOrganization(),
      input: { firstName: 'A', lastName: 'B' },
    });
    return done.contacts[0] as Made;
  }

  const kinds: readonly (readonly [name: string, input: string, field: string, make: () => Promise<string>])[] = [
    ['updateMember', 'UpdateMemberInput', 'city', aMember],
    ['updateOrganization', 'UpdateOrganizationInput', 'city', anOrganization],
    ['updateOrganizationContact', 'OrganizationContactInput', 'title', async () => (await aContact()).id],
    ['updateEmployment', 'EmploymentInput', 'jobTitle', async () => (await anEmployment()).id],
  ];

  it.each(kinds)('lets one of many concurrent %s through', async (name, input, field, make) => {
    const query = `mutation ($id: ID!, $input: ${input}!) { ${name}(id: $id, input: $input) { id } }`;
    for (let round = 0; round < rounds; round += 1) {
      const id = await make();
      const change = (version: number | null) =>
        atOnce(() => local.staff.ask(query, { id, input: { [field]: `By ${(given += 1)}`, ...(version !== null && { version }) } }));
      expect(codesOf(await change(1))).toEqual([...Array(parallel - 1).fill('CONFLICT'), 'done']);
      // a change without a version is never refused, and each counts
      expect(codesOf(await change(null))).toEqual(Array(parallel).fill('done'));
      expect(codesOf(await change(parallel + 2))).toEqual([...Array(parallel - 1).fill('CONFLICT'), 'done']);
    }
  });
});
