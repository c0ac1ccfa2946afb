import 'reflect-metadata';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import type { MikroORM } from '@mikro-orm/postgresql';
import { AuditEvent, AuditOutcome } from '../src/entities/audit.ts';
import { OneTimeToken } from '../src/entities/account.ts';
import { TotpCredential } from '../src/entities/credential.ts';
import { LoginChallenge } from '../src/entities/session.ts';
import { IdempotencyKey } from '../src/entities/idempotency.ts';
import { RateLimit } from '../src/entities/limit.ts';
import { Role, RoleName, UserRole } from '../src/entities/role.ts';
import { TokenType } from '../src/entities/account.ts';
import { Device, Session } from '../src/entities/session.ts';
import { User } from '../src/entities/user.ts';
import { recordDenial } from '../src/services/audit/denial.ts';
import { takeAttempt } from '../src/services/limit.ts';
import { type RunSql } from '../src/services/scope.ts';
import { cleanUp } from '../src/services/session/cleanup.ts';
import { startCleanup } from '../src/process/periodic.ts';
import { severalNodes, type Nodes } from './factor.kit.ts';
import { client, embedded, Local, rules } from './session.kit.ts';

const day = 86_400;
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

const clean = () => cleanUp({ em: local.em, ...local.tools });
const later = (seconds: number) => new Date(local.clock.now().valueOf() + seconds * 1000);
const store = async (make: (user: TotpCredential['user']) => object) => {
  const { em } = local;
  await em.persist(make(em.getReference(User, local.user.id, { wrapped: true }))).flush();
};

/** Checks that data of the user exists just before an instant, and is deleted at it. */
async function lastsUntil(
  entity: typeof Session | typeof OneTimeToken | typeof LoginChallenge | typeof TotpCredential | typeof Device,
  seconds: number,
) {
  const count = () => local.stored.count<{ user: unknown }>(entity, { user: local.user.id });
  local.clock.turn(seconds - 1);
  await clean();
  expect(await count()).toBe(1);
  local.clock.turn(1);
  await clean();
  expect(await count()).toBe(0);
}

