import 'reflect-metadata';
import { styleText } from 'node:util';
import { Argument, Command, CommanderError, Option } from 'commander';
import { readConfig, type Config } from '../config.ts';
import type { UserFacts } from '../entities/user.ts';
import { isAway, OperatorError, unwritableReason } from '../errors.ts';
import { importMembers, memberColumns } from '../services/member/import-members.ts';
import { importOrganizations, organizationColumns } from '../services/organization/import-organizations.ts';
import { dateForms } from '../services/record/cell.ts';
import { encodings, type CsvForm } from '../services/record/csv.ts';
import { explain, failureOf } from '../services/setting/failure.ts';
import { settingsInput, type SettingsAction } from './settings.ts';
import { version } from '../process/version.ts';
import { backup, restore } from './backup.ts';
import { archive, exportEvents, verify } from './audit.ts';
import { completionScript } from './completion.ts';
import { writePermissions, writeSchema } from './contract.ts';
import { importCsv, importFile, type CsvOptions, type FileOptions } from './import.ts';
import { renewSeals, retireKey, showKeys } from './keys.ts';
import { redrive } from './mail.ts';
import { disableSeeded, reset, seed, update } from './maintain.ts';
import { CommandError, say } from './operator.ts';
import { createOwner, setPassword } from './password.ts';
import { start, work } from './serve.ts';
import { doctor, settings } from './setup.ts';
import { printLink, removeSecondFactor, unlock, verifyAddress, type UserOptions } from './user.ts';
import { importVault, recover, showVault } from './vault.ts';

/** Runs the work of a command with the configuration. */
type Run = (config: Config) => Promise<void>;

const user = ['--user <username>', 'the username'] as const;
const json = ['--json', 'print JSON'] as const;
const dryRun = ['--dry-run', 'report the changes and write nothing'] as const;

