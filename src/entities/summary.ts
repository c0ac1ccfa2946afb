import { Field, Float, Int, ObjectType } from 'type-graphql';
import { BenevolenceApplication, BenevolenceReason, BenevolenceStatus } from './benevolence.ts';
import { DeadlineParty, GrievanceDeadline } from './deadline.ts';
import { Grievance, GrievanceStatus, grievanceSteps, GrievanceStep, openGrievanceStatuses } from './grievance.ts';
import { Organization } from './organization.ts';
import { largestPage } from './page.ts';
import { SaltingActivity } from './salting.ts';
import { DecimalScalar } from './scalars.ts';

/** How many objects a list of all employers counts as, for the object limit of an operation. */
export const employersCounted = largestPage;

type EntityClass = abstract new (...args: never[]) => object;

/**
 * Figures over the rows of one type, as one SELECT. It reads `counted`: the rows of the requested days that the viewer
 * can see, with the named properties as the viewer sees them. The reading side adds these conditions, so no text here
 * contains permissions.
 */
export interface Figures {
  readonly of: EntityClass;
  /** The property with the day that selects rows. */
  readonly day: string;
  /** The properties in `counted`. A relation is the id of the other row. */
  readonly from: readonly string[];
  /**
   * The rows that figures concern, as `about`: the visible rows on the other side of a relation, with deleted ones only
   * if figures still show them. If one row was requested, by the argument of this name, `about` and `counted` contain
   * only that one, and `:about` is its id. `ever` is like `counted` for all days. `:most` is the maximum number of rows
   * to read.
   */
  readonly about?: {
    readonly entity: EntityClass;
    readonly relation: string;
    readonly from: readonly string[];
    readonly showsDeleted: boolean;
    readonly argument?: string;
  };
  readonly sql: string;
}

@ObjectType({ description: 'The organizing activities of one month.', simpleResolvers: true })
export class OrganizingMonth {
  @Field(() => String, { description: 'The month in the format `YYYY-MM`.' })
  month!: string;

  @Field(() => Int, { description: 'The number of activities.' })
  activityCount!: number;

  @Field(() => Int, { description: 'The number of contacted workers. A worker counts once for each activity.' })
  workersContacted!: number;

  @Field(() => Int, { description: 'The number of signed cards.' })
  cardsSigned!: number;
}

@ObjectType({ description: 'The organizing results at one organization.', simpleResolvers: true })
export class OrganizingSummary {
  readonly organizationId!: string;

  @Field(() => Organization, { description: 'The organization.' })
  organization!: Organization;

  @Field(() => Int, { description: 'The number of activities in the period.' })
  activityCount!: number;

  @Field(() => Int, {
    description: 'The number of contacted workers in the period. A worker counts once for each activity.',
  })
  workersContacted!: number;

  @Field(() => Int, { description: 'The number of signed cards in the period.' })
  cardsSigned!: number;

  @Field(() => Float, {
    nullable: true,
    description:
      'All signed cards divided by the unit size, regardless of the period. For example, 0.5 means 50 %. ' +
      'Null if the unit size is not set.',
  })
  cardShare!: number | null;

  @Field(() => Boolean, {
    nullable: true,
    description: 'Whether `cardShare` is at least 30 %, the minimum for a petition. Null if the unit size is not set.',
  })
  reachesPetition!: boolean | null;

  @Field(() => Boolean, {
    nullable: true,
    description: 'Whether `cardShare` is more than 50 %, a majority. Null if the unit size is not set.',
  })
  reachesMajority!: boolean | null;

  @Field(() => [OrganizingMonth], {
    description: 'The figures by month, earliest first. Months without activities are omitted.',
  })
  months!: OrganizingMonth[];
}

@ObjectType({ description: 'Figures for the applications with one status.', simpleResolvers: true })
export class BenevolenceStatusCount {
  @Field(() => BenevolenceStatus, { description: 'The status.' })
  status!: BenevolenceStatus;

  @Field(() => Int, { description: 'The number of applications.' })
  count!: number;

  @Field(() => DecimalScalar, { description: 'The sum of the requested amounts in US dollars.' })
  requested!: string;

