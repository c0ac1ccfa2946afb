import { randomUUID } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { SqlEntityManager } from '@mikro-orm/postgresql';
import { readConfig } from '../src/config.ts';
import type { Database } from '../src/database/index.ts';
import { AuditOutcome } from '../src/entities/audit.ts';
import { operations } from '../src/permissions/index.ts';
import { countDenials, fileDenials, recordRefusal, type CountedDenial } from '../src/services/audit/denial.ts';
import { sealEvents } from '../src/services/audit/index.ts';
import { Keyring } from '../src/services/crypto/keyring.ts';
import type { SessionConfig } from '../src/config.ts';
import { addressOf, freshDatabase, openAgain } from './support/database.ts';

// Runs on a server with two concurrent nodes, and measures its tables and indexes.

/** The documented maximum of bytes that one refusal takes in the tables and indexes of the audit log. */
const bytesPerEvent = 2048;
/** The documented maximum number of different actions. */
const mostActions = 250;
const refusalsPerDay = 40;
const plenty = { turns: 1_000_000, seconds: 3600 };
const limits = new Proxy({}, { get: () => plenty }) as SessionConfig['limits'];
const keyring = Keyring.parse(Keyring.generate());
const clock = { at: new Date('2026-03-01T00:00:00.000Z') };
const tools = { keyring, rules: { limits, refusalsPerDay }, now: () => clock.at };

let database: Database;
let other: Database;
const [first, second] = [() => database, () => other].map((of) => () => of().orm.em.fork() as SqlEntityManager) as [
  () => SqlEntityManager,
  () => SqlEntityManager,
];
const rows = (text: string): Promise<readonly Record<string, unknown>[]> => database.run(text);
const value = async (text: string): Promise<number> => Number((await rows(text))[0]?.['value']);
let actorId: string;

beforeAll(async () => {
  database = await freshDatabase({ seeded: true, engine: 'postgresql' });
  const [row] = await database.run('select current_database() as name');
  other = await openAgain(addressOf(String(row?.['name'])));
  actorId = String((await rows('select id from users limit 1'))[0]?.['id']);
}, 120_000);
afterAll(async () => {
  await other?.close();
  await database?.close();
});

const denial = (action: string, ipAddress: string, facts: object = {}): CountedDenial => ({
  facts: { action, reason: 'unauthenticated', outcome: AuditOutcome.DENIED, ...facts },
  at: clock.at,
  client: { ipAddress, requestId: randomUUID() },
  count: 1,
});
const fileAll = async (): Promise<void> => {
  const file = (em: SqlEntityManager): Promise<number> =>
    em.transactional(async (transaction) => (await fileDenials({ ...tools, em: transaction }, 500)).length);
  for (;;) if (Math.max(...(await Promise.all([file(first()), file(second())]))) === 0) return;
};
const turn = (minutes: number): void => {
  clock.at = new Date(clock.at.valueOf() + minutes * 60_000);
};

describe('refusals in one day from many addresses', () => {
  const actions = ['secrets', 'settings', 'login'];
  const addresses = 60;

  beforeAll(async () => {
    for (let minute = 0; minute < 130; minute += 10) {
      for (const action of actions)
        await countDenials(
          { em: first() },
          Array.from({ length: addresses }, (_, n) => denial(action, `2001:db8:${n.toString(16)}::1`)),
        );
      turn(10);
      await fileAll();
    }
    turn(60);
    await fileAll();
  }, 120_000);

  it('become events up to the limit, and one more per operation and hour beyond it', async () => {
    expect(await value(`select count(*) as value from audit_events where reason = 'unauthenticated'`)).toBe(refusalsPerDay);
    const summaries = await rows(
      `select action, ip_address, actor_id, outcome, extract(hour from at)::int as hour from audit_events where reason = 'over_limit'
       order by hour, action`,
    );
    expect(summaries).toEqual(
      [0, 1, 2].flatMap((hour) =>
        [...actions].sort().map((action) => ({ action, ip_address: null, actor_id: null, outcome: 'denied', hour })),
      ),
    );
  });

  it('are all counted', async () => {
    expect(await value(`select sum(count) as value from audit_events where outcome = 'denied'`)).toBe(13 * actions.length * addresses);
    expect(await value('select count(*) as value from denials')).toBe(0);
  });

  it('leave room for those of signed-in callers, which have their own limit', async () => {
    await countDenials({ em: first() }, [denial('members', '203.0.113.1', { actorId })]);
    turn(1);
    await fileAll();
    expect(await value(`select count(*) as value from audit_events where action = 'members' and actor_id is not null`)).toBe(1);
  });

  it('leave room for those that target an account, which have their own limit', async () => {
    await countDenials({ em: first() }, [denial('login', '203.0.113.7', { reason: 'wrong_password', targetId: actorId })]);
    turn(1);
    await fileAll();
    expect(await value(`select count(*) as value from audit_events where reason = 'wrong_password' and target_id is not null`)).toBe(1);
  });

  it('never hide the lock of an account', async () => {
    const lock = { reason: 'users', targetId: actorId };
    await countDenials({ em: first() }, [denial('lock', '203.0.113.1', lock)]);
    turn(1);
    await fileAll();
    expect(await rows(`select reason, target_id from audit_events where action = 'lock'`)).toEqual([
      { reason: 'users', target_id: actorId },
    ]);
  });

  it('become events again on the next day', async () => {
    turn(24 * 60);
    await countDenials({ em: first() }, [denial('secrets', '203.0.113.9')]);
    turn(1);
    await fileAll();
    expect(await value(`select count(*) as value from audit_events where ip_address = '203.0.113.9' and action = 'secrets'`)).toBe(1);
  });
});

