import { beforeAll, describe, expect, it } from '@jest/globals';
import { isObjectType, type GraphQLSchema } from 'graphql';
import { fillIn, schemaOf, wide } from './rights/kit.ts';
import { absent, agreement, lists, operations, people, plainLists, refusalOf, rolesOf, type Username } from './rights/agreement.ts';
import { Ledger } from './rights/ledger.ts';
import { dice, everything, Examiner, toGraphql } from './rights/question.ts';
import { aLocal, type Local } from './support/local.ts';

let local: Local;
let schema: GraphQLSchema;
let ledgers: ReadonlyMap<Username, Ledger>;
const ledgerOf = (who: Username): Ledger => ledgers.get(who) as Ledger;

beforeAll(async () => {
  local = await aLocal({ environment: wide });
  schema = await schemaOf(local);
  for (const who of people) await local[who].token();
  await fillIn(local.sql);
  ledgers = await Ledger.ofAll(local.sql, people);
});

/** The types that `node` finds, each with the query whose permission it requires. */
const nodes = {
  Agreement: 'agreement',
  AuditEvent: 'auditEvents',
  BenevolenceApplication: 'benevolenceApplication',
  Grievance: 'grievance',
  Member: 'member',
  Organization: 'organization',
  Role: 'roles',
  MemberNote: 'memberNote',
  SaltingActivity: 'saltingActivity',
  Session: 'sessions',
  User: 'me',
} as const;
type NodeType = keyof typeof nodes;
const nodeTypes = Object.keys(nodes) as NodeType[];

/** Returns the ids that a caller may find of a type. */
const idsFor = (who: Username, type: NodeType): readonly string[] =>
  refusalOf(operations.Query[nodes[type]] ?? [], rolesOf(who)) === null ? ledgerOf(who).ids(type) : [];

type Found = { readonly __typename: string; readonly id: string } | null;

async function find(who: Username, ids: readonly string[]): Promise<Found[]> {
  const found: Found[] = [];
  for (let from = 0; from < ids.length; from += 100) {
    const query = 'query ($ids: [ID!]!) { nodes(ids: $ids) { __typename id } }';
    found.push(...(await local[who].see<{ nodes: Found[] }>(query, { ids: ids.slice(from, from + 100) })).nodes);
  }
  return found;
}

describe('the schema', () => {
  it('implements Node for each type with a query of its own, except those that need an unlocked vault', () => {
    const type = schema.getType('Node');
    const found = Object.values(schema.getTypeMap()).filter(
      (each) => isObjectType(each) && each.getInterfaces().some((one) => one === type),
    );
    expect(found.map(({ name }) => name).sort()).toEqual([...nodeTypes].sort());
  });
});

describe.each(people)('%s', (who) => {
  it('finds the same with `nodes` as with the query of each type, in the order of the ids', async () => {
    const types = Object.keys(agreement);
    const every = [...types.flatMap((type) => ledgerOf(who).everyId(type)), absent];
    const expected = every.map((id) => {
      const type = nodeTypes.find((each) => idsFor(who, each).includes(id));
      return type === undefined ? null : { __typename: type, id };
    });
    expect(await find(who, every)).toEqual(expected);
  });

  it('finds a record with `node`, and null for a hidden or missing one', async () => {
    const query = 'query ($id: ID!) { node(id: $id) { __typename id } }';
    const hidden = nodeTypes.flatMap((type) => {
      const seen = new Set(idsFor(who, type));
      return ledgerOf(who)
        .everyId(type)
        .filter((id) => !seen.has(id))
        .slice(0, 1);
    });
    for (const id of [...hidden, absent]) {
      const { status, data, errors } = await local[who].ask(query, { id });
      expect([id, status, data, errors]).toEqual([id, 200, { node: null }, []]);
    }
    for (const type of nodeTypes) {
      const [id] = idsFor(who, type);
      if (id === undefined) continue;
      expect(await local[who].see(query, { id: id.toUpperCase() })).toEqual({ node: { __typename: type, id } });
    }
  });

  it('sees exactly the agreed fields and relations of each record', async () => {
    const roll = dice(9);
    const examiner = new Examiner(schema, ledgerOf(who));
    for (const type of nodeTypes) {
      const [id] = idsFor(who, type);
      if (id === undefined) continue;
      const question = everything(schema, type, 1, roll);
      const root = `node(id: "${id}") { ... on ${type}`;
      const query = toGraphql(root, 'one', question, roll, (field) => `{ ${field} } }`);
      const { data, errors } = await local[who].ask<{ root: unknown }>(query);
      expect(errors).toEqual([]);
      examiner.examine(data.root, 'one', question, [id], type);
    }
    expect(examiner.discrepancies).toEqual([]);
  });
});

