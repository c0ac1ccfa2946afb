import { LockMode } from '@mikro-orm/core';
import { AuditOutcome, Denial } from '../../entities/audit.ts';
import { User } from '../../entities/user.ts';
import { networkOf, tryTurn, type LimitScope } from '../limit.ts';
import { recordAudit } from './event.ts';
import type { Client, EntityScope, Scope } from '../scope.ts';

/** Where a refused request came from. */
export type RequestOrigin = Pick<Client, 'ipAddress' | 'requestId'>;

/** What was refused, to whom, and why. */
export interface DenialFacts {
  readonly action: string;
  readonly reason: string;
  /** Failed where the input was wrong, denied where it was not evaluated. */
  readonly outcome: AuditOutcome.FAILED | AuditOutcome.DENIED;
  readonly actorId?: string | null;
  readonly sessionId?: string | null;
  /** The user at whom it was aimed. */
  readonly targetId?: string | null;
}

/** The same refusal so many times within one minute, and where it came from the last time. */
export interface CountedDenial {
  readonly facts: DenialFacts;
  readonly at: Date;
  readonly client: RequestOrigin;
  readonly count: number;
}

/** A refusal that gets an event of its own where the limits allow that. */
export interface SingleDenial extends CountedDenial {
  /** The secret it was about. */
  readonly secretId?: string | null;
}

/** What filing refusals needs: the events per day that may be added in each class of refusals: see {@link kindOf}. */
export type FilingScope = Pick<Scope, 'em' | 'keyring' | 'now'> & { readonly rules: { readonly refusalsPerDay: number } };

/** What recording a refusal as an event of its own needs of a scope. */
export type RefusalScope = LimitScope & FilingScope;

/** The reason of rows that count per operation and hour what exceeded a limit. */
export const overLimit = 'over_limit';

/** An action that no limit applies to: it changes an account, whose user is told by mail. */
const lock = 'lock';

/** The advisory lock of a transaction that adds refusals to the audit log: it makes the daily limit exact on any number of nodes. */
const filingLock = 7_201_183_404;

/** Minutes after which an hour's summary is filed: late rows of that hour are still added to it. */
const summaryDelay = 5;

/** The requests that have an event of their own for a refusal. */
const recorded = new WeakSet<RequestOrigin>();

/**
 * Counts refusals per actor or address, action, reason and minute, on their own, whatever becomes of the request. One
 * statement, that does not wait for the disk and is as much work for a user that does not exist.
 */
export async function recordDenial(
  scope: Pick<Scope, 'em' | 'now' | 'client'>,
  ...denials: readonly [DenialFacts, ...DenialFacts[]]
): Promise<void> {
  const { now, client } = scope;
  await countDenials(
    scope,
    denials.map((facts) => ({ facts, at: now(), client, count: 1 })),
  );
}

/**
 * Records a refusal as an event of its own where {@link recordSingle} allows that; otherwise it is counted.
 * @throws {Error} inside a transaction, with which it could be lost.
 */
export async function recordRefusal(scope: RefusalScope, denial: SingleDenial): Promise<void> {
  if (!(await recordSingle(scope, denial))) await countDenials(scope, [denial]);
}

/**
 * Records a refusal of a signed-in caller as an event of its own: one per request, a limited number per user, and no
 * more per day than the daily limit.
 * @returns false where it must be counted instead.
 */
export async function recordSingle(scope: RefusalScope, denial: SingleDenial): Promise<boolean> {
  const { facts, at, client, secretId = null } = denial;
  const { actorId = null, sessionId = null, action, reason, outcome } = facts;
  if (actorId === null || sessionId === null || recorded.has(client)) return false;
  recorded.add(client);
  if ((await tryTurn(scope, 'refusal', actorId)) > 0) return false;
  return scope.em.transactional(async (transaction) => {
    if (!(await new DailyLimit({ ...scope, em: transaction }).take(denial))) return false;
    recordAudit(
      { em: transaction, keyring: scope.keyring },
      {
        at,
        actor: transaction.getReference(User, actorId, { wrapped: true }),
        sessionId,
        ipAddress: client.ipAddress,
        action,
        targetType: secretId === null ? null : 'Secret',
        targetId: secretId,
        outcome,
        reason,
        requestId: client.requestId,
        count: 1,
      },
    );
    return true;
  });
}

