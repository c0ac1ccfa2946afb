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

/** The parts of the configuration that say where the data is. The directory `memory://` keeps nothing. */
export type DatabaseConfig = Pick<Config, 'databaseUrl' | 'databasePoolSize' | 'dataDirectory'>;

export interface DatabaseOptions {
  /** What a new embedded database begins with; see `loadTemplate`. */
  readonly template?: Blob | null;
  /** Whether a PostgreSQL server prepares the statements of `run`, and is sent many at once. Off for a pooler that cannot. */
  readonly prepares?: boolean;
  /**
   * Seconds that a statement may take, after which the server ends it; a connection that stays silent for longer is given
   * up, and one to a server that takes no writes is not used. Without it a statement takes as long as it takes, whatever the
   * role or the database would allow it.
   */
  readonly patience?: number;
  /** Makes the sockets to the server: one that refuses some addresses, say. */
  readonly stream?: ClientConfig['stream'];
  /** Hears what the database layer has to warn of: a lost connection, say. */
  readonly warn?: (message: string) => void;
  /** Hears the text of every statement, of `run` and of the entity manager. It costs time: for tests. */
  readonly onStatement?: (text: string) => void;
}

/** An open database: entities are changed through `orm`, answers are read through `run`. */
export interface Database {
  readonly orm: MikroORM<AbstractSqlDriver, SqlEntityManager>;
  readonly engine: 'embedded' | 'postgresql';
  readonly run: RunStatement;
  /** Reads for a user: on a few connections at a time, and in a second try where the first is behind a slow statement. */
  readonly runFor: (user: string | null) => RunStatement;
  /** Runs on the connection that is kept for authentication and health checks. */
  readonly runReserved: RunStatement;
  /** How many statements were given to `run`, `runFor` and `runReserved`. */
  readonly statements: number;
  /** Whether opening it made it: an embedded database that was not there. */
  readonly isFresh: boolean;
  close(): Promise<void>;
}

/** Opens the PostgreSQL server that the configuration names, or else the embedded database; the schema is left as it is. */
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
    dbName: new Client(connection).database ?? '', // `pg` reads the rest: MikroORM knows no Unix sockets
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
 * What a pool's connections are for: reads take half of them, one is kept for authentication and health checks, changes take
 * the rest. A pool of two has none to keep; one of one does everything in turn.
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

/** On how many of the connections for reads statements of one user are at a time, at most. */
const perUserOf = (reads: number): number => Math.max(1, Math.min(4, Math.floor((reads - 1) / 2)));

/** What each connection to a server is made with. */
function connectionOf(url: string, { patience, stream }: DatabaseOptions): ClientConfig {
  const bounds =
    patience === undefined
      ? ['statement_timeout=0', 'lock_timeout=0', 'idle_in_transaction_session_timeout=0'] // the role or the database may have its own
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

/** Seconds beyond the time a statement may take, in which the server says that it took too long. */
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
 * A caller whose connection broke in the middle of a transaction cannot roll back, and Kysely then never gives it back
 * (its issue 1990): the pool would run dry.
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
      client.release = () => undefined; // called by the earlier holder
      release(true);
    });
  });
}

/**
 * One process, for development: the files have no lock of their own, so we take two. What was acknowledged survives the
 * end of the process however it comes, though not a power cut.
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

/** PGlite throws the numbers of WASI, and no instance of Error. */
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

/** How the files begin that are ours and not PostgreSQL's. */
export const ours = 'unionhall.';

/**
 * Makes the directory and takes its two locks. Earlier versions know the one beside it. The one inside is seen wherever
 * the directory is mounted, alone or with what is around it.
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

/** A database that was not completely made when its process ended is created again: nothing depends on it yet. */
async function openFiles(
  directory: string,
  template: Blob | null | undefined,
): Promise<{ pglite: PGlite; isFresh: boolean }> {
  const unfinished = join(directory, `${ours}unfinished`);
  if (await exists(unfinished)) await empty(directory);
  const isFresh = !(await exists(join(directory, 'PG_VERSION')));
  if (isFresh) await writeFile(unfinished, '');
  const opened = await create(await realpath(directory), template, isFresh); // PGlite follows no symbolic link
  if (isFresh) await rm(unfinished);
  return opened;
}

/** Removes what PostgreSQL wrote. The directory stays, as it may be mounted, and so do our files: a lock is one of them. */
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
    // What is kept nowhere is copied: the log, of which a segment is all there ever is, is the largest part of it.
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

/** Passes on what MikroORM would print. */
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

/** What the engine's own library opened: a pool of `pg`, or the PGlite instance. */
export async function nativeClient<Client extends Pool | PGlite>({ orm }: Pick<Database, 'orm'>): Promise<Client> {
  return await (orm.driver.getConnection() as unknown as { getNativeClient(): Promise<Client> }).getNativeClient();
}

async function exists(path: string): Promise<boolean> {
  return await stat(path).then(
    () => true,
    () => false,
  );
}
