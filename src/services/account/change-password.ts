import { Field, InputType } from 'type-graphql';
import { User } from '../../entities/user.ts';
import { badCredentials, badInput, unauthenticated } from '../../errors.ts';
import type { PasswordProof } from '../crypto/hasher.ts';
import { composed, isHashable, maxPasswordLength } from '../crypto/password.ts';
import { verifyRefreshToken } from '../crypto/refresh.ts';
import { accountOf, clearAttempts, passwordHashOf, takeSignInAttempt, tryPassword } from '../proof/password-attempt.ts';
import { resealPair, type PairMove } from '../proof/key-pair.ts';
import { recordOwn } from '../audit/record-own.ts';
import { currentToken } from '../sign-in/current-token.ts';
import { replacePassword } from './replace-password.ts';
import { SignedIn, type IssuedSession } from '../sign-in/start-session.ts';
import { demandStrength, demandUnbreached, passwordRule } from '../proof/password-strength.ts';
import type { Scope } from '../scope.ts';

@InputType({ description: 'The current and the new password.' })
export class ChangePasswordInput {
  @Field(() => String, { description: 'The current password.' })
  currentPassword!: string;

  @Field(() => String, {
    description: `The new password. ${passwordRule}`,
  })
  newPassword!: string;
}

const action = 'change_password';

/**
 * Changes the caller's password. This session keeps its tokens, so that its other tabs stay signed in. All other
 * sessions end, and the user is notified by mail.
 * @param cookie the refresh token from the browser's cookie, if any. If it belongs to this session, tokens stay in
 * cookies.
 * @throws BAD_CREDENTIALS for a wrong current password, which counts as a failed attempt; BAD_INPUT; RATE_LIMITED;
 * CONFLICT if the change would lose the access to the vault.
 */
export async function changePassword(scope: Scope, input: ChangePasswordInput, cookie: string): Promise<SignedIn> {
  const account = accountOf(scope.viewer);
  const attempt = await takeSignInAttempt(scope, account, action);
  await refuseUnfit(scope, account.userId, input);
  const proof = await tryPassword(scope, account, input.currentPassword, { action });
  if (!proof.isRight) throw badCredentials();
  const passwordHash = await scope.passwords.hash(input.newPassword);
  const change = {
    account,
    passwordHash,
    pair: await resealPair(scope, account.userId, input.currentPassword, input.newPassword),
  };
  const issued = (await replace(scope, change, proof)) ?? (await replaceRenewed(scope, change, input));
  if (issued === null) throw badCredentials();
  await attempt.giveBack();
  return new SignedIn(issued, scope, verifyRefreshToken(scope.keyring, cookie)?.sessionId === account.sessionId);
}

/** Refuses an invalid current password and an unacceptable new one before an attempt is counted. */
async function refuseUnfit(
  scope: Scope,
  userId: string,
  { currentPassword, newPassword }: ChangePasswordInput,
): Promise<void> {
  if (!isHashable(currentPassword))
    throw badInput({ path: 'input.currentPassword', message: `must have 1 to ${maxPasswordLength} characters` });
  if (composed(currentPassword) === composed(newPassword))
    throw badInput({ path: 'input.newPassword', message: 'must not be the current password' });
  const owner = await scope.em.findOneOrFail(User, userId, { filters: false });
  demandStrength(scope, newPassword, owner, 'input.newPassword');
  await demandUnbreached(scope, newPassword, 'input.newPassword');
}

interface PasswordChange {
  readonly account: ReturnType<typeof accountOf>;
  readonly passwordHash: string;
  readonly pair: PairMove;
}

/** Runs in one transaction. Null if the stored hash or the user's own key has changed meanwhile. */
async function replace(scope: Scope, change: PasswordChange, proof: PasswordProof): Promise<IssuedSession | null> {
  const { account, passwordHash, pair } = change;
  const { userId, sessionId } = account;
  return scope.transaction(async (tx) => {
    const replacement = { userId, passwordHash, instead: proof.stored, keptSessionId: sessionId, pair };
    if (!(await replacePassword(tx, replacement))) return null;
    await clearAttempts(tx, account);
    recordOwn(tx, account, action);
    const issued = await currentToken(tx, sessionId);
    // The session ended concurrently; the error rolls the change back.
    if (issued === null) throw unauthenticated();
    return issued;
  });
}

/**
 * Retries, because a concurrent sign-in may have renewed the stored hash or created the user's own key while the
 * password is still right.
 */
async function replaceRenewed(
  scope: Scope,
  change: PasswordChange,
  { currentPassword, newPassword }: ChangePasswordInput,
): Promise<IssuedSession | null> {
  const { userId } = change.account;
  const proof = await scope.passwords.verify(currentPassword, () => passwordHashOf(scope, userId));
  if (!proof.isRight) return null;
  return replace(scope, { ...change, pair: await resealPair(scope, userId, currentPassword, newPassword) }, proof);
}
