import { TokenType } from '../../entities/account.ts';
import { SessionEnd } from '../../entities/session.ts';
import { noPassword } from '../../entities/user.ts';
import { closeVault, endSessions } from '../sign-in/sign-out.ts';
import { movePair, type PairMove } from '../proof/key-pair.ts';
import type { Scope } from '../scope.ts';

/** A change of a stored password. */
export interface Replacement {
  readonly userId: string;
  readonly passwordHash: string;
  /** The stored hash that was verified. Null if the user was authenticated in another way. */
  readonly instead: string | null;
  /** The session that does not end. */
  readonly keptSessionId?: string;
  /** The user's own key, encrypted under the new password. Omitted if the caller deletes the key. */
  readonly pair?: PairMove;
}

/**
 * Replaces a password in the caller's transaction. Only this function does so, because data that is encrypted under a
 * password must be re-encrypted with it. Closes everything that the old password opened: the other sessions, the vault,
 * sign-ins that wait for a second factor, and mailed resets. The user is notified by mail, except of the first password.
 * @returns false without any change if the user may no longer sign in, or the stored hash or key has changed meanwhile.
 */
export async function replacePassword(
  scope: Pick<Scope, 'em' | 'keyring' | 'mail' | 'now'>,
  replacement: Replacement,
): Promise<boolean> {
  const { userId, passwordHash, instead, keptSessionId, pair } = replacement;
  const at = scope.now();
  const [held] = await scope.em.execute<{ key_version: number; is_invited: boolean }[]>(
    'select key_version, password_hash = ? as is_invited from users where id = ? for no key update',
    [noPassword, userId],
  );
  if (pair !== undefined && held?.key_version !== pair.version) return false;
  const replaced = await scope.em.execute<object[]>(
    `update users set password_hash = ?, password_must_change = false, updated_at = ?
     where id = ? and is_active and deleted_at is null and password_hash = coalesce(cast(? as text), password_hash) returning id`,
    [passwordHash, at, userId, instead],
  );
  if (replaced.length === 0) return false;
  if (pair !== undefined) await movePair(scope, userId, pair);
  await endSessions(
    scope,
    { userId, ...(keptSessionId !== undefined && { except: keptSessionId }) },
    SessionEnd.PASSWORD_CHANGED,
  );
  await closeVault(scope, userId);
  await scope.em.execute('delete from one_time_tokens where user_id = ? and used_at is null and type = ?', [
    userId,
    TokenType.PASSWORD_RESET,
  ]);
  if (held?.is_invited !== true)
    await scope.mail.enqueue(scope.em, {
      kind: 'security-alert',
      userId,
      alert: 'password-changed',
      at: at.toISOString(),
    });
  return true;
}