  @Field(() => DecimalScalar, { description: 'The sum of the approved amounts in US dollars.' })
  approved!: string;
}

@ObjectType({ description: 'Figures for the applications with one reason.', simpleResolvers: true })
export class BenevolenceReasonCount {
  @Field(() => BenevolenceReason, { description: 'The reason.' })
  reason!: BenevolenceReason;

  @Field(() => Int, { description: 'The number of applications.' })
  count!: number;

  @Field(() => DecimalScalar, { description: 'The sum of the requested amounts in US dollars.' })
  requested!: string;

  @Field(() => DecimalScalar, { description: 'The sum of the approved amounts in US dollars.' })
  approved!: string;
}

@ObjectType({ description: 'Figures for applications to the benevolence fund.', simpleResolvers: true })
export class BenevolenceSummary {
  @Field(() => Int, { description: 'The number of applications.' })
  count!: number;

  @Field(() => DecimalScalar, { description: 'The sum of the requested amounts in US dollars.' })
  requested!: string;

  @Field(() => DecimalScalar, { description: 'The sum of the approved amounts in US dollars, paid or not.' })
  approved!: string;

  @Field(() => DecimalScalar, { description: 'The sum of the paid amounts in US dollars.' })
  paid!: string;

  @Field(() => [BenevolenceStatusCount], {
    complexity: Object.values(BenevolenceStatus).length,
    description: 'The figures by status. Includes every status, even with zero applications.',
  })
  byStatus!: BenevolenceStatusCount[];

  @Field(() => [BenevolenceReasonCount], {
    complexity: Object.values(BenevolenceReason).length,
    description: 'The figures by reason. Includes every reason, even with zero applications.',
  })
  byReason!: BenevolenceReasonCount[];
}

@ObjectType({ description: 'The number of grievances with one status.', simpleResolvers: true })
export class GrievanceStatusCount {
  @Field(() => GrievanceStatus, { description: 'The status.' })
  status!: GrievanceStatus;

  @Field(() => Int, { description: 'The number of grievances.' })
  count!: number;
}

@ObjectType({ description: 'Figures for the grievances at one step.', simpleResolvers: true })
export class GrievanceStepCount {
  @Field(() => GrievanceStep, { description: 'The current step.' })
  step!: GrievanceStep;

  @Field(() => Int, { description: 'The number of grievances at this step.' })
  count!: number;

  @Field(() => Int, { description: 'The number of these grievances that were settled.' })
  settled!: number;
}

@ObjectType({ description: 'Figures for the grievances against one employer.', simpleResolvers: true })
export class GrievanceEmployerCount {
  readonly employerId!: string;

  @Field(() => Organization, { description: 'The employer.' })
  employer!: Organization;

  @Field(() => Int, { description: 'The number of grievances.' })
  count!: number;

  @Field(() => Int, { description: 'The number of grievances that have not ended.' })
  openCount!: number;
}

@ObjectType({ description: 'Figures for the grievances about one article of the agreement.', simpleResolvers: true })
export class GrievanceArticleCount {
  @Field(() => String, { nullable: true, description: 'The article. Null for grievances without an article.' })
  contractArticle!: string | null;

  @Field(() => Int, { description: 'The number of grievances.' })
  count!: number;

  @Field(() => Int, { description: 'The number of settled grievances.' })
  settled!: number;
}

@ObjectType({ description: 'Figures for grievances.', simpleResolvers: true })
export class GrievanceSummary {
  @Field(() => Int, { description: 'The number of grievances.' })
  count!: number;

  @Field(() => Int, { description: 'The number of grievances that have not ended.' })
  openCount!: number;

  @Field(() => Float, {
    nullable: true,
    description: 'The average time from filing to the end in days. Null if no grievance has ended.',
  })
  averageDaysToResolution!: number | null;

  @Field(() => DecimalScalar, { description: 'The sum of the settlement amounts in US dollars.' })
  settledAmount!: string;

  @Field(() => [GrievanceStatusCount], {
    complexity: Object.values(GrievanceStatus).length,
    description: 'The figures by status. Includes every status, even with zero grievances.',
  })
  byStatus!: GrievanceStatusCount[];

