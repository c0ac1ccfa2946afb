import { Field, InputType } from 'type-graphql';
import { badCredentials, badInput } from '../../errors.ts';
import type { PasswordProof } from '../crypto/hasher.ts';
import { isHashable, maxPasswordLength } from '../crypto/password.ts';
import {
  accountOf,
  clearAttempts,
  holdUser,
  takeSignInAttempt,
  tryPassword,
  type Account,
  type Verify,
} from './password-attempt.ts';
import { methodOf, methodsOf, spendCode, tryCode, type RightCode } from './second-factor.ts';
import type { Scope } from '../scope.ts';

@InputType({ description: 'Credentials that verify the identity of a signed-in caller again.' })
export class ReauthenticateInput {
  @Field(() => String, { description: 'The password.' })
  password!: string;

  @Field(() => String, {
    nullable: true,
    description:
      'The six-digit code from the authenticator app or a backup code. Required if the account has a second factor.',
  })
  code?: string | null;
}

/** A verified password, and a verified code if the account requires one. Neither has been used up. */
export interface Proof {
  readonly password: PasswordProof;
  /** Null if the account has no second factor. */
  readonly code: RightCode | null;
}

export type SignedInAccount = Account & { readonly userId: string; readonly sessionId: string };

/** The purpose of a proof, and its input if that is not {@link ReauthenticateInput}. */
export interface ProofOptions {
  /** The action in the audit log. */
  readonly action: string;
  /** The path before the names of the fields in an error. */
  readonly path?: string;
  /** Whether to require the second factor, if there is one. */
  readonly asksCode?: boolean;
  readonly verify?: Verify;
}

/**
 * Verifies a signed-in user again, as at a sign-in: attempts are limited, and counted before they are made.
 * @throws BAD_CREDENTIALS if the password or the code is wrong; BAD_INPUT if a required code is missing; RATE_LIMITED.
 */
export async function proveAgain(
  scope: Scope,
  account: SignedInAccount,
  { password, code }: ReauthenticateInput,
  { action, path = 'input.', asksCode = true, verify }: ProofOptions,
): Promise<Proof> {
  if (!isHashable(password))
    throw badInput({ path: `${path}password`, message: `must have 1 to ${maxPasswordLength} characters` });
  const hasSecondFactor = asksCode && (await methodsOf(scope, account.userId)).length > 0;
  if (hasSecondFactor && !code)
    throw badInput({ path: `${path}code`, message: 'is required: the account has a second factor' });
  const attempt = await takeSignInAttempt(scope, account, action);
  const proof = await tryPassword(scope, account, password, { action, verify });
  if (!proof.isRight) throw badCredentials();
  const right =
    hasSecondFactor && code ? await tryCode(scope, account, { code, method: methodOf(code) }, action) : null;
  if (hasSecondFactor && right === null) throw badCredentials();
  await attempt.giveBack();
  return { password: proof, code: right };
}

/** Uses a proof in the caller's transaction. @returns false if the password was changed or the code used meanwhile. */
export async function spendProof(scope: Scope, account: SignedInAccount, { password, code }: Proof): Promise<boolean> {
  if (!(await holdUser(scope, account.userId, password))) return false;
  if (code !== null && !(await spendCode(scope, account, code))) return false;
  await clearAttempts(scope, account);
  return true;
}

/** A proof of the viewer's password, and of the second factor if it was required. */
export interface ViewerProof {
  /** The stored hash that the password matched, or the one that replaced it. Valid once the proof is spent. */
  readonly stored: string;
  /**
   * Uses the proof in the scope's transaction. @returns false if the password was changed or the code used meanwhile.
   */
  spend(scope: Scope): Promise<boolean>;
}

/** Verifies the viewer's password again for an operation of another domain. @throws as {@link proveAgain}. */
export async function proveViewer(
  scope: Scope,
  given: ReauthenticateInput,
  proving: ProofOptions,
): Promise<ViewerProof> {
  const account = accountOf(scope.viewer);
  const proof = await proveAgain(scope, account, given, proving);
  const { stored, renewed } = proof.password;
  return { stored: renewed ?? stored ?? '', spend: (tx) => spendProof(tx, account, proof) };
}
