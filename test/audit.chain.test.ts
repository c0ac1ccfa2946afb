import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import type { SqlEntityManager } from '@mikro-orm/postgresql';
import type { Database } from '../src/database/index.ts';
import { AuditOutcome } from '../src/entities/audit.ts';
import { User } from '../src/entities/user.ts';
import {
  exportAudit,
  readHead,
  sealEvents,
  formatVerifiedPart,
  formatFault,
  formatHead,
  verifyAudit,
} from '../src/services/audit/index.ts';
import { startSealing } from '../src/process/periodic.ts';
import type { ChainHead } from '../src/services/audit/chain.ts';
import type { AuditFault } from '../src/services/audit/verify.ts';
import { recordAudit } from '../src/services/audit/event.ts';
import { Keyring } from '../src/services/crypto/keyring.ts';
import { freshDatabase } from './support/database.ts';

const [first, second] = [Keyring.generate(), Keyring.generate()];
const ring = (...texts: string[]): Keyring => Keyring.parse(texts.join());
const keyring = ring(first);

let database: Database;
let userId: string;

beforeAll(async () => {
  database = await freshDatabase({ seeded: true });
  userId = (await one('select id from users order by id limit 1'))['id'] as string;
}, 60_000);
afterAll(() => database.close());

/** Runs statements as a superuser, with the triggers disabled. */
async function tamper(...statements: string[]): Promise<void> {
  for (const table of ['audit_events', 'audit_seals']) await database.run(`alter table ${table} disable trigger user`);
  for (const statement of statements) await database.run(statement);
  for (const table of ['audit_events', 'audit_seals']) await database.run(`alter table ${table} enable trigger user`);
}

const one = async (text: string, values: unknown[] = []): Promise<Record<string, unknown>> => (await database.run(text, values))[0] ?? {};

/** Writes this many events, each with a value in every column. */
async function write(count: number, keys = keyring): Promise<void> {
  const em = database.orm.em.fork() as SqlEntityManager;
  const actor = em.getReference(User, userId, { wrapped: true });
  for (let n = 0; n < count; n += 1)
    recordAudit(
      { em, keyring: keys },
      {
        at: new Date(Date.UTC(2026, 2, 1, 12, 0, n)),
        actor,
        sessionId: '01900000-0000-7000-8000-000000000001',
        ipAddress: '192.0.2.1',
        action: `event.${n}`,
        targetType: 'User',
        targetId: userId,
        outcome: AuditOutcome.FAILED,
        reason: 'wrong_password',
        requestId: `request-${n}`,
        count: 3,
      },
    );
  await em.flush();
}

const seal = (keys = keyring, most?: number): Promise<number | null> =>
  sealEvents({ em: database.orm.em.fork() as SqlEntityManager, keyring: keys }, most);
const verify = (keys = keyring, kept?: string, most = 4) =>
  verifyAudit(database.run, keys, { most, ...(kept !== undefined && { kept: readHead(kept) as ChainHead }) });
const faultOf = async (...given: Parameters<typeof verify>): Promise<AuditFault | null> => (await verify(...given)).fault;
const sealed = () =>
  database.run('select s.sequence, s.event_id as id, e.action from audit_seals s join audit_events e on e.id = s.event_id order by 1');
const eventAt = async (sequence: number): Promise<string> =>
  (await one('select event_id from audit_seals where sequence = $1', [sequence]))['event_id'] as string;

beforeEach(() => tamper('truncate audit_events, audit_seals, audit_backlog'));

