import { DummyDriver, Kysely, PostgresAdapter, PostgresIntrospector, PostgresQueryCompiler, sql, type RawBuilder } from 'kysely';
import { searchedText, type Direction, type SearchGroup } from '../entities/listing.ts';
import type { Comparison } from '../entities/page.ts';
import type { RowCondition } from '../entities/rule.ts';
import type { Figures } from '../entities/summary.ts';
import { folded } from '../entities/text.ts';
import { LRUCache } from 'lru-cache';
import { beside, masked, type Lens, type Selected } from './lens.ts';
import type { Column, Relation } from './subject.ts';

/** A compiled text, and the name of the value that each of its parameters takes. */
export interface Statement {
  readonly text: string;
  readonly slots: readonly string[];
  /** Whether the best plan depends on the values, so that one plan for all of them could be a bad one. */
  readonly dependsOnValues: boolean;
}

/** What the parameters of a statement are taken from. */
export type Values = Readonly<Record<string, unknown>>;

export interface Order {
  readonly property: string;
  readonly direction: Direction;
}

/** One comparison of a filter. */
export interface Comparing {
  readonly property: string;
  readonly by: Exclude<Comparison, 'notIn'>;
  /** Under which name the value is bound. */
  readonly slot: string;
}

/** A condition of a filter: a comparison, at least one of several groups, or the negation of a group. */
export type Condition = Comparing | { readonly or: readonly Group[] } | { readonly not: Group };

/** Conditions that must all be met. */
type Group = readonly Condition[];

/** Everything about a list that shapes its statement; values are bound later. */
export interface ListShape {
  readonly filter: readonly Condition[];
  /** The words that are searched, each bound as `word.0` and so on; of a long one, its beginning as `long.0`, of a number its digits as `digits.0`. */
  readonly words: readonly ('short' | 'long' | 'number')[];
  readonly order: Order;
  readonly hasCursor: boolean;
  readonly isBackwards: boolean;
  readonly includesDeleted: boolean;
  /** The maximum number of rows. It is a literal: with a parameter, the planner would plan each time. */
  readonly limit: number;
  /** For the lists of many parents at once: the column that holds the parent's id. */
  readonly foreignKey?: string | undefined;
}

type Sql = RawBuilder<unknown>;

/** Compiles without ever connecting. */
const compiler = new Kysely<never>({
  dialect: {
    createAdapter: () => new PostgresAdapter(),
    createDriver: () => new DummyDriver(),
    createIntrospector: (db) => new PostgresIntrospector(db),
    createQueryCompiler: () => new PostgresQueryCompiler(),
  },
});

class Slot {
  constructor(readonly name: string) {}
}

/**
 * Compiled statements by lens and shape, of so many characters together. Filters and sizes of pages come by variables, so
 * that one document alone has more shapes than are worth keeping.
 */
const statements = new LRUCache<string, Statement>({ maxSize: 8_000_000, maxEntrySize: 800_000 });

/** The parameters of a statement in their order. */
export const bind = ({ slots }: Statement, values: Values): unknown[] => slots.map((name) => values[name]);

/** Where a row keeps what its relation leads to; under the field's own name it keeps the key. */
export const readAhead = (field: string): string => `${field}~`;

/**
 * One row by the columns named in `by`, each bound under its own name, and all that its relations are sure to be asked
 * for folded into it as JSON: for one row that costs less than a statement for each relation.
 */
export const oneStatement = (lens: Lens, by: readonly string[], includesDeleted: boolean): Statement =>
  kept(lens, `one ${by.join()} ${includesDeleted}`, () => {
    const found = by.map((property) => sql`${raw(columnOf(lens, property).sql('t'))} = ${slot(property)}${cast(columnOf(lens, property))}`);
    return sql`select ${selection(lens, lens.plan.certain)} from ${table(lens)} as t
      where ${and([...found, ...standing(lens, includesDeleted)])}`;
  });

