import { Collection, type Ref } from '@mikro-orm/core';
import {
  Check,
  Entity,
  Enum,
  Formula,
  Index,
  ManyToOne,
  OneToMany,
  Property,
  Unique,
} from '@mikro-orm/decorators/legacy';
import { Field, Int, ObjectType, registerEnumType } from 'type-graphql';
import type { FieldProblem } from '../errors.ts';
import { dayCountProblems, DayUnit, HolidayCalendar, plusDays } from './calendar.ts';
import { Derived, Listed } from './listing.ts';
import { Organization } from './organization.ts';
import { Dated, Kept, Node, Versioned } from './record.ts';
import { DateScalar } from './scalars.ts';
import type { Viewer } from './viewer.ts';

export enum ClockStart {
  OCCURRENCE = 'occurrence',
  KNOWLEDGE = 'knowledge',
}

registerEnumType(ClockStart, {
  name: 'ClockStart',
  description: 'The event from which the time limit for filing counts.',
  valuesConfig: {
    OCCURRENCE: { description: 'The day of the incident.' },
    KNOWLEDGE: {
      description:
        'The day on which the grievant knew or should have known of the incident; that of the incident if not set.',
    },
  },
});

export enum TimeLimitAct {
  FILE = 'file',
  MEET = 'meet',
  ANSWER = 'answer',
  APPEAL = 'appeal',
  AWARD = 'award',
}

registerEnumType(TimeLimitAct, {
  name: 'TimeLimitAct',
  description: 'What must be done within a time limit.',
  valuesConfig: {
    FILE: { description: 'The union files the grievance.' },
    MEET: { description: 'The employer meets with the union.' },
    ANSWER: { description: 'The employer answers.' },
    APPEAL: { description: 'The union appeals to the next step. At the last step, it demands arbitration.' },
    AWARD: { description: 'The arbitrator issues the award.' },
  },
});

export enum LimitBase {
  INCIDENT = 'incident',
  SUBMISSION = 'submission',
  MEETING = 'meeting',
  ANSWER = 'answer',
}

registerEnumType(LimitBase, {
  name: 'LimitBase',
  description: 'The event from which a time limit counts.',
  valuesConfig: {
    INCIDENT: { description: 'The incident, or the knowledge of it, as the agreement says.' },
    SUBMISSION: { description: 'The filing of the grievance, or its appeal to this step.' },
    MEETING: { description: 'The meeting of this step.' },
    ANSWER: { description: 'The answer of the employer at this step.' },
  },
});

export enum MissConsequence {
  NONE = 'none',
  WAIVED = 'waived',
  LAST_ANSWER = 'last_answer',
  DENIED = 'denied',
  ADVANCED = 'advanced',
  GRANTED = 'granted',
}

registerEnumType(MissConsequence, {
  name: 'MissConsequence',
  description: 'What the agreement says of a missed time limit. A person decides whether it takes effect.',
  valuesConfig: {
    NONE: { description: 'Nothing.' },
    WAIVED: { description: 'The grievance is waived.' },
    LAST_ANSWER: { description: 'The grievance is settled on the last answer of the employer.' },
    DENIED: { description: 'The grievance counts as denied, and the union can appeal.' },
    ADVANCED: { description: 'The grievance moves to the next step.' },
    GRANTED: { description: 'The grievance is granted.' },
  },
});

/** The rules for the limit of an act. */
interface LimitLaw {
  readonly steps: (last: number) => readonly number[];
  readonly from: readonly LimitBase[];
  readonly onMiss: readonly MissConsequence[];
}

const { NONE, WAIVED, LAST_ANSWER, DENIED, ADVANCED, GRANTED } = MissConsequence;
const everyStep = (last: number): readonly number[] => [1, 2, 3].slice(0, last);

/** The limits that an agreement can set; the table's check constraint has the same rules, for three steps. */
const limitLaws: Readonly<Record<TimeLimitAct, LimitLaw>> = {
  file: { steps: () => [1], from: [LimitBase.INCIDENT], onMiss: [NONE, WAIVED] },
  meet: { steps: everyStep, from: [LimitBase.SUBMISSION], onMiss: [NONE, DENIED, ADVANCED, GRANTED] },
  answer: {
    steps: everyStep,
    from: [LimitBase.SUBMISSION, LimitBase.MEETING],
    onMiss: [NONE, DENIED, ADVANCED, GRANTED],
  },
  appeal: { steps: everyStep, from: [LimitBase.ANSWER], onMiss: [NONE, WAIVED, LAST_ANSWER, ADVANCED] },
  award: { steps: () => [4], from: [LimitBase.MEETING], onMiss: [NONE] },
};

