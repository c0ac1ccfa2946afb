import { afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { BenevolenceApplication } from '../src/entities/benevolence.ts';
import { readConfig } from '../src/config.ts';
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
  type ApplicationAnswer,
  type Operation,
} from './case.kit.ts';
import { aLocal, type Actor, type Local } from './support/local.ts';
import { replayBenevolence, stateOfBenevolence } from './support/replay.ts';

const nobody = '01900000-0000-7000-8000-000000000009';

let local: Local;
let memberId: string;
let strangerId: string;

beforeAll(async () => {
  local = await aLocal();
  memberId = await value(local, `select member_id from users where username = 'member'`);
  strangerId = await value(
    local,
    `select id from members where id not in (select member_id from users where member_id is not null) order by id limit 1`,
  );
});

/** A valid application with some changed values. */
const need = (changes: object = {}) => ({
  reason: 'MEDICAL',
  description: 'Eleven weeks without pay.',
  amountRequested: '450.00',
  ...changes,
});
const apply = (changes: object = {}, who: Actor = local.member) =>
  act<ApplicationAnswer>(who, 'applyForBenevolence', { input: need(changes) });
const applied = (changes: object = {}, who: Actor = local.member) =>
  does<ApplicationAnswer>(who, 'applyForBenevolence', { input: need(changes) });
const submitted = async (changes: object = {}) =>
  does<ApplicationAnswer>(local.member, 'submitBenevolence', { id: (await applied(changes)).id });
const review = (who: Actor, id: string, decision: string, more: object = {}) =>
  act<ApplicationAnswer>(who, 'reviewBenevolence', { input: { id, decision, ...more } });
const decides = (who: Actor, id: string, decision: string, more: object = {}) =>
  does<ApplicationAnswer>(who, 'reviewBenevolence', { input: { id, decision, ...more } });
const pay = (who: Actor, id: string, more: object = {}) =>
  act<ApplicationAnswer>(who, 'payBenevolence', { input: { id, paymentDate: day(local), paymentMethod: 'check', ...more } });
const userId = (username: string) => value<string>(local, 'select id from users where username = $1', username);
const actionsFor = async (who: Actor, id: string): Promise<string[]> =>
  (
    await who.see<{ found: { availableActions: string[] } }>(
      'query ($id: ID!) { found: benevolenceApplication(id: $id) { availableActions } }',
      { id },
    )
  ).found.availableActions;

/** Checks that the stored reviews and events lead to the stored state. */
async function holdsByLaw(id: string): Promise<void> {
  const application = await local.database.orm.em
    .fork()
    .findOneOrFail(BenevolenceApplication, id, { filters: false, populate: ['reviews', 'reviews.reviewer', 'history'] });
  const replayed = replayBenevolence(application, application.reviews.getItems(), application.history.getItems());
  expect(replayed).toEqual(stateOfBenevolence(application));
  const events = await local.sql('select action from audit_events where target_id = $1 order by at, id', [id]);
  expect(events.map(({ action }) => action)).toEqual(application.history.getItems().map(({ action }) => `benevolence.${action}`));
}

/** Creates a case in each state. */
const states: Record<string, () => Promise<string>> = {
  draft: async () => (await applied()).id,
  'sent back': async () => {
    const { id } = await submitted();
    await decides(local.vp, id, 'NEEDS_INFO');
    return id;
  },
  submitted: async () => (await submitted()).id,
  'under review': async () => {
    const { id } = await submitted({ amountRequested: '900.00' });
    await decides(local.vp, id, 'APPROVED');
    return id;
  },
  approved: async () => {
    const { id } = await submitted();
    await decides(local.vp, id, 'APPROVED');
    return id;
  },
  denied: async () => {
    const { id } = await submitted();
    await decides(local.vp, id, 'DENIED');
    return id;
  },
  paid: async () => {
    const { id } = await submitted();
    await decides(local.vp, id, 'APPROVED');
    await does(local.officer, 'payBenevolence', { input: { id, paymentDate: day(local), paymentMethod: 'check' } });
    return id;
  },
  withdrawn: async () => {
    const { id } = await submitted();
    await does(local.member, 'withdrawBenevolence', { id });
    return id;
  },
};

