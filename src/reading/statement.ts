import {
  DummyDriver,
  Kysely,
  PostgresAdapter,
  PostgresIntrospector,
  PostgresQueryCompiler,
  sql,
  type RawBuilder,
} from 'kysely';
import { searchedText, type Direction, type SearchGroup } from '../entities/listing.ts';
import type { Comparison } from '../entities/page.ts';
import type { RowCondition } from '../entities/rule.ts';
import type { Figures } from '../entities/summary.ts';
import { folded } from '../entities/text.ts';
import { LRUCache } from 'lru-cache';
import { columnsBeside, masked, type Projection, type SelectedColumn } from './projection.ts';
import type { Column, Relation } from './mapping.ts';

/** A compiled statement with the names of its parameters in order. */
export interface Statement {
  readonly text: string;
  readonly parameters: readonly string[];
  /** Whether the best plan depends on the values, so that a shared plan could be slow. */
  readonly dependsOnValues: boolean;
}

/** The values of a statement's parameters by name. */
export type Values = Readonly<Record<string, unknown>>;

export interface Order {
  readonly property: string;
  readonly direction: Direction;
}

/** One comparison of a filter. */
export interface ColumnComparison {
  readonly property: string;
  readonly by: Exclude<Comparison, 'notIn'>;
  /** The name of the parameter for the value. */
  readonly parameter: string;
}

/** A condition of a filter: a comparison, at least one of several groups, or the negation of a group. */
export type Condition = ColumnComparison | { readonly or: readonly Group[] } | { readonly not: Group };

/** Conditions that must all be met. */
type Group = readonly Condition[];

/** The parts of a list query that determine its SQL text. The values of parameters are bound later. */
export interface ListShape {
  readonly filter: readonly Condition[];
  /**
   * The search words. Each is bound as `word.0` and so on. A long word also binds its beginning as `long.0`, and a
   * number its digits as `digits.0`.
   */
  readonly words: readonly ('short' | 'long' | 'number')[];
  readonly order: Order;
  readonly hasCursor: boolean;
  readonly isBackwards: boolean;
  readonly includesDeleted: boolean;
  /** The maximum number of rows. A literal, because with a parameter the server would plan the statement each time. */
  readonly limit: number;
  /** For the lists of several parents in one statement: the column with the parent's id. */
  readonly foreignKey?: string | undefined;
}

type Sql = RawBuilder<unknown>;

/** Compiles SQL without a connection. */
const compiler = new Kysely<never>({
  dialect: {
    createAdapter: () => new PostgresAdapter(),
    createDriver: () => new DummyDriver(),
    createIntrospector: (db) => new PostgresIntrospector(db),
    createQueryCompiler: () => new PostgresQueryCompiler(),
  },
});

class Parameter {
  constructor(readonly name: string) {}
}

/**
 * Compiled statements by projection and shape, up to a total number of characters. Filters and page sizes may be
 * variables, so a single document can have more shapes than are worth caching.
 */
const statements = new LRUCache<string, Statement>({ maxSize: 8_000_000, maxEntrySize: 800_000 });

/** Returns the values of a statement's parameters in their order. */
export const parameterValues = ({ parameters }: Statement, values: Values): unknown[] =>
  parameters.map((name) => values[name]);

/** The key of a row under which its embedded relation is stored. The field's own name stores the foreign key. */
export const readAhead = (field: string): string => `${field}~`;

/**
 * Builds the statement for one row, selected by the columns in `by`, each bound under its own name. Unconditional
 * relations are embedded as JSON, which is cheaper for one row than a statement per relation.
 */
export const oneStatement = (projection: Projection, by: readonly string[], includesDeleted: boolean): Statement =>
  kept(projection, `one ${by.join()} ${includesDeleted}`, () => {
    const found = by.map(
      (property) =>
        sql`${raw(columnOf(projection, property).sql('t'))} = ${parameter(property)}${cast(columnOf(projection, property))}`,
    );
    return sql`select ${selectList(projection, projection.selection.certain)} from ${table(projection)} as t
      where ${and([...found, ...standing(projection, includesDeleted)])}`;
  });

/**
 * Builds the statement that tests whether the viewer can see a row of each projection that is not deleted. Ids are
 * bound by their position.
 */
