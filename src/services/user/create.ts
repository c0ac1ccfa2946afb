import { LockMode, ref, type SqlEntityManager } from '@mikro-orm/postgresql';
import { Field, ID, InputType } from 'type-graphql';
import { validate as isUuid } from 'uuid';
import { Member } from '../../entities/member.ts';
import { Role, termProblems, UserRole } from '../../entities/role.ts';
import { DateTimeScalar } from '../../entities/scalars.ts';
import { noPassword, User, type UserFacts } from '../../entities/user.ts';
import type { Viewer } from '../../entities/viewer.ts';
import { notFound, type FieldProblem } from '../../errors.ts';
import { recordChange } from '../audit/event.ts';
import { mailToken } from '../mail/index.ts';
import { find, refuse, write } from '../record/index.ts';
import { administer } from './admins.ts';
import { mostRoles, readFacts, taken, takenProblems } from './facts.ts';
import type { Origin, UserTools } from './tools.ts';

@InputType({ description: 'Who is to be given an account, and as what.' })
export class CreateUserInput {
  @Field(() => String, {
    description: 'The name to sign in with: 2 to 50 of letters, digits, `.`, `_` and `-`; unique without regard to case.',
  })
  username!: string;

  @Field(() => String, { description: 'The e-mail address, to which the invitation goes; unique without regard to case.' })
  email!: string;

  @Field(() => String, { description: 'First name.' })
  firstName!: string;

  @Field(() => String, { description: 'Last name.' })
  lastName!: string;

  @Field(() => [ID], { description: 'The roles to begin with, each once and at most 20; none for an account that sees itself alone.' })
  roleIds!: string[];

  @Field(() => DateTimeScalar, { nullable: true, description: 'Until when those roles are held, a later instant; no end when left out.' })
  rolesExpireAt?: Date | null;

  @Field(() => ID, {
    nullable: true,
    description: 'The member record that the user is to be linked to; one that no other user is linked to.',
  })
  memberId?: string | null;
}

/**
 * Makes an account without a password, and mails an invitation whose token sets the first one. The admin vouches for the
 * account, so nobody else can claim its address; it counts as verified when the token comes back.
 * @returns the user's id.
 * @throws BAD_INPUT naming all that is wrong or taken; NOT_FOUND where there is no such role or member.
 */
export async function createUser(
  em: SqlEntityManager,
  tools: UserTools,
  viewer: Viewer,
  input: CreateUserInput,
  origin: Origin,
): Promise<string> {
  const { values, problems } = readFacts(em, input);
  refuse([...problems, ...referenceProblems(input), ...endProblems(input, tools.now())]);
  const roleIds = input.roleIds.map((id) => id.toLowerCase());
  return administer(em, tools, viewer, async (transaction) => {
    const user = new User({ ...(values as UserFacts), passwordHash: noPassword });
    refuse(await takenProblems(transaction, { ...values, memberId: input.memberId }, user.id));
    user.member = input.memberId == null ? null : ref(await find(transaction, Member, input.memberId, { isPinned: true }));
    const roles = await holdRoles(transaction, roleIds);
    return invite(transaction, tools, viewer, { user, roles, expiresAt: input.rolesExpireAt ?? null }, origin);
  });
}

/** Ids that are none, and roles that are named twice. */
function referenceProblems({ roleIds, memberId }: CreateUserInput): FieldProblem[] {
  const problems: FieldProblem[] = [];
  if (roleIds.length > mostRoles) problems.push({ path: 'roleIds', message: `must have at most ${mostRoles} ids` });
  else if (new Set(roleIds.map((id) => id.toLowerCase())).size < roleIds.length)
    problems.push({ path: 'roleIds', message: 'must not list a role twice' });
  problems.push(...roleIds.flatMap((id, place) => (isUuid(id) ? [] : [{ path: `roleIds[${place}]`, message: 'must be a UUID' }])));
  if (memberId != null && !isUuid(memberId)) problems.push({ path: 'memberId', message: 'must be a UUID' });
  return problems;
}

const endProblems = ({ rolesExpireAt: expiresAt }: CreateUserInput, at: Date): FieldProblem[] =>
  termProblems({ expiresAt }, null, at).map(({ message }) => ({ path: 'rolesExpireAt', message }));

/** The roles of these ids, which nobody deletes until the transaction ends. */
async function holdRoles(em: SqlEntityManager, ids: readonly string[]): Promise<Role[]> {
  const roles = await em.find(Role, { id: { $in: [...ids] } }, { orderBy: { id: 'asc' }, lockMode: LockMode.PESSIMISTIC_READ });
  if (roles.length < ids.length) throw notFound();
  return roles;
}

interface Invitation {
  readonly user: User;
  readonly roles: readonly Role[];
  readonly expiresAt: Date | null;
}

/** One event for the account, and one for each role, so that the log tells who gave which. */
async function invite(
  em: SqlEntityManager,
  tools: UserTools,
  viewer: Viewer,
  { user, roles, expiresAt }: Invitation,
  origin: Origin,
): Promise<string> {
  const at = tools.now();
  const assignedBy = viewer.userId === null ? null : em.getReference(User, viewer.userId, { wrapped: true });
  em.persist(Object.assign(user, { createdAt: at, updatedAt: at }));
  recordChange(em, tools, viewer, origin, { action: 'user.create', targetType: 'User', targetId: user.id });
  for (const role of roles) {
    em.persist(new UserRole({ user: ref(user), role: ref(role), assignedBy, assignedAt: at, expiresAt }));
    recordChange(em, tools, viewer, origin, { action: 'role.assign', targetType: 'Role', targetId: role.id });
  }
  await write(em, taken);
  await mailToken(em, tools, { kind: 'invitation', user, lifetime: tools.rules.invitationTtl });
  return user.id;
}
