import type { SessionConfig } from '../config.ts';
import { sqlAfter, sqlNow } from '../entities/clock.ts';
import { rateLimited } from '../errors.ts';
import { frame } from './crypto/framing.ts';
import type { Keyring } from './crypto/keyring.ts';
import type { Scope } from './scope.ts';

/** What may be done so many times in so long: by one address, one account or one session. */
export type LimitName = keyof SessionConfig['limits'];

/** What counting against a rate limit needs of a scope. */
export type LimitScope = Pick<Scope, 'em' | 'keyring' | 'now'> & { readonly rules: Pick<SessionConfig, 'limits'> };

/**
 * Takes one of the turns that a limit gives to a key, or refuses. One guarded statement, committed by
 * itself: of any number of parallel callers on any number of nodes no more get a turn than the limit has, and a turn
 * stays taken whatever becomes of it. Where the key is an IP address, give {@link networkOf} it.
 * @throws RATE_LIMITED with the whole seconds until there is a turn again.
 * @throws {Error} inside a transaction, which could take the turn back.
 */
export async function takeTurn(scope: LimitScope, name: LimitName, key: string): Promise<void> {
  const wait = await tryTurn(scope, name, key);
  if (wait > 0) throw rateLimited(wait);
}

/** The same for a caller who has something to do before it refuses: 0 for a turn taken, else the seconds to wait. */
export const tryTurn = async (scope: LimitScope, name: LimitName, key: string): Promise<number> =>
  (await reserveTurn(scope, name, key)).wait;

/** A turn that was asked for. */
export interface Turn {
  /** 0 where it was taken, else the seconds to wait. */
  readonly wait: number;
  /** Gives a taken turn back, after a success: a right password is no guess. Where that fails, the turn stays taken. */
  giveBack(): Promise<void>;
}

/** Takes a turn that can be given back. */
export async function reserveTurn(scope: LimitScope, name: LimitName, key: string): Promise<Turn> {
  if (scope.em.isInTransaction()) throw new Error('Take the turn before opening the transaction.');
  const limit = scope.rules.limits[name];
  const code = codeOf(scope.keyring, name, key);
  // A turn that lies ahead was taken by a clock that was set back since: it does not count.
  const counts = `turn > ${sqlAfter(scope, -limit.seconds)} and turn < ${sqlAfter(scope, mostAhead)}`;
  // The turn does not wait for the disk: one that a crash forgets is one that a caller has more.
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

/** Removes one turn of that instant: others may have been taken in the same millisecond. */
async function giveBack({ em }: LimitScope, name: LimitName, code: string, at: string): Promise<void> {
  await em.execute(
    `update rate_limits
     set turns = turns[:array_position(turns, cast(? as timestamptz(3))) - 1] || turns[array_position(turns, cast(? as timestamptz(3))) + 1:]
     where name = ? and key = ? and array_position(turns, cast(? as timestamptz(3))) is not null
       and set_config('synchronous_commit', 'off', true) = 'off'`,
    [at, at, name, code, at],
  );
}

/** Who an address counts as: an IPv6 address as its network of 64 bits, which one customer has whole; the unknown as one. */
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

/** Not the key itself: most keys are addresses, and there are too few of those for a mere hash to hide one. */
function codeOf(keyring: Keyring, name: LimitName, key: string): string {
  return keyring.mac(keyring.active, 'rate-limit', frame(name, key)).toString('base64url');
}

/** Seconds by which a turn may lie ahead of a statement that waited for it. */
const mostAhead = 60;

/** Seconds until the oldest turn that counts is forgotten; at least one. */
async function secondsToWait(scope: LimitScope, name: LimitName, code: string): Promise<number> {
  const { turns, seconds } = scope.rules.limits[name];
  const [row] = await scope.em.execute<{ wait: number }[]>(
    `select cast(ceil(extract(epoch from turns[cardinality(turns) + 1 - ?] - ${sqlAfter(scope, -seconds)})) as int) as wait
     from rate_limits where name = ? and key = ?`,
    [turns, name, code],
  );
  return Math.max(1, row?.wait ?? seconds);
}
