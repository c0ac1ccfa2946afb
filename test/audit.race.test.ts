import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { MikroORM, type SqlEntityManager } from '@mikro-orm/postgresql';
import pg from 'pg';
import { ormOptions } from '../mikro-orm.config.ts';
import { migrate, openDatabase, type Database } from '../src/database/index.ts';
import { AuditEvent, AuditOutcome } from '../src/entities/audit.ts';
import { recordDenial } from '../src/services/audit/denial.ts';
import { recordAudit } from '../src/services/audit/event.ts';
import { sealEvents, formatHead, verifyAudit } from '../src/services/audit/index.ts';
import { startSealing } from '../src/process/periodic.ts';
import { Keyring } from '../src/services/crypto/keyring.ts';
import { serverDatabase } from './support/database.ts';

// Runs on a server, because the embedded database has one connection and so no races.

const writers = 16;
const total = 10_000;
const keyring = Keyring.parse(Keyring.generate());

let place: Awaited<ReturnType<typeof serverDatabase>>;
let orm: MikroORM;
let database: Database;

beforeAll(async () => {
  place = await serverDatabase();
  database = await openDatabase({ databaseUrl: place.url, databasePoolSize: 4, dataDirectory: '' });
  await migrate(database);
  orm = await MikroORM.init({ ...ormOptions, clientUrl: place.url, pool: { min: 0, max: writers + 4 } });
}, 60_000);
afterAll(async () => {
  await orm?.close();
  await database?.close();
  await place?.drop();
});

const fork = (): SqlEntityManager => orm.em.fork();

function record(em: SqlEntityManager, action: string): void {
  const origin = { actor: null, sessionId: null, ipAddress: null, requestId: 'race' };
  recordAudit(
    { em, keyring },
    {
      at: new Date(),
      action,
      targetType: null,
      targetId: null,
      outcome: AuditOutcome.SUCCEEDED,
      count: 1,
      ...origin,
    },
  );
}

/** Writes this many events with one to five per transaction. Every fifth transaction is rolled back. */
async function write(name: string, count: number): Promise<void> {
  for (let [written, round] = [0, 0]; written < count; round += 1) {
    const size = Math.min(1 + (round % 5), count - written);
    const isKept = round % 5 !== 4;
    await fork()
      .transactional(async (em) => {
        for (let n = 0; n < size; n += 1) record(em, `${name}.${isKept ? written + n : 'lost'}`);
        await em.flush();
        if (!isKept) throw new Error('taken back');
      })
      .catch((error: Error) => {
        if (isKept) throw error;
      });
    if (isKept) written += size;
  }
}

const count = async (text: string): Promise<number> => (await database.run(text))[0]?.['count'] as number;
const sealAll = async (): Promise<void> => {
  while ((await sealEvents({ em: fork(), keyring })) !== 0);
};
const whole = () => verifyAudit(database.run, keyring);

/** Checks that each event has one seal, none waits, and the chain has no gap. */
async function isWhole(events: number): Promise<void> {
  expect(await whole()).toMatchObject({ head: { sequence: events }, unsealed: 0, fault: null });
  expect(await count('select count(*) from audit_events')).toBe(events);
  expect(await count('select count(distinct event_id) from audit_seals join audit_events e on e.id = event_id')).toBe(events);
  expect(await count('select count(*) from audit_backlog')).toBe(0);
}

describe('ten thousand events by sixteen writers', () => {
  it('are sealed once into one chain while they are written, without blocking readers', async () => {
    const warnings: string[] = [];
    const soon = (_: number, signal: AbortSignal) => new Promise<void>((resolve) => (signal.aborted ? resolve() : setImmediate(resolve)));
    const parts = { em: orm.em as SqlEntityManager, keyring, every: 1, warn: (message: string) => warnings.push(message), wait: soon };
    const sealers = [startSealing(parts), startSealing({ ...parts, batch: 37 })];
    let isWriting = true;
    const seen: { sealed: number; isRight: boolean }[] = [];
    const reading = (async () => {
      while (isWriting) {
        // a request that waited for a lock would get no answer
        const [row] = await database.run(`select count(*) as sealed, max(sequence) as last from audit_seals`);
        await database.run(`select set_config('lock_timeout', '1', true), id from audit_events order by at desc, id desc limit 20`);
        seen.push({ sealed: row?.['sealed'] as number, isRight: (row?.['last'] ?? 0) === row?.['sealed'] });
      }
    })();
    await Promise.all(Array.from({ length: writers }, (_, n) => write(`w${n}`, total / writers)));
    isWriting = false;
    await reading;
    await Promise.all(sealers.map((sealer) => sealer.stop()));
    const during = await count('select count(*) from audit_seals');
    await sealAll();
    expect(warnings).toEqual([]);
    expect(during).toBeGreaterThan(total / 2); // it continued beside the writers
    expect(seen.length).toBeGreaterThan(10);
    expect(seen.filter(({ isRight }) => !isRight)).toEqual([]);
    expect(await count(`select count(*) from audit_events where action like '%lost'`)).toBe(0);
    for (let n = 0; n < writers; n += 1)
      expect(await count(`select count(distinct action) from audit_events where action like 'w${n}.%'`)).toBe(total / writers);
    await isWhole(total);
  }, 300_000);

  it('are sealed by one of two concurrent sealers', async () => {
    const before = await count('select count(*) from audit_events');
    await Promise.all(Array.from({ length: 4 }, (_, n) => write(`both${n}`, 250)));
    const answers = await Promise.all(Array.from({ length: 8 }, () => sealEvents({ em: fork(), keyring }, 100)));
    expect(answers.filter((sealed) => sealed !== null).length).toBeGreaterThan(0);
    const sealed = answers.reduce<number>((sum, each) => sum + (each ?? 0), 0);
    expect(await count('select count(*) from audit_seals')).toBe(before + sealed);
    const client = new pg.Client({ connectionString: place.url });
    await client.connect();
    await client.query('begin');
    await client.query('select pg_advisory_xact_lock(7201183403)');
    expect(await sealEvents({ em: fork(), keyring })).toBeNull();
    await client.query('rollback');
    await client.end();
    await sealAll();
    await isWhole(before + 1000);
  }, 60_000);
});

