import { SessionEnd } from '../../entities/session.ts';
import { conflict, forbidden } from '../../errors.ts';
import { recordChange } from '../audit/event.ts';
import { administer, holdUser, isOwn } from './admin-guard.ts';
import { changeByName, UserError } from './host-commands.ts';
import type { Scope } from '../scope.ts';
import { endSessions } from '../sign-in/sign-out.ts';

/**
 * Removes the second factor and the backup codes of a user who has lost them. All sessions end, and the user gets a
 * mail.
 * @returns the user's id.
 * @throws BAD_INPUT; NOT_FOUND; FORBIDDEN for the viewer; CONFLICT for the owner, and if there is no second factor.
 */
export async function removeSecondFactor(scope: Scope, userId: string): Promise<string> {
  if (isOwn(scope.viewer, userId)) throw forbidden('Remove your own second factor with disableTotp.');
  return administer(scope, async (tx) => {
    const user = await holdUser(tx, userId, 'userId');
    if (user.isOwner)
      return conflict(
        "The owner's second factor can only be removed on the host: npm run users:recover -- --user <username>",
        'owner',
      );
    if (!(await remove(tx, user.id))) return conflict('The user has no second factor.');
    recordChange(tx, { action: 'user.remove_second_factor', targetType: 'User', targetId: user.id });
    return user.id;
  });
}

/** Does the same for any user, including the owner, on behalf of the host's operator. @throws {UserError} */
export async function removeSecondFactorOf(
  scope: Pick<Scope, 'em' | 'keyring' | 'mail' | 'now'>,
  username: string,
): Promise<void> {
  await changeByName(scope, { username, action: 'user.remove_second_factor' }, async (inner, user) => {
    if (!(await remove(inner, user.id))) throw new UserError(`${user.username} has no second factor.`);
  });
}

async function remove(scope: Pick<Scope, 'em' | 'mail' | 'now'>, userId: string): Promise<boolean> {
  const removed = await scope.em.execute<object[]>(
    'delete from totp_credentials where user_id = ? and confirmed_at is not null returning id',
    [userId],
  );
  if (removed.length === 0) return false;
  await scope.em.execute('delete from backup_codes where user_id = ?', [userId]);
  const at = scope.now();
  await endSessions(scope, { userId }, SessionEnd.REVOKED);
  await scope.mail.enqueue(scope.em, {
    kind: 'security-alert',
    userId,
    alert: 'second-factor-removed',
    at: at.toISOString(),
  });
  return true;
}
