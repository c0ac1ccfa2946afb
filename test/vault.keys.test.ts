import { afterAll, afterEach, beforeAll, describe, expect, it, jest } from '@jest/globals';
import type { SqlEntityManager } from '@mikro-orm/postgresql';
import type { Database } from '../src/database/index.ts';
import { forbidden } from '../src/errors.ts';
import { mayAct } from '../src/permissions/index.ts';
import { Viewer } from '../src/entities/viewer.ts';
import { RoleName } from '../src/entities/role.ts';
import { Keyring } from '../src/services/crypto/keyring.ts';
import { PasswordHasher } from '../src/services/crypto/hasher.ts';
import { VaultKeys } from '../src/services/crypto/vault.ts';
import { retireKey } from '../src/services/key.ts';
import type { Services } from '../src/services/scope.ts';
import { countKeys } from '../src/services/credential/key-use.ts';
import { recoverFor, renewSystemSeals, statusOf, formatStatus } from '../src/services/vault/operator.ts';
import { useSecret } from '../src/services/vault/use-cases.ts';
import { scopeOn } from './session.kit.ts';
import { Clock } from './support/local.ts';
import { aNode, bearer, seededDatabase, type Node } from './support/node.ts';
import { Keeper, password } from './vault.kit.ts';

const clock = new Clock();
const [first, second] = [Keyring.generate(), Keyring.generate()];
const old = Keyring.parse(first);
const both = Keyring.parse(`${second},${first}`);
let database: Database;
let node: Node;
let owner: Keeper;
let authorization: string;
let recoveryKit: string;

const sql = (text: string, ...values: unknown[]) => database.run(text, values);
const value = async (text: string, ...values: unknown[]): Promise<unknown> => Object.values((await sql(text, ...values))[0] ?? {})[0];
const em = () => database.orm.em.fork() as SqlEntityManager;

async function signIn(identifier: string): Promise<Keeper> {
  const query = 'mutation ($input: LoginInput!) { login(input: $input) { ... on SignedIn { accessToken } } }';
  const { data } = await node.ask<{ login: { accessToken: string } }>(query, { input: { identifier, password } });
  ({ authorization = '' } = bearer(data.login.accessToken));
  const own = authorization;
  return new Keeper((text, given, headers) => node.ask(text, given, { authorization: own, ...headers }) as never, password);
}

const restart = async (keyring: Keyring, environment: Record<string, string> = {}): Promise<void> => {
  await node?.stop();
  node = await aNode({ database, keyring, clock, environment: { LIMIT_SIGN_IN: '9999/1', ...environment } });
};

beforeAll(async () => {
  database = await seededDatabase(old);
  await sql(`update users set is_owner = true where username = 'admin'`);
  await restart(old);
  owner = await signIn('admin');
  ({ recoveryKit } = await owner.see('createVault', { password }));
  await owner.unlock();
  for (let at = 0; at < 8; at += 1) await owner.store(`secret ${at % 4}`, `value ${at}`);
});

const readsAll = async (): Promise<void> => {
  for (let at = 0; at < 8; at += 1) expect(await owner.reveal(`secret ${at % 4}`, at < 4 ? 1 : 2)).toBe(`value ${at}`);
};

describe('an interrupted rotation', () => {
  it('keeps both keys readable, reports the remainder, and is finished by the next unlock', async () => {
    await sql('create sequence interruption');
    await sql(`create function interrupt() returns trigger language plpgsql as
      $$ begin if nextval('interruption') > 4 then raise exception 'the server is gone'; end if; return new; end $$`);
    await sql('create trigger interrupt before update of vault_key_id on secret_versions for each row execute function interrupt()');
    // With three values per transaction, the second transaction fails.
    expect(await owner.see('rotateVaultKey')).toMatchObject({ keyVersion: 2, rewrapsLeft: 5, isUnlocked: true });
    await readsAll();
    await owner.store('meanwhile', 'x');
    expect(await value(`select count(*)::int from secret_versions v join vault_keys k on k.id = v.vault_key_id where k.version = 2`)).toBe(
      4,
    );
    const status = await statusOf({ em: em() }, 600);
    expect(status.values).toEqual([
      { version: 1, state: 'decrypt_only', count: 5 },
      { version: 2, state: 'active', count: 4 },
    ]);
    await owner.unlock(); // interrupted again, but unlocked
    expect(await owner.see('vault')).toMatchObject({ rewrapsLeft: 5 });
    await sql('drop trigger interrupt on secret_versions');
    await owner.unlock();
    expect(await owner.see('vault')).toMatchObject({ keyVersion: 2, rewrapsLeft: 0 });
    expect(await value('select state from vault_keys where version = 1')).toBe('destroyed');
    await readsAll();
  });

  it('can be followed by another: values under both earlier keys move', async () => {
    await sql('create trigger interrupt before update of vault_key_id on secret_versions for each row execute function interrupt()');
    await sql(`select setval('interruption', 1)`);
    await owner.see('rotateVaultKey');
    await sql(`select setval('interruption', 2)`);
    expect(await owner.see('rotateVaultKey')).toMatchObject({ keyVersion: 4 });
    expect(await value(`select count(*)::int from vault_keys where state = 'decrypt_only'`)).toBe(2);
    await readsAll();
    await sql('drop trigger interrupt on secret_versions');
    await owner.unlock();
    await readsAll();
    expect(await owner.see('vault')).toMatchObject({ rewrapsLeft: 0 });
    expect(await value(`select count(*)::int from vault_grants`)).toBe(2);
  });
});

