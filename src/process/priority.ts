import { readFileSync } from 'node:fs';
import { readdir } from 'node:fs/promises';
import { setPriority } from 'node:os';

/** The niceness of the hashing threads, from 0 (normal priority) to 19 (lowest). */
const yielding = 12;

/**
 * Lowers the priority of libuv's threads, which hash, read files and look up names. The thread that answers requests
 * goes first, so sign-ins use only spare processor time. Only Linux has priorities per thread; elsewhere, or without
 * permission, nothing changes.
 * @returns the number of threads with a lower priority.
 */
export async function lowerWorkers(threads = '/proc/self/task'): Promise<number> {
  // The pool starts all its threads at its first task, which may be this call.
  const listed = await readdir(threads).catch(() => []);
  return listed.filter((thread) => isWorker(`${threads}/${thread}/comm`) && lower(Number(thread))).length;
}

function isWorker(file: string): boolean {
  try {
    return readFileSync(file, 'utf8').trim() === 'libuv-worker';
  } catch {
    return false; // the thread has ended meanwhile
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
