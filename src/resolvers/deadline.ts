import type { GraphQLResolveInfo } from 'graphql';
import { Args, Ctx, FieldResolver, Info, Query, Resolver, Root } from 'type-graphql';
import type { Context } from '../context.ts';
import { GrievanceDeadline, heldOpen } from '../entities/deadline.ts';
import { connectionOf, pageOf, type Page } from '../entities/page.ts';
import { DateScalar } from '../entities/scalars.ts';
import { DeadlinePartyCount, deadlineFigures } from '../entities/summary.ts';

const GrievanceDeadlineConnection = connectionOf(GrievanceDeadline);
const GrievanceDeadlinePage = pageOf(GrievanceDeadline);

@Resolver(GrievanceDeadline)
export class GrievanceDeadlineResolver {
  @Query(() => GrievanceDeadlineConnection, {
    nullable: true,
    description: 'Lists deadlines of grievances. Deadlines that are held open come last.',
  })
  deadlines(@Ctx() { read }: Context, @Args(() => GrievanceDeadlinePage) page: Page, @Info() info: GraphQLResolveInfo) {
    return read.page(GrievanceDeadline, page, info);
  }

  @Query(() => [DeadlinePartyCount], {
    nullable: true,
    description: 'Returns figures for the pending deadlines that the caller can see, by party.',
  })
  deadlineSummary(@Ctx() { read }: Context) {
    return read.figures(deadlineFigures, { from: null, to: null });
  }

  @FieldResolver(() => DateScalar, {
    nullable: true,
    description: 'The last day on which the deadline is met. Null while it is held open.',
  })
  dueDate(@Root('dueDate') dueDate: string) {
    return dueDate === heldOpen ? null : dueDate;
  }
}
