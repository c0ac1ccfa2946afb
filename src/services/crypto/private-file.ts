import { randomBytes } from 'node:crypto';
import { link, mkdir, open, rename, rm } from 'node:fs/promises';
import { dirname } from 'node:path';

/** A written file that has not replaced its target yet. */
export interface PendingFile {
  /** Replaces the target file. */
  readonly keep: () => Promise<void>;
  readonly drop: () => Promise<void>;
}

/**
 * Writes and flushes a new file beside `file`, readable only for its owner. Readers find either the old or the new
 * text, even after a crash.
 */
export async function writeBeside(file: string, text: string): Promise<PendingFile & { readonly path: string }> {
  const path = `${file}.${process.pid}.${randomBytes(6).toString('hex')}`;
  const drop = () => rm(path, { force: true });
  await mkdir(dirname(file), { recursive: true, mode: 0o700 });
  try {
    const handle = await open(path, 'wx', 0o600);
    try {
      await handle.writeFile(`${text}\n`);
      await handle.sync();
    } finally {
      await handle.close();
    }
  } catch (error) {
    await drop();
    throw error;
  }
  return { path, keep: () => rename(path, file), drop };
}

/** Creates a file readable only for its owner. Keeps a file that another process created first. */
export async function createPrivate(file: string, text: string): Promise<void> {
  const { path, drop } = await writeBeside(file, text);
  try {
    await link(path, file);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
  } finally {
    await drop().catch(() => undefined);
  }
}
