import type { GraphQLResolveInfo } from 'graphql';
import { Arg, Args, Ctx, ID, Info, Query, Resolver } from 'type-graphql';
import type { Context } from '../context.ts';
import { BenevolenceApplication } from '../entities/benevolence.ts';
import { connectionOf, includeDeletedOptions, pageOf, type Page } from '../entities/page.ts';

export const BenevolenceApplicationConnection = connectionOf(BenevolenceApplication);
export const BenevolenceApplicationPage = pageOf(BenevolenceApplication);

@Resolver(BenevolenceApplication)
export class BenevolenceApplicationResolver {
  @Query(() => BenevolenceApplicationConnection, {
    nullable: true,
    description: 'Applications to the benevolence fund; a member sees their own.',
  })
  benevolenceApplications(@Ctx() { read }: Context, @Args(() => BenevolenceApplicationPage) page: Page, @Info() info: GraphQLResolveInfo) {
    return read.page(BenevolenceApplication, page, info);
  }

  @Query(() => BenevolenceApplication, { nullable: true, description: 'One application.' })
  benevolenceApplication(
    @Ctx() { read }: Context,
    @Arg('id', () => ID, { description: 'Its id.' }) id: string,
    @Arg('includeDeleted', () => Boolean, includeDeletedOptions) includeDeleted: boolean,
    @Info() info: GraphQLResolveInfo,
  ) {
    return read.one(BenevolenceApplication, { id }, info, includeDeleted);
  }
}
