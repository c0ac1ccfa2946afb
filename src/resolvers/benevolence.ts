import type { GraphQLResolveInfo } from 'graphql';
import { Arg, Args, Ctx, FieldResolver, ID, Info, Int, Mutation, Query, Resolver, Root, Subscription } from 'type-graphql';
import type { Context } from '../context.ts';
import { BenevolenceApplication, BenevolenceApplicationChange } from '../entities/benevolence.ts';
import type { CaseChange } from '../entities/case.ts';
import { connectionOf, includeDeletedOptions, pageOf, type Page } from '../entities/page.ts';
import { PayBenevolenceInput, ReviewBenevolenceInput } from '../services/benevolence/decide-application.ts';
import { ApplyForBenevolenceInput, UpdateBenevolenceDraftInput } from '../services/benevolence/draft-application.ts';
import { creating } from '../services/idempotency.ts';

export const BenevolenceApplicationConnection = connectionOf(BenevolenceApplication);
export const BenevolenceApplicationPage = pageOf(BenevolenceApplication);

const versionOptions = { nullable: true, description: 'The version that was looked at; another one is a CONFLICT.' };

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

  @Mutation(() => BenevolenceApplication, creating('Begins an application as a draft: a member for themselves, the office for any member.'))
  async applyForBenevolence(
    @Ctx() { read, once }: Context,
    @Arg('input', () => ApplyForBenevolenceInput, { description: 'What is asked for.' }) input: ApplyForBenevolenceInput,
    @Info() info: GraphQLResolveInfo,
  ) {
    return read.one(BenevolenceApplication, { id: await once(info, ({ benevolence }) => benevolence.apply(input)) }, info);
  }

  @Mutation(() => BenevolenceApplication, { description: 'Changes a draft.' })
  async updateBenevolenceDraft(
    @Ctx() { read, benevolence }: Context,
    @Arg('id', () => ID, { description: 'Its id.' }) id: string,
    @Arg('input', () => UpdateBenevolenceDraftInput, { description: 'What changes.' }) input: UpdateBenevolenceDraftInput,
    @Info() info: GraphQLResolveInfo,
  ) {
    return read.one(BenevolenceApplication, { id: await benevolence.update(id, input) }, info);
  }

  @Mutation(() => BenevolenceApplication, { description: 'Hands a draft in for review, which fixes the levels that its amount needs.' })
  async submitBenevolence(
    @Ctx() { read, benevolence }: Context,
    @Arg('id', () => ID, { description: 'Its id.' }) id: string,
    @Arg('version', () => Int, versionOptions) version: number | null,
    @Info() info: GraphQLResolveInfo,
  ) {
    return read.one(BenevolenceApplication, { id: await benevolence.submit(id, version ?? null) }, info);
  }

  @Mutation(() => BenevolenceApplication, {
    description: 'Takes back a draft, or what nobody has decided on yet: it leaves every list, and keeps its history.',
  })
  async withdrawBenevolence(
    @Ctx() { read, benevolence }: Context,
    @Arg('id', () => ID, { description: 'Its id.' }) id: string,
    @Arg('version', () => Int, versionOptions) version: number | null,
    @Info() info: GraphQLResolveInfo,
  ) {
    return read.deleted(BenevolenceApplication, await benevolence.withdraw(id, version ?? null), info);
  }

  @Mutation(() => BenevolenceApplication, creating('Decides at the level that is next.'))
  async reviewBenevolence(
    @Ctx() { read, once }: Context,
    @Arg('input', () => ReviewBenevolenceInput, { description: 'The decision.' }) input: ReviewBenevolenceInput,
    @Info() info: GraphQLResolveInfo,
  ) {
    return read.one(BenevolenceApplication, { id: await once(info, ({ benevolence }) => benevolence.review(input)) }, info);
  }

  @Mutation(() => BenevolenceApplication, { description: 'Records the payment of what was approved.' })
  async payBenevolence(
    @Ctx() { read, benevolence }: Context,
    @Arg('input', () => PayBenevolenceInput, { description: 'The payment.' }) input: PayBenevolenceInput,
    @Info() info: GraphQLResolveInfo,
  ) {
    return read.one(BenevolenceApplication, { id: await benevolence.pay(input) }, info);
  }

  @Subscription(() => BenevolenceApplicationChange, {
    description:
      'Something was done to an application that the caller sees at that instant, on any node; a draft that was just begun is in the lists. Over a WebSocket, by graphql-transport-ws.',
    subscribe: ({ context, args }: Subscribing) => context.cases.changesOf(BenevolenceApplication, args.id),
  })
  benevolenceApplicationChanged(
    @Root() change: CaseChange,
    @Arg('id', () => ID, { nullable: true, description: 'Of this one alone.' }) _id: string | null,
  ) {
    return change;
  }
}

interface Subscribing {
  readonly context: Context;
  readonly args: { readonly id?: string | null };
}

@Resolver(BenevolenceApplicationChange)
export class BenevolenceApplicationChangeResolver {
  @FieldResolver(() => BenevolenceApplication, {
    description: 'The application, as it is when this is told; also the one that was just taken back.',
  })
  application(@Ctx() { read }: Context, @Root() { id }: CaseChange, @Info() info: GraphQLResolveInfo) {
    return read.deleted(BenevolenceApplication, id, info);
  }
}
