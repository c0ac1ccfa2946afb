import type { Ref } from '@mikro-orm/core';
import { Check, Entity, Enum, Index, ManyToOne, Property, Trigger, Unique } from '@mikro-orm/decorators/legacy';
import { Field, Int, ObjectType, registerEnumType } from 'type-graphql';
import { ClockStart, LimitBase, MissConsequence, TimeLimitAct, type LimitFacts } from './agreement.ts';
import { dueDay, type WorkingDays } from './calendar.ts';
import { Grievance } from './grievance.ts';
import { Derived, Listed } from './listing.ts';
import { Dated, Identified } from './record.ts';
import { DateScalar, DateTimeScalar } from './scalars.ts';
import { Person, User } from './user.ts';
import type { Viewer } from './viewer.ts';

export enum MilestoneKind {
  SUBMITTED = 'submitted',
  MET = 'met',
  ANSWERED = 'answered',
}

registerEnumType(MilestoneKind, {
  name: 'MilestoneKind',
  description: 'An event of a step from which time limits count.',
  valuesConfig: {
    SUBMITTED: { description: 'The grievance was filed, or taken to this step.' },
    MET: { description: 'The union and the employer met.' },
    ANSWERED: { description: 'The employer answered. At arbitration, the arbitrator issued the award.' },
  },
});

export enum DeadlineParty {
  UNION = 'union',
  EMPLOYER = 'employer',
  ARBITRATOR = 'arbitrator',
}

registerEnumType(DeadlineParty, {
  name: 'DeadlineParty',
  description: 'The party that must act.',
  valuesConfig: {
    UNION: { description: 'The union.' },
    EMPLOYER: { description: 'The employer.' },
    ARBITRATOR: { description: 'The arbitrator.' },
  },
});

export enum DeadlineState {
  UPCOMING = 'upcoming',
  MET = 'met',
  LATE = 'late',
  OVERDUE = 'overdue',
  DEFAULTED = 'defaulted',
  HELD = 'held',
  MOOT = 'moot',
}

registerEnumType(DeadlineState, {
  name: 'DeadlineState',
  description: 'The state of a deadline today.',
  valuesConfig: {
    UPCOMING: { description: 'Due today or later.' },
    MET: { description: 'Met by its due date.' },
    LATE: { description: 'Met after its due date.' },
    OVERDUE: { description: 'Missed by the union or the arbitrator.' },
    DEFAULTED: { description: 'Missed by the employer.' },
    HELD: { description: 'Held open: both sides agreed on no date.' },
    MOOT: { description: 'Without effect: the grievance ended or left the step.' },
  },
});

const partyOf: Readonly<Record<TimeLimitAct, DeadlineParty>> = {
  file: DeadlineParty.UNION,
  meet: DeadlineParty.EMPLOYER,
  answer: DeadlineParty.EMPLOYER,
  appeal: DeadlineParty.UNION,
  award: DeadlineParty.ARBITRATOR,
};

/** The due date of a deadline that is held open: after every day. */
export const heldOpen = 'infinity';

/** The number of arbitration as a step. */
export const arbitration = 4;

/** The facts about a grievance that determine its deadlines. */
export interface CaseFacts {
  readonly filedDate: string;
  readonly incidentDate: string | null;
  readonly knownDate: string | null;
  /** From 1 to 4. */
  readonly step: number;
  readonly hasEnded: boolean;
  /** Without those that were corrected. */
  readonly milestones: readonly {
    readonly step: number;
    readonly kind: MilestoneKind;
    readonly date: string;
    readonly isDefault: boolean;
  }[];
  /** In the order of agreement; the last one for a step and act counts. */
  readonly extensions: readonly {
    readonly step: number;
    readonly act: TimeLimitAct;
    readonly dueDate: string | null;
  }[];
}

/** The time limits of an agreement. */
export interface LimitTerms {
  readonly clock: ClockStart;
  readonly steps: number;
  readonly firstDayCounts: boolean;
  readonly rollsForward: boolean;
  readonly limits: readonly LimitFacts[];
  readonly calendar: WorkingDays;
}