/** Builds all commands. `run` gets the work of the command that is called. */
export function buildProgram(run: (work: Run) => Promise<void>): Command {
  const program = new Command('unionhall')
    .usage('<command> [options]')
    .version(version, '-V, --version', 'print the version');
  program.helpOption('-h, --help', 'print this help').helpCommand('help [command]', 'print the help of a command');
  program.addHelpText(
    'after',
    '\nIn a checkout, run: npm run unionhall -- <command>. docs/commands.md describes all commands.',
  );
  const add = (name: string, description: string): Command =>
    program.command(name).description(description).allowExcessArguments(false);
  const as =
    <Options>(work: (config: Config, options: Options) => Promise<void>) =>
    (...given: unknown[]) =>
      run((config) => work(config, given.at(-2) as Options)); // the last two: the options and the command

  program.commandsGroup('Run:');
  add('start', 'migrate the database and serve the API').action(() => run(start));
  add('worker', 'send mail, clean up and seal the audit log').action(() => run(work));
  add('doctor', 'report what is wrong with an installation')
    .option(...json)
    .action(as(doctor));
  add('settings', 'show, test or save the database connection')
    .addArgument(new Argument('[action]').choices(['show', 'test', 'save']).default('show'))
    .option(...json)
    .addHelpText('after', `\n${settingsInput}`)
    .action((action: SettingsAction, options: { json?: boolean }) =>
      run((config) => settings(config, action, options)),
    );

  program.commandsGroup('Database:');
  add('db:migrate', 'migrate the database and the mail queue').action(() => run(update));
  add('db:reset', 'empty, migrate and seed the database')
    .option('--force', 'confirm for a PostgreSQL server')
    .action(as(reset));
  add('seed', 'add missing seeded rows')
    .addOption(new Option('--phase <phase>', 'seed one phase').choices(['0', '1', '2']))
    .option('--scale <factor>', 'multiply the seeded rows')
    .action(as(seed));
  program
    .command('seed:phase2', { hidden: true })
    .description('add the seeded cases')
    .action(() => run((config) => seed(config, { phase: '2' })));

  add('backup', 'write the database and the configuration directory to a new folder')
    .requiredOption('--output <folder>', 'the new folder')
    .addHelpText(
      'after',
      '\nFor PostgreSQL, this runs pg_dump as the role in DATABASE_URL, which must be able to read all tables.',
    )
    .action(as(backup));
  add('restore', 'restore a backup into an empty database')
    .requiredOption('--input <folder>', 'the folder of the backup')
    .addHelpText(
      'after',
      '\nFor PostgreSQL, this runs pg_restore as the role in DATABASE_URL; docs/backup.md lists the steps.',
    )
    .action(as(restore));

  program.commandsGroup('Users:');
  add('owner:create', 'create the owner of a new instance; prompts for the password')
    .requiredOption('--username <username>', 'the username')
    .requiredOption('--email <address>', 'the e-mail address')
    .requiredOption('--first-name <name>', 'the first name')
    .requiredOption('--last-name <name>', 'the last name')
    .action(as((config, options: UserFacts) => createOwner(config, options)));
  add('users:password', 'set a temporary password; prompts for it')
    .requiredOption(...user)
    .action(as((config, options: UserOptions) => setPassword(config, options)));
  addImport(add('users:import', 'import users with their password hashes'), 'users.jsonl').action(as(importFile));
  add('users:link', 'print an invitation or a password reset')
    .requiredOption(...user)
    .option(...json)
    .action(as(printLink));
  add('users:unlock', 'unlock an account')
    .requiredOption(...user)
    .action(as(unlock));
  add('users:verify', 'mark the e-mail address as verified')
    .requiredOption(...user)
    .action(as(verifyAddress));
  add('users:recover', 'remove a lost second factor')
    .requiredOption(...user)
    .action(as(removeSecondFactor));
  add('users:disable-seeded', 'disable the seeded accounts').action(() => run(disableSeeded));

  program.commandsGroup('Records:');
  addCsv(add('members:import', 'import members from CSV'), 'members.csv', memberColumns).action(
    as((config, options: CsvOptions) =>
      importCsv(config, options, { run: importMembers, one: 'member', many: 'members' }),
    ),
  );
  addCsv(add('organizations:import', 'import organizations from CSV'), 'organizations.csv', organizationColumns).action(
    as((config, options: CsvOptions) =>
      importCsv(config, options, { run: importOrganizations, one: 'organization', many: 'organizations' }),
    ),
  );
  add('mail:redrive', 'queue the failed mails again').action(() => run(redrive));

  program.commandsGroup('Keys and vault:');
  add('keys:status', 'count the rows that depend on each system key')
    .option(...json)
    .action(as(showKeys));
  add('keys:rotate', 'move vault keys and TOTP seeds to the active system key').action(() => run(renewSeals));
  add('keys:retire', 'accept the loss of the rows that need a removed key')
    .argument('<key>', 'the name of the key, for example k1')
    .action((key: string) => run((config) => retireKey(config, key)));
  add('vault:status', "count the vault's contents and their key")
    .option(...json)
    .action(as(showVault));
  add('vault:recover', "restore a user's vault access with the recovery kit")
    .requiredOption(...user)
    .action(as((config, options: UserOptions) => recover(config, options)));
  addImport(add('vault:import', 'import the secrets of a Python installation'), 'x.sqlite')
    .option(...user)
    .action(as((config, options: FileOptions & Partial<UserOptions>) => importVault(config, options)));

  program.commandsGroup('Audit log:');
  add('audit:verify', 'verify the audit log')
    .option('--head <number:hash>', 'a head that the log must contain')
    .option('--after <number:hash>', 'verify only the events after this head')
    .option('--archive <file>', 'verify an archive')
    .option(...json)
    .action(as(verify));
  add('audit:export', 'write the audit log as JSON lines')
    .option('--from <date>', 'the first day or instant, for example 2026-01-01')
    .option('--to <date>', 'the end, for example 2026-06-30')
    .option('--output <file>', 'a new file; standard output by default')
    .action(as(exportEvents));
  add('audit:archive', 'move old audit events to a file')
    .requiredOption('--before <month>', 'archive the events before this month, for example 2026-06')
    .requiredOption('--output <file>', 'the new file')
    .action(as(archive));

  program.commandsGroup('Development:');
  add('schema', 'write schema.graphql').action(() => run(writeSchema));
  add('permissions', 'write docs/permissions.md').action(() => run(writePermissions));
  add('completion', 'print a completion script for a shell')
    .addArgument(new Argument('<shell>').choices(['bash', 'zsh']))
    .addHelpText('after', '\nFor bash: unionhall completion bash > /etc/bash_completion.d/unionhall')
    .action((shell: 'bash' | 'zsh') => say(completionScript(program, shell)));
  return program;
}

