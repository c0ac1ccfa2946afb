import { beforeAll, beforeEach, describe, expect, it, jest } from '@jest/globals';
import type { Local } from './support/local.ts';

// Counts calls of the hashing packages themselves, so that no code of the service can hide one.

const [argon, bcrypt] = [await import('argon2'), await import('bcrypt')];
const hashed: string[] = [];
jest.unstable_mockModule('argon2', () => ({
  ...argon,
  hash: (...given: Parameters<typeof argon.hash>) => {
    const { type = 2, memoryCost, timeCost } = (given[1] ?? {}) as { type?: number; memoryCost?: number; timeCost?: number };
    hashed.push(`argon2 ${type} ${memoryCost} ${timeCost}`);
    return argon.hash(...given);
  },
}));
const hash = (text: string | Buffer, salt: string | number): Promise<string> => {
  hashed.push(`bcrypt ${String(salt).slice(4, 6)}`);
  return bcrypt.hash(text, salt);
};
jest.unstable_mockModule('bcrypt', () => ({ ...bcrypt, hash }));
const { aLocal } = await import('./support/local.ts');

const oneArgon = ['argon2 2 19456 2'];
const right = 'unionhall-dev';
/** High limits for tests that are not about limits. */
const many = '1000/900';

/** Everything that a client can see of a response, without the request id and the date. */
interface Seen {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: unknown;
}

/** The response, and its cost in hashes and statements. */
interface Asked {
  readonly seen: Seen;
  readonly hashes: readonly string[];
  readonly statements: number;
  /** How many of the statements recorded a refusal. */
  readonly refusals: number;
}

let local: Local;
beforeAll(async () => {
  const environment = { REGISTRATION: 'open', LIMIT_MAIL_ACCOUNT: many, LIMIT_MAIL_ADDRESS: many, LIMIT_REGISTER: many };
  local = await aLocal({ comparesExecutions: false, environment });
  await makePeople();
});
beforeEach(() => void (hashed.length = 0));

async function ask(query: string, variables: object, headers: Record<string, string> = {}, at = local): Promise<Asked> {
  const [hashes, heard] = [hashed.length, at.heard.length];
  const response = await fetch(`${at.url}/graphql`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', ...headers },
    body: JSON.stringify({ query, variables }),
  });
  const text = await response.text();
  const id = response.headers.get('x-request-id') ?? '';
  expect(id).toMatch(/^[0-9a-f-]{36}$/);
  const { date, 'x-request-id': _, ...kept } = Object.fromEntries(response.headers);
  expect(date).toBeDefined();
  const seen = { status: response.status, headers: kept, body: JSON.parse(text.replaceAll(id, '(id)')) as unknown };
  const texts = at.heard.slice(heard);
  const refusals = texts.filter((sql) => /^\s*insert into denials/.test(sql)).length;
  return { seen, hashes: hashed.slice(hashes), statements: texts.length, refusals };
}

/** Refusals are recorded in the background, for several requests together, so they belong to no single request. */
const withoutRefusals = ({ statements, refusals, ...asked }: Asked): object => ({ ...asked, statements: statements - refusals });

const login = (identifier: string, password: string, more: object = {}, headers: Record<string, string> = {}) =>
  ask('mutation ($input: LoginInput!) { login(input: $input) { __typename } }', { input: { identifier, password, ...more } }, headers);
const resetOf = (email: string, at = local) => ask('mutation ($email: String!) { requestPasswordReset(email: $email) }', { email }, {}, at);
const registered = (input: object) => ask('mutation ($input: RegisterInput!) { register(input: $input) }', { input });

const set = (username: string, change: string, ...values: unknown[]) =>
  local.sql(`update users set ${change} where username = $1`, [username, ...values]);

