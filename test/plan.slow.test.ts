import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import {
  getNamedType,
  isEnumType,
  isInputObjectType,
  isObjectType,
  type GraphQLEnumType,
  type GraphQLField,
  type GraphQLInputObjectType,
  type GraphQLSchema,
} from 'graphql';
import { giveAccountsPasswords, seed } from '../seeds/index.ts';
import { readConfig } from '../src/config.ts';
import { migrate, openDatabase, type Database } from '../src/database/index.ts';
import type { Direction } from '../src/entities/listing.ts';
import { filterName } from '../src/entities/page.ts';
import { noPassword } from '../src/entities/user.ts';
import { toCursor } from '../src/reading/cursor.ts';
import type { Column, TypeMapping, TypeMappings } from '../src/reading/mapping.ts';
import { buildExecutable } from '../src/schema.ts';
import { start, type Service } from '../src/process/server.ts';
import { PasswordHasher } from '../src/services/crypto/hasher.ts';
import { Keyring } from '../src/services/crypto/keyring.ts';
import { serverDatabase } from './support/database.ts';
import { Actor } from './support/local.ts';
import { costOf, generalCostOf, remembering, type Cost, type Ran } from './support/plan.ts';

/*
 * Sends every list, order and filter of the schema to the service, on a PostgreSQL that is seeded, vacuumed and
 * analyzed. Then PostgreSQL runs each statement again and counts the rows and pages that it reads; time does not
 * matter. `totalCount` is never selected, because counting reads all rows.
 *
 * One of two rules applies to each query:
 *
 *   a page     Reads only the page, at any position: one row per row of the answer, and the few index pages that lead to
 *              it. This applies to every order, and to every equality filter in the list's own order. It applies to
 *              the plan for these values, and without a filter also to the generic plan. A generic plan with a filter
 *              assumes the same number of rows for every value. The list of one member or organization may read and
 *              sort all of its rows.
 *   an index   If no index serves both filter and order, PostgreSQL has two plans. It finds all matching rows and sorts
 *              them, or it reads in order until enough rows match, whichever it estimates to be cheaper. The cost
 *              depends on the data, so the only limit is that no table is scanned completely. This applies to other
 *              comparisons, to any filter in another order, and to orders that include deleted rows.
 *
 * `contains` with three or more characters uses trigrams. A shorter text has none: a frequent one is found quickly by
 * reading in order, and a rare one requires all rows. No rule applies to it. No rule applies to `not`, or to `notIn` of
 * all but a few rows either, whose results are found by reading in order. `or` has the rules of its parts.
 */
const scale = Number(process.env['PLAN_SCALE'] ?? 200);
const size = 20;
/**
 * The maximum of rows and of pages that one page may read: its own, those that lead to it, and a few equal ones that
 * are sorted.
 */
const pageful = 5 * size;
/** A table with fewer rows may be scanned completely, because that is cheaper than an index. */
const largeTable = 500;

interface List {
  readonly name: string;
  readonly field: GraphQLField<unknown, unknown>;
  readonly mapping: TypeMapping;
  /** The type of the parent row. Undefined for a list of the whole local. */
  readonly owner?: TypeMapping;
}

interface Question {
  readonly what: string;
  readonly law: 'a page' | 'an index';
  readonly variables: Readonly<Record<string, unknown>>;
}

interface Figure {
  readonly viewer: string | null;
  readonly list: string;
  readonly question: Question;
  readonly costs: readonly Cost[];
}

let service: Service;
/** With one connection, beside those of the service: it prepares, plans and counts. */
let database: Database;
let drop: () => Promise<void>;
let schema: GraphQLSchema;
let mappings: TypeMappings;
let ran: readonly Ran[];
let lists: readonly List[];
const figures: Figure[] = [];

beforeAll(async () => {
  const place = await serverDatabase();
  drop = place.drop;
  const own = await openDatabase({ databaseUrl: place.url, databasePoolSize: 4, dataDirectory: '' });
  database = await openDatabase({ databaseUrl: place.url, databasePoolSize: 1, dataDirectory: '' }, { prepares: false });
  await migrate(own);
  await seed(own.orm.em, { environment: 'test', scale, hashPassword: () => Promise.resolve(noPassword) });
  await populate();
  const keyring = Keyring.parse(Keyring.generate());
  const config = readConfig({ NODE_ENV: 'test', PORT: '0', LOG_LEVEL: 'silent' });
  const hasher = new PasswordHasher(keyring, config.passwordCost);
  await giveAccountsPasswords(own.orm.em, (password) => hasher.hash(password));
  const memory = remembering(own);
  ran = memory.ran;
  service = await start(config, { database: memory.database, keyring });
  ({ schema, mappings } = buildExecutable(own.orm.getMetadata()));
  lists = listsOf();
}, 3_600_000);

