import 'reflect-metadata';
import { mkdir, open as openFile, writeFile } from 'node:fs/promises';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { parseArgs, styleText } from 'node:util';
import type { SqlEntityManager } from '@mikro-orm/postgresql';
import { readConfig, type Config } from './config.ts';
import { migrate, type Database } from './database/index.ts';
import { queueDatabase } from './database/queue.ts';
import { examine } from './doctor.ts';
import { isDay } from './entities/scalars.ts';
import { printPermissions } from './permissions/print.ts';
import { buildOffline, printContract } from './schema.ts';
import { exportAudit, readHead, startSealing, tellFault, tellHead, verifyAudit, type Head } from './services/audit/index.ts';
import { PasswordHasher } from './services/crypto/hasher.ts';
import { loadKeyring } from './services/crypto/keyfile.ts';
import { startCleanup } from './services/session/index.ts';
import { MailQueue } from './services/mail/index.ts';
import { countKeys, renewSeeds, tellKeys } from './services/session/keys.ts';
import { importMembers } from './services/member/index.ts';
import { importOrganizations } from './services/organization/index.ts';
import { isSaved } from './services/setting/index.ts';
import { importUsers } from './services/user/import/index.ts';
import { importSecrets, readForeign, recoverFor, renewSystemSeals, statusOf, tellStatus, wipe } from './services/vault/index.ts';
import { launch, type Service } from './server.ts';
import { changeSettings } from './settings.ts';
import { mailOf, openPlace, savedBy, whereabouts, type MailRoom } from './work.ts';
import { ConnectionSource } from './entities/setting.ts';

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
  'audit:verify': verify,
  'audit:export': exportEvents,
  'keys:rotate': renewSeals,
  'vault:status': showVault,
  'vault:recover': recover,
  'vault:import': importVault,
  settings: (config, words) => settings(config, words),
  doctor,
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
  'VaultError',
  'SavedError',
  'StartError',
  'SettingsError',
]);

const lacking = 'The database lacks what this version keeps there. Make it first, with this version: npm run db:migrate';
const barred = 'The database refuses this to the role of DATABASE_URL. Where tables are missing, the role that owns them makes them:';

/** What the database says, by SQLSTATE, when it was not made ready: a table, a column or a schema is missing, or a right. */
const unready: ReadonlyMap<string, string> = new Map([
  ['42P01', lacking],
  ['42703', lacking],
  ['3F000', lacking],
  ['42501', `${barred} npm run db:migrate`],
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
    const text = isPlain ? error.message : (unready.get(String((error as { code?: unknown }).code)) ?? String((error as Error).stack));
    process.stderr.write(`${styleText('red', text)}\n`);
    process.exitCode = 1;
  }
}

async function start(config: Config): Promise<void> {
  const launched = await launch(config, { announce: (text) => say(styleText('bold', text)) });
  let service: Service | undefined;
  stopOnSignal(async () => {
    const delay = service === undefined || config.environment === 'development' ? 0 : config.patience.stopDelay;
    const hasFinished = await launched.stop({ delay });
    if (!hasFinished) warn(`Not all that had begun was finished after ${config.patience.stop} s.`);
    return hasFinished;
  });
  try {
    service = await launched.ready;
  } catch (error) {
    if ((error as Error).name !== 'StoppedError') throw error;
    return;
  }
  say(await greeting(config, service));
}

async function greeting(config: Config, service: Service): Promise<string> {
  const { place, url, setupToken, database } = service;
  const isSeeded = service.hasSeeded || (database.engine === 'embedded' && config.environment !== 'production');
  const { seededAccounts } = isSeeded ? await import('../seeds/index.ts') : {};
  return [
    `Unionhall answers at ${styleText('bold', `${url}/graphql`)} after ${(performance.now() / 1000).toFixed(1)} s.`,
    ...(config.offersPlayground ? [`The playground is at ${styleText('bold', `${url}/`)}`] : []),
    ...(service.metricsUrl === null ? [] : [`Metrics are at ${service.metricsUrl}`]),
    await tellPlace(config, place.source),
    ...(setupToken === null
      ? []
      : [`Nobody owns this instance yet. Whoever has this token can, with setupOwner: ${styleText('bold', setupToken)}`]),
    ...(seededAccounts
      ? [
          'Seeded logins:',
          ...seededAccounts.map(({ username, password, role }) => `  ${username.padEnd(11)} ${password.padEnd(15)} ${role}`),
        ]
      : []),
  ].join('\n');
}

