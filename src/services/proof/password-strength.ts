import { assertValid, badInput } from '../../errors.ts';
import { composed } from '../crypto/password.ts';
import { passwordProblems } from '../crypto/policy.ts';
import type { Scope } from '../scope.ts';

/** Describes to API clients which new passwords are accepted. */
export const passwordRule =
  'At most 128 characters and by default at least 8. Must not be common, guessable, breached, or the name or address of the user.';

/** The owner of a password. None of these texts alone is accepted as a password. */
export interface Owner {
  readonly username: string;
  readonly email: string;
  readonly firstName: string;
  readonly lastName: string;
}

/**
 * Accepts a new password if it is long enough and hard to guess.
 * @throws BAD_INPUT at the path with every problem.
 */
export function demandStrength(
  { rules }: Pick<Scope, 'rules'>,
  password: string,
  { username, email, firstName, lastName }: Owner,
  path: string,
): void {
  const personal = [username, email, firstName, lastName, `${firstName} ${lastName}`, `${lastName} ${firstName}`];
  const problems = passwordProblems(password, {
    minLength: rules.passwordMinLength,
    personal,
    refusesGuessable: rules.refusesGuessablePasswords,
  });
  assertValid(problems.map((message) => ({ path, message })));
}

/** Accepts a new password if it is in no known breach. @throws BAD_INPUT at the path. */
export async function demandUnbreached(
  { breached }: Pick<Scope, 'breached'>,
  password: string,
  path: string,
): Promise<void> {
  if (await breached.has(composed(password)))
    throw badInput({ path, message: 'appears in a known data breach: choose another one' });
}
