import { AuditOutcome } from '../../entities/audit.ts';
import { ConnectionStatus, type ConnectionTest } from '../../entities/setting.ts';
import { demandAllowed, recordFailure, recordSuccess } from './allow.ts';
import type { Scope } from '../scope.ts';
import { messageOf } from './failure.ts';
import { readConnection, type ConnectionInput } from './input.ts';
import { probe } from './probe.ts';

/**
 * Connects to a server and inspects it. Changes nothing on either side.
 * @throws BAD_CREDENTIALS; BAD_INPUT; RATE_LIMITED.
 */
export async function testConnection(
  scope: Scope,
  input: ConnectionInput,
  setupToken: string | null = null,
): Promise<ConnectionTest> {
  await demandAllowed(scope, setupToken, 'setting.test');
  const found = await probe(readConnection(input), scope.keyring);
  const { reason } = found;
  if (reason !== null) {
    await recordFailure(scope, { action: 'setting.test', outcome: AuditOutcome.FAILED, reason });
    return {
      status: ConnectionStatus.FAILED,
      reason,
      message: messageOf(reason),
      serverVersion: null,
      hasOwner: null,
      latencyMs: null,
    };
  }
  await recordSuccess(scope, 'setting.test');
  const { serverVersion, hasOwner, latencyMs } = found;
  return { status: ConnectionStatus.OK, reason, message: null, serverVersion, hasOwner, latencyMs };
}
