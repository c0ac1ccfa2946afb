import { recordChange } from '../audit/event.ts';
import { administer, holdUser } from './admin-guard.ts';
import type { Scope } from '../scope.ts';

/** Everywhere that failures are counted: on the user, a device, a session, and the second factor. */
const counts = [
  'update users set failed_login_attempts = 0, locked_until = null where id = ?',
  'update devices set failed_login_attempts = 0, locked_until = null where user_id = ?',
  'update sessions set failed_login_attempts = 0, locked_until = null where user_id = ? and ended_at is null',
  'update totp_credentials set failed_attempts = 0, locked_until = null where user_id = ?',
] as const;

/**
 * Clears all failed passwords and codes, so that the user can sign in at once.
 * @returns the user's id.
 * @throws NOT_FOUND
 */
export async function unlockUser(scope: Scope, id: string): Promise<string> {
  return administer(scope, async (tx) => {
    const user = await holdUser(tx, id);
    await forgetFailures(tx, user.id);
    recordChange(tx, { action: 'user.unlock', targetType: 'User', targetId: user.id });
    return user.id;
  });
}

/** Clears all failed passwords and codes of a user, in the caller's transaction. */
export async function forgetFailures({ em }: Pick<Scope, 'em'>, userId: string): Promise<void> {
  for (const forgotten of counts) await em.execute(forgotten, [userId]);
}
