import { LockMode } from '@mikro-orm/core';
import { AuditOutcome, Denial } from '../../entities/audit.ts';
import { User } from '../../entities/user.ts';
import { networkOf, tryAttempt, type LimitScope } from '../limit.ts';
import { recordAudit } from './event.ts';
import type { Client, EntityScope, Scope } from '../scope.ts';

/** The origin of a refused request. */
export type RequestOrigin = Pick<Client, 'ipAddress' | 'requestId'>;

/** The refused action, the actor and the reason. */
export interface DenialFacts {
  readonly action: string;
  readonly reason: string;
  /** FAILED if the input was wrong, DENIED if it was not evaluated. */
  readonly outcome: AuditOutcome.FAILED | AuditOutcome.DENIED;
  readonly actorId?: string | null;
  readonly sessionId?: string | null;
  /** The id of the target user. */
  readonly targetId?: string | null;
}

/** Identical refusals within one minute, with the origin of the latest. */
export interface CountedDenial {
  readonly facts: DenialFacts;
  readonly at: Date;
  readonly client: RequestOrigin;
  readonly count: number;
}

/** A refusal that gets an audit event of its own if the limits allow it. */
export interface SingleDenial extends CountedDenial {
  /** The id of the secret that was asked for. */
  readonly secretId?: string | null;
}

/**
 * The parts that storing refusals needs. Each class of refusals may add a limited number of events per day: see {@link
 * kindOf}.
 */
export type FilingScope = Pick<Scope, 'em' | 'keyring' | 'now'> & {
  readonly rules: { readonly refusalsPerDay: number };
};

/** The parts of a scope that recording a refusal as a single event needs. */
export type RefusalScope = LimitScope & FilingScope;

/** The reason in rows that summarize refusals beyond a limit per operation and hour. */
export const overLimit = 'over_limit';

/** An action without a limit: it locks an account, and its user is notified by mail. */
const lock = 'lock';

/**
 * The advisory lock of transactions that add refusals to the audit log. It makes the daily limit exact on several
 * nodes.
 */
const filingLock = 7_201_183_404;

/** The minutes after which an hour's summary is filed. Late rows of that hour are still added to it. */
const summaryDelay = 5;

/** The requests for which a refusal was already recorded as a single event. */
const recorded = new WeakSet<RequestOrigin>();

/**
 * Counts refusals per actor or address, action, reason and minute. Independent of the outcome of the request. Uses one
 * statement, which does not wait for the disk and takes as much work for an unknown user.
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
 * Records a refusal as a single event if {@link recordSingle} allows that; otherwise counts it.
 * @throws {Error} inside a transaction, whose rollback could lose the refusal.
 */
export async function recordRefusal(scope: RefusalScope, denial: SingleDenial): Promise<void> {
  if (!(await recordSingle(scope, denial))) await countDenials(scope, [denial]);
}

/**
 * Records a refusal of a signed-in caller as a single event: one per request, a limited number per user, and no more
 * per day than the daily limit.
 * @returns false if the refusal must be counted instead.
 */
export async function recordSingle(scope: RefusalScope, denial: SingleDenial): Promise<boolean> {
  const { facts, at, client, secretId = null } = denial;
  const { actorId = null, sessionId = null, action, reason, outcome } = facts;
  if (actorId === null || sessionId === null || recorded.has(client)) return false;
  recorded.add(client);
  if ((await tryAttempt(scope, 'refusal', actorId)) > 0) return false;
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

/** Returns the key of identical refusals: the action, the actor and the minute; for a summary, the hour. */
export const keyOfDenial = ({ facts, at, client }: Omit<CountedDenial, 'count'>): readonly (string | number)[] =>
  facts.reason === overLimit
    ? [facts.action, overLimit, '', lastMinuteOfHour(at)]
    : [facts.action, facts.reason, whoIsCounted(facts, client), minuteOf(at)];

/** Converts a refusal to its form beyond a limit: counted per operation and hour, without address and actor. */
export const summaryOf = ({ facts, at, client, count }: CountedDenial): CountedDenial => ({
  facts: { action: facts.action, reason: overLimit, outcome: AuditOutcome.DENIED },
  at,
  client: { ipAddress: null, requestId: client.requestId },
  count,
});

/** Counts refusals with distinct keys in one statement. */
export async function countDenials({ em }: EntityScope, denials: readonly CountedDenial[]): Promise<void> {
  if (em.isInTransaction())
    throw new Error('Record the refusal after the transaction, so that a rollback cannot remove it.');
  await addDenials({ em }, denials, `set_config('synchronous_commit', 'off', true) = 'off'`);
}

/** Does the same within the caller's transaction. */
export async function countWithin(scope: EntityScope, denials: readonly CountedDenial[]): Promise<void> {
  await addDenials(scope, denials, 'true');
}

async function addDenials({ em }: EntityScope, denials: readonly CountedDenial[], condition: string): Promise<void> {
  const row = `select cast(? as text), cast(? as text), cast(? as text), cast(? as int), cast(? as text), cast(? as timestamptz),
    cast(? as uuid), cast(? as uuid), cast(? as text), cast(? as uuid), cast(? as text), cast(? as int)
    where ${condition}`;
  // The same order on every node prevents deadlocks between nodes that count the same refusals.
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

/** An IPv6 address counts as its network, which belongs to one customer; otherwise each address would get a row. */
const whoIsCounted = ({ actorId, targetId }: DenialFacts, { ipAddress }: RequestOrigin): string =>
  actorId ?? targetId ?? networkOf(ipAddress);

/**
 * Moves at most `most` refusals of past minutes into the audit log, in the caller's transaction. Each row moves exactly
 * once, even with concurrent calls. Refusals beyond the daily limit are added to the summary of their hour.
 * @returns the moved refusals.
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
  const summaries = await find(
    scope,
    { minute: { $lt: minute - summaryDelay }, reason: overLimit },
    most - counted.length,
  );
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
  recordAudit(scope, {
    at,
    actor,
    sessionId,
    ipAddress,
    action,
    targetType,
    targetId,
    outcome,
    reason,
    requestId,
    count,
  });
}

/** Builds one summary for each action and hour. */
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

/** SQL for the rows of `audit_events` in each class of refusals. Each class has its own daily limit. */
const kinds = {
  'signed-in': 'actor_id is not null',
  aimed: 'actor_id is null and target_id is not null',
  anonymous: 'actor_id is null and target_id is null',
} as const;

/**
 * Returns the class of a refusal: of a signed-in caller; of an anonymous caller who targeted a user, as by guessing a
 * password; or any other.
 */
function kindOf({ actorId = null, targetId = null }: Pick<DenialFacts, 'actorId' | 'targetId'>): keyof typeof kinds {
  if (actorId !== null) return 'signed-in';
  return targetId === null ? 'anonymous' : 'aimed';
}

/**
 * The remaining events for refusals of a day, within one transaction. Each class of refusals has its own limit, so that
 * exhausting one does not hide refusals of another.
 */
class DailyLimit {
  readonly #left = new Map<string, number>();

  constructor(private readonly scope: FilingScope) {}

  /** Takes one event. @returns false if none is left. */
  async take({
    facts,
    at,
  }: {
    readonly facts: Pick<DenialFacts, 'actorId' | 'targetId'>;
    readonly at: Date;
  }): Promise<boolean> {
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
