import type { SqlEntityManager } from '@mikro-orm/postgresql';
import { foldCase } from '../../entities/identifier.ts';
import { User } from '../../entities/user.ts';
import type { Viewer } from '../../entities/viewer.ts';
import { networkOf, takeTurn } from '../limit.ts';
import { mailToken, verificationAge } from '../mail/index.ts';
import { accountOf } from './attempt.ts';
import { recordOwn } from './record.ts';
import type { Client, SessionTools } from './tools.ts';

/**
 * Mails the caller a token that verifies the address; earlier ones stop working. Nothing is mailed where it is verified.
 * @returns true.
 * @throws UNAUTHENTICATED; RATE_LIMITED by the account, and by the address that asks.
 */
export async function requestEmailVerification(em: SqlEntityManager, tools: SessionTools, viewer: Viewer, client: Client): Promise<true> {
  const account = accountOf(viewer);
  const { email, isVerified } = await em.findOneOrFail(User, account.userId, { filters: false });
  if (isVerified) return true;
  await takeTurn(em, tools, 'mail-address', networkOf(client.ipAddress));
  await takeTurn(em, tools, 'mail-account', foldCase(email));
  await em.transactional(async (transaction) => {
    const user = await transaction.findOneOrFail(User, account.userId, { filters: false, refresh: true });
    await mailToken(transaction, tools, { kind: 'email-verification', user, lifetime: verificationAge });
    recordOwn(transaction, tools, account, client, 'request_email_verification');
  });
  return true;
}
