import { BenevolenceReviewLevel } from '../../entities/benevolence.ts';
import { RoleName } from '../../entities/role.ts';
import type { ViewerFacts } from '../../entities/viewer.ts';
import { after, type SessionTools } from './tools.ts';

/** Runs one statement with `$1` parameters: on a pool, a prepared statement, or the embedded database. */
export type RunSql = (text: string, params: readonly unknown[]) => Promise<readonly Record<string, unknown>[]>;

/**
 * One row per unexpired role of the viewer, or one without a role; none where the session is no longer good. The text
 * never changes, so it can be prepared; every part of it is found by a unique index. Levels come as text, because not
 * every driver reads arrays.
 */
export const viewerSql = `select u.id as user_id, s.id as session_id, u.member_id, u.is_owner, u.password_must_change,
  u.is_verified, u.is_self_registered,
  s.authenticated_at > $4 as has_stepped_up, r.based_on as role, array_to_string(a.review_levels, ',') as review_levels
from sessions s
join users u on u.id = s.user_id
left join user_roles a on a.user_id = u.id and (a.expires_at is null or a.expires_at > $3)
left join roles r on r.id = a.role_id
where s.id = $1 and s.user_id = $2 and s.ended_at is null and s.expires_at > $3 and s.idle_ends_at > $3
  and u.is_active and u.deleted_at is null`;

interface ViewerRow {
  user_id: string;
  session_id: string;
  member_id: string | null;
  is_owner: boolean;
  password_must_change: boolean;
  is_verified: boolean;
  is_self_registered: boolean;
  has_stepped_up: boolean;
  role: RoleName | null;
  review_levels: string | null;
}

/**
 * Who sends this access token, as the database has it now: a session that ended, a user who was disabled and a role that
 * expired count from the very next request on. Null for every token that names nobody.
 */
export async function authenticate(
  accessToken: string,
  runSql: RunSql,
  { tokens, rules, now }: Pick<SessionTools, 'tokens' | 'rules' | 'now'>,
): Promise<ViewerFacts | null> {
  const at = now();
  const subject = tokens.verify(accessToken, at);
  if (subject === null) return null;
  const rows = await runSql(viewerSql, [subject.sessionId, subject.userId, at, after(at, -rules.stepUpAge)]);
  return factsOf(rows as unknown as readonly ViewerRow[], rules);
}

const roleNames: ReadonlySet<string> = new Set(Object.values(RoleName));

function factsOf(rows: readonly ViewerRow[], rules: SessionTools['rules']): ViewerFacts | null {
  const [first] = rows;
  if (first === undefined) return null;
  const roles = new Set<RoleName>();
  const reviewLevels = new Set<BenevolenceReviewLevel>();
  for (const { role, review_levels: levels } of rows) {
    if (role !== null && roleNames.has(role)) roles.add(role);
    for (const level of levels === null ? [] : levelsOf(levels)) reviewLevels.add(level);
  }
  return {
    userId: first.user_id,
    sessionId: first.session_id,
    memberId: first.member_id,
    isOwner: first.is_owner,
    passwordMustChange: first.password_must_change,
    mustVerify: first.is_self_registered && !first.is_verified,
    closedOperations: new Set(first.is_verified ? [] : rules.verifiedOperations),
    hasSteppedUp: first.has_stepped_up,
    roles,
    reviewLevels,
  };
}

function levelsOf(text: string): BenevolenceReviewLevel[] {
  const named = text.split(',');
  return Object.values(BenevolenceReviewLevel).filter((level) => named.includes(level));
}
