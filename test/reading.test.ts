import { beforeAll, describe, expect, it } from '@jest/globals';
import {
  getNamedType,
  GraphQLNonNull,
  buildClientSchema,
  getIntrospectionQuery,
  isEnumType,
  isInputObjectType,
  isListType,
  type GraphQLEnumType,
  type GraphQLInputObjectType,
  type GraphQLInputType,
  type GraphQLSchema,
  type IntrospectionQuery,
} from 'graphql';
import { statementsOf } from './support/database.ts';
import { lists as agreedLists, plainLists } from './rights/agreement.ts';
import { fillIn } from './rights/kit.ts';
import { aLocal, type Local } from './support/local.ts';

interface Page<Node> {
  nodes: Node[];
  edges: { cursor: string; node: Node }[];
  pageInfo: { hasNextPage: boolean; hasPreviousPage: boolean; startCursor: string | null; endCursor: string | null };
  totalCount: number;
}

let local: Local;
/** Counts the statements of a query. */
let served: Local;
beforeAll(async () => {
  local = await aLocal();
  served = await aLocal({ comparesExecutions: false });
});

/** Returns the number of statements for one query, without the sign-in. */
async function countOf(query: string, variables: object = {}): Promise<number> {
  await served.officer.token();
  return (await statementsOf(served.heard, () => served.officer.see(query, variables))).length;
}

describe('the first query', () => {
  const query = `{
    grievances(first: 3) {
      nodes { grievanceNumber status currentStep violationDescription employer { name city } member { fullName memberNumber } steps { stepNumber meetingDate outcome } }
    }
  }`;

  it('returns grievances with their employer, grievant and steps', async () => {
    const { grievances } = await local.officer.see<{ grievances: Page<Record<string, unknown>> }>(query);
    const rows = await local.sql(
      `select g.grievance_number, o.name, m.member_number, (select count(*)::int from grievance_step_records s where s.grievance_id = g.id) as steps
       from grievances g join organizations o on o.id = g.employer_id join members m on m.id = g.member_id
       where g.deleted_at is null order by g.filed_date desc, g.id desc limit 3`,
      [],
    );
    expect(
      grievances.nodes.map((node) => ({
        grievance_number: node['grievanceNumber'],
        name: (node['employer'] as { name: string }).name,
        member_number: (node['member'] as { memberNumber: string }).memberNumber,
        steps: (node['steps'] as unknown[]).length,
      })),
    ).toEqual(rows);
    expect(grievances.nodes).toHaveLength(3);
  });

  it('is one statement for the page and one per relation to many, for any page size', async () => {
    const of = (first: number) => countOf(query.replace('first: 3', `first: ${first}`));
    const few = await of(2);
    expect(few).toBe(3); // the viewer, grievances with their employers and members, and steps
    expect(await of(20)).toBe(few);
  });
});

describe('statements', () => {
  it('do not increase with the rows of nested pages', async () => {
    const query = (first: number) => `{
      organizations(first: ${first}) { totalCount nodes { name contacts { lastName } grievances(first: 2) { totalCount nodes { grievanceNumber steps { stepNumber } history { action actor { fullName } } } } } }
    }`;
    const few = await countOf(query(2));
    expect(await countOf(query(20))).toBe(few);
  });

  it('are two for one row with all its relations', async () => {
    const [{ id } = { id: '' }] = await served.sql('select id from grievances limit 1', []);
    const query =
      'query ($id: ID!) { grievance(id: $id) { employer { name contacts { lastName } } member { fullName } steps { outcome } history { actor { fullName } } } }';
    expect(await countOf(query, { id })).toBe(2); // the viewer and the grievance
  });

  it('count only if the count is selected', async () => {
    const without = await countOf('{ members { nodes { id } } }');
    expect(await countOf('{ members { nodes { id } totalCount } }')).toBe(without + 1);
  });

  it('read a field once that is selected twice, by alias and in fragments', async () => {
    const once = await countOf('{ grievances { nodes { employer { name city } } } }');
    const query = `{ grievances { nodes { a: employer { name } b: employer { ...City } } edges { node { employer { id } } } } } fragment City on Organization { city }`;
    expect(await countOf(query)).toBe(once);
    const { grievances } = await local.officer.see<{ grievances: Page<Record<'a' | 'b', Record<string, string>>> }>(query);
    expect(grievances.nodes[0]?.a['name']).toEqual(expect.any(String));
    expect(grievances.nodes[0]?.b['city']).toEqual(expect.any(String));
  });

  it('select only the requested columns', async () => {
    const seen = await statementsOf(served.heard, () => served.officer.see('{ grievances { nodes { status } } }'));
    const statement = seen.find((text) => text.includes('"grievances"')) ?? '';
    expect(statement).toContain('"status"');
    expect(statement).not.toContain('violation_description');
  });

  it('skip what the operation skips', async () => {
    const query = 'query ($with: Boolean!) { grievances { nodes { id employer @include(if: $with) { name } } } }';
    expect(await countOf(query, { with: false })).toBe((await countOf(query, { with: true })) - 1);
  });
});

