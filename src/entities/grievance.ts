import {
  Check,
  Entity,
  Enum,
  Formula,
  ManyToOne,
  OneToMany,
  PrimaryKey,
  Property,
  Unique,
} from '@mikro-orm/decorators/legacy';
import { Collection, ref, type Ref } from '@mikro-orm/core';
import { Field, Int, ObjectType, registerEnumType } from 'type-graphql';
import { assertValid, type FieldProblem } from '../errors.ts';
import { Agreement, AgreementArticle, MissConsequence, TimeLimitAct } from './agreement.ts';
import { plusDays } from './calendar.ts';
import { Case, type ActionContext } from './case.ts';
import { CaseEvent, type CaseEventFacts } from './case-event.ts';
import {
  DeadlineParty,
  DeadlineState,
  GrievanceDeadline,
  GrievanceExtension,
  GrievanceMilestone,
  MilestoneKind,
  stateOn,
  type CaseFacts,
  type ExtensionFacts,
} from './deadline.ts';
import { Derived, Listed } from './listing.ts';
import { Member } from './member.ts';
import { Organization } from './organization.ts';
import { Dated, Node } from './record.ts';
import { cents, DateScalar, DecimalScalar } from './scalars.ts';
import { Person, User } from './user.ts';
import type { Viewer } from './viewer.ts';

export enum GrievanceStep {
  STEP_1 = 'step_1',
  STEP_2 = 'step_2',
  STEP_3 = 'step_3',
  ARBITRATION = 'arbitration',
}

registerEnumType(GrievanceStep, {
  name: 'GrievanceStep',
  description: 'The step that a grievance has reached.',
  valuesConfig: {
    STEP_1: { description: 'First step, with the supervisor.' },
    STEP_2: { description: 'Second step, with management.' },
    STEP_3: { description: 'Third step, with the head of the employer.' },
    ARBITRATION: { description: 'Arbitration, the last step.' },
  },
});

export enum GrievanceStatus {
  OPEN = 'open',
  INVESTIGATION = 'investigation',
  HEARING = 'hearing',
  ARBITRATION = 'arbitration',
  SETTLED = 'settled',
  WITHDRAWN = 'withdrawn',
  CLOSED = 'closed',
}

registerEnumType(GrievanceStatus, {
  name: 'GrievanceStatus',
  description: 'The status of a grievance.',
  valuesConfig: {
    OPEN: { description: 'Filed, with no action taken yet.' },
    INVESTIGATION: { description: 'The union is gathering facts.' },
    HEARING: { description: 'The union and the employer are holding step meetings.' },
    ARBITRATION: { description: 'The case is in arbitration.' },
    SETTLED: { description: 'Ended by a settlement.' },
    WITHDRAWN: { description: 'Ended because the union withdrew it.' },
    CLOSED: { description: 'Ended for another reason.' },
  },
});

export enum GrievanceStepOutcome {
  DENIED = 'denied',
  SETTLED = 'settled',
  ADVANCED = 'advanced',
}

registerEnumType(GrievanceStepOutcome, {
  name: 'GrievanceStepOutcome',
  description: 'The result of a step meeting.',
  valuesConfig: {
    DENIED: { description: 'The employer denied the grievance. It stays at this step until it is appealed or ended.' },
    SETTLED: { description: 'The grievance was settled.' },
    ADVANCED: { description: 'The grievance advances to the next step.' },
  },
});

export enum GrievanceAction {
  CREATED = 'file',
  UPDATE = 'update',
  INVESTIGATE = 'investigate',
  RECORD_STEP = 'record_step',
  APPEAL = 'appeal',
  NOTE_DATE = 'note_date',
  EXTEND = 'extend',
  TAKE_DEFAULT = 'take_default',
  SETTLE = 'settle',
  WITHDRAW = 'withdraw',
  CLOSE = 'close',
}

registerEnumType(GrievanceAction, {
  name: 'GrievanceAction',
  description: 'An action on a grievance. Each action has its own mutation.',
  valuesConfig: {
    CREATED: { description: '`fileGrievance`: files the grievance. Only events have this action.' },
    UPDATE: { description: '`updateGrievance`: corrects or completes the record.' },
    INVESTIGATE: { description: '`investigateGrievance`: starts the investigation.' },
    RECORD_STEP: { description: '`recordGrievanceStep`: records the meeting of the current step.' },
    APPEAL: { description: '`appealGrievance`: takes a denied grievance to the next step.' },
    NOTE_DATE: { description: '`noteGrievanceDate`: adds or corrects the date of a meeting or an answer.' },
    EXTEND: { description: '`extendGrievanceDeadline`: moves a deadline as both sides agreed.' },
    TAKE_DEFAULT: {
      description: '`takeGrievanceDefault`: applies the consequence of a deadline that the employer missed.',
    },
    SETTLE: { description: '`settleGrievance`: ends the grievance with a settlement.' },
    WITHDRAW: { description: '`withdrawGrievance`: ends the grievance because the union withdraws it.' },
    CLOSE: { description: '`closeGrievance`: ends the grievance for another reason.' },
  },
});

