import type { User } from '../../entities/user.ts';
import { conflict } from '../../errors.ts';
import { recordChange } from '../audit/event.ts';
import { mailToken } from '../mail/index.ts';
import { administer, holdUser } from './admin-guard.ts';
import type { Scope } from '../scope.ts';

/**
 * Lets a user sign in again. A user without a password gets a new invitation.
 * @returns the user's id.
 * @throws NOT_FOUND; CONFLICT while the user is linked to a member who was deleted.
 */
export async function reactivateUser(scope: Scope, id: string): Promise<string> {
  return administer(scope, async (tx) => {
    const user = await holdUser(tx, id);
    if (!(await isOfStandingMember(tx, user)))
      return conflict('The user is linked to a deleted member. Change or remove the link first.', 'deleted_member');
    user.isActive = true;
    recordChange(tx, { action: 'user.reactivate', targetType: 'User', targetId: user.id });
    await tx.em.flush();
    if (user.isInvited) await mailToken(tx, { kind: 'invitation', user, lifetime: scope.rules.invitationTtl });
    return user.id;
  });
}

/** Whether the linked member, if any, is not deleted. Prevents its deletion until the transaction ends. */
async function isOfStandingMember(scope: Scope, { member }: User): Promise<boolean> {
  if (member === null) return true;
  const standing = await scope.em.execute<object[]>(
    'select 1 from members where id = ? and deleted_at is null for share',
    [member.id],
  );
  return standing.length > 0;
}
