import { Client } from 'pg';
import { ConnectionFailure, type Connection } from '../../entities/setting.ts';
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
export async function probe(connection: Connection, keyring: Keyring | null): Promise<Probe> {
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
  const { rows: versions } = await client.query<{ server_version: string }>('show server_version');
  const latencyMs = Math.max(1, Math.round(performance.now() - begin));
  const { rows: tables } = await client.query<{ exists: boolean }>(`select to_regclass('users') is not null as exists`);
  const hasOwner = tables[0]?.exists === true && (await isOwned(client));
  if (await hasOtherKeys(client, keyring)) return { reason: ConnectionFailure.OTHER_KEYRING };
  return { reason: null, serverVersion: versions[0]?.server_version ?? '', hasOwner, latencyMs };
}

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
