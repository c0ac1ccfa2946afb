import type { GraphQLResolveInfo } from 'graphql';
import { Arg, Ctx, FieldResolver, ID, Info, Query, Resolver, Root } from 'type-graphql';
import type { Context } from '../context.ts';
import { Organization } from '../entities/organization.ts';
import type { Allowance } from '../entities/page.ts';
import { DateScalar } from '../entities/scalars.ts';
import {
  activeOrganizations,
  benevolenceFigures,
  BenevolenceSummary,
  employersCounted,
  GrievanceEmployerCount,
  grievanceFigures,
  GrievanceSummary,
  organizingFigures,
  OrganizingSummary,
} from '../entities/summary.ts';

const fromOptions = { nullable: true, description: 'The first day of the period. Defaults to no lower limit.' };
const toOptions = { nullable: true, description: 'The last day of the period, inclusive. Defaults to no upper limit.' };

/** The least number of employers in a list that exceeds the object limit. */
const justRefused = ({ left }: Allowance): number => Math.min(employersCounted + left + 1, 2 ** 31);

@Resolver(BenevolenceSummary)
export class BenevolenceSummaryResolver {
  @Query(() => BenevolenceSummary, {
    nullable: true,
    description: 'Returns figures for the applications that the caller can see, selected by application date.',
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
    description: 'Returns figures for the grievances that the caller can see, selected by filing date.',
  })
  grievanceSummary(
    @Ctx() { read, allowance }: Context,
    @Arg('from', () => DateScalar, fromOptions) from: string | null = null,
    @Arg('to', () => DateScalar, toOptions) to: string | null = null,
  ) {
    return read.total(grievanceFigures, { from, to, most: justRefused(allowance) });
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
      'Returns organizing figures by organization, sorted by name. Includes organizations with ' +
      'activities in the period, or only the organization with `organizationId`.',
  })
  organizingSummary(
    @Ctx() { read, allowance }: Context,
    @Arg('organizationId', () => ID, {
      nullable: true,
      description: 'Limits the result to one organization, with or without activities.',
    })
    about: string | null = null,
    @Arg('from', () => DateScalar, fromOptions) from: string | null = null,
    @Arg('to', () => DateScalar, toOptions) to: string | null = null,
  ) {
    if (about !== null) return read.figures(organizingFigures, { from, to, about });
    const more = async () => {
      const { count } = await read.total(activeOrganizations, { from, to, most: justRefused(allowance) });
      return Math.max(0, Number(count) - employersCounted);
    };
    return allowance.read(more, () => read.figures(organizingFigures, { from, to }));
  }

  @FieldResolver(() => Organization, { description: 'The organization.' })
  organization(@Root('organizationId') id: string, @Ctx() { read }: Context, @Info() info: GraphQLResolveInfo) {
    return read.named(Organization, id, info);
  }
}