/** A deadline as it is computed. */
export interface DeadlineFacts {
  readonly step: number;
  readonly act: TimeLimitAct;
  readonly party: DeadlineParty;
  readonly onMiss: MissConsequence;
  readonly countedFrom: string;
  /** Whether it counts from the day of an event, not from the due date of another deadline. */
  readonly isFromEvent: boolean;
  readonly originalDate: string;
  readonly dueDate: string;
  readonly metOn: string | null;
  readonly isMoot: boolean;
}

/** The day from which a limit counts. */
interface Base {
  readonly on: string;
  readonly isEvent: boolean;
}

/**
 * Computes the deadlines of a grievance from its facts. As long as the employer has not acted, the next limits count
 * from the last day on which it can. So nothing has to happen when that day passes.
 */
export function deadlinesOf(facts: CaseFacts, terms: LimitTerms): DeadlineFacts[] {
  const counted = new Count(facts, terms);
  return terms.limits
    .map(({ step, act }) => counted.deadline(step, act))
    .filter((each) => each !== null)
    .sort((one, other) => one.step - other.step || acts.indexOf(one.act) - acts.indexOf(other.act));
}

/** The acts in their order. Not taken from the enum, whose file may be loaded after this one. */
const acts = Object.keys(partyOf);

class Count {
  constructor(
    private readonly facts: CaseFacts,
    private readonly terms: LimitTerms,
  ) {}

  /** Null if there is no such limit, or no day from which it could count. */
  deadline(step: number, act: TimeLimitAct): DeadlineFacts | null {
    const limit = this.terms.limits.find((each) => each.step === step && each.act === act);
    const base = limit && this.base(limit);
    if (!limit || !base) return null;
    const { firstDayCounts, rollsForward, calendar } = this.terms;
    const originalDate = dueDay(calendar, base.on, {
      days: limit.days,
      unit: limit.dayUnit,
      firstDayCounts,
      rollsForward,
    });
    if (originalDate === null) return null;
    const extension = this.facts.extensions.findLast((each) => each.step === step && each.act === act);
    const dueDate = extension ? (extension.dueDate ?? heldOpen) : originalDate;
    const metOn = this.metOn(step, act);
    return {
      step,
      act,
      party: partyOf[act],
      onMiss: limit.onMiss,
      countedFrom: base.on,
      isFromEvent: base.isEvent,
      originalDate,
      dueDate,
      metOn,
      isMoot: metOn === null && this.isMoot({ step, act, dueDate }),
    };
  }

  private base({ step, act, countsFrom }: LimitFacts): Base | null {
    if (act === TimeLimitAct.FILE)
      return event(
        this.terms.clock === ClockStart.KNOWLEDGE
          ? (this.facts.knownDate ?? this.facts.incidentDate)
          : this.facts.incidentDate,
      );
    if (act === TimeLimitAct.AWARD) return event(this.on(step, MilestoneKind.MET));
    const submitted = event(this.on(step, MilestoneKind.SUBMITTED));
    if (submitted === null) return null;
    if (act === TimeLimitAct.MEET || countsFrom === LimitBase.SUBMISSION) return submitted;
    if (act === TimeLimitAct.ANSWER)
      return event(this.on(step, MilestoneKind.MET)) ?? this.dueDateOf(step, TimeLimitAct.MEET);
    return (
      event(this.on(step, MilestoneKind.ANSWERED)) ??
      (this.isDenialBySilence(step) ? this.dueDateOf(step, TimeLimitAct.ANSWER) : null)
    );
  }

  /** The due date of another deadline, from which one counts until the event happens. */
  private dueDateOf(step: number, act: TimeLimitAct): Base | null {
    const deadline = this.deadline(step, act);
    return deadline === null || deadline.dueDate === heldOpen ? null : { on: deadline.dueDate, isEvent: false };
  }