/** Whether the viewer sees a row of each, none of them deleted; their ids are bound by their places. */
export const seesStatement = (lenses: readonly [Lens, ...Lens[]], evenDeleted: boolean): Statement =>
  kept(lenses[0], `sees ${evenDeleted ? 'even deleted ' : ''}${lenses.map(({ plan }) => plan.subject.type).join()}`, () => {
    const each = lenses.map(
      (lens, place) =>
        sql`exists (select from ${table(lens)} as t where ${and([sql`t."id" = ${slot(String(place))}::uuid`, ...standing(lens, evenDeleted)])})`,
    );
    return sql`select ${and(each)} as "sees"`;
  });

/** What a relation of a row leads to as one value; null where it is hidden. The row's alias is `t`, `t1`, … by its depth. */
function fold(lens: Lens, field: string, depth: number): Sql {
  const { kind, foreignKey = '', order = [] } = lens.plan.subject.relations.get(field) as Relation;
  const [related, key] = [lens.related.get(field), lens.select.find(({ as }) => as === field)];
  if (!related?.sight.rows || !key) return sql`null`;
  const [row, other] = [aliasOf(depth), aliasOf(depth + 1)];
  const values = [
    ...related.inFold.map((each) => inJson(each, other)),
    ...[...related.plan.certain].map((next) => fold(related, next, depth + 1)),
  ];
  const folded = sql`json_build_array(${sql.join(values)})`;
  const from = (column: string, includesDeleted: boolean) => sql`from ${table(related)} as ${sql.ref(other)}
    where ${and([sql`${sql.ref(`${other}.${column}`)} = ${withSlots(key.sql(row))}`, ...standing(related, includesDeleted, other)])}`;
  if (kind === 'one') return sql`(select ${folded} ${from('id', true)})`;
  const sorted = order.map(({ sql: by, direction }) => sql`${raw(by(other))} ${raw(direction)}`);
  const all = sql`json_agg(${folded}${sorted.length > 0 ? sql` order by ${sql.join(sorted)}` : sql``})`;
  return sql`case when ${withSlots(key.sql(row))} is not null then (select coalesce(${all}, '[]') ${from(foreignKey, false)}) end`;
}

const aliasOf = (depth: number): string => (depth === 0 ? 't' : `t${depth}`);

/** JSON would make a binary fraction of a decimal one. */
const inJson = ({ sql: expression, type }: Selected, row: string): Sql =>
  type === 'numeric' ? sql`(${withSlots(expression(row))})::text` : withSlots(expression(row));

/** The rows whose ids are bound as `keys`, deleted or not: a case keeps showing what it was about. */
export const rowsStatement = (lens: Lens, includesDeleted = true): Statement =>
  kept(lens, `rows ${includesDeleted}`, () => sql`select ${selection(lens)} ${fromKeys(lens, includesDeleted)}`);

/** Of which type the rows are whose ids are bound as `keys`, as far as the viewer sees them and they were not deleted. */
export const typesStatement = (lenses: readonly [Lens, ...Lens[]]): Statement =>
  kept(lenses[0], `types ${lenses.map(({ plan }) => plan.subject.type).join()}`, () => {
    const each = lenses.map((lens) => sql`select ${sql.lit(lens.plan.subject.type)} as "type", t."id" ${fromKeys(lens, false)}`);
    return sql.join(each, sql` union all `);
  });

const fromKeys = (lens: Lens, includesDeleted: boolean): Sql =>
  sql`from ${table(lens)} as t where ${and([sql`t."id" = any(${slot('keys')}::uuid[])`, ...standing(lens, includesDeleted)])}`;

/** All rows that hold one of the bound `keys` in a column, in an order of columns. */
export const childrenStatement = (lens: Lens, foreignKey: string, order: NonNullable<Relation['order']>): Statement =>
  kept(lens, `children ${foreignKey} ${order.map(({ sql: by, direction }) => `${by('t')} ${direction}`).join()}`, () => {
    const parent = sql.ref(`t.${foreignKey}`);
    const sorted = order.map(({ sql: by, direction }) => sql`${raw(by('t'))} ${raw(direction)}`);
    return sql`select ${selection(lens)}, ${parent} as "$parent" from ${table(lens)} as t
      where ${and([sql`${parent} = any(${slot('keys')}::uuid[])`, ...standing(lens, false)])}
      ${sorted.length > 0 ? sql`order by ${sql.join(sorted)}` : sql``}`;
  });

