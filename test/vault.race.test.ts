import { setTimeout as pause } from 'node:timers/promises';
import { beforeAll, describe, expect, it } from '@jest/globals';
import type { SqlEntityManager } from '@mikro-orm/postgresql';
import type { Database } from '../src/database/index.ts';
import { Keyring } from '../src/services/crypto/keyring.ts';
import { Clock } from './support/local.ts';
import { aNode, bearer, seededDatabase, type Node } from './support/node.ts';
import { Keeper, password, type Operation } from './vault.kit.ts';

const keyring = Keyring.parse(Keyring.generate());
const clock = new Clock();
const login = 'mutation ($input: LoginInput!) { login(input: $input) { ... on SignedIn { accessToken } } }';
let database: Database;
let nodes: readonly Node[];

/** The same user and session on different nodes. */
async function signIn(identifier: string): Promise<(node: number, vaultToken?: string | null) => Keeper> {
  const { data } = await (nodes[0] as Node).ask<{ login: { accessToken: string } }>(login, { input: { identifier, password } });
  const authorization = bearer(data.login.accessToken);
  return (node, vaultToken = null) => {
    const keeper = new Keeper(
      (query, variables, headers) => (nodes[node] as Node).ask(query, variables, { ...authorization, ...headers }) as never,
      password,
    );
    keeper.vaultToken = vaultToken;
    return keeper;
  };
}

const count = async (sql: string): Promise<number> => Number(Object.values((await database.run(sql, []))[0] ?? {})[0]);
const codesOf = async (asking: Promise<{ codes: readonly string[] }>): Promise<string> => (await asking).codes[0] ?? 'done';

let admin: Awaited<ReturnType<typeof signIn>>;
let token: string;

beforeAll(async () => {
  database = await seededDatabase(keyring, { engine: 'postgresql' });
  const environment = { LIMIT_SIGN_IN: '9999/1', LOGIN_ATTEMPTS: '100', DATABASE_POOL_SIZE: '10' };
  nodes = [
    await aNode({ database, keyring, clock, environment }),
    await aNode({ database, keyring, clock, environment }),
    await aNode({ database, keyring, clock, environment }),
  ];
  await database.run(`update users set is_owner = true where username = 'admin'`, []);
  admin = await signIn('admin');
  const made = await Promise.all([0, 1, 2, 0, 1, 2].map((node) => codesOf(admin(node).ask('createVault', { password }))));
  expect(made.sort()).toEqual([...Array<string>(5).fill('CONFLICT'), 'done']);
  token = await admin(0).unlock();
}, 120_000);