  private isDenialBySilence(step: number): boolean {
    const onMiss = this.terms.limits.find((each) => each.step === step && each.act === TimeLimitAct.ANSWER)?.onMiss;
    return onMiss === MissConsequence.DENIED || (onMiss === MissConsequence.ADVANCED && step === this.terms.steps);
  }

  private metOn(step: number, act: TimeLimitAct): string | null {
    const { ANSWERED, MET, SUBMITTED } = MilestoneKind;
    if (act === TimeLimitAct.FILE) return this.facts.filedDate;
    if (act === TimeLimitAct.APPEAL) return this.on(step === this.terms.steps ? arbitration : step + 1, SUBMITTED);
    const answered = this.milestone(step, ANSWERED);
    const given = answered && !answered.isDefault ? answered.date : null;
    return act === TimeLimitAct.MEET ? (this.on(step, MET) ?? given) : given;
  }

  /** A deadline that the employer missed stays missed, whatever counts as its answer since. */
  private isMoot({ step, act, dueDate }: Pick<DeadlineFacts, 'step' | 'act' | 'dueDate'>): boolean {
    const answered = this.milestone(step, MilestoneKind.ANSWERED);
    if (answered?.isDefault && partyOf[act] === DeadlineParty.EMPLOYER) return dueDate !== answered.date;
    return this.isLeft(step);
  }

  private isLeft(step: number): boolean {
    return this.facts.hasEnded || step < this.facts.step;
  }

  private on(step: number, kind: MilestoneKind): string | null {
    return this.milestone(step, kind)?.date ?? null;
  }

  private milestone(step: number, kind: MilestoneKind): CaseFacts['milestones'][number] | undefined {
    return this.facts.milestones.find((each) => each.step === step && each.kind === kind);
  }
}

const event = (on: string | null): Base | null => (on === null ? null : { on, isEvent: true });

/** The state of a deadline on a day. */
export function stateOn(
  today: string,
  { party, dueDate, metOn, isMoot }: Pick<DeadlineFacts, 'party' | 'dueDate' | 'metOn' | 'isMoot'>,
): DeadlineState {
  if (metOn !== null) return dueDate === heldOpen || metOn <= dueDate ? DeadlineState.MET : DeadlineState.LATE;
  if (isMoot) return DeadlineState.MOOT;
  if (dueDate === heldOpen) return DeadlineState.HELD;
  if (dueDate >= today) return DeadlineState.UPCOMING;
  return party === DeadlineParty.EMPLOYER ? DeadlineState.DEFAULTED : DeadlineState.OVERDUE;
}

const appendOnly = (table: string) => ({
  name: `${table}_append_only`,
  timing: 'before' as const,
  events: ['update' as const, 'delete' as const],
  forEach: 'statement' as const,
  body: `raise exception '${table} is append-only';`,
});

/** An event of a step. A correction is another row that names the one it replaces. */
@ObjectType({ description: 'An event of a step from which time limits count.', simpleResolvers: true })
@Entity({ tableName: 'grievance_milestones' })
@Index({ properties: ['grievance', 'step', 'kind'] })
@Unique({ properties: ['supersedes'] })
@Check({ name: 'grievance_milestones_step_range', expression: 'step between 1 and 4' })
@Trigger(appendOnly('grievance_milestones'))
export class GrievanceMilestone extends Identified {
  @ManyToOne({ entity: () => Grievance, ref: true, deleteRule: 'restrict' })
  grievance: Ref<Grievance>;

  @Field(() => Int, { description: 'The step, from 1 to 4. Step 4 is arbitration.' })
  @Property({ type: 'integer' })
  step: number;

  @Field(() => MilestoneKind, { description: 'What happened.' })
  @Enum({ items: () => MilestoneKind })
  kind: MilestoneKind;

  @Field(() => DateScalar, { description: 'The date.' })
  @Property({ type: 'date' })
  date: string;

  @Field(() => Boolean, { description: 'Whether a missed time limit stands for the event.' })
  @Property({ type: 'boolean' })
  isDefault: boolean;

