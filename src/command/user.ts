import type { SqlEntityManager } from '@mikro-orm/postgresql';
import type { Config } from '../config.ts';
import type { Database } from '../database/index.ts';
import { queueDatabase } from '../database/queue.ts';
import { systemClock } from '../entities/clock.ts';
import { formatInstant, MailQueue, tokenLink } from '../services/mail/index.ts';
import { resetAge } from '../services/account/request-password-reset.ts';
import { removeSecondFactorOf } from '../services/user/remove-second-factor.ts';
import { issueLink, unlockByName, verifyByName, type UserCommandScope } from '../services/user/host-commands.ts';
import { keyringFor, withDatabase } from './opening.ts';
import { say, sayJson, warn } from './operator.ts';

type Work = (scope: UserCommandScope, username: string, database: Database) => Promise<void>;

export interface UserOptions {
  readonly user: string;
}

/** Runs a command for the user in `--user`. */
async function withUser(config: Config, { user }: UserOptions, work: Work): Promise<void> {
  await withDatabase(config, async (database) => {
    const keyring = await keyringFor(config, database);
    await work({ em: database.orm.em.fork() as SqlEntityManager, keyring, now: systemClock }, user, database);
  });
}

/** Prints the link with which a user, or the owner, chooses a password. For hosts without mail. */
export async function printLink(config: Config, options: UserOptions & { readonly json?: boolean }): Promise<void> {
  const { publicUrl } = config.mail;
  await withUser(config, options, async (scope, username) => {
    const lifetimes = { invitation: config.sessions.invitationTtl, reset: resetAge };
    const { kind, token, expiresAt } = await issueLink(scope, username, lifetimes);
    const link = publicUrl === null ? null : tokenLink(publicUrl, kind, token);
    if (options.json) return sayJson({ kind, token, link, expiresAt });
    const what = kind === 'invitation' ? 'The invitation' : 'The password reset';
    say(`${what} of ${username} works once, until ${formatInstant(expiresAt, config.timeZone)}:`);
    say(link ?? token);
  });
}

/** Unlocks the account of a user. */
export const unlock = (config: Config, options: UserOptions): Promise<void> =>
  withUser(config, options, async (scope, username) => {
    await unlockByName(scope, username);
    say(`${username} is unlocked.`);
  });

/** Verifies the e-mail address of a user. */
export const verifyAddress = (config: Config, options: UserOptions): Promise<void> =>
  withUser(config, options, async (scope, username) => {
    await verifyByName(scope, username);
    say(`The e-mail address of ${username} is verified.`);
  });

/** Removes the second factor of a user, or the owner, who lost it and the backup codes. The service may run meanwhile. */
export const removeSecondFactor = (config: Config, options: UserOptions): Promise<void> =>
  withUser(config, options, async (scope, username, database) => {
    const mail = new MailQueue(await queueDatabase(database), { supervises: false, warn });
    await mail.start();
    try {
      await removeSecondFactorOf({ ...scope, mail }, username);
      say(
        `The second factor of ${username} is removed. ${username} is signed out everywhere and signs in with the password alone.`,
      );
    } finally {
      await mail.stop();
    }
  });