describe('applying', () => {
  it('creates a draft of today for the caller with the submitted values', async () => {
    const told = { reason: 'DEATH_IN_FAMILY', description: `My father — '); drop table members; -- $1 ? :x`, amountRequested: '1200.5' };
    const { data, errors } = await apply(told);
    expect(errors).toEqual([]);
    expect(data.done).toMatchObject({
      ...told,
      amountRequested: '1200.50',
      member: { id: memberId },
      applicationDate: day(local),
      status: 'DRAFT',
      version: 1,
      round: 1,
      requiredLevels: [],
      approvedAmount: null,
      paymentDate: null,
      paymentMethod: null,
      notes: null,
      reviews: [],
      availableActions: ['UPDATE', 'SUBMIT', 'WITHDRAW'],
      history: [{ action: 'apply', fromStatus: null, toStatus: 'draft', note: null, actor: null }],
    });
    await holdsByLaw(data.done.id);
  });

  it('is possible for members that the caller may apply for', async () => {
    const codes = async (who: Actor, of: string | null | undefined) => (await apply({ memberId: of }, who)).codes;
    expect(await codes(local.member, null)).toEqual([]);
    expect(await codes(local.member, memberId.toUpperCase())).toEqual([]);
    for (const other of [strangerId, nobody]) expect(await codes(local.member, other)).toEqual(['NOT_FOUND']);
    for (const who of [local.staff, local.admin]) {
      expect(await codes(who, strangerId)).toEqual([]);
      expect(await codes(who, nobody)).toEqual(['NOT_FOUND']);
      const unlinked = await apply({}, who);
      expect([unlinked.codes, fieldsOf(unlinked)]).toEqual([
        ['BAD_INPUT'],
        ['input.memberId is required: your account is not linked to a member record'],
      ]);
    }
    for (const who of ['officer', 'organizer', 'instructor'] as const)
      for (const whom of [strangerId, nobody, 'x']) expect([who, await codes(local[who], whom)]).toEqual([who, ['FORBIDDEN']]);
    expect(await codes(local.anonymous, strangerId)).toEqual(['UNAUTHENTICATED']);
  });

  it('is possible only for themselves for a member, even if they can see other members', async () => {
    await local.sql(
      `insert into user_roles (id, created_at, updated_at, user_id, role_id, assigned_at, review_levels)
       select gen_random_uuid(), now(), now(), $1, id, now(), '{}' from roles where name = 'officer'`,
      [await userId('testuser')],
    );
    const theirs = await applied({ memberId: strangerId }, local.staff);
    expect((await apply({ memberId: strangerId }, local.testuser)).codes).toEqual(['NOT_FOUND']);
    expect((await apply({}, local.testuser)).codes).toEqual([]);
    expect(await actionsFor(local.testuser, theirs.id)).toEqual([]);
    for (const [operation, variables] of [
      ['updateBenevolenceDraft', { id: theirs.id, input: { notes: 'x' } }],
      ['submitBenevolence', { id: theirs.id }],
      ['withdrawBenevolence', { id: theirs.id }],
    ] as const)
      expect([operation, (await act(local.testuser, operation, variables)).codes]).toEqual([operation, ['NOT_FOUND']]);
    await local.sql(`delete from user_roles where user_id = $1 and role_id = (select id from roles where name = 'officer')`, [
      await userId('testuser'),
    ]);
  });

  it('does not find a deleted member', async () => {
    await local.sql('update members set deleted_at = now() where id = $1', [memberId]);
    expect([(await apply()).codes, (await apply({ memberId }, local.staff)).codes]).toEqual([['NOT_FOUND'], ['NOT_FOUND']]);
    await local.sql('update members set deleted_at = null where id = $1', [memberId]);
  });

  it.each<[what: string, changes: () => object, fields: string[]]>([
    ['nothing', () => ({ amountRequested: '0.00' }), ['input.amountRequested must be more than zero']],
    ['less than nothing', () => ({ amountRequested: '-1' }), ['input.amountRequested must be more than zero']],
    ['no story', () => ({ description: ' ' }), ['input.description must not be empty']],
    ['half a character', () => ({ description: '\ud800' }), ['input.description must not contain NUL or invalid Unicode characters']],
    ['a day in the future', () => ({ applicationDate: day(local, 1) }), ['input.applicationDate must not be in the future']],
    ['a member id that is none', () => ({ memberId: '' }), ['input.memberId must be a UUID']],
    [
      'all that is wrong at once',
      () => ({ memberId: '1', description: '', amountRequested: '-0.01', applicationDate: '9999-12-31' }),
      [
        'input.description must not be empty',
        'input.applicationDate must not be in the future',
        'input.amountRequested must be more than zero',
        'input.memberId must be a UUID',
      ],
    ],
  ])('for %s is refused', async (_, changes, fields) => {
    const before = await stored(local);
    const answer = await apply(changes());
    expect([answer.codes, fieldsOf(answer)]).toEqual([['BAD_INPUT'], fields]);
    expect(await stored(local)).toBe(before);
  });

  it.each([
    ['no reason', { reason: null }],
    ['a reason there is not', { reason: 'HOLIDAY' }],
    ['an amount as a number', { amountRequested: 450 }],
    ['three places', { amountRequested: '450.001' }],
    ['more than can be stored', { amountRequested: '10000000000' }],
    ['a status of one’s own', { status: 'APPROVED' }],
    ['a day there is not', { applicationDate: '2026-02-29' }],
  ])('with %s is refused before anything is written', async (_, changes) => {
    expect((await apply(changes)).codes).toEqual(['BAD_INPUT']);
  });

  it('accepts the largest amount that can be stored', async () => {
    expect((await apply({ amountRequested: '9999999999.99', applicationDate: '0001-01-01' })).data.done.amountRequested).toBe(
      '9999999999.99',
    );
  });
});