const texts = (values: readonly string[]): string => values.map((value) => `'${value}'`).join(', ');

const limitCheck = Object.entries(limitLaws)
  .map(([act, { steps, from, onMiss }]) =>
    [
      `when '${act}' then step in (${steps(3).join(', ')})`,
      `counts_from in (${texts(from)})`,
      `on_miss in (${texts(onMiss)})`,
    ].join(' and '),
  )
  .join(' ');

export interface LimitFacts {
  step: number;
  act: TimeLimitAct;
  days: number;
  dayUnit: DayUnit;
  countsFrom: LimitBase;
  onMiss: MissConsequence;
}

/** Returns the problems of the limits of an agreement with this number of steps, each at its place in the list. */
export function limitProblems(limits: readonly LimitFacts[], steps: number): FieldProblem[] {
  return limits.flatMap((limit, place) => {
    const isRepeated = limits.findIndex(({ step, act }) => step === limit.step && act === limit.act) < place;
    const problems = [...lawProblems(limit, steps), ...dayCountProblems(limit.days)];
    if (isRepeated) problems.push({ path: 'act', message: 'must not have two limits at one step' });
    return problems.map(({ path, message }) => ({ path: `limits[${place}].${path}`, message }));
  });
}

function lawProblems({ act, step, countsFrom, onMiss }: LimitFacts, last: number): FieldProblem[] {
  const law = limitLaws[act];
  const [steps, name] = [law.steps(last), act.toUpperCase()];
  const oneOf = (values: readonly (string | number)[]): string =>
    values.map((value) => String(value).toUpperCase()).join(', ');
  const problems: FieldProblem[] = [];
  if (!steps.includes(step))
    problems.push({ path: 'step', message: `must be one of these for ${name}: ${oneOf(steps)}` });
  if (!law.from.includes(countsFrom))
    problems.push({ path: 'countsFrom', message: `must be one of these for ${name}: ${oneOf(law.from)}` });
  if (!law.onMiss.includes(onMiss))
    problems.push({ path: 'onMiss', message: `must be one of these for ${name}: ${oneOf(law.onMiss)}` });
  return problems;
}

/** A group of employees that bargains together. */
@ObjectType({ description: 'A group of employees that bargains together.', simpleResolvers: true })
@Entity({ tableName: 'bargaining_units' })
@Unique({
  name: 'bargaining_units_code_unique',
  expression: 'create unique index "bargaining_units_code_unique" on "bargaining_units" (lower("code"))',
})
@Check({ name: 'bargaining_units_not_empty', expression: `name <> '' and code <> ''` })
export class BargainingUnit extends Kept {
  @Field(() => String, { description: 'The name.' })
  @Property({ type: 'string', length: 200, collation: 'C' })
  name: string;

  @Field(() => String, { description: 'The short code. Unique, ignoring case.' })
  @Property({ type: 'string', length: 20, collation: 'C' })
  code: string;

  @Field(() => String, { nullable: true, description: 'The jobs and places that the unit covers. Null if not set.' })
  @Property({ type: 'text', nullable: true })
  description: string | null;

  constructor(facts: { name: string; code: string; description?: string | null }) {
    super();
    this.name = facts.name;
    this.code = facts.code;
    this.description = facts.description ?? null;
  }
}

export interface AgreementFacts {
  title: string;
  code: string;
  unit: Ref<BargainingUnit>;
  calendar: Ref<HolidayCalendar>;
  association?: string | null;
  effectiveDate: string;
  expirationDate?: string | null;
  renewsYearly?: boolean;
  noticeDays?: number;
  signedDate?: string | null;
  clock: ClockStart;
  firstDayCounts?: boolean;
  rollsForward?: boolean;
  extensionsInWriting?: boolean;
  steps: number;
}

