import { stat, readFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import { createHash } from 'node:crypto';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { aLocal, type Answer, type Local } from './support/local.ts';
import { seededAccounts } from '../seeds/account.ts';

const old = 'unionhall-dev';
const fresh = 'a quiet river at dawn';
const anyone = [
  'isConfigured',
  'permissions',
  'login',
  'completeLogin',
  'refresh',
  'setupOwner',
  'register',
  'requestPasswordReset',
  'resetPassword',
  'verifyEmail',
];

const many = '1000/900';
const roomy = { LIMIT_MAIL_ADDRESS: many, LIMIT_MAIL_ACCOUNT: many, LIMIT_REGISTER: many, LIMIT_REFRESH: many };

/** A stand-in for the breached-password service, which knows one password. */
const breached = 'found in many a breach';
const pwned = createServer(({ url = '' }, response) => {
  const digest = createHash('sha1').update(breached).digest('hex').toUpperCase();
  response.end(url === `/range/${digest.slice(0, 5)}` ? `${digest.slice(5)}:42` : `${'0'.repeat(35)}:0`);
});
afterAll(() => void pwned.close());

let local: Local;
beforeAll(async () => {
  await new Promise<void>((resolve) => pwned.listen(0, '127.0.0.1', resolve));
  const HIBP_URL = `http://127.0.0.1:${(pwned.address() as AddressInfo).port}`;
  local = await aLocal({ environment: { ...roomy, HIBP_URL, REGISTRATION: 'open' } });
  local.clock.stop();
});

interface Tokens {
  accessToken: string;
  refreshToken: string | null;
  deviceToken: string | null;
}

/** A signed-in device. */
class Device {
  constructor(
    readonly at: Local,
    public tokens: Tokens,
  ) {}

  static async signIn(at: Local, identifier: string, password = old, headers: Record<string, string> = {}): Promise<Device> {
    const { data, errors } = await login(at, identifier, password, headers);
    if (errors.length > 0) throw new Error(`${identifier} could not sign in: ${JSON.stringify(errors)}`);
    return new Device(at, data.login);
  }

  ask<Data = Record<string, never>>(query: string, variables: object = {}, headers: Record<string, string> = {}): Promise<Answer<Data>> {
    return this.at.anonymous.ask<Data>(query, variables, { authorization: `Bearer ${this.tokens.accessToken}`, ...headers });
  }

  async changePassword(currentPassword: string, newPassword: string, headers: Record<string, string> = {}) {
    const query = `mutation ($input: ChangePasswordInput!) {
      changePassword(input: $input) { accessToken tokenType refreshToken deviceToken user { username passwordMustChange } }
    }`;
    return await this.ask<{ changePassword: Tokens }>(query, { input: { currentPassword, newPassword } }, headers);
  }

  async refresh(): Promise<readonly string[]> {
    const query = 'mutation ($token: String) { refresh(refreshToken: $token) { accessToken refreshToken deviceToken } }';
    const { data, codes } = await this.at.anonymous.ask<{ refresh: Tokens }>(query, { token: this.tokens.refreshToken });
    if (codes.length === 0) this.tokens = data.refresh;
    return codes;
  }

  /** Returns the codes of the refusals. Empty if the user is signed in. */
  async refusals(): Promise<readonly string[]> {
    const { data, codes } = await this.ask<{ me: { id: string } | null }>('{ me { id } }');
    expect(data.me === null).toBe(codes.length > 0);
    return codes;
  }
}

const login = (at: Local, identifier: string, password: string, headers: Record<string, string> = {}, cookie = false) =>
  at.anonymous.ask<{ login: Tokens }>(
    `mutation ($input: LoginInput!) { login(input: $input) { ... on SignedIn { accessToken refreshToken deviceToken }
      ... on SecondFactorRequired { challenge } } }`,
    { input: { identifier, password, cookie } },
    headers,
  );

const requestReset = (at: Local, email: string) =>
  at.anonymous.ask<{ requestPasswordReset: boolean }>('mutation ($email: String!) { requestPasswordReset(email: $email) }', { email });
const reset = (at: Local, token: string, newPassword = fresh) =>
  at.anonymous.ask<{ resetPassword: boolean }>('mutation ($input: ResetPasswordInput!) { resetPassword(input: $input) }', {
    input: { token, newPassword },
  });
const verify = (at: Local, token: string) =>
  at.anonymous.ask<{ verifyEmail: boolean }>('mutation ($token: String!) { verifyEmail(token: $token) }', { token });

let settled = 0;
const applicant = (facts: object = {}) => {
  settled += 1;
  const username = `new.hand${settled}`;
  return { username, email: `${username}@site.test`, password: fresh, firstName: 'Nora', lastName: 'Hand', ...facts };
};
const register = (at: Local, input: object) =>
  at.anonymous.ask<{ register: boolean }>('mutation ($input: RegisterInput!) { register(input: $input) }', { input });

const addressOf = (username: string) => `${username}@unionhall.test`;
const row = async (at: Local, sql: string, ...params: unknown[]): Promise<Record<string, unknown>> => (await at.sql(sql, params))[0] ?? {};
const user = (at: Local, username: string) => row(at, 'select * from users where username = $1', username);
const set = (at: Local, username: string, change: string) => at.sql(`update users set ${change} where username = $1`, [username]);
const events = async (at: Local, username: string) =>
  (
    await at.sql('select a.action from audit_events a join users u on u.id = a.target_id where u.username = $1 order by a.id', [username])
  ).map(({ action }) => action);

/** Returns the messages of a BAD_INPUT per field. */
const fieldsOf = ({ errors }: Answer<unknown>) => (errors[0]?.extensions['fields'] ?? []) as { path: string; message: string }[];

/** Returns what a client sees, without random values. */
const seen = ({ status, data, errors }: Answer<unknown>) => ({
  status,
  data,
  errors: errors.map(({ message, path, extensions: { requestId, ...extensions } }) => ({
    message,
    path,
    extensions,
    has: typeof requestId,
  })),
});

/** Returns the allowed operations, without public ones. */
async function allowed(device: Device): Promise<string[]> {
  const { data } = await device.ask<{ permissions: { operation: string; isAllowed: boolean }[] }>(
    '{ permissions { operation isAllowed } }',
  );
  return data.permissions.flatMap(({ operation, isAllowed }) => (isAllowed && !anyone.includes(operation) ? [operation] : [])).sort();
}

describe('changePassword', () => {
  it('replaces the password, ends the other sessions, notifies the user, and keeps this session', async () => {
    const [device, phone] = [await Device.signIn(local, 'staff'), await Device.signIn(local, 'staff')];
    const { data, codes } = await device.changePassword(old, fresh);
    expect(codes).toEqual([]);
    expect(data.changePassword).toMatchObject({ tokenType: 'Bearer', refreshToken: device.tokens.refreshToken, deviceToken: null });
    expect(await device.refusals()).toEqual([]);
    expect(await new Device(local, data.changePassword).refusals()).toEqual([]);
    expect(await phone.refusals()).toEqual(['UNAUTHENTICATED']);
    expect(await phone.refresh()).toEqual(['UNAUTHENTICATED']);
    expect((await login(local, 'staff', old)).codes).toEqual(['BAD_CREDENTIALS']);
    expect((await login(local, 'staff', fresh)).codes).toEqual([]);
    const mail = (await local.mailbox(addressOf('staff'))).at(-1);
    expect(mail).toMatchObject({ subject: 'Your password was changed', token: '' });
    expect(mail?.text).toContain('"staff"');
    expect(await events(local, 'staff')).toContain('change_password');
  });

  it('keeps other tabs of this session signed in, which refresh with their old token', async () => {
    const device = await Device.signIn(local, 'organizer');
    const tab = new Device(local, { ...device.tokens });
    await device.changePassword(old, fresh);
    local.clock.turn(60);
    expect(await tab.refresh()).toEqual([]);
    expect(await tab.refusals()).toEqual([]);
  });

  it('keeps tokens in cookies only if this session does', async () => {
    const { data, headers } = await login(local, 'instructor', old, {}, true);
    const cookie =
      headers
        .getSetCookie()
        .find((each) => each.startsWith('unionhall_refresh='))
        ?.split(';')[0] ?? '';
    const device = new Device(local, data.login);
    const changed = await device.changePassword(old, fresh, { cookie });
    expect(changed.data.changePassword.refreshToken).toBeNull();
    expect(changed.headers.getSetCookie().join()).toContain(cookie);
    const other = await Device.signIn(local, 'instructor', fresh);
    const again = await other.changePassword(fresh, `${fresh} again`, { cookie });
    expect(again.data.changePassword.refreshToken).toBe(other.tokens.refreshToken);
    expect(again.headers.getSetCookie()).toEqual([]);
  });

  it('refuses a wrong current password and counts it', async () => {
    const device = await Device.signIn(local, 'vp');
    for (let time = 0; time < 5; time += 1) {
      const { data, codes } = await device.changePassword(`${old}!`, fresh);
      expect([data, codes]).toEqual([null, ['BAD_CREDENTIALS']]);
    }
    expect((await device.changePassword(old, fresh)).codes).toEqual(['BAD_CREDENTIALS']);
    expect(await device.refusals()).toEqual([]);
    expect((await login(local, 'vp', old)).codes).toEqual([]);
    local.clock.turn(1801);
    await device.refresh();
    expect((await device.changePassword(old, fresh)).codes).toEqual([]);
    expect(await local.mailbox(addressOf('vp'))).toHaveLength(1);
  });

  it.each([
    ['is empty', '', 'must have at least 8 characters'],
    ['is short', 'short 1', 'must have at least 8 characters'],
    ['is short in emoji', '😀😀😀', 'must have at least 8 characters'],
    ['is long', 'x'.repeat(129), 'must have at most 128 characters'],
    ['is not text', '\ud800'.padEnd(12, 'x'), 'must be valid Unicode text'],
    ['is common', 'Password123', 'must not be one of the most common passwords'],
    ['is the username', 'manager', 'must not be your own name, username or e-mail address'],
    ['is the address', 'Manager@Unionhall.test', 'must not be your own name, username or e-mail address'],
    ['is the name', 'yolanda-pruitt', 'must not be your own name, username or e-mail address'],
    ['is the name turned round', 'Pruitt, Yolanda', 'must not be your own name, username or e-mail address'],
    ['is the current one', old, 'must not be the current password'],
    ['was breached', breached, 'appears in a known data breach: choose another one'],
  ])('refuses a new password that %s', async (_, password, problem) => {
    const device = await Device.signIn(local, 'manager');
    const answer = await device.changePassword(old, password);
    expect(answer.codes).toEqual(['BAD_INPUT']);
    expect(fieldsOf(answer)).toContainEqual({ path: 'input.newPassword', message: problem });
    if (password.length > 7) expect(JSON.stringify(answer.errors)).not.toContain(password);
    expect((await login(local, 'manager', old)).codes).toEqual([]);
  });

  it.each(['', 'x'.repeat(129), '\ud800'])('refuses a current password that cannot exist: %j', async (password) => {
    const device = await Device.signIn(local, 'manager');
    const { codes, errors } = await device.changePassword(password, fresh);
    expect(codes).toEqual(['BAD_INPUT']);
    expect(errors[0]?.extensions['fields']).toEqual([{ path: 'input.currentPassword', message: 'must have 1 to 128 characters' }]);
  });

  it('checks only as many new passwords as the session limit allows', async () => {
    const few = await aLocal({ environment: { LIMIT_SIGN_IN: '2/300' } });
    few.clock.stop();
    const device = await Device.signIn(few, 'manager');
    for (const code of ['BAD_INPUT', 'BAD_INPUT', 'RATE_LIMITED'])
      expect((await device.changePassword(old, 'short 1')).codes).toEqual([code]);
    few.clock.turn(300);
    for (const [from, to] of [
      [old, fresh],
      [fresh, `${fresh} 2`],
      [`${fresh} 2`, `${fresh} 3`],
    ] as const)
      expect((await device.changePassword(from, to)).codes).toEqual([]);
  });

  it('is open to every signed-in user', async () => {
    const query = 'mutation { changePassword(input: { currentPassword: "x", newPassword: "y" }) { accessToken } }';
    expect((await local.anonymous.ask(query)).codes).toEqual(['UNAUTHENTICATED']);
  });

  it('ends what the old password opened: the vault, resets, and sign-ins that wait for a code', async () => {
    const device = await Device.signIn(local, 'president');
    const { id } = await user(local, 'president');
    await requestReset(local, addressOf('president'));
    const token = await local.mailedToken(addressOf('president'));
    await local.sql(
      `insert into vault_sessions (id, created_at, updated_at, session_id, token_hash, wrapped_key, last_used_at, expires_at)
       select gen_random_uuid(), now(), now(), id, 'h', 'k', now(), now() + interval '1 hour' from sessions where user_id = $1`,
      [id],
    );
    await local.sql(
      `insert into login_challenges (id, created_at, updated_at, user_id, token_hash, wants_cookie, expires_at)
       values (gen_random_uuid(), now(), now(), $1, 'h', false, now() + interval '1 hour')`,
      [id],
    );
    expect((await device.changePassword(old, fresh)).codes).toEqual([]);
    expect(await local.sql('select 1 from vault_sessions where session_id in (select id from sessions where user_id = $1)', [id])).toEqual(
      [],
    );
    expect(await local.sql('select 1 from login_challenges where user_id = $1', [id])).toEqual([]);
    expect((await reset(local, token)).codes).toEqual(['BAD_INPUT']);
  });
});

describe('a password that must be changed', () => {
  it('allows only me, permissions, refresh, changePassword and logout until it is changed', async () => {
    const device = await Device.signIn(local, 'officer');
    const usual = await allowed(device);
    await set(local, 'officer', 'password_must_change = true');
    expect(await allowed(device)).toEqual(['changePassword', 'dueDate', 'logout', 'me']);
    expect((await device.ask('{ members { totalCount } }')).codes).toEqual(['PASSWORD_CHANGE_REQUIRED']);
    expect((await device.ask('mutation { updateProfile(input: {}) { id } }')).codes).toEqual(['PASSWORD_CHANGE_REQUIRED']);
    expect((await device.ask('mutation { requestEmailVerification }')).codes).toEqual(['PASSWORD_CHANGE_REQUIRED']);
    const { data } = await device.ask<{ me: object }>('{ me { username passwordMustChange roles { id } } }');
    expect(data.me).toMatchObject({ username: 'officer', passwordMustChange: true });
    expect(await device.refresh()).toEqual([]);
    const changed = await device.changePassword(old, fresh);
    expect(changed.data.changePassword).toMatchObject({ user: { username: 'officer', passwordMustChange: false } });
    expect(await allowed(device)).toEqual(usual);
    expect((await device.ask('mutation { logout }')).codes).toEqual([]);
  });
});

describe('a reset', () => {
  it('is mailed, sets the password once, and ends all sessions', async () => {
    const device = await Device.signIn(local, 'member');
    const { data } = await requestReset(local, ' Member@UNIONHALL.test ');
    expect(data).toEqual({ requestPasswordReset: true });
    const mail = (await local.mailbox(addressOf('member'))).at(-1);
    expect(mail?.subject).toBe('Reset your password');
    expect(mail?.text).toContain(`https://union.example/reset-password?token=${mail?.token}`);
    for (const word of [
      '"member"',
      'signs you out on all devices',
      'second factor stays the same',
      'someone must then give you access again',
      'ignore this mail',
    ])
      expect(mail?.text).toContain(word);
    const token = mail?.token ?? '';
    expect((await reset(local, token)).data).toEqual({ resetPassword: true });
    expect(await device.refusals()).toEqual(['UNAUTHENTICATED']);
    expect(await device.refresh()).toEqual(['UNAUTHENTICATED']);
    expect((await login(local, 'member', old)).codes).toEqual(['BAD_CREDENTIALS']);
    expect((await login(local, 'member', fresh)).codes).toEqual([]);
    expect((await local.mailbox(addressOf('member'))).at(-1)?.subject).toBe('Your password was changed');
    expect((await reset(local, token, `${fresh} again`)).codes).toEqual(['BAD_INPUT']);
    expect((await login(local, 'member', fresh)).codes).toEqual([]);
    expect(await events(local, 'member')).toEqual(expect.arrayContaining(['request_password_reset', 'reset_password']));
  });

  it('verifies the address, removes a lock and a required change, and keeps the second factor', async () => {
    const { id } = await user(local, 'testuser');
    await local.sql(
      `insert into totp_credentials (id, created_at, updated_at, user_id, sealed_seed, confirmed_at, failed_attempts)
       values (gen_random_uuid(), now(), now(), $1, 's', now(), 0)`,
      [id],
    );
    const until = new Date(local.clock.now().valueOf() + 600_000);
    await local.sql(
      'update users set locked_until = $2, failed_login_attempts = 5, is_verified = false, password_must_change = true where id = $1',
      [id, until],
    );
    await local.sql(
      `insert into devices (id, created_at, updated_at, user_id, token_hash, last_seen_at, failed_login_attempts, locked_until)
       values (gen_random_uuid(), now(), now(), $1, 'h', now(), 5, $2)`,
      [id, until],
    );
    await requestReset(local, addressOf('testuser'));
    expect((await reset(local, await local.mailedToken(addressOf('testuser')))).codes).toEqual([]);
    const unlocked = { failed_login_attempts: 0, locked_until: null };
    expect(await user(local, 'testuser')).toMatchObject({ ...unlocked, is_verified: true, password_must_change: false });
    expect(await row(local, 'select * from devices where user_id = $1', id)).toMatchObject(unlocked);
    expect((await login(local, 'testuser', fresh)).data.login).toEqual({ challenge: expect.stringMatching(/^lct1\./) });
  });

  it('voids the vault access of this user only', async () => {
    const [mine, other] = [await user(local, 'vp'), await user(local, 'staff')];
    await local.sql(
      `insert into vault_keys (id, created_at, updated_at, version, state) values ('01900000-0000-7000-8000-0000000000aa', now(), now(), 1, 'active')`,
    );
    for (const { id } of [mine, other]) {
      await local.sql(
        `insert into vault_grants (id, created_at, updated_at, user_id, vault_key_id, sealed_key, mark)
         values (gen_random_uuid(), now(), now(), $1, '01900000-0000-7000-8000-0000000000aa', 's', 'm')`,
        [id],
      );
      await local.sql(
        `insert into user_keys (id, created_at, updated_at, user_id, public_key, public_key_mac, sealed_private_key)
         values (gen_random_uuid(), now(), now(), $1, 'p', 'm', 's') on conflict (user_id) do nothing`,
        [id],
      );
    }
    await requestReset(local, addressOf('vp'));
    expect((await reset(local, await local.mailedToken(addressOf('vp')), `${fresh} anew`)).codes).toEqual([]);
    for (const table of ['vault_grants', 'user_keys'])
      expect(await local.sql(`select user_id from ${table} where user_id in ($1, $2)`, [mine['id'], other['id']])).toEqual([
        { user_id: other['id'] },
      ]);
  });

  it('has the same answer and number of statements for known and unknown addresses', async () => {
    await set(local, 'manager', 'is_active = false');
    await set(local, 'instructor', 'deleted_at = now()');
    const addresses = ['admin', 'nobody', 'manager', 'instructor'].map(addressOf);
    const said: unknown[] = [];
    const work: number[] = [];
    for (const address of [...addresses, 'not an address', 'x'.repeat(5000)]) {
      const before = local.heard.length;
      said.push(seen(await requestReset(local, address)));
      work.push(local.heard.length - before);
    }
    await set(local, 'manager', 'is_active = true');
    await set(local, 'instructor', 'deleted_at = null');
    expect(new Set(said.map((each) => JSON.stringify(each))).size).toBe(1);
    expect(said[0]).toMatchObject({ status: 200, data: { requestPasswordReset: true }, errors: [] });
    expect(new Set(work).size).toBe(1);
    const mails = await Promise.all(
      addresses.map(async (address) => (await local.mailbox(address)).filter(({ subject }) => /Reset/.test(subject)).length),
    );
    expect(mails).toEqual([1, 0, 0, 0]);
  });

  it('accepts only the newest token, for half an hour, for the address that it was mailed to', async () => {
    const token = async () => {
      await requestReset(local, addressOf('president'));
      return await local.mailedToken(addressOf('president'));
    };
    const [first, second] = [await token(), await token()];
    expect(first).not.toBe(second);
    expect((await reset(local, first)).codes).toEqual(['BAD_INPUT']);
    await set(local, 'president', `email = 'elsewhere@unionhall.test'`);
    expect((await reset(local, second)).codes).toEqual(['BAD_INPUT']);
    await set(local, 'president', `email = 'President@unionhall.test'`);
    await set(local, 'president', 'is_active = false');
    expect((await reset(local, second)).codes).toEqual(['BAD_INPUT']);
    await set(local, 'president', 'is_active = true');
    local.clock.turn(1799);
    const third = await token();
    local.clock.turn(1801);
    expect((await reset(local, third)).codes).toEqual(['BAD_INPUT']);
    expect((await reset(local, await token(), `${fresh} anew`)).codes).toEqual([]);
  });

  it('refuses every other text with the same answer', async () => {
    const device = await Device.signIn(local, 'admin');
    await requestReset(local, addressOf('admin'));
    const token = await local.mailedToken(addressOf('admin'));
    await set(local, 'admin', 'is_verified = false');
    await device.ask('mutation { requestEmailVerification }');
    const verification = await local.mailedToken(addressOf('admin'));
    expect(verification).toMatch(/^evt1\./);
    const [scheme, kid = '', body = ''] = token.split('.');
    const texts = [
      '',
      'x',
      ' ',
      'x'.repeat(50_000),
      '💥',
      `${token}_`,
      `${token}=`,
      `${scheme}.${kid}`,
      `${scheme}.other.${body}`,
      `${scheme}.${kid}.${body.slice(0, -1)}`,
      `${scheme}.${kid}.${body.slice(0, 60)}${body[60] === 'A' ? 'B' : 'A'}${body.slice(61)}`,
      verification,
      verification.replace('evt1', 'prt1'),
      device.tokens.accessToken,
      String(device.tokens.refreshToken),
      String(device.tokens.deviceToken),
    ];
    const said = [];
    for (const text of texts) said.push(seen(await reset(local, text)));
    expect(new Set(said.map((each) => JSON.stringify(each))).size).toBe(1);
    expect(said[0]?.errors[0]?.extensions).toEqual({
      code: 'BAD_INPUT',
      fields: [{ path: 'input.token', message: 'is invalid or has expired' }],
    });
    expect((await verify(local, token)).codes).toEqual(['BAD_INPUT']);
    expect((await local.anonymous.ask('{ me { id } }', {}, { authorization: `Bearer ${token}` })).codes).toEqual(['UNAUTHENTICATED']);
    expect((await reset(local, token, `${fresh} admin`)).codes).toEqual([]);
    expect((await verify(local, verification)).codes).toEqual([]);
  });

  it('keeps the token after a refused password', async () => {
    await requestReset(local, addressOf('manager'));
    const token = await local.mailedToken(addressOf('manager'));
    for (const [password, count] of [
      ['short', 2],
      ['password', 1],
      [breached, 1],
      ['Manager', 3],
    ] as const) {
      const answer = await reset(local, token, password);
      expect(answer.codes).toEqual(['BAD_INPUT']);
      expect(fieldsOf(answer).map(({ path }) => path)).toEqual(Array.from({ length: count }, () => 'input.newPassword'));
    }
    expect((await reset(local, token)).codes).toEqual([]);
  });

  it('keeps its token only in the mail', async () => {
    await requestReset(local, addressOf('organizer'));
    const token = await local.mailedToken(addressOf('organizer'));
    const secret = token.split('.')[2] ?? '';
    for (const table of ['one_time_tokens', 'pgboss.job', 'audit_events', 'rate_limits', 'users']) {
      const rows = JSON.stringify(await local.sql(`select t::text as whole from ${table} t`));
      expect(rows.includes(secret)).toBe(false);
    }
  });
});

describe('the limits of mail requests', () => {
  it('are three in 15 minutes per address, known or unknown', async () => {
    const limited = await aLocal();
    limited.clock.stop();
    for (const address of [addressOf('admin'), addressOf('nobody')]) {
      for (let time = 0; time < 3; time += 1) expect((await requestReset(limited, address)).codes).toEqual([]);
      const { codes, errors } = await requestReset(limited, address.toUpperCase());
      expect(codes).toEqual(['RATE_LIMITED']);
      expect(errors[0]?.extensions['retryAfter']).toBeGreaterThan(800);
    }
    limited.clock.turn(901);
    expect((await requestReset(limited, addressOf('admin'))).codes).toEqual([]);
    expect(await limited.mailbox(addressOf('admin'))).toHaveLength(1); // the earlier ones were replaced before they were sent
  });

  it('are twenty in an hour per IP address', async () => {
    const limited = await aLocal();
    const codes: (readonly string[])[] = [];
    for (let place = 0; place < 21; place += 1) codes.push((await requestReset(limited, `hand${place}@site.test`)).codes);
    expect(codes).toEqual([...Array.from({ length: 20 }, () => []), ['RATE_LIMITED']]);
  });

  it('are five registrations in an hour per IP address', async () => {
    const limited = await aLocal({ environment: { REGISTRATION: 'open' } });
    const codes: (readonly string[])[] = [];
    for (let place = 0; place < 6; place += 1) codes.push((await register(limited, applicant({ username: 'admin' }))).codes);
    expect(codes).toEqual([...Array.from({ length: 5 }, () => ['BAD_INPUT']), ['RATE_LIMITED']]);
  });
});

describe('registration', () => {
  it('is closed by default', async () => {
    const closed = await aLocal();
    const { data, codes, errors } = await register(closed, applicant());
    expect([data, codes]).toEqual([null, ['FORBIDDEN']]);
    expect(errors[0]?.message).toBe('Registration is closed. Ask an administrator for an account.');
  });

  it('creates an account that can only verify its address, and then do what members can', async () => {
    const hand = applicant();
    expect((await register(local, hand)).data).toEqual({ register: true });
    expect((await login(local, hand.email, fresh)).codes).toEqual(['BAD_CREDENTIALS']);
    const device = await Device.signIn(local, hand.username, fresh);
    const { data } = await device.ask<{ me: object }>(
      '{ me { email isVerified isOwner member { id } roles { role { basedOn } expiresAt } } }',
    );
    expect(data.me).toEqual({
      email: hand.email,
      isVerified: false,
      isOwner: false,
      member: null,
      roles: [{ role: { basedOn: 'MEMBER' }, expiresAt: null }],
    });
    expect(await allowed(device)).toEqual(['dueDate', 'logout', 'me', 'requestEmailVerification']);
    for (const query of ['mutation { updateProfile(input: {}) { id } }', '{ organizations { totalCount } }', '{ sessions { id } }']) {
      const { codes, errors } = await device.ask(query);
      expect([codes, errors[0]?.message]).toEqual([['FORBIDDEN'], 'Verify your e-mail address before doing this.']);
    }
    expect((await device.changePassword(fresh, 'another quiet river')).codes).toEqual(['FORBIDDEN']);
    expect(await device.refresh()).toEqual([]);
    expect((await verify(local, await local.mailedToken(hand.email))).data).toEqual({ verifyEmail: true });
    expect(await allowed(device)).toEqual(await allowed(await Device.signIn(local, 'member', fresh)));
    expect((await login(local, hand.email, fresh)).codes).toEqual([]);
    expect(await events(local, hand.username)).toEqual(expect.arrayContaining(['register', 'verify_email']));
  });

  it('reports that a username is taken, ignoring case', async () => {
    const { codes, errors } = await register(local, applicant({ username: 'OFFICER' }));
    expect(codes).toEqual(['BAD_INPUT']);
    expect(errors[0]?.extensions['fields']).toEqual([{ path: 'input.username', message: 'is taken' }]);
  });

  it('does not reveal that an address is taken: its user is notified and keeps it', async () => {
    const [taken, free] = [applicant({ email: 'President@Unionhall.test' }), applicant()];
    const before = local.heard.length;
    const ofTaken = seen(await register(local, taken));
    const between = local.heard.length;
    expect(seen(await register(local, free))).toEqual(ofTaken);
    expect(local.heard.length - between).toBe(between - before);
    const mails = await local.mailbox(addressOf('president'));
    expect(mails.at(-1)).toMatchObject({ subject: 'Someone tried to use your e-mail address', token: '' });
    expect(mails.at(-1)?.text).toContain('"president"');
    expect(mails.at(-1)?.text).not.toContain(taken.username);
    // The permissions of the new account reveal nothing either.
    const [claimant, other] = [await Device.signIn(local, taken.username, fresh), await Device.signIn(local, free.username, fresh)];
    const me = '{ me { isVerified } }';
    expect(seen(await claimant.ask(me))).toEqual(seen(await other.ask(me)));
    for (const each of [taken, free]) expect((await login(local, each.email, fresh)).codes).toEqual(['BAD_CREDENTIALS']);
    expect((await login(local, addressOf('president'), `${fresh} anew`)).codes).toEqual([]);
    const resend = 'mutation { requestEmailVerification }';
    expect(seen(await claimant.ask(resend))).toEqual(seen(await other.ask(resend)));
    expect((await local.mailbox(addressOf('president'))).at(-1)?.token).toBe('');
    await requestReset(local, addressOf('president'));
    expect((await local.mailbox(addressOf('president'))).at(-1)?.text).toContain('"president"');
  });

  it('gives an address that several accounts claim to the first one that verifies it', async () => {
    const email = 'shared@site.test';
    const [one, two] = [applicant({ email }), applicant({ email: email.toUpperCase() })];
    for (const each of [one, two]) expect((await register(local, each)).codes).toEqual([]);
    const [first = '', second = ''] = (await local.mailbox(email)).map(({ token }) => token);
    expect((await verify(local, second)).codes).toEqual([]);
    const { codes, errors } = await verify(local, first);
    expect(codes).toEqual(['BAD_INPUT']);
    expect(errors[0]?.extensions['fields']).toEqual([{ path: 'token', message: 'is invalid or has expired' }]);
    expect([(await user(local, one.username))['is_verified'], (await user(local, two.username))['is_verified']]).toEqual([false, true]);
  });

  it.each([
    ['a username', { username: 'a' }, 'input.username'],
    ['a username', { username: 'x'.repeat(51) }, 'input.username'],
    ['a username', { username: 'jo hn' }, 'input.username'],
    ['a username', { username: 'jo@hn' }, 'input.username'],
    ['a username', { username: 'jоhn' }, 'input.username'],
    ['an address', { email: 'nobody' }, 'input.email'],
    ['an address', { email: 'a@b@c.test' }, 'input.email'],
    ['an address', { email: 'a@c.test\r\nBcc: b@c.test' }, 'input.email'],
    ['an address', { email: '"a" <a@c.test>' }, 'input.email'],
    ['an address', { email: `${'x'.repeat(64)}@${'y'.repeat(200)}.test` }, 'input.email'],
    ['a name', { firstName: ' ' }, 'input.firstName'],
    ['a name', { lastName: 'x'.repeat(101) }, 'input.lastName'],
    ['a name', { lastName: 'Hand\n<script>' }, 'input.lastName'],
    ['a password', { password: 'x1y2z3' }, 'input.password'],
    ['a password', { password: 'Nora Hand' }, 'input.password'],
    ['a password', { password: breached }, 'input.password'],
  ])('refuses %s like %j', async (_, facts, path) => {
    const answer = await register(local, applicant(facts));
    expect(answer.codes).toEqual(['BAD_INPUT']);
    expect(fieldsOf(answer).map((field) => field.path)).toEqual([path]);
    for (const value of Object.values(facts)) if (value.length > 3) expect(JSON.stringify(answer.errors)).not.toContain(value);
  });
});

describe('address verification', () => {
  it('is mailed again, which voids the earlier token, and works once within a day', async () => {
    const hand = applicant();
    await register(local, hand);
    const device = await Device.signIn(local, hand.username, fresh);
    const first = await local.mailedToken(hand.email);
    expect((await device.ask('mutation { requestEmailVerification }')).data).toEqual({ requestEmailVerification: true });
    expect((await verify(local, first)).codes).toEqual(['BAD_INPUT']);
    const second = await local.mailedToken(hand.email);
    expect((await reset(local, second)).codes).toEqual(['BAD_INPUT']);
    local.clock.turn(86_401);
    expect((await verify(local, second)).codes).toEqual(['BAD_INPUT']);
    const again = await Device.signIn(local, hand.username, fresh);
    await again.ask('mutation { requestEmailVerification }');
    const third = await local.mailedToken(hand.email);
    expect((await verify(local, third)).codes).toEqual([]);
    expect((await verify(local, third)).codes).toEqual(['BAD_INPUT']);
    const count = (await local.mailbox(hand.email)).length;
    expect((await again.ask('mutation { requestEmailVerification }')).data).toEqual({ requestEmailVerification: true });
    expect(await local.mailbox(hand.email)).toHaveLength(count);
    expect((await local.anonymous.ask('mutation { requestEmailVerification }')).codes).toEqual(['UNAUTHENTICATED']);
  });

  it('is required for exactly the operations that the operator names', async () => {
    const strict = await aLocal({ environment: { VERIFIED_OPERATIONS: 'updateProfile, members' } });
    const device = await Device.signIn(strict, 'staff');
    const usual = await allowed(device);
    await set(strict, 'staff', 'is_verified = false');
    expect(usual.filter((each) => !['updateProfile', 'members'].includes(each))).toEqual(await allowed(device));
    const { codes, errors } = await device.ask('{ members { totalCount } }');
    expect([codes, errors[0]?.message]).toEqual([['FORBIDDEN'], 'Verify your e-mail address before doing this.']);
    expect((await device.ask('{ organizations { totalCount } }')).codes).toEqual([]);
    await device.ask('mutation { requestEmailVerification }');
    await verify(strict, await strict.mailedToken(addressOf('staff')));
    expect(await allowed(device)).toEqual(usual);
  });

  it('refuses to start if the setting names unknown operations or those that verify', async () => {
    await expect(aLocal({ environment: { VERIFIED_OPERATIONS: 'verifyEmail' } })).rejects.toThrow(
      'must not list requestEmailVerification or verifyEmail',
    );
    await expect(aLocal({ environment: { VERIFIED_OPERATIONS: 'members,updateProfil' } })).rejects.toThrow(
      'VERIFIED_OPERATIONS lists unknown operations: updateProfil',
    );
  });
});

describe('changeEmail', () => {
  const change = (device: Device, email: string) =>
    device.ask<{ changeEmail: object }>('mutation ($email: String!) { changeEmail(email: $email) { username email isVerified } }', {
      email,
    });
  const passwordOf = (username: string) => (username === 'admin' ? `${fresh} admin` : fresh);

  it('requires step-up, then changes the address, and mails both addresses', async () => {
    const device = await Device.signIn(local, 'admin', passwordOf('admin'));
    await requestReset(local, addressOf('admin'));
    const token = await local.mailedToken(addressOf('admin'));
    local.clock.turn(601);
    expect((await change(device, 'ruth@site.test')).codes).toEqual(['STEP_UP_REQUIRED']);
    const again = await Device.signIn(local, 'admin', passwordOf('admin'));
    expect((await change(again, ' ruth@site.test ')).data).toEqual({
      changeEmail: { username: 'admin', email: 'ruth@site.test', isVerified: false },
    });
    expect((await local.mailbox(addressOf('admin'))).at(-1)).toMatchObject({ subject: 'Your e-mail address was changed', token: '' });
    expect((await reset(local, token)).codes).toEqual(['BAD_INPUT']);
    expect((await login(local, 'ruth@site.test', passwordOf('admin'))).codes).toEqual(['BAD_CREDENTIALS']);
    expect((await login(local, addressOf('admin'), passwordOf('admin'))).codes).toEqual(['BAD_CREDENTIALS']);
    expect((await login(local, 'admin', passwordOf('admin'))).codes).toEqual([]);
    expect((await verify(local, await local.mailedToken('ruth@site.test'))).codes).toEqual([]);
    expect((await login(local, 'ruth@site.test', passwordOf('admin'))).codes).toEqual([]);
    expect(await user(local, 'admin')).toMatchObject({ is_verified: true });
    expect(await events(local, 'admin')).toContain('change_email');
  });

  it.each([
    ['ruth@site.test', 'is already your address'],
    ['', 'must be an e-mail address'],
    ['ruth', 'must be an e-mail address'],
    ['ruth@site.test\nBcc: all@site.test', 'must be an e-mail address'],
  ])('refuses %j', async (email, message) => {
    const device = await Device.signIn(local, 'admin', passwordOf('admin'));
    const { codes, errors } = await change(device, email);
    expect(codes).toEqual(['BAD_INPUT']);
    expect(errors[0]?.extensions['fields']).toEqual([{ path: 'email', message }]);
    expect(await user(local, 'admin')).toMatchObject({ email: 'ruth@site.test', is_verified: true });
  });

  it('accepts another spelling of the same address, which stays verified, without a mail', async () => {
    const device = await Device.signIn(local, 'admin', passwordOf('admin'));
    const mails = (await local.mailbox('ruth@site.test')).length;
    expect((await change(device, 'Ruth@Site.test')).data).toEqual({
      changeEmail: { username: 'admin', email: 'Ruth@site.test', isVerified: true },
    });
    expect(await local.mailbox('ruth@site.test')).toHaveLength(mails);
    expect((await change(device, 'ruth@site.test')).codes).toEqual([]);
  });

  it('is open to every signed-in user, three times in 15 minutes', async () => {
    expect((await local.anonymous.ask('mutation { changeEmail(email: "a@site.test") { id } }')).codes).toEqual(['UNAUTHENTICATED']);
    const limited = await aLocal();
    const device = await Device.signIn(limited, 'staff');
    const codes: (readonly string[])[] = [];
    for (let time = 0; time < 4; time += 1) codes.push((await change(device, `m${time}@site.test`)).codes);
    expect(codes).toEqual([[], [], [], ['RATE_LIMITED']]);
  });
});

describe('updateProfile', () => {
  const update = (device: Device, input: object) =>
    device.ask<{ updateProfile: object }>(
      'mutation ($input: UpdateProfileInput!) { updateProfile(input: $input) { username firstName lastName fullName } }',
      { input },
    );

  it('changes the submitted fields only', async () => {
    const device = await Device.signIn(local, 'staff', fresh);
    const changed = await update(device, { lastName: ' Vega-Ruiz ', username: 'STAFF' });
    expect(changed.data.updateProfile).toEqual({
      username: 'STAFF',
      firstName: 'Marisol',
      lastName: 'Vega-Ruiz',
      fullName: 'Marisol Vega-Ruiz',
    });
    expect((await update(device, { username: 'staff' })).data.updateProfile).toMatchObject({ username: 'staff', lastName: 'Vega-Ruiz' });
    expect((await update(device, {})).codes).toEqual([]);
    expect(await events(local, 'staff')).toContain('update_profile');
  });

  it.each([
    [{ username: 'Admin' }, { path: 'input.username', message: 'is taken' }],
    [{ username: null }, { path: 'input.username', message: 'must not be null' }],
    [{ firstName: null }, { path: 'input.firstName', message: 'must not be null' }],
    [{ firstName: '  ' }, { path: 'input.firstName', message: 'must have 1 to 100 characters' }],
    [
      { username: 'a b' },
      { path: 'input.username', message: 'must have 2 to 50 characters: unaccented letters, digits, ".", "_" and "-"' },
    ],
  ])('refuses %j', async (input, field) => {
    const device = await Device.signIn(local, 'staff', fresh);
    const { codes, errors } = await update(device, input);
    expect([codes, errors[0]?.extensions['fields']]).toEqual([['BAD_INPUT'], [field]]);
    expect(await user(local, 'staff')).toMatchObject({ username: 'staff', first_name: 'Marisol' });
  });
});

describe('setupOwner', () => {
  const owner = { username: 'founder', email: 'founder@site.test', password: fresh, firstName: 'Fay', lastName: 'Under' };
  const query = `mutation ($input: SetupOwnerInput!) { setupOwner(input: $input) { accessToken refreshToken user { username isOwner isVerified roles { role { basedOn } } } } }`;
  const setUp = (input: object) => local.anonymous.ask<{ setupOwner: Tokens }>(query, { input });
  const tokenFile = () => join(local.configDirectory, 'setup-token');

  it('keeps a readable token only for the service while the instance has no owner', async () => {
    const { mode } = await stat(tokenFile());
    expect(mode & 0o777).toBe(0o600);
    expect((await readFile(tokenFile(), 'utf8')).trim()).toBe(local.service.setupToken);
    expect(local.service.setupToken).toMatch(/^sut1\.[\w-]{43}$/);
  });

  it('refuses every other text and creates nothing', async () => {
    const token = local.service.setupToken ?? '';
    for (const setupToken of ['', 'x', `${token}_`, token.slice(0, -1), token.toUpperCase(), 'x'.repeat(50_000)])
      expect((await setUp({ ...owner, setupToken })).codes).toEqual(['BAD_CREDENTIALS']);
    expect(await user(local, 'founder')).toEqual({});
  });

  it('refuses an invalid owner and keeps the token', async () => {
    const setupToken = local.service.setupToken;
    const paths = async (facts: object) => fieldsOf(await setUp({ ...owner, ...facts, setupToken })).map(({ path }) => path);
    expect(await paths({ username: 'a b', email: 'nobody', firstName: '' })).toEqual(['input.username', 'input.email', 'input.firstName']);
    expect(await paths({ password: 'founder!' })).toEqual(['input.password']);
    expect(await paths({ password: breached })).toEqual(['input.password']);
    expect(await paths({ username: 'Officer' })).toEqual(['input.username']);
    expect(await paths({ email: addressOf('officer') })).toEqual(['input.email']);
  });

  it('creates one owner, an admin who is signed in, and refuses a second set-up', async () => {
    const setupToken = local.service.setupToken;
    const { data, codes } = await setUp({ ...owner, setupToken });
    expect(codes).toEqual([]);
    expect(data.setupOwner).toMatchObject({
      user: { username: 'founder', isOwner: true, isVerified: true, roles: [{ role: { basedOn: 'ADMIN' } }] },
    });
    expect(await allowed(new Device(local, data.setupOwner))).toContain('users');
    await expect(stat(tokenFile())).rejects.toThrow('ENOENT');
    for (const token of [setupToken, 'x']) {
      const again = await setUp({ ...owner, username: 'second', email: 'second@site.test', setupToken: token });
      expect(again.codes).toEqual(['CONFLICT']);
    }
    expect((await local.anonymous.ask('{ isConfigured }')).data).toEqual({ isConfigured: true });
    expect(await events(local, 'founder')).toEqual(['setup_owner', 'login']);
  });
});

describe('the database', () => {
  it('contains no password that these tests used', async () => {
    const tables = await local.sql(
      `select table_name from information_schema.tables where table_schema = 'public' and table_type = 'BASE TABLE'`,
    );
    for (const { table_name: table } of tables) {
      const rows = JSON.stringify(await local.sql(`select t::text as whole from "${String(table)}" t`));
      for (const password of [fresh, breached, old, ...seededAccounts.map((each) => each.password)])
        expect(rows.includes(password)).toBe(false);
    }
  });
});
