import type { SqlEntityManager } from '@mikro-orm/postgresql';
import { Grievance } from '../../entities/grievance.ts';
import type { User } from '../../entities/user.ts';
import type { Viewer } from '../../entities/viewer.ts';
import { conflict, forbidden, type Refusal } from '../../errors.ts';
import { recordChange } from '../audit/event.ts';
import { administer, holdUser, isOwn, refusalOfLoss } from './admins.ts';
import { shutOut } from './deactivate.ts';
import type { Origin, UserTools } from './tools.ts';

/**
 * Marks a user as deleted, who is signed out everywhere, has no access to the vault and never comes back. What the user
 * did keeps showing the name, and the username is never given again. Another account may get the address and the member.
 * @returns the user's id.
 * @throws NOT_FOUND; FORBIDDEN for oneself; CONFLICT for the owner, the last admin, and who represents somebody in an open grievance.
 */
export async function deleteUser(em: SqlEntityManager, tools: UserTools, viewer: Viewer, id: string, origin: Origin): Promise<string> {
  if (isOwn(viewer, id)) throw forbidden('You cannot delete your own account.');
  return administer(em, tools, viewer, async (transaction) => {
    const user = await holdUser(transaction, id);
    const refusal = (await refusalOfLoss(transaction, user, null)) ?? (await refusalOfCases(transaction, user));
    if (refusal !== null) return refusal;
    user.deletedAt = tools.now();
    await shutOut(transaction, tools, user.id);
    if (await closeVault(transaction, tools, user.id))
      recordChange(transaction, tools, viewer, origin, { action: 'vault.void', targetType: 'User', targetId: user.id });
    recordChange(transaction, tools, viewer, origin, { action: 'user.delete', targetType: 'User', targetId: user.id });
    return user.id;
  });
}

/** Takes the access away while the vault is held: whoever gives it a new key meanwhile gives it before, or not to this user. */
async function closeVault(em: SqlEntityManager, { voidPair }: UserTools, userId: string): Promise<boolean> {
  await em.execute('select id from vaults for no key update');
  return voidPair(em, userId);
}

/** A grievance that has not ended would be left to nobody. */
async function refusalOfCases(em: SqlEntityManager, { id }: User): Promise<Refusal | null> {
  const open = await em.count(Grievance, { assignedUser: id, resolutionDate: null, deletedAt: null }, { filters: false });
  return open === 0 ? null : conflict('The user represents a member in an open grievance. Assign it to another user first.', 'open_cases');
}
