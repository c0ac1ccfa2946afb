import { Field, InputType } from 'type-graphql';
import { AuditOutcome } from '../../entities/audit.ts';
import { sqlNow } from '../../entities/clock.ts';
import { badCredentials } from '../../errors.ts';
import { recordDenial } from '../audit/denial.ts';
import { hashToken, isToken } from '../crypto/token.ts';
import { typedToken } from '../crypto/typed.ts';
import { takeSignInAttempt } from '../proof/password-attempt.ts';
import { rememberDevice } from '../proof/device.ts';
import { SecondFactorMethod, spendCode, tryCode, type RightCode } from '../proof/second-factor.ts';
import { SignedIn, startSession, type IssuedSession } from '../sign-in/start-session.ts';
import type { Scope } from '../scope.ts';

@InputType({ description: 'The second factor for a login.' })
export class CompleteLoginInput {
  @Field(() => String, { description: 'The challenge that `login` returned.' })
  challenge!: string;

  @Field(() => String, { description: 'The six-digit code or a backup code.' })
  code!: string;

  @Field(() => SecondFactorMethod, { defaultValue: SecondFactorMethod.TOTP, description: 'The type of the code.' })
  method!: SecondFactorMethod;

  /** The device token of earlier sign-ins that the browser keeps. */
  deviceToken?: string | null;
}

/** A sign-in that waits for its second factor. */
interface Challenge {
  id: string;
  user_id: string;
  device_id: string | null;
  device_name: string | null;
  wants_cookie: boolean;
}

/**
 * Completes a sign-in with the second factor. A wrong code leaves the challenge unchanged; a right one uses up both.
 * @throws BAD_CREDENTIALS, the same for an unknown, used or expired challenge and for a wrong or used code;
 * RATE_LIMITED if too many attempts came from the address, or for the account.
 */
export async function completeLogin(scope: Scope, input: CompleteLoginInput): Promise<SignedIn> {
  const { challenge: token, code, method } = input;
  const action: string = 'complete_login';
  const challenge = await findChallenge(scope, typedToken(token));
  const attempt = await takeSignInAttempt(scope, { deviceId: challenge?.device_id ?? null, sessionId: null }, action);
  if (challenge === null) {
    await recordDenial(scope, { action: action, reason: 'unknown_challenge', outcome: AuditOutcome.DENIED });
    throw badCredentials();
  }
  const holder = { userId: challenge.user_id, sessionId: null };
  const right = await tryCode(scope, holder, { code, method }, action);
  const issued = right === null ? null : await admit(scope, { ...challenge, kept: input.deviceToken ?? null }, right);
  if (issued === null) throw badCredentials();
  await attempt.giveBack();
  return new SignedIn(issued, scope, challenge.wants_cookie);
}

async function findChallenge(scope: Scope, token: string): Promise<Challenge | null> {
  if (!isToken('lct1', token)) return null;
  const [found] = await scope.em.execute<Challenge[]>(
    `select c.id, c.user_id, c.device_id, c.device_name, c.wants_cookie
     from login_challenges c join users u on u.id = c.user_id
     where c.token_hash = ? and c.used_at is null and c.expires_at > ${sqlNow(scope)}
       and u.is_active and u.deleted_at is null`,
    [hashToken(token)],
  );
  return found ?? null;
}

/**
 * Runs in one transaction: checks that the user may still sign in, uses up the code and the challenge, and starts the
 * session.
 */
async function admit(
  scope: Scope,
  {
    id,
    user_id: userId,
    device_id: deviceId,
    device_name: deviceName,
    kept,
  }: Challenge & { readonly kept: string | null },
  right: RightCode,
): Promise<IssuedSession | null> {
  return scope.transaction(async (tx) => {
    // Locks the user's row first, as ending the user's sessions does, then the challenge, to prevent a deadlock.
    if (!(await holds(tx, 'users where id = ? and is_active and deleted_at is null for no key update', [userId])))
      return null;
    const waits = `login_challenges where id = ? and used_at is null and expires_at > ${sqlNow(scope)} for update`;
    if (!(await holds(tx, waits, [id]))) return null;
    if (!(await spendCode(tx, { userId, sessionId: null }, right))) return null;
    await tx.em.execute(`update login_challenges set used_at = ${sqlNow(scope)} where id = ?`, [id]);
    await tx.em.execute(`update users set last_login_at = ${sqlNow(scope)} where id = ?`, [userId]);
    const deviceToken = await rememberDevice(tx, { userId, deviceId }, kept);
    return startSession(tx, { userId, deviceName, deviceToken });
  });
}

async function holds(scope: Scope, row: string, values: readonly unknown[]): Promise<boolean> {
  return (await scope.em.execute<object[]>(`select id from ${row}`, [...values])).length === 1;
}
