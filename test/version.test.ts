import { beforeAll, describe, expect, it } from '@jest/globals';
import { aLocal, type Local } from './support/local.ts';

let local: Local;
beforeAll(async () => {
  local = await aLocal();
});

interface Versioned {
  readonly id: string;
  readonly version: number;
}

/** A record with a version: how it is created, changed and ended, and the path of its version in the response. */
interface Kind {
  readonly make: string;
  readonly update: string;
  readonly end: string;
  readonly changes: readonly object[];
  readonly at: (done: never) => Versioned | undefined;
}

const employments = 'id version employments { id version }';
const contacts = 'id version contacts { id version }';
const member = `memberNumber: "V1", firstName: "Ola", lastName: "Berg", classification: FOREMAN`;
const organization = 'name: "Harbor Crane Works", orgType: EMPLOYER';

const kinds: Readonly<Record<string, Kind>> = {
  member: {
    make: `mutation { done: createMember(input: { ${member} }) { id version } }`,
    update: 'mutation ($id: ID!, $input: UpdateMemberInput!) { done: updateMember(id: $id, input: $input) { id version } }',
    end: 'mutation ($id: ID!, $version: Int) { done: deleteMember(id: $id, version: $version) { id version } }',
    changes: [{ city: 'Troy' }, { city: 'Albany' }, {}],
    at: (done: Versioned) => done,
  },
  organization: {
    make: `mutation { done: createOrganization(input: { ${organization} }) { id version } }`,
    update: 'mutation ($id: ID!, $input: UpdateOrganizationInput!) { done: updateOrganization(id: $id, input: $input) { id version } }',
    end: 'mutation ($id: ID!, $version: Int) { done: deleteOrganization(id: $id, version: $version) { id version } }',
    changes: [{ city: 'Troy' }, { city: 'Albany' }, {}],
    at: (done: Versioned) => done,
  },
  contact: {
    make: `mutation ($parent: ID!) { done: createOrganizationContact(organizationId: $parent, input: { firstName: "A", lastName: "B" }) { ${contacts} } }`,
    update: `mutation ($id: ID!, $input: OrganizationContactInput!) { done: updateOrganizationContact(id: $id, input: $input) { ${contacts} } }`,
    end: `mutation ($id: ID!, $version: Int) { done: deleteOrganizationContact(id: $id, version: $version) { ${contacts} } }`,
    changes: [{ title: 'Steward' }, { title: 'Manager' }, {}],
    at: (done: { contacts: Versioned[] }) => done.contacts[0],
  },
  employment: {
    make: `mutation ($parent: ID!, $employer: ID!) { done: startEmployment(memberId: $parent, input: { organizationId: $employer, startDate: "2020-01-01" }) { ${employments} } }`,
    update: `mutation ($id: ID!, $input: EmploymentInput!) { done: updateEmployment(id: $id, input: $input) { ${employments} } }`,
    end: `mutation ($id: ID!, $version: Int) { done: endEmployment(id: $id, endDate: "2021-01-01", version: $version) { ${employments} } }`,
    changes: [{ jobTitle: 'Electrician' }, { jobTitle: 'Foreman' }, {}],
    at: (done: { employments: Versioned[] }) => done.employments[0],
  },
};

const parentOf: Readonly<Record<string, string>> = { contact: 'organization', employment: 'member' };
let made = 0;

async function make(name: string): Promise<Versioned> {
  const kind = kinds[name] as Kind;
  const employer = parentOf[name] === 'member' ? (await make('organization')).id : undefined;
  const parent = parentOf[name] === undefined ? undefined : (await make(parentOf[name])).id;
  const query = kind.make.replace('"V1"', `"V${(made += 1)}"`);
  return kind.at((await local.staff.see<{ done: never }>(query, { parent, employer })).done) as Versioned;
}

describe.each(Object.keys(kinds))('a record of kind %s', (name) => {
  const kind = kinds[name] as Kind;
  const update = (id: string, input: object) => local.staff.ask<{ done: never }>(kind.update, { id, input });
  const end = (id: string, version: number | null) => local.staff.ask<{ done: never }>(kind.end, { id, version });

  it('starts with version 1, which increases with each change, and only then', async () => {
    const { id, version } = await make(name);
    const versions = [version];
    for (const change of kind.changes) versions.push(kind.at((await update(id, change)).data.done)?.version ?? 0);
    expect(versions).toEqual([1, 2, 3, 3]);
  });

  it('is changed only in the version that was read', async () => {
    const { id, version } = await make(name);
    expect((await update(id, { ...kind.changes[0], version })).codes).toEqual([]);
    for (const change of [kind.changes[1], {}]) {
      const { errors } = await update(id, { ...change, version });
      expect(errors[0]).toMatchObject({
        message: 'The record has changed since that version. Read it again.',
        extensions: { code: 'CONFLICT', state: 'CHANGED', allowedActions: [] },
      });
    }
    expect(kind.at((await update(id, { ...kind.changes[1], version: 2 })).data.done)?.version).toBe(3);
  });

  it('is changed in any version if none is submitted', async () => {
    const { id } = await make(name);
    for (const change of [kind.changes[0], { ...kind.changes[1], version: null }])
      expect((await update(id, change ?? {})).codes).toEqual([]);
  });

  it('is ended only in the version that was read', async () => {
    const { id } = await make(name);
    await update(id, kind.changes[0] ?? {});
    expect((await end(id, 1)).codes).toEqual(['CONFLICT']);
    expect((await end(id, 2)).codes).toEqual([]);
  });
});

it.each(['contact', 'employment'])('a new %s accepts no version', async (name) => {
  const parent = (await make(parentOf[name] as string)).id;
  const employer = (await make('organization')).id;
  const query = (kinds[name] as Kind).make.replace(' })', ', version: 1 })');
  const { codes, errors } = await local.staff.ask(query, { parent, employer });
  expect([codes, errors[0]?.extensions['fields']]).toEqual([
    ['BAD_INPUT'],
    [{ path: 'input.version', message: 'must be omitted: a new record has no version yet' }],
  ]);
});
