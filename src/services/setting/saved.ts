import { randomBytes } from 'node:crypto';
import { readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import type { DatabaseConnection } from '../../entities/setting.ts';
import { OperatorError, unwritableReason } from '../../errors.ts';
import { decryptFernet, encryptFernet, padded, readFernetKey } from '../crypto/fernet.ts';
import type { Keyring } from '../crypto/keyring.ts';
import { writeBeside, type PendingFile } from '../crypto/private-file.ts';
import { isOfActiveKey, open as unseal, seal } from '../crypto/seal.ts';

/** The saved connection cannot be read or written. The message says what to do and shows nothing of the connection. */
export class SavedError extends OperatorError {}

const saved = z.object({
  host: z.string(),
  port: z.number(),
  database: z.string(),
  username: z.string(),
  password: z.string(),
  ssl: z.boolean(),
});

const fileIn = (directory: string): string => join(directory, 'db_credentials.enc');

/** Whether a connection is saved in the directory, readable or not. */
export async function isSaved(directory: string): Promise<boolean> {
  return await stat(fileIn(directory)).then(
    () => true,
    () => false,
  );
}

const context = ['db_credentials'];

/**
 * The saved connection in the config directory. In production, the system keyring seals it; otherwise it is a Fernet
 * token under a key beside it. Only the service's own account may read either file. Each is written atomically.
 */
export class SavedConnection {
  readonly #file: string;
  readonly #keyFile: string;

  constructor(
    directory: string,
    private readonly keyring: Keyring,
    /** Whether the system keyring seals it. */
    private readonly isSealed: boolean,
  ) {
    this.#file = fileIn(directory);
    this.#keyFile = join(directory, 'fernet.key');
  }

  /** Null if none is saved. @throws {SavedError} if it cannot be read: using another database would be worse. */
  async read(): Promise<DatabaseConnection | null> {
    const text = await this.#own(this.#file);
    if (text === null) return null;
    try {
      const bytes = text.startsWith('seal-v1:')
        ? unseal(this.keyring, 'database-credentials', context, text)
        : await this.#withKey((key) => decryptFernet(key, text));
      const connection = saved.parse(JSON.parse(bytes.toString('utf8')));
      bytes.fill(0);
      return connection;
    } catch (error) {
      if (error instanceof SavedError) throw error;
      throw new SavedError(
        `${this.#file} cannot be decrypted with the keys of this instance. Save the connection again: npm run settings -- save`,
      );
    }
  }

  /** @throws {SavedError} if it cannot be written. The earlier connection then stays. */
  async write(connection: DatabaseConnection): Promise<void> {
    await (await this.draft(connection)).keep();
  }

  /** Writes a connection to a pending file, to be kept or dropped. @throws {SavedError} if it cannot be written. */
  async draft(connection: DatabaseConnection): Promise<PendingFile> {
    const bytes = Buffer.from(JSON.stringify(connection));
    try {
      const text = this.isSealed
        ? seal(this.keyring, 'database-credentials', context, bytes)
        : await this.#withKey((key) => encryptFernet(key, bytes), true);
      return await writeBeside(this.#file, text);
    } catch (error) {
      if (error instanceof SavedError) throw error;
      const reason = unwritableReason(error) ?? String((error as NodeJS.ErrnoException).code);
      throw new SavedError(`${this.#file} cannot be written: ${reason}.`);
    } finally {
      bytes.fill(0);
    }
  }

  /**
   * Seals the connection again if it is sealed under an earlier system key.
   * @returns whether it was. @throws {SavedError} if it cannot be decrypted or written.
   */
  async renew(): Promise<boolean> {
    const text = await this.#own(this.#file);
    if (text === null || !text.startsWith('seal-v1:') || isOfActiveKey(this.keyring, text)) return false;
    const connection = await this.read();
    if (connection !== null) await this.write(connection);
    return connection !== null;
  }

  async #withKey<T>(use: (key: Buffer) => T, mayMake = false): Promise<T> {
    const text = (await this.#own(this.#keyFile)) ?? (mayMake ? await this.#makeKey() : null);
    if (text === null)
      throw new SavedError(
        `${this.#keyFile}, the key of the saved connection, is missing. Save the connection again: npm run settings -- save`,
      );
    const key = readFernetKey(text);
    try {
      return use(key);
    } finally {
      key.fill(0);
    }
  }

  async #makeKey(): Promise<string> {
    const key = randomBytes(32);
    const text = padded(key);
    key.fill(0);
    await (await writeBeside(this.#keyFile, text)).keep();
    return text;
  }

  /** Reads a file that nobody else can read. Null if there is none. */
  async #own(file: string): Promise<string | null> {
    const text = await readFile(file, 'utf8').catch((error: NodeJS.ErrnoException) => {
      if (error.code === 'ENOENT') return null;
      throw new SavedError(`${file} cannot be read (${error.code}).`);
    });
    if (text === null) return null;
    if (process.platform !== 'win32' && ((await stat(file)).mode & 0o077) !== 0)
      throw new SavedError(`${file} is readable by other users. Run: chmod 0600 "${file}"`);
    return text.trim();
  }
}
