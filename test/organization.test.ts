import { beforeAll, describe, expect, it } from '@jest/globals';
import { aLocal, type Actor, type Answer, type Local } from './support/local.ts';
import { saidOf } from './support/said.ts';

interface Contact {
  id: string;
  firstName: string;
  lastName: string;
  title: string | null;
  phone: string | null;
  email: string | null;
  isPrimary: boolean;
  notes: string | null;
}

interface Organization {
  id: string;
  name: string;
  deletedAt: string | null;
  contacts: Contact[];
  [field: string]: unknown;
}

const fields = `id name orgType unitSize address city state zipCode phone email website saltingScore saltingNotes deletedAt
  contacts { id firstName lastName title phone email isPrimary notes }`;

const mutations = {
  create: `mutation ($input: CreateOrganizationInput!) { done: createOrganization(input: $input) { ${fields} } }`,
  update: `mutation ($id: ID!, $input: UpdateOrganizationInput!) { done: updateOrganization(id: $id, input: $input) { ${fields} } }`,
  delete: `mutation ($id: ID!) { done: deleteOrganization(id: $id) { ${fields} } }`,
  addContact: `mutation ($id: ID!, $input: OrganizationContactInput!) { done: createOrganizationContact(organizationId: $id, input: $input) { ${fields} } }`,
  updateContact: `mutation ($id: ID!, $input: OrganizationContactInput!) { done: updateOrganizationContact(id: $id, input: $input) { ${fields} } }`,
  deleteContact: `mutation ($id: ID!) { done: deleteOrganizationContact(id: $id) { ${fields} } }`,
} as const;

type Verb = keyof typeof mutations;

const ask = (who: Actor, verb: Verb, variables: object): Promise<Answer<{ done: Organization }>> => who.ask(mutations[verb], variables);

/** Returns the result of a change that must be allowed. */
async function done(who: Actor, verb: Verb, variables: object): Promise<Organization> {
  const { data, errors } = await ask(who, verb, variables);
  expect(errors).toEqual([]);
  return data.done;
}

const nobody = '01900000-0000-7000-8000-000000000009';

let local: Local;

/** Returns the first column of the first row. */
async function value<T>(sql: string, ...parameters: unknown[]): Promise<T> {
  const [row = {}] = await local.sql(sql, parameters);
  return Object.values(row)[0] as T;
}

/** Returns everything that these operations could change. */
const contents = (): Promise<unknown> =>
  local.sql(
    `select (select md5(string_agg(o::text, '' order by o.id)) from organizations o) as organizations,
       (select md5(string_agg(c::text, '' order by c.id)) from organization_contacts c) as contacts,
       (select count(*)::int from audit_events where action like 'organization.%') as events`,
    [],
  );

const events = (target: string) =>
  local.sql(
    `select action, target_type, outcome, u.username, request_id, session_id is not null as has_session
     from audit_events a join users u on u.id = a.actor_id where target_id = $1 order by at, a.id`,
    [target],
  );

/** Creates an employer for one test. */
const anEmployer = (more: object = {}): Promise<Organization> =>
  done(local.admin, 'create', { input: { name: 'Harbor Crane Works', orgType: 'EMPLOYER', ...more } });

const person = (more: object = {}) => ({ firstName: 'Ines', lastName: 'Vogt', ...more });

beforeAll(async () => {
  local = await aLocal();
});