/** The steps in their order; a step record's number is its place here, from 1. */
export const grievanceSteps: readonly GrievanceStep[] = [
  GrievanceStep.STEP_1,
  GrievanceStep.STEP_2,
  GrievanceStep.STEP_3,
  GrievanceStep.ARBITRATION,
];

/** The number of the step that a column holds, as SQL. */
const stepOf = (column: unknown): string =>
  `case ${String(column)} when 'step_1' then 1 when 'step_2' then 2 when 'step_3' then 3 else 4 end`;

/** Whether a deadline is still owed, as SQL. The answer of a step, also one by default, settles what the employer owed. */
const isOwed = (deadline: string): string =>
  `${deadline}.met_on is null and not ${deadline}.is_moot and (${deadline}.party <> 'employer' or not exists (select 1 from grievance_milestones m
    where m.grievance_id = ${deadline}.grievance_id and m.kind = 'answered' and m.step = ${deadline}.step))`;

export type GrievanceSituation = GrievanceStatus | 'hearing, denied' | 'arbitration, denied';

const { CREATED, UPDATE, INVESTIGATE, RECORD_STEP, APPEAL, NOTE_DATE, EXTEND, TAKE_DEFAULT, SETTLE, WITHDRAW, CLOSE } =
  GrievanceAction;

/**
 * The actions that each situation of a grievance allows. "Denied" means that the employer's answer at the current step
 * is a denial. Actions on deadlines require an agreement, and a deadline that they apply to.
 */
export const grievanceLaw: Readonly<Record<GrievanceSituation, readonly GrievanceAction[]>> = {
  open: [UPDATE, INVESTIGATE, RECORD_STEP, NOTE_DATE, EXTEND, TAKE_DEFAULT, SETTLE, WITHDRAW, CLOSE],
  investigation: [UPDATE, RECORD_STEP, NOTE_DATE, EXTEND, TAKE_DEFAULT, SETTLE, WITHDRAW, CLOSE],
  hearing: [UPDATE, RECORD_STEP, NOTE_DATE, EXTEND, TAKE_DEFAULT, SETTLE, WITHDRAW, CLOSE],
  'hearing, denied': [UPDATE, APPEAL, NOTE_DATE, EXTEND, SETTLE, WITHDRAW, CLOSE],
  arbitration: [UPDATE, RECORD_STEP, NOTE_DATE, EXTEND, SETTLE, WITHDRAW, CLOSE],
  'arbitration, denied': [UPDATE, NOTE_DATE, SETTLE, WITHDRAW, CLOSE],
  settled: [],
  withdrawn: [],
  closed: [],
};

/** The statuses of a grievance that has not ended. */
export const openGrievanceStatuses: readonly GrievanceStatus[] = Object.values(GrievanceStatus).filter(
  (status) => grievanceLaw[status].length > 0,
);

/**
 * Returns the situation of a grievance: its status, and whether the current step was answered. Only a denial leaves an
 * answered step.
 */
function situation(status: GrievanceStatus, isAnswered: boolean): GrievanceSituation {
  return isAnswered && (status === GrievanceStatus.HEARING || status === GrievanceStatus.ARBITRATION)
    ? `${status}, denied`
    : status;
}

/** The facts about a grievance that determine which actions it allows. */
interface ActionState {
  readonly status: GrievanceStatus;
  readonly isAnswered: boolean;
  readonly isGoverned: boolean;
  /** Whether a deadline of the current step can be extended. */
  readonly isPending: boolean;
  /** Whether the employer missed a deadline of the current step, with a consequence. */
  readonly isDefaulted: boolean;
}

/** The actions that the state of a grievance allows. */
function allowedIn({ status, isAnswered, isGoverned, isPending, isDefaulted }: ActionState): GrievanceAction[] {
  const conditions: Partial<Record<GrievanceAction, boolean>> = {
    [NOTE_DATE]: isGoverned,
    [EXTEND]: isGoverned && isPending,
    [TAKE_DEFAULT]: isGoverned && isDefaulted,
  };
  return grievanceLaw[situation(status, isAnswered)].filter((action) => conditions[action] ?? true);
}

export interface GrievanceFacts {
  grievanceNumber: string;
  member: Ref<Member>;
  employer: Ref<Organization>;
  filedDate: string;
  incidentDate?: string | null;
  knownDate?: string | null;
  agreement?: Ref<Agreement> | null;
  /** The number of steps before arbitration, 3 without an agreement. */
  stepCount?: number;
  article?: Ref<AgreementArticle> | null;
  contractArticle?: string | null;
  violationDescription: string;
  remedySought?: string | null;
  assignedRep?: string | null;
  assignedUser?: Ref<User> | null;
  notes?: string | null;
}

