import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, describe, expect, it } from '@jest/globals';
import { buildSchema } from 'graphql';
import { Keyring } from '../src/services/crypto/keyring.ts';
import { freshActor, value } from './case.kit.ts';
import { creationNames, creations, Makings, type Creation } from './idempotency.kit.ts';
import { dumpOf } from './leak.kit.ts';
import { statementsOf } from './support/database.ts';
import { project } from './support/house.ts';
import { aLocal, Clock, type Local } from './support/local.ts';
import { aNode, bearer, seededDatabase } from './support/node.ts';
import { saidOf } from './support/said.ts';

const anotherRequest = 'This idempotency-key was already used for another request. Use a new one.';

const origin = 'https://front.example.test';

let local: Local;
let makings: Makings;

beforeAll(async () => {
  local = await aLocal({ environment: { CORS_ORIGINS: origin } });
  makings = await Makings.at(local);
  // Sign-in needs statements too.
  await Promise.all(creations.map(({ who }) => local[who].token()));
});

const keysHeld = () => value<number>(local, 'select count(*)::int from idempotency_keys');

describe('the contract', () => {
  const { mutations, marked } = contract();

  /** Creating mutations without idempotency, with the reason. */
  const exempt: Readonly<Record<string, string>> = {
    createVault: 'is made once, and shows its recovery kit once: a retry is CONFLICT',
    storeSecret: 'says which version it is to follow; nothing is kept that was made of a secret',
    register: 'is asked by nobody yet, and tells nothing: a retry mails again',
    setupOwner: 'is asked by nobody yet, once: a retry is CONFLICT',
    login: 'is asked by nobody yet',
    completeLogin: 'is asked by nobody yet',
    beginTotp: 'replaces what was begun before',
    removeSecondFactor: 'is a CONFLICT once the factor is gone',
    removeHoliday: 'is NOT_FOUND once the holiday is gone',
    takeGrievanceDefault: 'is a CONFLICT once the default was taken',
    resignRegistration: 'signs once more for the same last day',
    leaveBook: 'is a CONFLICT once the registration has ended',
    renewSession: 'answers new tokens of the same session',
  };

  /** Verbs that change or end a record, or that have the same result when repeated. */
  const others =
    /^(update|delete|verify|deactivate|reactivate|unlock|assign|unassign|transfer|change|request|reset|confirm|disable|regenerate|revoke|reauthenticate|logout|refresh|lock|recover|reveal|rename|restore|grant|rotate|test|save|end|submit|withdraw|pay|investigate|appeal|settle|close|set|amend|pin)(?![a-z])/;

  it('marks each idempotent mutation, and this file tests all of them', () => {
    expect(marked).toEqual([...creationNames].sort());
  });

  it('has no other creating mutation without a stated reason', () => {
    const undecided = mutations.filter((name) => !marked.includes(name) && !(name in exempt) && !others.test(name)).map(String);
    expect(undecided).toEqual([]);
    expect(Object.keys(exempt).filter((name) => !mutations.includes(name) || marked.includes(name))).toEqual([]);
  });
});