describe('an organization', () => {
  const whole = {
    name: 'Ridgemont Ironworks',
    orgType: 'EMPLOYER',
    unitSize: 120,
    address: '12 Mill Lane',
    city: 'Ridgemont',
    state: 'NY',
    zipCode: '12180',
    phone: '(518) 555-0117 ext. 4',
    email: 'office@ironworks.example',
    website: 'https://ironworks.example/contact?x=1#top',
    saltingScore: 4,
    saltingNotes: 'Second shift talks — “vamos”.',
  };

  it('is stored with the submitted values', async () => {
    const { id, contacts, deletedAt, ...told } = await done(local.admin, 'create', { input: whole });
    expect([told, contacts, deletedAt]).toEqual([whole, [], null]);
    const { organization } = await local.officer.see<{ organization: Organization }>(
      `query ($id: ID!) { organization(id: $id) { ${fields} } }`,
      {
        id,
      },
    );
    expect(organization).toMatchObject(whole);
    expect(await events(id)).toMatchObject([
      { action: 'organization.create', target_type: 'Organization', outcome: 'succeeded', username: 'admin', has_session: true },
    ]);
  });

  it('treats omitted and blank values as missing', async () => {
    const made = await done(local.staff, 'create', { input: { name: '  Quay & Sons  ', orgType: 'JATC', city: '   ', phone: '' } });
    expect(made).toMatchObject({ name: 'Quay & Sons', orgType: 'JATC', city: null, phone: null, unitSize: null, website: null });
  });

  it('changes submitted fields, keeps omitted ones, and clears null ones', async () => {
    const { id } = await done(local.admin, 'create', { input: whole });
    const changed = await done(local.officer, 'update', { id, input: { unitSize: 121, phone: null, name: 'Ridgemont Iron' } });
    expect(changed).toMatchObject({ ...whole, unitSize: 121, phone: null, name: 'Ridgemont Iron' });
    expect(await events(id)).toMatchObject([{}, { action: 'organization.update', username: 'officer' }]);
    expect(JSON.stringify(await local.sql('select * from audit_events where target_id = $1', [id]))).not.toMatch(
      /Ridgemont|555-0117|vamos/,
    );
  });

  it('does not change without input, and causes no notification', async () => {
    const { id } = await done(local.admin, 'create', { input: whole });
    const before = await contents();
    expect(await done(local.staff, 'update', { id, input: {} })).toMatchObject({ name: whole.name });
    expect(await contents()).toEqual(before);
  });

  it.each([
    ['a unit of one', { unitSize: 1 }],
    ['the least score', { saltingScore: 1 }],
    ['the greatest score', { saltingScore: 5 }],
    ['a name of 200 characters', { name: 'é'.repeat(200) }],
    ['a web site without a path', { website: 'http://example.test' }],
    ['a web site with a port', { website: 'https://example.test:8443/a' }],
    ['quotes and colons', { name: `O'Neill "&" Søns; drop table users; -- $1 ?`, saltingNotes: ':user :member \\ %' }],
  ])('may say %s', async (_, changes) => {
    const { id } = await anEmployer();
    expect(await done(local.admin, 'update', { id, input: changes })).toMatchObject(changes);
  });

  const wrong: [what: string, changes: object, fields: string[]][] = [
    ['an empty name', { name: ' \t ' }, ['input.name must not be empty']],
    ['a name of 201 characters', { name: 'x'.repeat(201) }, ['input.name must have at most 200 characters']],
    ['a character that is none', { address: 'a\u0000b' }, ['variables must not contain the character U+0000']],
    ['half a character', { saltingNotes: '\ud800' }, ['input.saltingNotes must not contain NUL or invalid Unicode characters']],
    ['an empty unit', { unitSize: 0 }, ['input.unitSize must be more than zero']],
    ['fewer than nobody', { unitSize: -3 }, ['input.unitSize must be more than zero']],
    ['a score of none', { saltingScore: 0 }, ['input.saltingScore must be from 1 to 5']],
    ['a score of six', { saltingScore: 6 }, ['input.saltingScore must be from 1 to 5']],
    ['an address that is none', { email: 'desk' }, ['input.email must be an e-mail address']],
    ['two addresses', { email: 'a@b.example, c@d.example' }, ['input.email must be an e-mail address']],
    ...[
      'example.test',
      'ftp://example.test',
      'javascript:alert(1)',
      'https://',
      'https://a b',
      'https://me:secret@example.test',
      'http:/x',
      'https://x:99999',
    ].map((website): [string, object, string[]] => [
      `the web site ${website}`,
      { website },
      ['input.website must be a web address that begins with http:// or https://'],
    ]),
    [
      'all that is wrong at once',
      { name: '', unitSize: -1, zipCode: '1'.repeat(21), saltingScore: 9, email: 'x', website: 'y' },
      [
        'input.name must not be empty',
        'input.zipCode must have at most 20 characters',
        'input.unitSize must be more than zero',
        'input.email must be an e-mail address',
        'input.website must be a web address that begins with http:// or https://',
        'input.saltingScore must be from 1 to 5',
      ],
    ],
  ];

  it.each(wrong)('is not created or changed with %s', async (_, changes, told) => {
    const { id } = await anEmployer();
    const before = await contents();
    const created = saidOf(await ask(local.admin, 'create', { input: { name: 'Fine', orgType: 'EMPLOYER', ...changes } }));
    expect([created.sort(), saidOf(await ask(local.admin, 'update', { id, input: changes })).sort()]).toEqual([
      [...told].sort(),
      [...told].sort(),
    ]);
    expect(await contents()).toEqual(before);
  });

  it.each([
    ['no name', { name: null }, ['input.name must not be null']],
    ['no kind', { orgType: null }, ['input.orgType must not be null']],
  ])('cannot be left with %s', async (_, changes, told) => {
    const { id } = await anEmployer();
    expect(saidOf(await ask(local.staff, 'update', { id, input: changes }))).toEqual(told);
  });

  it.each([
    ['a kind there is not', { orgType: 'CLUB' }],
    ['half a worker', { unitSize: 1.5 }],
    ['more workers than can be counted', { unitSize: 2 ** 31 }],
    ['what nobody asked for', { deletedAt: null }],
    ['a number for a name', { name: 5 }],
  ])('is refused with %s before anything is written', async (_, changes) => {
    const before = await contents();
    expect((await ask(local.admin, 'create', { input: { name: 'Fine', orgType: 'EMPLOYER', ...changes } })).codes).toEqual(['BAD_INPUT']);
    expect(await contents()).toEqual(before);
  });
});

