import { badCredentials } from '../../errors.ts';
import { recordChange } from '../audit/event.ts';
import { accountOf } from '../proof/password-attempt.ts';
import { noSecondFactor } from './backup-codes.ts';
import { methodsOf } from '../proof/second-factor.ts';
import { proveAgain, spendProof, type ReauthenticateInput } from '../proof/proof.ts';
import type { Scope } from '../scope.ts';

/**
 * Removes the second factor and its backup codes, after the password and a code. The user is notified by mail.
 * @returns the user's id.
 * @throws CONFLICT if there is no second factor; BAD_CREDENTIALS; BAD_INPUT; RATE_LIMITED.
 */
export async function disableTotp(scope: Scope, input: ReauthenticateInput): Promise<string> {
  const account = accountOf(scope.viewer);
  const { userId } = account;
  if ((await methodsOf(scope, userId)).length === 0) throw noSecondFactor();
  const proof = await proveAgain(scope, account, input, { action: 'disable_totp' });
  const isRemoved = await scope.transaction(async (tx) => {
    if (!(await spendProof(tx, account, proof))) return false;
    await tx.em.execute('delete from totp_credentials where user_id = ?', [userId]);
    await tx.em.execute('delete from backup_codes where user_id = ?', [userId]);
    recordChange(tx, { action: 'disable_totp', targetType: 'User', targetId: userId });
    const at = scope.now().toISOString();
    await scope.mail.enqueue(tx.em, { kind: 'security-alert', userId, alert: 'second-factor-removed', at });
    return true;
  });
  if (!isRemoved) throw badCredentials();
  return userId;
}
