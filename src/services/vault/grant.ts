import { validate as isUuid } from 'uuid';
import { sqlNow } from '../../entities/clock.ts';
import { User } from '../../entities/user.ts';
import { vaultRoles } from '../../entities/vault.ts';
import { isInForce } from '../../entities/role.ts';
import { badInput, conflict, notFound } from '../../errors.ts';
import { recordChange } from '../audit/event.ts';
import { grantAll } from './grants.ts';
import { withVault } from './open.ts';
import { pairOf } from '../proof/stored-pair.ts';
import { holdVault } from './state.ts';
import type { Scope } from '../scope.ts';

/**
 * Grants a user access to the vault. The user need not be present, because only their public key is required. The user
 * gets a mail.
 * @returns the vault's id.
 * @throws VAULT_LOCKED; NOT_FOUND if the user is missing or hidden from the caller; CONFLICT if the user may not have
 * access, or has no key yet.
 */
export async function grantVaultAccess(scope: Scope, userId: string): Promise<string> {
  return scope.transaction(async (tx) => {
    await holdVault(tx);
    return withVault(tx, async ({ vaultId, keys }) => {
      await demandTrusted(tx, userId);
      const pair = await pairOf(tx, userId);
      if (pair === null)
        throw conflict('The user has no vault key yet. It is created the next time they sign in with their password.');
      await grantAll(tx, vaultId, keys, pair);
      recordChange(tx, { action: 'vault.grant', targetType: 'User', targetId: userId });
      await scope.mail.enqueue(tx.em, {
        kind: 'security-alert',
        userId,
        alert: 'vault-granted',
        at: scope.now().toISOString(),
      });
      return vaultId;
    });
  });
}

async function demandTrusted(scope: Scope, userId: string): Promise<void> {
  if (!isUuid(userId)) throw badInput({ path: 'userId', message: 'must be a UUID' });
  if ((await scope.em.count(User, { id: userId, deletedAt: null })) === 0) throw notFound();
  const roles = vaultRoles.map(() => '?').join(', ');
  const trusted = await scope.em.execute<object[]>(
    `select a.id from user_roles a join roles r on r.id = a.role_id join users u on u.id = a.user_id
     where u.id = ? and u.is_active and ${isInForce('a', sqlNow(scope))} and r.based_on in (${roles})`,
    [userId, ...vaultRoles],
  );
  if (trusted.length === 0) throw conflict('The user is inactive, or none of their roles may open the vault.');
}