/** The fields that can be corrected or completed until a grievance has ended. Omitted fields keep their values. */
export type GrievanceChanges = Partial<
  Pick<
    Grievance,
    | 'incidentDate'
    | 'knownDate'
    | 'article'
    | 'contractArticle'
    | 'violationDescription'
    | 'remedySought'
    | 'assignedRep'
    | 'assignedUser'
    | 'notes'
  >
>;

/** The events of a step that can be noted without a record of its meeting. */
export type NotedKind = MilestoneKind.MET | MilestoneKind.ANSWERED;

export interface StepFacts {
  meetingDate: string;
  /** The day of the answer, if it is not the day of the meeting. */
  answeredDate?: string | null;
  outcome: GrievanceStepOutcome;
  unionAttendees?: string | null;
  employerAttendees?: string | null;
  notes?: string | null;
  /** Required if the step settles the case, and refused otherwise. */
  resolution?: string | null;
  /** Only when the step settles the case. */
  settlementAmount?: string | null;
}

/** The dates of a filing. Omitted dates are not checked. */
export interface FilingDates {
  readonly filedDate: string;
  readonly incidentDate?: string | null | undefined;
  readonly knownDate?: string | null | undefined;
}

/** Returns the problems of the dates of a filing. */
export function filingProblems({ filedDate, incidentDate, knownDate }: FilingDates, today: string): FieldProblem[] {
  const problems: FieldProblem[] = [];
  if (filedDate > today) problems.push({ path: 'filedDate', message: 'must not be in the future' });
  if (incidentDate != null && incidentDate > filedDate)
    problems.push({ path: 'incidentDate', message: 'must not be after the filing date' });
  if (knownDate != null && knownDate > filedDate)
    problems.push({ path: 'knownDate', message: 'must not be after the filing date' });
  else if (knownDate != null && incidentDate != null && knownDate < incidentDate)
    problems.push({ path: 'knownDate', message: 'must not be before the incident' });
  return problems;
}

/** Returns the problems of the end of a grievance. The path of the resolution is `path`. */
export function endProblems(
  said: string | null | undefined,
  amount: string | null | undefined,
  path: string,
): FieldProblem[] {
  const problems: FieldProblem[] = [];
  if (!said?.trim()) problems.push({ path, message: 'is required to end the case' });
  if (amount != null && cents(amount) <= 0n)
    problems.push({ path: 'settlementAmount', message: 'must be more than zero' });
  return problems;
}

/**
 * A claim that an employer violated the agreement, with up to four steps. Its step records and events determine its
 * state.
 */
@ObjectType({
  description:
    'A claim that an employer violated the collective bargaining agreement. It passes through up to four steps.',
  simpleResolvers: true,
  implements: Node,
})
@Entity({ tableName: 'grievances' })
@Listed({
  filter: [
    'grievanceNumber',
    'member',
    'employer',
    'status',
    'currentStep',
    'filedDate',
    'incidentDate',
    'contractArticle',
    'agreement',
    'assignedUser',
  ],
  order: ['filedDate', 'grievanceNumber', 'status', 'currentStep', 'createdAt'],
  by: ['filedDate', 'DESC'],
  texts: ['grievanceNumber', 'contractArticle'],
  unique: ['grievanceNumber'],
  // the running number may have more than four digits
  sorts: { grievanceNumber: (number) => `(substr(${number}, 4, 5) || lpad(substr(${number}, 9), 12, '0'))` },
})
@Unique({ properties: ['grievanceNumber'] })
@Check({ name: 'grievances_number_form', expression: `grievance_number ~ '^GR-[0-9]{4}-[0-9]{4,}$'` })
@Check({
  name: 'grievances_number_of_filing_year',
  expression: `substr(grievance_number, 4, 4) = lpad(extract(year from filed_date)::text, 4, '0')`,
})
@Check({ name: 'grievances_incident_before_filing', expression: 'incident_date <= filed_date' })
@Check({
  name: 'grievances_known_between_incident_and_filing',
  expression: 'known_date >= incident_date and known_date <= filed_date',
})
@Check({ name: 'grievances_step_count_range', expression: 'step_count between 1 and 3' })
@Check({ name: 'grievances_article_of_agreement', expression: 'article_id is null or agreement_id is not null' })
@Check({ name: 'grievances_resolution_after_filing', expression: 'resolution_date >= filed_date' })
@Check({
  name: 'grievances_resolved_when_ended',
  expression: `case when status in ('settled', 'withdrawn', 'closed') then resolution is not null and resolution_date is not null else resolution is null and resolution_date is null end`,
})
@Check({
  name: 'grievances_settlement_when_settled',
  expression: `settlement_amount is null or (status = 'settled' and settlement_amount > 0)`,
})
@Check({
  name: 'grievances_step_fits_status',
  expression: `case status when 'open' then current_step = 'step_1' when 'investigation' then current_step = 'step_1' when 'hearing' then current_step <> 'arbitration' when 'arbitration' then current_step = 'arbitration' else true end`,
})
export class Grievance extends Case<GrievanceStatus, GrievanceAction> {
  @Field(() => String, {
    description:
      'The number of the grievance, such as `GR-2026-0001`. The server assigns it from the filing year and a counter.',
  })
  @Property({ type: 'string', length: 20, collation: 'C' })
  grievanceNumber: string;