/** Creates one of each kind of account that an attacker might want to detect. */
async function makePeople(): Promise<void> {
  const lock = new Date(local.clock.now().valueOf() + 3_600_000);
  await set('staff', 'locked_until = $2, failed_login_attempts = 5', lock);
  await set('instructor', 'is_active = false');
  await set('organizer', 'deleted_at = now()');
  await set('manager', 'password_must_change = true');
  await set('vp', 'password_hash = $2', await bcrypt.hash(right, 10));
  await set('president', 'password_hash = $2', await argon.hash(right, { type: argon.argon2i, memoryCost: 4096, timeCost: 3 }));
  await registered({
    username: 'unverified',
    email: 'unverified@unionhall.test',
    password: 'a quiet river at dawn',
    firstName: 'Nora',
    lastName: 'Hand',
  });
}

/** The identifiers and passwords of refused sign-ins. */
const refusedSignIns: readonly (readonly [string, string, string])[] = [
  ['a wrong password', 'officer', 'wrong'],
  ['a username that is nobody’s', 'nobody', 'wrong'],
  ['an address that is nobody’s', 'nobody@unionhall.test', 'wrong'],
  ['an address and a wrong password', 'officer@unionhall.test', 'wrong'],
  ['who is locked, and the right password', 'staff', right],
  ['who is locked, and a wrong password', 'staff', 'wrong'],
  ['who is not active, and the right password', 'instructor', right],
  ['who is not active, and a wrong password', 'instructor', 'wrong'],
  ['who was deleted, and the right password', 'organizer', right],
  ['who was deleted, and a wrong password', 'organizer', 'wrong'],
  ['who must change the password, and a wrong one', 'manager', 'wrong'],
  ['an address that was claimed and never verified, and its right password', 'unverified@unionhall.test', 'a quiet river at dawn'],
  ['who never verified the address, and a wrong password', 'unverified', 'wrong'],
  ['the service itself: a name that no user can have', '../../etc/passwd', 'wrong'],
];

describe('a refused sign-in', () => {
  it.each(refusedSignIns)('is the same for %s, after one Argon2id and the same number of statements', async (_, identifier, password) => {
    const expected = await login('nobody.at.all', 'another');
    const asked = await login(identifier, password);
    expect(asked.seen).toEqual(expected.seen);
    expect(asked.seen).toMatchObject({ status: 200, body: { data: null, errors: [{ extensions: { code: 'BAD_CREDENTIALS' } }] } });
    expect([asked.hashes, expected.hashes]).toEqual([oneArgon, oneArgon]);
    expect(asked.statements).toBe(expected.statements);
  });

  it('is the same with cookies, a device name, and device tokens that are valid, foreign or invented', async () => {
    const own = await local.anonymous.see<{ login: { deviceToken: string } }>(
      'mutation ($input: LoginInput!) { login(input: $input) { ... on SignedIn { deviceToken } } }',
      { input: { identifier: 'admin', password: right } },
    );
    hashed.length = 0;
    const expected = await login('nobody.at.all', 'another');
    const { deviceToken } = own.login;
    for (const identifier of ['admin', 'nobody', 'officer', 'staff', 'instructor'])
      for (const more of [
        { cookie: true },
        { deviceName: 'Laptop' },
        { deviceToken },
        { deviceToken: `${deviceToken.slice(0, -2)}${deviceToken.endsWith('AA') ? 'BB' : 'AA'}` },
        { deviceToken: 'x' },
      ]) {
        const asked = await login(identifier, 'wrong', more, { cookie: `unionhall_device=${deviceToken}` });
        expect([asked.seen, asked.hashes, asked.statements]).toEqual([expected.seen, oneArgon, expected.statements]);
      }
  });

  // Its duration is that of the other system until the first sign-in here: the only known and accepted difference.
  it('also costs one hash for an imported account, of its kind', async () => {
    const expected = await login('nobody.at.all', 'another');
    const [ofBcrypt, ofArgon] = [await login('vp', 'wrong'), await login('president', 'wrong')];
    for (const asked of [ofBcrypt, ofArgon]) expect([asked.seen, asked.statements]).toEqual([expected.seen, expected.statements]);
    expect(ofBcrypt.hashes).toEqual(['bcrypt 10']);
    expect(ofArgon.hashes).toEqual(['argon2 1 4096 3']);
  });

  it('is recorded with its reason in the audit log', async () => {
    const rows = await local.sql(
      `select distinct reason from denials where action = 'login' union select distinct reason from audit_events where action = 'login'`,
    );
    expect(rows.map(({ reason }) => reason)).toEqual(expect.arrayContaining(['unknown', 'wrong_password', 'locked', 'inactive']));
  });
});

