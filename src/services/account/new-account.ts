import { Field, InputType } from 'type-graphql';
import { UniqueConstraintViolationException } from '@mikro-orm/core';
import { normalizeEmail } from '../../entities/identifier.ts';
import { Role, UserRole, type RoleName } from '../../entities/role.ts';
import { User, userProblems, type UserFacts } from '../../entities/user.ts';
import { passwordRule } from '../proof/password-strength.ts';
import { assertNoProblems } from '../record/index.ts';
import { makeRoles } from '../record/role.ts';
import type { EntityScope, Scope } from '../scope.ts';

/** The fields that all inputs for a new account share. */
@InputType()
export abstract class NewAccountInput {
  @Field(() => String, { description: `The password. ${passwordRule}` })
  password!: string;

  @Field(() => String, { description: 'The first name. At most 100 characters.' })
  firstName!: string;

  @Field(() => String, { description: 'The last name. At most 100 characters.' })
  lastName!: string;
}

/** A new account with its first role. */
export interface NewAccount extends UserFacts {
  readonly passwordHash: string;
  readonly role: RoleName;
  readonly flags: Partial<Pick<User, 'isOwner' | 'isVerified' | 'isSelfRegistered' | 'passwordMustChange'>>;
}

/** Validates the facts of a new account and returns them as they are stored. @throws BAD_INPUT with every problem. */
export function demandFacts({ username, email, firstName, lastName }: UserFacts): UserFacts {
  const facts = { username, email: normalizeEmail(email), firstName: firstName.trim(), lastName: lastName.trim() };
  const problems = userProblems(facts);
  assertNoProblems(problems);
  return facts;
}

/** Creates an account in the caller's transaction, and the six system roles if the instance has none yet. */
export async function makeAccount(scope: EntityScope, { role, flags, ...facts }: NewAccount, at: Date): Promise<User> {
  const roleId = (await roleOf(scope, role)) ?? (await makeRole(scope, role));
  const user = Object.assign(new User(facts), flags, { createdAt: at, updatedAt: at });
  scope.em.persist(user);
  await scope.em.flush();
  scope.em.persist(
    new UserRole({
      user: scope.em.getReference(User, user.id, { wrapped: true }),
      role: scope.em.getReference(Role, roleId, { wrapped: true }),
      assignedAt: at,
    }),
  );
  await scope.em.flush();
  return user;
}

/** Whether the instance has an owner, which means that it was set up. */
export async function hasOwner({ em }: Pick<Scope, 'em'>): Promise<boolean> {
  return (await em.count(User, { isOwner: true }, { filters: false })) > 0;
}

/** Returns which value of a new account is already taken. Null if the error has another reason. */
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

const roleOf = async (scope: EntityScope, name: RoleName): Promise<string | null> =>
  (await scope.em.findOne(Role, { name }, { filters: false }))?.id ?? null;

async function makeRole(scope: EntityScope, name: RoleName): Promise<string> {
  await makeRoles(scope);
  return (await scope.em.findOneOrFail(Role, { name }, { filters: false })).id;
}