  @Field(() => Member, { nullable: true, description: 'The grievant. Null when hidden from the caller.' })
  @ManyToOne({ entity: () => Member, ref: true, deleteRule: 'restrict' })
  member: Ref<Member>;

  @Field(() => Organization, {
    nullable: true,
    description: 'The employer that the grievance is against. Null when hidden from the caller.',
  })
  @ManyToOne({ entity: () => Organization, ref: true, deleteRule: 'restrict' })
  employer: Ref<Organization>;

  @Field(() => DateScalar, { description: 'The filing date.' })
  @Property({ type: 'date' })
  filedDate: string;

  @Field(() => DateScalar, { nullable: true, description: 'The date of the incident. Null if not set.' })
  @Property({ type: 'date', nullable: true })
  incidentDate: string | null;

  @Field(() => DateScalar, {
    nullable: true,
    description: 'The date on which the grievant knew or should have known of the incident. Null if not set.',
  })
  @Property({ type: 'date', nullable: true })
  knownDate: string | null;

  @Field(() => Agreement, {
    nullable: true,
    description:
      'The agreement that governs the grievance. It is determined when the grievance is filed. ' +
      'Null if no agreement governs it or when hidden from the caller.',
  })
  @ManyToOne({ entity: () => Agreement, ref: true, nullable: true, deleteRule: 'restrict' })
  agreement: Ref<Agreement> | null;

  @Field(() => AgreementArticle, {
    nullable: true,
    description: 'The article of `agreement` that was violated. Null if not set or when hidden from the caller.',
  })
  @ManyToOne({ entity: () => AgreementArticle, ref: true, nullable: true, deleteRule: 'restrict', index: true })
  article: Ref<AgreementArticle> | null;

  @Field(() => Int, {
    description: 'The number of steps before arbitration, as the agreement said at filing; 3 without an agreement.',
  })
  @Property({ type: 'integer', default: 3 })
  stepCount: number;

  @Field(() => String, {
    nullable: true,
    description: 'The article of the agreement that was violated, as free text. Null if not set.',
  })
  @Property({ type: 'string', length: 100, nullable: true, collation: 'C' })
  contractArticle: string | null;

  @Field(() => String, { description: 'The description of the violation.' })
  @Property({ type: 'text' })
  violationDescription: string;

  @Field(() => String, { nullable: true, description: 'The remedy that the union seeks. Null if not set.' })
  @Property({ type: 'text', nullable: true })
  remedySought: string | null;

  @Field(() => GrievanceStep, { description: 'The current step.' })
  @Enum({ items: () => GrievanceStep })
  currentStep: GrievanceStep = GrievanceStep.STEP_1;

  @Field(() => GrievanceStatus, { description: 'The current status.' })
  @Enum({ items: () => GrievanceStatus })
  status: GrievanceStatus = GrievanceStatus.OPEN;

  @Field(() => String, {
    nullable: true,
    description: 'The name of the union representative as free text. Null if not set.',
  })
  @Property({ type: 'string', length: 200, nullable: true })
  assignedRep: string | null;

  @Field(() => Person, {
    nullable: true,
    description: 'The user who represents the grievant. Null if not set or when hidden from the caller.',
  })
  @ManyToOne({ entity: () => User, ref: true, nullable: true, deleteRule: 'restrict' })
  assignedUser: Ref<User> | null;

  @Field(() => String, {
    nullable: true,
    description: 'How the grievance ended: the terms of the settlement or the reason. Null until it ends.',
  })
  @Property({ type: 'text', nullable: true })
  resolution: string | null = null;

  @Field(() => DateScalar, {
    nullable: true,
    description: 'The date on which the grievance ended. Null until it ends.',
  })
  @Property({ type: 'date', nullable: true })
  resolutionDate: string | null = null;

  @Field(() => DecimalScalar, {
    nullable: true,
    description: 'The settlement amount in US dollars. Null unless the grievance was settled with a payment.',
  })
  @Property({ type: 'decimal', precision: 12, scale: 2, nullable: true })
  settlementAmount: string | null = null;

  @Field(() => String, { nullable: true, description: 'The internal notes of the union. Null if not set.' })
  @Property({ type: 'text', nullable: true })
  notes: string | null;

  @Field(() => [GrievanceStepRecord], { description: 'The step meetings in order.' })
  @OneToMany({ entity: () => GrievanceStepRecord, mappedBy: 'grievance', orderBy: { stepNumber: 'asc' } })
  steps = new Collection<GrievanceStepRecord>(this);

  @Field(() => [CaseEvent], { description: 'The actions on the grievance, oldest first.' })
  @OneToMany({ entity: () => CaseEvent, mappedBy: 'grievance', orderBy: { at: 'asc', id: 'asc' } })
  history = new Collection<CaseEvent>(this);

