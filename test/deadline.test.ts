import { beforeAll, describe, expect, it } from '@jest/globals';
import { ClockStart, LimitBase, MissConsequence, TimeLimitAct, type LimitFacts } from '../src/entities/agreement.ts';
import { DayUnit } from '../src/entities/calendar.ts';
import { deadlinesOf, heldOpen, MilestoneKind, stateOn, type CaseFacts, type LimitTerms } from '../src/entities/deadline.ts';
import { holidayDays } from '../seeds/holiday.ts';
import { aLocal, type Local } from './support/local.ts';

const { FILE, MEET, ANSWER, APPEAL, AWARD } = TimeLimitAct;
const { WORKING, CALENDAR } = DayUnit;
const { SUBMITTED, MET, ANSWERED } = MilestoneKind;
const { NONE, WAIVED, DENIED, ADVANCED } = MissConsequence;

const limit = (step: number, act: TimeLimitAct, days: number, dayUnit: DayUnit, onMiss = NONE): LimitFacts => {
  const bases = {
    file: LimitBase.INCIDENT,
    meet: LimitBase.SUBMISSION,
    answer: LimitBase.MEETING,
    appeal: LimitBase.ANSWER,
    award: LimitBase.MEETING,
  };
  return { step, act, days, dayUnit, countsFrom: bases[act], onMiss };
};

/** The limits of the worked examples at one step. */
const limitsAt = (step: number, onMiss = DENIED): LimitFacts[] => [
  limit(step, MEET, 7, CALENDAR),
  limit(step, ANSWER, 5, WORKING, onMiss),
  limit(step, APPEAL, 7, CALENDAR, WAIVED),
];

const terms = (limits: LimitFacts[], more: Partial<LimitTerms> = {}): LimitTerms => ({
  clock: ClockStart.OCCURRENCE,
  steps: 3,
  firstDayCounts: false,
  rollsForward: true,
  limits,
  calendar: { workweek: [1, 2, 3, 4, 5], holidays: holidayDays },
  ...more,
});

const happened = (step: number, kind: MilestoneKind, date: string, isDefault = false) => ({ step, kind, date, isDefault });

const facts = (more: Partial<CaseFacts> = {}): CaseFacts => ({
  filedDate: '2026-03-20',
  incidentDate: '2026-03-06',
  knownDate: null,
  step: 1,
  hasEnded: false,
  milestones: [happened(1, SUBMITTED, '2026-03-20')],
  extensions: [],
  ...more,
});

const find = (given: CaseFacts, agreed: LimitTerms, step: number, act: TimeLimitAct) =>
  deadlinesOf(given, agreed).find((each) => each.step === step && each.act === act);

const met = facts({ milestones: [happened(1, SUBMITTED, '2026-03-20'), happened(1, MET, '2026-03-24')] });

