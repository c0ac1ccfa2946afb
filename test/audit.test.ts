import { randomUUID } from 'node:crypto';
import { beforeAll, describe, expect, it } from '@jest/globals';
import type { SqlEntityManager } from '@mikro-orm/postgresql';
import { AuditOutcome } from '../src/entities/audit.ts';
import { Refusals } from '../src/services/audit/index.ts';
import { isGenuine } from '../src/services/audit/event.ts';
import { eventColumns, eventOf } from '../src/services/audit/row.ts';
import { Keyring } from '../src/services/crypto/keyring.ts';
import { cleanUp } from '../src/services/session/cleanup.ts';
import { Viewer } from '../src/entities/viewer.ts';
import type { SessionConfig } from '../src/config.ts';
import { recordedEach, signedIn, withStepUp, unlessClosed } from '../src/permissions/rule.ts';
import { aLocal, type Actor, type Local } from './support/local.ts';

interface Event {
  id: string;
  at: string;
  actor: { userId: string; fullName: string } | null;
  action: string;
  targetType: string | null;
  targetId: string | null;
  outcome: string;
  ipAddress: string | null;
  requestId: string;
  count: number;
}

interface Page {
  totalCount: number;
  nodes: Event[];
  edges: { cursor: string; node: { id: string } }[];
  pageInfo: { hasNextPage: boolean; hasPreviousPage: boolean; startCursor: string; endCursor: string };
}

const query = `query ($filter: AuditEventFilter, $first: Int, $after: String, $last: Int, $before: String) {
  auditEvents(filter: $filter, first: $first, after: $after, last: $last, before: $before) {
    totalCount pageInfo { hasNextPage hasPreviousPage startCursor endCursor } edges { cursor node { id } }
    nodes { id at actor { userId fullName } action targetType targetId outcome ipAddress requestId count }
  }
}`;

const events = async (who: Actor, variables: object = {}): Promise<Page> =>
  (await who.see<{ auditEvents: Page }>(query, { first: 100, ...variables })).auditEvents;
const idsOf = ({ nodes }: Page): string[] => nodes.map(({ id }) => id);

const keyring = Keyring.parse(Keyring.generate());
const people = ['admin', 'officer', 'staff', 'organizer', 'instructor', 'member', 'testuser', 'vp'] as const;
const targets = ['Member', 'MemberEmployment', 'User', 'RoleAssignment', 'Grievance', 'SaltingActivity', 'Session', 'Role', null] as const;

let local: Local;
const userIds: Record<string, string> = {};

beforeAll(async () => {
  local = await aLocal();
  for (const who of people) await local[who].token();
  for (const { id, username } of await local.sql('select id, username from users', [])) userIds[username as string] = id as string;
  // a year of events, twelve of the same instant, of all users and anonymous, about all kinds of records
  await local.sql(
    `insert into audit_events (id, at, actor_id, session_id, ip_address, action, target_type, target_id, outcome, reason, request_id, count, mac)
     select gen_random_uuid(), timestamptz '2025-01-01T00:00:00.123Z' + make_interval(days => (n / 12)::int), actor, gen_random_uuid(), '198.51.100.' || n,
       (array['member.update', 'salting.log', 'settle', 'x''; drop table users; --'])[1 + n % 4], target, case when target is null then null else gen_random_uuid() end,
       (array['succeeded', 'denied', 'failed'])[1 + n % 3], 'secret reason', 'request-' || n, 1 + n % 5, 'none'
     from (select row_number() over () as n, actor, target from unnest($1::uuid[]) as actor, unnest($2::text[]) as target) as every`,
    [[...people.slice(0, 7).map((who) => userIds[who]), null], [...targets]],
  );
});

/** The expected permissions in their own words. */
const share: Record<string, string> = {
  admin: 'true',
  officer: `(target_type in ('Member', 'MemberEmployment', 'User', 'RoleAssignment') or actor_id = $1)`,
};
const shareOf = async (who: string, where = 'true'): Promise<string[]> => {
  const rows = await local.sql(
    `select id from audit_events where $1::uuid is not null and ${share[who === 'vp' ? 'officer' : who] ?? 'actor_id = $1'} and (${where}) order by at desc, id desc`,
    [userIds[who]],
  );
  return rows.map(({ id }) => id as string);
};

