import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { BenevolenceApplication } from '../src/entities/benevolence.ts';
import { Grievance } from '../src/entities/grievance.ts';
import {
  act,
  day,
  does,
  freshActor,
  standing,
  turnTo,
  value,
  type ApplicationAnswer,
  type GrievanceAnswer,
  type Operation,
} from './case.kit.ts';
import { aLocal, type Actor, type Answer, type Local } from './support/local.ts';
import { replayBenevolence, replayGrievance, stateOfBenevolence, stateOfGrievance } from './support/replay.ts';

// Runs on a server, because the embedded database has one connection and so no races. Set `CASE_RUNS=500
// CASE_SEED=$RANDOM` to run longer with other cases. A failure prints the path that reproduces it.
const numRuns = Number(process.env['CASE_RUNS'] ?? 25);
const seed = Number(process.env['CASE_SEED'] ?? 1);

let local: Local;
let memberId: string;
let managersId: string;
let employerId: string;

beforeAll(async () => {
  local = await aLocal({ engine: 'postgresql', comparesExecutions: false });
  memberId = await value(local, `select member_id from users where username = 'member'`);
  employerId = await value(local, `select id from organizations where org_type = 'employer' order by id limit 1`);
  // The manager is also a member, and the officer may decide at every level.
  managersId = await value(
    local,
    `update users set member_id = (select id from members where id not in (select member_id from users where member_id is not null) order by id limit 1)
     where username = 'manager' returning member_id`,
  );
  await levels('officer', '{vp,admin,manager,president}');
  await Promise.all(people.map((who) => local[who].token()));
});

const people = ['admin', 'officer', 'staff', 'vp', 'manager', 'president', 'member'] as const;
type Who = (typeof people)[number];

const levels = (who: Who, listed: string) =>
  local.sql(`update user_roles set review_levels = $1::text[] where user_id = (select id from users where username = $2)`, [listed, who]);
const applied = (changes: object = {}, who: Actor = local.staff) =>
  does<ApplicationAnswer>(who, 'applyForBenevolence', {
    input: { memberId, reason: 'MEDICAL', description: 'No pay.', amountRequested: '450.00', ...changes },
  });
const submitted = async (changes: object = {}) =>
  does<ApplicationAnswer>(local.staff, 'submitBenevolence', { id: (await applied(changes)).id });
const filed = (changes: object = {}, who: Actor = local.staff) =>
  act<GrievanceAnswer>(who, 'fileGrievance', { input: { memberId, employerId, violationDescription: 'No call-in pay.', ...changes } });
const decide = (who: Actor, id: string, decision: string, more: object = {}) =>
  act<ApplicationAnswer>(who, 'reviewBenevolence', { input: { id, decision, ...more } });
const times = <T>(count: number, work: (place: number) => Promise<T>): Promise<T[]> =>
  Promise.all(Array.from({ length: count }, (_, place) => work(place)));
const count = (sql: string, ...parameters: unknown[]) => value<number>(local, `select count(*)::int from ${sql}`, ...parameters);

/** Returns the answer without errors, and the others. */
function winner<Data>(answers: readonly Answer<Data>[]): { won: Answer<Data>; lost: Answer<Data>[] } {
  const [won, ...more] = answers.filter(({ codes }) => codes.length === 0);
  expect(more).toEqual([]);
  if (won === undefined) throw new Error(`Nobody won: ${JSON.stringify(answers.map(({ codes }) => codes))}`);
  return { won, lost: answers.filter((answer) => answer !== won) };
}

