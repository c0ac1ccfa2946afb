import { beforeAll, describe, expect, it } from '@jest/globals';
import { fillIn } from './rights/kit.ts';
import { aLocal, type Local } from './support/local.ts';
import { costOf, type Cost } from './support/plan.ts';
import { saidOf } from './support/said.ts';

type Who = 'admin' | 'officer' | 'staff' | 'organizer' | 'member' | 'testuser';

interface Range {
  readonly from?: string | null;
  readonly to?: string | null;
}

const benevolence = `query ($from: Date, $to: Date) { summary: benevolenceSummary(from: $from, to: $to) {
  count requested approved paid byStatus { status count requested approved } byReason { reason count requested approved } } }`;
const grievances = `query ($from: Date, $to: Date) { summary: grievanceSummary(from: $from, to: $to) {
  count openCount averageDaysToResolution settledAmount byStatus { status count } byStep { step count settled }
  byEmployer { employer { id name unitSize } count openCount } byArticle { contractArticle count settled } } }`;
const organizing = `query ($from: Date, $to: Date, $id: ID) { summary: organizingSummary(organizationId: $id, from: $from, to: $to) {
  organization { id name city contacts { id } } activityCount workersContacted cardsSigned cardShare reachesPetition reachesMajority
  months { month activityCount workersContacted cardsSigned } } }`;

let local: Local;

/** Returns the first column of the first row. */
async function value<T>(sql: string, ...parameters: unknown[]): Promise<T> {
  const [row = {}] = await local.sql(sql, parameters);
  return Object.values(row)[0] as T;
}

async function see<T>(who: Who, query: string, variables: object = {}): Promise<T> {
  const { data, errors } = await local[who].ask<{ summary: T }>(query, variables);
  expect(errors).toEqual([]);
  return data.summary;
}

const upper = (rows: readonly Record<string, unknown>[], column: string) =>
  rows.map((row) => ({ ...row, [column]: String(row[column]).toUpperCase() }));

/** Returns ranges of days with and without rows at both ends. */
async function rangesOf(table: string, column: string): Promise<Range[]> {
  const days = (await local.sql(`select distinct ${column}::text as day from ${table} order by 1`, [])).map(({ day }) => String(day));
  const [first = '', middle = '', last = ''] = [days[0], days[days.length >> 1], days.at(-1)];
  return [
    {},
    { from: null, to: null },
    { from: middle },
    { to: middle },
    { from: middle, to: middle },
    { from: first, to: last },
    { from: '2999-01-01' },
    { to: '0001-01-01' },
  ];
}

beforeAll(async () => {
  local = await aLocal();
  await fillIn(local.sql);
  // grievances without an article, and others with two different ones; an employer that was deleted
  await local.sql(
    `update grievances set contract_article = case when right(id::text, 1) < '5' then null when right(id::text, 1) < 'b' then 'Article 9' else 'Article 12' end`,
    [],
  );
  await local.sql(
    'update organizations set deleted_at = now() where id = (select employer_id from grievances where deleted_at is null order by id desc limit 1)',
    [],
  );
  await local.sql(
    'update organizations set unit_size = null where id = (select organization_id from salting_activities where deleted_at is null order by id limit 1)',
    [],
  );
});

/** Returns the visible cases of a caller, from the expected permissions. */
const mine = async (who: Who): Promise<string> =>
  who === 'member' || who === 'testuser'
    ? `member_id = '${await value<string>('select member_id from users where username = $1', who)}'`
    : 'true';

