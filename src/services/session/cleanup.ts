import type { SessionConfig } from '../../config.ts';
import { AuditOutcome } from '../../entities/audit.ts';
import { sqlAfter } from '../../entities/clock.ts';
import { fileDenials } from '../audit/denial.ts';
import { recordAudit } from '../audit/event.ts';
import type { Scope } from '../scope.ts';

/** The number of removed rows of each kind, and of filed refusals. */
export type CleanedUp = Readonly<Record<'denials' | 'roles' | keyof typeof removals, number>>;

export type CleanupScope = Pick<Scope, 'em' | 'keyring' | 'mail' | 'now'> & {
  readonly rules: Pick<SessionConfig, 'refusalsPerDay'>;
};

/** The advisory lock of cleanup. Every other advisory lock has another number. */
const cleanup = 7_201_183_402;
const day = 86_400;

/** The seconds for which an expired role assignment stays visible. It grants nothing in that time. */
const expiredRoles = 30 * day;

/**
 * The rows to delete: the seconds after their end, and the column of the end. An ended session stays until its idle
 * end, and then as long as a user may want to look it up.
 */
const removals = {
  tokens: { table: 'one_time_tokens', column: 'expires_at', seconds: day },
  vaults: { table: 'vault_sessions', column: 'expires_at', seconds: 0 },
  challenges: { table: 'login_challenges', column: 'expires_at', seconds: day },
  sessions: { table: 'sessions', column: 'idle_ends_at', seconds: 30 * day },
  limits: { table: 'rate_limits', column: 'ends_at', seconds: 0 },
  retries: { table: 'idempotency_keys', column: 'expires_at', seconds: 0 },
  devices: { table: 'devices', column: 'last_seen_at', seconds: 400 * day },
  enrolments: { table: 'totp_credentials', column: 'updated_at', seconds: day, where: 'confirmed_at is null' },
} as const satisfies Record<string, { table: string; column: string; seconds: number; where?: string }>;

/** The locks that cause a notification: those that others can cause. */
const toldLocks = new Set(['users', 'second_factor']);

/** The number of refusals that one transaction files. */
const batchSize = 1000;

/**
 * Runs one round. Files the refusals of past minutes, one batch per transaction, and tells users of their locks. Then
 * removes expired rows in one transaction. Of concurrent nodes, one works.
 * @param signal ends the round after the current transaction.
 * @returns null if another node is at work, or the signal was aborted.
 */
export async function cleanUp(scope: CleanupScope, signal?: AbortSignal): Promise<CleanedUp | null> {
  let denials = 0;
  for (let filed = batchSize; filed === batchSize; denials += filed) {
    const batch = await alone(scope, file);
    if (batch === null || signal?.aborted) return null;
    filed = batch;
  }
  return await alone(scope, async (inner) => {
    const counts: Record<string, number> = { denials, roles: await endRoles(inner) };
    for (const [kind, removal] of Object.entries(removals)) counts[kind] = await remove(inner, removal);
    return counts as CleanedUp;
  });
}

/** Runs `work` in a transaction, unless another node is cleaning up. */
async function alone<T>(scope: CleanupScope, work: (inner: CleanupScope) => Promise<T>): Promise<T | null> {
  return scope.em.fork().transactional(async (em) => {
    const [lock] = await em.execute<{ taken: boolean }[]>('select pg_try_advisory_xact_lock(?) as taken', [cleanup]);
    return lock?.taken ? await work({ ...scope, em }) : null;
  });
}

async function file(scope: CleanupScope): Promise<number> {
  const { em, mail } = scope;
  const filed = await fileDenials(scope, batchSize);
  for (const { action, reason, targetId, at } of filed) {
    if (action !== 'lock' || targetId === null || !toldLocks.has(reason)) continue;
    await mail.enqueue(em, { kind: 'security-alert', userId: targetId, alert: 'account-locked', at: at.toISOString() });
  }
  return filed.length;
}

/** Removes expired assignments, which grant nothing any more. The audit log records the removal. */
async function endRoles(scope: CleanupScope): Promise<number> {
  const at = scope.now();
  const ended = await scope.em.execute<{ user_id: string }[]>(
    `delete from user_roles where expires_at <= ${sqlAfter(scope, -expiredRoles)} returning user_id`,
  );
  for (const { user_id: targetId } of ended) {
    recordAudit(scope, {
      at,
      actor: null,
      sessionId: null,
      ipAddress: null,
      action: 'remove_expired_role',
      targetType: 'User',
      targetId,
      outcome: AuditOutcome.SUCCEEDED,
      requestId: 'cleanup',
      count: 1,
    });
  }
  return ended.length;
}

async function remove(
  scope: CleanupScope,
  { table, column, seconds, where = 'true' }: { table: string; column: string; seconds: number; where?: string },
): Promise<number> {
  const [row] = await scope.em.execute<{ removed: number }[]>(
    `with removed as (delete from ${table} where ${column} <= ${sqlAfter(scope, -seconds)} and ${where} returning 1)
     select cast(count(*) as int) as removed from removed`,
  );
  return row?.removed ?? 0;
}