describe('sealing', () => {
  it('adds each event to the chain once and in order, batch by batch', async () => {
    await write(10);
    expect([await seal(keyring, 4), await seal(keyring, 4), await seal(keyring, 4), await seal(keyring, 4)]).toEqual([4, 4, 2, 0]);
    expect((await sealed()).map(({ sequence, action }) => [sequence, action])).toEqual(
      Array.from({ length: 10 }, (_, n) => [n + 1, `event.${n}`]),
    );
    expect(await database.run('select from audit_backlog')).toEqual([]);
    await write(3);
    expect(await seal()).toBe(3);
    expect(await verify()).toMatchObject({ fault: null, unsealed: 0, head: { sequence: 13 } });
  });

  it('includes events that become visible late, although their id is older than the last sealed one', async () => {
    await write(4);
    const late = await eventIdOf('event.1');
    await tamper(`delete from audit_backlog where event_id = '${late}'`); // while its transaction is open
    expect(await seal()).toBe(3);
    await database.run('insert into audit_backlog (event_id) values ($1)', [late]);
    expect(await seal()).toBe(1);
    expect((await sealed()).map(({ action }) => action)).toEqual(['event.0', 'event.2', 'event.3', 'event.1']);
    expect(await faultOf()).toBeNull();
  });

  it('leaves no partial work after a failure, and continues from there', async () => {
    await write(6);
    await seal(keyring, 2);
    await database.run(`alter table audit_backlog rename to elsewhere`);
    await database.run(
      `create view audit_backlog as select * from elsewhere where event_id is not null union all select * from elsewhere where false`,
    );
    await expect(seal(keyring, 2)).rejects.toThrow(); // it wrote the seals, but cannot delete from the backlog
    await database.run('drop view audit_backlog');
    await database.run('alter table elsewhere rename to audit_backlog');
    expect((await sealed()).length).toBe(2);
    expect([await seal(keyring, 2), await seal(keyring, 2), await seal()]).toEqual([2, 2, 0]);
    expect(await faultOf()).toBeNull();
  });

  it('continues past queue entries without an event or in duplicate, which verification reports', async () => {
    await write(2);
    await seal();
    await database.run('insert into audit_backlog select event_id from audit_seals');
    await database.run(`insert into audit_backlog values ('01900000-0000-7000-8000-00000000dead')`);
    await write(2);
    expect(await seal()).toBe(2);
    expect(await faultOf()).toEqual({ kind: 'missing event', eventId: '01900000-0000-7000-8000-00000000dead', sequence: null });
  });

  it('prevents changes and deletion of a seal', async () => {
    await write(1);
    await seal();
    for (const change of [`update audit_seals set hash = 'x'`, 'delete from audit_seals', 'truncate audit_seals'])
      await expect(database.run(change)).rejects.toThrow('audit_seals can only be added to');
  });
});

describe('periodic sealing', () => {
  it('seals all waiting events, reports failures, and stops', async () => {
    const [waits, warnings]: [number[], string[]] = [[], []];
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
    const em = database.orm.em as SqlEntityManager;
    await write(7);
    const sealing = startSealing({ em, keyring, every: 10, warn: (message) => warnings.push(message), wait, batch: 3 });
    expect((await sealed()).length).toBe(0);
    await turn();
    expect((await sealed()).length).toBe(7);
    await database.run('alter table audit_seals rename to elsewhere');
    await turn();
    await database.run('alter table elsewhere rename to audit_seals');
    expect(warnings).toEqual([expect.stringMatching(/^Sealing of the audit log failed \(\w+\)$/)]);
    await write(1);
    await turn();
    expect((await sealed()).length).toBe(8);
    await write(1);
    await sealing.stop();
    expect(waits).toEqual([10_000, 10_000, 10_000, 10_000]);
    expect((await sealed()).length).toBe(8);
    const again = startSealing({ em, keyring, every: 10, warn: (message) => warnings.push(message), wait });
    await turn();
    await again.stop();
    expect((await sealed()).length).toBe(9);
    expect(await faultOf()).toBeNull();
  });

  it('stops at once while it waits', async () => {
    await startSealing({ em: database.orm.em as SqlEntityManager, keyring, every: 86_400, warn: () => {} }).stop();
  });
});

async function eventIdOf(action: string): Promise<string> {
  return (await one('select id from audit_events where action = $1', [action]))['id'] as string;
}

