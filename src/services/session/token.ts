import type { SqlEntityManager } from '@mikro-orm/postgresql';
import { AuditOutcome } from '../../entities/audit.ts';
import { rateLimited } from '../../errors.ts';
import { recordDenial } from '../audit/denial.ts';
import { networkOf, reserveTurn, type Turn } from '../limit.ts';
import type { Trial } from './attempt.ts';
import type { SessionTools } from './tools.ts';

/**
 * Looks up what a mailed or printed token is for. Each attempt takes a turn of its address before the lookup, so that
 * parallel attempts cannot exceed the limit; a right token gives the turn back. A wrong one is counted in the audit log.
 * @param find answers null for a wrong token.
 * @throws RATE_LIMITED
 */
export async function tryToken<Found>(
  em: SqlEntityManager,
  tools: SessionTools,
  trial: Trial,
  find: () => Promise<Found | null>,
): Promise<Found | null> {
  const turn = await takeTokenTurn(em, tools, trial);
  const found = await find();
  if (found === null) await recordWrongToken(em, tools, trial);
  else await turn.giveBack();
  return found;
}

/** Takes the turn that a wrong token costs its address, to be given back for a right one. @throws RATE_LIMITED */
export async function takeTokenTurn(
  em: SqlEntityManager,
  tools: SessionTools,
  { action, client }: Trial,
  key = networkOf(client.ipAddress),
): Promise<Turn> {
  const turn = await reserveTurn(em, tools, 'token', key);
  const { wait } = turn;
  if (wait === 0) return turn;
  await recordDenial(em, tools.now(), client, { action, reason: 'rate_limited', outcome: AuditOutcome.DENIED });
  throw rateLimited(wait);
}

/** Counts a wrong token in the audit log. */
export async function recordWrongToken(em: SqlEntityManager, tools: SessionTools, { action, client }: Trial): Promise<void> {
  await recordDenial(em, tools.now(), client, { action, reason: 'wrong_token', outcome: AuditOutcome.FAILED });
}
