import 'reflect-metadata';
import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import { AuditEvent } from '../src/entities/audit.ts';
import { BackupCode, TotpCredential } from '../src/entities/credential.ts';
import { LoginChallenge } from '../src/entities/session.ts';
import { Session } from '../src/entities/session.ts';
import { User } from '../src/entities/user.ts';
import type { Viewer } from '../src/entities/viewer.ts';
import { replaceCodes } from '../src/services/credential/backup-codes.ts';
import { spendCode } from '../src/services/proof/second-factor.ts';
import { SecondFactorMethod } from '../src/services/proof/second-factor.ts';
import { cleanUp } from '../src/services/session/cleanup.ts';
import { challengeOf, enrol, settleOn, severalNodes, shownBy, wrongFor, type Nodes } from './factor.kit.ts';
import { client, codeOf, password, rules, type Local } from './session.kit.ts';

const parallel = 32;
const rounds = 8;
const { TOTP, BACKUP_CODE } = SecondFactorMethod;

let several: Nodes;
let local: Local;

beforeAll(async () => {
  several = await severalNodes(2);
}, 60_000);
afterAll(async () => several.close());
afterEach(() => {
  for (const node of several.nodes) node.rules = rules;
  several.held.length = 0;
  several.looked.length = 0;
});

const settle = async (username: string) => (local = await settleOn(several.nodes, username));
const node = (index: number): Local => several.nodes[index % several.nodes.length] as Local;
const atOnce = <T>(work: (node: Local, index: number) => Promise<T>) =>
  Promise.all(Array.from({ length: parallel }, (_, index) => work(node(index), index)));
const complete = (on: Local, challenge: string, code: string, method = TOTP) =>
  codeOf(on.sessions.completeLogin({ challenge, code, method }, client));
const count = (codes: readonly unknown[], code: string) => codes.filter((each) => each === code).length;
const signIn = async (secret: string): Promise<Viewer> => {
  const code = shownBy(secret, local.clock.now());
  const { accessToken } = await local.sessions.completeLogin({ challenge: await challengeOf(local), code, method: TOTP }, client);
  const viewer = await local.viewer(accessToken);
  if (viewer === null) throw new Error('Nobody is signed in');
  return viewer;
};
const sessions = () => local.stored.count(Session, { user: local.user.id });

