import type { GraphQLResolveInfo } from 'graphql';
import { Arg, Ctx, FieldResolver, ID, Info, Query, Resolver, Root } from 'type-graphql';
import type { Context } from '../context.ts';
import { Organization } from '../entities/organization.ts';
import { DateScalar } from '../entities/scalars.ts';
import {
  benevolenceFigures,
  BenevolenceSummary,
  employersCounted,
  GrievanceEmployerCount,
  grievanceFigures,
  GrievanceSummary,
  organizingFigures,
  OrganizingSummary,
} from '../entities/summary.ts';

const fromOptions = { nullable: true, description: 'The first day; from the beginning when left out.' };
const toOptions = { nullable: true, description: 'The last day, included; without an end when left out.' };

@Resolver(BenevolenceSummary)
export class BenevolenceSummaryResolver {
  @Query(() => BenevolenceSummary, {
    nullable: true,
    description: 'Figures over the applications that the caller sees, by the day of the application; a member counts the own ones.',
  })
  benevolenceSummary(
    @Ctx() { read }: Context,
    @Arg('from', () => DateScalar, fromOptions) from: string | null = null,
    @Arg('to', () => DateScalar, toOptions) to: string | null = null,
  ) {
    return read.total(benevolenceFigures, { from, to });
  }
}

@Resolver(GrievanceSummary)
export class GrievanceSummaryResolver {
  @Query(() => GrievanceSummary, {
    nullable: true,
    description: 'Figures over the grievances that the caller sees, by the day of filing; a member counts the own ones.',
  })
  grievanceSummary(
    @Ctx() { read }: Context,
    @Arg('from', () => DateScalar, fromOptions) from: string | null = null,
    @Arg('to', () => DateScalar, toOptions) to: string | null = null,
  ) {
    return read.total(grievanceFigures, { from, to });
  }
}

@Resolver(GrievanceEmployerCount)
export class GrievanceEmployerCountResolver {
  @FieldResolver(() => Organization, { description: 'The employer.' })
  employer(@Root('employerId') id: string, @Ctx() { read }: Context, @Info() info: GraphQLResolveInfo) {
    return read.named(Organization, id, info);
  }
}

@Resolver(OrganizingSummary)
export class OrganizingSummaryResolver {
  @Query(() => [OrganizingSummary], {
    nullable: true,
    complexity: employersCounted,
    description:
      'What organizing has come to, by employer and name: the employers with an activity on the asked days, or the one that is named.',
  })
  organizingSummary(
    @Ctx() { read, allowance }: Context,
    @Arg('organizationId', () => ID, { nullable: true, description: 'The id of one employer, whether there was an activity or not.' })
    about: string | null = null,
    @Arg('from', () => DateScalar, fromOptions) from: string | null = null,
    @Arg('to', () => DateScalar, toOptions) to: string | null = null,
  ) {
    const most = Math.min(employersCounted + allowance.left + 1, 2 ** 31); // one more is refused
    return read.figures(organizingFigures, { from, to, about, most });
  }

  @FieldResolver(() => Organization, { description: 'The employer.' })
  organization(@Root('organizationId') id: string, @Ctx() { read }: Context, @Info() info: GraphQLResolveInfo) {
    return read.named(Organization, id, info);
  }
}