describe('a cleanup deletes', () => {
  it('mailed tokens one day after they expire', async () => {
    const facts = { type: TokenType.PASSWORD_RESET as const, tokenHash: `t${settled}`, sentTo: 'x@local.test', expiresAt: later(60) };
    await store((user) => new OneTimeToken({ ...facts, user }));
    await lastsUntil(OneTimeToken, 60 + day);
  });

  it('challenges one day after they expire', async () => {
    const facts = { tokenHash: `c${settled}`, device: null, deviceName: null, wantsCookie: false, expiresAt: later(300) };
    await store((user) => new LoginChallenge({ ...facts, user }));
    await lastsUntil(LoginChallenge, 300 + day);
  });

  it('sessions thirty days after their idle end, however they ended', async () => {
    await local.login();
    await lastsUntil(Session, rules.idleAge + 30 * day);
  });

  it('no active session', async () => {
    const { refreshToken, sessionId } = await local.login();
    local.clock.turn(6 * day);
    await local.refresh(refreshToken);
    local.clock.turn(31 * day);
    await clean();
    expect(await local.stored.count(Session, { id: sessionId })).toBe(1);
  });

  it('devices without a sign-in for longer than their cookie lasts', async () => {
    await local.login();
    await lastsUntil(Device, 400 * day);
  });

  it('unconfirmed second factors, but no confirmed one', async () => {
    await store((user) => Object.assign(new TotpCredential({ user, sealedSeed: 'sealed' }), { updatedAt: local.clock.now() }));
    await lastsUntil(TotpCredential, day);
    const confirmed = { updatedAt: local.clock.now(), confirmedAt: local.clock.now() };
    await store((user) => Object.assign(new TotpCredential({ user, sealedSeed: 'sealed' }), confirmed));
    local.clock.turn(400 * day);
    await clean();
    expect(await local.stored.count(TotpCredential, { user: local.user.id })).toBe(1);
  });

  it('rate limits when none of their turns counts', async () => {
    await clean();
    await takeAttempt(local.scope, 'register', 'somebody');
    local.clock.turn(rules.limits.register.seconds - 1);
    await clean();
    expect(await local.stored.count(RateLimit, {})).toBeGreaterThan(0);
    local.clock.turn(1);
    expect((await clean())?.limits).toBeGreaterThan(0);
    expect(await local.stored.count(RateLimit, {})).toBe(0);
  });

  it('idempotency keys when they have expired', async () => {
    const facts = { key: `k${settled}`, digest: 'k1.code', expiresAt: later(60) };
    await store(() => new IdempotencyKey(facts));
    local.clock.turn(59);
    await clean();
    expect(await local.stored.count(IdempotencyKey, {})).toBe(1);
    local.clock.turn(1);
    expect((await clean())?.retries).toBe(1);
    expect(await local.stored.count(IdempotencyKey, {})).toBe(0);
  });

  it('role assignments thirty days after they expired, with an audit event', async () => {
    const { em } = local;
    const roles = [RoleName.OFFICER, RoleName.STAFF].map(
      (basedOn) => new Role({ name: `${basedOn}.${settled}`, displayName: basedOn, isSystemRole: false, basedOn }),
    );
    const user = em.getReference(User, local.user.id, { wrapped: true });
    for (const [index, role] of roles.entries()) {
      em.persist(role);
      const held = { assignedAt: local.clock.now(), expiresAt: index === 0 ? later(60) : null };
      em.persist(new UserRole({ user, role: em.getReference(Role, role.id, { wrapped: true }), ...held }));
    }
    await em.flush();
    local.clock.turn(60 + 30 * day - 1);
    expect((await clean())?.roles).toBe(0);
    local.clock.turn(1);
    expect((await clean())?.roles).toBe(1);
    expect(await local.stored.count(UserRole, { user: local.user.id })).toBe(1);
    const [event, ...others] = await local.stored.find(AuditEvent, { targetId: local.user.id, action: 'remove_expired_role' });
    expect(others).toEqual([]);
    expect(event).toMatchObject({ actor: null, outcome: 'succeeded', targetType: 'User' });
  });
});

describe('on several nodes', () => {
  let several: Nodes;
  beforeAll(async () => {
    several = await severalNodes(2, 8);
  }, 60_000);
  afterAll(async () => several.close());

  it('stores each refusal once, on whichever node, and never those of the current minute', async () => {
    const [first] = several.nodes;
    if (!first) throw new Error('no node');
    first.clock.turn(60 - ((first.clock.now().valueOf() / 1000) % 60));
    for (let round = 0; round < 10; round++) {
      const denial = { action: `round ${round}`, reason: 'unknown', outcome: AuditOutcome.FAILED } as const;
      const denying = several.nodes.flatMap((node) => Array.from({ length: 8 }, () => recordDenial({ ...node.scope, client }, denial)));
      const cleaning = several.nodes.flatMap((node) => Array.from({ length: 4 }, () => cleanUp({ em: node.em, ...node.tools })));
      await Promise.all([...denying, ...cleaning]);
      expect(await first.stored.count(AuditEvent, { action: denial.action })).toBe(0);
      first.clock.turn(60);
      await Promise.all(several.nodes.flatMap((node) => Array.from({ length: 4 }, () => cleanUp({ em: node.em, ...node.tools }))));
      await cleanUp({ em: first.em, ...first.tools });
      expect((await first.stored.find(AuditEvent, { action: denial.action })).map(({ count }) => count)).toEqual([16]);
    }
    expect(await first.row('select count(*)::int as count from denials')).toEqual({ count: 0 });
  }, 60_000);

  it('skips a cleanup that another node is doing', async () => {
    const [first, second] = several.nodes;
    if (!first || !second) throw new Error('no nodes');
    await first.em.transactional(async (em) => {
      await em.execute('select pg_try_advisory_xact_lock(7201183402)');
      expect(await cleanUp({ em: second.em, ...second.tools })).toBeNull();
    });
    expect(await cleanUp({ em: second.em, ...second.tools })).not.toBeNull();
  });
});

