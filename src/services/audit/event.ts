import { randomUUID } from 'node:crypto';
import { AuditEvent, AuditOutcome, type AuditFacts } from '../../entities/audit.ts';
import type { SqlEntityManager } from '@mikro-orm/postgresql';
import { v7 as uuidv7 } from 'uuid';
import { frame } from '../crypto/framing.ts';
import { User } from '../../entities/user.ts';
import type { Viewer } from '../../entities/viewer.ts';
import type { Keyring } from '../crypto/keyring.ts';
import { NewRow } from '../record/index.ts';

/** Adds one event to the change that is being made: it is written by the same flush, in the same transaction, or not at all. */
export function recordAudit(em: SqlEntityManager, keyring: Keyring, facts: AuditFacts): void {
  em.persist(new AuditEvent(facts, (event) => codeOf(event, keyring, keyring.active)));
}

/** What a change of the union's records is made with. */
export interface ChangeTools {
  readonly keyring: Keyring;
  /** Where "today" is meant. */
  readonly timeZone: string;
  readonly now: () => Date;
}

/** Where a change was asked. */
export interface Requester {
  readonly ipAddress: string | null;
  readonly requestId: string;
}

/** Where a command on the host asks. */
export const hostOrigin = (): Requester => ({ ipAddress: null, requestId: `host-${randomUUID()}` });

/** What was changed, who changed it, and where that was asked. */
type Changing = readonly [
  tools: Pick<ChangeTools, 'keyring' | 'now'>,
  viewer: Pick<Viewer, 'userId' | 'sessionId'>,
  requester: Requester,
  change: Pick<AuditFacts, 'action' | 'targetType' | 'targetId'>,
];

/** The event of a change that the viewer makes and that succeeds, for whoever adds it with the change. */
export function changeEvent(...changing: Changing): NewRow {
  const [{ keyring }, { userId }] = changing;
  const facts = { id: uuidv7(), ...factsOf(changing), reason: null };
  const mac = codeOf({ ...facts, actor: userId === null ? null : { id: userId } }, keyring, keyring.active);
  return new NewRow(AuditEvent, { ...facts, actor: userId, mac });
}

/** Adds the event of a change that the viewer makes and that succeeds, if it does. */
export function recordChange(em: SqlEntityManager, ...changing: Changing): void {
  const [{ keyring }, { userId }] = changing;
  const actor = userId === null ? null : em.getReference(User, userId, { wrapped: true });
  recordAudit(em, keyring, { ...factsOf(changing), actor });
}

const factsOf = ([{ now }, { sessionId }, { ipAddress, requestId }, change]: Changing): Omit<AuditFacts, 'actor' | 'reason'> => ({
  at: now(),
  sessionId,
  ipAddress,
  requestId,
  outcome: AuditOutcome.SUCCEEDED,
  count: 1,
  ...change,
});

/** What an event's code covers: all that is stored of it. */
export type WrittenEvent = Pick<
  AuditEvent,
  'id' | 'at' | 'sessionId' | 'ipAddress' | 'action' | 'targetType' | 'targetId' | 'outcome' | 'reason' | 'requestId' | 'count' | 'mac'
> & { readonly actor: { readonly id: string } | null };

/** Whether this is the event that was written, in every column. */
export function isGenuine(event: WrittenEvent, keyring: Keyring): boolean {
  const kid = keyOf(event);
  // of an instant that has no date, `infinity` say, there is nothing to make a code of
  return keyring.has(kid) && !Number.isNaN(event.at.valueOf()) && event.mac === codeOf(event, keyring, kid);
}

/** Which key an event's code was made with, by its own account. */
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
