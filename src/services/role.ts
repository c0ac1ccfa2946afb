import { ForeignKeyConstraintViolationException } from '@mikro-orm/postgresql';
import { Field, InputType } from 'type-graphql';
import { Role, RoleName, roleProblems, UserRole, type RoleDescription } from '../entities/role.ts';
import { conflict, type Refusal } from '../errors.ts';
import { recordChange } from './audit/event.ts';
import { assertNoProblems, findVisible, flush, parseInput } from './record/index.ts';
import type { Scope } from './scope.ts';

@InputType({ description: 'A custom role to create.' })
export class CreateRoleInput {
  @Field(() => String, {
    description:
      'The unique name for programs: 1 to 50 lower-case letters, digits, `_`, or `-`. Must start with a letter.',
  })
  name!: string;

  @Field(() => String, { description: 'The name for display, 1 to 100 characters.' })
  displayName!: string;

  @Field(() => String, { nullable: true, description: 'The purpose of the role. At most 2,000 characters.' })
  description?: string | null;

  @Field(() => RoleName, { description: 'The system role whose rights the role grants. It cannot be changed later.' })
  basedOn!: RoleName;
}

@InputType({ description: 'Changes to a role. Omitted fields keep their values.' })
export class UpdateRoleInput {
  @Field(() => String, {
    nullable: true,
    description: 'The name for display, 1 to 100 characters. Must not be null. Must not change for a system role.',
  })
  displayName?: string | null;

  @Field(() => String, {
    nullable: true,
    description: 'The purpose of the role. At most 2,000 characters. Null clears it.',
  })
  description?: string | null;
}

/**
 * Creates a custom role.
 * @returns its id.
 * @throws BAD_INPUT with every problem, also if the name is taken.
 */
export async function createRole(scope: Scope, { basedOn, ...input }: CreateRoleInput): Promise<string> {
  const own = { ...scope, em: scope.em.fork({ keepTransactionContext: true }) };
  const role = new Role({ ...read(own, input), basedOn, isSystemRole: false });
  own.em.persist(role);
  recordChange(own, roleChange('role.create', role));
  await flush(own, { roles_name_unique: 'input.name' });
  return role.id;
}

/**
 * Changes the texts of a role. Of a system role, only the description can change.
 * @returns its id.
 * @throws BAD_INPUT; NOT_FOUND; CONFLICT if a system role would get another display name.
 */
export async function updateRole(scope: Scope, id: string, input: UpdateRoleInput): Promise<string> {
  const own = { ...scope, em: scope.em.fork() };
  const changes = read(own, input);
  const role = await findVisible(own, Role, id);
  role.describe(changes);
  recordChange(own, roleChange('role.update', role));
  await own.em.flush();
  return role.id;
}

/**
 * Deletes a custom role that nobody holds, with its assignments that have expired or belong to deleted users.
 * @throws BAD_INPUT; NOT_FOUND; CONFLICT if it is a system role or is assigned.
 */
export async function deleteRole(scope: Scope, id: string): Promise<void> {
  const refusal = await scope
    .transaction((tx) => remove(tx, id))
    .catch((error: unknown) => {
      if (error instanceof ForeignKeyConstraintViolationException) return isHeld();
      throw error;
    });
  if (refusal !== null) throw refusal;
}

export const roles = { create: createRole, update: updateRole, delete: deleteRole };

/** Locks the role first, as an assignment does, so that the two run one after the other. */
async function remove(scope: Scope, id: string): Promise<Refusal | null> {
  const { em, now } = scope;
  const role = await findVisible(scope, Role, id, { isHeld: true });
  if (role.isSystemRole) return conflict('A system role cannot be deleted.', 'system_role');
  const holdings = await em.find(UserRole, { role: role.id }, { filters: false, populate: ['user'] });
  const at = now();
  if (holdings.some((each) => !each.hasExpired(at) && each.user.unwrap().deletedAt === null)) return isHeld();
  for (const each of holdings) em.remove(each);
  await em.flush();
  em.remove(role);
  recordChange(scope, roleChange('role.delete', role));
  return null;
}

const roleChange = (action: string, { id }: Role) => ({ action, targetType: 'Role', targetId: id });

/** Null values of required fields have been refused. */
type Read<Input> = { [Name in keyof Input]: Name extends 'displayName' ? NonNullable<Input[Name]> : Input[Name] };

/** @throws BAD_INPUT with every problem. */
function read<Input extends Partial<CreateRoleInput> | UpdateRoleInput>(
  scope: Pick<Scope, 'em'>,
  input: Input,
): Read<Input> {
  const { values, problems } = parseInput(scope, Role, input);
  const wrong = new Set(problems.map(({ path }) => path));
  const further = roleProblems(values as RoleDescription).filter(({ path }) => !wrong.has(path));
  assertNoProblems([...problems, ...further]);
  return values as Read<Input>;
}

const isHeld = (): Refusal => conflict('The role is still assigned to users. Remove it from them first.', 'held');
