import 'reflect-metadata';
import { randomBytes } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it, jest } from '@jest/globals';
import { MikroORM } from '@mikro-orm/postgresql';
import pg from 'pg';
import { ormOptions } from '../mikro-orm.config.ts';
import { AuditEvent } from '../src/entities/audit.ts';
import { sqlNow, systemClock } from '../src/entities/clock.ts';
import { Session } from '../src/entities/session.ts';
import { User } from '../src/entities/user.ts';
import { PasswordHasher } from '../src/services/crypto/hasher.ts';
import type { Keyring } from '../src/services/crypto/keyring.ts';
import { tryAttempt } from '../src/services/limit.ts';
import { type RunSql } from '../src/services/scope.ts';
import { authenticate, viewerSql } from '../src/services/session/authenticate.ts';
import { codeOf, cost, Local, rules } from './session.kit.ts';

// Runs on a server, because the embedded database has one connection and so no races.
const server = process.env['UNIONHALL_TEST_POSTGRES'];
if (!server) throw new Error('UNIONHALL_TEST_POSTGRES must name a PostgreSQL server on which databases may be created');

const name = `unionhall_race_${randomBytes(6).toString('hex')}`;
const parallel = 32;
const everythingButDate = [
  'hrtime',
  'nextTick',
  'performance',
  'queueMicrotask',
  'setImmediate',
  'clearImmediate',
  'setInterval',
  'clearInterval',
  'setTimeout',
  'clearTimeout',
] as const;
const wide = { concurrent: parallel, waiting: parallel };
let orm: MikroORM;
let pool: pg.Pool;
let runSql: RunSql;

const onServer = async (sql: string) => {
  const connection = new pg.Client({ connectionString: server });
  await connection.connect();
  try {
    await connection.query(sql);
  } finally {
    await connection.end();
  }
};
// through the pooler, if the test run has one
const urlOf = (database: string) =>
  Object.assign(new URL(process.env['UNIONHALL_TEST_POOLER'] ?? server), { pathname: `/${database}` }).href;
const at = <T>(count: number, work: (index: number) => Promise<T>) => Promise.all(Array.from({ length: count }, (_, index) => work(index)));

beforeAll(async () => {
  await onServer(`create database ${name}`);
  orm = await MikroORM.init({ ...ormOptions, clientUrl: urlOf(name), pool: { min: 0, max: parallel } });
  await orm.schema.create();
  pool = new pg.Pool({ connectionString: urlOf(name), max: 4 });
  pool.on('error', () => {}); // dropping the database can end a connection that is about to close
  runSql = async (text, params) => (await pool.query<Record<string, unknown>>(text, [...params])).rows;
}, 60_000);

afterAll(async () => {
  await pool?.end();
  await orm?.close();
  await onServer(`drop database if exists ${name} with (force)`);
});

/** Hashes without a queue, and counts the verifications of each stored hash. */
class Counting extends PasswordHasher {
  readonly held: (string | null)[] = [];

  constructor(keyring: Keyring) {
    super(keyring, cost, wide);
  }

  override async verify(text: string, choose: () => Promise<string | null>) {
    return super.verify(text, async () => {
      const stored = await choose();
      this.held.push(stored);
      return stored;
    });
  }
}

const counting = async (username: string) => {
  const hashers = new Map<Keyring, Counting>();
  const hasher = (keyring: Keyring) => hashers.get(keyring) ?? hashers.set(keyring, new Counting(keyring)).get(keyring)!;
  const local = await new Local(orm, runSql, hasher).settle(username);
  return { local, held: () => hasher(local.keyring).held };
};

describe('one refresh token in many concurrent requests', () => {
  it('rotates once, and all get the same successor, in every round', async () => {
    const local = await new Local(orm, runSql).settle('tabs');
    let { refreshToken, sessionId } = await local.login();
    for (let round = 0; round < 30; round++) {
      const answers = await at(parallel, () => local.refresh(refreshToken));
      expect(new Set(answers.map((answer) => answer.refreshToken)).size).toBe(1);
      expect(await local.stored.one(Session, { id: sessionId })).toMatchObject({ refreshCounter: round + 2, endedAt: null });
      refreshToken = answers[0]?.refreshToken ?? null;
    }
    expect(await local.stored.count(AuditEvent, { actor: local.user.id })).toBe(1);
  }, 120_000);

  it('has only one successor without a grace period', async () => {
    const local = await new Local(orm, runSql).settle('graceless');
    local.rules = { ...rules, refreshGrace: 0, refreshRetry: 0 };
    for (let round = 0; round < 10; round++) {
      const { refreshToken, sessionId } = await local.login();
      const codes = await at(parallel, () => codeOf(local.refresh(refreshToken)));
      expect(codes.filter((code) => code === 'no refusal')).toHaveLength(1);
      expect(await local.stored.one(Session, { id: sessionId })).toMatchObject({ refreshCounter: 2, endReason: 'reuse' });
      expect(await local.stored.count(AuditEvent, { sessionId, action: 'refresh_reuse' })).toBe(1);
    }
  }, 120_000);

  it('is stopped by a theft that is found concurrently', async () => {
    const local = await new Local(orm, runSql).settle('thief');
    for (let round = 0; round < 10; round++) {
      const first = await local.login();
      const second = await local.refresh(first.refreshToken);
      const third = await local.refresh(second.refreshToken);
      await at(parallel, (index) => codeOf(local.refresh(index % 2 === 0 ? first.refreshToken : third.refreshToken)));
      expect(await local.stored.one(Session, { id: first.sessionId })).toMatchObject({ endReason: 'reuse' });
      expect(await local.viewer(third.accessToken)).toBeNull();
      expect(await local.stored.count(AuditEvent, { sessionId: first.sessionId, action: 'refresh_reuse' })).toBe(1);
    }
  }, 120_000);
});

