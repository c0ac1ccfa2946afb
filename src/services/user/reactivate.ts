import type { SqlEntityManager } from '@mikro-orm/postgresql';
import type { Viewer } from '../../entities/viewer.ts';
import { recordChange } from '../audit/event.ts';
import { mailToken } from '../mail/index.ts';
import { administer, holdUser } from './admins.ts';
import type { Origin, UserTools } from './tools.ts';

/**
 * Lets a user sign in again. Who was invited and has no password yet is invited anew.
 * @returns the user's id.
 * @throws NOT_FOUND
 */
export async function reactivateUser(em: SqlEntityManager, tools: UserTools, viewer: Viewer, id: string, origin: Origin): Promise<string> {
  return administer(em, tools, viewer, async (transaction) => {
    const user = await holdUser(transaction, id);
    user.isActive = true;
    recordChange(transaction, tools, viewer, origin, { action: 'user.reactivate', targetType: 'User', targetId: user.id });
    await transaction.flush();
    if (user.isInvited) await mailToken(transaction, tools, { kind: 'invitation', user, lifetime: tools.rules.invitationTtl });
    return user.id;
  });
}
