import { parseArgs } from 'node:util';
import type { SqlEntityManager } from '@mikro-orm/postgresql';
import type { Config } from '../config.ts';
import { queueDatabase } from '../database/queue.ts';
import { systemClock } from '../entities/clock.ts';
import { MailQueue } from '../services/mail/index.ts';
import { endSessions } from '../services/session/index.ts';
import { removeSecondFactorOf } from '../services/user/index.ts';
import { keyringOf, withDatabase } from './opening.ts';
import { CommandError, say, warn } from './operator.ts';

/** Removes the second factor of any user, the owner too, who has lost it with the backup codes. The service may run meanwhile. */
export async function removeSecondFactor(config: Config, words: string[]): Promise<void> {
  const { values } = parseArgs({ args: words, options: { user: { type: 'string' } } });
  const { user } = values;
  if (user === undefined) throw new CommandError('Name the user: npm run users:recover -- --user rosa');
  const keyring = await keyringOf(config);
  await withDatabase(config, async (database) => {
    const mail = new MailQueue(await queueDatabase(database), { supervises: false, warn });
    await mail.start();
    try {
      const em = database.orm.em.fork() as SqlEntityManager;
      const isRemoved = await removeSecondFactorOf(em, { keyring, mail, endSessions, now: systemClock }, user);
      if (!isRemoved) throw new CommandError(`There is no user ${user} with a second factor.`);
      say(`${user} has no second factor any more, is signed out everywhere, and signs in with the password.`);
    } finally {
      await mail.stop();
    }
  });
}
