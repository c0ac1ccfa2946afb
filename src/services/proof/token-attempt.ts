import { AuditOutcome } from '../../entities/audit.ts';
import { rateLimited } from '../../errors.ts';
import { recordDenial } from '../audit/denial.ts';
import { networkOf, reserveAttempt, type ReservedAttempt } from '../limit.ts';
import type { Scope } from '../scope.ts';

/**
 * Looks up a mailed or printed token. Each attempt counts against its address before the lookup, so that concurrent
 * attempts cannot exceed the limit; a right token gives the attempt back. A wrong one is counted in the audit log.
 * @param find returns null for a wrong token.
 * @throws RATE_LIMITED
 */
export async function tryToken<Found>(
  scope: Scope,
  action: string,
  find: () => Promise<Found | null>,
): Promise<Found | null> {
  const attempt = await takeTokenAttempt(scope, action);
  const found = await find();
  if (found === null) await recordWrongToken(scope, action);
  else await attempt.giveBack();
  return found;
}

/** Takes the attempt that a wrong token costs its address. Give it back for a right one. @throws RATE_LIMITED */
export async function takeTokenAttempt(
  scope: Scope,
  action: string,
  key = networkOf(scope.client.ipAddress),
): Promise<ReservedAttempt> {
  const attempt = await reserveAttempt(scope, 'token', key);
  const { wait } = attempt;
  if (wait === 0) return attempt;
  await recordDenial(scope, { action, reason: 'rate_limited', outcome: AuditOutcome.DENIED });
  throw rateLimited(wait);
}

/** Counts a wrong token in the audit log. */
export async function recordWrongToken(scope: Scope, action: string): Promise<void> {
  await recordDenial(scope, { action, reason: 'wrong_token', outcome: AuditOutcome.FAILED });
}
