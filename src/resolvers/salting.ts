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
  @Query(() => SaltingActivityConnection, { nullable: true, description: 'Lists salting activities.' })
  saltingActivities(
    @Ctx() { read }: Context,
    @Args(() => SaltingActivityPage) page: Page,
    @Info() info: GraphQLResolveInfo,
  ) {
    return read.page(SaltingActivity, page, info);
  }

  @Query(() => SaltingActivity, {
    nullable: true,
    description: 'Returns a salting activity. Fails with NOT_FOUND if it does not exist or is hidden from the caller.',
  })
  saltingActivity(
    @Ctx() { read }: Context,
    @Arg('id', () => ID, { description: 'The id of the activity.' }) id: string,
    @Arg('includeDeleted', () => Boolean, includeDeletedOptions) includeDeleted: boolean,
    @Info() info: GraphQLResolveInfo,
  ) {
    return read.one(SaltingActivity, { id }, info, includeDeleted);
  }

  @Mutation(() => SaltingActivity, creating('Records a salting activity.'))
  async logSaltingActivity(
    @Ctx() { read, once }: Context,
    @Arg('input', () => LogSaltingActivityInput, { description: 'The activity to record.' })
    input: LogSaltingActivityInput,
    @Info() info: GraphQLResolveInfo,
  ) {
    return read.one(SaltingActivity, { id: await once(info, ({ salting }) => salting.log(input)) }, info);
  }

  @Mutation(() => SaltingActivity, { description: 'Changes a salting activity.' })
  async updateSaltingActivity(
    @Ctx() { read, salting }: Context,
    @Arg('id', () => ID, { description: 'The id of the activity.' }) id: string,
    @Arg('input', () => UpdateSaltingActivityInput, { description: 'The fields to change.' })
    input: UpdateSaltingActivityInput,
    @Info() info: GraphQLResolveInfo,
  ) {
    return read.one(SaltingActivity, { id: await salting.update(id, input) }, info);
  }

  @Mutation(() => SaltingActivity, { description: 'Deletes a salting activity. It disappears from lists and figures.' })
  async deleteSaltingActivity(
    @Ctx() { read, salting }: Context,
    @Arg('id', () => ID, { description: 'The id of the activity.' }) id: string,
    @Info() info: GraphQLResolveInfo,
  ) {
    return read.deleted(SaltingActivity, await salting.delete(id), info);
  }
}
