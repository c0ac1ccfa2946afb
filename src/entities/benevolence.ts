import { Check, Entity, Enum, Formula, ManyToOne, OneToMany, Property, Unique } from '@mikro-orm/decorators/legacy';
import { Collection, ref, type Ref } from '@mikro-orm/core';
import { Field, Int, ObjectType, registerEnumType } from 'type-graphql';
import { assertValid, type FieldProblem } from '../errors.ts';
import { Case, type ActionContext } from './case.ts';
import { CaseEvent, type CaseEventFacts } from './case-event.ts';
import { Derived, Listed } from './listing.ts';
import { Member } from './member.ts';
import { Dated, Node } from './record.ts';
import { cents, DateScalar, DecimalScalar } from './scalars.ts';
import { Person, User } from './user.ts';
import type { Viewer } from './viewer.ts';

export enum BenevolenceReason {
  MEDICAL = 'medical',
  DEATH_IN_FAMILY = 'death_in_family',
  DISASTER = 'disaster',
  HARDSHIP = 'hardship',
  OTHER = 'other',
}

registerEnumType(BenevolenceReason, {
  name: 'BenevolenceReason',
  description: 'The reason for an application to the benevolence fund.',
  valuesConfig: {
    MEDICAL: { description: 'Illness or injury.' },
    DEATH_IN_FAMILY: { description: 'A death in the family.' },
    DISASTER: { description: 'A disaster such as a fire, flood, or storm.' },
    HARDSHIP: { description: 'Financial hardship, for example after a layoff.' },
    OTHER: { description: 'Another reason.' },
  },
});

export enum BenevolenceStatus {
  DRAFT = 'draft',
  SUBMITTED = 'submitted',
  UNDER_REVIEW = 'under_review',
  APPROVED = 'approved',
  DENIED = 'denied',
  PAID = 'paid',
}

registerEnumType(BenevolenceStatus, {
  name: 'BenevolenceStatus',
  description: 'The status of an application.',
  valuesConfig: {
    DRAFT: { description: 'In preparation, or returned to the applicant for more information.' },
    SUBMITTED: { description: 'Submitted and awaiting the first review of its round.' },
    UNDER_REVIEW: { description: 'Reviewed by at least one level, with no final decision yet.' },
    APPROVED: { description: 'Approved and awaiting payment.' },
    DENIED: { description: 'Denied.' },
    PAID: { description: 'Paid.' },
  },
});

export enum BenevolenceReviewLevel {
  VP = 'vp',
  ADMIN = 'admin',
  MANAGER = 'manager',
  PRESIDENT = 'president',
}

registerEnumType(BenevolenceReviewLevel, {
  name: 'BenevolenceReviewLevel',
  description:
    'A review level. Levels decide in the order VP, ADMIN, MANAGER, PRESIDENT. Larger amounts require more levels.',
  valuesConfig: {
    VP: { description: 'The vice president.' },
    ADMIN: { description: 'The administrator of the fund.' },
    MANAGER: { description: 'The business manager.' },
    PRESIDENT: { description: 'The president.' },
  },
});

export enum BenevolenceReviewDecision {
  APPROVED = 'approved',
  DENIED = 'denied',
  NEEDS_INFO = 'needs_info',
  DEFERRED = 'deferred',
}

registerEnumType(BenevolenceReviewDecision, {
  name: 'BenevolenceReviewDecision',
  description: 'The decision of a review level.',
  valuesConfig: {
    APPROVED: {
      description: 'Approves the application at this level. At the last required level, this approves the application.',
    },
    DENIED: { description: 'Denies the application.' },
    NEEDS_INFO: {
      description:
        'Returns the application to draft for more information. The next submission starts a new review round.',
    },
    DEFERRED: { description: 'Passes the decision to the next higher level, which becomes a required level.' },
  },
});

export enum BenevolenceAction {
  CREATED = 'apply',
  UPDATE = 'update',
  SUBMIT = 'submit',
  WITHDRAW = 'withdraw',
  REVIEW = 'review',
  PAY = 'pay',
}

