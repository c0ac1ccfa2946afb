import type { SqlEntityManager } from '@mikro-orm/postgresql';
import type { Config } from '../config.ts';
import type { Database } from '../database/index.ts';
import { queueDatabase } from '../database/queue.ts';
import { systemClock } from '../entities/clock.ts';
import type { UserFacts } from '../entities/user.ts';
import { BreachedPasswords } from '../services/proof/breached-passwords.ts';
import { PasswordHasher } from '../services/crypto/hasher.ts';
import { MailQueue } from '../services/mail/index.ts';
import { createOwner as create, setPasswordByName, type PasswordScope } from './host-passwords.ts';
import { keyringFor, withDatabase } from './opening.ts';
import { CommandError, processTerminal, say, warn } from './operator.ts';
import { withQuestions, type Terminal } from './terminal.ts';
import type { UserOptions } from './user.ts';

/** Creates the owner. Prompts for the password. */
export async function createOwner(config: Config, facts: UserFacts, terminal = processTerminal()): Promise<void> {
  const password = await askPassword(facts.username, terminal);
  await withScope(config, async (scope) => {
    await create(scope, facts, password);
    say(`${facts.username} owns the instance and can sign in.`);
  });
}

/** Sets a temporary password. Prompts for it. */
export async function setPassword(config: Config, { user }: UserOptions, terminal = processTerminal()): Promise<void> {
  const password = await askPassword(user, terminal);
  await withScope(config, async (scope) => {
    await setPasswordByName(scope, user, password);
    say(
      `The password of ${user} is set. ${user} is signed out everywhere and must choose another one at the next sign-in.`,
    );
  });
}

/** Asks twice on a terminal. Otherwise, the first line of the input is the password. */
async function askPassword(username: string, terminal: Terminal): Promise<string> {
  return await withQuestions(terminal, async (questions) => {
    const password = await questions.askSecretly(`New password of ${username}`);
    if (questions.isTerminal && (await questions.askSecretly('Repeat it')) !== password)
      throw new CommandError('Nothing was changed: the passwords differ.');
    return password;
  });
}

async function withScope(config: Config, work: (scope: PasswordScope) => Promise<void>): Promise<void> {
  await withDatabase(config, async (database: Database) => {
    const keyring = await keyringFor(config, database);
    const mail = new MailQueue(await queueDatabase(database), { supervises: false, warn });
    await mail.start();
    try {
      await work({
        em: database.orm.em.fork() as SqlEntityManager,
        keyring,
        mail,
        passwords: new PasswordHasher(keyring, config.passwordCost),
        rules: config.sessions,
        breached: new BreachedPasswords({ baseUrl: config.breachUrl, warn }),
        now: systemClock,
      });
    } finally {
      await mail.stop();
    }
  });
}
