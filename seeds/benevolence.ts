import {
  benevolenceLevels,
  BenevolenceReason,
  BenevolenceReviewDecision,
  BenevolenceStatus,
  defaultReviewThresholds,
  levelsFor,
  type BenevolenceReviewLevel,
} from '../src/entities/benevolence.ts';
import { fullNameOf, linkedMembers, reviewers, userId } from './account.ts';
import { daysAgo, instantOn, plusDays, workday } from './calendar.ts';
import type { Dossier, ScaledKind } from './dossier.ts';
import { memberId, memberIndex, money } from './member.ts';
import { idOf } from './id.ts';
import { Dice } from './random.ts';
import type { BenevolenceApplicationRow, BenevolenceReviewRow, CaseEventRow } from './row.ts';
import { hardshipTexts } from './texts/hardship.ts';

const { MEDICAL, HARDSHIP, DEATH_IN_FAMILY, DISASTER, OTHER } = BenevolenceReason;
const { APPROVED: YES, DENIED: NO, NEEDS_INFO: ASK, DEFERRED: UP } = BenevolenceReviewDecision;

/** The basic facts of an application. */
interface Shape {
  readonly reason: BenevolenceReason;
  /** The minimum and maximum amount in whole dollars. */
  readonly amount: readonly [from: number, to: number];
  /**
   * The decisions of each round. Without rounds, the application is a draft; an empty round waits for its first review.
   */
  readonly rounds: readonly (readonly BenevolenceReviewDecision[])[];
  readonly isPaid?: true;
  /** The applicant's place in the block. */
  readonly member: number;
  /** The number of days since it was written. */
  readonly age: number;
}

const { member, testuser } = linkedMembers;

/** The 25 applications of a block, with 47 reviews between them. */
const shapes: readonly Shape[] = [
  {
    reason: MEDICAL,
    amount: [2000, 4975],
    rounds: [
      [YES, ASK],
      [YES, YES, YES],
    ],
    isPaid: true,
    member: 24,
    age: 640,
  },
  { reason: HARDSHIP, amount: [200, 475], rounds: [[YES]], isPaid: true, member: testuser, age: 612 },
  { reason: MEDICAL, amount: [500, 1975], rounds: [[YES, YES]], isPaid: true, member, age: 583 },
  { reason: DEATH_IN_FAMILY, amount: [1000, 1975], rounds: [[YES, YES]], isPaid: true, member: 13, age: 551 },
  { reason: HARDSHIP, amount: [200, 475], rounds: [[NO]], member: 44, age: 528 },
  { reason: DISASTER, amount: [5000, 7500], rounds: [[YES, YES, YES, YES]], isPaid: true, member: 39, age: 490 },
  { reason: HARDSHIP, amount: [500, 1975], rounds: [[YES, YES]], isPaid: true, member: 3, age: 461 },
  { reason: MEDICAL, amount: [2000, 4975], rounds: [[YES, YES, YES]], isPaid: true, member: 46, age: 430 },
  { reason: OTHER, amount: [100, 475], rounds: [[NO]], member: 16, age: 402 },
  { reason: HARDSHIP, amount: [200, 475], rounds: [[UP, YES]], isPaid: true, member: 1, age: 371 },
  { reason: MEDICAL, amount: [5000, 5000], rounds: [[YES, YES, YES, YES]], isPaid: true, member: 41, age: 340 },
  { reason: DEATH_IN_FAMILY, amount: [2000, 3000], rounds: [[YES, YES, YES]], isPaid: true, member: 20, age: 305 },
  { reason: HARDSHIP, amount: [500, 1975], rounds: [[YES, NO]], member: 43, age: 274 },
  { reason: DISASTER, amount: [2000, 4975], rounds: [[YES, YES, NO]], member: 28, age: 241 },
  { reason: HARDSHIP, amount: [200, 475], rounds: [[YES]], isPaid: true, member: 35, age: 190 },
  { reason: DEATH_IN_FAMILY, amount: [1000, 1975], rounds: [[YES, YES]], member: 31, age: 66 },
  { reason: MEDICAL, amount: [500, 1975], rounds: [[YES, YES]], member: 47, age: 58 },
  { reason: DISASTER, amount: [2000, 4975], rounds: [[YES, YES, YES]], member: 22, age: 49 },
  { reason: MEDICAL, amount: [2000, 4975], rounds: [[YES, YES]], member: 18, age: 37 },
  { reason: MEDICAL, amount: [2000, 4975], rounds: [[YES]], member, age: 29 },
  { reason: HARDSHIP, amount: [500, 1975], rounds: [[ASK]], member: testuser, age: 24 },
  { reason: OTHER, amount: [500, 1000], rounds: [[]], member: 6, age: 15 },
  { reason: MEDICAL, amount: [500, 1975], rounds: [[]], member: 36, age: 11 },
  { reason: DEATH_IN_FAMILY, amount: [1000, 2975], rounds: [], member: 33, age: 8 },
  { reason: MEDICAL, amount: [500, 1975], rounds: [], member: 8, age: 5 },
];