/** All rows the viewer may see, by an order of columns. */
export const allStatement = (lens: Lens, order: Order): Statement =>
  kept(lens, `all ${order.property} ${order.direction}`, () => {
    const by = raw(columnOf(lens, order.property).sort.sql('t'));
    return sql`select ${selection(lens)} from ${table(lens)} as t where ${and(standing(lens, false))} order by ${by} ${raw(order.direction)}, t."id"`;
  });

/** A page of a list; with a foreign key, one page for each of the bound `keys`. */
export const pageStatement = (lens: Lens, shape: ListShape): Statement =>
  kept(
    lens,
    `page ${JSON.stringify(shape)}`,
    () => {
      const way = wayOf(shape);
      if (shape.foreignKey === undefined) return page(lens, shape, []);
      const ofParent = sql`${sql.ref(`t.${shape.foreignKey}`)} = k.id`;
      return sql`select x.*, k.id as "$parent" from unnest(${slot('keys')}::uuid[]) with ordinality as k(id, n)
        cross join lateral (${page(lens, shape, [ofParent])}) as x order by k.n, x."$order" ${way}, x."id" ${way}`;
    },
    hasOpenFilter(shape),
  );

/** Indexes hold the rows that stand, or those that were deleted: a page of both is the first of a page of each. */
function page(lens: Lens, shape: ListShape, conditions: readonly Sql[]): Sql {
  const { ways } = lens.sight;
  if (lens.plan.subject.listing?.isReadApart && ways.length > 1) return together(lens, shape, conditions, ways);
  if (!shape.includesDeleted || !lens.plan.subject.isKept) return limited(lens, shape, conditions);
  const way = wayOf(shape);
  return sql`select e.* from ((${limited(lens, shape, [...conditions, sql`t."deleted_at" is null`])})
    union all (${limited(lens, shape, [...conditions, sql`t."deleted_at" is not null`])})) as e
    order by e."$order" ${way}, e."id" ${way} limit ${raw(String(shape.limit))}`;
}

/** The first rows of each way in which the viewer sees rows, a row that is seen in several ways once. */
function together(lens: Lens, shape: ListShape, conditions: readonly Sql[], ways: readonly RowCondition[]): Sql {
  const way = wayOf(shape);
  const parts = ways.map((rows) => sql`(${limited(lens, shape, conditions, rows)})`);
  return sql`select distinct on (e."$order", e."id") e.* from (${sql.join(parts, sql` union all `)}) as e
    order by e."$order" ${way}, e."id" ${way} limit ${raw(String(shape.limit))}`;
}

function limited(lens: Lens, shape: ListShape, more: readonly Sql[], rows = lens.sight.rows): Sql {
  const [by, way] = [raw(columnOf(lens, shape.order.property).sort.sql('t')), wayOf(shape)];
  const passing = [...more, ...listConditions(lens, shape, rows)];
  const limit = raw(String(shape.limit));
  const sorted = (conditions: readonly Sql[]) => sql`select ${selection(lens)}, ${by} as "$order" from ${table(lens)} as t
    where ${and([...conditions, ...beyondCursor(lens, shape)])} order by ${by} ${way}, t."id" ${way} limit ${limit}`;
  if (shape.words.length === 0) return sorted(passing);
  const count = sql`(select count(*) from found)`;
  return sql`select f.* from (with found as materialized
    (select t."id" from ${table(lens)} as t where ${and(passing)} limit ${raw(String(fewFound + 1))})
    (${sorted([sql`t."id" = any(array(select "id" from found))`, sql`${count} <= ${raw(String(fewFound))}`])}) union all
    (${sorted([...passing, sql`${count} > ${raw(String(fewFound))}`])})) as f
    order by f."$order" ${way}, f."id" ${way} limit ${limit}`;
}

