import type { SqlEntityManager } from '@mikro-orm/postgresql';
import { Field, InputType } from 'type-graphql';
import { TokenType } from '../../entities/session.ts';
import { voidPair } from './pair.ts';
import { recordOwn } from './record.ts';
import { replacePassword } from './replace.ts';
import { noSuchToken, ownerOfToken, readToken, spendToken, type Mailed } from './spend.ts';
import { demandStrength, demandUnbreached, passwordRule } from './strength.ts';
import { tryToken } from './token.ts';
import type { Client, SessionTools } from './tools.ts';
import { confirmAddress, refusedAsTaken } from './verify.ts';

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
 * Sets a new password for whoever was mailed the token; a password that is refused does not spend it. All sessions end,
 * what was shared in the vault is shared no more, the second factor stays. The address is verified by it, as the mail was
 * read there, unless the token was printed for an operator. Failures to sign in are forgotten, as they were of the old password.
 * @throws BAD_INPUT, one for every token that cannot be used; RATE_LIMITED.
 */
export async function resetPassword(
  em: SqlEntityManager,
  tools: SessionTools,
  { token, newPassword }: ResetPasswordInput,
  client: Client,
): Promise<true> {
  const found = await tryToken(em, tools, { action: 'reset_password', client }, async () => {
    const mailed = readToken(tools, TokenType.PASSWORD_RESET, token);
    const owner = mailed && (await ownerOfToken(em, tools, mailed));
    return mailed && owner && { mailed, owner };
  });
  if (found === null) throw noSuchToken(path);
  const { mailed, owner } = found;
  demandStrength(tools, newPassword, owner, 'input.newPassword');
  await demandUnbreached(tools, newPassword, 'input.newPassword');
  const passwordHash = await tools.passwords.hash(newPassword);
  const isReset = await em
    .transactional(async (transaction) => {
      if (!(await spendToken(transaction, tools, mailed))) return false;
      return reset(transaction, tools, mailed, passwordHash, client);
    })
    .catch(refusedAsTaken);
  if (!isReset) throw noSuchToken(path);
  return true;
}

async function reset(
  em: SqlEntityManager,
  tools: SessionTools,
  { id, userId }: Mailed,
  passwordHash: string,
  client: Client,
): Promise<boolean> {
  if (!(await replacePassword(em, tools, { userId, passwordHash, instead: null }))) return false;
  const [token] = await em.execute<{ was_printed: boolean }[]>('select was_printed from one_time_tokens where id = ?', [id]);
  if (token?.was_printed === false) await confirmAddress(em, tools, userId);
  for (const table of ['users', 'devices'] as const)
    await em.execute(`update ${table} set failed_login_attempts = 0, locked_until = null where ${owners[table]} = ?`, [userId]);
  // Whoever reset the password cannot open the private key, which is sealed under the old one.
  if (await voidPair(em, userId)) recordOwn(em, tools, { userId }, client, 'vault.void');
  recordOwn(em, tools, { userId }, client, 'reset_password');
  return true;
}

const owners = { users: 'id', devices: 'user_id' } as const;
