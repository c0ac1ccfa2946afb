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

/** The location of a database and its URL. The URL is null for the embedded database. */
export interface DatabaseTarget extends DatabaseLocation {
  readonly url: string | null;
}

/**
 * Finds the database: from the environment, then from the saved connection, else the embedded one. Loads the keyring
 * only for a saved connection.
 * @throws {SavedError} if the saved connection cannot be read, because another database would be worse.
 */
export async function resolveTarget(config: Config, keyring: () => Promise<Keyring>): Promise<DatabaseTarget> {
  const { databaseUrl: url } = config;
  if (url !== null) return { source: ConnectionSource.ENVIRONMENT, server: serverOf(url), url };
  const saved = (await isSaved(config.configDirectory))
    ? await savedConnectionOf(config, await keyring()).read()
    : null;
  return saved === null ? { source: ConnectionSource.EMBEDDED, server: null, url: null } : placeOf(saved);
}

/** Returns the store of the saved connection. */
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

/** The parts of a process that stay the same when it changes its database. */
export interface Shared {
  readonly config: Config;
  readonly keyring: Keyring;
  readonly passwords: PasswordHasher;
  readonly setup: SetupToken;
  readonly now: () => Date;
  readonly warn: (message: string) => void;
  /** Traces jobs. Undefined if tracing is off. */
  readonly trace?: Trace;
  readonly print: ((text: string) => void) | null;
  readonly mappings: ContextSources['mappings'];
  readonly tools: Omit<ContextSources['tools'], 'mail'>;
  readonly changes: CaseChanges;
  /** Called when changes may have been missed. Subscribers must reconnect. */
  readonly missed: () => void;
}

/** The service's work on one database: answering requests, and jobs. */
export interface Work {
  readonly database: Database;
  readonly place: DatabaseTarget;
  readonly sources: ContextSources;
  readonly hasSeeded: boolean;
  /** Whether the instance had an owner when the work started. */
  readonly isOwned: boolean;
  /** Counts a request that starts. @returns a function to call at its end. */
  enter(): () => void;
  /** Waits for the running requests. */
  idle(): Promise<void>;
  /** Ends the jobs as soon as possible and closes the database. */
  end(): Promise<void>;
}

/**
 * Migrates a database over separate connections without a statement time-out, past a pooler if there is a direct
 * address. An embedded database has no such connections and is migrated where it is opened.
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

/** Migrates a database and opens it. */
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

/** Migrates an open database, and closes it if that fails. */
export async function migrateOrClose(database: Database, migrating: () => void): Promise<void> {
  migrating();
  try {
    await migrate(database);
  } catch (error) {
    await database.close();
    throw error;
  }
}

/** Whether an address past the pooler is configured. */
const isDirect = ({ directUrl }: Config, { source }: DatabaseLocation): boolean =>
  source === ConnectionSource.ENVIRONMENT && directUrl !== null;

/** Opens a database for the service. */
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

/** Restricts connections to an address that an API client entered. An address from the operator is not restricted. */
const carefully = ({ source }: DatabaseLocation) =>
  source === ConnectionSource.SAVED ? { stream: () => new RestrictedSocket() } : {};

/** Starts the work on a migrated, open database, and closes the database if that fails. */
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

/** Creates the first admin if one is configured. @returns whether the instance has an owner. */
async function ensureOwner(scope: Scope, { firstAdmin }: Config): Promise<boolean> {
  if (firstAdmin !== null) await makeFirstAdmin(scope, firstAdmin);
  return await hasOwner(scope);
}

/** The parts of a process that mail needs beside the configuration. */
export interface MailSources {
  readonly database: Database;
  readonly keyring: Keyring;
  readonly now: () => Date;
  readonly warn: (message: string) => void;
  /** Traces jobs. Undefined if tracing is off. */
  readonly trace?: Trace;
  /** Null for the default: development prints mails if no mail server is configured. */
  readonly print: ((text: string) => void) | null;
}

/** Starts the mail queue and worker as configured. */
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

/** The requests in progress. */
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
  /** In seconds. */
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

/** Waits until all users of a database have ended, and closes it. @throws the first error of one of them. */
export async function closeAfter(database: Database, ends: readonly Promise<void>[]): Promise<void> {
  await Promise.allSettled(ends);
  await database.close();
  await Promise.all(ends);
}

/** Whether to seed: an embedded database by default, others only with SEED. Never in production. */
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