registerEnumType(BenevolenceAction, {
  name: 'BenevolenceAction',
  description: 'An action on an application. Each action has its own mutation.',
  valuesConfig: {
    CREATED: { description: '`applyForBenevolence`: drafts the application. Only events have this action.' },
    UPDATE: { description: '`updateBenevolenceDraft`: changes the draft.' },
    SUBMIT: { description: '`submitBenevolence`: submits the draft for review.' },
    WITHDRAW: { description: '`withdrawBenevolence`: withdraws the application.' },
    REVIEW: { description: '`reviewBenevolence`: records the decision of the next level.' },
    PAY: { description: '`payBenevolence`: records the payment.' },
  },
});

/** The review levels in the order in which they decide. */
export const benevolenceLevels: readonly BenevolenceReviewLevel[] = [
  BenevolenceReviewLevel.VP,
  BenevolenceReviewLevel.ADMIN,
  BenevolenceReviewLevel.MANAGER,
  BenevolenceReviewLevel.PRESIDENT,
];

const { CREATED, UPDATE, SUBMIT, WITHDRAW, REVIEW, PAY } = BenevolenceAction;

/** The actions that each status of an application allows. */
export const benevolenceLaw: Readonly<Record<BenevolenceStatus, readonly BenevolenceAction[]>> = {
  draft: [UPDATE, SUBMIT, WITHDRAW],
  submitted: [REVIEW, WITHDRAW],
  under_review: [REVIEW],
  approved: [PAY],
  denied: [],
  paid: [],
};

/** The statuses of applications that still need an action. */
export const openBenevolenceStatuses: readonly BenevolenceStatus[] = Object.values(BenevolenceStatus).filter(
  (status) => benevolenceLaw[status].length > 0,
);

/** The amounts in US dollars from which each level after the first must also decide. */
export interface ReviewThresholds {
  readonly admin: string;
  readonly manager: string;
  readonly president: string;
}

export const defaultReviewThresholds: ReviewThresholds = { admin: '500.00', manager: '2000.00', president: '5000.00' };

/** Returns the levels that must decide on an amount. */
export function levelsFor(amount: string, thresholds: ReviewThresholds): BenevolenceReviewLevel[] {
  const from: Record<BenevolenceReviewLevel, bigint> = {
    vp: 0n,
    admin: cents(thresholds.admin),
    manager: cents(thresholds.manager),
    president: cents(thresholds.president),
  };
  return benevolenceLevels.filter((level) => cents(amount) >= from[level]);
}

/** Returns the level that decides next. Undefined if all required levels have decided. */
function nextLevel(required: readonly BenevolenceReviewLevel[], decided: readonly BenevolenceReviewLevel[]) {
  return benevolenceLevels.find((level) => required.includes(level) && !decided.includes(level));
}

export interface BenevolenceFacts {
  member: Ref<Member>;
  applicationDate: string;
  reason: BenevolenceReason;
  description: string;
  amountRequested: string;
  notes?: string | null;
}

/** The changes of a draft. Omitted fields keep their values. */
export type BenevolenceChanges = Partial<
  Pick<BenevolenceApplication, 'reason' | 'description' | 'amountRequested' | 'notes'>
>;

export interface PaymentFacts {
  paymentDate: string;
  paymentMethod: string;
}

export interface ReviewFacts {
  decision: BenevolenceReviewDecision;
  reviewerName: string;
  reviewer: Ref<User> | null;
  reviewDate: string;
  /** Only at the last level. The requested amount if omitted. */
  approvedAmount?: string | null;
  comments?: string | null;
}

/** The problems of an application's own fields. Omitted fields are not checked. */
export function applicationProblems(
  { applicationDate, amountRequested }: Partial<Record<'applicationDate' | 'amountRequested', string | null>>,
  today: string,
): FieldProblem[] {
  const problems: FieldProblem[] = [];
  if (applicationDate != null && applicationDate > today)
    problems.push({ path: 'applicationDate', message: 'must not be in the future' });
  if (amountRequested != null && cents(amountRequested) <= 0n)
    problems.push({ path: 'amountRequested', message: 'must be more than zero' });
  return problems;
}

