import type { SqlEntityManager } from '@mikro-orm/postgresql';
import type { Config } from '../config.ts';
import { systemClock } from '../entities/clock.ts';
import { countKeys, renewSeeds, formatKeyUses } from '../services/credential/key-use.ts';
import { renewSystemSeals } from '../services/vault/operator.ts';
import { savedConnectionOf } from '../process/work.ts';
import { keyringProblem, retireKey as retire } from '../services/key.ts';
import { existingKeyring, keyringFor, whileOpen, withDatabase } from './opening.ts';
import { CommandError, say, sayJson, counted } from './operator.ts';

/** Prints how much data depends on each system key, so that no key is removed too early. */
export async function showKeys(config: Config, { json }: { readonly json?: boolean } = {}): Promise<void> {
  const keyring = await existingKeyring(config);
  await whileOpen(config, async (database) => {
    const uses = await countKeys({ em: database.orm.em, keyring }, systemClock());
    if (json) sayJson(uses);
    else say(formatKeyUses(uses));
    const problem = await keyringProblem(database.run, keyring);
    if (problem !== null) throw new CommandError(problem);
  });
}

/** Retires a key: the service starts without it, even if data still depends on it. */
export async function retireKey(config: Config, kid: string): Promise<void> {
  const keyring = await existingKeyring(config);
  if (kid === keyring.active)
    throw new CommandError(`${kid} is the active key of this host. Put another key before it in the keyring first.`);
  await whileOpen(config, async (database) => {
    if (!(await retire(database.run, kid))) throw new CommandError(`The database has never used a key named ${kid}.`);
    say(
      `${kid} is retired and can be removed from the keyring. Data that still depends on it is lost then; npm run keys:status counts it.`,
    );
  });
}

/** Re-encrypts with the active system key everything that needs no user for this. The service may run meanwhile. */
export async function renewSeals(config: Config): Promise<void> {
  await withDatabase(config, async (database) => {
    const keyring = await keyringFor(config, database);
    const { orm } = database;
    const tools = { keyring, now: systemClock };
    const pairs = await renewSystemSeals({ em: orm.em.fork() as SqlEntityManager, ...tools });
    const seeds = await renewSeeds({ em: orm.em.fork() as SqlEntityManager, ...tools });
    const renewed = `${counted(pairs.renewed, 'user key', 'user keys')} and ${counted(seeds.renewed, 'TOTP seed', 'TOTP seeds')}`;
    const isSaved = await savedConnectionOf(config, keyring).renew();
    say(`${renewed} moved to ${keyring.active}${isSaved ? ', and the saved connection of this host' : ''}.`);
    const unreadable = pairs.unreadable + seeds.unreadable;
    if (unreadable > 0)
      throw new CommandError(
        `${unreadable} could not be decrypted: the system key is missing, or the row was altered.`,
      );
  });
}
