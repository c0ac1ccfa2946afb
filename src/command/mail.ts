import type { Config } from '../config.ts';
import { queueDatabase } from '../database/queue.ts';
import { MailQueue } from '../services/mail/index.ts';
import { whileOpen } from './opening.ts';
import { counted, say, warn } from './operator.ts';

/** Moves dead letters back into the queue, so that they are sent again. The service may run meanwhile. */
export async function redrive(config: Config): Promise<void> {
  await whileOpen(config, async (database) => {
    const queue = new MailQueue(await queueDatabase(database), { supervises: false, warn });
    await queue.start();
    try {
      say(`${counted(await queue.redrive(), 'mail is', 'mails are')} back in the queue.`);
    } finally {
      await queue.stop();
    }
  });
}
