import type { GraphQLResolveInfo } from 'graphql';
import { Arg, Args, Ctx, FieldResolver, ID, Info, Int, Mutation, Query, Resolver, Root } from 'type-graphql';
import type { Context } from '../context.ts';
import { Member } from '../entities/member.ts';
import { connectionOf, includeDeletedOptions, pageOf, type Page } from '../entities/page.ts';
import { versionOptions } from '../entities/record.ts';
import { creating } from '../services/idempotency.ts';
import { CreateMemberInput } from '../services/member/create-member.ts';
import { EmploymentInput, EndEmploymentArgs } from '../services/member/employment.ts';
import { UpdateMemberInput } from '../services/member/update-member.ts';
import { BenevolenceApplicationConnection, BenevolenceApplicationPage } from './benevolence.ts';
import { GrievanceConnection, GrievancePage } from './grievance.ts';
import { MemberNoteConnection, MemberNotePage } from './note.ts';
import { SaltingActivityConnection, SaltingActivityPage } from './salting.ts';

const MemberConnection = connectionOf(Member);
const MemberPage = pageOf(Member);

@Resolver(Member)
export class MemberResolver {
  @Query(() => MemberConnection, { nullable: true, description: 'Lists members.' })
  members(@Ctx() { read }: Context, @Args(() => MemberPage) page: Page, @Info() info: GraphQLResolveInfo) {
    return read.page(Member, page, info);
  }

  @Query(() => Member, {
    nullable: true,
    description: 'Returns a member. Fails with NOT_FOUND if it does not exist or is hidden from the caller.',
  })
  member(
    @Ctx() { read }: Context,
    @Arg('id', () => ID, { description: 'The id of the member.' }) id: string,
    @Arg('includeDeleted', () => Boolean, includeDeletedOptions) includeDeleted: boolean,
    @Info() info: GraphQLResolveInfo,
  ) {
    return read.one(Member, { id }, info, includeDeleted);
  }

  @Mutation(() => Member, creating('Creates a member.'))
  async createMember(
    @Ctx() { read, once }: Context,
    @Arg('input', () => CreateMemberInput, { description: 'The member to create.' }) input: CreateMemberInput,
    @Info() info: GraphQLResolveInfo,
  ) {
    return read.one(Member, { id: await once(info, ({ members }) => members.create(input)) }, info);
  }

  @Mutation(() => Member, { description: 'Changes a member.' })
  async updateMember(
    @Ctx() { read, members }: Context,
    @Arg('id', () => ID, { description: 'The id of the member.' }) id: string,
    @Arg('input', () => UpdateMemberInput, { description: 'The fields to change.' }) input: UpdateMemberInput,
    @Info() info: GraphQLResolveInfo,
  ) {
    return read.one(Member, { id: await members.update(id, input) }, info);
  }

  @Mutation(() => Member, {
    description:
      'Deletes a member. Existing records keep showing the member, and the member number stays reserved. ' +
      'Fails with CONFLICT if the member has an open case or an active account.',
  })
  async deleteMember(
    @Ctx() { read, members }: Context,
    @Arg('id', () => ID, { description: 'The id of the member.' }) id: string,
    @Arg('version', () => Int, versionOptions) version: number | null,
    @Info() info: GraphQLResolveInfo,
  ) {
    return read.deleted(Member, await members.delete(id, version ?? null), info);
  }

  @Mutation(() => Member, creating('Adds an employment to a member.'))
  async startEmployment(
    @Ctx() { read, once }: Context,
    @Arg('memberId', () => ID, { description: 'The id of the member.' }) memberId: string,
    @Arg('input', () => EmploymentInput, { description: 'The employment to add.' }) input: EmploymentInput,
    @Info() info: GraphQLResolveInfo,
  ) {
    return read.one(Member, { id: await once(info, ({ members }) => members.startEmployment(memberId, input)) }, info);
  }

  @Mutation(() => Member, { description: 'Changes an employment and returns the member.' })
  async updateEmployment(
    @Ctx() { read, members }: Context,
    @Arg('id', () => ID, { description: 'The id of the employment.' }) id: string,
    @Arg('input', () => EmploymentInput, { description: 'The fields to change.' }) input: EmploymentInput,
    @Info() info: GraphQLResolveInfo,
  ) {
    return read.one(Member, { id: await members.updateEmployment(id, input) }, info);
  }

  @Mutation(() => Member, {
    description: 'Ends an employment and returns the member. Fails with CONFLICT if the employment has already ended.',
  })
  async endEmployment(
    @Ctx() { read, members }: Context,
    @Args(() => EndEmploymentArgs) ending: EndEmploymentArgs,
    @Info() info: GraphQLResolveInfo,
  ) {
    return read.one(Member, { id: await members.endEmployment(ending) }, info);
  }

  @FieldResolver(() => GrievanceConnection, {
    nullable: true,
    description: 'The grievances with this member as the grievant.',
  })
  grievances(
    @Root() row: unknown,
    @Ctx() { read }: Context,
    @Args(() => GrievancePage) page: Page,
    @Info() info: GraphQLResolveInfo,
  ) {
    return read.related(row, page, info);
  }

  @FieldResolver(() => BenevolenceApplicationConnection, {
    nullable: true,
    description: "The member's applications to the benevolence fund.",
  })
  benevolenceApplications(
    @Root() row: unknown,
    @Ctx() { read }: Context,
    @Args(() => BenevolenceApplicationPage) page: Page,
    @Info() info: GraphQLResolveInfo,
  ) {
    return read.related(row, page, info);
  }

  @FieldResolver(() => MemberNoteConnection, { nullable: true, description: 'The internal notes about this member.' })
  memberNotes(
    @Root() row: unknown,
    @Ctx() { read }: Context,
    @Args(() => MemberNotePage) page: Page,
    @Info() info: GraphQLResolveInfo,
  ) {
    return read.related(row, page, info);
  }

  @FieldResolver(() => SaltingActivityConnection, {
    nullable: true,
    description: 'The salting activities of this member as an organizer.',
  })
  saltingActivities(
    @Root() row: unknown,
    @Ctx() { read }: Context,
    @Args(() => SaltingActivityPage) page: Page,
    @Info() info: GraphQLResolveInfo,
  ) {
    return read.related(row, page, info);
  }
}
