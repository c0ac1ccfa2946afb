import { AuditOutcome } from '../../entities/audit.ts';
import { ConnectionStatus, type ConnectionTest } from '../../entities/setting.ts';
import { demandAllowed, recordFailure, recordSuccess, type Asker } from './allow.ts';
import type { SettingTools } from './desk.ts';
import { messageOf } from './failure.ts';
import { readConnection, type ConnectionInput } from './input.ts';
import { probe } from './probe.ts';

/**
 * Connects to a server and looks what is there. Nothing is kept of it, here or there.
 * @throws BAD_CREDENTIALS; BAD_INPUT; RATE_LIMITED.
 */
export async function testConnection(tools: SettingTools, input: ConnectionInput, asker: Asker): Promise<ConnectionTest> {
  await demandAllowed(tools, asker, 'setting.test');
  const found = await probe(readConnection(input), tools.keyring);
  const { reason } = found;
  if (reason !== null) {
    await recordFailure(tools, asker, { action: 'setting.test', outcome: AuditOutcome.FAILED, reason });
    return { status: ConnectionStatus.FAILED, reason, message: messageOf(reason), serverVersion: null, hasOwner: null, latencyMs: null };
  }
  await recordSuccess(tools, asker, 'setting.test');
  const { serverVersion, hasOwner, latencyMs } = found;
  return { status: ConnectionStatus.OK, reason, message: null, serverVersion, hasOwner, latencyMs };
}
