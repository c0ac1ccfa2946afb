import type { SqlEntityManager } from '@mikro-orm/postgresql';
import { AuditOutcome } from '../../entities/audit.ts';
import { badCredentials, rateLimited } from '../../errors.ts';
import { recordRefusal, type DenialFacts } from '../audit/denial.ts';
import { recordChange } from '../audit/event.ts';
import { networkOf, tryAttempt } from '../limit.ts';
import type { Scope } from '../scope.ts';

/**
 * Takes an attempt and verifies a set-up token. There is a token while the instance has no owner, and while the saved
 * database is unreachable.
 * @param setupToken null if the viewer has the right, which was checked before.
 * @throws BAD_CREDENTIALS for a wrong token; RATE_LIMITED. Both are recorded.
 */
export async function demandAllowed(scope: Scope, setupToken: string | null, action: SettingAction): Promise<void> {
  const wait = await takeAttempt(scope);
  if (wait > 0) {
    await recordFailure(scope, { action, outcome: AuditOutcome.DENIED, reason: 'rate_limited' });
    throw rateLimited(wait);
  }
  if (setupToken === null || (await scope.setup.isToken(setupToken))) return;
  await recordFailure(scope, { action, outcome: AuditOutcome.DENIED, reason: 'wrong_setup_token' });
  throw badCredentials();
}

export type SettingAction = 'setting.test' | 'setting.save';

/** Returns the entity manager to record with. Null without a database: the entry then goes to the process log. */
function recording({ connections, client }: Scope, entry: string): SqlEntityManager | null {
  const em = connections.em?.fork() ?? null;
  if (em === null) connections.warn(`${entry} (request ${client.requestId})`);
  return em;
}

/** Records that an action succeeded, never the given database, user or password. */
export async function recordSuccess(scope: Scope, action: SettingAction): Promise<void> {
  const em = recording(scope, `${action} ${AuditOutcome.SUCCEEDED}`);
  if (em === null) return;
  recordChange({ ...scope, em }, { action, targetType: null, targetId: null });
  await em.flush();
}

/** A refused or failed action with its reason. */
export type SettingRefusal = Pick<DenialFacts, 'outcome' | 'reason'> & { readonly action: SettingAction };

/** Records a refusal within the limits of the audit log. */
export async function recordFailure(scope: Scope, refusal: SettingRefusal): Promise<void> {
  const { action, outcome, reason } = refusal;
  const em = recording(scope, `${action} ${outcome}: ${reason}`);
  if (em === null) return;
  const { userId: actorId, sessionId } = scope.viewer;
  const facts = { ...refusal, actorId, sessionId };
  await recordRefusal({ ...scope, em }, { facts, at: scope.now(), client: scope.client, count: 1 });
}

/** While the database is unreachable, this process counts alone. */
async function takeAttempt(scope: Scope): Promise<number> {
  const { connections, turns, rules, now } = scope;
  const key = networkOf(scope.client.ipAddress);
  if (connections.em !== null) return await tryAttempt({ ...scope, em: connections.em.fork() }, 'connection', key);
  return turns.take(key, rules.limits.connection, now());
}