const comments: Readonly<Record<BenevolenceReviewDecision, readonly (string | null)[]>> = {
  approved: [
    'Documents complete.',
    'Spoke with the member; agreed.',
    'Within the guidelines of the fund.',
    'Bills attached and checked.',
    null,
  ],
  denied: [
    'A grant for the same cause was paid last year.',
    'Not a cause that the fund may pay for.',
    'Covered by another program; referred there.',
  ],
  needs_info: [
    'Please attach the bill.',
    'We need the letter of the insurer before we can decide.',
    'Proof of income for the past two months is missing.',
  ],
  deferred: ['Unusual case; the fund administrator should look at it.', 'I know the family, and would rather have a second opinion.'],
};

const paymentMethods = ['check', 'check', 'direct deposit', 'paid to the creditor'];
const notes = ['Original documents in the office safe.', 'Asked for discretion.', 'Referred to the county assistance line as well.'];

/** For each application of a block, the number of earlier ones in the block with the same reason. */
const sameBefore = shapes.map((shape, slot) => shapes.slice(0, slot).filter(({ reason }) => reason === shape.reason).length);

/** Benevolence applications with all their decisions and actions up to the present. */
export const benevolence: ScaledKind = {
  table: 'benevolence_applications',
  parts: ['benevolence_reviews', 'case_events'],
  perBlock: shapes.length,
  dossiers: benevolenceDossiers,
};

function* benevolenceDossiers(scale: number): Generator<Dossier> {
  const dice = new Dice('benevolence_applications');
  for (let block = 0; block < scale; block += 1) {
    dice.startBlock(block);
    for (const [slot, shape] of shapes.entries()) yield new Telling(block, slot, shape, dice).told();
  }
}

/** Generates the history of one application, day by day. */
class Telling {
  private readonly index: number;
  private readonly applied: string;
  private readonly amount: string;
  private readonly reviews: BenevolenceReviewRow[] = [];
  private readonly events: CaseEventRow[] = [];
  private readonly id: string;
  private readonly applicant: string;
  private today: string;
  private status = BenevolenceStatus.DRAFT;
  private required: readonly BenevolenceReviewLevel[] = [];
  private approvedAmount: string | null = null;

  constructor(
    private readonly block: number,
    private readonly slot: number,
    private readonly shape: Shape,
    private readonly dice: Dice,
  ) {
    this.index = block * shapes.length + slot;
    this.applied = workday(daysAgo(shape.age));
    this.today = this.applied;
    this.id = idOf('benevolence_applications', this.index, this.now);
    const [from, to] = shape.amount;
    this.amount = money(dice.faker.number.int({ min: from, max: to, multipleOf: 25 }) * 100);
    this.applicant = userId(this.usernameOfApplicant);
  }

  told(): Dossier {
    this.tell('apply', BenevolenceStatus.DRAFT, this.applicant);
    for (const [nth, decisions] of this.shape.rounds.entries()) this.tellRound(nth + 1, decisions);
    const isPaid = this.shape.isPaid === true;
    if (isPaid) this.tellPayment();
    return { benevolence_applications: [this.row(isPaid)], benevolence_reviews: this.reviews, case_events: this.events };
  }