/** What counts as the same refusal: what it was, to whom, and in which minute; of a summary, in which hour. */
export const keyOfDenial = ({ facts, at, client }: Omit<CountedDenial, 'count'>): readonly (string | number)[] =>
  facts.reason === overLimit
    ? [facts.action, overLimit, '', lastMinuteOfHour(at)]
    : [facts.action, facts.reason, whoIsCounted(facts, client), minuteOf(at)];

/** The same refusal as it is counted once a limit is exceeded: per operation and hour, without address and actor. */
export const summaryOf = ({ facts, at, client, count }: CountedDenial): CountedDenial => ({
  facts: { action: facts.action, reason: overLimit, outcome: AuditOutcome.DENIED },
  at,
  client: { ipAddress: null, requestId: client.requestId },
  count,
});

/** Counts refusals, of which no two are the same, in one statement. */
export async function countDenials({ em }: EntityScope, denials: readonly CountedDenial[]): Promise<void> {
  if (em.isInTransaction()) throw new Error('Record the refusal after the transaction, so that a rollback cannot remove it.');
  await addDenials({ em }, denials, `set_config('synchronous_commit', 'off', true) = 'off'`);
}

/** The same within the caller's transaction, with which it is committed. */
export async function countWithin(scope: EntityScope, denials: readonly CountedDenial[]): Promise<void> {
  await addDenials(scope, denials, 'true');
}

async function addDenials({ em }: EntityScope, denials: readonly CountedDenial[], condition: string): Promise<void> {
  const row = `select cast(? as text), cast(? as text), cast(? as text), cast(? as int), cast(? as text), cast(? as timestamptz),
    cast(? as uuid), cast(? as uuid), cast(? as text), cast(? as uuid), cast(? as text), cast(? as int)
    where ${condition}`;
  // In one order on every node: otherwise two that count the same refusals could each wait for the other's row.
  const keyed = denials.map((denial) => ({ denial, key: keyOfDenial(denial) }));
  const ordered = keyed.sort((a, b) => (JSON.stringify(a.key) < JSON.stringify(b.key) ? -1 : 1));
  await em.execute(
    `insert into denials as held
       (action, reason, key, minute, outcome, at, actor_id, session_id, ip_address, target_id, request_id, count)
     ${ordered.map(() => row).join(' union all ')}
     on conflict (action, reason, key, minute) do update
     set count = held.count + excluded.count, at = excluded.at, session_id = excluded.session_id, ip_address = excluded.ip_address,
       request_id = excluded.request_id`,
    ordered.flatMap(({ denial: { facts, at, client, count }, key }) => {
      const { outcome, actorId = null, sessionId = null, targetId = null } = facts;
      return [...key, outcome, at, actorId, sessionId, client.ipAddress, targetId, client.requestId, count];
    }),
  );
}

/** An IPv6 address counts as its network, which one customer has whole: otherwise each of its addresses were a row. */
const whoIsCounted = ({ actorId, targetId }: DenialFacts, { ipAddress }: RequestOrigin): string =>
  actorId ?? targetId ?? networkOf(ipAddress);

/**
 * Moves so many refusals of the minutes that are over at most into the audit log, in the caller's transaction; each row
 * goes there once, however many do this at once. Those beyond the daily limit are added to the summary of their hour.
 * @returns what was moved.
 */
export async function fileDenials(scope: FilingScope, most: number): Promise<readonly Denial[]> {
  const { em, now } = scope;
  const minute = minuteOf(now());
  const counted = await find(scope, { minute: { $lt: minute }, reason: { $ne: overLimit } }, most);
  const daily = new DailyLimit(scope);
  const excess: Denial[] = [];
  for (const denial of counted) {
    const { action, actorId, targetId, at } = denial;
    if (action === lock || (await daily.take({ facts: { actorId, targetId }, at }))) file(scope, denial);
    else excess.push(denial);
    em.remove(denial);
  }
  if (excess.length > 0) await countWithin(scope, summariesOf(excess));
  if (counted.length === most) return counted;
  const summaries = await find(scope, { minute: { $lt: minute - summaryDelay }, reason: overLimit }, most - counted.length);
  for (const denial of summaries) {
    file(scope, denial);
    em.remove(denial);
  }
  return [...counted, ...summaries];
}

