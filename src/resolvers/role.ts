import type { GraphQLResolveInfo } from 'graphql';
import { Ctx, Field, Info, ObjectType, Query, Resolver, registerEnumType } from 'type-graphql';
import type { Context } from '../context.ts';
import { Role } from '../entities/role.ts';

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
}
