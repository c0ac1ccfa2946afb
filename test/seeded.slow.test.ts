import 'reflect-metadata';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import pg from 'pg';
import { seededAccounts } from '../seeds/index.ts';
import { takenOverAt } from '../seeds/id.ts';
import { Keyring } from '../src/services/crypto/keyring.ts';
import { seededAt } from '../src/services/user/seeded-accounts.ts';
import { serverDatabase } from './support/database.ts';
import { buildProgram, runProcess, startProcess } from './support/process.ts';

const keys = Keyring.generate();
const names = seededAccounts.map(({ username }) => username).sort();
const refusal = `The database has seeded accounts with public passwords: ${names.join(', ')}.`;
let built: ReturnType<typeof buildProgram>;
const folders: string[] = [];

async function folder(): Promise<string> {
  const made = await mkdtemp(join(tmpdir(), 'unionhall-seeded-'));
  folders.push(made);
  return made;
}

beforeAll(() => {
  built = buildProgram();
}, 120_000);
afterAll(async () => {
  await Promise.all(folders.map((each) => rm(each, { recursive: true, force: true })));
});

const production = async (more: Record<string, string>) => ({
  NODE_ENV: 'production',
  PORT: '0',
  LOG_LEVEL: 'silent',
  HIBP_URL: 'off',
  UNIONHALL_KEYS: keys,
  UNIONHALL_CONFIG_DIR: await folder(),
  ...more,
});

async function signIn(url: string, identifier: string, password: string): Promise<string> {
  const query = 'mutation ($input: LoginInput!) { login(input: $input) { ... on SignedIn { accessToken } } }';
  const response = await fetch(`${url}/graphql`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ query, variables: { input: { identifier, password } } }),
  });
  const { errors } = (await response.json()) as { errors?: { extensions: { code: string } }[] };
  return errors?.[0]?.extensions.code ?? 'signed in';
}

/** Returns the doctor's finding about the accounts, if there is one. */
async function accountsOf(environment: Record<string, string>): Promise<string | undefined> {
  const { said } = await runProcess(built.program, ['doctor'], environment);
  return said.split('\n').find((line) => line.includes('  Accounts: '));
}

/** Seeds the accounts like a development run, with one hash each. */
async function seedAccounts(environment: Record<string, string>): Promise<void> {
  const { hasSucceeded, said } = await runProcess(built.program, ['seed', '--phase', '0'], { ...environment, NODE_ENV: 'development' });
  if (!hasSucceeded) throw new Error(said);
}

describe.each(['embedded', 'postgresql'] as const)('a database seeded on the %s engine, in production', (engine) => {
  let environment: Record<string, string>;
  let drop = (): Promise<void> => Promise.resolve();

  beforeAll(async () => {
    const server = engine === 'postgresql' ? await serverDatabase() : null;
    if (server) drop = server.drop;
    environment = await production(server ? { DATABASE_URL: server.url } : { UNIONHALL_DATA_DIR: join(await folder(), 'data') });
    await seedAccounts(environment);
  }, 120_000);
  afterAll(() => drop());

  it('is refused at start, and doctor says so', async () => {
    const { said, hasSucceeded } = await runProcess(built.program, ['start'], environment);
    expect([hasSucceeded, said]).toEqual([false, expect.stringContaining(refusal)]);
    expect(said).toContain('npm run users:disable-seeded');
    expect(said).not.toMatch(/unionhall-dev|testpass|\n {4}at /);
    expect(await accountsOf(environment)).toMatch(`failed  Accounts: ${refusal}`);
  }, 60_000);

  it('is served after users:disable-seeded: no public password signs in, and there is no owner', async () => {
    const first = await runProcess(built.program, ['users:disable-seeded'], environment);
    expect(first).toEqual({
      hasSucceeded: true,
      said: `Disabled 10 accounts: ${names.join(', ')}.\nThe instance has no owner now. The next start prints a set-up token.\n`,
    });
    const again = await runProcess(built.program, ['users:disable-seeded'], environment);
    expect(again).toEqual({ hasSucceeded: true, said: 'No account has a seeded password.\n' });
    const { said: exported } = await runProcess(built.program, ['audit:export'], environment);
    const events = exported
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line) as { action: string; requestId: string });
    const actions = events.map(({ action }) => action).sort();
    expect(actions).toEqual([...names.map(() => 'user.deactivate'), 'user.remove_ownership']);
    expect(new Set(events.map(({ requestId }) => requestId))).toEqual(new Set([expect.stringMatching(/^host-/)]));
    expect(await accountsOf(environment)).toBe('ok      Accounts: No account has a public password.');
    const service = await startProcess(built.program, environment);
    try {
      expect(service.said()).toMatch(/sut1\.[\w-]{43}/);
      for (const { username, password } of seededAccounts) expect(await signIn(service.url, username, password)).toBe('BAD_CREDENTIALS');
    } finally {
      await service.stop();
    }
    expect(await runProcess(built.program, ['audit:verify'], environment)).toMatchObject({ hasSucceeded: true });
  }, 120_000);
});

describe('a seeded account', () => {
  it('is found by its creation time, with any name and address, until its password changes', async () => {
    expect(takenOverAt(0).toISOString()).toBe(seededAt);
    const { drop, url } = await serverDatabase();
    const client = new pg.Client({ connectionString: url });
    try {
      const environment = await production({ DATABASE_URL: url });
      await seedAccounts(environment);
      await client.connect();
      await client.query(`update users set password_hash = 'none' where username <> 'admin'`);
      await client.query(`update users set username = 'rosa', email = 'rosa@local.example' where username = 'admin'`);
      expect(await accountsOf(environment)).toMatch('public passwords: rosa.');
      // an admin could reactivate it
      await client.query(`update users set is_active = false where username = 'rosa'`);
      expect(await accountsOf(environment)).toMatch('public passwords: rosa.');
      await client.query(`update users set password_hash = replace(password_hash, '$argon2id', '$argon2i')`);
      expect(await accountsOf(environment)).toBe('ok      Accounts: No account has a public password.');
    } finally {
      await client.end();
      await drop();
    }
  }, 60_000);

  it('signs in to a development service', async () => {
    const { drop, url } = await serverDatabase();
    try {
      const environment = { ...(await production({ DATABASE_URL: url })), NODE_ENV: 'development', MAIL_WORKER: '0' };
      await seedAccounts(environment);
      const service = await startProcess(built.program, environment);
      expect(await signIn(service.url, 'officer', 'unionhall-dev')).toBe('signed in');
      await service.stop();
    } finally {
      await drop();
    }
  }, 60_000);
});