describe('a draft', () => {
  const update = (id: string, input: object, who: Actor = local.member) =>
    act<ApplicationAnswer>(who, 'updateBenevolenceDraft', { id, input });

  it('changes submitted fields, clears null ones, and keeps the rest', async () => {
    const { id } = await applied();
    const told = { reason: 'DISASTER', description: ' Fire. ', amountRequested: '700', notes: 'Call first.' };
    expect((await update(id, told)).data.done).toMatchObject({ ...told, description: 'Fire.', amountRequested: '700.00', version: 2 });
    expect((await update(id, { notes: null }, local.staff)).data.done).toMatchObject({
      reason: 'DISASTER',
      amountRequested: '700.00',
      notes: null,
      version: 3,
    });
    expect((await update(id, {}, local.admin)).data.done).toMatchObject({ description: 'Fire.', version: 4 });
    await holdsByLaw(id);
  });

  it.each<[told: object, fields: string[]]>([
    [{ reason: null }, ['input.reason must not be null']],
    [{ description: null }, ['input.description must not be null']],
    [{ description: ' ' }, ['input.description must not be empty']],
    [{ amountRequested: null }, ['input.amountRequested must not be null']],
    [{ amountRequested: '0' }, ['input.amountRequested must be more than zero']],
    [
      { reason: null, description: '', amountRequested: '-3', notes: '\ud800' },
      [
        'input.reason must not be null',
        'input.description must not be empty',
        'input.notes must not contain NUL or invalid Unicode characters',
        'input.amountRequested must be more than zero',
      ],
    ],
  ])('does not take %j', async (told, fields) => {
    const { id } = await applied();
    const before = await stored(local);
    const answer = await update(id, told);
    expect([answer.codes, fieldsOf(answer)]).toEqual([['BAD_INPUT'], fields]);
    expect(await stored(local)).toBe(before);
  });

  it('cannot be given values that only actions set', async () => {
    const { id } = await applied();
    for (const told of [
      { status: 'PAID' },
      { approvedAmount: '5.00' },
      { round: 7 },
      { requiredLevels: [] },
      { memberId: strangerId },
      { applicationDate: '2026-01-01' },
    ])
      expect((await update(id, told)).codes).toEqual(['BAD_INPUT']);
  });

  it('that was returned keeps its round until the next submission, then begins at vp with the levels of its new amount', async () => {
    const { id } = await submitted({ amountRequested: '900.00' });
    await decides(local.vp, id, 'APPROVED');
    const back = await decides(local.admin, id, 'NEEDS_INFO', { comments: 'Which hospital?' });
    expect(back).toMatchObject({ status: 'DRAFT', round: 1, approvedAmount: null, availableActions: ['UPDATE', 'SUBMIT', 'WITHDRAW'] });
    await does(local.member, 'updateBenevolenceDraft', { id, input: { amountRequested: '100.00' } });
    const again = await does<ApplicationAnswer>(local.member, 'submitBenevolence', { id });
    expect(again).toMatchObject({ status: 'SUBMITTED', round: 2, requiredLevels: ['VP'] });
    expect((await review(local.admin, id, 'APPROVED')).codes).toEqual(['CONFLICT']);
    expect(await decides(local.vp, id, 'APPROVED')).toMatchObject({ status: 'APPROVED', round: 2, approvedAmount: '100.00' });
    await holdsByLaw(id);
  });
});

describe('submitting', () => {
  const levels = ['VP', 'ADMIN', 'MANAGER', 'PRESIDENT'];

  it.each([
    ['0.01', 1],
    ['499.99', 1],
    ['500.00', 2],
    ['1999.99', 2],
    ['2000.00', 3],
    ['4999.99', 3],
    ['5000.00', 4],
    ['9999999999.99', 4],
  ])('%s requires %i levels, which decide in order', async (amountRequested, count) => {
    const { id, requiredLevels } = await submitted({ amountRequested });
    expect(requiredLevels).toEqual(levels.slice(0, count));
    const people = [local.vp, local.admin, local.manager, local.president];
    for (const [place, who] of people.slice(0, count).entries()) {
      for (const other of people)
        if (other !== who)
          expect([(await review(other, id, 'APPROVED')).codes, (await actionsFor(other, id)).includes('REVIEW')]).toEqual([
            ['CONFLICT'],
            false,
          ]);
      expect(await actionsFor(who, id)).toContain('REVIEW');
      const answer = await decides(who, id, 'APPROVED');
      const isLast = place === count - 1;
      expect(answer).toMatchObject({ status: isLast ? 'APPROVED' : 'UNDER_REVIEW', approvedAmount: isLast ? amountRequested : null });
    }
    await holdsByLaw(id);
  });

  it('uses the thresholds that the operator sets', async () => {
    const other = await aLocal({
      environment: { BENEVOLENCE_ADMIN_FROM: '0', BENEVOLENCE_MANAGER_FROM: '99.5', BENEVOLENCE_PRESIDENT_FROM: '100' },
    });
    for (const [amountRequested, count] of [
      ['0.01', 2],
      ['99.49', 2],
      ['99.50', 3],
      ['100.00', 4],
    ] as const) {
      const { id } = await does<ApplicationAnswer>(other.member, 'applyForBenevolence', { input: need({ amountRequested }) });
      const { requiredLevels } = await does<ApplicationAnswer>(other.member, 'submitBenevolence', { id });
      expect([amountRequested, requiredLevels]).toEqual([amountRequested, levels.slice(0, count)]);
    }
    expect(readConfig({}).reviewThresholds).toEqual({ admin: '500', manager: '2000', president: '5000' });
    for (const wrong of [
      { BENEVOLENCE_ADMIN_FROM: '-1' },
      { BENEVOLENCE_MANAGER_FROM: '2e3' },
      { BENEVOLENCE_PRESIDENT_FROM: '5000.001' },
      { BENEVOLENCE_MANAGER_FROM: '5000.01' },
      { BENEVOLENCE_MANAGER_FROM: '499' },
    ])
      expect(() => readConfig(wrong)).toThrow(/BENEVOLENCE_/);
  });
});

