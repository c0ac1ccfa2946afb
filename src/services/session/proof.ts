import type { SqlEntityManager } from '@mikro-orm/postgresql';
import { Field, InputType } from 'type-graphql';
import { badCredentials, badInput } from '../../errors.ts';
import type { PasswordProof } from '../crypto/hasher.ts';
import { isHashable, maxPasswordLength } from '../crypto/password.ts';
import type { Viewer } from '../../entities/viewer.ts';
import { accountOf, clearAttempts, holdUser, takeSignInTurn, tryPassword, type Account, type Trial, type Verify } from './attempt.ts';
import { methodOf, methodsOf, spendCode, tryCode, type RightCode } from './factor.ts';
import { ensurePair } from './pair.ts';
import type { Client, SessionTools } from './tools.ts';

@InputType({ description: 'Credentials that verify the identity of a signed-in caller again.' })
export class ReauthenticateInput {
  @Field(() => String, { description: 'The password.' })
  password!: string;

  @Field(() => String, {
    nullable: true,
    description: 'The six-digit code from the authenticator app or a backup code. Required if the account has a ' + 'second factor.',
  })
  code?: string | null;
}

/** Everything the account asks for, given rightly, and nothing of it spent. */
export interface Proof {
  readonly password: PasswordProof;
  /** Null where the account has no second factor. */
  readonly code: RightCode | null;
}

/** Somebody who is signed in. */
export type SignedInAccount = Account & { readonly userId: string; readonly sessionId: string };

/** How a proof is asked, where not as by {@link ReauthenticateInput}. */
export interface Proving {
  /** What stands before the names of the fields in a refusal. */
  readonly path?: string;
  /** Whether a second factor is asked, where there is one. */
  readonly asksCode?: boolean;
  readonly verify?: Verify;
}

/**
 * Has somebody who is signed in prove it again, as at a sign-in: bounded, and counted before it is tried.
 * @throws BAD_CREDENTIALS where any of it is wrong; BAD_INPUT where a code is needed and there is none; RATE_LIMITED.
 */
export async function proveAgain(
  em: SqlEntityManager,
  tools: SessionTools,
  account: SignedInAccount,
  { password, code }: ReauthenticateInput,
  trial: Trial,
  { path = 'input.', asksCode = true, verify }: Proving = {},
): Promise<Proof> {
  if (!isHashable(password)) throw badInput({ path: `${path}password`, message: `must have 1 to ${maxPasswordLength} characters` });
  const hasSecondFactor = asksCode && (await methodsOf(em, account.userId)).length > 0;
  if (hasSecondFactor && !code) throw badInput({ path: `${path}code`, message: 'is required: the account has a second factor' });
  const turn = await takeSignInTurn(em, tools, account, trial);
  const proof = await tryPassword(em, tools, account, password, trial, verify);
  if (!proof.isRight) throw badCredentials();
  const right = hasSecondFactor && code ? await tryCode(em, tools, account, code, methodOf(code), trial) : null;
  if (hasSecondFactor && right === null) throw badCredentials();
  await turn.giveBack();
  return { password: proof, code: right };
}

/** Spends a proof in the caller's transaction. @returns false where the password was changed or the code used meanwhile. */
export async function spendProof(
  em: SqlEntityManager,
  tools: SessionTools,
  account: SignedInAccount,
  { password, code }: Proof,
  client: Client,
): Promise<boolean> {
  if (!(await holdUser(em, account.userId, password))) return false;
  if (code !== null && !(await spendCode(em, tools, account, code, client))) return false;
  await clearAttempts(em, account);
  return true;
}

/** The same for other services, which are given it: their attempts are bounded and counted as those at a sign-in. */
export interface Proofs {
  /** @throws as {@link proveAgain}. */
  prove(em: SqlEntityManager, viewer: Viewer, given: ReauthenticateInput, trial: Trial, proving: Proving): Promise<Proved>;
  /** @see ensurePair */
  ensurePair(em: SqlEntityManager, userId: string, password: string, stored: string): Promise<void>;
}

/** A proof to be spent in a transaction. */
export interface Proved {
  /** The hash that the password was held against, or what it became; to be asked after the proof was spent. */
  readonly stored: string;
  /** @returns false where the password was changed or the code used meanwhile. */
  spend(em: SqlEntityManager): Promise<boolean>;
}

export function proofsWith(tools: SessionTools): Proofs {
  return {
    prove: async (em, viewer, given, trial, proving) => {
      const account = accountOf(viewer);
      const proof = await proveAgain(em, tools, account, given, trial, proving);
      const { stored, renewed } = proof.password;
      return { stored: renewed ?? stored ?? '', spend: (transaction) => spendProof(transaction, tools, account, proof, trial.client) };
    },
    ensurePair: (em, userId, password, stored) => ensurePair(em, tools, userId, password, stored),
  };
}