describe('periodic cleanup', () => {
  /** A replacement for waiting: records each wait, which ends when the test says so. */
  const waiting = () => {
    const waits: number[] = [];
    let go = (): void => {};
    const wait = (milliseconds: number, signal: AbortSignal): Promise<void> => {
      waits.push(milliseconds);
      return new Promise((resolve) => {
        go = resolve;
        signal.addEventListener('abort', () => resolve());
      });
    };
    const turn = async (): Promise<void> => {
      const before = waits.length;
      go();
      while (waits.length === before) await new Promise(setImmediate);
    };
    return { waits, wait, turn };
  };

  it('repeats at different times on different nodes, also after a failure, until it is stopped', async () => {
    const { waits, wait, turn } = waiting();
    const warnings: string[] = [];
    const chances = [0, 1, 0.5, 0.5];
    let fails = true;
    const tools = {
      ...local.tools,
      now: () => {
        if (fails) throw new Error('the clock stands still');
        return local.clock.now();
      },
    };
    await recordDenial({ ...local.scope, client }, { action: 'rounds', reason: 'unknown', outcome: AuditOutcome.FAILED });
    local.clock.turn(60);
    const cleanup = startCleanup({
      scope: { em: local.em, ...tools },
      every: 100,
      warn: (message) => warnings.push(message),
      wait,
      chance: () => chances.shift() ?? 0.5,
    });
    await turn();
    expect(warnings).toEqual(['Cleanup failed: the clock stands still']);
    expect(await local.stored.count(AuditEvent, { action: 'rounds' })).toBe(0);
    fails = false;
    await turn();
    expect(await local.stored.count(AuditEvent, { action: 'rounds' })).toBe(1);
    expect(waits).toEqual([80_000, 120_000, 100_000]);
    await cleanup.stop();
    expect(waits).toHaveLength(3);
    expect(warnings).toHaveLength(1);
  });

  it('stops at once while it waits', async () => {
    const cleanup = startCleanup({ scope: { em: local.em, ...local.tools }, every: 86_400, warn: () => {} });
    await cleanup.stop();
  });
});

it('stores a backlog of refusals in batches of a thousand, and a later failure keeps earlier ones', async () => {
  await clean();
  await runSql(
    `insert into denials (action, reason, key, minute, outcome, at, target_id, request_id, count)
     select 'lock', 'users', n, 0, 'denied', $1, $2, 'test', 1 from generate_series(1, 2500) n`,
    [local.clock.now().toISOString(), local.user.id],
  );
  const { mail } = local.tools;
  let told = 0;
  const failing = { enqueue: () => (++told === 1200 ? Promise.reject(new Error('full')) : Promise.resolve()) } as unknown as typeof mail;
  await expect(cleanUp({ em: local.em, ...local.tools, mail: failing })).rejects.toThrow('full');
  const filed = () => local.stored.count(AuditEvent, { action: 'lock', targetId: local.user.id });
  const left = async () => Number(((await runSql('select count(*) from denials where minute = 0', [])) as { count: string }[])[0]?.count);
  expect([await filed(), await left()]).toEqual([1000, 1500]);
  expect((await cleanUp({ em: local.em, ...local.tools, mail: failing }))?.denials).toBe(1500);
  expect([await filed(), await left()]).toEqual([2500, 0]);
});

it('stores no further batch after a stop', async () => {
  await clean();
  await runSql(
    `insert into denials (action, reason, key, minute, outcome, at, request_id, count)
     select 'stopped', 'unknown', n, 0, 'denied', $1, 'test', 1 from generate_series(1, 1001) n`,
    [local.clock.now().toISOString()],
  );
  expect(await cleanUp({ em: local.em, ...local.tools }, AbortSignal.abort())).toBeNull();
  expect(await local.stored.count(AuditEvent, { action: 'stopped' })).toBe(1000);
  expect((await clean())?.denials).toBe(1);
});

it('keeps a refusal until its minute is over', async () => {
  await recordDenial({ ...local.scope, client }, { action: 'kept', reason: 'unknown', outcome: AuditOutcome.FAILED });
  await clean();
  const [row] = (await runSql('select count from denials where action = $1', ['kept'])) as { count: number }[];
  expect(row?.count).toBe(1);
});
