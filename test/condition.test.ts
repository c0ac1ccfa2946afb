import 'reflect-metadata';
import { beforeAll, expect, it } from '@jest/globals';
import type { Database } from '../src/database/index.ts';
import { Keyring } from '../src/services/crypto/keyring.ts';
import { Caller, type Told } from './live.kit.ts';
import { Clock } from './support/local.ts';
import { aNode, seededDatabase, type Node } from './support/node.ts';

// Tests conditions at the root of a subscription, which graphql-js cannot evaluate during validation.

const keyring = Keyring.parse(Keyring.generate());
const logged: { level: number }[] = [];
let database: Database;
let node: Node;

beforeAll(async () => {
  database = await seededDatabase(keyring);
  const logTo = (line: string) => void logged.push(JSON.parse(line) as { level: number });
  node = await aNode({ database, keyring, clock: new Clock(), logTo });
}, 120_000);

async function signIn(): Promise<string> {
  const query = 'mutation { login(input: { identifier: "officer", password: "unionhall-dev" }) { ... on SignedIn { accessToken } } }';
  const { data } = await post({ query });
  return (data as { login: { accessToken: string } }).login.accessToken;
}

async function post(body: object): Promise<{ status: number; data?: unknown; errors?: Told['errors'] }> {
  const headers = { 'content-type': 'application/json', accept: 'application/graphql-response+json' };
  const response = await fetch(`${node.url}/graphql`, { method: 'POST', headers, body: JSON.stringify(body) });
  return { status: response.status, ...((await response.json()) as object) };
}

const errorLines = () => logged.filter(({ level }) => level >= 50);

const documents = [
  'subscription ($v: Boolean!) { grievanceChanged @skip(if: $v) { action } }',
  'subscription ($v: Boolean!) { grievanceChanged @include(if: $v) { action } }',
  'subscription ($v: Boolean!) { ... @include(if: $v) { grievanceChanged { action } } }',
  'subscription ($v: Boolean!) { ...F } fragment F on Subscription { grievanceChanged @skip(if: $v) { action } }',
  'subscription ($v: Boolean!) { ...F @skip(if: $v) } fragment F on Subscription { grievanceChanged { action } }',
  'subscription { grievanceChanged @skip(if: null) { action } }',
  'subscription { grievanceChanged @include { action } }',
  'query Q { __typename } subscription S($v: Boolean!) { ...F } fragment F on Subscription { ...F @skip(if: $v) }',
];

it.each(documents)('is refused over HTTP as a client error: %s', async (query) => {
  const [operationName] = /\bQ\b/.exec(query) ?? [];
  const { status, errors = [] } = await post({ query, operationName, variables: { v: true } });
  expect({ status, codes: [...new Set(errors.map(({ extensions }) => extensions.code))] }).toEqual({ status: 400, codes: ['BAD_INPUT'] });
  expect(errorLines()).toEqual([]);
});

it('is refused over a WebSocket as a client error, and the socket stays open', async () => {
  const caller = new Caller(node.url, { authorization: `Bearer ${await signIn()}` });
  for (const query of documents.slice(0, -1)) {
    const why = (await caller.listen(query, { v: true }).ended) as Told['errors'];
    expect([query, new Set(why?.map(({ extensions }) => extensions.code))]).toEqual([query, new Set(['BAD_INPUT'])]);
    expect(why?.[0]?.message).toMatch(/^Directive "@(skip|include)" may not be used on SUBSCRIPTION\.$/);
  }
  expect(caller.socket?.readyState).toBe(caller.socket?.OPEN);
  expect(errorLines()).toEqual([]);
  await caller.hangUp();
});

it('is accepted below the root', async () => {
  const [grievance] = await database.run('select id from grievances limit 1');
  const caller = new Caller(node.url, { authorization: `Bearer ${await signIn()}` });
  const ears = caller.listen('subscription ($v: Boolean!) { grievanceChanged { action grievance @skip(if: $v) { id } } }', { v: true });
  await ears.ready(database.run, String(grievance?.['id']));
  await caller.hangUp();
});
