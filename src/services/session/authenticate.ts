import { isLive } from '../../entities/session.ts';
import type { SessionConfig } from '../../config.ts';
import { sqlAfter, sqlNow, type Clocked } from '../../entities/clock.ts';
import { BenevolenceReviewLevel } from '../../entities/benevolence.ts';
import { isInForce, RoleName } from '../../entities/role.ts';
import type { ViewerFacts } from '../../entities/viewer.ts';
import type { RunSql, Services } from '../scope.ts';

/**
 * One row per unexpired role of the viewer, or one row without a role. No row if the session is no longer live. The
 * text never changes within a process, so it can be prepared; every part uses a unique index. Levels are returned as
 * text, because not every driver reads arrays.
 */
export const viewerSql = (
  clocked: Clocked,
  stepUpAge: number,
): string => `select u.id as user_id, s.id as session_id, u.member_id, u.is_owner, u.password_must_change,
  u.is_verified, u.is_self_registered, exists (
    select 1 from totp_credentials c where c.user_id = u.id and c.confirmed_at is not null) as has_second_factor,
  s.refresh_counter, s.first_used_at is null as is_unused,
  s.authenticated_at > ${sqlAfter(clocked, -stepUpAge)} as has_stepped_up, r.based_on as role, array_to_string(a.review_levels, ',') as review_levels
from sessions s
join users u on u.id = s.user_id
left join user_roles a on a.user_id = u.id and ${isInForce('a', sqlNow(clocked))}
left join roles r on r.id = a.role_id
where s.id = $1 and s.user_id = $2 and ${isLive('s', sqlNow(clocked))}
  and u.is_active and u.deleted_at is null`;

interface ViewerRow {
  user_id: string;
  session_id: string;
  member_id: string | null;
  is_owner: boolean;
  password_must_change: boolean;
  is_verified: boolean;
  is_self_registered: boolean;
  has_second_factor: boolean;
  refresh_counter: number;
  is_unused: boolean;
  has_stepped_up: boolean;
  role: RoleName | null;
  review_levels: string | null;
}

/**
 * Authenticates an access token against the current database: an ended session, a disabled user or an expired role
 * takes effect at the next request. Null for every token that identifies nobody.
 * @param runNote runs the statement that records a first use. Null for a token that the service has just issued.
 */
export async function authenticate(
  accessToken: string,
  runSql: RunSql,
  tools: Pick<Services, 'tokens' | 'rules' | 'now'>,
  runNote: RunSql | null,
): Promise<ViewerFacts | null> {
  const { tokens, rules } = tools;
  const subject = tokens.verify(accessToken, tools.now());
  if (subject === null) return null;
  const sql = viewerSql(tools, rules.stepUpAge);
  const rows = (await runSql(sql, [subject.sessionId, subject.userId])) as unknown as readonly ViewerRow[];
  if (runNote !== null && isFirstUse(rows, tokens.counterOf(accessToken)))
    await noteFirstUse(runNote, tools, subject.sessionId, rows);
  return factsOf(rows, rules);
}

/** Whether a refresh token was replaced and nothing that was issued with its successor has been used before. */
const isFirstUse = ([row]: readonly ViewerRow[], counter: number): boolean =>
  row !== undefined && row.is_unused && row.refresh_counter > 1 && row.refresh_counter === counter;

/**
 * Writes once per rotation, even with concurrent first uses. Waits neither for the disk nor for a lock on the row: if
 * the row is locked, the next use writes it.
 */
async function noteFirstUse(
  runSql: RunSql,
  clocked: Clocked,
  sessionId: string,
  [row]: readonly ViewerRow[],
): Promise<void> {
  const noted = `update sessions set first_used_at = ${sqlNow(clocked)}
    where id = (
      select id from sessions where id = $1 and refresh_counter = $2 and first_used_at is null for no key update skip locked)
      and set_config('synchronous_commit', 'off', true) = 'off'`;
  await runSql(noted, [sessionId, row?.refresh_counter]);
}

const roleNames: ReadonlySet<string> = new Set(Object.values(RoleName));

function factsOf(rows: readonly ViewerRow[], rules: SessionConfig): ViewerFacts | null {
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
    mustEnroll: !first.has_second_factor && rules.secondFactorRoles.some((role) => roles.has(role as RoleName)),
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
