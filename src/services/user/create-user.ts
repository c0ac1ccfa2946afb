import { LockMode, ref } from '@mikro-orm/postgresql';
import { Field, ID, InputType } from 'type-graphql';
import { validate as isUuid } from 'uuid';
import { Member } from '../../entities/member.ts';
import { Role, termProblems, UserRole } from '../../entities/role.ts';
import { DateTimeScalar } from '../../entities/scalars.ts';
import { noPassword, User, type UserFacts } from '../../entities/user.ts';
import { notFound, type FieldProblem } from '../../errors.ts';
import { recordChange } from '../audit/event.ts';
import { mailToken } from '../mail/index.ts';
import { findVisible, assertNoProblems, flush } from '../record/index.ts';
import { administer } from './admin-guard.ts';
import { mostRoles, readFacts, taken, takenProblems } from './user-facts.ts';
import type { Scope } from '../scope.ts';

@InputType({ description: 'A user account to create.' })
export class CreateUserInput {
  @Field(() => String, {
    description:
      'The username for login: 2 to 50 characters from A–Z, a–z, 0–9, `.`, `_`, and `-`. Unique, ignoring case.',
  })
  username!: string;

  @Field(() => String, { description: 'The e-mail address that receives the invitation. Unique, ignoring case.' })
  email!: string;

  @Field(() => String, { description: 'The first name. At most 100 characters.' })
  firstName!: string;

  @Field(() => String, { description: 'The last name. At most 100 characters.' })
  lastName!: string;

  @Field(() => [ID], {
    description:
      'The ids of the initial roles, without duplicates and at most 20. Without a role, the user can see only their own account.',
  })
  roleIds!: string[];

  @Field(() => DateTimeScalar, {
    nullable: true,
    description: 'When the initial roles expire. Must be in the future. Null means never.',
  })
  rolesExpireAt?: Date | null;

  @Field(() => ID, {
    nullable: true,
    description: 'The id of the member record to link. It must not be linked to another user.',
  })
  memberId?: string | null;
}

/**
 * Creates an account without a password, and mails an invitation whose token sets the first one. The admin vouches for
 * the account, so nobody else can claim its address; the address is verified when the token is used.
 * @returns the user's id.
 * @throws BAD_INPUT with every problem, including taken values; NOT_FOUND if a role or the member does not exist.
 */
export async function createUser(scope: Scope, input: CreateUserInput): Promise<string> {
  const { values, problems } = readFacts(scope, input);
  assertNoProblems([...problems, ...referenceProblems(input), ...endProblems(input, scope.now())]);
  const roleIds = input.roleIds.map((id) => id.toLowerCase());
  return administer(scope, async (tx) => {
    const user = new User({ ...(values as UserFacts), passwordHash: noPassword });
    assertNoProblems(await takenProblems(tx, { ...values, memberId: input.memberId }, user.id));
    user.member =
      input.memberId == null ? null : ref(await findVisible(tx, Member, input.memberId, { isPinned: true }));
    const roles = await holdRoles(tx, roleIds);
    return invite(tx, { user, roles, expiresAt: input.rolesExpireAt ?? null });
  });
}

/** Returns the problems of malformed ids and repeated roles. */
function referenceProblems({ roleIds, memberId }: CreateUserInput): FieldProblem[] {
  const problems: FieldProblem[] = [];
  if (roleIds.length > mostRoles) problems.push({ path: 'roleIds', message: `must have at most ${mostRoles} ids` });
  else if (new Set(roleIds.map((id) => id.toLowerCase())).size < roleIds.length)
    problems.push({ path: 'roleIds', message: 'must not list a role twice' });
  problems.push(
    ...roleIds.flatMap((id, place) => (isUuid(id) ? [] : [{ path: `roleIds[${place}]`, message: 'must be a UUID' }])),
  );
  if (memberId != null && !isUuid(memberId)) problems.push({ path: 'memberId', message: 'must be a UUID' });
  return problems;
}

const endProblems = ({ rolesExpireAt: expiresAt }: CreateUserInput, at: Date): FieldProblem[] =>
  termProblems({ expiresAt }, null, at).map(({ message }) => ({ path: 'rolesExpireAt', message }));

/** Finds the roles and prevents their deletion until the transaction ends. */
async function holdRoles(scope: Scope, ids: readonly string[]): Promise<Role[]> {
  const roles = await scope.em.find(
    Role,
    { id: { $in: [...ids] } },
    { orderBy: { id: 'asc' }, lockMode: LockMode.PESSIMISTIC_READ },
  );
  if (roles.length < ids.length) throw notFound();
  return roles;
}

interface Invitation {
  readonly user: User;
  readonly roles: readonly Role[];
  readonly expiresAt: Date | null;
}

/** Records one event for the account and one for each role, so that the log shows who gave which. */
async function invite(scope: Scope, { user, roles, expiresAt }: Invitation): Promise<string> {
  const at = scope.now();
  const assignedBy =
    scope.viewer.userId === null ? null : scope.em.getReference(User, scope.viewer.userId, { wrapped: true });
  scope.em.persist(Object.assign(user, { createdAt: at, updatedAt: at }));
  recordChange(scope, { action: 'user.create', targetType: 'User', targetId: user.id });
  for (const role of roles) {
    scope.em.persist(new UserRole({ user: ref(user), role: ref(role), assignedBy, assignedAt: at, expiresAt }));
    recordChange(scope, { action: 'role.assign', targetType: 'Role', targetId: role.id });
  }
  await flush(scope, taken);
  await mailToken(scope, { kind: 'invitation', user, lifetime: scope.rules.invitationTtl });
  return user.id;
}
