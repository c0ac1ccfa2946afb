import type { SqlEntityManager } from '@mikro-orm/postgresql';
import { Field, InputType } from 'type-graphql';
import { User } from '../../entities/user.ts';
import type { Viewer } from '../../entities/viewer.ts';
import { badCredentials, badInput, unauthenticated } from '../../errors.ts';
import type { PasswordProof } from '../crypto/hasher.ts';
import { isHashable, maxPasswordLength } from '../crypto/password.ts';
import { verifyRefreshToken } from '../crypto/refresh.ts';
import { accountOf, clearAttempts, passwordHashOf, tryPassword } from './attempt.ts';
import { recordOwn } from './record.ts';
import { currentToken } from './refresh.ts';
import { replacePassword } from './replace.ts';
import { SignedIn, type Issued } from './start.ts';
import { demandStrength, demandUnbreached } from './strength.ts';
import type { Client, SessionTools } from './tools.ts';

@InputType({ description: 'The password as it is, and as it is to be.' })
export class ChangePasswordInput {
  @Field(() => String, { description: 'The password that is in use.' })
  currentPassword!: string;

  @Field(() => String, {
    description:
      'The password to be used from now on, of 8 to 128 characters: not a common one, not the own name or address, and not known from a breach.',
  })
  newPassword!: string;
}

const action = 'change_password';

/**
 * Changes the caller's password. This session goes on with the tokens it has, so that no other tab of it is signed out;
 * all others end, and the user is told by mail.
 * @param cookie the refresh token that the browser keeps, if it does: where it is this session's, tokens stay in cookies.
 * @throws BAD_CREDENTIALS for a wrong current password, which counts as a failed attempt; BAD_INPUT; RATE_LIMITED.
 */
export async function changePassword(
  em: SqlEntityManager,
  tools: SessionTools,
  viewer: Viewer,
  input: ChangePasswordInput,
  client: Client,
  cookie: string,
): Promise<SignedIn> {
  const account = accountOf(viewer);
  refuseUnfit(input);
  const owner = await em.findOneOrFail(User, account.userId, { filters: false });
  demandStrength(tools, input.newPassword, owner, 'input.newPassword');
  await demandUnbreached(tools, input.newPassword, 'input.newPassword');
  const proof = await tryPassword(em, tools, account, input.currentPassword, { action, client });
  if (!proof.isRight) throw badCredentials();
  const passwordHash = await tools.passwords.hash(input.newPassword);
  const replace = (proved: PasswordProof) =>
    em.transactional(async (transaction): Promise<Issued | null> => {
      const { userId, sessionId } = account;
      const replacement = { userId, passwordHash, instead: proved.stored, keptSessionId: sessionId };
      if (!(await replacePassword(transaction, tools, replacement))) return null;
      await clearAttempts(transaction, account);
      recordOwn(transaction, tools, account, client, action);
      const issued = await currentToken(transaction, tools, sessionId);
      // A session that ended in the same instant takes the change back with it.
      if (issued === null) throw unauthenticated();
      return issued;
    });
  const issued = (await replace(proof)) ?? (await replace(await proveAgain(em, tools, account.userId, input.currentPassword)));
  if (issued === null) throw badCredentials();
  return new SignedIn(issued, tools, verifyRefreshToken(tools.keyring, cookie)?.sessionId === account.sessionId);
}

/** What cannot be right is refused before anything is looked up or hashed. */
function refuseUnfit({ currentPassword, newPassword }: ChangePasswordInput): void {
  if (!isHashable(currentPassword))
    throw badInput({ path: 'input.currentPassword', message: `must have 1 to ${maxPasswordLength} characters` });
  if (currentPassword === newPassword) throw badInput({ path: 'input.newPassword', message: 'must not be the current password' });
}

/** The stored hash is another by now: a sign-in may have renewed it, and the password is then still right. */
async function proveAgain(em: SqlEntityManager, tools: SessionTools, userId: string, password: string): Promise<PasswordProof> {
  const proof = await tools.passwords.verify(password, () => passwordHashOf(em, userId));
  if (!proof.isRight) throw badCredentials();
  return proof;
}
