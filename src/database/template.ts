import { createHash } from 'node:crypto';
import { mkdir, readdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import type { PGlite } from '@electric-sql/pglite';
import { nativeClient, openDatabase, type Database } from './open.ts';
import { awaitLock } from './lock.ts';
import { migrate } from './migrate.ts';

/** The folder that holds `src`, `migrations` and `seeds`: the project, or its build. */
const root = join(import.meta.dirname, '..', '..');

/** The inputs of a template. A change in one of them rebuilds the template. */
const sources = ['migrations', 'seeds', 'src/entities', 'src/database', 'src/services/mail'];

export interface Template {
  /** Distinguishes templates of the same schema, for example `seeded`. */
  readonly name: string;
  /** Fills the migrated database. Must not leave secrets in it, because other users may read the file. */
  readonly prepare?: (database: Database) => Promise<void>;
}

/** Dumps the whole database into one file, from which an embedded database can start. */
export async function dumpTemplate(database: Database, compression: 'gzip' | 'none' = 'gzip'): Promise<Blob> {
  if (database.engine !== 'embedded') throw new Error('Only an embedded database is dumped.');
  return await (await nativeClient<PGlite>(database)).dumpDataDir(compression);
}

/**
 * Loads a migrated and prepared database, which is created once on this machine. One process creates the file while
 * others wait.
 */
export function loadTemplate(template: Template): Promise<Blob> {
  const loading = loaded.get(template.name) ?? load(template);
  loaded.set(template.name, loading);
  return loading;
}

const loaded = new Map<string, Promise<Blob>>();

async function load({ name, prepare }: Template): Promise<Blob> {
  const folder = join(await projectFolder(), 'node_modules', '.cache', 'unionhall');
  // not compressed: decompression took a third of the start time
  const file = join(folder, `${name}-${await templateKey()}.tar`);
  const made = await readIfThere(file);
  if (made) return made;
  await mkdir(folder, { recursive: true });
  const lock = await awaitLock(join(folder, `${name}.lock`), 'The template');
  try {
    return (await readIfThere(file)) ?? (await make(file, name, prepare));
  } finally {
    lock.release();
  }
}

/** Returns a hash of everything that a template depends on. */
export async function templateKey(): Promise<string> {
  const hash = createHash('sha256');
  for (const source of sources) {
    const files = await readdir(join(root, source), { recursive: true }).catch(() => []);
    for (const file of files.filter((each) => /\.(js|ts|json)$/.test(each)).sort()) {
      hash.update(`${source}/${file}\0`).update(await readFile(join(root, source, file)));
    }
  }
  // includes the version of every library, such as PGlite (format of its files) and the seed generator
  hash.update(await readFile(join(await projectFolder(), 'package-lock.json')).catch(() => ''));
  return hash.digest('hex').slice(0, 32);
}

/**
 * Makes every start from a template faster: smaller buffers, which a start clears, and fewer files to copy. Removes old
 * write-ahead log and two unused databases.
 */
const slimming = [
  `alter system set shared_buffers = '16MB'`,
  `alter system set min_wal_size = '2MB'`,
  `update pg_database set datistemplate = false where datname in ('template0', 'template1')`,
  'drop database template0',
  'drop database template1',
  'set wal_recycle = off',
  'select pg_switch_wal()',
  'checkpoint',
  'checkpoint',
];

async function make(file: string, name: string, prepare: Template['prepare']): Promise<Blob> {
  const database = await openDatabase({ databaseUrl: null, databasePoolSize: 1, dataDirectory: 'memory://' });
  try {
    await migrate(database);
    await prepare?.(database);
    for (const statement of slimming) await database.run(statement);
    const template = await dumpTemplate(database, 'none');
    const unfinished = `${file}.${process.pid}`;
    await writeFile(unfinished, Buffer.from(await template.arrayBuffer()), { mode: 0o600 });
    await rename(unfinished, file);
    await forgetOthers(file, name);
    return template;
  } finally {
    await database.close();
  }
}

async function forgetOthers(file: string, name: string): Promise<void> {
  for (const other of await readdir(dirname(file))) {
    const path = join(dirname(file), other);
    if (other.startsWith(`${name}-`) && path !== file) await rm(path, { force: true });
  }
}

async function readIfThere(file: string): Promise<Blob | null> {
  return await readFile(file).then(
    (content) => new Blob([content], { type: 'application/x-tar' }),
    () => null,
  );
}

/** Returns the folder with package.json: the root, or the folder above a build. */
async function projectFolder(): Promise<string> {
  const files = await readdir(root);
  return files.includes('package.json') ? root : dirname(root);
}