async function tellPlace(config: Config, source: ConnectionSource): Promise<string> {
  if (source === ConnectionSource.EMBEDDED)
    return `The database is embedded, in ${config.dataDirectory}: for one process, for development.`;
  if (source === ConnectionSource.SAVED) return 'The database is the PostgreSQL server that was saved in the settings.';
  const isIdle = await isSaved(config.configDirectory);
  return `The database is the PostgreSQL server that DATABASE_URL names${isIdle ? '; the one that was saved in the settings is not used' : ''}.`;
}

/**
 * Stops in order at the first signal, and at once at the second. One press of Ctrl+C may arrive twice, from the terminal and
 * from npm: what comes within a moment of the first is the same one.
 */
function stopOnSignal(stop: () => Promise<boolean>): void {
  let since: number | null = null;
  const numbers = { SIGINT: 2, SIGTERM: 15 } as const;
  for (const signal of ['SIGINT', 'SIGTERM'] as const)
    process.on(signal, () => {
      if (since !== null && performance.now() - since > 300) process.exit(128 + numbers[signal]);
      if (since !== null) return;
      since = performance.now();
      void stop().then(
        (hasFinished) => process.exit(hasFinished ? 0 : 1),
        (error: unknown) => {
          warn(`Stopping: ${(error as Error).name}`);
          process.exit(1);
        },
      );
    });
}

/**
 * Sends mail, cleans up and seals the audit log, and answers nobody, until it is told to stop. Any number of these may
 * run beside services with MAIL_WORKER=0.
 */
