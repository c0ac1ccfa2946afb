import { registerEnumType } from 'type-graphql';
import { AuditOutcome } from '../../entities/audit.ts';
import { sqlAfter, sqlNow } from '../../entities/clock.ts';
import { BackupCode, TotpCredential } from '../../entities/credential.ts';
import { User } from '../../entities/user.ts';
import { rateLimited } from '../../errors.ts';
import { recordDenial } from '../audit/denial.ts';
import { recordAudit } from '../audit/event.ts';
import type { Keyring } from '../crypto/keyring.ts';
import { isOfActiveKey, open, seal } from '../crypto/seal.ts';
import { verifyTotp } from '../crypto/totp.ts';
import { typedCode } from '../crypto/typed.ts';
import { reserveAttempt, type ReservedAttempt } from '../limit.ts';
import type { Scope } from '../scope.ts';

export enum SecondFactorMethod {
  TOTP = 'totp',
  BACKUP_CODE = 'backup_code',
}

registerEnumType(SecondFactorMethod, {
  name: 'SecondFactorMethod',
  description: 'A type of second factor.',
  valuesConfig: {
    TOTP: { description: 'A six-digit code from an authenticator app.' },
    BACKUP_CODE: { description: 'One of the ten backup codes.' },
  },
});

/** The user whose second factor is requested, and the session if signed in. */
export interface SecondFactorUser {
  readonly userId: string;
  readonly sessionId: string | null;
}

/** A code that is right and has not been used yet. {@link spendCode} decides which concurrent call uses it. */
export type RightCode =
  | { readonly credentialId: string; readonly step: number; readonly resealed: string | null }
  | { readonly credentialId: string; readonly backupCodeId: string };

/** The purpose of the seal that binds a seed to its user: a seed in another user's row cannot be decrypted. */
export const seedPurpose = 'totp-seed';

/** Lists the second factors that the account requires. Empty if none was confirmed. */
export async function methodsOf(scope: Scope, userId: string): Promise<SecondFactorMethod[]> {
  const totp = await scope.em.count(TotpCredential, { user: userId, confirmedAt: { $ne: null } }, { filters: false });
  if (totp === 0) return [];
  const codes = await scope.em.count(BackupCode, { user: userId, usedAt: null }, { filters: false });
  return codes === 0 ? [SecondFactorMethod.TOTP] : [SecondFactorMethod.TOTP, SecondFactorMethod.BACKUP_CODE];
}

/** Takes the attempt that every code for an account costs. Give it back after a right code. @throws RATE_LIMITED */
export async function takeCodeAttempt(
  scope: Scope,
  holder: SecondFactorUser,
  action: string,
): Promise<ReservedAttempt> {
  const attempt = await reserveAttempt(scope, 'second-factor', holder.userId);
  const { wait } = attempt;
  if (wait === 0) return attempt;
  await recordDenial(scope, { action, reason: 'rate_limited', outcome: AuditOutcome.DENIED, ...told(holder) });
  throw rateLimited(wait);
}

/**
 * Verifies a code for the second factor without using it up. Counts the attempt as failed before it is made, on the
 * second factor's own count. As many failures in a row as the limit allows lock the factor for the usual period.
 * @returns null if the code is wrong or used, or the second factor is locked or missing.
 * @throws RATE_LIMITED
 */
export async function tryCode(
  scope: Scope,
  holder: SecondFactorUser,
  { code, method }: { readonly code: string; readonly method: SecondFactorMethod },
  action: string,
): Promise<RightCode | null> {
  const attempt = await takeCodeAttempt(scope, holder, action);
  const { held, right } = await (method === SecondFactorMethod.TOTP ? tryTotp : tryBackupCode)(
    scope,
    holder.userId,
    code,
  );
  if (right === null) await recordWrongCode(scope, holder, held, action);
  else await attempt.giveBack();
  return right;
}

/** Returns the method of a code that was given without one: six digits are never a backup code. */
export function methodOf(code: string): SecondFactorMethod {
  return typedCode(code).length <= 6 ? SecondFactorMethod.TOTP : SecondFactorMethod.BACKUP_CODE;
}

/**
 * Uses up a code in the caller's transaction, and resets the failures. A TOTP step must be later than any used one. The
 * user is notified of a used backup code.
 * @returns false if a concurrent call was first.
 */
export async function spendCode(
  scope: Scope,
  { userId, sessionId }: SecondFactorUser,
  right: RightCode,
): Promise<boolean> {
  if ('step' in right) return spendStep(scope, right);
  const at = scope.now();
  // Locks the second factor first, as creating new codes does, to prevent a deadlock.
  const held = await scope.em.execute<object[]>('select id from totp_credentials where id = ? for update', [
    right.credentialId,
  ]);
  if (held.length === 0) return false;
  const spent = await scope.em.execute<object[]>(
    'update backup_codes set used_at = ? where id = ? and used_at is null returning id',
    [at, right.backupCodeId],
  );
  if (spent.length === 0) return false;
  await scope.em.execute('update totp_credentials set failed_attempts = 0, locked_until = null where id = ?', [
    right.credentialId,
  ]);
  recordAudit(scope, {
    at,
    actor: scope.em.getReference(User, userId, { wrapped: true }),
    sessionId,
    ipAddress: scope.client.ipAddress,
    action: 'use_backup_code',
    targetType: 'User',
    targetId: userId,
    outcome: AuditOutcome.SUCCEEDED,
    requestId: scope.client.requestId,
    count: 1,
  });
  await scope.mail.enqueue(scope.em, {
    kind: 'security-alert',
    userId,
    alert: 'backup-code-used',
    at: at.toISOString(),
  });
  return true;
}