describe('an open transaction', () => {
  it('blocks nobody, and its events are sealed after its end, behind newer ones', async () => {
    const before = await count('select count(*) from audit_seals');
    let commit = (): void => {};
    const open = fork().transactional(async (em) => {
      record(em, 'late');
      await em.flush();
      await new Promise<void>((resolve) => (commit = resolve));
    });
    while (
      (await count(`select count(*) from pg_stat_activity where datname = current_database() and state = 'idle in transaction'`)) === 0
    );
    await write('younger', 20);
    await sealAll();
    expect(await count('select count(*) from audit_seals')).toBe(before + 20);
    commit();
    await open;
    expect(await whole()).toMatchObject({ unsealed: 1, fault: null });
    await sealAll();
    const [last] = await database.run(
      'select action from audit_seals join audit_events e on e.id = event_id order by sequence desc limit 1',
    );
    expect(last?.['action']).toBe('late');
    await isWhole(before + 21);
  });
});

describe('a sealer that is killed', () => {
  it('between or within batches leaves a chain that continues', async () => {
    const before = await count('select count(*) from audit_seals');
    await write('dying', 300);
    expect(await sealEvents({ em: fork(), keyring }, 100)).toBe(100);
    // its connection is closed in the middle, which releases the lock and undoes the batch
    const dying = new pg.Client({ connectionString: place.url });
    const isCut = new Promise((resolve) => dying.on('error', resolve));
    await dying.connect();
    await dying.query('begin');
    const { rows } = await dying.query<{ pid: number }>('select pg_backend_pid() as pid, pg_advisory_xact_lock(7201183403)');
    await dying.query(
      `insert into audit_seals (sequence, event_id, kid, hash) select ${before + 101}, event_id, 'k', 'half' from audit_backlog limit 1`,
    );
    expect(await sealEvents({ em: fork(), keyring }, 100)).toBeNull();
    await database.run('select pg_terminate_backend($1, 10000)', [rows[0]?.pid]);
    await isCut;
    expect(await count('select count(*) from audit_seals')).toBe(before + 100);
    await sealAll();
    await isWhole(before + 300);
  });
});

describe('a dumped and restored log', () => {
  it('verifies, and is sealed further', async () => {
    await write('dumped', 5);
    const { head } = await whole();
    const other = await serverDatabase();
    const restored = await openDatabase({ databaseUrl: other.url, databasePoolSize: 2, dataDirectory: '' });
    try {
      await migrate(restored);
      // as pg_restore does: rows first, then triggers
      await restored.run('alter table audit_events disable trigger user');
      for (const table of ['audit_events', 'audit_seals', 'audit_backlog']) {
        const [row] = await database.run(`select coalesce(json_agg(t), '[]')::text as rows from ${table} t`);
        await restored.run(`insert into ${table} select * from json_populate_recordset(null::${table}, $1::json)`, [row?.['rows']]);
      }
      await restored.run('alter table audit_events enable trigger user');
      const em = restored.orm.em.fork() as SqlEntityManager;
      expect(await verifyAudit(restored.run, keyring, { kept: head })).toMatchObject({ head, unsealed: 5, fault: null });
      expect(await sealEvents({ em, keyring })).toBe(5);
      const after = await verifyAudit(restored.run, keyring, { kept: head });
      expect(after).toMatchObject({ head: { sequence: head.sequence + 5 }, unsealed: 0, fault: null });
      expect(formatHead(after.head)).not.toBe(formatHead(head));
    } finally {
      await restored.close();
      await other.drop();
    }
  }, 60_000);
});

describe('refusals', () => {
  it('are counted correctly under concurrency', async () => {
    const client = { ipAddress: '192.0.2.9', userAgent: null, requestId: 'r' };
    const denial = { action: 'raced', reason: 'forbidden', outcome: AuditOutcome.DENIED } as const;
    const at = new Date('2026-03-01T12:00:00.000Z');
    await Promise.all(Array.from({ length: 200 }, () => recordDenial({ em: fork(), now: () => at, client }, denial)));
    expect(await database.run(`select count, key from denials where action = 'raced'`)).toEqual([{ count: 200, key: '192.0.2.9' }]);
    expect(await fork().count(AuditEvent, { action: 'raced' }, { filters: false })).toBe(0);
  });
});
