import type { GraphQLResolveInfo } from 'graphql';
import { Arg, Args, Ctx, ID, Info, Int, Mutation, Query, Resolver } from 'type-graphql';
import type { Context } from '../context.ts';
import { BenevolenceApplication } from '../entities/benevolence.ts';
import { connectionOf, includeDeletedOptions, pageOf, type Page } from '../entities/page.ts';
import {
  ApplyForBenevolenceInput,
  PayBenevolenceInput,
  ReviewBenevolenceInput,
  UpdateBenevolenceDraftInput,
} from '../services/benevolence/index.ts';

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

  @Mutation(() => BenevolenceApplication, {
    description: 'Begins an application as a draft: a member for themselves, the office for any member.',
  })
  async applyForBenevolence(
    @Ctx() { read, benevolence }: Context,
    @Arg('input', () => ApplyForBenevolenceInput, { description: 'What is asked for.' }) input: ApplyForBenevolenceInput,
    @Info() info: GraphQLResolveInfo,
  ) {
    return read.one(BenevolenceApplication, { id: await benevolence.apply(input) }, info);
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

  @Mutation(() => BenevolenceApplication, { description: 'Decides at the level that is next.' })
  async reviewBenevolence(
    @Ctx() { read, benevolence }: Context,
    @Arg('input', () => ReviewBenevolenceInput, { description: 'The decision.' }) input: ReviewBenevolenceInput,
    @Info() info: GraphQLResolveInfo,
  ) {
    return read.one(BenevolenceApplication, { id: await benevolence.review(input) }, info);
  }

  @Mutation(() => BenevolenceApplication, { description: 'Records the payment of what was approved.' })
  async payBenevolence(
    @Ctx() { read, benevolence }: Context,
    @Arg('input', () => PayBenevolenceInput, { description: 'The payment.' }) input: PayBenevolenceInput,
    @Info() info: GraphQLResolveInfo,
  ) {
    return read.one(BenevolenceApplication, { id: await benevolence.pay(input) }, info);
  }
}
