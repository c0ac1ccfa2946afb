import { isLive } from '../../entities/session.ts';
import { sqlAfter, sqlNow } from '../../entities/clock.ts';
import { mintRefreshToken } from '../crypto/refresh.ts';
import { hashToken } from '../crypto/token.ts';
import type { Scope } from '../scope.ts';
import type { IssuedSession } from './start-session.ts';

/**
 * Returns a session's current refresh token again, in the caller's transaction, so that its other holders keep it. Null
 * if the session has ended, or its token's key is missing.
 */
export async function currentToken(scope: Scope, sessionId: string): Promise<IssuedSession | null> {
  const session = await holdSession(scope, sessionId);
  return session === null ? null : reissueToken(session, scope);
}

/** A live session whose row the transaction has locked. */
export interface HeldSession {
  readonly id: string;
  readonly user_id: string;
  readonly refresh_counter: number;
  readonly refresh_hash: string;
  readonly refresh_kid: string;
  /** Whether the previous token is still answered with the current one. */
  readonly honors_predecessor: boolean;
}

export async function holdSession(scope: Scope, sessionId: string): Promise<HeldSession | null> {
  const { refreshGrace, refreshRetry } = scope.rules;
  const [session] = await scope.em.execute<HeldSession[]>(
    `select s.id, s.user_id, s.refresh_counter, s.refresh_hash, s.refresh_kid,
       s.refreshed_at > ${sqlAfter(scope, -refreshRetry)}
         and (s.first_used_at is null or s.first_used_at > ${sqlAfter(scope, -refreshGrace)}) as honors_predecessor
     from sessions s join users u on u.id = s.user_id
     where s.id = ? and ${isLive('s', sqlNow(scope))} and u.is_active and u.deleted_at is null for update of s`,
    [sessionId],
  );
  return session ?? null;
}

/** Derives the current token again from stored values, so that it need not be stored. */
export function reissueToken(session: HeldSession, { keyring }: Scope): IssuedSession | null {
  const { id: sessionId, user_id: userId, refresh_counter: counter, refresh_kid: kid } = session;
  if (!keyring.has(kid)) return null;
  const refreshToken = mintRefreshToken(keyring, { sessionId, counter, kid });
  return hashToken(refreshToken) === session.refresh_hash
    ? { userId, sessionId, refreshToken, counter, deviceToken: null }
    : null;
}
