import { createTransport } from 'nodemailer';
import type { Rendered } from './template.ts';

/** A mail on its way. Its id is the same at every try, so that a mailbox can know a second copy for what it is. */
export interface Message extends Rendered {
  readonly id: string;
  readonly to: string;
}

/** What carries mail. */
export interface Transport {
  /** Hands the mail over. @throws {MailFailure} where it was not taken. */
  send(message: Message, signal: AbortSignal): Promise<void>;
}

/**
 * A mail that was not taken. The message is for the operator: it names the step and the code, and nothing that the
 * server wrote, which may repeat the mail.
 */
export class MailFailure extends Error {
  override readonly name = 'MailFailure';

  constructor(
    message: string,
    /** Whether the server refused this mail for good, so that a second try could only be refused again. */
    readonly isFinal: boolean,
  ) {
    super(message);
  }
}

/** Milliseconds that each step of talking to a server may take. */
const patience = { dnsTimeout: 10_000, connectionTimeout: 10_000, greetingTimeout: 10_000, socketTimeout: 30_000 };

/**
 * Sends to an SMTP server: `smtp://user:password@host:587` or `smtps://…`. Without TLS nothing is sent, unless the URL
 * says so (`?requireTLS=false`, or `?ignoreTLS=true&requireTLS=false`); it may also set the time-outs, in milliseconds.
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
 * Whether the server would take mail: it is reached, it greets, it encrypts where it must, and it takes the login. Nothing is sent.
 * @returns null, or what is wrong with it as the end of a sentence; nothing that the server wrote.
 */
export async function smtpProblem(url: string, milliseconds: number): Promise<string | null> {
  const steps = { dnsTimeout: milliseconds, connectionTimeout: milliseconds, greetingTimeout: milliseconds, socketTimeout: milliseconds };
  const mailer = mailerFor(url, steps);
  try {
    await mailer.verify();
    return null;
  } catch (error) {
    const { code = '', message } = error as Error & SmtpError;
    if (code === 'ETLS' || /certificate|\b(TLS|SSL)\b/i.test(message)) return 'does not offer encryption with a trusted certificate';
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

/** Gives the mails as text to whatever shows them: for development. */
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
 * Only what the server says of this mail, its recipient or its content, is for good. What it says of us (the sender,
 * the login) an operator may mend, and the mail waits for that.
 */
function failureOf({ code, command, responseCode }: SmtpError): MailFailure {
  const step = command !== undefined && /^[A-Z][A-Z0-9 -]{0,30}$/.test(command) ? command : 'the connection';
  const isFinal = responseCode !== undefined && responseCode >= 500 && (step === 'RCPT TO' || step === 'DATA');
  const codes = [code, responseCode].filter((each) => /^[A-Z0-9_]{1,40}$/.test(`${each}`)).join(' ');
  return new MailFailure(`delivery failed at ${step} (${codes || 'no code'})`, isFinal);
}