describe('deciding', () => {
  it('can deny at any level', async () => {
    const { id } = await submitted({ amountRequested: '6000.00' });
    await decides(local.vp, id, 'APPROVED');
    await decides(local.admin, id, 'APPROVED');
    const denied = await decides(local.manager, id, 'DENIED', { comments: ' No fund. ' });
    expect(denied).toMatchObject({ status: 'DENIED', approvedAmount: null, availableActions: [] });
    expect(
      denied.reviews.map(({ round, reviewLevel, decision, reviewerName, comments, reviewDate }) => [
        round,
        reviewLevel,
        decision,
        reviewerName,
        comments,
        reviewDate,
      ]),
    ).toEqual([
      [1, 'VP', 'APPROVED', 'Samuel Whitfield', null, day(local)],
      [1, 'ADMIN', 'APPROVED', 'Ruth Calloway', null, day(local)],
      [1, 'MANAGER', 'DENIED', 'Yolanda Pruitt', 'No fund.', day(local)],
    ]);
    expect(denied.history.at(-1)).toMatchObject({
      action: 'review',
      fromStatus: 'under_review',
      toStatus: 'denied',
      note: 'No fund.',
      actor: { fullName: 'Yolanda Pruitt' },
    });
    await holdsByLaw(id);
  });

  it('can escalate up to the president', async () => {
    const { id } = await submitted();
    for (const [who, requiredLevels] of [
      [local.vp, ['VP', 'ADMIN']],
      [local.admin, ['VP', 'ADMIN', 'MANAGER']],
      [local.manager, ['VP', 'ADMIN', 'MANAGER', 'PRESIDENT']],
    ] as const)
      expect(await decides(who, id, 'DEFERRED')).toMatchObject({ status: 'UNDER_REVIEW', requiredLevels });
    const before = await stored(local);
    const refused = await review(local.president, id, 'DEFERRED', { approvedAmount: '999' });
    expect([refused.codes, fieldsOf(refused)]).toEqual([
      ['BAD_INPUT'],
      [
        'input.decision must not be DEFERRED: the president is the last level',
        'input.approvedAmount is allowed only when the last level approves',
        'input.approvedAmount must be more than zero and at most the requested amount',
      ],
    ]);
    expect(await stored(local)).toBe(before);
    expect(await decides(local.president, id, 'APPROVED', { approvedAmount: '300' })).toMatchObject({
      status: 'APPROVED',
      approvedAmount: '300.00',
    });
    await holdsByLaw(id);
  });

  it('adds no level by an escalation to a required level', async () => {
    const { id } = await submitted({ amountRequested: '600.00' });
    expect((await decides(local.vp, id, 'DEFERRED')).requiredLevels).toEqual(['VP', 'ADMIN']);
    expect(await decides(local.admin, id, 'APPROVED')).toMatchObject({ status: 'APPROVED', approvedAmount: '600.00' });
  });

  it.each([
    ['0', false],
    ['-5', false],
    ['450.01', false],
    ['0.01', true],
    ['450.00', true],
  ])('approves %s: %s', async (approvedAmount, isRight) => {
    const { id } = await submitted();
    const answer = await review(local.vp, id, 'APPROVED', { approvedAmount });
    if (isRight) expect(answer.data.done).toMatchObject({ status: 'APPROVED', approvedAmount });
    else
      expect([answer.codes, fieldsOf(answer)]).toEqual([
        ['BAD_INPUT'],
        ['input.approvedAmount must be more than zero and at most the requested amount'],
      ]);
  });

  it.each(['DENIED', 'NEEDS_INFO', 'DEFERRED'])('accepts no amount with %s', async (decision) => {
    const { id } = await submitted();
    const answer = await review(local.vp, id, decision, { approvedAmount: '5.00' });
    expect([answer.codes, fieldsOf(answer)]).toEqual([
      ['BAD_INPUT'],
      ['input.approvedAmount is allowed only when the last level approves'],
    ]);
  });

  it('accepts no amount below the last level', async () => {
    const { id } = await submitted({ amountRequested: '500.00' });
    expect(fieldsOf(await review(local.vp, id, 'APPROVED', { approvedAmount: '5.00' }))).toEqual([
      'input.approvedAmount is allowed only when the last level approves',
    ]);
  });

  it('checks the submitted level', async () => {
    const { id } = await submitted({ amountRequested: '500.00' });
    const conflict = { codes: ['CONFLICT'], state: 'SUBMITTED', allowedActions: ['REVIEW', 'WITHDRAW'] };
    for (const level of ['ADMIN', 'MANAGER', 'PRESIDENT'])
      expect(standing(await review(local.vp, id, 'APPROVED', { level }))).toEqual(conflict);
    expect((await review(local.vp, id, 'APPROVED', { level: 'VP' })).codes).toEqual([]);
    expect((await review(local.admin, id, 'APPROVED', { level: 'VP' })).codes).toEqual(['CONFLICT']);
    expect((await review(local.admin, id, 'APPROVED', { level: null })).codes).toEqual([]);
  });

  it('refuses an unknown decision', async () => {
    const { id } = await submitted();
    for (const wrong of [{ decision: 'MAYBE' }, { decision: null }, { level: 'CLERK' }, { approvedAmount: 5 }])
      expect((await review(local.vp, id, 'APPROVED', wrong)).codes).toEqual(['BAD_INPUT']);
    expect(fieldsOf(await review(local.vp, id, 'APPROVED', { comments: '\ud800' }))).toEqual([
      'input.comments must not contain NUL or invalid Unicode characters',
    ]);
  });

  it('is refused for everyone on their own case', async () => {
    const { id } = await submitted();
    await local.sql('update users set member_id = null where username = $1', ['member']);
    await local.sql('update users set member_id = $1 where username = $2', [memberId, 'vp']);
    expect(await actionsFor(local.vp, id)).toEqual([]);
    expect(standing(await review(local.vp, id, 'APPROVED'))).toEqual({
      codes: ['CONFLICT'],
      state: 'SUBMITTED',
      allowedActions: ['REVIEW', 'WITHDRAW'],
    });
    await local.sql('update users set member_id = null where username = $1', ['vp']);
    await local.sql('update users set member_id = $1 where username = $2', [memberId, 'member']);
    expect((await review(local.vp, id, 'APPROVED')).codes).toEqual([]);
  });

  describe('the levels of a reviewer', () => {
    const assign = async (levels: string, expiresAt: Date | null = null): Promise<void> => {
      await local.sql(
        `insert into user_roles (id, created_at, updated_at, user_id, role_id, assigned_at, review_levels, expires_at)
         select gen_random_uuid(), now(), now(), u.id, r.id, now(), $1::text[], $2 from users u, roles r where u.username = 'officer' and r.name = 'trustee'`,
        [levels, expiresAt],
      );
    };

    beforeEach(async () => {
      await local.sql(
        `insert into roles (id, created_at, updated_at, name, display_name, is_system_role, based_on)
         values (gen_random_uuid(), now(), now(), 'trustee', 'Trustee', false, 'officer') on conflict do nothing`,
        [],
      );
    });

    afterEach(async () => {
      await local.sql(`delete from user_roles where role_id = (select id from roles where name = 'trustee')`, []);
    });

    it('allow one decision per round and person', async () => {
      await assign('{vp,admin,manager,president}');
      const { id } = await submitted({ amountRequested: '600.00' });
      expect(await actionsFor(local.officer, id)).toEqual(['REVIEW']);
      await decides(local.officer, id, 'APPROVED');
      expect(await actionsFor(local.officer, id)).toEqual([]);
      expect(standing(await review(local.officer, id, 'APPROVED'))).toEqual({
        codes: ['CONFLICT'],
        state: 'UNDER_REVIEW',
        allowedActions: ['REVIEW'],
      });
      await decides(local.admin, id, 'NEEDS_INFO');
      await does(local.member, 'submitBenevolence', { id });
      await decides(local.officer, id, 'APPROVED');
      expect((await review(local.officer, id, 'APPROVED')).codes).toEqual(['CONFLICT']);
      await holdsByLaw(id);
    });

    it('end with the assignment', async () => {
      const { id } = await submitted();
      await assign('{vp}', new Date(local.clock.now().valueOf() + 30_000));
      expect(await actionsFor(local.officer, id)).toEqual(['REVIEW']);
      await local.sql(`update user_roles set expires_at = $1 where role_id = (select id from roles where name = 'trustee')`, [
        local.clock.now(),
      ]);
      expect(await actionsFor(local.officer, id)).toEqual([]);
      expect((await review(local.officer, id, 'APPROVED')).codes).toEqual(['CONFLICT']);
    });

    it('are required', async () => {
      const { id } = await submitted();
      expect(await actionsFor(local.officer, id)).toEqual([]);
      expect(standing(await review(local.officer, id, 'APPROVED'))).toEqual({
        codes: ['CONFLICT'],
        state: 'SUBMITTED',
        allowedActions: ['REVIEW', 'WITHDRAW'],
      });
    });

    it('have no effect for a role that does not review', async () => {
      const { id } = await submitted();
      await local.sql(`update user_roles set review_levels = '{vp}' where user_id = $1`, [await userId('staff')]);
      expect(await actionsFor(local.staff, id)).toEqual([]);
      expect((await review(local.staff, id, 'APPROVED')).codes).toEqual(['FORBIDDEN']);
      await local.sql(`update user_roles set review_levels = '{}' where user_id = $1`, [await userId('staff')]);
    });
  });
});

