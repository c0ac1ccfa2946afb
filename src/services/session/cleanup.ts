import type { SessionConfig } from '../../config.ts';
import type { SqlEntityManager } from '@mikro-orm/postgresql';
import { AuditOutcome } from '../../entities/audit.ts';
import { sqlAfter } from '../../entities/clock.ts';
import { fileDenials } from '../audit/denial.ts';
import { recordAudit } from '../audit/event.ts';
import type { Services } from '../scope.ts';

/** How many rows of each kind a round removed, and how many refusals it filed. */
export type CleanedUp = Readonly<Record<'denials' | 'roles' | keyof typeof removals, number>>;

export type CleanupTools = Pick<Services, 'keyring' | 'mail' | 'now'> & {
  readonly rules: Pick<SessionConfig, 'refusalsPerDay'>;
};

/** Chosen once for this purpose: what else takes advisory locks has other numbers. */
const cleanup = 7_201_183_402;
const day = 86_400;

/** How long a role assignment is still shown after it has expired, in seconds: it gives nothing in that time. */
const expiredRoles = 30 * day;

/**
 * What is removed, when nobody needs it any more: the seconds after its end, and which column that is. An ended session
 * stays until it would have idled out, and then for as long as somebody may ask what it was.
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

/** Locks of which the user is told: those on which somebody outside ran. */
const toldLocks = new Set(['users', 'second_factor']);

/** Refusals that are filed by one transaction. */
const batchSize = 1000;

/**
 * One round: files the refusals of the minutes that are over, a batch in each transaction, and tells users of their locks;
 * then removes what has expired, in one transaction. Of several nodes at once, one does it.
 * @param signal ends the round after the transaction that runs.
 * @returns null where another one does it already, or the signal came.
 */
export async function cleanUp(em: SqlEntityManager, tools: CleanupTools, signal?: AbortSignal): Promise<CleanedUp | null> {
  let denials = 0;
  for (let filed = batchSize; filed === batchSize; denials += filed) {
    const batch = await alone(em.fork(), (transaction) => file(transaction, tools));
    if (batch === null || signal?.aborted) return null;
    filed = batch;
  }
  return await alone(em.fork(), async (transaction) => {
    const counts: Record<string, number> = { denials, roles: await endRoles(transaction, tools) };
    for (const [kind, removal] of Object.entries(removals)) counts[kind] = await remove(transaction, tools, removal);
    return counts as CleanedUp;
  });
}

/** Works in a transaction, unless another one that cleans up does. */
async function alone<T>(em: SqlEntityManager, work: (transaction: SqlEntityManager) => Promise<T>): Promise<T | null> {
  return em.transactional(async (transaction) => {
    const [lock] = await transaction.execute<{ taken: boolean }[]>('select pg_try_advisory_xact_lock(?) as taken', [cleanup]);
    return lock?.taken ? await work(transaction) : null;
  });
}

async function file(em: SqlEntityManager, tools: CleanupTools): Promise<number> {
  const { mail } = tools;
  const filed = await fileDenials({ ...tools, em }, batchSize);
  for (const { action, reason, targetId, at } of filed) {
    if (action !== 'lock' || targetId === null || !toldLocks.has(reason)) continue;
    await mail.enqueue(em, { kind: 'security-alert', userId: targetId, alert: 'account-locked', at: at.toISOString() });
  }
  return filed.length;
}

/** The assignment gave nothing since it expired; that it is gone stands in the audit log. */
async function endRoles(em: SqlEntityManager, tools: CleanupTools): Promise<number> {
  const { keyring } = tools;
  const at = tools.now();
  const ended = await em.execute<{ user_id: string }[]>(
    `delete from user_roles where expires_at <= ${sqlAfter(tools, -expiredRoles)} returning user_id`,
  );
  for (const { user_id: targetId } of ended) {
    recordAudit(
      { em, keyring },
      {
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
      },
    );
  }
  return ended.length;
}

async function remove(
  em: SqlEntityManager,
  tools: CleanupTools,
  { table, column, seconds, where = 'true' }: { table: string; column: string; seconds: number; where?: string },
): Promise<number> {
  const [row] = await em.execute<{ removed: number }[]>(
    `with removed as (delete from ${table} where ${column} <= ${sqlAfter(tools, -seconds)} and ${where} returning 1)
     select cast(count(*) as int) as removed from removed`,
  );
  return row?.removed ?? 0;
}
