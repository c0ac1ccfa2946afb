import { createTransport } from 'nodemailer';
import type { RenderedMail } from './template.ts';

/** A mail to send. Its id stays the same on every retry, so that mail programs can detect duplicates. */
export interface Message extends RenderedMail {
  readonly id: string;
  readonly to: string;
}

/** Sends mail. */
export interface Transport {
  /** Sends a mail. @throws {MailFailure} if it was not accepted. */
  send(message: Message, signal: AbortSignal): Promise<void>;
}

/**
 * A mail that was not accepted. The message is for the operator: it names the step and the code. It never quotes the
 * server, whose text may repeat the mail.
 */
export class MailFailure extends Error {
  override readonly name = 'MailFailure';

  constructor(
    message: string,
    /** Whether the server rejected this mail permanently, so that a retry is useless. */
    readonly isFinal: boolean,
  ) {
    super(message);
  }
}

/** The time-outs of each SMTP step, in milliseconds. */
const patience = { dnsTimeout: 10_000, connectionTimeout: 10_000, greetingTimeout: 10_000, socketTimeout: 30_000 };

/**
 * Sends to an SMTP server: `smtp://user:password@host:587` or `smtps://…`. TLS is required unless the URL turns it off
 * (`?requireTLS=false`, or `?ignoreTLS=true&requireTLS=false`). The URL may also set the time-outs, in milliseconds.
 */
export function smtpTransport(url: string, from: string): Transport {
  const mailer = mailerFor(url, patience);
  const domain = /@([^@>\s]+)>?\s*$/.exec(from)?.[1] ?? 'localhost';
  const headers = { 'Auto-Submitted': 'auto-generated', 'X-Auto-Response-Suppress': 'All' };
  return {
    send: async ({ id, to, subject, text, html }, signal) => {
      const messageId = `<${id}@${domain}>`;
      await mailer
        .sendMail({ from, to: { name: '', address: to }, subject, text, html, messageId, headers, signal })
        .catch((error: unknown) => {
          throw failureOf(error as SmtpError);
        });
    },
  };
}

/**
 * Checks the mail server: connection, greeting, TLS if required, and login. Sends nothing.
 * @returns null, or the problem as the end of a sentence. It never quotes the server.
 */
export async function smtpProblem(url: string, milliseconds: number): Promise<string | null> {
  const steps = {
    dnsTimeout: milliseconds,
    connectionTimeout: milliseconds,
    greetingTimeout: milliseconds,
    socketTimeout: milliseconds,
  };
  const mailer = mailerFor(url, steps);
  try {
    await mailer.verify();
    return null;
  } catch (error) {
    const { code = '', message } = error as Error & SmtpError;
    if (code === 'ETLS' || /certificate|\b(TLS|SSL)\b/i.test(message))
      return 'does not offer encryption with a trusted certificate';
    return problems[code] ?? 'does not accept mail';
  } finally {
    mailer.close();
  }
}

const problems: Readonly<Record<string, string>> = {
  EAUTH: 'rejects the username or the password',
  ETIMEDOUT: 'does not respond',
  ECONNECTION: 'closes the connection',
  EDNS: 'cannot be reached',
  ESOCKET: 'cannot be reached',
};

type Patience = typeof patience;

const mailerFor = (url: string, steps: Patience) =>
  createTransport({ url, requireTLS: true, disableFileAccess: true, disableUrlAccess: true, ...steps });

/** Prints mails as text. For development. */
export function printingTransport(print: (text: string) => void): Transport {
  return {
    send: ({ to, subject, text }) => {
      print(`To: ${to}\nSubject: ${subject}\n\n${text}`);
      return Promise.resolve();
    },
  };
}

interface SmtpError {
  readonly code?: string;
  readonly command?: string;
  readonly responseCode?: number;
}

/**
 * Classifies a failure. Only a rejection of the recipient or the content is permanent. An operator can fix a rejected
 * sender or login, so the mail waits for that.
 */
function failureOf({ code, command, responseCode }: SmtpError): MailFailure {
  const step = command !== undefined && /^[A-Z][A-Z0-9 -]{0,30}$/.test(command) ? command : 'the connection';
  const isFinal = responseCode !== undefined && responseCode >= 500 && (step === 'RCPT TO' || step === 'DATA');
  const codes = [code, responseCode].filter((each) => /^[A-Z0-9_]{1,40}$/.test(`${each}`)).join(' ');
  return new MailFailure(`delivery failed at ${step} (${codes || 'no code'})`, isFinal);
}
