import { afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import type { SqlEntityManager } from '@mikro-orm/postgresql';
import { generateKit, writeKit } from '../src/services/crypto/kit.ts';
import { statusOf } from '../src/services/vault/operator.ts';
import { shownBy, wrongFor } from './factor.kit.ts';
import { aLocal, type Actor, type Local } from './support/local.ts';
import { asks, idOf, Keeper, password, withVault, type Operation } from './vault.kit.ts';

let local: Local;
let owner: Keeper;
let recoveryKit: string;

beforeAll(async () => {
  // The clock moves past the lifetime of a token.
  local = await aLocal({ environment: { ACCESS_TOKEN_TTL: '86400' } });
  local.clock.stop();
  ({ owner, recoveryKit } = await withVault(local));
});

beforeEach(async () => {
  await owner.unlock();
});

/** Returns the first column of each row. */
async function column<T>(sql: string, ...parameters: unknown[]): Promise<T[]> {
  return (await local.sql(sql, parameters)).map((row) => Object.values(row)[0] as T);
}

const one = async <T>(sql: string, ...parameters: unknown[]): Promise<T> => (await column<T>(sql, ...parameters))[0] as T;

/** Returns the audit events of a request. */
const told = (requestId: string | null) =>
  local.sql(
    `select action, outcome, reason, count, (select username from users u where u.id = actor_id) as who, session_id is not null as in_session
     from audit_events where request_id = $1 order by id`,
    [requestId],
  );

/** Signs a user in again, in a new session. */
async function anew(who: string, secretWord = password): Promise<Keeper> {
  const { data } = await local.anonymous.ask<{ login: { accessToken: string } }>(
    'mutation ($input: LoginInput!) { login(input: $input) { ... on SignedIn { accessToken } } }',
    { input: { identifier: who, password: secretWord } },
  );
  const authorization = `Bearer ${data.login.accessToken}`;
  return new Keeper((query, variables, headers) => local.anonymous.ask(query, variables, { authorization, ...headers }), secretWord);
}

/** The shortest input of each operation. */
const variables: Readonly<Record<Operation, object>> = {
  createVault: { password },
  unlockVault: { password },
  recoverVault: { recoveryKit: 'UHRK1', password },
  lockVault: {},
  vault: {},
  secrets: {},
  secret: { keyName: 'bank' },
  storeSecret: { input: { keyName: 'bank', value: 'x' } },
  revealSecret: { keyName: 'bank' },
  renameSecret: { keyName: 'bank', newKeyName: 'other' },
  restoreSecretVersion: { keyName: 'bank', version: 1 },
  deleteSecret: { keyName: 'bank' },
  grantVaultAccess: { userId: '01900000-0000-7000-8000-000000000009' },
  revokeVaultAccess: { userId: '01900000-0000-7000-8000-000000000009' },
  rotateVaultKey: {},
};
const needingUnlock = [
  'secrets',
  'secret',
  'storeSecret',
  'revealSecret',
  'renameSecret',
  'restoreSecretVersion',
  'deleteSecret',
  'grantVaultAccess',
  'revokeVaultAccess',
  'rotateVaultKey',
] as const;

describe('the vault', () => {
  it('is created once, by the owner, and shows the recovery kit only then', async () => {
    expect(recoveryKit).toMatch(/^UHRK1(-[0-9A-Z]{4}){14}$/);
    expect((await owner.ask('createVault', { password })).codes).toEqual(['CONFLICT']);
    const officer = await anew('officer');
    expect((await officer.ask('createVault', { password })).codes).toEqual(['FORBIDDEN']);
    expect(await one('select count(*)::int from vaults')).toBe(1);
  });

  it('has public facts, and shows who has unlocked it', async () => {
    const vault = await owner.see('vault');
    expect(vault).toMatchObject({ isUnlocked: true, keyVersion: 1, rewrapsLeft: 0, grantees: [{ fullName: 'Ruth Calloway' }] });
    expect((await owner.ask('vault', {}, null)).is).toMatchObject({ isUnlocked: false, keyVersion: 1 });
    expect((await (await anew('admin')).ask('vault', {}, owner.vaultToken)).is).toMatchObject({ isUnlocked: false });
    expect((await (await anew('officer')).ask('vault')).is).toMatchObject({ isUnlocked: false });
    expect((await Keeper.of(local.member).ask('vault')).codes).toEqual(['FORBIDDEN']);
  });

  it('has no content before it is created, and then keeps the configured number of versions', async () => {
    const empty = await aLocal({ environment: { SECRET_VERSIONS: '2' } });
    const keeper = Keeper.of(empty.admin);
    expect(await keeper.ask('vault')).toMatchObject({ is: null, codes: [] });
    for (const operation of ['unlockVault', 'lockVault'] as const)
      expect((await keeper.ask(operation, variables[operation])).codes).toEqual(['CONFLICT']);
    expect((await keeper.ask('createVault', { password })).codes).toEqual(['FORBIDDEN']); // there is no owner yet
    await empty.sql(`update users set is_owner = true where username = 'admin'`, []);
    expect((await keeper.ask('createVault', { password: 'wrong' })).codes).toEqual(['BAD_CREDENTIALS']);
    expect((await keeper.ask('createVault', { password: '' })).codes).toEqual(['BAD_INPUT']);
    expect((await keeper.ask('createVault', { password })).codes).toEqual([]);
    expect((await keeper.ask('revealSecret', { keyName: 'bank' })).codes).toEqual(['VAULT_LOCKED']);
    await keeper.unlock();
    for (const value of ['one', 'two', 'three']) await keeper.store('bank', value);
    const kept = async () => (await keeper.see('secret', { keyName: 'bank' }))?.versions.map(({ version }) => version);
    expect(await kept()).toEqual([3, 2]);
    await keeper.see('restoreSecretVersion', { keyName: 'bank', version: 2 });
    expect([await kept(), await keeper.reveal('bank'), await keeper.reveal('bank', 2)]).toEqual([[4, 3], 'two', 'NOT_FOUND']);
  });
});

describe('secrets', () => {
  it('have versions with their author and time, and are listed by name without a value', async () => {
    expect(await owner.store('broker', 'first', { description: 'The broker.' })).toMatchObject({ version: 1, description: 'The broker.' });
    expect(await owner.store(' broker ', 'second')).toMatchObject({ version: 2, description: 'The broker.' });
    expect(await owner.store('broker', 'third', { description: null })).toMatchObject({ version: 3, description: null });
    const listed = await owner.see('secrets');
    expect(listed?.find(({ keyName }) => keyName === 'broker')).toMatchObject({
      version: 3,
      updatedBy: { fullName: 'Ruth Calloway' },
      versions: [3, 2, 1].map((version) => ({ version, createdBy: { fullName: 'Ruth Calloway' } })),
    });
    expect(JSON.stringify(listed)).not.toMatch(/first|second|third/);
    expect(await owner.see('secret', { keyName: 'broker' })).toMatchObject({ version: 3 });
    expect([await owner.reveal('broker'), await owner.reveal('broker', 1), await owner.reveal('broker', 2)]).toEqual([
      'third',
      'first',
      'second',
    ]);
    expect([await owner.reveal('broker', 4), await owner.reveal('broker', 0), await owner.reveal('nobody')]).toEqual(
      Array(3).fill('NOT_FOUND'),
    );
  });

  it.each(['x', ' leading and trailing ', '“ja, claro” — 日本語 🔑', 'a\nb\tc', `'); drop table secrets; --`, 'x'.repeat(65_536)])(
    'are returned unchanged',
    async (value) => {
      await owner.store('as it was', value);
      expect(await owner.reveal('as it was')).toBe(value);
    },
  );

  it('are stored only after the expected version', async () => {
    const store = (expectedVersion: number) => owner.ask('storeSecret', { input: { keyName: 'expected', value: 'x', expectedVersion } });
    expect((await store(1)).codes).toEqual(['CONFLICT']);
    expect((await store(0)).codes).toEqual([]);
    expect((await store(0)).codes).toEqual(['CONFLICT']);
    expect((await store(2)).codes).toEqual(['CONFLICT']);
    expect((await store(1)).is).toMatchObject({ version: 2 });
  });

  it('keep the latest ten versions', async () => {
    for (let version = 1; version <= 12; version += 1) await owner.store('pruned', `value ${version}`);
    const { versions } = (await owner.see('secret', { keyName: 'pruned' })) ?? { versions: [] };
    expect(versions.map(({ version }) => version)).toEqual([12, 11, 10, 9, 8, 7, 6, 5, 4, 3]);
    expect([await owner.reveal('pruned', 2), await owner.reveal('pruned', 3)]).toEqual(['NOT_FOUND', 'value 3']);
  });

  it('return to an earlier version with a new one', async () => {
    await owner.store('restored', 'good');
    await owner.store('restored', 'bad');
    expect(await owner.see('restoreSecretVersion', { keyName: 'restored', version: 1 })).toMatchObject({ version: 3 });
    expect([await owner.reveal('restored'), await owner.reveal('restored', 2)]).toEqual(['good', 'bad']);
    expect((await owner.ask('restoreSecretVersion', { keyName: 'restored', version: 9 })).codes).toEqual(['NOT_FOUND']);
  });

  it('are renamed with all their versions, to a free name', async () => {
    await owner.store('before', 'one');
    await owner.store('before', 'two');
    await owner.store('taken', 'other');
    expect((await owner.ask('renameSecret', { keyName: 'before', newKeyName: 'taken' })).errors[0]?.extensions['fields']).toEqual([
      { path: 'newKeyName', message: 'is taken' },
    ]);
    expect(await owner.see('renameSecret', { keyName: 'before', newKeyName: 'after' })).toMatchObject({ keyName: 'after', version: 2 });
    expect([await owner.reveal('after'), await owner.reveal('after', 1), await owner.reveal('before')]).toEqual([
      'two',
      'one',
      'NOT_FOUND',
    ]);
    expect((await owner.ask('renameSecret', { keyName: 'before', newKeyName: 'x' })).codes).toEqual(['NOT_FOUND']);
    expect(await owner.see('renameSecret', { keyName: 'after', newKeyName: 'after' })).toMatchObject({ version: 2 });
  });

  it('are deleted permanently, and returned once more', async () => {
    await owner.store('doomed', 'x', { description: 'No more.' });
    expect(await owner.see('deleteSecret', { keyName: 'doomed' })).toMatchObject({ description: 'No more.', versions: [{ version: 1 }] });
    expect(await owner.reveal('doomed')).toBe('NOT_FOUND');
    expect((await owner.ask('deleteSecret', { keyName: 'doomed' })).codes).toEqual(['NOT_FOUND']);
    expect(await owner.store('doomed', 'y')).toMatchObject({ version: 1, description: null });
  });

  it('are found by a name without surrounding white space, everywhere', async () => {
    await owner.store('asked for', 'x');
    const given = { keyName: ' asked for ' };
    expect(await owner.reveal(given.keyName)).toBe('x');
    expect(await owner.see('secret', given)).toMatchObject({ keyName: 'asked for' });
    expect((await owner.see('restoreSecretVersion', { ...given, version: 1 })).version).toBe(2);
    expect((await owner.see('renameSecret', { ...given, newKeyName: ' asked again ' })).keyName).toBe('asked again');
    expect(await owner.see('deleteSecret', { keyName: '\tasked again' })).toMatchObject({ keyName: 'asked again', version: 2 });
  });

  it.each(['secret', 'revealSecret', 'renameSecret', 'restoreSecretVersion', 'deleteSecret'] as const)(
    'are not found by an invalid name: %s',
    async (operation) => {
      for (const keyName of ['', '  ', 'x'.repeat(201), 'a\nb']) {
        const { codes, errors, requestId } = await owner.ask(operation, { ...variables[operation], keyName });
        expect([keyName, codes, errors[0]?.extensions['fields']]).toMatchObject([keyName, ['BAD_INPUT'], [{ path: 'keyName' }]]);
        expect((await told(requestId))[0]).toMatchObject({ outcome: 'denied', reason: 'bad_input' });
        expect((await owner.ask(operation, { ...variables[operation], keyName }, null)).codes).toEqual(['VAULT_LOCKED']);
      }
    },
  );

  it.each<[string, object, string[]]>([
    ['no name', { keyName: '  ' }, ['input.keyName']],
    ['a name of 201 characters', { keyName: 'x'.repeat(201) }, ['input.keyName']],
    ['a name with a line in it', { keyName: 'a\nb' }, ['input.keyName']],
    ['no value', { value: '' }, ['input.value']],
    ['a value that is too long', { value: 'é'.repeat(32_769) }, ['input.value']],
    ['half a character', { value: 'a\ud800' }, ['input.value']],
    ['a long description', { description: 'x'.repeat(1001) }, ['input.description']],
    [
      'all that is wrong at once',
      { keyName: '', value: '', description: 'x'.repeat(1001) },
      ['input.keyName', 'input.value', 'input.description'],
    ],
  ])('are refused with %s', async (_, wrong, paths) => {
    const { codes, errors } = await owner.ask('storeSecret', { input: { keyName: 'fine', value: 'secret value', ...wrong } });
    expect(codes).toEqual(['BAD_INPUT']);
    expect(errors[0]?.extensions['fields']).toMatchObject(paths.map((path) => ({ path })));
    expect(JSON.stringify(errors)).not.toContain('secret value');
  });
});

describe('an unlocked vault', () => {
  it('is locked by lockVault, for all tokens of the session', async () => {
    const keeper = await anew('admin');
    const first = await keeper.unlock();
    await keeper.unlock();
    await keeper.store('locked', 'x');
    expect(await keeper.see('lockVault')).toMatchObject({ isUnlocked: false });
    for (const token of [first, keeper.vaultToken])
      expect((await keeper.ask('revealSecret', { keyName: 'locked' }, token)).codes).toEqual(['VAULT_LOCKED']);
    expect(await owner.reveal('locked')).toBe('x');
  });

  it('locks automatically after ten minutes without use, and after an hour in any case', async () => {
    const keeper = await anew('admin');
    await keeper.unlock();
    const token = keeper.vaultToken;
    const use = async () => (await keeper.ask('secrets', {}, token)).codes;
    local.clock.turn(599);
    expect(await use()).toEqual([]);
    for (let minute = 0; minute < 57; minute += 9.5) {
      expect(await use()).toEqual([]);
      local.clock.turn(570);
    }
    expect(await use()).toEqual(['VAULT_LOCKED']);
    await keeper.unlock();
    local.clock.turn(601);
    expect((await keeper.ask('secrets')).codes).toEqual(['VAULT_LOCKED']);
  });

  it('counts as step-up authentication, for ten minutes', async () => {
    await owner.store('stepped', 'x');
    const keeper = await anew('admin');
    await keeper.unlock();
    local.clock.turn(400);
    expect(await keeper.reveal('stepped')).toBe('x');
    local.clock.turn(400);
    expect(await keeper.reveal('stepped')).toBe('STEP_UP_REQUIRED');
    expect((await keeper.ask('secrets')).codes).toEqual([]);
    await keeper.unlock();
    expect(await keeper.reveal('stepped')).toBe('x');
  });

  it.each([
    ['the end of the session', (keeper: Keeper) => ask(keeper, 'mutation { logout }')],
    [
      'a role that is lost',
      () =>
        local.sql(
          `update user_roles set expires_at = now() - interval '1 day' where user_id = (select id from users where username = 'president')`,
          [],
        ),
    ],
  ])('is closed by %s, and its row is gone', async (_, close) => {
    const president = await grantedTo('president');
    const session = await one<string>('select session_id from vault_sessions order by created_at desc, id desc limit 1');
    await close(president);
    expect(await column('select id from vault_sessions where session_id = $1', session)).toEqual([]);
    await local.sql(`update user_roles set expires_at = null where user_id = (select id from users where username = 'president')`, []);
    expect((await president.ask('secrets')).codes[0]).toMatch(/VAULT_LOCKED|UNAUTHENTICATED/);
  });

  it('is useless without the role, even if its row still existed', async () => {
    const president = await grantedTo('president');
    const { data } = await local.president.ask<{ me: { id: string } }>('{ me { id } }');
    await local.sql('alter table user_roles disable trigger user_roles_close_vault', []);
    await local.sql(`update user_roles set expires_at = now() - interval '1 day' where user_id = $1`, [data.me.id]);
    expect((await president.ask('secrets')).codes).toEqual(['FORBIDDEN']);
    await local.sql(`update user_roles set expires_at = null where user_id = $1`, [data.me.id]);
    await local.sql('alter table user_roles enable trigger user_roles_close_vault', []);
    expect((await president.ask('secrets')).codes).toEqual([]);
  });
});

/** Returns a user who got access and unlocked the vault. */
async function grantedTo(who: string, secretWord = password): Promise<Keeper> {
  const keeper = await anew(who, secretWord);
  await owner.see('grantVaultAccess', { userId: await idOf(local, who) });
  await keeper.unlock();
  return keeper;
}

const ask = (keeper: Keeper, query: string, given: object = {}): Promise<unknown> =>
  (keeper as unknown as { asking: (query: string, variables: object, headers: object) => Promise<{ errors: unknown[] }> }).asking(
    query,
    given,
    {},
  );

describe('a password', () => {
  it('that is wrong unlocks nothing, and counts as at sign-in', async () => {
    const keeper = await grantedTo('manager');
    for (let attempt = 0; attempt < 5; attempt += 1)
      expect((await keeper.ask('unlockVault', { password: 'wrong' })).codes).toEqual(['BAD_CREDENTIALS']);
    expect((await keeper.ask('unlockVault', { password })).codes).toEqual(['BAD_CREDENTIALS']);
    expect(await one(`select sum(count)::int from denials where action = 'vault.unlock' and reason = 'wrong_password'`)).toBe(5);
    const other = await anew('manager');
    await other.unlock();
  });

  it('is not also hashed with Argon2id, and works only while it is the current one', async () => {
    expect((await owner.ask('unlockVault', { password: '' })).codes).toEqual(['BAD_INPUT']);
    expect((await owner.ask('unlockVault', { password: 'x'.repeat(129) })).codes).toEqual(['BAD_INPUT']);
  });

  it('that is changed keeps every secret readable, and locks the vault', async () => {
    const keeper = await grantedTo('vp');
    await keeper.store('of the vp', 'kept');
    const before = await one<string>(`select sealed_private_key from user_keys where user_id = $1`, await idOf(local, 'vp'));
    const input = { currentPassword: password, newPassword: 'another one entirely' };
    await ask(keeper, 'mutation ($input: ChangePasswordInput!) { changePassword(input: $input) { accessToken } }', { input });
    expect(await keeper.reveal('of the vp')).toBe('VAULT_LOCKED');
    expect(await one(`select sealed_private_key from user_keys where user_id = $1`, await idOf(local, 'vp'))).not.toBe(before);
    expect((await keeper.ask('unlockVault', { password })).codes).toEqual(['BAD_CREDENTIALS']);
    keeper.password = input.newPassword;
    await keeper.unlock();
    expect(await keeper.reveal('of the vp')).toBe('kept');
  });

  it('that is reset voids the grant, with a message, and a user with access restores it', async () => {
    const keeper = await grantedTo('organizer');
    await keeper.store('of the organizer', 'kept');
    await reset('organizer', 'a password by mail');
    const after = await anew('organizer', 'a password by mail');
    const refused = await after.ask('unlockVault', { password: 'a password by mail' });
    expect(refused.codes).toEqual(['CONFLICT']);
    expect(await told(refused.requestId)).toMatchObject([
      { action: 'vault.unlock', outcome: 'denied', reason: 'no_grant', who: 'organizer' },
    ]);
    expect(await one(`select count(*)::int from audit_events where action = 'vault.void'`)).toBe(1);
    const again = await grantedTo('organizer', 'a password by mail');
    expect(await again.reveal('of the organizer')).toBe('kept');
  });

  it('opens nothing without the code, if the account has a second factor', async () => {
    const keeper = await grantedTo('staff');
    const begun = (await ask(keeper, 'mutation { beginTotp { secret } }')) as { data: { beginTotp: { secret: string } } };
    const { secret } = begun.data.beginTotp;
    await ask(keeper, 'mutation ($code: String!) { confirmTotp(code: $code) { codes } }', { code: shownBy(secret, local.clock.now()) });
    local.clock.turn(30);
    expect((await keeper.ask('unlockVault', { password })).errors[0]?.extensions['fields']).toMatchObject([{ path: 'code' }]);
    const wrong = wrongFor(secret, local.clock.now());
    expect((await keeper.ask('unlockVault', { password, code: wrong })).codes).toEqual(['BAD_CREDENTIALS']);
    const code = shownBy(secret, local.clock.now());
    expect((await keeper.ask('unlockVault', { password, code })).codes).toEqual([]);
    expect((await keeper.ask('unlockVault', { password, code })).codes).toEqual(['BAD_CREDENTIALS']);
  });
});

async function reset(who: string, newPassword: string): Promise<void> {
  await local.anonymous.ask(`mutation { requestPasswordReset(email: "${who}@unionhall.test") }`);
  const input = { token: await local.mailedToken(`${who}@unionhall.test`), newPassword };
  expect((await local.anonymous.ask('mutation ($input: ResetPasswordInput!) { resetPassword(input: $input) }', { input })).codes).toEqual(
    [],
  );
}

describe('access', () => {
  it('is granted to another user, with a mail', async () => {
    await anew('instructor');
    const userId = await idOf(local, 'president');
    expect((await owner.see('grantVaultAccess', { userId })).grantees.map((person) => person.userId)).toContain(userId);
    expect((await local.mailbox('president@unionhall.test')).at(-1)?.subject).toMatch(/access to the vault/);
  });

  it('is not granted to a user without a key or the role, who cannot sign in, or who does not exist', async () => {
    const grant = async (userId: string) => (await owner.ask('grantVaultAccess', { userId })).codes;
    expect(await grant(await idOf(local, 'instructor'))).toEqual(['CONFLICT']);
    expect(await grant('01900000-0000-7000-8000-000000000009')).toEqual(['NOT_FOUND']);
    expect(await grant('x')).toEqual(['BAD_INPUT']);
    const officer = await idOf(local, 'officer');
    await local.sql('delete from user_keys where user_id = $1', [officer]);
    const { codes, errors } = await owner.ask('grantVaultAccess', { userId: officer });
    expect([codes, errors[0]?.message]).toEqual([['CONFLICT'], expect.stringContaining('no vault key yet')]);
    await local.sql('update users set is_active = false where id = $1', [officer]);
    expect(await grant(officer)).toEqual(['CONFLICT']);
    await local.sql('update users set is_active = true where id = $1', [officer]);
  });

  it('is revoked with a new key: the old one is destroyed, and no value uses it', async () => {
    const officer = await grantedTo('officer');
    await owner.store('after the officer', 'x');
    const userId = await idOf(local, 'officer');
    const version = (await owner.see('vault'))?.keyVersion ?? 0;
    const vault = await owner.see('revokeVaultAccess', { userId });
    expect(vault).toMatchObject({ isUnlocked: true, keyVersion: version + 1, rewrapsLeft: 0 });
    expect(vault.grantees.map((person) => person.userId)).not.toContain(userId);
    expect((await officer.ask('revealSecret', { keyName: 'after the officer' })).codes).toEqual(['VAULT_LOCKED']);
    expect((await officer.ask('unlockVault', { password })).codes).toEqual(['CONFLICT']);
    expect(await owner.reveal('after the officer')).toBe('x');
    expect(await one('select state from vault_keys where version = $1', version)).toBe('destroyed');
    expect(
      await one('select count(*)::int from vault_grants g join vault_keys k on k.id = g.vault_key_id where k.version = $1', version),
    ).toBe(0);
    expect((await owner.ask('revokeVaultAccess', { userId })).codes).toEqual(['CONFLICT']);
    expect((await owner.ask('revokeVaultAccess', { userId: await idOf(local, 'admin') })).codes).toEqual(['CONFLICT']);
    expect((await owner.ask('revokeVaultAccess', { userId: '01900000-0000-7000-8000-000000000009' })).codes).toEqual(['NOT_FOUND']);
  });

  it('cannot be revoked from its last holder until another user who can sign in has it', async () => {
    const other = await aLocal();
    const { owner: maker } = await withVault(other);
    const [admin, officer] = [await idOf(other, 'admin'), await idOf(other, 'officer')];
    await other.officer.token();
    await maker.see('grantVaultAccess', { userId: officer });
    await other.sql('update users set is_owner = false where id = $1', [admin]);
    await other.sql('update users set is_owner = true where id = $1', [officer]);
    await other.sql('delete from vault_grants where user_id = $1', [officer]);
    const refused = async () => {
      const { codes, errors, requestId } = await maker.ask('revokeVaultAccess', { userId: admin });
      const events = await other.sql('select action, outcome, reason from audit_events where request_id = $1', [requestId]);
      expect([codes, errors[0]?.message, events]).toEqual([
        ['CONFLICT'],
        'No other active user has access to the vault. Give access to someone else first.',
        [{ action: 'vault.revoke', outcome: 'denied', reason: 'conflict' }],
      ]);
    };
    await refused();
    await maker.see('grantVaultAccess', { userId: officer });
    await other.sql('update users set is_active = false where id = $1', [officer]);
    await refused();
    await other.sql('update users set is_active = true where id = $1', [officer]);
    expect((await maker.ask('revokeVaultAccess', { userId: admin })).codes).toEqual([]);
    expect((await maker.ask('vault')).is?.grantees.map((person) => person.userId)).toEqual([officer]);
  });

  it('ends with the deleted user, which the counts show', async () => {
    const other = await aLocal();
    const { owner: maker } = await withVault(other);
    const userId = await idOf(other, 'officer');
    await other.officer.token();
    await maker.see('grantVaultAccess', { userId });
    const counts = async () => {
      const { people, openVaults } = await statusOf({ em: other.database.orm.em.fork() as SqlEntityManager }, 600, other.clock.now());
      return { people, openVaults, listed: (await maker.see('vault'))?.grantees.length };
    };
    expect(await counts()).toEqual({ people: 2, openVaults: 1, listed: 2 });
    await other.sql('update grievances set assigned_user_id = null', []);
    const remove = 'mutation ($id: ID!) { deleteUser(id: $id) { deletedAt } }';
    const { codes, headers } = await other.admin.ask(remove, { id: userId });
    expect(codes).toEqual([]);
    expect(await counts()).toEqual({ people: 1, openVaults: 1, listed: 1 });
    for (const table of ['vault_grants', 'user_keys'])
      expect([table, await other.sql(`select id from ${table} where user_id = $1`, [userId])]).toEqual([table, []]);
    expect(
      await other.sql('select action, target_id from audit_events where request_id = $1 order by id', [headers.get('x-request-id')]),
    ).toEqual([
      { action: 'vault.void', target_id: userId },
      { action: 'user.delete', target_id: userId },
    ]);
    await maker.store('after the officer', 'x');
    expect((await maker.see('rotateVaultKey')).rewrapsLeft).toBe(0);
    expect(await maker.reveal('after the officer')).toBe('x');
  });

  it('is needed to see names and the list', async () => {
    const officer = await anew('officer');
    expect((await officer.ask('secrets')).codes).toEqual(['VAULT_LOCKED']);
    expect((await officer.ask('secret', { keyName: 'broker' }, owner.vaultToken)).codes).toEqual(['VAULT_LOCKED']);
  });
});

describe('the recovery kit', () => {
  it('restores access when no user has it, for an admin with their current password', async () => {
    await owner.store('recovered', 'kept');
    await reset('admin', 'the admin begins anew');
    await local.sql('delete from vault_grants where user_id is not null', []);
    const admin = await anew('admin', 'the admin begins anew');
    const recover = (given: object) => admin.ask('recoverVault', { recoveryKit, password: admin.password, ...given });
    expect((await recover({ recoveryKit: recoveryKit.slice(0, -1) })).codes).toEqual(['BAD_INPUT']);
    expect((await recover({ password: 'wrong' })).codes).toEqual(['BAD_CREDENTIALS']);
    const other = await aLocal();
    const { recoveryKit: ofAnother } = await withVault(other);
    expect((await recover({ recoveryKit: ofAnother })).codes).toEqual(['BAD_CREDENTIALS']);
    const { is, codes } = await recover({ recoveryKit: recoveryKit.toLowerCase() });
    expect(codes).toEqual([]);
    admin.vaultToken = is.vaultToken;
    expect(await admin.reveal('recovered')).toBe('kept');
    await admin.see('rotateVaultKey'); // the kit also works for the next key
    await admin.unlock();
    expect((await recover({})).codes).toEqual([]);
    owner = admin;
    await owner.unlock();
    expect(await owner.reveal('recovered')).toBe('kept');
    expect((await (await anew('manager')).ask('recoverVault', { recoveryKit, password })).codes).toEqual(['FORBIDDEN']);
  });
});

describe('a refusal', () => {
  it.each(needingUnlock)('%s requires an unlocked vault, and a refusal is in the audit log', async (operation) => {
    const keeper = await anew('admin', owner.password);
    const token = await keeper.unlock();
    const foreign = await anew('admin', owner.password);
    for (const [who, vaultToken, reason] of [
      [keeper, null, 'no_token'],
      [keeper, 'vlt1.nonsense', 'malformed_token'],
      [keeper, `vlt1.${'A'.repeat(43)}`, 'unknown_token'],
      [foreign, token, 'foreign_token'],
    ] as const) {
      const { codes, requestId } = await who.ask(operation, variables[operation], vaultToken);
      expect(codes).toEqual(['VAULT_LOCKED']);
      const events = await told(requestId);
      const refusal = { outcome: 'denied', reason, count: 1, who: 'admin', in_session: true };
      // Queries are executed in both ways here.
      expect(events).toEqual(
        events.map(() => ({
          action: operation === 'secrets' || operation === 'secret' ? 'secret.list' : events[0]?.['action'],
          ...refusal,
        })),
      );
      expect(events.length).toBeGreaterThan(0);
    }
  });

  it.each(Object.keys(asks) as Operation[])('%s is refused for anonymous callers and members', async (operation) => {
    const { codes, requestId } = await Keeper.of(local.anonymous).ask(operation, variables[operation], owner.vaultToken);
    expect(codes).toEqual(['UNAUTHENTICATED']);
    const counted = () => local.sql('select action, outcome, reason, actor_id from denials where request_id = $1', [requestId]);
    let rows = await counted();
    // A refused request does not wait until the event is written.
    while (rows.length === 0) rows = await counted();
    expect(rows[0]).toEqual({ action: operation, outcome: 'denied', reason: 'unauthenticated', actor_id: null });
    expect(await told(requestId)).toEqual([]);
    expect((await Keeper.of(local.member).ask(operation, variables[operation], owner.vaultToken)).codes).toEqual(['FORBIDDEN']);
  });

  it('is also recorded after a correct password, if the kit belongs to another vault', async () => {
    const { codes, requestId } = await owner.ask('recoverVault', {
      recoveryKit: writeKit(generateKit().privateKey),
      password: owner.password,
    });
    expect(codes).toEqual(['BAD_CREDENTIALS']);
    expect(await told(requestId)).toMatchObject([{ action: 'vault.recover', outcome: 'denied', reason: 'another_kit', count: 1 }]);
  });

  it('is also recorded after a correct password, if that was replaced meanwhile', async () => {
    const other = await aLocal();
    await other.sql(`update users set is_owner = true where username = 'admin'`, []);
    const admin = Keeper.of(other.admin);
    await admin.ask('vault');
    const late = async (operation: 'createVault' | 'unlockVault' | 'recoverVault', given: object) => {
      await other.sql(`create function late() returns trigger language plpgsql as $$ begin return null; end $$`, []);
      await other.sql('create trigger late before update of password_hash on users for each row execute function late()', []);
      const { codes, requestId } = await admin.ask(operation, { password, ...given });
      await other.sql('drop function late() cascade', []);
      return [codes, await other.sql('select action, outcome, reason from audit_events where request_id = $1', [requestId])];
    };
    const refused = (action: string) => [['BAD_CREDENTIALS'], [{ action, outcome: 'denied', reason: 'spent_proof' }]];
    expect(await late('createVault', {})).toEqual(refused('vault.create'));
    const { recoveryKit: kit } = await admin.see('createVault', { password });
    expect(await late('unlockVault', {})).toEqual(refused('vault.unlock'));
    expect(await late('recoverVault', { recoveryKit: kit })).toEqual(refused('vault.recover'));
    await admin.unlock();
  });

  it('is counted, and not recorded singly, after a wrong password', async () => {
    const { codes, requestId } = await owner.ask('unlockVault', { password: 'wrong' });
    expect([codes, await told(requestId)]).toEqual([['BAD_CREDENTIALS'], []]);
  });

  it('is also recorded with its reason if nothing was found', async () => {
    const { codes, requestId } = await owner.ask('revealSecret', { keyName: 'never stored' });
    expect(codes).toEqual(['NOT_FOUND']);
    expect(await told(requestId)).toMatchObject([{ action: 'secret.reveal', outcome: 'denied', reason: 'not_found' }]);
  });
});

describe('the audit log', () => {
  it.each<[Operation, () => Promise<object>, string]>([
    ['storeSecret', () => Promise.resolve({ input: { keyName: 'audited', value: 'the value itself' } }), 'secret.store'],
    ['revealSecret', () => Promise.resolve({ keyName: 'audited' }), 'secret.reveal'],
    ['renameSecret', () => Promise.resolve({ keyName: 'audited', newKeyName: 'audited too' }), 'secret.rename'],
    ['restoreSecretVersion', () => Promise.resolve({ keyName: 'audited too', version: 1 }), 'secret.restore'],
    ['deleteSecret', () => Promise.resolve({ keyName: 'audited too' }), 'secret.delete'],
    ['grantVaultAccess', async () => ({ userId: await idOf(local, 'president') }), 'vault.grant'],
    ['revokeVaultAccess', async () => ({ userId: await idOf(local, 'president') }), 'vault.revoke'],
    ['rotateVaultKey', () => Promise.resolve({}), 'vault.rotate'],
    ['unlockVault', () => Promise.resolve({ password: owner.password }), 'vault.unlock'],
  ])('has one event of %s, without a value', async (operation, given, action) => {
    const { codes, requestId } = await owner.ask(operation, await given());
    expect(codes).toEqual([]);
    expect(await told(requestId)).toEqual([{ action, outcome: 'succeeded', reason: null, count: 1, who: 'admin', in_session: true }]);
    expect(JSON.stringify(await local.sql('select * from audit_events where request_id = $1', [requestId]))).not.toContain(
      'the value itself',
    );
  });

  describe('without a writable audit log', () => {
    beforeEach(async () => {
      await owner.store('closed', 'not to be seen');
      await local.sql(
        `create or replace function out_of_order() returns trigger language plpgsql as $$ begin raise exception 'full'; end $$`,
        [],
      );
      await local.sql('create trigger out_of_order after insert on audit_events for each row execute function out_of_order()', []);
    });
    afterEach(async () => local.sql('drop trigger out_of_order on audit_events', []));

    it('no value is returned', async () => {
      const { codes, is, errors } = await owner.ask('revealSecret', { keyName: 'closed' });
      expect([codes, is ?? null]).toEqual([['INTERNAL'], null]);
      expect(JSON.stringify(errors)).not.toContain('not to be seen');
    });

    it('nothing can be stored, renamed or deleted', async () => {
      const before = await local.sql('select id, key_name, current_version from secrets order by id', []);
      for (const [operation, given] of [
        ['storeSecret', { input: { keyName: 'closed', value: 'y' } }],
        ['renameSecret', { keyName: 'closed', newKeyName: 'open' }],
        ['deleteSecret', { keyName: 'closed' }],
        ['rotateVaultKey', {}],
      ] as const)
        expect((await owner.ask(operation, given)).codes).toEqual(['INTERNAL']);
      expect(await local.sql('select id, key_name, current_version from secrets order by id', [])).toEqual(before);
    });

    it('refusals stay the same', async () => {
      expect((await owner.ask('revealSecret', { keyName: 'closed' }, null)).codes).toEqual(['INTERNAL']);
    });
  });
});

describe('a user without permission', () => {
  it('learns nothing about the vault from the grants of others', async () => {
    const people: Actor[] = [local.member, local.testuser, local.instructor];
    for (const actor of people) {
      const keeper = Keeper.of(actor);
      expect((await keeper.ask('secrets', {}, owner.vaultToken)).codes).toEqual(['FORBIDDEN']);
      expect((await keeper.ask('vault', {}, owner.vaultToken)).is).toBeNull();
    }
  });
});
