import { createHash } from 'node:crypto';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { hash as bcrypt } from 'bcrypt';
import pg from 'pg';
import { Keyring } from '../src/services/crypto/keyring.ts';
import { shownBy, wrongFor } from './factor.kit.ts';
import { dumpOf, Secrets, type Secret } from './leak.kit.ts';
import { serverDatabase } from './support/database.ts';
import { buildProgram, runProcess, startProcess, type Process } from './support/process.ts';
import { smtpServer, type SmtpServer } from './support/smtp.ts';

// Runs one story through every identity flow, with the built service in its own process on a real server.

const secrets = new Secrets();
/** All responses with their headers, by number and request. */
const answers = new Map<string, string>();
/** The responses that deliver a secret: for each secret, the places where it belongs. */
const handed = new Map<string, Set<string>>();
const mailed = /\b(?:prt1|evt1)\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+/;
const many = '1000/900';
const limits = ['SIGN_IN', 'SECOND_FACTOR', 'MAIL_ACCOUNT', 'MAIL_ADDRESS', 'REGISTER', 'REFRESH'].map((name) => [`LIMIT_${name}`, many]);

let built: ReturnType<typeof buildProgram>;
let folder: string;
let smtp: SmtpServer;
let database: Awaited<ReturnType<typeof serverDatabase>>;
let client: pg.Client;
let environment: Record<string, string>;
let service: Process;
/** The output of all processes after their end. */
let said = '';
/** The requests to the breached-password service. */
const lookedUp: string[] = [];
const breaches = createServer(({ url = '' }, response) => {
  lookedUp.push(url);
  response.end(`${'0'.repeat(35)}:0`);
});

const run = async (sql: string, values: readonly unknown[] = []) => (await client.query<Record<string, unknown>>(sql, [...values])).rows;

beforeAll(async () => {
  built = buildProgram();
  folder = await mkdtemp(join(tmpdir(), 'unionhall-leak-'));
  await new Promise<void>((resolve) => breaches.listen(0, '127.0.0.1', resolve));
  smtp = await smtpServer();
  database = await serverDatabase();
  client = new pg.Client({ connectionString: database.url });
  await client.connect();
  const keys = [Keyring.generate(), Keyring.generate()];
  for (const [place, key] of keys.entries()) {
    const encoded = key.split(':')[1] ?? '';
    secrets.add(`system key ${place}`, encoded, Buffer.from(encoded, 'base64'));
  }
  environment = {
    NODE_ENV: 'production',
    PORT: '0',
    LOG_LEVEL: 'debug',
    DATABASE_URL: database.url,
    UNIONHALL_KEYS: keys.join(','),
    UNIONHALL_CONFIG_DIR: join(folder, 'config'),
    SMTP_URL: smtp.url,
    MAIL_FROM: 'Unionhall <no-reply@union.example>',
    PUBLIC_URL: 'https://union.example',
    HIBP_URL: `http://127.0.0.1:${(breaches.address() as AddressInfo).port}`,
    REGISTRATION: 'open',
    CLEANUP_EVERY: '1',
    ...Object.fromEntries(limits),
  };
  service = await startProcess(built.program, environment);
}, 120_000);

afterAll(async () => {
  await service?.stop();
  await client?.end();
  await smtp?.close();
  breaches.close();
  await database?.drop();
  if (folder) await rm(folder, { recursive: true, force: true });
});

interface Reply {
  readonly place: string;
  readonly data: Record<string, never> | null;
  readonly codes: readonly string[];
  readonly cookies: Readonly<Record<string, string>>;
}

/** Sends a body unchanged, and keeps the response. */
async function post(what: string, body: string, headers: Record<string, string> = {}): Promise<Reply> {
  const response = await fetch(`${service.url}/graphql`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', ...headers },
    body,
  });
  const text = await response.text();
  const place = `answer ${answers.size + 1} (${what})`;
  answers.set(place, `${JSON.stringify([...response.headers])}\n${text}`);
  const { data = null, errors = [] } = JSON.parse(text) as { data?: Reply['data']; errors?: { extensions: { code: string } }[] };
  const cookies = Object.fromEntries(response.headers.getSetCookie().map((line) => line.split(';')[0]?.split('=') ?? []));
  return { place, data, codes: errors.map(({ extensions }) => extensions.code), cookies };
}

