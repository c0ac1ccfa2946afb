import { createHash } from 'node:crypto';

/** The breach service, and the function that is called when it cannot be reached. */
export interface BreachSource {
  /** The URL of a service like Have I Been Pwned. Null if no service is used. */
  readonly baseUrl: string | null;
  /** The time-out of a whole lookup in milliseconds. */
  readonly timeout?: number;
  readonly warn: (message: string) => void;
}

/** A padded response has about a thousand lines of some forty bytes. */
const maxBytes = 262_144;
const lineForm = /^([0-9A-Fa-f]{35}):(\d{1,15})$/;

/**
 * Looks passwords up in known breaches. Sends only the first five of the hash's forty digits, and the response is
 * padded, so that its size does not reveal them. If the service is unreachable, users can still choose a password: the
 * result is then false, with one warning that shows nothing of the password.
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

  /** Whether the password is known to be breached. */
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

  /**
   * The time-out covers the whole exchange, including the body. Redirects are not followed, so that only the configured
   * service is contacted.
   */
  async #ask(url: URL): Promise<string> {
    const signal = AbortSignal.timeout(this.#timeout);
    const response = await fetch(url, { headers: { 'Add-Padding': 'true' }, redirect: 'manual', signal });
    if (response.status === 200) return readAll(response);
    await response.body?.cancel();
    throw new Unanswered(`the service answered with status ${response.status}`);
  }

  /** Uses only the code or name of a foreign error: its message may show the URL, and so the prefix. */
  #reason(error: unknown): string {
    if (error instanceof Unanswered) return error.message;
    const { name, code, cause } = error as Fault;
    if (name === 'TimeoutError') return `the service took longer than ${this.#timeout} ms`;
    return `the service could not be reached (${cause?.code ?? code ?? cause?.name ?? name})`;
  }
}

/** An error of fetch. Its cause is the network error. */
interface Fault {
  readonly name: string;
  readonly code?: string;
  readonly cause?: { readonly name?: string; readonly code?: string };
}

/** The problem of a response, in words that may be logged. */
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
 * A line is `35 digits:count`; padding has count 0. A match in a readable line counts even if other lines are
 * unreadable. A miss then proves nothing, and neither does a response without lines, because the service always returns
 * some.
 */
function isAmong(suffix: string, text: string): boolean {
  const lines = text.split(/\r?\n/).filter((line) => line !== '');
  const read = lines.map((line) => lineForm.exec(line));
  if (read.some((line) => line?.[1]?.toUpperCase() === suffix && Number(line[2]) > 0)) return true;
  if (lines.length === 0 || read.includes(null)) throw new Unanswered('the answer is malformed');
  return false;
}
