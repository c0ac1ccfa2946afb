import { access, constants, readdir, stat, statfs } from 'node:fs/promises';
import { connect } from 'node:net';
import { dirname, join } from 'node:path';
import type { Config } from './config.ts';
import { ormOptions } from '../mikro-orm.config.ts';
import type { Database } from './database/index.ts';
import { loadKeyring } from './services/crypto/keyfile.ts';
import type { Keyring } from './services/crypto/keyring.ts';
import { failureOf, messageOf } from './services/setting/index.ts';
import { openPlace, whereabouts } from './work.ts';

/** What was looked at, and what is wrong with it. */
export interface Finding {
  readonly what: string;
  /** What is right about it, or wrong: in a sentence. */
  readonly says: string;
  readonly isFault: boolean;
}

/** Bytes that should be free where the service keeps its files. */
const room = 500 * 1024 ** 2;

/** Milliseconds by which the clock of the database may differ. */
const drift = 5_000;

/** The oldest PostgreSQL that the service works on. */
const oldest = 150_000;

/** Looks at an installation: its keys, files, database, clock, mail server and disk. It changes nothing but may make the keyring. */
export async function examine(config: Config): Promise<Finding[]> {
  const keys = await examineKeys(config);
  const findings = [keys.finding, await examineDirectory(config), ...(await examineDatabase(config, keys.keyring))];
  return [...findings, await examineMail(config), await examineDisk(config)];
}

const right = (what: string, says: string): Finding => ({ what, says, isFault: false });
const wrong = (what: string, says: string): Finding => ({ what, says, isFault: true });

async function examineKeys(config: Config): Promise<{ finding: Finding; keyring: Keyring | null }> {
  try {
    const keyring = await loadKeyring({ keys: config.keys, directory: config.configDirectory, mayMake: config.mayMakeKeys });
    const { length } = keyring.kids;
    return { finding: right('Keys', `The keyring has ${length} ${length === 1 ? 'key' : 'keys'}; ${keyring.active} is active.`), keyring };
  } catch (error) {
    return { finding: wrong('Keys', `${(error as Error).message}.`.replace(/\.\.$/, '.')), keyring: null };
  }
}

async function examineDirectory({ configDirectory }: Config): Promise<Finding> {
  const what = 'Config directory';
  const found = await stat(configDirectory).catch(() => null);
  if (found === null) return right(what, `${configDirectory} is not there yet; it is made when something is kept in it.`);
  if (process.platform !== 'win32' && (found.mode & 0o022) !== 0)
    return wrong(what, `Others may write to ${configDirectory}. Run: chmod 0700 "${configDirectory}"`);
  for (const name of ['keys', 'setup-token', 'db_credentials.enc', 'fernet.key']) {
    const file = join(configDirectory, name);
    const { mode } = (await stat(file).catch(() => null)) ?? { mode: 0 };
    if (process.platform !== 'win32' && (mode & 0o077) !== 0) return wrong(what, `Others may read ${file}. Run: chmod 0600 "${file}"`);
  }
  const isWritable = await access(configDirectory, constants.W_OK).then(
    () => true,
    () => false,
  );
  if (!isWritable) return wrong(what, `${configDirectory} cannot be written to: a set-up token and a saved connection need that.`);
  return right(what, `${configDirectory} is for the service alone.`);
}

async function examineDatabase(config: Config, keyring: Keyring | null): Promise<Finding[]> {
  let database: Database;
  try {
    const place = await whereabouts(config, () =>
      keyring === null ? Promise.reject(new Error('There is no keyring')) : Promise.resolve(keyring),
    );
    // the embedded database belongs to one process at a time, and looking would make it
    if (place.url === null) return [right('Database', `It is embedded, in ${config.dataDirectory}: for one process, for development.`)];
    database = await openPlace(config, place);
  } catch (error) {
    const reason = failureOf(error);
    return [wrong('Database', reason === null ? `It cannot be opened: ${(error as Error).message}` : `${messageOf(reason)}.`)];
  }
  try {
    return await examineServer(database);
  } finally {
    await database.close();
  }
}