describe('of many concurrent attempts on two nodes', () => {
  it('one completes a sign-in with one challenge and one code', async () => {
    await settle('one.of.each');
    const { secret } = await enrol(local);
    for (let round = 0; round < rounds; round++) {
      const challenge = await challengeOf(local);
      const before = await sessions();
      const code = shownBy(secret, local.clock.now());
      const codes = await atOnce((on) => complete(on, challenge, code));
      expect([count(codes, 'no refusal'), count(codes, 'BAD_CREDENTIALS')]).toEqual([1, parallel - 1]);
      expect(await sessions()).toBe(before + 1);
      local.clock.turn(30);
    }
    expect(await local.stored.count(LoginChallenge, { user: local.user.id, usedAt: null })).toBe(0);
  }, 120_000);

  it('one uses a code, with different challenges', async () => {
    await settle('one.code');
    const { secret } = await enrol(local);
    for (let round = 0; round < 4; round++) {
      const challenges = await Promise.all(Array.from({ length: 4 }, () => challengeOf(local)));
      const code = shownBy(secret, local.clock.now());
      const codes = await atOnce((on, index) => complete(on, challenges[index % 4] ?? '', code));
      expect(count(codes, 'no refusal')).toBe(1);
      expect(await local.stored.count(LoginChallenge, { user: local.user.id, usedAt: { $ne: null } })).toBe(round + 1);
      await local.em.nativeDelete(LoginChallenge, { user: local.user.id, usedAt: null }, { filters: false });
      local.clock.turn(30);
    }
  }, 120_000);

  it('one uses a challenge, with different codes', async () => {
    await settle('one.challenge');
    const { codes: backup } = await enrol(local);
    const challenge = await challengeOf(local);
    const codes = await Promise.all(backup.slice(0, 8).map((code, index) => complete(node(index), challenge, code, BACKUP_CODE)));
    expect([count(codes, 'no refusal'), count(codes, 'BAD_CREDENTIALS')]).toEqual([1, 7]);
    expect(await local.stored.count(BackupCode, { user: local.user.id, usedAt: null })).toBe(9);
  }, 120_000);

  it('one uses a backup code, and its user is notified once', async () => {
    await settle('one.backup');
    const { codes: backup } = await enrol(local);
    local.mailed.length = 0;
    for (const [round, code] of backup.slice(0, 4).entries()) {
      const challenges = await Promise.all(Array.from({ length: 4 }, () => challengeOf(local)));
      const codes = await atOnce((on, index) => complete(on, challenges[index % 4] ?? '', code, BACKUP_CODE));
      expect(count(codes, 'no refusal')).toBe(1);
      expect(await local.stored.count(BackupCode, { user: local.user.id, usedAt: { $ne: null } })).toBe(round + 1);
      expect(await local.stored.count(AuditEvent, { actor: local.user.id, action: 'use_backup_code' })).toBe(round + 1);
      expect(local.mailed.filter((job) => 'alert' in job && job.alert === 'backup-code-used')).toHaveLength(round + 1);
      local.clock.turn(rules.loginLock);
    }
  }, 120_000);

  it('one confirms a second factor', async () => {
    for (let round = 0; round < 3; round++) {
      await settle(`one.confirms.${round}`);
      const viewer = await local.viewer((await local.login()).accessToken);
      if (viewer === null) throw new Error('Nobody is signed in');
      const { secret } = await local.sessions.beginTotp(viewer, client);
      const code = shownBy(secret, local.clock.now());
      const codes = await Promise.all(
        Array.from({ length: 8 }, (_, index) => codeOf(node(index).sessions.confirmTotp(viewer, code, client))),
      );
      expect([count(codes, 'no refusal'), count(codes, 'CONFLICT')]).toEqual([1, 7]);
      expect(await local.stored.count(BackupCode, { user: local.user.id })).toBe(10);
    }
  }, 120_000);

  it('the latest regenerated codes work, and no others', async () => {
    await settle('regenerating');
    const { secret } = await enrol(local);
    const viewer = await signIn(secret);
    const batches = await Promise.all([0, 1, 2, 3].map((index) => node(index).sessions.regenerateBackupCodes(viewer, client)));
    expect(await local.stored.count(BackupCode, { user: local.user.id })).toBe(10);
    const challenge = await challengeOf(local);
    const codes: unknown[] = [];
    for (const {
      codes: [code = ''],
    } of batches)
      codes.push(await complete(local, challenge, code, BACKUP_CODE));
    expect(count(codes, 'no refusal')).toBe(1);
  }, 120_000);

  it('new codes and used codes cause no deadlock', async () => {
    await settle('ring');
    await enrol(local);
    const { id: credentialId } = await local.stored.one(TotpCredential, { user: local.user.id });
    const holder = { userId: local.user.id, sessionId: null };
    const renew = (on: Local, round: number) =>
      on.scope.transaction(async (tx) => {
        await tx.em.execute('select id from totp_credentials where id = ? for update', [credentialId]);
        await replaceCodes(
          tx,
          holder.userId,
          [0, 1, 2, 3].map((index) => `${round} ${index} ${Math.random()}`),
        );
      });
    for (let round = 0; round < 40; round++) {
      const rights = await local.stored.find(BackupCode, { user: holder.userId, usedAt: null });
      const codes = await atOnce((on, index) => {
        const right = { credentialId, backupCodeId: rights[index % rights.length]?.id ?? '' };
        return codeOf(index % 8 === 0 ? renew(on, round) : on.scope.transaction((tx) => spendCode({ ...tx, client }, holder, right)));
      });
      expect(new Set(codes)).toEqual(new Set(['no refusal']));
    }
  }, 120_000);

  it('all sessions end once, although several were stolen', async () => {
    await settle('stolen');
    for (const each of several.nodes) each.rules = { ...rules, reuseEnds: 'user' };
    for (let round = 0; round < rounds; round++) {
      const stolen = await Promise.all(
        Array.from({ length: 4 }, async () => {
          const first = await local.login();
          const second = await local.refresh(first.refreshToken);
          await local.refresh(second.refreshToken);
          return first;
        }),
      );
      const codes = await atOnce((on, index) => codeOf(on.refresh(stolen[index % 4]?.refreshToken ?? '')));
      expect(new Set(codes)).toEqual(new Set(['UNAUTHENTICATED']));
      for (const { accessToken } of stolen) expect(await local.viewer(accessToken)).toBeNull();
    }
    expect(await local.stored.count(AuditEvent, { actor: local.user.id, action: 'refresh_reuse' })).toBe(rounds);
  }, 120_000);

  it('a sign-in that completes while all sessions end leaves no waiting transaction and no challenge', async () => {
    await settle('ending');
    const { secret } = await enrol(local);
    for (let round = 0; round < rounds; round++) {
      const viewer = await signIn(secret);
      local.clock.turn(30);
      const challenge = await challengeOf(local);
      const code = shownBy(secret, local.clock.now());
      const codes = await atOnce((on, index) =>
        index % 4 === 0 ? codeOf(on.sessions.logoutAll(viewer, client)) : complete(on, challenge, code),
      );
      expect(codes.filter((each) => each !== 'no refusal' && each !== 'BAD_CREDENTIALS')).toEqual([]);
      expect(await local.stored.count(LoginChallenge, { user: local.user.id, usedAt: null })).toBe(0);
      local.clock.turn(30);
    }
  }, 120_000);
});