describe('the deadlines of a grievance', () => {
  it.each([
    ['2026-03-06', 10, WORKING, {}, '2026-03-20'],
    ['2026-03-06', 10, WORKING, { firstDayCounts: true }, '2026-03-19'],
    ['2026-03-06', 15, CALENDAR, {}, '2026-03-23'],
    ['2026-03-06', 15, CALENDAR, { rollsForward: false }, '2026-03-21'],
    ['2026-03-07', 10, WORKING, { firstDayCounts: true }, '2026-03-20'],
  ])('count filing from the incident on %s: %i %s days %j', (incidentDate, days, unit, more, due) => {
    expect(find(facts({ incidentDate }), terms([limit(1, FILE, days, unit)], more), 1, FILE)).toMatchObject({
      dueDate: due,
      metOn: '2026-03-20',
    });
  });

  it('count filing from the knowledge only where the agreement says so, and show a late one', () => {
    const known = facts({ knownDate: '2026-03-12', filedDate: '2026-03-27' });
    const [filing] = deadlinesOf(known, terms([limit(1, FILE, 10, WORKING)], { clock: ClockStart.KNOWLEDGE }));
    expect(filing).toMatchObject({ countedFrom: '2026-03-12', dueDate: '2026-03-26' });
    expect(stateOn('2026-04-01', filing as never)).toBe('late');
    expect(find(known, terms([limit(1, FILE, 10, WORKING)]), 1, FILE)?.countedFrom).toBe('2026-03-06');
    expect(deadlinesOf(facts({ incidentDate: null }), terms([limit(1, FILE, 10, WORKING)]))).toEqual([]);
  });

  it('go on from the last day of an answer that did not come, without anything stored', () => {
    const rows = deadlinesOf(met, terms(limitsAt(1)));
    expect(rows.map(({ act, dueDate, metOn, isFromEvent }) => [act, dueDate, metOn, isFromEvent])).toEqual([
      [MEET, '2026-03-27', '2026-03-24', true],
      [ANSWER, '2026-03-31', null, true],
      [APPEAL, '2026-04-07', null, false],
    ]);
    const [, answer, appeal] = rows;
    expect([stateOn('2026-03-31', answer as never), stateOn('2026-04-01', answer as never)]).toEqual(['upcoming', 'defaulted']);
    expect([stateOn('2026-04-07', appeal as never), stateOn('2026-04-08', appeal as never)]).toEqual(['upcoming', 'overdue']);
  });

  it('count an answer from the last day of a meeting that did not take place', () => {
    expect(find(facts(), terms(limitsAt(1)), 1, ANSWER)).toMatchObject({
      countedFrom: '2026-03-27',
      isFromEvent: false,
      dueDate: '2026-04-06',
    });
  });

  it('project no appeal if silence does not count as a denial', () => {
    for (const onMiss of [NONE, ADVANCED]) expect(find(met, terms(limitsAt(1, onMiss)), 1, APPEAL)).toBeUndefined();
    expect(find(met, terms(limitsAt(1, ADVANCED), { steps: 1 }), 1, APPEAL)?.dueDate).toBe('2026-04-07');
  });

  it('stay missed after a default was taken, and the appeal counts from its day', () => {
    const taken = facts({
      milestones: [...met.milestones, happened(1, ANSWERED, '2026-03-31', true), happened(2, SUBMITTED, '2026-04-07')],
      step: 2,
    });
    const agreed = terms([...limitsAt(1), ...limitsAt(2)]);
    const [answer, appeal] = [find(taken, agreed, 1, ANSWER), find(taken, agreed, 1, APPEAL)];
    expect([answer?.metOn, stateOn('2026-04-08', answer as never)]).toEqual([null, 'defaulted']);
    expect([appeal?.isFromEvent, appeal?.dueDate, stateOn('2026-04-08', appeal as never)]).toEqual([true, '2026-04-07', 'met']);
    expect(find(taken, agreed, 2, MEET)?.dueDate).toBe('2026-04-14');
  });

  it('move with an extension, with what counts from them, and stop while held open', () => {
    const moved = (dueDate: string | null) => ({ ...met, extensions: [{ step: 1, act: ANSWER, dueDate }] });
    expect(find(moved('2026-04-10'), terms(limitsAt(1)), 1, ANSWER)).toMatchObject({ dueDate: '2026-04-10', originalDate: '2026-03-31' });
    expect(find(moved('2026-04-10'), terms(limitsAt(1)), 1, APPEAL)?.dueDate).toBe('2026-04-17');
    const held = find(moved(null), terms(limitsAt(1)), 1, ANSWER);
    expect([held?.dueDate, stateOn('2026-05-01', held as never)]).toEqual([heldOpen, 'held']);
    expect(find(moved(null), terms(limitsAt(1)), 1, APPEAL)).toBeUndefined();
  });

  it('leave out a holiday that was added', () => {
    const calendar = { workweek: [1, 2, 3, 4, 5], holidays: new Set([...holidayDays, '2026-03-31']) };
    expect(find(met, terms(limitsAt(1), { calendar }), 1, ANSWER)?.dueDate).toBe('2026-04-01');
  });

  it('lead from the last of two steps to arbitration', () => {
    const agreed = terms([...limitsAt(1), ...limitsAt(2), limit(4, AWARD, 30, CALENDAR)], { steps: 2 });
    const milestones = [
      ...met.milestones,
      happened(1, ANSWERED, '2026-03-30'),
      happened(2, SUBMITTED, '2026-04-01'),
      happened(2, ANSWERED, '2026-04-08'),
    ];
    const arbitrated = facts({
      step: 4,
      milestones: [...milestones, happened(4, SUBMITTED, '2026-04-10'), happened(4, MET, '2026-05-01')],
    });
    expect(find(arbitrated, agreed, 2, APPEAL)?.metOn).toBe('2026-04-10');
    expect(find(arbitrated, agreed, 4, AWARD)).toMatchObject({ party: 'arbitrator', dueDate: '2026-06-01', metOn: null });
  });

  it('have no effect once the case has ended', () => {
    const ended = deadlinesOf({ ...met, hasEnded: true }, terms(limitsAt(1)));
    expect(ended.map((each) => stateOn('2026-05-01', each))).toEqual(['met', 'moot', 'moot']);
  });
});

