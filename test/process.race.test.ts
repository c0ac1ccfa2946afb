import 'reflect-metadata';
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import pg from 'pg';
import { Keyring } from '../src/services/crypto/keyring.ts';
import { serverDatabase } from './support/database.ts';
import { buildProgram, startProcess, type Process } from './support/process.ts';

// Two processes of the built service on one PostgreSQL database, as behind a load balancer.

let built: ReturnType<typeof buildProgram>;
let folder: string;
let database: Awaited<ReturnType<typeof serverDatabase>>;
let client: pg.Client;
const nodes: Process[] = [];

beforeAll(async () => {
  built = buildProgram();
  folder = await mkdtemp(join(tmpdir(), 'unionhall-nodes-'));
  database = await serverDatabase();
  client = new pg.Client({ connectionString: database.url });
  await client.connect();
  const environment = {
    NODE_ENV: 'test',
    PORT: '0',
    LOG_LEVEL: 'silent',
    DATABASE_URL: database.url,
    UNIONHALL_KEYS: Keyring.generate(),
    UNIONHALL_CONFIG_DIR: folder,
    SEED: '1',
    MAIL_WORKER: '0',
    LIMIT_SIGN_IN: '9999/300',
    LIMIT_REFRESH: '9999/60',
    REQUEST_TIMEOUT: '300',
  };
  for (let node = 0; node < 2; node += 1) nodes.push(await startProcess(built.program, environment));
}, 180_000);

afterAll(async () => {
  await Promise.all(nodes.map((node) => node.stop()));
  await client?.end();
  await database?.drop();
  if (folder) await rm(folder, { recursive: true, force: true });
});

interface Answer {
  readonly data: Record<string, Record<string, string> | null> | null;
  readonly errors?: readonly { readonly extensions: { readonly code: string } }[];
}

/** Sends concurrent requests to the nodes in turn. */
function askAll(times: number, query: string, variables: object): Promise<Answer[]> {
  return Promise.all(Array.from({ length: times }, (_, n) => ask(nodes[n % nodes.length] as Process, query, variables)));
}

async function ask({ url }: Process, query: string, variables: object): Promise<Answer> {
  const headers = { 'content-type': 'application/json' };
  const response = await fetch(`${url}/graphql`, { method: 'POST', headers, body: JSON.stringify({ query, variables }) });
  return (await response.json()) as Answer;
}

it('a process lowers the priority of its hashing threads at its start', async () => {
  if (process.platform !== 'linux') return;
  for (const { id } of nodes) {
    const yields: Record<string, number[]> = {};
    for (const thread of await readdir(`/proc/${id}/task`)) {
      const stat = await readFile(`/proc/${id}/task/${thread}/stat`, 'utf8');
      const [, name = '', rest = ''] = /\((.*)\) (.*)/.exec(stat) ?? [];
      // threads of V8 have the name of the process on some versions of Node.js
      (yields[Number(thread) === id ? 'main' : name] ??= []).push(Number(rest.split(' ')[16]));
    }
    expect(yields['main']).toHaveLength(1);
    expect(yields['libuv-worker']).toEqual([12, 12, 12, 12]); // at any nice value of the test run
  }
});

const login = 'mutation ($input: LoginInput!) { login(input: $input) { ... on SignedIn { refreshToken } } }';
const refresh = 'mutation ($token: String!) { refresh(refreshToken: $token) { refreshToken } }';
const codesOf = ({ errors = [] }: Answer): string[] => errors.map(({ extensions }) => extensions.code);

/** Returns how many refusals of a reason were counted, stored or not. */
async function refusals(reason: string): Promise<number> {
  const { rows } = await client.query<{ count: number }>(
    `select coalesce(sum(count), 0)::int as count from (
       select count from denials where reason = $1 union all select count from audit_events where reason = $1) as counted`,
    [reason],
  );
  return rows[0]?.count ?? 0;
}

it('two nodes that seed one database make its admin the owner, and keep no set-up token', async () => {
  const { rows } = await client.query<{ username: string }>('select username from users where is_owner');
  expect(rows).toEqual([{ username: 'admin' }]);
  expect(await readdir(folder)).not.toContain('setup-token');
});

/** The codes that an overloaded service may return. */
const overload = ['RATE_LIMITED', 'UNAVAILABLE'];

describe('two processes on one database', () => {
  it('together try as many passwords as the limit allows', async () => {
    const input = { identifier: 'staff', password: 'a guess that is wrong' };
    const codes = (await askAll(64, login, { input })).flatMap(codesOf);
    expect(codes).toHaveLength(64);
    const lawful = ['BAD_CREDENTIALS', ...overload];
    expect(codes.filter((code) => !lawful.includes(code))).toEqual([]);
    // requests that were refused for overload are repeated one by one
    for (let again = codes.filter((code) => overload.includes(code)).length; again > 0; again -= 1)
      expect((await askAll(1, login, { input })).flatMap(codesOf)).toEqual(['BAD_CREDENTIALS']);
    expect(await refusals('wrong_password')).toBe(5);
    const [right] = await askAll(1, login, { input: { identifier: 'staff', password: 'unionhall-dev' } });
    expect(right && codesOf(right)).toEqual(['BAD_CREDENTIALS']);
  });

  it('rotate a refresh token once, and return the same successor to all', async () => {
    const [first] = await askAll(1, login, { input: { identifier: 'officer', password: 'unionhall-dev' } });
    let token = first?.data?.['login']?.['refreshToken'] ?? '';
    for (let round = 1; round <= 20; round += 1) {
      const answers = await askAll(32, refresh, { token });
      expect(answers.flatMap(codesOf).filter((code) => !overload.includes(code))).toEqual([]);
      const answered = answers.filter((answer) => codesOf(answer).length === 0);
      const successors = new Set(answered.map(({ data }) => data?.['refresh']?.['refreshToken']));
      expect(successors.size).toBe(1);
      token = [...successors][0] ?? '';
      const { rows } = await client.query<{ counter: number }>('select max(refresh_counter) as counter from sessions');
      expect(rows[0]?.counter).toBe(round + 1);
    }
  });
});
