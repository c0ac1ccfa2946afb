import { AuditEvent, AuditOutcome, Denial, type AuditFacts } from '../../entities/audit.ts';
import { LockMode } from '@mikro-orm/core';
import type { SqlEntityManager } from '@mikro-orm/postgresql';
import { v7 as uuidv7 } from 'uuid';
import { frame } from '../crypto/framing.ts';
import { User } from '../../entities/user.ts';
import type { Viewer } from '../../entities/viewer.ts';
import type { Keyring } from '../crypto/keyring.ts';
import { NewRow } from '../record/index.ts';
import { networkOf } from '../limit.ts';

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

/** What was refused, to whom, and why: for the audit log, where it is counted and not listed. */
export interface DenialFacts {
  readonly action: string;
  readonly reason: string;
  /** Failed where what was given was wrong, denied where it was not even looked at. */
  readonly outcome: AuditOutcome.FAILED | AuditOutcome.DENIED;
  readonly actorId?: string | null;
  readonly sessionId?: string | null;
  /** The user whom it was aimed at. */
  readonly targetId?: string | null;
}

/**
 * Counts refusals per actor or address, action, reason and minute, on their own, whatever becomes of the request. One
 * statement, that does not wait for the disk and is as much work for whoever does not exist.
 */
export async function recordDenial(
  em: SqlEntityManager,
  at: Date,
  requester: Requester,
  ...denials: readonly [DenialFacts, ...DenialFacts[]]
): Promise<void> {
  await countDenials(
    em,
    denials.map((facts) => ({ facts, at, requester, count: 1 })),
  );
}

/** The same refusal so many times within one minute, and where it came from the last time. */
export interface CountedDenial {
  readonly facts: DenialFacts;
  readonly at: Date;
  readonly requester: Requester;
  readonly count: number;
}

/** What counts as the same refusal: what it was, to whom, and in which minute. */
export const keyOfDenial = ({ facts, at, requester }: Omit<CountedDenial, 'count'>): readonly (string | number)[] => [
  facts.action,
  facts.reason,
  whoIsCounted(facts, requester),
  minuteOf(at),
];

/** Counts refusals, of which no two are the same, in one statement. */
export async function countDenials(em: SqlEntityManager, denials: readonly CountedDenial[]): Promise<void> {
  if (em.isInTransaction()) throw new Error('A refusal is recorded after the transaction that it could be lost with.');
  const row = `select cast(? as text), cast(? as text), cast(? as text), cast(? as int), cast(? as text), cast(? as timestamptz),
    cast(? as uuid), cast(? as uuid), cast(? as text), cast(? as uuid), cast(? as text), cast(? as int)
    where set_config('synchronous_commit', 'off', true) = 'off'`;
  await em.execute(
    `insert into denials as held
       (action, reason, key, minute, outcome, at, actor_id, session_id, ip_address, target_id, request_id, count)
     ${denials.map(() => row).join(' union all ')}
     on conflict (action, reason, key, minute) do update
     set count = held.count + excluded.count, at = excluded.at, session_id = excluded.session_id, ip_address = excluded.ip_address,
       request_id = excluded.request_id`,
    denials.flatMap((denial) => {
      const { facts, at, requester, count } = denial;
      const { outcome, actorId = null, sessionId = null, targetId = null } = facts;
      return [...keyOfDenial(denial), outcome, at, actorId, sessionId, requester.ipAddress, targetId, requester.requestId, count];
    }),
  );
}

/** An IPv6 address counts as its network, which one customer has whole: otherwise each of its addresses were a row. */
const whoIsCounted = ({ actorId, targetId }: DenialFacts, { ipAddress }: Requester): string => actorId ?? targetId ?? networkOf(ipAddress);

/**
 * Moves so many refusals of the minutes that are over at most into the audit log, in the caller's transaction; each row
 * goes there once, however many do this at once.
 * @returns what was moved.
 */
export async function fileDenials(em: SqlEntityManager, keyring: Keyring, at: Date, most: number): Promise<readonly Denial[]> {
  const options = { filters: false, lockMode: LockMode.PESSIMISTIC_PARTIAL_WRITE, limit: most } as const;
  const over = await em.find(Denial, { minute: { $lt: minuteOf(at) } }, options);
  for (const denial of over) {
    recordAudit(em, keyring, {
      at: denial.at,
      actor: denial.actorId === null ? null : em.getReference(User, denial.actorId, { wrapped: true }),
      sessionId: denial.sessionId,
      ipAddress: denial.ipAddress,
      action: denial.action,
      targetType: denial.targetId === null ? null : 'User',
      targetId: denial.targetId,
      outcome: denial.outcome,
      reason: denial.reason,
      requestId: denial.requestId,
      count: denial.count,
    });
    em.remove(denial);
  }
  return over;
}

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

const minuteOf = (at: Date): number => Math.floor(at.valueOf() / 60_000);

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
