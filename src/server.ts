import type { EntityManager } from '@mikro-orm/core';
import type { SqlEntityManager } from '@mikro-orm/postgresql';
import type { GraphQLSchema } from 'graphql';
import { pino } from 'pino';
import { ConfigError, type Config } from './config.ts';
import { createContext, type ContextSources } from './context.ts';
import { isEmpty, migrate, openDatabase, type Database } from './database/index.ts';
import { listen, type Listening } from './database/listen.ts';
import { queueDatabase } from './database/queue.ts';
import { caseChannel } from './entities/case.ts';
import { compiling, type Execute } from './execution.ts';
import { createHttp } from './http.ts';
import { lowerWorkers } from './priority.ts';
import { operations, rootTypes } from './permissions/index.ts';
import { buildExecutable } from './schema.ts';
import { Refusals, startSealing } from './services/audit/index.ts';
import { CaseChanges } from './services/case.ts';
import { AccessTokens } from './services/crypto/jwt.ts';
import { PasswordHasher } from './services/crypto/hasher.ts';
import { hasOwner, makeFirstAdmin, startCleanup, termsOf, type Cleanup, type SessionTools } from './services/session/index.ts';
import { loadKeyring } from './services/crypto/keyfile.ts';
import type { Keyring } from './services/crypto/keyring.ts';
import { SetupToken } from './services/crypto/setup.ts';
import { startMail, type Mail } from './services/mail/index.ts';
import { BreachedPasswords } from './services/user/index.ts';

/** A service that runs. */
export interface Service {
  /** Where it answers: `http://127.0.0.1:4000`. */
  readonly url: string;
  readonly database: Database;
  /** Whether this start seeded the database. */
  readonly hasSeeded: boolean;
  /** With which the owner is made, where there is none; null where there is one. */
  readonly setupToken: string | null;
  /** Stops answering, lets what runs finish, mails on their way too, and closes the database. */
  readonly stop: () => Promise<void>;
}

/** What tests put in the place of what the service would make itself. */
export interface StartOptions {
  readonly database?: Database;
  readonly keyring?: Keyring;
  /** What executes operations. */
  readonly execute?: (schema: GraphQLSchema) => Execute;
  /** The clock. */
  readonly now?: () => Date;
  /** Shows mails where no server sends them. By default development prints them. */
  readonly print?: (text: string) => void;
}

/** Opens the database, brings it up to date, seeds it where that is wanted, and answers. */
export async function start(config: Config, options: StartOptions = {}): Promise<Service> {
  const keyring =
    options.keyring ?? (await loadKeyring({ keys: config.keys, directory: config.configDirectory, mayMake: config.mayMakeKeys }));
  const passwords = new PasswordHasher(keyring, config.passwordCost);
  const now = options.now ?? (() => new Date());
  const log = pino({ level: config.logLevel });
  const warn = (message: string): void => log.warn(message);
  const database = options.database ?? (await openDatabase(config));
  let mail: Mail | undefined;
  let cleanup: Cleanup | undefined;
  let listening: Listening | undefined;
  try {
    await migrate(database);
    const hasSeeded = wantsSeeds(config, database) && (await seedWhenEmpty(config, database, passwords));
    mail = await mailOf(config, { database, keyring, now, warn, print: options.print ?? null });
    const { schema, subjects } = buildExecutable(database.orm.getMetadata());
    demandOperations(config.sessions.verifiedOperations);
    const setup = new SetupToken(config.configDirectory);
    const tools = {
      keyring,
      passwords,
      tokens: new AccessTokens(keyring, termsOf(config.sessions)),
      mail: mail.queue,
      breached: new BreachedPasswords({ baseUrl: config.breachUrl, warn }),
      setup,
      rules: config.sessions,
      vault: config.vault,
      warn,
      timeZone: config.timeZone,
      thresholds: config.reviewThresholds,
      now,
    };
    const setupToken = await prepareOwner(config, database, tools, setup);
    const em = database.orm.em as SqlEntityManager;
    const refusals = new Refusals({ em, keyring, now, warn });
    const changes = new CaseChanges(config.sockets.backlog);
    const sources: ContextSources = { em, run: database.run, subjects, tools, refusals, changes };
    const { app: http, sockets } = await createHttp({
      config,
      schema,
      execute: options.execute?.(schema) ?? compiling(schema),
      contextOf: (incoming) => createContext(sources, incoming),
      timeLeft: (accessToken) => tools.tokens.timeLeft(accessToken, now()),
      checkDatabase: async () => void (await database.run('select 1', [])),
      ...(config.offersPlayground && { playground: (await import('./playground.ts')).playground() }),
    });
    listening = await listen(database, {
      channel: caseChannel,
      hear: (told) => changes.hear(told),
      missed: () => sockets.missed(),
      warn,
    });
    const url = await http.listen({ host: config.host, port: config.port });
    lowerWorkers();
    cleanup = startCleanup({ em, tools: sources.tools, every: config.cleanupEvery, warn });
    const sealing = startSealing({ em, keyring, every: config.sealEvery, warn });
    const stop = async (): Promise<void> => {
      await http.close();
      await listening?.stop();
      await refusals.settle();
      await cleanup?.stop();
      await sealing.stop();
      await mail?.stop();
      await database.close();
    };
    return { url, database, hasSeeded, setupToken, stop };
  } catch (error) {
    await listening?.stop();
    await mail?.stop();
    await database.close();
    throw error;
  }
}

