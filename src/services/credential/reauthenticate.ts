import { sqlNow } from '../../entities/clock.ts';
import { badCredentials } from '../../errors.ts';
import { recordChange } from '../audit/event.ts';
import { verifyRefreshToken } from '../crypto/refresh.ts';
import { accountOf } from '../proof/password-attempt.ts';
import { proveAgain, spendProof, type ReauthenticateInput } from '../proof/proof.ts';
import { currentToken } from '../sign-in/current-token.ts';
import { SignedIn } from '../sign-in/start-session.ts';
import type { Scope } from '../scope.ts';

/**
 * Authenticates the caller again. For a limited time, the session may then call operations that require step-up.
 * @param cookie the refresh token from the browser's cookie, if any. If it belongs to this session, tokens stay in
 * cookies.
 * @returns a new access token, with the session's current refresh token.
 * @throws BAD_CREDENTIALS; BAD_INPUT; RATE_LIMITED; UNAUTHENTICATED if the caller is not signed in.
 */
export async function reauthenticate(scope: Scope, input: ReauthenticateInput, cookie = ''): Promise<SignedIn> {
  const account = accountOf(scope.viewer);
  const proof = await proveAgain(scope, account, input, { action: 'reauthenticate' });
  const issued = await scope.transaction(async (tx) => {
    if (!(await spendProof(tx, account, proof))) throw badCredentials();
    await tx.em.execute(`update sessions set authenticated_at = ${sqlNow(scope)} where id = ?`, [account.sessionId]);
    recordChange(tx, { action: 'reauthenticate', targetType: 'Session', targetId: account.sessionId });
    const current = await currentToken(tx, account.sessionId);
    // The session ended concurrently; the error rolls the proof back.
    if (current === null) throw badCredentials();
    return current;
  });
  return new SignedIn(issued, scope, verifyRefreshToken(scope.keyring, cookie)?.sessionId === account.sessionId);
}
