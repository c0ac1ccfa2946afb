import { afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import {
  act,
  day,
  does,
  fieldsOf,
  freshActor,
  standing,
  stash,
  stored,
  turnTo,
  value,
  type GrievanceAnswer,
  type Operation,
} from './case.kit.ts';
import { BenevolenceAction, BenevolenceStatus } from '../src/entities/benevolence.ts';
import { CaseEventType, CaseStatus } from '../src/entities/case-event.ts';
import { Grievance, GrievanceAction, GrievanceStatus } from '../src/entities/grievance.ts';
import { aLocal, type Actor, type Local } from './support/local.ts';
import { replayGrievance, stateOfGrievance } from './support/replay.ts';

const nobody = '01900000-0000-7000-8000-000000000009';

let local: Local;
let memberId: string;
let employerId: string;

beforeAll(async () => {
  local = await aLocal();
  memberId = await value(local, `select member_id from users where username = 'member'`);
  employerId = await value(local, `select id from organizations where org_type = 'employer' order by id limit 1`);
  // no agreement governs these grievances: test/deadline.test.ts is about those that one does
  await local.sql('delete from agreement_employers where organization_id = $1', [employerId]);
});

/** A grievance that may be filed, but for what is changed. */
const claim = (changes: object = {}) => ({ memberId, employerId, violationDescription: 'Sent home without call-in pay.', ...changes });
const file = (changes: object = {}, who: Actor = local.staff) => act<GrievanceAnswer>(who, 'fileGrievance', { input: claim(changes) });
const filed = async (changes: object = {}) => does<GrievanceAnswer>(local.staff, 'fileGrievance', { input: claim(changes) });
const userId = (username: string) => value<string>(local, 'select id from users where username = $1', username);
const step = (grievanceId: string, outcome: string, more: object = {}) => ({
  input: { grievanceId, meetingDate: day(local), outcome, ...(outcome === 'SETTLED' && { resolution: 'Paid.' }), ...more },
});

/** The actions on a grievance with short arguments. */
const moves: Record<string, (id: string) => readonly [Operation, object]> = {
  investigate: (id) => ['investigateGrievance', { id }],
  advanced: (id) => ['recordGrievanceStep', step(id, 'ADVANCED')],
  denied: (id) => ['recordGrievanceStep', step(id, 'DENIED')],
  settled: (id) => ['recordGrievanceStep', step(id, 'SETTLED')],
  appeal: (id) => ['appealGrievance', { id }],
  settle: (id) => ['settleGrievance', { input: { id, resolution: 'Made whole.' } }],
  withdraw: (id) => ['withdrawGrievance', { input: { id, reason: 'At the grievant’s wish.' } }],
  close: (id) => ['closeGrievance', { input: { id, reason: 'Not appealed in time.' } }],
  update: (id) => ['updateGrievance', { id, input: { notes: 'Seen.' } }],
};

const move = (id: string, name: string, who: Actor = local.staff) => {
  const [operation, variables] = (moves[name] as (typeof moves)[string])(id);
  return act<GrievanceAnswer>(who, operation, variables);
};

/** A new grievance after these moves. */
async function after(path: string): Promise<GrievanceAnswer> {
  let grievance = await filed();
  for (const name of path.split(' ').filter(Boolean)) {
    const { data, errors } = await move(grievance.id, name);
    expect([path, name, errors]).toEqual([path, name, []]);
    grievance = data.done;
  }
  return grievance;
}

describe('filing', () => {
  it('returns the grievance with the submitted values, open at the first step, and writes its history', async () => {
    const told = {
      filedDate: day(local, -3),
      incidentDate: day(local, -9),
      contractArticle: 'Article 9.2',
      violationDescription: `“No call-in pay” — '); drop table grievances; -- $1 ? :x \\ %`,
      remedySought: 'Four hours’ pay.',
      assignedRep: 'M. Vega',
      notes: 'Ask for the gate log.',
    };
    const { data, errors } = await file({ ...told, assignedUserId: await userId('officer') });
    expect(errors).toEqual([]);
    expect(data.done).toMatchObject({
      ...told,
      status: 'OPEN',
      currentStep: 'STEP_1',
      version: 1,
      resolution: null,
      resolutionDate: null,
      settlementAmount: null,
      deletedAt: null,
      steps: [],
      member: { id: memberId },
      employer: { id: employerId },
      assignedUser: { fullName: 'Dennis Okafor' },
      availableActions: ['UPDATE', 'INVESTIGATE', 'RECORD_STEP', 'SETTLE', 'WITHDRAW', 'CLOSE'],
      history: [{ action: 'file', fromStatus: null, toStatus: 'open', note: null, actor: { fullName: 'Marisol Vega' } }],
    });
  });

  it('spells the history as the enums do', async () => {
    const { id } = await filed();
    await does(local.staff, 'recordGrievanceStep', step(id, 'DENIED'));
    const { grievance } = await local.staff.see<{ grievance: { history: object[] } }>(
      'query ($id: ID!) { grievance(id: $id) { history { type statusBefore statusAfter } } }',
      { id },
    );
    expect(grievance.history).toEqual([
      { type: 'CREATED', statusBefore: null, statusAfter: 'OPEN' },
      { type: 'RECORD_STEP', statusBefore: 'OPEN', statusAfter: 'HEARING' },
    ]);
  });

  it('is dated today by default', async () => {
    const { data } = await file({ contractArticle: '  ', notes: '', filedDate: null, incidentDate: null, assignedUserId: null });
    expect(data.done).toMatchObject({ filedDate: day(local), incidentDate: null, contractArticle: null, notes: null, assignedUser: null });
    expect(data.done.grievanceNumber).toMatch(new RegExp(`^GR-${day(local).slice(0, 4)}-\\d{4}$`));
  });

  it('gives the next number of the year of filing, each year its own, with more digits after 9999', async () => {
    const numbers: string[] = [];
    for (const filedDate of ['1999-12-31', '2000-01-01', '1999-01-01', '2000-12-31', '0001-01-01'])
      numbers.push((await filed({ filedDate })).grievanceNumber);
    expect(numbers).toEqual(['GR-1999-0001', 'GR-2000-0001', 'GR-1999-0002', 'GR-2000-0002', 'GR-0001-0001']);
    await local.sql('update grievance_counters set last = 9998 where year = 2000', []);
    expect((await filed({ filedDate: '2000-06-01' })).grievanceNumber).toBe('GR-2000-9999');
    expect((await filed({ filedDate: '2000-06-01' })).grievanceNumber).toBe('GR-2000-10000');
    const [before, next] = [(await filed()).grievanceNumber, (await filed()).grievanceNumber].map((number) => Number(number.slice(8)));
    expect(next).toBe(Number(before) + 1);
  });

  it('leaves no gap where it is refused', async () => {
    const first = await filed({ filedDate: '1990-01-01' });
    await file({ filedDate: '1990-01-01', memberId: nobody });
    await file({ filedDate: '1990-01-01', assignedUserId: await userId('member') });
    await file({ filedDate: '1990-01-01', violationDescription: '' });
    await file({ filedDate: '1990-01-01' }, local.member);
    const second = await filed({ filedDate: '1990-01-01' });
    expect([first.grievanceNumber, second.grievanceNumber]).toEqual(['GR-1990-0001', 'GR-1990-0002']);
  });

  it.each([
    ['admin', []],
    ['officer', []],
    ['staff', []],
    ['organizer', ['FORBIDDEN']],
    ['instructor', ['FORBIDDEN']],
    ['member', ['FORBIDDEN']],
    ['anonymous', ['UNAUTHENTICATED']],
  ] as const)('by %s is answered %j, whatever the arguments', async (who, codes) => {
    expect((await file({}, local[who])).codes).toEqual(codes);
    if (codes.length > 0)
      for (const wrong of [{ memberId: nobody }, { memberId: 'x' }]) expect((await file(wrong, local[who])).codes).toEqual(codes);
  });

  it.each<[what: string, changes: () => object, fields: string[]]>([
    ['a day in the future', () => ({ filedDate: day(local, 1) }), ['input.filedDate must not be in the future']],
    ['an incident tomorrow', () => ({ incidentDate: day(local, 1) }), ['input.incidentDate must not be after the filing date']],
    [
      'an incident after the filing',
      () => ({ filedDate: '2026-01-05', incidentDate: '2026-01-06' }),
      ['input.incidentDate must not be after the filing date'],
    ],
    ['no description', () => ({ violationDescription: ' \n ' }), ['input.violationDescription must not be empty']],
    [
      'an article of 101 characters',
      () => ({ contractArticle: 'x'.repeat(101) }),
      ['input.contractArticle must have at most 100 characters'],
    ],
    [
      'a representative of 201 characters',
      () => ({ assignedRep: 'x'.repeat(201) }),
      ['input.assignedRep must have at most 200 characters'],
    ],
    ['a character that is none', () => ({ notes: 'a\udc00b' }), ['input.notes must not contain NUL or invalid Unicode characters']],
    ['half a character', () => ({ remedySought: 'a\ud800b' }), ['input.remedySought must not contain NUL or invalid Unicode characters']],
    [
      'all that is wrong at once',
      () => ({
        memberId: 'm',
        employerId: '',
        assignedUserId: '7',
        filedDate: '9999-12-31',
        violationDescription: '',
        contractArticle: 'x'.repeat(101),
      }),
      [
        'input.violationDescription must not be empty',
        'input.contractArticle must have at most 100 characters',
        'input.filedDate must not be in the future',
        'input.memberId must be a UUID',
        'input.employerId must be a UUID',
        'input.assignedUserId must be a UUID',
      ],
    ],
  ])('refuses %s', async (_, changes, fields) => {
    const before = await stored(local);
    const answer = await file(changes());
    expect(answer.codes).toEqual(['BAD_INPUT']);
    expect(fieldsOf(answer).sort()).toEqual([...fields].sort());
    expect(await stored(local)).toBe(before);
  });

  it.each([
    ['no member', { memberId: undefined }],
    ['no employer', { employerId: null }],
    ['no description', { violationDescription: null }],
    ['a number for a description', { violationDescription: 7 }],
    ['a day there is not', { filedDate: '2026-02-30' }],
    ['a status of one’s own', { status: 'SETTLED' }],
    ['a number of one’s own', { grievanceNumber: 'GR-2026-0001' }],
  ])('refuses %s before anything is done', async (_, changes) => {
    expect((await file(changes)).codes).toEqual(['BAD_INPUT']);
  });

  it('finds no member, employer or user that there is not, or was deleted', async () => {
    for (const changes of [
      { memberId: nobody },
      { employerId: nobody },
      { assignedUserId: nobody },
      { memberId: employerId },
      { employerId: memberId },
    ])
      expect([changes, (await file(changes)).codes]).toEqual([changes, ['NOT_FOUND']]);
    for (const [table, id, changes] of [
      ['members', memberId, {}],
      ['organizations', employerId, {}],
      ['users', await userId('vp'), { assignedUserId: await userId('vp') }],
    ] as const) {
      await local.sql(`update ${table} set deleted_at = now() where id = $1`, [id]);
      expect([table, (await file(changes)).codes]).toEqual([table, ['NOT_FOUND']]);
      await local.sql(`update ${table} set deleted_at = null where id = $1`, [id]);
    }
    expect((await file()).codes).toEqual([]);
  });

  it('is represented by an active user who works on grievances', async () => {
    for (const who of ['admin', 'officer', 'staff', 'president'])
      expect([who, (await file({ assignedUserId: (await userId(who)).toUpperCase() })).codes]).toEqual([who, []]);
    for (const who of ['organizer', 'instructor', 'member', 'testuser']) {
      const answer = await file({ assignedUserId: await userId(who) });
      expect([who, answer.codes, fieldsOf(answer)]).toEqual([
        who,
        ['BAD_INPUT'],
        ['input.assignedUserId must be an active user whose roles may represent members'],
      ]);
    }
    const president = await userId('president');
    const may = async () => (await file({ assignedUserId: president })).codes;
    await local.sql('update users set is_active = false where id = $1', [president]);
    expect(await may()).toEqual(['BAD_INPUT']);
    await local.sql('update users set is_active = true where id = $1', [president]);
    await local.sql('update user_roles set expires_at = $2 where user_id = $1', [president, local.clock.now()]);
    expect(await may()).toEqual(['BAD_INPUT']);
    await local.sql(
      `insert into roles (id, created_at, updated_at, name, display_name, is_system_role, based_on)
       values (gen_random_uuid(), now(), now(), 'steward', 'Steward', false, 'staff')`,
      [],
    );
    await local.sql(`update user_roles set expires_at = null, role_id = (select id from roles where name = 'steward') where user_id = $1`, [
      president,
    ]);
    expect(await may()).toEqual([]);
    await local.sql(`update user_roles set role_id = (select id from roles where name = 'officer') where user_id = $1`, [president]);
  });
});

describe('the way of a grievance', () => {
  it.each([
    ['', 'OPEN', 'STEP_1'],
    ['investigate', 'INVESTIGATION', 'STEP_1'],
    ['denied', 'HEARING', 'STEP_1'],
    ['investigate denied', 'HEARING', 'STEP_1'],
    ['advanced', 'HEARING', 'STEP_2'],
    ['denied appeal', 'HEARING', 'STEP_2'],
    ['advanced denied', 'HEARING', 'STEP_2'],
    ['advanced advanced', 'HEARING', 'STEP_3'],
    ['advanced advanced denied', 'HEARING', 'STEP_3'],
    ['advanced advanced denied appeal', 'ARBITRATION', 'ARBITRATION'],
    ['advanced advanced advanced', 'ARBITRATION', 'ARBITRATION'],
    ['advanced advanced advanced denied', 'ARBITRATION', 'ARBITRATION'],
    ['advanced advanced advanced settled', 'SETTLED', 'ARBITRATION'],
    ['advanced advanced advanced denied close', 'CLOSED', 'ARBITRATION'],
    ['settled', 'SETTLED', 'STEP_1'],
    ['settle', 'SETTLED', 'STEP_1'],
    ['investigate withdraw', 'WITHDRAWN', 'STEP_1'],
    ['denied close', 'CLOSED', 'STEP_1'],
    ['update investigate update denied update appeal update', 'HEARING', 'STEP_2'],
  ])('“%s” leads to %s at %s', async (path, status, currentStep) => {
    const grievance = await after(path);
    expect(grievance).toMatchObject({ status, currentStep });
    const names = path.split(' ').filter(Boolean);
    const recorded = ['advanced', 'denied', 'settled'];
    expect(grievance.history.map(({ action }) => action)).toEqual([
      'file',
      ...names.map((name) => (recorded.includes(name) ? 'record_step' : name)),
    ]);
    for (const [place, event] of grievance.history.entries())
      expect(event.fromStatus).toBe(place === 0 ? null : grievance.history[place - 1]?.toStatus);
    expect(grievance.version).toBe(names.length + 1);
    const events = await local.sql('select action from audit_events where target_id = $1 order by at, id', [grievance.id]);
    expect(events.map(({ action }) => action)).toEqual(grievance.history.map(({ action }) => `grievance.${action}`));
    await holdsByLaw(grievance.id);
  });

  it('ends with what was agreed, on the day of the meeting or of the act', async () => {
    const meetingDate = day(local, -2);
    const grievance = await filed({ filedDate: day(local, -5) });
    const bySteps = await does<GrievanceAnswer>(local.officer, 'recordGrievanceStep', {
      input: {
        ...step(grievance.id, 'SETTLED').input,
        meetingDate,
        resolution: ' Paid in full. ',
        settlementAmount: '1250.5',
        unionAttendees: 'A',
        employerAttendees: 'B',
        notes: 'C',
      },
    });
    expect(bySteps).toMatchObject({
      resolution: 'Paid in full.',
      resolutionDate: meetingDate,
      settlementAmount: '1250.50',
      steps: [{ stepNumber: 1, meetingDate, outcome: 'SETTLED', unionAttendees: 'A', employerAttendees: 'B', notes: 'C' }],
    });
    expect(bySteps.history.at(-1)).toMatchObject({ note: 'Paid in full.', actor: { fullName: 'Dennis Okafor' } });
    const { id } = await filed();
    expect(
      await does<GrievanceAnswer>(local.admin, 'settleGrievance', { input: { id, resolution: 'Agreed.', settlementAmount: '0.01' } }),
    ).toMatchObject({
      resolution: 'Agreed.',
      resolutionDate: day(local),
      settlementAmount: '0.01',
      availableActions: [],
    });
    expect((await after('withdraw')).settlementAmount).toBeNull();
    expect(await after('close')).toMatchObject({ resolution: 'Not appealed in time.', resolutionDate: day(local) });
  });

  /** The law lived again through the stored records and events leads to what is stored. */
  async function holdsByLaw(id: string): Promise<void> {
    const grievance = await local.database.orm.em.fork().findOneOrFail(Grievance, id, { filters: false, populate: ['steps', 'history'] });
    expect(replayGrievance(grievance, grievance.steps.getItems(), grievance.history.getItems())).toEqual(stateOfGrievance(grievance));
  }
});

/** As the pages tell it: what each state allows. */
const lawful: Record<string, { path: string; state: string; allowed: string }> = {
  open: { path: '', state: 'OPEN', allowed: 'UPDATE INVESTIGATE RECORD_STEP SETTLE WITHDRAW CLOSE' },
  investigation: { path: 'investigate', state: 'INVESTIGATION', allowed: 'UPDATE RECORD_STEP SETTLE WITHDRAW CLOSE' },
  hearing: { path: 'advanced', state: 'HEARING', allowed: 'UPDATE RECORD_STEP SETTLE WITHDRAW CLOSE' },
  denied: { path: 'denied', state: 'HEARING', allowed: 'UPDATE APPEAL SETTLE WITHDRAW CLOSE' },
  'denied again': { path: 'denied appeal denied', state: 'HEARING', allowed: 'UPDATE APPEAL SETTLE WITHDRAW CLOSE' },
  arbitration: { path: 'advanced advanced advanced', state: 'ARBITRATION', allowed: 'UPDATE RECORD_STEP SETTLE WITHDRAW CLOSE' },
  'arbitration, denied': { path: 'advanced advanced advanced denied', state: 'ARBITRATION', allowed: 'UPDATE SETTLE WITHDRAW CLOSE' },
  settled: { path: 'settle', state: 'SETTLED', allowed: '' },
  withdrawn: { path: 'withdraw', state: 'WITHDRAWN', allowed: '' },
  closed: { path: 'close', state: 'CLOSED', allowed: '' },
};

const actions: Record<string, string> = {
  UPDATE: 'update',
  INVESTIGATE: 'investigate',
  RECORD_STEP: 'denied',
  APPEAL: 'appeal',
  SETTLE: 'settle',
  WITHDRAW: 'withdraw',
  CLOSE: 'close',
};

describe.each(Object.entries(lawful))('a grievance that is %s', (_, { path, state, allowed }) => {
  const may = allowed.split(' ').filter(Boolean);

  it('allows the documented actions to the documented roles, as availableActions says', async () => {
    const { id } = await after(path);
    const putBack = await stash(local, 'grievance', id);
    for (const who of ['admin', 'officer', 'staff', 'member', 'testuser', 'organizer', 'instructor', 'anonymous'] as const) {
      const { data, codes } = await local[who].ask<{ grievance: { availableActions: string[] } | null }>(
        'query ($id: ID!) { grievance(id: $id) { availableActions } }',
        { id },
      );
      const works = ['admin', 'officer', 'staff'].includes(who);
      const unseen = { testuser: 'NOT_FOUND', organizer: 'FORBIDDEN', instructor: 'FORBIDDEN', anonymous: 'UNAUTHENTICATED' }[
        who as string
      ];
      expect([who, codes, data.grievance]).toEqual(
        unseen === undefined ? [who, [], { availableActions: works ? may : [] }] : [who, [unseen], null],
      );
      for (const [action, name] of Object.entries(actions)) {
        const answer = await move(id, name, local[who]);
        const expected = works ? (may.includes(action) ? [] : ['CONFLICT']) : [who === 'anonymous' ? 'UNAUTHENTICATED' : 'FORBIDDEN'];
        expect([who, action, answer.codes]).toEqual([who, action, expected]);
        if (expected[0] === 'CONFLICT') expect(standing(answer)).toEqual({ codes: expected, state, allowedActions: may });
        if (answer.codes.length === 0) await putBack();
      }
    }
  });

  it('is left as it was by what is refused', async () => {
    const { id } = await after(path);
    const before = await stored(local);
    for (const [action, name] of Object.entries(actions))
      if (!may.includes(action)) expect((await move(id, name)).codes).toEqual(['CONFLICT']);
    for (const name of Object.keys(moves)) expect((await move(id, name, local.member)).codes).toEqual(['FORBIDDEN']);
    expect(await stored(local)).toBe(before);
  });
});

describe('a meeting', () => {
  const record = (id: string, outcome: string, more: object) =>
    act<GrievanceAnswer>(local.staff, 'recordGrievanceStep', step(id, outcome, more));

  it.each<[what: string, path: string, outcome: string, more: () => object, fields: string[]]>([
    ['tomorrow', '', 'DENIED', () => ({ meetingDate: day(local, 1) }), ['input.meetingDate must not be in the future']],
    ['before the filing', '', 'DENIED', () => ({ meetingDate: day(local, -1) }), ['input.meetingDate must not be before the filing date']],
    ['that settles without a resolution', '', 'SETTLED', () => ({ resolution: null }), ['input.resolution is required to end the case']],
    ['that settles with an empty one', '', 'SETTLED', () => ({ resolution: ' ' }), ['input.resolution is required to end the case']],
    ['that settles for nothing', '', 'SETTLED', () => ({ settlementAmount: '0.00' }), ['input.settlementAmount must be more than zero']],
    ['that settles for less', '', 'SETTLED', () => ({ settlementAmount: '-5' }), ['input.settlementAmount must be more than zero']],
    [
      'that is denied with a settlement',
      '',
      'DENIED',
      () => ({ settlementAmount: '5.00', resolution: 'x' }),
      [
        'input.resolution is allowed only when the outcome is SETTLED',
        'input.settlementAmount is allowed only when the outcome is SETTLED',
      ],
    ],
    [
      'that goes on from the last step',
      'advanced advanced advanced',
      'ADVANCED',
      () => ({}),
      ['input.outcome must not be ADVANCED: arbitration is the last step'],
    ],
    [
      'with a character that is none',
      '',
      'DENIED',
      () => ({ notes: '\ud800' }),
      ['input.notes must not contain NUL or invalid Unicode characters'],
    ],
    [
      'with all that is wrong at once',
      '',
      'SETTLED',
      () => ({ meetingDate: '9999-12-31', resolution: '', settlementAmount: '0', unionAttendees: '\ud800' }),
      [
        'input.unionAttendees must not contain NUL or invalid Unicode characters',
        'input.meetingDate must not be in the future',
        'input.resolution is required to end the case',
        'input.settlementAmount must be more than zero',
      ],
    ],
  ])('%s is refused', async (_, path, outcome, more, fields) => {
    const { id } = await after(path);
    const before = await stored(local);
    const answer = await record(id, outcome, more());
    expect(answer.codes).toEqual(['BAD_INPUT']);
    expect(fieldsOf(answer)).toEqual(fields);
    expect(await stored(local)).toBe(before);
  });

  it('is not before the previous one, and may be on its day', async () => {
    const { id } = await filed({ filedDate: day(local, -10) });
    expect((await record(id, 'ADVANCED', { meetingDate: day(local, -10) })).codes).toEqual([]);
    expect((await record(id, 'ADVANCED', { meetingDate: day(local, -4) })).codes).toEqual([]);
    const early = await record(id, 'DENIED', { meetingDate: day(local, -5) });
    expect([early.codes, fieldsOf(early)]).toEqual([['BAD_INPUT'], ['input.meetingDate must not be before the previous meeting']]);
    expect((await record(id, 'DENIED', { meetingDate: day(local, -4) })).codes).toEqual([]);
  });

  it.each([
    ['no day', { meetingDate: null }],
    ['an outcome there is not', { outcome: 'WON' }],
    ['an amount as a number', { outcome: 'SETTLED', resolution: 'x', settlementAmount: 5 }],
    ['three places', { outcome: 'SETTLED', resolution: 'x', settlementAmount: '5.001' }],
    ['too great an amount', { outcome: 'SETTLED', resolution: 'x', settlementAmount: '10000000000.00' }],
  ])('with %s is refused before anything is done', async (_, changes) => {
    const { id } = await filed();
    expect((await record(id, 'DENIED', changes)).codes).toEqual(['BAD_INPUT']);
  });
});

describe('an end', () => {
  it.each<[Operation, object, string[]]>([
    ['settleGrievance', { resolution: '' }, ['input.resolution is required to end the case']],
    ['settleGrievance', { resolution: 'a\ud800' }, ['input.resolution must not contain NUL or invalid Unicode characters']],
    ['settleGrievance', { resolution: 'Paid.', settlementAmount: '0' }, ['input.settlementAmount must be more than zero']],
    [
      'settleGrievance',
      { resolution: ' ', settlementAmount: '-0.01' },
      ['input.resolution is required to end the case', 'input.settlementAmount must be more than zero'],
    ],
    ['withdrawGrievance', { reason: ' ' }, ['input.reason is required to end the case']],
    ['closeGrievance', { reason: '' }, ['input.reason is required to end the case']],
    ['closeGrievance', { reason: '\ud800' }, ['input.reason must not contain NUL or invalid Unicode characters']],
  ])('by %s with %j is refused', async (operation, told, fields) => {
    const { id } = await filed();
    const before = await stored(local);
    const answer = await act(local.officer, operation, { input: { id, ...told } });
    expect([answer.codes, fieldsOf(answer)]).toEqual([['BAD_INPUT'], fields]);
    expect(await stored(local)).toBe(before);
  });
});

describe('a correction', () => {
  const update = (id: string, input: object) => act<GrievanceAnswer>(local.staff, 'updateGrievance', { id, input });

  it('changes submitted fields, clears null ones, and keeps the rest', async () => {
    const { id } = await filed({
      filedDate: day(local, -3),
      incidentDate: day(local, -4),
      contractArticle: '4',
      remedySought: 'Pay',
      notes: 'N',
    });
    const officer = await userId('officer');
    const told = {
      incidentDate: day(local, -3),
      violationDescription: ' Twice. ',
      assignedUserId: officer,
      assignedRep: 'Rep',
      remedySought: null,
      notes: '',
    };
    expect((await update(id, told)).data.done).toMatchObject({
      incidentDate: day(local, -3),
      violationDescription: 'Twice.',
      assignedUser: { userId: officer },
      assignedRep: 'Rep',
      remedySought: null,
      notes: null,
      contractArticle: '4',
      status: 'OPEN',
      version: 2,
    });
    const cleared = { incidentDate: null, contractArticle: null, assignedRep: null, assignedUserId: null };
    expect((await update(id, cleared)).data.done).toMatchObject({
      incidentDate: null,
      contractArticle: null,
      assignedRep: null,
      assignedUser: null,
      violationDescription: 'Twice.',
    });
    expect((await update(id, {})).data.done).toMatchObject({ violationDescription: 'Twice.', version: 4 });
  });

  it('may leave a representative who has left the office, and not name one', async () => {
    const president = await userId('president');
    const { id } = await filed({ assignedUserId: president });
    await local.sql('update users set is_active = false where id = $1', [president]);
    expect((await update(id, { assignedUserId: president, notes: 'Still theirs.' })).codes).toEqual([]);
    expect((await update((await filed()).id, { assignedUserId: president })).codes).toEqual(['BAD_INPUT']);
    await local.sql('update users set is_active = true where id = $1', [president]);
  });

  it.each<[what: string, told: () => object, fields: string[]]>([
    ['no description', () => ({ violationDescription: null }), ['input.violationDescription must not be null']],
    ['an empty one', () => ({ violationDescription: '' }), ['input.violationDescription must not be empty']],
    ['an incident after the filing', () => ({ incidentDate: day(local, 1) }), ['input.incidentDate must not be after the filing date']],
    [
      'all at once',
      () => ({ violationDescription: '', incidentDate: '9999-12-31', assignedUserId: 'x', contractArticle: 'x'.repeat(101) }),
      [
        'input.violationDescription must not be empty',
        'input.contractArticle must have at most 100 characters',
        'input.incidentDate must not be after the filing date',
        'input.assignedUserId must be a UUID',
      ],
    ],
  ])('to %s is refused', async (_, told, fields) => {
    const { id } = await filed();
    const before = await stored(local);
    const answer = await update(id, told());
    expect(answer.codes).toEqual(['BAD_INPUT']);
    expect(fieldsOf(answer).sort()).toEqual([...fields].sort());
    expect(await stored(local)).toBe(before);
  });

  it('cannot set what only the way of the case sets', async () => {
    const { id } = await filed();
    for (const told of [
      { status: 'CLOSED' },
      { currentStep: 'STEP_3' },
      { grievanceNumber: 'GR-2026-0001' },
      { filedDate: '2026-01-01' },
      { memberId },
    ])
      expect((await update(id, told)).codes).toEqual(['BAD_INPUT']);
  });

  it('finds nobody there is not', async () => {
    const { id } = await filed();
    expect((await update(id, { assignedUserId: nobody })).codes).toEqual(['NOT_FOUND']);
  });
});

describe('an id', () => {
  it.each(Object.keys(moves))('that is unknown or invalid is distinguished by %s', async (name) => {
    expect((await move(nobody, name)).codes).toEqual(['NOT_FOUND']);
    const answer = await move('GR-2026-0001', name);
    expect([answer.codes, fieldsOf(answer)[0]]).toEqual([
      ['BAD_INPUT'],
      expect.stringMatching(/^(id|input\.id|input\.grievanceId) must be a UUID$/),
    ]);
  });

  it('of a deleted record is not found', async () => {
    const { id } = await filed();
    await local.sql('update grievances set deleted_at = now() where id = $1', [id]);
    for (const name of Object.keys(moves)) expect((await move(id, name, local.admin)).codes).toEqual(['NOT_FOUND']);
    const { grievance } = await local.admin.see<{ grievance: { availableActions: string[] } }>(
      'query ($id: ID!) { grievance(id: $id, includeDeleted: true) { availableActions } }',
      { id },
    );
    expect(grievance.availableActions).toEqual([]);
  });
});

describe('a version', () => {
  const versioned = (name: string, id: string, version: number | null): readonly [Operation, object] => {
    const [operation, variables] = (moves[name] as (typeof moves)[string])(id);
    const { input } = variables as { input?: object };
    return [operation, input ? { ...variables, input: { ...input, version } } : { ...variables, version }];
  };

  it.each(['update', 'investigate', 'denied', 'settle', 'withdraw', 'close'])(
    'that is outdated refuses to %s, and says what stands',
    async (name) => {
      const { id } = await after('update');
      for (const version of [1, 0, -1, 3]) {
        const answer = await act(local.staff, ...versioned(name, id, version));
        expect(standing(answer)).toEqual({
          codes: ['CONFLICT'],
          state: 'OPEN',
          allowedActions: ['UPDATE', 'INVESTIGATE', 'RECORD_STEP', 'SETTLE', 'WITHDRAW', 'CLOSE'],
        });
      }
      const put = await stash(local, 'grievance', id);
      expect((await act(local.staff, ...versioned(name, id, null))).codes).toEqual([]);
      await put();
      expect((await act(local.staff, ...versioned(name, id, 2))).codes).toEqual([]);
    },
  );

  it('rises with a meeting that leaves status and step as they were', async () => {
    const hearing = await after('denied appeal');
    const { data } = await move(hearing.id, 'denied');
    expect(data.done).toMatchObject({ status: hearing.status, currentStep: hearing.currentStep, version: hearing.version + 1 });
    expect(standing(await act(local.staff, ...versioned('appeal', hearing.id, hearing.version)))).toEqual({
      codes: ['CONFLICT'],
      state: 'HEARING',
      allowedActions: ['UPDATE', 'APPEAL', 'SETTLE', 'WITHDRAW', 'CLOSE'],
    });
    expect((await act(local.staff, ...versioned('appeal', hearing.id, hearing.version + 1))).codes).toEqual([]);
  });
});

describe('the grievant', () => {
  it('reads the case and how it goes, without the union’s notes', async () => {
    const { id } = await does<GrievanceAnswer>(local.manager, 'fileGrievance', { input: claim({ notes: 'secret one' }) });
    await does(local.manager, 'recordGrievanceStep', step(id, 'DENIED', { notes: 'secret two' }));
    await does(local.manager, 'closeGrievance', { input: { id, reason: 'Out of time.' } });
    const { grievance } = await local.member.see<{ grievance: GrievanceAnswer }>(
      `query ($id: ID!) { grievance(id: $id) { status resolution notes availableActions steps { outcome notes } history { action note actor { fullName } } } }`,
      { id },
    );
    expect(grievance).toMatchObject({
      status: 'CLOSED',
      resolution: 'Out of time.',
      notes: null,
      availableActions: [],
      steps: [{ outcome: 'DENIED', notes: null }],
    });
    expect(grievance.history.map(({ action, note, actor }) => [action, note, actor])).toEqual([
      ['file', null, null],
      ['record_step', null, null],
      ['close', null, null],
    ]);
  });
});

describe('a write that fails', () => {
  const tables = ['grievances', 'grievance_step_records', 'case_events', 'audit_events'];

  afterEach(async () => {
    for (const table of tables) await local.sql(`drop trigger if exists out_of_order on ${table}`, []);
  });

  it.each(tables)('on %s leaves nothing behind, no gap either, and says nothing of why', async (table) => {
    const { id } = await filed({ filedDate: '1980-01-01' });
    await local.sql(
      `create or replace function out_of_order() returns trigger language plpgsql as $$ begin raise exception 'the disk of % is full', tg_table_name; end $$`,
      [],
    );
    const before = await stored(local);
    await local.sql(`create trigger out_of_order before insert or update on ${table} for each row execute function out_of_order()`, []);
    const answers = [await move(id, 'denied')];
    if (table !== 'grievance_step_records') answers.push(await file({ filedDate: '1980-01-01' }));
    for (const { codes, errors } of answers) {
      expect(codes).toEqual(['INTERNAL']);
      expect(JSON.stringify(errors)).not.toMatch(/disk/);
    }
    expect(await stored(local)).toBe(before);
  });

  it('does not stand in the way of the next', async () => {
    expect((await filed({ filedDate: '1980-01-01' })).grievanceNumber).toBe('GR-1980-0005');
  });
});

describe('the database', () => {
  it.each([
    ['a number of another year', `update grievances set grievance_number = 'GR-1700-0001'`, 'grievances_number_of_filing_year'],
    ['a number of another form', `update grievances set grievance_number = 'GR-26-1'`, 'grievances_number'],
    ['an incident after the filing', `update grievances set incident_date = filed_date + 1`, 'grievances_incident_before_filing'],
    ['an end without a resolution', `update grievances set status = 'closed'`, 'grievances_resolved_when_ended'],
    [
      'a resolution without an end',
      `update grievances set resolution = 'x', resolution_date = filed_date`,
      'grievances_resolved_when_ended',
    ],
    [
      'a resolution before the filing',
      `update grievances set status = 'closed', resolution = 'x', resolution_date = filed_date - 1`,
      'grievances_resolution_after_filing',
    ],
    [
      'a settlement of what was not settled',
      `update grievances set status = 'closed', resolution = 'x', resolution_date = filed_date, settlement_amount = 5`,
      'grievances_settlement_when_settled',
    ],
    [
      'a settlement of nothing',
      `update grievances set status = 'settled', resolution = 'x', resolution_date = filed_date, settlement_amount = 0`,
      'grievances_settlement_when_settled',
    ],
    ['a step that does not fit', `update grievances set current_step = 'arbitration'`, 'grievances_step_fits_status'],
  ])('refuses %s as well', async (_, change, constraint) => {
    const { id } = await filed();
    await expect(local.sql(`${change} where id = $1`, [id])).rejects.toThrow(constraint);
  });
});

/** Both ends of daylight saving, whose days have 23 and 25 hours, and the turn of a year. */
describe('today, in New York', () => {
  it.each([
    ['2027-01-01', '2027-01-01T05:00:00Z'],
    ['2027-03-14', '2027-03-14T05:00:00Z'],
    ['2027-03-15', '2027-03-15T04:00:00Z'],
    ['2027-11-07', '2027-11-07T04:00:00Z'],
    ['2027-11-08', '2027-11-08T05:00:00Z'],
  ])('becomes %s at %s, and not before', async (today, midnight) => {
    turnTo(local, new Date(Date.parse(midnight) - 20_000).toISOString());
    const staff = freshActor(local, 'staff');
    const yesterday = new Date(Date.parse(`${today}T00:00:00Z`) - 86_400_000).toISOString().slice(0, 10);
    const eve = await file({}, staff);
    expect(eve.data.done).toMatchObject({ filedDate: yesterday, grievanceNumber: expect.stringContaining(`GR-${yesterday.slice(0, 4)}-`) });
    const { id } = eve.data.done;
    const meet = () =>
      act<GrievanceAnswer>(staff, 'recordGrievanceStep', { input: { grievanceId: id, meetingDate: today, outcome: 'DENIED' } });
    expect([(await file({ filedDate: today }, staff)).codes, (await meet()).codes]).toEqual([['BAD_INPUT'], ['BAD_INPUT']]);

    turnTo(local, new Date(Date.parse(midnight) + 1000).toISOString());
    expect((await file({}, staff)).data.done).toMatchObject({
      filedDate: today,
      grievanceNumber: expect.stringContaining(`GR-${today.slice(0, 4)}-`),
    });
    expect((await meet()).codes).toEqual([]);
    const closed = await act<GrievanceAnswer>(staff, 'closeGrievance', { input: { id, reason: 'Over.' } });
    expect(closed.data.done.resolutionDate).toBe(today);
  });
});

it('has a value of the history for every action and status of a case', () => {
  const actions = [...Object.keys(GrievanceAction), ...Object.keys(BenevolenceAction)];
  expect(new Set(Object.keys(CaseEventType))).toEqual(new Set(actions));
  const statuses = { ...GrievanceStatus, ...BenevolenceStatus };
  expect(CaseStatus).toEqual(statuses);
});