describe('of two concurrent decisions', () => {
  beforeAll(() => levels('officer', '{vp}'));
  afterAll(() => levels('officer', '{vp,admin,manager,president}'));

  it.each([
    ['with the version they looked at', true],
    ['without', false],
  ])('%s, one succeeds, and the other gets the current state', async (_, isVersioned) => {
    for (let round = 0; round < 8; round += 1) {
      const { id, version } = await submitted({ amountRequested: round % 2 === 0 ? '450.00' : '600.00' });
      const more = isVersioned ? { version } : {};
      const { won, lost } = winner(await Promise.all([decide(local.vp, id, 'APPROVED', more), decide(local.officer, id, 'DENIED', more)]));
      const { status } = won.data.done;
      const allowedActions = { APPROVED: ['PAY'], UNDER_REVIEW: ['REVIEW'], DENIED: [] }[status];
      expect(lost.map(standing)).toEqual([{ codes: ['CONFLICT'], state: status, allowedActions }]);
      expect(await count('benevolence_reviews where application_id = $1', id)).toBe(1);
    }
  });

  it('at consecutive levels, the second is checked against the new state', async () => {
    for (let round = 0; round < 8; round += 1) {
      const { id } = await submitted({ amountRequested: '600.00' });
      const [first, second] = await Promise.all([decide(local.vp, id, 'APPROVED'), decide(local.admin, id, 'APPROVED')]);
      expect(first.codes).toEqual([]);
      if (second.codes.length > 0)
        expect(standing(second)).toEqual({ codes: ['CONFLICT'], state: 'SUBMITTED', allowedActions: ['REVIEW', 'WITHDRAW'] });
      const status = await value(local, 'select status from benevolence_applications where id = $1', id);
      expect(status).toBe(second.codes.length > 0 ? 'under_review' : 'approved');
    }
  });
});

describe('of many identical concurrent actions', () => {
  const people16 = (place: number): Actor => local[(['admin', 'officer', 'staff'] as const)[place % 3] as Who];

  it('one submits, one withdraws, one pays', async () => {
    for (let round = 0; round < 3; round += 1) {
      const draft = await applied();
      const handed = winner(await times(16, () => act<ApplicationAnswer>(local.staff, 'submitBenevolence', { id: draft.id })));
      for (const each of handed.lost)
        expect(standing(each)).toEqual({ codes: ['CONFLICT'], state: 'SUBMITTED', allowedActions: ['REVIEW', 'WITHDRAW'] });

      const taken = await submitted();
      const back = winner(await times(16, () => act<ApplicationAnswer>(local.member, 'withdrawBenevolence', { id: taken.id })));
      for (const each of back.lost) expect(each.codes).toEqual(['NOT_FOUND']);

      const { id } = await submitted();
      expect((await decide(local.vp, id, 'APPROVED', { approvedAmount: '300.00' })).codes).toEqual([]);
      const pay = (place: number) =>
        act<ApplicationAnswer>(local.officer, 'payBenevolence', { input: { id, paymentDate: day(local), paymentMethod: `way ${place}` } });
      const { won, lost } = winner(await times(16, pay));
      for (const each of lost) expect(standing(each)).toEqual({ codes: ['CONFLICT'], state: 'PAID', allowedActions: [] });
      const [row] = await local.sql(
        'select approved_amount::text as amount, payment_method as way from benevolence_applications where id = $1',
        [id],
      );
      expect(row).toEqual({ amount: '300.00', way: won.data.done.paymentMethod });
      expect(await count(`audit_events where action = 'benevolence.pay' and target_id = $1`, id)).toBe(1);
    }
  });

  it('one ends a grievance', async () => {
    for (let round = 0; round < 4; round += 1) {
      const { id } = (await filed()).data.done;
      const ends: readonly Operation[] = ['settleGrievance', 'withdrawGrievance', 'closeGrievance'];
      const { won, lost } = winner(
        await times(15, (place) => {
          const operation = ends[place % 3] as Operation;
          const said = operation === 'settleGrievance' ? { resolution: 'Paid.' } : { reason: 'Over.' };
          return act<GrievanceAnswer>(people16(place), operation, { input: { id, ...said } });
        }),
      );
      for (const each of lost) expect(standing(each)).toEqual({ codes: ['CONFLICT'], state: won.data.done.status, allowedActions: [] });
      expect(await count('case_events where grievance_id = $1', id)).toBe(2);
    }
  });

  it('one records the meeting of a step, or each advances it once', async () => {
    const { id } = (await filed()).data.done;
    const answers = await times(12, (place) =>
      act<GrievanceAnswer>(people16(place), 'recordGrievanceStep', {
        input: { grievanceId: id, meetingDate: day(local), outcome: 'ADVANCED' },
      }),
    );
    const codes = answers.flatMap(({ codes: each }) => each);
    expect(codes).toEqual(Array(9).fill('BAD_INPUT'));
    const steps = await local.sql('select step_number from grievance_step_records where grievance_id = $1 order by id', [id]);
    expect(steps.map(({ step_number }) => step_number)).toEqual([1, 2, 3]);
  });

  it('one changes the version that all read', async () => {
    const { id } = (await filed()).data.done;
    const { lost } = winner(
      await times(16, (place) =>
        act<GrievanceAnswer>(people16(place), 'updateGrievance', { id, input: { notes: `note ${place}`, version: 1 } }),
      ),
    );
    for (const { codes } of lost) expect(codes).toEqual(['CONFLICT']);
    expect(await value(local, 'select version from grievances where id = $1', id)).toBe(2);
  });
});

