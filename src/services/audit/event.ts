import { randomUUID } from 'node:crypto';
import { AuditEvent, AuditOutcome, type AuditFacts } from '../../entities/audit.ts';
import { v7 as uuidv7 } from 'uuid';
import { frame } from '../crypto/framing.ts';
import { User } from '../../entities/user.ts';
import type { Viewer } from '../../entities/viewer.ts';
import type { Keyring } from '../crypto/keyring.ts';
import { NewRow } from '../record/index.ts';
import type { Client, Scope } from '../scope.ts';

/** Adds an event to the current change: the same flush writes both, in the same transaction. */
export function recordAudit({ em, keyring }: Pick<Scope, 'em' | 'keyring'>, facts: AuditFacts): void {
  em.persist(new AuditEvent(facts, (event) => codeOf(event, keyring, keyring.active)));
}

/** The client of a command that runs on the host. */
export const hostClient = (): Client => ({ ipAddress: null, userAgent: null, requestId: `host-${randomUUID()}` });

/** The facts recorded with a change: who made it, from where, and when. */
export type ChangeScope = Pick<Scope, 'keyring' | 'now'> & {
  readonly viewer: Pick<Viewer, 'userId' | 'sessionId'>;
  readonly client: Pick<Scope['client'], 'ipAddress' | 'requestId'>;
};

type ChangeFacts = Pick<AuditFacts, 'action' | 'targetType' | 'targetId'>;

/** Builds the event of a successful change, for a statement that inserts it together with the change. */
export function changeEvent(scope: ChangeScope, change: ChangeFacts): NewRow {
  const { keyring, viewer } = scope;
  const { userId } = viewer;
  const facts = { id: uuidv7(), ...factsOf(scope, change), reason: null };
  const mac = codeOf({ ...facts, actor: userId === null ? null : { id: userId } }, keyring, keyring.active);
  return new NewRow(AuditEvent, { ...facts, actor: userId, mac });
}

/** Records a change with its audit event: both are written by the same flush, or neither is. */
export function recordChange(scope: ChangeScope & Pick<Scope, 'em'>, change: ChangeFacts): void {
  const { em, viewer } = scope;
  const actor = viewer.userId === null ? null : em.getReference(User, viewer.userId, { wrapped: true });
  recordAudit(scope, { ...factsOf(scope, change), actor });
}

const factsOf = ({ now, viewer, client }: ChangeScope, change: ChangeFacts): Omit<AuditFacts, 'actor' | 'reason'> => ({
  at: now(),
  sessionId: viewer.sessionId,
  ipAddress: client.ipAddress,
  requestId: client.requestId,
  outcome: AuditOutcome.SUCCEEDED,
  count: 1,
  ...change,
});

/** The columns that the MAC of an event covers: all of them. */
export type WrittenEvent = Pick<
  AuditEvent,
  | 'id'
  | 'at'
  | 'sessionId'
  | 'ipAddress'
  | 'action'
  | 'targetType'
  | 'targetId'
  | 'outcome'
  | 'reason'
  | 'requestId'
  | 'count'
  | 'mac'
> & { readonly actor: { readonly id: string } | null };

/** Whether every column of the event is unchanged. */
export function isGenuine(event: WrittenEvent, keyring: Keyring): boolean {
  const kid = keyOf(event);
  // an instant like `infinity` is not a valid date, so it has no MAC
  return keyring.has(kid) && !Number.isNaN(event.at.valueOf()) && event.mac === codeOf(event, keyring, kid);
}

/** Returns the key of an event's MAC, as the event names it. */
export const keyOf = ({ mac }: Pick<WrittenEvent, 'mac'>): string => mac.split('.')[0] ?? '';

function codeOf(event: Omit<WrittenEvent, 'mac'>, keyring: Keyring, kid: string): string {
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
    event.reason,
    event.requestId,
    event.count,
  );
  return `${kid}.${keyring.mac(kid, 'audit', fields).toString('base64url')}`;
}
