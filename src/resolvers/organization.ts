import type { GraphQLResolveInfo } from 'graphql';
import { Arg, Args, Ctx, FieldResolver, ID, Info, Query, Resolver, Root } from 'type-graphql';
import type { Context } from '../context.ts';
import { Organization } from '../entities/organization.ts';
import { connectionOf, includeDeletedOptions, pageOf, type Page } from '../entities/page.ts';
import { GrievanceConnection, GrievancePage } from './grievance.ts';
import { SaltingActivityConnection, SaltingActivityPage } from './salting.ts';

const OrganizationConnection = connectionOf(Organization);
const OrganizationPage = pageOf(Organization);

@Resolver(Organization)
export class OrganizationResolver {
  @Query(() => OrganizationConnection, { nullable: true, description: 'Organizations: employers, the local, training partners, JATCs.' })
  organizations(@Ctx() { read }: Context, @Args(() => OrganizationPage) page: Page, @Info() info: GraphQLResolveInfo) {
    return read.page(Organization, page, info);
  }

  @Query(() => Organization, { nullable: true, description: 'One organization.' })
  organization(
    @Ctx() { read }: Context,
    @Arg('id', () => ID, { description: 'Its id.' }) id: string,
    @Arg('includeDeleted', () => Boolean, includeDeletedOptions) includeDeleted: boolean,
    @Info() info: GraphQLResolveInfo,
  ) {
    return read.one(Organization, { id }, info, includeDeleted);
  }

  @FieldResolver(() => GrievanceConnection, { nullable: true, description: 'The grievances filed against this employer.' })
  grievances(@Root() row: unknown, @Ctx() { read }: Context, @Args(() => GrievancePage) page: Page, @Info() info: GraphQLResolveInfo) {
    return read.related(row, page, info);
  }

  @FieldResolver(() => SaltingActivityConnection, { nullable: true, description: 'The organizing activities that targeted it.' })
  saltingActivities(
    @Root() row: unknown,
    @Ctx() { read }: Context,
    @Args(() => SaltingActivityPage) page: Page,
    @Info() info: GraphQLResolveInfo,
  ) {
    return read.related(row, page, info);
  }
}
