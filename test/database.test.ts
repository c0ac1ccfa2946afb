import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import { setTimeout } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it, jest } from '@jest/globals';
import pg from 'pg';
import { DataVersionError, isEmpty, migrate, openDatabase, type Database, type DatabaseConfig } from '../src/database/index.ts';
import { StatementNames } from '../src/database/run.ts';
import { freshDatabase, serverDatabase } from './support/database.ts';

const engines = process.env['UNIONHALL_TEST_FULL'] === '1' ? (['embedded', 'postgresql'] as const) : (['postgresql'] as const);

describe.each(engines)('run on the %s engine', (engine) => {
  let database: Database;

  beforeAll(async () => {
    database = await freshDatabase({ seeded: true, engine });
  });
  afterAll(() => database?.close());

  it('reads every type the same', async () => {
    const [row] = await database.run(`
      select 'a'::text as text, 1::int4 as int4, 7::int8 as int8, 9007199254740993::int8 as big, count(*) as count,
        1.50::numeric(12,2) as numeric, 2.5::float8 as float, true as bool, null::text as nothing,
        '2024-02-29'::date as date, '2026-01-02 03:04:05.678+02'::timestamptz as instant, '2026-01-02 03:04:05+00'::timestamptz as whole,
        '00000000-0000-7000-8000-000000000001'::uuid as uuid,
        array['a', null, 'b,"c\\']::text[] as texts, array['00000000-0000-7000-8000-000000000001']::uuid[] as uuids, array[1, null]::int4[] as ints,
        array['2024-02-29']::date[] as dates, '{"a": [1]}'::jsonb as json, '\\x0102'::bytea as bytes, 'x'::varchar(3) as varchar
      from generate_series(1, 3)`);
    expect(row).toEqual({
      text: 'a',
      int4: 1,
      int8: 7,
      big: '9007199254740993',
      count: 3,
      numeric: '1.50',
      float: 2.5,
      bool: true,
      nothing: null,
      date: '2024-02-29',
      instant: new Date('2026-01-02T01:04:05.678Z'),
      whole: new Date('2026-01-02T03:04:05Z'),
      uuid: '00000000-0000-7000-8000-000000000001',
      texts: ['a', null, 'b,"c\\'],
      uuids: ['00000000-0000-7000-8000-000000000001'],
      ints: [1, null],
      dates: ['2024-02-29'],
      json: { a: [1] },
      bytes: Buffer.from([1, 2]),
      varchar: 'x',
    });
  });

  it('accepts parameters of every type', async () => {
    const id = '00000000-0000-7000-8000-000000000001';
    const at = new Date('2026-01-02T03:04:05.678Z');
    const [row] = await database.run(
      `select $1::uuid = any($2::uuid[]) as among, $3::text[] as texts, $4::timestamptz as at, $5::date as date, $6::numeric as numeric,
        $7::int4 as int, $8::bool as bool, $9::text as nothing, $10::text || '!' as text`,
      [id, [id], ['a', 'b,"c'], at, '2024-02-29', '12.50', 3, false, null, "it's"],
    );
    expect(row).toEqual({
      among: true,
      texts: ['a', 'b,"c'],
      at,
      date: '2024-02-29',
      numeric: '12.50',
      int: 3,
      bool: false,
      nothing: null,
      text: "it's!",
    });
    expect(await database.run('select 1 as one where $1::uuid = any($2::uuid[])', [id, []])).toEqual([]);
  });

  it('counts its statements, and repeats the same answer', async () => {
    const before = database.statements;
    for (let i = 0; i < 3; i += 1) expect(await database.run('select $1::int4 + 1 as next', [i])).toEqual([{ next: i + 1 }]);
    expect(database.statements - before).toBe(3);
  });

  it('uses UTC', async () => {
    expect(await database.run(`select current_setting('TimeZone') as zone, '2026-01-02 23:30:00+00'::timestamptz::date as day`)).toEqual([
      { zone: 'UTC', day: '2026-01-02' },
    ]);
  });

  it('works after a failed statement', async () => {
    await expect(database.run('select 1 / $1::int4', [0])).rejects.toThrow('division by zero');
    expect(await database.run('select 1 as one')).toEqual([{ one: 1 }]);
  });

  it('does not see uncommitted data', async () => {
    let seen: Promise<readonly unknown[]> = Promise.resolve([]);
    await expect(
      database.orm.em.fork().transactional(async (em) => {
        await em.execute(`insert into grievance_counters (year, last) values (1999, 1)`);
        seen = database.run('select year from grievance_counters where year = 1999');
        await setTimeout(20);
        throw new Error('changed my mind');
      }),
    ).rejects.toThrow('changed my mind');
    expect(await seen).toEqual([]);
  });

  it('reports every statement, also of entities', async () => {
    const heard: string[] = [];
    const other = await freshDatabase({ seeded: false, engine, onStatement: (text) => heard.push(text) });
    try {
      await other.run('select 1');
      await other.orm.em.fork().execute('select 2');
      expect(heard.slice(-2)).toEqual(['select 1', 'select 2']);
      expect(await isEmpty(other)).toBe(true);
      expect(await isEmpty(database)).toBe(false);
    } finally {
      await other.close();
    }
  });
});

