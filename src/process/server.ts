import { setTimeout } from 'node:timers/promises';
import type { SqlEntityManager } from '@mikro-orm/postgresql';
import type { FastifyInstance } from 'fastify';
import type { GraphQLSchema } from 'graphql';
import type { DestinationStream, Logger } from 'pino';
import { ConfigError, type Config } from '../config.ts';
import { createContext, type Context, type ContextSources, type Incoming } from '../context.ts';
import type { Database } from '../database/index.ts';
import { systemClock } from '../entities/clock.ts';
import { ConnectionFailure, ConnectionSource, type DatabaseConnection } from '../entities/setting.ts';
import { conflict, isAway, OperatorError, SeededError, unavailable } from '../errors.ts';
import { compiling, type Execute } from '../http/execution.ts';
import { explained } from '../http/explain.ts';
import { createHttp } from '../http/index.ts';
import { MailWindow } from '../http/mail-window.ts';
import { readTrusted, type TrustedDocuments } from '../http/trusted.ts';
import { openLog } from './log.ts';
import { Metrics, publish } from './metrics.ts';
import { lowerWorkers } from './priority.ts';
import { operations, rootTypes } from '../permissions/index.ts';
import { buildExecutable, buildOffline } from '../schema.ts';
import { CaseChanges } from '../services/case/case-changes.ts';
import { queueProblem } from '../services/mail/index.ts';
import { AccessTokens } from '../services/crypto/jwt.ts';
import { PasswordHasher } from '../services/crypto/hasher.ts';
import { termsOf } from '../services/sign-in/session-terms.ts';
import { loadKeyring } from '../services/crypto/keyfile.ts';
import { KeyringError, type Keyring } from '../services/crypto/keyring.ts';
import { passwordProblems } from '../services/crypto/policy.ts';
import { SetupToken } from '../services/crypto/setup.ts';
import {
  MemoryLimiter,
  type ConnectionManager,
  type PreparedDatabase,
} from '../services/setting/connection-manager.ts';
import { failureOf, messageOf } from '../services/setting/failure.ts';
import { BreachedPasswords } from '../services/proof/breached-passwords.ts';
import { refuseSeededUsers } from '../services/user/seeded-accounts.ts';
import type { Sockets } from '../http/socket.ts';
import { Start, type StartStage } from './start-up.ts';
import { tracingTo, type Tracing } from './trace.ts';
import { version } from './version.ts';
import {
  beginWork,
  migrateOrClose,
  openUpdated,
  placeOf,
  savedConnectionOf,
  toStdout,
  resolveTarget,
  type Shared,
  type DatabaseTarget,
  type Work,
} from './work.ts';

/** A running service. */
export interface Service {
  /** The base URL, for example `http://127.0.0.1:4000`. */
  readonly url: string;
  /** The URL of the metrics. Null if metrics are off. */
  readonly metricsUrl: string | null;
  /** The current database. */
  readonly database: Database;
  readonly place: DatabaseTarget;
  /** Whether this start seeded the database. */
  readonly hasSeeded: boolean;
  /** The token that creates the owner. Null if there is an owner. */
  readonly setupToken: string | null;
  /**
   * Accepts no more requests, lets running requests and mails finish within the time-out, and closes the database.
   * @returns whether everything finished.
   */
  readonly stop: (options?: StopOptions) => Promise<boolean>;
}

export interface StopOptions {
  /** The seconds during which requests are still accepted while /health reports the shutdown. */
  readonly delay?: number;
}

/** A service that listens but may not be ready. */
export interface LaunchedService {
  readonly url: string;
  readonly stage: StartStage;
  /** Resolves when the service is ready. Rejects if that is impossible, or if the service was stopped before. */
  readonly ready: Promise<Service>;
  readonly stop: Service['stop'];
}

/** Parts that tests replace. */
export interface StartOptions {
  readonly database?: Database;
  readonly keyring?: Keyring;
  /** Executes operations. */
  readonly execute?: (schema: GraphQLSchema) => Execute;
  /** Receives the log lines instead of standard output. */
  readonly logTo?: DestinationStream;
  /** Replaces the clocks of the system and the database. */
  readonly now?: () => Date;
  /** Receives mails if no mail server is configured. By default, development prints them. */
  readonly print?: (text: string) => void;
  /** Receives a secret for the operator: the set-up token of a database that became empty after the start. */
  readonly announce?: (text: string) => void;
}

/** The operator must change something before a start can succeed. */
export class StartError extends OperatorError {}

/** Starts the service and waits until it is ready: the database is open, migrated and, if configured, seeded. */
export async function start(config: Config, options: StartOptions = {}): Promise<Service> {
  return await (
    await launch(config, options)
  ).ready;
}

