import { write, writeSync } from 'node:fs';
import { createRequire } from 'node:module';
import { types } from 'node:util';
import { GraphQLError } from 'graphql';
import type { prettyFactory } from 'pino-pretty';
import { pino, type DestinationStream, type Logger } from 'pino';
import type { Config } from '../config.ts';
import { causesOf, isAway, type RefusalCode } from '../errors.ts';

// The log of a process: JSON lines on standard output.

/** Names of fields that are redacted in every log line. */
const secrets = [
  'authorization',
  'cookie',
  'x-vault-token',
  'password',
  'setupToken',
  'accessToken',
  'refreshToken',
  'token',
];
const redact = [
  ...['authorization', 'cookie', '["x-vault-token"]'].map(
    (name) => `req.headers${name.startsWith('[') ? '' : '.'}${name}`,
  ),
  ...secrets.flatMap((name) => (name.includes('-') ? [`["${name}"]`, `*["${name}"]`] : [name, `*.${name}`])),
];

/** Opens the log of the process at a minimum level. */
export function openLog(level: Config['logLevel'], to?: DestinationStream): Logger {
  if (level === 'silent') return pino({ level });
  const output = to ?? standardOutput();
  const log = pino(
    { level, redact, serializers: { err: describeError } },
    output instanceof LogOutput ? readable(output) : output,
  );
  if (output instanceof LogOutput)
    output.onRecovery = (dropped) => log.warn({ dropped }, 'log output recovered; lines were dropped');
  return log;
}

/** Returns the log without redaction, which costs more than writing a line. Only for lines that cannot contain secrets. */
export const plain = (log: Logger): Logger => log.child({}, { redact: [] });

/** Formats lines for a person if standard output is a terminal and pino-pretty, a development dependency, is installed. */
function readable(output: LogOutput): DestinationStream {
  if (!process.stdout.isTTY) return output;
  try {
    const pretty = createRequire(import.meta.url)('pino-pretty') as { prettyFactory: typeof prettyFactory };
    const format = pretty.prettyFactory({ colorize: true, ignore: 'pid,hostname', translateTime: 'SYS:HH:MM:ss' });
    return { write: (line) => output.write(String(format(JSON.parse(line)))) };
  } catch {
    return output;
  }
}

let standard: LogOutput | undefined;

/** Returns the shared output of the process. */
function standardOutput(): LogOutput {
  if (standard) return standard;
  // opening the stream makes writes to a full pipe fail instead of block; its errors are ignored
  process.stdout.on('error', () => {});
  process.stderr.on('error', () => {});
  const output = new LogOutput(1);
  process.once('exit', () => output.flushSync());
  return (standard = output);
}

/** The number of log lines that were dropped because standard output was blocked. */
export const droppedLines = (): number => standard?.dropped ?? 0;

/** Flushes the log. Gives up after one second. */
export const flushLog = async (): Promise<void> => await standard?.flush();

/** The bytes that are written together, and the maximum bytes that wait. Lines beyond the maximum are dropped. */
const [batchBytes, maxBytes] = [4_096, 1_048_576];
/** In milliseconds: how long a line waits for others, the delay before a retry, and the time-out of a flush. */
const [batchWait, retryWait, flushWait] = [200, 100, 1_000];

/**
 * Writes lines to a file descriptor in the background, without blocking or throwing. Lines wait while the disk is full or
 * nobody reads the pipe. Beyond a limit, they are dropped and counted. (SonicBoom's `flushSync` never returns on a full disk.)
 */
class LogOutput implements DestinationStream {
  /** The number of lines dropped so far. */
  dropped = 0;
  /** Called when output recovers after lines were dropped. */
  onRecovery: (dropped: number) => void = () => {};
  #lines: string[] = [];
  #waitingBytes = 0;
  #chunk: Buffer | null = null;
  #isWriting = false;
  #reported = 0;
  #timer: NodeJS.Timeout | undefined;
  #emptied: (() => void)[] = [];

  constructor(private readonly fd: number) {}