describe('several nodes', () => {
  it('serve one unlocked vault, and none of them after it was locked on another', async () => {
    await admin(1, token).store('shared', 'x');
    expect(await admin(2, token).reveal('shared')).toBe('x');
    await admin(2).see('lockVault');
    expect(await Promise.all([0, 1, 2].map((node) => admin(node, token).reveal('shared')))).toEqual(Array(3).fill('VAULT_LOCKED'));
    token = await admin(1).unlock();
  });

  it('lose no update: of many that expect one version, one is stored', async () => {
    await admin(0, token).store('contended', 'x');
    for (let version = 1; version <= 5; version += 1) {
      const answers = await Promise.all(
        Array.from({ length: 9 }, (_, at) =>
          codesOf(admin(at % 3, token).ask('storeSecret', { input: { keyName: 'contended', value: `${at}`, expectedVersion: version } })),
        ),
      );
      expect(answers.sort()).toEqual([...Array<string>(8).fill('CONFLICT'), 'done']);
    }
    expect(await count(`select current_version from secrets where key_name = 'contended'`)).toBe(6);
  });

  it('create one secret from many with the same name at once, and all its versions open', async () => {
    await Promise.all(Array.from({ length: 9 }, (_, at) => admin(at % 3, token).store('at once', `value ${at}`)));
    const values = await Promise.all([1, 2, 3, 4, 5, 6, 7, 8, 9].map((version) => admin(0, token).reveal('at once', version)));
    expect(values.sort()).toEqual(Array.from({ length: 9 }, (_, at) => `value ${at}`));
    expect(await count('select count(*) from secrets')).toBe(3);
  });

  it('rotate, store, rename and reveal concurrently, and nothing is lost', async () => {
    await admin(0, token).store('moving', 'the value');
    for (let round = 0; round < 4; round += 1) {
      const operations: readonly (readonly [Operation, object])[] = [
        ['rotateVaultKey', {}],
        ['storeSecret', { input: { keyName: `of round ${round}`, value: 'x' } }],
        ['renameSecret', { keyName: 'at once', newKeyName: 'elsewhere' }],
        ['renameSecret', { keyName: 'elsewhere', newKeyName: 'at once' }],
        ['revealSecret', { keyName: 'moving' }],
        ['restoreSecretVersion', { keyName: 'moving', version: round + 1 }],
      ];
      const answers = await Promise.all(operations.map(([name, given], at) => codesOf(admin(at % 3, token).ask(name, given))));
      for (const answer of answers) expect(['done', 'NOT_FOUND']).toContain(answer);
    }
    expect(await admin(1, token).reveal('moving')).toBe('the value');
    expect(await count(`select count(*) from vault_keys where state = 'active'`)).toBe(1);
    expect(await count(`select count(*) from secret_versions v join vault_keys k on k.id = v.vault_key_id where k.state <> 'active'`)).toBe(
      0,
    );
    const { secrets } = { secrets: await admin(0, token).see('secrets') };
    for (const { keyName, versions } of secrets ?? [])
      for (const { version } of versions) expect(await admin(2, token).reveal(keyName, version)).not.toMatch(/^[A-Z_]+$/);
  });

  it('create one key pair from many first sign-ins, and it can get access', async () => {
    await Promise.all([0, 1, 2, 0, 1, 2].map(() => signIn('officer')));
    expect(await count(`select count(*) from user_keys where user_id = (select id from users where username = 'officer')`)).toBe(1);
    const [row] = await database.run(`select id from users where username = 'officer'`, []);
    const grants = await Promise.all([0, 1, 2].map((node) => codesOf(admin(node, token).ask('grantVaultAccess', { userId: row?.['id'] }))));
    expect(grants).toEqual(['done', 'done', 'done']);
    const officer = await signIn('officer');
    expect(await officer(1, await officer(0).unlock()).reveal('moving')).toBe('the value');
    const revoked = await Promise.all(
      [0, 1, 2].map((node) => codesOf(admin(node, token).ask('revokeVaultAccess', { userId: row?.['id'] }))),
    );
    expect(revoked.sort()).toEqual(['CONFLICT', 'CONFLICT', 'done']);
  });

  it('delete a user with access while the key is rotated and granted, who then has nothing', async () => {
    const remove = 'mutation ($id: ID!) { deleteUser(id: $id) { id } }';
    await database.run('update grievances set assigned_user_id = null', []);
    for (const name of ['vp', 'president', 'organizer']) {
      const keeper = await signIn(name);
      const [row] = await database.run('select id from users where username = $1', [name]);
      const userId = row?.['id'];
      await admin(0, token).see('grantVaultAccess', { userId });
      const [removed, ...others] = await Promise.all([
        codesOf(admin(1).put(remove, { id: userId })),
        codesOf(admin(0, token).ask('rotateVaultKey')),
        codesOf(admin(2, token).ask('grantVaultAccess', { userId })),
        codesOf(keeper(2).ask('unlockVault', { password })),
      ]);
      expect([removed, others[0]]).toEqual(['done', 'done']);
      expect(others).not.toContain('INTERNAL');
      for (const table of ['vault_grants', 'user_keys'])
        expect([table, await count(`select count(*) from ${table} where user_id = '${String(userId)}'`)]).toEqual([table, 0]);
    }
    expect(await admin(1, token).reveal('moving')).toBe('the value');
  });

  it('refuse more than they can hash at once, and answer others meanwhile', async () => {
    // attempts are counted in the session: while its rows are locked, none completes, and the queue fills on any
    // machine
    const holder = database.orm.em.fork() as SqlEntityManager;
    await holder.begin();
    await holder.execute('select from sessions for update');
    const answers: string[] = [];
    const unlocking = Array.from({ length: 200 }, async () => answers.push(await codesOf(admin(0).ask('unlockVault', { password }))));
    while (!answers.includes('RATE_LIMITED')) await pause(20);
    const { codes } = await (nodes[0] as Node).ask('{ isConfigured }');
    await holder.commit();
    await Promise.all(unlocking);
    expect(codes).toEqual([]);
    expect(new Set(answers)).toEqual(new Set(['done', 'RATE_LIMITED', 'BAD_CREDENTIALS'].filter((code) => answers.includes(code))));
    const busy = answers.filter((answer) => answer === 'RATE_LIMITED').length;
    expect(busy).toBeGreaterThan(0);
    // the first ones of a session are single events, and the others are counted
    const [recorded, counted] = ['audit_events', 'denials'].map((table) =>
      count(`select coalesce(sum(count), 0)::int from ${table} where action = 'vault.unlock' and reason = 'busy'`),
    );
    expect(Number(await recorded) + Number(await counted)).toBe(busy);
    expect(answers.filter((answer) => answer === 'done').length).toBeGreaterThan(0);
  });

  it('change a password while the vault is unlocked elsewhere: the private key never has two passwords', async () => {
    const manager = await signIn('manager');
    const [row] = await database.run(`select id from users where username = 'manager'`, []);
    await admin(0, token).see('grantVaultAccess', { userId: row?.['id'] });
    await manager(0).unlock();
    const input = { currentPassword: password, newPassword: 'another one entirely' };
    const change = 'mutation ($input: ChangePasswordInput!) { changePassword(input: $input) { accessToken } }';
    const changing = (
      manager(1) as unknown as { asking: (query: string, given: object, headers: object) => Promise<{ codes: readonly string[] }> }
    ).asking(change, { input }, {});
    const racing = await Promise.all([
      codesOf(changing),
      ...[0, 1, 2, 0].map((node) => codesOf(manager(node).ask('unlockVault', { password }))),
    ]);
    expect(racing[0]).toBe('done');
    for (const answer of racing.slice(1)) expect(['done', 'BAD_CREDENTIALS']).toContain(answer);
    expect((await manager(0).ask('unlockVault', { password })).codes).toEqual(['BAD_CREDENTIALS']);
    expect((await manager(0).ask('unlockVault', { password: input.newPassword })).codes).toEqual([]);
  });
});
