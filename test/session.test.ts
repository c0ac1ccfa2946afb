import 'reflect-metadata';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import type { MikroORM } from '@mikro-orm/postgresql';
import { AuditEvent, AuditOutcome } from '../src/entities/audit.ts';
import { BenevolenceReviewLevel } from '../src/entities/benevolence.ts';
import { BackupCode, TotpCredential } from '../src/entities/credential.ts';
import { LoginChallenge } from '../src/entities/session.ts';
import { Role, RoleName, UserRole } from '../src/entities/role.ts';
import { Device, Session, SessionEnd } from '../src/entities/session.ts';
import { User } from '../src/entities/user.ts';
import { Viewer } from '../src/entities/viewer.ts';
import { recordDenial } from '../src/services/audit/denial.ts';
import { isGenuine } from '../src/services/audit/event.ts';
import { PasswordHasher } from '../src/services/crypto/hasher.ts';
import { AccessTokens } from '../src/services/crypto/jwt.ts';
import { Keyring } from '../src/services/crypto/keyring.ts';
import { mintRefreshToken, verifyRefreshToken } from '../src/services/crypto/refresh.ts';
import { hashToken } from '../src/services/crypto/token.ts';
import type { RunSql } from '../src/services/scope.ts';
import { SecondFactorMethod } from '../src/services/proof/second-factor.ts';
import { authenticate } from '../src/services/session/authenticate.ts';
import { cleanUp } from '../src/services/session/cleanup.ts';
import { SecondFactorRequired } from '../src/services/session/login.ts';
import { endSessions } from '../src/services/sign-in/sign-out.ts';
import { client, codeOf, cost, embedded, Local, password, rules, SessionCalls } from './session.kit.ts';
import { aLocal, type Local as Running } from './support/local.ts';

let orm: MikroORM;
let runSql: RunSql;
let local: Local;
let settled = 0;

beforeAll(async () => {
  ({ orm, runSql } = await embedded());
}, 60_000);
afterAll(async () => orm.close());
beforeEach(async () => {
  local = await new Local(orm, runSql).settle(`Rosa.${++settled}`);
});

const events = async () => local.stored.find(AuditEvent, { actor: local.user.id });
const session = async (id: string) => local.stored.one(Session, id);
const fail = async (times: number, input = {}) => {
  for (let i = 0; i < times; i++) expect(await codeOf(local.login({ password: 'wrong', ...input }))).toBe('BAD_CREDENTIALS');
};
const set = async (changes: Partial<User>) => local.stored.change(User, { id: local.user.id }, changes);