  @Field(() => [GrievanceMilestone], {
    description: 'The events of the steps, oldest first, with those that were corrected.',
  })
  @OneToMany({ entity: () => GrievanceMilestone, mappedBy: 'grievance', orderBy: { at: 'asc', id: 'asc' } })
  milestones = new Collection<GrievanceMilestone>(this);

  @Field(() => [GrievanceExtension], { description: 'The extensions of deadlines, oldest first.' })
  @OneToMany({ entity: () => GrievanceExtension, mappedBy: 'grievance', orderBy: { at: 'asc', id: 'asc' } })
  extensions = new Collection<GrievanceExtension>(this);

  @Field(() => [GrievanceDeadline], {
    description: 'The deadlines that count so far, by step. Empty if no agreement governs the grievance.',
  })
  @OneToMany({ entity: () => GrievanceDeadline, mappedBy: 'grievance', orderBy: { step: 'asc', act: 'asc' } })
  deadlines = new Collection<GrievanceDeadline>(this);

  @Field(() => GrievanceDeadline, {
    nullable: true,
    description: 'The deadline that is due next or overdue longest. Null if none is pending or all are held open.',
  })
  @ManyToOne({
    entity: () => GrievanceDeadline,
    ref: true,
    nullable: true,
    persist: false,
    lazy: true,
    formula: ({
      id,
    }) => `(select d.id from grievance_deadlines d where d.grievance_id = ${String(id)} and ${isOwed('d')}
      and d.due_date <> 'infinity' order by d.due_date, d.id limit 1)`,
  })
  nextDeadline?: Ref<GrievanceDeadline> | null;

  @Field(() => Boolean, {
    nullable: true,
    description:
      'Whether the grievance was filed within its time limit. Null if no limit applies or the incident has no date.',
  })
  @Formula(
    (grievance) =>
      `(select d.met_on <= d.due_date from grievance_deadlines d where d.grievance_id = ${grievance.id} and d.act = 'file')`,
    { type: 'boolean', lazy: true },
  )
  isTimely?: boolean | null;

  /** Whether the current step was answered, for readers that have not loaded the collections. */
  @Formula(
    (grievance) =>
      `exists (select 1 from grievance_milestones m where m.grievance_id = ${grievance.id} and m.kind = 'answered' and m.step = ${stepOf(grievance.currentStep)})`,
    { type: 'boolean', lazy: true },
  )
  isAnswered?: boolean;

  /** Whether a deadline of the current step can be extended, for readers. */
  @Formula(
    (grievance) =>
      `exists (select 1 from grievance_deadlines d where d.grievance_id = ${grievance.id} and ${isOwed('d')}
        and d.step = ${stepOf(grievance.currentStep)})`,
    { type: 'boolean', lazy: true },
  )
  isPending?: boolean;

  /** The first due date of the employer at the current step whose miss has a consequence, for readers. */
  @Formula(
    (grievance) =>
      `(select min(d.due_date) from grievance_deadlines d where d.grievance_id = ${grievance.id} and d.met_on is null and not d.is_moot
        and d.party = 'employer' and d.on_miss <> 'none' and d.step = ${stepOf(grievance.currentStep)})`,
    { type: 'date', lazy: true },
  )
  employerDueDate?: string | null;

  @Field(() => [GrievanceAction], {
    description:
      'The actions that the caller can take now. They depend on the state of the grievance and on the roles of the caller.',
  })
  @Derived('status', 'currentStep', 'isAnswered', 'isPending', 'employerDueDate', 'agreement', 'member', 'deletedAt')
  availableActions(viewer: Viewer): GrievanceAction[] {
    if (this.deletedAt !== null) return [];
    const isOwn = viewer.memberId !== null && (this.member as unknown) === viewer.memberId;
    const allowed = allowedIn({
      status: this.status,
      isAnswered: this.isAnswered ?? false,
      isGoverned: this.agreement != null,
      isPending: this.isPending ?? false,
      isDefaulted: this.employerDueDate != null && this.employerDueDate < viewer.today,
    });
    return allowed.filter((action) => viewer.may('Grievance', action, isOwn));
  }

  constructor(facts: GrievanceFacts, context: ActionContext) {
    super();
    this.grievanceNumber = facts.grievanceNumber;
    this.member = facts.member;
    this.employer = facts.employer;
    this.filedDate = facts.filedDate;
    this.incidentDate = facts.incidentDate ?? null;
    this.knownDate = facts.knownDate ?? null;
    this.agreement = facts.agreement ?? null;
    this.stepCount = facts.stepCount ?? 3;
    this.article = facts.article ?? null;
    this.contractArticle = facts.contractArticle ?? null;
    this.violationDescription = facts.violationDescription;
    this.remedySought = facts.remedySought ?? null;
    this.assignedRep = facts.assignedRep ?? null;
    this.assignedUser = facts.assignedUser ?? null;
    this.notes = facts.notes ?? null;
    assertValid(filingProblems(this, context.today));
    this.record(CREATED, null, context);
    this.mark(context, MilestoneKind.SUBMITTED, this.filedDate);
  }