/** Returns the problems of the terms of an agreement. Omitted terms are not checked. */
export function agreementProblems(
  { effectiveDate, expirationDate, noticeDays, steps, signedDate }: Partial<Omit<AgreementFacts, 'unit' | 'calendar'>>,
  today: string,
): FieldProblem[] {
  const laws: [isBroken: boolean, path: string, message: string][] = [
    [
      effectiveDate != null && expirationDate != null && expirationDate < effectiveDate,
      'expirationDate',
      'must not be before the effective date',
    ],
    [noticeDays != null && (noticeDays < 0 || noticeDays > 365), 'noticeDays', 'must be from 0 to 365'],
    [steps != null && (steps < 1 || steps > 3), 'steps', 'must be from 1 to 3'],
    [signedDate != null && signedDate > today, 'signedDate', 'must not be in the future'],
  ];
  return laws.flatMap(([isBroken, path, message]) => (isBroken ? [{ path, message }] : []));
}

/** A collective bargaining agreement for one term. A renegotiated agreement is another row with the same code. */
@ObjectType({
  description:
    'A collective bargaining agreement for one term. A renegotiated agreement is another record with the same code. ' +
    'The agreement in force on the day of the incident governs a grievance.',
  simpleResolvers: true,
  implements: Node,
})
@Entity({ tableName: 'agreements' })
@Listed({
  filter: ['code', 'unit', 'effectiveDate', 'expirationDate'],
  order: ['effectiveDate', 'title'],
  by: ['effectiveDate', 'DESC'],
  texts: ['code'],
})
@Unique({
  properties: ['code', 'effectiveDate'],
  where: 'deleted_at is null',
  name: 'agreements_code_effective_date_unique',
})
@Index({ properties: ['calendar'] })
@Check({ name: 'agreements_not_empty', expression: `title <> '' and code <> ''` })
@Check({ name: 'agreements_expiration_after_effective', expression: 'expiration_date >= effective_date' })
@Check({ name: 'agreements_notice_days_range', expression: 'notice_days between 0 and 365' })
@Check({ name: 'agreements_steps_range', expression: 'steps between 1 and 3' })
export class Agreement extends Versioned {
  @Field(() => String, { description: 'The title.' })
  @Property({ type: 'string', length: 200, collation: 'C' })
  title: string;

  @Field(() => String, { description: 'The short code, shared by the agreements of successive terms.' })
  @Property({ type: 'string', length: 20, collation: 'C' })
  code: string;

  @Field(() => BargainingUnit, {
    nullable: true,
    description: 'The bargaining unit. Null when hidden from the caller.',
  })
  @ManyToOne({ entity: () => BargainingUnit, ref: true, deleteRule: 'restrict' })
  unit: Ref<BargainingUnit>;

  @Field(() => HolidayCalendar, {
    nullable: true,
    description: 'The working-day calendar. Null when hidden from the caller.',
  })
  @ManyToOne({ entity: () => HolidayCalendar, ref: true, deleteRule: 'restrict' })
  calendar: Ref<HolidayCalendar>;

  @Field(() => String, {
    nullable: true,
    description: "The employers' association that negotiated the agreement. Null if not set.",
  })
  @Property({ type: 'string', length: 200, nullable: true })
  association: string | null;

  @Field(() => DateScalar, { description: 'The first day of the term.' })
  @Property({ type: 'date' })
  effectiveDate: string;

  @Field(() => DateScalar, {
    nullable: true,
    description: 'The last day of the term. Null for an agreement without an end.',
  })
  @Property({ type: 'date', nullable: true })
  expirationDate: string | null;

  @Field(() => Boolean, { description: 'Whether the agreement renews from year to year after its term.' })
  @Property({ type: 'boolean' })
  renewsYearly: boolean;

  @Field(() => Int, {
    description: 'The number of days before the end of the term by which notice of changes must be received.',
  })
  @Property({ type: 'integer' })
  noticeDays: number;

  @Field(() => DateScalar, { nullable: true, description: 'The date of signature. Null if not set.' })
  @Property({ type: 'date', nullable: true })
  signedDate: string | null;

  @Field(() => ClockStart, { description: 'The event from which the time limit for filing counts.' })
  @Enum({ items: () => ClockStart })
  clock: ClockStart;

  @Field(() => Boolean, { description: 'Whether the day of the event is day 1 of a time limit.' })
  @Property({ type: 'boolean' })
  firstDayCounts: boolean;