describe('the organizing data', () => {
  it('can be changed by organizers, who can change nothing else', async () => {
    const { id } = await anEmployer({ saltingScore: 2 });
    const changed = await done(local.organizer, 'update', { id, input: { saltingScore: 5, saltingNotes: 'Ready.' } });
    expect(changed).toMatchObject({ saltingScore: 5, saltingNotes: 'Ready.' });
    expect(await done(local.organizer, 'update', { id, input: { saltingScore: null } })).toMatchObject({ saltingScore: null });
    const before = await contents();
    expect(saidOf(await ask(local.organizer, 'update', { id, input: { saltingScore: 3, name: 'Other', phone: null } }))).toEqual([
      'input.name cannot be changed with your roles',
      'input.phone cannot be changed with your roles',
    ]);
    expect(await contents()).toEqual(before);
  });

  it.each(['officer', 'staff'] as const)('cannot be changed by %s, not even to null or the current value', async (who) => {
    const { id } = await anEmployer({ saltingScore: 2, saltingNotes: 'Quiet.' });
    const before = await contents();
    for (const salting of [{ saltingScore: 3 }, { saltingScore: null }, { saltingScore: 2 }]) {
      expect(saidOf(await ask(local[who], 'update', { id, input: { name: 'Other', ...salting } }))).toEqual([
        'input.saltingScore cannot be changed with your roles',
      ]);
      expect(saidOf(await ask(local[who], 'create', { input: { name: 'New', orgType: 'EMPLOYER', ...salting } }))).toEqual([
        'input.saltingScore cannot be changed with your roles',
      ]);
    }
    expect(saidOf(await ask(local[who], 'update', { id, input: { saltingNotes: '' } }))).toEqual([
      'input.saltingNotes cannot be changed with your roles',
    ]);
    expect(await contents()).toEqual(before);
  });

  it('is hidden from staff in the response too', async () => {
    const { id } = await anEmployer({ saltingScore: 2, saltingNotes: 'Quiet.' });
    expect(await done(local.staff, 'update', { id, input: { city: 'Troy' } })).toMatchObject({
      city: 'Troy',
      saltingScore: null,
      saltingNotes: null,
    });
  });
});

