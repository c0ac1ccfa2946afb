import { LockMode, ref } from '@mikro-orm/postgresql';
import { Field, ID, InputType } from 'type-graphql';
import { validate as isUuid } from 'uuid';
import { BenevolenceReviewLevel } from '../../entities/benevolence.ts';
import { Role, termProblems, UserRole } from '../../entities/role.ts';
import { DateTimeScalar } from '../../entities/scalars.ts';
import { User } from '../../entities/user.ts';
import { forbidden, notFound, type FieldProblem } from '../../errors.ts';
import { recordChange } from '../audit/event.ts';
import { assertNoProblems } from '../record/index.ts';
import { administer, holdUser, isOwn, refusalOfLoss } from './admin-guard.ts';
import type { Scope } from '../scope.ts';

@InputType({ description: 'A role assignment.' })
export class AssignRoleInput {
  @Field(() => ID, { description: 'The id of the user. Must not be the caller.' })
  userId!: string;

  @Field(() => ID, { description: 'The id of the role.' })
  roleId!: string;

  @Field(() => DateTimeScalar, {
    nullable: true,
    description:
      'When the role expires. Must be in the future; null means never. Omit it to keep the current value of an active assignment.',
  })
  expiresAt?: Date | null;

  @Field(() => [BenevolenceReviewLevel], {
    nullable: true,
    description:
      'The benevolence review levels that the user may decide. Only for roles based on admin or officer. ' +
      'Omit it to keep the current levels of an active assignment.',
  })
  reviewLevels?: BenevolenceReviewLevel[] | null;
}

/**
 * Assigns a role, or changes the terms of an assignment; omitted terms then stay. If the earlier assignment has
 * expired, a new one starts. The user gets a mail.
 * @returns the user's id.
 * @throws BAD_INPUT; NOT_FOUND if the user or role does not exist; FORBIDDEN for the caller's own account; CONFLICT if
 * the owner's or the last admin's role would get an end.
 */
export async function assignRole(scope: Scope, input: AssignRoleInput): Promise<string> {
  assertNoProblems([...idProblems(input), ...termProblems(input, null, scope.now())]);
  if (isOwn(scope.viewer, input.userId)) throw ownRoles();
  return administer(scope, async (tx) => {
    const user = await holdUser(tx, input.userId);
    const role = await holdRole(tx, input.roleId);
    assertNoProblems(termProblems(input, role, scope.now()));
    const held = await tx.em.findOne(UserRole, { user: user.id, role: role.id });
    const refusal = held !== null && input.expiresAt ? await refusalOfLoss(tx, user, role) : null;
    if (refusal !== null) return refusal;
    settle(tx, { user, role, held }, input);
    await recordRoleChange(tx, { user, role, action: 'role.assign' });
    return user.id;
  });
}

export const ownRoles = () => forbidden('You cannot change your own roles.');

function idProblems({ userId, roleId }: AssignRoleInput): FieldProblem[] {
  return Object.entries({ userId, roleId }).flatMap(([path, id]) =>
    isUuid(id) ? [] : [{ path, message: 'must be a UUID' }],
  );
}

/** Finds the role and prevents its deletion until the transaction ends. @throws NOT_FOUND */
async function holdRole(scope: Scope, id: string): Promise<Role> {
  const role = await scope.em.findOne(Role, { id }, { lockMode: LockMode.PESSIMISTIC_READ });
  if (role === null) throw notFound();
  return role;
}

interface Holding {
  readonly user: User;
  readonly role: Role;
  readonly held: UserRole | null;
}

function settle(scope: Scope, { user, role, held }: Holding, input: AssignRoleInput): void {
  const [assignedBy, at] = [scope.em.getReference(User, scope.viewer.userId ?? '', { wrapped: true }), scope.now()];
  const { expiresAt = null, reviewLevels } = input;
  if (held === null)
    scope.em.persist(
      new UserRole({
        user: ref(user),
        role: ref(role),
        assignedBy,
        assignedAt: at,
        expiresAt,
        reviewLevels: [...(reviewLevels ?? [])],
      }),
    );
  else held.renew(input, assignedBy, at);
}

/** A change of a user's role. */
interface RoleChange {
  readonly user: User;
  readonly role: Role;
  readonly action: 'role.assign' | 'role.unassign';
}

/** Records one event for the user and one for the role, both with the same request, and mails the user. */
export async function recordRoleChange(scope: Scope, { user, role, action }: RoleChange): Promise<void> {
  recordChange(scope, { action, targetType: 'User', targetId: user.id });
  recordChange(scope, { action, targetType: 'Role', targetId: role.id });
  if (user.isInvited) return;
  await scope.mail.enqueue(scope.em, {
    kind: 'security-alert',
    userId: user.id,
    alert: 'roles-changed',
    at: scope.now().toISOString(),
  });
}
