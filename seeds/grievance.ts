import { grievanceSteps, GrievanceStatus, GrievanceStep, GrievanceStepOutcome } from '../src/entities/grievance.ts';
import { fullNameOf, linkedMembers, userId } from './account.ts';
import { deadlinesOf, MilestoneKind } from '../src/entities/deadline.ts';
import { governingOf, termsFor } from './agreement.ts';
import { daysAgo, instantOn, plusDays, workday, yearOf } from './calendar.ts';
import type { Dossier, ScaledKind } from './dossier.ts';
import { employerIdOf, memberId, memberIndex, money } from './member.ts';
import { idOf } from './id.ts';
import { Dice } from './random.ts';
import type {
  CaseEventRow,
  GrievanceCounterRow,
  GrievanceDeadlineRow,
  GrievanceMilestoneRow,
  GrievanceRow,
  GrievanceStepRecordRow,
} from './row.ts';
import { violationTexts } from './texts/violation.ts';

const { ADVANCED, DENIED, SETTLED } = GrievanceStepOutcome;
const { SUBMITTED, MET, ANSWERED } = MilestoneKind;

/** An event of a grievance: the outcome of a meeting, or an action between meetings. */
type Move = GrievanceStepOutcome | 'investigate' | 'appeal' | 'settle' | 'withdraw' | 'close';

/** The basic facts of a grievance: who filed it, and its events so far. */
interface Shape {
  /** The grievant's place in the block. */
  readonly member: number;
  readonly moves: readonly Move[];
}

const { member, testuser } = linkedMembers;

/** The 20 grievances of a block in the order of their filing dates, with 31 step records between them. */
const shapes: readonly Shape[] = [
  { member: 12, moves: [DENIED, 'appeal', DENIED, 'appeal', DENIED, 'appeal', DENIED, 'close'] },
  { member: 38, moves: [ADVANCED, ADVANCED, DENIED, 'appeal', SETTLED] },
  { member, moves: [ADVANCED, ADVANCED, SETTLED] },
  { member: 14, moves: ['investigate', DENIED, 'appeal', ADVANCED, 'settle'] },
  { member: testuser, moves: [DENIED, 'appeal', SETTLED] },
  { member: 17, moves: ['investigate', DENIED, 'close'] },
  { member: 40, moves: ['investigate', SETTLED] },
  { member: 19, moves: ['investigate', DENIED, 'withdraw'] },
  { member: 21, moves: [DENIED, 'appeal', DENIED, 'appeal', DENIED, 'appeal'] },
  { member: 15, moves: [ADVANCED, ADVANCED, ADVANCED] },
  { member: 23, moves: ['investigate', 'settle'] },
  { member: 25, moves: [DENIED, 'withdraw'] },
  { member: 42, moves: ['investigate', ADVANCED, DENIED, 'appeal'] },
  { member: testuser, moves: ['investigate', DENIED, 'appeal', DENIED] },
  { member: 27, moves: [ADVANCED] },
  { member, moves: ['investigate', DENIED] },
  { member: 30, moves: ['investigate'] },
  { member: 16, moves: ['investigate'] },
  { member: 32, moves: [] },
  { member: 29, moves: [] },
];

/**
 * How many grievances of a block are filed in each year. They are filed about 36 days apart, and randomness never moves
 * one to another year.
 */
const filedIn: ReadonlyMap<number, { readonly first: number; readonly count: number }> = new Map([
  [2024, { first: 0, count: 8 }],
  [2025, { first: 8, count: 10 }],
  [2026, { first: 18, count: 2 }],
]);

