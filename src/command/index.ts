import 'reflect-metadata';
import { styleText } from 'node:util';
import { readConfig, type Config } from '../config.ts';
import { isAway, unwritableReason } from '../errors.ts';
import { importMembers } from '../services/member/import-members.ts';
import { importOrganizations } from '../services/organization/import-organizations.ts';
import { explain, failureOf } from '../services/setting/failure.ts';
import { archive, exportEvents, verify } from './audit.ts';
import { writePermissions, writeSchema } from './contract.ts';
import { importCsv, importFile } from './import.ts';
import { renewSeals, retireKey, showKeys } from './keys.ts';
import { redrive } from './mail.ts';
import { disableSeeded, reset, seed, update } from './maintain.ts';
import { CommandError } from './operator.ts';
import { start, work } from './serve.ts';
import { doctor, settings } from './setup.ts';
import { printLink, removeSecondFactor, unlock, verifyAddress } from './user.ts';
import { importVault, recover, showVault } from './vault.ts';

type Command = (config: Config, words: string[]) => Promise<void>;

/** All commands: `npm start`, and one npm script for each of the others. */
const commands: Readonly<Record<string, Command>> = {
  start,
  seed: (config, words) => seed(config, words),
  'seed:phase2': (config) => seed(config, ['--phase', '2']),
  'db:migrate': update,
  'db:reset': reset,
  worker: work,
  'users:import': importFile,
  'users:disable-seeded': disableSeeded,
  'users:recover': removeSecondFactor,
  'users:link': printLink,
  'users:unlock': unlock,
  'users:verify': verifyAddress,
  'members:import': (config, words) => importCsv(config, words, { run: importMembers, one: 'member', many: 'members' }),
  'organizations:import': (config, words) =>
    importCsv(config, words, { run: importOrganizations, one: 'organization', many: 'organizations' }),
  'keys:status': showKeys,
  'keys:retire': retireKey,
  'audit:verify': verify,
  'audit:export': exportEvents,
  'audit:archive': archive,
  'keys:rotate': renewSeals,
  'mail:redrive': redrive,
  'vault:status': showVault,
  'vault:recover': (config, words) => recover(config, words),
  'vault:import': (config, words) => importVault(config, words),
  settings: (config, words) => settings(config, words),
  doctor,
  schema: writeSchema,
  permissions: writePermissions,
};

/** The arguments of each command, as an operator types them. Other commands take none. */
const usages: Readonly<Record<string, string>> = {
  seed: '[--phase 0|1|2] [--scale 1000]',
  'db:reset': '[--force]',
  'users:import': 'users.jsonl [--dry-run]',
  'users:recover': '--user rosa',
  'users:link': '--user rosa',
  'users:unlock': '--user rosa',
  'users:verify': '--user rosa',
  'keys:retire': 'k1',
  'members:import': '--file members.csv [--update] [--dry-run] [--ignore-unknown] [--dates mdy] [--encoding windows-1252]',
  'organizations:import': '--file organizations.csv [--update] [--dry-run] [--ignore-unknown] [--dates mdy] [--encoding windows-1252]',
  'audit:verify': '[--head number:hash] [--after number:hash | --archive audit.jsonl]',
  'audit:export': '[--from 2026-01-01] [--to 2026-06-30] [--output audit.jsonl]',
  'audit:archive': '--before 2026-06 --output audit.jsonl',
  'vault:recover': '--user rosa',
  'vault:import': '--file x.sqlite (--user rosa | --dry-run)',
  settings: '[show | test | save]',
};

/** Errors that are printed without a stack: their message is enough. */
const plain = new Set([
  'ConfigError',
  'PermissionGap',
  'LockedError',
  'LockError',
  'DataDirectoryError',
  'DataVersionError',
  'EncodingError',
  'SeedError',
  'SeededError',
  'KeyringError',
  'ForeignKeyringError',
  'CommandError',
  'ImportError',
  'ArchiveError',
  'SilenceError',
  'VaultError',
  'UserError',
  'SavedError',
  'StartError',
  'SettingsError',
]);

const lacking = 'The database is not migrated to this version. Run: npm run db:migrate';
const barred =
  'The role in DATABASE_URL lacks a privilege for this. ' + 'If tables are missing, set DATABASE_URL to the role that owns them, and run:';

/** The message for each SQLSTATE of an unprepared database: a missing table, column, schema or privilege, or a full disk. */
const unready: ReadonlyMap<string, string> = new Map([
  ['42P01', lacking],
  ['42703', lacking],
  ['3F000', lacking],
  ['42501', `${barred} npm run db:migrate`],
  ['53100', 'The disk of the database is full. Free some space, then try again.'],
]);

/** Runs one command to its end, or until a stop signal. Prints a failure to stderr and sets exit code 1. */
export async function runCommand([name = 'start', ...words]: string[]): Promise<void> {
  const broken = watchOutput();
  try {
    const command = commands[name];
    if (!command) throw new CommandError(`Unknown command: ${name}. Commands: ${Object.keys(commands).join(', ')}.`);
    if (words.length > 0 && usages[name] === undefined) throw new CommandError(`${name} takes no arguments: npm run ${name}`);
    const config = readConfig();
    // by default, Node.js opens its debugger on this signal, and a debugger can read every key
    if (config.environment === 'production') process.on('SIGUSR1', () => undefined);
    await command(config, words);
  } catch (thrown) {
    if (broken.isClosed && isOfStream(thrown)) return;
    process.stderr.write(`${styleText('red', told(asUsage(name, thrown)))}\n`);
    process.exitCode = 1;
  }
}

/** Keeps an output error from ending the process, for example when `head` closes the pipe early. */
function watchOutput(): { readonly isClosed: boolean } {
  if (watched) return watched;
  const state: { isClosed: boolean } = { isClosed: false };
  watched = state;
  process.stderr.on('error', () => {});
  process.stdout.on('error', ({ code }: NodeJS.ErrnoException) => {
    state.isClosed ||= code === 'EPIPE';
  });
  return state;
}

/** Shared by all commands that a test runs in one process. */
let watched: { isClosed: boolean } | undefined;

const isOfStream = (error: unknown): boolean =>
  ['EPIPE', 'ERR_STREAM_PREMATURE_CLOSE', 'ERR_STREAM_DESTROYED'].includes(String((error as NodeJS.ErrnoException).code));

/** Describes an error in a sentence if one is known, otherwise with its stack. */
function told(error: unknown): string {
  if (error instanceof Error && plain.has(error.name)) return error.message;
  const known = unready.get(String((error as { code?: unknown }).code));
  if (known !== undefined) return known;
  const failure = isAway(error) ? failureOf(error) : null;
  if (failure !== null) return explain(failure);
  const { path } = error as NodeJS.ErrnoException;
  const reason = unwritableReason(error);
  return path === undefined || reason === null ? String((error as Error).stack) : `${path} cannot be written: ${reason}.`;
}

/** Turns an argument error into one line with the usage of the command. */
function asUsage(name: string, error: unknown): unknown {
  const { code, message } = error as { code?: unknown; message?: unknown };
  if (!String(code).startsWith('ERR_PARSE_ARGS_')) return error;
  const [what = ''] = String(message).split(/\.\s|\n/);
  return new CommandError(`${what}. Usage: npm run ${name} -- ${usages[name]}`);
}
