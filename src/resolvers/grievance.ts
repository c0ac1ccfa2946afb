import type { GraphQLResolveInfo } from 'graphql';
import { Arg, Args, Ctx, ID, Info, Query, Resolver } from 'type-graphql';
import type { Context } from '../context.ts';
import { Grievance } from '../entities/grievance.ts';
import { connectionOf, includeDeletedOptions, pageOf, type Page } from '../entities/page.ts';

export const GrievanceConnection = connectionOf(Grievance);
export const GrievancePage = pageOf(Grievance);

@Resolver(Grievance)
export class GrievanceResolver {
  @Query(() => GrievanceConnection, { nullable: true, description: 'Grievances; a member sees their own.' })
  grievances(@Ctx() { read }: Context, @Args(() => GrievancePage) page: Page, @Info() info: GraphQLResolveInfo) {
    return read.page(Grievance, page, info);
  }

  @Query(() => Grievance, { nullable: true, description: 'One grievance.' })
  grievance(
    @Ctx() { read }: Context,
    @Arg('id', () => ID, { description: 'Its id.' }) id: string,
    @Arg('includeDeleted', () => Boolean, includeDeletedOptions) includeDeleted: boolean,
    @Info() info: GraphQLResolveInfo,
  ) {
    return read.one(Grievance, { id }, info, includeDeleted);
  }

  @Query(() => Grievance, { nullable: true, description: 'One grievance, by the number it was given.' })
  grievanceByNumber(
    @Ctx() { read }: Context,
    @Arg('grievanceNumber', () => String, { description: 'Its number, `GR-YYYY-NNNN`.' }) grievanceNumber: string,
    @Arg('includeDeleted', () => Boolean, includeDeletedOptions) includeDeleted: boolean,
    @Info() info: GraphQLResolveInfo,
  ) {
    return read.one(Grievance, { grievanceNumber }, info, includeDeleted);
  }
}