const find = ({ em }: EntityScope, where: object, limit: number): Promise<Denial[]> =>
  em.find(Denial, where, { filters: false, lockMode: LockMode.PESSIMISTIC_PARTIAL_WRITE, limit });

function file(scope: FilingScope, denial: Denial): void {
  const { at, actorId, sessionId, ipAddress, action, targetId, outcome, reason, requestId, count } = denial;
  const actor = actorId === null ? null : scope.em.getReference(User, actorId, { wrapped: true });
  const targetType = targetId === null ? null : 'User';
  recordAudit(scope, { at, actor, sessionId, ipAddress, action, targetType, targetId, outcome, reason, requestId, count });
}

/** One summary for each action and hour. */
function summariesOf(denials: readonly Denial[]): CountedDenial[] {
  const summaries = new Map<string, CountedDenial>();
  for (const { action, at, requestId, count } of denials) {
    const facts = { action, reason: overLimit, outcome: AuditOutcome.DENIED } as const;
    const summary: CountedDenial = { facts, at, client: { ipAddress: null, requestId }, count };
    const key = JSON.stringify(keyOfDenial(summary));
    summaries.set(key, { ...summary, count: count + (summaries.get(key)?.count ?? 0) });
  }
  return [...summaries.values()];
}

/** The classes of refusals that have a daily limit each, as rows of `audit_events` are of them. */
const kinds = {
  'signed-in': 'actor_id is not null',
  aimed: 'actor_id is null and target_id is not null',
  anonymous: 'actor_id is null and target_id is null',
} as const;

/** Refusals of signed-in callers; of anonymous callers that were aimed at a user, as a guessed password is; and all others. */
function kindOf({ actorId = null, targetId = null }: Pick<DenialFacts, 'actorId' | 'targetId'>): keyof typeof kinds {
  if (actorId !== null) return 'signed-in';
  return targetId === null ? 'anonymous' : 'aimed';
}

/**
 * The events that may still be added for refusals of a day, within one transaction. Each class of refusals has a limit of
 * its own, so that exhausting one hides nothing of another.
 */
class DailyLimit {
  readonly #left = new Map<string, number>();

  constructor(private readonly scope: FilingScope) {}

  /** Takes one. @returns false where none is left. */
  async take({ facts, at }: { readonly facts: Pick<DenialFacts, 'actorId' | 'targetId'>; readonly at: Date }): Promise<boolean> {
    const day = at.toISOString().slice(0, 10);
    const kind = kindOf(facts);
    const key = `${day} ${kind}`;
    const left = this.#left.get(key) ?? (await this.#count(day, kind));
    this.#left.set(key, left - 1);
    return left > 0;
  }

  async #count(day: string, kind: keyof typeof kinds): Promise<number> {
    const { em, rules } = this.scope;
    const { refusalsPerDay } = rules;
    await em.execute('select pg_advisory_xact_lock(?)', [filingLock]);
    const from = new Date(`${day}T00:00:00.000Z`);
    const to = new Date(from.valueOf() + 86_400_000);
    const [row] = await em.execute<{ count: number }[]>(
      `select cast(count(*) as int) as count from (
         select from audit_events where outcome in ('denied', 'failed') and at >= ? and at < ? and ${kinds[kind]} and action <> '${lock}' and reason is distinct from '${overLimit}' limit ?) as counted`,
      [from, to, refusalsPerDay],
    );
    return refusalsPerDay - (row?.count ?? 0);
  }
}

const minuteOf = (at: Date): number => Math.floor(at.valueOf() / 60_000);

const lastMinuteOfHour = (at: Date): number => Math.floor(at.valueOf() / 3_600_000) * 60 + 59;
