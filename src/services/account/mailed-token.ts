import { sqlNow, type Clocked } from '../../entities/clock.ts';
import type { OneTimeToken } from '../../entities/account.ts';
import { badInput, type Refusal } from '../../errors.ts';
import { readMailedToken } from '../crypto/mailed.ts';
import { hashToken } from '../crypto/token.ts';
import { typedToken } from '../crypto/typed.ts';
import type { Owner } from '../proof/password-strength.ts';
import type { Scope } from '../scope.ts';

/** A token that was mailed, with what it says. */
export interface Mailed {
  readonly type: OneTimeToken['type'];
  readonly token: string;
  readonly id: string;
  readonly userId: string;
}

/** One refusal for a token that is malformed, forged, of another type, spent, replaced, out of time, or another address's. */
export const noSuchToken = (path: string): Refusal => badInput({ path, message: 'is invalid or has expired' });

/** Reads a mailed token; null where this service never mailed it for this. Its row says whether it can be spent. */
export function readToken({ keyring }: Pick<Scope, 'keyring'>, type: Mailed['type'], text: string): Mailed | null {
  const token = typedToken(text);
  const claims = readMailedToken(keyring, type, token);
  return claims === null ? null : { ...claims, type, token };
}

/** Whose token it is; null where it cannot be spent now. It may be gone when it is. */
export async function ownerOfToken(scope: Scope, mailed: Mailed): Promise<Owner | null> {
  const [owner] = await scope.em.execute<Owner[]>(
    `select u.username, u.email, u.first_name as "firstName", u.last_name as "lastName"
     from one_time_tokens t join users u on u.id = t.user_id where ${spendable(scope)}`,
    keyOf(mailed),
  );
  return owner ?? null;
}

/** Compares and swaps in the caller's transaction: of any number of parallel uses of one token, one spends it. */
export async function spendToken(scope: Scope, mailed: Mailed): Promise<boolean> {
  const at = sqlNow(scope);
  // Whoever mails a token locks its user first: so does this, lest each wait for the other.
  await scope.em.execute('select from users where id = ? for no key update', [mailed.userId]);
  const spent = await scope.em.execute<object[]>(
    `update one_time_tokens t set used_at = ${at}, updated_at = ${at} from users u
     where u.id = t.user_id and ${spendable(scope)} returning t.id`,
    keyOf(mailed),
  );
  return spent.length === 1;
}

/** The newest of its type, the others being deleted when it was mailed; to the address that the user still has. */
const spendable = (clocked: Clocked): string =>
  `t.id = ? and t.user_id = ? and t.type = ? and t.token_hash = ? and t.used_at is null and t.expires_at > ${sqlNow(clocked)}
  and lower(t.sent_to collate "C") = lower(u.email) and u.is_active and u.deleted_at is null`;

const keyOf = ({ id, userId, type, token }: Mailed): unknown[] => [id, userId, type, hashToken(token)];