describe('pages', () => {
  const fields = 'edges { cursor node { id } } pageInfo { hasNextPage hasPreviousPage startCursor endCursor } totalCount';
  type Members = { members: Page<{ id: string }> };

  const inOrder = async (order: string) =>
    (await local.sql(`select id from members where deleted_at is null order by ${order}`, [])).map(({ id }) => id);

  it.each([
    ['{ field: LAST_NAME, direction: ASC }', 'lower(last_name), lower(first_name), id'],
    ['{ field: LAST_NAME, direction: DESC }', 'lower(last_name) desc, lower(first_name) desc, id desc'],
    ['{ field: STATUS, direction: ASC }', `position(status in 'active inactive suspended retired deceased'), id`],
    ['{ field: CREATED_AT, direction: DESC }', 'created_at desc, id desc'],
  ])('forwards and backwards by %s contain every row once', async (orderBy, sql) => {
    const expected = await inOrder(sql);
    const forwards: string[] = [];
    for (let after: string | null = null, more = true; more;) {
      const { members }: Members = await local.officer.see<Members>(
        `query ($after: String) { members(first: 7, after: $after, orderBy: ${orderBy}) { ${fields} } }`,
        { after },
      );
      forwards.push(...members.edges.map(({ node }) => node.id));
      expect(members.pageInfo.hasPreviousPage).toBe(after !== null);
      expect(members.totalCount).toBe(expected.length);
      ({ endCursor: after, hasNextPage: more } = members.pageInfo);
    }
    expect(forwards).toEqual(expected);

    const backwards: string[] = [];
    for (let before: string | null = null, more = true; more;) {
      const { members }: Members = await local.officer.see<Members>(
        `query ($before: String) { members(last: 7, before: $before, orderBy: ${orderBy}) { ${fields} } }`,
        { before },
      );
      backwards.unshift(...members.edges.map(({ node }) => node.id));
      expect(members.pageInfo.hasNextPage).toBe(before !== null);
      ({ startCursor: before, hasPreviousPage: more } = members.pageInfo);
    }
    expect(backwards).toEqual(expected);
  });

  it('have twenty rows by default, and are stable while rows are added', async () => {
    const first = await local.officer.see<Members>(`{ members { ${fields} } }`);
    expect(first.members.edges).toHaveLength(20);
    const second = `query ($after: String) { members(after: $after) { ${fields} } }`;
    const variables = { after: first.members.pageInfo.endCursor };
    const before = await local.officer.see<Members>(second, variables);
    await local.sql(
      `insert into members (id, created_at, updated_at, member_number, first_name, last_name, status, classification)
       values ('01900000-0000-7000-8000-0000000000aa', now(), now(), 'PAGETEST', 'A', 'A', 'active', 'journeyman')`,
      [],
    );
    const after = await local.officer.see<Members>(second, variables);
    await local.sql(`delete from members where member_number = 'PAGETEST'`, []);
    expect(after.members.edges).toEqual(before.members.edges);
  });

  it('of a nested list belong to their parent', async () => {
    const { organizations } = await local.officer.see<{
      organizations: Page<{ id: string; grievances: Page<{ id: string; employer: { id: string } }> }>;
    }>(
      `{ organizations(first: 20) { nodes { id grievances(first: 1, orderBy: { field: GRIEVANCE_NUMBER, direction: ASC }) { totalCount pageInfo { hasNextPage } nodes { id employer { id } } } } } }`,
    );
    const counts = await local.sql(
      'select employer_id as id, count(*)::int as count from grievances where deleted_at is null group by 1',
      [],
    );
    for (const { id, grievances } of organizations.nodes) {
      const count = (counts.find((row) => row['id'] === id)?.['count'] as number | undefined) ?? 0;
      expect(grievances.totalCount).toBe(count);
      expect(grievances.nodes.map(({ employer }) => employer.id)).toEqual(count > 0 ? [id] : []);
      expect(grievances.pageInfo.hasNextPage).toBe(count > 1);
    }
    expect(counts.length).toBeGreaterThan(2);
  });
});