describe.each(creations)('$name', (creation: Creation) => {
  it('returns the result of the first attempt for a retry, which creates and records nothing', async () => {
    const variables = await makings.variables(creation);
    const made = await makings.watch(creation, async () => {
      const first = await makings.ask(creation, variables, { key: `retry-${creation.name}` });
      expect(first.codes).toEqual([]);
      for (let time = 0; time < 2; time += 1) {
        const again = await makings.ask(creation, variables, { key: `retry-${creation.name}` });
        expect([again.codes, again.data]).toEqual([[], first.data]);
      }
    });
    expect(made).toEqual({ rows: 1, events: 1 });
  });

  it('is CONFLICT with other arguments, and creates nothing', async () => {
    const variables = await makings.variables(creation);
    const { codes } = await makings.ask(creation, variables, { key: `other-${creation.name}` });
    expect(codes).toEqual([]);
    const made = await makings.watch(creation, async () => {
      const { errors, data } = await makings.ask(creation, creation.otherwise(variables), { key: `other-${creation.name}` });
      expect(errors.map(({ message, extensions }) => [extensions.code, message])).toEqual([['CONFLICT', anotherRequest]]);
      expect(data).toBeNull();
    });
    expect(made).toEqual({ rows: 0, events: 0 });
  });

  it('stores no key after a failure', async () => {
    const before = await keysHeld();
    const variables = await makings.variables(creation);
    const made = await makings.watch(creation, async () => {
      const { codes } = await makings.ask(creation, creation.wrongly(variables), { key: `failed-${creation.name}` });
      expect(codes).toHaveLength(1);
      expect(['BAD_INPUT', 'NOT_FOUND']).toContain(codes[0]);
      expect(await keysHeld()).toBe(before);
      expect((await makings.ask(creation, variables, { key: `failed-${creation.name}` })).codes).toEqual([]);
    });
    expect(made).toEqual({ rows: 1, events: 1 });
    expect(await keysHeld()).toBe(before + 1);
  });

  it('needs no additional statement without a key', async () => {
    const [first, second] = [await makings.variables(creation), await makings.variables(creation)];
    const without = await statementsOf(local.heard, () => makings.ask(creation, first));
    expect(without.filter((text) => text.includes('idempotency_keys'))).toEqual([]);
    const withKey = await statementsOf(local.heard, () => makings.ask(creation, second, { key: `cost-${creation.name}` }));
    expect(withKey.filter((text) => text.includes('idempotency_keys'))).toHaveLength(2);
    expect(without.length).toBeLessThanOrEqual(withKey.length - 2);
  });
});

const organization = creations.find(({ name }) => name === 'createOrganization') as Creation;
const application = creations.find(({ name }) => name === 'applyForBenevolence') as Creation;

describe('an attempt that only the database refuses', () => {
  it.each([
    ['createMember', 'memberNumber', 'input.memberNumber is taken'],
    ['createRole', 'name', 'input.name is taken'],
    ['createUser', 'username', 'input.username is taken'],
  ])('%s stores no key', async (name, field, told) => {
    const creation = creations.find((each) => each.name === name) as Creation;
    const [first, second] = [await makings.variables(creation), await makings.variables(creation)];
    expect((await makings.ask(creation, first)).codes).toEqual([]);
    const taken = { input: { ...second.input, [field]: first.input[field] } };
    const before = await keysHeld();
    const made = await makings.watch(creation, async () => {
      for (let time = 0; time < 2; time += 1) expect(saidOf(await makings.ask(creation, taken, { key: `taken-${name}` }))).toEqual([told]);
      expect(await keysHeld()).toBe(before);
      expect((await makings.ask(creation, second, { key: `taken-${name}` })).codes).toEqual([]);
    });
    expect(made).toEqual({ rows: 1, events: 1 });
  });
});

describe('without a key', () => {
  it('every request creates a record', async () => {
    const variables = await makings.variables(organization);
    const made = await makings.watch(organization, async () => {
      await makings.ask(organization, variables);
      await makings.ask(organization, variables);
    });
    expect(made).toEqual({ rows: 2, events: 2 });
  });

  it('a record that one statement creates has no transaction of its own', async () => {
    const log = creations.find(({ name }) => name === 'logSaltingActivity') as Creation;
    const variables = await makings.variables(log);
    const statements = await statementsOf(local.heard, () => makings.ask(log, variables));
    expect(statements.filter((text) => /^\s*(begin|savepoint|commit)/i.test(text))).toEqual([]);
    expect(statements).toHaveLength(4);
  });
});

