import type { GraphQLResolveInfo } from 'graphql';
import { Arg, Args, Ctx, FieldResolver, ID, Info, Query, Resolver, Root } from 'type-graphql';
import type { Context } from '../context.ts';
import { Member } from '../entities/member.ts';
import { connectionOf, includeDeletedOptions, pageOf, type Page } from '../entities/page.ts';
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
