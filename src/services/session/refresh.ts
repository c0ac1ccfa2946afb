import type { SqlEntityManager } from '@mikro-orm/postgresql';
import { LockMode } from '@mikro-orm/core';
import { AuditOutcome } from '../../entities/audit.ts';
import { Session, SessionEnd } from '../../entities/session.ts';
import { User } from '../../entities/user.ts';
import { unauthenticated } from '../../errors.ts';
import { recordAudit } from '../audit/event.ts';
import { mintRefreshToken, verifyRefreshToken, type RefreshClaims } from '../crypto/refresh.ts';
import { hashToken } from '../crypto/token.ts';
import { takeTurn } from '../limit.ts';
import type { Trial } from './attempt.ts';
import { endSessions } from './end.ts';
import { SignedIn, type Issued } from './start.ts';
import { recordWrongToken, takeTokenTurn } from './token.ts';
import { after, type Client, type SessionTools } from './tools.ts';

/**
 * Trades a refresh token for its successor. The one just replaced gets the same successor for a short while; an older
 * one is theft and ends the session; one that was never issued does nothing to anyone.
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
    await takeTokenTurn(em, tools, trial);
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
  const session = await em.findOne(Session, sessionId, { filters: false, refresh: true, lockMode: LockMode.PESSIMISTIC_WRITE });
  return session !== null && (await isLive(em, session, tools)) ? again(session, tools) : null;
}

/** Compares and swaps in one statement: of any number of parallel uses of one token, one rotates. */
async function rotate(
  em: SqlEntityManager,
  { keyring, rules, now }: SessionTools,
  { sessionId, counter }: RefreshClaims,
  token: string,
  client: Client,
): Promise<Issued | null> {
  const at = now();
  const kid = keyring.active;
  const successor = mintRefreshToken(keyring, { sessionId, counter: counter + 1, kid });
  const [row] = await em.execute<{ user_id: string }[]>(
    `update sessions s
     set refresh_counter = s.refresh_counter + 1, refresh_hash = ?, refresh_kid = ?, refreshed_at = ?, last_seen_at = ?, idle_ends_at = ?,
       ip_address = coalesce(?, s.ip_address), updated_at = ?
     from users u
     where s.id = ? and s.refresh_counter = ? and s.refresh_hash = ?
       and s.ended_at is null and s.expires_at > ? and s.idle_ends_at > ?
       and u.id = s.user_id and u.is_active and u.deleted_at is null
     returning s.user_id`,
    [hashToken(successor), kid, at, at, after(at, rules.idleAge), client.ipAddress, at, sessionId, counter, hashToken(token), at, at],
  );
  return row ? { userId: row.user_id, sessionId, refreshToken: successor, deviceToken: null } : null;
}

const ownerOfSession = 'select id from users where id = (select user_id from sessions where id = ?)';

/** Why there was no rotation, decided on the locked row: a retry gets what it missed, theft ends the session. */
async function judge(em: SqlEntityManager, tools: SessionTools, claims: RefreshClaims, client: Client): Promise<Issued | null> {
  return em.transactional(async (transaction) => {
    // Where all of the user's sessions may end, the user's row comes before any of them: nobody waits in a ring.
    if (tools.rules.reuseEnds === 'user') await transaction.execute(`${ownerOfSession} for no key update`, [claims.sessionId]);
    const session = await transaction.findOne(Session, claims.sessionId, {
      filters: false,
      refresh: true,
      lockMode: LockMode.PESSIMISTIC_WRITE,
    });
    if (session === null || !(await isLive(transaction, session, tools))) return null;
    if (isRetry(session, claims, tools)) return again(session, tools);
    // A counter that is not behind is no token we issued, or one from before the database was restored.
    if (claims.counter < session.refreshCounter) await endStolen(transaction, session, tools, client);
    return null;
  });
}

async function isLive(em: SqlEntityManager, session: Session, { now }: SessionTools): Promise<boolean> {
  const at = now();
  if (session.endedAt !== null || session.expiresAt <= at || session.idleEndsAt <= at) return false;
  return (await em.count(User, { id: session.user.id, isActive: true, deletedAt: null }, { filters: false })) === 1;
}

function isRetry(session: Session, { counter }: RefreshClaims, { rules, now }: SessionTools): boolean {
  return counter === session.refreshCounter - 1 && now() < after(session.refreshedAt, rules.refreshGrace);
}

/** The current token again: it is made of what is stored, so it need not have been kept. */
function again(session: Session, { keyring }: SessionTools): Issued | null {
  const { id: sessionId, refreshCounter: counter, refreshKid: kid, refreshHash } = session;
  if (!keyring.has(kid)) return null;
  const refreshToken = mintRefreshToken(keyring, { sessionId, counter, kid });
  if (hashToken(refreshToken) !== refreshHash) return null;
  return { userId: session.user.id, sessionId, refreshToken, deviceToken: null };
}

async function endStolen(
  em: SqlEntityManager,
  session: Session,
  { keyring, mail, rules, now }: SessionTools,
  client: Client,
): Promise<void> {
  const at = now();
  const which = rules.reuseEnds === 'user' ? { userId: session.user.id } : { sessionId: session.id };
  await endSessions(em, which, SessionEnd.REUSE, at);
  await mail.enqueue(em, { kind: 'security-alert', userId: session.user.id, alert: 'session-reused', at: at.toISOString() });
  recordAudit(em, keyring, {
    at,
    actor: session.user,
    sessionId: session.id,
    ipAddress: client.ipAddress,
    action: 'refresh_reuse',
    targetType: 'Session',
    targetId: session.id,
    outcome: AuditOutcome.DENIED,
    requestId: client.requestId,
    count: 1,
  });
}