describe('the log', () => {
  it.each(people)('shows %s their events, newest first, and counts only these', async (who) => {
    const page = await events(local[who]);
    const expected = await shareOf(who);
    expect(expected.length).toBeGreaterThan(0);
    expect(idsOf(page)).toEqual(expected.slice(0, 100));
    expect(page.totalCount).toBe(expected.length);
    expect(page.pageInfo.hasNextPage).toBe(expected.length > 100);
  });

  it('hides some events from everyone except admins, and different ones per role', async () => {
    const all = await shareOf('admin');
    const shares = await Promise.all(people.slice(1).map((who) => shareOf(who)));
    for (const each of shares) expect(each.length).toBeLessThan(all.length);
    expect(new Set(shares.map((each) => each.join())).size).toBe(shares.length);
  });

  it('shows an event as stored, with the name of its actor', async () => {
    const [row = {}] = await local.sql(
      `select e.*, u.first_name || ' ' || u.last_name as name from audit_events e join users u on u.id = e.actor_id where request_id = 'request-20'`,
      [],
    );
    const at = (row['at'] as Date).toISOString();
    const { nodes } = await events(local.admin, { filter: { from: at, to: at } });
    expect(nodes.find(({ requestId }) => requestId === 'request-20')).toEqual({
      id: row['id'],
      at,
      actor: { userId: row['actor_id'], fullName: row['name'] },
      action: row['action'],
      targetType: row['target_type'],
      targetId: row['target_id'],
      outcome: String(row['outcome']).toUpperCase(),
      ipAddress: '198.51.100.20',
      requestId: 'request-20',
      count: row['count'],
    });
  });

  it.each(['reason', 'sessionId', 'mac', 'session'])('does not publish %s', async (field) => {
    expect((await local.admin.ask(`{ auditEvents { nodes { ${field} } } }`)).codes).toEqual(['BAD_INPUT']);
    expect((await local.admin.ask(`{ auditEvents(filter: { ${field}: "x" }) { totalCount } }`)).codes).toEqual(['BAD_INPUT']);
  });

  it('is open to every signed-in user with a role', async () => {
    expect(await local.anonymous.ask(query)).toMatchObject({ data: { auditEvents: null }, codes: ['UNAUTHENTICATED'] });
    await local.sql(`update user_roles set expires_at = now() where user_id = $1`, [userIds['instructor']]);
    expect((await local.instructor.ask(query)).codes).toEqual(['FORBIDDEN']);
    await local.sql(`update user_roles set expires_at = null where user_id = $1`, [userIds['instructor']]);
    expect((await local.instructor.ask(query)).codes).toEqual([]);
  });
});

describe('pages', () => {
  it.each(['admin', 'officer', 'staff'] as const)('follow each other without gaps, forwards and backwards, for %s', async (who) => {
    const expected = await shareOf(who);
    const [forwards, backwards]: string[][] = [[], []];
    let page = await events(local[who], { first: 7 });
    for (;;) {
      forwards?.push(...idsOf(page));
      expect(page.edges.map(({ node }) => node.id)).toEqual(idsOf(page));
      if (!page.pageInfo.hasNextPage) break;
      page = await events(local[who], { first: 7, after: page.pageInfo.endCursor });
    }
    page = await events(local[who], { first: undefined, last: 7 });
    for (;;) {
      backwards?.unshift(...idsOf(page));
      if (!page.pageInfo.hasPreviousPage) break;
      page = await events(local[who], { first: undefined, last: 7, before: page.pageInfo.startCursor });
    }
    expect(forwards).toEqual(expected);
    expect(backwards).toEqual(expected);
  });

  it('contain nothing more after a cursor of another user', async () => {
    const { pageInfo } = await events(local.admin, { first: 5 });
    const own = await shareOf('staff');
    const seen = idsOf(await events(local.staff, { after: pageInfo.endCursor }));
    expect(seen.filter((id) => !own.includes(id))).toEqual([]);
  });

  it('refuse an invalid page or cursor', async () => {
    for (const variables of [
      { first: 0 },
      { first: 101 },
      { first: 1, last: 1 },
      { first: 1, after: 'nonsense' },
      { first: 1, before: 'x' },
    ])
      expect((await local.admin.ask(query, variables)).codes).toEqual(['BAD_INPUT']);
    expect((await local.admin.ask('{ auditEvents(orderBy: { field: AT }) { totalCount } }')).codes).toEqual(['BAD_INPUT']);
  });
});