/** A member's request for help from the benevolence fund, decided by as many levels as its amount needs. */
@ObjectType({
  description: 'An application of a member to the benevolence fund.',
  simpleResolvers: true,
  implements: Node,
})
@Entity({ tableName: 'benevolence_applications' })
@Listed({
  filter: ['member', 'status', 'reason', 'applicationDate', 'amountRequested', 'paymentDate'],
  order: ['applicationDate', 'amountRequested', 'status', 'reason', 'createdAt'],
  by: ['applicationDate', 'DESC'],
})
@Check({ name: 'benevolence_applications_amount_positive', expression: 'amount_requested > 0' })
@Check({
  name: 'benevolence_applications_approved_amount_range',
  expression: 'approved_amount > 0 and approved_amount <= amount_requested',
})
@Check({
  name: 'benevolence_applications_approved_amount_when_approved',
  expression: `(approved_amount is not null) = (status in ('approved', 'paid'))`,
})
@Check({
  name: 'benevolence_applications_payment_when_paid',
  expression: `case when status = 'paid' then payment_date is not null and payment_method is not null else payment_date is null and payment_method is null end`,
})
@Check({ name: 'benevolence_applications_payment_after_application', expression: 'payment_date >= application_date' })
@Check({ name: 'benevolence_applications_round_positive', expression: 'round > 0' })
@Check({
  name: 'benevolence_applications_levels_known',
  expression: `required_levels <@ array['vp', 'admin', 'manager', 'president']::text[]`,
})
@Check({
  name: 'benevolence_applications_levels_when_submitted',
  expression: `status = 'draft' or cardinality(required_levels) > 0`,
})
export class BenevolenceApplication extends Case<BenevolenceStatus, BenevolenceAction> {
  @Field(() => Member, { nullable: true, description: 'The applicant. Null when hidden from the caller.' })
  @ManyToOne({ entity: () => Member, ref: true, deleteRule: 'restrict' })
  member: Ref<Member>;

  @Field(() => DateScalar, { description: 'The date of the application.' })
  @Property({ type: 'date' })
  applicationDate: string;

  @Field(() => BenevolenceReason, { description: 'The reason for the application.' })
  @Enum({ items: () => BenevolenceReason })
  reason: BenevolenceReason;

  @Field(() => String, { description: 'The circumstances in the words of the applicant. Confidential.' })
  @Property({ type: 'text' })
  description: string;

  @Field(() => DecimalScalar, { description: 'The requested amount in US dollars.' })
  @Property({ type: 'decimal', precision: 12, scale: 2 })
  amountRequested: string;

  @Field(() => BenevolenceStatus, { description: 'The current status.' })
  @Enum({ items: () => BenevolenceStatus })
  status: BenevolenceStatus = BenevolenceStatus.DRAFT;

  @Field(() => DecimalScalar, {
    nullable: true,
    description: 'The approved amount in US dollars. Null until the application is approved.',
  })
  @Property({ type: 'decimal', precision: 12, scale: 2, nullable: true })
  approvedAmount: string | null = null;

  @Field(() => DateScalar, { nullable: true, description: 'The payment date. Null until the application is paid.' })
  @Property({ type: 'date', nullable: true })
  paymentDate: string | null = null;

  @Field(() => String, { nullable: true, description: 'The payment method. Null until the application is paid.' })
  @Property({ type: 'string', length: 100, nullable: true })
  paymentMethod: string | null = null;

  @Field(() => String, { nullable: true, description: 'Additional notes. Confidential. Null if not set.' })
  @Property({ type: 'text', nullable: true })
  notes: string | null;

  @Field(() => Int, {
    description:
      'The number of the current review round, starting at 1. Resubmission after a NEEDS_INFO decision starts a new round.',
  })
  @Property({ type: 'integer' })
  round: number = 1;

  @Field(() => [BenevolenceReviewLevel], {
    description:
      'The levels that must decide. Submission sets them from the amount, and DEFERRED adds a level. ' +
      'Empty before the first submission.',
  })
  @Property({ type: 'array', columnType: 'text[]' })
  requiredLevels: BenevolenceReviewLevel[] = [];

  @Field(() => [BenevolenceReview], { description: 'The decisions of all rounds, oldest first.' })
  @OneToMany({
    entity: () => BenevolenceReview,
    mappedBy: 'application',
    orderBy: { round: 'asc', reviewDate: 'asc', id: 'asc' },
  })
  reviews = new Collection<BenevolenceReview>(this);

