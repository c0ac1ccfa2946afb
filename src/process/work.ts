import type { EntityManager } from '@mikro-orm/core';
import type { SqlEntityManager } from '@mikro-orm/postgresql';
import { parsePostgresUrl, type Config } from '../config.ts';
import type { ContextSources } from '../context.ts';
import { isEmpty, migrate, openDatabase, type Database } from '../database/index.ts';
import { listen, type Listening } from '../database/listen.ts';
import { queueDatabase } from '../database/queue.ts';
import { caseChannel } from '../entities/case.ts';
import { ConnectionSource, type DatabaseConnection } from '../entities/setting.ts';
import { Refusals } from '../services/audit/index.ts';
import type { CaseChanges } from '../services/case/case-changes.ts';
import { registerKeys } from '../services/key.ts';
import type { PasswordHasher } from '../services/crypto/hasher.ts';
import type { Keyring } from '../services/crypto/keyring.ts';
import type { SetupToken } from '../services/crypto/setup.ts';
import { startMail, type Mail } from '../services/mail/index.ts';
import { hasOwner } from '../services/account/new-account.ts';
import { makeFirstAdmin } from '../services/account/first-admin.ts';
import { startCleanup, startSealing, type PeriodicJob } from './periodic.ts';
import type { Trace } from './trace.ts';
import { RestrictedSocket } from '../services/setting/address.ts';
import { type DatabaseLocation } from '../services/setting/connection-manager.ts';
import { urlOf } from '../services/setting/input.ts';
import { isSaved, SavedConnection } from '../services/setting/saved.ts';
import { serviceScope, type Scope } from '../services/scope.ts';

/** Where a database is, with the address that opens it; null for the embedded one. */
export interface DatabaseTarget extends DatabaseLocation {
  readonly url: string | null;
}

/**
 * What the environment says, else what was saved, else the embedded database. The keyring is asked for only where it is needed.
 * @throws {SavedError} where what was saved cannot be read: to work elsewhere would be worse.
 */
export async function resolveTarget(config: Config, keyring: () => Promise<Keyring>): Promise<DatabaseTarget> {
  const { databaseUrl: url } = config;
  if (url !== null) return { source: ConnectionSource.ENVIRONMENT, server: serverOf(url), url };
  const saved = (await isSaved(config.configDirectory))
    ? await savedConnectionOf(config, await keyring()).read()
    : null;
  return saved === null ? { source: ConnectionSource.EMBEDDED, server: null, url: null } : placeOf(saved);
}

/** What keeps the connection that is saved. */
export const savedConnectionOf = ({ configDirectory, environment }: Config, keyring: Keyring): SavedConnection =>
  new SavedConnection(configDirectory, keyring, environment === 'production');

export const placeOf = (connection: DatabaseConnection): DatabaseTarget => {
  const { host, port, database, username } = connection;
  return { source: ConnectionSource.SAVED, server: { host, port, database, username }, url: urlOf(connection) };
};

function serverOf(url: string): DatabaseLocation['server'] {
  const { hostname, port, pathname, username, searchParams } = parsePostgresUrl(url) ?? new URL(url);
  return {
    host: searchParams.get('host') ?? hostname.replace(/^\[|\]$/g, ''),
    port: Number(searchParams.get('port') ?? (port || 5432)),
    database: decodeURIComponent(pathname.slice(1)),
    username: decodeURIComponent(username),
  };
}

/** What every piece of work of one process shares, whichever database it is on. */
export interface Shared {
  readonly config: Config;
  readonly keyring: Keyring;
  readonly passwords: PasswordHasher;
  readonly setup: SetupToken;
  readonly now: () => Date;
  readonly warn: (message: string) => void;
  /** Traces jobs. Left out if tracing is off. */
  readonly trace?: Trace;
  readonly print: ((text: string) => void) | null;
  readonly mappings: ContextSources['mappings'];
  readonly tools: Omit<ContextSources['tools'], 'mail'>;
  readonly changes: CaseChanges;
  /** Changes may have been missed: subscribers must be told. */
  readonly missed: () => void;
}

