import { sqlNow, type Clocked } from '../../entities/clock.ts';
import type { OneTimeToken } from '../../entities/account.ts';
import { badInput, type Refusal } from '../../errors.ts';
import { readMailedToken } from '../crypto/mailed.ts';
import { hashToken } from '../crypto/token.ts';
import { typedToken } from '../crypto/typed.ts';
import type { Owner } from '../proof/password-strength.ts';
import type { Scope } from '../scope.ts';

/** The type and the claims of a mailed token. */
export interface MailedToken {
  readonly type: OneTimeToken['type'];
  readonly token: string;
  readonly id: string;
  readonly userId: string;
}

/**
 * The same error for every unusable token: malformed, forged, of another type, used, replaced, expired, or sent to
 * another address.
 */
export const noSuchToken = (path: string): Refusal => badInput({ path, message: 'is invalid or has expired' });

/**
 * Parses a mailed token. Null if this service did not mail it for this purpose. Only its row shows whether it is
 * usable.
 */
export function readToken(
  { keyring }: Pick<Scope, 'keyring'>,
  type: MailedToken['type'],
  text: string,
): MailedToken | null {
  const token = typedToken(text);
  const claims = readMailedToken(keyring, type, token);
  return claims === null ? null : { ...claims, type, token };
}

/** Finds the owner of a token. Null if it cannot be used now. It may become unusable before {@link spendToken}. */
export async function ownerOfToken(scope: Scope, mailed: MailedToken): Promise<Owner | null> {
  const [owner] = await scope.em.execute<Owner[]>(
    `select u.username, u.email, u.first_name as "firstName", u.last_name as "lastName"
     from one_time_tokens t join users u on u.id = t.user_id where ${spendable(scope)}`,
    keyOf(mailed),
  );
  return owner ?? null;
}

/** Uses a token by compare and swap in the caller's transaction: of concurrent uses, exactly one succeeds. */
export async function spendToken(scope: Scope, mailed: MailedToken): Promise<boolean> {
  const at = sqlNow(scope);
  // Locks the user first, as mailing a token does, to prevent a deadlock.
  await scope.em.execute('select from users where id = ? for no key update', [mailed.userId]);
  const spent = await scope.em.execute<object[]>(
    `update one_time_tokens t set used_at = ${at}, updated_at = ${at} from users u
     where u.id = t.user_id and ${spendable(scope)} returning t.id`,
    keyOf(mailed),
  );
  return spent.length === 1;
}

/**
 * SQL for a usable token: the newest of its type, because mailing deletes the others, sent to the user's current
 * address.
 */
const spendable = (clocked: Clocked): string =>
  `t.id = ? and t.user_id = ? and t.type = ? and t.token_hash = ? and t.used_at is null and t.expires_at > ${sqlNow(clocked)}
  and lower(t.sent_to collate "C") = lower(u.email) and u.is_active and u.deleted_at is null`;

const keyOf = ({ id, userId, type, token }: MailedToken): unknown[] => [id, userId, type, hashToken(token)];