  /** Corrects or completes the record. */
  update(changes: GrievanceChanges, context: ActionContext): void {
    this.take(UPDATE, context, () => {
      assertValid(filingProblems({ ...this.filing, ...changes }, context.today));
      Object.assign(this, changes);
    });
  }

  /** Begins the investigation. */
  investigate(context: ActionContext): void {
    this.take(INVESTIGATE, context, () => {
      this.status = GrievanceStatus.INVESTIGATION;
    });
  }

  /** Records the meeting of the current step. Its outcome advances, settles or keeps the case. */
  recordStep(facts: StepFacts, context: ActionContext): void {
    this.take(RECORD_STEP, context, () => {
      assertValid(this.stepProblems(facts, context.today));
      this.steps.add(
        new GrievanceStepRecord({ ...facts, grievance: ref(this as Grievance), stepNumber: this.stepNumber }),
      );
      if (this.currentStep !== GrievanceStep.ARBITRATION) this.status = GrievanceStatus.HEARING;
      const answeredDate = facts.answeredDate ?? facts.meetingDate;
      if (this.milestone(MilestoneKind.MET) === undefined) this.mark(context, MilestoneKind.MET, facts.meetingDate);
      this.mark(context, MilestoneKind.ANSWERED, answeredDate);
      if (facts.outcome === GrievanceStepOutcome.ADVANCED) this.advance(context, answeredDate);
      if (facts.outcome === GrievanceStepOutcome.SETTLED) {
        this.end(GrievanceStatus.SETTLED, facts.resolution ?? '', facts.meetingDate, facts.settlementAmount);
      }
      return facts.resolution;
    });
  }

  /** Returns the problems of a meeting of the current step. @param today the current day, as `YYYY-MM-DD`. */
  stepProblems(
    { meetingDate, answeredDate, outcome, resolution, settlementAmount }: StepFacts,
    today: string,
  ): FieldProblem[] {
    const problems: FieldProblem[] = [];
    const previous = this.steps.getItems().at(-1);
    const noted = this.milestone(MilestoneKind.MET);
    if (meetingDate > today) problems.push({ path: 'meetingDate', message: 'must not be in the future' });
    else if (meetingDate < this.filedDate)
      problems.push({ path: 'meetingDate', message: 'must not be before the filing date' });
    else if (previous && meetingDate < previous.meetingDate)
      problems.push({ path: 'meetingDate', message: 'must not be before the previous meeting' });
    else if (noted && meetingDate !== noted.date)
      problems.push({ path: 'meetingDate', message: 'must be the noted date of the meeting' });
    if (answeredDate != null && answeredDate > today)
      problems.push({ path: 'answeredDate', message: 'must not be in the future' });
    else if (answeredDate != null && answeredDate < meetingDate)
      problems.push({ path: 'answeredDate', message: 'must not be before the meeting' });
    if (outcome === GrievanceStepOutcome.ADVANCED && this.currentStep === GrievanceStep.ARBITRATION)
      problems.push({ path: 'outcome', message: 'must not be ADVANCED: arbitration is the last step' });
    if (outcome === GrievanceStepOutcome.SETTLED)
      return [...problems, ...endProblems(resolution, settlementAmount, 'resolution')];
    for (const [path, value] of Object.entries({ resolution, settlementAmount }))
      if (value != null) problems.push({ path, message: 'is allowed only when the outcome is SETTLED' });
    return problems;
  }

  /** Takes a denial to the next step. */
  appeal(context: ActionContext, appealDate: string | null = null): void {
    this.take(APPEAL, context, () => {
      assertValid(this.appealProblems(appealDate, context.today));
      this.advance(context, appealDate ?? context.today);
    });
  }

  /** Adds or corrects the date of the meeting or the answer at the current step. */
  noteDate(kind: NotedKind, date: string, context: ActionContext): void {
    this.take(NOTE_DATE, context, () => {
      assertValid(this.dateProblems(kind, date, context.today));
      this.mark(context, kind, date, { supersedes: this.milestone(kind) ?? null });
      if (kind === MilestoneKind.ANSWERED) this.hear();
    });
  }

  /** Moves a deadline, or holds it open, as both sides agreed. */
  extend(deadline: GrievanceDeadline, facts: ExtensionFacts, context: ActionContext): void {
    this.take(EXTEND, context, () => {
      if (!this.isPendingNow(deadline)) throw this.refusal(context.today);
      const { step, act } = deadline;
      const { actor, at } = context;
      this.extensions.add(
        new GrievanceExtension({ ...facts, grievance: ref(this as Grievance), step, act, actor, at }),
      );
    });
  }