  @Field(() => [GrievanceStepCount], {
    complexity: grievanceSteps.length,
    description: 'The figures by step. Includes every step, even with zero grievances.',
  })
  byStep!: GrievanceStepCount[];

  @Field(() => [GrievanceEmployerCount], {
    complexity: employersCounted,
    description: 'The figures by employer, highest count first.',
  })
  byEmployer!: GrievanceEmployerCount[];

  @Field(() => [GrievanceArticleCount], { description: 'The figures by article, highest count first.' })
  byArticle!: GrievanceArticleCount[];
}

@ObjectType({ description: 'Figures for the pending deadlines of one party.', simpleResolvers: true })
export class DeadlinePartyCount {
  @Field(() => DeadlineParty, { description: 'The party that must act.' })
  party!: DeadlineParty;

  @Field(() => Int, { description: 'The number of deadlines that the union or the arbitrator missed.' })
  overdue!: number;

  @Field(() => Int, { description: 'The number of deadlines that the employer missed.' })
  defaulted!: number;

  @Field(() => Int, { description: 'The number of deadlines that are due today.' })
  today!: number;

  @Field(() => Int, { description: 'The number of deadlines that are due in the next seven days after today.' })
  nextSevenDays!: number;

  @Field(() => Int, { description: 'The number of deadlines that are held open.' })
  held!: number;
}

const list = (values: readonly string[]): string => values.map((value) => `'${value}'`).join(', ');

/** The largest Int in GraphQL, so that very large contact counts do not break a summary. */
const total = (column: string): string => `least(coalesce(sum("${column}"), 0), 2147483647)::int`;

const money = (expression: string): string => `coalesce(${expression}, 0.00)::text`;

/** A figure over some rows, and its value without rows. */
type Figure = readonly [figure: string, ofNone: string];

const count: Figure = ['count(*)::int', '0'];
const settled: Figure = [`(count(*) filter (where status = '${GrievanceStatus.SETTLED}'))::int`, '0'];
const requested: Figure = [money('sum("amountRequested")'), `'0.00'`];
const approved: Figure = [money('sum("approvedAmount")'), `'0.00'`];

/** Returns one entry for each value in order, with figures over the rows that have it. */
function byEach(
  property: string,
  values: readonly string[],
  as: string,
  figures: Readonly<Record<string, Figure>>,
): string {
  const found = Object.entries(figures).map(([name, [figure]]) => `${figure} as "${name}"`);
  const told = Object.entries(figures).map(([name, [, ofNone]]) => `'${name}', coalesce(g."${name}", ${ofNone})`);
  return `(select json_agg(json_build_object('${as}', v.value, ${told.join(', ')}) order by v.place)
    from unnest(array[${list(values)}]) with ordinality as v(value, place)
    left join (select "${property}" as value, ${found.join(', ')} from counted group by 1) as g on g.value = v.value)`;
}

export const organizingFigures: Figures = {
  of: SaltingActivity,
  day: 'activityDate',
  from: ['activityDate', 'organization', 'workersContacted', 'cardsSigned'],
  about: {
    entity: Organization,
    relation: 'organization',
    from: ['id', 'name', 'unitSize'],
    showsDeleted: false,
    argument: 'organizationId',
  },
  sql: `select o."id" as "organizationId", coalesce(f."activityCount", 0) as "activityCount",
      coalesce(f."workersContacted", 0) as "workersContacted", coalesce(f."cardsSigned", 0) as "cardsSigned",
      coalesce(e.cards, 0)::float8 / o."unitSize" as "cardShare",
      coalesce(e.cards, 0) * 100 >= o."unitSize"::bigint * 30 as "reachesPetition",
      coalesce(e.cards, 0) * 2 > o."unitSize" as "reachesMajority",
      coalesce(m.months, '[]') as "months"
    from about o
    left join (select "organization", ${count[0]} as "activityCount", ${total('workersContacted')} as "workersContacted",
        ${total('cardsSigned')} as "cardsSigned" from counted group by 1) f on f."organization" = o."id"
    left join (select "organization", json_agg(json_build_object('month', month, 'activityCount', "activityCount",
        'workersContacted', "workersContacted", 'cardsSigned', "cardsSigned") order by month) as months
      from (select "organization", to_char("activityDate", 'YYYY-MM') as month, ${count[0]} as "activityCount",
        ${total('workersContacted')} as "workersContacted", ${total('cardsSigned')} as "cardsSigned" from counted group by 1, 2) each
      group by 1) m on m."organization" = o."id"
    left join (select "organization", sum("cardsSigned") as cards from ever group by 1) e on e."organization" = o."id"
    where f."organization" is not null or :about::uuid is not null
    order by o."name", o."id" limit :most`,
};