describe('a key', () => {
  it('belongs to its user: the same key of another user creates another record', async () => {
    const variables = await makings.variables(organization);
    const made = await makings.watch(organization, async () => {
      const ids = [];
      for (const who of [local.staff, local.officer, local.staff, local.officer])
        ids.push((await makings.ask(organization, variables, { key: 'shared-1', who })).data.made.id);
      expect(new Set(ids).size).toBe(2);
      expect([ids[2], ids[3]]).toEqual([ids[0], ids[1]]);
    });
    expect(made).toEqual({ rows: 2, events: 2 });
  });

  it('belongs to one operation: another one with it is CONFLICT', async () => {
    expect((await makings.ask(organization, await makings.variables(organization), { key: 'mixed-1' })).codes).toEqual([]);
    expect((await makings.ask(application, await makings.variables(application), { key: 'mixed-1' })).codes).toEqual(['CONFLICT']);
  });

  it('identifies the arguments in any notation, and not the selected fields', async () => {
    const ask = (query: string, variables: object = {}) =>
      local.staff.ask<{ made: { id: string } }>(query, variables, { 'idempotency-key': 'written-1' });
    const first = await ask(`mutation ($input: CreateOrganizationInput!) { made: createOrganization(input: $input) { id } }`, {
      input: { name: 'Lock & Dam 9', orgType: 'EMPLOYER', unitSize: 12 },
    });
    const second = await ask(
      `mutation Again($size: Int) { made: createOrganization(input: { unitSize: $size, orgType: EMPLOYER, name: "Lock & Dam 9" }) { id name } }`,
      { size: 12 },
    );
    expect(second.data.made).toEqual({ id: first.data.made.id, name: 'Lock & Dam 9' });
    const other = await ask(
      `mutation { made: createOrganization(input: { unitSize: null, orgType: EMPLOYER, name: "Lock & Dam 9" }) { id } }`,
    );
    expect(other.codes).toEqual(['CONFLICT']);
  });

  it.each(['!', '~'.repeat(255), '"a,b;c"', '0198c1f0-0000-7000-8000-000000000001'])('may be %p', async (key) => {
    const variables = await makings.variables(organization);
    const [first, second] = [await makings.ask(organization, variables, { key }), await makings.ask(organization, variables, { key })];
    expect([first.codes, second.data]).toEqual([[], first.data]);
  });

  it.each(['', 'two words', 'x'.repeat(256), 'clé', 'one, two'])('may not be %p: nothing is executed', async (key) => {
    const variables = await makings.variables(organization);
    const made = await makings.watch(organization, async () => {
      const answer = await makings.ask(organization, variables, { key });
      expect(saidOf(answer)).toEqual(['idempotency-key must have 1 to 255 visible ASCII characters']);
      expect(JSON.stringify(answer.errors)).not.toContain('two words');
    });
    expect(made).toEqual({ rows: 0, events: 0 });
  });

  it('requires a single root field: with more, nothing is executed', async () => {
    const variables = await makings.variables(organization);
    const two = [
      'a: createOrganization(input: $input) { id } b: createOrganization(input: $input) { id }',
      '...Two',
      '... on Mutation { createOrganization(input: $input) { id } } logout',
    ];
    const fragment = 'fragment Two on Mutation { a: createOrganization(input: $input) { id } logout }';
    const made = await makings.watch(organization, async () => {
      for (const body of two) {
        const query = `mutation ($input: CreateOrganizationInput!) { ${body} } ${body === '...Two' ? fragment : ''}`;
        const answer = await local.staff.ask(query, variables, { 'idempotency-key': 'two-1' });
        expect(saidOf(answer)).toEqual(['query must have only one root field when an idempotency-key is sent']);
      }
    });
    expect(made).toEqual({ rows: 0, events: 0 });
    expect((await local.staff.ask('{ me { id } }')).codes).toEqual([]);
  });

  it('may come with one field that is selected in two places', async () => {
    const { input } = (await makings.variables(organization)) as { input: object };
    const query = `mutation ($input: CreateOrganizationInput!) {
      __typename createOrganization(input: $input) { id } ... on Mutation { createOrganization(input: $input) { name } } }`;
    const answer = await local.staff.ask(query, { input }, { 'idempotency-key': 'merged-1' });
    expect(answer.codes).toEqual([]);
  });

  it('has no effect on a query or on other mutations', async () => {
    const before = await keysHeld();
    for (const key of ['q-1', 'q-1', 'two words']) {
      const { codes } = await local.staff.ask('{ me { id } a: permissions { operation } }', {}, { 'idempotency-key': key });
      expect(codes).toEqual([]);
    }
    const { id } = (await makings.ask(organization, await makings.variables(organization))).data.made;
    const update = 'mutation ($id: ID!, $city: String) { made: updateOrganization(id: $id, input: { city: $city }) { city } }';
    for (const city of ['Elko', 'Reno']) {
      const { data } = await local.staff.ask<{ made: object }>(update, { id, city }, { 'idempotency-key': 'u-1' });
      expect(data.made).toEqual({ city });
    }
    expect(await keysHeld()).toBe(before);
  });

  it('can be sent from the page of a front end', async () => {
    const asks = { origin, 'access-control-request-method': 'POST', 'access-control-request-headers': 'content-type,idempotency-key' };
    const { headers } = await fetch(`${local.url}/graphql`, { method: 'OPTIONS', headers: asks });
    expect(headers.get('access-control-allow-origin')).toBe(origin);
    expect(headers.get('access-control-allow-headers')?.split(/, ?/)).toContain('idempotency-key');
  });

  it('requires a sign-in', async () => {
    const answer = await makings.ask(organization, await makings.variables(organization), { key: 'nobody-1', who: local.anonymous });
    expect(answer.codes).toEqual(['UNAUTHENTICATED']);
  });

  it('mails an invitation once', async () => {
    const user = creations.find(({ name }) => name === 'createUser') as Creation;
    const variables = (await makings.variables(user)) as { input: { email: string } };
    for (let time = 0; time < 3; time += 1) expect((await makings.ask(user, variables, { key: 'mail-1' })).codes).toEqual([]);
    expect(await local.mailbox(variables.input.email)).toHaveLength(1);
  });
});

