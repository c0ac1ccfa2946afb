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
import { SaltingActivityConnection, SaltingActivityPage } from './salting.ts';

const MemberConnection = connectionOf(Member);
const MemberPage = pageOf(Member);

@Resolver(Member)
export class MemberResolver {
  @Query(() => MemberConnection, { nullable: true, description: 'Members of the local; a member sees themselves.' })
  members(@Ctx() { read }: Context, @Args(() => MemberPage) page: Page, @Info() info: GraphQLResolveInfo) {
    return read.page(Member, page, info);
  }

  @Query(() => Member, { nullable: true, description: 'One member.' })
  member(
    @Ctx() { read }: Context,
    @Arg('id', () => ID, { description: 'Their id.' }) id: string,
    @Arg('includeDeleted', () => Boolean, includeDeletedOptions) includeDeleted: boolean,
    @Info() info: GraphQLResolveInfo,
  ) {
    return read.one(Member, { id }, info, includeDeleted);
  }

  @Mutation(() => Member, creating('Records a member.'))
  async createMember(
    @Ctx() { read, once }: Context,
    @Arg('input', () => CreateMemberInput, { description: 'What is known of them.' }) input: CreateMemberInput,
    @Info() info: GraphQLResolveInfo,
  ) {
    return read.one(Member, { id: await once(info, ({ members }) => members.create(input)) }, info);
  }

  @Mutation(() => Member, { description: 'Changes what is recorded of a member.' })
  async updateMember(
    @Ctx() { read, members }: Context,
    @Arg('id', () => ID, { description: 'Their id.' }) id: string,
    @Arg('input', () => UpdateMemberInput, { description: 'What changes.' }) input: UpdateMemberInput,
    @Info() info: GraphQLResolveInfo,
  ) {
    return read.one(Member, { id: await members.update(id, input) }, info);
  }

  @Mutation(() => Member, {
    description:
      'Deletes a member who has no open case, and no account that may sign in. What was recorded about them keeps showing them; their number is not given again.',
  })
  async deleteMember(
    @Ctx() { read, members }: Context,
    @Arg('id', () => ID, { description: 'Their id.' }) id: string,
    @Arg('version', () => Int, versionOptions) version: number | null,
    @Info() info: GraphQLResolveInfo,
  ) {
    return read.deleted(Member, await members.delete(id, version ?? null), info);
  }

  @Mutation(() => Member, creating('Records that a member began to work for an employer.'))
  async startEmployment(
    @Ctx() { read, once }: Context,
    @Arg('memberId', () => ID, { description: 'The id of the member.' }) memberId: string,
    @Arg('input', () => EmploymentInput, { description: 'Where, and since when.' }) input: EmploymentInput,
    @Info() info: GraphQLResolveInfo,
  ) {
    return read.one(Member, { id: await once(info, ({ members }) => members.startEmployment(memberId, input)) }, info);
  }

  @Mutation(() => Member, { description: 'Corrects an employment, and answers the member.' })
  async updateEmployment(
    @Ctx() { read, members }: Context,
    @Arg('id', () => ID, { description: 'The id of the employment.' }) id: string,
    @Arg('input', () => EmploymentInput, { description: 'What changes.' }) input: EmploymentInput,
    @Info() info: GraphQLResolveInfo,
  ) {
    return read.one(Member, { id: await members.updateEmployment(id, input) }, info);
  }

  @Mutation(() => Member, { description: 'Records that an employment ended, and answers the member.' })
  async endEmployment(
    @Ctx() { read, members }: Context,
    @Args(() => EndEmploymentArgs) ending: EndEmploymentArgs,
    @Info() info: GraphQLResolveInfo,
  ) {
    return read.one(Member, { id: await members.endEmployment(ending) }, info);
  }

  @FieldResolver(() => GrievanceConnection, { nullable: true, description: 'The grievances in which this member is the grievant.' })
  grievances(@Root() row: unknown, @Ctx() { read }: Context, @Args(() => GrievancePage) page: Page, @Info() info: GraphQLResolveInfo) {
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

  @FieldResolver(() => SaltingActivityConnection, {
    nullable: true,
    description: 'The activities this member carried out as an organizer; null for roles without salting.',
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
