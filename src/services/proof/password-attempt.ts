import { AuditOutcome } from '../../entities/audit.ts';
import { sqlAfter, sqlNow } from '../../entities/clock.ts';
import { holdsEmail } from '../../entities/user.ts';
import type { Viewer } from '../../entities/viewer.ts';
import { rateLimited, unauthenticated } from '../../errors.ts';
import { recordDenial } from '../audit/denial.ts';
import type { PasswordProof } from '../crypto/hasher.ts';
import { hashToken } from '../crypto/token.ts';
import { networkOf, reserveAttempt, type ReservedAttempt } from '../limit.ts';
import { splitDeviceTokens } from './device.ts';
import type { Scope } from '../scope.ts';

/** The facts about a user who submits a password, before anything is verified. */
export interface Account {
  /** Null if the user is unknown, inactive or deleted, and so cannot sign in. */
  readonly userId: string | null;
  /** The named user, only for the audit log. Also set for a user who may not sign in. */
  readonly namedId: string | null;
  /** The device that has signed in as this user before, if any. */
  readonly deviceId: string | null;
  /** The session of a signed-in caller who authenticates again. */
  readonly sessionId: string | null;
}

/**
 * Verifies a password against the stored hash that `choose` returns, or by something else that the password opens. Null
 * stands for no user, or a user who may not try: the work is the same, and the result is never a match.
 */
export type Verify = (password: string, choose: () => Promise<string | null>) => Promise<PasswordProof>;

interface AccountRow {
  id: string;
  may_sign_in: boolean;
  device_id: string | null;
}

/** The place where failures are counted: the session of a signed-in caller, else the known device, else the user. */
type Counter = { readonly table: 'users' | 'devices' | 'sessions'; readonly id: string };

const nobody = '00000000-0000-0000-0000-000000000000';

/**
 * Takes the attempt that every password costs: of the session if the caller is signed in, else of the device if the
 * account has signed in with it before, else of the address. So others at an address cannot use up a known device's
 * attempts, and a device's attempts cannot be used against another account.
 * @returns the attempt, to be given back after a success.
 * @throws RATE_LIMITED
 */
export async function takeSignInAttempt(
  scope: Scope,
  { deviceId, sessionId }: Pick<Account, 'deviceId' | 'sessionId'>,
  action: string,
): Promise<ReservedAttempt> {
  const own = sessionId === null ? deviceId && `device ${deviceId}` : `session ${sessionId}`;
  const attempt = await reserveAttempt(scope, 'sign-in', own ?? networkOf(scope.client.ipAddress));
  const { wait } = attempt;
  if (wait === 0) return attempt;
  await recordDenial(scope, { action, reason: 'rate_limited', outcome: AuditOutcome.DENIED });
  throw rateLimited(wait);
}

/**
 * Finds the account of an identifier, and the device if the user has signed in with one of these before. A username
 * contains no `@` and an address does, so one index suffices.
 */
export async function findAccount(scope: Scope, identifier: string, deviceTokens: string | null): Promise<Account> {
  const column = identifier.includes('@') ? 'email' : 'username';
  // A claimed address identifies nobody: otherwise a registration and a sign-in would reveal whether another account
  // has it.
  const isHeld = column === 'email' ? `and ${holdsEmail('u')}` : '';
  const deviceHashes = splitDeviceTokens(deviceTokens).map(hashToken);
  // Names the column's collation: otherwise the parameter would be lowered with the database's, but the index with the
  // column's.
  const [row] = await scope.em.execute<AccountRow[]>(
    `select u.id, u.is_active and u.deleted_at is null as may_sign_in, d.id as device_id
     from users u left join devices d on d.user_id = u.id and d.token_hash = any(string_to_array(?, ','))
     where lower(u.${column}) = lower(cast(? as text) collate "C") ${isHeld}
     order by d.last_seen_at desc nulls last limit 1`,
    [deviceHashes.join(','), identifier],
  );
  const found = { namedId: row?.id ?? null, sessionId: null };
  return row?.may_sign_in
    ? { ...found, userId: row.id, deviceId: row.device_id }
    : { ...found, userId: null, deviceId: null };
}

/**
 * Returns the account of the signed-in caller. Failures count on the session. So strangers who lock the user out do not
 * prevent the user from authenticating again, and a stolen session allows only a few guesses.
 * @throws UNAUTHENTICATED if the caller is not signed in.
 */
export function accountOf({
  userId,
  sessionId,
}: Viewer): Account & { readonly userId: string; readonly sessionId: string } {
  if (userId === null || sessionId === null) throw unauthenticated();
  return { userId, namedId: userId, deviceId: null, sessionId };
}

