// The client against a service that is played: what it sends, when it sends again, and what it makes of the answers.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { afterEach, test } from 'node:test';
import { ApplyForBenevolenceDocument, createClient, GrievancesDocument, WhoAmIDocument } from 'unionhall-client';

/** A service with prepared responses that records its requests. */
function played(...answers) {
  const asked = [];
  const fetch = async (_url, { body, headers }) => {
    const { query, variables } = JSON.parse(body);
    const name = /^\s*(?:query|mutation) (\w+)/m.exec(query)?.[1];
    asked.push({ name, variables, headers });
    const at = answers.findIndex((answer) => answer.to === undefined || answer.to === name);
    assert.notEqual(at, -1, `nothing is left to answer ${name}`);
    const [{ data = null, errors, extensions, lost, meanwhile }] = answers.splice(at, 1);
    await meanwhile?.();
    if (lost) throw new TypeError('fetch failed');
    return new Response(JSON.stringify({ data, ...(errors && { errors }), ...(extensions && { extensions }) }));
  };
  return { fetch, asked, names: () => asked.map(({ name }) => name) };
}

const refused = (code, more = {}) => ({ data: null, errors: [{ message: code, extensions: { code, requestId: 'r1', ...more } }] });
const user = { id: '1', fullName: 'Dennis Okafor' };
const signedIn = {
  to: 'SignIn',
  data: { login: { __typename: 'SignedIn', accessToken: 'a1', expiresIn: 1800, refreshToken: 'r1', deviceToken: 'd1', user } },
};
const refreshed = (n) => ({ to: 'Refresh', data: { refresh: { accessToken: `a${n}`, expiresIn: 1800, refreshToken: `r${n}` } } });
const me = { to: 'WhoAmI', data: { me: null, permissions: [] } };
const login = { identifier: 'officer', password: 'unionhall-dev' };

function begin(service, more = {}) {
  const clock = { ahead: 0 };
  const waited = [];
  const client = createClient({
    url: '/graphql',
    fetch: service.fetch,
    now: () => clock.ahead,
    wait: async (milliseconds) => void waited.push(milliseconds),
    ...more,
  });
  return { client, clock, waited };
}

function storage() {
  const kept = new Map();
  return {
    kept,
    getItem: (key) => kept.get(key) ?? null,
    setItem: (key, value) => kept.set(key, value),
    removeItem: (key) => kept.delete(key),
  };
}

test('signs in and sends the access token', async () => {
  const service = played(signedIn, me);
  const { client } = begin(service);
  assert.deepEqual(await client.signIn(login), { ok: true, data: { kind: 'signed in', user } });
  assert.equal((await client.ask(WhoAmIDocument)).ok, true);
  assert.equal(service.asked[1].headers.authorization, 'Bearer a1');
});

test('returns a second-factor challenge as an outcome and sends the code', async () => {
  const completed = { to: 'CompleteSignIn', data: { completeLogin: signedIn.data.login } };
  const service = played(
    { data: { login: { __typename: 'SecondFactorRequired', challenge: 'c', expiresIn: 300, methods: ['TOTP'] } } },
    completed,
  );
  const { client } = begin(service);
  assert.deepEqual(await client.signIn(login), { ok: true, data: { kind: 'second factor', challenge: 'c', methods: ['TOTP'] } });
  assert.equal((await client.completeSignIn('c', '123456')).ok, true);
  assert.deepEqual(service.asked[1].variables, { input: { challenge: 'c', code: '123456', method: 'TOTP' } });
});

test('keeps the device token and sends it with the next sign-in', async () => {
  const service = played(signedIn, { to: 'SignOut', data: { logout: true } }, signedIn);
  const { client } = begin(service);
  await client.signIn(login);
  await client.signOut();
  await client.signIn(login);
  assert.equal(service.asked[2].variables.input.deviceToken, 'd1');
});