async function examineServer(database: Database): Promise<Finding[]> {
  const begin = Date.now();
  const [row] = await database.run(
    `select current_setting('server_version') as version, current_setting('server_version_num')::int as number, clock_timestamp() as at`,
  );
  const { version, number, at } = row as { version: string; number: number; at: Date };
  const ahead = at.valueOf() - (begin + Date.now()) / 2;
  const pending = await pendingMigrations(database);
  return [
    number >= oldest
      ? right('Database', `It is PostgreSQL ${version}.`)
      : wrong('Database', `It is PostgreSQL ${version}; 15 or later is needed.`),
    examinePending(pending),
    Math.abs(ahead) <= drift
      ? right('Clock', 'It agrees with that of the database.')
      : wrong(
          'Clock',
          `It differs from that of the database by ${Math.round(ahead / 1000)} s: codes of second factors and tokens would be refused.`,
        ),
  ];
}

/** The migrations that the database lacks, and those that this program does. */
async function pendingMigrations({ orm, run }: Database): Promise<{ missing: string[]; unknown: string[] }> {
  const [table] = await run(`select to_regclass('mikro_orm_migrations') is not null as exists`);
  // asked of a database that has none, the migrator would make its table
  const done = table?.['exists'] === true ? (await orm.migrator.getExecuted()).map(({ name }) => name) : [];
  const files = await readdir(ormOptions.migrations.path);
  const known = files.filter((file) => /(?<!\.d)\.[jt]s$/.test(file)).map((file) => file.slice(0, -3));
  return { missing: known.filter((name) => !done.includes(name)), unknown: done.filter((name) => !known.includes(name)) };
}

function examinePending({ missing, unknown }: { readonly missing: readonly string[]; readonly unknown: readonly string[] }): Finding {
  if (unknown.length > 0) return wrong('Migrations', 'The database was made by a newer version of this program. Start that one.');
  if (missing.length > 0) return wrong('Migrations', `${missing.length} are not done yet: npm run db:migrate, or start the service.`);
  return right('Migrations', 'The database is up to date.');
}

async function examineMail({ mail: { smtp }, environment }: Config): Promise<Finding> {
  const what = 'Mail';
  if (smtp === null)
    return environment === 'production'
      ? wrong(what, 'SMTP_URL is not set: mails wait, and nobody can reset a password.')
      : right(what, 'It is shown here.');
  const { hostname, port, protocol } = new URL(smtp.url);
  const isThere = await greets(hostname.replace(/^\[|\]$/g, ''), Number(port || (protocol === 'smtps:' ? 465 : 587)));
  return isThere ? right(what, 'The mail server is there.') : wrong(what, 'The mail server that SMTP_URL names cannot be reached.');
}

async function greets(host: string, port: number): Promise<boolean> {
  return await new Promise((resolve) => {
    const socket = connect({ host, port, timeout: 5_000 });
    const end = (isThere: boolean) => () => {
      socket.destroy();
      resolve(isThere);
    };
    socket.once('connect', end(true)).once('timeout', end(false)).once('error', end(false));
  });
}

async function examineDisk({ dataDirectory, configDirectory, databaseUrl }: Config): Promise<Finding> {
  const place = await nearest(databaseUrl === null ? dataDirectory : configDirectory);
  const { bavail, bsize } = await statfs(place);
  const free = bavail * bsize;
  const megabytes = `${Math.round(free / 1024 ** 2)} MB are free at ${place}`;
  return free >= room ? right('Disk', `${megabytes}.`) : wrong('Disk', `Only ${megabytes}: a database that is full takes no changes.`);
}

/** The directory itself, or the first above it that is there. */
async function nearest(directory: string): Promise<string> {
  const isThere = await stat(directory).then(
    () => true,
    () => false,
  );
  return isThere || directory === dirname(directory) ? directory : await nearest(dirname(directory));
}