export const seesStatement = (projections: readonly [Projection, ...Projection[]], evenDeleted: boolean): Statement =>
  kept(
    projections[0],
    `sees ${evenDeleted ? 'even deleted ' : ''}${projections.map(({ selection }) => selection.mapping.type).join()}`,
    () => {
      const each = projections.map(
        (projection, place) =>
          sql`exists (select from ${table(projection)} as t where ${and([sql`t."id" = ${parameter(String(place))}::uuid`, ...standing(projection, evenDeleted)])})`,
      );
      return sql`select ${and(each)} as "sees"`;
    },
  );

/**
 * Returns the rows of a relation as one JSON value, or null where they are hidden. The row's alias is `t`, `t1` and so
 * on, by depth.
 */
function embed(projection: Projection, field: string, depth: number): Sql {
  const { kind, foreignKey = '', order = [] } = projection.selection.mapping.relations.get(field) as Relation;
  const [related, key] = [projection.related.get(field), projection.select.find(({ as }) => as === field)];
  if (!related?.visibility.rows || !key) return sql`null`;
  const [row, other] = [aliasOf(depth), aliasOf(depth + 1)];
  const values = [
    ...related.embeddedColumns.map((each) => inJson(each, other)),
    ...[...related.selection.certain].map((next) => embed(related, next, depth + 1)),
  ];
  const embedding = sql`json_build_array(${sql.join(values)})`;
  const from = (column: string, includesDeleted: boolean) => sql`from ${table(related)} as ${sql.ref(other)}
    where ${and([sql`${sql.ref(`${other}.${column}`)} = ${withParameters(key.sql(row))}`, ...standing(related, includesDeleted, other)])}`;
  if (kind === 'one') return sql`(select ${embedding} ${from('id', true)})`;
  const sorted = order.map(({ sql: by, direction }) => sql`${raw(by(other))} ${raw(direction)}`);
  const all = sql`json_agg(${embedding}${sorted.length > 0 ? sql` order by ${sql.join(sorted)}` : sql``})`;
  return sql`case when ${withParameters(key.sql(row))} is not null then (select coalesce(${all}, '[]') ${from(foreignKey, false)}) end`;
}

const aliasOf = (depth: number): string => (depth === 0 ? 't' : `t${depth}`);

/** as a JSON number, a decimal would lose precision */
const inJson = ({ sql: expression, type }: SelectedColumn, row: string): Sql =>
  type === 'numeric' ? sql`(${withParameters(expression(row))})::text` : withParameters(expression(row));

/**
 * Builds the statement for the rows with the ids in `keys`. It can include deleted rows, because a case still shows the
 * records that it concerns.
 */
export const rowsStatement = (projection: Projection, includesDeleted = true): Statement =>
  kept(
    projection,
    `rows ${includesDeleted}`,
    () => sql`select ${selectList(projection)} ${fromKeys(projection, includesDeleted)}`,
  );

/** Builds the statement that finds the types of the rows with the ids in `keys`, without deleted and hidden rows. */
export const typesStatement = (projections: readonly [Projection, ...Projection[]]): Statement =>
  kept(projections[0], `types ${projections.map(({ selection }) => selection.mapping.type).join()}`, () => {
    const each = projections.map(
      (projection) =>
        sql`select ${sql.lit(projection.selection.mapping.type)} as "type", t."id" ${fromKeys(projection, false)}`,
    );
    return sql.join(each, sql` union all `);
  });

const fromKeys = (projection: Projection, includesDeleted: boolean): Sql =>
  sql`from ${table(projection)} as t where ${and([sql`t."id" = any(${parameter('keys')}::uuid[])`, ...standing(projection, includesDeleted)])}`;

/** Builds the statement for all rows with one of the `keys` in a column, sorted by columns. */
export const childrenStatement = (
  projection: Projection,
  foreignKey: string,
  order: NonNullable<Relation['order']>,
): Statement =>
  kept(
    projection,
    `children ${foreignKey} ${order.map(({ sql: by, direction }) => `${by('t')} ${direction}`).join()}`,
    () => {
      const parent = sql.ref(`t.${foreignKey}`);
      const sorted = order.map(({ sql: by, direction }) => sql`${raw(by('t'))} ${raw(direction)}`);
      return sql`select ${selectList(projection)}, ${parent} as "$parent" from ${table(projection)} as t
      where ${and([sql`${parent} = any(${parameter('keys')}::uuid[])`, ...standing(projection, false)])}
      ${sorted.length > 0 ? sql`order by ${sql.join(sorted)}` : sql``}`;
    },
  );

