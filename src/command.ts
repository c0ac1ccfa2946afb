import 'reflect-metadata';
import { mkdir, open, writeFile } from 'node:fs/promises';
import { parseArgs, styleText } from 'node:util';
import { MikroORM } from '@mikro-orm/pglite';
import type { SqlEntityManager } from '@mikro-orm/postgresql';
import { ormOptions } from '../mikro-orm.config.ts';
import { readConfig, type Config } from './config.ts';
import { migrate, openDatabase, type Database } from './database/index.ts';
import { queueDatabase } from './database/queue.ts';
import { printPermissions } from './permissions/print.ts';
import { buildExecutable, printContract } from './schema.ts';
import { PasswordHasher } from './services/crypto/hasher.ts';
import { loadKeyring } from './services/crypto/keyfile.ts';
import { startCleanup } from './services/session/index.ts';
import { MailQueue } from './services/mail/index.ts';
import { countKeys, tellKeys } from './services/session/keys.ts';
import { importMembers } from './services/member/index.ts';
import { importOrganizations } from './services/organization/index.ts';
import { importUsers } from './services/user/import/index.ts';
import { mailOf, start as startService, type MailRoom } from './server.ts';

type Command = (config: Config, words: string[]) => Promise<void>;

/** What the process can do: `npm start`, and one npm script for each of the others. */
const commands: Readonly<Record<string, Command>> = {
  start,
  seed: (config, words) => seed(config, words),
  'seed:phase2': (config) => seed(config, ['--phase', '2']),
  'db:migrate': update,
  'db:reset': reset,
  worker: work,
  'users:import': importFile,
  'members:import': (config, words) => importCsv(config, words, { run: importMembers, one: 'member', many: 'members' }),
  'organizations:import': (config, words) =>
    importCsv(config, words, { run: importOrganizations, one: 'organization', many: 'organizations' }),
  'keys:status': showKeys,
  schema: writeSchema,
  permissions: writePermissions,
};

/** Errors that explain themselves: their text is enough, a stack would bury it. */
const plain = new Set([
  'ConfigError',
  'PermissionGap',
  'LockedError',
  'DataVersionError',
  'SeedError',
  'KeyringError',
  'CommandError',
  'ImportError',
]);

class CommandError extends Error {
  override readonly name = 'CommandError';
}

/** Runs one command to its end, or until the service is told to stop. Failures are said on stderr and by exit code 1. */
export async function runCommand([name = 'start', ...words]: string[]): Promise<void> {
  try {
    const command = commands[name];
    if (!command) throw new CommandError(`There is no command ${name}. There are: ${Object.keys(commands).join(', ')}.`);
    await command(readConfig(), words);
  } catch (error) {
    const isPlain = error instanceof Error && plain.has(error.name);
    process.stderr.write(`${styleText('red', isPlain ? error.message : String((error as Error).stack))}\n`);
    process.exitCode = 1;
  }
}

async function start(config: Config): Promise<void> {
  const service = await startService(config);
  const stop = (): void => void service.stop().then(() => process.exit(0));
  process.once('SIGINT', stop).once('SIGTERM', stop);
  const isSeeded = service.hasSeeded || (service.database.engine === 'embedded' && config.environment !== 'production');
  const { seededAccounts } = isSeeded ? await import('../seeds/index.ts') : {};
  const lines = [
    `Unionhall answers at ${styleText('bold', `${service.url}/graphql`)} after ${(performance.now() / 1000).toFixed(1)} s.`,
    ...(config.offersPlayground ? [`The playground is at ${styleText('bold', `${service.url}/`)}`] : []),
    service.database.engine === 'embedded'
      ? `The database is embedded, in ${config.dataDirectory}: for one process, for development.`
      : 'The database is the PostgreSQL server that DATABASE_URL names.',
    ...(service.setupToken === null
      ? []
      : [`Nobody owns this instance yet. Whoever has this token can, with setupOwner: ${styleText('bold', service.setupToken)}`]),
    ...(seededAccounts
      ? [
          'Seeded logins:',
          ...seededAccounts.map(({ username, password, role }) => `  ${username.padEnd(11)} ${password.padEnd(15)} ${role}`),
        ]
      : []),
  ];
  say(lines.join('\n'));
}

