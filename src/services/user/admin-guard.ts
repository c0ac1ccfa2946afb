import { validate as isUuid } from 'uuid';
import { sqlNow } from '../../entities/clock.ts';
import { isInForce, RoleName, type Role } from '../../entities/role.ts';
import { noPassword, User } from '../../entities/user.ts';
import type { Viewer } from '../../entities/viewer.ts';
import { badInput, conflict, forbidden, Refusal } from '../../errors.ts';
import { findVisible } from '../record/index.ts';
import type { EntityScope, Scope } from '../scope.ts';

/**
 * Changes users or their roles in one transaction, and one such change after the other: so two admins who take each
 * other's role meet in some order, and what is decided across users still holds when it is written.
 * @param change returns a refusal, before it has changed anything, where it may not be.
 * @throws FORBIDDEN where the viewer has ceased to be an admin since the request began.
 */
export async function administer<Outcome>(scope: Scope, change: (scope: Scope) => Promise<Outcome | Refusal>): Promise<Outcome> {
  // A fork remembers nothing of what an earlier operation of the request has read; it joins a transaction that there is.
  const own = { ...scope, em: scope.em.fork({ keepTransactionContext: true }) };
  const outcome = await own.transaction(async (tx) => {
    // Not for update: nobody who writes a row that names the role has to wait.
    await tx.em.execute('select id from roles where name = ? for no key update', [RoleName.ADMIN]);
    return (await isAdmin(tx)) ? change(tx) : forbidden();
  });
  if (outcome instanceof Refusal) throw outcome;
  return outcome;
}

/**
 * The user whom the viewer sees by this id, whom nobody else changes until the transaction ends.
 * @throws BAD_INPUT for what is no id, at `path`; NOT_FOUND for who does not exist or was deleted.
 */
export async function holdUser(scope: Scope, id: string, path = 'id'): Promise<User> {
  if (!isUuid(id)) throw badInput({ path, message: 'must be a UUID' });
  // Not FOR UPDATE, which can deadlock with transactions that write this user's actions.
  await scope.em.execute('select id from users where id = ? for no key update', [id]);
  return findVisible(scope, User, id, { path });
}

/** Whether the id is the viewer's own, however it is written. */
export const isOwn = ({ userId }: Viewer, id: string): boolean => id.toLowerCase() === userId;

/**
 * The refusal where a user may not cease to be an admin, by losing one role or by being nobody any more (no role given);
 * null where nothing speaks against it. The owner is an admin always. At least one admin who can sign in must
 * have a role without an end: an acting admin's role expires, and no one could then appoint another.
 */
export async function refusalOfLoss(scope: Scope, user: User, lost: Role | null): Promise<Refusal | null> {
  if (lost !== null && lost.basedOn !== RoleName.ADMIN) return null;
  const { loses, keeps, others } = await standingOf(scope, user.id, lost?.id ?? null);
  if (keeps) return null;
  if (user.isOwner) return conflict('The owner must remain an active admin. Transfer the ownership first.', 'owner');
  return loses && !others
    ? conflict('This user is the last permanent admin. Make another user an admin without an end date first.', 'last_admin')
    : null;
}

/** Whether this user is an admin who can sign in, without an end. */
export async function isLastingAdmin(scope: EntityScope, userId: string): Promise<boolean> {
  return (await standingOf(scope, userId, null)).loses;
}

interface Standing {
  /** Whether what is lost makes the user an admin without an end. */
  readonly loses: boolean;
  /** Whether something else still does. */
  readonly keeps: boolean;
  /** Whether there is another such admin. */
  readonly others: boolean;
}

async function standingOf(scope: EntityScope, userId: string, roleId: string | null): Promise<Standing> {
  const [standing] = await scope.em.execute<Standing[]>(
    `select coalesce(bool_or(is_own and is_lost), false) as loses, coalesce(bool_or(is_own and not is_lost), false) as keeps,
       coalesce(bool_or(not is_own), false) as others
     from (
       select a.user_id = ? as is_own, coalesce(a.role_id = cast(? as uuid), true) as is_lost
       from user_roles a join roles r on r.id = a.role_id join users u on u.id = a.user_id
       where r.based_on = ? and a.expires_at is null and u.is_active and u.deleted_at is null
         and u.password_hash <> ? and (u.is_verified or not u.is_self_registered)
     ) as lasting`,
    [userId, roleId, RoleName.ADMIN, noPassword],
  );
  return standing ?? { loses: false, keeps: false, others: false };
}

/** The request was let in as an admin's, but that was before the lock. */
async function isAdmin(scope: Scope): Promise<boolean> {
  const [row] = await scope.em.execute<{ is_admin: boolean }[]>(
    `select exists (
       select 1 from user_roles a join roles r on r.id = a.role_id join users u on u.id = a.user_id
       where u.id = ? and r.based_on = ? and ${isInForce('a', sqlNow(scope))} and u.is_active and u.deleted_at is null
     ) as is_admin`,
    [scope.viewer.userId, RoleName.ADMIN],
  );
  return row?.is_admin === true;
}