  @Field(() => [CaseEvent], { description: 'The actions on the application, oldest first.' })
  @OneToMany({ entity: () => CaseEvent, mappedBy: 'application', orderBy: { at: 'asc', id: 'asc' } })
  history = new Collection<CaseEvent>(this);

  /** The levels that decided in this round, for readers that have not loaded the reviews. */
  @Formula(
    (application) =>
      `array(select r.review_level from benevolence_reviews r where r.application_id = ${application.id} and r.round = ${application.round})`,
    { type: 'array', lazy: true },
  )
  decidedLevels?: BenevolenceReviewLevel[];

  /** The users who decided in this round, for readers that have not loaded the reviews. */
  @Formula(
    (application) =>
      `array(select r.reviewer_id::text from benevolence_reviews r where r.application_id = ${application.id} and r.round = ${application.round} and r.reviewer_id is not null)`,
    { type: 'array', lazy: true },
  )
  decidedBy?: string[];

  @Field(() => [BenevolenceAction], {
    description:
      'The actions that the caller can take now. They depend on the state of the application and on the ' +
      'roles of the caller. Applicants cannot review their own applications. One person can decide only ' +
      'once per round.',
  })
  @Derived('status', 'member', 'requiredLevels', 'decidedLevels', 'decidedBy', 'deletedAt')
  availableActions(viewer: Viewer): BenevolenceAction[] {
    if (this.deletedAt !== null) return [];
    const isOwn = viewer.memberId !== null && (this.member as unknown) === viewer.memberId;
    const next = nextLevel(this.requiredLevels, this.decidedLevels ?? []);
    const mayDecide =
      !isOwn && next !== undefined && viewer.decidesAt(next) && !this.decidedBy?.includes(viewer.userId ?? '');
    return benevolenceLaw[this.status].filter(
      (action) => viewer.may('BenevolenceApplication', action, isOwn) && (action !== REVIEW || mayDecide),
    );
  }

  constructor(facts: BenevolenceFacts, context: ActionContext) {
    super();
    this.member = facts.member;
    this.applicationDate = facts.applicationDate;
    this.reason = facts.reason;
    this.description = facts.description;
    this.amountRequested = facts.amountRequested;
    this.notes = facts.notes ?? null;
    assertValid(applicationProblems(this, context.today));
    this.record(CREATED, null, context);
  }

  /** The level that decides next. Undefined if none is left, or nothing was submitted. */
  get nextLevel(): BenevolenceReviewLevel | undefined {
    return nextLevel(this.requiredLevels, this.decided);
  }

  /**
   * Checks that the viewer may decide next.
   * @param level the level that the viewer expects to decide, if given.
   * @throws CONFLICT if the viewer holds another level or none, is the applicant, or has decided in this round.
   */
  demandReviewer(viewer: Viewer, level?: BenevolenceReviewLevel | null): void {
    const next = this.nextLevel;
    if (next === undefined || (level != null && level !== next))
      throw this.conflict(
        next === undefined ? 'No review is pending.' : `The next review level is ${next}.`,
        viewer.today,
      );
    this.refuseRecused(viewer);
    if (!viewer.decidesAt(next))
      throw this.conflict(`The next review level is ${next}. Your roles do not include it.`, viewer.today);
  }

  /** Changes the draft. */
  update(changes: BenevolenceChanges, context: ActionContext): void {
    this.take(UPDATE, context, () => {
      assertValid(applicationProblems(changes, context.today));
      Object.assign(this, changes);
    });
  }

  /**
   * Submits the draft and fixes the levels that its amount needs. After a request for more information, a new round
   * begins.
   */
  submit(thresholds: ReviewThresholds, context: ActionContext): void {
    this.take(SUBMIT, context, () => {
      if (this.reviewsOfRound.length > 0) this.round += 1;
      this.requiredLevels = levelsFor(this.amountRequested, thresholds);
      this.status = BenevolenceStatus.SUBMITTED;
      return `${requestedAmountPrefix}${this.amountRequested}`;
    });
  }