it('refuses an anonymous caller for any id', async () => {
  const [id] = ledgerOf('admin').ids('Member');
  for (const each of [id, absent, 'nonsense']) {
    const { data, codes } = await local.anonymous.ask('query ($id: ID!) { node(id: $id) { id } nodes(ids: [$id]) { id } }', { id: each });
    expect([data, codes]).toEqual([{ node: null, nodes: null }, ['UNAUTHENTICATED', 'UNAUTHENTICATED']]);
  }
});

it('learns which id is invalid, and the maximum number of ids', async () => {
  const ask = (query: string, variables: object) => local.admin.ask(query, variables);
  const pathsOf = ({ errors }: Awaited<ReturnType<typeof ask>>) => errors.map(({ extensions }) => extensions['fields']);
  expect(pathsOf(await ask('{ node(id: "7") { id } }', {}))).toEqual([[{ path: 'id', message: 'must be a UUID' }]]);
  const query = 'query ($ids: [ID!]!) { nodes(ids: $ids) { id } }';
  expect(pathsOf(await ask(query, { ids: [absent, '7'] }))).toEqual([[{ path: 'ids[1]', message: 'must be a UUID' }]]);
  expect(pathsOf(await ask(query, { ids: Array(101).fill(absent) }))).toEqual([
    [{ path: 'ids', message: 'must not list more than 100 ids' }],
  ]);
  expect(await ask(query, { ids: [] })).toMatchObject({ data: { nodes: [] }, errors: [] });
});

it('reads only the fields that are selected for each type, even if several types have them', async () => {
  const [organization] = ledgerOf('admin').ids('Organization');
  const [member] = ledgerOf('admin').ids('Member');
  const query = `query ($ids: [ID!]!) { nodes(ids: $ids) { id
    ... on Organization { name grievances(first: 1) { totalCount } }
    ... on Member { firstName email employments { id } }
    ...Cases } }
    fragment Cases on Node { ... on Member { grievances(first: 1) { nodes { grievanceNumber } } } }`;
  const { nodes: found } = await local.admin.see<{ nodes: object[] }>(query, { ids: [member, organization] });
  expect(found.map((each) => Object.keys(each))).toEqual([
    ['id', 'firstName', 'email', 'employments', 'grievances'],
    ['id', 'name', 'grievances'],
  ]);
});

