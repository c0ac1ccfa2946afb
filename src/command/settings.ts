import type { Config } from '../config.ts';
import { ConnectionSource, type DatabaseConnection, type ConnectionFailure } from '../entities/setting.ts';
import { OperatorError, Refusal } from '../errors.ts';
import { hasKeyring } from '../services/crypto/keyfile.ts';
import type { Keyring } from '../services/crypto/keyring.ts';
import { explain, failureOf } from '../services/setting/failure.ts';
import { readConnection, type ConnectionInput } from '../services/setting/input.ts';
import { probe } from '../services/setting/probe.ts';
import { withQuestions, type Questions, type Terminal } from './terminal.ts';
import { placeOf, savedConnectionOf, update, resolveTarget } from '../process/work.ts';

/** Reads the input of `test` and `save`. */
export const settingsInput =
  'On a terminal, test and save ask for the connection. Otherwise they read one line of JSON from standard input:\n' +
  '{"host":"db.example","port":5432,"database":"unionhall","username":"unionhall","password":"…","ssl":false}';

/** The action of the command. */
export type SettingsAction = 'show' | 'test' | 'save';

/** The result of a settings command. */
export interface SettingsResult {
  /** The text for the operator. */
  readonly text: string;
  /** The same for programs. */
  readonly facts: object;
}

/** A settings command failed. The message says why, without the password. */
export class SettingsError extends OperatorError {}

/**
 * Shows, tests or saves the database connection on the host, as `testConnection` and `saveConnection` do over the API.
 * A saved connection takes effect at the next start.
 * @param keyring loads the keyring to read or write a saved connection, and creates a missing one.
 * @returns the result, without the password.
 */
export async function changeSettings(
  config: Config,
  keyring: () => Promise<Keyring>,
  word: SettingsAction,
  terminal: Terminal,
): Promise<SettingsResult> {
  if (word === 'show') return await show(config, keyring);
  if (word === 'save' && config.databaseUrl !== null)
    throw new SettingsError('DATABASE_URL sets the database connection. Change it there.');
  const connection = await askFor(terminal);
  const hasKeys = await hasKeyring({ keys: config.keys, directory: config.configDirectory });
  const found = await probe(connection, hasKeys ? await keyring() : null);
  if (found.reason !== null) throw failed(found.reason);
  const { serverVersion, hasOwner, latencyMs } = found;
  const there = `PostgreSQL ${serverVersion} responded in ${latencyMs} ms. The instance ${hasOwner ? 'has an owner' : 'has no owner yet'}.`;
  const facts = { serverVersion, latencyMs, hasOwner };
  if (word === 'test') return { text: there, facts: { ...facts, saved: false } };
  await prepare(config, connection);
  await savedConnectionOf(config, await keyring()).write(connection);
  const text = `${there}\nThe database is up to date. The connection is saved and used from the next start.`;
  return { text, facts: { ...facts, saved: true } };
}

async function show(config: Config, keyring: () => Promise<Keyring>): Promise<SettingsResult> {
  const { source, server } = await resolveTarget(config, keyring);
  if (server === null) {
    const text = `Database: embedded, in ${config.dataDirectory}.`;
    return { text, facts: { source, directory: config.dataDirectory } };
  }
  const by = source === ConnectionSource.SAVED ? 'saved in the settings' : 'set by DATABASE_URL';
  const { host, port, database, username } = server;
  const text = `Database: ${database} at ${host}:${port}, user ${username}, ${by}.`;
  return { text, facts: { source, host, port, database, username } };
}

async function prepare(config: Config, connection: DatabaseConnection): Promise<void> {
  try {
    await update(config, placeOf(connection));
  } catch (error) {
    const reason = failureOf(error);
    throw reason === null ? error : failed(reason);
  }
}

const failed = (reason: ConnectionFailure): SettingsError => new SettingsError(explain(reason));

/** Prompts on a terminal, with a hidden password. Otherwise reads one line of JSON with the fields of ConnectionInput. */
async function askFor(terminal: Terminal): Promise<DatabaseConnection> {
  return await withQuestions(terminal, async (questions) =>
    read(questions.isTerminal ? await dialogue(questions) : parse(await questions.ask(''))),
  );
}

async function dialogue(questions: Questions): Promise<ConnectionInput> {
  const host = await questions.ask('Host: ');
  const port = Number((await questions.ask('Port [5432]: ')) || 5432);
  const database = await questions.ask('Database: ');
  const username = await questions.ask('User: ');
  const ssl = /^y/i.test(await questions.ask('Use TLS, y or n [n]: '));
  const password = await questions.askSecretly('Password');
  return { host, port, database, username, password, ssl };
}

/** Validates the connection. Removes the prefix `input.`, which only API clients know, from messages. */
function read(input: ConnectionInput): DatabaseConnection {
  try {
    return readConnection(input);
  } catch (error) {
    if (!(error instanceof Refusal)) throw error;
    throw new SettingsError(error.message.replaceAll('input.', ''));
  }
}

function parse(text: string): ConnectionInput {
  try {
    const given = JSON.parse(text) as Partial<ConnectionInput>;
    const { host = '', port = 5432, database = '', username = '', password = '', ssl = false } = given;
    return {
      host: String(host),
      port: Number(port),
      database: String(database),
      username: String(username),
      password: String(password),
      ssl: ssl === true,
    };
  } catch {
    throw new SettingsError(`Standard input has no such JSON. ${settingsInput}`);
  }
}
