import { normalizeEmail } from '../../entities/identifier.ts';
import { RoleName } from '../../entities/role.ts';
import { hasOwner, makeAccount, takenBy } from './new-account.ts';
import { recordOwn } from '../audit/record-own.ts';
import type { Scope } from '../scope.ts';

/** Whom the operator names as the first admin. */
export interface FirstAdmin {
  readonly username: string;
  readonly email: string;
  readonly password: string;
}

/**
 * Makes the owner whom the operator named, where the instance has neither an owner nor an admin; the password has to be
 * changed first thing. Several nodes may do so at once.
 * @returns whether it was made now.
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

/** Another node was faster, or somebody who is no admin has that name: the set-up token is the other way. */
function unlessMadeElsewhere(error: unknown): false {
  if (takenBy(error) === null) throw error;
  return false;
}