describe('on a PostgreSQL server', () => {
  let place: DatabaseConfig;
  let drop: () => Promise<void>;

  beforeAll(async () => {
    const { url, drop: dropIt } = await serverDatabase();
    drop = dropIt;
    place = { databaseUrl: url, databasePoolSize: 1, dataDirectory: '' };
  });
  afterAll(() => drop?.());

  it('migrates once when several nodes start together, each with a pool of one', async () => {
    const nodes = await Promise.all([1, 2, 3].map(() => openDatabase(place)));
    try {
      const ran = (await Promise.all(nodes.map((node) => migrate(node)))).filter((names) => names.length > 0);
      expect(ran).toHaveLength(1);
    } finally {
      await Promise.all(nodes.map((node) => node.close()));
    }
  });

  it('has no statement time-out, whatever the database sets, unless one is given', async () => {
    const other = await serverDatabase();
    const own = { ...place, databaseUrl: other.url, databasePoolSize: 2 };
    const admin = new pg.Client({ connectionString: other.url });
    await admin.connect();
    const bounds = ['statement_timeout', 'lock_timeout', 'idle_in_transaction_session_timeout'];
    for (const name of bounds) await admin.query(`alter database "${new URL(other.url).pathname.slice(1)}" set ${name} to '200ms'`);
    await admin.end();
    const asked = bounds.map((name) => `current_setting('${name}') as ${name}`).join();
    const [patient, bounded] = await Promise.all([openDatabase(own), openDatabase(own, { patience: 3 })]);
    try {
      for (const rows of [await patient.run(`select ${asked}`), await patient.orm.em.fork().execute(`select ${asked}`)])
        expect(rows).toEqual([{ statement_timeout: '0', lock_timeout: '0', idle_in_transaction_session_timeout: '0' }]);
      expect(await bounded.run(`select ${asked}`)).toEqual([
        { statement_timeout: '3s', lock_timeout: '200ms', idle_in_transaction_session_timeout: '6s' },
      ]);
    } finally {
      await Promise.all([patient.close(), bounded.close()]);
      await other.drop();
    }
  });

  it('lets only one node migrate at a time, even if the server limits idle transactions', async () => {
    const nodes = await Promise.all([1, 2].map(() => openDatabase({ ...place, databasePoolSize: 2 }, { patience: 1 })));
    const [first, second] = nodes as [Database, Database];
    const done: string[] = [];
    const up = jest.spyOn(first.orm.migrator, 'up').mockImplementation(async () => {
      await setTimeout(3_000);
      done.push('first');
      return [];
    });
    try {
      const slow = migrate(first);
      while (up.mock.calls.length === 0) await setTimeout(20);
      await Promise.all([slow, migrate(second).then(() => done.push('second'))]);
      expect(done).toEqual(['first', 'second']);
    } finally {
      await Promise.all(nodes.map((node) => node.close()));
    }
  });

  it('refuses a database that is newer than the program', async () => {
    const node = await openDatabase(place);
    try {
      await node.run(`insert into mikro_orm_migrations (name) values ('99990101000000-from-tomorrow')`);
      await expect(migrate(node)).rejects.toThrow(DataVersionError);
      await expect(migrate(node)).rejects.toThrow('99990101000000-from-tomorrow');
    } finally {
      await node.run(`delete from mikro_orm_migrations where name = '99990101000000-from-tomorrow'`);
      await node.close();
    }
  });

  it('survives a connection that the server closes', async () => {
    const warnings: string[] = [];
    const node = await openDatabase({ ...place, databasePoolSize: 2 }, { warn: (message) => warnings.push(message) });
    const other = await openDatabase(place);
    try {
      await node.run('select 1');
      await other.run(
        `select pg_terminate_backend(pid) from pg_stat_activity where datname = current_database() and pid <> pg_backend_pid()`,
      );
      await setTimeout(100);
      expect(await node.run('select 1 as one')).toEqual([{ one: 1 }]);
      expect(warnings.join()).toContain('connection');
    } finally {
      await node.close();
      await other.close();
    }
  });

  it('prepares statements unless that is off', async () => {
    for (const prepares of [true, false]) {
      const node = await openDatabase({ ...place, databasePoolSize: 2 }, { prepares });
      try {
        await node.run('select 1 as prepared');
        const rows = await node.run(`select name from pg_prepared_statements where statement = 'select 1 as prepared'`);
        expect(rows).toHaveLength(prepares ? 1 : 0);
      } finally {
        await node.close();
      }
    }
  });

  it('returns the rows or the error of each of many concurrent statements', async () => {
    const node = await openDatabase({ ...place, databasePoolSize: 6 });
    try {
      const asked = Array.from({ length: 200 }, (_, n) =>
        n % 7 === 0 ? node.run('select 1 / $1::int as n', [0]) : node.run('select $1::int as n', [n]),
      );
      const answers = await Promise.allSettled(asked);
      for (const [n, answer] of answers.entries()) {
        if (n % 7 === 0) expect(String((answer as PromiseRejectedResult).reason)).toContain('division by zero');
        else expect(answer).toEqual({ status: 'fulfilled', value: [{ n }] });
      }
    } finally {
      await node.close();
    }
  });

  it('fails the statements of a broken connection, and no later ones', async () => {
    const node = await openDatabase({ ...place, databasePoolSize: 2 });
    const other = await openDatabase(place);
    try {
      const [{ pid } = { pid: 0 }] = await node.run('select pg_backend_pid() as pid');
      const asked = [node.run('select pg_sleep(60)'), node.run('select 1 as one')].map((each) =>
        each.then(
          () => 'answered',
          () => 'failed',
        ),
      );
      await other.run('select pg_terminate_backend($1)', [pid]);
      expect(await Promise.all(asked)).toEqual(['failed', 'failed']);
      expect(await node.run('select 2 as two')).toEqual([{ two: 2 }]);
    } finally {
      await node.close();
      await other.close();
    }
  });

  it('reads the columns of a prepared statement once per connection, with the same results', async () => {
    const described = jest.spyOn(pg.Connection.prototype, 'describe');
    const node = await openDatabase({ ...place, databasePoolSize: 2 });
    try {
      described.mockClear();
      const ask = (n: number) => node.run(`select $1::int as n, '2026-01-15'::date as day, $1::text::jsonb as json where $1 > 0`, [n]);
      const answers = [await ask(1), await ask(2), await ask(0), ...(await Promise.all([3, 4].map(ask)))];
      const row = (n: number) => [{ n, day: '2026-01-15', json: n }];
      expect(answers).toEqual([row(1), row(2), [], row(3), row(4)]);
      expect(described).toHaveBeenCalledTimes(1);
      await expect(node.run('select 1 / $1::int as n', [0])).rejects.toThrow('division by zero');
      expect(await node.run('select 1 / $1::int as n', [1])).toEqual([{ n: 1 }]);
    } finally {
      described.mockRestore();
      await node.close();
    }
  });

  it('waits for pending statements when it closes', async () => {
    const node = await openDatabase({ ...place, databasePoolSize: 4 });
    const asked = Promise.all([1, 2, 3].map((n) => node.run('select $1::int as n, pg_sleep(0.05)', [n])));
    await node.run('select 1');
    await node.close();
    expect((await asked).map(([row]) => row?.['n'])).toEqual([1, 2, 3]);
  });

  it('reports that the server does not exist, without the password', async () => {
    const error = await openDatabase({ ...place, databaseUrl: 'postgres://someone:hunter2@127.0.0.1:1/nothing' }).catch(
      (reason: unknown) => reason,
    );
    expect(String(error)).toContain('ECONNREFUSED');
    expect(String(error)).not.toContain('hunter2');
  });
});

