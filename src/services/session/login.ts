import type { SqlEntityManager } from '@mikro-orm/postgresql';
import { createUnionType, Field, InputType, Int, ObjectType } from 'type-graphql';
import { databaseNow, sqlNow } from '../../entities/clock.ts';
import { LoginChallenge } from '../../entities/credential.ts';
import { normalizeIdentifier } from '../../entities/identifier.ts';
import { Device } from '../../entities/session.ts';
import { isLonger } from '../../entities/text.ts';
import { User } from '../../entities/user.ts';
import { badCredentials, badInput, Refusal, type FieldProblem } from '../../errors.ts';
import type { PasswordProof } from '../crypto/hasher.ts';
import { isHashable, maxPasswordLength } from '../crypto/password.ts';
import { hashToken, mintToken } from '../crypto/token.ts';
import { clearAttempts, findAccount, holdUser, passwordHashOf, takeSignInTurn, tryPassword, type Account, type Trial } from './attempt.ts';
import { rememberDevice } from './device.ts';
import { methodsOf, SecondFactorMethod } from './factor.ts';
import { ensurePair } from './pair.ts';
import { SignedIn, startSession, type Issued } from './start.ts';
import { after, type Client, type SessionTools } from './tools.ts';

@InputType({ description: 'Who wants to sign in, and on which device.' })
export class LoginInput {
  @Field(() => String, { description: 'A username or an e-mail address, in upper or lower case.' })
  identifier!: string;

  @Field(() => String, { description: 'The password.' })
  password!: string;

  @Field(() => String, { nullable: true, description: 'A name for this device, at most 100 characters, for the list of sessions.' })
  deviceName?: string | null;

  @Field(() => String, { nullable: true, description: 'The device token of an earlier sign-in on this device.' })
  deviceToken?: string | null;

  @Field(() => Boolean, {
    nullable: true,
    defaultValue: false,
    description: 'Whether to keep the refresh token and the device token in HttpOnly cookies instead of answering them.',
  })
  cookie?: boolean | null;
}

@ObjectType({ description: 'The password was right, and the account asks for a second factor: complete the sign-in with it.' })
export class SecondFactorRequired {
  @Field(() => String, { description: 'Send it with the code to complete this sign-in; it works once.' })
  challenge: string;

  @Field(() => [SecondFactorMethod], { description: 'What the account accepts.' })
  methods: SecondFactorMethod[];

  @Field(() => Int, { description: 'Seconds until the challenge is of no use.' })
  expiresIn: number;

  constructor(challenge: string, methods: SecondFactorMethod[]) {
    this.challenge = challenge;
    this.methods = methods;
    this.expiresIn = challengeAge;
  }
}

export const LoginResult = createUnionType({
  name: 'LoginResult',
  description: 'What a right password leads to: a session, or the question for a second factor.',
  types: () => [SignedIn, SecondFactorRequired] as const,
});

/** Seconds in which a second factor has to be given. */
const challengeAge = 300;

/** What the transaction decided: nothing where the account changed while its password was verified. */
type Verdict = Issued | SecondFactorRequired | null;

/**
 * Signs in with a password. Unknown, wrong, locked, inactive and deleted get one answer after one Argon2id verification.
 * @throws BAD_CREDENTIALS; RATE_LIMITED where too many came from that address, or wait already.
 */
export async function login(
  em: SqlEntityManager,
  tools: SessionTools,
  given: LoginInput,
  client: Client,
): Promise<SignedIn | SecondFactorRequired> {
  const input = { ...given, identifier: normalizeIdentifier(given.identifier) };
  const trial: Trial = { action: 'login', client };
  refuseUnfit(input);
  const account = await findAccount(em, input.identifier, input.deviceToken ?? null);
  const turn = await takeSignInTurn(em, tools, account, trial);
  const verdict = await prove(em, tools, account, input, trial);
  if (verdict === null) throw badCredentials();
  await turn.giveBack();
  return verdict instanceof SecondFactorRequired ? verdict : new SignedIn(verdict, tools, input.cookie === true);
}

