import { AuditEvent, type AuditFacts } from '../entities/audit.ts';
import type { SqlEntityManager } from '@mikro-orm/postgresql';
import { frame } from './crypto/framing.ts';
import type { Keyring } from './crypto/keyring.ts';

/** Adds one event to the change that is being made: it is written by the same flush, in the same transaction, or not at all. */
export function recordAudit(em: SqlEntityManager, keyring: Keyring, facts: AuditFacts): void {
  em.persist(new AuditEvent(facts, (event) => sealEvent(event, keyring)));
}

/** Whether this is the event that was written, in every column. */
export function isGenuine(event: AuditEvent, keyring: Keyring): boolean {
  const [kid = ''] = event.mac.split('.');
  return keyring.has(kid) && event.mac === seal(event, keyring, kid);
}

function sealEvent(event: AuditEvent, keyring: Keyring): string {
  return seal(event, keyring, keyring.active);
}

function seal(event: AuditEvent, keyring: Keyring, kid: string): string {
  const fields = frame(
    'audit-v1',
    event.id,
    event.at.toISOString(),
    event.actor?.id ?? null,
    event.sessionId,
    event.ipAddress,
    event.action,
    event.targetType,
    event.targetId,
    event.outcome,
    event.requestId,
    event.count,
  );
  return `${kid}.${keyring.mac(kid, 'audit', fields).toString('base64url')}`;
}