afterAll(async () => {
  await service?.stop();
  await database?.close();
  await drop?.();
  if (process.env['PLAN_SCALE']) report();
});

/**
 * Adds what the seeds do not contain: a user for every member, deleted rows, a member with another role, and locked
 * users.
 */
async function populate(): Promise<void> {
  await database.run(`insert into users (id, created_at, updated_at, username, email, password_hash, first_name, last_name,
      is_active, is_verified, is_owner, password_must_change, failed_login_attempts, member_id)
    select gen_random_uuid(), created_at, updated_at, 'u' || member_number, member_number || '@members.test', 'of nobody', first_name, last_name,
      member_number not like '%7', member_number like '%1', false, false, 0, id
    from members m where not exists (select from users where member_id = m.id)`);
  for (const table of ['users', 'members', 'organizations', 'grievances', 'benevolence_applications', 'salting_activities']) {
    const spared = table === 'users' ? `and password_hash = 'of nobody'` : '';
    await database.run(`update ${table} set deleted_at = updated_at where get_byte(uuid_send(id), 15) % 50 = 0 ${spared}`);
  }
  await database.run(`insert into user_roles (id, created_at, updated_at, user_id, role_id, assigned_at, review_levels)
    select gen_random_uuid(), now(), now(), u.id, r.id, now(), '{}' from users u, roles r where u.username = 'testuser' and r.name = 'instructor'`);
  await database.run(
    `update users set locked_until = timestamptz '2020-01-01T00:00:00Z' + mod(ascii(right(username, 1)), 30) * interval '1 day'`,
    [],
  );
  // last, because rows that are not yet in the search index make it look expensive
  await database.run('vacuum analyze');
}

describe.each([
  ['an admin', 'admin'],
  ['an organizer', 'organizer'],
  ['a member', 'member'],
  ['a member who instructs', 'testuser'],
])('for %s', (_, username) => {
  let actor: Actor;
  beforeAll(async () => {
    actor = new Actor(() => `${service.url}/graphql`, username);
    await actor.token();
  });

  it('every order reads only the rows of a page, at any position', async () => {
    expect(await faultsOf(actor, ordersOf)).toEqual([]);
  }, 3_600_000);

  it('every filter finds its rows by an index', async () => {
    expect(await faultsOf(actor, filtersOf)).toEqual([]);
  }, 3_600_000);
});

it('the first page, the hundredth and the last cost the same', () => {
  const at = (place: string) => figures.filter(({ question }) => question.law === 'a page' && question.what.endsWith(`, ${place}`));
  const first = new Map(at('the first page').map((figure) => [orderOf(figure), figure]));
  expect(first.size).toBeGreaterThan(100);
  for (const figure of ['the hundredth page', 'the last page', 'the last rows', 'the rows before a cursor'].flatMap(at)) {
    for (const [place, cost] of figure.costs.entries()) {
      const other = first.get(orderOf(figure))?.costs[place] as Cost;
      // adjacent rows may be in one page of the table, or each in its own
      expect([orderOf(figure), cost.pages <= other.pages + size + 4]).toEqual([orderOf(figure), true]);
    }
  }
});

const orderOf = ({ viewer, list, question }: Figure): string => `${viewer} ${list} ${question.what.split(',')[0]}`;

it('the test covered all parts of the schema', () => {
  const asked = (list: List) => figures.filter(({ list: name }) => name === list.name).map(({ question }) => question.what);
  for (const list of lists) {
    const texts = asked(list).join('\n');
    for (const property of list.mapping.listing?.order ?? []) expect(texts).toContain(`by ${property} ASC`);
    for (const { name, type } of Object.values(inputOf(list, 'filter').getFields())) {
      if (name === 'not') continue;
      const named = getNamedType(type);
      const comparisons = isInputObjectType(named) && name !== 'or' ? Object.keys(named.getFields()) : ['for'];
      for (const by of comparisons) expect(texts).toContain(`${name} ${by} `);
    }
  }
  expect(lists.length).toBeGreaterThanOrEqual(11);
});