/** What mail needs of a process, but for what the configuration says. */
export interface MailRoom {
  readonly database: Database;
  readonly keyring: Keyring;
  readonly now: () => Date;
  readonly warn: (message: string) => void;
  /** Null for the usual: development prints mails where no server sends them. */
  readonly print: ((text: string) => void) | null;
}

/** Starts mail as the configuration wants it. */
export async function mailOf({ mail, timeZone, environment }: Config, { database, print, ...room }: MailRoom): Promise<Mail> {
  const { smtp, publicUrl, sends } = mail;
  const toStdout = (text: string): void => void process.stdout.write(`\n${text}\n`);
  return await startMail({
    ...room,
    em: database.orm.em.fork() as SqlEntityManager,
    db: await queueDatabase(database),
    stationery: { publicUrl, timeZone },
    smtp,
    sends,
    print: print ?? (environment === 'development' ? toStdout : null),
  });
}

/**
 * Makes the first admin where the operator names one, and keeps a set-up token for as long as nobody owns the instance.
 * @returns the token, or null where there is an owner.
 */
async function prepareOwner(config: Config, { orm }: Database, tools: SessionTools, setup: SetupToken): Promise<string | null> {
  const em = orm.em.fork() as SqlEntityManager;
  if (config.firstAdmin !== null) await makeFirstAdmin(em, tools, config.firstAdmin);
  if (!(await hasOwner(em))) return await setup.keep();
  await setup.forget();
  return null;
}

/** @throws {ConfigError} for what is no operation: a misspelt one would stay open. */
function demandOperations(names: readonly string[]): void {
  const known = new Set(rootTypes.flatMap((root) => Object.keys(operations[root])));
  const wrong = names.filter((name) => !known.has(name));
  if (wrong.length > 0) throw new ConfigError([`VERIFIED_OPERATIONS names what is no operation: ${wrong.join(', ')}`]);
  if (names.some((name) => verifying.includes(name)))
    throw new ConfigError([`VERIFIED_OPERATIONS must leave ${verifying.join(' and ')} open: an address could not be verified otherwise`]);
}

const verifying: readonly string[] = ['requestEmailVerification', 'verifyEmail'];

/** Only the embedded database is seeded by itself; a real one where SEED=1 asks for it. Production never is. */
const wantsSeeds = (config: Config, { engine }: Database): boolean =>
  config.environment !== 'production' && (engine === 'embedded' || config.seedWhenEmpty);

async function seedWhenEmpty(config: Config, database: Database, passwords: PasswordHasher): Promise<boolean> {
  if (!(await isEmpty(database))) return false;
  const { seed } = await import('../seeds/index.ts');
  await seed(database.orm.em as EntityManager, { environment: config.environment, hashPassword: (password) => passwords.hash(password) });
  return true;
}