  @Field(() => GrievanceMilestone, {
    nullable: true,
    description: 'The event that this one corrects. Null if it corrects none.',
  })
  @ManyToOne({ entity: () => GrievanceMilestone, ref: true, nullable: true, deleteRule: 'restrict' })
  supersedes: Ref<GrievanceMilestone> | null;

  @Field(() => Person, {
    nullable: true,
    description: 'The user who entered it. Null for imported events and when hidden from the caller.',
  })
  @ManyToOne({ entity: () => User, ref: true, nullable: true, deleteRule: 'restrict', index: true })
  actor: Ref<User> | null;

  @Field(() => DateTimeScalar, { description: 'When it was entered.' })
  @Property({ type: 'datetime', length: 3 })
  at: Date;

  constructor(facts: {
    grievance: Ref<Grievance>;
    step: number;
    kind: MilestoneKind;
    date: string;
    isDefault?: boolean;
    supersedes?: Ref<GrievanceMilestone> | null;
    actor: Ref<User> | null;
    at: Date;
  }) {
    super();
    this.grievance = facts.grievance;
    this.step = facts.step;
    this.kind = facts.kind;
    this.date = facts.date;
    this.isDefault = facts.isDefault ?? false;
    this.supersedes = facts.supersedes ?? null;
    this.actor = facts.actor;
    this.at = facts.at;
  }
}

export interface ExtensionFacts {
  /** Null holds the deadline open. */
  dueDate: string | null;
  agreedDate: string;
  agreedWith: string;
  reference?: string | null;
  reason?: string | null;
}

/** An agreement of both sides to move a deadline. */
@ObjectType({ description: 'An agreement of the union and the employer to move a deadline.', simpleResolvers: true })
@Entity({ tableName: 'grievance_extensions' })
@Index({ properties: ['grievance', 'at'] })
@Check({ name: 'grievance_extensions_step_range', expression: 'step between 1 and 4' })
@Check({ name: 'grievance_extensions_due_after_agreed', expression: 'due_date >= agreed_date' })
@Check({ name: 'grievance_extensions_agreed_with_not_empty', expression: `agreed_with <> ''` })
@Trigger(appendOnly('grievance_extensions'))
export class GrievanceExtension extends Identified {
  @ManyToOne({ entity: () => Grievance, ref: true, deleteRule: 'restrict' })
  grievance: Ref<Grievance>;

  @Field(() => Int, { description: 'The step of the deadline.' })
  @Property({ type: 'integer' })
  step: number;

  @Field(() => TimeLimitAct, { description: 'The act of the deadline.' })
  @Enum({ items: () => TimeLimitAct })
  act: TimeLimitAct;

  @Field(() => DateScalar, { nullable: true, description: 'The new due date. Null if the deadline is held open.' })
  @Property({ type: 'date', nullable: true })
  dueDate: string | null;

  @Field(() => DateScalar, { description: 'The date of the agreement.' })
  @Property({ type: 'date' })
  agreedDate: string;

  @Field(() => String, { description: 'The person who agreed for the other side.' })
  @Property({ type: 'string', length: 200 })
  agreedWith: string;

  @Field(() => String, {
    nullable: true,
    description: 'Where the written agreement is kept, such as a letter or an e-mail. Null if not set.',
  })
  @Property({ type: 'string', length: 200, nullable: true })
  reference: string | null;

  @Field(() => String, { nullable: true, description: 'The reason. Null if not set.' })
  @Property({ type: 'string', length: 2000, nullable: true })
  reason: string | null;

  @Field(() => Person, { nullable: true, description: 'The user who entered it. Null when hidden from the caller.' })
  @ManyToOne({ entity: () => User, ref: true, nullable: true, deleteRule: 'restrict', index: true })
  actor: Ref<User> | null;

  @Field(() => DateTimeScalar, { description: 'When it was entered.' })
  @Property({ type: 'datetime', length: 3 })
  at: Date;

