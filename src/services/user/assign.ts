import { LockMode, ref, type SqlEntityManager } from '@mikro-orm/postgresql';
import { Field, ID, InputType } from 'type-graphql';
import { validate as isUuid } from 'uuid';
import { BenevolenceReviewLevel } from '../../entities/benevolence.ts';
import { Role, termProblems, UserRole } from '../../entities/role.ts';
import { DateTimeScalar } from '../../entities/scalars.ts';
import { User } from '../../entities/user.ts';
import type { Viewer } from '../../entities/viewer.ts';
import { forbidden, notFound, type FieldProblem } from '../../errors.ts';
import { recordChange } from '../audit/event.ts';
import { refuse } from '../record/index.ts';
import { administer, holdUser, isOwn, refusalOfLoss } from './admins.ts';
import type { Origin, UserTools } from './tools.ts';

@InputType({ description: 'Who is to hold which role, and on what terms.' })
export class AssignRoleInput {
  @Field(() => ID, { description: 'Who; never oneself.' })
  userId!: string;

  @Field(() => ID, { description: 'Which role.' })
  roleId!: string;

  @Field(() => DateTimeScalar, {
    nullable: true,
    description: 'A later instant, from which on the role gives nothing; null for no end. Left out, an end that was set before stays.',
  })
  expiresAt?: Date | null;

  @Field(() => [BenevolenceReviewLevel], {
    nullable: true,
    description:
      'The levels of benevolence review that the holder may decide; for roles based on admin or officer. Left out, those that were set before stay.',
  })
  reviewLevels?: BenevolenceReviewLevel[] | null;
}

/**
 * Assigns a role, or changes on what terms it is held: then what is left out stays. Where the earlier assignment has
 * expired, it begins anew. The user is told by mail.
 * @returns the user's id.
 * @throws BAD_INPUT; NOT_FOUND where there is no such user or role; FORBIDDEN for oneself; CONFLICT where the owner or
 * the last admin would come to an end.
 */
export async function assignRole(
  em: SqlEntityManager,
  tools: UserTools,
  viewer: Viewer,
  input: AssignRoleInput,
  origin: Origin,
): Promise<string> {
  refuse([...idProblems(input), ...termProblems(input, null, tools.now())]);
  if (isOwn(viewer, input.userId)) throw ownRoles();
  return administer(em, tools, viewer, async (transaction) => {
    const user = await holdUser(transaction, input.userId);
    const role = await holdRole(transaction, input.roleId);
    refuse(termProblems(input, role, tools.now()));
    const held = await transaction.findOne(UserRole, { user: user.id, role: role.id });
    const refusal = held !== null && input.expiresAt ? await refusalOfLoss(transaction, user, role) : null;
    if (refusal !== null) return refusal;
    settle(transaction, tools, viewer, { user, role, held }, input);
    await tellOfRole(transaction, tools, viewer, { user, role, action: 'role.assign' }, origin);
    return user.id;
  });
}

export const ownRoles = () => forbidden('You cannot change your own roles.');

function idProblems({ userId, roleId }: AssignRoleInput): FieldProblem[] {
  return Object.entries({ userId, roleId }).flatMap(([path, id]) => (isUuid(id) ? [] : [{ path, message: 'must be a UUID' }]));
}

/** The role of this id, which nobody deletes until the transaction ends. @throws NOT_FOUND */
async function holdRole(em: SqlEntityManager, id: string): Promise<Role> {
  const role = await em.findOne(Role, { id }, { lockMode: LockMode.PESSIMISTIC_READ });
  if (role === null) throw notFound();
  return role;
}

interface Holding {
  readonly user: User;
  readonly role: Role;
  readonly held: UserRole | null;
}

function settle(em: SqlEntityManager, { now }: UserTools, { userId }: Viewer, { user, role, held }: Holding, input: AssignRoleInput): void {
  const [assignedBy, at] = [em.getReference(User, userId ?? '', { wrapped: true }), now()];
  const { expiresAt = null, reviewLevels } = input;
  if (held === null)
    em.persist(
      new UserRole({ user: ref(user), role: ref(role), assignedBy, assignedAt: at, expiresAt, reviewLevels: [...(reviewLevels ?? [])] }),
    );
  else held.renew(input, assignedBy, at);
}

/** What was done to whom with which role. */
interface RoleChange {
  readonly user: User;
  readonly role: Role;
  readonly action: 'role.assign' | 'role.unassign';
}

/** One event for the user and one for the role, of the same request, so that the log tells both; and a mail. */
export async function tellOfRole(
  em: SqlEntityManager,
  tools: UserTools,
  viewer: Viewer,
  { user, role, action }: RoleChange,
  origin: Origin,
): Promise<void> {
  recordChange(em, tools, viewer, origin, { action, targetType: 'User', targetId: user.id });
  recordChange(em, tools, viewer, origin, { action, targetType: 'Role', targetId: role.id });
  if (user.isInvited) return;
  await tools.mail.enqueue(em, { kind: 'security-alert', userId: user.id, alert: 'roles-changed', at: tools.now().toISOString() });
}
