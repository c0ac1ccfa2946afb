import { UniqueConstraintViolationException } from '@mikro-orm/core';
import { Field, InputType } from 'type-graphql';
import { User, userProblems } from '../../entities/user.ts';
import { assertValid, badInput, unauthenticated } from '../../errors.ts';
import { recordChange } from '../audit/event.ts';
import { takeAttempt } from '../limit.ts';
import type { Scope } from '../scope.ts';

@InputType({ description: "Changes to the caller's own account. Omitted fields keep their values." })
export class UpdateProfileInput {
  @Field(() => String, { nullable: true, description: 'The first name. At most 100 characters. Must not be null.' })
  firstName?: string | null;

  @Field(() => String, { nullable: true, description: 'The last name. At most 100 characters. Must not be null.' })
  lastName?: string | null;

  @Field(() => String, {
    nullable: true,
    description:
      'The username for login: 2 to 50 characters from A–Z, a–z, 0–9, `.`, `_`, and `-`. Unique, ignoring case. Must not be null.',
  })
  username?: string | null;
}

/**
 * Changes the caller's names and username.
 * @returns the user's id.
 * @throws BAD_INPUT, also if the username is taken; RATE_LIMITED for usernames, so that nobody can probe many.
 */
export async function updateProfile(scope: Scope, input: UpdateProfileInput): Promise<string> {
  const { userId } = scope.viewer;
  if (userId === null) throw unauthenticated();
  const changes = demandNames(input);
  if (Object.keys(changes).length === 0) return userId;
  if (changes.username !== undefined) await takeAttempt(scope, 'register', userId);
  const user = await scope.em.findOneOrFail(User, userId, { filters: false });
  Object.assign(user, changes);
  recordChange(scope, { action: 'update_profile', targetType: 'User', targetId: userId });
  await scope.em.flush().catch((error: unknown) => {
    throw error instanceof UniqueConstraintViolationException
      ? badInput({ path: 'input.username', message: 'is taken' })
      : error;
  });
  return userId;
}

/** Validates the given values that are not null, and returns them trimmed. */
function demandNames({
  firstName,
  lastName,
  username,
}: UpdateProfileInput): Partial<Record<keyof UpdateProfileInput, string>> {
  const given = Object.entries({ firstName, lastName, username }).filter(([, value]) => value !== undefined);
  const empty = given
    .filter(([, value]) => value === null)
    .map(([path]) => ({ path: `input.${path}`, message: 'must not be null' }));
  const changes = Object.fromEntries(given.flatMap(([name, value]) => (value == null ? [] : [[name, value.trim()]])));
  const problems = [
    ...empty,
    ...userProblems(changes).map(({ path, message }) => ({ path: `input.${path}`, message })),
  ];
  assertValid(problems);
  return changes;
}