describe('a concurrent deletion of a member or an employer', () => {
  it.each([
    ['members', () => memberId],
    ['organizations', () => employerId],
  ])('in %s is waited for, and no case is filed about the deleted record', async (table, idOf) => {
    const before = await count('grievances');
    const answer = await local.database.orm.em.fork().transactional(async (em) => {
      await em.getConnection().execute(`update ${table} set deleted_at = now() where id = ?`, [idOf()], 'run', em.getTransactionContext());
      const filing = filed();
      const waiting = () => count(`pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'`);
      for (let asked = 0; (await waiting()) === 0; asked += 1) if (asked > 5000) throw new Error('The filing does not wait.');
      return { filing };
    });
    expect((await answer.filing).codes).toEqual(['NOT_FOUND']);
    expect(await count('grievances')).toBe(before);
    await local.sql(`update ${table} set deleted_at = null where id = $1`, [idOf()]);
  });
});

/** The documented actions: from which state to which state each leads. */
const paths = {
  application: new Set([
    'apply null>draft',
    'update draft>draft',
    'submit draft>submitted',
    'withdraw draft>draft',
    'withdraw submitted>submitted',
    ...['submitted', 'under_review'].flatMap((from) => ['under_review', 'approved', 'denied', 'draft'].map((to) => `review ${from}>${to}`)),
    'pay approved>paid',
  ]),
  grievance: new Set([
    'file null>open',
    'investigate open>investigation',
    ...['open', 'investigation', 'hearing'].flatMap((from) =>
      ['hearing', 'arbitration', 'settled'].map((to) => `record_step ${from}>${to}`),
    ),
    'record_step arbitration>arbitration',
    'record_step arbitration>settled',
    'appeal hearing>hearing',
    'appeal hearing>arbitration',
    ...['open', 'investigation', 'hearing', 'arbitration'].flatMap((from) => [
      `update ${from}>${from}`,
      `settle ${from}>settled`,
      `withdraw ${from}>withdrawn`,
      `close ${from}>closed`,
    ]),
  ]),
};

interface Passage {
  action: string;
  from_status: string | null;
  to_status: string;
}

/** Checks a history: each action is allowed in its state, and has one audit event. */
async function demandLegalPath(kind: 'application' | 'grievance', id: string, successes: number): Promise<void> {
  const events = (await local.sql(`select action, from_status, to_status from case_events where ${kind}_id = $1 order by at, id`, [
    id,
  ])) as unknown as Passage[];
  for (const [place, { action, from_status: from, to_status: to }] of events.entries()) {
    expect([...paths[kind]]).toContain(`${action} ${from}>${to}`);
    if (place > 0) expect(from).toBe(events[place - 1]?.to_status);
  }
  expect(events.filter(({ action }) => action === 'withdraw' && kind === 'application').length).toBeLessThan(2);
  const withdrawn = events.findIndex(({ action }) => action === 'withdraw');
  if (withdrawn >= 0) expect(withdrawn).toBe(events.length - 1);
  expect(events.length).toBe(successes);
  const domain = kind === 'application' ? 'benevolence' : 'grievance';
  const audited = await local.sql('select action from audit_events where target_id = $1 order by at, id', [id]);
  expect(audited.map(({ action }) => action).sort()).toEqual(events.map(({ action }) => `${domain}.${action}`).sort());
}

/** The behavior of an actor: what they try, and whether they send the last version that they read. */
interface Try<Move> {
  readonly move: Move;
  readonly sees: 'nothing' | 'now' | 'before';
}

const tryOf = <Move>(move: fc.Arbitrary<Move>): fc.Arbitrary<Try<Move>> =>
  fc.record({ move, sees: fc.constantFrom('nothing', 'nothing', 'now', 'before') });