const ask = (query: string, variables: object = {}, headers: Record<string, string> = {}): Promise<Reply> =>
  post(/\w+(?=[({ ]|$)/.exec(query.replace(/^mutation( \([^)]*\))? \{ /, ''))?.[0] ?? '', JSON.stringify({ query, variables }), headers);

/** Records that a response delivers a secret, so that only this one may contain it. */
function hand({ place }: Reply, name: string, text: unknown, bytes?: Buffer): string {
  if (typeof text !== 'string') throw new Error(`There is no ${name} in ${place}: ${answers.get(place)}`);
  handed.set(text, (handed.get(text) ?? new Set()).add(place));
  return secrets.add(name, text, bytes);
}

const bearer = (token: string) => ({ authorization: `Bearer ${token}` });
const fields = 'accessToken refreshToken deviceToken user { id username }';
interface Tokens {
  accessToken: string;
  refreshToken: string;
  deviceToken: string | null;
}

/** Records and returns the tokens in a response or its cookies. */
function tokensOf(reply: Reply, field: string): Tokens {
  const done = (reply.data?.[field] ?? {}) as Partial<Tokens>;
  const { '__Secure-unionhall_refresh': refreshCookie, '__Secure-unionhall_device': deviceCookie } = reply.cookies;
  const accessToken = hand(reply, 'access token', done.accessToken);
  const refreshToken = hand(reply, 'refresh token', done.refreshToken ?? refreshCookie);
  const device = done.deviceToken ?? deviceCookie;
  return { accessToken, refreshToken, deviceToken: device ? hand(reply, 'device token', device) : null };
}

let passwords = 0;
const aPassword = (kind: string): string => secrets.add(`${kind} password`, `Zwölf "Boxen"+Kämpfer/jagen & ${++passwords} ${kind}`);
const login = (identifier: string, password: string, more: object = {}) =>
  ask(
    `mutation ($input: LoginInput!) { login(input: $input) { ... on SignedIn { ${fields} } ... on SecondFactorRequired { challenge } } }`,
    {
      input: { identifier, password, ...more },
    },
  );
const signIn = async (identifier: string, password: string, more: object = {}) =>
  tokensOf(await login(identifier, password, more), 'login');
const refresh = (token: string | null, headers = {}) =>
  ask(`mutation ($token: String) { refresh(refreshToken: $token) { ${fields} } }`, { token }, headers);
const challenged = async (identifier: string, password: string) => {
  const reply = await login(identifier, password);
  return hand(reply, 'challenge', (reply.data?.['login'] as { challenge?: string } | undefined)?.challenge);
};
const complete = (challenge: string, code: string, method: string) =>
  ask(`mutation ($input: CompleteLoginInput!) { completeLogin(input: $input) { ${fields} } }`, { input: { challenge, code, method } });
const changePassword = (token: string, currentPassword: string, newPassword: string) =>
  ask(
    `mutation ($input: ChangePasswordInput!) { changePassword(input: $input) { ${fields} } }`,
    { input: { currentPassword, newPassword } },
    bearer(token),
  );
const resetPassword = (token: string, newPassword: string) =>
  ask('mutation ($input: ResetPasswordInput!) { resetPassword(input: $input) }', { input: { token, newPassword } });
const reauthenticate = (token: string, password: string, code: string | null = null) =>
  ask('mutation ($input: ReauthenticateInput!) { reauthenticate(input: $input) }', { input: { password, code } }, bearer(token));

/** Returns the token of the latest mail to an address, after this number of mails with one has arrived. */
async function tokenMailedTo(address: string, count: number): Promise<string> {
  for (;;) {
    const tokens = smtp.received.flatMap(({ to, text }) => (to === address ? (mailed.exec(text) ?? []) : []));
    const token = tokens[count - 1];
    if (token !== undefined) return secrets.add(`mailed token ${count} of ${address}`, token);
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

const codesOf = (reply: Reply, field: string): string[] =>
  ((reply.data?.[field] as { codes?: string[] } | undefined)?.codes ?? []).map((code) => {
    hand(reply, 'backup code', code);
    return hand(reply, 'backup code without dashes', code.replaceAll('-', ''));
  });

/** Requests fail with an internal error while this table is missing, and the driver's message is logged. */
async function without(table: string, act: () => Promise<readonly Reply[]>): Promise<void> {
  await run(`alter table ${table} rename to away`);
  let replies: readonly Reply[] = [];
  try {
    replies = await act();
  } finally {
    await run(`alter table away rename to ${table}`);
  }
  for (const { codes, place } of replies) expect([place, codes]).toEqual([place, ['INTERNAL']]);
}

describe('the story', () => {
  const wrong = aPassword('wrong');
  let [username, email, password] = ['rosa.d', 'rosa@local.test', aPassword('registered')];
  const person = { firstName: 'Rosa', lastName: 'Delgado' };

  it('of the owner', async () => {
    const token = /sut1\.[\w-]+/.exec(service.said())?.[0] ?? '';
    expect(await readFile(join(folder, 'config', 'setup-token'), 'utf8')).toContain(token);
    secrets.add('set-up token', token);
    const setup = (setupToken: string, chosen: string) =>
      ask(`mutation ($input: SetupOwnerInput!) { setupOwner(input: $input) { ${fields} } }`, {
        input: { setupToken, username: 'owner', email: 'owner@local.test', password: chosen, ...person },
      });
    const chosen = aPassword('owner');
    expect((await setup(secrets.add('wrong set-up token', `${token.slice(0, -3)}AAA`), chosen)).codes).toEqual(['BAD_CREDENTIALS']);
    await without('audit_events', async () => [await setup(token, chosen)]);
    tokensOf(await setup(token, chosen), 'setupOwner');
    expect((await setup(token, chosen)).codes).toEqual(['CONFLICT']);
    const owner = await signIn('owner', chosen);
    const { codes } = await ask(
      '{ users(first: 10) { edges { node { id username email passwordMustChange hasTotp } } } }',
      {},
      bearer(owner.accessToken),
    );
    expect(codes).toEqual([]);
  });

  it('of a registration and its verification', async () => {
    const register = (chosen: string) =>
      ask('mutation ($input: RegisterInput!) { register(input: $input) }', { input: { username, email, password: chosen, ...person } });
    expect((await register(secrets.add('weak password', 'kurz-77'))).codes).toEqual(['BAD_INPUT']);
    await without('one_time_tokens', async () => [await register(password)]);
    expect((await register(password)).codes).toEqual([]);
    expect((await register(aPassword('second registrant'))).codes).toEqual(['BAD_INPUT']);
    const first = await tokenMailedTo(email, 1);
    const { accessToken } = await signIn(username, password);
    expect((await ask('mutation { requestEmailVerification }', {}, bearer(accessToken))).codes).toEqual([]);
    const second = await tokenMailedTo(email, 2);
    const verify = (token: string) => ask('mutation ($token: String!) { verifyEmail(token: $token) }', { token });
    for (const token of [first, `${second}A`]) expect((await verify(token)).codes).toEqual(['BAD_INPUT']);
    await without('audit_events', async () => [await verify(second)]);
    expect((await verify(second)).codes).toEqual([]);
    expect((await verify(second)).codes).toEqual(['BAD_INPUT']);
  });

  it('of sign-ins, refreshes, a theft and the ends of sessions', async () => {
    for (const who of [username, email, 'nobody', 'nobody@local.test'])
      expect((await login(who, wrong)).codes).toEqual(['BAD_CREDENTIALS']);
    const first = await signIn(username, password, { deviceName: 'Laptop' });
    expect((await login(username, wrong, { deviceToken: first.deviceToken })).codes).toEqual(['BAD_CREDENTIALS']);
    const again = await signIn(email, password, { deviceToken: first.deviceToken });
    expect(again.deviceToken).toBe(first.deviceToken);
    await without('sessions', async () => [await login(username, password), await refresh(first.refreshToken)]);
    const second = tokensOf(await refresh(first.refreshToken), 'refresh');
    expect(tokensOf(await refresh(first.refreshToken), 'refresh').refreshToken).toBe(second.refreshToken);
    const third = tokensOf(await refresh(second.refreshToken), 'refresh');
    const forged = secrets.add('forged refresh token', `${third.refreshToken.slice(0, -5)}AAAAA`);
    expect((await refresh(forged)).codes).toEqual(['UNAUTHENTICATED']);
    expect((await refresh(first.refreshToken)).codes).toEqual(['UNAUTHENTICATED']);
    expect((await refresh(third.refreshToken)).codes).toEqual(['UNAUTHENTICATED']);
    const browser = await signIn(username, password, { cookie: true });
    const cookie = `__Secure-unionhall_refresh=${browser.refreshToken}; __Secure-unionhall_device=${browser.deviceToken}`;
    const next = tokensOf(await refresh(null, { cookie }), 'refresh');
    const { data } = await ask('{ sessions { id deviceName userAgent ipAddress isCurrent } }', {}, bearer(next.accessToken));
    const { id = '' } = ((data?.['sessions'] ?? []) as { id: string; isCurrent: boolean }[]).find(({ isCurrent }) => !isCurrent) ?? {};
    expect((await ask('mutation ($id: ID!) { revokeSession(id: $id) { id } }', { id }, bearer(next.accessToken))).codes).toEqual([]);
    expect((await ask('mutation { logout }', {}, { ...bearer(next.accessToken), cookie })).codes).toEqual([]);
    const last = await signIn(username, password);
    expect((await ask('mutation { logoutAll }', {}, bearer(last.accessToken))).codes).toEqual([]);
  });

  it('of a second factor', async () => {
    const { accessToken: token } = await signIn(username, password);
    expect((await reauthenticate(token, wrong)).codes).toEqual(['BAD_CREDENTIALS']);
    await without('audit_events', async () => [
      await reauthenticate(token, password),
      await ask('mutation { beginTotp { secret } }', {}, bearer(token)),
    ]);
    expect((await reauthenticate(token, password)).codes).toEqual([]);
    const begun = await ask('mutation { beginTotp { secret otpauthUri qrCode } }', {}, bearer(token));
    const { secret, qrCode = '' } = (begun.data?.['beginTotp'] ?? {}) as { secret?: string; qrCode?: string };
    const seed = hand(begun, 'TOTP seed', secret, fromBase32(secret ?? ''));
    hand(begun, 'QR code', qrCode);
    const at = new Date();
    const shown = (steps: number) => secrets.add(`TOTP code ${steps}`, shownBy(seed, at, steps));
    const confirm = (code: string) => ask('mutation ($code: String!) { confirmTotp(code: $code) { codes } }', { code }, bearer(token));
    const miss = secrets.add('wrong TOTP code', wrongFor(seed, at));
    expect((await confirm(miss)).codes).toEqual(['BAD_CREDENTIALS']);
    const [one = '', two = '', three = ''] = codesOf(await confirm(shown(0)), 'confirmTotp');
    const challenge = await challenged(username, password);
    expect((await complete(challenge, miss, 'TOTP')).codes).toEqual(['BAD_CREDENTIALS']);
    expect((await complete(challenge, secrets.add('wrong backup code', 'ZZZZ-YYYY-XXXX-WWWW'), 'BACKUP_CODE')).codes).toEqual([
      'BAD_CREDENTIALS',
    ]);
    await without('devices', async () => [await complete(challenge, shown(1), 'TOTP')]);
    tokensOf(await complete(challenge, shown(1), 'TOTP'), 'completeLogin');
    expect((await complete(challenge, one, 'BACKUP_CODE')).codes).toEqual(['BAD_CREDENTIALS']);
    tokensOf(await complete(await challenged(username, password), one, 'BACKUP_CODE'), 'completeLogin');
    expect((await reauthenticate(token, password, two)).codes).toEqual([]);
    await challenged(email, password);
    const disable = (code: string) =>
      ask('mutation ($input: ReauthenticateInput!) { disableTotp(input: $input) { id } }', { input: { password, code } }, bearer(token));
    await without('backup_codes', async () => [await disable(three)]);
    const renewed = codesOf(await ask('mutation { regenerateBackupCodes { codes } }', {}, bearer(token)), 'regenerateBackupCodes');
    expect((await disable(three)).codes).toEqual(['BAD_CREDENTIALS']);
    expect((await disable(renewed[0] ?? '')).codes).toEqual([]);
    // One that stays, so that the dump contains a sealed seed.
    const anew = await ask('mutation { beginTotp { secret } }', {}, bearer(token));
    const other = (anew.data?.['beginTotp'] as { secret?: string } | undefined)?.secret;
    hand(anew, 'second TOTP seed', other, fromBase32(other ?? ''));
    const kept = await ask(
      'mutation ($code: String!) { confirmTotp(code: $code) { codes } }',
      { code: shownBy(other ?? '', new Date()) },
      bearer(token),
    );
    expect(codesOf(kept, 'confirmTotp')).toHaveLength(10);
  });

  it('of changed passwords and addresses', async () => {
    const codes = secrets.all
      .filter(({ name }) => name === 'backup code')
      .slice(-10)
      .map(({ text }) => text);
    const device = tokensOf(await complete(await challenged(username, password), codes[0] ?? '', 'BACKUP_CODE'), 'completeLogin');
    expect((await changePassword(device.accessToken, wrong, aPassword('never'))).codes).toEqual(['BAD_CREDENTIALS']);
    expect((await changePassword(device.accessToken, password, 'password1')).codes).toEqual(['BAD_INPUT']);
    const changed = aPassword('changed');
    await without('audit_events', async () => [await changePassword(device.accessToken, password, changed)]);
    tokensOf(await changePassword(device.accessToken, password, changed), 'changePassword');
    password = changed;
    const moved = 'rosa.moved@local.test';
    expect(
      (await ask('mutation ($email: String!) { changeEmail(email: $email) { id } }', { email: moved }, bearer(device.accessToken))).codes,
    ).toEqual([]);
    email = moved;
    await tokenMailedTo(email, 1);
    const request = () => ask('mutation ($email: String!) { requestPasswordReset(email: $email) }', { email });
    await without('one_time_tokens', async () => [await request()]);
    expect((await request()).codes).toEqual([]);
    const token = await tokenMailedTo(email, 2);
    const fresh = aPassword('reset');
    expect((await resetPassword(token, 'rosa.moved@local.test')).codes).toEqual(['BAD_INPUT']);
    expect((await resetPassword(secrets.add('forged reset token', `${token.slice(0, -4)}AAAA`), fresh)).codes).toEqual(['BAD_INPUT']);
    await without('vault_grants', async () => [await resetPassword(token, fresh)]);
    expect((await resetPassword(token, fresh)).codes).toEqual([]);
    expect((await resetPassword(token, aPassword('late'))).codes).toEqual(['BAD_INPUT']);
    password = fresh;
    // Still exists at the end, so that its hash is in the dump.
    expect((await request()).codes).toEqual([]);
    await tokenMailedTo(email, 3);
    await challenged(username, password);
    tokensOf(await complete(await challenged(username, password), codes[1] ?? '', 'BACKUP_CODE'), 'completeLogin');
  });

  it('of invalid requests that contain secrets', async () => {
    const { accessToken, refreshToken } = await signIn('owner', secrets.all.find(({ name }) => name === 'owner password')?.text ?? '');
    const literal = secrets.add('password in a document', 'schwarze-Katze-im-Sack-7');
    const said = JSON.stringify(literal);
    for (const query of [
      `mutation { login(input: { identifier: "owner", password: ${said} }) { ... on SignedIn { accesToken } } }`,
      `mutation { login(input: { identifier: ${said}, password: ${said}, pasword: ${said} }) { __typename } }`,
      `mutation { login(input: ${said}) { __typename } }`,
      `mutation { login(password: ${said}) { __typename } }`,
      `mutation { login(input: { identifier: "owner", password: ${said}, cookie: ${said} }) { __typename } }`,
      `mutation { login(input: { identifier: "owner" password: ${said} `,
      `mutation { login(input: { identifier: "owner", password: ${said} }) { __typename } } ${said}`,
      `mutation { refresh(refreshToken: [${said}]) { accessToken } }`,
      `{ user(id: ${said}) { id } }`,
    ])
      expect(new Set((await post('a wrong document', JSON.stringify({ query }), bearer(accessToken))).codes)).toEqual(
        new Set(['BAD_INPUT']),
      );
    const query = 'mutation ($input: LoginInput!) { login(input: $input) { __typename } }';
    for (const input of [
      literal,
      [literal],
      { password: literal },
      { identifier: 'owner', password: { [literal]: literal } },
      { identifier: 'owner', password: literal, [`x${literal}`]: 1 },
      { identifier: 'owner', password: literal, cookie: literal },
    ])
      expect((await post('wrong variables', JSON.stringify({ query, variables: { input } }), bearer(accessToken))).codes).toEqual([
        'BAD_INPUT',
      ]);
    for (const body of [`{"query": ${said}`, said, `[${said}]`, JSON.stringify({ query: said.repeat(10_000) }), `{"password":${said},}`])
      expect((await post('a wrong body', body, bearer(accessToken))).codes).toHaveLength(1);
    for (const token of [`${accessToken}A`, `${accessToken.slice(0, -6)}AAAAAA`, refreshToken])
      expect((await ask('{ me { id } }', {}, bearer(secrets.add('token that is no access token', token)))).codes).toEqual([
        'UNAUTHENTICATED',
      ]);
    for (const path of [
      `/graphql?query=${encodeURIComponent(`mutation{refresh(refreshToken:"${refreshToken}"){accessToken}}`)}`,
      `/${refreshToken}`,
      `/reset-password?token=${refreshToken}`,
    ]) {
      const response = await fetch(`${service.url}${path}`, { headers: { 'x-request-id': 'by-address' } });
      answers.set(`answer ${answers.size + 1} (an address)`, `${JSON.stringify([...response.headers])}\n${await response.text()}`);
    }
  });

  it('of imported users', async () => {
    const imported = aPassword('imported');
    const line = {
      username: 'w.ruiz',
      email: 'w.ruiz@local.test',
      firstName: 'Wanda',
      lastName: 'Ruiz',
      roles: ['staff'],
      hash: await bcrypt(imported, 4),
    };
    const file = join(folder, 'users.jsonl');
    const importing = async (...lines: readonly object[]) => {
      await writeFile(file, lines.map((each) => JSON.stringify(each)).join('\n'));
      const { said: words, hasSucceeded } = await runProcess(built.program, ['users:import', file], environment);
      said += words;
      return hasSucceeded;
    };
    const unhashed = {
      ...line,
      username: 'unhashed',
      email: 'unhashed@local.test',
      hash: secrets.add('password in the place of a hash', 'nicht-gehasht-und-drin-9'),
    };
    expect(await importing(line, unhashed)).toBe(false);
    expect(await importing(line)).toBe(true);
    await signIn('w.ruiz', imported);
  });

  it('of a first admin from the configuration', async () => {
    const own = await serverDatabase();
    const given = aPassword('first admin');
    await service.stop();
    said += service.said();
    service = await startProcess(built.program, {
      ...environment,
      DATABASE_URL: own.url,
      ADMIN_EMAIL: 'first@local.test',
      ADMIN_PASSWORD: given,
    });
    const connection = new pg.Client({ connectionString: own.url });
    await connection.connect();
    try {
      const { accessToken } = await signIn('first', given);
      tokensOf(await changePassword(accessToken, given, aPassword('second')), 'changePassword');
      const dump = await dumpOf({ run: async (sql) => (await connection.query<Record<string, unknown>>(sql)).rows });
      expect(secrets.foundIn(dump)).toEqual([]);
    } finally {
      await service.stop();
      await connection.end();
      await own.drop();
    }
  });
});

describe('the secrets of the story', () => {
  const named = (name: string): Secret[] => secrets.all.filter((secret) => secret.name.startsWith(name));
  const sha256 = (text: string): string => createHash('sha256').update(text).digest('hex');
  const everything = async () => [...(await dumpOf({ run }))].map(([, text]) => text).join('\n');

  beforeAll(() => void (said += service.said()));

  it('were many of every kind', () => {
    const kinds = {
      password: 10,
      'access token': 15,
      'refresh token': 12,
      'device token': 5,
      challenge: 5,
      'TOTP seed': 2,
      'backup code': 30,
      'mailed token': 5,
    };
    const counts = Object.fromEntries(
      Object.keys(kinds).map((kind) => [kind, secrets.all.filter(({ name }) => name.includes(kind)).length]),
    );
    for (const [kind, least] of Object.entries(kinds)) expect([kind, counts[kind]]).toEqual([kind, Math.max(least, counts[kind] ?? 0)]);
  });

  it('are not in a dump of the database', async () => {
    const dump = await dumpOf({ run });
    expect([...dump.keys()]).toEqual(expect.arrayContaining(['public.users', 'public.audit_events', 'pgboss.job']));
    expect(secrets.foundIn(dump)).toEqual([]);
  });

  it('are not in the logs, except the set-up token in the line that announces it', () => {
    const announced = said.split('\n').filter((line) => line.includes('The instance has no owner yet'));
    expect(announced).toHaveLength(1);
    const logs = new Map([['the logs', said.replace(announced[0] ?? '', '')]]);
    expect(secrets.foundIn(logs)).toEqual([]);
  });

  it('are not in responses, except those that deliver them', () => {
    expect(secrets.foundIn(answers, (place, { text }) => handed.get(text)?.has(place) ?? false)).toEqual([]);
  });

  it('are not in files, and only five digits of a hash were looked up', async () => {
    const config = join(folder, 'config');
    const files = await Promise.all(
      (await readdir(config)).map(async (name) => [name, await readFile(join(config, name), 'latin1')] as const),
    );
    expect(secrets.foundIn(new Map(files))).toEqual([]);
    expect(lookedUp.length).toBeGreaterThan(5);
    for (const path of lookedUp) expect(path).toMatch(/^\/range\/[0-9A-F]{5}$/);
  });

  it('hashes and sealed values are found where they belong, so the search works', async () => {
    const all = await everything();
    for (const kind of ['device token', 'challenge', 'mailed token'])
      expect(named(kind).filter(({ text }) => all.includes(sha256(text))).length).toBeGreaterThan(0);
    expect(named('refresh token').filter(({ text }) => all.includes(sha256(text))).length).toBeGreaterThan(0);
    expect(all).toMatch(/pepper-v1:/);
    expect(all).toMatch(/backup-v1:/);
    expect(said).toContain('unexpected error');
    for (const { name, text } of secrets.all) {
      const places = name.endsWith('without dashes') ? [] : [...(handed.get(text) ?? [])];
      for (const place of places) expect(secrets.foundIn(new Map([[place, answers.get(place) ?? '']]))).toContain(`${name} in ${place}`);
    }
  });

  it.each<[string, (secret: Buffer) => string]>([
    ['plain', (secret) => `a ${secret.toString()} b`],
    ['in base64', (secret) => secret.toString('base64')],
    ['in base64 amid others', (secret) => Buffer.concat([Buffer.from('x'), secret, Buffer.from('yz')]).toString('base64')],
    ['in base64url amid others', (secret) => Buffer.concat([Buffer.from('xy'), secret]).toString('base64url')],
    ['in hex', (secret) => `\\x${secret.toString('hex')}`],
    ['in HEX', (secret) => secret.toString('hex').toUpperCase()],
    ['in a URL', (secret) => `?token=${encodeURIComponent(secret.toString())}&x`],
    ['in JSON', (secret) => JSON.stringify({ secret: secret.toString() })],
    ['backwards', (secret) => [...secret.toString()].reverse().join('')],
    ['in base64 of JSON', (secret) => Buffer.from(`{"a":"${secret.toString()}"}`).toString('base64')],
  ])('a search finds what is encoded as %s', (_, written) => {
    for (const name of ['registered password', 'refresh token', 'TOTP seed', 'backup code']) {
      const secret = named(name)[0];
      expect(secrets.foundIn(new Map([['a row', `(1,"${written(Buffer.from(secret?.text ?? ''))}",t)`]]))).toContain(
        `${secret?.name} in a row`,
      );
    }
    expect(secrets.foundIn(new Map([['a row', `(1,${named('system key')[0]?.bytes.toString('hex')})`]]))).toEqual([
      'system key 0 in a row',
    ]);
  });
});

function fromBase32(text: string): Buffer {
  const bits = [...text].map((letter) => 'ABCDEFGHIJKLMNOPQRSTUVWXYZ234567'.indexOf(letter).toString(2).padStart(5, '0')).join('');
  return Buffer.from((bits.match(/.{8}/g) ?? []).map((byte) => Number.parseInt(byte, 2)));
}
