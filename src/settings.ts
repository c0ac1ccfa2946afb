import { createInterface } from 'node:readline/promises';
import type { Config } from './config.ts';
import { ConnectionSource, type Connection } from './entities/setting.ts';
import type { Keyring } from './services/crypto/keyring.ts';
import { messageOf, probe, readConnection, type ConnectionInput } from './services/setting/index.ts';
import { placeOf, savedBy, update, whereabouts } from './work.ts';

/** What the operator is told, and by what. */
export interface Desk {
  readonly input: NodeJS.ReadableStream & { readonly isTTY?: boolean };
  readonly output: NodeJS.WritableStream;
}

/** It did not work; the message says why, and shows no password. */
export class SettingsError extends Error {
  override readonly name = 'SettingsError';
}

/**
 * What `testConnection` and `saveConnection` do, on the host: `show`, `test` or `save`. What is saved is used by the next start.
 * @returns what to tell the operator.
 */
export async function changeSettings(config: Config, keyring: Keyring, word: string, desk: Desk): Promise<string> {
  if (word === 'show') return await show(config, keyring);
  if (word !== 'test' && word !== 'save') throw new SettingsError('Say show, test or save: npm run settings -- test');
  if (word === 'save' && config.databaseUrl !== null) throw new SettingsError('DATABASE_URL says where the database is: change it there.');
  const connection = await askFor(desk);
  const found = await probe(connection);
  if (found.reason !== null) throw new SettingsError(messageOf(found.reason));
  const { serverVersion, hasOwner, latencyMs } = found;
  const there = `PostgreSQL ${serverVersion} answers in ${latencyMs} ms; ${hasOwner ? 'the database has an owner' : 'nobody owns the database yet'}.`;
  if (word === 'test') return there;
  await update({ config }, placeOf(connection));
  await savedBy(config, keyring).write(connection);
  return `${there}\nIt is up to date and saved; the next start uses it.`;
}

async function show(config: Config, keyring: Keyring): Promise<string> {
  const { source, server } = await whereabouts(config, () => Promise.resolve(keyring));
  if (server === null) return `The database is embedded, in ${config.dataDirectory}.`;
  const by = source === ConnectionSource.SAVED ? 'as saved in the settings' : 'as DATABASE_URL says';
  return `The database is ${server.database} at ${server.host}:${server.port}, as user ${server.username}, ${by}.`;
}

/** Asks on a terminal, where the password does not show; elsewhere reads one line of JSON with the fields of ConnectionInput. */
async function askFor({ input, output }: Desk): Promise<Connection> {
  const lines = createInterface({ input, output, terminal: input.isTTY === true });
  try {
    if (input.isTTY !== true) return readConnection(parse(await lines.question('')));
    const host = await lines.question('Host: ');
    const port = Number((await lines.question('Port [5432]: ')) || 5432);
    const database = await lines.question('Database: ');
    const username = await lines.question('User: ');
    const ssl = /^y/i.test(await lines.question('Encrypted, y or n [n]: '));
    output.write('Password (it does not show): ');
    const quiet = Object.assign(lines, { _writeToOutput: () => undefined });
    const password = await quiet.question('');
    output.write('\n');
    return readConnection({ host, port, database, username, password, ssl });
  } finally {
    lines.close();
  }
}

function parse(text: string): ConnectionInput {
  try {
    const {
      host = '',
      port = 5432,
      database = '',
      username = '',
      password = '',
      ssl = false,
    } = JSON.parse(text) as Partial<ConnectionInput>;
    return {
      host: String(host),
      port: Number(port),
      database: String(database),
      username: String(username),
      password: String(password),
      ssl: ssl === true,
    };
  } catch {
    throw new SettingsError('One line of JSON is expected: {"host":…,"port":5432,"database":…,"username":…,"password":…,"ssl":false}');
  }
}