/** All actors run their own script concurrently. */
async function live<Move>(
  scripts: readonly (readonly [Who, readonly Try<Move>[]])[],
  table: string,
  id: string,
  attempt: (who: Who, move: Move, version: number | null) => Promise<Answer<unknown>>,
): Promise<{ successes: number; versions: number[] }> {
  let successes = 0;
  const versions: number[] = [];
  await Promise.all(
    scripts.map(async ([who, script]) => {
      let before = 1;
      for (const { move, sees } of script) {
        const now = await value<number>(local, `select version from ${table} where id = $1`, id);
        const version = { nothing: null, now, before }[sees];
        before = now;
        const { codes } = await attempt(who, move, version);
        for (const code of codes) expect(['CONFLICT', 'NOT_FOUND', 'FORBIDDEN', 'BAD_INPUT']).toContain(code);
        if (codes.length > 0) continue;
        successes += 1;
        if (version !== null) versions.push(version);
      }
    }),
  );
  // A version is valid for one action.
  expect(new Set(versions).size).toBe(versions.length);
  return { successes, versions };
}

type ApplicationMove =
  | { readonly name: 'update'; readonly amountRequested: string }
  | { readonly name: 'submit' }
  | { readonly name: 'withdraw' }
  | { readonly name: 'pay' }
  | { readonly name: 'review'; readonly decision: string; readonly approvedAmount: string | null; readonly level: string | null };

const amount = fc.constantFrom('100.00', '600.00', '3000.00', '8000.00');
const applicationMove: fc.Arbitrary<ApplicationMove> = fc.oneof(
  { weight: 1, arbitrary: fc.record({ name: fc.constant('update' as const), amountRequested: amount }) },
  { weight: 3, arbitrary: fc.record({ name: fc.constant('submit' as const) }) },
  { weight: 1, arbitrary: fc.record({ name: fc.constant('pay' as const) }) },
  {
    weight: 6,
    arbitrary: fc.record({
      name: fc.constant('review' as const),
      decision: fc.constantFrom('APPROVED', 'APPROVED', 'APPROVED', 'APPROVED', 'DEFERRED', 'NEEDS_INFO', 'DENIED'),
      approvedAmount: fc.constantFrom(null, null, null, '50.00', '5000.00'),
      level: fc.constantFrom(null, null, null, 'VP', 'ADMIN'),
    }),
  },
);

function tryApplication(id: string, who: Who, move: ApplicationMove, version: number | null): Promise<Answer<unknown>> {
  if (move.name === 'submit') return act(local[who], 'submitBenevolence', { id, version });
  if (move.name === 'withdraw') return act(local[who], 'withdrawBenevolence', { id, version });
  if (move.name === 'update')
    return act(local[who], 'updateBenevolenceDraft', { id, input: { amountRequested: move.amountRequested, version } });
  if (move.name === 'pay')
    return act(local[who], 'payBenevolence', { input: { id, paymentDate: day(local), paymentMethod: `by ${who}`, version } });
  const { decision, approvedAmount, level } = move;
  return decide(local[who], id, decision, { approvedAmount, level, version });
}

