import { AuditOutcome } from '../../entities/audit.ts';
import { SessionEnd } from '../../entities/session.ts';
import { User } from '../../entities/user.ts';
import { unauthenticated } from '../../errors.ts';
import { recordAudit } from '../audit/event.ts';
import { endSessions } from '../sign-in/sign-out.ts';
import type { Scope } from '../scope.ts';

/**
 * Ends the current session. Its tokens are refused from the next request on.
 * @returns true, also if the session ended concurrently.
 * @throws UNAUTHENTICATED if the caller is not signed in.
 */
export async function logout(scope: Scope): Promise<true> {
  const { userId, sessionId } = scope.viewer;
  if (userId === null || sessionId === null) throw unauthenticated();
  const at = scope.now();
  await scope.transaction(async (tx) => {
    if ((await endSessions(tx, { sessionId }, SessionEnd.LOGOUT)) === 0) return;
    recordAudit(tx, {
      at,
      actor: tx.em.getReference(User, userId, { wrapped: true }),
      sessionId,
      ipAddress: scope.client.ipAddress,
      action: 'logout',
      targetType: 'Session',
      targetId: sessionId,
      outcome: AuditOutcome.SUCCEEDED,
      requestId: scope.client.requestId,
      count: 1,
    });
  });
  return true;
}
