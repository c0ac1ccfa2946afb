import type { GraphQLResolveInfo } from 'graphql';
import { Arg, Args, Ctx, ID, Info, Mutation, Query, Resolver } from 'type-graphql';
import type { Context } from '../context.ts';
import { connectionOf, pageOf, type Page } from '../entities/page.ts';
import { OutOfWorkList, ReferralBook, Registrant, Registration } from '../entities/referral.ts';
import { creating } from '../services/idempotency.ts';
import { AddRegistrantInput, CreateReferralBookInput } from '../services/referral/books.ts';
import { OutOfWorkListArgs } from '../services/referral/out-of-work-list.ts';
import { RegisterOnBookInput } from '../services/referral/registrations.ts';

const RegistrantConnection = connectionOf(Registrant);
const RegistrantPage = pageOf(Registrant);
const RegistrationConnection = connectionOf(Registration);
const RegistrationPage = pageOf(Registration);

const idOptions = { description: 'The id of the registration.' };

@Resolver(Registration)
export class ReferralResolver {
  @Query(() => [ReferralBook], { nullable: true, description: 'Lists the referral books by code.' })
  referralBooks(@Ctx() { read }: Context, @Info() info: GraphQLResolveInfo) {
    return read.all(ReferralBook, { property: 'code', direction: 'ASC' }, info);
  }

  @Query(() => OutOfWorkList, {
    nullable: true,
    description:
      'Returns the out-of-work list of a book, now or at a past instant. Members see it while they are on the book: ' +
      'all lines or only their own, as `listToRegistrants` says. Fails with NOT_FOUND if the book does not exist, or ' +
      'for a member who is not on it.',
  })
  outOfWorkList(@Ctx() { referral }: Context, @Args(() => OutOfWorkListArgs) args: OutOfWorkListArgs) {
    return referral.outOfWorkList(args);
  }

  @Query(() => RegistrationConnection, {
    nullable: true,
    description: 'Lists registrations on referral books, also those that ended. Members see their own.',
  })
  registrations(@Ctx() { read }: Context, @Args(() => RegistrationPage) page: Page, @Info() info: GraphQLResolveInfo) {
    return read.page(Registration, page, info);
  }

  @Query(() => RegistrantConnection, { nullable: true, description: 'Lists the registrants.' })
  registrants(@Ctx() { read }: Context, @Args(() => RegistrantPage) page: Page, @Info() info: GraphQLResolveInfo) {
    return read.page(Registrant, page, info);
  }

  @Mutation(() => ReferralBook, creating('Creates a referral book.'))
  async createReferralBook(
    @Ctx() { read, once }: Context,
    @Arg('input', () => CreateReferralBookInput, { description: 'The book to create.' })
    input: CreateReferralBookInput,
    @Info() info: GraphQLResolveInfo,
  ) {
    return read.one(ReferralBook, { id: await once(info, ({ referral }) => referral.createBook(input)) }, info);
  }

  @Mutation(() => Registrant, creating('Adds a person who can register on referral books.'))
  async addRegistrant(
    @Ctx() { read, once }: Context,
    @Arg('input', () => AddRegistrantInput, { description: 'The registrant to add.' }) input: AddRegistrantInput,
    @Info() info: GraphQLResolveInfo,
  ) {
    return read.one(Registrant, { id: await once(info, ({ referral }) => referral.addRegistrant(input)) }, info);
  }

  @Mutation(
    () => Registration,
    creating(
      'Registers a registrant on a book, at the bottom of the group. Records the end of an earlier registration that ' +
        'was not re-signed in time. Fails with CONFLICT if the registrant is on the book.',
    ),
  )
  async registerOnBook(
    @Ctx() { read, once }: Context,
    @Arg('input', () => RegisterOnBookInput, { description: 'The signature.' }) input: RegisterOnBookInput,
    @Info() info: GraphQLResolveInfo,
  ) {
    return read.one(Registration, { id: await once(info, ({ referral }) => referral.register(input)) }, info);
  }

  @Mutation(() => Registration, {
    description:
      'Re-signs a registration, which keeps its place. Members re-sign their own. Fails with CONFLICT if the ' +
      'registration has ended, the last day to re-sign has passed, or the monthly window is closed.',
  })
  async resignRegistration(
    @Ctx() { read, referral }: Context,
    @Arg('id', () => ID, idOptions) id: string,
    @Info() info: GraphQLResolveInfo,
  ) {
    return read.one(Registration, { id: await referral.resign(id) }, info);
  }

  @Mutation(() => Registration, {
    description:
      'Ends a registration at the request of the registrant. Members end their own. Fails with CONFLICT if the ' +
      'registration has ended.',
  })
  async leaveBook(
    @Ctx() { read, referral }: Context,
    @Arg('id', () => ID, idOptions) id: string,
    @Info() info: GraphQLResolveInfo,
  ) {
    return read.one(Registration, { id: await referral.leave(id) }, info);
  }
}
