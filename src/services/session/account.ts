import type { SqlEntityManager } from '@mikro-orm/postgresql';
import { UniqueConstraintViolationException } from '@mikro-orm/core';
import { Role, RoleName, systemRoles, UserRole } from '../../entities/role.ts';
import { User, type UserFacts } from '../../entities/user.ts';

/** An account to be made, with the one role that it begins with. */
export interface NewAccount extends UserFacts {
  readonly passwordHash: string;
  readonly role: RoleName;
  readonly flags: Partial<Pick<User, 'isOwner' | 'isVerified' | 'isSelfRegistered' | 'passwordMustChange'>>;
}

/** Makes an account in the caller's transaction, and the six system roles where a new instance has none yet. */
export async function makeAccount(em: SqlEntityManager, { role, flags, ...facts }: NewAccount, at: Date): Promise<User> {
  await makeRoles(em);
  const held = await em.findOneOrFail(Role, { name: role }, { filters: false });
  const user = Object.assign(new User(facts), flags, { createdAt: at, updatedAt: at });
  em.persist(user);
  await em.flush();
  em.persist(
    new UserRole({
      user: em.getReference(User, user.id, { wrapped: true }),
      role: em.getReference(Role, held.id, { wrapped: true }),
      assignedAt: at,
    }),
  );
  await em.flush();
  return user;
}

/** Whether somebody owns this instance: whether it was set up. */
export async function hasOwner(em: SqlEntityManager): Promise<boolean> {
  return (await em.count(User, { isOwner: true }, { filters: false })) > 0;
}

/** What of a new account is another's already; null where that is not what went wrong. */
export function takenBy(error: unknown): 'username' | 'email' | 'owner' | null {
  if (!(error instanceof UniqueConstraintViolationException)) return null;
  const constraint = String((error as { constraint?: unknown }).constraint);
  return constraints[constraint] ?? null;
}

const constraints: Readonly<Record<string, 'username' | 'email' | 'owner'>> = {
  users_username_unique: 'username',
  users_email_proved_unique: 'email',
  users_single_owner_unique: 'owner',
};

async function makeRoles(em: SqlEntityManager): Promise<void> {
  const roles = Object.values(RoleName).map((name) => {
    const [displayName, description] = systemRoles[name];
    return new Role({ name, displayName, description, isSystemRole: true, basedOn: name });
  });
  await em.upsertMany(Role, roles, { onConflictFields: ['name'], onConflictAction: 'ignore' });
}
