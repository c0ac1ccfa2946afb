import { readdir } from 'node:fs/promises';
import { setTimeout } from 'node:timers/promises';
import { Client, type ClientConfig, type Pool } from 'pg';
import { ormOptions } from '../../mikro-orm.config.ts';
import { nativeClient, type Database } from './open.ts';
import { DataVersionError, OperatorError } from '../errors.ts';

/**
 * The key of the advisory lock for migrations: "unionhall" as a number, to avoid collisions with other applications.
 */
const MIGRATIONS = 8_519_330_717;

/**
 * Migrates the schema, one node at a time, and returns the names of the migrations that ran. Refuses a database with
 * unknown migrations, because this version would violate their rules.
 */
export async function migrate(database: Database): Promise<string[]> {
  await demandEncoding(database);
  return await alone(database, async () => {
    const { unknown } = await compareMigrations(database);
    if (unknown.length > 0) {
      throw new DataVersionError(
        `The database was created by a newer version of this program: this version lacks the ${unknown.length === 1 ? 'migration' : 'migrations'} ${unknown.join(', ')}. Start the newer version.`,
      );
    }
    return (await database.orm.migrator.up()).map(({ name }) => name);
  });
}

/** The database cannot store every character. */
export class EncodingError extends OperatorError {
  readonly code = 'ENCODING_NOT_UTF8';

  constructor(encoding: string) {
    super(
      `The encoding of the database is ${encoding}. Use a database with the encoding UTF8: createdb --encoding=UTF8`,
    );
  }
}

async function demandEncoding({ run }: Database): Promise<void> {
  const [row] = await run(`select current_setting('server_encoding') as encoding`);
  if (row?.['encoding'] !== 'UTF8') throw new EncodingError(String(row?.['encoding']));
}

/** Lists the migrations that the database lacks, and those that this version lacks. Writes nothing. */
export async function compareMigrations({ orm, run }: Database): Promise<{ missing: string[]; unknown: string[] }> {
  const [table] = await run(`select to_regclass('mikro_orm_migrations') is not null as exists`);
  // without this check, the migrator would create its table
  const done = table?.['exists'] === true ? (await orm.migrator.getExecuted()).map(({ name }) => name) : [];
  const known = await knownMigrations();
  return {
    missing: known.filter((name) => !done.includes(name)),
    unknown: done.filter((name) => !known.includes(name)),
  };
}

/** Whether no records are stored. Ignores the check values of the system keys, which every start writes. */
export async function isEmpty({ orm, run }: Database): Promise<boolean> {
  const tables = [...orm.getMetadata().getAll().values()].flatMap(({ tableName, pivotTable }) =>
    pivotTable || tableName === 'system_keys' ? [] : [tableName],
  );
  const [row] = await run(`select ${tables.map((table) => `exists (select 1 from "${table}")`).join(' or ')} as found`);
  return row?.['found'] === false;
}

async function knownMigrations(): Promise<string[]> {
  const files = await readdir(ormOptions.migrations.path);
  return files.filter((file) => /(?<!\.d)\.[jt]s$/.test(file)).map((file) => file.slice(0, -3));
}

/**
 * Runs a function under the lock. The lock belongs to a transaction on a separate connection. So a pool of size one
 * does not wait for itself, and a pooler cannot give the lock to another client. Polls instead of waiting in a
 * statement, because the snapshot of a waiting statement would block an index that is built concurrently. All time-outs
 * are off for the transaction, also behind a pooler that ignores connection options.
 */
async function alone<T>(database: Database, act: () => Promise<T>): Promise<T> {
  if (database.engine === 'embedded') return await act();
  const { options } = await nativeClient<Pool>(database);
  const client = new Client(options as ClientConfig);
  client.on('error', () => undefined); // the next statement on the connection reports the error
  await client.connect();
  try {
    await client.query('begin');
    await client.query(withoutEnd);
    for (;;) {
      const { rows } = await client.query<{ taken: boolean }>('select pg_try_advisory_xact_lock($1) as taken', [
        MIGRATIONS,
      ]);
      if (rows[0]?.taken) break;
      await setTimeout(100);
    }
    const result = await act();
    await client.query('commit');
    return result;
  } finally {
    await client.end();
  }
}

/** Not every PostgreSQL version has all of these settings. */
const withoutEnd = `select set_config(name, '0', true) from pg_settings
  where name in ('idle_in_transaction_session_timeout', 'transaction_timeout')`;
