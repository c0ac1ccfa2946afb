import { access, constants, stat, statfs } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import type { SqlEntityManager } from '@mikro-orm/postgresql';
import type { Config } from '../config.ts';
import { compareMigrations, LockedError, openDatabase, type Database } from '../database/index.ts';
import { PasswordHasher } from '../services/crypto/hasher.ts';
import { KeyringError, type Keyring } from '../services/crypto/keyring.ts';
import { keyringProblem } from '../services/key.ts';
import { hasKeyring, loadKeyring, noKeyring } from '../services/crypto/keyfile.ts';
import { queueProblem, smtpProblem } from '../services/mail/index.ts';
import { explain, failureOf } from '../services/setting/failure.ts';
import { SavedError } from '../services/setting/saved.ts';
import { findSeededUsers } from '../services/user/seeded-accounts.ts';
import { openTarget, resolveTarget, type DatabaseTarget } from '../process/work.ts';
import { SeededError } from '../errors.ts';

/** The result of one check. */
export interface Finding {
  readonly what: string;
  /** The result in a sentence. */
  readonly says: string;
  readonly isFault: boolean;
}

/** The limits of the checks, and the clock that the others are compared with. */
export interface Measures {
  /** The free disk space that is required, in bytes. */
  readonly room: number;
  /** The tolerated clock difference of the database, in milliseconds. */
  readonly drift: number;
  /** The oldest supported PostgreSQL, as `server_version_num`. */
  readonly oldest: number;
  /** The time-out of each step with the mail server, in milliseconds. */
  readonly patience: number;
  readonly now: () => number;
}

const usual: Measures = {
  room: 500 * 1024 ** 2,
  drift: 5_000,
  oldest: 150_000,
  patience: 5_000,
  now: () => Date.now(),
};

/** Checks an installation: its keys, files, database, clock, mail server and disk. Changes nothing. */
export async function examine(config: Config, measures: Partial<Measures> = {}): Promise<Finding[]> {
  const by = { ...usual, ...measures };
  const { finding, keyring } = await examineKeys(config);
  const files = await examineDirectory(config);
  const { findings, isEmbedded } = await examineDatabase(config, keyring, by);
  return [finding, files, ...findings, await examineMail(config, by), await examineDisk(config, isEmbedded, by)];
}

const right = (what: string, says: string): Finding => ({ what, says, isFault: false });
const wrong = (what: string, says: string): Finding => ({ what, says, isFault: true });

async function examineKeys(config: Config): Promise<{ finding: Finding; keyring: Keyring | null }> {
  const { keys, configDirectory: directory } = config;
  if (config.mayMakeKeys && !(await hasKeyring({ keys, directory })))
    return { finding: right('Keys', noKeyring(directory)), keyring: null };
  try {
    const keyring = await loadKeyring({ keys, directory, mayMake: false });
    const { length } = keyring.kids;
    return {
      finding: right(
        'Keys',
        `The keyring has ${length} ${length === 1 ? 'key' : 'keys'}; ${keyring.active} is active.`,
      ),
      keyring,
    };
  } catch (error) {
    return { finding: wrong('Keys', whyOf(error)), keyring: null };
  }
}

async function examineDirectory({ configDirectory }: Config): Promise<Finding> {
  const what = 'Config directory';
  const found = await stat(configDirectory).catch(() => null);
  if (found === null) return right(what, `${configDirectory} does not exist yet. It is created when needed.`);
  const isWritable = await isAllowed(configDirectory, constants.W_OK);
  const problems = [
    ...(isOpen(found.mode, 0o022)
      ? [`${configDirectory} is writable by other users. Run: chmod 0700 "${configDirectory}"`]
      : []),
    ...(await exposedIn(configDirectory)).map(
      (file) => `${file} is readable by other users. Run: chmod 0600 "${file}"`,
    ),
    ...(isWritable ? [] : [`${configDirectory} is not writable, so no set-up token or connection can be saved.`]),
  ];
  return problems.length > 0
    ? wrong(what, problems.join('\n  '))
    : right(what, `${configDirectory} is protected from other users.`);
}

