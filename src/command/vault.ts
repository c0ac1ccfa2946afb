import { parseArgs } from 'node:util';
import type { SqlEntityManager } from '@mikro-orm/postgresql';
import type { Config } from '../config.ts';
import { importSecrets, readForeign, recoverFor, statusOf, tellStatus, wipe } from '../services/vault/index.ts';
import { keyringOf, whileOpen, withDatabase } from './opening.ts';
import { CommandError, say, warn, counted } from './operator.ts';

export async function showVault(config: Config): Promise<void> {
  await whileOpen(config, async (database) => {
    say(tellStatus(await statusOf(database.orm.em.fork() as SqlEntityManager)));
  });
}

/** Reads the kit from stdin, so that it is in no history of a shell, and in no list of processes. */
export async function recover(config: Config, words: string[]): Promise<void> {
  const { values } = parseArgs({ args: words, options: { user: { type: 'string' } } });
  if (values.user === undefined) throw new CommandError('Name the user who is to have access: npm run vault:recover -- --user rosa');
  if (process.stdin.isTTY) warn('Type the recovery kit, and then Enter:');
  const { user } = values;
  const [kit = ''] = await linesOf(process.stdin, 1);
  const keyring = await keyringOf(config);
  await withDatabase(config, async ({ orm }) => {
    await recoverFor(orm.em.fork() as SqlEntityManager, { keyring, now: () => new Date() }, kit, user);
    say(`${user} has access to the vault again, and unlocks it with the own password.`);
  });
}

/** Brings the secrets of a Python install; its password and the user's own are read from stdin, a line each. */
export async function importVault(config: Config, words: string[]): Promise<void> {
  const options = { file: { type: 'string' }, user: { type: 'string' }, 'dry-run': { type: 'boolean' } } as const;
  const { values } = parseArgs({ args: words, options });
  const { file, user, 'dry-run': isTrial = false } = values;
  if (file === undefined || (user === undefined && !isTrial))
    throw new CommandError('Name the file and who stores what is in it: npm run vault:import -- --file x.sqlite --user rosa');
  if (process.stdin.isTTY) warn(`Type the password of that install, and Enter${isTrial ? ':' : `; then that of ${user}, and Enter:`}`);
  const [foreign = '', own = ''] = await linesOf(process.stdin, isTrial ? 1 : 2);
  const secrets = await readForeign(file, foreign);
  try {
    if (isTrial || user === undefined) return say(`${counted(secrets.length, 'secret opens', 'secrets open')}; nothing was stored.`);
    const keyring = await keyringOf(config);
    const tools = { keyring, now: () => new Date(), versionsKept: config.vault.versionsKept };
    await withDatabase(config, async ({ orm }) => {
      const who = { username: user, password: own };
      const { added, changed, unchanged } = await importSecrets(orm.em.fork() as SqlEntityManager, tools, who, secrets);
      say(`Added ${counted(added, 'secret', 'secrets')}, ${changed} with another value than before; ${unchanged} were there already.`);
    });
  } finally {
    wipe(secrets);
  }
}

/** So many lines, or as many as there are. */
async function linesOf(input: AsyncIterable<Buffer | string>, most: number): Promise<string[]> {
  let text = '';
  for await (const part of input) {
    text += String(part);
    if (text.split('\n').length > most) break;
  }
  return text.split(/\r?\n/).slice(0, most);
}
