import { chmod, mkdir, readdir, realpath, rm, stat, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { PGlite } from '@electric-sql/pglite';
import { pg_trgm } from '@electric-sql/pglite/contrib/pg_trgm';
import { MikroORM as PgliteOrm } from '@mikro-orm/pglite';
import { MikroORM as PostgresOrm } from '@mikro-orm/postgresql';
import {
  type AbstractSqlDriver,
  createPostgreSqlTypeParsers,
  DefaultLogger,
  type LogContext,
  type LoggerNamespace,
  type MikroORM,
  type Options,
  type SqlEntityManager,
} from '@mikro-orm/sql';
import { Client, type ClientBase, type ClientConfig, type Pool } from 'pg';
import { OperatorError, unwritableReason } from '../errors.ts';
import { ormOptions } from '../../mikro-orm.config.ts';
import type { Config } from '../config.ts';
import { destroySocket, demandPrimary, isMisplaced, limitServerLog, SilenceGuard } from './guard.ts';
import { takeLock, type Lock } from './lock.ts';
import { Pipeline } from './pipeline.ts';
import {
  connectionLifetime,
  runOnOne,
  runOnPglite,
  runOnPipelines,
  runOnPool,
  strings,
  valueTypes,
  type Runners,
  type RunStatement,
} from './run.ts';

/** The part of the configuration that locates the data. The directory `memory://` stores nothing. */
export type DatabaseConfig = Pick<Config, 'databaseUrl' | 'databasePoolSize' | 'dataDirectory'>;

export interface DatabaseOptions {
  /** The initial content of a new embedded database; see `loadTemplate`. */
  readonly template?: Blob | null;
  /**
   * Whether `run` uses prepared statements and pipelines on a PostgreSQL server. Off for a pooler without support for
   * them.
   */
  readonly prepares?: boolean;
  /**
   * The time-out of a statement in seconds, enforced by the server. Connections that stay silent for longer are closed,
   * and read-only servers are not used. Undefined means no time-out, whatever the role or the database sets.
   */
  readonly patience?: number;
  /** Creates the sockets to the server, for example to refuse some addresses. */
  readonly stream?: ClientConfig['stream'];
  /** Receives warnings of the database layer, for example about a lost connection. */
  readonly warn?: (message: string) => void;
  /** Receives the text of every statement of `run` and the entity manager. Slow; for tests. */
  readonly onStatement?: (text: string) => void;
}

/** An open database. Use `orm` to change entities, and `run` to read. */
export interface Database {
  readonly orm: MikroORM<AbstractSqlDriver, SqlEntityManager>;
  readonly engine: 'embedded' | 'postgresql';
  readonly run: RunStatement;
  /**
   * Reads for a user, on a limited number of connections. A read that waits behind a slow statement is sent again
   * elsewhere.
   */
  readonly runFor: (user: string | null) => RunStatement;
  /** Runs on the connection that is reserved for authentication and health checks. */
  readonly runReserved: RunStatement;
  /** The number of statements that `run`, `runFor` and `runReserved` received. */
  readonly statements: number;
  /** Whether opening created the embedded database. */
  readonly isFresh: boolean;
  close(): Promise<void>;
}

/** Opens the configured PostgreSQL server, or the embedded database. Does not change the schema. */
export async function openDatabase(place: DatabaseConfig, options: DatabaseOptions = {}): Promise<Database> {
  return place.databaseUrl === null
    ? await openEmbedded(place.dataDirectory, options)
    : await openServer(place.databaseUrl, place, options);
}

async function openServer(
  url: string,
  { databasePoolSize }: DatabaseConfig,
  options: DatabaseOptions,
): Promise<Database> {
  const connection = connectionOf(url, options);
  const shares = sharesOf(databasePoolSize);
  const clients = new Set<ClientBase>();
  const pipelines: Pipeline[] = [];
  const renew = (): void => {
    for (const pipeline of pipelines) pipeline.renew();
    for (const client of clients) destroySocket(client);
  };
  const { patience, prepares: isPipelined = true } = options;
  const guard = patience === undefined ? null : new SilenceGuard(patience + graceOfSilence, renew);
  const pipelineOf = (size: number, perUser = size): Pipeline => {
    const pipeline = new Pipeline(
      { ...connection, types: valueTypes },
      { size, perUser, isPipelined, patience, guard },
    );
    pipelines.push(pipeline);
    return pipeline;
  };
  const reads = shares.reads > 0 ? pipelineOf(shares.reads, perUserOf(shares.reads)) : null;
  const reserved = shares.reserved > 0 ? pipelineOf(shares.reserved) : reads;
  const orm = await PostgresOrm.init({
    ...shared(options),
    dbName: new Client(connection).database ?? '', // MikroORM does not support Unix sockets, `pg` does
    driverOptions: {
      ...connection,
      max: shares.changes,
      maxLifetimeSeconds: connectionLifetime,
      onConnect: async (client: ClientBase) => {
        if (guard) attend(client, guard, clients);
        await limitServerLog(client);
        if (guard) await demandPrimary(client);
      },
    },
  });
  const close = async (): Promise<void> => {
    await Promise.all([...pipelines.map((pipeline) => pipeline.close()), orm.close(true)]);
  };
  try {
    const pool = await nativeClient<Pool>({ orm: orm as unknown as Database['orm'] });
    takeBackTheDead(pool);
    await pool.query('select 1');
    const changes = runOnPool(pool);
    const run = reads && reserved ? runOnPipelines(reads, reserved, isPipelined, changes) : runOnOne(changes);
    return assemble('postgresql', orm, run, { ...options, isFresh: false, close });
  } catch (error) {
    await close();
    throw error;
  }
}

/**
 * Divides the connections of a pool: half for reads, one for authentication and health checks, the rest for changes. A
 * pool of two reserves none, and a pool of one runs everything in turn.
 */
export function sharesOf(size: number): {
  readonly reads: number;
  readonly reserved: number;
  readonly changes: number;
} {
  const reads = Math.floor(size / 2);
  const reserved = size > 2 ? 1 : 0;
  return { reads, reserved, changes: size - reads - reserved };
}

/** The maximum number of read connections that statements of one user occupy at a time. */
const perUserOf = (reads: number): number => Math.max(1, Math.min(4, Math.floor((reads - 1) / 2)));

/** Returns the options of each connection to a server. */
function connectionOf(url: string, { patience, stream }: DatabaseOptions): ClientConfig {
  const bounds =
    patience === undefined
      ? // overrides the settings of the role and the database
        ['statement_timeout=0', 'lock_timeout=0', 'idle_in_transaction_session_timeout=0']
      : [`statement_timeout=${patience}s`, `idle_in_transaction_session_timeout=${2 * patience}s`];
  return {
    connectionString: url,
    application_name: 'unionhall',
    options: ['TimeZone=UTC', 'log_parameter_max_length_on_error=0', ...bounds]
      .map((setting) => `-c ${setting}`)
      .join(' '),
    connectionTimeoutMillis: patience === undefined ? 10_000 : Math.min(5_000, patience * 500),
    keepAlive: true,
    ...(stream && { stream }),
  };
}

/**
 * The additional seconds in which the server can report a statement time-out before the connection counts as silent.
 */
const graceOfSilence = 2;

function attend(client: ClientBase, guard: SilenceGuard, clients: Set<ClientBase>): void {
  clients.add(client);
  const unwatch = guard.watch(client);
  client.once('end', () => {
    clients.delete(client);
    unwatch();
  });
  const { connection } = client as unknown as { connection: NodeJS.EventEmitter };
  connection.on('errorMessage', (error: { code?: string }) => {
    if (isMisplaced(error)) guard.renew();
  });
}

/**
 * Returns broken connections to the pool. After a connection breaks inside a transaction, a rollback is impossible, and
 * Kysely never returns the connection (kysely issue 1990). The pool would run out of connections.
 */
function takeBackTheDead(pool: Pool): void {
  const inUse = new Set<ClientBase>();
  pool.on('acquire', (client) => {
    inUse.add(client);
  });
  pool.on('release', (_error, client) => {
    inUse.delete(client);
  });
  pool.on('connect', (client) => {
    client.once('end', () => {
      if (!inUse.has(client)) return;
      const release = client.release.bind(client);
      client.release = () => undefined; // the earlier holder may still call it
      release(true);
    });
  });
}

/**
 * Opens the embedded database, for development with one process. PGlite does not lock its files, so this takes two
 * locks. Committed data survives the end of the process, but not always a power failure.
 */
async function openEmbedded(directory: string, options: DatabaseOptions): Promise<Database> {
  try {
    return await openLocked(directory, options);
  } catch (error) {
    const reason = unwritableReason(asSystemError(error));
    if (reason === null) throw error;
    throw new DataDirectoryError(
      `The database in ${directory} cannot be opened: ${reason}. UNIONHALL_DATA_DIR sets its folder.`,
      {
        cause: error,
      },
    );
  }
}

/** The files of the embedded database cannot be written. */
export class DataDirectoryError extends OperatorError {}

/** PGlite throws WASI error numbers, not instances of Error. */
const wasiCodes: Readonly<Record<number, string>> = {
  2: 'EACCES',
  19: 'EDQUOT',
  51: 'ENOSPC',
  63: 'EPERM',
  69: 'EROFS',
};

function asSystemError(error: unknown): unknown {
  const { name, errno } = error as { name?: unknown; errno?: unknown };
  return name === 'ErrnoError' ? { code: wasiCodes[Number(errno)] } : error;
}

async function openLocked(directory: string, options: DatabaseOptions): Promise<Database> {
  const isKept = !directory.startsWith('memory:');
  const lock = isKept ? await lockDirectory(directory) : null;
  try {
    const { pglite, isFresh } = isKept
      ? await openFiles(directory, options.template)
      : await create(directory, options.template, true);
    const orm = await PgliteOrm.init({ ...shared(options), dbName: directory, driverOptions: { pglite } });
    const close = async () => {
      await orm.close(true);
      await pglite.close();
      lock?.release();
    };
    return assemble('embedded', orm, runOnOne(runOnPglite(pglite)), { ...options, isFresh, close });
  } catch (error) {
    lock?.release();
    throw error;
  }
}

/** The prefix of our own files in the data directory. */
export const ours = 'unionhall.';

/**
 * Creates the directory and takes its two locks. Earlier versions know only the one beside the directory. The one
 * inside is visible wherever the directory is mounted, with or without its parent.
 */
export async function lockDirectory(directory: string): Promise<Lock> {
  const what = `The database in ${directory}`;
  await mkdir(dirname(directory), { recursive: true });
  const outer = takeLock(`${directory}.lock`, what);
  try {
    await mkdir(directory, { recursive: true, mode: 0o700 });
    await chmod(directory, 0o700);
    const inner = takeLock(join(directory, `${ours}lock`), what);
    const release = (): void => {
      inner.release();
      outer.release();
    };
    return { release };
  } catch (error) {
    outer.release();
    throw error;
  }
}

/** Recreates a database whose creation was interrupted, because it contains no data yet. */
async function openFiles(
  directory: string,
  template: Blob | null | undefined,
): Promise<{ pglite: PGlite; isFresh: boolean }> {
  const unfinished = join(directory, `${ours}unfinished`);
  if (await exists(unfinished)) await empty(directory);
  const isFresh = !(await exists(join(directory, 'PG_VERSION')));
  if (isFresh) await writeFile(unfinished, '');
  const opened = await create(await realpath(directory), template, isFresh); // PGlite does not follow symbolic links
  if (isFresh) await rm(unfinished);
  return opened;
}

/** Removes PostgreSQL's files. Keeps the directory, which may be a mount, and our own files, which include a lock. */
async function empty(directory: string): Promise<void> {
  for (const name of await readdir(directory))
    if (!name.startsWith(ours)) await rm(join(directory, name), { recursive: true, force: true });
}

async function create(
  dataDir: string,
  template: Blob | null | undefined,
  isFresh: boolean,
): Promise<{ pglite: PGlite; isFresh: boolean }> {
  const pglite = await PGlite.create({
    dataDir,
    relaxedDurability: false,
    extensions: { pg_trgm },
    parsers: createPostgreSqlTypeParsers(strings as (text: string) => string[]),
    ...(isFresh && template && { loadDataDir: template }),
    // a database in memory copies the write-ahead log, whose single segment is the largest part of it
    ...(dataDir.startsWith('memory:') && { initDbStartParams: ['--wal-segsize=1'] }),
  });
  await pglite.exec(`set time zone 'UTC'`);
  return { pglite, isFresh };
}

function shared({ warn, onStatement }: DatabaseOptions) {
  return {
    ...ormOptions,
    migrations: { ...ormOptions.migrations, silent: true, snapshot: false },
    colors: false,
    loggerFactory: (options) => new Listener(options, warn, onStatement),
  } satisfies Options;
}

/** Forwards what MikroORM would print. */
class Listener extends DefaultLogger {
  constructor(
    options: ConstructorParameters<typeof DefaultLogger>[0],
    private readonly onWarning: ((message: string) => void) | undefined,
    private readonly onStatement: ((text: string) => void) | undefined,
  ) {
    super(options);
  }

  override isEnabled(namespace: LoggerNamespace): boolean {
    return namespace === 'query' && this.onStatement !== undefined;
  }

  override logQuery({ query }: LogContext & { query: string }): void {
    this.onStatement?.(query);
  }

  override warn(_: LoggerNamespace, message: string): void {
    this.onWarning?.(message);
  }

  override error(_: LoggerNamespace, message: string): void {
    this.onWarning?.(message);
  }
}

function assemble(
  engine: Database['engine'],
  orm: unknown,
  runners: Runners,
  { onStatement, isFresh, close }: DatabaseOptions & Pick<Database, 'isFresh' | 'close'>,
): Database {
  let statements = 0;
  let closing: Promise<void> | undefined;
  const counted =
    (run: RunStatement): RunStatement =>
    (text, ...rest) => {
      statements += 1;
      onStatement?.(text);
      return run(text, ...rest);
    };
  return {
    orm: orm as Database['orm'],
    engine,
    isFresh,
    get statements() {
      return statements;
    },
    run: counted(runners.run),
    runFor: (user) => counted(runners.runFor(user)),
    runReserved: counted(runners.runReserved),
    close: () => (closing ??= close()),
  };
}

/** Returns the client of the engine's library: a pool of `pg`, or the PGlite instance. */
export async function nativeClient<Client extends Pool | PGlite>({ orm }: Pick<Database, 'orm'>): Promise<Client> {
  return await (orm.driver.getConnection() as unknown as { getNativeClient(): Promise<Client> }).getNativeClient();
}

async function exists(path: string): Promise<boolean> {
  return await stat(path).then(
    () => true,
    () => false,
  );
}