describe('paying', () => {
  const approved = states['approved'] as () => Promise<string>;

  it('is recorded once, with its date and method', async () => {
    const id = await approved();
    const paymentDate = day(local);
    expect((await pay(local.officer, id, { paymentMethod: ' direct deposit ' })).data.done).toMatchObject({
      status: 'PAID',
      paymentDate,
      paymentMethod: 'direct deposit',
      approvedAmount: '450.00',
      availableActions: [],
    });
    expect(standing(await pay(local.officer, id))).toEqual({ codes: ['CONFLICT'], state: 'PAID', allowedActions: [] });
    await holdsByLaw(id);
  });

  it.each<[what: string, more: () => object, fields: string[]]>([
    ['tomorrow', () => ({ paymentDate: day(local, 1) }), ['input.paymentDate must not be in the future']],
    ['before it was asked for', () => ({ paymentDate: day(local, -1) }), ['input.paymentDate must not be before the application date']],
    ['in no way', () => ({ paymentMethod: ' ' }), ['input.paymentMethod must not be empty']],
    ['in a way of 101 characters', () => ({ paymentMethod: 'x'.repeat(101) }), ['input.paymentMethod must have at most 100 characters']],
    [
      'all wrong at once',
      () => ({ paymentDate: '9999-12-31', paymentMethod: '' }),
      ['input.paymentDate must not be in the future', 'input.paymentMethod must not be empty'],
    ],
  ])('%s is refused', async (_, more, fields) => {
    const id = await approved();
    const before = await stored(local);
    const answer = await pay(local.officer, id, more());
    expect([answer.codes, fieldsOf(answer)]).toEqual([['BAD_INPUT'], fields]);
    expect(await stored(local)).toBe(before);
  });

  it('accepts any date since the application', async () => {
    const { id } = await submitted({ applicationDate: day(local, -30) });
    await decides(local.vp, id, 'APPROVED');
    expect((await pay(local.officer, id, { paymentDate: day(local, -30) })).data.done.paymentDate).toBe(day(local, -30));
  });

  it.each([{ paymentDate: null }, { paymentMethod: null }, { paymentDate: '2026-13-01' }, { amount: '1000000.00' }])(
    'with %j is refused',
    async (more) => {
      expect((await pay(local.officer, await approved(), more)).codes).toEqual(['BAD_INPUT']);
    },
  );
});

