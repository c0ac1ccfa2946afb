import type { SqlEntityManager } from '@mikro-orm/postgresql';
import { foldCase, normalizeEmail } from '../../entities/identifier.ts';
import { LockMode } from '@mikro-orm/core';
import { User, userProblems } from '../../entities/user.ts';
import type { Viewer } from '../../entities/viewer.ts';
import { badInput, unauthenticated, type Refusal } from '../../errors.ts';
import { recordChange } from '../audit/event.ts';
import { networkOf, takeTurn } from '../limit.ts';
import { mailToken, verificationAge } from '../mail/index.ts';
import type { Origin, UserTools } from './tools.ts';

/**
 * Changes the caller's address, which is unverified from then on: a token is mailed to the new one, and the old one is
 * told. In other letters it is the same address, and only written otherwise. The answer and the work are the same when
 * another account holds the address: the change is then a claim that cannot be verified, and the holder is told by mail.
 * @returns the user's id.
 * @throws BAD_INPUT; RATE_LIMITED by the account, by the new address, and by the address that asks.
 */
export async function changeEmail(em: SqlEntityManager, tools: UserTools, viewer: Viewer, given: string, origin: Origin): Promise<string> {
  const { userId } = viewer;
  if (userId === null) throw unauthenticated();
  const email = normalizeEmail(given);
  const problems = userProblems({ email });
  if (problems.length > 0) throw badInput(...problems);
  await takeTurn(em, tools, 'mail-address', networkOf(origin.ipAddress));
  await takeTurn(em, tools, 'mail-account', userId);
  await takeTurn(em, tools, 'mail-account', foldCase(email));
  const refusal = await em.transactional((transaction) => change(transaction, tools, viewer, userId, email, origin));
  if (refusal !== null) throw refusal;
  return userId;
}

const problem = (message: string): Refusal => badInput({ path: 'email', message });

async function change(
  em: SqlEntityManager,
  tools: UserTools,
  viewer: Viewer,
  userId: string,
  email: string,
  origin: Origin,
): Promise<Refusal | null> {
  const user = await em.findOneOrFail(User, userId, { filters: false, refresh: true, lockMode: LockMode.PESSIMISTIC_WRITE });
  const formerEmail = user.email;
  if (formerEmail === email) return problem('is already your address');
  user.email = email;
  const hasMoved = isAnotherAddress(formerEmail, email);
  if (hasMoved) Object.assign(user, { isVerified: false, isEmailClaimed: true });
  await em.flush();
  recordChange(em, tools, viewer, origin, { action: 'change_email', targetType: 'User', targetId: userId });
  if (!hasMoved) return null;
  await mailToken(em, tools, { kind: 'email-verification', user, lifetime: verificationAge });
  await tools.mail.enqueue(em, { kind: 'email-changed', userId, formerEmail, at: tools.now().toISOString() });
  return null;
}

/** Whether mail to them goes to two places: an address in other letters is the same. */
export const isAnotherAddress = (one: string, other: string): boolean => foldCase(one) !== foldCase(other);
