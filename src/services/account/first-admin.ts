import { normalizeEmail } from '../../entities/identifier.ts';
import { RoleName } from '../../entities/role.ts';
import { hasOwner, makeAccount, takenBy } from './new-account.ts';
import { recordOwn } from '../audit/record-own.ts';
import type { Scope } from '../scope.ts';

/** The first admin, as the operator configured it. */
export interface FirstAdmin {
  readonly username: string;
  readonly email: string;
  readonly password: string;
}

/**
 * Creates the owner that the operator configured, if the instance has neither an owner nor an admin. The owner must
 * change the password at the first sign-in. Several nodes may call this concurrently.
 * @returns whether this call created the owner.
 */
export async function makeFirstAdmin(scope: Scope, { username, email, password }: FirstAdmin): Promise<boolean> {
  if ((await hasOwner(scope)) || (await hasAdmin(scope))) return false;
  const passwordHash = await scope.passwords.hash(password);
  const facts = { username, email: normalizeEmail(email), firstName: 'First', lastName: 'Admin', passwordHash };
  const flags = { isOwner: true, isVerified: true, passwordMustChange: true };
  return scope
    .transaction(async (tx) => {
      const { id: userId } = await makeAccount(tx, { ...facts, role: RoleName.ADMIN, flags }, scope.now());
      recordOwn(tx, { userId }, 'setup_owner');
      return true;
    })
    .catch(unlessMadeElsewhere);
}

async function hasAdmin(scope: Scope): Promise<boolean> {
  const [row] = await scope.em.execute<{ has: boolean }[]>(
    'select exists (select 1 from user_roles a join roles r on r.id = a.role_id where r.based_on = ?) as has',
    [RoleName.ADMIN],
  );
  return row?.has === true;
}

/** Another node was faster, or a user who is not an admin has the name. The set-up token then is the alternative. */
function unlessMadeElsewhere(error: unknown): false {
  if (takenBy(error) === null) throw error;
  return false;
}
