import type { SessionEnd } from '../../entities/session.ts';
import type { EntityScope, Scope } from '../scope.ts';

/** One session, or all of a user's, optionally except one. */
export type SessionSelector = { readonly sessionId: string } | { readonly userId: string; readonly except?: string };

/**
 * Ends live sessions and locks their vaults, in the caller's transaction. Their access tokens are refused from the next
 * request on. If all of a user's sessions end, so do the sign-ins that wait for a second factor.
 * @returns the number of ended sessions.
 */
export async function endSessions(
  { em, now }: Pick<Scope, 'em' | 'now'>,
  which: SessionSelector,
  reason: SessionEnd,
): Promise<number> {
  const [column, id] = 'sessionId' in which ? ['id', which.sessionId] : ['user_id', which.userId];
  const at = now();
  const ended = await em.execute<{ id: string }[]>(
    `with ended as (
       update sessions set ended_at = ?, end_reason = ?, updated_at = ?
       where ${column} = ? and id is distinct from cast(? as uuid) and ended_at is null returning id
     ), closed as (
       delete from vault_sessions where session_id in (select id from ended)
     ), forgotten as (
       delete from login_challenges where user_id = ?
     )
     select id from ended`,
    [at, reason, at, id, 'userId' in which ? (which.except ?? null) : null, 'userId' in which ? which.userId : null],
  );
  return ended.length;
}

/** Locks the vault in all sessions of a user. */
export async function closeVault({ em }: EntityScope, userId: string): Promise<void> {
  await em.execute('delete from vault_sessions where session_id in (select id from sessions where user_id = ?)', [
    userId,
  ]);
}
