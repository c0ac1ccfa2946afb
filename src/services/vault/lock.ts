import { unauthenticated } from '../../errors.ts';
import { recordChange } from '../audit/event.ts';
import { demandVault } from './unlock.ts';
import type { Scope } from './tools.ts';

/** Locks the vault for this session, on every node. @returns the vault's id. @throws CONFLICT where there is no vault. */
export async function lockVault(scope: Scope): Promise<string> {
  const { em, tools, viewer, client } = scope;
  if (viewer.sessionId === null) throw unauthenticated();
  const vaultId = await demandVault(scope);
  await em.transactional(async (transaction) => {
    await transaction.execute('delete from vault_sessions where session_id = ?', [viewer.sessionId]);
    recordChange({ em: transaction, ...tools, viewer, client }, { action: 'vault.lock', targetType: 'Vault', targetId: vaultId });
  });
  return vaultId;
}
