import type { SqlEntityManager } from '@mikro-orm/postgresql';
import { AuditOutcome } from '../../entities/audit.ts';
import { User } from '../../entities/user.ts';
import { recordAudit } from '../audit/event.ts';
import type { Client, SessionTools } from './tools.ts';

/** Adds the event of what somebody did to their own account, signed in or by a token, to the change that it tells of. */
export function recordOwn(
  em: SqlEntityManager,
  { keyring, now }: Pick<SessionTools, 'keyring' | 'now'>,
  { userId, sessionId = null }: { readonly userId: string; readonly sessionId?: string | null },
  { ipAddress, requestId }: Client,
  action: string,
): void {
  const actor = em.getReference(User, userId, { wrapped: true });
  const target = { targetType: 'User', targetId: userId } as const;
  recordAudit(em, keyring, {
    at: now(),
    actor,
    sessionId,
    ipAddress,
    requestId,
    action,
    ...target,
    outcome: AuditOutcome.SUCCEEDED,
    count: 1,
  });
}
