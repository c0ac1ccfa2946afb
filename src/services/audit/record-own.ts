import { AuditOutcome } from '../../entities/audit.ts';
import { User } from '../../entities/user.ts';
import { recordAudit } from './event.ts';
import type { Scope } from '../scope.ts';

/** Adds the audit event of a change that a user made to their own account, either signed in or with a token. */
export function recordOwn(
  scope: Scope,
  { userId, sessionId = null }: { readonly userId: string; readonly sessionId?: string | null },
  action: string,
): void {
  const { ipAddress, requestId } = scope.client;
  const actor = scope.em.getReference(User, userId, { wrapped: true });
  const target = { targetType: 'User', targetId: userId } as const;
  recordAudit(scope, {
    at: scope.now(),
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
