import type { SqlEntityManager } from '@mikro-orm/postgresql';
import { createUnionType, Field, InputType, Int, ObjectType, registerEnumType } from 'type-graphql';
import { BackupCode, LoginChallenge, TotpCredential } from '../../entities/credential.ts';
import { Device } from '../../entities/session.ts';
import { User } from '../../entities/user.ts';
import { badCredentials, badInput, type FieldProblem } from '../../errors.ts';
import type { PasswordProof } from '../crypto/hasher.ts';
import { isHashable, maxPasswordLength } from '../crypto/password.ts';
import { hashToken, mintToken } from '../crypto/token.ts';
import { clearAttempts, findAccount, passwordHashOf, reserveAttempt, type Account } from './attempt.ts';
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

export enum SecondFactorMethod {
  TOTP = 'totp',
  BACKUP_CODE = 'backup_code',
}

registerEnumType(SecondFactorMethod, {
  name: 'SecondFactorMethod',
  description: 'What proves a sign-in beside the password.',
  valuesConfig: {
    TOTP: { description: 'The six digits an authenticator app shows.' },
    BACKUP_CODE: { description: 'One of the ten codes shown when the second factor was set up.' },
  },
});

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
 * @throws BAD_CREDENTIALS; RATE_LIMITED where too many sign-ins wait already.
 */
export async function login(
  em: SqlEntityManager,
  tools: SessionTools,
  input: LoginInput,
  client: Client,
): Promise<SignedIn | SecondFactorRequired> {
  refuseUnfit(input);
  const account = await findAccount(em, input.identifier, input.deviceToken ?? null);
  const verdict = await prove(em, tools, account, input, client);
  if (verdict === null) throw badCredentials();
  return verdict instanceof SecondFactorRequired ? verdict : new SignedIn(verdict, tools, input.cookie === true);
}

/** What could not belong to any account is refused before anything is looked up or hashed. */
function refuseUnfit({ identifier, password, deviceName }: LoginInput): void {
  const problems: FieldProblem[] = [];
  if (identifier.length > 254 || /\p{Cc}/u.test(identifier))
    problems.push({ path: 'input.identifier', message: 'is not a username or an e-mail address' });
  if (!isHashable(password)) problems.push({ path: 'input.password', message: `must have 1 to ${maxPasswordLength} characters` });
  if (deviceName && (deviceName.length > 100 || /\p{Cc}/u.test(deviceName)))
    problems.push({ path: 'input.deviceName', message: 'must have at most 100 characters, none of them control characters' });
  if (problems.length > 0) throw badInput(...problems);
}

/**
 * Verifies the password, then admits whoever gave it. Should the stored hash have been replaced in between — another
 * sign-in renewed it, or the password was changed — the password is held against the new one, once.
 */
async function prove(em: SqlEntityManager, tools: SessionTools, account: Account, input: LoginInput, client: Client): Promise<Verdict> {
  const first = await tools.passwords.verify(input.password, () => reserveAttempt(em, account, tools));
  if (!first.isRight) return null;
  const verdict = await admit(em, tools, account, first, input, client);
  if (verdict !== null) return verdict;
  const second = await tools.passwords.verify(input.password, () => passwordHashOf(em, account.userId));
  return second.isRight ? admit(em, tools, account, second, input, client) : null;
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
    const methods = await secondFactors(transaction, userId);
    if (methods.length > 0) return challenge(transaction, tools, userId, methods, input);
    const deviceToken = await rememberDevice(transaction, tools, account, userId, input);
    await transaction.execute('update users set last_login_at = ? where id = ?', [tools.now(), userId]);
    return startSession(transaction, tools, { userId, deviceName: input.deviceName || null, deviceToken }, client);
  });
}

/** Holds the user's row until the end of the transaction, and renews an old hash, unless the user may no longer sign in with this one. */
async function holdUser(em: SqlEntityManager, userId: string, { stored, renewed }: PasswordProof): Promise<boolean> {
  const held = await em.execute<object[]>(
    'update users set password_hash = ? where id = ? and is_active and deleted_at is null and password_hash = ? returning id',
    [renewed ?? stored, userId, stored],
  );
  return held.length === 1;
}

/** What the account asks for beside the password; nothing where no second factor was confirmed. */
async function secondFactors(em: SqlEntityManager, userId: string): Promise<SecondFactorMethod[]> {
  const totp = await em.count(TotpCredential, { user: userId, confirmedAt: { $ne: null } }, { filters: false });
  if (totp === 0) return [];
  const codes = await em.count(BackupCode, { user: userId, usedAt: null }, { filters: false });
  return codes === 0 ? [SecondFactorMethod.TOTP] : [SecondFactorMethod.TOTP, SecondFactorMethod.BACKUP_CODE];
}

function challenge(
  em: SqlEntityManager,
  { now }: SessionTools,
  userId: string,
  methods: SecondFactorMethod[],
  { deviceName, cookie }: LoginInput,
): SecondFactorRequired {
  const token = mintToken('lct1');
  em.persist(
    new LoginChallenge({
      user: em.getReference(User, userId, { wrapped: true }),
      tokenHash: hashToken(token),
      deviceName: deviceName || null,
      wantsCookie: cookie === true,
      expiresAt: after(now(), challengeAge),
    }),
  );
  return new SecondFactorRequired(token, methods);
}

/** The token of the device that signs in: the one it has, or a new one. */
async function rememberDevice(
  em: SqlEntityManager,
  { now }: SessionTools,
  { deviceId }: Account,
  userId: string,
  { deviceToken }: LoginInput,
): Promise<string> {
  const at = now();
  if (deviceId !== null && deviceToken) {
    await em.execute('update devices set last_seen_at = ? where id = ?', [at, deviceId]);
    return deviceToken;
  }
  const token = mintToken('dvt1');
  em.persist(new Device({ user: em.getReference(User, userId, { wrapped: true }), tokenHash: hashToken(token), at }));
  return token;
}
