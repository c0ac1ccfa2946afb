import type { AddressInfo } from 'node:net';
import { SMTPServer, type SMTPServerOptions } from 'smtp-server';

/** A received mail. */
export interface Received {
  readonly to: string;
  readonly subject: string;
  readonly text: string;
  readonly html: string;
  /** By their lower-case names. */
  readonly headers: Readonly<Record<string, string>>;
  readonly isEncrypted: boolean;
}

/** Called with the raw mail before the server confirms it. Throw an SmtpError to refuse it. */
export type OnMail = (raw: string, to: string) => Promise<void> | void;

/** A refusal of a mail server: `new SmtpError(451, 'Try later')`. */
export class SmtpError extends Error {
  constructor(
    readonly responseCode: number,
    message: string,
  ) {
    super(message);
  }
}

export interface SmtpOptions extends Pick<
  SMTPServerOptions,
  'onAuth' | 'onConnect' | 'onMailFrom' | 'onRcptTo' | 'disabledCommands' | 'allowInsecureAuth'
> {
  readonly port?: number;
  readonly onMail?: OnMail;
}

/** A real SMTP server on loopback, with the mails that it received. */
export interface SmtpServer {
  readonly port: number;
  /** Its address, without encryption. */
  readonly url: string;
  readonly received: readonly Received[];
  close(): Promise<void>;
}

export async function smtpServer({ port = 0, onMail, ...options }: SmtpOptions = {}): Promise<SmtpServer> {
  const received: Received[] = [];
  const server = new SMTPServer({
    authOptional: true,
    logger: false,
    closeTimeout: 100,
    ...options,
    onData: (stream, session, done) => {
      const to = session.envelope.rcptTo.map(({ address }) => address).join();
      const parts: Buffer[] = [];
      stream.on('data', (part: Buffer) => parts.push(part));
      const take = async (): Promise<void> => {
        const raw = Buffer.concat(parts).toString('utf8');
        try {
          await onMail?.(raw, to);
          received.push(parse(raw, to, session.secure));
          done();
        } catch (error) {
          done(error as Error);
        }
      };
      stream.on('end', () => void take());
    },
  });
  server.on('error', () => undefined); // clients that close the connection
  await new Promise<void>((resolve) => server.listen(port, '127.0.0.1', resolve));
  const { port: actual } = server.server.address() as AddressInfo;
  return {
    port: actual,
    url: `smtp://127.0.0.1:${actual}?ignoreTLS=true&requireTLS=false`,
    received,
    close: () => new Promise((resolve) => server.close(resolve)),
  };
}

function parse(raw: string, to: string, isEncrypted: boolean): Received {
  const headers = headersOf(raw);
  const boundary = /boundary="([^"]+)"/.exec(headers['content-type'] ?? '')?.[1] ?? '';
  const [text = '', html = ''] = ['text/plain', 'text/html'].map((type) => {
    const part = raw.split(`--${boundary}`).find((each) => headersOf(each.trimStart())['content-type']?.startsWith(type));
    return part === undefined ? '' : decoded(part.trimStart());
  });
  return { to, subject: headers['subject'] ?? '', text, html, headers, isEncrypted };
}

function headersOf(raw: string): Record<string, string> {
  const [head = ''] = raw.split('\r\n\r\n');
  const lines = head.replace(/\r\n[ \t]+/g, ' ').split('\r\n');
  return Object.fromEntries(lines.map((line) => [line.split(':')[0]?.toLowerCase() ?? '', line.slice(line.indexOf(':') + 1).trim()]));
}

function decoded(part: string): string {
  const body = part.slice(part.indexOf('\r\n\r\n') + 4).replaceAll('\r\n', '\n');
  const encoding = headersOf(part)['content-transfer-encoding'];
  if (encoding === 'base64') return Buffer.from(body, 'base64').toString('utf8');
  if (encoding !== 'quoted-printable') return body;
  const bytes = body.replace(/=\n/g, '').replace(/=([0-9A-F]{2})/g, (_, hex: string) => String.fromCharCode(Number.parseInt(hex, 16)));
  return Buffer.from(bytes, 'latin1').toString('utf8');
}
