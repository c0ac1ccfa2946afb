import type { GraphQLResolveInfo } from 'graphql';
import { Arg, Ctx, Field, ID, Info, Mutation, ObjectType, Query, Resolver, registerEnumType } from 'type-graphql';
import type { Context } from '../context.ts';
import { Role } from '../entities/role.ts';
import { creating } from '../services/idempotency.ts';
import { CreateRoleInput, UpdateRoleInput } from '../services/role.ts';

enum OperationType {
  QUERY = 'Query',
  MUTATION = 'Mutation',
  SUBSCRIPTION = 'Subscription',
}

registerEnumType(OperationType, {
  name: 'OperationType',
  description: 'A kind of operation.',
  valuesConfig: {
    QUERY: { description: 'Reads.' },
    MUTATION: { description: 'Changes.' },
    SUBSCRIPTION: { description: 'Listens.' },
  },
});

@ObjectType({ description: 'Whether the caller may ask one operation.', simpleResolvers: true })
class Permission {
  @Field(() => OperationType, { description: 'Its kind.' })
  type!: OperationType;

  @Field(() => String, { description: 'The name of its root field.' })
  operation!: string;

  @Field(() => Boolean, { description: "Whether the caller's roles allow it; which rows it reaches is decided by row." })
  isAllowed!: boolean;
}

@Resolver(Role)
export class RoleResolver {
  @Query(() => [Role], { nullable: true, description: 'The roles; admins and officers see all, everyone else those they hold.' })
  roles(@Ctx() { read }: Context, @Info() info: GraphQLResolveInfo) {
    return read.all(Role, { property: 'name', direction: 'ASC' }, info);
  }

  @Query(() => [Permission], {
    description: "Which operations the caller's roles allow; rows decide further by availableActions. Answers anyone.",
  })
  permissions(@Ctx() { permissions }: Context) {
    return permissions();
  }

  @Mutation(() => Role, creating('Makes a role that gives what one of the six system roles gives.'))
  async createRole(
    @Ctx() { read, once }: Context,
    @Arg('input', () => CreateRoleInput, { description: 'What it is called, and what it gives.' }) input: CreateRoleInput,
    @Info() info: GraphQLResolveInfo,
  ) {
    return read.one(Role, { id: await once(info, ({ roles }) => roles.create(input)) }, info);
  }

  @Mutation(() => Role, {
    description: 'Changes what people read of a role; of a system role that is the description alone, else CONFLICT.',
  })
  async updateRole(
    @Ctx() { read, roles }: Context,
    @Arg('id', () => ID, { description: 'Its id.' }) id: string,
    @Arg('input', () => UpdateRoleInput, { description: 'What changes.' }) input: UpdateRoleInput,
    @Info() info: GraphQLResolveInfo,
  ) {
    return read.one(Role, { id: await roles.update(id, input) }, info);
  }

  @Mutation(() => Role, {
    description:
      'Removes a role, and answers it as it was. CONFLICT for a system role, and for one that somebody holds; assignments that have expired go with it.',
  })
  async deleteRole(
    @Ctx() { read, roles }: Context,
    @Arg('id', () => ID, { description: 'Its id.' }) id: string,
    @Info() info: GraphQLResolveInfo,
  ) {
    const role = await read.one(Role, { id }, info);
    await roles.delete(id);
    return role;
  }
}
