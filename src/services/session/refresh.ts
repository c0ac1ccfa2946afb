import { AuditOutcome } from '../../entities/audit.ts';
import { sqlAfter, sqlNow } from '../../entities/clock.ts';
import { isLive, SessionEnd } from '../../entities/session.ts';
import { User } from '../../entities/user.ts';
import { unauthenticated } from '../../errors.ts';
import { recordAudit } from '../audit/event.ts';
import { mintRefreshToken, verifyRefreshToken, type RefreshClaims } from '../crypto/refresh.ts';
import { hashToken } from '../crypto/token.ts';
import { networkOf, takeAttempt } from '../limit.ts';
import { reissueToken, holdSession, type HeldSession } from '../sign-in/current-token.ts';
import { endSessions } from '../sign-in/sign-out.ts';
import { SignedIn, type IssuedSession } from '../sign-in/start-session.ts';
import { recordWrongToken, takeTokenAttempt } from '../proof/token-attempt.ts';
import type { Scope } from '../scope.ts';

/**
 * Exchanges a refresh token for its successor. The previous token gets the same successor until an access token of that
 * response is first used, and shortly after. So a lost response signs nobody out. An older token, or the previous one
 * later, counts as theft and ends the session. A token that was never issued has no effect. Neither has one that is
 * ahead of a database restored from a backup: it is refused, and its device signs in again.
 * @throws UNAUTHENTICATED for every token without a successor; RATE_LIMITED.
 */
export async function refresh(scope: Scope, token: string, wantsCookies: boolean): Promise<SignedIn> {
  // a browser that never signed in has no cookie to send
  if (token === '') throw unauthenticated();
  const action = 'refresh';
  const claims = verifyRefreshToken(scope.keyring, token);
  if (claims === null) {
    await takeTokenAttempt(scope, action, `refresh ${networkOf(scope.client.ipAddress)}`);
    await recordWrongToken(scope, action);
    throw unauthenticated();
  }
  await takeAttempt(scope, 'refresh', claims.sessionId);
  const issued = (await rotate(scope, claims, token)) ?? (await judge(scope, claims));
  if (issued === null) {
    await recordWrongToken(scope, action);
    throw unauthenticated();
  }
  return new SignedIn(issued, scope, wantsCookies);
}

/** Rotates by compare and swap in one statement: of concurrent uses of one token, one rotates. */
async function rotate(scope: Scope, claims: RefreshClaims, token: string): Promise<IssuedSession | null> {
  const { keyring, rules } = scope;
  const { sessionId } = claims;
  const [kid, counter, at] = [keyring.active, claims.counter + 1, sqlNow(scope)];
  const successor = mintRefreshToken(keyring, { sessionId, counter, kid });
  const [row] = await scope.em.execute<{ user_id: string }[]>(
    `update sessions s
     set refresh_counter = ?, refresh_hash = ?, refresh_kid = ?, refreshed_at = ${at}, first_used_at = null,
       last_seen_at = ${at}, idle_ends_at = ${sqlAfter(scope, rules.idleAge)}, ip_address = coalesce(?, s.ip_address), updated_at = ${at}
     from users u
     where s.id = ? and s.refresh_counter = ? and s.refresh_hash = ? and ${isLive('s', sqlNow(scope))}
       and u.id = s.user_id and u.is_active and u.deleted_at is null
     returning s.user_id`,
    [counter, hashToken(successor), kid, scope.client.ipAddress, sessionId, claims.counter, hashToken(token)],
  );
  return row ? { userId: row.user_id, sessionId, refreshToken: successor, counter, deviceToken: null } : null;
}

const ownerOfSession = 'select id from users where id = (select user_id from sessions where id = ?)';

/** Decides on the locked row why there was no rotation: a retry gets the missed token, theft ends the session. */
async function judge(scope: Scope, claims: RefreshClaims): Promise<IssuedSession | null> {
  return scope.transaction(async (tx) => {
    // If all sessions of the user may end, locks the user's row before any of them, to prevent a deadlock.
    if (scope.rules.reuseEnds === 'user')
      await tx.em.execute(`${ownerOfSession} for no key update`, [claims.sessionId]);
    const session = await holdSession(tx, claims.sessionId);
    if (session === null) return null;
    if (claims.counter === session.refresh_counter - 1 && session.honors_predecessor)
      return reissueToken(session, scope);
    // A token whose counter is not behind was never issued, or was issued before the database was restored.
    if (claims.counter < session.refresh_counter) await endStolen(tx, session);
    return null;
  });
}

async function endStolen(scope: Scope, { id, user_id: userId }: HeldSession): Promise<void> {
  const { mail, now, rules } = scope;
  const at = now();
  await endSessions(scope, rules.reuseEnds === 'user' ? { userId } : { sessionId: id }, SessionEnd.REUSE);
  await mail.enqueue(scope.em, { kind: 'security-alert', userId, alert: 'session-reused', at: at.toISOString() });
  recordAudit(scope, {
    at,
    actor: scope.em.getReference(User, userId, { wrapped: true }),
    sessionId: id,
    ipAddress: scope.client.ipAddress,
    action: 'refresh_reuse',
    targetType: 'Session',
    targetId: id,
    outcome: AuditOutcome.DENIED,
    requestId: scope.client.requestId,
    count: 1,
  });
}