describe('withdrawing', () => {
  it.each(['draft', 'submitted', 'sent back'])('returns %s once more, and then it is gone with its history', async (state) => {
    const id = await (states[state] as () => Promise<string>)();
    const done = await does<ApplicationAnswer>(local.member, 'withdrawBenevolence', { id });
    expect(Math.abs(Date.parse(done.deletedAt ?? '') - local.clock.now().valueOf())).toBeLessThan(60_000);
    expect(done).toMatchObject({ id, availableActions: [] });
    expect(done.history.at(-1)).toMatchObject({
      action: 'withdraw',
      fromStatus: done.status.toLowerCase(),
      toStatus: done.status.toLowerCase(),
    });
    for (const who of [local.member, local.staff, local.admin]) {
      const { codes } = await who.ask('query ($id: ID!) { benevolenceApplication(id: $id) { id } }', { id });
      expect(codes).toEqual(['NOT_FOUND']);
    }
    const { kept } = await local.admin.see<{ kept: ApplicationAnswer }>(
      'query ($id: ID!) { kept: benevolenceApplication(id: $id, includeDeleted: true) { availableActions history { action } } }',
      { id },
    );
    expect([kept.availableActions, kept.history.length]).toEqual([[], done.history.length]);
    await holdsByLaw(id);
  });

  it('is open to admins and not to the office', async () => {
    const { id } = await submitted();
    expect((await act(local.staff, 'withdrawBenevolence', { id })).codes).toEqual(['FORBIDDEN']);
    expect((await act(local.officer, 'withdrawBenevolence', { id })).codes).toEqual(['FORBIDDEN']);
    expect((await act(local.testuser, 'withdrawBenevolence', { id })).codes).toEqual(['NOT_FOUND']);
    expect((await does(local.admin, 'withdrawBenevolence', { id })).deletedAt).not.toBeNull();
  });
});

/** The documented permissions: who can do what in which state. */
const lawful: Record<string, { state: string; allowed: string[]; may: Partial<Record<string, string[]>> }> = {
  draft: {
    state: 'DRAFT',
    allowed: ['UPDATE', 'SUBMIT', 'WITHDRAW'],
    may: { admin: ['UPDATE', 'SUBMIT', 'WITHDRAW'], staff: ['UPDATE', 'SUBMIT'], member: ['UPDATE', 'SUBMIT', 'WITHDRAW'] },
  },
  'sent back': {
    state: 'DRAFT',
    allowed: ['UPDATE', 'SUBMIT', 'WITHDRAW'],
    may: { admin: ['UPDATE', 'SUBMIT', 'WITHDRAW'], staff: ['UPDATE', 'SUBMIT'], member: ['UPDATE', 'SUBMIT', 'WITHDRAW'] },
  },
  submitted: { state: 'SUBMITTED', allowed: ['REVIEW', 'WITHDRAW'], may: { admin: ['WITHDRAW'], vp: ['REVIEW'], member: ['WITHDRAW'] } },
  'under review': { state: 'UNDER_REVIEW', allowed: ['REVIEW'], may: { admin: ['REVIEW'] } },
  approved: {
    state: 'APPROVED',
    allowed: ['PAY'],
    may: { admin: ['PAY'], officer: ['PAY'], vp: ['PAY'], manager: ['PAY'], president: ['PAY'] },
  },
  denied: { state: 'DENIED', allowed: [], may: {} },
  paid: { state: 'PAID', allowed: [], may: {} },
  withdrawn: { state: 'gone', allowed: [], may: {} },
};

const attempts: Record<string, (id: string) => readonly [Operation, object]> = {
  UPDATE: (id) => ['updateBenevolenceDraft', { id, input: { notes: 'x' } }],
  SUBMIT: (id) => ['submitBenevolence', { id }],
  WITHDRAW: (id) => ['withdrawBenevolence', { id }],
  REVIEW: (id) => ['reviewBenevolence', { input: { id, decision: 'DENIED' } }],
  PAY: (id) => ['payBenevolence', { input: { id, paymentDate: day(local), paymentMethod: 'check' } }],
};

/** The roles that may call each operation at all. */
const asked: Record<string, string[]> = {
  UPDATE: ['admin', 'staff', 'member', 'testuser'],
  SUBMIT: ['admin', 'staff', 'member', 'testuser'],
  WITHDRAW: ['admin', 'member', 'testuser'],
  REVIEW: ['admin', 'officer', 'vp', 'manager', 'president'],
  PAY: ['admin', 'officer', 'vp', 'manager', 'president'],
};

