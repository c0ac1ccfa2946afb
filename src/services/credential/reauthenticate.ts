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
 * Proves again who is signed in: for a while, this session may do what asks for a fresh proof.
 * @param cookie the refresh token that the browser keeps, if it does: where it is this session's, tokens stay in cookies.
 * @returns a fresh access token, with the refresh token that the session has.
 * @throws BAD_CREDENTIALS; BAD_INPUT; RATE_LIMITED; UNAUTHENTICATED where nobody is signed in.
 */
export async function reauthenticate(scope: Scope, input: ReauthenticateInput, cookie = ''): Promise<SignedIn> {
  const account = accountOf(scope.viewer);
  const proof = await proveAgain(scope, account, input, { action: 'reauthenticate' });
  const issued = await scope.transaction(async (tx) => {
    if (!(await spendProof(tx, account, proof))) throw badCredentials();
    await tx.em.execute(`update sessions set authenticated_at = ${sqlNow(scope)} where id = ?`, [account.sessionId]);
    recordChange(tx, { action: 'reauthenticate', targetType: 'Session', targetId: account.sessionId });
    const current = await currentToken(tx, account.sessionId);
    // A session that ended in the same instant takes the proof back with it.
    if (current === null) throw badCredentials();
    return current;
  });
  return new SignedIn(issued, scope, verifyRefreshToken(scope.keyring, cookie)?.sessionId === account.sessionId);
}