interface Answered {
  id: string;
  status: string;
  currentStep: string;
  version: number;
  resolution: string | null;
  availableActions: string[];
  isTimely: boolean | null;
  nextDeadline: { id: string; act: string; dueDate: string } | null;
  deadlines: {
    id: string;
    step: number;
    act: string;
    party: string;
    originalDate: string;
    dueDate: string | null;
    metOn: string | null;
    state: string;
    isFirm: boolean;
  }[];
  milestones: { step: number; kind: string; date: string; isDefault: boolean; supersedes: { date: string } | null }[];
  extensions: { dueDate: string | null; agreedWith: string }[];
}

const fields = `id status currentStep version resolution availableActions isTimely nextDeadline { id act dueDate }
  deadlines { id step act party originalDate dueDate metOn state isFirm }
  milestones { step kind date isDefault supersedes { date } } extensions { dueDate agreedWith }`;

describe('a governed grievance', () => {
  let local: Local;
  let calendarId: string;
  let count = 0;

  const made = async <T = { id: string }>(document: string, variables: object): Promise<T> =>
    (await local.officer.see<{ made: T }>(document, variables)).made;

  beforeAll(async () => {
    local = await aLocal();
    // a day of the worked examples, ten in the morning in New York
    local.clock.turn((Date.parse('2026-04-01T14:00:00Z') - Date.now()) / 1000);
    calendarId = (await local.sql(`select id from holiday_calendars where name = 'Inside Agreement'`))[0]?.['id'] as string;
  });

  const given = (onMiss: string, steps = 3) =>
    Array.from({ length: steps }, (_, place) => place + 1).flatMap((step) => [
      { step, act: 'MEET', days: 7, dayUnit: 'CALENDAR', countsFrom: 'SUBMISSION', onMiss: 'NONE' },
      { step, act: 'ANSWER', days: 5, dayUnit: 'WORKING', countsFrom: 'MEETING', onMiss },
      { step, act: 'APPEAL', days: 7, dayUnit: 'CALENDAR', countsFrom: 'ANSWER', onMiss: 'WAIVED' },
    ]);

  /** A grievance filed on 2026-03-20 about 2026-03-06, under an agreement of its own, met about on 2026-03-24. */
  async function aCase({
    onMiss = 'DENIED',
    steps = 3,
    met: isMet = true,
    ...terms
  }: { onMiss?: string; steps?: number; met?: boolean; calendarId?: string } = {}) {
    const code = `D${(count += 1)}`;
    const organization = await made('mutation ($input: CreateOrganizationInput!) { made: createOrganization(input: $input) { id } }', {
      input: { name: `Works ${code}`, orgType: 'EMPLOYER' },
    });
    const unit = await made('mutation ($input: CreateBargainingUnitInput!) { made: createBargainingUnit(input: $input) { id } }', {
      input: { name: code, code },
    });
    const term = { effectiveDate: '2025-01-01', expirationDate: '2027-12-31', steps };
    const input = { title: code, code, unitId: unit.id, calendarId, ...term, ...terms };
    const agreement = await made('mutation ($input: CreateAgreementInput!) { made: createAgreement(input: $input) { id } }', { input });
    await made('mutation ($id: ID!, $limits: [AgreementLimitInput!]!) { made: setAgreementLimits(id: $id, limits: $limits) { id } }', {
      id: agreement.id,
      limits: [{ step: 1, act: 'FILE', days: 10, dayUnit: 'WORKING', countsFrom: 'INCIDENT', onMiss: 'WAIVED' }, ...given(onMiss, steps)],
    });
    await made(
      'mutation ($id: ID!, $input: AgreementEmployerInput!) { made: addAgreementEmployer(agreementId: $id, input: $input) { id } }',
      {
        id: agreement.id,
        input: { organizationId: organization.id, assentedDate: '2025-01-01' },
      },
    );
    const memberId = (await local.sql(`select member_id as id from users where username = 'testuser'`))[0]?.['id'];
    const filing = {
      memberId,
      employerId: organization.id,
      filedDate: '2026-03-20',
      incidentDate: '2026-03-06',
      violationDescription: 'No call-in pay.',
    };
    const filed = await made<Answered>(`mutation ($input: FileGrievanceInput!) { made: fileGrievance(input: $input) { ${fields} } }`, {
      input: filing,
    });
    return isMet ? note(filed.id, 'MET', '2026-03-24') : filed;
  }

  const noting = `mutation ($input: NoteGrievanceDateInput!) { made: noteGrievanceDate(input: $input) { ${fields} } }`;
  const extending = `mutation ($input: ExtendGrievanceDeadlineInput!) { made: extendGrievanceDeadline(input: $input) { ${fields} } }`;
  const defaulting = `mutation ($input: TakeGrievanceDefaultInput!) { made: takeGrievanceDefault(input: $input) { ${fields} } }`;
  const appealing = `mutation ($id: ID!, $appealDate: Date) { made: appealGrievance(id: $id, appealDate: $appealDate) { ${fields} } }`;
  const recording = `mutation ($input: RecordGrievanceStepInput!) { made: recordGrievanceStep(input: $input) { ${fields} } }`;

  const note = (grievanceId: string, kind: string, date: string) => made<Answered>(noting, { input: { grievanceId, kind, date } });
  const on = ({ deadlines }: Answered, act: string, step = 1) => deadlines.find((each) => each.act === act && each.step === step);
  const inWriting = { agreedDate: '2026-03-30', agreedWith: 'R. Manager', reference: 'Letter of March 30' };
  const problemsOf = async (document: string, input: object) =>
    (await local.staff.ask(document, { input })).errors[0]?.extensions['fields'];
  const conflict = async (document: string, variables: object) => {
    const { codes, errors } = await local.staff.ask(document, variables);
    expect(codes).toEqual(['CONFLICT']);
    return errors[0]?.extensions['allowedActions'] as string[];
  };

  it('has its deadlines from its filing on, and shows what is due next', async () => {
    const filed = await aCase({ met: false });
    expect(filed.deadlines.map(({ act, dueDate, state, isFirm }) => [act, dueDate, state, isFirm])).toEqual([
      ['FILE', '2026-03-20', 'MET', true],
      ['MEET', '2026-03-27', 'DEFAULTED', true],
      ['ANSWER', '2026-04-06', 'UPCOMING', true],
      ['APPEAL', '2026-04-13', 'UPCOMING', false],
    ]);
    expect([filed.isTimely, filed.nextDeadline?.act]).toEqual([true, 'MEET']);
    expect(filed.milestones).toEqual([{ step: 1, kind: 'SUBMITTED', date: '2026-03-20', isDefault: false, supersedes: null }]);
    // a missed meeting has no consequence here
    expect(filed.availableActions).toEqual(['UPDATE', 'INVESTIGATE', 'RECORD_STEP', 'NOTE_DATE', 'EXTEND', 'SETTLE', 'WITHDRAW', 'CLOSE']);
  });

  it('counts on from a missed answer: DENIED can be appealed in time', async () => {
    const filed = await aCase();
    expect(on(filed, 'ANSWER')).toMatchObject({ dueDate: '2026-03-31', state: 'DEFAULTED' });
    expect(on(filed, 'APPEAL')).toMatchObject({ dueDate: '2026-04-07', state: 'UPCOMING', isFirm: true });
    expect(filed.availableActions).toContain('TAKE_DEFAULT');
    const taken = await made<Answered>(defaulting, { input: { deadlineId: on(filed, 'ANSWER')?.id } });
    expect(taken.milestones.at(-1)).toMatchObject({ kind: 'ANSWERED', date: '2026-03-31', isDefault: true });
    expect([taken.status, on(taken, 'ANSWER')?.state, on(taken, 'APPEAL')?.dueDate]).toEqual(['HEARING', 'DEFAULTED', '2026-04-07']);
    expect(taken.nextDeadline?.act).toBe('APPEAL');
    expect(await conflict(defaulting, { input: { deadlineId: on(filed, 'ANSWER')?.id } })).toContain('APPEAL');
    // the default stands for the answer: nothing is left to extend
    await conflict(extending, { input: { deadlineId: on(filed, 'ANSWER')?.id, dueDate: '2026-04-10', ...inWriting } });
    expect((await local.staff.ask(appealing, { id: filed.id, appealDate: '2026-03-30' })).codes).toEqual(['BAD_INPUT']);
    const appealed = await made<Answered>(appealing, { id: filed.id });
    expect([appealed.currentStep, on(appealed, 'APPEAL')?.state, on(appealed, 'MEET', 2)?.dueDate]).toEqual([
      'STEP_2',
      'MET',
      '2026-04-08',
    ]);
  });

  it('advances, or is granted, where the agreement says so', async () => {
    const advancing = await aCase({ onMiss: 'ADVANCED' });
    const advanced = await made<Answered>(defaulting, { input: { deadlineId: on(advancing, 'ANSWER')?.id } });
    expect([advanced.currentStep, advanced.milestones.at(-1)?.date, on(advanced, 'MEET', 2)?.dueDate]).toEqual([
      'STEP_2',
      '2026-04-01',
      '2026-04-08',
    ]);
    const granting = await aCase({ onMiss: 'GRANTED' });
    const granted = await made<Answered>(defaulting, { input: { deadlineId: on(granting, 'ANSWER')?.id } });
    expect([granted.status, granted.resolution, granted.availableActions]).toEqual(['SETTLED', 'Granted: no answer by 2026-03-31.', []]);
    expect(on(granted, 'ANSWER')?.state).toBe('MOOT');
  });

  it('is extended in writing, and takes no default then', async () => {
    const filed = await aCase();
    const deadlineId = on(filed, 'ANSWER')?.id;
    expect(await problemsOf(extending, { deadlineId, dueDate: '2026-03-31', agreedDate: '2026-04-02', agreedWith: '' })).toEqual([
      { path: 'input.agreedWith', message: 'must not be empty' },
      { path: 'input.agreedDate', message: 'must not be in the future' },
      { path: 'input.dueDate', message: 'must be after the date that it replaces' },
      { path: 'input.reference', message: 'is required: the agreement demands extensions in writing' },
    ]);
    const extended = await made<Answered>(extending, { input: { deadlineId, dueDate: '2026-04-10', ...inWriting } });
    expect(on(extended, 'ANSWER')).toMatchObject({ dueDate: '2026-04-10', originalDate: '2026-03-31', state: 'UPCOMING' });
    expect(on(extended, 'APPEAL')?.dueDate).toBe('2026-04-17');
    expect(extended.extensions).toEqual([{ dueDate: '2026-04-10', agreedWith: 'R. Manager' }]);
    expect(await conflict(defaulting, { input: { deadlineId } })).not.toContain('TAKE_DEFAULT');
    const held = await made<Answered>(extending, { input: { deadlineId, ...inWriting } });
    expect([on(held, 'ANSWER')?.dueDate, on(held, 'ANSWER')?.state, held.nextDeadline]).toEqual([null, 'HELD', null]);
    const list =
      'query ($id: ID!) { deadlines(filter: { grievanceId: { eq: $id } }, first: 1, after: null) { pageInfo { endCursor } nodes { act dueDate } } }';
    expect(await local.staff.see(list, { id: filed.id })).toMatchObject({ deadlines: { nodes: [{ act: 'FILE' }] } });
    const last = `query ($id: ID!) { deadlines(filter: { grievanceId: { eq: $id } }, last: 1) { pageInfo { endCursor } nodes { act dueDate } } }`;
    const { deadlines } = await local.staff.see<{ deadlines: { pageInfo: { endCursor: string }; nodes: object[] } }>(last, {
      id: filed.id,
    });
    expect(deadlines.nodes).toEqual([{ act: 'ANSWER', dueDate: null }]);
    const after =
      'query ($id: ID!, $after: String) { deadlines(filter: { grievanceId: { eq: $id } }, first: 5, after: $after) { nodes { act } } }';
    expect(await local.staff.see(after, { id: filed.id, after: deadlines.pageInfo.endCursor })).toEqual({ deadlines: { nodes: [] } });
  });

  it('takes no default of a deadline of the union, or of one that is not due', async () => {
    const filed = await aCase();
    for (const act of ['APPEAL', 'FILE']) await conflict(defaulting, { input: { deadlineId: on(filed, act)?.id } });
    await note(filed.id, 'MET', '2026-03-25');
    await conflict(defaulting, { input: { deadlineId: on(filed, 'ANSWER')?.id } });
    await conflict(extending, { input: { deadlineId: on(filed, 'FILE')?.id, dueDate: '2026-05-01', ...inWriting } });
    expect((await local.staff.ask(defaulting, { input: { deadlineId: '01900000-0000-7000-8000-00000000dead' } })).codes).toEqual([
      'NOT_FOUND',
    ]);
    expect((await local.member.ask(defaulting, { input: { deadlineId: on(filed, 'ANSWER')?.id } })).codes).toEqual(['FORBIDDEN']);
  });

  it('notes and corrects its dates in their order, and is denied by an answer', async () => {
    const filed = await aCase();
    const wrong = async (kind: string, date: string) => await problemsOf(noting, { grievanceId: filed.id, kind, date });
    expect(await wrong('MET', '2026-04-02')).toEqual([{ path: 'input.date', message: 'must not be in the future' }]);
    expect(await wrong('MET', '2026-03-19')).toEqual([
      { path: 'input.date', message: 'must not be before the grievance reached the step' },
    ]);
    expect(await wrong('ANSWERED', '2026-03-23')).toEqual([{ path: 'input.date', message: 'must not be before the meeting' }]);
    const corrected = await note(filed.id, 'MET', '2026-03-25');
    expect(corrected.milestones.at(-1)).toMatchObject({ kind: 'MET', date: '2026-03-25', supersedes: { date: '2026-03-24' } });
    expect(on(corrected, 'ANSWER')?.dueDate).toBe('2026-04-01');
    expect(await problemsOf(recording, { grievanceId: filed.id, meetingDate: '2026-03-26', outcome: 'DENIED' })).toEqual([
      { path: 'input.meetingDate', message: 'must be the noted date of the meeting' },
    ]);
    const answered = await note(filed.id, 'ANSWERED', '2026-03-30');
    expect([answered.status, answered.availableActions.includes('APPEAL')]).toEqual(['HEARING', true]);
    expect(on(answered, 'APPEAL')?.dueDate).toBe('2026-04-06');
    expect(await wrong('MET', '2026-03-26')).toEqual([{ path: 'input.date', message: 'must be noted before the answer' }]);
    expect(on(await note(filed.id, 'ANSWERED', '2026-03-31'), 'APPEAL')?.dueDate).toBe('2026-04-07');
  });

  it('of an agreement with two steps goes from the second to arbitration', async () => {
    const filed = await aCase({ steps: 2, met: false });
    const record = (meetingDate: string, outcome: string, more = {}) =>
      made<Answered>(recording, { input: { grievanceId: filed.id, meetingDate, outcome, ...more } });
    const advanced = await record('2026-03-24', 'ADVANCED', { answeredDate: '2026-03-26' });
    expect([advanced.currentStep, on(advanced, 'MEET', 2)?.dueDate]).toEqual(['STEP_2', '2026-04-02']);
    await record('2026-03-30', 'DENIED');
    const appealed = await made<Answered>(appealing, { id: filed.id });
    expect([appealed.status, appealed.currentStep]).toEqual(['ARBITRATION', 'ARBITRATION']);
    expect(appealed.milestones.at(-1)).toMatchObject({ step: 4, kind: 'SUBMITTED', date: '2026-04-01' });
  });

  it('is counted again when a holiday is added or removed', async () => {
    const own = await made('mutation ($input: CreateHolidayCalendarInput!) { made: createHolidayCalendar(input: $input) { id } }', {
      input: { name: 'Moving days' },
    });
    const filed = await aCase({ calendarId: own.id, met: false });
    expect(on(filed, 'ANSWER')?.dueDate).toBe('2026-04-03');
    const add =
      'mutation ($id: ID!) { made: addHoliday(calendarId: $id, input: { day: "2026-04-02", name: "Founding Day" }) { holidays { id } } }';
    const { holidays } = await made<{ holidays: { id: string }[] }>(add, { id: own.id });
    const read = async () =>
      (await local.staff.see<{ g: Answered }>(`query ($id: ID!) { g: grievance(id: $id) { ${fields} } }`, { id: filed.id })).g;
    expect([on(await read(), 'ANSWER')?.dueDate, on(await read(), 'APPEAL')?.dueDate]).toEqual(['2026-04-06', '2026-04-13']);
    await made('mutation ($id: ID!) { made: removeHoliday(id: $id) { id } }', { id: holidays[0]?.id });
    expect(on(await read(), 'ANSWER')?.dueDate).toBe('2026-04-03');
  });

  it('is counted in the summary by party, and its member reads its deadlines', async () => {
    const summary = '{ deadlineSummary { party overdue defaulted today nextSevenDays held } }';
    type Summary = { deadlineSummary: { party: string; defaulted: number; nextSevenDays: number }[] };
    const [before, filed, after] = [await local.testuser.see<Summary>(summary), await aCase(), await local.testuser.see<Summary>(summary)];
    const [union, employer] = after.deadlineSummary;
    expect(after.deadlineSummary.map(({ party }) => party)).toEqual(['UNION', 'EMPLOYER', 'ARBITRATOR']);
    expect(employer?.defaulted).toBe((before.deadlineSummary[1]?.defaulted ?? 0) + 1);
    expect(union?.nextSevenDays).toBe((before.deadlineSummary[0]?.nextSevenDays ?? 0) + 1);
    const own = 'query ($id: ID!) { grievance(id: $id) { deadlines { act } extensions { id } milestones { kind } } }';
    expect(await local.testuser.see(own, { id: filed.id })).toMatchObject({ grievance: { deadlines: expect.any(Array) } });
    expect((await local.member.ask(own, { id: filed.id })).codes).toEqual(['NOT_FOUND']);
    expect((await local.organizer.ask('{ deadlines { totalCount } }')).codes).toEqual(['FORBIDDEN']);
  });

  it('keeps its milestones and extensions as they were entered', async () => {
    for (const table of ['grievance_milestones', 'grievance_extensions']) {
      await expect(local.sql(`update ${table} set step = 1`, [])).rejects.toThrow(/append-only/);
      await expect(local.sql(`delete from ${table}`, [])).rejects.toThrow(/append-only/);
    }
  });
});
