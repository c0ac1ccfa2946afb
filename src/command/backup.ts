import { spawnSync } from 'node:child_process';
import { cp, mkdir, readdir, stat } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { environmentWith, parsePostgresUrl, type Config } from '../config.ts';
import { lockDirectory, ours } from '../database/index.ts';
import { placeOf } from './opening.ts';
import { CommandError, say } from './operator.ts';

/** The entries of a backup folder. A backup has one of the first two. */
const [dump, data, configuration] = ['unionhall.dump', 'data', 'config'];

/** Writes the database and the configuration directory to a new folder. A PostgreSQL service may run meanwhile. */
export async function backup(config: Config, { output }: { readonly output: string }): Promise<void> {
  const { url } = await placeOf(config);
  await mkdir(output, { mode: 0o700 }).catch((error: NodeJS.ErrnoException) => {
    throw new CommandError(
      error.code === 'EEXIST' ? `${output} already exists.` : `${output} cannot be created (${error.code}).`,
    );
  });
  if (url === null) await copyLocked(config.dataDirectory, join(output, data));
  else run('pg_dump', ['--format=custom', `--file=${join(output, dump)}`], url);
  if (await exists(config.configDirectory))
    await cp(config.configDirectory, join(output, configuration), { recursive: true });
  say(
    `The backup is in ${output}. It contains ${url === null ? 'the embedded database' : 'the database'} and the configuration directory.`,
  );
}

/** Restores a backup into an empty database and an empty configuration directory. */
export async function restore(config: Config, { input }: { readonly input: string }): Promise<void> {
  const [hasDump, hasData] = [await exists(join(input, dump)), await exists(join(input, data))];
  if (!hasDump && !hasData) throw new CommandError(`${input} is not a backup: it has neither ${dump} nor ${data}.`);
  if (hasDump && config.databaseUrl === null)
    throw new CommandError('The backup is of a PostgreSQL server. Set DATABASE_URL to an empty database.');
  if (hasData && config.databaseUrl !== null)
    throw new CommandError('The backup is of an embedded database. Unset DATABASE_URL.');
  const saved = join(input, configuration);
  if (await exists(saved)) await demandEmpty(config.configDirectory);
  if (hasData) {
    await demandEmpty(config.dataDirectory);
    await cp(join(input, data), config.dataDirectory, { recursive: true });
  } else run('pg_restore', ['--exit-on-error', join(input, dump)], String(config.databaseUrl));
  if (await exists(saved)) await cp(saved, config.configDirectory, { recursive: true });
  say(
    'The backup is restored. Verify the audit log with the newest head that you kept: npm run audit:verify -- --head number:hash',
  );
}

/** Copies an embedded database that no process uses, and keeps it locked meanwhile. */
async function copyLocked(from: string, to: string): Promise<void> {
  if (!(await exists(from))) throw new CommandError(`There is no database in ${from}.`);
  const lock = await lockDirectory(from);
  try {
    // reading the lock file would release its lock
    await cp(from, to, { recursive: true, filter: (path) => !basename(path).startsWith(ours) });
  } finally {
    lock.release();
  }
}

async function demandEmpty(directory: string): Promise<void> {
  if ((await readdir(directory).catch(() => [])).length > 0)
    throw new CommandError(`${directory} is not empty. Move it away first.`);
}

const exists = async (path: string): Promise<boolean> => (await stat(path).catch(() => null)) !== null;

/** Runs a program of PostgreSQL on a database. Passes the password in the environment, where other users cannot see it. */
function run(program: 'pg_dump' | 'pg_restore', words: readonly string[], address: string): void {
  const url = parsePostgresUrl(address) ?? new URL(address);
  const password = decodeURIComponent(url.password);
  const shown = address.replace(/^(\w+:\/\/[^/?#@]*?):[^/?#@]*@/, '$1@');
  const env = environmentWith(password === '' ? {} : { PGPASSWORD: password });
  const { error, status, stderr } = spawnSync(program, [...words, `--dbname=${shown}`], { env, encoding: 'utf8' });
  if ((error as NodeJS.ErrnoException | undefined)?.code === 'ENOENT')
    throw new CommandError(
      `${program} is not installed. Install the PostgreSQL client, at least as new as the server.`,
    );
  if (error) throw error;
  if (status !== 0) throw new CommandError(`${program} failed: ${stderr.trim()}`);
}