const resolutions: Readonly<Record<'paid' | 'unpaid' | 'withdrawn' | 'closed', readonly string[]>> = {
  paid: [
    'Paid in full without admission; the practice ends.',
    'Settled at two thirds of the claim, and the file is cleared.',
    'The employer pays the hours claimed and will instruct its supervisors.',
    'Made whole for the loss; the list is posted every week from now on.',
  ],
  unpaid: [
    'Settled without payment: the practice ends today.',
    'Settled without payment: the record of the incident is removed from the file.',
    'Settled without payment: the employer instructs its supervisors in writing.',
    'Settled without payment: the employer gives the union notice of every such case from now on.',
  ],
  withdrawn: [
    'Withdrawn without prejudice after the records showed that notice had been given.',
    'Withdrawn at the wish of the grievant, who has taken another job.',
  ],
  closed: [
    'Closed after the award: the arbitrator denied the grievance.',
    'Closed: not appealed within the time limit after the committee voted against it.',
  ],
};

/** The people who attend a meeting at each step. The notes name an arbitrator, who attends for neither party. */
const attendees: Readonly<Record<GrievanceStep, { readonly union: (rep: string) => string; readonly employer: readonly string[] }>> = {
  step_1: {
    union: () => 'Shop steward, grievant',
    employer: ['Immediate supervisor', 'Shift supervisor', 'Crew supervisor', 'Site supervisor'],
  },
  step_2: {
    union: () => 'Chief steward, shop steward, grievant',
    employer: ['Department head and human resources', 'Human resources manager', 'Department head', 'Department head and payroll'],
  },
  step_3: {
    union: (rep) => `${rep} (business agent), chief steward, grievant`,
    employer: ['Labor relations manager', 'Labor relations manager and human resources director'],
  },
  arbitration: {
    union: (rep) => `Counsel for the union, ${rep} (business agent), grievant`,
    employer: ['Counsel for the employer, labor relations manager', 'Counsel for the employer, human resources director'],
  },
};
const arbitratorNotes = [
  'Hearing before Arbitrator Helen Marchetti. The award denies the grievance.',
  'Hearing before Arbitrator Walter Osei. The award denies the grievance.',
];
const stepNotes: Readonly<Record<GrievanceStepOutcome, readonly string[]>> = {
  denied: ['Answer given at the table: no violation seen.', 'Denied in writing; the letter is in the file.'],
  settled: ['Terms agreed at the table and signed the same day.', 'Settled after a recess; the grievant was asked and agreed.'],
  advanced: ['No answer within the time limit; both sides agreed to go on.', 'Beyond the authority of those present.'],
};
const reps = ['staff', 'officer', 'officer', 'staff', 'vp'];

/** Grievances with all their meetings and actions up to the present. */
export const grievances: ScaledKind = {
  table: 'grievances',
  parts: ['grievance_step_records', 'case_events', 'grievance_milestones', 'grievance_deadlines'],
  perBlock: shapes.length,
  dossiers: grievanceDossiers,
};

function* grievanceDossiers(scale: number): Generator<Dossier> {
  const dice = new Dice('grievances');
  for (let block = 0; block < scale; block += 1) {
    dice.startBlock(block);
    for (const [slot, shape] of shapes.entries()) yield new Telling(block, slot, shape, dice).told();
  }
}

/** Returns the last assigned number of each year. */
export function counterRows(scale: number): GrievanceCounterRow[] {
  return [...filedIn].map(([year, { count }]) => ({ year, last: count * scale }));
}

/** Generates the history of one grievance, day by day. */
class Telling {
  private readonly index: number;
  private readonly filed: string;
  private readonly steps: GrievanceStepRecordRow[] = [];
  private readonly events: CaseEventRow[] = [];
  private readonly milestones: GrievanceMilestoneRow[] = [];
  private readonly id: string;
  private readonly rep: string;
  private readonly actor: string;
  private today: string;
  private status = GrievanceStatus.OPEN;
  private step = 0;

  constructor(
    private readonly block: number,
    private readonly slot: number,
    private readonly shape: Shape,
    private readonly dice: Dice,
  ) {
    this.index = block * shapes.length + slot;
    this.filed = workday(daysAgo(713 - slot * 36 + dice.between(0, 20)));
    this.today = this.filed;
    this.id = idOf('grievances', this.index, this.now);
    this.rep = reps[slot % reps.length] ?? 'staff';
    this.actor = userId(this.rep);
  }