  @Field(() => Boolean, {
    description: 'Whether a limit in calendar days that ends on a day off ends on the next working day.',
  })
  @Property({ type: 'boolean' })
  rollsForward: boolean;

  @Field(() => Boolean, { description: 'Whether an extension of a time limit must be in writing.' })
  @Property({ type: 'boolean' })
  extensionsInWriting: boolean;

  @Field(() => Int, { description: 'The number of steps before arbitration, from 1 to 3.' })
  @Property({ type: 'integer' })
  steps: number;

  @Field(() => [AgreementLimit], { description: 'The time limits, by step.' })
  @OneToMany({ entity: () => AgreementLimit, mappedBy: 'agreement', orderBy: { step: 'asc', act: 'asc' } })
  limits = new Collection<AgreementLimit>(this);

  @Field(() => [AgreementArticle], { description: 'The articles in the order of their entry.' })
  @OneToMany({ entity: () => AgreementArticle, mappedBy: 'agreement', orderBy: { place: 'asc', id: 'asc' } })
  articles = new Collection<AgreementArticle>(this);

  @Field(() => [AgreementEmployer], {
    description: 'The signatory employers that the caller can see, first signature first.',
  })
  @OneToMany({ entity: () => AgreementEmployer, mappedBy: 'agreement', orderBy: { assentedDate: 'asc', id: 'asc' } })
  employers = new Collection<AgreementEmployer>(this);

  /** The first day of the next term of the unit. */
  @Formula(
    ({ unit, effectiveDate }) =>
      `(select min(s.effective_date) from agreements s
        where s.unit_id = ${unit} and s.effective_date > ${effectiveDate} and s.deleted_at is null)`,
    { type: 'date', lazy: true },
  )
  replacedOn?: string | null;

  @Field(() => Boolean, {
    description:
      'Whether the agreement is in force today. After its term, one that renews yearly stays in force until the next agreement ' +
      'of the unit begins.',
  })
  @Derived('effectiveDate', 'expirationDate', 'renewsYearly', 'replacedOn', 'deletedAt')
  isInForce({ today }: Viewer): boolean {
    if (this.deletedAt !== null || today < this.effectiveDate) return false;
    if (this.expirationDate === null || today <= this.expirationDate) return true;
    return this.renewsYearly && (this.replacedOn == null || today < this.replacedOn);
  }

  @Field(() => DateScalar, {
    nullable: true,
    description:
      'The last day on which notice of changes is in time: `noticeDays` before the end of the term. Null without an end.',
  })
  @Derived('expirationDate', 'noticeDays')
  get noticeBy(): string | null {
    return this.expirationDate === null ? null : plusDays(this.expirationDate, -this.noticeDays);
  }

  constructor(facts: AgreementFacts) {
    super();
    this.title = facts.title;
    this.code = facts.code;
    this.unit = facts.unit;
    this.calendar = facts.calendar;
    this.association = facts.association ?? null;
    this.effectiveDate = facts.effectiveDate;
    this.expirationDate = facts.expirationDate ?? null;
    this.renewsYearly = facts.renewsYearly ?? false;
    this.noticeDays = facts.noticeDays ?? 60;
    this.signedDate = facts.signedDate ?? null;
    this.clock = facts.clock;
    this.firstDayCounts = facts.firstDayCounts ?? false;
    this.rollsForward = facts.rollsForward ?? true;
    this.extensionsInWriting = facts.extensionsInWriting ?? true;
    this.steps = facts.steps;
  }
}

/** An employer that is bound by an agreement. */
@ObjectType({ description: 'An employer that is bound by an agreement.', simpleResolvers: true })
@Entity({ tableName: 'agreement_employers' })
@Unique({ properties: ['agreement', 'organization'] })
@Index({ properties: ['organization', 'assentedDate'] })
@Check({ name: 'agreement_employers_end_after_assent', expression: 'ended_date >= assented_date' })
export class AgreementEmployer extends Dated {
  @ManyToOne({ entity: () => Agreement, ref: true, deleteRule: 'restrict' })
  agreement: Ref<Agreement>;

  @Field(() => Organization, { nullable: true, description: 'The employer. Null when hidden from the caller.' })
  @ManyToOne({ entity: () => Organization, ref: true, deleteRule: 'restrict' })
  organization: Ref<Organization>;

  @Field(() => DateScalar, { description: 'The first day on which the agreement binds the employer.' })
  @Property({ type: 'date' })
  assentedDate: string;

