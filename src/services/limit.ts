import type { SessionConfig } from '../config.ts';
import { sqlAfter, sqlNow } from '../entities/clock.ts';
import { rateLimited } from '../errors.ts';
import { frame } from './crypto/framing.ts';
import type { Keyring } from './crypto/keyring.ts';
import type { Scope } from './scope.ts';

/** The names of the rate limits: a number of attempts in a period, per address, account or session. */
export type LimitName = keyof SessionConfig['limits'];

/** The parts of a scope that rate limits need. */
export type LimitScope = Pick<Scope, 'em' | 'keyring' | 'now'> & { readonly rules: Pick<SessionConfig, 'limits'> };

/**
 * Takes one of the attempts that a limit allows to a key, or refuses. Uses one guarded statement, which commits
 * separately: concurrent callers on any number of nodes never get more attempts than allowed, and an attempt stays
 * taken whatever its outcome. For an IP address, pass its {@link networkOf}.
 * @throws RATE_LIMITED with the whole seconds until the next attempt is possible.
 * @throws {Error} inside a transaction, whose rollback could give the attempt back.
 */
export async function takeAttempt(scope: LimitScope, name: LimitName, key: string): Promise<void> {
  const wait = await tryAttempt(scope, name, key);
  if (wait > 0) throw rateLimited(wait);
}

/**
 * Does the same without throwing, for callers that act before they refuse. Returns 0 if the attempt was taken,
 * otherwise the seconds to wait.
 */
export const tryAttempt = async (scope: LimitScope, name: LimitName, key: string): Promise<number> =>
  (await reserveAttempt(scope, name, key)).wait;

/** A requested attempt. */
export interface ReservedAttempt {
  /** 0 if the attempt was taken, otherwise the seconds to wait. */
  readonly wait: number;
  /**
   * Gives a taken attempt back after a success, because a right password is not a guess. If this fails, it stays taken.
   */
  giveBack(): Promise<void>;
}

/** Takes an attempt that can be given back. */
export async function reserveAttempt(scope: LimitScope, name: LimitName, key: string): Promise<ReservedAttempt> {
  if (scope.em.isInTransaction()) throw new Error('Take the turn before opening the transaction.');
  const limit = scope.rules.limits[name];
  const code = codeOf(scope.keyring, name, key);
  // An attempt in the future was taken before a clock was set back, so it does not count.
  const counts = `turn > ${sqlAfter(scope, -limit.seconds)} and turn < ${sqlAfter(scope, mostAhead)}`;
  // This does not wait for the disk: if a crash loses the attempt, the caller just has one more.
  const [taken] = await scope.em.execute<{ at: string }[]>(
    `insert into rate_limits as held (name, key, turns, ends_at)
     select cast(? as text), cast(? as text), array[${sqlNow(scope)}], ${sqlAfter(scope, limit.seconds)}
     where set_config('synchronous_commit', 'off', true) = 'off'
     on conflict (name, key) do update
     set turns = array(select turn from unnest(held.turns) as turn where ${counts} order by turn) || excluded.turns,
       ends_at = excluded.ends_at
     where (select count(*) from unnest(held.turns) as turn where ${counts}) < ?
     returning cast(held.turns[cardinality(held.turns)] as text) as at`,
    [name, code, limit.turns],
  );
  return {
    wait: taken ? 0 : await secondsToWait(scope, name, code),
    giveBack: async () => {
      if (taken) await giveBack(scope, name, code, taken.at).catch(() => undefined);
    },
  };
}

/** Removes one attempt at this instant, because several may have been taken in the same millisecond. */
async function giveBack({ em }: LimitScope, name: LimitName, code: string, at: string): Promise<void> {
  await em.execute(
    `update rate_limits
     set turns = turns[:array_position(turns, cast(? as timestamptz(3))) - 1] || turns[array_position(turns, cast(? as timestamptz(3))) + 1:]
     where name = ? and key = ? and array_position(turns, cast(? as timestamptz(3))) is not null
       and set_config('synchronous_commit', 'off', true) = 'off'`,
    [at, at, name, code, at],
  );
}

/**
 * Returns the network by which an address is counted: 64 bits for IPv6, which belong to one customer. All unknown
 * addresses count as one.
 */
export function networkOf(address: string | null): string {
  const plain = (address ?? '')
    .toLowerCase()
    .replace(/^::ffff:(?=\d+\.)/, '')
    .replace(/%.*$/, '');
  if (!plain.includes(':')) return plain;
  const [head = [], tail] = plain.split('::').map((half) => half.split(':').filter(Boolean));
  const zeros = tail === undefined ? 0 : 8 - head.length - tail.length;
  const groups = [...head, ...Array.from({ length: zeros }, () => '0'), ...(tail ?? [])];
  return groups
    .slice(0, 4)
    .map((group) => group.replace(/^0+(?=.)/, ''))
    .join(':');
}

/** A MAC of the key: most keys are addresses, and there are too few of those for a plain hash to hide one. */
function codeOf(keyring: Keyring, name: LimitName, key: string): string {
  return keyring.mac(keyring.active, 'rate-limit', frame(name, key)).toString('base64url');
}

/** The seconds by which an attempt may be ahead of a statement that waited for it. */
const mostAhead = 60;

/** Returns the seconds until the oldest counted attempt expires, at least one. */
async function secondsToWait(scope: LimitScope, name: LimitName, code: string): Promise<number> {
  const { turns, seconds } = scope.rules.limits[name];
  const [row] = await scope.em.execute<{ wait: number }[]>(
    `select cast(ceil(extract(epoch from turns[cardinality(turns) + 1 - ?] - ${sqlAfter(scope, -seconds)})) as int) as wait
     from rate_limits where name = ? and key = ?`,
    [turns, name, code],
  );
  return Math.max(1, row?.wait ?? seconds);
}
