import { foldCase, isAnotherAddress, normalizeEmail } from '../../entities/identifier.ts';
import { LockMode } from '@mikro-orm/core';
import { User, userProblems } from '../../entities/user.ts';
import { assertValid, badInput, unauthenticated, type Refusal } from '../../errors.ts';
import { recordChange } from '../audit/event.ts';
import { networkOf, takeAttempt } from '../limit.ts';
import { mailToken, verificationAge } from '../mail/index.ts';
import type { Scope } from '../scope.ts';

/**
 * Changes the caller's address, which is then unverified: mails a token to the new address and informs the old one. A
 * change that only affects the case of letters keeps the address the same. If another account holds the new address,
 * the answer and the work do not differ: the change is then a claim that cannot be verified, and the holder is informed by
 * mail.
 * @returns the user's id.
 * @throws BAD_INPUT; RATE_LIMITED per account, per new address, and per client address.
 */
export async function changeEmail(scope: Scope, given: string): Promise<string> {
  const { userId } = scope.viewer;
  if (userId === null) throw unauthenticated();
  const email = normalizeEmail(given);
  const problems = userProblems({ email });
  assertValid(problems);
  await takeAttempt(scope, 'mail-address', networkOf(scope.client.ipAddress));
  await takeAttempt(scope, 'mail-account', userId);
  await takeAttempt(scope, 'mail-account', foldCase(email));
  const refusal = await scope.transaction((tx) => change(tx, userId, email));
  if (refusal !== null) throw refusal;
  return userId;
}

const problem = (message: string): Refusal => badInput({ path: 'email', message });

async function change(scope: Scope, userId: string, email: string): Promise<Refusal | null> {
  const user = await scope.em.findOneOrFail(User, userId, {
    filters: false,
    refresh: true,
    lockMode: LockMode.PESSIMISTIC_WRITE,
  });
  const formerEmail = user.email;
  if (formerEmail === email) return problem('is already your address');
  user.email = email;
  const hasMoved = isAnotherAddress(formerEmail, email);
  if (hasMoved) Object.assign(user, { isVerified: false, isEmailClaimed: true });
  await scope.em.flush();
  recordChange(scope, { action: 'change_email', targetType: 'User', targetId: userId });
  if (!hasMoved) return null;
  await mailToken(scope, { kind: 'email-verification', user, lifetime: verificationAge });
  await scope.mail.enqueue(scope.em, { kind: 'email-changed', userId, formerEmail, at: scope.now().toISOString() });
  return null;
}
