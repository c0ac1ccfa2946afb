import { createHash, randomBytes, timingSafeEqual } from 'node:crypto';
import { readFile, stat, unlink } from 'node:fs/promises';
import { join } from 'node:path';
import { createPrivate } from './private-file.ts';
import { typedToken } from './typed.ts';

const tokenForm = /^sut1\.[A-Za-z0-9_-]{43}$/;

/**
 * The token with which the owner of an instance is made: a file `setup-token` in the config directory, that only the
 * service's own account reads. It is there while there is no owner; the reader of the token may become the owner.
 */
export class SetupToken {
  readonly #file: string;
  /** Where no file can be kept: it then ends with the process. */
  #held: string | null = null;

  /** @param warn hears that the token cannot be kept. */
  constructor(
    private readonly directory: string,
    private readonly warn: (message: string) => void = () => undefined,
  ) {
    this.#file = join(directory, 'setup-token');
  }

  /** The token, made where there is none. Of several processes that make it at once, all end with the same. */
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

  /** Whether this is the token, in a time that does not tell how much of it is right. No text is one while none is kept. */
  async isToken(text: string): Promise<boolean> {
    const kept = this.#held ?? (await this.#read());
    return timingSafeEqual(digest(typedToken(text)), digest(kept ?? mint())) && kept !== null;
  }

  /** Removes it: it works once. */
  async forget(): Promise<void> {
    this.#held = null;
    await unlink(this.#file).catch(() => undefined);
  }

  /** Null where nothing can be written. */
  async #make(): Promise<string | null> {
    try {
      await createPrivate(this.#file, mint());
      return await this.#read();
    } catch {
      return null;
    }
  }

  /** Null where there is none that can be trusted: one that others could read is none. */
  async #read(): Promise<string | null> {
    const text = (await readFile(this.#file, 'utf8').catch(() => '')).trim();
    if (!tokenForm.test(text)) return null;
    const mode = process.platform === 'win32' ? 0 : (await stat(this.#file)).mode;
    return (mode & 0o077) === 0 ? text : null;
  }
}

const mint = (): string => `sut1.${randomBytes(32).toString('base64url')}`;
const digest = (text: string): Buffer => createHash('sha256').update(text).digest();