/** The service's work on one database: what its requests are answered from, and its jobs. */
export interface Work {
  readonly database: Database;
  readonly place: DatabaseTarget;
  readonly sources: ContextSources;
  readonly hasSeeded: boolean;
  /** Whether somebody owned the instance when it began. */
  readonly isOwned: boolean;
  /** Notes that a request begins. @returns what notes that it is over. */
  enter(): () => void;
  /** Waits for the requests that began here. */
  idle(): Promise<void>;
  /** Ends the jobs, each as soon as it may, and closes the database. */
  end(): Promise<void>;
}

/**
 * Brings a database up to date over connections of its own, past a pooler where there is a way, on which a statement may take
 * as long as it takes. An embedded one has no such connections: it is brought up to date where it is opened.
 */
export async function update(config: Config, place: DatabaseTarget, migrating: () => void = () => {}): Promise<void> {
  if (place.url === null) return;
  const databaseUrl = isDirect(config, place) ? config.directUrl : place.url;
  const database = await openDatabase(
    { ...config, databaseUrl, databasePoolSize: 2 },
    { prepares: false, ...carefully(place) },
  );
  try {
    migrating();
    await migrate(database);
  } finally {
    await database.close();
  }
}

/** Opens the database of a place, which is brought up to date before. */
export async function openUpdated(
  config: Config,
  place: DatabaseTarget,
  { isPatient = false, migrating = () => {} } = {},
): Promise<Database> {
  await update(config, place, migrating);
  const database = await openTarget(config, place, isPatient);
  if (database.engine === 'embedded') await migrateOrClose(database, migrating);
  return database;
}

/** Brings an open database up to date. Where that fails, it is closed. */
export async function migrateOrClose(database: Database, migrating: () => void): Promise<void> {
  migrating();
  try {
    await migrate(database);
  } catch (error) {
    await database.close();
    throw error;
  }
}

/** Whether there is a way to the server itself beside one through a pooler. */
const isDirect = ({ directUrl }: Config, { source }: DatabaseLocation): boolean =>
  source === ConnectionSource.ENVIRONMENT && directUrl !== null;

/** Opens the database of a place for the service. */
export async function openTarget(config: Config, place: DatabaseTarget, isPatient = false): Promise<Database> {
  return await openDatabase(
    { ...config, databaseUrl: place.url },
    {
      prepares: config.preparesStatements,
      ...(!isPatient && { patience: config.patience.request }),
      ...carefully(place),
    },
  );
}

/** What somebody typed is connected to with care; what the operator wrote is the operator's affair. */
const carefully = ({ source }: DatabaseLocation) =>
  source === ConnectionSource.SAVED ? { stream: () => new RestrictedSocket() } : {};

/** Begins the work on an open database that is up to date. Where it fails, the database is closed. */
export async function beginWork(shared: Shared, place: DatabaseTarget, database: Database): Promise<Work> {
  const { config, keyring, now, warn, passwords, mappings, changes, trace } = shared;
  let mail: Mail | undefined;
  let listening: Listening | undefined;
  try {
    await registerKeys({ em: database.orm.em as SqlEntityManager, keyring });
    const hasSeeded = wantsSeeds(config, database) && (await seedWhenEmpty(config, database, passwords));
    const sending = await mailOf(config, {
      database,
      keyring,
      now,
      warn,
      print: shared.print,
      ...(trace && { trace }),
    });
    mail = sending;
    const em = database.orm.em as SqlEntityManager;
    const tools = { ...shared.tools, mail: sending.queue };
    const refusals = new Refusals({ em, tools, warn });
    const hearing = await listen(database, {
      channel: caseChannel,
      hear: (told) => changes.hear(told),
      missed: shared.missed,
      warn,
      ...(isDirect(config, place) && { url: config.directUrl }),
    });
    listening = hearing;
    const isOwned = await ensureOwner(serviceScope(tools, em, database.run, 'start'), config);
    const cleanup = startCleanup({
      scope: { em, ...tools },
      every: config.cleanupEvery,
      warn,
      ...(trace && { trace }),
    });
    const sealing = startSealing({ em, keyring, every: config.sealEvery, warn, ...(trace && { trace }) });
    const requests = new Requests();
    return {
      database,
      place,
      hasSeeded,
      isOwned,
      sources: { em, ...runnersOf(database), mappings, tools, refusals, changes },
      enter: () => requests.enter(),
      idle: () => requests.idle(),
      end: () =>
        end({
          listening: hearing,
          refusals,
          cleanup,
          sealing,
          mail: sending,
          database,
          patience: config.patience.stop,
        }),
    };
  } catch (error) {
    await Promise.allSettled([listening?.stop(), mail?.stop()]);
    await database.close();
    throw error;
  }
}