test('refreshes before the access token expires', async () => {
  const service = played(signedIn, refreshed(2), me);
  const { client, clock } = begin(service);
  await client.signIn(login);
  clock.ahead = 1_796_000;
  await client.ask(WhoAmIDocument);
  assert.deepEqual(service.names(), ['SignIn', 'Refresh', 'WhoAmI']);
  assert.deepEqual(service.asked[1].variables, { refreshToken: 'r1' });
  assert.equal(service.asked[2].headers.authorization, 'Bearer a2');
});

test('refreshes once when the access token is refused, and repeats the request', async () => {
  const service = played(signedIn, { ...refused('UNAUTHENTICATED'), to: 'WhoAmI' }, refreshed(2), me);
  const { client } = begin(service);
  await client.signIn(login);
  assert.equal((await client.ask(WhoAmIDocument)).ok, true);
  assert.deepEqual(service.names(), ['SignIn', 'WhoAmI', 'Refresh', 'WhoAmI']);
});

test('repeats a lost refresh with the same token', async () => {
  const service = played(signedIn, { to: 'Refresh', lost: true }, { to: 'Refresh', lost: true }, refreshed(2), me);
  const { client, clock, waited } = begin(service);
  await client.signIn(login);
  clock.ahead = 1_800_000;
  assert.equal((await client.ask(WhoAmIDocument)).ok, true);
  assert.deepEqual(
    service.asked.filter(({ name }) => name === 'Refresh').map(({ variables }) => variables.refreshToken),
    ['r1', 'r1', 'r1'],
  );
  assert.ok(waited.reduce((sum, each) => sum + each, 0) < 10_000, 'all within the seconds in which it can be repeated');
});

test('stays signed in if the network is down during a refresh', async () => {
  const lost = { to: 'Refresh', lost: true };
  const gone = { to: 'WhoAmI', lost: true };
  const service = played(signedIn, lost, lost, lost, gone, gone, gone, refreshed(2), me);
  let over = 0;
  const { client, clock } = begin(service, { onSignedOut: () => (over += 1) });
  await client.signIn(login);
  clock.ahead = 1_800_000;
  const answer = await client.ask(WhoAmIDocument);
  assert.equal(answer.ok || answer.failure.code, 'UNREACHABLE');
  assert.equal((await client.ask(WhoAmIDocument)).ok, true);
  assert.equal(over, 0);
});

test('forgets a session that was ended, and notifies the page once', async () => {
  const keep = storage();
  const service = played(signedIn, { ...refused('UNAUTHENTICATED'), to: 'WhoAmI' }, { ...refused('UNAUTHENTICATED'), to: 'Refresh' });
  let over = 0;
  const { client } = begin(service, { keep, onSignedOut: () => (over += 1) });
  await client.signIn(login);
  const answer = await client.ask(WhoAmIDocument);
  assert.equal(answer.ok || answer.failure.code, 'UNAUTHENTICATED');
  assert.equal(over, 1);
  assert.deepEqual([...keep.kept.values()], ['d1']);
});

afterEach(() => {
  delete globalThis.document;
});

test('refreshes in one of several tabs, and all tabs use the new token', async (context) => {
  let last = Promise.resolve();
  const locks = { request: (_name, act) => (last = last.then(act)) };
  context.mock.getter(globalThis, 'navigator', () => ({ locks }));
  globalThis.document = {};
  const keep = storage();
  const service = played(signedIn, refreshed(2), me, me, me);
  const tabs = [0, 1, 2].map(() => begin(service, { keep }));
  await tabs[0].client.signIn(login);
  for (const { clock } of tabs) clock.ahead = 1_800_000;
  const answers = await Promise.all(tabs.map(({ client }) => client.ask(WhoAmIDocument)));
  assert.deepEqual(
    answers.map(({ ok }) => ok),
    [true, true, true],
  );
  assert.equal(service.names().filter((name) => name === 'Refresh').length, 1);
  assert.deepEqual(new Set(service.asked.slice(2).map(({ headers }) => headers.authorization)), new Set(['Bearer a2']));
});