describe('a filter', () => {
  const instant = '2025-01-03T00:00:00.123Z';
  const filters: readonly (readonly [name: string, filter: () => object, where: () => string])[] = [
    ['actor', () => ({ actorId: userIds['staff'] }), () => `actor_id = '${userIds['staff']}'`],
    ['action', () => ({ action: 'salting.log' }), () => `action = 'salting.log'`],
    ['an action in anybody’s words', () => ({ action: `x'; drop table users; --` }), () => `action = 'x''; drop table users; --'`],
    ['target type', () => ({ targetType: 'Grievance' }), () => `target_type = 'Grievance'`],
    ['target type and action', () => ({ targetType: 'User', action: 'login' }), () => `target_type = 'User' and action = 'login'`],
    ['target', () => ({ targetId: userIds['member'] }), () => `target_id = '${userIds['member']}'`],
    ['outcome', () => ({ outcome: 'DENIED' }), () => `outcome = 'denied'`],
    ['a beginning, itself included', () => ({ from: instant }), () => `at >= '${instant}'`],
    ['an end, itself included', () => ({ to: instant }), () => `at <= '${instant}'`],
    ['an instant', () => ({ from: instant, to: instant }), () => `at = '${instant}'`],
    ['an end before the beginning', () => ({ from: '2025-01-02T00:00:00Z', to: '2025-01-01T00:00:00Z' }), () => 'false'],
    [
      'all of it',
      () => ({
        actorId: userIds['staff'],
        action: 'settle',
        targetType: 'Member',
        outcome: 'SUCCEEDED',
        from: '2024-01-01T00:00:00Z',
        to: instant,
      }),
      () =>
        `actor_id = '${userIds['staff']}' and action = 'settle' and target_type = 'Member' and outcome = 'succeeded' and at <= '${instant}'`,
    ],
    ['nothing', () => ({}), () => 'true'],
  ];

  it.each(filters)('by %s finds matching events among the visible ones only', async (_, filter, where) => {
    for (const who of people) {
      const page = await events(local[who], { filter: filter() });
      const expected = await shareOf(who, where());
      expect([who, idsOf(page), page.totalCount]).toEqual([who, expected.slice(0, 100), expected.length]);
    }
  });

  it.each([
    ['nothing', ''],
    ['a pattern', '%'],
    ['a pattern of one place each', '_____'],
    ['a backslash', '\\'],
    ['other case', 'LOGIN'],
    ['a blank before', ' login'],
    ['SQL', `' or true --`],
    ['a parameter', '$1'],
    ['a placeholder', '?'],
    ['half a character', '\ud800'],
    ['no character', '\uffff'],
    ['much of it', 'x'.repeat(50_000)],
  ])('compares text exactly: %s', async (_, text) => {
    for (const name of ['action', 'targetType']) {
      const page = await events(local.admin, { filter: { [name]: text } });
      expect([name, page.totalCount, page.nodes]).toEqual([name, 0, []]);
    }
  });

  it.each(['actorId', 'action', 'targetType', 'targetId', 'outcome', 'from', 'to'])('treats null for %s as omitted', async (name) => {
    const page = await events(local.admin, { filter: { targetType: 'no type', [name]: null } });
    const all = await events(local.admin, { filter: name === 'targetType' ? { targetType: null } : { targetType: 'no type' } });
    expect([page.totalCount > 0, all.totalCount > 0]).toEqual([name === 'targetType', name === 'targetType']);
  });

  it('has a different description for each field', async () => {
    const { __type } = await local.admin.see<{ __type: { inputFields: { name: string; description: string }[] } }>(
      '{ __type(name: "AuditEventFilter") { inputFields { name description } } }',
    );
    expect(Object.fromEntries(__type.inputFields.map(({ name, description }) => [name, description]))).toEqual({
      actorId: 'Matches the user id of `actor`.',
      action: 'Matches `action`.',
      targetType: 'Matches `targetType`.',
      targetId: 'Matches `targetId`.',
      outcome: 'Matches `outcome`.',
      from: 'Matches events at or after this time.',
      to: 'Matches events at or before this time.',
    });
  });

  it.each([
    [{ actorId: 'nonsense' }, 'filter.actorId'],
    [{ targetId: '' }, 'filter.targetId'],
    [{ targetId: `' or true --` }, 'filter.targetId'],
    [{ actorId: '01900000-0000-7000-8000-00000000dead0' }, 'filter.actorId'],
  ])('refuses an invalid id: %j', async (filter, path) => {
    const { codes, errors } = await local.admin.ask(query, { filter });
    expect([codes, errors[0]?.extensions['fields']]).toEqual([['BAD_INPUT'], [{ path, message: 'must be a UUID' }]]);
  });

  it.each<object>([
    { action: 'a\0b' },
    { from: 'yesterday' },
    { from: '2025-02-30T00:00:00Z' },
    { to: 1 },
    { outcome: 'ANY' },
    { action: { eq: 'login' } },
    { action: ['login'] },
    { at: '2025-01-01T00:00:00Z' },
    { actor: 'x' },
    { constructor: 'x' },
  ])('refuses %j', async (filter) => {
    expect((await local.admin.ask(query, { filter })).codes).toEqual(['BAD_INPUT']);
  });
});

