import type { AuditOutcome } from '../../entities/audit.ts';
import type { WrittenEvent } from './event.ts';

/** The selected columns of an event, for a row with the alias `e`. */
export const eventColumns =
  'e.id, e.at, e.actor_id, e.session_id, e.ip_address, e.action, e.target_type, e.target_id, e.outcome, e.reason, e.request_id, e.count, e.mac';

/** Builds an event from its row. */
export const eventOf = (row: Record<string, unknown>): WrittenEvent => ({
  id: row['id'] as string,
  at: row['at'] as Date,
  actor: row['actor_id'] === null ? null : { id: row['actor_id'] as string },
  sessionId: row['session_id'] as string | null,
  ipAddress: row['ip_address'] as string | null,
  action: row['action'] as string,
  targetType: row['target_type'] as string | null,
  targetId: row['target_id'] as string | null,
  outcome: row['outcome'] as AuditOutcome,
  reason: row['reason'] as string | null,
  requestId: row['request_id'] as string,
  count: row['count'] as number,
  mac: row['mac'] as string,
});
