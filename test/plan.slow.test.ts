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
 * Every list, every order and every filter of the schema is asked here, of the running service, on a PostgreSQL that is
 * seeded, vacuumed and analyzed; then PostgreSQL is told to run the statement again and to count what it takes. What
 * counts is rows and pages, not time. `totalCount` is never asked: counting rows reads them.
 *
 * One of two laws holds for each question:
 *
 *   a page     What is read is the page, wherever it lies: a row for each row of the answer, and the few pages of the
 *              index that lead to it. So for every order, and for every filter by equality in the list's own order. It
 *              holds of the plan that PostgreSQL makes for these values; without a filter also of the one it would keep
 *              for any, which of a filter supposes that every value has as many rows. The list of a member or an
 *              organization may read all that is theirs, and sort it.
 *   an index   Where one index cannot do both, PostgreSQL has two that do half: it finds all that pass the filter and
 *              sorts them, or walks the order until enough have passed. It judges which is less. How much that is
 *              depends on how filter and order hang together in the data, so no bound is set, but that no table is read
 *              from end to end. So for the other comparisons, for any filter in another order, and for an order that
 *              shows deleted rows among the others.
 *
 * Of `contains`, a text of three characters and more is found by trigrams. A shorter one has none: it is found quickly
 * where it is frequent, by walking the order, and where it is rare every row is looked at. It is held to no law. Nor are
 * `not`, and `notIn` of all but a few rows: what is left is found by walking the order. `or` is what its parts are.
 */
const scale = Number(process.env['PLAN_SCALE'] ?? 200);
const size = 20;
/** Rows, and pages, that a page may take: beside its own, those that lead there, or a handful of one value that are sorted. */
const pageful = 5 * size;
/** A table of fewer rows may be read from end to end: it takes less than any index does. */
const largeTable = 500;

interface List {
  readonly name: string;
  readonly field: GraphQLField<unknown, unknown>;
  readonly mapping: TypeMapping;
  /** The type of the row that the list belongs to; undefined for a list of the whole local. */
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
/** Of one connection, and beside the service's own: it prepares, plans and counts. */
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

/** What the seeds have none of: a user for every member, deleted rows, a member who has another role beside, locked users. */
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
  // last of all: rows that wait to be put into the index of a search make it look dear
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
      // neighbours in the order may lie in one page of the table, or each in a page of its own
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

/** What breaks its law, of all lists that this viewer may ask. */
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

/** What the statements of a question cost, or why the viewer may not ask it. */
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

/** Every field of the schema that is paged, but for the audit log, whose filters are plain: see test/audit.plan.slow.test.ts. */
function listsOf(): List[] {
  const types = Object.values(schema.getTypeMap()).filter(isObjectType);
  return types.flatMap((type) =>
    Object.values(type.getFields())
      .filter(({ name, args }) => name !== 'auditEvents' && args.some((arg) => arg.name === 'after'))
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

/** The row whose list is the longest, and how long it is; a member's own, where a member asks. */
async function parentFor({ owner, field, mapping }: List, username: string | null): Promise<{ id: string; rows: number } | undefined> {
  if (!owner) return undefined;
  const key = owner.relations.get(field.name)?.foreignKey;
  const [longest] = await database.run(
    `select ${key} as id, count(*)::int as rows from ${mapping.table} where ${notDeleted(mapping)} group by 1 order by 2 desc, 1 limit 1`,
  );
  const [own] = await database.run('select member_id as id, 10 as rows from users where username = $1', [username]);
  return (owner.type === 'Member' && own?.['id'] ? own : longest) as { id: string; rows: number };
}

/** Every order, both ways, first and last and in between. */
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
 * Every filter with every comparison it has. By common values and rare ones, and in other orders, for an admin
 * alone: who sees fewer rows finds them in the same ways.
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

/** What is searched: of some row the words of each text, backwards, and what no row has. */
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

/** The rows that a list has when deleted ones are not asked for. */
const notDeleted = ({ columns }: TypeMapping): string => (columns.has('deletedAt') ? 'deleted_at is null' : 'true');

/** Values to compare a property with, as a client sends them, the rarest last. */
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
    // of a column with one value, nothing would be left
    notIn: () => [values.length > 1 ? [rare] : []],
    gte: () => quantiles,
    lte: () => [...quantiles].reverse(),
    isNull: () => [false, true],
    contains: () => [String(common).slice(0, 3), String(rare).padEnd(3, 'x').slice(-6), 'qzx'],
  };
  expect(comparisons.filter((by) => !(by in samples))).toEqual([]);
  return (by) => samples[by]?.() ?? [];
}

/** A stored value as a variable: an enum's by its name, an instant as text. */
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

/** For a run by hand: what the questions took. */
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
