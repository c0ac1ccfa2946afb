import { SessionEnd } from '../../entities/session.ts';
import { recordChange } from '../audit/event.ts';
import { accountOf } from '../proof/password-attempt.ts';
import { endSessions } from '../sign-in/sign-out.ts';
import type { Scope } from '../scope.ts';

/**
 * Ends all sessions of the caller, including this one, and the sign-ins that wait for a second factor.
 * @throws UNAUTHENTICATED if the caller is not signed in.
 */
export async function logoutAll(scope: Scope): Promise<true> {
  const { userId } = accountOf(scope.viewer);
  await scope.transaction(async (tx) => {
    // Locks the user's row first, as everything that ends all of a user's sessions does, to prevent a deadlock.
    await tx.em.execute('select id from users where id = ? for no key update', [userId]);
    await endSessions(tx, { userId }, SessionEnd.LOGOUT);
    recordChange(tx, { action: 'logout_all', targetType: 'User', targetId: userId });
  });
  return true;
}