/**
 * Rows that a search may find to be sorted all. The planner takes a short word for a common one, and would read the list in
 * its order, folding each row, until the page is full. So that is done only for a word that is common.
 */
const fewFound = 500;

/**
 * The rows after a cursor. Its parts are subqueries, which the planner does not look into: it would count the rows after
 * it by its first value alone, find almost none at the end of an order of few values, and read them all.
 */
function beyondCursor(lens: Lens, shape: ListShape): Sql[] {
  if (!shape.hasCursor) return [];
  const { sort } = columnOf(lens, shape.order.property);
  const cursor = sql`((select ${slot('cursor.value')}${cast(sort)}), (select ${slot('cursor.id')}::uuid))`;
  return [sql`(${raw(sort.sql('t'))}, t."id") ${raw(isDescending(shape) ? '<' : '>')} ${cursor}`];
}

/** Backwards pages are read from the other end. */
const isDescending = ({ order, isBackwards }: ListShape): boolean => (order.direction === 'DESC') !== isBackwards;
const wayOf = (shape: ListShape): Sql => raw(isDescending(shape) ? 'desc' : 'asc');

/** Whether it filters by more than equality: how many rows that leaves, only the values tell. */
const hasOpenFilter = ({ filter, words }: ListShape): boolean =>
  words.length > 0 || filter.some((each) => !('by' in each) || each.by !== 'eq');

/** How many rows a list has on all its pages; with a foreign key, for each of the bound `keys`. */
export const countStatement = (lens: Lens, shape: ListShape): Statement =>
  kept(
    lens,
    `count ${JSON.stringify({ ...shape, order: null, hasCursor: null, isBackwards: null, limit: null })}`,
    () => {
      const conditions = listConditions(lens, shape);
      if (shape.foreignKey === undefined) return sql`select count(*)::int as "count" from ${table(lens)} as t where ${and(conditions)}`;
      const parent = sql.ref(`t.${shape.foreignKey}`);
      return sql`select count(*)::int as "count", ${parent} as "$parent" from ${table(lens)} as t
      where ${and([sql`${parent} = any(${slot('keys')}::uuid[])`, ...conditions])} group by ${parent}`;
    },
    hasOpenFilter(shape),
  );

/** Which rows are counted for figures; the values are bound as `from`, `to` and `about`. */
export interface FiguresShape {
  readonly hasFrom: boolean;
  readonly hasTo: boolean;
  readonly isAboutOne: boolean;
}

/** Figures over the rows the viewer sees. Tables of an expression that the figures do not read cost nothing. */
export const figuresStatement = (lens: Lens, figures: Figures, aboutLens: Lens | undefined, shape: FiguresShape): Statement =>
  kept(
    lens,
    `figures ${JSON.stringify(shape)} ${figures.sql}`,
    () => {
      const { about } = figures;
      const one = slot('about');
      const day = columnOf(lens, figures.day);
      const ofOne = about && shape.isAboutOne ? [sql`${raw(columnOf(lens, about.relation).sql('t'))} = ${one}::uuid`] : [];
      const days = [
        ...(shape.hasFrom ? [sql`${raw(day.sql('t'))} >= ${slot('from')}::date`] : []),
        ...(shape.hasTo ? [sql`${raw(day.sql('t'))} <= ${slot('to')}::date`] : []),
      ];
      const tables = [
        sql`counted as (${counted(lens, figures.from, [...standing(lens, false), ...ofOne, ...days])})`,
        sql`ever as (${counted(lens, figures.from, [...standing(lens, false), ...ofOne])})`,
        ...(about && aboutLens
          ? [
              sql`about as (${counted(aboutLens, about.from, [
                ...standing(aboutLens, about.showsDeleted),
                ...(shape.isAboutOne ? [sql`t."id" = ${one}::uuid`] : []),
              ])})`,
            ]
          : []),
      ];
      return sql`with ${sql.join(tables)} ${withSlots(figures.sql)}`;
    },
    true,
  );