describe('a retry is answered with the current permissions:', () => {
  it('FORBIDDEN if the role was removed', async () => {
    const variables = await makings.variables(organization);
    await makings.ask(organization, variables, { key: 'role-1' });
    const assignment = `user_id = (select id from users where username = 'staff')`;
    await local.sql(`update user_roles set expires_at = assigned_at + interval '1 millisecond' where ${assignment}`);
    expect((await makings.ask(organization, variables, { key: 'role-1' })).codes).toEqual(['FORBIDDEN']);
    expect((await makings.ask(organization, organization.otherwise(variables), { key: 'role-1' })).codes).toEqual(['FORBIDDEN']);
    await local.sql(`update user_roles set expires_at = null where ${assignment}`);
    expect((await makings.ask(organization, variables, { key: 'role-1' })).codes).toEqual([]);
  });

  it('NOT_FOUND if the record is now hidden', async () => {
    const query = 'mutation ($input: ApplyForBenevolenceInput!) { made: applyForBenevolence(input: $input) { id } }';
    const input = { reason: 'MEDICAL', description: 'Two months without pay.', amountRequested: '120.00' };
    const apply = () => local.member.ask<{ made: { id: string } | null }>(query, { input }, { 'idempotency-key': 'hidden-1' });
    const first = await apply();
    expect(first.codes).toEqual([]);
    const memberId = await value<string>(local, `select member_id from users where username = 'member'`);
    const link = (id: string) => local.sql(`update users set member_id = $1 where username = 'member'`, [id]);
    await link(
      await value(local, 'select id from members where id not in (select member_id from users where member_id is not null) limit 1'),
    );
    expect((await apply()).codes).toEqual(['NOT_FOUND']);
    await link(memberId);
    expect((await apply()).data.made).toEqual(first.data.made);
  });

  it('NOT_FOUND if the record was deleted, without creating it again', async () => {
    const variables = await makings.variables(organization);
    const { id } = (await makings.ask(organization, variables, { key: 'deleted-1' })).data.made;
    await local.admin.see('mutation ($id: ID!) { deleteOrganization(id: $id) { id } }', { id });
    const made = await makings.watch(organization, async () => {
      expect((await makings.ask(organization, variables, { key: 'deleted-1' })).codes).toEqual(['NOT_FOUND']);
    });
    expect(made).toEqual({ rows: 0, events: 0 });
  });
});