describe('login', () => {
  it('returns tokens that work, and stores the time', async () => {
    const signedIn = await local.login({ deviceName: 'Laptop' });
    expect(signedIn).toMatchObject({ tokenType: 'Bearer', expiresIn: 1800, userId: local.user.id, cookies: null });
    expect(signedIn.refreshToken).toMatch(/^rft1\./);
    expect(signedIn.deviceToken).toMatch(/^dvt1\./);
    expect((await local.viewer(signedIn.accessToken))?.userId).toBe(local.user.id);
    const user = await local.stored.one(User, local.user.id);
    expect(user.lastLoginAt).toEqual(local.clock.now());
    expect(user.failedLoginAttempts).toBe(0);
  });

  it('stores only hashes in the session', async () => {
    const { sessionId, refreshToken, deviceToken } = await local.login({ deviceName: 'Laptop' });
    const stored = await session(sessionId);
    expect(stored).toMatchObject({
      deviceName: 'Laptop',
      userAgent: 'Firefox',
      ipAddress: '203.0.113.7',
      refreshCounter: 1,
      endedAt: null,
    });
    expect(stored.refreshHash).toBe(hashToken(refreshToken ?? ''));
    expect(stored.refreshKid).toBe(local.keyring.active);
    expect(stored.expiresAt.valueOf() - local.clock.now().valueOf()).toBe(rules.maxAge * 1000);
    expect(await local.stored.count(Device, { tokenHash: hashToken(deviceToken ?? '') })).toBe(1);
  });

  it.each(['rosa', 'ROSA', 'Rosa'])('accepts the username as %s, and the address in any case', async (name) => {
    const username = local.user.username.replace('Rosa', name);
    expect((await local.login({ identifier: username })).userId).toBe(local.user.id);
    expect((await local.login({ identifier: `${username}@LOCAL.test` })).userId).toBe(local.user.id);
  });

  it('finds an address with letters beyond ASCII in any spelling', async () => {
    await set({ email: `éva.${settled}@local.test` });
    expect((await local.login({ identifier: `ÉVA.${settled}@LOCAL.TEST` })).userId).toBe(local.user.id);
  });

  it('returns no tokens if the client uses cookies', async () => {
    const signedIn = await local.login({ cookie: true });
    expect(signedIn).toMatchObject({ refreshToken: null, deviceToken: null });
    expect(signedIn.cookies).toMatchObject({ refreshToken: expect.stringMatching(/^rft1/), deviceToken: expect.stringMatching(/^dvt1/) });
    expect(signedIn.cookies?.maxAge).toBe(rules.idleAge);
  });

  it('has the same response for unknown, wrong, inactive, deleted and locked', async () => {
    const said: unknown[] = [];
    const hear = async (input: object) => local.login(input).catch((error: unknown) => said.push(error));
    await hear({ identifier: 'nobody' });
    await hear({ identifier: 'nobody@local.test' });
    await hear({ password: 'wrong' });
    await set({ isActive: false });
    await hear({});
    await set({ isActive: true, deletedAt: new Date() });
    await hear({});
    await set({ deletedAt: null, lockedUntil: new Date(local.clock.now().valueOf() + 1000) });
    await hear({});
    expect(said).toHaveLength(6);
    for (const error of said)
      expect(error).toMatchObject({ code: 'BAD_CREDENTIALS', message: 'The credentials are incorrect or have expired.', details: {} });
    for (const error of said) expect((error as Error).cause).toBeUndefined();
  });

  it('verifies one password for any username', async () => {
    const held: (string | null)[] = [];
    class Watched extends PasswordHasher {
      override async verify(text: string, choose: () => Promise<string | null>) {
        const proof = await super.verify(text, choose);
        held.push(proof.stored);
        return proof;
      }
    }
    local = await new Local(orm, runSql, (keyring) => new Watched(keyring, cost)).settle(`watched.${settled}`);
    await codeOf(local.login({ identifier: 'nobody' }));
    await set({ isActive: false });
    await codeOf(local.login());
    await set({ isActive: true });
    await codeOf(local.login({ password: 'wrong' }));
    expect(held).toEqual([null, null, local.user.passwordHash]);
  });

  it.each([["' or 1=1 --"], ["\\' or 1=1 --"], ['?'], ["x'); drop table users; --"], ['$1'], ['%'], ["a@b' or ''='"]])(
    'treats the identifier %s as plain text',
    async (identifier) => {
      expect(await codeOf(local.login({ identifier }))).toBe('BAD_CREDENTIALS');
    },
  );

  it.each([
    [{ identifier: 'x'.repeat(255) }, 'input.identifier'],
    [{ identifier: 'a\u0000b' }, 'input.identifier'],
    [{ password: 'x'.repeat(129) }, 'input.password'],
    [{ password: '' }, 'input.password'],
    [{ password: 'a\ud800' }, 'input.password'],
    [{ deviceName: 'x'.repeat(101) }, 'input.deviceName'],
    [{ deviceName: 'a\u0000' }, 'input.deviceName'],
  ])('refuses invalid input %# before any work', async (input, path) => {
    await expect(local.login(input)).rejects.toMatchObject({ code: 'BAD_INPUT', details: { fields: [{ path }] } });
    expect((await local.stored.one(User, local.user.id)).failedLoginAttempts).toBe(0);
  });

  it('records the sign-in with its own MAC over every column', async () => {
    const { sessionId } = await local.login();
    const [event, ...others] = await events();
    expect(others).toHaveLength(0);
    expect(event).toMatchObject({
      action: 'login',
      outcome: 'succeeded',
      sessionId,
      ipAddress: '203.0.113.7',
      requestId: 'request-1',
      count: 1,
    });
    if (!event) throw new Error('no event');
    expect(isGenuine(event, local.keyring)).toBe(true);
    for (const change of [
      { ipAddress: '203.0.113.8' },
      { ipAddress: null },
      { action: 'logout' },
      { count: 2 },
      { sessionId: null },
      { at: new Date() },
    ])
      expect(isGenuine(Object.assign(Object.create(event) as AuditEvent, change), local.keyring)).toBe(false);
    expect(isGenuine(event, Keyring.parse(Keyring.generate()))).toBe(false);
  });

  it('truncates a long header and removes its control characters', async () => {
    const { sessionId } = (await local.sessions.login(
      { identifier: local.user.username, password },
      { ...client, userAgent: `a\u0000b\n${'x'.repeat(400)}` },
    )) as { sessionId: string };
    expect((await session(sessionId)).userAgent).toBe(`ab${'x'.repeat(298)}`);
  });
});

describe('the lock', () => {
  it('follows the fifth failure, refuses the correct password, expires, and starts again from zero', async () => {
    await fail(5);
    expect(await codeOf(local.login())).toBe('BAD_CREDENTIALS');
    local.clock.turn(1799);
    expect(await codeOf(local.login())).toBe('BAD_CREDENTIALS');
    local.clock.turn(1);
    await fail(4);
    expect(await codeOf(local.login())).toBe('no refusal');
  });

  it('is not extended by further attempts', async () => {
    await fail(5);
    local.clock.turn(1000);
    await fail(3);
    local.clock.turn(800);
    expect(await codeOf(local.login())).toBe('no refusal');
  });

  it('follows again after five more failures', async () => {
    await fail(5);
    local.clock.turn(1800);
    await fail(5);
    expect(await codeOf(local.login())).toBe('BAD_CREDENTIALS');
  });

  it('resets after a success', async () => {
    await fail(4);
    await local.login();
    await fail(4);
    expect(await codeOf(local.login())).toBe('no refusal');
  });

  it('does not affect sessions', async () => {
    const { accessToken, refreshToken } = await local.login();
    await fail(5);
    expect(await local.viewer(accessToken)).not.toBeNull();
    expect(await codeOf(local.refresh(refreshToken))).toBe('no refusal');
  });

  it('uses the configured rules', async () => {
    local.rules = { ...rules, loginAttempts: 1, loginLock: 10 };
    await fail(1);
    expect(await codeOf(local.login())).toBe('BAD_CREDENTIALS');
    local.clock.turn(10);
    expect(await codeOf(local.login())).toBe('no refusal');
  });
});