/** Builds the statement for all rows that the viewer may see, sorted by columns. */
export const allStatement = (projection: Projection, order: Order): Statement =>
  kept(projection, `all ${order.property} ${order.direction}`, () => {
    const by = raw(columnOf(projection, order.property).sort.sql('t'));
    return sql`select ${selectList(projection)} from ${table(projection)} as t where ${and(standing(projection, false))} order by ${by} ${raw(order.direction)}, t."id"`;
  });

/** Builds the statement for a page of a list. With a foreign key, it returns one page for each of the `keys`. */
export const pageStatement = (projection: Projection, shape: ListShape): Statement =>
  kept(
    projection,
    `page ${JSON.stringify(shape)}`,
    () => {
      const way = wayOf(shape);
      if (shape.foreignKey === undefined) return page(projection, shape, []);
      const ofParent = sql`${sql.ref(`t.${shape.foreignKey}`)} = k.id`;
      return sql`select x.*, k.id as "$parent" from unnest(${parameter('keys')}::uuid[]) with ordinality as k(id, n)
        cross join lateral (${page(projection, shape, [ofParent])}) as x order by k.n, x."$order" ${way}, x."id" ${way}`;
    },
    hasOpenFilter(shape),
  );

/** Separate indexes contain existing and deleted rows, so a page of both is merged from a page of each. */
function page(projection: Projection, shape: ListShape, conditions: readonly Sql[]): Sql {
  const { alternatives } = projection.visibility;
  if (projection.selection.mapping.listing?.isReadPerGrant && alternatives.length > 1)
    return unionOfGrants(projection, shape, conditions, alternatives);
  if (!shape.includesDeleted || !projection.selection.mapping.isKept) return limited(projection, shape, conditions);
  const way = wayOf(shape);
  return sql`select e.* from ((${limited(projection, shape, [...conditions, sql`t."deleted_at" is null`])})
    union all (${limited(projection, shape, [...conditions, sql`t."deleted_at" is not null`])})) as e
    order by e."$order" ${way}, e."id" ${way} limit ${raw(String(shape.limit))}`;
}

/** Merges the first rows of each condition that makes rows visible, without duplicates. */
function unionOfGrants(
  projection: Projection,
  shape: ListShape,
  conditions: readonly Sql[],
  alternatives: readonly RowCondition[],
): Sql {
  const way = wayOf(shape);
  const parts = alternatives.map((rows) => sql`(${limited(projection, shape, conditions, rows)})`);
  return sql`select distinct on (e."$order", e."id") e.* from (${sql.join(parts, sql` union all `)}) as e
    order by e."$order" ${way}, e."id" ${way} limit ${raw(String(shape.limit))}`;
}

function limited(
  projection: Projection,
  shape: ListShape,
  more: readonly Sql[],
  rows = projection.visibility.rows,
): Sql {
  const [by, way] = [raw(columnOf(projection, shape.order.property).sort.sql('t')), wayOf(shape)];
  const passing = [...more, ...listConditions(projection, shape, rows)];
  const limit = raw(String(shape.limit));
  const sorted = (
    conditions: readonly Sql[],
  ) => sql`select ${selectList(projection)}, ${by} as "$order" from ${table(projection)} as t
    where ${and([...conditions, ...beyondCursor(projection, shape)])} order by ${by} ${way}, t."id" ${way} limit ${limit}`;
  if (shape.words.length === 0) return sorted(passing);
  const count = sql`(select count(*) from found)`;
  return sql`select f.* from (with found as materialized
    (select t."id" from ${table(projection)} as t where ${and(passing)} limit ${raw(String(fewFound + 1))})
    (${sorted([sql`t."id" = any(array(select "id" from found))`, sql`${count} <= ${raw(String(fewFound))}`])}) union all
    (${sorted([...passing, sql`${count} > ${raw(String(fewFound))}`])})) as f
    order by f."$order" ${way}, f."id" ${way} limit ${limit}`;
}