/** Returns the violations of the rules in all lists that this viewer may query. */
async function faultsOf(actor: Actor, questionsOf: (list: List, isAdmin: boolean) => Promise<Question[]>): Promise<string[]> {
  const faults: string[] = [];
  for (const list of lists) {
    const parent = await parentFor(list, actor.username);
    for (const question of await questionsOf(list, actor.username === 'admin')) {
      const costs = await costsOf(actor, list, question, parent?.id);
      if (costs === 'no such list') break;
      if (costs === 'no such column') continue;
      figures.push({ viewer: actor.username, list: list.name, question, costs });
      const most = pageful + 2 * (parent?.rows ?? 0);
      const isPaged = ({ isGeneral }: Cost) => question.law === 'a page' && !(isGeneral && 'filter' in question.variables);
      const broken = costs.filter(
        (cost) => cost.whole.some((each) => each > largeTable) || (isPaged(cost) && Math.max(cost.pages, cost.rows) > most),
      );
      faults.push(...broken.map(({ pages, plan }) => `${list.name} ${question.what}: ${pages} pages, ${plan}`));
    }
  }
  return faults;
}

/** Returns the cost of a query's statements, or why the viewer may not send it. */
async function costsOf(
  actor: Actor,
  list: List,
  { law, variables }: Question,
  id?: string,
): Promise<Cost[] | 'no such list' | 'no such column'> {
  const before = ran.length;
  const { codes, errors } = await actor.ask(documentOf(list), { ...variables, id });
  if (actor.username !== 'admin' && codes[0] === 'BAD_INPUT') return 'no such column';
  const statements = ran.slice(before).filter(({ text }) => text.includes(`"${list.mapping.table}"`) && text.includes(' limit '));
  if (actor.username !== 'admin' && statements.length === 0) return 'no such list';
  if (codes.length > 0 || statements.length === 0) throw new Error(`${list.name} was not read: ${JSON.stringify(errors)}`);
  const costs: Cost[] = [];
  for (const statement of statements) {
    costs.push(await costOf(database, statement));
    if (law === 'a page') costs.push(await generalCostOf(database, statement));
  }
  return costs;
}

/** Lists every field with pages, except the audit log, which has simple filters: see test/audit.plan.slow.test.ts. */
function listsOf(): List[] {
  const types = Object.values(schema.getTypeMap()).filter(isObjectType);
  return types.flatMap((type) =>
    Object.values(type.getFields())
      .filter(({ name, args }) => name !== 'auditEvents' && args.some((arg) => arg.name === 'before'))
      .map((field) => {
        const mapping = mappings.get(getNamedType(field.type).name.replace(/Connection$/, ''));
        const owner = mappings.get(type.name);
        if (!mapping) throw new Error(`${type.name}.${field.name} is a list of what is no row`);
        return { name: `${type.name}.${field.name}`, field, mapping, ...(owner && { owner }) };
      }),
  );
}

function documentOf({ field, owner }: List): string {
  const variables = field.args.map(({ name, type }) => `$${name}: ${String(type).replace(/!$/, '')}`).join(', ');
  const list = `${field.name}(${field.args.map(({ name }) => `${name}: $${name}`).join(', ')}) { nodes { id updatedAt } }`;
  if (!owner) return `query (${variables}) { ${list} }`;
  return `query ($id: ID!, ${variables}) { ${owner.type.charAt(0).toLowerCase()}${owner.type.slice(1)}(id: $id) { ${list} } }`;
}

/** Returns the row with the longest list, and its length; for a member, their own row. */
async function parentFor({ owner, field, mapping }: List, username: string | null): Promise<{ id: string; rows: number } | undefined> {
  if (!owner) return undefined;
  const key = owner.relations.get(field.name)?.foreignKey;
  const [longest] = await database.run(
    `select ${key} as id, count(*)::int as rows from ${mapping.table} where ${notDeleted(mapping)} group by 1 order by 2 desc, 1 limit 1`,
  );
  const [own] = await database.run('select member_id as id, 10 as rows from users where username = $1', [username]);
  return (owner.type === 'Member' && own?.['id'] ? own : longest) as { id: string; rows: number };
}

