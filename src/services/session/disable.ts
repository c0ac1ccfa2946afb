import type { SqlEntityManager } from '@mikro-orm/postgresql';
import type { Viewer } from '../../entities/viewer.ts';
import { badCredentials } from '../../errors.ts';
import { recordChange } from '../audit/event.ts';
import { accountOf } from './attempt.ts';
import { noSecondFactor } from './codes.ts';
import { methodsOf } from './factor.ts';
import { proveAgain, spendProof, type ReauthenticateInput } from './proof.ts';
import type { Client, SessionTools } from './tools.ts';

/**
 * Removes the second factor and its backup codes, after the password and a code. Its user is told by mail.
 * @returns the user's id.
 * @throws CONFLICT where there is none; BAD_CREDENTIALS; BAD_INPUT; RATE_LIMITED.
 */
export async function disableTotp(
  em: SqlEntityManager,
  tools: SessionTools,
  viewer: Viewer,
  input: ReauthenticateInput,
  client: Client,
): Promise<string> {
  const account = accountOf(viewer);
  const { userId } = account;
  if ((await methodsOf(em, userId)).length === 0) throw noSecondFactor();
  const proof = await proveAgain(em, tools, account, input, { action: 'disable_totp', client });
  const isRemoved = await em.transactional(async (transaction) => {
    if (!(await spendProof(transaction, tools, account, proof, client))) return false;
    await transaction.execute('delete from totp_credentials where user_id = ?', [userId]);
    await transaction.execute('delete from backup_codes where user_id = ?', [userId]);
    recordChange({ em: transaction, ...tools, viewer, client }, { action: 'disable_totp', targetType: 'User', targetId: userId });
    const at = tools.now().toISOString();
    await tools.mail.enqueue(transaction, { kind: 'security-alert', userId, alert: 'second-factor-removed', at });
    return true;
  });
  if (!isRemoved) throw badCredentials();
  return userId;
}
