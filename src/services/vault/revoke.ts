import { validate as isUuid } from 'uuid';
import { User } from '../../entities/user.ts';
import { badInput, conflict, notFound } from '../../errors.ts';
import { recordChange } from '../audit/event.ts';
import { keepingKeys } from '../crypto/vault.ts';
import { withVault } from './open.ts';
import { finish, replaceKey } from './rotate.ts';
import { holdVault } from './state.ts';
import type { Scope } from '../scope.ts';
import { closeVault } from '../sign-in/sign-out.ts';

/**
 * Removes a user's access to the vault, and rotates the vault's key. A copy of the old key that the user may have kept
 * opens nothing that is stored later.
 * @returns the vault's id.
 * @throws VAULT_LOCKED; NOT_FOUND if the user is missing or hidden from the caller; CONFLICT if the user has no access,
 * owns the instance, or is the last one with access.
 */
export async function revokeVaultAccess(scope: Scope, userId: string): Promise<string> {
  return keepingKeys(async (keep) => {
    const { vaultId, keys } = await scope.transaction(async (tx) => {
      await holdVault(tx);
      return withVault(tx, async (vault) => {
        if (!isUuid(userId)) throw badInput({ path: 'userId', message: 'must be a UUID' });
        const user = await tx.em.findOne(User, { id: userId });
        if (user === null) throw notFound();
        if (user.isOwner) throw conflict("The owner's access cannot be revoked.");
        const voided = await tx.em.execute<object[]>('delete from vault_grants where user_id = ? returning id', [
          userId,
        ]);
        if (voided.length === 0) throw conflict('The user has no access to the vault.');
        if (!(await isLeftToSomebody(tx)))
          throw conflict('No other active user has access to the vault. Give access to someone else first.');
        const renewed = await replaceKey(tx, vault, keep);
        await closeVault(tx, userId);
        recordChange(tx, { action: 'vault.revoke', targetType: 'User', targetId: userId });
        return { vaultId: vault.vaultId, keys: renewed };
      });
    });
    return finish(scope, vaultId, keys);
  });
}

/** Whether at least one user who may sign in has access. */
async function isLeftToSomebody({ em }: Scope): Promise<boolean> {
  const left = await em.execute<object[]>(
    `select 1 from vault_grants g join vault_keys k on k.id = g.vault_key_id join users u on u.id = g.user_id
     where k.state = 'active' and u.is_active and u.deleted_at is null limit 1`,
  );
  return left.length > 0;
}
