import type { SqlEntityManager } from '@mikro-orm/postgresql';
import { AuditOutcome } from '../../entities/audit.ts';
import { sqlAfter, sqlNow } from '../../entities/clock.ts';
import { SessionEnd } from '../../entities/session.ts';
import { User } from '../../entities/user.ts';
import { unauthenticated } from '../../errors.ts';
import { recordAudit } from '../audit/event.ts';
import { mintRefreshToken, verifyRefreshToken, type RefreshClaims } from '../crypto/refresh.ts';
import { hashToken } from '../crypto/token.ts';
import { networkOf, takeTurn } from '../limit.ts';
import type { Trial } from './attempt.ts';
import { endSessions } from './end.ts';
import { SignedIn, type Issued } from './start.ts';
import { recordWrongToken, takeTokenTurn } from './token.ts';
import { isLive, type Client, type SessionTools } from './tools.ts';

/**
 * Trades a refresh token for its successor. The one just replaced gets the same successor until an access token that was
 * issued with it is first used, and shortly after; so a lost reply signs nobody out. An older one, or that one later, is
 * theft and ends the session. A token that was never issued does nothing to anyone; nor does one that is ahead of a
 * database that was restored from a backup: it is refused, and its device signs in again.
 * @throws UNAUTHENTICATED for every token that gets no successor; RATE_LIMITED.
 */
export async function refresh(
  em: SqlEntityManager,
  tools: SessionTools,
  token: string,
  client: Client,
  wantsCookies: boolean,
): Promise<SignedIn> {
  // a browser that never signed in has no cookie to send
  if (token === '') throw unauthenticated();
  const trial: Trial = { action: 'refresh', client };
  const claims = verifyRefreshToken(tools.keyring, token);
  if (claims === null) {
    await takeTokenTurn(em, tools, trial, `refresh ${networkOf(client.ipAddress)}`);
    await recordWrongToken(em, tools, trial);
    throw unauthenticated();
  }
  await takeTurn(em, tools, 'refresh', claims.sessionId);
  const issued = (await rotate(em, tools, claims, token, client)) ?? (await judge(em, tools, claims, client));
  if (issued === null) {
    await recordWrongToken(em, tools, trial);
    throw unauthenticated();
  }
  return new SignedIn(issued, tools, wantsCookies);
}

/**
 * The refresh token that a session has, once more, in the caller's transaction: whoever else has it keeps it. Null where
 * the session has ended, or its token's key is gone.
 */
export async function currentToken(em: SqlEntityManager, tools: SessionTools, sessionId: string): Promise<Issued | null> {
  const session = await holdSession(em, tools, sessionId);
  return session === null ? null : again(session, tools);
}

/** Compares and swaps in one statement: of any number of parallel uses of one token, one rotates. */
async function rotate(
  em: SqlEntityManager,
  tools: SessionTools,
  claims: RefreshClaims,
  token: string,
  client: Client,
): Promise<Issued | null> {
  const { keyring, rules } = tools;
  const { sessionId } = claims;
  const [kid, counter, at] = [keyring.active, claims.counter + 1, sqlNow(tools)];
  const successor = mintRefreshToken(keyring, { sessionId, counter, kid });
  const [row] = await em.execute<{ user_id: string }[]>(
    `update sessions s
     set refresh_counter = ?, refresh_hash = ?, refresh_kid = ?, refreshed_at = ${at}, first_used_at = null,
       last_seen_at = ${at}, idle_ends_at = ${sqlAfter(tools, rules.idleAge)}, ip_address = coalesce(?, s.ip_address), updated_at = ${at}
     from users u
     where s.id = ? and s.refresh_counter = ? and s.refresh_hash = ? and ${isLive('s', tools)}
       and u.id = s.user_id and u.is_active and u.deleted_at is null
     returning s.user_id`,
    [counter, hashToken(successor), kid, client.ipAddress, sessionId, claims.counter, hashToken(token)],
  );
  return row ? { userId: row.user_id, sessionId, refreshToken: successor, counter, deviceToken: null } : null;
}

const ownerOfSession = 'select id from users where id = (select user_id from sessions where id = ?)';

/** Why there was no rotation, decided on the locked row: a retry gets what it missed, theft ends the session. */
async function judge(em: SqlEntityManager, tools: SessionTools, claims: RefreshClaims, client: Client): Promise<Issued | null> {
  return em.transactional(async (transaction) => {
    // Where all of the user's sessions may end, the user's row comes before any of them: nobody waits in a ring.
    if (tools.rules.reuseEnds === 'user') await transaction.execute(`${ownerOfSession} for no key update`, [claims.sessionId]);
    const session = await holdSession(transaction, tools, claims.sessionId);
    if (session === null) return null;
    if (claims.counter === session.refresh_counter - 1 && session.honors_predecessor) return again(session, tools);
    // A counter that is not behind is no token we issued, or one from before the database was restored.
    if (claims.counter < session.refresh_counter) await endStolen(transaction, session, tools, client);
    return null;
  });
}

/** A session that lasts, whose row the transaction holds. */
interface HeldSession {
  readonly id: string;
  readonly user_id: string;
  readonly refresh_counter: number;
  readonly refresh_hash: string;
  readonly refresh_kid: string;
  /** Whether the token before the current one is still answered with that. */
  readonly honors_predecessor: boolean;
}

async function holdSession(em: SqlEntityManager, tools: SessionTools, sessionId: string): Promise<HeldSession | null> {
  const { refreshGrace, refreshRetry } = tools.rules;
  const [session] = await em.execute<HeldSession[]>(
    `select s.id, s.user_id, s.refresh_counter, s.refresh_hash, s.refresh_kid,
       s.refreshed_at > ${sqlAfter(tools, -refreshRetry)}
         and (s.first_used_at is null or s.first_used_at > ${sqlAfter(tools, -refreshGrace)}) as honors_predecessor
     from sessions s join users u on u.id = s.user_id
     where s.id = ? and ${isLive('s', tools)} and u.is_active and u.deleted_at is null for update of s`,
    [sessionId],
  );
  return session ?? null;
}

/** The current token again: it is made of what is stored, so it need not have been kept. */
function again(session: HeldSession, { keyring }: SessionTools): Issued | null {
  const { id: sessionId, user_id: userId, refresh_counter: counter, refresh_kid: kid } = session;
  if (!keyring.has(kid)) return null;
  const refreshToken = mintRefreshToken(keyring, { sessionId, counter, kid });
  return hashToken(refreshToken) === session.refresh_hash ? { userId, sessionId, refreshToken, counter, deviceToken: null } : null;
}

async function endStolen(
  em: SqlEntityManager,
  { id, user_id: userId }: HeldSession,
  { keyring, mail, rules, now }: SessionTools,
  client: Client,
): Promise<void> {
  const at = now();
  await endSessions(em, rules.reuseEnds === 'user' ? { userId } : { sessionId: id }, SessionEnd.REUSE, at);
  await mail.enqueue(em, { kind: 'security-alert', userId, alert: 'session-reused', at: at.toISOString() });
  recordAudit(em, keyring, {
    at,
    actor: em.getReference(User, userId, { wrapped: true }),
    sessionId: id,
    ipAddress: client.ipAddress,
    action: 'refresh_reuse',
    targetType: 'Session',
    targetId: id,
    outcome: AuditOutcome.DENIED,
    requestId: client.requestId,
    count: 1,
  });
}