describe('a known device', () => {
  it('signs in while others have locked the user, and does not remove the lock', async () => {
    const { deviceToken } = await local.login();
    await fail(5);
    const again = await local.login({ deviceToken });
    expect(again.deviceToken).toBe(deviceToken);
    expect(await codeOf(local.login())).toBe('BAD_CREDENTIALS');
  });

  it('has its own count and its own lock', async () => {
    const { deviceToken } = await local.login();
    await fail(5, { deviceToken });
    expect(await codeOf(local.login({ deviceToken }))).toBe('BAD_CREDENTIALS');
    expect(await codeOf(local.login())).toBe('no refusal');
    local.clock.turn(1800);
    expect(await codeOf(local.login({ deviceToken }))).toBe('no refusal');
  });

  it('is unknown for another user, and with an invented token', async () => {
    const { deviceToken } = await local.login();
    const other = await new Local(orm, runSql).settle(`other.${settled}`);
    for (let i = 0; i < 5; i++) await codeOf(other.login({ password: 'wrong' }));
    expect(await codeOf(other.login({ deviceToken }))).toBe('BAD_CREDENTIALS');
    for (const made of ['', 'dvt1.', `dvt1.${'A'.repeat(43)}`, `${deviceToken}A`, 'x'.repeat(10_000)]) {
      const signedIn = await local.login({ deviceToken: made });
      expect(signedIn.deviceToken).not.toBe(made);
    }
  });
});

describe('an outdated hash', () => {
  it('is renewed when the key was replaced', async () => {
    const text = Keyring.generate();
    local.keyring = Keyring.parse(text);
    await set({ passwordHash: await new PasswordHasher(local.keyring, cost).hash(password) });
    local.keyring = Keyring.parse(`${Keyring.generate()},${text}`);
    await local.login();
    const renewed = (await local.stored.one(User, local.user.id)).passwordHash;
    expect(renewed.split(':')[1]).toBe(local.keyring.active);
    await local.login();
    expect((await local.stored.one(User, local.user.id)).passwordHash).toBe(renewed);
  });

  it('is renewed when the cost was raised, but not by a wrong password', async () => {
    local = new Local(orm, runSql, (keyring) => new PasswordHasher(keyring, { memory: 20_000, time: 2 }));
    await local.settle(`costly.${settled}`);
    await fail(1);
    expect((await local.stored.one(User, local.user.id)).passwordHash).toBe(local.user.passwordHash);
    await local.login();
    expect((await local.stored.one(User, local.user.id)).passwordHash).toContain('m=20000');
  });
});

