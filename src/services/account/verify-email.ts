import { TokenType } from '../../entities/account.ts';
import { takenBy } from './new-account.ts';
import { recordOwn } from '../audit/record-own.ts';
import { noSuchToken, ownerOfToken, readToken, spendToken } from './mailed-token.ts';
import { tryToken } from '../proof/token-attempt.ts';
import type { Scope } from '../scope.ts';

/**
 * Verifies the address that the token was mailed to. Requires only the token, no sign-in.
 * @returns true.
 * @throws BAD_INPUT, the same for every unusable token, and if another account has verified the address; RATE_LIMITED.
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

/** Assigns the address to the user in the caller's transaction, which fails if another user has it. */
export async function confirmAddress(scope: Scope, userId: string): Promise<void> {
  await scope.em.execute('update users set is_verified = true, updated_at = ? where id = ? and not is_verified', [
    scope.now(),
    userId,
  ]);
}

/** Of several users who claim an address, the first to confirm it gets it. */
export function refusedAsTaken(error: unknown): false {
  if (takenBy(error) !== 'email') throw error;
  return false;
}
