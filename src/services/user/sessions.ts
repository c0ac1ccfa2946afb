import type { SqlEntityManager } from '@mikro-orm/postgresql';
import { SessionEnd } from '../../entities/session.ts';
import type { Viewer } from '../../entities/viewer.ts';
import { forbidden } from '../../errors.ts';
import { recordChange } from '../audit/event.ts';
import { administer, holdUser, isOwn } from './admins.ts';
import type { Origin, UserTools } from './tools.ts';

/**
 * Ends all sessions of a user, who can sign in again and is told by mail.
 * @returns the user's id.
 * @throws BAD_INPUT; NOT_FOUND; FORBIDDEN for the viewer, who has logoutAll.
 */
export async function endUserSessions(
  em: SqlEntityManager,
  tools: UserTools,
  viewer: Viewer,
  userId: string,
  origin: Origin,
): Promise<string> {
  if (isOwn(viewer, userId)) throw forbidden('End your own sessions with logoutAll.');
  return administer(em, tools, viewer, async (transaction) => {
    const { id } = await holdUser(transaction, userId, 'userId');
    const at = tools.now();
    await tools.endSessions(transaction, { userId: id }, SessionEnd.REVOKED, at);
    recordChange({ em: transaction, ...tools, viewer, client: origin }, { action: 'user.end_sessions', targetType: 'User', targetId: id });
    await tools.mail.enqueue(transaction, { kind: 'security-alert', userId: id, alert: 'sessions-ended', at: at.toISOString() });
    return id;
  });
}