interface StoredTotp {
  id: string;
  sealed_seed: string;
  last_step: number | null;
  is_last: boolean;
}

interface Tried {
  readonly held: StoredTotp | null;
  readonly right: RightCode | null;
}

async function tryTotp(scope: Scope, userId: string, code: string): Promise<Tried> {
  const held = await reserveCode(scope, userId);
  if (held === null) return { held, right: null };
  const right = withSeed(scope.keyring, userId, held.sealed_seed, (seed) => {
    const step = verifyTotp(seed, code, scope.now(), held.last_step);
    if (step === null) return null;
    const resealed = isOfActiveKey(scope.keyring, held.sealed_seed)
      ? null
      : seal(scope.keyring, seedPurpose, [userId], seed);
    return { credentialId: held.id, step, resealed };
  });
  return { held, right };
}

/** Decrypts a seed for the duration of its use. Null, which stands for no right code, if no current key decrypts it. */
export function withSeed<Found>(
  keyring: Keyring,
  userId: string,
  sealed: string,
  use: (seed: Buffer) => Found,
): Found | null {
  const seed = opened(keyring, userId, sealed);
  if (seed === null) return null;
  try {
    return use(seed);
  } finally {
    seed.fill(0);
  }
}

function opened(keyring: Keyring, userId: string, sealed: string): Buffer | null {
  try {
    return open(keyring, seedPurpose, [userId], sealed);
  } catch {
    return null;
  }
}

/** Always costs one Argon2id. */
async function tryBackupCode(scope: Scope, userId: string, code: string): Promise<Tried> {
  const tried: { held: StoredTotp | null; codes: { id: string; code_hash: string }[] } = { held: null, codes: [] };
  const found = await scope.passwords.findCode(code, async () => {
    tried.held = await reserveCode(scope, userId);
    if (tried.held !== null) tried.codes = await unusedCodes(scope, userId);
    return tried.codes.map(({ code_hash }) => code_hash);
  });
  const { held, codes } = tried;
  const right = found === null ? undefined : codes[found];
  return {
    held,
    right: held === null || right === undefined ? null : { credentialId: held.id, backupCodeId: right.id },
  };
}

/** One guarded statement, as for passwords: concurrent attempts never exceed the limit. */
async function reserveCode(scope: Scope, userId: string): Promise<StoredTotp | null> {
  const { rules } = scope;
  const attempts = 'case when locked_until is null then failed_attempts else 0 end + 1';
  const [held] = await scope.em.execute<StoredTotp[]>(
    `update totp_credentials
     set failed_attempts = ${attempts}, locked_until = case when ${attempts} >= ? then ${sqlAfter(scope, rules.loginLock)} end
     where user_id = ? and confirmed_at is not null and (locked_until is null or locked_until <= ${sqlNow(scope)})
       and set_config('synchronous_commit', 'off', true) = 'off'
     returning id, sealed_seed, last_step, locked_until is not null as is_last`,
    [rules.limits['second-factor'].turns, userId],
  );
  return held ?? null;
}

async function unusedCodes(scope: Scope, userId: string): Promise<{ id: string; code_hash: string }[]> {
  return scope.em.execute('select id, code_hash from backup_codes where user_id = ? and used_at is null order by id', [
    userId,
  ]);
}

async function spendStep(
  scope: Scope,
  { credentialId, step, resealed }: Extract<RightCode, { step: number }>,
): Promise<boolean> {
  const spent = await scope.em.execute<object[]>(
    `update totp_credentials
     set last_step = ?, failed_attempts = 0, locked_until = null, sealed_seed = coalesce(?, sealed_seed)
     where id = ? and confirmed_at is not null and (last_step is null or last_step < ?)
     returning id`,
    [step, resealed, credentialId, step],
  );
  return spent.length === 1;
}

async function recordWrongCode(
  scope: Scope,
  holder: SecondFactorUser,
  held: StoredTotp | null,
  action: string,
): Promise<void> {
  const whom = told(holder);
  const failure =
    held === null
      ? { reason: 'locked', outcome: AuditOutcome.DENIED as const }
      : { reason: 'wrong_code', outcome: AuditOutcome.FAILED as const };
  const lock = { action: 'lock', reason: 'second_factor', outcome: AuditOutcome.DENIED, ...whom } as const;
  await recordDenial(scope, { action, ...failure, ...whom }, ...(held?.is_last ? [lock] : []));
}

const told = ({ userId, sessionId }: SecondFactorUser) => ({
  targetId: userId,
  sessionId,
  actorId: sessionId === null ? null : userId,
});
