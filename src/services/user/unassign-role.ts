import { validate as isUuid } from 'uuid';
import { Role, UserRole } from '../../entities/role.ts';
import { assertValid, notFound } from '../../errors.ts';
import { findVisible } from '../record/index.ts';
import { administer, holdUser, isOwn, refusalOfLoss } from './admin-guard.ts';
import { ownRoles, recordRoleChange } from './assign-role.ts';
import type { Scope } from '../scope.ts';
import { closeVault } from '../sign-in/sign-out.ts';

/**
 * Takes a role from a user from the next request on. The user's vault sessions are closed, and the user gets a mail.
 * @returns the user's id.
 * @throws NOT_FOUND, also if the user does not hold the role; FORBIDDEN for the caller's own account; CONFLICT if the
 * owner or the last admin would lose that role.
 */
export async function unassignRole(
  scope: Scope,
  { userId, roleId }: { readonly userId: string; readonly roleId: string },
): Promise<string> {
  const wrong = Object.entries({ userId, roleId }).filter(([, id]) => !isUuid(id));
  assertValid(wrong.map(([path]) => ({ path, message: 'must be a UUID' })));
  if (isOwn(scope.viewer, userId)) throw ownRoles();
  return administer(scope, async (tx) => {
    const user = await holdUser(tx, userId, 'userId');
    const role = await findVisible(tx, Role, roleId, { path: 'roleId' });
    const held = await tx.em.findOne(UserRole, { user: user.id, role: role.id });
    if (held === null) throw notFound();
    const refusal = await refusalOfLoss(tx, user, role);
    if (refusal !== null) return refusal;
    tx.em.remove(held);
    await closeVault(tx, user.id);
    await recordRoleChange(tx, { user, role, action: 'role.unassign' });
    return user.id;
  });
}