describe('the system key', () => {
  it('of a user’s own key is the active one in both places after a changed password', async () => {
    const officer = await signIn('officer');
    const kids = () =>
      sql(`select split_part(sealed_private_key, ':', 2) as seal, split_part(public_key_mac, '.', 1) as mark
        from user_keys where user_id = (select id from users where username = 'officer')`);
    expect(await kids()).toEqual([{ seal: old.active, mark: old.active }]);
    await restart(both);
    const input = { currentPassword: password, newPassword: 'another one entirely' };
    const change = 'mutation ($input: ChangePasswordInput!) { changePassword(input: $input) { accessToken } }';
    expect((await officer.put(change, { input })).codes).toEqual([]);
    expect(await kids()).toEqual([{ seal: both.active, mark: both.active }]);
    // Restores one half, which needs the old key.
    await sql(`update user_keys set public_key_mac = '${old.active}.x' where user_id = (select id from users where username = 'officer')`);
    const uses = await countKeys({ em: em(), keyring: both }, clock.now());
    expect(uses.map(({ kid, counts }) => [kid, counts['vault keys']])).toEqual([
      [both.active, 1],
      [old.active, 2],
    ]);
    expect((await statusOf({ em: em() }, 600)).pairs.map(({ count }) => count).sort()).toEqual([1, 2]);
    await sql(`delete from user_keys where user_id = (select id from users where username = 'officer')`);
  });

  it('is replaced by a command while the service runs, without a password', async () => {
    await restart(both);
    expect(await owner.reveal('secret 0')).toBe('value 4'); // an unlocked vault is wrapped with a key that is still known
    expect(
      (await countKeys({ em: em(), keyring: both }, clock.now())).map(({ kid, counts }) => [
        kid,
        counts['vault keys'],
        counts['open vaults'] > 0,
      ]),
    ).toEqual([
      [both.active, 0, false],
      [old.active, 1, true],
    ]);
    expect(await renewSystemSeals({ em: em(), keyring: both, now: clock.now })).toEqual({ renewed: 1, unreadable: 0 });
    expect(await renewSystemSeals({ em: em(), keyring: both, now: clock.now })).toEqual({ renewed: 0, unreadable: 0 });
    expect(await value('select sealed_private_key from user_keys limit 1')).toMatch(new RegExp(`^seal-v1:${both.active}:`));
    await owner.unlock();
    await retireKey(database.run, old.active);
    await restart(Keyring.parse(second));
    owner = await resigned();
    await owner.unlock();
    await readsAll();
  });

  it('that is missing is reported, and its data is unchanged', async () => {
    const other = Keyring.parse(Keyring.generate());
    expect(await renewSystemSeals({ em: em(), keyring: other, now: clock.now })).toEqual({ renewed: 0, unreadable: 1 });
    expect((await owner.ask('unlockVault', { password })).codes).toEqual([]);
  });

  it('that is missing on a server removes no access: no password change does, and the kit restores it', async () => {
    const [narrow, wide] = [Keyring.parse(second), Keyring.parse(`${Keyring.generate()},${second}`)];
    const change = 'mutation ($input: ChangePasswordInput!) { changePassword(input: $input) { accessToken } }';
    const input = { currentPassword: password, newPassword: 'another one entirely' };
    await restart(wide);
    await owner.unlock();
    expect(await value('select sealed_private_key from user_keys limit 1')).toMatch(new RegExp(`^seal-v1:${wide.active}:`));
    await retireKey(database.run, wide.active);
    await restart(narrow);
    expect((await owner.put(change, { input })).codes).toEqual(['CONFLICT']);
    await restart(wide);
    await owner.unlock();
    await readsAll();

    await retireKey(database.run, wide.active); // as the active key of a server, it counted as used again
    await restart(narrow);
    expect((await owner.ask('unlockVault', { password })).codes).toEqual(['INTERNAL']);
    await expect(recoverFor({ em: em(), keyring: narrow, now: clock.now }, recoveryKit, 'admin')).rejects.toThrow(
      /vault key cannot be decrypted/,
    );
    expect((await owner.ask('recoverVault', { recoveryKit, password })).codes).toEqual([]);
    await owner.unlock();
    await readsAll();
  });
});