/**
 * Sends mail and cleans up, and answers nobody, until it is told to stop. Any number of these may run beside services
 * with MAIL_WORKER=0.
 */
async function work(config: Config): Promise<void> {
  const database = await openDatabase(config);
  try {
    await migrate(database);
    const room = await roomOf(config, database);
    const mail = await mailOf({ ...config, mail: { ...config.mail, sends: true } }, room);
    const em = database.orm.em as SqlEntityManager;
    const cleanup = startCleanup({ em, tools: { ...room, mail: mail.queue }, every: config.cleanupEvery, warn });
    const stop = async (): Promise<void> => {
      await Promise.all([cleanup.stop(), mail.stop()]);
      await database.close();
      process.exit(0);
    };
    process.once('SIGINT', () => void stop()).once('SIGTERM', () => void stop());
    say('Mail is sent from here, and what has expired is removed.');
  } catch (error) {
    await database.close();
    throw error;
  }
}

/** Makes the tables and the queue, so that a service whose role may make neither finds both. */
async function update(config: Config): Promise<void> {
  await withDatabase(config, async (database) => {
    const queue = new MailQueue(await queueDatabase(database), { supervises: false, warn });
    await queue.start();
    await queue.stop();
    say('The database is up to date.');
  });
}

async function seed(config: Config, words: string[]): Promise<void> {
  const { values } = parseArgs({ args: words, options: { phase: { type: 'string' }, scale: { type: 'string' } } });
  const phases =
    values.phase === undefined ? ([0, 1, 2] as const) : [oneOf(values.phase, ['0', '1', '2'])].map((phase) => Number(phase) as 0 | 1 | 2);
  const scale = Number(values.scale ?? 1);
  const { progressOn, seed: seedDatabase } = await import('../seeds/index.ts');
  await withDatabase(config, async ({ orm }) => {
    const { progress, end } = progressOn(process.stderr);
    const options = { environment: config.environment, hashPassword: await hasherOf(config), phases, scale, progress };
    const { written } = await seedDatabase(orm.em, options).finally(end);
    const counts = Object.entries(written).map(([table, count]) => `${count} ${table}`);
    say(counts.length === 0 ? 'Everything was there already.' : `Added ${counts.join(', ')}.`);
  });
}

/** Empties the database, brings it up to date, and seeds it. */
async function reset(config: Config, words: string[]): Promise<void> {
  if (config.environment === 'production') throw new CommandError('db:reset is refused in production.');
  if (config.databaseUrl !== null && !words.includes('--force')) {
    throw new CommandError(
      'db:reset removes everything from the database that DATABASE_URL names. Say --force if that is meant: npm run db:reset -- --force',
    );
  }
  const database = await openDatabase(config);
  try {
    await database.orm.schema.drop({ dropMigrationsTable: true });
    await database.run('drop schema if exists pgboss cascade');
  } finally {
    await database.close();
  }
  await seed(config, []);
}

/** Adds the users of a file, all or none; with `--dry-run` it only says what would be done. */
async function importFile(config: Config, words: string[]): Promise<void> {
  const isTrial = words.includes('--dry-run');
  const [path, ...rest] = words.filter((word) => word !== '--dry-run');
  if (path === undefined || path.startsWith('-') || rest.length > 0)
    throw new CommandError('Name one file, and nothing but --dry-run beside it: npm run users:import -- users.jsonl --dry-run');
  await importFrom(config, path, { run: importUsers, one: 'user', many: 'users' }, isTrial);
}

