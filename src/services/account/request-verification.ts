import { foldCase } from '../../entities/identifier.ts';
import { User } from '../../entities/user.ts';
import { networkOf, takeAttempt } from '../limit.ts';
import { mailToken, verificationAge } from '../mail/index.ts';
import { accountOf } from '../proof/password-attempt.ts';
import { recordOwn } from '../audit/record-own.ts';
import type { Scope } from '../scope.ts';

/**
 * Mails the caller a token that verifies the address; earlier tokens stop working. Sends no mail if the address is
 * verified.
 * @returns true.
 * @throws UNAUTHENTICATED; RATE_LIMITED per account, and per client address.
 */
export async function requestEmailVerification(scope: Scope): Promise<true> {
  const account = accountOf(scope.viewer);
  const { email, isVerified } = await scope.em.findOneOrFail(User, account.userId, { filters: false });
  if (isVerified) return true;
  await takeAttempt(scope, 'mail-address', networkOf(scope.client.ipAddress));
  await takeAttempt(scope, 'mail-account', foldCase(email));
  await scope.transaction(async (tx) => {
    const user = await tx.em.findOneOrFail(User, account.userId, { filters: false, refresh: true });
    await mailToken(tx, { kind: 'email-verification', user, lifetime: verificationAge });
    recordOwn(tx, account, 'request_email_verification');
  });
  return true;
}
