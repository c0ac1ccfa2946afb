import type { SqlEntityManager } from '@mikro-orm/postgresql';
import type { Db } from 'pg-boss';
import type { Keyring } from '../crypto/keyring.ts';
import { MailQueue, type MailPace } from './queue.ts';
import type { Stationery } from './template.ts';
import { printingTransport, smtpTransport, type Transport } from './transport.ts';
import { deliver } from './worker.ts';

export { securityAlerts, type MailJob, type SecurityAlert } from './job.ts';
export { MailQueue, queueProblem, usualPace, type MailPace } from './queue.ts';
export { formatInstant, tokenLink } from './template.ts';
export { issueToken, mailToken, verificationAge, type TokenMailScope } from './token.ts';
export { smtpProblem } from './transport.ts';

/** What mail needs of the process it runs in. */
export interface MailParts {
  /** Not of a request: each mail is looked up on a fork of its own. */
  readonly em: SqlEntityManager;
  /** The same database, as the queue asks for it. */
  readonly db: Db;
  readonly keyring: Keyring;
  readonly now: () => Date;
  readonly stationery: Stationery;
  /** The SMTP server and the sender; null where none is configured. */
  readonly smtp: { readonly url: string; readonly from: string } | null;
  /** Shows mails where no server is configured; null where they must not be shown, as in production: they wait then. */
  readonly print: ((text: string) => void) | null;
  /** Whether this process sends. Another one may: a process that only enqueues looks after nothing. */
  readonly sends: boolean;
  readonly warn: (message: string) => void;
  readonly pace?: MailPace;
  /** Traces jobs. Left out if tracing is off. */
  readonly trace?: <Result>(name: string, work: () => Promise<Result>) => Promise<Result>;
}

/** Mail that runs. */
export interface Mail {
  readonly queue: MailQueue;
  /** Lets what is being sent be sent, and gives the rest back. */
  stop(patience?: number): Promise<void>;
}

/**
 * Prepares the queue and, where this process is to send, begins. Without a server and without anything to show mails,
 * they wait in the queue until one is configured, and this is said once.
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