/** Finds the secret files that other users can read. */
async function exposedIn(directory: string): Promise<string[]> {
  const files = ['keys', 'setup-token', 'db_credentials.enc', 'fernet.key'].map((name) => join(directory, name));
  const modes = await Promise.all(files.map(async (file) => (await stat(file).catch(() => null))?.mode ?? 0));
  return files.filter((_, at) => isOpen(modes[at] ?? 0, 0o077));
}

/** Always false on Windows, which has no permission bits. */
const isOpen = (mode: number, bits: number): boolean => process.platform !== 'win32' && (mode & bits) !== 0;

const isAllowed = (path: string, mode: number): Promise<boolean> =>
  access(path, mode).then(
    () => true,
    () => false,
  );

async function examineDatabase(
  config: Config,
  keyring: Keyring | null,
  by: Measures,
): Promise<{ findings: Finding[]; isEmbedded: boolean }> {
  const what = 'Database';
  try {
    const place = await resolveTarget(config, () =>
      keyring === null
        ? Promise.reject(new KeyringError('The saved connection cannot be decrypted without the keyring'))
        : Promise.resolve(keyring),
    );
    if (place.url === null) {
      const finding = right(
        what,
        `The database is embedded, in ${config.dataDirectory}. It serves one process and is meant for development.`,
      );
      return { findings: [finding, ...(await examineEmbedded(config, place, keyring))], isEmbedded: true };
    }
    const database = await openTarget(config, place);
    try {
      const findings = [
        ...(await examineServer(database, by)),
        await examineKnownKeys(database, keyring),
        ...(await examineQueue(database)),
        ...(await examineAccounts(config, database, keyring)),
      ];
      return { findings: [...findings, ...(await examineDirect(config))], isEmbedded: false };
    } finally {
      await database.close();
    }
  } catch (error) {
    return { findings: [wrong(what, whyOf(error))], isEmbedded: false };
  }
}

/** Checks the embedded database only if it exists and is not in use: opening would create it otherwise. */
async function examineEmbedded(config: Config, place: DatabaseTarget, keyring: Keyring | null): Promise<Finding[]> {
  if (
    config.environment !== 'production' ||
    !(await isAllowed(join(config.dataDirectory, 'PG_VERSION'), constants.F_OK))
  )
    return [];
  try {
    const database = await openTarget(config, place);
    try {
      return [await examineKnownKeys(database, keyring), ...(await examineAccounts(config, database, keyring))];
    } finally {
      await database.close();
    }
  } catch (error) {
    if (error instanceof LockedError) return []; // a service that production refuses would not run
    throw error;
  }
}

/** Checks for seeded accounts with public passwords, which production refuses. */
async function examineAccounts(config: Config, database: Database, keyring: Keyring | null): Promise<Finding[]> {
  if (config.environment !== 'production' || keyring === null) return [];
  const [table] = await database.run(`select to_regclass('users') is not null as exists`);
  if (table?.['exists'] !== true) return [];
  const hasher = new PasswordHasher(keyring, config.passwordCost);
  const users = await findSeededUsers({ em: database.orm.em.fork() as SqlEntityManager, passwords: hasher });
  const what = 'Accounts';
  return [
    users.length === 0
      ? right(what, 'No account has a public password.')
      : wrong(what, `${new SeededError(users).message}.`),
  ];
}

async function examineServer(database: Database, { oldest, drift, now }: Measures): Promise<Finding[]> {
  const begin = now();
  const [row] = await database.run(
    `select current_setting('server_version') as version, current_setting('server_version_num')::int as number,
      current_setting('server_encoding') as encoding, clock_timestamp() as at`,
  );
  const { version, number, encoding, at } = row as { version: string; number: number; encoding: string; at: Date };
  const ahead = at.valueOf() - (begin + now()) / 2;
  const is = `The server runs PostgreSQL ${version}`;
  return [
    number >= oldest
      ? right('Database', `${is}.`)
      : wrong('Database', `${is}; ${Math.floor(oldest / 10_000)} or later is required.`),
    ...(encoding === 'UTF8' ? [] : [wrong('Encoding', `The encoding is ${encoding}; UTF8 is required.`)]),
    findingOfMigrations(await compareMigrations(database)),
    Math.abs(ahead) <= drift
      ? right('Clock', 'The clock agrees with the database.')
      : wrong('Clock', `The clock differs from the database by ${Math.round(Math.abs(ahead) / 1000)} s: ${late}`),
  ];
}

