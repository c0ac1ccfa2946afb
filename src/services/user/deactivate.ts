import type { SqlEntityManager } from '@mikro-orm/postgresql';
import { SessionEnd } from '../../entities/session.ts';
import type { Viewer } from '../../entities/viewer.ts';
import { forbidden } from '../../errors.ts';
import { recordChange } from '../audit/event.ts';
import { administer, holdUser, isOwn, refusalOfLoss } from './admins.ts';
import type { Origin, UserTools } from './tools.ts';

/**
 * Keeps a user out, from the next request on: all sessions end, and tokens that were mailed work no more.
 * @returns the user's id.
 * @throws NOT_FOUND; FORBIDDEN for oneself; CONFLICT for the owner and the last admin.
 */
export async function deactivateUser(em: SqlEntityManager, tools: UserTools, viewer: Viewer, id: string, origin: Origin): Promise<string> {
  if (isOwn(viewer, id)) throw forbidden('You cannot deactivate your own account.');
  return administer(em, tools, viewer, async (transaction) => {
    const user = await holdUser(transaction, id);
    const refusal = await refusalOfLoss(transaction, user, null);
    if (refusal !== null) return refusal;
    user.isActive = false;
    await shutOut(transaction, tools, user.id);
    recordChange(transaction, tools, viewer, origin, { action: 'user.deactivate', targetType: 'User', targetId: user.id });
    return user.id;
  });
}

/** Ends what opens the account now, or could do so later. */
export async function shutOut(
  em: SqlEntityManager,
  { endSessions, now }: Pick<UserTools, 'endSessions' | 'now'>,
  userId: string,
): Promise<void> {
  await endSessions(em, { userId }, SessionEnd.USER_DISABLED, now());
  await em.execute('delete from one_time_tokens where user_id = ? and used_at is null', [userId]);
}
