import { beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { open } from '../src/services/crypto/seal.ts';
import { Keyring } from '../src/services/crypto/keyring.ts';
import { TotpCredential } from '../src/entities/credential.ts';
import { SecondFactorMethod } from '../src/services/proof/second-factor.ts';
import { challengeOf, enrol as enrolled, shownBy, wrongFor } from './factor.kit.ts';
import { client, embedded, Local as Service } from './session.kit.ts';
import { aLocal, type Answer, type Local } from './support/local.ts';

type Row = Record<string, unknown>;
type Answered = Answer<Record<string, Row | null>>;

interface SignedIn extends Row {
  readonly accessToken: string;
  readonly refreshToken: string | null;
  readonly deviceToken: string | null;
}

const password = 'unionhall-dev';
const tokens = 'accessToken refreshToken deviceToken user { username hasTotp }';
const documents = {
  login: `mutation ($input: LoginInput!) { login(input: $input) { __typename ... on SignedIn { ${tokens} } ... on SecondFactorRequired { challenge methods expiresIn } } }`,
  complete: `mutation ($input: CompleteLoginInput!) { completeLogin(input: $input) { ${tokens} } }`,
  begin: 'mutation { beginTotp { secret otpauthUri qrCode } }',
  confirm: 'mutation ($code: String!) { confirmTotp(code: $code) { codes } }',
  disable: 'mutation ($input: ReauthenticateInput!) { disableTotp(input: $input) { username hasTotp } }',
  regenerate: 'mutation { regenerateBackupCodes { codes } }',
};

let local: Local;
/** A different seeded user for each test, so that tests are independent. */
let username: 'admin' | 'officer' | 'staff' | 'organizer' | 'instructor' | 'member' | 'vp' | 'manager' | 'president';
let token: string;

const people = ['admin', 'officer', 'staff', 'organizer', 'instructor', 'member', 'vp', 'manager', 'president'] as const;
let tests = 0;

beforeAll(async () => {
  local = await aLocal({ environment: { LIMIT_SECOND_FACTOR: '1000/900', LOGIN_ATTEMPTS: '50' } });
  local.clock.stop();
}, 120_000);

beforeEach(async () => {
  username = people[tests++ % people.length] ?? 'admin';
  await local.sql(`delete from totp_credentials`);
  await local.sql(`delete from backup_codes`);
  local.clock.turn(60);
  token = ((await login()).data['login'] as SignedIn).accessToken;
});

const as = (query: string, variables: object = {}, accessToken = token): Promise<Answered> =>
  local.anonymous.ask(query, variables, { authorization: `Bearer ${accessToken}` });
const login = (input: object = {}): Promise<Answered> =>
  local.anonymous.ask(documents.login, { input: { identifier: username, password, ...input } });
const complete = (challenge: string, code: string, method?: string): Promise<Answered> =>
  local.anonymous.ask(documents.complete, { input: { challenge, code, ...(method && { method }) } });
const challenge = async (input: object = {}): Promise<string> => String((await login(input)).data['login']?.['challenge']);
const begin = async (): Promise<string> => String((await as(documents.begin)).data['beginTotp']?.['secret']);
const now = () => local.clock.now();

/** Sets up a second factor, and moves past its step. */
async function enrol(): Promise<{ secret: string; codes: string[] }> {
  const secret = await begin();
  const { data } = await as(documents.confirm, { code: shownBy(secret, now()) });
  local.clock.turn(60);
  return { secret, codes: data['confirmTotp']?.['codes'] as string[] };
}

async function audited(action: string): Promise<Row[]> {
  const sql = `select e.outcome, e.reason, e.session_id from audit_events e join users u on u.id = e.actor_id
    where u.username = $1 and e.action = $2 order by e.at desc`;
  return (await local.sql(sql, [username, action])) as Row[];
}

describe('setting up a second factor', () => {
  it('returns what an authenticator needs, three times the same', async () => {
    const { data, codes } = await as(documents.begin);
    const { secret, otpauthUri, qrCode } = data['beginTotp'] as Record<string, string>;
    expect(codes).toEqual([]);
    expect(secret).toMatch(/^[A-Z2-7]{32}$/);
    expect(otpauthUri).toBe(`otpauth://totp/Unionhall:${username}?secret=${secret}&issuer=Unionhall&algorithm=SHA1&digits=6&period=30`);
    expect(qrCode).toMatch(/^data:image\/svg\+xml;base64,[A-Za-z0-9+/]+=*$/);
    expect(Buffer.from(qrCode?.split(',')[1] ?? '', 'base64').toString()).toMatch(/^<svg .*<\/svg>\s*$/s);
  });

  it('takes effect after one correct code, with a mail and an audit event', async () => {
    const secret = await begin();
    expect((await login()).data['login']).toMatchObject({ __typename: 'SignedIn', user: { hasTotp: false } });
    expect((await as(documents.confirm, { code: wrongFor(secret, now()) })).codes).toEqual(['BAD_CREDENTIALS']);
    expect((await login()).data['login']).toMatchObject({ __typename: 'SignedIn' });
    const { data, codes } = await as(documents.confirm, { code: shownBy(secret, now()) });
    expect(codes).toEqual([]);
    const shown = data['confirmTotp']?.['codes'] as string[];
    expect(shown).toHaveLength(10);
    expect(new Set(shown).size).toBe(10);
    for (const code of shown) expect(code).toMatch(/^[0-9A-HJKMNP-TV-Z]{4}(-[0-9A-HJKMNP-TV-Z]{4}){3}$/);
    expect((await login()).data['login']).toMatchObject({
      __typename: 'SecondFactorRequired',
      methods: ['TOTP', 'BACKUP_CODE'],
      expiresIn: 300,
    });
    expect((await as('{ me { hasTotp } }')).data['me']).toEqual({ hasTotp: true });
    expect((await local.mailbox(`${username}@unionhall.test`)).at(-1)?.subject).toBe('A second factor was added');
    expect(await audited('begin_totp')).toHaveLength(1);
    expect(await audited('confirm_totp')).toEqual([{ outcome: 'succeeded', reason: null, session_id: expect.any(String) }]);
  });

  it('stores the seed encrypted for its user, and the codes as hashes', async () => {
    const { secret, codes } = await enrol();
    const [row] = await local.sql('select sealed_seed, user_id from totp_credentials');
    const hashes = (await local.sql('select code_hash from backup_codes')) as { code_hash: string }[];
    expect(row?.['sealed_seed']).toMatch(/^seal-v1:/);
    const dump = JSON.stringify([row, hashes]);
    for (const secretText of [secret, ...codes, ...codes.map((code) => code.replaceAll('-', ''))]) expect(dump).not.toContain(secretText);
    for (const { code_hash } of hashes) expect(code_hash).toMatch(/^backup-v1:\w+:\$argon2id\$/);
    expect(() => open(Keyring.parse(Keyring.generate()), 'totp-seed', [String(row?.['user_id'])], String(row?.['sealed_seed']))).toThrow();
  });

  it('again replaces the unconfirmed one', async () => {
    const [first, second] = [await begin(), await begin()];
    expect(second).not.toBe(first);
    expect((await as(documents.confirm, { code: shownBy(first, now()) })).codes).toEqual(['BAD_CREDENTIALS']);
    expect((await as(documents.confirm, { code: shownBy(second, now()) })).codes).toEqual([]);
  });

  it('is refused if there is one, and cannot be confirmed before it began', async () => {
    expect((await as(documents.confirm, { code: '123456' })).codes).toEqual(['CONFLICT']);
    const { secret } = await enrol();
    expect((await as(documents.begin)).codes).toEqual(['CONFLICT']);
    expect((await as(documents.confirm, { code: shownBy(secret, now()) })).codes).toEqual(['CONFLICT']);
    expect((await as('{ me { hasTotp } }')).data['me']).toEqual({ hasTotp: true });
  });

  it('is open to every signed-in user', async () => {
    for (const query of [documents.begin, documents.regenerate])
      expect((await local.anonymous.ask(query)).codes).toEqual(['UNAUTHENTICATED']);
    expect((await local.anonymous.ask(documents.confirm, { code: '123456' })).codes).toEqual(['UNAUTHENTICATED']);
    expect((await local.anonymous.ask(documents.disable, { input: { password } })).codes).toEqual(['UNAUTHENTICATED']);
  });
});

describe('a sign-in with a second factor', () => {
  it.each([-1, 0, 1])('accepts the code of step %i', async (step) => {
    const { secret } = await enrol();
    const { data, codes } = await complete(await challenge(), shownBy(secret, now(), step));
    expect(codes).toEqual([]);
    const signedIn = data['completeLogin'] as SignedIn;
    expect(signedIn).toMatchObject({ refreshToken: expect.stringMatching(/^rft1\./), user: { username, hasTotp: true } });
    expect((await as('{ me { username } }', {}, signedIn.accessToken)).data['me']).toEqual({ username });
  });

  it.each<[string, (secret: string) => string]>([
    ['of step -2', (secret) => shownBy(secret, now(), -2)],
    ['of step +2', (secret) => shownBy(secret, now(), 2)],
    [
      'in Arabic-Indic digits',
      (secret) => [...shownBy(secret, now())].map((digit) => String.fromCodePoint(0x660 + Number(digit))).join(''),
    ],
    ['with a zero before it', (secret) => `0${shownBy(secret, now())}`],
    ['without its last digit', (secret) => shownBy(secret, now()).slice(0, 5)],
    ['that is empty', () => ''],
    ['that is endless', () => '1'.repeat(50_000)],
    ['of another secret', () => shownBy('ABCDEFGHABCDEFGHABCDEFGHABCDEFGH', now())],
  ])('refuses a code %s, and the challenge stays valid', async (_, code) => {
    const { secret } = await enrol();
    const asked = await challenge();
    expect((await complete(asked, code(secret))).codes).toEqual(['BAD_CREDENTIALS']);
    expect((await complete(asked, shownBy(secret, now()))).codes).toEqual([]);
  });

  it('accepts each step once, and no earlier one', async () => {
    const secret = await begin();
    const confirming = shownBy(secret, now());
    await as(documents.confirm, { code: confirming });
    expect((await complete(await challenge(), confirming)).codes).toEqual(['BAD_CREDENTIALS']);
    local.clock.turn(60);
    const later = shownBy(secret, now(), 1);
    expect((await complete(await challenge(), later)).codes).toEqual([]);
    for (const code of [later, shownBy(secret, now()), shownBy(secret, now(), -1)])
      expect((await complete(await challenge(), code)).codes).toEqual(['BAD_CREDENTIALS']);
    local.clock.turn(60);
    expect((await complete(await challenge(), shownBy(secret, now()))).codes).toEqual([]);
  });

  it('accepts a challenge once', async () => {
    const { secret } = await enrol();
    const asked = await challenge();
    expect((await complete(asked, shownBy(secret, now()))).codes).toEqual([]);
    local.clock.turn(30);
    expect((await complete(asked, shownBy(secret, now()))).codes).toEqual(['BAD_CREDENTIALS']);
  });

  it('accepts it for five minutes', async () => {
    const { secret } = await enrol();
    const [early, late] = [await challenge(), await challenge()];
    local.clock.turn(290);
    expect((await complete(early, shownBy(secret, now()))).codes).toEqual([]);
    local.clock.turn(30);
    expect((await complete(late, shownBy(secret, now()))).codes).toEqual(['BAD_CREDENTIALS']);
  });

  it('has the same response for a wrong, used, expired or missing challenge or code', async () => {
    const { secret } = await enrol();
    const asked = await challenge();
    const said: unknown[] = [];
    const hear = async (answer: Promise<Answered>) => {
      const { status, data, errors } = await answer;
      said.push({
        status,
        data,
        errors: errors.map(({ extensions: { requestId: _, ...extensions }, ...error }) => ({ ...error, extensions })),
      });
    };
    await hear(complete(asked, wrongFor(secret, now())));
    await hear(complete(`lct1.${'A'.repeat(43)}`, shownBy(secret, now())));
    await hear(complete('', shownBy(secret, now())));
    await hear(complete('x'.repeat(9000), ''));
    await hear(complete(token, shownBy(secret, now())));
    await hear(complete(asked, 'AAAA-AAAA-AAAA-AAAA', 'BACKUP_CODE'));
    expect((await complete(asked, shownBy(secret, now()))).codes).toEqual([]);
    await hear(complete(asked, shownBy(secret, now())));
    const late = await challenge();
    local.clock.turn(300);
    await hear(complete(late, shownBy(secret, now())));
    expect(said).toHaveLength(8);
    for (const answer of said) expect(answer).toEqual(said[0]);
    expect(JSON.stringify(said[0])).toContain('The credentials are incorrect or have expired.');
  });

  it.each<[string, () => Promise<unknown>]>([
    ['the user is disabled', () => local.sql('update users set is_active = false where username = $1', [username])],
    ['the user is deleted', () => local.sql('update users set deleted_at = now() where username = $1', [username])],
    ['all sessions are ended', () => as('mutation { logoutAll }')],
    ['the second factor is removed', () => local.sql('delete from totp_credentials')],
  ])('is invalid after %s', async (_, change) => {
    const { secret } = await enrol();
    const asked = await challenge();
    await change();
    expect((await complete(asked, shownBy(secret, now()))).codes).toEqual(['BAD_CREDENTIALS']);
    await local.sql('update users set is_active = true, deleted_at = null');
  });

  it('keeps the cookies, the device name and the device from its beginning', async () => {
    const known = (await login()).data['login'] as SignedIn;
    const { secret } = await enrol();
    const asked = await challenge({ cookie: true, deviceName: 'Laptop', deviceToken: known.deviceToken });
    const { data, headers } = await complete(asked, shownBy(secret, now()));
    expect(data['completeLogin']).toMatchObject({ refreshToken: null, deviceToken: null });
    const cookies = headers.getSetCookie();
    expect(cookies.map((cookie) => cookie.split('=')[0])).toEqual(['unionhall_refresh', 'unionhall_device']);
    for (const cookie of cookies) expect(cookie).toMatch(/HttpOnly; SameSite=Strict/);
    const signedIn = data['completeLogin'] as SignedIn;
    const sessions = (await as('{ sessions { deviceName isCurrent } }', {}, signedIn.accessToken)).data['sessions'] as unknown as Row[];
    expect(sessions).toContainEqual({ deviceName: 'Laptop', isCurrent: true });
    const sql = 'select count(*) as devices from devices d join users u on u.id = d.user_id where u.username = $1';
    const before = (await local.sql(sql, [username]))[0]?.['devices'];
    local.clock.turn(30);
    const deviceToken = /unionhall_device=([^;]+)/.exec(cookies.join())?.[1];
    const again = await complete(await challenge({ deviceToken }), shownBy(secret, now()));
    expect((again.data['completeLogin'] as SignedIn).deviceToken).toMatch(/^dvt1\./);
    expect((await local.sql(sql, [username]))[0]?.['devices']).toBe(before);
  });
});

describe('a seed that was sealed with an older key', () => {
  it('opens, and is sealed again when it is used', async () => {
    const { orm, runSql } = await embedded();
    try {
      const older = Keyring.generate();
      const someone = await Object.assign(new Service(orm, runSql), { keyring: Keyring.parse(older) }).settle('older');
      const { secret } = await enrolled(someone);
      someone.keyring = Keyring.parse(`${Keyring.generate()},${older}`);
      const complete = async () =>
        someone.sessions.completeLogin(
          { challenge: await challengeOf(someone), code: shownBy(secret, someone.clock.now()), method: SecondFactorMethod.TOTP },
          client,
        );
      await complete();
      const { sealedSeed } = await someone.stored.one(TotpCredential, { user: someone.user.id });
      expect(sealedSeed.split(':')[1]).toBe(someone.keyring.active);
      someone.clock.turn(30);
      await complete();
    } finally {
      await orm.close();
    }
  }, 60_000);
});

describe('guessing codes', () => {
  it('temporarily locks only the second factor, and notifies the user', async () => {
    const outer = local;
    local = await aLocal({ environment: { LOGIN_ATTEMPTS: '50' } });
    try {
      token = ((await login()).data['login'] as SignedIn).accessToken;
      const { secret } = await enrol();
      local.clock.turn(900);
      const asked = await challenge();
      for (let guess = 0; guess < 10; guess++) expect((await complete(asked, wrongFor(secret, now()))).codes).toEqual(['BAD_CREDENTIALS']);
      const { codes, errors } = await complete(asked, shownBy(secret, now()));
      expect(codes).toEqual(['RATE_LIMITED']);
      expect(errors[0]?.extensions['retryAfter']).toBeGreaterThan(880);
      local.clock.turn(900);
      expect((await complete(await challenge(), shownBy(secret, now()))).codes).toEqual(['BAD_CREDENTIALS']);
      local.clock.turn(901);
      expect((await complete(await challenge(), shownBy(secret, now()))).codes).toEqual([]);
    } finally {
      local = outer;
    }
  }, 120_000);
});

describe('backup codes', () => {
  it('each replace one code, in any spelling, with a notification', async () => {
    const { codes } = await enrol();
    const [first = '', second = ''] = codes;
    expect((await complete(await challenge(), first, 'BACKUP_CODE')).codes).toEqual([]);
    expect((await local.mailbox(`${username}@unionhall.test`)).at(-1)?.subject).toBe('A backup code was used');
    expect((await complete(await challenge(), first, 'BACKUP_CODE')).codes).toEqual(['BAD_CREDENTIALS']);
    const typed = ` ${second.toLowerCase().replaceAll('-', ' ')} `;
    expect((await complete(await challenge(), typed, 'BACKUP_CODE')).codes).toEqual([]);
    expect(await audited('use_backup_code')).toHaveLength(2);
  });

  it('are distinct from codes of digits', async () => {
    const { secret, codes } = await enrol();
    expect((await complete(await challenge(), codes[0] ?? '')).codes).toEqual(['BAD_CREDENTIALS']);
    expect((await complete(await challenge(), shownBy(secret, now()), 'BACKUP_CODE')).codes).toEqual(['BAD_CREDENTIALS']);
  });

  it('are void after new ones are created', async () => {
    const { codes: old } = await enrol();
    const { data } = await as(documents.regenerate);
    const fresh = data['regenerateBackupCodes']?.['codes'] as string[];
    expect(fresh).toHaveLength(10);
    expect(fresh.filter((code) => old.includes(code))).toEqual([]);
    expect((await complete(await challenge(), old[0] ?? '', 'BACKUP_CODE')).codes).toEqual(['BAD_CREDENTIALS']);
    expect((await complete(await challenge(), fresh[0] ?? '', 'BACKUP_CODE')).codes).toEqual([]);
    expect(await audited('regenerate_backup_codes')).toHaveLength(1);
  });

  it('require a second factor', async () => {
    expect((await as(documents.regenerate)).codes).toEqual(['CONFLICT']);
    await begin();
    expect((await as(documents.regenerate)).codes).toEqual(['CONFLICT']);
  });

  it('are not offered when all are used', async () => {
    await enrol();
    await local.sql('update backup_codes set used_at = now()');
    expect((await login()).data['login']).toMatchObject({ methods: ['TOTP'] });
  });
});

describe('removing the second factor', () => {
  it('requires the password and a code, with a notification', async () => {
    const { secret, codes } = await enrol();
    const input = (given: object) => ({ input: { password, ...given } });
    expect((await as(documents.disable, input({}))).errors[0]?.extensions).toMatchObject({
      code: 'BAD_INPUT',
      fields: [{ path: 'input.code' }],
    });
    expect((await as(documents.disable, input({ code: wrongFor(secret, now()) }))).codes).toEqual(['BAD_CREDENTIALS']);
    expect((await as(documents.disable, input({ password: 'wrong', code: shownBy(secret, now()) }))).codes).toEqual(['BAD_CREDENTIALS']);
    expect((await as('{ me { hasTotp } }')).data['me']).toEqual({ hasTotp: true });
    const { data, codes: refused } = await as(documents.disable, input({ code: shownBy(secret, now()) }));
    expect(refused).toEqual([]);
    expect(data['disableTotp']).toEqual({ username, hasTotp: false });
    expect((await login()).data['login']).toMatchObject({ __typename: 'SignedIn' });
    expect((await local.mailbox(`${username}@unionhall.test`)).at(-1)?.subject).toBe('Your second factor was removed');
    expect(await local.sql('select 1 from backup_codes')).toEqual([]);
    expect(codes).toHaveLength(10);
    expect((await as(documents.disable, input({ code: codes[0] }))).codes).toEqual(['CONFLICT']);
    expect(await audited('disable_totp')).toHaveLength(1);
  });

  it('accepts a backup code as well, and a new one can be set up', async () => {
    const { codes } = await enrol();
    expect((await as(documents.disable, { input: { password, code: codes[3] } })).codes).toEqual([]);
    const { secret } = await enrol();
    expect((await complete(await challenge(), shownBy(secret, now()))).codes).toEqual([]);
  });
});