describe('single events', () => {
  it('are exactly as many as the daily limit allows, recorded by two nodes concurrently', async () => {
    turn(48 * 60);
    const facts = { action: 'revealSecret', reason: 'no_token', outcome: AuditOutcome.DENIED, actorId, sessionId: randomUUID() } as const;
    await Promise.all(
      Array.from({ length: refusalsPerDay * 2 }, (_, n) =>
        recordRefusal(
          { ...tools, em: n % 2 === 0 ? first() : second() },
          {
            facts,
            at: clock.at,
            client: { ipAddress: '203.0.113.1', requestId: `r${n}` },
            count: 1,
          },
        ),
      ),
    );
    expect(await value(`select count(*) as value from audit_events where action = 'revealSecret'`)).toBe(refusalsPerDay);
    expect(await value(`select sum(count) as value from denials where action = 'revealSecret'`)).toBe(refusalsPerDay);
  });

  it('stay within the limit of their user on every node', async () => {
    turn(48 * 60);
    const few = { ...tools, rules: { ...tools.rules, limits: { ...limits, refusal: { turns: 7, seconds: 3600 } } } };
    const facts = { action: 'storeSecret', reason: 'no_token', outcome: AuditOutcome.DENIED, actorId } as const;
    await Promise.all(
      Array.from({ length: 30 }, (_, n) =>
        recordRefusal(
          { ...few, em: n % 2 === 0 ? first() : second() },
          {
            facts: { ...facts, sessionId: randomUUID() },
            at: clock.at,
            client: { ipAddress: '203.0.113.1', requestId: `r${n}` },
            count: 1,
          },
        ),
      ),
    );
    expect(await value(`select count(*) as value from audit_events where action = 'storeSecret'`)).toBe(7);
    expect(await value(`select sum(count) as value from denials where action = 'storeSecret'`)).toBe(23);
  });
});

describe('the bytes per day', () => {
  it('stay below the documented number per event, with all indexes, for maximal columns', async () => {
    const size = `select sum(pg_total_relation_size(name::regclass)) as value
      from unnest(array['audit_events', 'audit_seals', 'audit_backlog']) as name`;
    const many = 4000;
    const before = await value(size);
    await database.run(
      `insert into audit_events (id, at, actor_id, session_id, ip_address, action, target_type, target_id, outcome, reason, request_id, count, mac)
       select gen_random_uuid(), now(), $1, gen_random_uuid(), repeat('f', 45), repeat('a', 92) || n::text, 'MemberEmployment',
         gen_random_uuid(), 'denied', repeat('r', 50), repeat('q', 92) || n::text, 1, repeat('m', 92) || n::text
       from generate_series(10000001, 10000000 + ${many}) as n`,
      [actorId],
    );
    while ((await sealEvents({ em: first(), keyring })) !== 0);
    const perEvent = ((await value(size)) - before) / many;
    expect(perEvent).toBeGreaterThan(500);
    expect(perEvent).toBeLessThanOrEqual(bytesPerEvent);
  }, 120_000);

  it('stay below the number on the operations page', () => {
    const names = new Set(Object.values(operations).flatMap((ofRoot) => Object.keys(ofRoot ?? {})));
    for (const domain of ['session', 'vault', 'setting'])
      for (const file of readdirSync(`src/services/${domain}`))
        for (const [, name] of readFileSync(`src/services/${domain}/${file}`, 'utf8').matchAll(/'([a-z]+(?:[._][a-z]+)+|login|refresh)'/g))
          names.add(name as string);
    expect(names.size).toBeGreaterThan(100);
    expect(names.size).toBeLessThanOrEqual(mostActions);
    const perDay = (3 * readConfig({}).sessions.refusalsPerDay + 24 * mostActions) * bytesPerEvent;
    const page = readFileSync('docs/operations.md', 'utf8');
    const [, actions, megabytes] = /at most (\d+) actions[\s\S]*?at most (\d+) MB/.exec(page) ?? [];
    expect(Number(actions)).toBe(mostActions);
    expect(Math.ceil(perDay / 1e6)).toBe(Number(megabytes));
  });
});