describe('any concurrent mix of actions', () => {
  it('leaves an application valid', async () => {
    const ends = new Map<string, number>();
    const scripts = fc.tuple(
      ...people.map((who) => fc.tuple(fc.constant(who), fc.array(tryOf(applicationMove), { minLength: 2, maxLength: 7 }))),
    );
    await fc.assert(
      fc.asyncProperty(
        amount,
        fc.boolean(),
        fc.option(fc.constantFrom('member', 'admin'), { freq: 6 }),
        scripts,
        async (asked, isManagers, quits, told) => {
          const { id } = await applied({ amountRequested: asked, memberId: isManagers ? managersId : memberId });
          const quit: Try<ApplicationMove> = { move: { name: 'withdraw' }, sees: 'nothing' };
          const all = told.map(([who, script]) => [who, who === quits ? [...script, quit] : script] as const);
          const { successes } = await live(all, 'benevolence_applications', id, (who, move, version) =>
            tryApplication(id, who, move, version),
          );
          await demandLegalPath('application', id, successes + 1);
          await demandLawfulReviews(id, isManagers);
          const end = await demandReplay(BenevolenceApplication, id);
          expect(end.version).toBe(successes + 1);
          ends.set(end.status, (ends.get(end.status) ?? 0) + 1);
        },
      ),
      { numRuns, seed },
    );
    // A model without progress proves nothing.
    expect([...ends.keys()].length).toBeGreaterThan(2);
  }, 240_000);

  type GrievanceMove = 'investigate' | 'ADVANCED' | 'DENIED' | 'SETTLED' | 'appeal' | 'settle' | 'withdraw' | 'close' | 'update';

  function tryGrievance(id: string, who: Who, move: GrievanceMove, version: number | null): Promise<Answer<unknown>> {
    if (move === 'investigate') return act(local[who], 'investigateGrievance', { id, version });
    if (move === 'appeal') return act(local[who], 'appealGrievance', { id, version });
    if (move === 'update') return act(local[who], 'updateGrievance', { id, input: { notes: `By ${who}.`, version } });
    if (move === 'settle')
      return act(local[who], 'settleGrievance', { input: { id, resolution: `By ${who}.`, settlementAmount: '5', version } });
    if (move === 'withdraw') return act(local[who], 'withdrawGrievance', { input: { id, reason: `By ${who}.`, version } });
    if (move === 'close') return act(local[who], 'closeGrievance', { input: { id, reason: `By ${who}.`, version } });
    const resolution = move === 'SETTLED' ? `By ${who}.` : null;
    return act(local[who], 'recordGrievanceStep', {
      input: { grievanceId: id, meetingDate: day(local), outcome: move, resolution, version },
    });
  }

  it('leaves a grievance valid', async () => {
    const ends = new Map<string, number>();
    const usual = ['investigate', 'ADVANCED', 'DENIED', 'appeal', 'update'] as const;
    const move: fc.Arbitrary<GrievanceMove> = fc.oneof(
      { weight: 12, arbitrary: fc.constantFrom<GrievanceMove>(...usual) },
      { weight: 1, arbitrary: fc.constantFrom<GrievanceMove>('SETTLED', 'settle', 'withdraw', 'close') },
    );
    const scripts = fc.tuple(...people.map((who) => fc.tuple(fc.constant(who), fc.array(tryOf(move), { minLength: 1, maxLength: 5 }))));
    await fc.assert(
      fc.asyncProperty(scripts, async (told) => {
        const { id } = (await filed()).data.done;
        const { successes } = await live(told, 'grievances', id, (who, tried, version) => tryGrievance(id, who, tried, version));
        await demandLegalPath('grievance', id, successes + 1);
        await demandLawfulSteps(id);
        const end = await demandReplay(Grievance, id);
        expect(end.version).toBe(successes + 1);
        ends.set(end.status, (ends.get(end.status) ?? 0) + 1);
      }),
      { numRuns, seed },
    );
    expect([...ends.keys()].length).toBeGreaterThan(2);
  }, 240_000);
});

/**
 * Checks that levels are in order and no amount exceeds the requested one. Each level was decided by a reviewer who
 * holds it, who decided once per round and not on their own case.
 */
async function demandLawfulReviews(id: string, isManagers: boolean): Promise<void> {
  const order = ['vp', 'admin', 'manager', 'president'];
  const reviews = await local.sql(
    `select r.round, r.review_level as level, u.username, r.review_level = any (a.review_levels) as "holds"
     from benevolence_reviews r join users u on u.id = r.reviewer_id join user_roles a on a.user_id = u.id where r.application_id = $1 order by r.id`,
    [id],
  );
  const rounds = new Map<unknown, typeof reviews>();
  for (const review of reviews) rounds.set(review['round'], [...(rounds.get(review['round']) ?? []), review]);
  expect([...rounds.keys()]).toEqual([...rounds.keys()].map((_, place) => place + 1));
  for (const round of rounds.values()) {
    expect(round.map(({ level }) => level)).toEqual(order.slice(0, round.length));
    expect(new Set(round.map(({ username }) => username)).size).toBe(round.length);
    for (const { holds } of round) expect(holds).toBe(true);
  }
  if (isManagers) expect(reviews.map(({ username }) => username)).not.toContain('manager');
  const [row] = await local.sql(
    `select (select count(*)::int from case_events where application_id = $1 and action = 'pay') as payments,
       coalesce(approved_amount <= amount_requested, true) as "isWithin", payment_method is not null as "isPaid" from benevolence_applications where id = $1`,
    [id],
  );
  expect([row?.['isWithin'], row?.['payments']]).toEqual([true, row?.['isPaid'] === true ? 1 : 0]);
}