const runnersOf = (database: Database) => ({
  run: database.run,
  runFor: (userId: string | null) => database.runFor(userId),
  runReserved: database.runReserved,
});

/** Makes the first admin where the operator names one. @returns whether somebody owns the instance. */
async function ensureOwner(scope: Scope, { firstAdmin }: Config): Promise<boolean> {
  if (firstAdmin !== null) await makeFirstAdmin(scope, firstAdmin);
  return await hasOwner(scope);
}

/** What mail needs of a process, but for what the configuration says. */
export interface MailSources {
  readonly database: Database;
  readonly keyring: Keyring;
  readonly now: () => Date;
  readonly warn: (message: string) => void;
  /** Traces jobs. Left out if tracing is off. */
  readonly trace?: Trace;
  /** Null for the usual: development prints mails where no server sends them. */
  readonly print: ((text: string) => void) | null;
}

/** Starts mail as the configuration wants it. */
export async function mailOf(
  { mail, timeZone, environment }: Config,
  { database, print, ...room }: MailSources,
): Promise<Mail> {
  const { smtp, publicUrl, sends } = mail;
  return await startMail({
    ...room,
    em: database.orm.em.fork() as SqlEntityManager,
    db: await queueDatabase(database),
    settings: { publicUrl, timeZone },
    smtp,
    sends,
    print: print ?? (environment === 'development' ? toStdout : null),
  });
}

/** Prints a mail on the terminal. */
export const toStdout = (text: string): void => void process.stdout.write(`\n${text}\n`);

/** Requests that have begun and are not over. */
class Requests {
  #open = 0;
  #waiting: (() => void)[] = [];

  enter(): () => void {
    this.#open += 1;
    return () => {
      this.#open -= 1;
      if (this.#open === 0) for (const resume of this.#waiting.splice(0)) resume();
    };
  }

  idle(): Promise<void> {
    return this.#open === 0 ? Promise.resolve() : new Promise((resolve) => void this.#waiting.push(resolve));
  }
}

interface Jobs {
  readonly listening: Listening;
  readonly refusals: Refusals;
  readonly cleanup: PeriodicJob;
  readonly sealing: PeriodicJob;
  readonly mail: Mail;
  readonly database: Database;
  /** Seconds. */
  readonly patience: number;
}

async function end({ listening, refusals, cleanup, sealing, mail, database, patience }: Jobs): Promise<void> {
  await closeAfter(database, [
    refusals.settle(),
    listening.stop(),
    cleanup.stop(),
    sealing.stop(),
    mail.stop(patience * 1000),
  ]);
}

/** Closes a database when all that works on it has ended, or failed to. @throws what one of them failed with. */
export async function closeAfter(database: Database, ends: readonly Promise<void>[]): Promise<void> {
  await Promise.allSettled(ends);
  await database.close();
  await Promise.all(ends);
}

/** Only the embedded database is seeded without being asked to by SEED. Production never is. */
const wantsSeeds = (config: Config, { engine }: Database): boolean =>
  config.environment !== 'production' && (config.seedWhenEmpty ?? engine === 'embedded');

async function seedWhenEmpty(config: Config, database: Database, passwords: PasswordHasher): Promise<boolean> {
  if (!(await isEmpty(database))) return false;
  const { seed } = await import('../../seeds/index.ts');
  const { environment } = config;
  await seed(database.orm.em as EntityManager, {
    environment,
    hashPassword: (password) => passwords.hash(password),
    givesOwner: true,
  });
  return true;
}
