import { validate as isUuid } from 'uuid';
import { sqlNow } from '../../entities/clock.ts';
import { isInForce, RoleName, type Role } from '../../entities/role.ts';
import { noPassword, User } from '../../entities/user.ts';
import type { Viewer } from '../../entities/viewer.ts';
import { badInput, conflict, forbidden, Refusal } from '../../errors.ts';
import { findVisible } from '../record/index.ts';
import type { EntityScope, Scope } from '../scope.ts';

/**
 * Changes users or their roles in one transaction. Such changes run one after another: if two admins remove each
 * other's role, one is first, and a decision across users still holds when it is written.
 * @param change returns a refusal before it has changed anything, if the change is not allowed.
 * @throws FORBIDDEN if the viewer is no longer an admin.
 */
export async function administer<Outcome>(
  scope: Scope,
  change: (scope: Scope) => Promise<Outcome | Refusal>,
): Promise<Outcome> {
  // A fork keeps no entities of earlier operations in the request. It joins an open transaction.
  const own = { ...scope, em: scope.em.fork({ keepTransactionContext: true }) };
  const outcome = await own.transaction(async (tx) => {
    // Not FOR UPDATE, so that transactions that reference the role need not wait.
    await tx.em.execute('select id from roles where name = ? for no key update', [RoleName.ADMIN]);
    return (await isAdmin(tx)) ? change(tx) : forbidden();
  });
  if (outcome instanceof Refusal) throw outcome;
  return outcome;
}

/**
 * Finds a user that the viewer can see and locks the row until the transaction ends.
 * @throws BAD_INPUT at `path` if the id is malformed; NOT_FOUND if the user does not exist or was deleted.
 */
export async function holdUser(scope: Scope, id: string, path = 'id'): Promise<User> {
  if (!isUuid(id)) throw badInput({ path, message: 'must be a UUID' });
  // Not FOR UPDATE, which can deadlock with transactions that write this user's actions.
  await scope.em.execute('select id from users where id = ? for no key update', [id]);
  return findVisible(scope, User, id, { path });
}

/** Whether the id is the viewer's own, in any case. */
export const isOwn = ({ userId }: Viewer, id: string): boolean => id.toLowerCase() === userId;

/**
 * Returns a refusal if a user may not lose a role, or all rights if no role is given. Null if the loss is allowed. The
 * owner is always an admin. At least one admin who can sign in must have a permanent role: the role of a temporary
 * admin expires, and no one could then appoint another.
 */
export async function refusalOfLoss(scope: Scope, user: User, lost: Role | null): Promise<Refusal | null> {
  if (lost !== null && lost.basedOn !== RoleName.ADMIN) return null;
  const { loses, keeps, others } = await standingOf(scope, user.id, lost?.id ?? null);
  if (keeps) return null;
  if (user.isOwner) return conflict('The owner must remain an active admin. Transfer the ownership first.', 'owner');
  return loses && !others
    ? conflict(
        'This user is the last permanent admin. Make another user an admin without an end date first.',
        'last_admin',
      )
    : null;
}

/** Whether the user is a permanent admin who can sign in. */
export async function isLastingAdmin(scope: EntityScope, userId: string): Promise<boolean> {
  return (await standingOf(scope, userId, null)).loses;
}

interface Standing {
  /** Whether the lost role makes the user a permanent admin. */
  readonly loses: boolean;
  /** Whether another role still makes the user a permanent admin. */
  readonly keeps: boolean;
  /** Whether there is another permanent admin. */
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

/** Checks again, because the request was authorized before the lock. */
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
