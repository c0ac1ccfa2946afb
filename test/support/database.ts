import 'reflect-metadata';
import { randomBytes } from 'node:crypto';
import pg from 'pg';
import { loadTemplate, migrate, openDatabase, type Database, type DatabaseOptions } from '../../src/database/index.ts';
import { nativeClient } from '../../src/database/open.ts';
import { queueDatabase } from '../../src/database/queue.ts';
import { noPassword } from '../../src/entities/user.ts';
import { MailQueue } from '../../src/services/mail/index.ts';

export interface FreshDatabase extends DatabaseOptions {
  /** Whether to add the development seeds, whose accounts have no passwords yet. Otherwise there is only the schema. */
  readonly seeded: boolean;
  /** `default` is PostgreSQL, or the engine in UNIONHALL_TEST_ENGINE. The other two are fixed. */
  readonly engine?: 'default' | 'embedded' | 'postgresql';
}

const isEmbedded = (engine: FreshDatabase['engine']): boolean =>
  engine === 'embedded' || (engine === 'default' && process.env['UNIONHALL_TEST_ENGINE'] === 'embedded');

/** Creates a database for the test, which is deleted when it is closed. */
export async function freshDatabase({ seeded, engine = 'default', ...options }: FreshDatabase): Promise<Database> {
  if (!isEmbedded(engine)) return await onServer(await templateOnServer(seeded), options);
  const template = await loadTemplate({ name: nameOf(seeded), prepare: (database) => prepare(database, seeded) });
  return await openDatabase({ databaseUrl: null, databasePoolSize: 1, dataDirectory: 'memory://' }, { ...options, template });
}

/** Creates a database without a schema, which is deleted when it is closed. */
export async function emptyDatabase(engine: FreshDatabase['engine'] = 'default', options: DatabaseOptions = {}): Promise<Database> {
  if (!isEmbedded(engine)) return await onServer('template0', options);
  return await openDatabase({ databaseUrl: null, databasePoolSize: 1, dataDirectory: 'memory://' }, options);
}

/** Creates an empty database on the run's PostgreSQL server. Returns its URL, and a function that drops it. */
export async function serverDatabase(template = 'template0'): Promise<{ url: string; drop: () => Promise<void> }> {
  const name = `${runName()}_${randomBytes(5).toString('hex')}`;
  await administer((client) => client.query(`create database "${name}" template "${template}"`));
  return {
    url: addressOf(name),
    drop: async () => {
      await administer((client) => client.query(`drop database if exists "${name}" with (force)`));
    },
  };
}

/** Returns the statements that run during a function, from `run` and from entities. */
export async function statementsOf(heard: readonly string[], act: () => Promise<unknown>): Promise<string[]> {
  const before = heard.length;
  await act();
  return heard.slice(before);
}

async function onServer(template: string, options: DatabaseOptions): Promise<Database> {
  const { url, drop } = await serverDatabase(template);
  const database = await openAgain(url, options);
  let closing: Promise<void> | undefined;
  const { close } = database;
  return Object.defineProperty(database, 'close', { value: () => (closing ??= close().then(drop)) });
}

/** Opens a database of the run's server again, like another node; through the pooler if the run has one. */
export async function openAgain(url: string, options: DatabaseOptions = {}): Promise<Database> {
  const pooler = process.env['UNIONHALL_TEST_POOLER'];
  const databaseUrl = pooler ? Object.assign(new URL(pooler), { pathname: new URL(url).pathname }).href : url;
  const place = { databaseUrl, databasePoolSize: 10, dataDirectory: '' };
  const database = await openDatabase(place, { ...(pooler && { prepares: false }), ...options });
  // on a busy machine, a race waits longer for a connection than a service would
  (await nativeClient<pg.Pool>(database)).options.connectionTimeoutMillis = 0;
  return database;
}

/** One per run: the first test that needs it creates it under a lock, and others wait. */
async function templateOnServer(seeded: boolean): Promise<string> {
  const name = `${runName()}_template_${nameOf(seeded)}`;
  await administer(async (client) => {
    await client.query('select pg_advisory_lock(hashtext($1))', [name]);
    const { rowCount } = await client.query('select from pg_database where datname = $1', [name]);
    if (rowCount) return;
    await client.query(`create database "${name}_unfinished" template template0`);
    const database = await openDatabase({ databaseUrl: addressOf(`${name}_unfinished`), databasePoolSize: 4, dataDirectory: '' });
    try {
      await migrate(database);
      await prepare(database, seeded);
    } finally {
      await database.close();
    }
    await client.query(`alter database "${name}_unfinished" rename to "${name}"`);
  });
  return name;
}

/** The queue takes longer to create than to copy. */
async function prepare(database: Database, seeded: boolean): Promise<void> {
  const { seed } = await import('../../seeds/index.ts'); // includes its generator of names, which only the first file needs
  if (seeded) await seed(database.orm.em, { environment: 'test', hashPassword: () => Promise.resolve(noPassword) });
  const queue = new MailQueue(await queueDatabase(database), { supervises: false, warn: () => undefined });
  await queue.start();
  await queue.stop();
}

const nameOf = (seeded: boolean): string => (seeded ? 'seeded' : 'migrated');

async function administer(act: (client: pg.Client) => Promise<unknown>): Promise<void> {
  const client = new pg.Client({ connectionString: told('UNIONHALL_TEST_POSTGRES') });
  await client.connect();
  try {
    await act(client);
  } finally {
    await client.end();
  }
}

export function addressOf(name: string): string {
  const url = new URL(told('UNIONHALL_TEST_POSTGRES'));
  url.pathname = `/${name}`;
  return url.href;
}

const runName = (): string => told('UNIONHALL_TEST_RUN');

function told(variable: 'UNIONHALL_TEST_POSTGRES' | 'UNIONHALL_TEST_RUN'): string {
  const value = process.env[variable];
  if (!value) throw new Error(`${variable} is missing: it is set by test/support/setup.ts, before all tests.`);
  return value;
}
