import { write, writeSync } from 'node:fs';
import { types } from 'node:util';
import { GraphQLError } from 'graphql';
import { pino, type DestinationStream, type Logger } from 'pino';
import type { Config } from './config.ts';
import { causesOf, isAway, type RefusalCode } from './errors.ts';

// What a process writes about its own work: JSON, one object in a line, to its standard output.

/** What no line shows, wherever it stands in what is logged. */
const secrets = ['authorization', 'cookie', 'x-vault-token', 'password', 'setupToken', 'accessToken', 'refreshToken', 'token'];
const redact = [
  ...['authorization', 'cookie', '["x-vault-token"]'].map((name) => `req.headers${name.startsWith('[') ? '' : '.'}${name}`),
  ...secrets.flatMap((name) => (name.includes('-') ? [`["${name}"]`, `*["${name}"]`] : [name, `*.${name}`])),
];

/** The log of a process, from a level on. */
export function openLog(level: Config['logLevel'], to?: DestinationStream): Logger {
  if (level === 'silent') return pino({ level });
  const output = to ?? standardOutput();
  const log = pino({ level, redact, serializers: { err: describeError } }, output);
  if (output instanceof LogOutput) output.onRecovery = (dropped) => log.warn({ dropped }, 'log output recovered; lines were dropped');
  return log;
}

/** The same log, for lines that are made of nothing that could be secret: to look for that in each costs more than to write it. */
export const plain = (log: Logger): Logger => log.child({}, { redact: [] });

let standard: LogOutput | undefined;

/** One for the process. */
function standardOutput(): LogOutput {
  if (standard) return standard;
  // opening the stream makes writes to a full pipe fail instead of block; its errors are the reader's trouble
  process.stdout.on('error', () => {});
  process.stderr.on('error', () => {});
  const output = new LogOutput(1);
  process.once('exit', () => output.flushSync());
  return (standard = output);
}

/** The number of log lines that were dropped because standard output did not take them. */
export const droppedLines = (): number => standard?.dropped ?? 0;

/** Writes what the log still holds; gives up after a second. */
export const flushLog = async (): Promise<void> => await standard?.flush();

/** Bytes of lines that are written together, and of those that wait at most; the latter are dropped beyond. */
const [batchBytes, maxBytes] = [4_096, 1_048_576];
/** Milliseconds that a line waits for others, that a failed write waits for its retry, and that a flush may take. */
const [batchWait, retryWait, flushWait] = [200, 100, 1_000];

/**
 * Writes lines to a file descriptor in the background. It neither blocks nor throws: while the disk is full, or nobody
 * reads the pipe, lines wait, and are dropped and counted when too many do. (SonicBoom's `flushSync` never returns from a
 * full disk.)
 */
class LogOutput implements DestinationStream {
  /** Lines dropped so far. */
  dropped = 0;
  /** Called when lines are written again after some were dropped. */
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

  /** For the end of the process: what a write that is under way has is left to it. */
  flushSync(): void {
    let left = Buffer.concat([...(this.#chunk && !this.#isWriting ? [this.#chunk] : []), Buffer.from(this.#lines.join(''))]);
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

/** Describes an error for the log: its causes too, but no other properties, which may hold values of a row. */
function describeError(error: unknown): unknown {
  if (!types.isNativeError(error)) return { type: typeof error };
  return {
    type: error.name,
    message: reasonOf(error),
    ...('code' in error && { code: error.code }),
    // where the database was away, the place that noticed it tells nothing
    ...(!isAway(error) && {
      stack: causesOf(error)
        .map((each) => `${each.name}: ${messageOf(each)}${framesOf(each)}`)
        .join('\ncaused by: '),
    }),
  };
}

const reasonOf = (error: unknown): string => causesOf(error).map(messageOf).join(': ');

const messageOf = (error: Error): string => (mayQuote(error) ? 'message hidden: it may quote a submitted value' : error.message);

/** The stack without the message, which may have lines of its own. */
function framesOf({ stack = '', message }: Error): string {
  const at = stack.indexOf(message);
  return at < 0 ? '' : stack.slice(at + message.length);
}

/** GraphQL quotes literals and values, PostgreSQL the data that it cannot convert (SQLSTATE class 22). */
function mayQuote(error: Error & { readonly code?: unknown }): boolean {
  if (/^Cannot return null for non-nullable field [\w.]+\.$/.test(error.message)) return false;
  const [origin = ''] = /\n\s+at .*/.exec(framesOf(error)) ?? [];
  const isOfGraphql = error instanceof GraphQLError || /[\\/]node_modules[\\/](graphql|graphql-jit|type-graphql)[\\/]/.test(origin);
  return isOfGraphql || (typeof error.code === 'string' && /^22\w{3}$/.test(error.code));
}

/** Takes note of why a request failed. */
export type ReportFailure = (error: unknown, requestId: string, code: RefusalCode) => void;

/** Logs each failure with its error; but that the service is unavailable once a second at most, with how often. */
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
      log.error({ err: error, requestId }, 'GraphQL request failed');
      return;
    }
    count += 1;
    if (timer === undefined) tell(error);
  };
}