/** The hash of the password depends on the removed key. */
async function resigned(): Promise<Keeper> {
  const hash = await new PasswordHasher(Keyring.parse(second), { memory: 19_456, time: 2 }).hash(password);
  await sql('update users set password_hash = $1', hash);
  return signIn('admin');
}

describe('the cost of the key from a password', () => {
  it('is raised at the next unlock, and the vault opens as before', async () => {
    const before = await value('select sealed_private_key from user_keys limit 1');
    await restart(Keyring.parse(second), { PBKDF2_ITERATIONS: '480001' });
    owner = await signIn('admin');
    await owner.unlock();
    const after = await value('select sealed_private_key from user_keys limit 1');
    expect(after).not.toBe(before);
    await owner.unlock();
    expect(await value('select sealed_private_key from user_keys limit 1')).toBe(after);
    await readsAll();
  });
});

describe('the operator', () => {
  it('gets the dependencies on each key', async () => {
    const text = formatStatus(await statusOf({ em: em() }, 600));
    expect(text).toMatch(/1 person has access/);
    expect(text).toMatch(/5 secrets/);
    expect(text).toMatch(/version 4 \(active\): 9 values/);
    await owner.unlock();
    const openIn = async (seconds: number) =>
      (await statusOf({ em: em() }, 600, new Date(clock.now().valueOf() + seconds * 1000))).openVaults;
    expect(await openIn(599)).toBeGreaterThan(0);
    expect(await openIn(601)).toBe(0);
    expect(formatStatus({ ...(await statusOf({ em: em() }, 600)), isMade: false })).toMatch(/The vault does not exist/);
  });

  it('restores access with the kit for a user who has signed in, and never without the kit', async () => {
    const keyring = Keyring.parse(second);
    await sql('delete from vault_grants where user_id is not null');
    expect((await owner.ask('unlockVault', { password })).codes).toEqual(['CONFLICT']);
    const recover = (kit: string, username: string) => recoverFor({ em: em(), keyring, now: clock.now }, kit, username);
    await expect(recover('UHRK1-0000', 'admin')).rejects.toThrow('not a valid recovery kit');
    await expect(recover(recoveryKit, 'nobody')).rejects.toThrow('No active user has that username');
    await expect(recover(recoveryKit, 'staff')).rejects.toThrow('has no vault key yet');
    await recover(recoveryKit, 'ADMIN');
    await owner.unlock();
    await readsAll();
    expect(await value(`select request_id from audit_events where action = 'vault.recover' order by id desc limit 1`)).toMatch(/^host-/);
  });
});