/** Starts to listen, and works until the service is ready; see `start-up.ts`. */
export async function launch(config: Config, options: StartOptions = {}): Promise<LaunchedService> {
  const own = await prepare(config, options).catch(async (error: unknown) => {
    await options.database?.close();
    throw error;
  });
  return await own.launch();
}

async function prepare(config: Config, options: StartOptions): Promise<ServiceProcess> {
  const keyring =
    options.keyring ??
    (await loadKeyring({ keys: config.keys, directory: config.configDirectory, mayMake: config.mayMakeKeys }));
  demandOperations(config.sessions.verifiedOperations);
  demandFirstPassword(config);
  const trusted = await readTrusted(config.trustedDocuments);
  const place = options.database
    ? await givenPlace(config)
    : await resolveTarget(config, () => Promise.resolve(keyring));
  const { schema, mappings } = options.database
    ? buildExecutable(options.database.orm.getMetadata())
    : await buildOffline();
  const tracing = await tracingTo(config.traceEndpoint);
  return new ServiceProcess(config, options, { keyring, place, schema, mappings, trusted, tracing });
}

/** Returns the location that the configuration names, for a database that a test opened. */
const givenPlace = async (config: Config): Promise<DatabaseTarget> =>
  config.databaseUrl === null
    ? { source: ConnectionSource.EMBEDDED, server: null, url: null }
    : await resolveTarget(config, () =>
        loadKeyring({ keys: config.keys, directory: config.configDirectory, mayMake: false }),
      );

interface Prepared {
  readonly keyring: Keyring;
  readonly place: DatabaseTarget;
  readonly schema: GraphQLSchema;
  readonly mappings: ContextSources['mappings'];
  readonly trusted: TrustedDocuments | null;
  readonly tracing: Tracing | null;
}

/** One process of the service: its HTTP server, and its work on a database, which may move to another database. */
class ServiceProcess {
  readonly #config: Config;
  readonly #options: StartOptions;
  readonly #schema: GraphQLSchema;
  readonly #log: Logger;
  readonly #shared: Shared;
  readonly #metrics: Metrics;
  readonly #trusted: TrustedDocuments | null;
  readonly #tracing: Tracing | null;
  readonly #mails: MailWindow | null;
  readonly #start: Start<Work>;
  #place: DatabaseTarget;
  #http: FastifyInstance | undefined;
  #sockets: Sockets | undefined;
  #url = '';
  #metricsServer: Awaited<ReturnType<typeof publish>> | null = null;
  #setupToken: string | null = null;
  #isMoving = false;
  #askedAt = 0;
  #isTokenMade = false;
  #warnedOf: string | null = null;
  readonly #retiring = new Set<Promise<void>>();
  #running: Promise<unknown> | undefined;
  #stopping: Promise<boolean> | undefined;

