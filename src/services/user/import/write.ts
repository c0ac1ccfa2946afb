import { makeRoles } from '../../record/role.ts';
import { importEvents, overtaken } from '../../record/import.ts';
import type { EntityScope, Scope } from '../../scope.ts';

/** The parts of a scope that adding users needs. */
export type UserImportScope = Pick<Scope, 'em' | 'keyring' | 'now'>;

/** The effect of a concurrent change after which the file no longer fits the database. */
export const namesTaken = 'affected a username, address, member or role in the file';

/** The number of events per batch. */
const batchSize = 1000;

/**
 * Adds the staged lines as users with their roles and one audit event each, in the caller's transaction. The addresses
 * stay unverified, because nobody has proved them to this service; the operator vouches for the accounts.
 * @returns the number of added users.
 * @throws {ImportError} if a role was deleted meanwhile.
 */
export async function addStaged(scope: UserImportScope, progress: (added: number) => void): Promise<number> {
  const at = scope.now();
  await makeRoles(scope);
  await scope.em.execute(
    `insert into users (id, created_at, updated_at, username, email, password_hash, first_name, last_name, is_active, is_verified,
       is_self_registered, is_email_claimed, is_owner, password_must_change, failed_login_attempts, member_id)
     select id, ?, ?, username, email, hash, first_name, last_name, coalesce(is_active, true), false, false, false, false, false, 0, member_id
     from import_lines order by line`,
    [at, at],
  );
  await assignRoles(scope, at);
  return recordAdded(scope, at, progress);
}

/** Fails if a role was deleted after the comparison: its users would otherwise get less than the file says. */
async function assignRoles({ em }: EntityScope, at: Date): Promise<void> {
  const [assigned] = await em.execute<{ is_whole: boolean }[]>(
    `with assigned as (
       insert into user_roles (id, created_at, updated_at, user_id, role_id, assigned_at, review_levels)
       select given.id, ?, ?, l.id, r.id, ?, '{}'
       from import_lines l cross join lateral jsonb_to_recordset(l.roles) as given (id uuid, name text) join roles r on r.name = given.name
       returning 1
     )
     select (select count(*) from assigned) = (select coalesce(sum(jsonb_array_length(roles)), 0) from import_lines) as is_whole`,
    [at, at, at],
  );
  if (!assigned?.is_whole) throw overtaken(namesTaken);
}

/** Records one event per user, so that the log shows the origin of every account. */
async function recordAdded(
  { em, keyring }: UserImportScope,
  at: Date,
  progress: (added: number) => void,
): Promise<number> {
  const record = importEvents({ em, keyring }, 'User', at);
  let [last, count] = [0, 0];
  for (;;) {
    const added = await em.execute<{ line: number; id: string }[]>(
      `select line, id from import_lines where line > ? order by line limit ${batchSize}`,
      [last],
    );
    if (added.length === 0) return count;
    for (const { id } of added) record('import_user', id);
    await em.flush();
    em.clear();
    count += added.length;
    progress(count);
    last = added.at(-1)?.line ?? last;
  }
}