/** What could not belong to any account is refused before anything is looked up or hashed. */
function refuseUnfit({ identifier, password, deviceName }: LoginInput): void {
  const problems: FieldProblem[] = [];
  if (identifier.length > 254 || /\p{Cc}/u.test(identifier))
    problems.push({ path: 'input.identifier', message: 'must be a username or an e-mail address' });
  if (!isHashable(password)) problems.push({ path: 'input.password', message: `must have 1 to ${maxPasswordLength} characters` });
  if (deviceName && (isLonger(deviceName, 100) || /\p{Cc}/u.test(deviceName)))
    problems.push({ path: 'input.deviceName', message: 'must have at most 100 characters and no control characters' });
  if (problems.length > 0) throw badInput(...problems);
}

/**
 * Verifies the password, then admits whoever gave it. Should the stored hash have been replaced in between — another
 * sign-in renewed it, or the password was changed — the password is held against the new one, once.
 */
async function prove(em: SqlEntityManager, tools: SessionTools, account: Account, input: LoginInput, trial: Trial): Promise<Verdict> {
  const first = await tryPassword(em, tools, account, input.password, trial);
  if (!first.isRight) return null;
  const verdict = await admit(em, tools, account, first, input, trial.client);
  if (verdict !== null) return withPair(em, tools, account, first, input, verdict);
  const second = await tools.passwords.verify(input.password, () => passwordHashOf(em, account.userId));
  if (!second.isRight) return null;
  return withPair(em, tools, account, second, input, await admit(em, tools, account, second, input, trial.client));
}

/** Makes the user's own key at the first sign-in; where too many wait for a turn, at the next one. */
async function withPair(
  em: SqlEntityManager,
  tools: SessionTools,
  { userId }: Account,
  { stored, renewed }: PasswordProof,
  { password }: LoginInput,
  verdict: Verdict,
): Promise<Verdict> {
  if (verdict !== null && userId !== null)
    await ensurePair(em, tools, userId, password, renewed ?? stored ?? '').catch((error: unknown) => {
      if (!(error instanceof Refusal)) throw error;
    });
  return verdict;
}

/** One transaction: the hash that was verified is still the user's, failures are forgotten, the session or the challenge begins. */
async function admit(
  em: SqlEntityManager,
  tools: SessionTools,
  account: Account,
  proof: PasswordProof,
  input: LoginInput,
  client: Client,
): Promise<Verdict> {
  const { userId } = account;
  if (userId === null) return null;
  return em.transactional(async (transaction) => {
    if (!(await holdUser(transaction, userId, proof))) return null;
    await clearAttempts(transaction, account);
    const methods = await methodsOf(transaction, userId);
    if (methods.length > 0) return challenge(transaction, tools, account, userId, methods, input);
    const deviceToken = await rememberDevice(transaction, tools, { userId, deviceId: account.deviceId }, input.deviceToken ?? null);
    await transaction.execute(`update users set last_login_at = ${sqlNow(tools)} where id = ?`, [userId]);
    return startSession(transaction, tools, { userId, deviceName: input.deviceName || null, deviceToken }, client);
  });
}

async function challenge(
  em: SqlEntityManager,
  tools: SessionTools,
  { deviceId }: Account,
  userId: string,
  methods: SecondFactorMethod[],
  { deviceName, cookie }: LoginInput,
): Promise<SecondFactorRequired> {
  const token = mintToken('lct1');
  em.persist(
    new LoginChallenge({
      user: em.getReference(User, userId, { wrapped: true }),
      tokenHash: hashToken(token),
      device: deviceId === null ? null : em.getReference(Device, deviceId, { wrapped: true }),
      deviceName: deviceName || null,
      wantsCookie: cookie === true,
      expiresAt: after(await databaseNow(em, tools), challengeAge),
    }),
  );
  return new SecondFactorRequired(token, methods);
}
