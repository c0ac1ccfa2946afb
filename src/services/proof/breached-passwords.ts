import { createHash } from 'node:crypto';

/** Where breached passwords are looked up, and who hears when they cannot be. */
export interface BreachSource {
  /** Of a service like Have I Been Pwned; null where none is asked. */
  readonly baseUrl: string | null;
  /** Milliseconds a whole look-up may take. */
  readonly timeout?: number;
  readonly warn: (message: string) => void;
}

/** A padded answer has about a thousand lines of some forty bytes. */
const maxBytes = 262_144;
const lineForm = /^([0-9A-Fa-f]{35}):(\d{1,15})$/;

/**
 * Knows whether a password was found in a breach. Only the first five of its hash's forty digits leave the house, and
 * the answer is padded, so that its size tells nobody which five. A service that is away keeps nobody from choosing a
 * password: the answer is then no, with one warning that shows nothing of the password.
 */
export class BreachedPasswords {
  readonly #baseUrl: string | null;
  readonly #timeout: number;
  readonly #warn: (message: string) => void;

  constructor({ baseUrl, timeout = 1000, warn }: BreachSource) {
    this.#baseUrl = baseUrl;
    this.#timeout = timeout;
    this.#warn = warn;
  }

  /** Whether it is known to be breached. */
  async has(password: string): Promise<boolean> {
    if (this.#baseUrl === null) return false;
    const digest = createHash('sha1').update(password, 'utf8').digest('hex').toUpperCase();
    try {
      const text = await this.#ask(new URL(`range/${digest.slice(0, 5)}`, this.#baseUrl.replace(/\/*$/, '/')));
      return isAmong(digest.slice(5), text);
    } catch (error) {
      this.#warn(`Breached-password check skipped: ${this.#reason(error)}`);
      return false;
    }
  }

  /** The time runs for the whole exchange, the body included. No redirect is followed: what was configured is asked, and nobody else. */
  async #ask(url: URL): Promise<string> {
    const signal = AbortSignal.timeout(this.#timeout);
    const response = await fetch(url, { headers: { 'Add-Padding': 'true' }, redirect: 'manual', signal });
    if (response.status === 200) return readAll(response);
    await response.body?.cancel();
    throw new Unanswered(`the service answered with status ${response.status}`);
  }

  /** Of an error from elsewhere only its code or name is repeated: its message may show the address, and so the prefix. */
  #reason(error: unknown): string {
    if (error instanceof Unanswered) return error.message;
    const { name, code, cause } = error as Fault;
    if (name === 'TimeoutError') return `the service took longer than ${this.#timeout} ms`;
    return `the service could not be reached (${cause?.code ?? code ?? cause?.name ?? name})`;
  }
}

/** As fetch throws them: the network's own error is the cause. */
interface Fault {
  readonly name: string;
  readonly code?: string;
  readonly cause?: { readonly name?: string; readonly code?: string };
}

/** What is wrong with an answer, in words that may be logged. */
class Unanswered extends Error {
  override readonly name = 'Unanswered';
}

async function readAll({ body }: Response): Promise<string> {
  const chunks: Uint8Array[] = [];
  let length = 0;
  for await (const chunk of body ?? []) {
    length += chunk.byteLength;
    if (length > maxBytes) throw new Unanswered(`the answer is longer than ${maxBytes} bytes`);
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString('latin1');
}

/**
 * A line is `35 digits:how often`; padding is found 0 times. A hit among lines that can be read is one; a miss among
 * others proves nothing, and neither does an answer without a line: the service always has some.
 */
function isAmong(suffix: string, text: string): boolean {
  const lines = text.split(/\r?\n/).filter((line) => line !== '');
  const read = lines.map((line) => lineForm.exec(line));
  if (read.some((line) => line?.[1]?.toUpperCase() === suffix && Number(line[2]) > 0)) return true;
  if (lines.length === 0 || read.includes(null)) throw new Unanswered('the answer is malformed');
  return false;
}
