import { chmod, mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import type { MikroORM } from '@mikro-orm/postgresql';
import { readConfig } from '../src/config.ts';
import type { Database } from '../src/database/index.ts';
import { AuditEvent } from '../src/entities/audit.ts';
import { Role, UserRole } from '../src/entities/role.ts';
import { Session } from '../src/entities/session.ts';
import { User } from '../src/entities/user.ts';
import { start } from '../src/process/server.ts';
import { PasswordHasher } from '../src/services/crypto/hasher.ts';
import { Keyring } from '../src/services/crypto/keyring.ts';
import { hashPassword } from '../src/services/crypto/password.ts';
import { SetupToken } from '../src/services/crypto/setup.ts';
import { type RunSql } from '../src/services/scope.ts';
import { makeFirstAdmin } from '../src/services/account/first-admin.ts';
import { client, codeOf, cost, embedded, Local, password } from './session.kit.ts';
import { freshDatabase } from './support/database.ts';
import { aLocal } from './support/local.ts';

const fresh = 'a quiet river at dawn';
const folders: string[] = [];
const folder = async (): Promise<string> => {
  const made = await mkdtemp(join(tmpdir(), 'unionhall-setup-'));
  folders.push(made);
  return made;
};
afterAll(() => Promise.all(folders.map((each) => rm(each, { recursive: true, force: true }))));

describe('a set-up token', () => {
  it('is readable only for its owner, and stays the same until it is used', async () => {
    const directory = join(await folder(), 'not', 'there', 'yet');
    const token = await new SetupToken(directory).keep();
    expect(token).toMatch(/^sut1\.[A-Za-z0-9_-]{43}$/);
    expect(await new SetupToken(directory).keep()).toBe(token);
    expect((await stat(join(directory, 'setup-token'))).mode & 0o777).toBe(0o600);
    expect((await stat(directory)).mode & 0o777).toBe(0o700);
    const setup = new SetupToken(directory);
    expect(await setup.isToken(token)).toBe(true);
    for (const other of ['', `${token}_`, token.slice(1), token.toLowerCase(), 'x'.repeat(100_000)])
      expect(await setup.isToken(other)).toBe(false);
    await setup.forget();
    expect(await setup.isToken(token)).toBe(false);
    expect(await setup.isToken('')).toBe(false);
    expect(await readdir(directory)).toEqual([]);
    expect(await setup.keep()).not.toBe(token);
  });

  it('is created once by concurrent processes', async () => {
    const directory = await folder();
    const tokens = await Promise.all(Array.from({ length: 32 }, () => new SetupToken(directory).keep()));
    expect(new Set(tokens).size).toBe(1);
    expect(await readdir(directory)).toEqual(['setup-token']);
  });

  it('is refused if others can read it, or if it has a wrong form', async () => {
    for (const [text, mode] of [
      [`sut1.${'A'.repeat(43)}\n`, 0o644],
      ['', 0o600],
      ['password\n', 0o600],
    ] as const) {
      const directory = await folder();
      await writeFile(join(directory, 'setup-token'), text);
      await chmod(join(directory, 'setup-token'), mode);
      const setup = new SetupToken(directory);
      expect(await setup.isToken(text.trim())).toBe(false);
      const token = await setup.keep();
      expect(token).not.toBe(text.trim());
      expect(await setup.isToken(token)).toBe(true);
    }
  });

  it('is kept in memory if no file can be written', async () => {
    const file = join(await folder(), 'file');
    await writeFile(file, '');
    const warnings: string[] = [];
    const setup = new SetupToken(join(file, 'directory'), (message) => warnings.push(message));
    const token = await setup.keep();
    expect(await setup.keep()).toBe(token);
    expect(warnings).toEqual([expect.stringMatching(/^The set-up token cannot be stored in .*directory\. It works only in this process/)]);
    expect([await setup.isToken(token), await setup.isToken('')]).toEqual([true, false]);
    await setup.forget();
    expect(await setup.isToken(token)).toBe(false);
  });
});

describe('the first admin', () => {
  const first = { username: 'chief', email: 'chief@site.test', password };
  let database: Database;
  let local: Local;
  beforeEach(async () => {
    database = await freshDatabase({ seeded: false });
    local = new Local(database.orm as unknown as MikroORM, database.run);
  });
  afterEach(() => database.close());

  it('owns the instance and must change the password, and the six roles are created', async () => {
    expect(await makeFirstAdmin(local.scope, first)).toBe(true);
    expect(await local.stored.one(User, { username: 'chief' })).toMatchObject({
      isOwner: true,
      isVerified: true,
      passwordMustChange: true,
      email: first.email,
    });
    expect((await local.stored.find(Role, {})).map(({ name, isSystemRole }) => [name, isSystemRole]).sort()).toEqual(
      ['admin', 'instructor', 'member', 'officer', 'organizer', 'staff'].map((name) => [name, true]),
    );
    expect(await local.stored.count(UserRole, {})).toBe(1);
    expect((await local.stored.find(AuditEvent, {})).map(({ action, requestId }) => [action, requestId])).toEqual([
      ['setup_owner', 'start'],
    ]);
    const signedIn = await local.sessions.login({ identifier: 'chief', password }, client);
    expect(signedIn).toHaveProperty('accessToken');
  });

  it('is created once by concurrent starts, and never beside an owner or an admin', async () => {
    const made = await Promise.all([1, 2, 3].map(() => makeFirstAdmin(local.scope, first)));
    expect(made.filter(Boolean)).toHaveLength(1);
    expect(await makeFirstAdmin(local.scope, { ...first, username: 'second', email: 'second@site.test' })).toBe(false);
    await local.stored.change(User, { username: 'chief' }, { isOwner: false });
    expect(await makeFirstAdmin(local.scope, { ...first, username: 'second', email: 'second@site.test' })).toBe(false);
    expect(await local.stored.count(User, {})).toBe(1);
  });

  it('is not created if another user has the name', async () => {
    await local.settle('Chief');
    expect(await makeFirstAdmin(local.scope, first)).toBe(false);
    expect(await local.stored.count(User, {})).toBe(1);
  });
});

describe('a start', () => {
  const operator = { ADMIN_EMAIL: 'chief+local@site.test', ADMIN_PASSWORD: fresh };

  it('creates the configured first admin, and then keeps no set-up token', async () => {
    const database = await freshDatabase({ seeded: false, engine: 'postgresql' });
    const directory = await folder();
    const config = readConfig({
      NODE_ENV: 'test',
      PORT: '0',
      LOG_LEVEL: 'silent',
      MAIL_WORKER: '0',
      UNIONHALL_CONFIG_DIR: directory,
      ...operator,
    });
    const service = await start(config, { database, keyring: Keyring.parse(Keyring.generate()) });
    try {
      expect(service.setupToken).toBeNull();
      expect(await readdir(directory)).toEqual([]);
      const users = await database.run('select username, is_owner, password_must_change from users');
      expect(users).toEqual([{ username: 'chief-local', is_owner: true, password_must_change: true }]);
    } finally {
      await service.stop();
    }
  });

  it.each([
    ['must not be a repeated pattern', ['zzzzzzzzzz', 'Unionhall-2026', 'unionhall-dev']],
    ['must not be one of the most common passwords', ['password123']],
    ['must not be your own name', ['The.Chief', 'the.chief@site.test']],
    ['must have at least 12 characters', ['river dawn']],
  ])('refuses a first password that %s', async (problem, passwords) => {
    const UNIONHALL_DATA_DIR = join(await folder(), 'data');
    for (const ADMIN_PASSWORD of passwords) {
      const given = { NODE_ENV: 'production', UNIONHALL_DATA_DIR, PASSWORD_MIN_LENGTH: problem.includes('12') ? '12' : '8' };
      const config = readConfig({ ...given, ADMIN_EMAIL: 'the.chief@site.test', ADMIN_PASSWORD });
      await expect(start(config, { keyring: Keyring.parse(Keyring.generate()) })).rejects.toThrow(`ADMIN_PASSWORD ${problem}`);
    }
  });

  it('does not change an instance that has an admin', async () => {
    const local = await aLocal({ environment: operator });
    expect(await local.sql('select 1 from users where is_owner or email = $1', [operator.ADMIN_EMAIL])).toEqual([]);
    expect(await readFile(join(local.configDirectory, 'setup-token'), 'utf8')).toBe(`${local.service.setupToken}\n`);
  });
});

describe('the configuration', () => {
  it.each([
    [{ ADMIN_EMAIL: 'a@site.test' }, 'ADMIN_EMAIL and ADMIN_PASSWORD must be set together'],
    [{ ADMIN_PASSWORD: fresh }, 'ADMIN_EMAIL and ADMIN_PASSWORD must be set together'],
    [{ ADMIN_EMAIL: 'nobody', ADMIN_PASSWORD: fresh }, 'ADMIN_EMAIL'],
    [{ ADMIN_EMAIL: 'a@site.test', ADMIN_PASSWORD: 'short1!' }, 'ADMIN_PASSWORD'],
    [{ SMTP_URL: 'smtp://mail.test' }, 'MAIL_FROM must be set'],
    [{ SMTP_URL: 'http://mail.test' }, 'SMTP_URL'],
    [{ HIBP_URL: 'ftp://mirror.test' }, 'HIBP_URL'],
    [{ REGISTRATION: 'yes' }, 'REGISTRATION'],
    [{ PASSWORD_MIN_LENGTH: '7' }, 'PASSWORD_MIN_LENGTH'],
  ])('refuses %j without showing a password', (environment, problem) => {
    expect(() => readConfig({ NODE_ENV: 'production', ...environment })).toThrow(problem);
    expect(() => readConfig({ NODE_ENV: 'production', ...environment })).not.toThrow(/short1|quiet river/);
  });

  it('checks for breached passwords, but not in tests or when it is off', () => {
    expect(readConfig({ NODE_ENV: 'production' }).breachUrl).toBe('https://api.pwnedpasswords.com');
    expect(readConfig({ NODE_ENV: 'test' }).breachUrl).toBeNull();
    expect(readConfig({ NODE_ENV: 'test', HIBP_URL: 'http://mirror.test' }).breachUrl).toBe('http://mirror.test');
    expect(readConfig({ HIBP_URL: 'off' }).breachUrl).toBeNull();
  });

  it('names the first admin after the address by default', () => {
    const named = (more: object) => readConfig({ ADMIN_PASSWORD: fresh, ...more }).firstAdmin?.username;
    expect(named({ ADMIN_EMAIL: 'ruth.calloway@site.test' })).toBe('ruth.calloway');
    expect(named({ ADMIN_EMAIL: "o'neil+hall@site.test" })).toBe('o-neil-hall');
    expect(named({ ADMIN_EMAIL: 'r@site.test' })).toBe('r-');
    expect(named({ ADMIN_EMAIL: 'r@site.test', ADMIN_USERNAME: 'ruth' })).toBe('ruth');
    expect(readConfig({}).firstAdmin).toBeNull();
  });
});

/** A hasher that lets the test act while a password is hashed. */
class Watched extends PasswordHasher {
  hashes = 0;
  verifications = 0;
  between: () => Promise<unknown> = () => Promise.resolve();

  override async hash(text: string) {
    this.hashes += 1;
    const made = await super.hash(text);
    await this.between();
    return made;
  }

  override verify(text: string, choose: () => Promise<string | null>) {
    this.verifications += 1;
    return super.verify(text, choose);
  }

  work(): string {
    const done = `${this.verifications} verified, ${this.hashes} hashed`;
    this.verifications = this.hashes = 0;
    return done;
  }
}

describe('while passwords are hashed', () => {
  let orm: MikroORM;
  let runSql: RunSql;
  let local: Local;
  let watched: Watched;
  let settled = 0;
  beforeAll(async () => {
    ({ orm, runSql } = await embedded());
  });
  afterAll(() => orm.close());
  beforeEach(async () => {
    const keep = (keyring: Keyring): Watched => (watched ??= new Watched(keyring, cost));
    watched = undefined as unknown as Watched;
    local = await new Local(orm, runSql, keep).settle(`Watched.${++settled}`);
    expect(local.tools.passwords).toBe(watched);
  });

  const change = async (currentPassword: string, newPassword: string) => {
    const { accessToken } = await local.login();
    const viewer = await local.viewer(accessToken);
    if (viewer === null) throw new Error('Nobody is signed in');
    watched.work();
    return await local.sessions.changePassword(viewer, { currentPassword, newPassword }, client, '');
  };
  const stored = async (): Promise<string> => (await local.stored.one(User, local.user.id)).passwordHash;

  it('a change verifies once and hashes once; a wrong password hashes nothing', async () => {
    expect(await codeOf(change('wrong password', fresh))).toBe('BAD_CREDENTIALS');
    expect(watched.work()).toBe('1 verified, 0 hashed');
    await change(password, fresh);
    expect(watched.work()).toBe('1 verified, 1 hashed');
  });

  it('a reset with an invalid token and a requested reset hash nothing', async () => {
    expect(await codeOf(local.sessions.resetPassword({ token: 'prt1.x.y', newPassword: fresh }, client))).toBe('BAD_INPUT');
    for (const email of ['nobody@site.test', local.user.email]) expect(await local.sessions.requestPasswordReset(email, client)).toBe(true);
    expect(watched.work()).toBe('0 verified, 0 hashed');
  });

  it('a change that is refused for its new password costs no hash and no attempt', async () => {
    expect(await codeOf(change(password, 'short'))).toBe('BAD_INPUT');
    local.breached.add(fresh);
    expect(await codeOf(change(password, fresh))).toBe('BAD_INPUT');
    expect(watched.work()).toBe('0 verified, 0 hashed');
    for (const { failedLoginAttempts } of await local.stored.find(Session, { user: local.user.id })) expect(failedLoginAttempts).toBe(0);
    expect(local.mailed).toEqual([]);
  });

  it('a registration hashes once, whether or not the address is taken', async () => {
    local.rules = { ...local.rules, isRegistrationOpen: true };
    const names = { password: fresh, firstName: 'Nora', lastName: 'Hand' };
    for (const email of ['free@site.test', local.user.email]) {
      await local.sessions.register({ ...names, username: `hand.${email.length}`, email }, client);
      expect(watched.work()).toBe('0 verified, 1 hashed');
    }
    expect(local.mailed.map(({ kind }) => kind)).toEqual(['email-verification', 'email-verification']);
  });

  it('a sign-in that renews the stored hash does not undo a change', async () => {
    const renewed = await hashPassword(password, { ...cost, time: 3 }, local.keyring);
    watched.between = () => local.stored.change(User, { id: local.user.id }, { passwordHash: renewed });
    await change(password, fresh);
    expect(watched.work()).toBe('2 verified, 1 hashed');
    expect(await codeOf(local.login())).toBe('BAD_CREDENTIALS');
    expect(await codeOf(local.login({ password: fresh }))).toBe('no refusal');
  });

  it('another change wins, and this one is refused', async () => {
    const theirs = await hashPassword('their password', cost, local.keyring);
    watched.between = () => local.stored.change(User, { id: local.user.id }, { passwordHash: theirs });
    expect(await codeOf(change(password, fresh))).toBe('BAD_CREDENTIALS');
    expect(await stored()).toBe(theirs);
    expect(local.mailed).toEqual([]);
  });

  it('the session may end, and then nothing changes', async () => {
    const before = await stored();
    watched.between = () => runSql(`update sessions set ended_at = now(), end_reason = 'logout' where user_id = $1`, [local.user.id]);
    expect(await codeOf(change(password, fresh))).toBe('UNAUTHENTICATED');
    expect(await stored()).toBe(before);
    expect(await local.stored.count(AuditEvent, { action: 'change_password', actor: local.user.id })).toBe(0);
  });

  it('the user may be deactivated, and then nothing changes', async () => {
    const before = await stored();
    watched.between = () => local.stored.change(User, { id: local.user.id }, { isActive: false });
    expect(await codeOf(change(password, fresh))).toBe('BAD_CREDENTIALS');
    expect(await stored()).toBe(before);
  });
});
