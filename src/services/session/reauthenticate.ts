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
 * @throws BAD_CREDENTIALS; BAD_INPUT; RATE_LIMITED; UNAUTHENTICATED where nobody is signed in.
 */
export async function reauthenticate(
  em: SqlEntityManager,
  tools: SessionTools,
  viewer: Viewer,
  input: ReauthenticateInput,
  client: Client,
): Promise<true> {
  const account = accountOf(viewer);
  const proof = await proveAgain(em, tools, account, input, { action: 'reauthenticate', client });
  const isProved = await em.transactional(async (transaction) => {
    if (!(await spendProof(transaction, tools, account, proof, client))) return false;
    await transaction.execute('update sessions set authenticated_at = ? where id = ?', [tools.now(), account.sessionId]);
    recordChange(transaction, tools, viewer, client, { action: 'reauthenticate', targetType: 'Session', targetId: account.sessionId });
    return true;
  });
  if (!isProved) throw badCredentials();
  return true;
}
