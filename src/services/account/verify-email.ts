import { TokenType } from '../../entities/account.ts';
import { takenBy } from './new-account.ts';
import { recordOwn } from '../audit/record-own.ts';
import { noSuchToken, ownerOfToken, readToken, spendToken } from './mailed-token.ts';
import { tryToken } from '../proof/token-attempt.ts';
import type { Scope } from '../scope.ts';

/**
 * Verifies the address that the token was mailed to. Whoever has the token may do this, signed in or not.
 * @returns true.
 * @throws BAD_INPUT, one for every token that cannot be used, and for an address that another account has verified;
 * RATE_LIMITED.
 */
export async function verifyEmail(scope: Scope, token: string): Promise<true> {
  const mailed = await tryToken(scope, 'verify_email', async () => {
    const read = readToken(scope, TokenType.EMAIL_VERIFICATION, token);
    return read && (await ownerOfToken(scope, read)) && read;
  });
  if (mailed === null) throw noSuchToken('token');
  const isVerified = await scope
    .transaction(async (tx) => {
      if (!(await spendToken(tx, mailed))) return false;
      await confirmAddress(tx, mailed.userId);
      recordOwn(tx, mailed, 'verify_email');
      return true;
    })
    .catch(refusedAsTaken);
  if (!isVerified) throw noSuchToken('token');
  return true;
}

/** The address is the user's from now on, in the caller's transaction, which fails where it is another's already. */
export async function confirmAddress(scope: Scope, userId: string): Promise<void> {
  await scope.em.execute('update users set is_verified = true, updated_at = ? where id = ? and not is_verified', [scope.now(), userId]);
}

/** Of several who claim an address, the first who confirms it has it. */
export function refusedAsTaken(error: unknown): false {
  if (takenBy(error) !== 'email') throw error;
  return false;
}
