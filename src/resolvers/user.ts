import type { GraphQLResolveInfo } from 'graphql';
import { Arg, Args, Ctx, ID, Info, Query, Resolver } from 'type-graphql';
import type { Context } from '../context.ts';
import { connectionOf, includeDeletedOptions, pageOf, type Page } from '../entities/page.ts';
import { User } from '../entities/user.ts';

const UserConnection = connectionOf(User);
const UserPage = pageOf(User);

@Resolver(User)
export class UserResolver {
  @Query(() => Boolean, { description: 'Whether an owner exists. Answers anyone.' })
  isConfigured(@Ctx() { users }: Context) {
    return users.hasOwner();
  }

  @Query(() => User, { nullable: true, description: 'Who is asking.' })
  me(@Ctx() { read, viewer }: Context, @Info() info: GraphQLResolveInfo) {
    return read.one(User, { id: viewer.userId }, info);
  }

  @Query(() => UserConnection, { nullable: true, description: 'Users; admins and officers see all, everyone else themselves.' })
  users(@Ctx() { read }: Context, @Args(() => UserPage) page: Page, @Info() info: GraphQLResolveInfo) {
    return read.page(User, page, info);
  }

  @Query(() => User, { nullable: true, description: 'One user.' })
  user(
    @Ctx() { read }: Context,
    @Arg('id', () => ID, { description: 'Their id.' }) id: string,
    @Arg('includeDeleted', () => Boolean, includeDeletedOptions) includeDeleted: boolean,
    @Info() info: GraphQLResolveInfo,
  ) {
    return read.one(User, { id }, info, includeDeleted);
  }
}
