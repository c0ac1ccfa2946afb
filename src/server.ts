import type { EntityManager } from '@mikro-orm/core';
import type { GraphQLSchema } from 'graphql';
import type { Config } from './config.ts';
import { createContext, type ContextSources } from './context.ts';
import { isEmpty, migrate, openDatabase, type Database } from './database/index.ts';
import { compiling, type Execute } from './execution.ts';
import { createHttp } from './http.ts';
import { buildExecutable } from './schema.ts';
import { AccessTokens } from './services/crypto/jwt.ts';
import { PasswordHasher } from './services/crypto/hasher.ts';
import { termsOf } from './services/session/index.ts';
import { loadKeyring } from './services/crypto/keyfile.ts';
import type { Keyring } from './services/crypto/keyring.ts';

/** A service that runs. */
export interface Service {
  /** Where it answers: `http://127.0.0.1:4000`. */
  readonly url: string;
  readonly database: Database;
  /** Whether this start seeded the database. */
  readonly hasSeeded: boolean;
  /** Stops answering, lets what runs finish, and closes the database. */
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
}

/** Opens the database, brings it up to date, seeds it where that is wanted, and answers. */
export async function start(config: Config, options: StartOptions = {}): Promise<Service> {
  const keyring =
    options.keyring ?? (await loadKeyring({ keys: config.keys, directory: config.configDirectory, mayMake: config.mayMakeKeys }));
  const passwords = new PasswordHasher(keyring, config.passwordCost);
  const database = options.database ?? (await openDatabase(config));
  try {
    await migrate(database);
    const hasSeeded = wantsSeeds(config, database) && (await seedWhenEmpty(config, database, passwords));
    const now = options.now ?? (() => new Date());
    const { schema, subjects } = buildExecutable(database.orm.getMetadata());
    const sources: ContextSources = {
      em: database.orm.em as ContextSources['em'],
      run: database.run,
      subjects,
      tools: { keyring, passwords, tokens: new AccessTokens(keyring, termsOf(config.sessions)), rules: config.sessions, now },
    };
    const http = await createHttp({
      config,
      schema,
      execute: options.execute?.(schema) ?? compiling(schema),
      contextOf: (incoming) => createContext(sources, incoming),
      checkDatabase: async () => void (await database.run('select 1', [])),
      ...(config.offersPlayground && { playground: (await import('./playground.ts')).playground() }),
    });
    const url = await http.listen({ host: config.host, port: config.port });
    const stop = async (): Promise<void> => {
      await http.close();
      await database.close();
    };
    return { url, database, hasSeeded, stop };
  } catch (error) {
    await database.close();
    throw error;
  }
}

/** Only the embedded database is seeded by itself; a real one where SEED=1 asks for it. Production never is. */
const wantsSeeds = (config: Config, { engine }: Database): boolean =>
  config.environment !== 'production' && (engine === 'embedded' || config.seedWhenEmpty);

async function seedWhenEmpty(config: Config, database: Database, passwords: PasswordHasher): Promise<boolean> {
  if (!(await isEmpty(database))) return false;
  const { seed } = await import('../seeds/index.ts');
  await seed(database.orm.em as EntityManager, { environment: config.environment, hashPassword: (password) => passwords.hash(password) });
  return true;
}