/** Adds the records of a CSV file, all or none; with `--dry-run` it only says what would be done. */
async function importCsv(config: Config, words: string[], what: Importing): Promise<void> {
  const isTrial = words.includes('--dry-run');
  const [option, path, ...rest] = words.filter((word) => word !== '--dry-run');
  if (option !== '--file' || path === undefined || rest.length > 0)
    throw new CommandError(
      `Name one file, and nothing but --dry-run beside it: npm run ${what.many}:import -- --file ${what.many}.csv --dry-run`,
    );
  await importFrom(config, path, what, isTrial);
}

/** What a file brings, in words, and what adds it. */
interface Importing {
  readonly run: typeof importMembers;
  readonly one: string;
  readonly many: 'users' | 'members' | 'organizations';
}

async function importFrom(config: Config, path: string, what: Importing, isTrial: boolean): Promise<void> {
  const file = await open(path).catch((error: NodeJS.ErrnoException) => {
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
  { orm }: Database,
  path: string,
  { run, one, many, source, size, isTrial }: Import,
): Promise<void> {
  const { progressOn } = await import('../seeds/progress.ts');
  const tools = { keyring: await keyringOf(config), timeZone: config.timeZone, now: () => new Date() };
  const { progress, end } = progressOn(process.stderr, undefined, 'Importing');
  let read = 0;
  const { added, alreadyThere, refused } = await run(orm.em, tools, source, {
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
  }).finally(end);
  if (refused > 0) throw new CommandError(`Nothing was imported: ${counted(refused, 'line is', 'lines are')} not right.`);
  const done = isTrial ? `${counted(added, one, many)} would be added` : `Added ${counted(added, one, many)}`;
  say(`${done}; ${alreadyThere} ${alreadyThere === 1 ? 'was' : 'were'} there already.`);
}

/** Says how much hangs on each system key, so that one is not removed too early. */
async function showKeys(config: Config): Promise<void> {
  const keyring = await keyringOf(config);
  const database = await openDatabase(config);
  try {
    say(tellKeys(await countKeys(database.orm.em, keyring, new Date())));
  } finally {
    await database.close();
  }
}

/** Writes the contract, schema.graphql, from the code. */
async function writeSchema(): Promise<void> {
  await writeFile('schema.graphql', printContract((await offline()).schema));
}

/** Writes who may do what, docs/permissions.md, from the rules. */
async function writePermissions(): Promise<void> {
  const { schema } = await offline();
  await mkdir('docs', { recursive: true });
  await writeFile('docs/permissions.md', printPermissions(schema));
}

/** The schema without a database. */
async function offline() {
  const orm = await MikroORM.init({ ...ormOptions, dbName: 'memory://' } as never);
  try {
    return buildExecutable(orm.getMetadata());
  } finally {
    await orm.close();
  }
}

async function withDatabase(config: Config, work: (database: Database) => Promise<void>): Promise<void> {
  const database = await openDatabase(config);
  try {
    await migrate(database);
    await work(database);
  } finally {
    await database.close();
  }
}

async function roomOf(config: Config, database: Database): Promise<MailRoom> {
  return { database, keyring: await keyringOf(config), now: () => new Date(), warn, print: null };
}

const keyringOf = (config: Config) => loadKeyring({ keys: config.keys, directory: config.configDirectory, mayMake: config.mayMakeKeys });

async function hasherOf(config: Config): Promise<(password: string) => Promise<string>> {
  const keyring = await keyringOf(config);
  const hasher = new PasswordHasher(keyring, config.passwordCost);
  return (password) => hasher.hash(password);
}

function oneOf(word: string, words: readonly string[]): string {
  if (!words.includes(word)) throw new CommandError(`--phase must be one of ${words.join(', ')}.`);
  return word;
}

const counted = (count: number, one: string, many: string): string => `${count} ${count === 1 ? one : many}`;
const warn = (message: string): void => void process.stderr.write(`${message}\n`);
const say = (text: string): void => void process.stdout.write(`${text}\n`);