/** Checks the mail queue of a migrated database. */
async function examineQueue(database: Database): Promise<Finding[]> {
  const { missing } = await compareMigrations(database);
  if (missing.length > 0) return [];
  const problem = await queueProblem(database.run);
  return [problem === null ? right('Mail queue', 'The mail queue is complete.') : wrong('Mail queue', problem)];
}

/** Compares the keyring with the keys that the database was used with. */
async function examineKnownKeys({ run }: Database, keyring: Keyring | null): Promise<Finding> {
  const what = 'Database keys';
  const [table] = await run(`select to_regclass('system_keys') is not null as exists`);
  const problem = table?.['exists'] === true ? await keyringProblem(run, keyring) : null;
  return problem === null ? right(what, 'The keyring has the keys of the database.') : wrong(what, problem);
}

const late = 'second-factor codes and tokens may be refused.';

function findingOfMigrations({
  missing,
  unknown,
}: {
  readonly missing: readonly string[];
  readonly unknown: readonly string[];
}): Finding {
  if (unknown.length > 0)
    return wrong('Migrations', 'The database was created by a newer version of this program. Start that version.');
  const { length } = missing;
  if (length > 0)
    return wrong(
      'Migrations',
      `${length} ${length === 1 ? 'migration is' : 'migrations are'} pending. Run npm run db:migrate, or start the service.`,
    );
  return right('Migrations', 'The database is up to date.');
}

/** Checks the direct connection, if one is configured. */
async function examineDirect({ directUrl, ...config }: Config): Promise<Finding[]> {
  if (directUrl === null) return [];
  const what = 'Direct connection';
  try {
    const database = await openDatabase(
      { ...config, databaseUrl: directUrl, databasePoolSize: 1 },
      { patience: config.patience.request },
    );
    await database.close();
    return [right(what, 'The server in DATABASE_DIRECT_URL responds.')];
  } catch (error) {
    return [wrong(what, `${whyOf(error)} Check DATABASE_DIRECT_URL.`)];
  }
}

/** Says why something cannot be opened. Never quotes the driver, whose text may contain secrets. */
function whyOf(error: unknown): string {
  if (error instanceof KeyringError || error instanceof SavedError) return `${error.message}.`.replace(/\.\.$/, '.');
  if ((error as { code?: unknown }).code === '25006')
    return 'The server is read-only: it is a standby, or configured that way.';
  const reason = failureOf(error);
  return reason === null
    ? `It cannot be opened (${(error as NodeJS.ErrnoException).code ?? (error as Error).name}).`
    : explain(reason);
}

async function examineMail({ mail: { smtp }, environment }: Config, { patience }: Measures): Promise<Finding> {
  const what = 'Mail';
  if (smtp === null)
    return environment === 'production'
      ? wrong(what, 'SMTP_URL is not set. Mails wait in the queue, and users cannot reset their passwords.')
      : right(what, 'SMTP_URL is not set. The service prints mails.');
  const problem = await smtpProblem(smtp.url, patience);
  return problem === null
    ? right(what, 'The mail server accepts mail.')
    : wrong(what, `The mail server in SMTP_URL ${problem}.`);
}

async function examineDisk(
  { dataDirectory, configDirectory }: Config,
  isEmbedded: boolean,
  { room }: Measures,
): Promise<Finding> {
  const place = await nearest(isEmbedded ? dataDirectory : configDirectory);
  const { bavail, bsize } = await statfs(place);
  const free = bavail * bsize;
  const megabytes = `${Math.round(free / 1024 ** 2)} MB are free at ${place}`;
  if (free >= room) return right('Disk', `${megabytes}.`);
  return wrong(
    'Disk',
    `Only ${megabytes}: ${isEmbedded ? 'the database cannot be changed when the disk is full' : 'keys and tokens cannot be saved when the disk is full'}.`,
  );
}

/** Returns the directory itself, or its nearest existing parent. */
async function nearest(directory: string): Promise<string> {
  return (await isAllowed(directory, constants.F_OK)) || directory === dirname(directory)
    ? directory
    : await nearest(dirname(directory));
}