  told(): Dossier {
    this.mark(SUBMITTED, userId('staff'));
    this.tell('file', GrievanceStatus.OPEN, userId('staff'));
    for (const move of this.shape.moves) this.make(move);
    const row = this.row();
    return {
      grievances: [row],
      grievance_step_records: this.steps,
      case_events: this.events,
      grievance_milestones: this.milestones,
      grievance_deadlines: this.deadlines(row),
    };
  }

  private make(move: Move): void {
    if (move === 'investigate') return this.act(3, 10, move, GrievanceStatus.INVESTIGATION);
    if (move === 'settle') return this.act(8, 20, move, GrievanceStatus.SETTLED);
    if (move === 'withdraw') return this.act(8, 20, move, GrievanceStatus.WITHDRAWN);
    if (move === 'close') return this.act(8, 20, move, GrievanceStatus.CLOSED);
    if (move !== 'appeal') return this.meet(move);
    this.pass(4, 10);
    this.step += 1;
    this.mark(SUBMITTED, this.actor);
    return this.tell(move, this.onTheWay, this.actor);
  }

  private meet(outcome: GrievanceStepOutcome): void {
    this.pass(18, 38);
    const at = this.now;
    const { union, employer } = attendees[this.currentStep];
    this.steps.push({
      id: idOf('grievance_step_records', `${this.index}.${this.step}`, at),
      created_at: at,
      updated_at: at,
      grievance_id: this.id,
      step_number: this.step + 1,
      meeting_date: this.today,
      union_attendees: union(fullNameOf(this.rep)),
      employer_attendees: this.dice.pick(employer),
      outcome,
      notes: this.stepNotes(outcome),
    });
    for (const kind of [MET, ANSWERED]) this.mark(kind, this.actor);
    if (outcome === ADVANCED) {
      this.step += 1;
      this.mark(SUBMITTED, this.actor);
    }
    this.tell('record_step', outcome === SETTLED ? GrievanceStatus.SETTLED : this.onTheWay, this.actor);
  }

  private stepNotes(outcome: GrievanceStepOutcome): string | null {
    const note = this.dice.chance(70) ? this.dice.pick(stepNotes[outcome]) : null;
    return this.currentStep === GrievanceStep.ARBITRATION ? (arbitratorNotes[this.block % arbitratorNotes.length] ?? null) : note;
  }

  private act(least: number, most: number, action: string, status: GrievanceStatus): void {
    this.pass(least, most);
    this.tell(action, status, this.actor);
  }

  private row(): GrievanceRow {
    const text = violationTexts[(this.slot * 7 + this.block * 11) % violationTexts.length];
    const { status } = this;
    const incidentDate = plusDays(this.filed, -this.dice.between(1, 14));
    const end = this.end(status);
    return {
      id: this.id,
      created_at: this.events[0]?.at ?? this.now,
      updated_at: this.events.at(-1)?.at ?? this.now,
      deleted_at: null,
      grievance_number: numberOf(this.filed, this.block, this.slot),
      member_id: memberId(memberIndex(this.block, this.shape.member)),
      employer_id: employerIdOf(this.block, this.shape.member),
      filed_date: this.filed,
      incident_date: incidentDate,
      known_date: null,
      ...governingOf(this.shape.member, text?.article ?? null),
      step_count: 3,
      contract_article: text?.article ?? null,
      violation_description: text?.violation ?? '',
      remedy_sought: text?.remedy ?? null,
      current_step: this.currentStep,
      status,
      assigned_rep: fullNameOf(this.rep),
      assigned_user_id: this.actor,
      ...end,
      notes: this.dice.chance(30)
        ? this.dice.pick(['Witness statements in the file.', 'Keep the steward informed.', 'Same foreman as last year.'])
        : null,
      version: this.events.length,
    };
  }

