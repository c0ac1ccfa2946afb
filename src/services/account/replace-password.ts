import { TokenType } from '../../entities/account.ts';
import { SessionEnd } from '../../entities/session.ts';
import { noPassword } from '../../entities/user.ts';
import { closeVault, endSessions } from '../sign-in/sign-out.ts';
import { movePair, type PairMove } from '../proof/key-pair.ts';
import type { Scope } from '../scope.ts';

/** Which password becomes which. */
export interface Replacement {
  readonly userId: string;
  readonly passwordHash: string;
  /** The stored hash that was proved; null where something else proved the user. */
  readonly instead: string | null;
  /** The session that goes on. */
  readonly keptSessionId?: string;
  /** The user's own key, sealed under the new password; left out where the caller takes it away. */
  readonly pair?: PairMove;
}

/**
 * Replaces a password, in the caller's transaction: the one place where that is done, and so where what is sealed under a
 * password has to be sealed again. Everything that the old one opened is closed: the other sessions, the vault,
 * sign-ins
 * that wait for a second factor, and resets that were mailed. The user is told by mail, but not of the first password.
 * @returns false where the user may no longer sign in, or the stored hash or key is another by now; nothing has changed then.
 */
export async function replacePassword(scope: Pick<Scope, 'em' | 'keyring' | 'mail' | 'now'>, replacement: Replacement): Promise<boolean> {
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
  await endSessions(scope, { userId, ...(keptSessionId !== undefined && { except: keptSessionId }) }, SessionEnd.PASSWORD_CHANGED);
  await closeVault(scope, userId);
  await scope.em.execute('delete from one_time_tokens where user_id = ? and used_at is null and type = ?', [
    userId,
    TokenType.PASSWORD_RESET,
  ]);
  if (held?.is_invited !== true)
    await scope.mail.enqueue(scope.em, { kind: 'security-alert', userId, alert: 'password-changed', at: at.toISOString() });
  return true;
}
