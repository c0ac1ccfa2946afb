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
  description: 'The type of a GraphQL operation.',
  valuesConfig: {
    QUERY: { description: 'A query, which reads data.' },
    MUTATION: { description: 'A mutation, which changes data.' },
    SUBSCRIPTION: { description: 'A subscription, which receives events.' },
  },
});

@ObjectType({ description: 'Whether the roles of the caller allow an operation.', simpleResolvers: true })
class Permission {
  @Field(() => OperationType, { description: 'The type of the operation.' })
  type!: OperationType;

  @Field(() => String, { description: 'The name of the operation: its root field in the schema.' })
  operation!: string;

  @Field(() => Boolean, {
    description:
      'Whether the roles of the caller allow the operation. Access to individual records is checked separately.',
  })
  isAllowed!: boolean;
}

@Resolver(Role)
export class RoleResolver {
  @Query(() => [Role], { nullable: true, description: 'Lists roles.' })
  roles(@Ctx() { read }: Context, @Info() info: GraphQLResolveInfo) {
    return read.all(Role, { property: 'name', direction: 'ASC' }, info);
  }

  @Query(() => [Permission], {
    description:
      'Lists every operation and whether the roles of the caller allow it. For an individual case, see its `availableActions`.',
  })
  permissions(@Ctx() { permissions }: Context) {
    return permissions();
  }

  @Mutation(() => Role, creating('Creates a custom role that grants the rights of a system role.'))
  async createRole(
    @Ctx() { read, once }: Context,
    @Arg('input', () => CreateRoleInput, { description: 'The role to create.' }) input: CreateRoleInput,
    @Info() info: GraphQLResolveInfo,
  ) {
    return read.one(Role, { id: await once(info, ({ roles }) => roles.create(input)) }, info);
  }

  @Mutation(() => Role, {
    description:
      'Changes the display name or description of a role. Fails with CONFLICT if the display name of a system role would change.',
  })
  async updateRole(
    @Ctx() { read, roles }: Context,
    @Arg('id', () => ID, { description: 'The id of the role.' }) id: string,
    @Arg('input', () => UpdateRoleInput, { description: 'The fields to change.' }) input: UpdateRoleInput,
    @Info() info: GraphQLResolveInfo,
  ) {
    return read.one(Role, { id: await roles.update(id, input) }, info);
  }

  @Mutation(() => Role, {
    description:
      'Deletes a custom role and returns its last state. Expired assignments are deleted too. Fails with ' +
      'CONFLICT if it is a system role or is assigned to a user.',
  })
  async deleteRole(
    @Ctx() { read, roles }: Context,
    @Arg('id', () => ID, { description: 'The id of the role.' }) id: string,
    @Info() info: GraphQLResolveInfo,
  ) {
    const role = await read.one(Role, { id }, info);
    await roles.delete(id);
    return role;
  }
}