describe('a contact', () => {
  const facts = { title: 'Foreman', phone: '518 555 0190', email: 'ines@harbor.example', notes: 'Call before ten.' };

  it('is added with the submitted values, returned with its organization, and is not primary by default', async () => {
    const { id } = await anEmployer();
    const { contacts } = await done(local.staff, 'addContact', { id, input: person(facts) });
    expect(contacts).toMatchObject([{ ...person(facts), isPrimary: false }]);
    expect(await events(contacts[0]?.id ?? '')).toMatchObject([
      { action: 'organization.add_contact', target_type: 'OrganizationContact', username: 'staff' },
    ]);
  });

  it('changes, keeps and clears fields like an organization', async () => {
    const { id } = await anEmployer();
    const { contacts } = await done(local.admin, 'addContact', { id, input: person(facts) });
    const contact = contacts[0]?.id;
    const changed = await done(local.officer, 'updateContact', { id: contact, input: { title: 'Manager', phone: null } });
    expect(changed).toMatchObject({ id, contacts: [{ ...person(facts), title: 'Manager', phone: null }] });
    const before = await contents();
    await done(local.officer, 'updateContact', { id: contact, input: {} });
    expect(await contents()).toEqual(before);
  });

  it('that becomes primary replaces the previous one', async () => {
    const { id } = await anEmployer();
    const primaries = async ({ contacts }: Organization) => {
      expect(
        await value('select count(*) from organization_contacts where organization_id = $1 and is_primary and deleted_at is null', id),
      ).toBeLessThan(2);
      return contacts.filter(({ isPrimary }) => isPrimary).map(({ firstName }) => firstName);
    };
    expect(await primaries(await done(local.staff, 'addContact', { id, input: person({ firstName: 'A', isPrimary: true }) }))).toEqual([
      'A',
    ]);
    const second = await done(local.staff, 'addContact', { id, input: person({ firstName: 'B', isPrimary: true }) });
    expect(await primaries(second)).toEqual(['B']);
    const a = second.contacts.find(({ firstName }) => firstName === 'A')?.id;
    expect(await primaries(await done(local.staff, 'updateContact', { id: a, input: { isPrimary: true, notes: 'Again.' } }))).toEqual([
      'A',
    ]);
    expect(await primaries(await done(local.staff, 'updateContact', { id: a, input: { isPrimary: true } }))).toEqual(['A']);
    expect(await primaries(await done(local.staff, 'updateContact', { id: a, input: { isPrimary: false } }))).toEqual([]);
  });

  it('that was primary leaves none when it is deleted, and blocks no other', async () => {
    const { id } = await anEmployer();
    const { contacts } = await done(local.staff, 'addContact', { id, input: person({ isPrimary: true }) });
    const gone = contacts[0]?.id ?? '';
    expect((await done(local.officer, 'deleteContact', { id: gone })).contacts).toEqual([]);
    expect(await events(gone)).toMatchObject([{}, { action: 'organization.delete_contact', username: 'officer' }]);
    expect((await done(local.staff, 'addContact', { id, input: person({ isPrimary: true }) })).contacts).toHaveLength(1);
    for (const verb of ['updateContact', 'deleteContact'] as const)
      expect((await ask(local.admin, verb, { id: gone, ...(verb === 'updateContact' && { input: { isPrimary: true } }) })).codes).toEqual([
        'NOT_FOUND',
      ]);
  });

  it('does not affect the primary contact of another organization', async () => {
    const [one, other] = [await anEmployer(), await anEmployer()];
    await done(local.staff, 'addContact', { id: one.id, input: person({ isPrimary: true }) });
    const made = await done(local.staff, 'addContact', { id: other.id, input: person({ isPrimary: true }) });
    expect(made.contacts).toMatchObject([{ isPrimary: true }]);
    expect(await value('select count(*) from organization_contacts where organization_id = $1 and is_primary', one.id)).toBe(1);
  });

  it.each([
    ['no name', {}, ['input.firstName is required', 'input.lastName is required']],
    ['a name of nothing', { firstName: null, lastName: ' ' }, ['input.firstName must not be null', 'input.lastName must not be empty']],
    ['too much', person({ title: 'x'.repeat(101) }), ['input.title must have at most 100 characters']],
    ['an address that is none', person({ email: 'x@' }), ['input.email must be an e-mail address']],
  ])('is not added with %s', async (_, input, told) => {
    const { id } = await anEmployer();
    const before = await contents();
    expect(saidOf(await ask(local.admin, 'addContact', { id, input })).sort()).toEqual(told);
    expect(await contents()).toEqual(before);
  });

  it.each([
    ['first name', { firstName: null }, ['input.firstName must not be null']],
    ['last name', { lastName: '' }, ['input.lastName must not be empty']],
    ['rank', { isPrimary: null }, ['input.isPrimary must not be null']],
  ])('cannot be left without a %s', async (_, input, told) => {
    const { id } = await anEmployer();
    const { contacts } = await done(local.admin, 'addContact', { id, input: person() });
    expect(saidOf(await ask(local.admin, 'updateContact', { id: contacts[0]?.id, input }))).toEqual(told);
  });
});