  /** Applies the agreement's consequence of a deadline that the employer missed. */
  takeDefault(deadline: GrievanceDeadline, context: ActionContext): void {
    this.take(TAKE_DEFAULT, context, () => {
      if (!this.isDefaulted(deadline, context.today)) throw this.refusal(context.today);
      const { dueDate, onMiss, act } = deadline;
      if (onMiss === MissConsequence.GRANTED) {
        const missing = act === TimeLimitAct.MEET ? 'meeting' : 'answer';
        return this.end(GrievanceStatus.SETTLED, `Granted: no ${missing} by ${dueDate}.`, context.today);
      }
      this.mark(context, MilestoneKind.ANSWERED, dueDate, { isDefault: true });
      this.hear();
      if (onMiss === MissConsequence.ADVANCED && this.stepNumber < this.stepCount)
        this.advance(context, plusDays(dueDate, 1));
      return undefined;
    });
  }

  /** Returns the problems of the date of an appeal. */
  appealProblems(appealDate: string | null | undefined, today: string): FieldProblem[] {
    if (appealDate == null) return [];
    if (appealDate > today) return [{ path: 'appealDate', message: 'must not be in the future' }];
    const answered = this.milestone(MilestoneKind.ANSWERED);
    return answered && appealDate < answered.date
      ? [{ path: 'appealDate', message: 'must not be before the answer' }]
      : [];
  }

  /** Returns the problems of the date of a meeting or an answer at the current step. */
  dateProblems(kind: NotedKind, date: string, today: string): FieldProblem[] {
    const [submitted, met, answered] = Object.values(MilestoneKind).map((each) => this.milestone(each));
    const wrong = (message: string): FieldProblem[] => [{ path: 'date', message }];
    if (date > today) return wrong('must not be in the future');
    if (submitted && date < submitted.date) return wrong('must not be before the grievance reached the step');
    if (kind === MilestoneKind.ANSWERED) return met && date < met.date ? wrong('must not be before the meeting') : [];
    return answered ? wrong('must be noted before the answer') : [];
  }

  /** The facts about the grievance that determine its deadlines. */
  get facts(): CaseFacts {
    const { filedDate, incidentDate, knownDate, stepNumber: step } = this;
    const extensions = this.extensions.getItems().map(({ step: at, act, dueDate }) => ({ step: at, act, dueDate }));
    const milestones = this.standing.map(({ step: at, kind, date, isDefault }) => ({
      step: at,
      kind,
      date,
      isDefault,
    }));
    const hasEnded = grievanceLaw[this.status].length === 0;
    return { filedDate, incidentDate, knownDate, step, hasEnded, milestones, extensions };
  }

  /** Ends the case with a settlement, which may pay an amount. */
  settle(resolution: string, amount: string | null, context: ActionContext): void {
    this.take(SETTLE, context, () => {
      assertValid(endProblems(resolution, amount, 'resolution'));
      return this.end(GrievanceStatus.SETTLED, resolution, context.today, amount);
    });
  }

  /** Ends the case because the union takes it back. */
  withdraw(reason: string, context: ActionContext): void {
    this.take(WITHDRAW, context, () => {
      assertValid(endProblems(reason, null, 'reason'));
      return this.end(GrievanceStatus.WITHDRAWN, reason, context.today);
    });
  }

  /** Ends the case for any other reason. */
  close(reason: string, context: ActionContext): void {
    this.take(CLOSE, context, () => {
      assertValid(endProblems(reason, null, 'reason'));
      return this.end(GrievanceStatus.CLOSED, reason, context.today);
    });
  }

  /** The dates of the filing. */
  get filing(): FilingDates {
    const { filedDate, incidentDate, knownDate } = this;
    return { filedDate, incidentDate, knownDate };
  }

  private get stepNumber(): number {
    return grievanceSteps.indexOf(this.currentStep) + 1;
  }

  protected override get noun(): string {
    return 'grievance';
  }

  protected override get situation(): string {
    return situation(this.status, this.isAnsweredNow);
  }

  protected override eventOf(facts: CaseEventFacts): CaseEvent {
    return new CaseEvent({ grievance: ref(this as Grievance), ...facts });
  }

  protected override allowedOn(today: string): readonly GrievanceAction[] {
    if (this.isDeleted) return [];
    const deadlines = this.deadlines.getItems();
    return allowedIn({
      status: this.status,
      isAnswered: this.isAnsweredNow,
      isGoverned: this.agreement !== null,
      isPending: deadlines.some((deadline) => this.isPendingNow(deadline)),
      isDefaulted: deadlines.some((deadline) => this.isDefaulted(deadline, today)),
    });
  }

  private get isAnsweredNow(): boolean {
    return this.milestone(MilestoneKind.ANSWERED) !== undefined;
  }

  /** Whether a deadline can be extended. */
  private isPendingNow({ step, party, metOn, isMoot }: GrievanceDeadline): boolean {
    // the default that was taken stands for the employer's answer
    const isSettled = party === DeadlineParty.EMPLOYER && this.isAnsweredNow;
    return step === this.stepNumber && metOn === null && !isMoot && !isSettled;
  }

  /** Whether the employer missed a deadline, with a consequence. */
  private isDefaulted(deadline: GrievanceDeadline, today: string): boolean {
    const isMissed = stateOn(today, deadline) === DeadlineState.DEFAULTED;
    return this.isPendingNow(deadline) && isMissed && deadline.onMiss !== MissConsequence.NONE;
  }