describe('verifying', () => {
  it('distinguishes an empty log, a full one, and unsealed events', async () => {
    expect(await verify()).toEqual({ head: { sequence: 0, hash: null }, unsealed: 0, fault: null });
    await write(9);
    expect(await verify()).toEqual({ head: { sequence: 0, hash: null }, unsealed: 9, fault: null });
    await seal(keyring, 8);
    const verdict = await verify();
    expect(verdict).toMatchObject({ head: { sequence: 8 }, unsealed: 1, fault: null });
    expect(verdict.head.hash).toBe((await one('select hash from audit_seals where sequence = 8'))['hash']);
  });

  it.each([1, 2, 3, 8, 100])('has the same result with %i rows at a time', async (most) => {
    await write(8);
    await seal();
    await write(8);
    expect(await verify(keyring, undefined, most)).toMatchObject({ head: { sequence: 8 }, unsealed: 8, fault: null });
    const id = await eventAt(7);
    await tamper(`update audit_events set count = 4 where id = '${id}'`);
    expect(await verify(keyring, undefined, most)).toEqual({
      head: expect.objectContaining({ sequence: 6 }),
      unsealed: 0,
      fault: { kind: 'altered event', eventId: id, sequence: 7 },
    });
  });

  /** Returns a different value for a column. */
  const other = (type: string, column: string): string => {
    if (type === 'uuid') return `'01900000-0000-7000-8000-0000000000aa'`;
    if (type.startsWith('timestamp')) return `${column} + interval '1 millisecond'`;
    if (type === 'integer' || type === 'bigint') return `${column} + 1`;
    return column === 'outcome' ? `'denied'` : `case left(${column}, 1) when 'x' then 'y' else 'x' end || substr(${column}, 2)`;
  };
  const columnsOf = async (table: string): Promise<[column: string, type: string, isNullable: boolean][]> =>
    (await database.run(`select column_name, data_type, is_nullable from information_schema.columns where table_name = $1`, [table])).map(
      (row) => [row['column_name'] as string, row['data_type'] as string, row['is_nullable'] === 'YES'],
    );

  it('detects a change of any column of any event, sealed or not', async () => {
    const columns = await columnsOf('audit_events');
    expect(columns.length).toBeGreaterThanOrEqual(13);
    for (const isSealed of [true, false]) {
      await tamper('truncate audit_events, audit_seals, audit_backlog');
      await write(9);
      if (isSealed) await seal();
      const id = await eventIdOf('event.4');
      for (const [column, type, isNullable] of columns) {
        const far = type.startsWith('timestamp') ? [`'infinity'`, `'-infinity'`, `'0044-03-15 BC'`] : [];
        for (const value of [other(type, column), ...far, ...(isNullable ? ['null'] : [])]) {
          await tamper(
            'create temporary table kept as select * from audit_events',
            `alter table audit_events drop constraint audit_events_actor_id_foreign`,
            `update audit_events set ${column} = ${value} where id = '${id}'`,
          );
          const { fault } = await verify();
          expect([isSealed, column, value, fault !== null]).toEqual([isSealed, column, value, true]);
          if (column !== 'id') expect([column, fault?.eventId]).toEqual([column, id]);
          expect([column, ['altered event', 'unknown key', ...(column === 'id' ? ['missing event'] : [])]]).toEqual([
            column,
            expect.arrayContaining([fault?.kind]),
          ]);
          await tamper(
            `delete from audit_backlog`,
            `insert into audit_backlog select id from kept where not exists (select from audit_seals where event_id = id)`,
            'delete from audit_events',
            'alter table audit_events disable trigger user',
            'insert into audit_events select * from kept',
            'drop table kept',
            `alter table audit_events add constraint audit_events_actor_id_foreign foreign key (actor_id) references users (id) on delete restrict`,
          );
          expect(await faultOf()).toBeNull();
        }
      }
    }
  }, 60_000);

  it('detects a change of any column of any seal', async () => {
    await write(9);
    await seal();
    const columns = await columnsOf('audit_seals');
    for (const place of [1, 5, 9])
      for (const [column, type] of columns) {
        await tamper('create temporary table kept as select * from audit_seals');
        const id = await eventAt(place);
        const value = column === 'sequence' ? 'sequence + 100' : other(type, column);
        await tamper(`update audit_seals set ${column} = ${value} where sequence = ${place}`);
        const { fault } = await verify();
        const kinds = { sequence: 'missing event', event_id: 'missing event', kid: 'unknown key', hash: 'altered seal' };
        expect([place, column, fault?.kind, fault?.sequence]).toEqual([place, column, kinds[column as keyof typeof kinds], place]);
        if (column === 'kid' || column === 'hash') expect(fault?.eventId).toBe(id);
        await tamper('delete from audit_seals', 'insert into audit_seals select * from kept', 'drop table kept');
        expect(await faultOf()).toBeNull();
      }
  });

  it('detects a missing event at the beginning, in the middle, with or without its seal, or unsealed', async () => {
    await write(9);
    await seal();
    for (const place of [1, 5]) {
      await tamper(
        'create temporary table kept as select * from audit_events',
        'create temporary table seals as select * from audit_seals',
      );
      const id = await eventAt(place);
      await tamper(`delete from audit_events where id = '${id}'`);
      expect(await faultOf()).toEqual({ kind: 'missing event', eventId: id, sequence: place });
      await tamper(`delete from audit_seals where event_id = '${id}'`);
      expect(await faultOf()).toEqual({ kind: 'missing event', eventId: null, sequence: place });
      // renumbering the rest does not help
      await tamper(
        `update audit_seals set sequence = sequence + 1000 where sequence > ${place}`,
        `update audit_seals set sequence = sequence - 1001 where sequence > 1000`,
      );
      expect(await faultOf()).toMatchObject({ kind: 'altered seal', sequence: place });
      await tamper(
        'delete from audit_seals',
        'insert into audit_seals select * from seals',
        `insert into audit_events select * from kept where id = '${id}'`,
        'delete from audit_backlog',
        'drop table kept',
        'drop table seals',
      );
      expect(await faultOf()).toBeNull();
    }
    await write(3);
    const waiting = (await one('select event_id as id from audit_backlog order by 1 limit 1'))['id'] as string;
    await tamper(`delete from audit_events where id = '${waiting}'`);
    expect(await faultOf()).toEqual({ kind: 'missing event', eventId: waiting, sequence: null });
  });

  it('detects a seal that is missing at the end, and an event that was removed from the queue', async () => {
    await write(5);
    await seal();
    const id = await eventAt(5);
    await tamper('delete from audit_seals where sequence = 5');
    expect(await faultOf()).toEqual({ kind: 'missing seal', eventId: id, sequence: null });
  });

  it('detects events that were swapped, by their events or their seals', async () => {
    await write(9);
    await seal();
    const swaps: readonly (readonly [a: number, b: number])[] = [
      [4, 5],
      [2, 8],
      [1, 9],
    ];
    for (const [a, b] of swaps) {
      const [one_, two] = [await eventAt(a), await eventAt(b)];
      const nobody = '01900000-0000-7000-8000-00000000dead';
      const swapEvents = [
        `update audit_seals set event_id = '${nobody}' where sequence = ${a}`,
        `update audit_seals set event_id = '${one_}' where sequence = ${b}`,
        `update audit_seals set event_id = '${two}' where sequence = ${a}`,
      ];
      const swapSeals = [
        `update audit_seals set sequence = 1000 where sequence = ${a}`,
        `update audit_seals set sequence = ${a} where sequence = ${b}`,
        `update audit_seals set sequence = ${b} where sequence = 1000`,
      ];
      for (const [swap, back] of [
        [swapEvents, swapEvents.map((text) => text.replaceAll(one_, 'x').replaceAll(two, one_).replaceAll('x', two))],
        [swapSeals, swapSeals],
      ] as const) {
        await tamper(...swap);
        expect(await faultOf(keyring, undefined, 100)).toEqual({ kind: 'reordered', eventId: two, sequence: a });
        expect((await faultOf(keyring, undefined, 1))?.sequence).toBe(a);
        await tamper(...back);
        expect(await faultOf()).toBeNull();
      }
    }
  });

  it('detects a truncated end only with a kept head', async () => {
    await write(9);
    await seal(keyring, 6);
    const early = formatHead((await verify()).head);
    await seal();
    const kept = formatHead((await verify()).head);
    expect(kept).toMatch(/^9:[\w-]{43}$/);
    expect([await faultOf(keyring, kept), await faultOf(keyring, early)]).toEqual([null, null]);
    const cut = `in (select event_id from audit_seals where sequence > 7)`;
    await tamper(`delete from audit_events where id ${cut}`, 'delete from audit_seals where sequence > 7');
    expect([await faultOf(), await faultOf(keyring, early)]).toEqual([null, null]);
    expect(await faultOf(keyring, kept)).toEqual({ kind: 'truncated', eventId: null, sequence: 8 });
    // new events after the cut do not hide it
    await write(5);
    await seal();
    expect(await faultOf()).toBeNull();
    expect(await faultOf(keyring, kept)).toEqual({ kind: 'other chain', eventId: await eventAt(9), sequence: 9 });
    expect(await faultOf(keyring, early)).toBeNull();
    await tamper('truncate audit_events, audit_seals, audit_backlog');
    expect(await faultOf(keyring, early)).toEqual({ kind: 'truncated', eventId: null, sequence: 1 });
  });

  it('detects a replaced middle before a genuine end: a head covers everything before it', async () => {
    await write(9);
    await seal();
    const kept = formatHead((await verify()).head);
    const last = await eventAt(9);
    await tamper(
      `create temporary table kept as select * from audit_events where id = '${last}'`,
      'create temporary table seals as select * from audit_seals where sequence = 9',
      'delete from audit_events where id in (select event_id from audit_seals where sequence > 7)',
      'delete from audit_seals where sequence > 7',
    );
    await write(1);
    await seal();
    await tamper(
      'insert into audit_events select * from kept',
      'delete from audit_backlog',
      'insert into audit_seals select * from seals',
      'drop table kept',
      'drop table seals',
    );
    expect(await faultOf(keyring, kept)).toEqual({ kind: 'altered seal', eventId: last, sequence: 9 });
  });

  it('reports what it knows about the events before a fault', () => {
    const fault = (kind: AuditFault['kind'], sequence: number | null): AuditFault => ({ kind, eventId: null, sequence });
    const [none, head] = [
      { sequence: 0, hash: null },
      { sequence: 6, hash: 'h' },
    ];
    expect(formatVerifiedPart(fault('altered event', 7), head)).toBe('All earlier events are unchanged, up to 6:h.');
    expect(formatVerifiedPart(fault('altered seal', 1), none)).toBe('It is the first event.');
    expect(formatVerifiedPart(fault('missing seal', null), none)).toBe('It is the first event.');
    expect(formatVerifiedPart(fault('truncated', 7), none)).toBeNull();
    for (const kind of ['archived', 'altered archive', 'unknown archive key'] as const)
      for (const known of [none, head]) expect(formatVerifiedPart(fault(kind, 1), known)).toBeNull();
  });

  it('verifies only the events after a head, and that the head still exists', async () => {
    await write(6);
    await seal(keyring, 4);
    const { head } = await verify();
    const after = (keys = keyring, given: ChainHead = head) => verifyAudit(database.run, keys, { after: given, most: 2 });
    expect(await after()).toEqual({ head, unsealed: 2, fault: null });
    await seal();
    expect(await after()).toMatchObject({ head: { sequence: 6 }, unsealed: 0, fault: null });
    const old = await eventAt(2);
    await tamper(`update audit_events set count = count + 1 where id = '${old}'`);
    expect([(await after()).fault, (await faultOf())?.eventId]).toEqual([null, old]);
    const late = await eventAt(6);
    await tamper(`update audit_events set count = count + 1 where id = '${late}'`);
    expect((await after()).fault).toEqual({ kind: 'altered event', eventId: late, sequence: 6 });
    expect((await after(keyring, { sequence: 9, hash: head.hash })).fault).toEqual({ kind: 'truncated', eventId: null, sequence: 7 });
    expect((await after(keyring, { sequence: 3, hash: head.hash })).fault).toMatchObject({ kind: 'other chain', sequence: 3 });
    await tamper(`update audit_events set count = count - 1 where id in ('${old}', '${late}')`);
    // the key of the older part was removed
    await write(2, ring(second));
    await seal(ring(second, first));
    expect(await faultOf(ring(second))).toMatchObject({ kind: 'unknown key', sequence: 1 });
    const both = (await verify(ring(second, first))).head;
    expect(await after(ring(second), both)).toEqual({ head: both, unsealed: 0, fault: null });
  });

  it('detects a log that was completely rewritten', async () => {
    await write(5, ring(second));
    expect(await faultOf()).toMatchObject({ kind: 'unknown key', sequence: null });
    await seal();
    expect(await faultOf()).toMatchObject({ kind: 'unknown key', sequence: 1 });
    // with the name of our key, but another key
    const [kid, forged] = [first.split(':')[0], second.split(':')[1]];
    await tamper('truncate audit_events, audit_seals, audit_backlog');
    await write(5, ring(`${kid}:${forged}`));
    await seal(ring(`${kid}:${forged}`));
    expect(await faultOf()).toMatchObject({ kind: 'altered event', sequence: 1 });
  });

  it('works across a key change as long as the old key is kept', async () => {
    await write(4);
    await seal(keyring, 2);
    const kept = formatHead((await verify()).head);
    const both = ring(second, first);
    await write(4, both);
    await seal(both);
    expect(await verify(both, kept)).toMatchObject({ head: { sequence: 8 }, fault: null });
    expect(await database.run('select kid, count(*) as count from audit_seals group by 1 order by 2')).toEqual([
      { kid: first.split(':')[0], count: 2 },
      { kid: second.split(':')[0], count: 6 },
    ]);
    expect(await faultOf(ring(first, second))).toBeNull();
    expect(await faultOf(ring(second))).toEqual({ kind: 'unknown key', eventId: await eventAt(1), sequence: 1 });
    expect(await faultOf(ring(first))).toEqual({ kind: 'unknown key', eventId: await eventAt(3), sequence: 3 });
  });

  it('describes faults in words, without the content of events', async () => {
    const kinds = [
      'altered event',
      'altered seal',
      'reordered',
      'missing event',
      'missing seal',
      'unknown key',
      'truncated',
      'other chain',
    ] as const;
    const told = kinds.map((kind) => formatFault({ kind, eventId: 'E', sequence: 7 }));
    expect(new Set(told).size).toBe(kinds.length);
    for (const text of told) expect(text).toMatch(/^Event E \(number 7 of the chain\) .+\.$/);
    expect(formatFault({ kind: 'missing event', eventId: null, sequence: 3 })).toBe('The event (number 3 of the chain) is missing.');
    expect(formatFault({ kind: 'altered event', eventId: 'E', sequence: null })).toMatch(/^Event E \(not sealed\) was altered/);
  });

  it.each([
    '',
    '0:',
    `0:${'a'.repeat(43)}`,
    `1:${'a'.repeat(42)}`,
    `1:${'a'.repeat(44)}`,
    `-1:${'a'.repeat(43)}`,
    `1:${'+'.repeat(43)}`,
    'x',
  ])('refuses an invalid head: %j', (text) => {
    expect(readHead(text)).toBeNull();
  });
});

