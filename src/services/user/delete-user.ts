import { Grievance } from '../../entities/grievance.ts';
import type { User } from '../../entities/user.ts';
import { conflict, forbidden, type Refusal } from '../../errors.ts';
import { recordChange } from '../audit/event.ts';
import { administer, holdUser, isOwn, refusalOfLoss } from './admin-guard.ts';
import { endAccess } from './deactivate-user.ts';
import type { Scope } from '../scope.ts';
import { voidPair } from '../proof/stored-pair.ts';

/**
 * Marks a user as deleted: signs them out everywhere and removes their access to the vault. This is permanent. Earlier
 * actions still show the name, and the username is not reused. Another account may get the address and the member.
 * @returns the user's id.
 * @throws NOT_FOUND; FORBIDDEN for the caller's own account; CONFLICT for the owner, the last admin, and a
 * representative in an open grievance.
 */
export async function deleteUser(scope: Scope, id: string): Promise<string> {
  if (isOwn(scope.viewer, id)) throw forbidden('You cannot delete your own account.');
  return administer(scope, async (tx) => {
    const user = await holdUser(tx, id);
    const refusal = (await refusalOfLoss(tx, user, null)) ?? (await refusalOfCases(tx, user));
    if (refusal !== null) return refusal;
    user.deletedAt = scope.now();
    await endAccess(tx, user.id);
    if (await voidVaultAccess(tx, user.id))
      recordChange(tx, { action: 'vault.void', targetType: 'User', targetId: user.id });
    recordChange(tx, { action: 'user.delete', targetType: 'User', targetId: user.id });
    return user.id;
  });
}

/**
 * Deletes the access under the vault's row lock, so that a concurrent key rotation does not grant the new key to this
 * user.
 */
async function voidVaultAccess(scope: Scope, userId: string): Promise<boolean> {
  await scope.em.execute('select id from vaults for no key update');
  return voidPair(scope, userId);
}

/** Otherwise an open grievance would lose its representative. */
async function refusalOfCases(scope: Scope, { id }: User): Promise<Refusal | null> {
  const open = await scope.em.count(
    Grievance,
    { assignedUser: id, resolutionDate: null, deletedAt: null },
    { filters: false },
  );
  return open === 0
    ? null
    : conflict('The user represents a member in an open grievance. Assign it to another user first.', 'open_cases');
}