  /** The milestones without those that were corrected. */
  private get standing(): GrievanceMilestone[] {
    const corrected = new Set(this.milestones.getItems().map(({ supersedes }) => supersedes?.id));
    return this.milestones.getItems().filter(({ id }) => !corrected.has(id));
  }

  private milestone(kind: MilestoneKind): GrievanceMilestone | undefined {
    return this.standing.find((each) => each.step === this.stepNumber && each.kind === kind);
  }

  private mark(
    { actor, at }: ActionContext,
    kind: MilestoneKind,
    date: string,
    { supersedes = null, isDefault = false }: { supersedes?: GrievanceMilestone | null; isDefault?: boolean } = {},
  ): void {
    const facts = { grievance: ref(this as Grievance), step: this.stepNumber, kind, date, isDefault, actor, at };
    this.milestones.add(new GrievanceMilestone({ ...facts, supersedes: supersedes && ref(supersedes) }));
  }

  /** An answer without a record of a meeting counts as a meeting. */
  private hear(): void {
    if (this.currentStep !== GrievanceStep.ARBITRATION) this.status = GrievanceStatus.HEARING;
  }

  private advance(context: ActionContext, date: string): void {
    const isLast = this.stepNumber >= this.stepCount;
    this.currentStep = (isLast ? undefined : grievanceSteps[this.stepNumber]) ?? GrievanceStep.ARBITRATION;
    if (this.currentStep === GrievanceStep.ARBITRATION) this.status = GrievanceStatus.ARBITRATION;
    this.mark(context, MilestoneKind.SUBMITTED, date);
  }

  /** A case never ends before its last meeting, even if a new time zone changes the current day. */
  private end(status: GrievanceStatus, resolution: string, on: string, amount: string | null = null): string {
    const last = this.steps.getItems().at(-1)?.meetingDate ?? this.filedDate;
    this.status = status;
    this.resolution = resolution;
    this.resolutionDate = on < last ? last : on;
    this.settlementAmount = amount;
    return resolution;
  }
}

/** The meeting of one step, and how it ended. */
@ObjectType({ description: 'A step meeting and its result.', simpleResolvers: true })
@Entity({ tableName: 'grievance_step_records' })
@Unique({ properties: ['grievance', 'stepNumber'] })
@Check({ name: 'grievance_step_records_step_number_range', expression: 'step_number between 1 and 4' })
@Check({ name: 'grievance_step_records_last_step_ends', expression: `step_number < 4 or outcome <> 'advanced'` })
export class GrievanceStepRecord extends Dated {
  @ManyToOne({ entity: () => Grievance, ref: true, deleteRule: 'restrict' })
  grievance: Ref<Grievance>;

  @Field(() => Int, { description: 'The number of the step, from 1 to 4. Step 4 is arbitration.' })
  @Property({ type: 'integer' })
  stepNumber: number;

  @Field(() => DateScalar, { description: 'The date of the meeting.' })
  @Property({ type: 'date' })
  meetingDate: string;

  @Field(() => String, { nullable: true, description: 'The people who attended for the union. Null if not set.' })
  @Property({ type: 'text', nullable: true })
  unionAttendees: string | null;

  @Field(() => String, { nullable: true, description: 'The people who attended for the employer. Null if not set.' })
  @Property({ type: 'text', nullable: true })
  employerAttendees: string | null;

  @Field(() => GrievanceStepOutcome, { description: 'The result of the meeting.' })
  @Enum({ items: () => GrievanceStepOutcome })
  outcome: GrievanceStepOutcome;

  @Field(() => String, { nullable: true, description: 'The internal notes of the union. Null if not set.' })
  @Property({ type: 'text', nullable: true })
  notes: string | null;

  constructor(facts: StepFacts & { grievance: Ref<Grievance>; stepNumber: number }) {
    super();
    this.grievance = facts.grievance;
    this.stepNumber = facts.stepNumber;
    this.meetingDate = facts.meetingDate;
    this.unionAttendees = facts.unionAttendees ?? null;
    this.employerAttendees = facts.employerAttendees ?? null;
    this.outcome = facts.outcome;
    this.notes = facts.notes ?? null;
  }
}

/** The last assigned grievance number of a year. Filing locks this row. */
@Entity({ tableName: 'grievance_counters' })
@Check({ name: 'grievance_counters_last_not_negative', expression: '"last" >= 0' })
export class GrievanceCounter {
  @PrimaryKey({ type: 'integer', autoincrement: false })
  year: number;

  @Property({ type: 'integer' })
  last: number;

  constructor(year: number, last = 0) {
    this.year = year;
    this.last = last;
  }
}

/** A change to a grievance. The grievance itself is read when the change is delivered. */
@ObjectType({ description: 'A change to a grievance.', simpleResolvers: true })
export class GrievanceChange {
  @Field(() => GrievanceAction, { description: 'The action that changed the grievance.' })
  action!: GrievanceAction;
}
