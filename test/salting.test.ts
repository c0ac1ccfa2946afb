import { afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import { validate as isUuid } from 'uuid';
import { dayIn } from '../src/entities/scalars.ts';
import { aLocal, type Actor, type Answer, type Local } from './support/local.ts';
import { saidOf } from './support/said.ts';

interface Activity {
  id: string;
  activityType: string;
  activityDate: string;
  outcome: string | null;
  location: string | null;
  workersContacted: number;
  cardsSigned: number;
  description: string | null;
  notes: string | null;
  deletedAt: string | null;
  member: { id: string; fullName: string };
  organization: { id: string; name: string };
}

interface Logged {
  logSaltingActivity: Activity;
}

const mutation = `mutation Log($input: LogSaltingActivityInput!) {
  logSaltingActivity(input: $input) {
    id activityType activityDate outcome location workersContacted cardsSigned description notes deletedAt
    member { id fullName } organization { id name }
  }
}`;

const log = (who: Actor, input: object, headers: Record<string, string> = {}): Promise<Answer<Logged>> =>
  who.ask<Logged>(mutation, { input }, headers);

const nobody = '01900000-0000-7000-8000-000000000009';

let local: Local;
let memberId: string;
let organizationId: string;

/** Returns the first column of the first row. */
async function value<T>(sql: string, ...parameters: unknown[]): Promise<T> {
  const [row = {}] = await local.sql(sql, parameters);
  return Object.values(row)[0] as T;
}

const activities = (): Promise<number> => value<number>('select count(*) from salting_activities');
const events = (): Promise<number> => value<number>(`select count(*) from audit_events where action = 'salting.log'`);

beforeAll(async () => {
  local = await aLocal();
  memberId = await value('select id from members where deleted_at is null order by id desc limit 1');
  organizationId = await value(`select id from organizations where deleted_at is null and org_type <> 'union' order by id limit 1`);
});

/** Returns a valid visit with some changed values. */
const visit = (changes: object = {}) => ({ memberId, organizationId, activityType: 'SITE_VISIT', activityDate: '2026-01-15', ...changes });

describe('a logged activity', () => {
  it('is returned with the submitted values, and is in the list', async () => {
    const told = {
      outcome: 'POSITIVE',
      location: 'Main gate',
      workersContacted: 12,
      cardsSigned: 3,
      description: 'Talked through the shift change — “ja, claro”, said one.',
      notes: 'Bring Spanish leaflets.',
    };
    const { data, errors } = await log(local.organizer, visit(told));
    expect(errors).toEqual([]);
    const { id, member, organization, ...said } = data.logSaltingActivity;
    expect(said).toEqual({ ...told, activityType: 'SITE_VISIT', activityDate: '2026-01-15', deletedAt: null });
    expect([member.id, organization.id]).toEqual([memberId, organizationId]);
    const { saltingActivity } = await local.organizer.see<{ saltingActivity: Activity }>(
      'query ($id: ID!) { saltingActivity(id: $id) { notes cardsSigned } }',
      { id },
    );
    expect(saltingActivity).toEqual({ notes: told.notes, cardsSigned: 3 });
  });

  it('counts nobody and leaves omitted fields empty', async () => {
    const { data } = await log(local.organizer, visit());
    expect(data.logSaltingActivity).toMatchObject({
      workersContacted: 0,
      cardsSigned: 0,
      outcome: null,
      location: null,
      description: null,
      notes: null,
    });
  });

  it('belongs to the caller’s own member by default', async () => {
    const own = await value<string>(`select member_id from users where username = 'organizer'`);
    for (const input of [visit({ memberId: null }), visit({ memberId: undefined })]) {
      const { data } = await log(local.organizer, input);
      expect(data.logSaltingActivity.member.id).toBe(own);
    }
  });

  it.each([
    ['a place of 200 characters', { location: 'x'.repeat(200) }],
    ['as many cards as workers', { workersContacted: 4, cardsSigned: 4 }],
    ['nobody reached', { outcome: 'NO_CONTACT' }],
    ['the day it is', () => ({ activityDate: dayIn('America/New_York', local.clock.now()) })],
    ['the first day there is', { activityDate: '0001-01-01' }],
    ['the member’s own words, quotes and all', { description: `'); drop table users; -- ? $1 :x \\ %` }],
  ])('may say %s', async (_, changes) => {
    const said = typeof changes === 'function' ? changes() : changes;
    const { data, errors } = await log(local.admin, visit(said));
    expect(errors).toEqual([]);
    expect(data.logSaltingActivity).toMatchObject(said);
  });

  it('keeps the date as submitted, and accepts ids in any case', async () => {
    const { data } = await log(local.admin, visit({ memberId: memberId.toUpperCase(), activityDate: '2024-02-29' }));
    expect(data.logSaltingActivity).toMatchObject({ activityDate: '2024-02-29', member: { id: memberId } });
  });
});

describe('logging', () => {
  it.each(['admin', 'organizer'] as const)('%s is allowed', async (who) => {
    expect((await log(local[who], visit())).errors).toEqual([]);
  });

  it.each([
    ['officer', 'FORBIDDEN'],
    ['staff', 'FORBIDDEN'],
    ['instructor', 'FORBIDDEN'],
    ['member', 'FORBIDDEN'],
    ['anonymous', 'UNAUTHENTICATED'],
  ] as const)('%s is refused, and learns nothing', async (who, code) => {
    const before = await activities();
    for (const input of [visit(), visit({ organizationId: nobody }), visit({ cardsSigned: -1 })])
      expect((await log(local[who], input)).codes).toEqual([code]);
    expect(await activities()).toBe(before);
  });
});

describe('logging is refused for', () => {
  const tomorrow = (): string => dayIn('UTC', new Date(local.clock.now().valueOf() + 86_400_000));

  it.each<[what: string, changes: object | (() => object), fields: string[]]>([
    ['a day in the future', () => ({ activityDate: tomorrow() }), ['input.activityDate must not be in the future']],
    ['a day in another year', { activityDate: '9999-12-31' }, ['input.activityDate must not be in the future']],
    ['a place of 201 characters', { location: 'x'.repeat(201) }, ['input.location must have at most 200 characters']],
    ['half a character', { notes: '\ud800' }, ['input.notes must not contain NUL or invalid Unicode characters']],
    ['fewer than no workers', { workersContacted: -1 }, ['input.workersContacted must not be negative']],
    ['fewer than no cards', { cardsSigned: -1 }, ['input.cardsSigned must not be negative']],
    ['cards of nobody', { cardsSigned: 1 }, ['input.cardsSigned must not be greater than workersContacted']],
    ['more cards than workers', { workersContacted: 3, cardsSigned: 4 }, ['input.cardsSigned must not be greater than workersContacted']],
    [
      'somebody reached when nobody was',
      { outcome: 'NO_CONTACT', workersContacted: 1 },
      ['input.outcome must not be NO_CONTACT when workersContacted or cardsSigned is not 0'],
    ],
    ['a member id that is none', { memberId: 'm-1' }, ['input.memberId must be a UUID']],
    ['an empty member id', { memberId: '' }, ['input.memberId must be a UUID']],
    ['an organization id that is none', { organizationId: `${nobody}0` }, ['input.organizationId must be a UUID']],
    [
      'all that is wrong at once',
      { memberId: '1', organizationId: '2', activityDate: '9999-12-31', workersContacted: -2, cardsSigned: -1, location: 'x'.repeat(201) },
      [
        'input.location must have at most 200 characters',
        'input.activityDate must not be in the future',
        'input.workersContacted must not be negative',
        'input.cardsSigned must not be negative',
        'input.memberId must be a UUID',
        'input.organizationId must be a UUID',
      ],
    ],
  ])('%s', async (_, changes, fields) => {
    const before = await activities();
    const { codes, errors } = await log(local.organizer, visit(typeof changes === 'function' ? changes() : changes));
    expect(codes).toEqual(['BAD_INPUT']);
    const said = errors[0]?.extensions['fields'] as { path: string; message: string }[];
    expect(said.map(({ path, message }) => `${path} ${message}`)).toEqual(fields);
    expect(await activities()).toBe(before);
  });

  it.each([
    ['a kind there is not', { activityType: 'PICNIC' }],
    ['no kind', { activityType: undefined }],
    ['no organization', { organizationId: undefined }],
    ['no day', { activityDate: null }],
    ['a day there is not', { activityDate: '2026-02-29' }],
    ['an instant for a day', { activityDate: '2026-02-01T10:00:00Z' }],
    ['an outcome there is not', { outcome: 'GLORIOUS' }],
    ['half a worker', { workersContacted: 1.5 }],
    ['more workers than can be counted', { workersContacted: 2 ** 31 }],
    ['an unknown number of workers', { workersContacted: null }],
    ['what nobody asked for', { rating: 5 }],
  ])('%s, before anything is written', async (_, changes) => {
    const before = await activities();
    expect((await log(local.organizer, visit(changes))).codes).toEqual(['BAD_INPUT']);
    expect(await activities()).toBe(before);
  });

  it('no member, if the caller is not linked to one', async () => {
    const { codes, errors } = await log(local.admin, visit({ memberId: null }));
    expect(codes).toEqual(['BAD_INPUT']);
    expect(errors[0]?.extensions['fields']).toEqual([
      { path: 'input.memberId', message: 'is required: your account is not linked to a member record' },
    ]);
  });

  it.each([
    ['a member there is not', { memberId: nobody }],
    ['an organization there is not', { organizationId: nobody }],
    ['neither', { memberId: nobody, organizationId: nobody }],
  ])('%s', async (_, changes) => {
    expect((await log(local.organizer, visit(changes))).codes).toEqual(['NOT_FOUND']);
  });

  it.each([
    ['an organization’s id for a member', () => ({ memberId: organizationId })],
    ['a member’s id for an organization', () => ({ organizationId: memberId })],
  ])('%s', async (_, changes) => {
    expect((await log(local.organizer, visit(changes()))).codes).toEqual(['NOT_FOUND']);
  });
});

describe('a deleted record', () => {
  const deleting = async (table: string, id: string, act: () => Promise<void>): Promise<void> => {
    await local.sql(`update ${table} set deleted_at = now() where id = $1`, [id]);
    try {
      await act();
    } finally {
      await local.sql(`update ${table} set deleted_at = null where id = $1`, [id]);
    }
  };

  it.each([
    ['a member', 'members', () => memberId],
    ['an organization', 'organizations', () => organizationId],
  ])('%s is not found, not even by admins', async (_, table, id) => {
    const before = [await activities(), await events()];
    await deleting(table, id(), async () => {
      for (const who of [local.organizer, local.admin]) expect((await log(who, visit())).codes).toEqual(['NOT_FOUND']);
    });
    expect([await activities(), await events()]).toEqual(before);
    expect((await log(local.organizer, visit())).errors).toEqual([]);
  });

  it('is not the caller’s own member', async () => {
    const own = await value<string>(`select member_id from users where username = 'organizer'`);
    await deleting('members', own, async () => {
      expect((await log(local.organizer, visit({ memberId: null }))).codes).toEqual(['NOT_FOUND']);
    });
  });
});

describe('the audit log', () => {
  it('records who logged what, in which session and request', async () => {
    const before = await events();
    const { data, headers } = await log(local.organizer, visit({ description: 'nothing of this', location: 'in the log' }));
    expect(await events()).toBe(before + 1);
    const { id } = data.logSaltingActivity;
    const [event = {}] = await local.sql('select * from audit_events where target_id = $1', [id]);
    const organizer = await value<string>(`select id from users where username = 'organizer'`);
    expect(event).toMatchObject({
      actor_id: organizer,
      action: 'salting.log',
      target_type: 'SaltingActivity',
      outcome: 'succeeded',
      request_id: headers.get('x-request-id'),
      count: 1,
    });
    expect(isUuid(event['session_id'])).toBe(true);
    expect(await value('select user_id from sessions where id = $1', event['session_id'])).toBe(organizer);
    expect(String(event['ip_address'])).toMatch(/127\.0\.0\.1|::1/);
    expect(JSON.stringify(event)).not.toMatch(/nothing of this|in the log/);
  });

  it('gets its time from the service’s clock', async () => {
    const { data } = await log(local.organizer, visit());
    const at = await value<Date>('select at from audit_events where target_id = $1', data.logSaltingActivity.id);
    expect(Math.abs(at.valueOf() - local.clock.now().valueOf())).toBeLessThan(60_000);
  });

  it('contains nothing about refused changes', async () => {
    const before = await events();
    await log(local.organizer, visit({ cardsSigned: 1 }));
    await log(local.organizer, visit({ organizationId: nobody }));
    await log(local.officer, visit());
    expect(await events()).toBe(before);
  });
});

describe('a corrected activity', () => {
  const correct = (who: Actor, id: string, input: object): Promise<Answer<{ updateSaltingActivity: Activity }>> =>
    who.ask(
      `mutation ($id: ID!, $input: UpdateSaltingActivityInput!) { updateSaltingActivity(id: $id, input: $input) {
        id activityType activityDate outcome location workersContacted cardsSigned description notes deletedAt member { id } organization { id } } }`,
      { id, input },
    );
  const remove = (who: Actor, id: string): Promise<Answer<{ deleteSaltingActivity: Activity }>> =>
    who.ask('mutation ($id: ID!) { deleteSaltingActivity(id: $id) { id deletedAt } }', { id });
  const told = { outcome: 'POSITIVE', location: 'Gate', workersContacted: 9, cardsSigned: 2, description: 'Said yes.', notes: 'Go back.' };
  const anActivity = async (more: object = {}) => (await log(local.organizer, visit({ ...told, ...more }))).data.logSaltingActivity.id;
  const stored = async (id: string) => (await local.sql('select * from salting_activities where id = $1', [id]))[0];

  it('changes submitted fields, keeps omitted ones, and clears null ones', async () => {
    const id = await anActivity();
    const changes = { activityType: 'MEETING', activityDate: '2026-01-10', outcome: null, location: null, cardsSigned: 9 };
    const { data, errors } = await correct(local.admin, id, changes);
    expect(errors).toEqual([]);
    expect(data.updateSaltingActivity).toMatchObject({
      ...told,
      ...changes,
      member: { id: memberId },
      organization: { id: organizationId },
    });
    const log = await local.sql('select action, target_type from audit_events where target_id = $1 order by at, id', [id]);
    expect(log).toEqual(['salting.log', 'salting.update'].map((action) => ({ action, target_type: 'SaltingActivity' })));
    const before = [await stored(id), await value('select count(*) from audit_events')];
    expect((await correct(local.admin, id, {})).errors).toEqual([]);
    expect([await stored(id), await value('select count(*) from audit_events')]).toEqual(before);
  });

  it.each<[string, object, string[]]>([
    ['fewer workers than cards', { workersContacted: 1 }, ['input.cardsSigned must not be greater than workersContacted']],
    ['more cards than workers', { cardsSigned: 10 }, ['input.cardsSigned must not be greater than workersContacted']],
    [
      'nobody reached, for whom there are figures',
      { outcome: 'NO_CONTACT' },
      ['input.outcome must not be NO_CONTACT when workersContacted or cardsSigned is not 0'],
    ],
    ['a day in the future', { activityDate: '9999-12-31' }, ['input.activityDate must not be in the future']],
    [
      'no day and no kind',
      { activityDate: null, activityType: null },
      ['input.activityDate must not be null', 'input.activityType must not be null'],
    ],
    [
      'unknown figures',
      { workersContacted: null, cardsSigned: null },
      ['input.workersContacted must not be null', 'input.cardsSigned must not be null'],
    ],
    [
      'a long place',
      { location: 'x'.repeat(201), cardsSigned: -1 },
      ['input.location must have at most 200 characters', 'input.cardsSigned must not be negative'],
    ],
  ])('cannot be corrected to %s', async (_, changes, fields) => {
    const id = await anActivity();
    const before = await stored(id);
    expect(saidOf(await correct(local.organizer, id, changes)).sort()).toEqual([...fields].sort());
    expect(await stored(id)).toEqual(before);
  });

  it('is validated in the state after the change', async () => {
    const id = await anActivity();
    expect((await correct(local.organizer, id, { outcome: 'NO_CONTACT', workersContacted: 0, cardsSigned: 0 })).errors).toEqual([]);
    expect(saidOf(await correct(local.organizer, id, { workersContacted: 1 }))).toHaveLength(1);
  });

  it('leaves every list when it is deleted', async () => {
    const id = await anActivity();
    const { data, errors } = await remove(local.organizer, id);
    expect([errors, data.deleteSaltingActivity.id, typeof data.deleteSaltingActivity.deletedAt]).toEqual([[], id, 'string']);
    expect(await value(`select count(*) from audit_events where target_id = $1 and action = 'salting.delete'`, id)).toBe(1);
    for (const who of [local.organizer, local.admin]) {
      expect((await who.ask('query ($id: ID!) { saltingActivity(id: $id) { id } }', { id })).codes).toEqual(['NOT_FOUND']);
      expect((await correct(who, id, { notes: 'x' })).codes).toEqual(['NOT_FOUND']);
      expect((await remove(who, id)).codes).toEqual(['NOT_FOUND']);
    }
  });

  it.each([
    ['officer', 'FORBIDDEN'],
    ['staff', 'FORBIDDEN'],
    ['instructor', 'FORBIDDEN'],
    ['member', 'FORBIDDEN'],
    ['anonymous', 'UNAUTHENTICATED'],
  ] as const)('cannot be corrected or deleted by %s', async (who, code) => {
    const known = await anActivity();
    const before = await stored(known);
    for (const id of [known, nobody, 'no-id'])
      expect([(await correct(local[who], id, { cardsSigned: -1 })).codes, (await remove(local[who], id)).codes]).toEqual([[code], [code]]);
    expect(await stored(known)).toEqual(before);
  });

  it.each(['admin', 'organizer'] as const)('can be corrected or deleted by %s, if it exists', async (who) => {
    expect([(await correct(local[who], nobody, {})).codes, (await remove(local[who], nobody)).codes]).toEqual([
      ['NOT_FOUND'],
      ['NOT_FOUND'],
    ]);
    expect([saidOf(await correct(local[who], 'x', {})), saidOf(await remove(local[who], 'x'))]).toEqual([
      ['id must be a UUID'],
      ['id must be a UUID'],
    ]);
  });
});

describe('a failed write', () => {
  const tables = ['salting_activities', 'audit_events'];

  afterEach(async () => {
    for (const table of tables) await local.sql(`drop trigger if exists out_of_order on ${table}`);
  });

  it.each(tables)('on %s leaves neither the activity nor the event, and the error reveals no cause', async (table) => {
    await local.sql(`create or replace function out_of_order() returns trigger language plpgsql as
      $$ begin raise exception 'the disk of % is full', tg_table_name; end $$`);
    const before = [await activities(), await events()];
    await local.sql(`create trigger out_of_order after insert on ${table} for each row execute function out_of_order()`);
    const { codes, errors } = await log(local.organizer, visit());
    expect(codes).toEqual(['INTERNAL']);
    expect(JSON.stringify(errors)).not.toMatch(/disk/);
    expect([await activities(), await events()]).toEqual(before);
  });

  it('does not block the next one', async () => {
    expect((await log(local.organizer, visit())).errors).toEqual([]);
  });
});

describe.each([
  ['Pacific/Honolulu', -10],
  ['Pacific/Kiritimati', 14],
])('today in %s', (zone, hours) => {
  it('changes at midnight there, and not at midnight in UTC', async () => {
    local = await aLocal({ environment: { UNIONHALL_TIME_ZONE: zone } });
    local.clock.stop();
    const midnight = Math.ceil(local.clock.now().valueOf() / 86_400_000 + 1) * 86_400_000 - hours * 3_600_000;
    const [eve, today, tomorrow] = [-12, 12, 36].map((later) => dayIn(zone, new Date(midnight + later * 3_600_000)));
    const codesOf = async (activityDate: string | undefined) => (await log(local.organizer, visit({ memberId: null, activityDate }))).codes;

    local.clock.turn((midnight - 30_000 - local.clock.now().valueOf()) / 1000);
    expect([await codesOf(eve), await codesOf(today)]).toEqual([[], ['BAD_INPUT']]);

    local.clock.turn(60);
    expect([await codesOf(today), await codesOf(tomorrow)]).toEqual([[], ['BAD_INPUT']]);
  });
});
