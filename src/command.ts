import 'reflect-metadata';
import { mkdir, writeFile } from 'node:fs/promises';
import { parseArgs, styleText } from 'node:util';
import { MikroORM } from '@mikro-orm/pglite';
import { ormOptions } from '../mikro-orm.config.ts';
import { readConfig, type Config } from './config.ts';
import { migrate, openDatabase, type Database } from './database/index.ts';
import { printPermissions } from './permissions/print.ts';
import { buildExecutable, printContract } from './schema.ts';
import { PasswordHasher } from './services/crypto/hasher.ts';
import { loadKeyring } from './services/crypto/keyfile.ts';
import { start as startService } from './server.ts';

type Command = (config: Config, words: string[]) => Promise<void>;

/** What the process can do: `npm start`, and one npm script for each of the others. */
const commands: Readonly<Record<string, Command>> = {
  start,
  seed: (config, words) => seed(config, words),
  'seed:phase2': (config) => seed(config, ['--phase', '2']),
  'db:migrate': (config) => withDatabase(config, async () => say('The database is up to date.')),
  'db:reset': reset,
  schema: writeSchema,
  permissions: writePermissions,
};

/** Errors that explain themselves: their text is enough, a stack would bury it. */
const plain = new Set(['ConfigError', 'PermissionGap', 'LockedError', 'DataVersionError', 'SeedError', 'KeyringError', 'CommandError']);

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
    ...(seededAccounts
      ? [
          'Seeded logins:',
          ...seededAccounts.map(({ username, password, role }) => `  ${username.padEnd(11)} ${password.padEnd(15)} ${role}`),
        ]
      : []),
  ];
  say(lines.join('\n'));
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
  } finally {
    await database.close();
  }
  await seed(config, []);
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

async function hasherOf(config: Config): Promise<(password: string) => Promise<string>> {
  const keyring = await loadKeyring({ keys: config.keys, directory: config.configDirectory, mayMake: config.mayMakeKeys });
  const hasher = new PasswordHasher(keyring, config.passwordCost);
  return (password) => hasher.hash(password);
}

function oneOf(word: string, words: readonly string[]): string {
  if (!words.includes(word)) throw new CommandError(`--phase must be one of ${words.join(', ')}.`);
  return word;
}

const say = (text: string): void => void process.stdout.write(`${text}\n`);