describe('code inside the service', () => {
  it('gets a secret only while it uses it, and the event is written before', async () => {
    const [session] = await sql(
      `select s.id, s.user_id from sessions s join vault_sessions w on w.session_id = s.id order by w.created_at desc limit 1`,
    );
    const viewer = new Viewer(
      {
        userId: session?.['user_id'] as string,
        sessionId: session?.['id'] as string,
        memberId: null,
        isOwner: true,
        passwordMustChange: false,
        mustVerify: false,
        mustEnroll: false,
        closedOperations: new Set(),
        hasSteppedUp: true,
        roles: new Set([RoleName.ADMIN]),
        reviewLevels: new Set(),
      },
      mayAct,
    );
    const tools = {
      keyring: Keyring.parse(second),
      now: clock.now,
      timeZone: 'UTC',
      vault: { idleTtl: 600, maxTtl: 3600, versionsKept: 10, batch: 3 },
      rules: { limits: { refusal: { turns: 100, seconds: 3600 } }, refusalsPerDay: 5000 },
    } as unknown as Services;
    const scope = { ...scopeOn(em(), tools), run: database.run, viewer, vaultToken: owner.vaultToken ?? '' };
    const client = { ipAddress: null, userAgent: null, requestId: 'adapter' };
    let held: Buffer = Buffer.alloc(0);
    const length = await useSecret({ ...scope, client }, 'secret 1', async (secret) => {
      held = secret;
      expect(secret.toString()).toBe('value 5');
      expect(await value(`select count(*)::int from audit_events where request_id = 'adapter' and action = 'secret.use'`)).toBe(1);
      return secret.byteLength;
    });
    expect([length, held.equals(Buffer.alloc(7))]).toEqual([7, true]);
    const use = (requestId: string, refuse: () => Promise<never>): Promise<never> =>
      useSecret({ ...scope, client: { ...client, requestId } }, 'secret 1', refuse);
    const refusal = forbidden('The bank does not want that.');
    const refuse = (): never => {
      throw refusal;
    };
    await expect(use('closed', () => Promise.reject(new Error('the bank is closed')))).rejects.toThrow('the bank is closed');
    await expect(use('refused', () => Promise.reject(refusal))).rejects.toBe(refusal);
    await expect(use('refused at once', refuse)).rejects.toBe(refusal);
    for (const requestId of ['closed', 'refused', 'refused at once'])
      expect(await sql('select action, outcome from audit_events where request_id = $1', requestId)).toEqual([
        { action: 'secret.use', outcome: 'succeeded' },
      ]);
    await expect(useSecret({ ...scope, client, vaultToken: 'vlt1.x' }, 'secret 1', () => Promise.resolve(1))).rejects.toMatchObject({
      code: 'VAULT_LOCKED',
    });
  });
});

describe('a vault key in memory', () => {
  const nobody = '01900000-0000-7000-8000-000000000001';
  const seen = new Set<Buffer>();
  const { key, copy } = VaultKeys.prototype;

  beforeAll(() => {
    jest.spyOn(VaultKeys.prototype, 'key').mockImplementation(function (this: VaultKeys, version?: number) {
      const bytes = key.call(this, version);
      seen.add(bytes);
      return bytes;
    });
    jest.spyOn(VaultKeys.prototype, 'copy').mockImplementation(function (this: VaultKeys) {
      const copied = copy.call(this);
      for (const version of copied.versions) copied.key(version);
      return copied;
    });
  });
  afterEach(() => seen.clear());
  afterAll(() => void jest.restoreAllMocks());

  const altered = async <Done>(act: () => Promise<Done>): Promise<Done> => {
    await sql(`update vaults set kit_key = kit_key || 'A'`);
    try {
      return await act();
    } finally {
      await sql(`update vaults set kit_key = left(kit_key, -1)`);
    }
  };

  it.each<[what: string, act: () => Promise<readonly string[]>, codes: readonly string[]]>([
    ['a reveal', async () => (await owner.ask('revealSecret', { keyName: 'secret 1' })).codes, []],
    ['a rotation', async () => (await owner.ask('rotateVaultKey')).codes, []],
    ['an unlock', async () => (await owner.ask('unlockVault', { password })).codes, []],
    ['a revocation of nobody', async () => (await owner.ask('revokeVaultAccess', { userId: nobody })).codes, ['NOT_FOUND']],
    ['a recovery', async () => (await owner.ask('recoverVault', { recoveryKit, password })).codes, []],
    ['a rotation of what was altered', () => altered(async () => (await owner.ask('rotateVaultKey')).codes), ['INTERNAL']],
    ['an unlock of what was altered', () => altered(async () => (await owner.ask('unlockVault', { password })).codes), ['INTERNAL']],
    [
      'a rotation that fails half-way',
      async () => {
        await sql(`create function fail() returns trigger language plpgsql as $$ begin raise exception 'no grant today'; end $$`);
        await sql('create trigger fail before insert on vault_grants for each row execute function fail()');
        const { codes } = await owner.ask('rotateVaultKey');
        await sql('drop function fail() cascade');
        return codes;
      },
      ['INTERNAL'],
    ],
  ])('is zeroed after %s', async (_, act, codes) => {
    expect(await act()).toEqual(codes);
    expect(seen.size).toBeGreaterThan(0);
    for (const bytes of seen) expect(bytes.equals(Buffer.alloc(32))).toBe(true);
  });
});