describe('exporting', () => {
  const lines = async (options: object = {}): Promise<Record<string, unknown>[]> => {
    const all: Record<string, unknown>[] = [];
    for await (const line of exportAudit(database.run, options)) {
      expect(line.endsWith('\n') && line.indexOf('\n') === line.length - 1).toBe(true);
      all.push(JSON.parse(line) as Record<string, unknown>);
    }
    return all;
  };

  it('writes one line per event with all its columns and its seal, the oldest first', async () => {
    await write(9);
    await seal(keyring, 8);
    for (const most of [1, 2, 9, 10]) {
      const all = await lines({ most });
      expect(all.map(({ action }) => action)).toEqual(Array.from({ length: 9 }, (_, n) => `event.${n}`));
      const row = await one('select e.*, s.hash, s.kid from audit_events e join audit_seals s on s.event_id = e.id where s.sequence = 8');
      expect(all[7]).toEqual({
        id: row['id'],
        at: '2026-03-01T12:00:07.000Z',
        actorId: userId,
        sessionId: row['session_id'],
        ipAddress: '192.0.2.1',
        action: 'event.7',
        targetType: 'User',
        targetId: userId,
        outcome: 'failed',
        reason: 'wrong_password',
        requestId: 'request-7',
        count: 3,
        mac: row['mac'],
        seal: { sequence: 8, kid: row['kid'], hash: row['hash'] },
      });
      expect(all[8]).toMatchObject({ action: 'event.8', seal: null });
    }
  });

  it('includes both the first and the last instant', async () => {
    await write(9);
    const [from, to] = [new Date('2026-03-01T12:00:02.000Z'), new Date('2026-03-01T12:00:05.000Z')];
    const actions = async (options: object) => (await lines({ ...options, most: 2 })).map(({ action }) => Number(String(action).slice(6)));
    expect([await actions({ from, to }), await actions({ from }), await actions({ to })]).toEqual([
      [2, 3, 4, 5],
      [2, 3, 4, 5, 6, 7, 8],
      [0, 1, 2, 3, 4, 5],
    ]);
    expect(await actions({ from: to, to: from })).toEqual([]);
  });

  it('reads only the requested range', async () => {
    await write(9);
    let statements = 0;
    const run: typeof database.run = (text, values) => ((statements += 1), database.run(text, values));
    const export_ = exportAudit(run, { most: 3 });
    await export_.next();
    await export_.return(undefined);
    expect(statements).toBe(1);
  });
});
