import type { SqlEntityManager } from '@mikro-orm/postgresql';
import type { Viewer } from '../../entities/viewer.ts';
import { recordChange } from '../audit/event.ts';
import { administer, holdUser } from './admins.ts';
import type { Origin, UserTools } from './tools.ts';

/** Wherever failures are counted: by the user, by a device, by a session, and on the second factor. */
const counts = [
  'update users set failed_login_attempts = 0, locked_until = null where id = ?',
  'update devices set failed_login_attempts = 0, locked_until = null where user_id = ?',
  'update sessions set failed_login_attempts = 0, locked_until = null where user_id = ? and ended_at is null',
  'update totp_credentials set failed_attempts = 0, locked_until = null where user_id = ?',
] as const;

/**
 * Forgets all wrong passwords and codes, so that the user can sign in at once.
 * @returns the user's id.
 * @throws NOT_FOUND
 */
export async function unlockUser(em: SqlEntityManager, tools: UserTools, viewer: Viewer, id: string, origin: Origin): Promise<string> {
  return administer(em, tools, viewer, async (transaction) => {
    const user = await holdUser(transaction, id);
    await forgetFailures(transaction, user.id);
    recordChange({ em: transaction, ...tools, viewer, client: origin }, { action: 'user.unlock', targetType: 'User', targetId: user.id });
    return user.id;
  });
}

/** Forgets all wrong passwords and codes of a user, in the caller's transaction. */
export async function forgetFailures(em: SqlEntityManager, userId: string): Promise<void> {
  for (const forgotten of counts) await em.execute(forgotten, [userId]);
}
