import { Client } from 'pg';
import { ConnectionFailure, type DatabaseConnection } from '../../entities/setting.ts';
import type { Keyring } from '../crypto/keyring.ts';
import { keyringProblem } from '../key.ts';
import { CarefulSocket } from './address.ts';
import { failureOf } from './failure.ts';

/** What was found where a connection leads. */
export type Probe =
  | { readonly reason: ConnectionFailure }
  | { readonly reason: null; readonly serverVersion: string; readonly hasOwner: boolean; readonly latencyMs: number };

/** Milliseconds that all of it may take. */
const patience = 5_000;

/**
 * Connects, looks, and leaves nothing behind. It answers and does not throw; what the driver said is not in the answer.
 * @param keyring the one with which the database would be used; null where there is none yet.
 */
export async function probe(connection: DatabaseConnection, keyring: Keyring | null): Promise<Probe> {
  const { host, port, database, username, password, ssl } = connection;
  const socket = new CarefulSocket();
  const client = new Client({ host, port, database, user: username, password, ssl, stream: () => socket, application_name: 'unionhall' });
  client.on('error', () => undefined); // what waits on it fails with the same
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

/** Making the tables takes the right to create in the schema, and the queue's schema that in the database. */
const facts = `select current_setting('server_version') as version, current_setting('server_encoding') as encoding,
  to_regclass('mikro_orm_migrations') is not null as is_made, to_regclass('users') is not null as has_users,
  coalesce(has_schema_privilege(current_schema(), 'create'), false) and has_database_privilege(current_database(), 'create') as may_create`;

/** No where the table is not the service's own, or not to be read. */
async function isOwned(client: Client): Promise<boolean> {
  return await client.query<{ owned: boolean }>('select exists (select 1 from users where is_owner) as owned').then(
    ({ rows }) => rows[0]?.owned === true,
    () => false,
  );
}

/** No where the service was never started on the database, or its tables are not to be read. */
async function hasOtherKeys(client: Client, keyring: Keyring | null): Promise<boolean> {
  const run = async (text: string) => (await client.query<Record<string, unknown>>(text)).rows;
  return await keyringProblem(run, keyring).then(
    (problem) => problem !== null,
    () => false,
  );
}

/** A server of another kind may greet first, and then wait for what it understands. */
const lateReason = ({ bytesRead }: CarefulSocket): ConnectionFailure =>
  bytesRead > 0 ? ConnectionFailure.NOT_POSTGRESQL : ConnectionFailure.TIMEOUT;
