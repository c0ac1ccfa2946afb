import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from '@jest/globals';
import pg from 'pg';
import { migrate, openDatabase, type Database } from '../src/database/index.ts';
import { startServer, type Server } from './support/server.ts';

// A separate PostgreSQL server with maximum logging, whose log is searched for submitted texts.

let server: Server;
let admin: pg.Client;
let directory: string;

/** The logging settings of every session. */
const talkative = {
  logging_collector: 'on',
  log_min_duration_statement: '0',
  log_statement: 'all',
  log_lock_waits: 'on',
  log_parameter_max_length: '-1',
  log_parameter_max_length_on_error: '-1',
  log_error_verbosity: 'verbose',
  deadlock_timeout: '200ms',
};

beforeAll(async () => {
  server = await startServer();
  await connect();
  const database = await openDatabase({ databaseUrl: server.url, databasePoolSize: 2, dataDirectory: '' });
  await migrate(database);
  await database.close();
  for (const [name, value] of Object.entries(talkative)) await admin.query(`alter system set ${name} = '${value}'`);
  directory = String((await admin.query<{ data_directory: string }>('show data_directory')).rows[0]?.data_directory);
  await admin.end();
  await server.halt('SIGINT');
  await server.revive();
  await connect();
}, 300_000);
afterAll(async () => {
  await admin?.end();
  await server?.stop();
});

async function connect(): Promise<void> {
  admin = new pg.Client({ connectionString: server.url });
  await admin.connect();
}

const log = (): string =>
  readdirSync(join(directory, 'log'))
    .map((file) => readFileSync(join(directory, 'log', file), 'utf8'))
    .join('');

/** Causes refusals, time-outs and a deadlock of statements with this text in every column of every table. */
async function provoke({ orm, run }: Database, marker: string): Promise<string[]> {
  const em = orm.em.fork();
  const codes: string[] = [];
  const fail = async (begun: Promise<unknown>) => void codes.push(await begun.then(() => 'none', codeOf));
  const { rows } = await admin.query<{
    name: string;
    columns: string[];
  }>(`select table_name as name, array_agg(column_name::text) as columns
    from information_schema.columns where table_schema = 'public' and data_type in ('text', 'character varying')
      and table_name <> 'system_keys' -- no constraint fails there
    group by 1`);
  expect(rows.length).toBeGreaterThan(15);
  for (const { name, columns } of rows) {
    const head = `insert into "${name}" (${columns.map((column) => `"${column}"`).join(', ')}) values`;
    await fail(
      em.execute(
        `${head} (${columns.map(() => '?').join(', ')})`,
        columns.map(() => marker),
      ),
    );
    await fail(
      run(
        `${head} (${columns.map((_, n) => `$${n + 1}`).join(', ')})`,
        columns.map(() => marker),
      ),
    );
  }
  await fail(em.execute('select pg_sleep(60), ?', [marker]));
  await fail(run('select pg_sleep(60), $1::text', [marker]));
  const lock = (key: number) => [`select pg_advisory_xact_lock(?), ?`, [key, marker]] as const;
  let waiting = 2;
  let bothHold = (): void => {};
  const held = new Promise<void>((resolve) => (bothHold = resolve));
  const both = [1, 2].map((first) =>
    orm.em.fork().transactional(async (each) => {
      await each.execute(...lock(first));
      if (--waiting === 0) bothHold();
      await held;
      await each.execute(...lock(3 - first));
    }),
  );
  const ends = await Promise.allSettled(both);
  codes.push(...ends.flatMap((end) => (end.status === 'rejected' ? [codeOf(end.reason)] : [])));
  return codes;
}

const codeOf = (error: unknown): string => (error as { code: string }).code;

/** Opens the database as a role with this name. */
async function openAs(role: string): Promise<Database> {
  await admin.query(`create role ${role} login password 'secret'`);
  await admin.query(`grant usage on schema public to ${role}`);
  await admin.query(`grant select, insert, update, delete on all tables in schema public to ${role}`);
  return await reopenAs(role);
}

const reopenAs = (role: string): Promise<Database> =>
  openDatabase(
    {
      databaseUrl: Object.assign(new URL(server.url), { username: role, password: 'secret' }).href,
      databasePoolSize: 6,
      dataDirectory: '',
    },
    { patience: 4 },
  );

/** Returns the statements of docs/operations.md for an administrator, for another role. */
const documented = (role: string): string => {
  const text = readFileSync(join(import.meta.dirname, '..', 'docs', 'operations.md'), 'utf8');
  const [, statements = ''] = /```sql logging\n(.*?)```/s.exec(text) ?? [];
  return statements.replaceAll('unionhall_application', role);
};

const settings = [...documented('').matchAll(/ set (\w+) to /g)].map(([, name]) => name).join(', ');

it.each<[what: string, role: string, grant: string]>([
  ['may set what is logged', 'granted', `grant set on parameter ${settings} to granted`],
  ['has it set by an administrator', 'altered', documented('altered')],
])('keeps written values out of the log if the role %s', async (_what, role, grant) => {
  await (await openAs(role)).close();
  await admin.query(grant);
  const database = await reopenAs(role);
  try {
    const codes = await provoke(database, `hardship-of-${role}`);
    expect(codes).not.toContain('none');
    expect(codes).toEqual(expect.arrayContaining(['23502', '57014', '40P01']));
  } finally {
    await database.close();
  }
  expect(log()).toContain('violates not-null constraint');
  expect(log()).not.toContain(`hardship-of-${role}`);
});

it('logs written values if the role may change no setting: operations.md says how to prevent it', async () => {
  const database = await openAs('plain');
  try {
    expect(await provoke(database, 'hardship-of-plain')).not.toContain('none');
  } finally {
    await database.close();
  }
  expect(log()).toContain('hardship-of-plain');
});