describe('the cost', () => {
  it('is one statement for the types of all ids, and one per type that is found', async () => {
    const counted = await aLocal({ comparesExecutions: false });
    const ids = async (list: string): Promise<string[]> => {
      const data = await counted.admin.see<Record<string, { nodes: { id: string }[] }>>(`{ ${list}(first: 20) { nodes { id } } }`);
      return data[list]?.nodes.map(({ id }) => id) ?? [];
    };
    const [organizations, members] = [await ids('organizations'), await ids('members')];
    const during = async (given: readonly string[]): Promise<string[]> => {
      const before = counted.heard.length;
      await counted.admin.see('query ($ids: [ID!]!) { nodes(ids: $ids) { __typename ... on Organization { name } } }', { ids: given });
      return counted.heard.slice(before).filter((text) => !/ from sessions\b|\bsessions s\b/.test(text));
    };
    expect((await during([...organizations, ...members])).length).toBe(3);
    expect((await during(organizations)).length).toBe(2);
    expect((await during([absent])).length).toBe(1);
  });

  it('counts one object per id', async () => {
    const narrow = await aLocal({ environment: { MAX_COST: '40' } });
    const query = 'query ($ids: [ID!]!) { nodes(ids: $ids) { id ... on Member { employments { id } } } }';
    expect((await narrow.admin.ask(query, { ids: Array(8).fill(absent) })).codes).toEqual([]);
    expect((await narrow.admin.ask(query, { ids: Array(9).fill(absent) })).codes).toEqual(['TOO_COMPLEX']);
    const literal = `{ nodes(ids: ["${Array(9).fill(absent).join('", "')}"]) { id ... on Member { employments { id } } } }`;
    expect((await narrow.admin.ask(literal)).codes).toEqual(['TOO_COMPLEX']);
  });
});

describe('an id', () => {
  /** Queries every type with an id, two steps away from each list. */
  it('belongs to exactly one type, across the whole schema', async () => {
    const typesById = new Map<string, Set<string>>();
    const collect = (value: unknown): void => {
      if (Array.isArray(value)) return value.forEach(collect);
      if (typeof value !== 'object' || value === null) return;
      const { __typename: type, id } = value as { __typename?: string; id?: string };
      if (type !== undefined && id !== undefined) typesById.set(id, (typesById.get(id) ?? new Set()).add(type));
      Object.values(value).forEach(collect);
    };
    const roll = dice(7);
    for (const [list, type] of Object.entries({ ...lists, ...plainLists })) {
      const query = toGraphql(`${list}(first: 100)`, 'nodes', everything(schema, type, 2, roll, { share: 0 }), roll);
      collect(await local.admin.see(query.replace(/\bid\b/g, '__typename id')));
    }
    collect(
      await local.admin.see(
        '{ roles { __typename id } sessions { __typename id } bargainingUnits { __typename id } holidayCalendars { __typename id holidays { __typename id } } }',
      ),
    );
    await local.sql(`update users set is_owner = true where username = 'admin'`, []);
    const made = await local.admin.see<{ createVault: object }>(
      `mutation { createVault(password: "unionhall-dev") { vault { __typename id grantees { __typename id } } } }`,
    );
    collect(made);
    const { unlockVault } = await local.admin.see<{ unlockVault: { vaultToken: string } }>(
      'mutation { unlockVault(password: "unionhall-dev") { vaultToken } }',
    );
    const stored = await local.admin.ask(
      `mutation { storeSecret(input: { keyName: "k", value: "v" }) { __typename id updatedBy { __typename id } versions { __typename id createdBy { __typename id } } } }`,
      {},
      { 'x-vault-token': unlockVault.vaultToken },
    );
    collect(stored.data);
    const withId = Object.values(schema.getTypeMap()).filter((type) => isObjectType(type) && 'id' in type.getFields());
    expect([...new Set([...typesById.values()].flatMap((types) => [...types]))].sort()).toEqual(withId.map(({ name }) => name).sort());
    expect([...typesById].filter(([, types]) => types.size > 1)).toEqual([]);
  });

  it('of a user appears beside the person for viewers of that person', async () => {
    const query = '{ me { id } sessions { id } grievances(first: 1) { nodes { assignedUser { id userId } } } }';
    const { grievances } = await local.officer.see<{ grievances: { nodes: { assignedUser: { id: string; userId: string } }[] } }>(query);
    const { id, userId } = grievances.nodes[0]?.assignedUser ?? { id: '', userId: '' };
    expect(ledgerOf('admin').ids('User')).toContain(userId);
    expect(ledgerOf('admin').ids('User')).not.toContain(id);
    expect(await local.officer.see('query ($id: ID!) { user(id: $id) { id } }', { id: userId })).toEqual({ user: { id: userId } });
  });
});
