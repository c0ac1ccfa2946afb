import type { SqlEntityManager } from '@mikro-orm/postgresql';
import type { Config } from '../config.ts';
import type { Database } from '../database/index.ts';
import { systemClock } from '../entities/clock.ts';
import { hasKeyring, loadKeyring, noKeyring } from '../services/crypto/keyfile.ts';
import type { Keyring } from '../services/crypto/keyring.ts';
import { registerKeys } from '../services/key.ts';
import { openTarget, openUpdated, resolveTarget, type MailSources } from '../process/work.ts';
import { CommandError, warn } from './operator.ts';

/** Runs the work with the database of the service, without a statement time-out, and closes the database afterwards. */
export async function whileOpen(config: Config, work: (database: Database) => Promise<void>): Promise<void> {
  await closing(await openTarget(config, await placeOf(config), true), work);
}

/** Like {@link whileOpen}, but migrates the database first. */
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

export async function mailSources(config: Config, database: Database): Promise<MailSources> {
  return { database, keyring: await keyringFor(config, database), now: systemClock, warn, print: null };
}

/** Loads the keyring and registers its keys in the database. @throws {ForeignKeyringError} if the database uses another one. */
export async function keyringFor(config: Config, { orm }: Database): Promise<Keyring> {
  const keyring = await keyringOf(config);
  await registerKeys({ em: orm.em as SqlEntityManager, keyring });
  return keyring;
}

/** Finds the database. A saved connection needs its existing keyring, so none is created. */
export const placeOf = (config: Config) =>
  resolveTarget(config, () => loadKeyring({ ...sourceOf(config), mayMake: false }));

export const keyringOf = (config: Config) => loadKeyring({ ...sourceOf(config), mayMake: config.mayMakeKeys });

/** Loads the keyring for a read-only command. @throws {CommandError} if no keyring exists yet. */
export async function existingKeyring(config: Config): Promise<Keyring> {
  const source = sourceOf(config);
  if (config.mayMakeKeys && !(await hasKeyring(source))) throw new CommandError(noKeyring(config.configDirectory));
  return await loadKeyring({ ...source, mayMake: false });
}

const sourceOf = ({ keys, configDirectory: directory }: Config) => ({ keys, directory });