  constructor(
    facts: ExtensionFacts & {
      grievance: Ref<Grievance>;
      step: number;
      act: TimeLimitAct;
      actor: Ref<User> | null;
      at: Date;
    },
  ) {
    super();
    this.grievance = facts.grievance;
    this.step = facts.step;
    this.act = facts.act;
    this.dueDate = facts.dueDate;
    this.agreedDate = facts.agreedDate;
    this.agreedWith = facts.agreedWith;
    this.reference = facts.reference ?? null;
    this.reason = facts.reason ?? null;
    this.actor = facts.actor;
    this.at = facts.at;
  }
}

/** A deadline of a grievance, as {@link deadlinesOf} computes it: its columns are for lists alone. */
@ObjectType({ description: 'A deadline of a grievance.', simpleResolvers: true })
@Entity({ tableName: 'grievance_deadlines' })
@Listed({
  filter: ['grievance', 'step', 'act', 'party', 'onMiss', 'dueDate', 'metOn', 'isMoot'],
  order: ['dueDate'],
  by: ['dueDate', 'ASC'],
})
@Unique({ properties: ['grievance', 'step', 'act'] })
@Check({ name: 'grievance_deadlines_step_range', expression: 'step between 1 and 4' })
export class GrievanceDeadline extends Dated {
  @Field(() => Grievance, { nullable: true, description: 'The grievance. Null when hidden from the caller.' })
  @ManyToOne({ entity: () => Grievance, ref: true, deleteRule: 'restrict' })
  grievance: Ref<Grievance>;

  @Field(() => Int, { description: 'The step, from 1 to 4. Step 4 is arbitration.' })
  @Property({ type: 'integer' })
  step: number;

  @Field(() => TimeLimitAct, { description: 'What must be done.' })
  @Enum({ items: () => TimeLimitAct })
  act: TimeLimitAct;

  @Field(() => DeadlineParty, { description: 'The party that must act.' })
  @Enum({ items: () => DeadlineParty })
  party!: DeadlineParty;

  @Field(() => MissConsequence, { description: 'What the agreement says of a missed limit.' })
  @Enum({ items: () => MissConsequence })
  onMiss!: MissConsequence;

  @Field(() => DateScalar, { description: 'The day from which the limit counts.' })
  @Property({ type: 'date' })
  countedFrom!: string;

  @Property({ type: 'boolean' })
  isFromEvent!: boolean;

  @Field(() => DateScalar, { description: 'The due date without extensions.' })
  @Property({ type: 'date' })
  originalDate!: string;

  @Field(() => DateScalar, {
    nullable: true,
    description: 'The last day on which the deadline is met. Null while it is held open.',
  })
  @Property({ type: 'date' })
  dueDate!: string;

  @Field(() => DateScalar, {
    nullable: true,
    description: 'The date on which the act was done. Null if it was not done.',
  })
  @Property({ type: 'date', nullable: true })
  metOn!: string | null;

  @Field(() => Boolean, {
    description: 'Whether the deadline has no effect because the grievance ended or left the step.',
  })
  @Property({ type: 'boolean' })
  isMoot!: boolean;

  @Field(() => Boolean, {
    description: 'Whether the due date is certain: it counts from an event, or from a day that has passed without one.',
  })
  @Derived('isFromEvent', 'countedFrom')
  isFirm({ today }: Viewer): boolean {
    return this.isFromEvent || this.countedFrom < today;
  }

  @Field(() => DeadlineState, { description: 'The state today, in the time zone of the local.' })
  @Derived('party', 'dueDate', 'metOn', 'isMoot')
  state({ today }: Viewer): DeadlineState {
    return stateOn(today, this);
  }

  constructor(facts: DeadlineFacts & { grievance: Ref<Grievance> }) {
    super();
    this.grievance = facts.grievance;
    this.step = facts.step;
    this.act = facts.act;
    this.count(facts);
  }

  /** Stores a new count. */
  count(facts: DeadlineFacts): void {
    const { party, onMiss, countedFrom, isFromEvent, originalDate, dueDate, metOn, isMoot } = facts;
    Object.assign(this, { party, onMiss, countedFrom, isFromEvent, originalDate, dueDate, metOn, isMoot });
  }
}