describe('a refused second factor', () => {
  it('is the same for an unknown challenge, an invalid one, and one of an account without a second factor', async () => {
    const complete = (challenge: string, method: string) =>
      ask('mutation ($input: CompleteLoginInput!) { completeLogin(input: $input) { __typename } }', {
        input: { challenge, code: '123456', method },
      });
    const expected = await complete('x', 'TOTP');
    expect(expected.seen.body).toMatchObject({ errors: [{ extensions: { code: 'BAD_CREDENTIALS' } }] });
    for (const challenge of [`lct1.${'A'.repeat(43)}`, `dvt1.${'A'.repeat(43)}`, 'x'.repeat(5000)])
      expect((await complete(challenge, 'BACKUP_CODE')).seen).toEqual(expected.seen);
  });
});

describe('a requested reset', () => {
  const addresses = ['admin', 'nobody', 'instructor', 'organizer', 'unverified', 'staff', 'vp', 'manager'].map(
    (name) => `${name}@unionhall.test`,
  );

  it('has the same response and number of statements, without a hash, for known and unknown addresses', async () => {
    const expected = await resetOf('nobody.at.all@unionhall.test');
    expect(expected.seen).toMatchObject({ status: 200, body: { data: { requestPasswordReset: true } } });
    for (const address of [...addresses, 'ADMIN@UNIONHALL.TEST', ' admin@unionhall.test ', 'no address', '', "' or 1=1 --"]) {
      const asked = await resetOf(address);
      expect([address, asked.seen, asked.hashes, asked.statements]).toEqual([address, expected.seen, [], expected.statements]);
    }
  });

  it('stores nothing for an unknown address, and one token and one mail for a known one', async () => {
    const kept = async () => {
      const [row] = await local.sql(`select (select count(*)::int from one_time_tokens) as tokens,
        (select count(*)::int from pgboss.job where name = 'mail' and state = 'created') as mails`);
      return row as { tokens: number; mails: number };
    };
    await local.sql(`delete from one_time_tokens where type = 'password_reset'`);
    const before = await kept();
    await resetOf('nobody.ever@unionhall.test');
    expect(await kept()).toEqual(before);
    await resetOf('admin@unionhall.test');
    expect(await kept()).toEqual({ tokens: before.tokens + 1, mails: before.mails + 1 });
  });

  it('has the same rate limit and wait for known and unknown addresses', async () => {
    const strict = await aLocal({ comparesExecutions: false, environment: { LIMIT_MAIL_ADDRESS: many } });
    await strict.sql(`update users set is_active = false where username = 'instructor'`);
    const codes: unknown[] = [];
    for (const address of ['admin@unionhall.test', 'nobody@unionhall.test', 'instructor@unionhall.test']) {
      const said: string[] = [];
      for (let time = 0; time < 5; time++) {
        const { seen } = await resetOf(address, strict);
        said.push(
          JSON.stringify(seen)
            .replace(/"retryAfter":(89\d|900)/, '"retryAfter":"(about 900)"')
            .replace(/"content-length":"\d+"/, ''),
        );
      }
      codes.push(said);
    }
    expect(codes[1]).toEqual(codes[0]);
    expect(codes[2]).toEqual(codes[0]);
    expect((codes[0] as string[]).map((said) => said.includes('RATE_LIMITED'))).toEqual([false, false, false, true, true]);
  });
});

