import { SessionEnd } from '../../entities/session.ts';
import { forbidden } from '../../errors.ts';
import { recordChange } from '../audit/event.ts';
import { administer, holdUser, isOwn, refusalOfLoss } from './admin-guard.ts';
import type { Scope } from '../scope.ts';
import { endSessions } from '../sign-in/sign-out.ts';

/**
 * Deactivates a user from the next request on: all sessions end, and mailed tokens stop working.
 * @returns the user's id.
 * @throws NOT_FOUND; FORBIDDEN for the caller's own account; CONFLICT for the owner and the last admin.
 */
export async function deactivateUser(scope: Scope, id: string): Promise<string> {
  if (isOwn(scope.viewer, id)) throw forbidden('You cannot deactivate your own account.');
  return administer(scope, async (tx) => {
    const user = await holdUser(tx, id);
    const refusal = await refusalOfLoss(tx, user, null);
    if (refusal !== null) return refusal;
    user.isActive = false;
    await endAccess(tx, user.id);
    recordChange(tx, { action: 'user.deactivate', targetType: 'User', targetId: user.id });
    return user.id;
  });
}

/** Removes everything that opens the account now or could do so later. */
export async function endAccess(scope: Pick<Scope, 'em' | 'now'>, userId: string): Promise<void> {
  await endSessions(scope, { userId }, SessionEnd.USER_DISABLED);
  await scope.em.execute('delete from one_time_tokens where user_id = ? and used_at is null', [userId]);
}
