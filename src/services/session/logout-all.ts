import { SessionEnd } from '../../entities/session.ts';
import { recordChange } from '../audit/event.ts';
import { accountOf } from '../proof/password-attempt.ts';
import { endSessions } from '../sign-in/sign-out.ts';
import type { Scope } from '../scope.ts';

/**
 * Ends all sessions of whoever asks, this one too, and the sign-ins that wait for a second factor.
 * @throws UNAUTHENTICATED where nobody is signed in.
 */
export async function logoutAll(scope: Scope): Promise<true> {
  const { userId } = accountOf(scope.viewer);
  await scope.transaction(async (tx) => {
    // The user's row first, as whoever else ends all of a user's sessions has it: nobody waits in a ring.
    await tx.em.execute('select id from users where id = ? for no key update', [userId]);
    await endSessions(tx, { userId }, SessionEnd.LOGOUT);
    recordChange(tx, { action: 'logout_all', targetType: 'User', targetId: userId });
  });
  return true;
}