describe('a deleted organization', () => {
  it('leaves every list and lookup, and is returned once more by the deletion', async () => {
    const { id } = await anEmployer();
    await done(local.admin, 'addContact', { id, input: person() });
    const gone = await done(local.staff, 'delete', { id });
    expect([gone.id, typeof gone.deletedAt]).toEqual([id, 'string']);
    expect(await events(id)).toMatchObject([{}, { action: 'organization.delete', username: 'staff' }]);
    const lookup = 'query ($id: ID!, $also: Boolean!) { organization(id: $id, includeDeleted: $also) { id contacts { firstName } } }';
    expect((await local.staff.ask(lookup, { id, also: false })).codes).toEqual(['NOT_FOUND']);
    expect((await local.admin.ask(lookup, { id, also: true })).data).toEqual({ organization: { id, contacts: [{ firstName: 'Ines' }] } });
    const before = await contents();
    const contact = await value('select id from organization_contacts where organization_id = $1', id);
    expect((await ask(local.admin, 'delete', { id })).codes).toEqual(['NOT_FOUND']);
    expect((await ask(local.admin, 'update', { id, input: { name: 'Back' } })).codes).toEqual(['NOT_FOUND']);
    expect((await ask(local.admin, 'addContact', { id, input: person() })).codes).toEqual(['NOT_FOUND']);
    expect((await ask(local.admin, 'updateContact', { id: contact, input: { notes: 'x' } })).codes).toEqual(['NOT_FOUND']);
    expect((await ask(local.admin, 'deleteContact', { id: contact })).codes).toEqual(['NOT_FOUND']);
    expect(await contents()).toEqual(before);
  });

  it('must not have an open grievance', async () => {
    const statuses = await local.sql('select distinct status from grievances order by 1', []);
    expect(statuses).toHaveLength(7);
    for (const { status } of statuses) {
      const { id } = await anEmployer();
      const case_ = await value<string>('select id from grievances where status = $1 and deleted_at is null limit 1', status);
      const employer = await value<string>('select employer_id from grievances where id = $1', case_);
      await local.sql('update grievances set employer_id = $1 where id = $2', [id, case_]);
      const before = await contents();
      const { codes, errors } = await ask(local.officer, 'delete', { id });
      const isEnded = ['settled', 'withdrawn', 'closed'].includes(status as string);
      expect([status, codes]).toEqual([status, isEnded ? [] : ['CONFLICT']]);
      if (!isEnded) {
        expect(errors[0]?.extensions).toMatchObject({ state: 'OPEN_CASES', allowedActions: [] });
        expect(await contents()).toEqual(before);
        await local.sql('update grievances set deleted_at = now() where id = $1', [case_]);
        await done(local.officer, 'delete', { id });
      }
      const shown = await local.officer.see<{ grievance: { employer: { id: string } } }>(
        'query ($id: ID!) { grievance(id: $id) { employer { id } } }',
        { id: isEnded ? case_ : await value('select id from grievances where deleted_at is null limit 1') },
      );
      if (isEnded) expect(shown.grievance.employer).toEqual({ id });
      await local.sql('update grievances set employer_id = $1, deleted_at = null where id = $2', [employer, case_]);
    }
  });

  it('may have been a target', async () => {
    const id = await value<string>(
      `select o.id from organizations o where exists (select from salting_activities s where s.organization_id = o.id)
       and not exists (select from grievances g where g.employer_id = o.id and g.status not in ('settled', 'withdrawn', 'closed')) and deleted_at is null limit 1`,
    );
    const activity = await value<string>('select id from salting_activities where organization_id = $1 limit 1', id);
    await done(local.admin, 'delete', { id });
    const shown = await local.organizer.see('query ($id: ID!) { saltingActivity(id: $id) { organization { id } } }', { id: activity });
    expect(shown).toEqual({ saltingActivity: { organization: { id } } });
    await local.sql('update organizations set deleted_at = null where id = $1', [id]);
  });
});