describe.each(['admin', 'officer', 'staff', 'member', 'testuser'] as const)('%s', (who) => {
  it('counts the visible applications, and sums their amounts', async () => {
    for (const range of await rangesOf('benevolence_applications', 'application_date')) {
      const rows = `(select * from benevolence_applications where deleted_at is null and ${await mine(who)}
        and ($1::date is null or application_date >= $1) and ($2::date is null or application_date <= $2)) a`;
      const sums = `count(*)::int as count, coalesce(sum(amount_requested), 0)::numeric(14,2)::text as requested,
        coalesce(sum(approved_amount), 0)::numeric(14,2)::text as approved`;
      const days = [range.from ?? null, range.to ?? null];
      const [whole] = await local.sql(
        `select ${sums}, coalesce(sum(case when status = 'paid' then approved_amount end), 0)::numeric(14,2)::text as paid from ${rows}`,
        days,
      );
      const { byStatus, byReason, ...rest } = await see<Record<string, { count: number }[]>>(who, benevolence, range);
      expect(rest).toEqual(whole);
      for (const [name, told] of Object.entries({ status: byStatus, reason: byReason })) {
        const counted = upper(await local.sql(`select ${name}, ${sums} from ${rows} group by 1`, days), name);
        expect(told?.filter(({ count }) => count > 0)).toHaveLength(counted.length);
        expect(told).toEqual(expect.arrayContaining(counted));
        for (const none of told?.filter(({ count }) => count === 0) ?? [])
          expect(none).toMatchObject({ requested: '0.00', approved: '0.00' });
      }
      expect(byStatus?.map((each) => (each as unknown as { status: string }).status)).toEqual([
        'DRAFT',
        'SUBMITTED',
        'UNDER_REVIEW',
        'APPROVED',
        'DENIED',
        'PAID',
      ]);
      expect(byReason).toHaveLength(5);
    }
  });

  it('counts the visible grievances, by status, step, employer and article', async () => {
    for (const range of await rangesOf('grievances', 'filed_date')) {
      const rows = `(select g.*, status in ('settled', 'withdrawn', 'closed') as is_ended, status = 'settled' as is_settled from grievances g
        where deleted_at is null and ${await mine(who)} and ($1::date is null or filed_date >= $1) and ($2::date is null or filed_date <= $2)) g`;
      const days = [range.from ?? null, range.to ?? null];
      const count = (by: string, more = '') => local.sql(`select ${by}, count(*)::int as count ${more} from ${rows} group by 1`, days);
      const [whole] = await local.sql(
        `select count(*)::int as count, count(case when not is_ended then 1 end)::int as "openCount",
           avg(case when is_ended then resolution_date - filed_date end)::float8 as "averageDaysToResolution",
           coalesce(sum(settlement_amount), 0)::numeric(14,2)::text as "settledAmount" from ${rows}`,
        days,
      );
      const summary = await see<Record<'byStatus' | 'byStep' | 'byEmployer' | 'byArticle', { count: number }[]>>(who, grievances, range);
      const { byStatus, byStep, byEmployer, byArticle, ...rest } = summary;
      expect(rest).toEqual(whole);
      const settled = ', count(case when is_settled then 1 end)::int as settled';
      const found = (told: { count: number }[]) => told.filter(({ count: some }) => some > 0);
      const bag = (some: readonly unknown[]) => some.map((each) => JSON.stringify(each)).sort();
      expect(bag(found(byStatus))).toEqual(bag(upper(await count('status'), 'status')));
      expect(bag(found(byStep))).toEqual(bag(upper(await count('current_step as step', settled), 'step')));
      expect(bag(byArticle)).toEqual(bag(await count('contract_article as "contractArticle"', settled)));
      const employers = await count('employer_id as id', ', count(case when not is_ended then 1 end)::int as "openCount"');
      const told = byEmployer.map((each) => {
        const { employer, ...figures } = each as unknown as {
          employer: { id: string; unitSize: number | null };
          openCount: number;
          count: number;
        };
        // a member can see only the name of an employer, here too
        if (who === 'member' || who === 'testuser') expect(employer.unitSize).toBeNull();
        return { id: employer.id, ...figures };
      });
      expect(bag(told)).toEqual(bag(employers));
      for (const list of [byEmployer, byArticle])
        expect(list.map(({ count: some }) => some)).toEqual(list.map(({ count: some }) => some).sort((a, b) => b - a));
      expect([byStatus.length, byStep.length]).toEqual([7, 4]);
    }
  });
});