describe('a registration', () => {
  const applicant = (username: string, email: string) => ({
    username,
    email,
    password: 'a quiet river at dawn',
    firstName: 'Nora',
    lastName: 'Hand',
  });
  /** Of equal length, so that the length of responses and stored data cannot differ. */
  const cases = ['admin', 'instructor', 'organizer', 'unverified', 'vp'];

  it.each(cases)(
    'with the address of %s has the same response as with a free one, after one Argon2id and the same number of statements',
    async (holder) => {
      const free = await registered(applicant(`free.${holder}`, `free.${holder}@unionhall.test`));
      const taken = await registered(applicant(`taken.${holder}`, `${holder}@unionhall.test`));
      expect(taken.seen).toEqual(free.seen);
      expect(taken.seen).toMatchObject({ status: 200, body: { data: { register: true } } });
      expect([taken.hashes, free.hashes]).toEqual([oneArgon, oneArgon]);
      expect(taken.statements).toBe(free.statements);
    },
  );

  it('lets neither account sign in by the address, and gives both the same permissions', async () => {
    const [free, taken] = ['free.admin', 'taken.admin'];
    const password = 'a quiet river at dawn';
    const byAddress = [await login('free.admin@unionhall.test', password), await login('admin@unionhall.test', password)];
    expect(byAddress[1]).toEqual(byAddress[0]);
    const tokens = await Promise.all(
      [free, taken].map(async (identifier) => {
        const query = 'mutation ($input: LoginInput!) { login(input: $input) { ... on SignedIn { accessToken } } }';
        return (await local.anonymous.see<{ login: { accessToken: string } }>(query, { input: { identifier, password } })).login
          .accessToken;
      }),
    );
    for (const query of [
      '{ me { isVerified isActive roles { role { name } } } }',
      'mutation { requestEmailVerification }',
      '{ permissions { operation isAllowed } }',
      `mutation { changeEmail(email: "officer@unionhall.test") { id } }`,
      `mutation { changeEmail(email: "nobody.yet@unionhall.test") { id } }`,
    ]) {
      const [first, second] = [
        await ask(query, {}, { authorization: `Bearer ${tokens[0]}` }),
        await ask(query, {}, { authorization: `Bearer ${tokens[1]}` }),
      ];
      expect([query, withoutRefusals(second)]).toEqual([query, withoutRefusals(first)]);
    }
  });
});

describe('a change of the caller’s e-mail address', () => {
  const signIn = async (who: 'member' | 'testuser'): Promise<Record<string, string>> => ({
    authorization: `Bearer ${await local[who].token()}`,
  });
  const change = (email: string, headers: Record<string, string>) =>
    ask('mutation ($email: String!) { changeEmail(email: $email) { isVerified roles { role { name } } } }', { email }, headers);
  const holders = ['admin', 'instructor', 'organizer', 'unverified', 'vp'];

  it.each(holders)('to the address of %s has the same response as to a free one, after the same number of statements', async (holder) => {
    const [first, second] = [await signIn('member'), await signIn('testuser')];
    const free = await change(`FREE.${holder}@unionhall.test`, first);
    const taken = await change(`${holder}@UNIONHALL.test`, second);
    expect({ ...taken, seen: { ...taken.seen, headers: {} } }).toEqual({ ...free, seen: { ...free.seen, headers: {} } });
    expect(taken.seen.body).toMatchObject({ data: { changeEmail: { isVerified: false } } });
    const [mine] = await local.sql(`select email from users where username = 'testuser'`);
    expect(mine).toEqual({ email: `${holder}@unionhall.test` });
  });

  it('never assigns the address of another account, and notifies only its user', async () => {
    const headers = await signIn('testuser');
    await change('admin@unionhall.test', headers);
    const letter = (await local.mailbox('admin@unionhall.test')).at(-1);
    expect(letter).toMatchObject({ subject: 'Someone tried to use your e-mail address', token: '' });
    expect(letter?.text).toContain('"admin"');
    expect(letter?.text).toContain('Your account is unchanged');
    await resetOf('admin@unionhall.test');
    expect((await local.mailbox('admin@unionhall.test')).at(-1)?.text).toContain('"admin"');
    expect((await login('admin@unionhall.test', right)).seen.body).toMatchObject({ data: { login: { __typename: 'SignedIn' } } });
    const free = [await change('nobody.has.this@unionhall.test', headers), await login('nobody.has.this@unionhall.test', right)];
    const taken = [await change('officer@unionhall.test', headers), await login('officer@unionhall.test', `${right} of another`)];
    expect(taken[1]?.seen).toEqual(free[1]?.seen);
  });
});
