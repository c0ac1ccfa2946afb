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
  description: 'What an organizer did.',
  valuesConfig: {
    OUTREACH: { description: 'Reached out by telephone, mail or message.' },
    SITE_VISIT: { description: 'Visited the site.' },
    LEAFLETING: { description: 'Handed out leaflets.' },
    ONE_ON_ONE: { description: 'Talked with one worker.' },
    MEETING: { description: 'Held a meeting.' },
    PETITION_DRIVE: { description: 'Collected signatures for a petition.' },
    CARD_SIGNING: { description: 'Collected authorization cards.' },
    INFORMATION_SESSION: { description: 'Informed workers about their rights.' },
    OTHER: { description: 'Something else.' },
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
  description: 'How an activity went.',
  valuesConfig: {
    POSITIVE: { description: 'Workers were interested.' },
    NEUTRAL: { description: 'Neither interested nor opposed.' },
    NEGATIVE: { description: 'Workers were opposed.' },
    NO_CONTACT: { description: 'Nobody was reached: no contacts and no cards.' },
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

/** What an activity may not say, by the name of the field: empty where all is well. The database holds the same. */
export function saltingProblems({ activityDate, outcome, workersContacted, cardsSigned }: Figures, today: string): FieldProblem[] {
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

/** One thing an organizer did at an employer that is not union yet. */
@ObjectType({ description: 'One thing an organizer did at an employer that is not union yet.', simpleResolvers: true, implements: Node })
@Entity({ tableName: 'salting_activities' })
@Listed({
  filter: ['member', 'organization', 'activityType', 'activityDate', 'outcome', 'workersContacted', 'cardsSigned'],
  order: ['activityDate', 'activityType', 'workersContacted', 'cardsSigned', 'createdAt'],
  by: ['activityDate', 'DESC'],
})
@Check({ name: 'salting_activities_cards_within_contacts', expression: 'cards_signed >= 0 and cards_signed <= workers_contacted' })
@Check({
  name: 'salting_activities_no_contact_no_figures',
  expression: `outcome <> 'no_contact' or (workers_contacted = 0 and cards_signed = 0)`,
})
export class SaltingActivity extends Kept {
  @Field(() => Member, { nullable: true, description: 'The organizer.' })
  @ManyToOne({ entity: () => Member, ref: true, deleteRule: 'restrict' })
  member: Ref<Member>;

  @Field(() => Organization, { nullable: true, description: 'The target.' })
  @ManyToOne({ entity: () => Organization, ref: true, deleteRule: 'restrict' })
  organization: Ref<Organization>;

  @Field(() => SaltingActivityType, { description: 'What was done.' })
  @Enum({ items: () => SaltingActivityType })
  activityType: SaltingActivityType;

  @Field(() => DateScalar, { description: 'The day it was done.' })
  @Property({ type: 'date' })
  activityDate: string;

  @Field(() => SaltingOutcome, { nullable: true, description: 'How it went; null while that is open.' })
  @Enum({ items: () => SaltingOutcome, nullable: true })
  outcome: SaltingOutcome | null;

  @Field(() => String, { nullable: true, description: 'Where.' })
  @Property({ type: 'string', length: 200, nullable: true })
  location: string | null;

  @Field(() => Int, { description: 'How many workers were reached.' })
  @Property({ type: 'integer' })
  workersContacted: number;

  @Field(() => Int, { description: 'How many of them signed a card then; at most as many as were reached.' })
  @Property({ type: 'integer' })
  cardsSigned: number;

  @Field(() => String, { nullable: true, description: 'What happened.' })
  @Property({ type: 'text', nullable: true })
  description: string | null;

  @Field(() => String, { nullable: true, description: 'Notes.' })
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