interface Organizing {
  organization: { id: string; name: string; contacts: { id: string }[] };
  activityCount: number;
  workersContacted: number;
  cardsSigned: number;
  cardShare: number | null;
  reachesPetition: boolean | null;
  reachesMajority: boolean | null;
  months: Record<string, unknown>[];
}

describe.each(['admin', 'officer', 'organizer'] as const)('%s', (who) => {
  it('counts activities by employer and month, and all cards against the unit', async () => {
    for (const range of await rangesOf('salting_activities', 'activity_date')) {
      const days = [range.from ?? null, range.to ?? null];
      const rows = `(select s.* from salting_activities s join organizations o on o.id = s.organization_id and o.deleted_at is null
        where s.deleted_at is null and ($1::date is null or activity_date >= $1) and ($2::date is null or activity_date <= $2)) s`;
      const sums = `count(*)::int as "activityCount", sum(workers_contacted)::int as "workersContacted", sum(cards_signed)::int as "cardsSigned"`;
      const expected = await local.sql(
        `select o.id, o.name, o.unit_size, (select sum(cards_signed)::int from salting_activities e where e.organization_id = o.id and e.deleted_at is null) as ever, ${sums}
         from ${rows} join organizations o on o.id = s.organization_id group by o.id order by o.name, o.id`,
        days,
      );
      const told = await see<Organizing[]>(who, organizing, range);
      expect(
        told.map(({ organization: { id, name }, activityCount, workersContacted, cardsSigned }) => ({
          id,
          name,
          activityCount,
          workersContacted,
          cardsSigned,
        })),
      ).toEqual(expected.map(({ unit_size: _, ever: __, ...each }) => each));
      for (const [place, { cardShare, reachesPetition, reachesMajority, months, organization }] of told.entries()) {
        const { unit_size: unit, ever } = expected[place] as { unit_size: number | null; ever: number };
        if (unit === null) expect([cardShare, reachesPetition, reachesMajority]).toEqual([null, null, null]);
        else {
          expect(cardShare).toBeCloseTo(ever / unit, 12);
          expect([reachesPetition, reachesMajority]).toEqual([10 * ever >= 3 * unit, ever >= Math.floor(unit / 2) + 1]);
        }
        const byMonth = await local.sql(
          `select left(activity_date::text, 7) as month, ${sums} from ${rows} where organization_id = $3 group by 1 order by 1`,
          [...days, organization.id],
        );
        expect(months).toEqual(byMonth);
      }
    }
  });
});

