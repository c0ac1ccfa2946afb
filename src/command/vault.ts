import type { SqlEntityManager } from '@mikro-orm/postgresql';
import type { Config } from '../config.ts';
import { systemClock } from '../entities/clock.ts';
import { importSecrets, readForeign, wipe } from '../services/vault/import.ts';
import { recoverFor, statusOf, formatStatus } from '../services/vault/operator.ts';
import type { FileOptions } from './import.ts';
import { withQuestions } from './terminal.ts';
import { keyringFor, whileOpen, withDatabase } from './opening.ts';
import { CommandError, counted, processTerminal, say, sayJson } from './operator.ts';
import type { UserOptions } from './user.ts';

export async function showVault(config: Config, { json }: { readonly json?: boolean } = {}): Promise<void> {
  await whileOpen(config, async (database) => {
    const status = await statusOf({ em: database.orm.em.fork() as SqlEntityManager }, config.vault.idleTtl);
    if (json) sayJson(status);
    else say(formatStatus(status));
  });
}

/** Prompts for the recovery kit, so that it appears in no shell history, process list or screen. */
export async function recover(config: Config, { user }: UserOptions, terminal = processTerminal()): Promise<void> {
  const kit = await withQuestions(terminal, (questions) => questions.askSecretly('Recovery kit'));
  await withDatabase(config, async (database) => {
    const keyring = await keyringFor(config, database);
    await recoverFor({ em: database.orm.em.fork() as SqlEntityManager, keyring, now: systemClock }, kit, user);
    say(`${user} has access to the vault again and unlocks it with their own password.`);
  });
}

/** Imports the secrets of a Python installation. Prompts for its password and the password of the user. */
export async function importVault(
  config: Config,
  { file, user, dryRun: isTrial = false }: FileOptions & Partial<UserOptions>,
  terminal = processTerminal(),
): Promise<void> {
  if (user === undefined && !isTrial) throw new CommandError('Either --user or --dry-run is required.');
  const { foreign, own } = await withQuestions(terminal, async (questions) => ({
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
      const { added, changed, unchanged } = await importSecrets(
        { em: database.orm.em.fork() as SqlEntityManager, ...tools },
        who,
        secrets,
      );
      const stored = `Added ${counted(added, 'secret', 'secrets')} and changed ${changed}`;
      say(`${stored}; ${unchanged} unchanged.${leftOut}`);
    });
  } finally {
    wipe(found);
  }
}