/** The number of organizations with activities in the period, counted up to `:most`. */
export const activeOrganizations: Figures = {
  ...organizingFigures,
  sql: `select count(*)::int as "count" from
    (select distinct "organization" from counted where "organization" in (select "id" from about) limit :most) each`,
};

export const benevolenceFigures: Figures = {
  of: BenevolenceApplication,
  day: 'applicationDate',
  from: ['status', 'reason', 'amountRequested', 'approvedAmount'],
  sql: `select ${count[0]} as "count", ${requested[0]} as "requested", ${approved[0]} as "approved",
      ${money(`sum("approvedAmount") filter (where status = '${BenevolenceStatus.PAID}')`)} as "paid",
      ${byEach('status', Object.values(BenevolenceStatus), 'status', { count, requested, approved })} as "byStatus",
      ${byEach('reason', Object.values(BenevolenceReason), 'reason', { count, requested, approved })} as "byReason"
    from counted`,
};

const open = `(count(*) filter (where status in (${list(openGrievanceStatuses)})))::int`;

export const grievanceFigures: Figures = {
  of: Grievance,
  day: 'filedDate',
  from: ['filedDate', 'resolutionDate', 'status', 'currentStep', 'settlementAmount', 'employer', 'contractArticle'],
  about: { entity: Organization, relation: 'employer', from: ['id'], showsDeleted: true },
  sql: `select ${count[0]} as "count", ${open} as "openCount",
      avg("resolutionDate" - "filedDate")::float8 as "averageDaysToResolution",
      ${money('sum("settlementAmount")')} as "settledAmount",
      ${byEach('status', Object.values(GrievanceStatus), 'status', { count })} as "byStatus",
      ${byEach('currentStep', grievanceSteps, 'step', { count, settled })} as "byStep",
      (select coalesce(json_agg(json_build_object('employerId', employer, 'count', "count", 'openCount', "openCount")
          order by "count" desc, employer), '[]')
        from (select c.employer, ${count[0]} as "count", ${open} as "openCount"
          from counted c join about o on o."id" = c.employer group by 1
          order by "count" desc, c.employer limit :most) each) as "byEmployer",
      (select coalesce(json_agg(json_build_object('contractArticle', article, 'count', "count", 'settled', "settled")
          order by "count" desc, article nulls last), '[]')
        from (select "contractArticle" as article, ${count[0]} as "count", ${settled[0]} as "settled" from counted group by 1) each) as "byArticle"
    from counted`,
};

const due = (condition: string): string => `(count(*) filter (where ${condition}))::int`;

export const deadlineFigures: Figures = {
  of: GrievanceDeadline,
  day: 'dueDate',
  from: ['party', 'dueDate', 'metOn', 'isMoot'],
  sql: `select v.value as "party", case when v.value = 'employer' then 0 else coalesce(f.missed, 0) end as "overdue",
      case when v.value = 'employer' then coalesce(f.missed, 0) else 0 end as "defaulted", coalesce(f.today, 0) as "today",
      coalesce(f.soon, 0) as "nextSevenDays", coalesce(f.held, 0) as "held"
    from unnest(array[${list(Object.values(DeadlineParty))}]) with ordinality as v(value, place)
    left join (select "party", ${due('"dueDate" < :today::date')} as missed, ${due('"dueDate" = :today::date')} as today,
        ${due('"dueDate" > :today::date and "dueDate" <= :today::date + 7')} as soon, ${due(`"dueDate" = 'infinity'`)} as held
      from counted where "metOn" is null and not "isMoot" group by 1) f on f."party" = v.value
    order by v.place`,
};