describe('organizing at one employer', () => {
  const anOrganization = async (unitSize: number | null): Promise<string> => {
    const { createOrganization: made } = await local.admin.see<{ createOrganization: { id: string } }>(
      'mutation ($input: CreateOrganizationInput!) { createOrganization(input: $input) { id } }',
      { input: { name: 'Slate Quarry', orgType: 'EMPLOYER', unitSize } },
    );
    return made.id;
  };
  const log = async (organizationId: string, activityDate: string, cardsSigned: number, workersContacted = cardsSigned) =>
    local.organizer.see('mutation ($input: LogSaltingActivityInput!) { logSaltingActivity(input: $input) { id } }', {
      input: {
        memberId: await value('select id from members where deleted_at is null limit 1'),
        organizationId,
        activityType: 'CARD_SIGNING',
        activityDate,
        cardsSigned,
        workersContacted,
      },
    });

  it('without activities is zero, and not missing', async () => {
    const id = await anOrganization(10);
    expect(await see<Organizing[]>('officer', organizing, { id })).toEqual([
      {
        organization: { id, name: 'Slate Quarry', city: null, contacts: [] },
        activityCount: 0,
        workersContacted: 0,
        cardsSigned: 0,
        cardShare: 0,
        reachesPetition: false,
        reachesMajority: false,
        months: [],
      },
    ]);
    expect(await see<Organizing[]>('officer', organizing, { id: await anOrganization(null) })).toMatchObject([
      { cardShare: null, reachesPetition: null },
    ]);
    const everywhere = await see<Organizing[]>('officer', organizing);
    expect(everywhere.map(({ organization }) => organization.id)).not.toContain(id);
  });

  it.each([
    [10, 2, false, false],
    [10, 3, true, false],
    [10, 5, true, false],
    [10, 6, true, true],
    [7, 2, false, false],
    [7, 3, true, false],
    [7, 4, true, true],
    [1, 1, true, true],
    [3, 4, true, true],
  ])('of a unit of %i, %i cards are a petition: %s, a majority: %s', async (unit, cards, petition, majority) => {
    const id = await anOrganization(unit);
    await log(id, '2026-02-03', cards);
    expect(await see<Organizing[]>('organizer', organizing, { id })).toMatchObject([
      { cardShare: cards / unit, reachesPetition: petition, reachesMajority: majority },
    ]);
  });

  it('counts the requested days, but all cards for the share', async () => {
    const id = await anOrganization(10);
    await log(id, '2026-01-31', 2, 5);
    await log(id, '2026-02-01', 1, 4);
    await log(id, '2026-02-28', 3);
    const month = { month: '2026-02', activityCount: 2, workersContacted: 7, cardsSigned: 4 };
    expect(await see<Organizing[]>('admin', organizing, { id, from: '2026-02-01', to: '2026-02-28' })).toMatchObject([
      { activityCount: 2, workersContacted: 7, cardsSigned: 4, cardShare: 0.6, reachesMajority: true, months: [month] },
    ]);
    expect(await see<Organizing[]>('admin', organizing, { id, from: '2027-01-01' })).toMatchObject([
      { activityCount: 0, cardsSigned: 0, cardShare: 0.6, months: [] },
    ]);
  });

  it('works with more contacts than workers', async () => {
    const id = await anOrganization(10);
    for (const day of ['2026-01-01', '2026-01-02']) await log(id, day, 0, 2 ** 31 - 1);
    expect(await see<Organizing[]>('admin', organizing, { id })).toMatchObject([{ activityCount: 2, workersContacted: 2 ** 31 - 1 }]);
  });

  it('is not returned for a hidden or missing employer', async () => {
    const gone = await value('select id from organizations where deleted_at is not null limit 1');
    for (const id of [gone, '01900000-0000-7000-8000-000000000009'])
      for (const who of ['admin', 'organizer'] as const) expect((await local[who].ask(organizing, { id })).codes).toEqual(['NOT_FOUND']);
    expect(saidOf(await local.admin.ask(organizing, { id: 'x' }))).toEqual(['organizationId must be a UUID']);
  });
});

