import { Client } from 'pg';
import { ConnectionFailure, type DatabaseConnection } from '../../entities/setting.ts';
import type { Keyring } from '../crypto/keyring.ts';
import { keyringProblem } from '../key.ts';
import { RestrictedSocket } from './address.ts';
import { failureOf } from './failure.ts';

/** The result of probing a connection. */
export type Probe =
  | { readonly reason: ConnectionFailure }
  | { readonly reason: null; readonly serverVersion: string; readonly hasOwner: boolean; readonly latencyMs: number };

/** The time-out of the whole probe in milliseconds. */
const patience = 5_000;

/**
 * Connects and inspects the database without changing it. Never throws, and never returns the driver's text.
 * @param keyring the keyring that the database would be used with. Null if there is none yet.
 */
export async function probe(connection: DatabaseConnection, keyring: Keyring | null): Promise<Probe> {
  const { host, port, database, username, password, ssl } = connection;
  const socket = new RestrictedSocket();
  const client = new Client({
    host,
    port,
    database,
    user: username,
    password,
    ssl,
    stream: () => socket,
    application_name: 'unionhall',
  });
  client.on('error', () => undefined); // the pending query fails with the same error
  let isOver = false;
  const clock = setTimeout(() => {
    isOver = true;
    socket.destroy(new Error('timeout expired'));
  }, patience);
  try {
    await client.connect();
    return await look(client, keyring);
  } catch (error) {
    return { reason: isOver ? lateReason(socket) : (failureOf(error) ?? ConnectionFailure.NOT_POSTGRESQL) };
  } finally {
    clearTimeout(clock);
    socket.destroy();
  }
}

async function look(client: Client, keyring: Keyring | null): Promise<Probe> {
  const begin = performance.now();
  const { rows: found } = await client.query<Facts>(facts);
  const latencyMs = Math.max(1, Math.round(performance.now() - begin));
  const [{ version, encoding, is_made, may_create, has_users }] = found as [Facts];
  if (encoding !== 'UTF8') return { reason: ConnectionFailure.ENCODING };
  if (!is_made && !may_create) return { reason: ConnectionFailure.PRIVILEGES };
  if (await hasOtherKeys(client, keyring)) return { reason: ConnectionFailure.OTHER_KEYRING };
  const hasOwner = has_users && (await isOwned(client));
  return { reason: null, serverVersion: version, hasOwner, latencyMs };
}

interface Facts {
  readonly version: string;
  readonly encoding: string;
  readonly is_made: boolean;
  readonly may_create: boolean;
  readonly has_users: boolean;
}

/** Creating the tables requires the right to create in the schema; the queue's schema requires it in the database. */
const facts = `select current_setting('server_version') as version, current_setting('server_encoding') as encoding,
  to_regclass('mikro_orm_migrations') is not null as is_made, to_regclass('users') is not null as has_users,
  coalesce(has_schema_privilege(current_schema(), 'create'), false) and has_database_privilege(current_database(), 'create') as may_create`;

/** False if the table is not the service's own, or not readable. */
async function isOwned(client: Client): Promise<boolean> {
  return await client.query<{ owned: boolean }>('select exists (select 1 from users where is_owner) as owned').then(
    ({ rows }) => rows[0]?.owned === true,
    () => false,
  );
}

/** False if the service was never started on the database, or its tables are not readable. */
async function hasOtherKeys(client: Client, keyring: Keyring | null): Promise<boolean> {
  const run = async (text: string) => (await client.query<Record<string, unknown>>(text)).rows;
  return await keyringProblem(run, keyring).then(
    (problem) => problem !== null,
    () => false,
  );
}

/** Another kind of server may send a greeting first, and then wait for input that it understands. */
const lateReason = ({ bytesRead }: RestrictedSocket): ConnectionFailure =>
  bytesRead > 0 ? ConnectionFailure.NOT_POSTGRESQL : ConnectionFailure.TIMEOUT;
