import type { Config } from '../config.ts';
import { migrate, type Database } from '../database/index.ts';
import { loadKeyring } from '../services/crypto/keyfile.ts';
import { openPlace, whereabouts, type MailRoom } from '../work.ts';
import { warn } from './operator.ts';

/** Opens the database that the service would open; a statement may take as long as it takes. */
async function open(config: Config): Promise<Database> {
  return await openPlace(config, await placeOf(config), true);
}

/** Opens the database for as long as the work takes. */
export async function whileOpen(config: Config, work: (database: Database) => Promise<void>): Promise<void> {
  const database = await open(config);
  try {
    await work(database);
  } finally {
    await database.close();
  }
}

/** The same with a database that is brought up to date first. */
export async function withDatabase(config: Config, work: (database: Database) => Promise<void>): Promise<void> {
  await whileOpen(config, async (database) => {
    await migrate(database);
    await work(database);
  });
}

export async function roomOf(config: Config, database: Database): Promise<MailRoom> {
  return { database, keyring: await keyringOf(config), now: () => new Date(), warn, print: null };
}

export const placeOf = (config: Config) => whereabouts(config, () => keyringOf(config));

export const keyringOf = (config: Config) =>
  loadKeyring({ keys: config.keys, directory: config.configDirectory, mayMake: config.mayMakeKeys });