describe('summaries', () => {
  const every = { benevolence, grievances, organizing };

  it.each(Object.entries(every))('of %s require days in order', async (_, query) => {
    expect(saidOf(await local.admin.ask(query, { from: '2026-02-02', to: '2026-02-01' }))).toEqual(['from must not be later than to']);
    expect((await local.admin.ask(query, { from: '2026-02-30' })).codes).toEqual(['BAD_INPUT']);
  });

  it.each([
    ['benevolence', ['organizer', 'instructor'] as const],
    ['grievances', ['organizer', 'instructor'] as const],
    ['organizing', ['staff', 'instructor', 'member', 'testuser'] as const],
  ] as const)('of %s are refused to some callers, whatever is selected', async (name, others) => {
    for (const variables of [{}, { from: '2026-02-02', to: '2026-02-01' }, { id: 'x' }]) {
      for (const who of others) expect([who, (await local[who].ask(every[name], variables)).codes]).toEqual([who, ['FORBIDDEN']]);
      expect((await local.anonymous.ask(every[name], variables)).codes).toEqual(['UNAUTHENTICATED']);
    }
  });

  it.each([
    ['benevolence', 1, 1],
    ['grievances', 1, 2],
    ['organizing', 2, 4], // its rows are counted first
  ] as const)('of %s are read by %i statements on the rows, %i in all', async (name, onRows, inAll) => {
    const query = every[name];
    const quiet = await aLocal({ comparesExecutions: false });
    await quiet.admin.ask(query);
    const before = quiet.heard.length;
    await quiet.admin.ask(query);
    const heard = quiet.heard.slice(before).filter((text) => !/from sessions|sessions s/.test(text));
    expect(heard.filter((text) => text.startsWith('with counted'))).toHaveLength(onRows);
    expect(heard).toHaveLength(inAll);
  });

  it('without cases are zeros', async () => {
    await local.sql(`update users set member_id = null where username = 'testuser'`, []);
    expect(await see('testuser', grievances)).toMatchObject({
      count: 0,
      openCount: 0,
      averageDaysToResolution: null,
      settledAmount: '0.00',
      byEmployer: [],
      byArticle: [],
    });
    expect(await see('testuser', benevolence)).toMatchObject({ count: 0, requested: '0.00', approved: '0.00', paid: '0.00' });
  });

  it('may be selected twice in one document, and together with their cases', async () => {
    const answer = await local.staff.see<
      Record<'one' | 'other', { count: number; byEmployer: { employer: { id: string; name?: string } }[] }>
    >(
      `{ one: grievanceSummary { count byEmployer { employer { id } } } other: grievanceSummary(to: "0001-01-01") { count byEmployer { employer { id name } } }
         third: grievanceSummary { count byEmployer { employer { id name grievances(first: 1) { totalCount } } } } }`,
    );
    expect([answer.one.count > 0, answer.other]).toEqual([true, { count: 0, byEmployer: [] }]);
  });
});

describe('among 20,000 cases', () => {
  let server: Local;
  const many = 20_000;

  beforeAll(async () => {
    server = await aLocal({ engine: 'postgresql', comparesExecutions: false });
    await server.sql(
      `insert into grievances (id, created_at, updated_at, grievance_number, member_id, employer_id, filed_date, contract_article,
         violation_description, current_step, status, version)
       select gen_random_uuid(), now(), now(), 'GR-2001-' || lpad((n + 1000)::text, 6, '0'), m.ids[1 + n % cardinality(m.ids)],
         o.ids[1 + n % cardinality(o.ids)], date '2001-01-01' + n % 300, 'Article ' || n % 20, 'Overtime', 'step_1', 'open', 1
       from generate_series(1, ${many}) n, (select array_agg(id) as ids from members) m, (select array_agg(id) as ids from organizations) o`,
      [],
    );
    for (const table of ['grievances', 'members', 'organizations']) await server.sql(`analyze ${table}`, []);
  });

  /** Returns the cost of a caller's figures. The parameters of the statement are days, the member and a limit. */
  async function costFor(who: 'admin' | 'member', days: readonly string[]): Promise<Cost> {
    await server[who].see(grievances, { from: days[0] ?? null, to: days[1] ?? null });
    const text = server.heard.findLast((each) => each.startsWith('with counted')) ?? '';
    const [row = {}] = await server.sql('select member_id from users where username = $1', [who]);
    const parameters = new Set(text.match(/\$\d+/g)).size;
    const others = Array.from({ length: parameters }, (_, at) => (text.includes(`limit $${at + 1})`) ? 10_000 : row['member_id']));
    return costOf(server.database, { text, parameters: [...days, ...others.slice(days.length)] });
  }

  it('a few days are found by their index', async () => {
    const { rows, whole, plan } = await costFor('admin', ['2001-03-01', '2001-03-02']);
    const inRange = 2 * (many / 300);
    expect([rows < 10 * inRange, whole.filter((length) => length > 500), plan]).toEqual([true, [], plan]);
  });

  it('a caller’s own cases are found by their index', async () => {
    const { rows, whole, plan } = await costFor('member', []);
    expect([rows < many / 5, whole.filter((length) => length > 500), plan]).toEqual([true, [], plan]);
  });

  it('all cases are read once', async () => {
    const { rows, whole, plan } = await costFor('admin', []);
    expect([whole.filter((length) => length > 500).length < 2, rows < 2 * many, plan]).toEqual([true, true, plan]);
  });
});
