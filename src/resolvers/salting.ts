import type { GraphQLResolveInfo } from 'graphql';
import { Arg, Args, Ctx, ID, Info, Mutation, Query, Resolver } from 'type-graphql';
import type { Context } from '../context.ts';
import { connectionOf, includeDeletedOptions, pageOf, type Page } from '../entities/page.ts';
import { SaltingActivity } from '../entities/salting.ts';
import { creating } from '../services/idempotency.ts';
import { LogSaltingActivityInput, UpdateSaltingActivityInput } from '../services/salting.ts';

export const SaltingActivityConnection = connectionOf(SaltingActivity);
export const SaltingActivityPage = pageOf(SaltingActivity);

@Resolver(SaltingActivity)
export class SaltingActivityResolver {
  @Query(() => SaltingActivityConnection, { nullable: true, description: 'What organizers did at employers that are not union yet.' })
  saltingActivities(@Ctx() { read }: Context, @Args(() => SaltingActivityPage) page: Page, @Info() info: GraphQLResolveInfo) {
    return read.page(SaltingActivity, page, info);
  }

  @Query(() => SaltingActivity, { nullable: true, description: 'One salting activity.' })
  saltingActivity(
    @Ctx() { read }: Context,
    @Arg('id', () => ID, { description: 'Its id.' }) id: string,
    @Arg('includeDeleted', () => Boolean, includeDeletedOptions) includeDeleted: boolean,
    @Info() info: GraphQLResolveInfo,
  ) {
    return read.one(SaltingActivity, { id }, info, includeDeleted);
  }

  @Mutation(() => SaltingActivity, creating('Records what an organizer did.'))
  async logSaltingActivity(
    @Ctx() { read, once }: Context,
    @Arg('input', () => LogSaltingActivityInput, { description: 'What was done.' }) input: LogSaltingActivityInput,
    @Info() info: GraphQLResolveInfo,
  ) {
    return read.one(SaltingActivity, { id: await once(info, ({ salting }) => salting.log(input)) }, info);
  }

  @Mutation(() => SaltingActivity, { description: 'Corrects an activity, or tells how it went.' })
  async updateSaltingActivity(
    @Ctx() { read, salting }: Context,
    @Arg('id', () => ID, { description: 'Its id.' }) id: string,
    @Arg('input', () => UpdateSaltingActivityInput, { description: 'What changes.' }) input: UpdateSaltingActivityInput,
    @Info() info: GraphQLResolveInfo,
  ) {
    return read.one(SaltingActivity, { id: await salting.update(id, input) }, info);
  }

  @Mutation(() => SaltingActivity, { description: 'Deletes an activity: it leaves every list, and every figure.' })
  async deleteSaltingActivity(
    @Ctx() { read, salting }: Context,
    @Arg('id', () => ID, { description: 'Its id.' }) id: string,
    @Info() info: GraphQLResolveInfo,
  ) {
    return read.deleted(SaltingActivity, await salting.delete(id), info);
  }
}