describe('the first use of a refreshed token', () => {
  it('is recorded once by many concurrent nodes, and signs out no client that retries meanwhile', async () => {
    const local = await new Local(orm, runSql).settle('first.use');
    for (let round = 0; round < 20; round++) {
      const first = await local.login();
      const second = await local.refresh(first.refreshToken);
      const noted: unknown[] = [];
      const hear: RunSql = async (text, params) => {
        const { rows, rowCount } = await pool.query<Record<string, unknown>>(text, [...params]);
        if (text.startsWith('update')) noted.push(rowCount);
        return rows;
      };
      const { tools } = local;
      const answers = await at<object | null>(parallel, (index) =>
        index % 2 === 0 ? local.refresh(first.refreshToken) : authenticate(second.accessToken, hear, tools, hear),
      );
      expect(answers).not.toContain(null);
      // at the latest when no transaction locks the session any more
      await authenticate(second.accessToken, hear, tools, hear);
      expect(noted.filter((count) => count === 1)).toHaveLength(1);
      const stored = await local.stored.one(Session, { id: first.sessionId });
      expect(stored).toMatchObject({ refreshCounter: 2, endedAt: null, firstUsedAt: local.clock.now() });
    }
  }, 60_000);

  it('does not wait for a locked session, and is recorded at the next use', async () => {
    const local = await new Local(orm, runSql).settle('first.held');
    const { refreshToken, sessionId } = await local.login();
    const { accessToken } = await local.refresh(refreshToken);
    const holder = await pool.connect();
    try {
      await holder.query('begin');
      await holder.query('select from sessions where id = $1 for update', [sessionId]);
      expect(await local.viewer(accessToken)).not.toBeNull();
      await holder.query('rollback');
    } finally {
      holder.release(true);
    }
    expect(await local.stored.one(Session, { id: sessionId })).toMatchObject({ firstUsedAt: null });
    expect(await local.viewer(accessToken)).not.toBeNull();
    expect(await local.stored.one(Session, { id: sessionId })).toMatchObject({ firstUsedAt: local.clock.now() });
  });

  it('keeps three tabs of one session signed in for an hour', async () => {
    const local = await new Local(orm, runSql).settle('three.tabs');
    const { refreshToken, accessToken, sessionId } = await local.login();
    const tabs = Array.from({ length: 3 }, () => ({ refreshToken, accessToken }));
    // Each tab keeps its own access token, and the browser keeps the latest refresh token in a cookie.
    let cookie = refreshToken;
    for (let minute = 0; minute <= 60; minute += 5) {
      const sent = cookie;
      await at(tabs.length, async (index) => {
        const answer = await local.refresh(sent);
        cookie = answer.refreshToken;
        tabs[index] = answer;
        expect(await local.viewer(answer.accessToken)).not.toBeNull();
      });
      expect(new Set(tabs.map((tab) => tab.refreshToken)).size).toBe(1);
      local.clock.turn(300);
    }
    expect(await local.stored.one(Session, { id: sessionId })).toMatchObject({ refreshCounter: 14, endedAt: null });
    expect(local.mailed).toEqual([]);
  }, 60_000);
});

