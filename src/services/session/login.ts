import { createUnionType, Field, InputType, Int, ObjectType } from 'type-graphql';
import { databaseNow, sqlNow } from '../../entities/clock.ts';
import { LoginChallenge } from '../../entities/session.ts';
import { normalizeIdentifier } from '../../entities/identifier.ts';
import { Device } from '../../entities/session.ts';
import { isLonger } from '../../entities/text.ts';
import { User } from '../../entities/user.ts';
import { badCredentials, assertValid, Refusal, type FieldProblem } from '../../errors.ts';
import type { PasswordProof } from '../crypto/hasher.ts';
import { isHashable, maxPasswordLength } from '../crypto/password.ts';
import { hashToken, mintToken } from '../crypto/token.ts';
import {
  clearAttempts,
  findAccount,
  holdUser,
  passwordHashOf,
  takeSignInAttempt,
  tryPassword,
  type Account,
} from '../proof/password-attempt.ts';
import { rememberDevice } from '../proof/device.ts';
import { methodsOf, SecondFactorMethod } from '../proof/second-factor.ts';
import { ensurePair } from '../proof/key-pair.ts';
import { SignedIn, startSession, type IssuedSession } from '../sign-in/start-session.ts';
import { after } from '../sign-in/session-terms.ts';
import type { Scope } from '../scope.ts';

@InputType({ description: 'The credentials and the device for a login.' })
export class LoginInput {
  @Field(() => String, { description: 'The username or e-mail address, ignoring case.' })
  identifier!: string;

  @Field(() => String, { description: 'The password.' })
  password!: string;

  @Field(() => String, {
    nullable: true,
    description: 'A name for this device in the list of sessions. At most 100 characters.',
  })
  deviceName?: string | null;

  @Field(() => String, { nullable: true, description: 'The device token from an earlier login on this device.' })
  deviceToken?: string | null;

  @Field(() => Boolean, {
    nullable: true,
    defaultValue: false,
    description: 'Whether to set the refresh token and the device token as HttpOnly cookies instead of returning them.',
  })
  cookie?: boolean | null;
}

@ObjectType({
  description:
    'The result of a login with a correct password when the account has a second factor. Continue with `completeLogin`.',
})
export class SecondFactorRequired {
  @Field(() => String, { description: 'The challenge for `completeLogin`. It works once.' })
  challenge: string;

  @Field(() => [SecondFactorMethod], { description: 'The types of second factor that the account accepts.' })
  methods: SecondFactorMethod[];

  @Field(() => Int, { description: 'The number of seconds until the challenge expires.' })
  expiresIn: number;

  constructor(challenge: string, methods: SecondFactorMethod[]) {
    this.challenge = challenge;
    this.methods = methods;
    this.expiresIn = challengeAge;
  }
}

export const LoginResult = createUnionType({
  name: 'LoginResult',
  description: 'The result of a login: tokens, or a request for a second factor.',
  types: () => [SignedIn, SecondFactorRequired] as const,
});

/** The seconds in which the second factor must be given. */
const challengeAge = 300;

/** The result of the transaction. Null if the account changed while its password was verified. */
type PasswordLogin = IssuedSession | SecondFactorRequired | null;

/**
 * Signs in with a password. Unknown, wrong, locked, inactive and deleted give the same answer after one Argon2id
 * verification.
 * @throws BAD_CREDENTIALS; RATE_LIMITED if too many attempts came from the address, or too many callers wait.
 */
export async function login(scope: Scope, given: LoginInput): Promise<SignedIn | SecondFactorRequired> {
  const input = { ...given, identifier: normalizeIdentifier(given.identifier) };
  const action: string = 'login';
  refuseUnfit(input);
  const account = await findAccount(scope, input.identifier, input.deviceToken ?? null);
  const attempt = await takeSignInAttempt(scope, account, action);
  const result = await prove(scope, account, input, action);
  if (result === null) throw badCredentials();
  await attempt.giveBack();
  return result instanceof SecondFactorRequired ? result : new SignedIn(result, scope, input.cookie === true);
}

/** Refuses input that cannot belong to any account, before any lookup or hash. */
function refuseUnfit({ identifier, password, deviceName }: LoginInput): void {
  const problems: FieldProblem[] = [];
  if (identifier.length > 254 || /\p{Cc}/u.test(identifier))
    problems.push({ path: 'input.identifier', message: 'must be a username or an e-mail address' });
  if (!isHashable(password))
    problems.push({ path: 'input.password', message: `must have 1 to ${maxPasswordLength} characters` });
  if (deviceName && (isLonger(deviceName, 100) || /\p{Cc}/u.test(deviceName)))
    problems.push({ path: 'input.deviceName', message: 'must have at most 100 characters and no control characters' });
  assertValid(problems);
}

/**
 * Verifies the password, then admits the caller. If the stored hash was replaced meanwhile, because another sign-in
 * renewed it or the password was changed, verifies the password once more against the new hash.
 */
async function prove(scope: Scope, account: Account, input: LoginInput, action: string): Promise<PasswordLogin> {
  const first = await tryPassword(scope, account, input.password, { action });
  if (!first.isRight) return null;
  const result = await admit(scope, account, first, input);
  if (result !== null) {
    await makePair(scope, account, first, input);
    return result;
  }
  const second = await scope.passwords.verify(input.password, () => passwordHashOf(scope, account.userId));
  if (!second.isRight) return null;
  const late = await admit(scope, account, second, input);
  if (late !== null) await makePair(scope, account, second, input);
  return late;
}

/** Creates the user's own key at the first sign-in. If too many callers wait to hash, the next sign-in creates it. */
async function makePair(
  scope: Scope,
  { userId }: Account,
  { stored, renewed }: PasswordProof,
  { password }: LoginInput,
): Promise<void> {
  if (userId === null) return;
  await ensurePair(scope, userId, password, renewed ?? stored ?? '').catch((error: unknown) => {
    if (!(error instanceof Refusal)) throw error;
  });
}

/**
 * Runs in one transaction: checks that the verified hash is still the user's, resets the failures, and starts the
 * session or the challenge.
 */
async function admit(scope: Scope, account: Account, proof: PasswordProof, input: LoginInput): Promise<PasswordLogin> {
  const { userId } = account;
  if (userId === null) return null;
  return scope.transaction(async (tx) => {
    if (!(await holdUser(tx, userId, proof))) return null;
    await clearAttempts(tx, account);
    const methods = await methodsOf(tx, userId);
    if (methods.length > 0) return challenge(tx, { userId, deviceId: account.deviceId }, methods, input);
    const deviceToken = await rememberDevice(tx, { userId, deviceId: account.deviceId }, input.deviceToken ?? null);
    await tx.em.execute(`update users set last_login_at = ${sqlNow(scope)} where id = ?`, [userId]);
    return startSession(tx, { userId, deviceName: input.deviceName || null, deviceToken });
  });
}

async function challenge(
  scope: Scope,
  { userId, deviceId }: { readonly userId: string; readonly deviceId: string | null },
  methods: SecondFactorMethod[],
  { deviceName, cookie }: LoginInput,
): Promise<SecondFactorRequired> {
  const token = mintToken('lct1');
  scope.em.persist(
    new LoginChallenge({
      user: scope.em.getReference(User, userId, { wrapped: true }),
      tokenHash: hashToken(token),
      device: deviceId === null ? null : scope.em.getReference(Device, deviceId, { wrapped: true }),
      deviceName: deviceName || null,
      wantsCookie: cookie === true,
      expiresAt: after(await databaseNow(scope), challengeAge),
    }),
  );
  return new SecondFactorRequired(token, methods);
}
