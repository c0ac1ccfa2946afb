import type { SqlEntityManager } from '@mikro-orm/postgresql';
import type { Config } from '../config.ts';
import type { Database } from '../database/index.ts';
import { systemClock } from '../entities/clock.ts';
import { hasKeyring, loadKeyring } from '../services/crypto/keyfile.ts';
import type { Keyring } from '../services/crypto/keyring.ts';
import { registerKeys } from '../services/key.ts';
import { openPlace, openUpdated, whereabouts, type MailRoom } from '../work.ts';
import { CommandError, warn } from './operator.ts';

/** Opens the database that the service would open, for as long as the work takes; a statement may take as long as it takes. */
export async function whileOpen(config: Config, work: (database: Database) => Promise<void>): Promise<void> {
  await closing(await openPlace(config, await placeOf(config), true), work);
}

/** The same with a database that is brought up to date first. */
export async function withDatabase(config: Config, work: (database: Database) => Promise<void>): Promise<void> {
  await closing(await openUpdated(config, await placeOf(config), { isPatient: true }), work);
}

async function closing(database: Database, work: (database: Database) => Promise<void>): Promise<void> {
  try {
    await work(database);
  } finally {
    await database.close();
  }
}

export async function roomOf(config: Config, database: Database): Promise<MailRoom> {
  return { database, keyring: await keyringFor(config, database), now: systemClock, warn, print: null };
}

/** The keyring, once the database has taken it. @throws {ForeignKeyringError} where the database has another one. */
export async function keyringFor(config: Config, { orm }: Database): Promise<Keyring> {
  const keyring = await keyringOf(config);
  await registerKeys(orm.em as SqlEntityManager, keyring);
  return keyring;
}

/** What was saved opens with the keyring that it was saved under: a new one would not help. */
export const placeOf = (config: Config) => whereabouts(config, () => loadKeyring({ ...sourceOf(config), mayMake: false }));

export const keyringOf = (config: Config) => loadKeyring({ ...sourceOf(config), mayMake: config.mayMakeKeys });

/** The keyring for a command that only looks. @throws {CommandError} where the service would make it first. */
export async function existingKeyring(config: Config): Promise<Keyring> {
  const source = sourceOf(config);
  if (config.mayMakeKeys && !(await hasKeyring(source))) throw new CommandError('There is no keyring yet. The first start creates one.');
  return await loadKeyring({ ...source, mayMake: false });
}

const sourceOf = ({ keys, configDirectory: directory }: Config) => ({ keys, directory });