  private tellRound(round: number, decisions: readonly BenevolenceReviewDecision[]): void {
    if (round > 1) this.pass(3, 8);
    this.required = levelsFor(this.amount, defaultReviewThresholds);
    this.tell('submit', BenevolenceStatus.SUBMITTED, this.applicant);
    for (const [nth, decision] of decisions.entries()) this.tellReview(round, nth, decision);
  }

  /** Levels decide in order without gaps, so the n-th decision of a round belongs to the n-th level. */
  private tellReview(round: number, nth: number, decision: BenevolenceReviewDecision): void {
    this.pass(1, 5);
    if (decision === UP) this.required = benevolenceLevels.slice(0, Math.max(this.required.length, nth + 2));
    const isLast = nth + 1 === this.required.length;
    const level = this.required[nth];
    if (level === undefined) throw new RangeError(`Application ${this.slot} of a block has more reviews than its amount needs.`);
    const status = this.statusAfter(decision, isLast);
    if (status === BenevolenceStatus.APPROVED) this.approvedAmount = this.grant();
    const reviewer = reviewers[level];
    const at = this.now;
    this.reviews.push({
      id: idOf('benevolence_reviews', `${this.index}.${round}.${nth}`, at),
      created_at: at,
      updated_at: at,
      application_id: this.id,
      round,
      review_level: level,
      decision,
      review_date: this.today,
      reviewer_name: fullNameOf(reviewer),
      reviewer_id: userId(reviewer),
      comments: this.dice.pick(comments[decision]),
    });
    this.tell('review', status, userId(reviewer));
  }

  private statusAfter(decision: BenevolenceReviewDecision, isLast: boolean): BenevolenceStatus {
    if (decision === NO) return BenevolenceStatus.DENIED;
    if (decision === ASK) return BenevolenceStatus.DRAFT;
    return decision === YES && isLast ? BenevolenceStatus.APPROVED : BenevolenceStatus.UNDER_REVIEW;
  }

  /** From 60 to 100 percent of the requested amount, in whole dollars. */
  private grant(): string {
    const dollars = Number(this.amount);
    return money(Math.ceil((dollars * this.dice.pick([60, 75, 80, 90, 100, 100])) / 100) * 100);
  }

  private tellPayment(): void {
    this.pass(3, 9);
    this.tell('pay', BenevolenceStatus.PAID, userId('officer'));
  }

  private row(isPaid: boolean): BenevolenceApplicationRow {
    return {
      id: this.id,
      created_at: this.events[0]?.at ?? this.now,
      updated_at: this.events.at(-1)?.at ?? this.now,
      deleted_at: null,
      member_id: memberId(memberIndex(this.block, this.shape.member)),
      application_date: this.applied,
      reason: this.shape.reason,
      description: this.description,
      amount_requested: this.amount,
      status: this.status,
      approved_amount: this.approvedAmount,
      payment_date: isPaid ? this.today : null,
      payment_method: isPaid ? this.dice.pick(paymentMethods) : null,
      notes: this.dice.chance(25) ? this.dice.pick(notes) : null,
      version: this.events.length,
      round: Math.max(this.shape.rounds.length, 1),
      required_levels: this.required,
    };
  }

  /** Uses each text once per block: every reason has as many texts as applications. */
  private get description(): string {
    const texts = hardshipTexts[this.shape.reason];
    return texts[((sameBefore[this.slot] ?? 0) + this.block) % texts.length] ?? '';
  }

  /** Members with an account apply themselves; for the others, the office applies. */
  private get usernameOfApplicant(): string {
    if (this.block > 0) return 'staff';
    if (this.shape.member === member) return 'member';
    return this.shape.member === testuser ? 'testuser' : 'staff';
  }

  private get now(): Date {
    return instantOn(this.today, ((this.index * 37) % 150) + this.events.length * 11);
  }

  private pass(least: number, most: number): void {
    this.today = workday(plusDays(this.today, this.dice.between(least, most)));
  }

  private tell(action: string, status: BenevolenceStatus, actor: string): void {
    const at = this.now;
    this.events.push({
      id: idOf('case_events', `benevolence/${this.index}.${this.events.length}`, at),
      grievance_id: null,
      application_id: this.id,
      action,
      from_status: this.events.at(-1)?.to_status ?? null,
      to_status: status,
      actor_id: actor,
      at,
      note: null,
    });
    this.status = status;
  }
}