  @Field(() => DateScalar, {
    nullable: true,
    description: 'The last day on which the agreement binds the employer. Null if not set.',
  })
  @Property({ type: 'date', nullable: true })
  endedDate: string | null = null;

  constructor(facts: { agreement: Ref<Agreement>; organization: Ref<Organization>; assentedDate: string }) {
    super();
    this.agreement = facts.agreement;
    this.organization = facts.organization;
    this.assentedDate = facts.assentedDate;
  }
}

/** An article of an agreement. */
@ObjectType({ description: 'An article of an agreement.', simpleResolvers: true })
@Entity({ tableName: 'agreement_articles' })
@Unique({ properties: ['agreement', 'number'] })
@Check({ name: 'agreement_articles_not_empty', expression: `number <> '' and title <> ''` })
export class AgreementArticle extends Dated {
  @ManyToOne({ entity: () => Agreement, ref: true, deleteRule: 'restrict' })
  agreement: Ref<Agreement>;

  @Property({ type: 'integer' })
  place: number;

  @Field(() => String, {
    description: 'The number, such as `14` or `14.2`. An agreement has at most one article with a number.',
  })
  @Property({ type: 'string', length: 20, collation: 'C' })
  number: string;

  @Field(() => String, { description: 'The title.' })
  @Property({ type: 'string', length: 200 })
  title: string;

  constructor(facts: { agreement: Ref<Agreement>; place: number; number: string; title: string }) {
    super();
    this.agreement = facts.agreement;
    this.place = facts.place;
    this.number = facts.number;
    this.title = facts.title;
  }
}

/** A time limit of an agreement for one act at one step. */
@ObjectType({ description: 'A time limit of an agreement for one act at one step.', simpleResolvers: true })
@Entity({ tableName: 'agreement_limits' })
@Unique({ properties: ['agreement', 'step', 'act'] })
@Check({ name: 'agreement_limits_days_range', expression: 'days between 1 and 365' })
@Check({ name: 'agreement_limits_lawful', expression: `case act ${limitCheck} end` })
export class AgreementLimit extends Dated {
  @ManyToOne({ entity: () => Agreement, ref: true, deleteRule: 'restrict' })
  agreement: Ref<Agreement>;

  @Field(() => Int, { description: 'The step, from 1 to 4. Step 4 is arbitration.' })
  @Property({ type: 'integer' })
  step: number;

  @Field(() => TimeLimitAct, { description: 'What must be done within the limit.' })
  @Enum({ items: () => TimeLimitAct })
  act: TimeLimitAct;

  @Field(() => Int, { description: 'The number of days, from 1 to 365.' })
  @Property({ type: 'integer' })
  days: number;

  @Field(() => DayUnit, { description: 'The days that the limit counts.' })
  @Enum({ items: () => DayUnit })
  dayUnit: DayUnit;

  @Field(() => LimitBase, { description: 'The event from which the limit counts.' })
  @Enum({ items: () => LimitBase })
  countsFrom: LimitBase;

  @Field(() => MissConsequence, { description: 'What the agreement says of a missed limit.' })
  @Enum({ items: () => MissConsequence })
  onMiss: MissConsequence;

  constructor(facts: LimitFacts & { agreement: Ref<Agreement> }) {
    super();
    this.agreement = facts.agreement;
    this.step = facts.step;
    this.act = facts.act;
    this.days = facts.days;
    this.dayUnit = facts.dayUnit;
    this.countsFrom = facts.countsFrom;
    this.onMiss = facts.onMiss;
  }
}

/**
 * The agreements that bind an employer on a day: for each unit, the last one that has begun and that the employer has
 * signed. An expired agreement stays in force until its successor begins.
 * @param employer the slot of the employer's id.
 * @param on the slot of the day.
 */
export const bindingAgreements = (employer: string, on: string): string =>
  `select a.id, a.unit_id from (
     select distinct on (a.unit_id) a.id, a.unit_id, e.ended_date
     from agreement_employers e join agreements a on a.id = e.agreement_id
     where e.organization_id = ${employer} and e.assented_date <= ${on} and a.effective_date <= ${on} and a.deleted_at is null
     order by a.unit_id, a.effective_date desc) a
   where (a.ended_date is null or a.ended_date >= ${on})`;
