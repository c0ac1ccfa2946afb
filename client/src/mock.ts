import { addMocksToSchema, type IMocks } from '@graphql-tools/mock';
import { buildSchema, getNamedType, graphql, GraphQLError, isObjectType, type GraphQLObjectType, type GraphQLSchema } from 'graphql';
import { http, HttpResponse, type RequestHandler } from 'msw';
import { connections } from './generated/cache.js';
import { typeDefs } from './generated/schema.js';
import { seeds } from './generated/seeds.js';

export { typeDefs };

/** For `addMocksToSchema`: values of custom scalars. */
export const mocks: IMocks = {
  Date: () => '2026-01-15',
  DateTime: () => '2026-01-15T12:00:00.000Z',
  Decimal: () => '125.00',
};

type Row = Record<string, unknown>;
type Resolver = (source: unknown, args: Row) => unknown;

export interface MockOptions {
  /** The username of the signed-in user. */
  readonly username?: string;
}

/**
 * Creates a schema with responses. Queries return seeded records, with filters, orders and pages but without
 * permissions. Sign-in accepts every password. Other mutations return generated values and change nothing.
 */
export function createMockSchema({ username = 'officer' }: MockOptions = {}): GraphQLSchema {
  const schema = buildSchema(typeDefs);
  const records = linked();
  return addMocksToSchema({ schema, mocks, resolvers: resolversFor(schema, records, username) });
}

/** Creates handlers for Mock Service Worker, for both `setupServer` and `setupWorker`. */
export function createHandlers(url = '*/graphql', options: MockOptions = {}): RequestHandler[] {
  const schema = createMockSchema(options);
  return [
    http.post(url, async ({ request }) => {
      const { query = '', variables, operationName } = (await request.json()) as Sent;
      const result = await graphql({ schema, source: query, variableValues: variables ?? {}, operationName: operationName ?? null });
      return HttpResponse.json(result);
    }),
  ];
}

interface Sent {
  readonly query?: string;
  readonly variables?: Row | null;
  readonly operationName?: string | null;
}

/** Copies the seeds and replaces ids by the records themselves. */
function linked(): readonly Row[] {
  const rows = structuredClone(seeds) as Row[];
  const byId = new Map(rows.map((row) => [row['id'], row]));
  const link = (value: unknown): unknown => {
    if (Array.isArray(value)) return value.map(link);
    if (typeof value !== 'object' || value === null) return value;
    const row = value as Row;
    if (Object.keys(row).length === 2 && 'id' in row && '__typename' in row) return byId.get(row['id']) ?? null;
    for (const [name, part] of Object.entries(row)) row[name] = link(part);
    return row;
  };
  for (const row of rows) for (const [name, value] of Object.entries(row)) row[name] = link(value);
  return rows;
}

function resolversFor(schema: GraphQLSchema, records: readonly Row[], username: string): Record<string, Record<string, Resolver>> {
  const find = (type: string) => records.filter((row) => row['__typename'] === type);
  const user = find('User').find((row) => row['username'] === username) ?? null;
  const signedIn = {
    __typename: 'SignedIn',
    accessToken: 'mock',
    tokenType: 'Bearer',
    expiresIn: 3600,
    refreshToken: 'mock',
    deviceToken: null,
    user,
  };
  const resolvers: Record<string, Record<string, Resolver>> = {
    Mutation: { login: () => signedIn, completeLogin: () => signedIn, refresh: () => signedIn },
  };
  for (const [type, fields] of Object.entries(connections)) {
    const parent = schema.getType(type) as GraphQLObjectType;
    resolvers[type] = Object.fromEntries(
      fields.map((field) => {
        const node = String(parent.getFields()[field]?.type).replace(/Connection!?$/, '');
        const rows = (source: unknown) => (type === 'Query' ? find(node) : find(node).filter((row) => Object.values(row).includes(source)));
        return [field, (source, args) => pageOf(rows(source), args)] as const;
      }),
    );
  }
  const query = (resolvers['Query'] ??= {});
  for (const { name, type, args } of Object.values(schema.getQueryType()?.getFields() ?? {})) {
    const named = getNamedType(type);
    if (query[name] || !isObjectType(named) || find(named.name).length === 0 || args.length === 0) continue;
    query[name] = (_source, given) => oneOf(find(named.name), given);
  }
  const node = (id: unknown): Row | null => records.find((row) => row['id'] === id) ?? null;
  return {
    ...resolvers,
    Query: { ...query, me: () => user, node: (_source, { id }) => node(id), nodes: (_source, { ids }) => (ids as unknown[]).map(node) },
  };
}

