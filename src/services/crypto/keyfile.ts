import { open, readFile, stat, unlink } from 'node:fs/promises';
import { isAbsolute, join } from 'node:path';
import { unwritableReason } from '../../errors.ts';
import { Keyring, KeyringError } from './keyring.ts';
import { createPrivate } from './private-file.ts';

/** The possible sources of a keyring. */
export interface KeySource {
  /** The keyring's text, or the path of its file. Null if neither was given. */
  readonly keys: string | null;
  /** The directory of the default file. */
  readonly directory: string;
  /** Whether to create that file if it is missing. */
  readonly mayMake: boolean;
}

/**
 * Reads the given keyring, otherwise the file `keys` in the directory, which is created if allowed. Processes that
 * start at the same time all get the same keyring.
 * @throws {KeyringError} that says what to set or to correct, never any part of a key.
 */
export async function loadKeyring({ keys, directory, mayMake }: KeySource): Promise<Keyring> {
  if (keys !== null) return Keyring.parse(isPath(keys) ? await readGiven(keys) : keys);
  const file = join(directory, 'keys');
  const kept = await readOwn(file, directory);
  const text = kept ?? (mayMake ? await make(file, directory) : null);
  if (text === null)
    throw new KeyringError('There is no keyring. Set UNIONHALL_KEYS, or set UNIONHALL_CONFIG_DIR to create one there');
  const keyring = Keyring.parse(text);
  if (kept === null) unconfirmed.set(keyring, file);
  return keyring;
}

/** Whether a keyring exists, valid or not. */
export const hasKeyring = async ({ keys, directory }: Omit<KeySource, 'mayMake'>): Promise<boolean> =>
  keys !== null || (await stat(join(directory, 'keys')).catch(() => null)) !== null;

/** Formats the message for a missing keyring that a start may create. */
export const noKeyring = (directory: string): string =>
  `There is no keyring in ${directory}. A start makes one for a new database; for one that was used before, restore its keyring.`;

/** Keyrings that this process created and that no database has accepted yet, with their files. */
const unconfirmed = new WeakMap<Keyring, string>();

/** Marks the keyring as accepted by a database: its file then stays, even if another database refuses it. */
export const confirmKeyring = (keyring: Keyring): boolean => unconfirmed.delete(keyring);

/** Removes the file of a keyring that this process created for a database that already uses another one. */
export async function discardUnconfirmed(keyring: Keyring): Promise<void> {
  const file = unconfirmed.get(keyring);
  if (file !== undefined) await unlink(file).catch(() => undefined);
}

/** A keyring has a colon after the first key's name, and that name contains no dots or slashes. */
function isPath(keys: string): boolean {
  return isAbsolute(keys) || keys.startsWith('.') || !keys.includes(':');
}

/** The operator chose the file and may have mounted it read-only for all, so its mode is not checked. */
async function readGiven(path: string): Promise<string> {
  try {
    return await readFile(path, 'utf8');
  } catch (error) {
    // The given text may be a key instead of a path, so it is not shown.
    throw new KeyringError(
      `UNIONHALL_KEYS is neither a keyring nor the path of a file that can be read (${codeOf(error)})`,
    );
  }
}

async function readOwn(file: string, directory: string): Promise<string | null> {
  const handle = await open(file, 'r').catch((error: unknown) => {
    if (codeOf(error) === 'ENOENT') return null;
    throw new KeyringError(`The keyring ${file} cannot be read (${codeOf(error)})`);
  });
  if (handle === null) return null;
  try {
    refuseShared(file, (await handle.stat()).mode, 0o077, '0600');
    refuseShared(directory, (await stat(directory)).mode, 0o022, '0700');
    return await handle.readFile('utf8');
  } finally {
    await handle.close();
  }
}

function refuseShared(path: string, mode: number, shared: number, wanted: string): void {
  if (process.platform === 'win32' || (mode & shared) === 0) return;
  const found = (mode & 0o777).toString(8).padStart(4, '0');
  throw new KeyringError(
    `Other users can access the keyring: ${path} has mode ${found} and must have ${wanted}. Run: chmod ${wanted} "${path}"`,
  );
}

/** Creates the keyring file, unless another process created it first. */
async function make(file: string, directory: string): Promise<string | null> {
  await createPrivate(file, Keyring.generate()).catch((error: unknown) => {
    const reason = unwritableReason(error) ?? codeOf(error);
    throw new KeyringError(`The keyring ${file} cannot be created: ${reason}. UNIONHALL_CONFIG_DIR sets its folder`);
  });
  return readOwn(file, directory);
}

function codeOf(error: unknown): string {
  return String((error as NodeJS.ErrnoException).code ?? 'unknown');
}
