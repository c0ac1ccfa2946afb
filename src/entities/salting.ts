import { Check, Entity, Enum, ManyToOne, Property } from '@mikro-orm/decorators/legacy';
import type { Ref } from '@mikro-orm/core';
import { Field, Int, ObjectType, registerEnumType } from 'type-graphql';
import { Listed } from './listing.ts';
import { Member } from './member.ts';
import { Organization } from './organization.ts';
import { Kept, Node } from './record.ts';
import { DateScalar } from './scalars.ts';
import type { FieldProblem } from '../errors.ts';

export enum SaltingActivityType {
  OUTREACH = 'outreach',
  SITE_VISIT = 'site_visit',
  LEAFLETING = 'leafleting',
  ONE_ON_ONE = 'one_on_one',
  MEETING = 'meeting',
  PETITION_DRIVE = 'petition_drive',
  CARD_SIGNING = 'card_signing',
  INFORMATION_SESSION = 'information_session',
  OTHER = 'other',
}

registerEnumType(SaltingActivityType, {
  name: 'SaltingActivityType',
  description: 'The type of a salting activity.',
  valuesConfig: {
    OUTREACH: { description: 'Outreach by telephone, mail, or message.' },
    SITE_VISIT: { description: 'A visit to the site.' },
    LEAFLETING: { description: 'Handing out leaflets.' },
    ONE_ON_ONE: { description: 'A conversation with one worker.' },
    MEETING: { description: 'A meeting.' },
    PETITION_DRIVE: { description: 'Collecting signatures for a petition.' },
    CARD_SIGNING: { description: 'Collecting signed authorization cards.' },
    INFORMATION_SESSION: { description: 'Informing workers about their rights.' },
    OTHER: { description: 'Another activity.' },
  },
});

export enum SaltingOutcome {
  POSITIVE = 'positive',
  NEUTRAL = 'neutral',
  NEGATIVE = 'negative',
  NO_CONTACT = 'no_contact',
}

registerEnumType(SaltingOutcome, {
  name: 'SaltingOutcome',
  description: 'The outcome of a salting activity.',
  valuesConfig: {
    POSITIVE: { description: 'The workers were interested.' },
    NEUTRAL: { description: 'The workers were neither interested nor opposed.' },
    NEGATIVE: { description: 'The workers were opposed.' },
    NO_CONTACT: { description: 'The organizer reached no workers. Requires zero contacts and zero cards.' },
  },
});

export interface SaltingActivityFacts {
  member: Ref<Member>;
  organization: Ref<Organization>;
  activityType: SaltingActivityType;
  activityDate: string;
  outcome?: SaltingOutcome | null;
  location?: string | null;
  workersContacted: number;
  cardsSigned: number;
  description?: string | null;
  notes?: string | null;
}

type Figures = Pick<SaltingActivityFacts, 'activityDate' | 'workersContacted' | 'cardsSigned'> &
  Partial<Pick<SaltingActivityFacts, 'outcome'>>;

/** Returns the problems of an activity's fields. The database has the same constraints. */
export function saltingProblems(
  { activityDate, outcome, workersContacted, cardsSigned }: Figures,
  today: string,
): FieldProblem[] {
  const laws: [isBroken: boolean, path: string, message: string][] = [
    [activityDate > today, 'activityDate', 'must not be in the future'],
    [workersContacted < 0, 'workersContacted', 'must not be negative'],
    [cardsSigned < 0, 'cardsSigned', 'must not be negative'],
    [cardsSigned > Math.max(workersContacted, 0), 'cardsSigned', 'must not be greater than workersContacted'],
    [
      outcome === SaltingOutcome.NO_CONTACT && (workersContacted !== 0 || cardsSigned !== 0),
      'outcome',
      'must not be NO_CONTACT when workersContacted or cardsSigned is not 0',
    ],
  ];
  return laws.flatMap(([isBroken, path, message]) => (isBroken ? [{ path, message }] : []));
}

/** Work of an organizer at a non-union employer. */
@ObjectType({
  description: 'A salting activity: work of an organizer at a non-union employer.',
  simpleResolvers: true,
  implements: Node,
})
@Entity({ tableName: 'salting_activities' })
@Listed({
  filter: ['member', 'organization', 'activityType', 'activityDate', 'outcome', 'workersContacted', 'cardsSigned'],
  order: ['activityDate', 'activityType', 'workersContacted', 'cardsSigned', 'createdAt'],
  by: ['activityDate', 'DESC'],
})
@Check({
  name: 'salting_activities_cards_within_contacts',
  expression: 'cards_signed >= 0 and cards_signed <= workers_contacted',
})
@Check({
  name: 'salting_activities_no_contact_no_figures',
  expression: `outcome <> 'no_contact' or (workers_contacted = 0 and cards_signed = 0)`,
})
export class SaltingActivity extends Kept {
  @Field(() => Member, { nullable: true, description: 'The organizer. Null when hidden from the caller.' })
  @ManyToOne({ entity: () => Member, ref: true, deleteRule: 'restrict' })
  member: Ref<Member>;

  @Field(() => Organization, { nullable: true, description: 'The target employer. Null when hidden from the caller.' })
  @ManyToOne({ entity: () => Organization, ref: true, deleteRule: 'restrict' })
  organization: Ref<Organization>;

  @Field(() => SaltingActivityType, { description: 'The type of the activity.' })
  @Enum({ items: () => SaltingActivityType })
  activityType: SaltingActivityType;

  @Field(() => DateScalar, { description: 'The date of the activity.' })
  @Property({ type: 'date' })
  activityDate: string;

  @Field(() => SaltingOutcome, { nullable: true, description: 'The outcome. Null while it is pending.' })
  @Enum({ items: () => SaltingOutcome, nullable: true })
  outcome: SaltingOutcome | null;

  @Field(() => String, { nullable: true, description: 'The place of the activity. Null if not set.' })
  @Property({ type: 'string', length: 200, nullable: true })
  location: string | null;

  @Field(() => Int, { description: 'The number of workers contacted.' })
  @Property({ type: 'integer' })
  workersContacted: number;

  @Field(() => Int, {
    description: 'The number of contacted workers who signed an authorization card. At most `workersContacted`.',
  })
  @Property({ type: 'integer' })
  cardsSigned: number;

  @Field(() => String, { nullable: true, description: 'A description of the activity. Null if not set.' })
  @Property({ type: 'text', nullable: true })
  description: string | null;

  @Field(() => String, { nullable: true, description: 'Additional notes. Null if not set.' })
  @Property({ type: 'text', nullable: true })
  notes: string | null;

  constructor(facts: SaltingActivityFacts) {
    super();
    this.member = facts.member;
    this.organization = facts.organization;
    this.activityType = facts.activityType;
    this.activityDate = facts.activityDate;
    this.outcome = facts.outcome ?? null;
    this.location = facts.location ?? null;
    this.workersContacted = facts.workersContacted;
    this.cardsSigned = facts.cardsSigned;
    this.description = facts.description ?? null;
    this.notes = facts.notes ?? null;
  }
}