  write(line: string): void {
    if (this.#waitingBytes + line.length > maxBytes) {
      this.dropped += 1;
      return;
    }
    this.#lines.push(line);
    this.#waitingBytes += line.length;
    if (this.#isWriting || this.#chunk !== null) return;
    if (this.#waitingBytes >= batchBytes) this.#writeNext();
    else this.#later(batchWait);
  }

  async flush(): Promise<void> {
    if (this.#lines.length === 0 && this.#chunk === null) return;
    await new Promise<void>((resolve) => {
      const timer = setTimeout(resolve, flushWait);
      this.#emptied.push(() => {
        clearTimeout(timer);
        resolve();
      });
      this.#writeNext();
    });
  }

  /** Writes the waiting lines when the process exits, except those of a write in progress. */
  flushSync(): void {
    let left = Buffer.concat([
      ...(this.#chunk && !this.#isWriting ? [this.#chunk] : []),
      Buffer.from(this.#lines.join('')),
    ]);
    this.#lines = [];
    const latest = performance.now() + flushWait;
    while (left.length > 0 && performance.now() < latest) {
      try {
        left = left.subarray(writeSync(this.fd, left));
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code !== 'EAGAIN') return;
        Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, retryWait);
      }
    }
  }

  #writeNext(): void {
    if (this.#isWriting) return;
    clearTimeout(this.#timer);
    this.#timer = undefined;
    if (this.#chunk === null) {
      this.#chunk = Buffer.from(this.#lines.join(''));
      this.#lines = [];
    }
    this.#isWriting = true;
    write(this.fd, this.#chunk, (error, count) => this.#wrote(error === null ? count : 0));
  }

  #wrote(count: number): void {
    this.#isWriting = false;
    const left = this.#chunk?.subarray(count) ?? Buffer.alloc(0);
    this.#chunk = left.length > 0 ? left : null;
    if (this.#chunk !== null) {
      if (count > 0) this.#writeNext();
      else this.#later(retryWait);
      return;
    }
    this.#waitingBytes = this.#lines.reduce((sum, line) => sum + line.length, 0);
    this.#tellRecovery();
    if (this.#waitingBytes >= batchBytes || (this.#emptied.length > 0 && this.#lines.length > 0)) this.#writeNext();
    else if (this.#lines.length > 0) this.#later(batchWait);
    else for (const resume of this.#emptied.splice(0)) resume();
  }

  #tellRecovery(): void {
    const count = this.dropped - this.#reported;
    this.#reported = this.dropped;
    if (count > 0) this.onRecovery(count);
  }

  #later(milliseconds: number): void {
    this.#timer ??= setTimeout(() => {
      this.#timer = undefined;
      this.#writeNext();
    }, milliseconds).unref();
  }
}

/** Describes an error and its causes for the log. Omits other properties, which may contain values of a row. */
function describeError(error: unknown): unknown {
  if (!types.isNativeError(error)) return { type: typeof error };
  return {
    type: error.name,
    message: reasonOf(error),
    ...('code' in error && { code: error.code }),
    // when the database is unavailable, the stack does not help
    ...(!isAway(error) && {
      stack: causesOf(error)
        .map((each) => `${each.name}: ${messageOf(each)}${framesOf(each)}`)
        .join('\ncaused by: '),
    }),
  };
}

const reasonOf = (error: unknown): string => causesOf(error).map(messageOf).join(': ');

const messageOf = (error: Error): string =>
  mayQuote(error) ? 'message hidden: it may quote a submitted value' : error.message;

/** Returns the stack without the message, which may have several lines. */
function framesOf({ stack = '', message }: Error): string {
  const at = stack.indexOf(message);
  return at < 0 ? '' : stack.slice(at + message.length);
}

/** Whether the message may contain submitted data: GraphQL quotes values, and so does PostgreSQL (SQLSTATE class 22). */
function mayQuote(error: Error & { readonly code?: unknown }): boolean {
  if (/^Cannot return null for non-nullable field [\w.]+\.$/.test(error.message)) return false;
  const [origin = ''] = /\n\s+at .*/.exec(framesOf(error)) ?? [];
  const isOfGraphql =
    error instanceof GraphQLError || /[\\/]node_modules[\\/](graphql|graphql-jit|type-graphql)[\\/]/.test(origin);
  return isOfGraphql || (typeof error.code === 'string' && /^22\w{3}$/.test(error.code));
}

/** Reports why a request failed. */
export type ReportFailure = (error: unknown, requestId: string, code: RefusalCode) => void;

/** Logs each failure with its error. Logs UNAVAILABLE at most once a second, with a count. */
export function failuresTo(log: Pick<Logger, 'error'>): ReportFailure {
  let count = 0;
  let timer: NodeJS.Timeout | undefined;
  const tell = (error: unknown): void => {
    log.error({ reason: reasonOf(error), count }, 'requests refused: the service is unavailable');
    count = 0;
    timer = setTimeout(() => {
      timer = undefined;
      if (count > 0) tell(error);
    }, 1_000).unref();
  };
  return (error, requestId, code) => {
    if (code !== 'UNAVAILABLE') {
      log.error({ err: error, requestId }, 'unexpected error: the answer has its request id');
      return;
    }
    count += 1;
    if (timer === undefined) tell(error);
  };
}