describe('many concurrent guesses on two nodes', () => {
  it.each([1, 2, 3])(
    'try passwords as often as the lock allows, together (round %s)',
    async (round) => {
      await settle(`flood.${round}`);
      const codes = await atOnce((on) => codeOf(on.login({ password: 'wrong' })));
      expect(new Set(codes)).toEqual(new Set(['BAD_CREDENTIALS']));
      expect(several.held).toHaveLength(parallel);
      expect(several.held.filter((hash) => hash === local.user.passwordHash)).toHaveLength(rules.loginAttempts);
    },
    60_000,
  );

  it('reach the hasher as often as the limit of their address allows', async () => {
    await settle('address');
    for (const each of several.nodes) each.rules = { ...rules, limits: { ...rules.limits, 'sign-in': { turns: 20, seconds: 300 } } };
    const fromHere = { ...client, ipAddress: '198.51.100.9' };
    const codes = await atOnce((on, index) => codeOf(on.sessions.login({ identifier: `nobody${index}`, password }, fromHere)));
    expect([count(codes, 'BAD_CREDENTIALS'), count(codes, 'RATE_LIMITED')]).toEqual([20, parallel - 20]);
    expect(several.held).toHaveLength(20);
  }, 60_000);

  it('try codes as often as the limit allows, lock the second factor, and cause one notification', async () => {
    await settle('codes');
    const { secret } = await enrol(local);
    const limits = { ...rules.limits, 'second-factor': { turns: 10, seconds: 900 } };
    local.clock.turn(900);
    for (const each of several.nodes) each.rules = { ...rules, limits };
    const challenge = await challengeOf(local);
    const codes = await atOnce((on) => complete(on, challenge, wrongFor(secret, local.clock.now())));
    expect([count(codes, 'BAD_CREDENTIALS'), count(codes, 'RATE_LIMITED')]).toEqual([10, parallel - 10]);
    expect(await local.stored.one(TotpCredential, { user: local.user.id })).toMatchObject({ failedAttempts: 10 });
    local.mailed.length = 0;
    local.clock.turn(60);
    const cleaned = await atOnce((on) => cleanUp({ em: on.em, ...on.tools }));
    expect(cleaned.filter((round) => round !== null).length).toBeGreaterThan(0);
    expect(local.mailed.filter((job) => 'alert' in job && job.alert === 'account-locked' && job.userId === local.user.id)).toHaveLength(1);
    const events = await local.stored.find(AuditEvent, { targetId: local.user.id, action: 'complete_login' });
    expect(events.map(({ reason, count: times }) => [reason, times]).sort()).toEqual([
      ['rate_limited', parallel - 10],
      ['wrong_code', 10],
    ]);
  }, 60_000);

  it('try backup codes as often as the limit allows, and the others are not compared', async () => {
    await settle('backups');
    await enrol(local);
    local.clock.turn(900);
    for (const each of several.nodes) each.rules = { ...rules, limits: { ...rules.limits, 'second-factor': { turns: 10, seconds: 900 } } };
    const challenge = await challengeOf(local);
    const codes = await atOnce((on) => complete(on, challenge, 'AAAA-AAAA-AAAA-AAAA', BACKUP_CODE));
    expect([count(codes, 'BAD_CREDENTIALS'), count(codes, 'RATE_LIMITED')]).toEqual([10, parallel - 10]);
    expect(several.looked).toEqual(Array.from({ length: 10 }, () => 10));
  }, 60_000);

  it('in one session lock only that session', async () => {
    await settle('within');
    const viewer = await local.viewer((await local.login()).accessToken);
    if (viewer === null) throw new Error('Nobody is signed in');
    several.held.length = 0;
    await atOnce((on) => codeOf(on.sessions.reauthenticate(viewer, { password: 'wrong' }, client)));
    expect(several.held.filter((hash) => hash !== null)).toHaveLength(rules.loginAttempts);
    expect(await codeOf(local.sessions.reauthenticate(viewer, { password }, client))).toBe('BAD_CREDENTIALS');
    expect(await local.stored.one(User, { id: local.user.id })).toMatchObject({ failedLoginAttempts: 0, lockedUntil: null });
    expect(await codeOf(local.login())).toBe('no refusal');
  }, 60_000);
});
