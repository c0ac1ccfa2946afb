import type { SqlEntityManager } from '@mikro-orm/postgresql';
import { Field, InputType } from 'type-graphql';
import { AuditOutcome } from '../../entities/audit.ts';
import { sqlNow } from '../../entities/clock.ts';
import { badCredentials } from '../../errors.ts';
import { recordDenial } from '../audit/denial.ts';
import { hashToken, isToken } from '../crypto/token.ts';
import { typedToken } from '../crypto/typed.ts';
import { takeSignInTurn, type Trial } from './attempt.ts';
import { rememberDevice } from './device.ts';
import { SecondFactorMethod, spendCode, tryCode, type RightCode } from './factor.ts';
import { SignedIn, startSession, type Issued } from './start.ts';
import type { Client, SessionTools } from './tools.ts';

@InputType({ description: 'The second factor for a login.' })
export class CompleteLoginInput {
  @Field(() => String, { description: 'The challenge that `login` returned.' })
  challenge!: string;

  @Field(() => String, { description: 'The six-digit code or a backup code.' })
  code!: string;

  @Field(() => SecondFactorMethod, { defaultValue: SecondFactorMethod.TOTP, description: 'The type of the code.' })
  method!: SecondFactorMethod;

  /** What the browser keeps of earlier sign-ins. */
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
 * Completes a sign-in with the second factor. A wrong code leaves the challenge as it is; a right one spends both.
 * @throws BAD_CREDENTIALS, the same for a challenge that is unknown, used or over and for a code that is wrong or used;
 * RATE_LIMITED where too many came from that address, or for that account.
 */
export async function completeLogin(
  em: SqlEntityManager,
  tools: SessionTools,
  input: CompleteLoginInput,
  client: Client,
): Promise<SignedIn> {
  const { challenge: token, code, method } = input;
  const trial: Trial = { action: 'complete_login', client };
  const challenge = await findChallenge(em, tools, typedToken(token));
  const turn = await takeSignInTurn(em, tools, { deviceId: challenge?.device_id ?? null, sessionId: null }, trial);
  if (challenge === null) {
    await recordDenial(em, tools.now(), client, { action: trial.action, reason: 'unknown_challenge', outcome: AuditOutcome.DENIED });
    throw badCredentials();
  }
  const holder = { userId: challenge.user_id, sessionId: null };
  const right = await tryCode(em, tools, holder, code, method, trial);
  const issued = right === null ? null : await admit(em, tools, { ...challenge, kept: input.deviceToken ?? null }, right, client);
  if (issued === null) throw badCredentials();
  await turn.giveBack();
  return new SignedIn(issued, tools, challenge.wants_cookie);
}

async function findChallenge(em: SqlEntityManager, tools: SessionTools, token: string): Promise<Challenge | null> {
  if (!isToken('lct1', token)) return null;
  const [found] = await em.execute<Challenge[]>(
    `select c.id, c.user_id, c.device_id, c.device_name, c.wants_cookie
     from login_challenges c join users u on u.id = c.user_id
     where c.token_hash = ? and c.used_at is null and c.expires_at > ${sqlNow(tools)}
       and u.is_active and u.deleted_at is null`,
    [hashToken(token)],
  );
  return found ?? null;
}

/** One transaction: the user may still sign in, nobody else has used the code or the challenge, and the session begins. */
async function admit(
  em: SqlEntityManager,
  tools: SessionTools,
  { id, user_id: userId, device_id: deviceId, device_name: deviceName, kept }: Challenge & { readonly kept: string | null },
  right: RightCode,
  client: Client,
): Promise<Issued | null> {
  return em.transactional(async (transaction) => {
    // The user's row first, as whoever ends the user's sessions has it, and then the challenge: nobody waits in a ring.
    if (!(await holds(transaction, 'users where id = ? and is_active and deleted_at is null for no key update', [userId]))) return null;
    const waits = `login_challenges where id = ? and used_at is null and expires_at > ${sqlNow(tools)} for update`;
    if (!(await holds(transaction, waits, [id]))) return null;
    if (!(await spendCode(transaction, tools, { userId, sessionId: null }, right, client))) return null;
    await transaction.execute(`update login_challenges set used_at = ${sqlNow(tools)} where id = ?`, [id]);
    await transaction.execute(`update users set last_login_at = ${sqlNow(tools)} where id = ?`, [userId]);
    const deviceToken = await rememberDevice(transaction, tools, { userId, deviceId }, kept);
    return startSession(transaction, tools, { userId, deviceName, deviceToken }, client);
  });
}

async function holds(em: SqlEntityManager, row: string, values: readonly unknown[]): Promise<boolean> {
  return (await em.execute<object[]>(`select id from ${row}`, [...values])).length === 1;
}