/** Checks that steps are in order, each after one with an outcome that continues. */
async function demandLawfulSteps(id: string): Promise<void> {
  const steps = await local.sql('select step_number, outcome from grievance_step_records where grievance_id = $1 order by id', [id]);
  expect(steps.map(({ step_number }) => step_number)).toEqual(steps.map((_, place) => place + 1));
  for (const { outcome } of steps.slice(0, -1)) expect(['advanced', 'denied']).toContain(outcome);
  const appeals = await count(`case_events where grievance_id = $1 and action = 'appeal'`, id);
  const denials = steps.filter(({ outcome }) => outcome === 'denied').length;
  expect([denials, denials - 1]).toContain(appeals);
}

/**
 * Checks that the actions in their stored order lead to the stored state, so that concurrent actions equal some serial
 * order.
 */
async function demandReplay(
  kind: typeof Grievance | typeof BenevolenceApplication,
  id: string,
): Promise<{ status: string; version: number }> {
  const em = local.database.orm.em.fork();
  if (kind === Grievance) {
    const grievance = await em.findOneOrFail(Grievance, id, { filters: false, populate: ['steps', 'history'] });
    expect(replayGrievance(grievance, grievance.steps.getItems(), grievance.history.getItems())).toEqual(stateOfGrievance(grievance));
    return grievance;
  }
  const application = await em.findOneOrFail(BenevolenceApplication, id, {
    filters: false,
    populate: ['reviews', 'reviews.reviewer', 'history'],
  });
  const replayed = replayBenevolence(application, application.reviews.getItems(), application.history.getItems());
  expect(replayed).toEqual(stateOfBenevolence(application));
  return application;
}

describe('32 concurrent filings at the turn of the year', () => {
  it('get the numbers of their year without duplicates, and failed ones leave no gap', async () => {
    await local.sql(
      `create function refuse_ill_fated() returns trigger language plpgsql as $$
       begin if new.violation_description = 'ill-fated' then raise exception 'out of order'; end if; return new; end $$`,
      [],
    );
    await local.sql('create trigger ill_fated before insert on grievances for each row execute function refuse_ill_fated()', []);
    turnTo(local, '2027-01-01T04:59:50Z');
    const filers = ['staff', 'officer', 'admin', 'manager'].map((who) => freshActor(local, who));
    await Promise.all(filers.map((who) => who.token()));
    const before = new Map(
      (await local.sql('select year, last from grievance_counters', [])).map(({ year, last }) => [year, last as number]),
    );
    const fileAs = (place: number, changes: object) => filed(changes, filers[place % filers.length] as Actor);
    const filing = (place: number): Promise<Answer<{ done: GrievanceAnswer }>>[] => [
      fileAs(place, place % 4 === 0 ? { filedDate: '2026-12-31' } : {}),
      ...(place % 3 === 0 ? [fileAs(place, { violationDescription: 'ill-fated' })] : []),
    ];
    const eve = Array.from({ length: 16 }, (_, place) => filing(place)).flat();
    turnTo(local, '2027-01-01T05:00:00Z');
    const day1 = Array.from({ length: 16 }, (_, place) => filing(place)).flat();
    const answers = await Promise.all([...eve, ...day1]);
    const given = answers.filter(({ codes }) => codes.length === 0).map(({ data }) => data.done);
    expect(given).toHaveLength(32);
    expect(answers.filter(({ codes }) => codes[0] === 'INTERNAL')).toHaveLength(12);
    for (const { grievanceNumber, filedDate } of given) expect(grievanceNumber.slice(3, 7)).toBe(filedDate.slice(0, 4));
    expect(new Set(given.map(({ filedDate }) => filedDate))).toEqual(new Set(['2026-12-31', '2027-01-01']));
    for (const year of [2026, 2027]) {
      const numbers = given
        .filter(({ filedDate }) => filedDate.startsWith(`${year}`))
        .map(({ grievanceNumber }) => Number(grievanceNumber.slice(8)));
      const last = before.get(year) ?? 0;
      expect(numbers.sort((a, b) => a - b)).toEqual(numbers.map((_, place) => last + place + 1));
      expect(await value(local, 'select last from grievance_counters where year = $1', year)).toBe(last + numbers.length);
    }
  });
});
