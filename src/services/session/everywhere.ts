import type { SqlEntityManager } from '@mikro-orm/postgresql';
import { SessionEnd } from '../../entities/session.ts';
import type { Viewer } from '../../entities/viewer.ts';
import { recordChange } from '../audit/event.ts';
import { accountOf } from './attempt.ts';
import { endSessions } from './end.ts';
import type { Client, SessionTools } from './tools.ts';

/**
 * Ends all sessions of whoever asks, this one too, and the sign-ins that wait for a second factor.
 * @throws UNAUTHENTICATED where nobody is signed in.
 */
export async function logoutAll(em: SqlEntityManager, tools: SessionTools, viewer: Viewer, client: Client): Promise<true> {
  const { userId } = accountOf(viewer);
  await em.transactional(async (transaction) => {
    // The user's row first, as whoever else ends all of a user's sessions has it: nobody waits in a ring.
    await transaction.execute('select id from users where id = ? for no key update', [userId]);
    await endSessions(transaction, { userId }, SessionEnd.LOGOUT, tools.now());
    recordChange({ em: transaction, ...tools, viewer, client }, { action: 'logout_all', targetType: 'User', targetId: userId });
  });
  return true;
}