test('waits as long as the service says before it retries, up to its patience', async () => {
  const busy = { ...refused('UNAVAILABLE', { retryAfter: 2 }), to: 'WhoAmI' };
  const service = played(busy, me, { ...refused('RATE_LIMITED', { retryAfter: 300 }), to: 'WhoAmI' });
  const { client, waited } = begin(service);
  assert.equal((await client.ask(WhoAmIDocument)).ok, true);
  assert.deepEqual(waited, [2000]);
  const answer = await client.ask(WhoAmIDocument);
  assert.equal(!answer.ok && answer.failure.code === 'RATE_LIMITED' && answer.failure.retryAfter, 300);
  assert.deepEqual(waited, [2000]);
});

test('does not repeat a mutation that was partly done', async () => {
  const partly = { ...refused('RATE_LIMITED', { retryAfter: 1 }), extensions: { completed: { one: { id: '1' } } } };
  const service = played(partly);
  const { client } = begin(service);
  const document = { toString: () => 'mutation Two { one: fileGrievance { id } two: fileGrievance { id } }' };
  const answer = await client.ask(document);
  assert.deepEqual([answer.ok, answer.data, answer.completed], [false, null, { one: { id: '1' } }]);
  assert.equal(service.asked.length, 1);
});

test('does not repeat a mutation that was partly done when the session ended meanwhile', async () => {
  const partly = { ...refused('UNAUTHENTICATED'), extensions: { completed: { one: { id: '1' } } } };
  const service = played(signedIn, partly);
  const { client } = begin(service);
  await client.signIn(login);
  const answer = await client.ask({ toString: () => 'mutation Two { one: fileGrievance { id } two: fileGrievance { id } }' });
  assert.deepEqual([answer.failure.code, answer.completed], ['UNAUTHENTICATED', { one: { id: '1' } }]);
  assert.equal(service.asked.length, 2);
});

const input = { amountRequested: '100.00', description: 'Rent', reason: 'HARDSHIP' };
const applied = { to: 'ApplyForBenevolence', data: { applyForBenevolence: { id: '1' } } };
const keysOf = (service) => service.asked.map(({ headers }) => headers['idempotency-key']);

test('repeats a creating mutation with the same key if there was no response', async () => {
  const lost = { to: 'ApplyForBenevolence', lost: true };
  const service = played(lost, { ...refused('UNAVAILABLE', { retryAfter: 2 }), to: 'ApplyForBenevolence' }, applied);
  const { client, waited } = begin(service);
  assert.equal((await client.ask(ApplyForBenevolenceDocument, { input })).ok, true);
  assert.deepEqual(waited, [700, 2000]);
  const [first, ...others] = keysOf(service);
  assert.match(first, /^[\da-f-]{36}$/);
  assert.deepEqual(others, [first, first]);
});

test('creates a key for each creating mutation, returns it if no attempt was answered, and accepts it again', async () => {
  const lost = { to: 'ApplyForBenevolence', lost: true };
  const service = played(lost, lost, lost, applied, applied, { to: 'Grievances', data: { grievances: null } });
  const { client } = begin(service);
  const answer = await client.ask(ApplyForBenevolenceDocument, { input });
  assert.equal(!answer.ok && answer.failure.code, 'UNREACHABLE');
  const { idempotencyKey } = answer.failure;
  assert.match(idempotencyKey, /^[\da-f-]{36}$/);
  await client.ask(ApplyForBenevolenceDocument, { input }, { idempotencyKey });
  await client.ask(ApplyForBenevolenceDocument, { input });
  await client.ask(GrievancesDocument);
  const keys = keysOf(service);
  assert.deepEqual(keys.slice(0, 4), Array(4).fill(idempotencyKey));
  assert.notEqual(keys[4], idempotencyKey);
  assert.equal(keys[5], undefined);
});

