import type { SqlEntityManager } from '@mikro-orm/postgresql';
import type { User } from '../../entities/user.ts';
import type { Viewer } from '../../entities/viewer.ts';
import { conflict } from '../../errors.ts';
import { recordChange } from '../audit/event.ts';
import { mailToken } from '../mail/index.ts';
import { administer, holdUser } from './admins.ts';
import type { Origin, UserTools } from './tools.ts';

/**
 * Lets a user sign in again. Who was invited and has no password yet is invited anew.
 * @returns the user's id.
 * @throws NOT_FOUND; CONFLICT while the user is linked to a member who was deleted.
 */
export async function reactivateUser(em: SqlEntityManager, tools: UserTools, viewer: Viewer, id: string, origin: Origin): Promise<string> {
  return administer(em, tools, viewer, async (transaction) => {
    const user = await holdUser(transaction, id);
    if (!(await isOfStandingMember(transaction, user)))
      return conflict('The user is linked to a deleted member. Change or remove the link first.', 'deleted_member');
    user.isActive = true;
    recordChange(transaction, tools, viewer, origin, { action: 'user.reactivate', targetType: 'User', targetId: user.id });
    await transaction.flush();
    if (user.isInvited) await mailToken(transaction, tools, { kind: 'invitation', user, lifetime: tools.rules.invitationTtl });
    return user.id;
  });
}

/** Whether the member whom the user is linked to, if any, stands, and goes on standing until the transaction ends. */
async function isOfStandingMember(em: SqlEntityManager, { member }: User): Promise<boolean> {
  if (member === null) return true;
  const standing = await em.execute<object[]>('select 1 from members where id = ? and deleted_at is null for share', [member.id]);
  return standing.length > 0;
}
