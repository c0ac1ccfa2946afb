import { unauthenticated } from '../../errors.ts';
import { recordChange } from '../audit/event.ts';
import { demandVault } from './unlock.ts';
import type { Scope } from '../scope.ts';

/**
 * Locks the vault for this session, on every node. @returns the vault's id. @throws CONFLICT if there is no vault.
 */
export async function lockVault(scope: Scope): Promise<string> {
  if (scope.viewer.sessionId === null) throw unauthenticated();
  const vaultId = await demandVault(scope);
  await scope.transaction(async (tx) => {
    await tx.em.execute('delete from vault_sessions where session_id = ?', [scope.viewer.sessionId]);
    recordChange(tx, { action: 'vault.lock', targetType: 'Vault', targetId: vaultId });
  });
  return vaultId;
}
