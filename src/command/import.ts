import { open as openFile } from 'node:fs/promises';
import type { SqlEntityManager } from '@mikro-orm/postgresql';
import type { Config } from '../config.ts';
import type { Database } from '../database/index.ts';
import { systemClock } from '../entities/clock.ts';
import type { importMembers } from '../services/member/import-members.ts';
import type { dateForms } from '../services/record/cell.ts';
import type { encodings } from '../services/record/csv.ts';
import { importUsers } from '../services/user/import/index.ts';
import { keyringFor, withDatabase } from './opening.ts';
import { CommandError, say, warn, counted } from './operator.ts';

/** Imports the users of a file, all or none. With `--dry-run`, it only reports what would change. */
export async function importFile(config: Config, { file, dryRun = false }: FileOptions): Promise<void> {
  await importFrom(config, file, { run: importUsers, one: 'user', many: 'users' }, dryRun);
}

/** Imports the records of a CSV file, all or none. `--update` also changes existing records; `--dry-run` only reports the changes. */
export async function importCsv(config: Config, options: CsvOptions, what: Importing): Promise<void> {
  const { file, update: updates, dryRun: isTrial = false, ignoreUnknown: ignoresUnknown, dates, encoding } = options;
  const form = { updates, ignoresUnknown, dates, encoding };
  const run: Importing['run'] = (scope, source, given) => what.run(scope, source, { ...given, ...form });
  await importFrom(config, file, { ...what, run }, isTrial);
}

/** The options that all imports share. */
export interface FileOptions {
  readonly file: string;
  readonly dryRun?: boolean;
}

export interface CsvOptions extends FileOptions {
  readonly update?: boolean;
  readonly ignoreUnknown?: boolean;
  readonly dates?: (typeof dateForms)[number];
  readonly encoding?: (typeof encodings)[number];
}

/** The kind of records in a file, and the function that imports them. */
interface Importing {
  readonly run: typeof importMembers;
  readonly one: string;
  readonly many: 'users' | 'members' | 'organizations';
}

async function importFrom(config: Config, path: string, what: Importing, isTrial: boolean): Promise<void> {
  const file = await openFile(path).catch((error: NodeJS.ErrnoException) => {
    throw new CommandError(`${path} cannot be read (${error.code}).`);
  });
  try {
    const stats = await file.stat();
    if (stats.isDirectory()) throw new CommandError(`${path} is a directory. Name a file.`);
    const { size } = stats;
    await withDatabase(config, (database) =>
      importInto(config, database, path, { ...what, source: file.createReadStream(), size, isTrial }),
    );
  } finally {
    await file.close();
  }
}

interface Import extends Importing {
  readonly source: AsyncIterable<Uint8Array> & { readonly bytesRead: number };
  /** Bytes. */
  readonly size: number;
  readonly isTrial: boolean;
}

async function importInto(
  config: Config,
  database: Database,
  path: string,
  { run, one, many, source, size, isTrial }: Import,
): Promise<void> {
  const { progressOn } = await import('../../seeds/progress.ts');
  const scope = {
    em: database.orm.em as SqlEntityManager,
    keyring: await keyringFor(config, database),
    timeZone: config.timeZone,
    now: systemClock,
  };
  const { progress, end } = progressOn(process.stderr, undefined, 'Importing');
  let read = 0;
  const { added, updated, alreadyThere, refused } = await run(scope, source, {
    isTrial,
    progress: (step, lines) => {
      // Adding takes about as long as reading.
      const isReading = step === 'read';
      if (isReading) read = lines;
      const share = isReading ? Math.min(source.bytesRead / Math.max(size, 1), 1) : 1 + lines / read;
      progress(share, 2, many, lines);
    },
    report: ({ line, problems }) => {
      end();
      warn(`${path}:${line}: ${problems}`);
    },
    show: ({ line, key, path: column, from, to }) => {
      end();
      say(`${path}:${line}: ${key[0]} ${quoted(key[1])}: ${column} ${quoted(from)} → ${quoted(to)}`);
    },
  }).finally(end);
  if (refused > 0)
    throw new CommandError(`Nothing was imported: ${counted(refused, 'line has', 'lines have')} problems.`);
  const updating = isTrial ? `${updated} updated` : `updated ${updated}`;
  const done = isTrial ? `${counted(added, one, many)} would be added` : `Added ${counted(added, one, many)}`;
  say(
    `${done}${updated === undefined ? '' : ` and ${updating}`}; ${alreadyThere} ${alreadyThere === 1 ? 'exists' : 'exist'} already.`,
  );
}

/** Formats a value for the terminal and escapes control characters. */
const quoted = (value: unknown): string =>
  value === null
    ? '(empty)'
    : JSON.stringify(value).replace(/[\p{C}\u2028\u2029]/gu, (each) => `\\u{${each.codePointAt(0)?.toString(16)}}`);