/** Yields every order in both directions, at the first, the last and middle positions. */
async function ordersOf(list: List, isAdmin: boolean): Promise<Question[]> {
  const questions: Question[] = [];
  for (const { name, value } of ordersIn(list)) {
    for (const direction of ['ASC', 'DESC'] as const) {
      const ask = (what: string, variables: object, law: Question['law'] = 'a page') =>
        questions.push({
          what: `by ${String(value)} ${direction}, ${what}`,
          law,
          variables: { orderBy: { field: name, direction }, ...variables },
        });
      const after = async (rows: number) => cursorAt(list, value as string, direction, rows);
      const rows = list.mapping.isKept ? await aliveIn(list) : 0;
      ask('the first page', { first: size });
      ask('the hundredth page', { first: size, after: await after(Math.min(99 * size, rows / 2)) });
      ask('the last page', { first: size, after: await after(rows - size) });
      ask('the last rows', { last: size });
      ask('the rows before a cursor', { last: size, before: await after(rows / 2) });
      if (isAdmin && list.mapping.isKept) ask('with deleted', { first: size, includeDeleted: true }, 'an index');
    }
  }
  return questions;
}

/**
 * Yields every filter with each of its comparisons, with common and rare values, and with other orders only for an
 * admin: callers who see fewer rows use the same plans.
 */
async function filtersOf(list: List, isAdmin: boolean): Promise<Question[]> {
  const questions: Question[] = (await searchesIn(list)).map((search) => ({
    what: `search for ${search}`,
    law: 'an index',
    variables: { filter: { search }, first: size },
  }));
  for (const [property, { name, type }] of filtersIn(list)) {
    const comparisons = Object.keys((getNamedType(type) as GraphQLInputObjectType).getFields());
    const samples = await samplesOf(list, property, comparisons);
    for (const [by, value] of comparisons.flatMap((each) =>
      samples(each)
        .slice(isAdmin ? 0 : -1)
        .map((value) => [each, value] as const),
    )) {
      const filter = { [name]: { [by]: value } };
      const what = `${name} ${by} ${JSON.stringify(value)}`;
      const law = by === 'eq' ? 'a page' : 'an index';
      questions.push({ what: `${what}, first`, law, variables: { filter, first: size } });
      if (isAdmin && by === 'eq') questions.push({ what: `${what}, last`, law, variables: { filter, last: size } });
    }
    if (!isAdmin) continue;
    if (comparisons.includes('eq')) {
      const or = samples('eq')
        .slice(-2)
        .map((value) => ({ [name]: { eq: value } }));
      questions.push({ what: `or for ${name}`, law: 'an index', variables: { filter: { or }, first: size } });
    }
    for (const by of comparisons) {
      const filter = { [name]: { [by]: samples(by).at(-1) } };
      const orders = ordersIn(list);
      for (const { name: field, value } of [0, 1].flatMap((next) => orders[(questions.length + next) % orders.length] ?? []))
        questions.push({
          what: `${name} ${by} by ${String(value)}`,
          law: 'an index',
          variables: { filter, orderBy: { field, direction: 'ASC' }, first: size },
        });
    }
  }
  return questions;
}

/** Returns search texts: the words of some row's texts in reverse order, and a text without matches. */
async function searchesIn({ mapping }: List): Promise<string[]> {
  const groups = mapping.listing?.search ?? [];
  if (groups.length === 0) return [];
  const columns = groups.flatMap(({ texts, phones = [] }) => [...texts, ...phones]);
  const selected = columns.map((property) => `${mapping.columns.get(property)?.sql('t')} as "${property}"`).join(', ');
  const [row] = await database.run(
    `select ${selected} from ${mapping.table} t where ${notDeleted(mapping)} order by md5(id::text) limit 1`,
  );
  const words = columns.flatMap((property) => String(row?.[property] ?? '').match(/\S{3,}/g) ?? []);
  return [...words, words.slice(0, 3).reverse().join(' '), 'qzxwv'];
}

/** Returns the condition for rows that are not deleted. */
const notDeleted = ({ columns }: TypeMapping): string => (columns.has('deletedAt') ? 'deleted_at is null' : 'true');