  constructor(config: Config, options: StartOptions, { keyring, place, schema, mappings, trusted, tracing }: Prepared) {
    this.#config = config;
    this.#options = options;
    this.#schema = schema;
    this.#place = place;
    this.#trusted = trusted;
    this.#tracing = tracing;
    this.#log = openLog(config.logLevel, options.logTo);
    this.#metrics = new Metrics();
    const { environment, offersPlayground, mail } = config;
    this.#mails = environment !== 'production' && offersPlayground && mail.smtp === null ? new MailWindow() : null;
    this.#shared = this.#share(keyring, mappings);
    this.#start = new Start({
      begin: (migrating) => this.#begin(migrating),
      passing: (error) => this.#passing(error),
      waiting: (reason, seconds) => this.#waiting(reason, seconds),
      discard: (work) => work.end(),
    });
  }

  async launch(): Promise<LaunchedService> {
    try {
      await this.#listen();
    } catch (error) {
      await this.#http?.close();
      await this.#options.database?.close();
      throw error;
    }
    const running = this.#start.run();
    this.#running = running.catch(() => undefined);
    const ready = running.then(
      async (work) => await this.#become(work),
      async (error: unknown) => {
        if (this.#stopping === undefined) await this.#close();
        throw error;
      },
    );
    ready.catch(() => undefined); // its callers handle the failure
    const { url } = this;
    const stage = (): StartStage => this.#start.stage;
    return {
      url,
      get stage() {
        return stage();
      },
      ready,
      stop: this.stop,
    };
  }

  get url(): string {
    return this.#url;
  }

  readonly stop = ({ delay = 0 }: StopOptions = {}): Promise<boolean> => (this.#stopping ??= this.#stop(delay));

  async #stop(delay: number): Promise<boolean> {
    this.#start.stop();
    if (delay > 0 && this.#start.work !== null) await this.#linger(delay);
    const grace = setTimeout(this.#config.patience.stop * 1000, false, { ref: false });
    const hasFinished = await Promise.race([this.#finish().then(() => true), grace]);
    if (!hasFinished) this.#http?.server.closeAllConnections();
    return hasFinished;
  }

  /**
   * Closing would reset connections whose request was not read yet, so this waits for a short time without requests.
   */
  async #linger(seconds: number): Promise<void> {
    await setTimeout(seconds * 1000);
    const latest = performance.now() + longestWaitForQuiet;
    while (performance.now() < latest && performance.now() - this.#askedAt < quiet) await setTimeout(quiet / 4);
  }

  async #finish(): Promise<void> {
    await this.#close();
    await Promise.all([this.#running, ...this.#retiring]);
    await this.#start.work?.end(); // meanwhile, the work may have moved to another database
  }

  async #close(): Promise<void> {
    await this.#http?.close();
    await this.#metricsServer?.stop();
    await this.#tracing?.stop();
  }

  async #listen(): Promise<void> {
    const config = this.#config;
    const execute = this.#options.execute?.(this.#schema) ?? compiling(this.#schema);
    const { app, sockets } = await createHttp({
      config,
      log: this.#log,
      schema: this.#schema,
      execute: this.#tracing?.execute(execute) ?? execute,
      ...(this.#tracing && { onRequest: this.#tracing.onRequest }),
      contextOf: (incoming) => this.#contextOf(incoming),
      timeLeft: (accessToken) => this.#shared.tools.tokens.timeLeft(accessToken, this.#shared.now()),
      trouble: () => this.#start.trouble,
      isServing: () => this.#start.work !== null,
      checkDatabase: () => this.#check(),
      metrics: this.#metrics,
      trusted: this.#trusted,
      ...(config.offersPlayground && { playground: await this.#playground() }),
    });
    this.#http = app;
    this.#sockets = sockets;
    const { metricsPort, host, port } = config;
    this.#url = await app.listen({ host, port }).catch(refuseTaken('PORT'));
    if (metricsPort !== null) {
      const publishing = publish(this.#metrics, { host, port: metricsPort }, () => this.#start.work?.database);
      this.#metricsServer = await publishing.catch(refuseTaken('METRICS_PORT'));
    }
    await lowerWorkers();
  }

  async #playground(): Promise<(app: FastifyInstance) => Promise<void>> {
    const { playground } = await import('../http/playground.ts');
    return playground({ schema: this.#schema, database: () => this.#start.work?.database, mails: this.#mails });
  }

  async #contextOf(incoming: Incoming): Promise<Context> {
    const work = this.#start.work;
    this.#askedAt = performance.now();
    if (work === null) return await createContext(this.#before(), { ...incoming, accessToken: null });
    incoming.onEnd?.(work.enter());
    return await createContext(explained(work.sources), incoming);
  }

  /** Returns the parts for requests before there is a database. They serve only the settings. */
  #before(): ContextSources {
    const away = (): never => {
      throw unavailable();
    };
    const { mappings, tools, changes, warn } = this.#shared;
    const run = () => Promise.reject(unavailable());
    return {
      em: { fork: away } as unknown as SqlEntityManager,
      run,
      runFor: () => run,
      runReserved: run,
      mappings,
      tools: { ...tools, mail: { enqueue: away } },
      refusals: {
        note: ({ operation, code }, _viewer, { requestId }) =>
          warn(`${operation} refused: ${code} (request ${requestId})`),
      },
      changes,
    };
  }

  /** Says what keeps the database from serving requests. @throws {Refusal} if it does not respond or is read-only. */
  async #check(): Promise<string | null> {
    const { work } = this.#start;
    if (work === null) throw unavailable();
    const rows = await work.database.runReserved(
      `select 1 as one where current_setting('transaction_read_only') = 'off'`,
    );
    if (rows.length === 0) throw unavailable();
    return await queueProblem(work.database.runReserved);
  }

  async #begin(migrating: () => void): Promise<Work> {
    const place = this.#place;
    const { database: given } = this.#options;
    if (given) await migrateOrClose(given, migrating);
    return await beginWork(this.#shared, place, given ?? (await this.#open(place, migrating)));
  }

  /** @throws {SeededError} in production, when public passwords open the database's accounts. */
  async #open(place: DatabaseTarget, migrating?: () => void): Promise<Database> {
    const database = await openUpdated(this.#config, place, { migrating });
    if (this.#config.environment !== 'production') return database;
    try {
      await refuseSeededUsers({ em: database.orm.em.fork() as SqlEntityManager, passwords: this.#shared.passwords });
      return database;
    } catch (error) {
      await database.close();
      throw error;
    }
  }

  /** @returns a short reason if a retry may succeed. Null otherwise, and always for a database that a test opened. */
  #passing(error: unknown): string | null {
    if (this.#options.database || error instanceof KeyringError || error instanceof SeededError) return null;
    const reason = failureOf(error);
    const { source } = this.#place;
    if (source === ConnectionSource.SAVED) return reason ?? (isAway(error) ? ConnectionFailure.UNREACHABLE : null);
    if (source === ConnectionSource.EMBEDDED) return null;
    if (reason === ConnectionFailure.PRIVILEGES) throw new StartError(notAllowed);
    if (reason !== null && fixed.has(reason)) throw new StartError(`${messageOf(reason)}. Correct DATABASE_URL.`);
    return isAway(error) ? (reason ?? ConnectionFailure.UNREACHABLE) : null;
  }

  async #waiting(reason: string, seconds: number): Promise<void> {
    if (this.#warnedOf !== reason)
      this.#shared.warn(`${messageOf(reason as ConnectionFailure)}; retrying in ${seconds.toFixed(1)} s.`);
    this.#warnedOf = reason;
    if (this.#place.source !== ConnectionSource.SAVED || this.#isTokenMade) return;
    this.#isTokenMade = true;
    const { setup } = this.#shared;
    await setup.forget();
    this.#options.announce?.(
      `The saved database cannot be reached (${reason.toUpperCase()}). Set-up token for saving another connection with saveConnection: ${await setup.keep()}`,
    );
  }

  async #become(work: Work): Promise<Service> {
    this.#setupToken = await this.#tokenFor(this.#start.work ?? work);
    const { url, stop } = this;
    const current = (): Work => this.#start.work ?? work;
    const setupToken = (): string | null => this.#setupToken;
    return {
      url,
      metricsUrl: this.#metricsServer?.url ?? null,
      get database() {
        return current().database;
      },
      get place() {
        return current().place;
      },
      hasSeeded: work.hasSeeded,
      get setupToken() {
        return setupToken();
      },
      stop,
    };
  }

  /** Returns the set-up token, which lasts until the instance has an owner. Null if there is one. */
  async #tokenFor({ isOwned }: Work): Promise<string | null> {
    const { setup } = this.#shared;
    if (!isOwned) return await setup.keep();
    await setup.forget();
    return null;
  }

  /** Starts work on another database, beside the current work. */
  async #prove(connection: DatabaseConnection): Promise<PreparedDatabase> {
    if (this.#isMoving)
      throw conflict('The service is already moving to another database. Wait until it has finished.');
    this.#isMoving = true;
    try {
      const place = placeOf(connection);
      const work = await beginWork(this.#shared, place, await this.#open(place));
      return {
        adopt: async () => {
          this.#isMoving = false;
          await this.#adopt(work);
        },
        discard: async () => {
          this.#isMoving = false;
          await work.end();
        },
      };
    } catch (error) {
      this.#isMoving = false;
      throw error;
    }
  }

  async #adopt(work: Work): Promise<void> {
    await this.#shared.setup.forget(); // the token was for the previous database
    this.#setupToken = await this.#tokenFor(work);
    this.#place = work.place;
    const before = this.#start.adopt(work);
    this.#shared.missed(); // subscribers reconnect and receive the changes of this database
    if (this.#setupToken !== null)
      this.#options.announce?.(`The new database has no owner yet. Set-up token for setupOwner: ${this.#setupToken}`);
    if (before === null) return;
    const retiring = this.#retire(before).finally(() => this.#retiring.delete(retiring));
    this.#retiring.add(retiring);
  }

  /** Ends the work on the previous database after its requests, or after a time-out. */
  async #retire(work: Work): Promise<void> {
    await Promise.race([work.idle(), setTimeout((this.#config.patience.request + 1) * 1000, null, { ref: false })]);
    await work
      .end()
      .catch((error: unknown) => this.#shared.warn(`Closing the previous database failed: ${(error as Error).name}`));
  }

  #share(keyring: Keyring, mappings: ContextSources['mappings']): Shared {
    const config = this.#config;
    const passwords = new PasswordHasher(keyring, config.passwordCost);
    const now = this.#options.now ?? systemClock;
    const warn = (message: string): void => this.#log.warn(message);
    const setup = new SetupToken(config.configDirectory, warn);
    const tools = {
      keyring,
      passwords,
      tokens: new AccessTokens(keyring, termsOf(config.sessions)),
      breached: new BreachedPasswords({ baseUrl: config.breachUrl, warn }),
      setup,
      rules: config.sessions,
      vault: config.vault,
      warn,
      timeZone: config.timeZone,
      thresholds: config.reviewThresholds,
      now,
      connections: this.#connectionManager(keyring, warn),
      turns: new MemoryLimiter(),
    };
    const changes = new CaseChanges(config.sockets.backlog);
    const missed = (): void => this.#sockets?.missed();
    const print = this.#printing();
    const trace = this.#tracing?.trace;
    return {
      config,
      keyring,
      passwords,
      setup,
      now,
      warn,
      print,
      mappings,
      tools,
      changes,
      missed,
      ...(trace && { trace }),
    };
  }

  /** Development prints mails if no mail server is configured, and shows them beside the playground. */
  #printing(): ((text: string) => void) | null {
    const print = this.#options.print ?? (this.#config.environment === 'development' ? toStdout : null);
    return print && (this.#mails?.recording(print) ?? print);
  }

  #connectionManager(keyring: Keyring, warn: (message: string) => void): ConnectionManager {
    const { configDirectory, mail } = this.#config;
    const place = (): DatabaseTarget => this.#place;
    const work = (): Work | null => this.#start.work;
    return {
      get place() {
        return place();
      },
      get em() {
        return (work()?.database.orm.em as SqlEntityManager | undefined) ?? null;
      },
      serverVersion: async () => {
        const rows = await work()
          ?.database.run('show server_version')
          .catch(() => []);
        return (rows?.[0]?.['server_version'] as string | undefined) ?? null;
      },
      configDirectory,
      isMailConfigured: mail.smtp !== null,
      version,
      prove: (connection) => this.#prove(connection),
      draft: (connection) => savedConnectionOf(this.#config, keyring).draft(connection),
      warn,
    };
  }
}

/** The milliseconds without a request that count as quiet, and the maximum wait. */
const quiet = 100;
const longestWaitForQuiet = 2_000;

/** @throws {StartError} if the system refuses the port in a variable. */
const refuseTaken =
  (variable: 'PORT' | 'METRICS_PORT') =>
  (error: NodeJS.ErrnoException): never => {
    if (error.code === 'EADDRINUSE')
      throw new StartError(
        `The port in ${variable} is already in use. Stop the program that uses it, or set another port.`,
      );
    if (error.code === 'EACCES')
      throw new StartError(`This user may not listen on the port in ${variable}. Set a port above 1023.`);
    if (error.code === 'ENOTFOUND' || error.code === 'EAI_AGAIN')
      throw new StartError(
        'HOST cannot be resolved. Set an address of this machine: 127.0.0.1, or 0.0.0.0 for all addresses.',
      );
    if (error.code === 'EADDRNOTAVAIL') throw new StartError('HOST must be an address of this machine.');
    throw error;
  };

/** Failures that a retry cannot fix. */
const fixed: ReadonlySet<ConnectionFailure> = new Set([
  ConnectionFailure.AUTHENTICATION,
  ConnectionFailure.UNKNOWN_DATABASE,
  ConnectionFailure.TLS,
  ConnectionFailure.ENCODING,
]);

const notAllowed =
  'The user in DATABASE_URL lacks the database privileges that a start needs. ' +
  'Set DATABASE_URL to a role that has them, and create the tables: npm run db:migrate. ' +
  'docs/operations.md lists the grants that the service needs.';

/** @throws {ConfigError} for an unknown operation. A misspelled name would protect nothing. */
function demandOperations(names: readonly string[]): void {
  const known = new Set(rootTypes.flatMap((root) => Object.keys(operations[root])));
  const wrong = names.filter((name) => !known.has(name));
  if (wrong.length > 0) throw new ConfigError([`VERIFIED_OPERATIONS lists unknown operations: ${wrong.join(', ')}`]);
  if (names.some((name) => verifying.includes(name)))
    throw new ConfigError([`VERIFIED_OPERATIONS must not list ${verifying.join(' or ')}: they verify the address`]);
}

/** @throws {ConfigError} if the first password breaks the password rules. It opens the instance until it is changed. */
function demandFirstPassword({ firstAdmin: admin, sessions }: Config): void {
  if (admin === null) return;
  const problems = passwordProblems(admin.password, {
    minLength: sessions.passwordMinLength,
    personal: [admin.username, admin.email],
    refusesGuessable: sessions.refusesGuessablePasswords,
  });
  if (problems.length > 0) throw new ConfigError(problems.map((problem) => `ADMIN_PASSWORD ${problem}`));
}

const verifying: readonly string[] = ['requestEmailVerification', 'verifyEmail'];
