import type { SqlEntityManager } from '@mikro-orm/postgresql';
import { SessionEnd } from '../../entities/session.ts';
import type { Viewer } from '../../entities/viewer.ts';
import { conflict, forbidden } from '../../errors.ts';
import { recordChange } from '../audit/event.ts';
import { administer, holdUser, isOwn } from './admins.ts';
import { changeByName, UserError } from './operator.ts';
import type { Origin, UserTools } from './tools.ts';

type RemovalTools = Pick<UserTools, 'keyring' | 'mail' | 'endSessions' | 'now'>;

/**
 * Removes the second factor and the backup codes of a user who has lost them. All sessions end, and the user is told by mail.
 * @returns the user's id.
 * @throws BAD_INPUT; NOT_FOUND; FORBIDDEN for the viewer; CONFLICT for the owner, and where there is no second factor.
 */
export async function removeSecondFactor(
  em: SqlEntityManager,
  tools: UserTools,
  viewer: Viewer,
  userId: string,
  origin: Origin,
): Promise<string> {
  if (isOwn(viewer, userId)) throw forbidden('Remove your own second factor with disableTotp.');
  return administer(em, tools, viewer, async (transaction) => {
    const user = await holdUser(transaction, userId, 'userId');
    if (user.isOwner)
      return conflict("The owner's second factor can only be removed on the host: npm run users:recover -- --user <username>", 'owner');
    if (!(await remove(transaction, tools, user.id))) return conflict('The user has no second factor.');
    recordChange(transaction, tools, viewer, origin, { action: 'user.remove_second_factor', targetType: 'User', targetId: user.id });
    return user.id;
  });
}

/** Does the same for any user, the owner too, on the word of the operator of the host. @throws {UserError} */
export async function removeSecondFactorOf(em: SqlEntityManager, tools: RemovalTools, username: string): Promise<void> {
  await changeByName(em, tools, { username, action: 'user.remove_second_factor' }, async (transaction, user) => {
    if (!(await remove(transaction, tools, user.id))) throw new UserError(`${user.username} has no second factor.`);
  });
}

async function remove(em: SqlEntityManager, { mail, endSessions, now }: RemovalTools, userId: string): Promise<boolean> {
  const removed = await em.execute<object[]>('delete from totp_credentials where user_id = ? and confirmed_at is not null returning id', [
    userId,
  ]);
  if (removed.length === 0) return false;
  await em.execute('delete from backup_codes where user_id = ?', [userId]);
  const at = now();
  await endSessions(em, { userId }, SessionEnd.REVOKED, at);
  await mail.enqueue(em, { kind: 'security-alert', userId, alert: 'second-factor-removed', at: at.toISOString() });
  return true;
}