/** Returns values of a property in the form of a client, the rarest last. */
async function samplesOf(list: List, property: string, comparisons: readonly string[]): Promise<(by: string) => unknown[]> {
  const column = columnOf(list, property);
  const from = `from ${list.mapping.table} t where ${notDeleted(list.mapping)} and ${column.sql('t')} is not null`;
  const rows = await database.run(`select ${column.sql('t')} as value, count(*) ${from} group by 1 order by 2 desc, 1`);
  const [sorted] = await database.run(
    `select percentile_disc(array[0.001, 0.5, 0.999]) within group (order by ${column.sql('t')})::text[] as values ${from}`,
  );
  const values = rows.map(({ value }) => sent(list, property, value));
  const [common, rare] = [values[0], values.at(-1)];
  const quantiles = (sorted as { values: string[] }).values.map((text) => sent(list, property, read(column, text)));
  const few = values.filter((_, place) => place % Math.ceil(values.length / 10) === 0);
  const samples: Record<string, () => unknown[]> = {
    eq: () => (values.length < 20 ? values : [common, rare]),
    in: () => [[common], few, [rare]],
    // nothing would remain in a column with one value
    notIn: () => [values.length > 1 ? [rare] : []],
    gte: () => quantiles,
    lte: () => [...quantiles].reverse(),
    isNull: () => [false, true],
    contains: () => [String(common).slice(0, 3), String(rare).padEnd(3, 'x').slice(-6), 'qzx'],
  };
  expect(comparisons.filter((by) => !(by in samples))).toEqual([]);
  return (by) => samples[by]?.() ?? [];
}

/** Converts a stored value to a variable: enums by name, instants as text. */
function sent(list: List, property: string, value: unknown): unknown {
  const comparison = getNamedType(filtersIn(list).get(property)?.type as never) as unknown as GraphQLInputObjectType;
  const type = getNamedType(comparison.getFields()['eq']?.type ?? comparison.getFields()['gte']?.type);
  if (isEnumType(type)) return type.getValues().find((each) => each.value === value)?.name;
  return value instanceof Date ? value.toISOString() : value;
}

const read = ({ type }: Column, text: string): unknown => {
  if (type === 'int') return Number(text);
  if (type === 'boolean') return text === 'true';
  return type === 'timestamptz' ? new Date(text) : text;
};

async function cursorAt(list: List, property: string, direction: Direction, rows: number): Promise<string> {
  const by = columnOf(list, property).sort.sql('t');
  const [row] = await database.run(
    `select ${by} as value, id from ${list.mapping.table} t where ${notDeleted(list.mapping)} order by ${by} ${direction}, id ${direction} offset $1 limit 1`,
    [Math.max(0, Math.floor(rows) - 1)],
  );
  return toCursor({ property, direction }, row as { value: unknown; id: string });
}

async function aliveIn({ mapping }: List): Promise<number> {
  return (await database.run(`select count(*)::int as rows from ${mapping.table} where ${notDeleted(mapping)}`))[0]?.['rows'] as number;
}

const inputOf = ({ field }: List, name: string): GraphQLInputObjectType =>
  getNamedType(field.args.find((arg) => arg.name === name)?.type as never) as unknown as GraphQLInputObjectType;

const ordersIn = (list: List) =>
  (getNamedType(inputOf(list, 'orderBy').getFields()['field']?.type as never) as unknown as GraphQLEnumType).getValues();

const filtersIn = (list: List) => {
  const fields = inputOf(list, 'filter').getFields();
  return new Map(
    (list.mapping.listing?.filter ?? []).map((property) => [
      property,
      fields[filterName(list.mapping.entity, property)] as never as { name: string; type: GraphQLInputObjectType },
    ]),
  );
};

const columnOf = ({ mapping }: List, property: string): Column => mapping.columns.get(property) as Column;

/** Prints the cost of all queries, for manual runs. */
function report(): void {
  const lines = lists.map(({ name }) => {
    const own = figures.filter(({ list }) => list === name);
    const most = (law: Question['law'], place = '') =>
      Math.max(
        0,
        ...own
          .filter(({ question }) => question.law === law && question.what.endsWith(place))
          .flatMap(({ costs }) => costs.map(({ pages }) => pages)),
      );
    const [first, hundredth, last, end] = ['the first page', 'the hundredth page', 'the last page', 'the last rows'].map((place) =>
      most('a page', place),
    );
    return `${name}: ${own.length} questions, first ${first}, hundredth ${hundredth}, last ${last}, backwards ${end}, a page ${most('a page')}, an index ${most('an index')}`;
  });
  console.log(`Pages read at most, at scale ${scale}:\n${lines.join('\n')}\n${figures.flatMap(({ costs }) => costs).length} plans`);
}
