import { parseArgs } from 'node:util';
import type { SqlEntityManager } from '@mikro-orm/postgresql';
import type { Config } from '../config.ts';
import { systemClock } from '../entities/clock.ts';
import { importSecrets, readForeign, wipe } from '../services/vault/import.ts';
import { recoverFor, statusOf, tellStatus } from '../services/vault/operator.ts';
import { asking } from './terminal.ts';
import { keyringFor, whileOpen, withDatabase } from './opening.ts';
import { CommandError, counted, here, say } from './operator.ts';

export async function showVault(config: Config): Promise<void> {
  await whileOpen(config, async (database) => {
    say(tellStatus(await statusOf(database.orm.em.fork() as SqlEntityManager, config.vault.idleTtl)));
  });
}

/** Prompts for the recovery kit, so that it appears in no shell history, process list or screen. */
export async function recover(config: Config, words: string[], terminal = here()): Promise<void> {
  const { values } = parseArgs({ args: words, options: { user: { type: 'string' } } });
  if (values.user === undefined) throw new CommandError('Usage: npm run vault:recover -- --user rosa');
  const { user } = values;
  const kit = await asking(terminal, (questions) => questions.askSecretly('Recovery kit'));
  await withDatabase(config, async (database) => {
    const keyring = await keyringFor(config, database);
    await recoverFor(database.orm.em.fork() as SqlEntityManager, { keyring, now: systemClock }, kit, user);
    say(`${user} has access to the vault again and unlocks it with their own password.`);
  });
}

/** Imports the secrets of a Python installation. Prompts for its password and the password of the user. */
export async function importVault(config: Config, words: string[], terminal = here()): Promise<void> {
  const options = { file: { type: 'string' }, user: { type: 'string' }, 'dry-run': { type: 'boolean' } } as const;
  const { values } = parseArgs({ args: words, options });
  const { file, user, 'dry-run': isTrial = false } = values;
  if (file === undefined || (user === undefined && !isTrial))
    throw new CommandError('Usage: npm run vault:import -- --file x.sqlite (--user rosa | --dry-run)');
  const { foreign, own } = await asking(terminal, async (questions) => ({
    foreign: await questions.askSecretly('Password of the imported installation'),
    own: isTrial ? '' : await questions.askSecretly(`Password of ${user}`),
  }));
  const found = await readForeign(file, foreign);
  const secrets = found.filter(({ value }) => value.byteLength > 0);
  const empty = found.filter(({ value }) => value.byteLength === 0).map(({ keyName }) => JSON.stringify(keyName));
  const leftOut = empty.length === 0 ? '' : `\nSkipped because the value is empty: ${empty.join(', ')}.`;
  try {
    if (isTrial || user === undefined)
      return say(`${counted(secrets.length, 'secret', 'secrets')} can be imported; nothing was stored.${leftOut}`);
    await withDatabase(config, async (database) => {
      const keyring = await keyringFor(config, database);
      const tools = { keyring, now: systemClock, versionsKept: config.vault.versionsKept };
      const who = { username: user, password: own };
      const { added, changed, unchanged } = await importSecrets(database.orm.em.fork() as SqlEntityManager, tools, who, secrets);
      const stored = `Added ${counted(added, 'secret', 'secrets')} and changed ${changed}`;
      say(`${stored}; ${unchanged} unchanged.${leftOut}`);
    });
  } finally {
    wipe(found);
  }
}