/**
 * The maximum number of search results that are sorted after they are found. The planner overestimates the matches of a
 * short word, and would read and compare the whole list in its order. That is only faster for a common word, so it is
 * done only above this number.
 */
const fewFound = 500;

/**
 * Returns the condition for rows after a cursor. The cursor's values are subqueries, whose values the planner does not
 * know. With known values, it would expect almost no rows near the end of an order with few distinct values, and then
 * read all of them.
 */
function beyondCursor(projection: Projection, shape: ListShape): Sql[] {
  if (!shape.hasCursor) return [];
  const { sort } = columnOf(projection, shape.order.property);
  const cursor = sql`((select ${parameter('cursor.value')}${cast(sort)}), (select ${parameter('cursor.id')}::uuid))`;
  return [sql`(${raw(sort.sql('t'))}, t."id") ${raw(isDescending(shape) ? '<' : '>')} ${cursor}`];
}

/** Pages in backward direction are read from the other end. */
const isDescending = ({ order, isBackwards }: ListShape): boolean => (order.direction === 'DESC') !== isBackwards;
const wayOf = (shape: ListShape): Sql => raw(isDescending(shape) ? 'desc' : 'asc');

/** Whether the list filters by more than equality, so that the number of rows depends on the values. */
const hasOpenFilter = ({ filter, words }: ListShape): boolean =>
  words.length > 0 || filter.some((each) => !('by' in each) || each.by !== 'eq');

/**
 * Builds the statement that counts the rows on all pages of a list. With a foreign key, it counts for each of the
 * `keys`.
 */
export const countStatement = (projection: Projection, shape: ListShape): Statement =>
  kept(
    projection,
    `count ${JSON.stringify({ ...shape, order: null, hasCursor: null, isBackwards: null, limit: null })}`,
    () => {
      const conditions = listConditions(projection, shape);
      if (shape.foreignKey === undefined)
        return sql`select count(*)::int as "count" from ${table(projection)} as t where ${and(conditions)}`;
      const parent = sql.ref(`t.${shape.foreignKey}`);
      return sql`select count(*)::int as "count", ${parent} as "$parent" from ${table(projection)} as t
      where ${and([sql`${parent} = any(${parameter('keys')}::uuid[])`, ...conditions])} group by ${parent}`;
    },
    hasOpenFilter(shape),
  );

/** Selects the rows that figures count. The values are bound as `from`, `to` and `about`. */
export interface FiguresShape {
  readonly hasFrom: boolean;
  readonly hasTo: boolean;
  readonly isAboutOne: boolean;
}

/**
 * Builds the statement for figures over the rows that the viewer can see. PostgreSQL skips table expressions that the
 * figures do not use.
 */
export const figuresStatement = (
  projection: Projection,
  figures: Figures,
  aboutProjection: Projection | undefined,
  shape: FiguresShape,
): Statement =>
  kept(
    projection,
    `figures ${JSON.stringify(shape)} ${figures.sql}`,
    () => {
      const { about } = figures;
      const one = parameter('about');
      const day = columnOf(projection, figures.day);
      const ofOne =
        about && shape.isAboutOne ? [sql`${raw(columnOf(projection, about.relation).sql('t'))} = ${one}::uuid`] : [];
      const days = [
        ...(shape.hasFrom ? [sql`${raw(day.sql('t'))} >= ${parameter('from')}::date`] : []),
        ...(shape.hasTo ? [sql`${raw(day.sql('t'))} <= ${parameter('to')}::date`] : []),
      ];
      const tables = [
        sql`counted as (${counted(projection, figures.from, [...standing(projection, false), ...ofOne, ...days])})`,
        sql`ever as (${counted(projection, figures.from, [...standing(projection, false), ...ofOne])})`,
        ...(about && aboutProjection
          ? [
              sql`about as (${counted(aboutProjection, about.from, [
                ...standing(aboutProjection, about.showsDeleted),
                ...(shape.isAboutOne ? [sql`t."id" = ${one}::uuid`] : []),
              ])})`,
            ]
          : []),
      ];
      return sql`with ${sql.join(tables)} ${withParameters(figures.sql)}`;
    },
    true,
  );

