import { accessSync, constants, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { hostname } from 'node:os';
import { OperatorError } from '../errors.ts';

/** Describes the process that holds a lock. For the operator only; nothing depends on it. */
export interface LockHolder {
  readonly pid: number;
  readonly host: string;
  /** When the lock was taken, in ISO 8601. */
  readonly since: string;
}

/** A lock that is held until it is released or its process ends. */
export interface Lock {
  release(): void;
}

/** Another process, or this one, holds the lock. */
export class LockedError extends OperatorError {
  constructor(
    message: string,
    /** Null if the holder has not written its description yet, or is an earlier version. */
    readonly holder: LockHolder | null,
  ) {
    super(message);
  }
}

/** The file system does not lock files. */
export class LockError extends OperatorError {}

const { DatabaseSync } = loadSqlite();

/** Loads SQLite without the warning that Node.js 22 prints for it. Other warnings are still printed. */
function loadSqlite() {
  const emitWarning = process.emitWarning.bind(process);
  process.emitWarning = ((warning: string | Error, ...rest: never[]) => {
    if (!String(warning).startsWith('SQLite is an experimental feature')) emitWarning(warning, ...rest);
  }) as typeof emitWarning;
  try {
    return process.getBuiltinModule('node:sqlite');
  } finally {
    process.emitWarning = emitWarning;
  }
}

/** SQLite's result code for a lock that another connection holds. */
const busy = 5;

/**
 * Takes the lock `<file>.sqlite` and writes a description of this process to `file`.
 *
 * The lock is SQLite's exclusive lock on an empty database. The kernel keeps it, so every PID and UTS namespace sees
 * it, and it ends when its process ends for any reason. Never delete the lock file: a process that had it open would
 * not see a lock on the new file. Never open it elsewhere in this process: POSIX drops all locks of a process on a file
 * when the process closes any descriptor of it.
 * @throws {LockedError} if the lock is held.
 * @throws {LockError} if the file system does not support locks.
 */
export function takeLock(file: string, what: string): Lock {
  const connection = lockFile(`${file}.sqlite`, () => lockedError(file, what));
  try {
    refuseEarlier(file, what);
    writeHolder(file);
  } catch (error) {
    connection.close();
    throw error;
  }
  const release = (): void => {
    if (!connection.isOpen) return;
    process.off('exit', release);
    rmSync(file, { force: true });
    connection.close();
  };
  process.once('exit', release);
  return { release };
}

/** Takes the lock when its holder releases it. */
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

function lockFile(path: string, locked: () => LockedError) {
  createOnce(path);
  accessSync(path, constants.R_OK | constants.W_OK);
  const connection = new DatabaseSync(path);
  try {
    // a journal in memory, so that no journal file remains
    connection.exec('pragma journal_mode = memory; begin exclusive');
    return connection;
  } catch (error) {
    connection.close();
    if ((error as { errcode?: unknown }).errcode === busy) throw locked();
    throw new LockError(`${path} cannot be locked: ${(error as Error).message}. Keep it on a local file system.`, {
      cause: error,
    });
  }
}

/** Creates the file for its owner only; SQLite would make it readable for others. Does not open an existing file. */
function createOnce(path: string): void {
  try {
    writeFileSync(path, '', { mode: 0o600, flag: 'wx' });
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
  }
}

/** Replaces the whole file, so that a reader never sees half of it. Earlier versions kept their lock in this file. */
function writeHolder(file: string): void {
  const holder: LockHolder = { pid: process.pid, host: hostname(), since: new Date().toISOString() };
  const draft = `${file}.draft`;
  writeFileSync(draft, `${JSON.stringify(holder)}\n`, { mode: 0o600 });
  renameSync(draft, file);
}

/**
 * @throws {LockedError} if a process of an earlier version runs. Its lock is only this file, which then has an `id`.
 */
function refuseEarlier(file: string, what: string): void {
  const { id, pid, host } = readFields(file);
  const isOther =
    typeof id === 'string' && typeof pid === 'number' && pid > 0 && pid !== process.pid && host === hostname();
  if (isOther && isAlive(pid))
    throw new LockedError(
      `${what} is in use by the process with pid ${pid}, of an earlier version. Stop that process first; ` +
        `if it is another program, delete ${file}.`,
      null,
    );
}

function isAlive(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}

function lockedError(file: string, what: string): LockedError {
  const holder = readHolder(file);
  if (holder === null) return new LockedError(`${what} is in use by another process. Stop that process first.`, null);
  const { pid, host, since } = holder;
  return new LockedError(
    `${what} is in use by the process with pid ${pid} on host ${host} since ${since}. Stop that process first.`,
    holder,
  );
}

function readHolder(file: string): LockHolder | null {
  const { pid, host, since } = readFields(file);
  return typeof pid === 'number' && typeof host === 'string' && typeof since === 'string' ? { pid, host, since } : null;
}

function readFields(file: string): Readonly<Record<string, unknown>> {
  try {
    return Object(JSON.parse(readFileSync(file, 'utf8'))) as Record<string, unknown>;
  } catch {
    return {};
  }
}