  /** Returns how the grievance ended. A settlement has an amount only if its text mentions a payment. */
  private end(status: GrievanceStatus): Pick<GrievanceRow, 'resolution' | 'resolution_date' | 'settlement_amount'> {
    if (status === GrievanceStatus.SETTLED) {
      const nth = this.dice.between(0, resolutions.paid.length - 1);
      const amount = this.dice.chance(70) ? money(this.dice.between(12, 480) * 2500) : null;
      const resolution = resolutions[amount === null ? 'unpaid' : 'paid'][nth] ?? null;
      return { resolution, resolution_date: this.today, settlement_amount: amount };
    }
    const wasArbitrated = this.steps.length === grievanceSteps.length;
    if (status === GrievanceStatus.CLOSED) return this.endWith(resolutions.closed[wasArbitrated ? 0 : 1]);
    return status === GrievanceStatus.WITHDRAWN ? this.endWith(this.dice.pick(resolutions.withdrawn)) : this.endWith();
  }

  private endWith(resolution: string | null = null): Pick<GrievanceRow, 'resolution' | 'resolution_date' | 'settlement_amount'> {
    return { resolution, resolution_date: resolution === null ? null : this.today, settlement_amount: null };
  }

  private get currentStep(): GrievanceStep {
    return grievanceSteps[this.step] ?? GrievanceStep.ARBITRATION;
  }

  private get onTheWay(): GrievanceStatus {
    return this.step + 1 === grievanceSteps.length ? GrievanceStatus.ARBITRATION : GrievanceStatus.HEARING;
  }

  private get now(): Date {
    return instantOn(this.today, ((this.index * 53) % 170) + this.events.length * 9);
  }

  private pass(least: number, most: number): void {
    this.today = workday(plusDays(this.today, this.dice.between(least, most)));
  }

  private mark(kind: MilestoneKind, actor: string): void {
    this.milestones.push({
      id: idOf('grievance_milestones', `${this.index}.${this.step}.${kind}`, this.now),
      grievance_id: this.id,
      step: this.step + 1,
      kind,
      date: this.today,
      is_default: false,
      supersedes_id: null,
      actor_id: actor,
      at: this.now,
    });
  }

  private deadlines({ filed_date, incident_date, updated_at, resolution }: GrievanceRow): GrievanceDeadlineRow[] {
    const milestones = this.milestones.map(({ step, kind, date, is_default }) => ({ step, kind, date, isDefault: is_default }));
    const dates = { filedDate: filed_date, incidentDate: incident_date, knownDate: null };
    const facts = { ...dates, step: this.step + 1, hasEnded: resolution !== null, milestones, extensions: [] };
    return deadlinesOf(facts, termsFor(this.shape.member)).map((each) => ({
      id: idOf('grievance_deadlines', `${this.index}.${each.step}.${each.act}`, updated_at),
      created_at: updated_at,
      updated_at,
      grievance_id: this.id,
      step: each.step,
      act: each.act,
      party: each.party,
      on_miss: each.onMiss,
      counted_from: each.countedFrom,
      is_from_event: each.isFromEvent,
      original_date: each.originalDate,
      due_date: each.dueDate,
      met_on: each.metOn,
      is_moot: each.isMoot,
    }));
  }

  private tell(action: string, status: GrievanceStatus, actor: string): void {
    const at = this.now;
    this.events.push({
      id: idOf('case_events', `grievance/${this.index}.${this.events.length}`, at),
      grievance_id: this.id,
      application_id: null,
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

/** Numbers continue from block to block, so that a block keeps its numbers at every scale. */
function numberOf(filed: string, block: number, slot: number): string {
  const year = yearOf(filed);
  const inYear = filedIn.get(year);
  if (!inYear || slot < inYear.first || slot >= inYear.first + inYear.count) {
    throw new RangeError(`Grievance ${slot} of a block was not meant to be filed in ${year}.`);
  }
  return `GR-${year}-${String(block * inYear.count + slot - inYear.first + 1).padStart(4, '0')}`;
}