describe.each(Object.entries(lawful))('an application that is %s', (name, { state, allowed, may }) => {
  const people = [
    'admin',
    'officer',
    'staff',
    'vp',
    'manager',
    'president',
    'member',
    'testuser',
    'organizer',
    'instructor',
    'anonymous',
  ] as const;

  it('allows the documented actions to the documented roles, as availableActions says', async () => {
    const id = await (states[name] as () => Promise<string>)();
    const putBack = await stash(local, 'application', id);
    const isGone = state === 'gone';
    for (const who of people) {
      const own = may[who] ?? [];
      const sees = !['testuser', 'organizer', 'instructor', 'anonymous'].includes(who) && !isGone;
      if (sees) expect([who, await actionsFor(local[who], id)]).toEqual([who, own]);
      for (const [action, attempt] of Object.entries(attempts)) {
        const answer = await act(local[who], ...attempt(id));
        const expected =
          who === 'anonymous'
            ? ['UNAUTHENTICATED']
            : !asked[action]?.includes(who)
              ? ['FORBIDDEN']
              : !sees
                ? ['NOT_FOUND']
                : own.includes(action)
                  ? []
                  : ['CONFLICT'];
        expect([who, action, answer.codes]).toEqual([who, action, expected]);
        if (expected[0] === 'CONFLICT')
          expect([who, action, standing(answer)]).toEqual([who, action, { codes: expected, state, allowedActions: allowed }]);
        if (answer.codes.length === 0) await putBack();
      }
    }
  });

  it('does not change when an action is refused', async () => {
    const id = await (states[name] as () => Promise<string>)();
    const before = await stored(local);
    for (const who of people)
      for (const [action, attempt] of Object.entries(attempts))
        if (!may[who]?.includes(action)) expect((await act(local[who], ...attempt(id))).codes).toHaveLength(1);
    expect(await stored(local)).toBe(before);
  });
});

describe('an id', () => {
  it.each(Object.keys(attempts))('that is unknown or invalid is distinguished by %s', async (action) => {
    const attempt = attempts[action] as (id: string) => readonly [Operation, object];
    expect((await act(local.admin, ...attempt(nobody))).codes).toEqual(['NOT_FOUND']);
    const answer = await act(local.admin, ...attempt('7'));
    expect([answer.codes, fieldsOf(answer)[0]]).toEqual([['BAD_INPUT'], expect.stringMatching(/^(id|input\.id) must be a UUID$/)]);
  });
});

describe('a version', () => {
  it.each<[action: string, state: string, who: 'member' | 'vp' | 'officer', standing: object]>([
    ['UPDATE', 'draft', 'member', { state: 'DRAFT', allowedActions: ['UPDATE', 'SUBMIT', 'WITHDRAW'] }],
    ['SUBMIT', 'draft', 'member', { state: 'DRAFT', allowedActions: ['UPDATE', 'SUBMIT', 'WITHDRAW'] }],
    ['WITHDRAW', 'submitted', 'member', { state: 'SUBMITTED', allowedActions: ['REVIEW', 'WITHDRAW'] }],
    ['REVIEW', 'submitted', 'vp', { state: 'SUBMITTED', allowedActions: ['REVIEW', 'WITHDRAW'] }],
    ['PAY', 'approved', 'officer', { state: 'APPROVED', allowedActions: ['PAY'] }],
  ])('that is outdated prevents %s of %s, and the error has the current state', async (action, state, who, expected) => {
    const id = await (states[state] as () => Promise<string>)();
    const current = await value<number>(local, 'select version from benevolence_applications where id = $1', id);
    const [operation, variables] = (attempts[action] as (id: string) => readonly [Operation, object])(id);
    const { input } = variables as { input?: object };
    const ask = (version: number | null) =>
      act<ApplicationAnswer>(local[who], operation, input ? { ...variables, input: { ...input, version } } : { ...variables, version });
    for (const version of [current - 1, current + 1, 0]) expect(standing(await ask(version))).toEqual({ codes: ['CONFLICT'], ...expected });
    const putBack = await stash(local, 'application', id);
    expect((await ask(null)).data.done.version).toBe(current + 1);
    await putBack();
    expect((await ask(current)).data.done.version).toBe(current + 1);
  });

  it('increases with a decision that keeps the status', async () => {
    const { id } = await submitted({ amountRequested: '3000.00' });
    const first = await decides(local.vp, id, 'APPROVED');
    const second = await decides(local.admin, id, 'APPROVED', { version: first.version });
    expect([first.status, second.status, second.version]).toEqual(['UNDER_REVIEW', 'UNDER_REVIEW', first.version + 1]);
    expect(standing(await review(local.manager, id, 'APPROVED', { version: first.version }))).toEqual({
      codes: ['CONFLICT'],
      state: 'UNDER_REVIEW',
      allowedActions: ['REVIEW'],
    });
  });
});

describe('the applicant', () => {
  it('sees the level, decision and date of each review, but not the reviewer or the notes', async () => {
    const { id } = await submitted();
    await decides(local.vp, id, 'NEEDS_INFO', { comments: 'secret comment' });
    const answer = await act<ApplicationAnswer>(local.member, 'updateBenevolenceDraft', { id, input: { notes: 'Bill attached.' } });
    expect(answer.data.done.notes).toBe('Bill attached.');
    expect(answer.data.done.reviews).toEqual([
      { round: 1, reviewLevel: 'VP', decision: 'NEEDS_INFO', reviewDate: day(local), reviewerName: null, reviewer: null, comments: null },
    ]);
    for (const { actor, note } of answer.data.done.history) expect([actor, note]).toEqual([null, null]);
    expect(JSON.stringify(answer)).not.toMatch(/secret|Whitfield/);
    const { data } = await act<ApplicationAnswer>(local.staff, 'submitBenevolence', { id });
    expect(data.done.reviews[0]).toMatchObject({ reviewerName: 'Samuel Whitfield', comments: 'secret comment' });
    expect(data.done.history.map(({ action, note }) => [action, note])).toEqual([
      ['apply', null],
      ['submit', 'Asked for $450.00'],
      ['review', 'secret comment'],
      ['update', null],
      ['submit', 'Asked for $450.00'],
    ]);
  });
});

