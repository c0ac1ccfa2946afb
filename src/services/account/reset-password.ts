import { Field, InputType } from 'type-graphql';
import { TokenType } from '../../entities/account.ts';
import { recordOwn } from '../audit/record-own.ts';
import { replacePassword } from './replace-password.ts';
import { noSuchToken, ownerOfToken, readToken, spendToken, type MailedToken } from './mailed-token.ts';
import { demandStrength, demandUnbreached, passwordRule } from '../proof/password-strength.ts';
import { tryToken } from '../proof/token-attempt.ts';
import { confirmAddress, refusedAsTaken } from './verify-email.ts';
import type { Scope } from '../scope.ts';
import { voidPair } from '../proof/stored-pair.ts';

@InputType({ description: 'The token and the new password.' })
export class ResetPasswordInput {
  @Field(() => String, { description: 'The token from the latest reset or invitation e-mail. It works once.' })
  token!: string;

  @Field(() => String, {
    description: `The new password. ${passwordRule}`,
  })
  newPassword!: string;
}

const path = 'input.token';

/**
 * Sets a new password for the token's user. A refused password does not use up the token. Ends all sessions and the
 * access to the vault; the second factor stays. Also verifies the address, because the mail was read there, unless the
 * token was printed for an operator. Clears the failed sign-ins, which belong to the old password.
 * @throws BAD_INPUT, the same for every unusable token; RATE_LIMITED.
 */
export async function resetPassword(scope: Scope, { token, newPassword }: ResetPasswordInput): Promise<true> {
  const found = await tryToken(scope, 'reset_password', async () => {
    const mailed = readToken(scope, TokenType.PASSWORD_RESET, token);
    const owner = mailed && (await ownerOfToken(scope, mailed));
    return mailed && owner && { mailed, owner };
  });
  if (found === null) throw noSuchToken(path);
  const { mailed, owner } = found;
  demandStrength(scope, newPassword, owner, 'input.newPassword');
  await demandUnbreached(scope, newPassword, 'input.newPassword');
  const passwordHash = await scope.passwords.hash(newPassword);
  const isReset = await scope
    .transaction(async (tx) => {
      if (!(await spendToken(tx, mailed))) return false;
      return reset(tx, mailed, passwordHash);
    })
    .catch(refusedAsTaken);
  if (!isReset) throw noSuchToken(path);
  return true;
}

async function reset(scope: Scope, { id, userId }: MailedToken, passwordHash: string): Promise<boolean> {
  if (!(await replacePassword(scope, { userId, passwordHash, instead: null }))) return false;
  const [token] = await scope.em.execute<{ was_printed: boolean }[]>(
    'select was_printed from one_time_tokens where id = ?',
    [id],
  );
  if (token?.was_printed === false) await confirmAddress(scope, userId);
  for (const table of ['users', 'devices'] as const)
    await scope.em.execute(
      `update ${table} set failed_login_attempts = 0, locked_until = null where ${owners[table]} = ?`,
      [userId],
    );
  // After a reset, the private key cannot be opened: it is encrypted under the old password.
  if (await voidPair(scope, userId)) recordOwn(scope, { userId }, 'vault.void');
  recordOwn(scope, { userId }, 'reset_password');
  return true;
}

const owners = { users: 'id', devices: 'user_id' } as const;