describe('the stored key', () => {
  const stored = async (id: string) =>
    (await local.sql('select key, digest, t::text as whole from idempotency_keys t where record_id = $1', [id]))[0] as {
      key: string;
      digest: string;
      whole: string;
    };

  it('reveals neither the key, nor its user, nor the request', async () => {
    const name = 'Quarry Number Eleven';
    const key = 'a-key-of-few-letters';
    const input = { name, orgType: 'EMPLOYER' };
    const made = await makings.ask(organization, { input }, { key });
    const other = await makings.ask(organization, { input }, { key: `${key}.2` });
    const [one, two] = [await stored(made.data.made.id), await stored(other.data.made.id)];
    const userId = await value<string>(local, `select id from users where username = 'staff'`);
    const hashes = [key, userId, name, JSON.stringify({ input }), JSON.stringify(input)].flatMap((text) => [
      text,
      ...(['hex', 'base64', 'base64url'] as const).map((form) => createHash('sha256').update(text).digest(form)),
    ]);
    for (const text of hashes) expect(one.whole).not.toContain(text);
    // the same request under two keys has different digests
    expect(one.digest.split('.')[0]).toBe(two.digest.split('.')[0]);
    expect(one.digest.split('.')[1]).not.toBe(two.digest.split('.')[1]);
    for (const text of (await dumpOf(local.database)).values()) expect(text).not.toContain(key);
  });

  it('cannot be compared after its system key was removed: CONFLICT', async () => {
    const variables = await makings.variables(organization);
    const { id } = (await makings.ask(organization, variables, { key: 'gone-1' })).data.made;
    await local.sql(`update idempotency_keys set digest = 'gone.' || split_part(digest, '.', 2) where record_id = $1`, [id]);
    expect((await makings.ask(organization, variables, { key: 'gone-1' })).codes).toEqual(['CONFLICT']);
  });

  it('is compared under its own system key, whichever is active', async () => {
    const [old, fresh] = [Keyring.generate(), Keyring.generate()];
    const [keyring, clock] = [Keyring.parse(old), new Clock()];
    const database = await seededDatabase(keyring);
    const before = await aNode({ database, keyring, clock });
    const after = await aNode({ database, keyring: Keyring.parse(`${fresh},${old}`), clock });
    const { data } = await before.ask<{ login: { accessToken: string } }>(
      'mutation { login(input: { identifier: "staff", password: "unionhall-dev" }) { ... on SignedIn { accessToken } } }',
    );
    const headers = { ...bearer(data.login.accessToken), 'idempotency-key': 'turn-1' };
    const query = 'mutation ($name: String!) { made: createOrganization(input: { name: $name, orgType: EMPLOYER }) { id } }';
    const first = await before.ask(query, { name: 'Mill' }, headers);
    expect([first.codes, (await after.ask(query, { name: 'Mill' }, headers)).data]).toEqual([[], first.data]);
    expect((await after.ask(query, { name: 'Mine' }, headers)).codes).toEqual(['CONFLICT']);
  });
});

// The last block, because it changes the clock.
describe('after 24 hours', () => {
  it('a key is unknown, and may come with any arguments', async () => {
    const variables = await makings.variables(organization);
    const ask = (given: object) => makings.ask(organization, given, { key: 'day-1', who: freshActor(local, 'staff') });
    const { id } = (await ask(variables)).data.made;
    local.clock.turn(24 * 3600 - 60);
    expect((await ask(variables)).data.made.id).toBe(id);
    expect((await ask(organization.otherwise(variables))).codes).toEqual(['CONFLICT']);
    local.clock.turn(60);
    const next = (await ask(organization.otherwise(variables))).data.made;
    expect(next.id).not.toBe(id);
    expect((await ask(organization.otherwise(variables))).data.made).toEqual(next);
    expect((await ask(variables)).codes).toEqual(['CONFLICT']);
    local.clock.turn(24 * 3600);
    expect((await ask(variables)).data.made.id).not.toBe(id);
  });
});

/** Returns the mutations of the contract, and those that it marks as idempotent. */
function contract(): { mutations: readonly string[]; marked: readonly string[] } {
  const fields = buildSchema(readFileSync(join(project, 'schema.graphql'), 'utf8'))
    .getMutationType()
    ?.getFields();
  const mutations = Object.keys(fields ?? {}).sort();
  return { mutations, marked: mutations.filter((name) => fields?.[name]?.description?.includes('`idempotency-key` header')) };
}
