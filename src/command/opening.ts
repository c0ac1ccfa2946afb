import type { Config } from '../config.ts';
import type { Database } from '../database/index.ts';
import { systemClock } from '../entities/clock.ts';
import { loadKeyring } from '../services/crypto/keyfile.ts';
import { openPlace, openUpdated, whereabouts, type MailRoom } from '../work.ts';
import { warn } from './operator.ts';

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
  return { database, keyring: await keyringOf(config), now: systemClock, warn, print: null };
}

export const placeOf = (config: Config) => whereabouts(config, () => keyringOf(config));

export const keyringOf = (config: Config) =>
  loadKeyring({ keys: config.keys, directory: config.configDirectory, mayMake: config.mayMakeKeys });
