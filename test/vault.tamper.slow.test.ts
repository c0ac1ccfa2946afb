import { afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { aLocal, type Local } from './support/local.ts';
import { idOf, Keeper, password, withVault } from './vault.kit.ts';

const values = {
  'bank 1': 'first of the bank',
  'bank 2': 'second of the bank',
  'mail 1': 'first of the mail',
  'mail 2': 'second of the mail',
};
/** In the order in which they can be filled. */
const tables = ['vault_keys', 'vaults', 'user_keys', 'secrets', 'secret_versions', 'vault_grants', 'vault_sessions'] as const;

let local: Local;
let owner: Keeper;
let officer: Keeper;

beforeAll(async () => {
  local = await aLocal({ environment: { LIMIT_SIGN_IN: '9999/1', LIMIT_REFUSAL: '9999/1', LOGIN_ATTEMPTS: '100' } });
  ({ owner } = await withVault(local));
  officer = Keeper.of(local.officer);
  await local.officer.token();
  await owner.see('grantVaultAccess', { userId: await idOf(local, 'officer') });
  await officer.unlock();
  for (const [name, value] of Object.entries(values)) await owner.store(name.slice(0, 4), value);
  for (const table of tables) await local.sql(`create table kept_${table} as select * from ${table}`, []);
});

/** Restores all rows. */
async function restore(): Promise<void> {
  for (const table of [...tables].reverse()) await local.sql(`delete from ${table}`, []);
  for (const table of tables) await local.sql(`insert into ${table} select * from kept_${table}`, []);
}

const reveals = (keeper: Keeper): Promise<string[]> =>
  Promise.all(
    (
      [
        ['bank', 1],
        ['bank', 2],
        ['mail', 1],
        ['mail', 2],
      ] as const
    ).map(([name, version]) => keeper.reveal(name, version)),
  );

/** Checks every reveal while data is altered: it returns its own value or an error, never another value. */
async function expectNoOther(keeper = owner): Promise<string[]> {
  const answers = await reveals(keeper);
  const own = Object.values(values);
  for (const [at, answer] of answers.entries()) expect([own[at], 'INTERNAL', 'NOT_FOUND', 'VAULT_LOCKED', 'CONFLICT']).toContain(answer);
  return answers;
}

/** Yields a text with each character changed in turn, truncated at each position, and extended. */
function* spoilt(text: string): Generator<string> {
  for (let at = 0; at < text.length; at += 1) {
    const other = text[at] === 'A' ? 'B' : 'A';
    yield `${text.slice(0, at)}${other}${text.slice(at + 1)}`;
    if (at % 7 === 0) yield text.slice(0, at);
  }
  yield text.slice(0, -1);
  yield `${text}A`;
}

async function stored(table: string, column: string, where: string): Promise<string> {
  const [row] = await local.sql(`select ${column} as text from ${table} where ${where}`, []);
  return row?.['text'] as string;
}

async function unlocks(keeper: Keeper): Promise<readonly string[]> {
  // A failure after the correct password counts as an attempt too, which this test is not about.
  await local.sql('update sessions set failed_login_attempts = 0, locked_until = null', []);
  return (await keeper.ask('unlockVault', { password })).codes;
}

const ofOfficer = "user_id = (select id from users where username = 'officer')";
const ofOwner = "user_id = (select id from users where username = 'admin')";

describe('every stored byte', () => {
  afterEach(restore);

  it.each(['token', 'salt'])('%s of a value: changed, missing or additional, and nothing is revealed', async (column) => {
    const where = `id = (select v.id from secret_versions v join secrets s on s.id = v.secret_id where s.key_name = 'bank' and v.version = 2)`;
    const text = await stored('secret_versions', column, where);
    for (const each of spoilt(text)) {
      await local.sql(`update secret_versions set ${column} = $1 where ${where}`, [each]);
      expect([each, await owner.reveal('bank')]).toEqual([each, 'INTERNAL']);
    }
    await local.sql(`update secret_versions set ${column} = $1 where ${where}`, [text]);
    expect(await owner.reveal('bank')).toBe(values['bank 2']);
  });

  it('is reported in the audit log, with the secret whose value does not open', async () => {
    const id = await stored('secrets', 'id', "key_name = 'bank'");
    const of = async (given: { readonly requestId: string | null }) =>
      local.sql('select action, outcome, reason, target_type, target_id from audit_events where request_id = $1', [given.requestId]);
    const altered = (action: string) => [{ action, outcome: 'failed', reason: 'altered', target_type: 'Secret', target_id: id }];
    await local.sql(`update secret_versions set token = 'gAAAAA' where secret_id = $1`, [id]);
    expect(await of(await owner.ask('revealSecret', { keyName: 'bank' }))).toEqual(altered('secret.reveal'));
    expect(await of(await owner.ask('renameSecret', { keyName: 'bank', newKeyName: 'other' }))).toEqual(altered('secret.rename'));
    expect(await of(await owner.ask('restoreSecretVersion', { keyName: 'bank', version: 1 }))).toEqual(altered('secret.restore'));
    await local.sql(`update vaults set state = 'x'`, []);
    expect(await of(await owner.ask('revealSecret', { keyName: 'bank' }))).toEqual([
      { ...altered('secret.reveal')[0], target_type: null, target_id: null },
    ]);
  });

  it.each(['state', 'kit_key'])('%s of the vault', async (column) => {
    const text = await stored('vaults', column, 'true');
    for (const each of spoilt(text)) {
      await local.sql(`update vaults set ${column} = $1`, [each]);
      expect([each, await owner.reveal('bank')]).toEqual([each, 'INTERNAL']);
    }
  });

  it('wrapped_key of an unlocked vault', async () => {
    const where = `session_id in (select id from sessions where ${ofOfficer})`;
    const text = await stored('vault_sessions', 'wrapped_key', where);
    for (const each of spoilt(text)) {
      await local.sql(`update vault_sessions set wrapped_key = $1 where ${where}`, [each]);
      expect([each, await officer.reveal('bank')]).toEqual([each, 'VAULT_LOCKED']);
    }
  });

  it.each([
    ['user_keys', 'public_key'],
    ['user_keys', 'public_key_mac'],
    ['user_keys', 'sealed_private_key'],
    ['vault_grants', 'sealed_key'],
    ['vault_grants', 'mark'],
  ])('of %s, %s: the vault stays locked', async (table, column) => {
    const text = await stored(table, column, ofOfficer);
    for (const each of spoilt(text)) {
      await local.sql(`update ${table} set ${column} = $1 where ${ofOfficer}`, [each]);
      expect([each, await unlocks(officer)]).toEqual([each, ['INTERNAL']]);
    }
    await local.sql(`update ${table} set ${column} = $1 where ${ofOfficer}`, [text]);
    expect(await unlocks(officer)).toEqual([]);
  });
});

describe('data that was moved', () => {
  afterEach(restore);
  beforeEach(async () => {
    await restore();
    expect(await reveals(owner)).toEqual(Object.values(values));
  });

  const version = (name: string, number: number): string =>
    `(select v.id from kept_secret_versions v join kept_secrets s on s.id = v.secret_id where s.key_name = '${name}' and v.version = ${number})`;
  /** Copies values of one row to another. */
  const into = (columns: string, from: string, to: string): string =>
    `update secret_versions set (${columns}) = (select ${columns} from kept_secret_versions where id = ${from}) where id = ${to}`;

  const [bank1, bank2, mail1, mail2] = [version('bank', 1), version('bank', 2), version('mail', 1), version('mail', 2)];
  it.each<[what: string, statements: string[]]>([
    ['a token of another version', [into('token, created_at', bank1, bank2)]],
    ['token and salt of another version', [into('token, salt', bank1, bank2)]],
    ['token and salt of another secret', [into('token, salt', mail2, bank2), into('token, salt', bank2, mail2)]],
    ['tokens of another secret', [into('token, created_at', mail1, bank1), into('token, created_at', bank1, mail1)]],
    [
      'a secret’s rows, under another secret',
      [
        `update secret_versions set secret_id = (select id from secrets where key_name = 'mail'), version = version + 10 where id = ${bank1}`,
      ],
    ],
    [
      'the versions the other way round',
      [
        `update secret_versions set version = 99 where id = ${bank1}`,
        `update secret_versions set version = 1 where id = ${bank2}`,
        `update secret_versions set version = 2 where id = ${bank1}`,
      ],
    ],
    [
      'the names the other way round',
      [
        `update secrets set key_name = '?' where key_name = 'bank'`,
        `update secrets set key_name = 'bank' where key_name = 'mail'`,
        `update secrets set key_name = 'mail' where key_name = '?'`,
      ],
    ],
    ['another vault’s id', [`update vaults set id = '01900000-0000-7000-8000-000000000001'`]],
    ['another number of the key', [`update vault_keys set version = 2`]],
  ])('%s: an error, and never another value', async (_, statements) => {
    for (const statement of statements) await local.sql(statement, []);
    const answers = await expectNoOther();
    expect(answers).not.toEqual(Object.values(values));
  });

  it.each<[what: string, statements: string[]]>([
    ['a secret that goes back to an earlier version', [`update secrets set current_version = 1 where key_name = 'bank'`]],
    [
      'a secret that goes back, with its later versions gone',
      [`update secrets set current_version = 1 where key_name = 'bank'`, `delete from secret_versions where id = ${bank2}`],
    ],
    ['a version that is gone', [`delete from secret_versions where id = ${bank1}`]],
    [
      'a version that is gone, and one that was forgotten put back',
      [
        `delete from secret_versions where id = ${bank2}`,
        `insert into secret_versions select (jsonb_populate_record(v, jsonb_build_object('id', gen_random_uuid(), 'version', 3))).*
         from secret_versions v where id = ${mail1}`,
      ],
    ],
    ['a secret that is gone', [`delete from secrets where key_name = 'mail'`]],
    [
      'a secret that was added',
      [
        `insert into secrets select gen_random_uuid(), created_at, updated_at, 'more', description, current_version, updated_by_id from secrets where key_name = 'bank'`,
      ],
    ],
    ['another description', [`update secrets set description = 'the key of the other bank' where key_name = 'bank'`]],
    ['a description that looks like none', [`update secrets set description = '-' where key_name = 'bank'`]],
    ['another name', [`update secrets set key_name = 'tank' where key_name = 'bank'`]],
  ])('%s: is detected for every secret, reported as altered, and nothing can be stored', async (_, statements) => {
    for (const statement of statements) await local.sql(statement, []);
    expect(await owner.reveal('mail')).toBe('INTERNAL');
    const { codes, requestId } = await owner.ask('revealSecret', { keyName: 'bank' });
    expect(codes).toEqual(['INTERNAL']);
    expect(await local.sql('select action, outcome, reason from audit_events where request_id = $1', [requestId])).toEqual([
      { action: 'secret.reveal', outcome: 'failed', reason: 'altered' },
    ]);
    for (const [operation, given] of [
      ['storeSecret', { input: { keyName: 'new', value: 'x' } }],
      ['rotateVaultKey', {}],
      ['unlockVault', { password }],
      ['secrets', {}],
    ] as const)
      expect((await owner.ask(operation, given)).codes).toEqual(['INTERNAL']);
  });

  it('a rename that was undone in SQL: the values do not open under the old name', async () => {
    await owner.see('renameSecret', { keyName: 'bank', newKeyName: 'renamed' });
    await local.sql(`update secrets set key_name = 'bank' where key_name = 'renamed'`, []);
    expect(await owner.reveal('bank')).toBe('INTERNAL');
  });

  it('a value from before a rotation: its key is gone', async () => {
    await owner.see('rotateVaultKey');
    await local.sql(into('token, salt, vault_key_id', bank2, bank2), []);
    expect(await owner.reveal('bank')).toBe('INTERNAL');
    expect(await owner.reveal('mail')).toBe(values['mail 2']);
  });

  it('a revocation that was undone in SQL: the vault does not unlock for anyone', async () => {
    await owner.see('revokeVaultAccess', { userId: await idOf(local, 'officer') });
    await owner.store('bank', 'third of the bank');
    await local.sql(`delete from secret_versions where version = 3`, []);
    await local.sql(`update secrets set current_version = 2 where key_name = 'bank'`, []);
    await local.sql(`update vault_keys set state = 'decrypt_only' where version = 2`, []);
    await local.sql(`update vault_keys set state = 'active' where version = 1`, []);
    await local.sql(`delete from vault_grants`, []);
    await local.sql(`insert into vault_grants select * from kept_vault_grants`, []);
    await local.sql(`update vaults set state = (select state from kept_vaults)`, []);
    expect([await unlocks(owner), await unlocks(officer)]).toEqual([['INTERNAL'], ['INTERNAL']]);
  });

  it('the grants, key pairs and private keys of two users: neither unlocks', async () => {
    for (const [table, columns] of [
      ['vault_grants', 'sealed_key, mark'],
      ['user_keys', 'public_key, public_key_mac, sealed_private_key'],
      ['user_keys', 'sealed_private_key, updated_at'],
    ] as const) {
      for (const [mine, theirs] of [
        [ofOwner, ofOfficer],
        [ofOfficer, ofOwner],
      ] as const) {
        const other = `select ${columns} from kept_${table} where ${theirs}`;
        // The key of another user is unique, and cannot be stored twice.
        await local.sql(`update ${table} set (${columns}) = (${other}) where ${mine}`, []);
      }
      expect([await unlocks(owner), await unlocks(officer)]).toEqual([['INTERNAL'], ['INTERNAL']]);
      await restore();
    }
  });

  it('an unlocked vault of another session', async () => {
    const mine = `session_id in (select id from sessions where ${ofOwner})`;
    const theirs = `session_id in (select id from sessions where ${ofOfficer})`;
    await local.sql(
      `update vault_sessions set session_id = (select session_id from kept_vault_sessions where ${mine} limit 1) where ${theirs}`,
      [],
    );
    expect((await owner.ask('revealSecret', { keyName: 'bank' }, officer.vaultToken)).codes).toEqual(['VAULT_LOCKED']);
    await restore();
    await local.sql(
      `update vault_sessions set wrapped_key = (select wrapped_key from kept_vault_sessions where ${mine} limit 1) where ${theirs}`,
      [],
    );
    expect(await officer.reveal('bank')).toBe('VAULT_LOCKED');
  });

  it('an attacker’s public key instead of a user’s: no rotation seals the new key for it', async () => {
    await local.staff.token();
    await local.sql(`update user_keys set user_id = (select id from users where username = 'vp') where ${ofOfficer}`, []);
    await local.sql(`update vault_grants set user_id = (select id from users where username = 'staff') where ${ofOfficer}`, []);
    expect((await owner.ask('rotateVaultKey')).codes).toEqual(['INTERNAL']);
    expect((await Keeper.of(local.staff).ask('unlockVault', { password })).codes).toEqual(['INTERNAL']);
  });
});

describe('a user’s own key that was restored', () => {
  const ofVp = "user_id = (select id from users where username = 'vp')";
  const changed = { currentPassword: password, newPassword: 'another one entirely' };
  let vp: Keeper;

  beforeAll(async () => {
    await restore();
    vp = Keeper.of(local.vp);
    await local.vp.token();
    await owner.see('grantVaultAccess', { userId: await idOf(local, 'vp') });
    await vp.unlock();
    await local.sql(`create table before_change as select * from user_keys where ${ofVp}`, []);
    const { codes } = await vp.put('mutation ($input: ChangePasswordInput!) { changePassword(input: $input) { accessToken } }', {
      input: changed,
    });
    expect(codes).toEqual([]);
    await local.sql(`create table after_change as select * from user_keys where ${ofVp}`, []);
  });

  const columns = 'public_key_mac, sealed_private_key, updated_at';
  const putBack = (from: string, what = columns) =>
    local.sql(`update user_keys set (${what}) = (select ${what} from ${from}) where ${ofVp}`, []);
  const unlocked = async () => {
    const codes: (readonly string[])[] = [];
    for (const each of [changed.currentPassword, changed.newPassword]) {
      await local.sql('update sessions set failed_login_attempts = 0, locked_until = null', []);
      codes.push((await vp.ask('unlockVault', { password: each })).codes);
    }
    return codes;
  };

  it.each([columns, 'sealed_private_key, updated_at', 'public_key_mac, updated_at'])(
    'from before a password change (%s): neither password unlocks, and it is reported as altered',
    async (what) => {
      expect(await unlocked()).toEqual([['BAD_CREDENTIALS'], []]);
      await putBack('before_change', what);
      expect(await unlocked()).toEqual([['INTERNAL'], ['INTERNAL']]);
      const { requestId } = await vp.ask('unlockVault', { password });
      expect(await local.sql('select action, outcome, reason from audit_events where request_id = $1', [requestId])).toEqual([
        { action: 'vault.unlock', outcome: 'failed', reason: 'altered' },
      ]);
      expect((await owner.ask('grantVaultAccess', { userId: await idOf(local, 'vp') })).codes).toEqual(['INTERNAL']);
      await putBack('after_change');
      expect(await unlocked()).toEqual([['BAD_CREDENTIALS'], []]);
    },
  );

  it('from before a sign-in, which does not change it: it stays valid', async () => {
    await local.sql(`create table before_login as select * from user_keys where ${ofVp}`, []);
    const login = 'mutation ($input: LoginInput!) { login(input: $input) { __typename } }';
    expect((await local.anonymous.ask(login, { input: { identifier: 'vp', password: changed.newPassword } })).codes).toEqual([]);
    await putBack('before_login');
    expect(await unlocked()).toEqual([['BAD_CREDENTIALS'], []]);
  });

  it('from before its access was revoked: with its grants, it is refused', async () => {
    await local.sql(`create table before_reset as select * from vault_grants where ${ofVp}`, []);
    await local.anonymous.ask('mutation ($email: String!) { requestPasswordReset(email: $email) }', { email: 'vp@unionhall.test' });
    const input = { token: await local.mailedToken('vp@unionhall.test'), newPassword: 'a password by mail' };
    expect((await local.anonymous.ask('mutation ($input: ResetPasswordInput!) { resetPassword(input: $input) }', { input })).codes).toEqual(
      [],
    );
    expect(await local.sql(`select id from user_keys where ${ofVp}`, [])).toEqual([]);
    await local.sql('insert into user_keys select * from after_change', []);
    await local.sql('insert into vault_grants select * from before_reset', []);
    expect((await owner.ask('grantVaultAccess', { userId: await idOf(local, 'vp') })).codes).toEqual(['INTERNAL']);
  });
});