describe('the names of prepared statements', () => {
  it('are the same for the same text only', () => {
    const names = new StatementNames();
    expect(names.of('select 1')).toBe(names.of('select 1'));
    expect(names.of('select 1')).not.toBe(names.of('select 2'));
  });

  it('are limited during the lifetime of a connection, and available again after it', async () => {
    const names = new StatementNames(2, 50);
    expect([names.of('a'), names.of('b'), names.of('c'), names.of('a')].map((name) => name !== undefined)).toEqual([
      true,
      true,
      false,
      true,
    ]);
    await setTimeout(60);
    expect(names.of('c')).toBeDefined();
    expect(names.of('a')).toBeDefined();
  });
});

describe('the private fields of pg', () => {
  it('that `src/database` uses exist in the version that they were checked with', async () => {
    const { version } = JSON.parse(await readFile('node_modules/pg/package.json', 'utf8')) as { version: string };
    // after an upgrade: read how `pg` uses these fields, run the tests `database` and `*.race`, then change the version
    expect(version).toBe('8.23.1');
    const { url, drop } = await serverDatabase();
    const client = new pg.Client({ connectionString: url });
    try {
      await client.connect();
      const query = client.query(new pg.Query('select 1 as one'));
      await once(query, 'end');
      const { _result: result } = query as unknown as { _result: object };
      const { connection } = client as unknown as { connection: object };
      const used: readonly (readonly [object, readonly string[]])[] = [
        [client, ['connection', 'readyForQuery', 'host', 'port', 'processID', 'secretKey']],
        [connection, ['stream', 'describe']],
        [query, ['_result', '_accumulateRows', 'prepare', 'handleRowDescription']],
        [result, ['fields', '_parsers', '_prebuiltEmptyResultObject']],
      ];
      expect(used.flatMap(([of, names]) => names.filter((name) => !(name in of)))).toEqual([]);
    } finally {
      await client.end();
      await drop();
    }
  });
});