/** Adds the arguments that all imports share. A file without `--file` is accepted for older scripts. */
function addImport(command: Command, example: string): Command {
  return command
    .addArgument(new Argument('[file]').argOptional())
    .usage(`--file ${example} [options]`)
    .option('--file <file>', `the file, for example ${example}`)
    .option(...dryRun)
    .hook('preAction', (_program, called) => {
      const file = (called.getOptionValue('file') as string | undefined) ?? called.args[0];
      if (file === undefined || (called.args.length > 0 && file !== called.args[0]))
        called.error(
          file === undefined ? "error: required option '--file <file>' not specified" : 'error: name one file',
        );
      called.setOptionValue('file', file);
    });
}

function addCsv(command: Command, example: string, columns: CsvForm['columns']): Command {
  const listed = Object.entries(columns).map(([name, { names = [] }]) => `  ${[name, ...names].join(', ')}`);
  return addImport(command, example)
    .option('--update', 'change existing records')
    .option('--ignore-unknown', 'skip unknown columns')
    .addOption(new Option('--dates <form>', 'how dates are written').choices([...dateForms]))
    .addOption(new Option('--encoding <name>', 'the encoding of the file').choices([...encodings]))
    .addHelpText('after', `\nColumns and their other names:\n${listed.join('\n')}`);
}

const lacking = 'The database is not migrated to this version. Run: npm run db:migrate';
const barred =
  'The role in DATABASE_URL lacks a privilege for this. ' +
  'If tables are missing, set DATABASE_URL to the role that owns them, and run:';

/** The message for each SQLSTATE of an unprepared database, such as a missing table, and for a missing package. */
const unready: ReadonlyMap<string, string> = new Map([
  ['42P01', lacking],
  ['42703', lacking],
  ['3F000', lacking],
  ['42501', `${barred} npm run db:migrate`],
  ['53100', 'The disk of the database is full. Free some space, then try again.'],
  [
    'ERR_MODULE_NOT_FOUND',
    'A package is missing. The seeds need the development dependencies: run `npm ci`, or set SEED=0 to start with an empty database.',
  ],
]);

/** Runs one command to its end, or until a stop signal. Prints a failure to stderr and sets exit code 1. */
export async function runCommand(words: string[]): Promise<void> {
  const broken = watchOutput();
  const program = buildProgram(async (execute) => {
    const config = readConfig();
    // by default, Node.js opens its debugger on this signal, and a debugger can read every key
    if (config.environment === 'production') process.on('SIGUSR1', () => undefined);
    await execute(config);
  });
  for (const command of [program, ...program.commands])
    command.exitOverride().configureOutput({ writeErr: () => undefined });
  try {
    if (words.length === 0) program.outputHelp();
    else await program.parseAsync(words, { from: 'user' });
  } catch (thrown) {
    if (broken.isClosed && isOfStream(thrown)) return;
    if (thrown instanceof CommanderError && thrown.exitCode === 0) return;
    process.stderr.write(`${styleText('red', describeError(asUsage(program, words, thrown)))}\n`);
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
  ['EPIPE', 'ERR_STREAM_PREMATURE_CLOSE', 'ERR_STREAM_DESTROYED'].includes(
    String((error as NodeJS.ErrnoException).code),
  );

/** Describes an error in a sentence if one is known, otherwise with its stack. */
function describeError(error: unknown): string {
  if (error instanceof OperatorError) return error.message;
  const known = unready.get(String((error as { code?: unknown }).code));
  if (known !== undefined) return known;
  const failure = isAway(error) ? failureOf(error) : null;
  if (failure !== null) return explain(failure);
  const { path } = error as NodeJS.ErrnoException;
  const reason = unwritableReason(error);
  return path === undefined || reason === null
    ? String((error as Error).stack)
    : `${path} cannot be written: ${reason}.`;
}

/** Turns an argument error into a message with the usage of the command. */
function asUsage(program: Command, words: readonly string[], error: unknown): unknown {
  if (!(error instanceof CommanderError)) return error;
  const command = program.commands.find((each) => each.name() === words[0]);
  const [first = '', ...more] = error.message.replace(/^error: /, '').split('\n');
  const what = `${first.charAt(0).toUpperCase()}${first.slice(1).replace(/\.$/, '')}.`;
  const usage = command
    ? `Usage: unionhall ${command.name()} ${usageOf(command)}`
    : 'List the commands: unionhall --help';
  return new CommandError([what, ...more, usage].join('\n'));
}

/** The usage with the required options. */
const usageOf = (command: Command): string => {
  const required = command.options.filter(({ mandatory }) => mandatory).map(({ flags }) => flags);
  return [...required, command.usage()].join(' ').trim();
};
