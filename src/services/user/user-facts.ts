import { normalizeEmail } from '../../entities/identifier.ts';
import { holdsEmail, User, userProblems, type UserFacts } from '../../entities/user.ts';
import type { FieldProblem } from '../../errors.ts';
import { parseInput, type ParsedInput } from '../record/index.ts';
import type { Scope } from '../scope.ts';

/** The maximum number of roles in one request. */
export const mostRoles = 20;

/** The facts of a user that an admin gives. */
export type GivenFacts = { readonly [Name in keyof UserFacts]?: string | null | undefined };

/** Returns the given facts, trimmed, and all their problems. */
export function readFacts(
  scope: Scope,
  { username, email, firstName, lastName }: GivenFacts,
): ParsedInput<Partial<UserFacts>> {
  const address = typeof email === 'string' ? normalizeEmail(email) : email;
  const { values, problems } = parseInput(scope, User, { username, email: address, firstName, lastName });
  const wrong = new Set(problems.map(({ path }) => path));
  const right = Object.fromEntries(Object.entries(values).filter(([path]) => !wrong.has(path))) as Partial<UserFacts>;
  return { values: right, problems: [...problems, ...userProblems(right)] };
}

/** The values that only one user can have. */
export interface UniqueField {
  readonly username?: string | undefined;
  readonly email?: string | undefined;
  readonly memberId?: string | null | undefined;
}

/** Lists which of these another user has. The username of a deleted user is not reused; address and member are. */
export async function takenProblems(
  scope: Scope,
  { username, email, memberId }: UniqueField,
  id: string,
): Promise<FieldProblem[]> {
  const [taken = {}] = await scope.em.execute<Record<string, boolean>[]>(
    `select
       exists (select 1 from users where lower(username) = lower(cast(? as text) collate "C") and id <> ?) as username,
       exists (select 1 from users u where lower(u.email) = lower(cast(? as text) collate "C") and u.id <> ?
         and ${holdsEmail('u')}) as email,
       exists (select 1 from users where member_id = cast(? as uuid) and id <> ? and deleted_at is null) as "memberId"`,
    [username ?? null, id, email ?? null, id, memberId ?? null, id],
  );
  return Object.entries(taken).flatMap(([path, isTaken]) => (isTaken ? [{ path, message: 'is taken' }] : []));
}

/** The fields of the unique constraints, for values that a concurrent change takes. */
export const taken = {
  users_username_unique: 'input.username',
  users_email_proved_unique: 'input.email',
  users_member_id_unique: 'input.memberId',
} as const;