test('sends a key with exactly the mutations that the contract marks as idempotent', async () => {
  const contract = readFileSync(new URL('../../schema.graphql', import.meta.url), 'utf8');
  const [, mutations] = /^type Mutation \{\n([^]*?)^\}/m.exec(contract);
  const fields = [...mutations.matchAll(/^  """([^]*?)"""\n  (\w+)/gm)].map(([, description, name]) => ({ description, name }));
  const knowing = fields.filter(({ description }) => /`idempotency-key`\s+header/.test(description)).map(({ name }) => name);
  assert.ok(fields.length > 50 && knowing.length > 5);
  const service = played(...fields.map(() => ({})));
  const { client } = begin(service);
  for (const { name } of fields) await client.ask({ toString: () => `mutation ${name} { ${name}(input: $input) { id } }` });
  assert.deepEqual(
    service.asked.filter(({ headers }) => headers['idempotency-key'] !== undefined).map(({ name }) => name),
    knowing,
  );
});

for (const [what, text, hasKey] of [
  ['an alias', 'mutation One($input: X = { a: "}" }) { made: fileGrievance(input: $input) { id } }', true],
  ['arguments with braces', 'mutation One { fileGrievance(input: { a: { b: ") { }" }, c: """ } """ }) { id member { id } } }', true],
  [
    'a directive, a comment, a fragment',
    'fragment F on X { id }\nmutation One { # two { a b }\n fileGrievance @include(if: true) { ...F } }',
    true,
  ],
  ['two fields', 'mutation One { fileGrievance { id } logout }', false],
  ['two fields in a row of aliases', 'mutation One { a: fileGrievance { id }, b: fileGrievance { id } }', false],
  ['a fragment at the root', 'mutation One { ...F } fragment F on Mutation { fileGrievance { id } }', false],
  ['a field of that name elsewhere', 'mutation One { updateGrievance { fileGrievance } }', false],
  ['a query of that name', 'query One { fileGrievance { id } }', false],
]) {
  test(`${hasKey ? 'sends a' : 'sends no'} key with ${what}`, async () => {
    const service = played({ data: {} });
    await begin(service).client.ask({ toString: () => text });
    assert.equal(keysOf(service)[0] !== undefined, hasKey);
  });
}

test('does not repeat other mutations without a response', async () => {
  const service = played({ lost: true });
  const { client } = begin(service);
  const answer = await client.ask({ toString: () => 'mutation Submit { submitBenevolence(id: "1") { id } }' });
  assert.deepEqual([answer.failure.code, answer.failure.idempotencyKey, service.asked.length], ['UNREACHABLE', null, 1]);
});

test('reads every refusal into the form of its code', async () => {
  const fields = [{ path: 'input.amountRequested', message: 'must be more than zero' }];
  const said = { message: 'x', requestId: 'r1' };
  for (const [code, more, failure] of [
    ['FORBIDDEN', {}, {}],
    ['BAD_INPUT', { fields }, { fields }],
    ['BAD_INPUT', {}, { fields: [] }],
    ['CONFLICT', { state: 'PAID', allowedActions: [] }, { state: 'PAID', allowedActions: [] }],
    ['CONFLICT', {}, { state: null, allowedActions: [] }],
    ['VAULT_LOCKED', {}, {}],
  ]) {
    const service = played({ data: null, errors: [{ message: 'x', extensions: { code, requestId: 'r1', ...more } }] });
    const answer = await begin(service).client.ask(WhoAmIDocument);
    assert.deepEqual(!answer.ok && answer.failure, { code, ...said, ...failure });
  }
  const unknown = await begin(played(refused('SOMETHING_NEW'))).client.ask(WhoAmIDocument);
  assert.equal(!unknown.ok && unknown.failure.code, 'INTERNAL');
});