describe('filters', () => {
  const numbers = async (filter: string) =>
    (
      await local.officer.see<{ grievances: Page<{ grievanceNumber: string }> }>(
        `{ grievances(first: 100, filter: ${filter}, orderBy: { field: GRIEVANCE_NUMBER, direction: ASC }) { nodes { grievanceNumber } } }`,
      )
    ).grievances.nodes.map(({ grievanceNumber }) => grievanceNumber);
  const expected = async (where: string) =>
    (await local.sql(`select grievance_number as n from grievances where deleted_at is null and ${where} order by 1`, [])).map(
      ({ n }) => n,
    );

  it.each([
    ['{ status: { eq: OPEN } }', `status = 'open'`],
    ['{ status: { in: [SETTLED, CLOSED] } }', `status in ('settled', 'closed')`],
    ['{ filedDate: { gte: "2025-06-01", lte: "2026-01-31" } }', `filed_date between '2025-06-01' and '2026-01-31'`],
    ['{ incidentDate: { isNull: true } }', 'incident_date is null'],
    ['{ incidentDate: { isNull: false }, status: { eq: HEARING } }', `incident_date is not null and status = 'hearing'`],
    ['{ contractArticle: { contains: "ARTICLE 1" } }', `contract_article ilike '%article 1%'`],
    ['{ contractArticle: { contains: "%" } }', `contract_article like '%\\%%'`],
    ['{ status: { in: [] } }', 'false'],
    ['{ status: null }', 'true'],
    ['{ status: { eq: null, in: null, notIn: null, isNull: null }, contractArticle: { contains: null } }', 'true'],
    ['{ filedDate: { eq: null, gte: null, lte: null }, or: null, not: null }', 'true'],
    ['{ status: { eq: null, in: [OPEN] } }', `status = 'open'`],
    ['{ status: { notIn: [OPEN, CLOSED] } }', `status not in ('open', 'closed')`],
    ['{ status: { notIn: [] } }', 'true'],
    ['{ incidentDate: { notIn: ["2020-01-01"] } }', 'true'],
    ['{ or: [{ status: { eq: OPEN } }, { incidentDate: { isNull: true } }] }', `(status = 'open' or incident_date is null)`],
    [
      '{ status: { eq: OPEN }, or: [{ currentStep: { eq: STEP_1 } }, { currentStep: { eq: STEP_2 }, incidentDate: { isNull: true } }] }',
      `status = 'open' and (current_step = 'step_1' or current_step = 'step_2' and incident_date is null)`,
    ],
    ['{ or: [] }', 'false'],
    ['{ or: [{}] }', 'true'],
    ['{ not: [] }', 'true'],
    ['{ not: {} }', 'false'],
    ['{ not: { status: { eq: OPEN } } }', `status <> 'open'`],
    ['{ not: [{ status: { eq: OPEN } }, { status: { notIn: [CLOSED, OPEN] } }] }', `status = 'closed'`],
    ['{ not: { incidentDate: { gte: "1900-01-01" } } }', `not coalesce(incident_date >= '1900-01-01', false)`],
    ['{}', 'true'],
  ])('%s', async (filter, where) => {
    expect(await numbers(filter)).toEqual(await expected(where));
  });

  it.each(['or', 'not'])('have at most 50 comparisons in one %s', async (name) => {
    const ask = (count: number, more: object[] = []) =>
      local.officer.ask('query ($filter: GrievanceFilter) { grievances(filter: $filter) { totalCount } }', {
        filter: { [name]: [...Array.from({ length: count }, () => ({ status: { eq: 'OPEN', in: ['OPEN'] } })), ...more] },
      });
    expect((await ask(25)).errors).toEqual([]);
    const { codes, errors } = await ask(25, [{}]);
    expect([codes, errors[0]?.extensions['fields']]).toEqual([
      ['BAD_INPUT'],
      [{ path: `filter.${name}`, message: 'must not have more than 50 comparisons' }],
    ]);
  });

  it('name the path of an invalid value in a nested condition', async () => {
    const filter = '{ or: [{}, { memberId: { notIn: ["x"] } }], not: { memberId: { eq: "y" } } }';
    const { errors } = await local.officer.ask(`{ grievances(filter: ${filter}) { totalCount } }`);
    expect(errors[0]?.extensions['fields']).toEqual([
      { path: 'filter.or[1].memberId.notIn[0]', message: 'must be a UUID' },
      { path: 'filter.not[0].memberId.eq', message: 'must be a UUID' },
    ]);
  });

  it('accept every field with every comparison, and every order, on every list', async () => {
    const schema = await introspect();
    const own = await aLocal();
    await fillIn(own.sql);
    // the audit log's filters are simple and its order is fixed: see test/audit.test.ts
    const lists = Object.values(schema.getQueryType()?.getFields() ?? {}).filter(
      ({ name, type }) => String(type).endsWith('Connection') && name !== 'auditEvents',
    );
    let asked = 0;
    for (const { name, args } of lists) {
      const filter = args.find((arg) => arg.name === 'filter')?.type as GraphQLInputObjectType;
      const order = args.find((arg) => arg.name === 'orderBy')?.type as GraphQLInputObjectType;
      for (const field of Object.values(filter.getFields())) {
        if (isListType(field.type)) {
          expect((await own.admin.ask(`{ ${name}(filter: { ${field.name}: [{}, {}] }) { totalCount nodes { id } } }`)).errors).toEqual([]);
          continue;
        }
        if (!isInputObjectType(field.type)) {
          expect((await own.admin.ask(`{ ${name}(filter: { ${field.name}: "a b" }) { totalCount nodes { id } } }`)).errors).toEqual([]);
          continue;
        }
        for (const comparison of Object.values(field.type.getFields())) {
          const query = `{ ${name}(filter: { ${field.name}: { ${comparison.name}: ${sample(comparison.type)} } }) { totalCount nodes { id } } }`;
          expect([query, (await own.admin.ask(query)).errors]).toEqual([query, []]);
          asked += 1;
        }
      }
      const by = getNamedType((order.getFields()['field'] as { type: GraphQLInputType }).type) as GraphQLEnumType;
      for (const value of by.getValues()) {
        for (const direction of ['ASC', 'DESC']) {
          const page = `orderBy: { field: ${value.name}, direction: ${direction} }, first: 2`;
          const first = await own.admin.see<Record<string, Page<unknown>>>(`{ ${name}(${page}) { edges { cursor } } }`);
          const after = first[name]?.edges.at(-1)?.cursor;
          expect(after).toEqual(expect.any(String));
          expect((await own.admin.ask(`{ ${name}(${page}, after: "${after}") { nodes { id } } }`)).errors).toEqual([]);
        }
      }
    }
    expect(lists.map(({ name }) => name).sort()).toEqual(
      Object.keys({ ...agreedLists, ...plainLists })
        .filter((name) => name !== 'auditEvents')
        .sort(),
    );
    expect(asked).toBeGreaterThan(100);
  });
});

