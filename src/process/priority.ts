import { readFileSync } from 'node:fs';
import { readdir } from 'node:fs/promises';
import { setPriority } from 'node:os';

/** How much the threads that hash yield to the one that answers: 0 would be not at all, 19 is the most. */
const yielding = 12;

/**
 * Lets the threads on which libuv hashes, reads files and looks up names yield to the thread that answers requests: so
 * sign-ins take what is left of the cores, and nobody else waits for them. Only Linux has a priority for each thread;
 * elsewhere, and where it is not allowed, all stays as it is.
 * @returns how many threads yield.
 */
export async function lowerWorkers(threads = '/proc/self/task'): Promise<number> {
  // They begin with the first work that is given to them, all at once: this may be it.
  const listed = await readdir(threads).catch(() => []);
  return listed.filter((thread) => isWorker(`${threads}/${thread}/comm`) && lower(Number(thread))).length;
}

function isWorker(file: string): boolean {
  try {
    return readFileSync(file, 'utf8').trim() === 'libuv-worker';
  } catch {
    return false; // it has ended meanwhile
  }
}

function lower(thread: number): boolean {
  try {
    setPriority(thread, yielding);
    return true;
  } catch {
    return false;
  }
}