/** The rows with these properties, as the viewer sees them. */
const counted = (projection: Projection, properties: readonly string[], conditions: readonly Sql[]): Sql => {
  const columns = properties.map((property) => {
    const expression = masked(columnOf(projection, property).sql, projection.visibility.shows(property))('t');
    return sql`${withParameters(expression)} as ${sql.ref(property)}`;
  });
  return sql`select ${sql.join(columns)} from ${table(projection)} as t where ${and(conditions)}`;
};

function listConditions(projection: Projection, shape: ListShape, rows = projection.visibility.rows): Sql[] {
  return [
    ...standing(projection, shape.includesDeleted, 't', rows),
    ...shape.filter.map((each) => condition(projection, each)),
    ...searched(projection, shape.words),
  ];
}

/** Returns the condition that every search word occurs in fields that the viewer can see. */
function searched(projection: Projection, words: ListShape['words']): Sql[] {
  const texts = searchesOf(projection).map(({ group, where }) => {
    const text = raw(searchedText(group)((property) => columnOf(projection, property).sql('t')));
    const shown = where ? [sql`(${withParameters(where('t'))})`] : [];
    return (likes: readonly Sql[]) => sql`(${and([...shown, ...likes.map((like) => sql`${text} ${like}`)])})`;
  });
  return words.map((length, place) => {
    // each trigram costs an index lookup, and the beginning of a long word is selective enough
    const word = foldedParameter(`word.${place}`);
    const likes =
      length === 'long'
        ? [sql`like ${foldedParameter(`long.${place}`)}`, sql`|| '' like ${word}`]
        : [sql`like ${word}`];
    // a word with punctuation may be part of a telephone number, which is searched by its digits only
    const alternatives = length === 'number' ? [likes, [sql`like ${foldedParameter(`digits.${place}`)}`]] : [likes];
    return sql`(${sql.join(
      alternatives.flatMap((way) => texts.map((stands) => stands(way))),
      sql` or `,
    )})`;
  });
}

/** A group of searched fields, for all rows or for those that match a condition. */
interface SearchedGroup {
  readonly group: SearchGroup;
  readonly where: RowCondition | undefined;
}

/** Returns the groups of fields that a search of this viewer covers. Each group is fully visible. */
export function searchesOf({ visibility, selection }: Projection): SearchedGroup[] {
  return (selection.mapping.listing?.search ?? []).flatMap((group): SearchedGroup[] => {
    const shown = [...group.texts, ...(group.phones ?? [])].map((property) => visibility.shows(property));
    if (shown.includes('never')) return [];
    const conditions = shown.filter((each) => typeof each === 'function');
    if (conditions.length === 0) return [{ group, where: undefined }];
    return [{ group, where: (row: string) => conditions.map((condition) => `(${condition(row)})`).join(' and ') }];
  });
}

/** Returns a text for comparisons that ignore case, accents and apostrophes. */
const foldedSql = (text: Sql): Sql => {
  const [before = '', after = ''] = folded('?').split('?');
  return sql`${raw(before)}${text}${raw(after)}`;
};

const foldedParameter = (name: string): Sql => foldedSql(sql`${parameter(name)}::text`);

/** Returns the condition for the rows that the viewer can see and that are not deleted. */
function standing(
  { visibility, selection }: Projection,
  includesDeleted: boolean,
  row = 't',
  condition = visibility.rows,
): Sql[] {
  const rows = condition ? condition(row) : 'false';
  const alive = selection.mapping.isKept && !includesDeleted ? [sql`${sql.ref(`${row}.deleted_at`)} is null`] : [];
  return rows === 'true' ? alive : [...alive, sql`(${withParameters(rows)})`];
}

/**
 * Returns a condition as SQL. A comparison with null or with a hidden value is never true. A negation is true wherever
 * its group is not true, so the result never depends on a hidden value.
 */
