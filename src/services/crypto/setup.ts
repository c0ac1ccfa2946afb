import { createHash, randomBytes, timingSafeEqual } from 'node:crypto';
import { readFile, stat, unlink } from 'node:fs/promises';
import { join } from 'node:path';
import { createPrivate } from './private-file.ts';
import { typedToken } from './typed.ts';

const tokenForm = /^sut1\.[A-Za-z0-9_-]{43}$/;

/**
 * The token that allows its reader to create the owner of an instance. It is a file `setup-token` in the config
 * directory, readable only for the service's own account. It exists as long as there is no owner.
 */
export class SetupToken {
  readonly #file: string;
  /** The token if no file can be written. It then ends with the process. */
  #held: string | null = null;

  /** @param warn called if the token cannot be stored. */
  constructor(
    private readonly directory: string,
    private readonly warn: (message: string) => void = () => undefined,
  ) {
    this.#file = join(directory, 'setup-token');
  }

  /**
   * Returns the token, and creates it if there is none. Processes that create it at the same time get the same token.
   */
  async keep(): Promise<string> {
    const token = await this.#read().then((kept) => kept ?? this.#make());
    if (token !== null) return token;
    if (this.#held === null)
      this.warn(
        `The set-up token cannot be stored in ${this.directory}. It works only in this process, until it stops. ` +
          'Make the directory writable for the service.',
      );
    return (this.#held ??= mint());
  }

  /** Whether this is the token. Compares in constant time. False if there is no token. */
  async isToken(text: string): Promise<boolean> {
    const kept = this.#held ?? (await this.#read());
    return timingSafeEqual(digest(typedToken(text)), digest(kept ?? mint())) && kept !== null;
  }

  /** Removes the token, which works once. */
  async forget(): Promise<void> {
    this.#held = null;
    await unlink(this.#file).catch(() => undefined);
  }

  /** Null if nothing can be written. */
  async #make(): Promise<string | null> {
    try {
      await createPrivate(this.#file, mint());
      return await this.#read();
    } catch {
      return null;
    }
  }

  /** Null if there is no trustworthy token: one that others could read is ignored. */
  async #read(): Promise<string | null> {
    const text = (await readFile(this.#file, 'utf8').catch(() => '')).trim();
    if (!tokenForm.test(text)) return null;
    const mode = process.platform === 'win32' ? 0 : (await stat(this.#file)).mode;
    return (mode & 0o077) === 0 ? text : null;
  }
}

const mint = (): string => `sut1.${randomBytes(32).toString('base64url')}`;
const digest = (text: string): Buffer => createHash('sha256').update(text).digest();