describe('a failed write', () => {
  const tables = ['benevolence_applications', 'benevolence_reviews', 'case_events', 'audit_events'];

  afterEach(async () => {
    for (const table of tables) await local.sql(`drop trigger if exists out_of_order on ${table}`, []);
  });

  it.each(tables)('on %s leaves nothing behind, and the error reveals no cause', async (table) => {
    const { id } = await submitted();
    await local.sql(
      `create or replace function out_of_order() returns trigger language plpgsql as $$ begin raise exception 'the disk of % is full', tg_table_name; end $$`,
      [],
    );
    const before = await stored(local);
    await local.sql(`create trigger out_of_order before insert or update on ${table} for each row execute function out_of_order()`, []);
    const { codes, errors } = await review(local.vp, id, 'APPROVED', { comments: 'secret comment' });
    expect(codes).toEqual(['INTERNAL']);
    expect(JSON.stringify(errors)).not.toMatch(/disk|secret/);
    expect(await stored(local)).toBe(before);
  });
});

describe('the audit log', () => {
  it('records who did what on which case, without the content', async () => {
    const { id } = await applied({ description: 'secret story', amountRequested: '432.10' });
    const [event = {}] = await local.sql('select * from audit_events where target_id = $1', [id]);
    expect(event).toMatchObject({
      actor_id: await userId('member'),
      action: 'benevolence.apply',
      target_type: 'BenevolenceApplication',
      outcome: 'succeeded',
      count: 1,
    });
    expect(JSON.stringify(event)).not.toMatch(/secret|432\.10/);
  });
});

describe('the database', () => {
  it.each([
    ['an application for nothing', 'amount_requested = 0', 'benevolence_applications_amount_positive'],
    ['an approval of more', `status = 'approved', approved_amount = amount_requested + 1`, 'approved_amount_range'],
    ['an approval of nothing', `status = 'approved', approved_amount = 0`, 'approved_amount_range'],
    ['an approval without an amount', `status = 'approved'`, 'approved_amount_when_approved'],
    ['an amount without an approval', 'approved_amount = 1', 'approved_amount_when_approved'],
    ['a payment without its day', `status = 'paid', approved_amount = 1, payment_method = 'check'`, 'payment_when_paid'],
    ['a payment without its way', `status = 'paid', approved_amount = 1, payment_date = application_date`, 'payment_when_paid'],
    ['a day of payment without a payment', 'payment_date = application_date', 'payment_when_paid'],
    [
      'a payment before the application',
      `status = 'paid', approved_amount = 1, payment_method = 'check', payment_date = application_date - 1`,
      'payment_after_application',
    ],
    ['a round before the first', 'round = 0', 'round_positive'],
    ['a level there is not', `required_levels = '{clerk}'`, 'levels_known'],
    ['a case without levels', `required_levels = '{}'`, 'levels_when_submitted'],
  ])('refuses %s as well', async (_, change, constraint) => {
    const { id } = await submitted();
    await expect(local.sql(`update benevolence_applications set ${change} where id = $1`, [id])).rejects.toThrow(constraint);
  });

  it.each([
    ['a level that decides twice', 'reviewer_id = null', 'round_review_level_unique'],
    ['a person who decides twice', `review_level = 'admin'`, 'round_reviewer_id_unique'],
    ['a president who passes up', `review_level = 'president', reviewer_id = null, decision = 'deferred'`, 'president_decides'],
  ])('refuses %s in a round as well', async (_, change, constraint) => {
    const id = await (states['under review'] as () => Promise<string>)();
    const columns = 'created_at, updated_at, application_id, round, review_level, decision, review_date, reviewer_name, reviewer_id';
    const changed = Object.fromEntries(change.split(', ').map((each) => each.split(' = ') as [string, string]));
    const values = columns.split(', ').map((column) => changed[column] ?? column);
    await expect(
      local.sql(
        `insert into benevolence_reviews (id, ${columns}) select gen_random_uuid(), ${values.join(', ')} from benevolence_reviews where application_id = $1`,
        [id],
      ),
    ).rejects.toThrow(constraint);
  });
});

/** Includes both daylight-saving changes, with days of 23 and 25 hours, and the turn of the year. */
describe('today, in New York', () => {
  it.each([
    ['2027-01-01', '2027-01-01T05:00:00Z'],
    ['2027-03-14', '2027-03-14T05:00:00Z'],
    ['2027-03-15', '2027-03-15T04:00:00Z'],
    ['2027-11-07', '2027-11-07T04:00:00Z'],
    ['2027-11-08', '2027-11-08T05:00:00Z'],
  ])('becomes %s exactly at %s', async (today, midnight) => {
    turnTo(local, new Date(Date.parse(midnight) - 20_000).toISOString());
    const [member, vp] = [freshActor(local, 'member'), freshActor(local, 'vp')];
    const yesterday = new Date(Date.parse(`${today}T00:00:00Z`) - 86_400_000).toISOString().slice(0, 10);
    const { id, applicationDate } = await applied({}, member);
    expect(applicationDate).toBe(yesterday);
    expect((await apply({ applicationDate: today }, member)).codes).toEqual(['BAD_INPUT']);
    await does(member, 'submitBenevolence', { id });
    expect((await decides(vp, id, 'APPROVED')).reviews[0]?.reviewDate).toBe(yesterday);
    expect((await pay(vp, id, { paymentDate: today })).codes).toEqual(['BAD_INPUT']);

    turnTo(local, new Date(Date.parse(midnight) + 1000).toISOString());
    expect((await applied({}, member)).applicationDate).toBe(today);
    expect((await pay(vp, id, { paymentDate: today })).codes).toEqual([]);
  });
});
