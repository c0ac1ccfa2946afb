import { SessionEnd } from '../../entities/session.ts';
import { forbidden } from '../../errors.ts';
import { recordChange } from '../audit/event.ts';
import { administer, holdUser, isOwn } from './admin-guard.ts';
import type { Scope } from '../scope.ts';
import { endSessions } from '../sign-in/sign-out.ts';

/**
 * Ends all sessions of a user, who can sign in again and gets a mail.
 * @returns the user's id.
 * @throws BAD_INPUT; NOT_FOUND; FORBIDDEN for the viewer, who uses logoutAll instead.
 */
export async function endUserSessions(scope: Scope, userId: string): Promise<string> {
  if (isOwn(scope.viewer, userId)) throw forbidden('End your own sessions with logoutAll.');
  return administer(scope, async (tx) => {
    const { id } = await holdUser(tx, userId, 'userId');
    const at = scope.now();
    await endSessions(tx, { userId: id }, SessionEnd.REVOKED);
    recordChange(tx, { action: 'user.end_sessions', targetType: 'User', targetId: id });
    await scope.mail.enqueue(tx.em, {
      kind: 'security-alert',
      userId: id,
      alert: 'sessions-ended',
      at: at.toISOString(),
    });
    return id;
  });
}