describe('nodes with different clocks', () => {
  // The clock of the process stands for that of a node, while the database's continues.
  const at = new Date();
  const onNode = async <T>(secondsAhead: number, work: () => Promise<T>): Promise<T> => {
    jest.useFakeTimers({ now: Date.now() + secondsAhead * 1000, doNotFake: [...everythingButDate] });
    try {
      return await work();
    } finally {
      jest.useRealTimers();
    }
  };
  /** Without an injected clock, statements use the database's. */
  const settled = async (username: string) => {
    const local = new Local(orm, runSql);
    Object.defineProperty(local, 'clock', { value: { now: systemClock } });
    return local.settle(username);
  };

  it('do not treat a retry as a theft, or accept an expired session', async () => {
    const local = await settled('ahead');
    const first = await local.login();
    const second = await local.refresh(first.refreshToken);
    expect(await local.viewer(second.accessToken)).not.toBeNull();
    for (const seconds of [12, -12, 25])
      expect((await onNode(seconds, () => local.refresh(first.refreshToken))).refreshToken).toBe(second.refreshToken);
    const idle = rules.idleAge + 1;
    expect(await onNode(idle, () => codeOf(local.refresh(second.refreshToken)))).toBe('no refusal');
  });

  it('keep a lock for its duration, not for as long as a clock was wrong', async () => {
    const local = await settled('clock.lock');
    await onNode(7200, async () => {
      for (let time = 0; time < rules.loginAttempts; time++) await codeOf(local.login({ password: 'wrong' }));
    });
    const { lockedUntil } = await local.stored.one(User, { id: local.user.id });
    expect(Math.abs((lockedUntil?.valueOf() ?? 0) - at.valueOf() - rules.loginLock * 1000)).toBeLessThan(600_000);
  });

  it('take turns by one clock, also if a node’s clock jumped and returned', async () => {
    const local = await settled('clock.limit');
    local.rules = { ...rules, limits: { ...rules.limits, 'second-factor': { turns: 2, seconds: 900 } } };
    const { scope } = local;
    await onNode(7200, async () => {
      for (let time = 0; time < 2; time++) expect(await tryAttempt(scope, 'second-factor', 'who jumps')).toBe(0);
    });
    const wait = await tryAttempt(scope, 'second-factor', 'who jumps');
    expect([wait > 0, wait <= 900]).toEqual([true, true]);
    expect(await onNode(7200, () => tryAttempt(scope, 'second-factor', 'who jumps'))).toBeGreaterThan(0);
    expect(await onNode(-7200, () => tryAttempt(scope, 'second-factor', 'who jumps'))).toBeLessThanOrEqual(900);
  });

  it('use no instants of their own in statements', async () => {
    const texts = [sqlNow({ now: systemClock }), viewerSql({ now: systemClock }, 600)];
    for (const text of texts) expect([text, /timestamptz/.test(text), text.includes('now()')]).toEqual([text, false, true]);
  });
});

describe('many concurrent guesses', () => {
  it.each([1, 2, 3])(
    'reach the hasher as often as the limit allows, and lock (round %s)',
    async (round) => {
      const { local, held } = await counting(`flood.${round}`);
      const codes = await at(parallel, () => codeOf(local.login({ password: 'wrong' })));
      expect(new Set(codes)).toEqual(new Set(['BAD_CREDENTIALS']));
      expect(held()).toHaveLength(parallel);
      expect(held().filter((stored) => stored === local.user.passwordHash)).toHaveLength(rules.loginAttempts);
      expect(await codeOf(local.login())).toBe('BAD_CREDENTIALS');
      local.clock.turn(rules.loginLock);
      expect(await codeOf(local.login())).toBe('no refusal');
    },
    60_000,
  );

  it('reach it no more often when the lock has just expired', async () => {
    const { local, held } = await counting('lapsed');
    await at(parallel, () => codeOf(local.login({ password: 'wrong' })));
    local.clock.turn(rules.loginLock);
    held().length = 0;
    await at(parallel, () => codeOf(local.login({ password: 'wrong' })));
    expect(held().filter((stored) => stored !== null)).toHaveLength(rules.loginAttempts);
    expect(await codeOf(local.login())).toBe('BAD_CREDENTIALS');
  }, 60_000);

  it('count for their device, and do not lock the user', async () => {
    const { local, held } = await counting('device');
    const { deviceToken } = await local.login();
    held().length = 0;
    await at(parallel, () => codeOf(local.login({ password: 'wrong', deviceToken })));
    expect(held().filter((stored) => stored !== null)).toHaveLength(rules.loginAttempts);
    expect(await codeOf(local.login({ deviceToken }))).toBe('BAD_CREDENTIALS');
    expect(await codeOf(local.login())).toBe('no refusal');
  }, 60_000);
});

describe('many concurrent correct passwords', () => {
  it('all sign in below the limit, although each renews the hash', async () => {
    const { local } = await counting('renewed');
    const costly = new PasswordHasher(local.keyring, { memory: 20_000, time: 2 }, wide);
    const raising = Object.assign(new Local(orm, runSql, () => costly), { keyring: local.keyring, user: local.user });
    const codes = await at(rules.loginAttempts, () => codeOf(raising.login()));
    expect(new Set(codes)).toEqual(new Set(['no refusal']));
    const user = await local.stored.one(User, { id: local.user.id });
    expect(user).toMatchObject({ failedLoginAttempts: 0, lockedUntil: null });
    expect(user.passwordHash).toContain('m=20000');
  }, 60_000);
});

it('do not change the durability of other statements', async () => {
  const { local } = await counting('durable');
  await at(parallel, () => codeOf(local.login({ password: 'wrong' })));
  const shown = await at(parallel, () => local.em.execute<{ synchronous_commit: string }[]>('show synchronous_commit'));
  expect(new Set(shown.map(([row]) => row?.synchronous_commit))).toEqual(new Set(['on']));
}, 60_000);