/** The action in the audit log for which a password is given, and how it is verified. */
export interface Attempt {
  readonly action: string;
  readonly verify?: Verify | undefined;
}

/**
 * Verifies a password after one Argon2id, for any user. Counts the attempt as failed before it is made; {@link
 * clearAttempts} resets the count after a right one. Counts a wrong one for the audit log, with the reason.
 * @throws RATE_LIMITED if too many callers wait to hash.
 */
export async function tryPassword(
  scope: Scope,
  account: Account,
  password: string,
  { action, verify = (given, choose) => scope.passwords.verify(given, choose) }: Attempt,
): Promise<PasswordProof> {
  let made: Reservation = 'locked';
  const proof = await verify(password, async () => {
    made = await countAttempt(scope, account);
    return passwordHashOf(scope, made === 'locked' ? null : account.userId);
  });
  if (!proof.isRight) await recordFailure(scope, account, made, action);
  return proof;
}

/** Returns the hash of a user who may sign in. Queries the database even for no user, so that both take as long. */
export async function passwordHashOf(scope: Scope, userId: string | null): Promise<string | null> {
  const [row] = await scope.em.execute<{ password_hash: string }[]>(
    `select password_hash from users where id = ? and is_active and deleted_at is null`,
    [userId ?? nobody],
  );
  return row?.password_hash ?? null;
}

/**
 * Locks the user's row until the end of the transaction and renews an outdated hash. Fails if the user may no longer
 * sign in with this hash.
 */
export async function holdUser(scope: Scope, userId: string, { stored, renewed }: PasswordProof): Promise<boolean> {
  const held = await scope.em.execute<object[]>(
    'update users set password_hash = ? where id = ? and is_active and deleted_at is null and password_hash = ? returning id',
    [renewed ?? stored, userId, stored],
  );
  return held.length === 1;
}

/** Resets the failures after a right password. Those of other devices stay. */
export async function clearAttempts(scope: Scope, account: Account): Promise<void> {
  const { table, id } = counterOf(account);
  await scope.em.execute(`update ${table} set failed_login_attempts = 0, locked_until = null where id = ?`, [id]);
}

/** Whether an attempt may be made, and whether it is the last one: if it fails too, the lock stays. */
type Reservation = 'locked' | 'open' | 'last';

/**
 * Counts an attempt as failed before it is made. One guarded statement counts, so concurrent attempts never exceed the
 * limit, and the last one locks. An expired lock restarts the count.
 */
async function countAttempt(scope: Scope, account: Account): Promise<Reservation> {
  const { table, id } = counterOf(account);
  const { rules } = scope;
  const attempts = 'case when locked_until is null then failed_login_attempts else 0 end + 1';
  // The count does not wait for the disk: an attempt on an existing account must not take longer.
  const [reserved] = await scope.em.execute<{ is_last: boolean }[]>(
    `update ${table}
     set failed_login_attempts = ${attempts}, locked_until = case when ${attempts} >= ? then ${sqlAfter(scope, rules.loginLock)} end
     where id = ? and (locked_until is null or locked_until <= ${sqlNow(scope)}) and set_config('synchronous_commit', 'off', true) = 'off'
     returning locked_until is not null as is_last`,
    [rules.loginAttempts, id],
  );
  if (reserved === undefined) return 'locked';
  return reserved.is_last ? 'last' : 'open';
}

/** One statement for every reason, so that none takes longer. The user learns of a lock when the refusals are filed. */
async function recordFailure(scope: Scope, account: Account, made: Reservation, action: string): Promise<void> {
  const whom = {
    targetId: account.namedId,
    sessionId: account.sessionId,
    actorId: account.sessionId === null ? null : account.userId,
  };
  const reason = reasonOf(account, made);
  const outcome = reason === 'locked' || reason === 'inactive' ? AuditOutcome.DENIED : AuditOutcome.FAILED;
  const lock = { action: 'lock', reason: counterOf(account).table, outcome: AuditOutcome.DENIED, ...whom } as const;
  await recordDenial(scope, { action, reason, outcome, ...whom }, ...(made === 'last' ? [lock] : []));
}

function reasonOf({ userId, namedId }: Account, made: Reservation): string {
  if (namedId === null) return 'unknown';
  if (userId === null) return 'inactive';
  return made === 'locked' ? 'locked' : 'wrong_password';
}

function counterOf({ userId, deviceId, sessionId }: Account): Counter {
  if (sessionId !== null) return { table: 'sessions', id: sessionId };
  return deviceId === null ? { table: 'users', id: userId ?? nobody } : { table: 'devices', id: deviceId };
}
