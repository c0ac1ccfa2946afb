import type { SqlEntityManager } from '@mikro-orm/postgresql';
import type { Db } from 'pg-boss';
import type { Keyring } from '../crypto/keyring.ts';
import { MailQueue, type MailPace } from './queue.ts';
import type { MailSettings } from './template.ts';
import { printingTransport, smtpTransport, type Transport } from './transport.ts';
import { deliver } from './worker.ts';

export { securityAlerts, type MailJob, type SecurityAlert } from './job.ts';
export { MailQueue, queueProblem, usualPace, type MailPace } from './queue.ts';
export { formatInstant, tokenLink } from './template.ts';
export { issueToken, mailToken, verificationAge, type TokenMailScope } from './token.ts';
export { smtpProblem } from './transport.ts';

/** The parts of a process that mail needs. */
export interface MailParts {
  /** Not a request's entity manager: each mail is loaded on its own fork. */
  readonly em: SqlEntityManager;
  /** The same database, as the queue's library needs it. */
  readonly db: Db;
  readonly keyring: Keyring;
  readonly now: () => Date;
  readonly settings: MailSettings;
  /** The SMTP server and the sender. Null if none is configured. */
  readonly smtp: { readonly url: string; readonly from: string } | null;
  /**
   * Prints mails if no server is configured. Null if they must not be shown, as in production: they then wait in the
   * queue.
   */
  readonly print: ((text: string) => void) | null;
  /** Whether this process sends mail. If it only enqueues, it does not maintain the queue; another process sends. */
  readonly sends: boolean;
  readonly warn: (message: string) => void;
  readonly pace?: MailPace;
  /** Traces jobs. Omitted if tracing is off. */
  readonly trace?: <Result>(name: string, work: () => Promise<Result>) => Promise<Result>;
}

/** The running mail service. */
export interface Mail {
  readonly queue: MailQueue;
  /** Waits for mails that are being sent, and returns the rest to the queue. */
  stop(patience?: number): Promise<void>;
}

/**
 * Prepares the queue, and starts sending if this process sends. Without a server and a printer, mails wait in the queue
 * until a server is configured; this is logged once.
 */
export async function startMail(parts: MailParts): Promise<Mail> {
  const { db, sends, pace, warn, trace = (_name, work) => work() } = parts;
  const transport = sends ? transportOf(parts) : null;
  const queue = new MailQueue(db, { supervises: transport !== null, warn, ...(pace && { pace }) });
  await queue.start();
  if (transport !== null)
    await queue.work((data, id, signal) => trace('job mail', () => deliver({ ...parts, transport }, data, id, signal)));
  else if (sends) warn('Mail is not sent: SMTP_URL is not set. Mails wait in the queue.');
  return { queue, stop: (patience) => queue.stop(patience) };
}

function transportOf({ smtp, print }: MailParts): Transport | null {
  if (smtp !== null) return smtpTransport(smtp.url, smtp.from);
  return print === null ? null : printingTransport(print);
}
