import { ref, type Ref } from '@mikro-orm/postgresql';
import { isInForce, RoleName } from '../../entities/role.ts';
import { User } from '../../entities/user.ts';
import { badInput, notFound } from '../../errors.ts';
import type { Scope } from '../scope.ts';

/** The roles whose holders represent members: those who work on grievances. */
const representing: readonly RoleName[] = [RoleName.ADMIN, RoleName.OFFICER, RoleName.STAFF];

/**
 * Finds the user who will represent a grievant, and locks the user until the transaction ends. Callers that work on
 * grievances can see the name of every user but not the account, so the lookup bypasses the filter of accounts.
 * @throws NOT_FOUND if the user does not exist; BAD_INPUT if the user is inactive or has no role that represents.
 */
export async function representative(scope: Scope, userId: string, now: Date): Promise<Ref<User>> {
  const [found] = await scope.em.execute<{ id: string; represents: boolean }[]>(
    `select u.id, u.is_active and exists (
       select 1 from user_roles a join roles r on r.id = a.role_id
       where a.user_id = u.id and ${isInForce('a', '?')} and r.based_on in (?, ?, ?)) as represents
     from users u where u.id = ? and u.deleted_at is null for share of u`,
    [now, ...representing, userId],
  );
  if (found === undefined) throw notFound();
  if (!found.represents)
    throw badInput({
      path: 'input.assignedUserId',
      message: 'must be an active user whose roles may represent members',
    });
  return ref(User, found.id);
}