  /** Decides at the next level. Checks recusal; the caller has already checked that the reviewer holds the level. */
  review(facts: ReviewFacts, reviewerMemberId: string | null, context: ActionContext): void {
    this.take(REVIEW, context, () => {
      const level = this.nextLevel;
      if (level === undefined) throw this.conflict('Every review level has already decided.', context.today);
      this.refuseRecused({ userId: facts.reviewer?.id ?? null, memberId: reviewerMemberId, today: context.today });
      assertValid(this.reviewProblems(facts));
      const isLast = this.isLast(level);
      const { decision } = facts;
      this.reviews.add(
        new BenevolenceReview({
          ...facts,
          application: ref(this as BenevolenceApplication),
          round: this.round,
          reviewLevel: level,
        }),
      );
      this.status = BenevolenceStatus.UNDER_REVIEW;
      if (decision === BenevolenceReviewDecision.DENIED) this.status = BenevolenceStatus.DENIED;
      if (decision === BenevolenceReviewDecision.NEEDS_INFO) this.status = BenevolenceStatus.DRAFT;
      if (decision === BenevolenceReviewDecision.DEFERRED)
        this.requiredLevels = withLevelAbove(this.requiredLevels, level);
      if (decision === BenevolenceReviewDecision.APPROVED && isLast)
        this.approve(facts.approvedAmount ?? this.amountRequested);
      return facts.comments;
    });
  }

  /** Returns the problems of a decision at the next level. */
  reviewProblems({ decision, approvedAmount }: Pick<ReviewFacts, 'decision' | 'approvedAmount'>): FieldProblem[] {
    const level = this.nextLevel;
    const problems: FieldProblem[] = [];
    if (decision === BenevolenceReviewDecision.DEFERRED && level === benevolenceLevels.at(-1))
      problems.push({ path: 'decision', message: 'must not be DEFERRED: the president is the last level' });
    if (approvedAmount == null) return problems;
    const approves = decision === BenevolenceReviewDecision.APPROVED && level !== undefined && this.isLast(level);
    if (!approves) problems.push({ path: 'approvedAmount', message: 'is allowed only when the last level approves' });
    if (cents(approvedAmount) <= 0n || cents(approvedAmount) > cents(this.amountRequested))
      problems.push({ path: 'approvedAmount', message: 'must be more than zero and at most the requested amount' });
    return problems;
  }

  /** Records the payment of the approved amount. */
  pay(paymentDate: string, paymentMethod: string, context: ActionContext): void {
    this.take(PAY, context, () => {
      assertValid(this.paymentProblems({ paymentDate, paymentMethod }, context.today));
      this.paymentDate = paymentDate;
      this.paymentMethod = paymentMethod;
      this.status = BenevolenceStatus.PAID;
    });
  }

  /** Returns the problems of a payment. @param today the current day, as `YYYY-MM-DD`. */
  paymentProblems({ paymentDate, paymentMethod }: PaymentFacts, today: string): FieldProblem[] {
    const problems: FieldProblem[] = [];
    if (paymentDate > today) problems.push({ path: 'paymentDate', message: 'must not be in the future' });
    if (paymentDate < this.applicationDate)
      problems.push({ path: 'paymentDate', message: 'must not be before the application date' });
    if (!paymentMethod.trim()) problems.push({ path: 'paymentMethod', message: 'must not be empty' });
    return problems;
  }

  /** Withdraws the application: it leaves every list and keeps its history. */
  withdraw(context: ActionContext): void {
    this.take(WITHDRAW, context, () => {
      this.deletedAt = context.at;
    });
  }

  private get reviewsOfRound(): BenevolenceReview[] {
    return this.reviews.getItems().filter(({ round }) => round === this.round);
  }

  private get decided(): BenevolenceReviewLevel[] {
    return this.reviewsOfRound.map(({ reviewLevel }) => reviewLevel);
  }

  protected override get noun(): string {
    return 'application';
  }

  protected override eventOf(facts: CaseEventFacts): CaseEvent {
    return new CaseEvent({ application: ref(this as BenevolenceApplication), ...facts });
  }

