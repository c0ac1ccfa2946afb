import type { GraphQLResolveInfo } from 'graphql';
import {
  Arg,
  Args,
  Ctx,
  FieldResolver,
  ID,
  Info,
  Int,
  Mutation,
  Query,
  Resolver,
  Root,
  Subscription,
} from 'type-graphql';
import type { Context } from '../context.ts';
import { BenevolenceApplication, BenevolenceApplicationChange } from '../entities/benevolence.ts';
import type { CaseChange } from '../entities/case.ts';
import { connectionOf, includeDeletedOptions, pageOf, type Page } from '../entities/page.ts';
import { versionOptions } from '../entities/record.ts';
import { PayBenevolenceInput, ReviewBenevolenceInput } from '../services/benevolence/decide-application.ts';
import { ApplyForBenevolenceInput, UpdateBenevolenceDraftInput } from '../services/benevolence/draft-application.ts';
import { creating } from '../services/idempotency.ts';

export const BenevolenceApplicationConnection = connectionOf(BenevolenceApplication);
export const BenevolenceApplicationPage = pageOf(BenevolenceApplication);

@Resolver(BenevolenceApplication)
export class BenevolenceApplicationResolver {
  @Query(() => BenevolenceApplicationConnection, {
    nullable: true,
    description: 'Lists applications to the benevolence fund.',
  })
  benevolenceApplications(
    @Ctx() { read }: Context,
    @Args(() => BenevolenceApplicationPage) page: Page,
    @Info() info: GraphQLResolveInfo,
  ) {
    return read.page(BenevolenceApplication, page, info);
  }

  @Query(() => BenevolenceApplication, {
    nullable: true,
    description: 'Returns an application. Fails with NOT_FOUND if it does not exist or is hidden from the caller.',
  })
  benevolenceApplication(
    @Ctx() { read }: Context,
    @Arg('id', () => ID, { description: 'The id of the application.' }) id: string,
    @Arg('includeDeleted', () => Boolean, includeDeletedOptions) includeDeleted: boolean,
    @Info() info: GraphQLResolveInfo,
  ) {
    return read.one(BenevolenceApplication, { id }, info, includeDeleted);
  }

  @Mutation(
    () => BenevolenceApplication,
    creating('Creates a draft application. Admins and staff can apply for any member, members only for themselves.'),
  )
  async applyForBenevolence(
    @Ctx() { read, once }: Context,
    @Arg('input', () => ApplyForBenevolenceInput, { description: 'The application to create.' })
    input: ApplyForBenevolenceInput,
    @Info() info: GraphQLResolveInfo,
  ) {
    return read.one(
      BenevolenceApplication,
      { id: await once(info, ({ benevolence }) => benevolence.apply(input)) },
      info,
    );
  }

  @Mutation(() => BenevolenceApplication, {
    description: 'Changes a draft. Fails with CONFLICT if the application is not a draft.',
  })
  async updateBenevolenceDraft(
    @Ctx() { read, benevolence }: Context,
    @Arg('id', () => ID, { description: 'The id of the application.' }) id: string,
    @Arg('input', () => UpdateBenevolenceDraftInput, { description: 'The fields to change.' })
    input: UpdateBenevolenceDraftInput,
    @Info() info: GraphQLResolveInfo,
  ) {
    return read.one(BenevolenceApplication, { id: await benevolence.update(id, input) }, info);
  }

  @Mutation(() => BenevolenceApplication, {
    description:
      'Submits a draft for review. The amount determines which levels must decide. Fails with CONFLICT ' +
      'if the application is not a draft.',
  })
  async submitBenevolence(
    @Ctx() { read, benevolence }: Context,
    @Arg('id', () => ID, { description: 'The id of the application.' }) id: string,
    @Arg('version', () => Int, versionOptions) version: number | null,
    @Info() info: GraphQLResolveInfo,
  ) {
    return read.one(BenevolenceApplication, { id: await benevolence.submit(id, version ?? null) }, info);
  }

  @Mutation(() => BenevolenceApplication, {
    description:
      'Withdraws an application: deletes it and keeps its history. Fails with CONFLICT unless its status is DRAFT or SUBMITTED.',
  })
  async withdrawBenevolence(
    @Ctx() { read, benevolence }: Context,
    @Arg('id', () => ID, { description: 'The id of the application.' }) id: string,
    @Arg('version', () => Int, versionOptions) version: number | null,
    @Info() info: GraphQLResolveInfo,
  ) {
    return read.deleted(BenevolenceApplication, await benevolence.withdraw(id, version ?? null), info);
  }

  @Mutation(
    () => BenevolenceApplication,
    creating(
      'Records the decision of the next level. Fails with CONFLICT if the caller lacks that review ' +
        'level, is the applicant, or already decided in this round.',
    ),
  )
  async reviewBenevolence(
    @Ctx() { read, once }: Context,
    @Arg('input', () => ReviewBenevolenceInput, { description: 'The decision to record.' })
    input: ReviewBenevolenceInput,
    @Info() info: GraphQLResolveInfo,
  ) {
    return read.one(
      BenevolenceApplication,
      { id: await once(info, ({ benevolence }) => benevolence.review(input)) },
      info,
    );
  }

  @Mutation(() => BenevolenceApplication, {
    description: 'Records the payment of an approved application. Fails with CONFLICT unless its status is APPROVED.',
  })
  async payBenevolence(
    @Ctx() { read, benevolence }: Context,
    @Arg('input', () => PayBenevolenceInput, { description: 'The payment to record.' }) input: PayBenevolenceInput,
    @Info() info: GraphQLResolveInfo,
  ) {
    return read.one(BenevolenceApplication, { id: await benevolence.pay(input) }, info);
  }

  @Subscription(() => BenevolenceApplicationChange, {
    description:
      'Sends an event for each new application, and for each change to one, that the caller can see at that ' +
      'moment. Uses WebSocket with the `graphql-transport-ws` protocol.',
    subscribe: ({ context, args }: Subscribing) => context.cases.changesOf(BenevolenceApplication, args.id),
  })
  benevolenceApplicationChanged(
    @Root() change: CaseChange,
    @Arg('id', () => ID, { nullable: true, description: 'Limits events to the application with this id.' })
    _id: string | null,
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
    description: 'The application in its current state, even after it was withdrawn.',
  })
  application(@Ctx() { read }: Context, @Root() { id }: CaseChange, @Info() info: GraphQLResolveInfo) {
    return read.deleted(BenevolenceApplication, id, info);
  }
}
