import type { SqlEntityManager } from '@mikro-orm/postgresql';
import { SessionEnd } from '../../entities/session.ts';
import type { Viewer } from '../../entities/viewer.ts';
import { notFound } from '../../errors.ts';
import { recordChange } from '../audit/event.ts';
import { accountOf } from './attempt.ts';
import { endSessions } from './end.ts';
import { isLive, type Client, type SessionTools } from './tools.ts';

/**
 * Ends one of the caller's own sessions; its tokens are refused from the next request on.
 * @throws NOT_FOUND where the caller has no such session that lasts; UNAUTHENTICATED where nobody is signed in.
 */
export async function revokeSession(
  em: SqlEntityManager,
  tools: SessionTools,
  viewer: Viewer,
  sessionId: string,
  client: Client,
): Promise<true> {
  const { userId } = accountOf(viewer);
  const isEnded = await em.transactional(async (transaction) => {
    const own = await transaction.execute<object[]>(
      `select id from sessions where id = ? and user_id = ? and ${isLive('sessions', tools)} for update`,
      [sessionId, userId],
    );
    if (own.length === 0) return false;
    await endSessions(transaction, { sessionId }, SessionEnd.REVOKED, tools.now());
    recordChange({ em: transaction, ...tools, viewer, client }, { action: 'revoke_session', targetType: 'Session', targetId: sessionId });
    return true;
  });
  if (!isEnded) throw notFound();
  return true;
}
