import { AuditOutcome } from '../../entities/audit.ts';
import {
  ConnectionSource,
  ConnectionStatus,
  type DatabaseConnection,
  type ConnectionFailure,
  type ConnectionSaved,
} from '../../entities/setting.ts';
import { conflict, DataVersionError, SeededError } from '../../errors.ts';
import { demandAllowed, recordFailure, recordSuccess } from './allow.ts';
import type { Scope } from '../scope.ts';
import type { PreparedDatabase } from './connection-manager.ts';
import { failureOf, messageOf } from './failure.ts';
import { readConnection, type ConnectionInput } from './input.ts';
import { probe } from './probe.ts';
import { SavedError } from './saved.ts';
import { connectionSettings } from './settings.ts';

/**
 * Moves the service to another database: connects, migrates, saves the encrypted connection, and switches. A failure
 * before the switch leaves everything unchanged. Data is not copied.
 * @throws CONFLICT if DATABASE_URL is set, another move is running, or the database belongs to another version;
 * BAD_CREDENTIALS; BAD_INPUT; RATE_LIMITED.
 */
export async function saveConnection(
  scope: Scope,
  input: ConnectionInput,
  setupToken: string | null = null,
): Promise<ConnectionSaved> {
  const { connections } = scope;
  await demandAllowed(scope, setupToken, 'setting.save');
  if (connections.place.source === ConnectionSource.ENVIRONMENT)
    throw conflict('DATABASE_URL sets the database connection. Change it there, or start the service without it.');
  const connection = readConnection(input);
  const { reason } = await probe(connection, scope.keyring);
  if (reason !== null) return await failed(scope, reason);
  const proven = await prove(scope, connection);
  if (typeof proven === 'string') return await failed(scope, proven);
  try {
    const draft = await connections.draft(connection).catch(refuseUnsaved);
    try {
      await recordSuccess(scope, 'setting.save');
      await draft.keep();
    } finally {
      await draft.drop();
    }
  } catch (error) {
    await proven.discard();
    throw error;
  }
  await proven.adopt();
  return {
    status: ConnectionStatus.SAVED,
    reason: null,
    message: null,
    connection: await connectionSettings(connections),
  };
}

async function prove(
  { connections }: Scope,
  connection: DatabaseConnection,
): Promise<PreparedDatabase | ConnectionFailure> {
  try {
    return await connections.prove(connection);
  } catch (error) {
    if (error instanceof DataVersionError)
      throw conflict('A newer version of this program created that database. Use that version to open it.');
    if (error instanceof SeededError)
      throw conflict('That database has seeded accounts with public passwords. It cannot be used in production.');
    const reason = failureOf(error);
    if (reason === null) throw error;
    return reason;
  }
}

function refuseUnsaved(error: Error): never {
  if (!(error instanceof SavedError)) throw error;
  throw conflict('The connection cannot be saved: the config directory is not writable.');
}

async function failed(scope: Scope, reason: ConnectionFailure): Promise<ConnectionSaved> {
  await recordFailure(scope, { action: 'setting.save', outcome: AuditOutcome.FAILED, reason });
  return {
    status: ConnectionStatus.FAILED,
    reason,
    message: messageOf(reason),
    connection: await connectionSettings(scope.connections),
  };
}
