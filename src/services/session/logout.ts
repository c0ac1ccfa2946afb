import type { SqlEntityManager } from '@mikro-orm/postgresql';
import { AuditOutcome } from '../../entities/audit.ts';
import { SessionEnd } from '../../entities/session.ts';
import { User } from '../../entities/user.ts';
import type { Viewer } from '../../entities/viewer.ts';
import { unauthenticated } from '../../errors.ts';
import { recordAudit } from '../audit/event.ts';
import { endSessions } from './end.ts';
import type { Client, SessionTools } from './tools.ts';

/**
 * Ends the session that asks; its tokens are refused from the next request on.
 * @returns true, also where it had ended in the same instant.
 * @throws UNAUTHENTICATED where nobody is signed in.
 */
export async function logout(em: SqlEntityManager, { keyring, now }: SessionTools, viewer: Viewer, client: Client): Promise<true> {
  const { userId, sessionId } = viewer;
  if (userId === null || sessionId === null) throw unauthenticated();
  const at = now();
  await em.transactional(async (transaction) => {
    if ((await endSessions(transaction, { sessionId }, SessionEnd.LOGOUT, at)) === 0) return;
    recordAudit(transaction, keyring, {
      at,
      actor: transaction.getReference(User, userId, { wrapped: true }),
      sessionId,
      ipAddress: client.ipAddress,
      action: 'logout',
      targetType: 'Session',
      targetId: sessionId,
      outcome: AuditOutcome.SUCCEEDED,
      requestId: client.requestId,
      count: 1,
    });
  });
  return true;
}
