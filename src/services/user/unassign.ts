import type { SqlEntityManager } from '@mikro-orm/postgresql';
import { validate as isUuid } from 'uuid';
import { Role, UserRole } from '../../entities/role.ts';
import type { Viewer } from '../../entities/viewer.ts';
import { badInput, notFound } from '../../errors.ts';
import { find } from '../record/index.ts';
import { administer, holdUser, isOwn, refusalOfLoss } from './admins.ts';
import { ownRoles, tellOfRole } from './assign.ts';
import type { Origin, UserTools } from './tools.ts';

/**
 * Takes a role from a user, from the next request on. What the user has open of the vault is closed, and the user is
 * told by mail.
 * @returns the user's id.
 * @throws NOT_FOUND, also where the user does not hold the role; FORBIDDEN for oneself; CONFLICT where the owner or the
 * last admin would be none any more.
 */
export async function unassignRole(
  em: SqlEntityManager,
  tools: UserTools,
  viewer: Viewer,
  { userId, roleId }: { readonly userId: string; readonly roleId: string },
  origin: Origin,
): Promise<string> {
  const wrong = Object.entries({ userId, roleId }).filter(([, id]) => !isUuid(id));
  if (wrong.length > 0) throw badInput(...wrong.map(([path]) => ({ path, message: 'must be a UUID' })));
  if (isOwn(viewer, userId)) throw ownRoles();
  return administer(em, tools, viewer, async (transaction) => {
    const user = await holdUser(transaction, userId, 'userId');
    const role = await find(transaction, Role, roleId, { path: 'roleId' });
    const held = await transaction.findOne(UserRole, { user: user.id, role: role.id });
    if (held === null) throw notFound();
    const refusal = await refusalOfLoss(transaction, user, role);
    if (refusal !== null) return refusal;
    transaction.remove(held);
    await closeVault(transaction, user.id);
    await tellOfRole(transaction, tools, viewer, { user, role, action: 'role.unassign' }, origin);
    return user.id;
  });
}

/** Closes the vault wherever the user has it open. */
export async function closeVault(em: SqlEntityManager, userId: string): Promise<void> {
  await em.execute('delete from vault_sessions where session_id in (select id from sessions where user_id = ?)', [userId]);
}
