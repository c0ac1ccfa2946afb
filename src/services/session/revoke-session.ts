import { sqlNow } from '../../entities/clock.ts';
import { isLive, SessionEnd } from '../../entities/session.ts';
import { notFound } from '../../errors.ts';
import { recordChange } from '../audit/event.ts';
import { accountOf } from '../proof/password-attempt.ts';
import { endSessions } from '../sign-in/sign-out.ts';
import type { Scope } from '../scope.ts';

/**
 * Ends one of the caller's own sessions. Its tokens are refused from the next request on.
 * @throws NOT_FOUND if the caller has no such live session; UNAUTHENTICATED if the caller is not signed in.
 */
export async function revokeSession(scope: Scope, sessionId: string): Promise<true> {
  const { userId } = accountOf(scope.viewer);
  const isEnded = await scope.transaction(async (tx) => {
    const own = await tx.em.execute<object[]>(
      `select id from sessions where id = ? and user_id = ? and ${isLive('sessions', sqlNow(scope))} for update`,
      [sessionId, userId],
    );
    if (own.length === 0) return false;
    await endSessions(tx, { sessionId }, SessionEnd.REVOKED);
    recordChange(tx, { action: 'revoke_session', targetType: 'Session', targetId: sessionId });
    return true;
  });
  if (!isEnded) throw notFound();
  return true;
}
