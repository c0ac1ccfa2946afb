import type { SqlEntityManager } from '@mikro-orm/postgresql';
import { sqlNow } from '../../entities/clock.ts';
import type { Viewer } from '../../entities/viewer.ts';
import { badCredentials } from '../../errors.ts';
import { recordChange } from '../audit/event.ts';
import { verifyRefreshToken } from '../crypto/refresh.ts';
import { accountOf } from './attempt.ts';
import { proveAgain, spendProof, type ReauthenticateInput } from './proof.ts';
import { currentToken } from './refresh.ts';
import { SignedIn } from './start.ts';
import type { Client, SessionTools } from './tools.ts';

/**
 * Proves again who is signed in: for a while, this session may do what asks for a fresh proof.
 * @param cookie the refresh token that the browser keeps, if it does: where it is this session's, tokens stay in cookies.
 * @returns a fresh access token, with the refresh token that the session has.
 * @throws BAD_CREDENTIALS; BAD_INPUT; RATE_LIMITED; UNAUTHENTICATED where nobody is signed in.
 */
export async function reauthenticate(
  em: SqlEntityManager,
  tools: SessionTools,
  viewer: Viewer,
  input: ReauthenticateInput,
  client: Client,
  cookie = '',
): Promise<SignedIn> {
  const account = accountOf(viewer);
  const proof = await proveAgain(em, tools, account, input, { action: 'reauthenticate', client });
  const issued = await em.transactional(async (transaction) => {
    if (!(await spendProof(transaction, tools, account, proof, client))) throw badCredentials();
    await transaction.execute(`update sessions set authenticated_at = ${sqlNow(tools)} where id = ?`, [account.sessionId]);
    recordChange(
      { em: transaction, ...tools, viewer, client },
      { action: 'reauthenticate', targetType: 'Session', targetId: account.sessionId },
    );
    const current = await currentToken(transaction, tools, account.sessionId);
    // A session that ended in the same instant takes the proof back with it.
    if (current === null) throw badCredentials();
    return current;
  });
  return new SignedIn(issued, tools, verifyRefreshToken(tools.keyring, cookie)?.sessionId === account.sessionId);
}