async function work(config: Config): Promise<void> {
  const database = await openPlace(config, await placeOf(config));
  try {
    await migrate(database);
    const room = await roomOf(config, database);
    const mail = await mailOf({ ...config, mail: { ...config.mail, sends: true } }, room);
    const em = database.orm.em as SqlEntityManager;
    const cleanup = startCleanup({ em, tools: { ...room, mail: mail.queue }, every: config.cleanupEvery, warn });
    const sealing = startSealing({ em, keyring: room.keyring, every: config.sealEvery, warn });
    stopOnSignal(async () => {
      await Promise.all([cleanup.stop(), sealing.stop(), mail.stop(config.patience.stop * 1000)]);
      await database.close();
      return true;
    });
    say('Mail is sent from here, what has expired is removed, and the audit log is sealed.');
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
  // what makes the rows is no part of an installation for production
  if (config.environment === 'production')
    throw new CommandError('Seeding is refused in production: the passwords of seeded accounts are public.');
  const { values } = parseArgs({ args: words, options: { phase: { type: 'string' }, scale: { type: 'string' } } });
  const phases =
    values.phase === undefined ? ([0, 1, 2] as const) : [oneOf(values.phase, ['0', '1', '2'])].map((phase) => Number(phase) as 0 | 1 | 2);
  const scale = Number(values.scale ?? 1);
  const { progressOn, seed: seedDatabase } = await import('../seeds/index.ts');
  await withDatabase(config, async ({ orm }) => {
    const { progress, end } = progressOn(process.stderr);
    const options = { environment: config.environment, hashPassword: await hasherOf(config), phases, scale, progress, givesOwner: true };
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
  const database = await open(config);
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
  const database = await open(config);
  try {
    say(tellKeys(await countKeys(database.orm.em, keyring, new Date())));
  } finally {
    await database.close();
  }
}

/** Walks through the whole audit log, and says what is wrong with it, or what its head is. */
async function verify(config: Config, words: string[]): Promise<void> {
  const { values } = parseArgs({ args: words, options: { head: { type: 'string' }, after: { type: 'string' } } });
  const [kept, after] = [headOf(values.head, '--head'), headOf(values.after, '--after')];
  const keyring = await keyringOf(config);
  const database = await open(config);
  try {
    const { head, unsealed, fault } = await verifyAudit(database.run, keyring, { ...(kept && { kept }), ...(after && { after }) });
    if (fault !== null) {
      const before = head.sequence === 0 ? 'It is the first.' : `All before it is as it was written, up to ${tellHead(head)}.`;
      throw new CommandError(`${tellFault(fault)}\n${before}`);
    }
    say(
      `${counted(head.sequence, 'event is', 'events are')} sealed, and as written; ${unsealed} more ${unsealed === 1 ? 'waits' : 'wait'} to be sealed.`,
    );
    if (after) say(`Of these, the first ${after.sequence} were not looked at.`);
    if (kept) say('The head that was kept is among them.');
    if (head.sequence > 0) say(`Keep this head elsewhere: ${tellHead(head)}`);
  } finally {
    await database.close();
  }
}

/** Writes the audit log as JSON lines, to a file that is not there yet or to stdout. */
async function exportEvents(config: Config, words: string[]): Promise<void> {
  const { values } = parseArgs({ args: words, options: { from: { type: 'string' }, to: { type: 'string' }, output: { type: 'string' } } });
  const [from, to] = [instantOf(values.from, '--from'), instantOf(values.to, '--to')];
  const database = await open(config);
  try {
    const lines = Readable.from(exportAudit(database.run, { ...(from && { from }), ...(to && { to }) }));
    if (values.output === undefined) return await pipeline(lines, process.stdout, { end: false });
    const { output } = values;
    const file = await openFile(output, 'wx', 0o600).catch((error: NodeJS.ErrnoException) => {
      throw new CommandError(error.code === 'EEXIST' ? `${output} is there already.` : `${output} cannot be written (${error.code}).`);
    });
    await pipeline(lines, file.createWriteStream());
  } finally {
    await database.close();
  }
}

function headOf(text: string | undefined, option: string): Head | undefined {
  if (text === undefined) return undefined;
  const head = readHead(text);
  if (head === null) throw new CommandError(`${option} must be what audit:verify printed: a number, a colon and 43 characters.`);
  return head;
}

function instantOf(text: string | undefined, option: string): Date | undefined {
  if (text === undefined) return undefined;
  const isWritten = /^\d{4}-\d\d-\d\d(T\d\d:\d\d(:\d\d(\.\d{1,3})?)?(Z|[+-]\d\d:\d\d))?$/.test(text);
  const at = new Date(text);
  if (!isWritten || !isDay(text.slice(0, 10)) || Number.isNaN(at.valueOf()))
    throw new CommandError(`${option} must be a day or an instant: 2026-03-01, or 2026-03-01T12:00:00Z.`);
  return at;
}

/** Puts under the active system key what takes no person to be put there; the service may run meanwhile. */
async function renewSeals(config: Config): Promise<void> {
  const keyring = await keyringOf(config);
  await withDatabase(config, async ({ orm }) => {
    const tools = { keyring, now: () => new Date() };
    const pairs = await renewSystemSeals(orm.em.fork() as SqlEntityManager, tools);
    const seeds = await renewSeeds(orm.em.fork() as SqlEntityManager, tools);
    const renewed = `${counted(pairs.renewed, 'key of a user', 'keys of users')} and ${counted(seeds.renewed, 'TOTP seed', 'TOTP seeds')}`;
    const isSaved = await savedBy(config, keyring).renew();
    say(`${renewed} moved to ${keyring.active}${isSaved ? ', and the saved connection of this host' : ''}.`);
    const unreadable = pairs.unreadable + seeds.unreadable;
    if (unreadable > 0) throw new CommandError(`${unreadable} of them do not open: the system key is gone, or the row was altered.`);
  });
}

async function showVault(config: Config): Promise<void> {
  const database = await open(config);
  try {
    say(tellStatus(await statusOf(database.orm.em.fork() as SqlEntityManager)));
  } finally {
    await database.close();
  }
}

/** Reads the kit from stdin, so that it is in no history of a shell, and in no list of processes. */
async function recover(config: Config, words: string[]): Promise<void> {
  const { values } = parseArgs({ args: words, options: { user: { type: 'string' } } });
  if (values.user === undefined) throw new CommandError('Name the user who is to have access: npm run vault:recover -- --user rosa');
  if (process.stdin.isTTY) warn('Type the recovery kit, and then Enter:');
  const { user } = values;
  const [kit = ''] = await linesOf(process.stdin, 1);
  const keyring = await keyringOf(config);
  await withDatabase(config, async ({ orm }) => {
    await recoverFor(orm.em.fork() as SqlEntityManager, { keyring, now: () => new Date() }, kit, user);
    say(`${user} has access to the vault again, and unlocks it with the own password.`);
  });
}

/** Brings the secrets of a Python install; its password and the user's own are read from stdin, a line each. */
async function importVault(config: Config, words: string[]): Promise<void> {
  const options = { file: { type: 'string' }, user: { type: 'string' }, 'dry-run': { type: 'boolean' } } as const;
  const { values } = parseArgs({ args: words, options });
  const { file, user, 'dry-run': isTrial = false } = values;
  if (file === undefined || (user === undefined && !isTrial))
    throw new CommandError('Name the file and who stores what is in it: npm run vault:import -- --file x.sqlite --user rosa');
  if (process.stdin.isTTY) warn(`Type the password of that install, and Enter${isTrial ? ':' : `; then that of ${user}, and Enter:`}`);
  const [foreign = '', own = ''] = await linesOf(process.stdin, isTrial ? 1 : 2);
  const secrets = await readForeign(file, foreign);
  try {
    if (isTrial || user === undefined) return say(`${counted(secrets.length, 'secret opens', 'secrets open')}; nothing was stored.`);
    const keyring = await keyringOf(config);
    const tools = { keyring, now: () => new Date(), versionsKept: config.vault.versionsKept };
    await withDatabase(config, async ({ orm }) => {
      const who = { username: user, password: own };
      const { added, changed, unchanged } = await importSecrets(orm.em.fork() as SqlEntityManager, tools, who, secrets);
      say(`Added ${counted(added, 'secret', 'secrets')}, ${changed} with another value than before; ${unchanged} were there already.`);
    });
  } finally {
    wipe(secrets);
  }
}

/** So many lines, or as many as there are. */
async function linesOf(input: AsyncIterable<Buffer | string>, most: number): Promise<string[]> {
  let text = '';
  for await (const part of input) {
    text += String(part);
    if (text.split('\n').length > most) break;
  }
  return text.split(/\r?\n/).slice(0, most);
}

/** Says where the database is, tries another one, or saves it for the next start. */
async function settings(config: Config, [word = 'show']: string[]): Promise<void> {
  say(await changeSettings(config, () => keyringOf(config), word, { input: process.stdin, output: process.stderr }));
}

/** Looks at the installation, and says what is wrong with it. */
async function doctor(config: Config): Promise<void> {
  const findings = await examine(config);
  for (const { what, says, isFault } of findings)
    say(`${isFault ? styleText('red', 'wrong') : styleText('green', 'right')}  ${what}: ${says}`);
  const faults = findings.filter(({ isFault }) => isFault).length;
  if (faults > 0) throw new CommandError(`${counted(faults, 'thing is', 'things are')} wrong.`);
}

/** Writes the contract, schema.graphql, from the code. */
async function writeSchema(): Promise<void> {
  await writeFile('schema.graphql', printContract((await buildOffline()).schema));
}

/** Writes who may do what, docs/permissions.md, from the rules. */
async function writePermissions(): Promise<void> {
  const { schema } = await buildOffline();
  await mkdir('docs', { recursive: true });
  await writeFile('docs/permissions.md', printPermissions(schema));
}

/** Opens the database that the service would open; a statement may take as long as it takes. */
async function open(config: Config): Promise<Database> {
  return await openPlace(config, await placeOf(config), true);
}

async function withDatabase(config: Config, work: (database: Database) => Promise<void>): Promise<void> {
  const database = await open(config);
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

const placeOf = (config: Config) => whereabouts(config, () => keyringOf(config));

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