describe('a concurrent change while the password is verified', () => {
  const during = async (change: () => Promise<unknown>) => {
    class Slow extends PasswordHasher {
      #isFirst = true;
      override async verify(text: string, choose: () => Promise<string | null>) {
        const proof = await super.verify(text, choose);
        if (this.#isFirst) await change();
        this.#isFirst = false;
        return proof;
      }
    }
    const slow = new Slow(local.keyring, cost);
    const during = new Local(orm, runSql, () => slow);
    return codeOf(Object.assign(during, { keyring: local.keyring, user: local.user }).login());
  };

  it('to another password refuses the sign-in', async () => {
    const other = await new PasswordHasher(local.keyring, cost).hash('another password');
    expect(await during(() => set({ passwordHash: other }))).toBe('BAD_CREDENTIALS');
    expect(await local.stored.count(Session, { user: local.user.id })).toBe(0);
  });

  it('to an inactive user also refuses it', async () => {
    expect(await during(() => set({ isActive: false }))).toBe('BAD_CREDENTIALS');
  });

  it('to a renewed hash of the same password does not refuse it', async () => {
    const renewed = await new PasswordHasher(local.keyring, cost).hash(password);
    expect(await during(() => set({ passwordHash: renewed }))).toBe('no refusal');
  });
});

describe('a second factor', () => {
  const enrol = async (isConfirmed: boolean, codes: number) => {
    const { em } = local;
    const user = em.getReference(User, local.user.id, { wrapped: true });
    const totp = new TotpCredential({ user, sealedSeed: 'sealed' });
    totp.confirmedAt = isConfirmed ? local.clock.now() : null;
    em.persist(totp);
    for (let i = 0; i < codes; i++) em.persist(new BackupCode({ user, codeHash: `code ${i}` }));
    await em.flush();
  };
  const ask = () => local.sessions.login({ identifier: local.user.username, password, deviceName: 'Laptop', cookie: true }, client);

  it('is requested with a challenge that is stored as a hash, and nothing else is returned', async () => {
    await enrol(true, 2);
    const asked = await ask();
    if (!(asked instanceof SecondFactorRequired)) throw new Error('signed in without it');
    expect(asked).toMatchObject({ methods: [SecondFactorMethod.TOTP, SecondFactorMethod.BACKUP_CODE], expiresIn: 300 });
    const stored = await local.stored.one(LoginChallenge, { tokenHash: hashToken(asked.challenge) });
    expect(stored).toMatchObject({ deviceName: 'Laptop', wantsCookie: true, usedAt: null });
    expect(stored.expiresAt.valueOf() - local.clock.now().valueOf()).toBe(300_000);
    expect(await local.stored.count(Session, { user: local.user.id })).toBe(0);
    expect(await local.stored.count(Device, { user: local.user.id })).toBe(0);
    expect((await local.stored.one(User, local.user.id)).lastLoginAt).toBeNull();
    expect(await events()).toHaveLength(0);
  });

  it('offers backup codes only if one is left', async () => {
    await enrol(true, 0);
    expect(await ask()).toMatchObject({ methods: [SecondFactorMethod.TOTP] });
  });

  it('is not requested before its confirmation, nor after a wrong password', async () => {
    await enrol(false, 0);
    await local.login();
    await local.stored.change(TotpCredential, { user: local.user.id }, { confirmedAt: local.clock.now() });
    expect(await codeOf(local.login({ password: 'wrong' }))).toBe('BAD_CREDENTIALS');
    expect(await local.stored.count(LoginChallenge, { user: local.user.id })).toBe(0);
  });
});

describe('refresh', () => {
  it('rotates, and extends the idle end', async () => {
    const first = await local.login();
    local.clock.turn(6 * 86_400);
    const second = await local.refresh(first.refreshToken);
    expect(second.refreshToken).not.toBe(first.refreshToken);
    expect(second).toMatchObject({ userId: local.user.id, sessionId: first.sessionId, deviceToken: null });
    expect(await session(first.sessionId)).toMatchObject({ refreshCounter: 2, refreshHash: hashToken(second.refreshToken ?? '') });
    local.clock.turn(6 * 86_400);
    const third = await local.refresh(second.refreshToken);
    expect(await local.viewer(third.accessToken)).not.toBeNull();
  });

  it('returns the same successor for the previous token', async () => {
    const first = await local.login();
    const second = await local.refresh(first.refreshToken);
    local.clock.turn(9);
    const again = await local.refresh(first.refreshToken);
    expect(again.refreshToken).toBe(second.refreshToken);
    expect((await session(first.sessionId)).refreshCounter).toBe(2);
    expect(await codeOf(local.refresh(again.refreshToken))).toBe('no refusal');
  });

  it('also does so when the key was replaced in between', async () => {
    const text = Keyring.generate();
    local = await Object.assign(new Local(orm, runSql), { keyring: Keyring.parse(text) }).settle(`rotated.${settled}`);
    const first = await local.login();
    const second = await local.refresh(first.refreshToken);
    local.keyring = Keyring.parse(`${Keyring.generate()},${text}`);
    expect((await local.refresh(first.refreshToken)).refreshToken).toBe(second.refreshToken);
    const third = await local.refresh(second.refreshToken);
    expect(verifyRefreshToken(local.keyring, third.refreshToken ?? '')?.kid).toBe(local.keyring.active);
  });

  it('accepts a token whose response was lost until the response is used, for at most a day', async () => {
    const first = await local.login();
    const second = await local.refresh(first.refreshToken);
    expect(await local.viewer(first.accessToken)).not.toBeNull();
    local.clock.turn(86_399);
    const again = await local.refresh(first.refreshToken);
    expect(again.refreshToken).toBe(second.refreshToken);
    expect(await session(first.sessionId)).toMatchObject({ refreshCounter: 2, firstUsedAt: null, endedAt: null });
    local.clock.turn(1);
    expect(await codeOf(local.refresh(first.refreshToken))).toBe('UNAUTHENTICATED');
    expect(await session(first.sessionId)).toMatchObject({ endReason: SessionEnd.REUSE });
  });

  it('accepts it for ten more seconds after the first use of the response’s access token, and records that use once', async () => {
    const first = await local.login();
    await local.refresh(first.refreshToken);
    const again = await local.refresh(first.refreshToken);
    local.clock.turn(1200);
    const usedAt = local.clock.now();
    for (let time = 0; time < 3; time++) {
      expect(await local.viewer(again.accessToken)).not.toBeNull();
      expect((await session(first.sessionId)).firstUsedAt).toEqual(usedAt);
      local.clock.turn(3);
    }
    expect((await local.refresh(first.refreshToken)).refreshToken).toBe(again.refreshToken);
    local.clock.turn(1);
    expect(await codeOf(local.refresh(first.refreshToken))).toBe('UNAUTHENTICATED');
    expect(await session(first.sessionId)).toMatchObject({ endReason: SessionEnd.REUSE });
  });

  it('writes at the first use, and at no other request', async () => {
    const first = await local.login();
    const texts: string[] = [];
    const heard = Object.assign(new Local(orm, (text, params) => (texts.push(text), runSql(text, params))), {
      keyring: local.keyring,
      user: local.user,
    });
    const { tools } = heard;
    const viewer = (accessToken: string) => authenticate(accessToken, heard.runSql, tools, heard.runSql);
    for (let time = 0; time < 3; time++) await viewer(first.accessToken);
    const second = await local.refresh(first.refreshToken);
    for (let time = 0; time < 3; time++) await viewer(first.accessToken);
    expect(texts.filter((text) => text.startsWith('update'))).toEqual([]);
    for (let time = 0; time < 3; time++) await viewer(second.accessToken);
    expect(texts.filter((text) => text.startsWith('update'))).toHaveLength(1);
  });

  it('reports no theft for tokens that are newer than a restored backup', async () => {
    const { sessionId, refreshToken } = await local.login();
    let latest = await local.refresh(refreshToken);
    const backup = await session(sessionId);
    const later = [];
    for (let time = 0; time < 3; time++) later.push((latest = await local.refresh(latest.refreshToken)));
    const { refreshCounter, refreshHash, refreshKid, refreshedAt, firstUsedAt } = backup;
    await local.stored.change(Session, { id: sessionId }, { refreshCounter, refreshHash, refreshKid, refreshedAt, firstUsedAt });
    for (const each of later) expect(await codeOf(local.refresh(each.refreshToken))).toBe('UNAUTHENTICATED');
    expect(await session(sessionId)).toMatchObject({ endedAt: null, refreshCounter: 2 });
    expect((await events()).map(({ action }) => action)).toEqual(['login']);
    expect(local.mailed).toEqual([]);
  });

  it('treats the previous token as stolen after the grace period', async () => {
    const first = await local.login();
    const second = await local.refresh(first.refreshToken);
    expect(await local.viewer(second.accessToken)).not.toBeNull();
    local.clock.turn(10);
    expect(await codeOf(local.refresh(first.refreshToken))).toBe('UNAUTHENTICATED');
    expect(await session(first.sessionId)).toMatchObject({ endReason: SessionEnd.REUSE, endedAt: local.clock.now() });
    expect(await codeOf(local.refresh(second.refreshToken))).toBe('UNAUTHENTICATED');
    expect(await local.viewer(second.accessToken)).toBeNull();
  });

  it('treats any older token as stolen at once, and reports it once', async () => {
    const first = await local.login();
    const other = await local.login();
    const second = await local.refresh(first.refreshToken);
    await local.refresh(second.refreshToken);
    for (let i = 0; i < 3; i++) expect(await codeOf(local.refresh(first.refreshToken))).toBe('UNAUTHENTICATED');
    const reuse = (await events()).filter(({ action }) => action === 'refresh_reuse');
    expect(reuse).toHaveLength(1);
    expect(reuse[0]).toMatchObject({ outcome: 'denied', sessionId: first.sessionId, targetId: first.sessionId });
    expect(await local.viewer(other.accessToken)).not.toBeNull();
  });

  it('ends all sessions of the user if so configured', async () => {
    local.rules = { ...rules, reuseEnds: 'user' };
    const bystander = await new Local(orm, runSql).settle(`bystander.${settled}`);
    const [first, other, stranger] = [await local.login(), await local.login(), await bystander.login()];
    const second = await local.refresh(first.refreshToken);
    await local.refresh(second.refreshToken);
    await codeOf(local.refresh(first.refreshToken));
    expect(await local.viewer(other.accessToken)).toBeNull();
    expect(await bystander.viewer(stranger.accessToken)).not.toBeNull();
  });

  it('does nothing for a forged token', async () => {
    const { sessionId, refreshToken } = await local.login();
    const foreign = Keyring.parse(Keyring.generate());
    const ahead = mintRefreshToken(local.keyring, { sessionId, counter: 9, kid: local.keyring.active });
    const forged = mintRefreshToken(foreign, { sessionId, counter: 1, kid: foreign.active });
    for (const token of ['', 'rft1', 'x'.repeat(5000), forged, ahead, `${refreshToken}A`, refreshToken?.slice(0, -1) ?? ''])
      expect(await codeOf(local.refresh(token))).toBe('UNAUTHENTICATED');
    expect(await session(sessionId)).toMatchObject({ refreshCounter: 1, endedAt: null });
    expect(await events()).toHaveLength(1);
    expect(await codeOf(local.refresh(refreshToken))).toBe('no refusal');
  });

  it('does nothing for the right counter with a wrong key', async () => {
    const older = Keyring.generate();
    local.keyring = Keyring.parse(`${Keyring.generate()},${older}`);
    await set({ passwordHash: await new PasswordHasher(local.keyring, cost).hash(password) });
    const { sessionId } = await local.login();
    const forged = mintRefreshToken(local.keyring, { sessionId, counter: 1, kid: older.split(':')[0] ?? '' });
    expect(await codeOf(local.refresh(forged))).toBe('UNAUTHENTICATED');
    expect(await session(sessionId)).toMatchObject({ refreshCounter: 1, endedAt: null });
  });

  it.each<[string, () => Promise<unknown>]>([
    ['idle', async () => local.clock.turn(7 * 86_400)],
    ['of an inactive user', () => set({ isActive: false })],
    ['of a deleted user', () => set({ deletedAt: new Date() })],
  ])('refuses a session that is %s', async (_, change) => {
    const { refreshToken, sessionId, accessToken } = await local.login();
    await change();
    expect(await codeOf(local.refresh(refreshToken))).toBe('UNAUTHENTICATED');
    expect(await local.viewer(accessToken)).toBeNull();
    expect(await session(sessionId)).toMatchObject({ refreshCounter: 1, endedAt: null });
  });

  it('refuses a session at its absolute end, even if it is in use', async () => {
    let { refreshToken, accessToken } = await local.login();
    for (let day = 0; day < 29; day += 5) {
      local.clock.turn(5 * 86_400 - (day === 25 ? 1 : 0));
      ({ refreshToken, accessToken } = await local.refresh(refreshToken));
    }
    expect(await local.viewer(accessToken)).not.toBeNull();
    local.clock.turn(1);
    expect(await codeOf(local.refresh(refreshToken))).toBe('UNAUTHENTICATED');
    expect(await local.viewer(accessToken)).toBeNull();
  });

  it('gives no grace period after a session has ended or idled', async () => {
    const first = await local.login();
    await local.refresh(first.refreshToken);
    await endSessions(local.scope, { sessionId: first.sessionId }, SessionEnd.REVOKED);
    expect(await codeOf(local.refresh(first.refreshToken))).toBe('UNAUTHENTICATED');
    expect(await session(first.sessionId)).toMatchObject({ endReason: SessionEnd.REVOKED });
  });

  it('uses a cookie if requested, and records the address', async () => {
    const { refreshToken, sessionId } = await local.login();
    const signedIn = await local.sessions.refresh(refreshToken ?? '', { ...client, ipAddress: '2001:db8::1' }, true);
    expect(signedIn).toMatchObject({ refreshToken: null, cookies: { deviceToken: null } });
    expect((await session(sessionId)).ipAddress).toBe('2001:db8::1');
  });
});

describe('logout', () => {
  it('ends only the current session, once', async () => {
    const [one, other] = [await local.login(), await local.login()];
    const viewer = await local.viewer(one.accessToken);
    if (!viewer) throw new Error('not signed in');
    expect(await local.sessions.logout(viewer, client)).toBe(true);
    expect(await local.sessions.logout(viewer, client)).toBe(true);
    expect(await local.viewer(one.accessToken)).toBeNull();
    expect(await codeOf(local.refresh(one.refreshToken))).toBe('UNAUTHENTICATED');
    expect(await local.viewer(other.accessToken)).not.toBeNull();
    expect((await session(one.sessionId)).endReason).toBe(SessionEnd.LOGOUT);
    expect((await events()).map(({ action }) => action)).toEqual(['login', 'login', 'logout']);
  });

  it('is open to every signed-in user', async () => {
    expect(await codeOf(local.sessions.logout(Viewer.anonymous, client))).toBe('UNAUTHENTICATED');
  });
});

describe('ending sessions', () => {
  const viewerOf = async ({ accessToken }: { accessToken: string }) => {
    const viewer = await local.viewer(accessToken);
    if (!viewer) throw new Error('not signed in');
    return viewer;
  };

  it('ends only the named session of the caller', async () => {
    const [one, other] = [await local.login(), await local.login()];
    expect(await local.sessions.revoke(await viewerOf(one), other.sessionId, client)).toBe(true);
    expect(await local.viewer(other.accessToken)).toBeNull();
    expect(await codeOf(local.refresh(other.refreshToken))).toBe('UNAUTHENTICATED');
    expect(await local.viewer(one.accessToken)).not.toBeNull();
    expect((await session(other.sessionId)).endReason).toBe(SessionEnd.REVOKED);
    const [event] = (await events()).filter(({ action }) => action === 'revoke_session');
    expect(event).toMatchObject({ targetType: 'Session', targetId: other.sessionId, sessionId: one.sessionId });
  });

  it.each<[string, (id: string) => Promise<unknown>]>([
    ['of somebody else', async (id) => local.stored.change(Session, id, { user: await somebody() } as never)],
    ['that has ended', (id) => endSessions(local.scope, { sessionId: id }, SessionEnd.LOGOUT)],
    ['that is idle', (id) => local.stored.change(Session, id, { idleEndsAt: local.clock.now() })],
    ['that is over', (id) => local.stored.change(Session, id, { expiresAt: local.clock.now() })],
  ])('finds no session %s', async (_, change) => {
    const [one, other] = [await local.login(), await local.login()];
    await change(other.sessionId);
    const before = await session(other.sessionId);
    expect(await codeOf(local.sessions.revoke(await viewerOf(one), other.sessionId, client))).toBe('NOT_FOUND');
    expect(await session(other.sessionId)).toMatchObject({ endedAt: before.endedAt, endReason: before.endReason });
  });

  const somebody = async () => (await new Local(orm, runSql).settle(`somebody.${settled}`)).user.id;

  it('ends all sessions and pending sign-ins of the user, and nobody else’s', async () => {
    const other = await new Local(orm, runSql).settle(`bystander.all.${settled}`);
    const stranger = await other.login();
    const asking = await local.login();
    const all = [asking, await local.login(), await local.login()];
    const user = local.em.getReference(User, local.user.id, { wrapped: true });
    const facts = { device: null, deviceName: null, wantsCookie: false, expiresAt: new Date(local.clock.now().valueOf() + 300_000) };
    const { em } = local;
    await em
      .persist(new LoginChallenge({ ...facts, user: em.getReference(User, user.id, { wrapped: true }), tokenHash: `all.${settled}` }))
      .flush();
    expect(await local.sessions.logoutAll(await viewerOf(asking), client)).toBe(true);
    for (const { accessToken, refreshToken } of all) {
      expect(await local.viewer(accessToken)).toBeNull();
      expect(await codeOf(local.refresh(refreshToken))).toBe('UNAUTHENTICATED');
    }
    expect(await local.stored.count(LoginChallenge, { user: user.id })).toBe(0);
    expect(await other.viewer(stranger.accessToken)).not.toBeNull();
    expect((await events()).filter(({ action }) => action === 'logout_all')).toHaveLength(1);
  });

  it('is open to every signed-in user', async () => {
    expect(await codeOf(local.sessions.logoutAll(Viewer.anonymous, client))).toBe('UNAUTHENTICATED');
    expect(await codeOf(local.sessions.revoke(Viewer.anonymous, local.user.id, client))).toBe('UNAUTHENTICATED');
  });
});

describe('the list of sessions', () => {
  let running: Running;
  const ask = <Data>(query: string, accessToken: string) =>
    running.anonymous.ask<Data>(query, {}, { authorization: `Bearer ${accessToken}` });
  const signIn = async (deviceName: string) => {
    const query = `mutation { login(input: { identifier: "member", password: "unionhall-dev", deviceName: "${deviceName}" }) { ... on SignedIn { accessToken } } }`;
    return (await running.anonymous.see<{ login: { accessToken: string } }>(query)).login.accessToken;
  };
  type Listed = { sessions: { id: string; deviceName: string; isCurrent: boolean }[] };
  const listed = async (accessToken: string) => (await ask<Listed>('{ sessions { id deviceName isCurrent } }', accessToken)).data.sessions;

  beforeAll(async () => {
    running = await aLocal();
  }, 120_000);

  it('shows active sessions, and none that ended or idled', async () => {
    const [laptop, phone] = [await signIn('Laptop'), await signIn('Phone')];
    expect((await listed(laptop)).map(({ deviceName, isCurrent }) => [deviceName, isCurrent])).toEqual([
      ['Phone', false],
      ['Laptop', true],
    ]);
    await running.sql('update sessions set idle_ends_at = $1 where device_name = $2', [running.clock.now(), 'Laptop']);
    expect((await ask('{ me { id } }', laptop)).codes).toEqual(['UNAUTHENTICATED']);
    expect((await listed(phone)).map(({ deviceName }) => deviceName)).toEqual(['Phone']);
    running.clock.turn(7 * 86_400);
    expect((await listed(await signIn('Tablet'))).map(({ deviceName }) => deviceName)).toEqual(['Tablet']);
  });

  it('ends one of them, and returns it', async () => {
    const [laptop, phone] = [await signIn('Laptop'), await signIn('Phone')];
    const id = (await listed(laptop)).find(({ deviceName }) => deviceName === 'Phone')?.id ?? '';
    const revoke = `mutation { revokeSession(id: "${id}") { id deviceName isCurrent expiresAt } }`;
    const { data } = await ask<{ revokeSession: object }>(revoke, laptop);
    expect(data.revokeSession).toMatchObject({ id, deviceName: 'Phone', isCurrent: false });
    expect((await ask('{ me { id } }', phone)).codes).toEqual(['UNAUTHENTICATED']);
    expect((await ask(revoke, laptop)).codes).toEqual(['NOT_FOUND']);
    const ofStaff = await running.staff.see<Listed>('{ sessions { id deviceName isCurrent } }');
    expect((await ask(`mutation { revokeSession(id: "${ofStaff.sessions[0]?.id}") { id } }`, laptop)).codes).toEqual(['NOT_FOUND']);
    expect((await ask('mutation { revokeSession(id: "1") { id } }', laptop)).codes).toEqual(['BAD_INPUT']);
    expect((await ask('mutation { logoutAll }', laptop)).data).toEqual({ logoutAll: true });
    expect((await ask('{ me { id } }', laptop)).codes).toEqual(['UNAUTHENTICATED']);
    await running.staff.see('{ me { id } }');
  });
});

describe('a refusal', () => {
  const minute = 60;
  const denials = async () => {
    local.clock.turn(minute);
    await cleanUp({ em: local.em, ...local.tools });
    const refused = await local.stored.find(AuditEvent, {
      $or: [{ targetId: local.user.id }, { ipAddress: here.ipAddress }],
      outcome: { $ne: 'succeeded' },
    } as never);
    return refused.map(({ action, reason, outcome, count, targetId }) => ({ action, reason, outcome, count, targetId }));
  };
  const here = { ...client, ipAddress: '' };
  const guess = (input: object) => codeOf(local.sessions.login({ identifier: local.user.username, password: 'wrong', ...input }, here));

  beforeEach(async () => {
    here.ipAddress = `198.51.100.${settled}`;
    // Whole minutes, so that none ends in between.
    local.clock.turn(minute - ((local.clock.now().valueOf() / 1000) % minute));
    await orm.em.fork().execute('delete from denials');
  });

  it('is counted by its target or its address, with the reason', async () => {
    for (let time = 0; time < 3; time++) await guess({});
    for (let time = 0; time < 4; time++) await guess({ identifier: `nobody${time}` });
    expect(await events()).toEqual([]);
    expect(await denials()).toEqual(
      expect.arrayContaining([
        { action: 'login', reason: 'wrong_password', outcome: 'failed', count: 3, targetId: local.user.id },
        { action: 'login', reason: 'unknown', outcome: 'failed', count: 4, targetId: null },
      ]),
    );
    expect(await denials()).toHaveLength(2);
  });

  it('has the reasons inactive, locked and limited', async () => {
    await set({ isActive: false });
    await guess({});
    await set({ isActive: true });
    for (let time = 0; time < 7; time++) await guess({});
    local.rules = { ...rules, limits: { ...rules.limits, 'sign-in': { turns: 1, seconds: 300 } } };
    expect(await guess({})).toBe('RATE_LIMITED');
    const said = (await denials()).map(({ action, reason, count, outcome }) => `${action} ${reason} ${count} ${outcome}`).sort();
    expect(said).toEqual([
      'lock users 1 denied',
      'login inactive 1 denied',
      'login locked 2 denied',
      'login rate_limited 1 denied',
      'login wrong_password 5 failed',
    ]);
  });

  it('is one row per minute, with a MAC that includes the reason', async () => {
    for (let time = 0; time < 2; time++) {
      await guess({});
      await guess({});
      local.clock.turn(minute);
    }
    expect((await denials()).map(({ count }) => count)).toEqual([2, 2]);
    const [event] = await local.stored.find(AuditEvent, { targetId: local.user.id });
    if (!event) throw new Error('no event');
    expect(event).toMatchObject({ actor: null, sessionId: null, ipAddress: here.ipAddress, requestId: 'request-1' });
    expect(isGenuine(event, local.keyring)).toBe(true);
    expect(isGenuine(Object.assign(Object.create(event) as AuditEvent, { reason: 'unknown' }), local.keyring)).toBe(false);
  });

  it('takes the same number of statements for any user', async () => {
    const heard: number[] = [];
    const statements = async (input: object) => {
      const em = local.em;
      const connection = em.getConnection();
      const { execute } = connection;
      let count = 0;
      connection.execute = function (this: typeof connection, ...given: Parameters<typeof execute>) {
        count += 1;
        return execute.apply(this, given);
      } as typeof execute;
      try {
        await codeOf(new SessionCalls(em, local.tools).login({ identifier: local.user.username, password: 'wrong', ...input }, here));
      } finally {
        connection.execute = execute;
      }
      heard.push(count);
    };
    for (let time = 0; time < 5; time++) await statements({});
    await statements({});
    await statements({ identifier: 'nobody' });
    await set({ isActive: false });
    await statements({});
    expect(heard[0]).toBeGreaterThan(3);
    expect(new Set(heard).size).toBe(1);
  });

  it('causes one notification per lock for a locked user', async () => {
    const alerts = () => local.mailed.filter((job) => 'alert' in job && job.alert === 'account-locked');
    for (let time = 0; time < 9; time++) await guess({});
    expect(alerts()).toEqual([]);
    await denials();
    await denials();
    expect(alerts()).toEqual([expect.objectContaining({ kind: 'security-alert', userId: local.user.id })]);
    local.clock.turn(rules.loginLock);
    for (let time = 0; time < 9; time++) await guess({});
    await denials();
    expect(alerts()).toHaveLength(2);
  });

  it('causes no notification if the last attempt was correct', async () => {
    for (let time = 0; time < 4; time++) await guess({});
    expect(await guess({ password })).toBe('no refusal');
    expect((await denials()).map(({ action }) => action)).toEqual(['login']);
    expect(local.mailed).toEqual([]);
  });

  it('for a stolen token causes a notification at once, with the ended session', async () => {
    const first = await local.login();
    await local.refresh((await local.refresh(first.refreshToken)).refreshToken);
    expect(await codeOf(local.refresh(first.refreshToken))).toBe('UNAUTHENTICATED');
    const at = local.clock.now().toISOString();
    expect(local.mailed).toEqual([{ kind: 'security-alert', userId: local.user.id, alert: 'session-reused', at }]);
  });

  it('is not recorded in a transaction that could undo it', async () => {
    const denial = { action: 'login', reason: 'unknown', outcome: AuditOutcome.FAILED } as const;
    await expect(local.scope.transaction((tx) => recordDenial({ ...tx, client }, denial))).rejects.toThrow('after the transaction');
  });
});

describe('authenticate', () => {
  const assign = async (name: RoleName, facts: { basedOn?: RoleName; expiresAt?: Date; reviewLevels?: BenevolenceReviewLevel[] } = {}) => {
    const { em } = local;
    const basedOn = facts.basedOn ?? name;
    const role = new Role({ name: `${name}.${settled}`, displayName: name, isSystemRole: false, basedOn });
    const user = em.getReference(User, local.user.id, { wrapped: true });
    const holding = { assignedAt: local.clock.now(), expiresAt: facts.expiresAt ?? null, reviewLevels: facts.reviewLevels ?? [] };
    em.persist(role);
    em.persist(new UserRole({ user, role: em.getReference(Role, role.id, { wrapped: true }), ...holding }));
    await em.flush();
  };

  it('accepts a user without a role, with one statement', async () => {
    const { accessToken, sessionId } = await local.login();
    let asked = 0;
    const counted = Object.assign(new Local(orm, (text, params) => (asked++, runSql(text, params))), { keyring: local.keyring });
    const viewer = await counted.viewer(accessToken);
    expect(viewer).toMatchObject({ userId: local.user.id, sessionId, memberId: null, passwordMustChange: false });
    expect(viewer?.roles.size).toBe(0);
    expect(asked).toBe(1);
    expect(await counted.viewer('not a token')).toBeNull();
    expect(asked).toBe(1);
  });

  it('collects roles and review levels; a custom role counts as its base role', async () => {
    await assign(RoleName.OFFICER, { reviewLevels: [BenevolenceReviewLevel.VP, BenevolenceReviewLevel.PRESIDENT] });
    await assign(RoleName.STAFF, { basedOn: RoleName.ORGANIZER });
    const viewer = await local.viewer((await local.login()).accessToken);
    expect([...(viewer?.roles ?? [])].sort()).toEqual([RoleName.OFFICER, RoleName.ORGANIZER]);
    expect(viewer?.decidesAt(BenevolenceReviewLevel.PRESIDENT)).toBe(true);
    expect(viewer?.decidesAt(BenevolenceReviewLevel.ADMIN)).toBe(false);
  });

  it('returns no role and no level while the password must be changed', async () => {
    await assign(RoleName.OFFICER, { reviewLevels: [BenevolenceReviewLevel.VP] });
    await set({ passwordMustChange: true });
    const viewer = await local.viewer((await local.login()).accessToken);
    expect([viewer?.passwordMustChange, viewer?.roles.size, viewer?.decidesAt(BenevolenceReviewLevel.VP)]).toEqual([true, 0, false]);
  });

  it('drops a role with its levels when it expires', async () => {
    const expiresAt = new Date(local.clock.now().valueOf() + 60_000);
    await assign(RoleName.OFFICER, { expiresAt, reviewLevels: [BenevolenceReviewLevel.VP] });
    const { accessToken } = await local.login();
    local.clock.turn(59);
    expect((await local.viewer(accessToken))?.roles.has(RoleName.OFFICER)).toBe(true);
    local.clock.turn(1);
    const viewer = await local.viewer(accessToken);
    expect(viewer?.roles.size).toBe(0);
    expect(viewer?.decidesAt(BenevolenceReviewLevel.VP)).toBe(false);
  });

  it('uses the current state of the database at the next request', async () => {
    const { accessToken } = await local.login();
    await set({ isActive: false });
    expect(await local.viewer(accessToken)).toBeNull();
    await set({ isActive: true, deletedAt: new Date() });
    expect(await local.viewer(accessToken)).toBeNull();
    await set({ deletedAt: null });
    expect(await local.viewer(accessToken)).not.toBeNull();
    await endSessions(local.scope, { userId: local.user.id }, SessionEnd.REVOKED);
    expect(await local.viewer(accessToken)).toBeNull();
  });

  it('refuses an expired access token', async () => {
    const { accessToken } = await local.login();
    local.clock.turn(1829);
    expect(await local.viewer(accessToken)).not.toBeNull();
    local.clock.turn(2);
    expect(await local.viewer(accessToken)).toBeNull();
  });

  it("refuses another user's session in a valid token", async () => {
    const { accessToken, sessionId } = await local.login();
    const terms = { issuer: 'unionhall', audience: 'unionhall', ttl: 1800 };
    expect(new AccessTokens(local.keyring, terms).verify(accessToken, local.clock.now())).toEqual({ userId: local.user.id, sessionId });
    const { signAccessToken } = await import('../src/services/crypto/jwt.ts');
    const mixed = signAccessToken(local.keyring, terms, { userId: sessionId, sessionId }, local.clock.now());
    expect(await local.viewer(mixed)).toBeNull();
  });
});
