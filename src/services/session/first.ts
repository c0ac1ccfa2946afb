import type { SqlEntityManager } from '@mikro-orm/postgresql';
import { normalizeEmail } from '../../entities/identifier.ts';
import { RoleName } from '../../entities/role.ts';
import { hasOwner, makeAccount, takenBy } from './account.ts';
import { recordOwn } from './record.ts';
import type { Client, SessionTools } from './tools.ts';

/** Whom the operator names as the first admin. */
export interface FirstAdmin {
  readonly username: string;
  readonly email: string;
  readonly password: string;
}

/** No request is behind it. */
const start: Client = { ipAddress: null, userAgent: null, requestId: 'start' };

/**
 * Makes the owner whom the operator named, where the instance has neither an owner nor an admin; the password has to be
 * changed first thing. Several nodes may do so at once.
 * @returns whether it was made now.
 */
export async function makeFirstAdmin(
  em: SqlEntityManager,
  tools: Pick<SessionTools, 'keyring' | 'passwords' | 'now'>,
  { username, email, password }: FirstAdmin,
): Promise<boolean> {
  if ((await hasOwner(em)) || (await hasAdmin(em))) return false;
  const passwordHash = await tools.passwords.hash(password);
  const facts = { username, email: normalizeEmail(email), firstName: 'First', lastName: 'Admin', passwordHash };
  const flags = { isOwner: true, isVerified: true, passwordMustChange: true };
  return em
    .transactional(async (transaction) => {
      const { id: userId } = await makeAccount(transaction, { ...facts, role: RoleName.ADMIN, flags }, tools.now());
      recordOwn(transaction, tools, { userId }, start, 'setup_owner');
      return true;
    })
    .catch(unlessMadeElsewhere);
}

async function hasAdmin(em: SqlEntityManager): Promise<boolean> {
  const [row] = await em.execute<{ has: boolean }[]>(
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