/** Rows with these properties as the viewer sees them. */
const counted = (lens: Lens, properties: readonly string[], conditions: readonly Sql[]): Sql => {
  const columns = properties.map((property) => {
    const expression = masked(columnOf(lens, property).sql, lens.sight.shows(property))('t');
    return sql`${withSlots(expression)} as ${sql.ref(property)}`;
  });
  return sql`select ${sql.join(columns)} from ${table(lens)} as t where ${and(conditions)}`;
};

function listConditions(lens: Lens, shape: ListShape, rows = lens.sight.rows): Sql[] {
  return [
    ...standing(lens, shape.includesDeleted, 't', rows),
    ...shape.filter.map((each) => condition(lens, each)),
    ...searched(lens, shape.words),
  ];
}

/** That every word stands in something that the viewer sees of the row. */
function searched(lens: Lens, words: ListShape['words']): Sql[] {
  const texts = searchesOf(lens).map(({ group, where }) => {
    const text = raw(searchedText(group)((property) => columnOf(lens, property).sql('t')));
    const shown = where ? [sql`(${withSlots(where('t'))})`] : [];
    return (likes: readonly Sql[]) => sql`(${and([...shown, ...likes.map((like) => sql`${text} ${like}`)])})`;
  });
  return words.map((length, place) => {
    // each trigram of a word costs a look into the index: of a long word its beginning finds few enough
    const word = foldedSlot(`word.${place}`);
    const likes = length === 'long' ? [sql`like ${foldedSlot(`long.${place}`)}`, sql`|| '' like ${word}`] : [sql`like ${word}`];
    // what is typed with punctuation may be part of a telephone number, whose digits alone are kept to be searched
    const ways = length === 'number' ? [likes, [sql`like ${foldedSlot(`digits.${place}`)}`]] : [likes];
    return sql`(${sql.join(
      ways.flatMap((way) => texts.map((stands) => stands(way))),
      sql` or `,
    )})`;
  });
}

/** A group that a search looks through, on all rows or where a condition holds. */
interface Searched {
  readonly group: SearchGroup;
  readonly where: RowCondition | undefined;
}

/** What a search looks through for this viewer: groups of which all is shown. */
export function searchesOf({ sight, plan }: Lens): Searched[] {
  return (plan.subject.listing?.search ?? []).flatMap((group): Searched[] => {
    const shown = [...group.texts, ...(group.phones ?? [])].map((property) => sight.shows(property));
    if (shown.includes('never')) return [];
    const conditions = shown.filter((each) => typeof each === 'function');
    if (conditions.length === 0) return [{ group, where: undefined }];
    return [{ group, where: (row: string) => conditions.map((condition) => `(${condition(row)})`).join(' and ') }];
  });
}

/** A text as it is compared without regard to case, accents and apostrophes. */
const foldedSql = (text: Sql): Sql => {
  const [before = '', after = ''] = folded('?').split('?');
  return sql`${raw(before)}${text}${raw(after)}`;
};

const foldedSlot = (name: string): Sql => foldedSql(sql`${slot(name)}::text`);

/** The rows that exist for the viewer: the row rule, and that they were not deleted. */
function standing({ sight, plan }: Lens, includesDeleted: boolean, row = 't', condition = sight.rows): Sql[] {
  const rows = condition ? condition(row) : 'false';
  const alive = plan.subject.isKept && !includesDeleted ? [sql`${sql.ref(`${row}.deleted_at`)} is null`] : [];
  return rows === 'true' ? alive : [...alive, sql`(${withSlots(rows)})`];
}

/**
 * A condition as SQL. A negation holds wherever the group is not true: a comparison with null, or with what is hidden, is
 * never true, so that a row is matched whatever a hidden value is.
 */
function condition(lens: Lens, each: Condition): Sql {
  const all = (group: Group): Sql => and(group.map((one) => condition(lens, one)));
  if ('not' in each) return sql`((${all(each.not)}) is not true)`;
  if (!('or' in each)) return comparison(lens, each);
  if (each.or.length === 0) return sql`false`;
  return sql`(${sql.join(
    each.or.map((group) => sql`(${all(group)})`),
    sql` or `,
  )})`;
}

