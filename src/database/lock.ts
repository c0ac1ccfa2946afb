import { randomUUID } from 'node:crypto';
import { linkSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { hostname } from 'node:os';
import { basename, dirname, join } from 'node:path';

/** Who holds a lock: enough to tell a live process from another one that was given the same number later. */
interface Claim {
  readonly pid: number;
  /** When that process started, in the kernel's own count; null where the system does not tell. */
  readonly startedAt: string | null;
  readonly host: string;
  readonly id: string;
}

/** A lock that is held until it is released, or until the process ends. */
export interface Lock {
  release(): void;
}

/** The lock belongs to a process that lives, or may live. */
export class LockedError extends Error {
  override readonly name = 'LockedError';

  constructor(
    message: string,
    readonly pid: number,
  ) {
    super(message);
  }
}

/**
 * Takes the lock that the file stands for, or refuses and names the holder; never takes it from a process that lives.
 *
 * A claim is linked into place with its content, so nobody ever reads half of one, and is never changed. The file of
 * a dead holder is not deleted, which two finders could do to each other's new claim: they compete for the file named
 * after the dead claim, and the one who gets it, and still finds the dead claim at the start of the chain, owns the
 * lock and moves its claim to the front.
 */
export function takeLock(file: string, what: string): Lock {
  const claim: Claim = { pid: process.pid, startedAt: startOf(process.pid), host: hostname(), id: randomUUID() };
  const own = `${file}.${claim.id}.own`;
  writeFileSync(own, JSON.stringify(claim), { mode: 0o600, flag: 'wx' });
  try {
    for (;;) {
      const { end, last } = follow(file);
      if (last && isAlive(last)) throw refusal(last, file, what);
      if (!link(own, end)) continue;
      if (follow(file).last?.id === claim.id) {
        renameSync(own, file);
        rmSync(own, { force: true }); // still there where the claim was the first: renaming a link to itself does nothing
        sweep(file);
        return held(file, claim.id);
      }
      rmSync(end, { force: true });
    }
  } catch (error) {
    rmSync(own, { force: true });
    throw error;
  }
}

/** Takes the lock as soon as its holder lets go. */
export async function awaitLock(file: string, what: string): Promise<Lock> {
  for (;;) {
    try {
      return takeLock(file, what);
    } catch (error) {
      if (!(error instanceof LockedError)) throw error;
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
  }
}

/** Follows the claims from dead holder to successor: the last claim, and the file that would come after it. */
function follow(file: string): { end: string; last: Claim | null } {
  let end = file;
  let last: Claim | null = null;
  for (;;) {
    const next = read(end);
    if (!next) return { end, last };
    last = next;
    if (isAlive(next)) return { end, last };
    end = `${file}.${next.id}`;
  }
}

function read(file: string): Claim | null {
  try {
    return JSON.parse(readFileSync(file, 'utf8')) as Claim;
  } catch (error) {
    if (isCode(error, 'ENOENT')) return null;
    throw new Error(`${file} is not a lock of this program. Delete it when no other process uses what it locks.`, { cause: error });
  }
}

function link(from: string, to: string): boolean {
  try {
    linkSync(from, to);
    return true;
  } catch (error) {
    if (isCode(error, 'EEXIST')) return false;
    throw error;
  }
}

/** A process of another host cannot be asked, so it counts as alive. */
function isAlive({ pid, startedAt, host }: Claim): boolean {
  if (host !== hostname()) return true;
  try {
    process.kill(pid, 0);
  } catch (error) {
    return !isCode(error, 'ESRCH');
  }
  const started = startOf(pid);
  return startedAt === null || started === null || started === startedAt;
}

/** Field 22 of /proc/<pid>/stat on Linux; the name in field 2 may hold spaces and brackets, so the count begins after it. */
function startOf(pid: number): string | null {
  if (process.platform !== 'linux') return null;
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    return stat.slice(stat.lastIndexOf(')') + 2).split(' ')[19] ?? null;
  } catch {
    return null;
  }
}

function held(file: string, id: string): Lock {
  const release = () => {
    process.off('exit', release);
    if (read(file)?.id === id) rmSync(file, { force: true });
  };
  process.once('exit', release);
  return { release };
}

/** Whatever else stands beside an owned lock was left by attempts that lost, or by processes that died trying. */
function sweep(file: string): void {
  const prefix = `${basename(file)}.`;
  for (const name of readdirSync(dirname(file)).filter((each) => each.startsWith(prefix))) {
    const other = join(dirname(file), name);
    if (!name.endsWith('.own') || isLeft(other)) rmSync(other, { force: true });
  }
}

function isLeft(own: string): boolean {
  try {
    const claim = read(own);
    return claim !== null && !isAlive(claim);
  } catch {
    return false; // being written just now
  }
}

function refusal({ pid, host }: Claim, file: string, what: string): LockedError {
  const advice =
    host === hostname() ? 'Stop that process first.' : `That was on host ${host}, which cannot be asked: if it has ended, delete ${file}.`;
  return new LockedError(`${what} is in use by the process with pid ${pid}. ${advice}`, pid);
}

function isCode(error: unknown, code: string): boolean {
  return (error as NodeJS.ErrnoException | null)?.code === code;
}
