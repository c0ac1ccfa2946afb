import { ForeignKeyConstraintViolationException, type SqlEntityManager } from '@mikro-orm/postgresql';
import { Field, InputType } from 'type-graphql';
import { Role, RoleName, roleProblems, UserRole, type RoleDescription } from '../entities/role.ts';
import type { Viewer } from '../entities/viewer.ts';
import { conflict, type Refusal } from '../errors.ts';
import { recordChange, type ChangeTools, type Requester } from './audit/event.ts';
import { draft, find, refuse, write } from './record/index.ts';

@InputType({ description: 'A role of the local, which gives what one of the six gives.' })
export class CreateRoleInput {
  @Field(() => String, {
    description: 'The name that programs use: 1 to 50 of lower-case letters, digits, `_` and `-`, the first a letter; unique.',
  })
  name!: string;

  @Field(() => String, { description: 'The name that people read, of 1 to 100 characters.' })
  displayName!: string;

  @Field(() => String, { nullable: true, description: 'What the role is for, in at most 2000 characters.' })
  description?: string | null;

  @Field(() => RoleName, { description: 'The system role whose rights it gives; that never changes.' })
  basedOn!: RoleName;
}

@InputType({ description: 'What changes of a role; what is left out stays.' })
export class UpdateRoleInput {
  @Field(() => String, { nullable: true, description: 'The name that people read, of 1 to 100 characters; a system role keeps its own.' })
  displayName?: string | null;

  @Field(() => String, { nullable: true, description: 'What the role is for, in at most 2000 characters.' })
  description?: string | null;
}

/** The roles that there are. Who holds them is said of the users. */
export class RoleService {
  constructor(
    private readonly em: SqlEntityManager,
    private readonly tools: ChangeTools,
    private readonly viewer: Viewer,
  ) {}

  /**
   * Makes a custom role.
   * @returns its id.
   * @throws BAD_INPUT naming all that is wrong; also for a name that is taken.
   */
  async create({ basedOn, ...input }: CreateRoleInput, requester: Requester): Promise<string> {
    const em = this.em.fork({ keepTransactionContext: true });
    const role = new Role({ ...read(em, input), basedOn, isSystemRole: false });
    em.persist(role);
    this.record(em, 'role.create', role, requester);
    await write(em, { roles_name_unique: 'input.name' });
    return role.id;
  }

  /**
   * Changes what people read of a role; of a system role that is the description alone.
   * @returns its id.
   * @throws BAD_INPUT; NOT_FOUND; CONFLICT where a system role would be called otherwise.
   */
  async update(id: string, input: UpdateRoleInput, requester: Requester): Promise<string> {
    const em = this.em.fork();
    const changes = read(em, input);
    const role = await find(em, Role, id);
    role.describe(changes);
    this.record(em, 'role.update', role, requester);
    await em.flush();
    return role.id;
  }

  /**
   * Removes a custom role that nobody holds; assignments that have expired or were a deleted user's go with it.
   * @throws BAD_INPUT; NOT_FOUND; CONFLICT for a system role, and for one that somebody holds.
   */
  async delete(id: string, requester: Requester): Promise<void> {
    const refusal = await this.em
      .fork()
      .transactional((transaction) => this.remove(transaction, id, requester))
      .catch((error: unknown) => {
        if (error instanceof ForeignKeyConstraintViolationException) return isHeld();
        throw error;
      });
    if (refusal !== null) throw refusal;
  }

  /** Who assigns a role holds it meanwhile, and so does this. */
  private async remove(em: SqlEntityManager, id: string, requester: Requester): Promise<Refusal | null> {
    const role = await find(em, Role, id, { isHeld: true });
    if (role.isSystemRole) return conflict('A system role cannot be deleted.', 'system_role');
    const holdings = await em.find(UserRole, { role: role.id }, { filters: false, populate: ['user'] });
    const at = this.tools.now();
    if (holdings.some((each) => !each.hasExpired(at) && each.user.unwrap().deletedAt === null)) return isHeld();
    for (const each of holdings) em.remove(each);
    await em.flush();
    em.remove(role);
    this.record(em, 'role.delete', role, requester);
    return null;
  }

  private record(em: SqlEntityManager, action: string, { id }: Role, requester: Requester): void {
    recordChange(em, this.tools, this.viewer, requester, { action, targetType: 'Role', targetId: id });
  }
}

/** What is null where it must not be was refused. */
type Read<Input> = { [Name in keyof Input]: Name extends 'displayName' ? NonNullable<Input[Name]> : Input[Name] };

/** @throws BAD_INPUT naming all that is wrong. */
function read<Input extends Partial<CreateRoleInput> | UpdateRoleInput>(em: SqlEntityManager, input: Input): Read<Input> {
  const { values, problems } = draft(em, Role, input);
  const wrong = new Set(problems.map(({ path }) => path));
  const further = roleProblems(values as RoleDescription).filter(({ path }) => !wrong.has(path));
  refuse([...problems, ...further]);
  return values as Read<Input>;
}

const isHeld = (): Refusal => conflict('The role is still assigned to users. Remove it from them first.', 'held');