/** A comparison with the column as the viewer sees it: what is hidden is null for filters too. */
function comparison(lens: Lens, comparing: Comparing): Sql {
  const column = columnOf(lens, comparing.property);
  const shown = lens.sight.shows(comparing.property);
  if (typeof shown !== 'function') return compared(withSlots(masked(column.sql, shown)('t')), column, comparing);
  const [where, left] = [withSlots(shown('t')), withSlots(column.sql('t'))];
  // what is null compares with nothing; said so, and not by a case, the rows where it shows are found by their index
  if (comparing.by !== 'isNull') return sql`((${where}) and ${compared(left, column, comparing)})`;
  return sql`coalesce((${where}) and ${left} is not null, false) <> ${slot(comparing.slot)}::boolean`;
}

function compared(left: Sql, column: Column, comparing: Comparing): Sql {
  const value = slot(comparing.slot);
  switch (comparing.by) {
    case 'eq':
      if (column.isCaseless) return sql`lower(${left}) = lower(${value}::text collate "C")`;
      return sql`${left} = ${value}${cast(column)}`;
    case 'in':
      if (column.isCaseless) return sql`lower(${left}) = any(array(select lower(v collate "C") from unnest(${value}::text[]) as v))`;
      return sql`${left} = any(${value}${cast(column, '[]')})`;
    case 'gte':
      return sql`${left} >= ${value}${cast(column)}`;
    case 'lte':
      return sql`${left} <= ${value}${cast(column)}`;
    case 'contains':
      return sql`${foldedSql(left)} like ${foldedSlot(comparing.slot)}`;
    case 'isNull':
      // said so, as not every planner knows it of itself, and would look for a null from end to end
      return column.isNullable ? sql`(${left} is null) = ${value}::boolean` : sql`not ${value}::boolean`;
  }
}

function kept(lens: Lens, shape: string, build: () => Sql, dependsOnValues = false): Statement {
  const key = `${lens.id} ${shape}`;
  const known = statements.get(key);
  if (known) return known;
  const { sql: text, parameters } = build().compile(compiler);
  const statement = { text, slots: parameters.map((parameter) => (parameter as Slot).name), dependsOnValues };
  statements.set(key, statement, { size: key.length + text.length });
  return statement;
}

const selection = (lens: Lens, folds: ReadonlySet<string> = lens.folds): Sql =>
  sql.join([
    ...beside(lens, folds).map(({ as, sql: expression }) => sql`${withSlots(expression('t'))} as ${sql.ref(as)}`),
    ...[...folds].map((field) => sql`${fold(lens, field, 0)} as ${sql.ref(readAhead(field))}`),
  ]);

const table = ({ plan }: Lens): Sql => sql.table(plan.subject.table);

const columnOf = ({ plan }: Lens, property: string): Column => {
  const column = plan.subject.columns.get(property);
  if (!column) throw new Error(`${plan.subject.type}.${property} is not a column`);
  return column;
};

const slot = (name: string): Sql => sql`${new Slot(name)}`;
const raw = (text: string): Sql => sql.raw(text);
const and = (conditions: readonly Sql[]): Sql => (conditions.length > 0 ? sql.join(conditions, sql` and `) : sql`true`);

/** Comparing with the base type: a cast to varchar(30) would cut what it is compared with. */
const cast = ({ type }: Pick<Column, 'type'>, suffix = ''): Sql => raw(`::${type === 'varchar' ? 'text' : type}${suffix}`);

/** A text of a rule or of figures, its `:user`, `:member`, `:now`, `:today`, `:about` and `:most` turned into parameters. */
function withSlots(text: string): Sql {
  const parts = text.split(/(?<!:):(user|member|now|today|about|most)\b/);
  return sql.join(
    parts.map((part, place) => (place % 2 === 0 ? raw(part) : slot(part))),
    sql``,
  );
}