describe('derived fields', () => {
  it('are computed from columns that were not selected', async () => {
    const { members } = await local.officer.see<{ members: Page<{ fullName: string }> }>('{ members(first: 1) { nodes { fullName } } }');
    const [row] = await local.sql(
      `select concat_ws(' ', first_name, middle_name, last_name) as name from members order by lower(last_name), lower(first_name), id limit 1`,
      [],
    );
    expect(members.nodes[0]?.fullName).toBe(row?.['name']);
  });

  it('show the actions that the state of a case allows', async () => {
    const { grievances } = await local.officer.see<{ grievances: Page<{ status: string; availableActions: string[] }> }>(
      '{ grievances(first: 100) { nodes { status availableActions } } }',
    );
    for (const { status, availableActions } of grievances.nodes) {
      const hasEnded = ['SETTLED', 'WITHDRAWN', 'CLOSED'].includes(status);
      expect([status, availableActions.includes('SETTLE')]).toEqual([status, !hasEnded]);
      expect([status, availableActions.includes('INVESTIGATE')]).toEqual([status, status === 'OPEN']);
    }
  });

  it('show a review only to holders of the next level', async () => {
    const query = '{ benevolenceApplications(first: 100) { nodes { id status availableActions } } }';
    type Applications = { benevolenceApplications: Page<{ id: string; status: string; availableActions: string[] }> };
    const reviewable = async (who: 'vp' | 'officer') =>
      (await local[who].see<Applications>(query)).benevolenceApplications.nodes.filter(({ availableActions }) =>
        availableActions.includes('REVIEW'),
      );
    expect(await reviewable('officer')).toEqual([]);
    const waiting = await reviewable('vp');
    const undecided = await local.sql(`select id from benevolence_applications where status = 'submitted'`, []);
    expect(waiting.map(({ id }) => id)).toEqual(expect.arrayContaining(undecided.map(({ id }) => id)));
    expect(undecided.length).toBeGreaterThan(0);
  });
});

async function introspect(): Promise<GraphQLSchema> {
  return buildClientSchema(await local.anonymous.see<IntrospectionQuery>(getIntrospectionQuery()));
}

/** Returns a literal of an input type. */
function sample(type: GraphQLInputType): string {
  if (type instanceof GraphQLNonNull) return sample(type.ofType as GraphQLInputType);
  if (isListType(type)) return `[${sample(type.ofType as GraphQLInputType)}]`;
  if (isEnumType(type)) return type.getValues()[0]?.name ?? '';
  if (isInputObjectType(type)) return '{}';
  const samples: Record<string, string> = {
    Int: '1',
    Boolean: 'true',
    ID: '"01900000-0000-7000-8000-000000000001"',
    Date: '"2026-01-01"',
    DateTime: '"2026-01-01T00:00:00Z"',
    Decimal: '"100.00"',
  };
  return samples[String(type)] ?? '"a"';
}