/** Finds the record with the values of the arguments, for example an id. */
function oneOf(rows: readonly Row[], { includeDeleted: _, ...given }: Row): Row {
  const found = rows.find((row) => Object.entries(given).every(([name, value]) => row[name] === value));
  if (!found) throw new GraphQLError('No such record exists.', { extensions: { code: 'NOT_FOUND', requestId: 'mock' } });
  return found;
}

function pageOf(all: readonly Row[], { filter, orderBy, first, after, last, before }: Row): object {
  const rows = sorted(
    all.filter((row) => meets(row, (filter ?? {}) as Row)),
    orderBy as Order | null | undefined,
  );
  const placeOf = (cursor: unknown, otherwise: number) => (cursor == null ? otherwise : rows.findIndex((row) => row['id'] === cursor));
  const range = rows.slice(placeOf(after, -1) + 1, placeOf(before, rows.length));
  const nodes = last == null ? range.slice(0, Number(first ?? 20)) : range.slice(-Number(last));
  const edges = nodes.map((node) => ({ cursor: node['id'], node }));
  const [start, end] = [nodes[0], nodes.at(-1)];
  return {
    edges,
    nodes,
    totalCount: rows.length,
    pageInfo: {
      hasNextPage: end !== undefined && end !== rows.at(-1),
      hasPreviousPage: start !== undefined && start !== rows[0],
      startCursor: start?.['id'] ?? null,
      endCursor: end?.['id'] ?? null,
    },
  };
}

interface Order {
  readonly field: string;
  readonly direction: 'ASC' | 'DESC';
}

function sorted(rows: readonly Row[], order: Order | null | undefined): readonly Row[] {
  if (!order) return rows;
  const name = order.field.toLowerCase().replace(/_(\w)/g, (_, letter: string) => letter.toUpperCase());
  const sign = order.direction === 'DESC' ? -1 : 1;
  return [...rows].sort((a, b) => sign * String(a[name] ?? '').localeCompare(String(b[name] ?? ''), 'en', { numeric: true }));
}

function meets(row: Row, { or, not, search, ...fields }: Row): boolean {
  const text = Object.values(row).filter((value) => typeof value === 'string');
  const words = String(search ?? '')
    .toLowerCase()
    .split(/\s+/);
  return (
    words.every((word) => text.join(' ').toLowerCase().includes(word)) &&
    (or == null || (or as Row[]).some((each) => meets(row, each))) &&
    !((not ?? []) as Row[]).some((each) => meets(row, each)) &&
    Object.entries(fields).every(([name, given]) => compares(row[name] ?? idIn(row, name), given))
  );
}

/** `memberId` compares the id of `member`. */
function idIn(row: Row, name: string): unknown {
  const related = row[name.replace(/Id$/, '')] as Row | null | undefined;
  return typeof related === 'object' ? (related?.['userId'] ?? related?.['id'] ?? null) : null;
}

function compares(value: unknown, given: unknown): boolean {
  if (given === null) return true;
  if (typeof given !== 'object') return value === given;
  const { eq, in: some, notIn, gte, lte, contains, isNull } = given as Row;
  const isAtLeast = (a: unknown, b: unknown) =>
    typeof a === 'number' ? a >= Number(b) : String(a).localeCompare(String(b), 'en', { numeric: true }) >= 0;
  return (
    (eq == null || value === eq) &&
    (some == null || (some as unknown[]).includes(value)) &&
    (notIn == null || !(notIn as unknown[]).includes(value)) &&
    (gte == null || (value != null && isAtLeast(value, gte))) &&
    (lte == null || (value != null && isAtLeast(lte, value))) &&
    (contains == null ||
      String(value ?? '')
        .toLowerCase()
        .includes(String(contains).toLowerCase())) &&
    (isNull == null || (value == null) === isNull)
  );
}