describe('a refusal', () => {
  const until = async <T>(look: () => Promise<T | undefined>): Promise<T> => {
    for (;;) {
      const found = await look();
      if (found !== undefined) return found;
      await new Promise(setImmediate);
    }
  };
  const counted = (action: string, at: Local = local) =>
    at.sql('select reason, outcome, count, key, actor_id, session_id, ip_address, request_id from denials where action = $1 order by key', [
      action,
    ]);
  /** Waits until this many refusals of an operation are recorded. */
  const refusals = (action: string, count: number, at: Local = local) =>
    until(async () => {
      const rows = await counted(action, at);
      return rows.reduce((sum, row) => sum + (row['count'] as number), 0) >= count ? rows : undefined;
    });
  /** Waits until all earlier refusals are recorded. */
  const drained = async (at: Local): Promise<void> => {
    const before = (await counted('sessions', at)).reduce((sum, row) => sum + (row['count'] as number), 0);
    await at.anonymous.ask('{ sessions { id } }');
    await refusals('sessions', before + 1, at);
  };
  let plain: Local;
  beforeAll(async () => {
    plain = await aLocal({ comparesExecutions: false });
    plain.clock.stop(); // all in one minute
  });

  it('counts for the caller, under the name of the operation in the schema', async () => {
    const asked = 'query Innocent { me: saltingActivities { totalCount } login: saltingActivities { totalCount } }';
    const { codes, headers } = await plain.staff.ask(asked);
    expect(codes).toEqual(['FORBIDDEN', 'FORBIDDEN']);
    const [row, ...others] = await refusals('saltingActivities', 2, plain);
    expect(others).toEqual([]);
    const [{ id }] = (await plain.sql(`select id from users where username = 'staff'`, [])) as [{ id: string }];
    expect(row).toEqual({
      reason: 'forbidden',
      outcome: 'denied',
      count: 2,
      key: id,
      actor_id: id,
      session_id: expect.any(String),
      ip_address: '127.0.0.1',
      request_id: headers.get('x-request-id'),
    });
    await plain.staff.ask(asked);
    await plain.member.ask(asked);
    expect((await refusals('saltingActivities', 6, plain)).map(({ count }) => count).sort()).toEqual([2, 4]);
  });

  it('counts for the address of an anonymous caller, for any alias', async () => {
    const said = 'x-request-id';
    for (const name of ['A', 'B'])
      await plain.anonymous.ask(`query ${name} { ${name}: grievances { totalCount } }`, {}, { [said]: `mine.${name}` });
    expect(await refusals('grievances', 2, plain)).toEqual([
      expect.objectContaining({
        reason: 'unauthenticated',
        count: 2,
        key: '127.0.0.1',
        actor_id: null,
        session_id: null,
        request_id: expect.stringMatching(/^[0-9a-f]{8}-[0-9a-f-]{27}$/),
      }),
    ]);
    await drained(plain);
    const actions = await plain.sql('select distinct action from denials', []);
    expect(actions.map(({ action }) => action).sort()).toEqual(['grievances', 'saltingActivities', 'sessions']);
  });

  it('counts for mutations, with the reason', async () => {
    const at = await aLocal({ comparesExecutions: false });
    await at.admin.token();
    await at.officer.token();
    at.clock.turn(1200);
    expect((await at.admin.ask('mutation { beginTotp { secret } }')).codes).toEqual(['STEP_UP_REQUIRED']);
    await at.sql(`update users set password_must_change = true where username = 'officer'`, []);
    expect((await at.officer.ask('{ members { totalCount } }')).codes).toEqual(['PASSWORD_CHANGE_REQUIRED']);
    expect((await refusals('beginTotp', 1, at)).map(({ reason }) => reason)).toEqual(['step_up_required']);
    expect((await refusals('members', 1, at)).map(({ reason }) => reason)).toEqual(['password_change_required']);
  });

  it('excludes hidden rows, invalid input and successful operations', async () => {
    const [{ id }] = (await plain.sql(
      `select id from members where id <> (select member_id from users where username = 'member') limit 1`,
      [],
    )) as [{ id: string }];
    await drained(plain);
    const before = await plain.sql('select action, key, count from denials where action <> $1 order by 1, 2', ['sessions']);
    expect((await plain.member.ask(`{ member(id: "${id}") { id } }`)).codes).toEqual(['NOT_FOUND']);
    expect((await plain.member.ask('{ members(first: 0) { totalCount } }')).codes).toEqual(['BAD_INPUT']);
    expect((await plain.member.ask('{ members(includeDeleted: true) { totalCount } }')).codes).toEqual(['FORBIDDEN']);
    expect((await plain.member.ask('{ nonsense }')).codes).toEqual(['BAD_INPUT']);
    expect((await plain.member.ask('{ permissions { operation } members { totalCount } }')).codes).toEqual([]);
    await drained(plain);
    expect(await plain.sql('select action, key, count from denials where action <> $1 order by 1, 2', ['sessions'])).toEqual(before);
  });

  it('appears in the log after its minute', async () => {
    await plain.organizer.ask('{ grievances { totalCount } }');
    await refusals('grievances', 3, plain);
    plain.clock.turn(60);
    const em = plain.database.orm.em.fork() as SqlEntityManager;
    const rules = { refusalsPerDay: 1000 };
    await cleanUp({ em, keyring, mail: { enqueue: () => Promise.resolve() }, rules, now: plain.clock.now });
    const { nodes } = await events(plain.organizer, { filter: { outcome: 'DENIED' } });
    expect(nodes).toMatchObject([{ action: 'grievances', targetType: null, targetId: null, outcome: 'DENIED', count: 1 }]);
    const all = await events(plain.admin, { filter: { action: 'saltingActivities' } });
    expect(all.nodes.map(({ count, actor }) => [count, actor === null]).sort()).toEqual([
      [2, false],
      [4, false],
    ]);
  });

  it('is answered even if it cannot be recorded', async () => {
    const at = await aLocal({ comparesExecutions: false });
    await at.sql('alter table denials rename to elsewhere', []);
    for (let round = 0; round < 3; round += 1)
      expect((await at.staff.ask('{ saltingActivities { totalCount } }')).codes).toEqual(['FORBIDDEN']);
    await at.sql('alter table elsewhere rename to denials', []);
    await at.staff.ask('{ saltingActivities { totalCount } }');
    expect((await refusals('saltingActivities', 1, at)).length).toBe(1);
  });

  describe('in the background, refusals are recorded', () => {
    const asked = { operation: 'revealSecret', code: 'FORBIDDEN', isSingle: true } as const;
    const at = new Date('2026-03-01T12:00:00.000Z');
    const plenty = { turns: 1000, seconds: 3600 };
    const limits = new Proxy({}, { get: () => plenty }) as SessionConfig['limits'];
    /** Returns a signed-in caller with a new session. */
    const caller = async (username = 'staff'): Promise<Viewer> => {
      const [row] = await local.sql('select id from users where username = $1', [username]);
      return { userId: row?.['id'], sessionId: randomUUID() } as unknown as Viewer;
    };
    const from = (last: number | string, requestId = 'r') => ({ ipAddress: `203.0.113.${last}`, requestId });
    const parts = (warnings: string[] = [], em: () => SqlEntityManager = () => local.database.orm.em as SqlEntityManager) => ({
      em: { fork: () => em().fork() } as SqlEntityManager,
      tools: { keyring, rules: { limits, refusalsPerDay: 1000 }, now: () => at },
      warn: (message: string) => warnings.push(message),
    });

    it('one by one for a signed-in caller if the rule requires it, with the request id and a valid MAC', async () => {
      const refused = new Refusals(parts());
      const staff = await caller();
      for (const requestId of ['one', 'two', 'three']) refused.note(asked, staff, from(1, requestId));
      await refused.settle();
      const rows = await local.sql(`select ${eventColumns} from audit_events e where action = 'revealSecret' order by id`, []);
      expect(rows.map((row) => [row['request_id'], row['count'], row['outcome'], row['reason'], row['actor_id']])).toEqual(
        ['one', 'two', 'three'].map((id) => [id, 1, AuditOutcome.DENIED, 'forbidden', staff.userId]),
      );
      for (const row of rows) expect(isGenuine(eventOf(row), keyring)).toBe(true);
      expect(await counted('revealSecret')).toEqual([]);
    });

    it('as a count per address for anonymous callers, even if the rule requires single events', async () => {
      const refused = new Refusals(parts());
      const anonymous = { ...asked, operation: 'storeSecret', code: 'UNAUTHENTICATED' };
      for (let n = 0; n < 25; n += 1) refused.note(anonymous, Viewer.anonymous, from(1 + (n % 2), `r${n}`));
      await refused.settle();
      expect((await counted('storeSecret')).map(({ key, count }) => [key, count])).toEqual([
        ['203.0.113.1', 13],
        ['203.0.113.2', 12],
      ]);
      expect(await local.sql(`select from audit_events where action = 'storeSecret'`, [])).toEqual([]);
    });

    it('as at most one event per request, with a count for the others', async () => {
      const refused = new Refusals(parts());
      const [staff, request] = [await caller(), from(1, 'aliases')];
      for (let n = 0; n < 10; n += 1) refused.note({ ...asked, operation: 'deleteSecret' }, staff, request);
      await refused.settle();
      const rows = await local.sql(`select request_id from audit_events where action = 'deleteSecret'`, []);
      expect(rows).toEqual([{ request_id: 'aliases' }]);
      expect((await counted('deleteSecret')).map(({ key, count }) => [key, count])).toEqual([[staff.userId, 9]]);
    });

    it('as single events up to the limit of a user across sessions, with a count for the others', async () => {
      const { tools, ...others } = parts();
      const few = { ...tools, rules: { ...tools.rules, limits: { ...limits, refusal: { turns: 3, seconds: 3600 } } } };
      const [one, again, other] = [await caller('vp'), await caller('vp'), await caller('member')];
      const refused = new Refusals({ ...others, tools: few });
      for (let n = 0; n < 8; n += 1) refused.note({ ...asked, operation: 'renameSecret' }, n % 2 === 0 ? one : again, from(1, `r${n}`));
      refused.note({ ...asked, operation: 'renameSecret' }, other, from(1, 'other'));
      await refused.settle();
      const rows = await local.sql(`select request_id from audit_events where action = 'renameSecret' order by id`, []);
      expect(rows.map((row) => row['request_id'])).toEqual(['r0', 'r1', 'r2', 'other']);
      expect((await counted('renameSecret')).map(({ count }) => count)).toEqual([5]);
    });

    it('with the reason, if a rule requires step-up or is closed', () => {
      const each = unlessClosed('x', withStepUp(recordedEach(signedIn)));
      expect([each.each, each.apartFromStepUp?.each, recordedEach(withStepUp(signedIn)).each, withStepUp(signedIn).each]).toEqual([
        true,
        true,
        true,
        undefined,
      ]);
      expect(recordedEach(withStepUp(signedIn)).apartFromStepUp).toBe(signedIn);
    });

    it('in a few statements for a thousand at once, with one row per address or IPv6 network', async () => {
      const refused = new Refusals(parts());
      const before = local.heard.length;
      for (let n = 0; n < 1000; n += 1) {
        const ipAddress = n % 2 === 0 ? `203.0.113.${n % 100}` : `2001:db8:0:1::${n.toString(16)}`;
        refused.note({ operation: 'flooded', code: 'FORBIDDEN', isSingle: false }, Viewer.anonymous, { ipAddress, requestId: `r${n}` });
      }
      await refused.settle();
      expect(local.heard.slice(before).filter((text) => text.includes('into denials')).length).toBe(1);
      const rows = await counted('flooded');
      expect(rows.length).toBe(51);
      expect(rows.reduce((sum, row) => sum + (row['count'] as number), 0)).toBe(1000);
      expect(rows.find(({ key }) => key === '2001:db8:0:1')).toMatchObject({
        count: 500,
        ip_address: '2001:db8:0:1::3e7',
        request_id: 'r999',
      });
    });

    it('in bounded memory: a thousand addresses a minute separately, all others together', async () => {
      const warnings: string[] = [];
      const refused = new Refusals(parts(warnings));
      for (let n = 0; n < 3000; n += 1) {
        const ipAddress = `2001:db8:${(n % 1500).toString(16)}::1`;
        refused.note({ operation: 'widespread', code: 'FORBIDDEN', isSingle: false }, Viewer.anonymous, { ipAddress, requestId: 'r' });
      }
      await refused.settle();
      expect(warnings).toEqual([]);
      const rows = await counted('widespread');
      expect(rows.length).toBe(1001);
      expect(rows[0]).toMatchObject({ key: '', reason: 'over_limit', count: 1000, ip_address: null, actor_id: null });
      expect(rows.reduce((sum, row) => sum + (row['count'] as number), 0)).toBe(3000);
    });

    it('separately for signed-in callers, however many addresses were refused in that minute', async () => {
      const refused = new Refusals(parts());
      const wide = { operation: 'crowded', code: 'FORBIDDEN', isSingle: false } as const;
      for (let n = 0; n < 1001; n += 1)
        refused.note(wide, Viewer.anonymous, { ipAddress: `2001:db8:${n.toString(16)}::1`, requestId: 'r' });
      const viewer = await caller();
      refused.note(wide, viewer, from(1));
      await refused.settle();
      expect((await counted('crowded')).filter(({ actor_id: id }) => id === viewer.userId)).toHaveLength(1);
    });

    it('with the number that could not be recorded', async () => {
      const warnings: string[] = [];
      let fails = true;
      const refused = new Refusals(
        parts(warnings, () => {
          if (fails) return { fork: () => ({ isInTransaction: () => true }) } as unknown as SqlEntityManager;
          return local.database.orm.em as SqlEntityManager;
        }),
      );
      const again = { operation: 'again', code: 'FORBIDDEN', isSingle: false } as const;
      for (let n = 0; n < 5; n += 1) refused.note(again, Viewer.anonymous, from(1));
      await refused.settle();
      expect(warnings).toEqual([expect.stringMatching(/^Audit events for 5 refusals could not be written \(\w+\)$/)]);
      fails = false;
      refused.note(again, Viewer.anonymous, from(1));
      await refused.settle();
      expect((await counted('again')).map(({ count }) => count)).toEqual([1]);
      await refused.settle();
    });
  });
});