  protected override allowedOn(): readonly BenevolenceAction[] {
    return this.isDeleted ? [] : benevolenceLaw[this.status];
  }

  private isLast(level: BenevolenceReviewLevel): boolean {
    return nextLevel(this.requiredLevels, [...this.decided, level]) === undefined;
  }

  private approve(amount: string): void {
    this.approvedAmount = amount;
    this.status = BenevolenceStatus.APPROVED;
  }

  private refuseRecused({ userId, memberId, today }: Pick<Viewer, 'userId' | 'memberId' | 'today'>): void {
    if (memberId !== null && this.member.id === memberId)
      throw this.conflict('You cannot decide on your own application.', today);
    if (userId !== null && this.reviewsOfRound.some(({ reviewer }) => reviewer?.id === userId))
      throw this.conflict('You have already decided in this round.', today);
  }
}

/**
 * The beginning of a submission's note. The history keeps the amount, because it decides who reviews and a later draft
 * may change it.
 */
export const requestedAmountPrefix = 'Asked for $';

/** Returns the required levels after one of them has escalated the application. */
function withLevelAbove(
  required: readonly BenevolenceReviewLevel[],
  level: BenevolenceReviewLevel,
): BenevolenceReviewLevel[] {
  const above = benevolenceLevels[benevolenceLevels.indexOf(level) + 1];
  return benevolenceLevels.filter((each) => each === above || required.includes(each));
}

/** The decision of one level in one round. */
@ObjectType({ description: 'The decision of one level in one round.', simpleResolvers: true })
@Entity({ tableName: 'benevolence_reviews' })
@Unique({ properties: ['application', 'round', 'reviewLevel'] })
@Unique({ properties: ['application', 'round', 'reviewer'] })
@Check({ name: 'benevolence_reviews_round_positive', expression: 'round > 0' })
@Check({
  name: 'benevolence_reviews_president_decides',
  expression: `review_level <> 'president' or decision <> 'deferred'`,
})
export class BenevolenceReview extends Dated {
  @ManyToOne({ entity: () => BenevolenceApplication, ref: true, deleteRule: 'restrict' })
  application: Ref<BenevolenceApplication>;

  @Field(() => Int, { description: 'The number of the review round, starting at 1.' })
  @Property({ type: 'integer' })
  round: number;

  @Field(() => BenevolenceReviewLevel, { description: 'The level that decided.' })
  @Enum({ items: () => BenevolenceReviewLevel })
  reviewLevel: BenevolenceReviewLevel;

  @Field(() => BenevolenceReviewDecision, { description: 'The decision.' })
  @Enum({ items: () => BenevolenceReviewDecision })
  decision: BenevolenceReviewDecision;

  @Field(() => DateScalar, { description: 'The date of the decision.' })
  @Property({ type: 'date' })
  reviewDate: string;

  @Field(() => String, { nullable: true, description: 'The name of the reviewer at the time of the decision.' })
  @Property({ type: 'string', length: 200 })
  reviewerName: string;

  @Field(() => Person, { nullable: true, description: 'The user who decided. Null for imported reviews.' })
  @ManyToOne({ entity: () => User, ref: true, nullable: true, deleteRule: 'restrict', index: true })
  reviewer: Ref<User> | null;

  @Field(() => String, { nullable: true, description: 'The comments of the reviewer. Null if not set.' })
  @Property({ type: 'text', nullable: true })
  comments: string | null;

  constructor(
    facts: ReviewFacts & {
      application: Ref<BenevolenceApplication>;
      round: number;
      reviewLevel: BenevolenceReviewLevel;
    },
  ) {
    super();
    this.application = facts.application;
    this.round = facts.round;
    this.reviewLevel = facts.reviewLevel;
    this.decision = facts.decision;
    this.reviewDate = facts.reviewDate;
    this.reviewerName = facts.reviewerName;
    this.reviewer = facts.reviewer;
    this.comments = facts.comments ?? null;
  }
}

/** A change of an application. The application itself is read when the change is delivered. */
@ObjectType({ description: 'A change to an application.', simpleResolvers: true })
export class BenevolenceApplicationChange {
  @Field(() => BenevolenceAction, { description: 'The action that changed the application.' })
  action!: BenevolenceAction;
}