function condition(projection: Projection, each: Condition): Sql {
  const all = (group: Group): Sql => and(group.map((one) => condition(projection, one)));
  if ('not' in each) return sql`((${all(each.not)}) is not true)`;
  if (!('or' in each)) return comparison(projection, each);
  if (each.or.length === 0) return sql`false`;
  return sql`(${sql.join(
    each.or.map((group) => sql`(${all(group)})`),
    sql` or `,
  )})`;
}

/** Compares a column as the viewer sees it: a hidden value counts as null in filters too. */
function comparison(projection: Projection, comparing: ColumnComparison): Sql {
  const column = columnOf(projection, comparing.property);
  const shown = projection.visibility.shows(comparing.property);
  if (typeof shown !== 'function') return compared(withParameters(masked(column.sql, shown)('t')), column, comparing);
  const [where, left] = [withParameters(shown('t')), withParameters(column.sql('t'))];
  // an explicit condition instead of a `case` lets the planner use the index for the visible rows
  if (comparing.by !== 'isNull') return sql`((${where}) and ${compared(left, column, comparing)})`;
  return sql`coalesce((${where}) and ${left} is not null, false) <> ${parameter(comparing.parameter)}::boolean`;
}

function compared(left: Sql, column: Column, comparing: ColumnComparison): Sql {
  const value = parameter(comparing.parameter);
  switch (comparing.by) {
    case 'eq':
      if (column.isCaseless) return sql`lower(${left}) = lower(${value}::text collate "C")`;
      return sql`${left} = ${value}${cast(column)}`;
    case 'in':
      if (column.isCaseless)
        return sql`lower(${left}) = any(array(select lower(v collate "C") from unnest(${value}::text[]) as v))`;
      return sql`${left} = any(${value}${cast(column, '[]')})`;
    case 'gte':
      return sql`${left} >= ${value}${cast(column)}`;
    case 'lte':
      return sql`${left} <= ${value}${cast(column)}`;
    case 'contains':
      return sql`${foldedSql(left)} like ${foldedParameter(comparing.parameter)}`;
    case 'isNull':
      // for a column that is never null, an older planner would search the whole table for nulls
      return column.isNullable ? sql`(${left} is null) = ${value}::boolean` : sql`not ${value}::boolean`;
  }
}

function kept(projection: Projection, shape: string, build: () => Sql, dependsOnValues = false): Statement {
  const key = `${projection.id} ${shape}`;
  const known = statements.get(key);
  if (known) return known;
  const { sql: text, parameters } = build().compile(compiler);
  const statement = { text, parameters: parameters.map((parameter) => (parameter as Parameter).name), dependsOnValues };
  statements.set(key, statement, { size: key.length + text.length });
  return statement;
}

const selectList = (projection: Projection, embedded: ReadonlySet<string> = projection.embedded): Sql =>
  sql.join([
    ...columnsBeside(projection, embedded).map(
      ({ as, sql: expression }) => sql`${withParameters(expression('t'))} as ${sql.ref(as)}`,
    ),
    ...[...embedded].map((field) => sql`${embed(projection, field, 0)} as ${sql.ref(readAhead(field))}`),
  ]);

const table = ({ selection }: Projection): Sql => sql.table(selection.mapping.table);

const columnOf = ({ selection }: Projection, property: string): Column => {
  const column = selection.mapping.columns.get(property);
  if (!column) throw new Error(`${selection.mapping.type}.${property} is not a column`);
  return column;
};

const parameter = (name: string): Sql => sql`${new Parameter(name)}`;
const raw = (text: string): Sql => sql.raw(text);
const and = (conditions: readonly Sql[]): Sql => (conditions.length > 0 ? sql.join(conditions, sql` and `) : sql`true`);

/** Casts to the base type, because a cast to varchar(30) would truncate the value. */
const cast = ({ type }: Pick<Column, 'type'>, suffix = ''): Sql =>
  raw(`::${type === 'varchar' ? 'text' : type}${suffix}`);

/**
 * Replaces `:user`, `:member`, `:now`, `:today`, `:about` and `:most` in SQL of a rule or of figures with parameters.
 */
function withParameters(text: string): Sql {
  const parts = text.split(/(?<!:):(user|member|now|today|about|most)\b/);
  return sql.join(
    parts.map((part, place) => (place % 2 === 0 ? raw(part) : parameter(part))),
    sql``,
  );
}