describe('the permissions', () => {
  const input = { name: 'Fine', orgType: 'EMPLOYER' };
  const everything: [Verb, (id: string) => object][] = [
    ['create', () => ({ input })],
    ['update', (id) => ({ id, input: { name: 'Fine' } })],
    ['delete', (id) => ({ id })],
    ['addContact', (id) => ({ id, input: person() })],
    ['updateContact', (id) => ({ id, input: {} })],
    ['deleteContact', (id) => ({ id })],
  ];

  it.each(['instructor', 'member', 'testuser', 'anonymous'] as const)('%s is refused, and learns nothing', async (who) => {
    const known = await value<string>('select id from organizations limit 1');
    const before = await contents();
    for (const [verb, variables] of everything)
      for (const id of [known, nobody, 'no-id'])
        expect([verb, (await ask(local[who], verb, variables(id))).codes]).toEqual([
          verb,
          [who === 'anonymous' ? 'UNAUTHENTICATED' : 'FORBIDDEN'],
        ]);
    expect(await contents()).toEqual(before);
  });

  it('an organizer can only change organizations', async () => {
    for (const [verb, variables] of everything)
      if (verb !== 'update') expect([verb, (await ask(local.organizer, verb, variables(nobody))).codes]).toEqual([verb, ['FORBIDDEN']]);
  });

  it.each(['admin', 'officer', 'staff'] as const)('%s is allowed, but not for missing records', async (who) => {
    for (const [verb, variables] of everything.slice(1)) {
      expect([verb, (await ask(local[who], verb, variables(nobody))).codes]).toEqual([verb, ['NOT_FOUND']]);
      expect([verb, saidOf(await ask(local[who], verb, variables('no-id')))]).toEqual([
        verb,
        [`${verb === 'addContact' ? 'organizationId' : 'id'} must be a UUID`],
      ]);
    }
  });
});

describe('the database also refuses invalid rows', () => {
  it.each([
    [`update organizations set unit_size = 0`, 'organizations_unit_size_positive'],
    [`update organizations set salting_score = 6`, 'organizations_salting_score_range'],
    [`update organizations set name = ''`, 'organizations_name_not_empty'],
    [`update organizations set email = 'nobody'`, 'organizations_email_form'],
    [`update organizations set website = 'ftp://example.test'`, 'organizations_website_form'],
    [`update organization_contacts set email = 'a b@c'`, 'organization_contacts_email_form'],
    [`update organization_contacts set last_name = ''`, 'organization_contacts_name_not_empty'],
    [
      `insert into organization_contacts (id, created_at, updated_at, organization_id, first_name, last_name, is_primary)
       select gen_random_uuid(), now(), now(), o.id, 'A', 'B', true from (select id from organizations limit 1) o, generate_series(1, 2)`,
      'organization_contacts_single_primary_unique',
    ],
  ])('%s', async (statement, constraint) => {
    await expect(local.sql(statement, [])).rejects.toThrow(constraint);
  });
});
