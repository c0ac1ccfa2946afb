import DataLoader from 'dataloader';
import type { GraphQLResolveInfo } from 'graphql';
import { validate as isUuid } from 'uuid';
import { assertValid, badInput, forbidden, notFound } from '../errors.ts';
import { largestPage, type Connection, type Page, type PageInfo } from '../entities/page.ts';
import type { RowRule } from '../entities/rule.ts';
import type { Figures } from '../entities/summary.ts';
import type { Viewer } from '../entities/viewer.ts';
import { toCursor } from './cursor.ts';
import { projectionOf, hiddenKey, type Projection } from './projection.ts';
import { readPage, type ListQuery } from './list.ts';
import { emptySelection, selectionOf, type Selection } from './selection.ts';
import { nothing, ORIGIN, rowOf, unpack, type RowOrigin, type Row } from './row.ts';
import {
  allStatement,
  parameterValues,
  childrenStatement,
  countStatement,
  figuresStatement,
  oneStatement,
  pageStatement,
  readAhead,
  rowsStatement,
  seesStatement,
  typesStatement,
  type Order,
  type Statement,
  type Values,
} from './statement.ts';
import type { Relation, TypeMapping, TypeMappings } from './mapping.ts';

/**
 * Runs SQL with parameters such as `$1`. The options say whether it is planned for these values only, and whether it is
 * retried until it is answered.
 */
export type RunQuery = (
  text: string,
  parameters: readonly unknown[],
  isForTheseValues?: boolean,
  mustAnswer?: boolean,
) => Promise<readonly Record<string, unknown>[]>;

type EntityClass = RowRule['entity'];

/**
 * Selects the rows of figures: the first and the last day, both inclusive, and an optional record that they concern.
 */
export interface FiguresInput {
  readonly from: string | null;
  readonly to: string | null;
  readonly about?: string | null;
  /** The maximum number of rows. Undefined means all. */
  readonly most?: number;
}

/** The type and id of a row. */
interface RowKey {
  readonly entity: EntityClass;
  readonly id: string;
}

const emptySelections = new WeakMap<TypeMapping, Selection>();

/**
 * Reads the response of one request: plain rows with the selected columns, always through the viewer's row filter. A
 * relation to one row is embedded; a relation to many takes one statement for all rows of its level. Rows that the
 * viewer may not see are treated as missing.
 */
export class Reader {
  /**
   * Whether this reads the response of a mutation. The change is already stored, and a client would repeat it after an
   * error.
   */
  private answersChange = false;
  private readonly loaders = new Map<Selection, Map<string, DataLoader<string, unknown>>>();

  constructor(
    private readonly mappings: TypeMappings,
    private readonly viewer: Viewer,
    private readonly run: RunQuery,
    private readonly now: Date,
  ) {}

  /**
   * Returns the only row with these values. @throws NOT_FOUND if it does not exist or is hidden from the viewer,
   * BAD_INPUT for an invalid id, FORBIDDEN for deleted rows unless the viewer is an admin.
   */
  async one(
    entity: EntityClass,
    by: Readonly<Record<string, string | null>>,
    info: GraphQLResolveInfo,
    includeDeleted = false,
  ): Promise<Row> {
    if ('id' in by && by['id'] !== null && !isUuid(by['id'])) throw badInput({ path: 'id', message: 'must be a UUID' });
    const projection = this.projectionFor(entity, info);
    if (includeDeleted && !projection.seesDeleted) throw forbidden('Only admins may request deleted records.');
    return this.theOne(projection, by, includeDeleted);
  }

  /** Returns the row that the caller has just deleted, only for that response. @throws NOT_FOUND if it is hidden. */
  async deleted(entity: EntityClass, id: string, info: GraphQLResolveInfo): Promise<Row> {
    return this.theOne(this.projectionFor(entity, info), { id }, true);
  }

  private async theOne(
    projection: Projection,
    by: Readonly<Record<string, string | null>>,
    includeDeleted: boolean,
  ): Promise<Row> {
    const [found] = await this.execute(oneStatement(projection, Object.keys(by), includeDeleted), by);
    if (!found) throw notFound();
    return unpack(rowOf(found, { reader: this, projection }), projection.selection.certain);
  }

  /** Whether the viewer can see all of these rows, and none of them is deleted. */
  sees(...rows: readonly [RowKey, ...RowKey[]]): Promise<boolean> {
    return this.seesRows(rows, false);
  }

  /** Whether the viewer can see this row, or could until it was deleted. */
  saw(row: RowKey): Promise<boolean> {
    return this.seesRows([row], true);
  }

  private async seesRows(rows: readonly [RowKey, ...RowKey[]], evenDeleted: boolean): Promise<boolean> {
    const projections = rows.map(({ entity }) => this.emptyProjection(this.mappingOf(entity))) as [
      Projection,
      ...Projection[],
    ];
    const [found] = await this.execute(
      seesStatement(projections, evenDeleted),
      Object.fromEntries(rows.map(({ id }, place) => [place, id])),
    );
    return found?.['sees'] === true;
  }

  /** Returns all rows. Only for types with few rows. */
  all(entity: EntityClass, order: Order, info: GraphQLResolveInfo): Promise<Row[]> {
    const projection = this.projectionFor(entity, info);
    return this.rows(projection, allStatement(projection, order), {});
  }

  /** Returns the rows of a type with these ids, in this order, without hidden ones. */
  async some(type: string, ids: readonly string[], info: GraphQLResolveInfo): Promise<Row[]> {
    const projection = projectionOf(
      selectionOf(this.mappings, this.mappings.get(type) as TypeMapping, info),
      this.viewer,
    );
    this.answersChange ||= info.operation.operation === 'mutation';
    if (!projection.visibility.rows || ids.length === 0) return [];
    const found = new Map(
      (await this.rows(projection, rowsStatement(projection), { keys: ids })).map((row) => [row['id'] as string, row]),
    );
    return ids.flatMap((id) => found.get(id) ?? []);
  }

  /**
   * Returns the rows of any of these types with these ids, in this order, with null for hidden ones. One statement
   * finds the types of the rows, and one per type reads them.
   * @throws BAD_INPUT for an invalid id, and for too many ids.
   */
  async nodes(types: readonly string[], ids: readonly string[], info: GraphQLResolveInfo): Promise<(Row | null)[]> {
    const argument = info.fieldName === 'node' ? () => 'id' : (place: number) => `ids[${place}]`;
    if (ids.length > largestPage)
      throw badInput({ path: 'ids', message: `must not list more than ${largestPage} ids` });
    const wrong = ids.flatMap((id, place) =>
      isUuid(id) ? [] : [{ path: argument(place), message: 'must be a UUID' }],
    );
    assertValid(wrong);
    const found = new Map((await this.typesOf(types, ids)).map(({ type, id }) => [id, type]));
    const read = await Promise.all([...new Set(found.values())].map((type) => this.ofType(type, found, info)));
    const rows = new Map(read.flat().map((row) => [row['id'] as string, row]));
    return ids.map((id) => rows.get(id.toLowerCase()) ?? null);
  }

  private async typesOf(
    types: readonly string[],
    ids: readonly string[],
  ): Promise<{ readonly type: string; readonly id: string }[]> {
    const mappings = types.map((type) => this.mappings.get(type) as TypeMapping);
    const [first, ...others] = mappings
      .map((mapping) => this.emptyProjection(mapping))
      .filter(({ visibility }) => visibility.rows);
    if (!first || ids.length === 0) return [];
    return (await this.execute(typesStatement([first, ...others]), { keys: ids })) as never;
  }

  private async ofType(type: string, types: ReadonlyMap<string, string>, info: GraphQLResolveInfo): Promise<Row[]> {
    const projection = projectionOf(
      selectionOf(this.mappings, this.mappings.get(type) as TypeMapping, info),
      this.viewer,
    );
    const keys = [...types].flatMap(([id, each]) => (each === type ? [id] : []));
    const rows = await this.rows(projection, rowsStatement(projection, false), { keys });
    return rows.map((row) => Object.assign(row, { __typename: type }));
  }

  /** Returns a page of an entity's list. */
  async page(entity: EntityClass, page: Page, info: GraphQLResolveInfo): Promise<Connection<Row>> {
    const projection = this.projectionFor(entity, info);
    const query = readPage(projection, page);
    const rows = await this.rows(projection, pageStatement(projection, query.shape), query.values);
    const count = async () =>
      ((await this.execute(countStatement(projection, query.shape), query.values))[0] as { count: number }).count;
    return new FoundPage(rows, query, count);
  }

  /**
   * Computes figures over the rows that the viewer can see, in one statement.
   * @throws BAD_INPUT for an invalid id or if the last day is before the first, NOT_FOUND if the record that they
   * concern is hidden.
   */
  async figures(
    figures: Figures,
    { from, to, about = null, most }: FiguresInput,
  ): Promise<readonly Record<string, unknown>[]> {
    if (from !== null && to !== null && from > to)
      throw badInput({ path: 'from', message: 'must not be later than to' });
    if (about !== null && !isUuid(about))
      throw badInput({ path: figures.about?.argument ?? 'id', message: 'must be a UUID' });
    const shape = { hasFrom: from !== null, hasTo: to !== null, isAboutOne: about !== null };
    const others = figures.about && this.emptyProjection(this.mappingOf(figures.about.entity));
    const statement = figuresStatement(this.emptyProjection(this.mappingOf(figures.of)), figures, others, shape);
    const found = await this.execute(statement, { from, to, about, most: most ?? null });
    if (about !== null && found.length === 0) throw notFound();
    return found;
  }

  /** Computes figures that consist of one row. @throws BAD_INPUT if the last day is before the first. */
  async total(figures: Figures, query: FiguresInput): Promise<Record<string, unknown>> {
    return (await this.figures(figures, query))[0] as Record<string, unknown>;
  }

  /** Returns the row that figures concern, read together with the other rows of the response. Null if it is hidden. */
  named(entity: EntityClass, id: string, info: GraphQLResolveInfo): Promise<Row | null> {
    const projection = this.projectionFor(entity, info);
    return this.loader<Row | null>(projection.selection, 'named', async (keys) => {
      const found = new Map(
        (await this.rows(projection, rowsStatement(projection), { keys })).map((row) => [row['id'] as string, row]),
      );
      return keys.map((each) => found.get(each) ?? null);
    }).load(id);
  }

  /**
   * Returns the page of a list that belongs to a row, in one statement for all rows of that level. Null if it is
   * hidden.
   */
  related(row: unknown, page: Page, info: GraphQLResolveInfo): Promise<Connection<Row> | null> {
    return (row as Row)[ORIGIN].reader.pageOf(row as Row, info.fieldName, page);
  }

  private pageOf(row: Row, field: string, page: Page): Promise<Connection<Row> | null> {
    const { projection, key, relation } = this.through(row, field);
    if (key === null || !projection?.visibility.rows) return Promise.resolve(null);
    if (relation?.foreignKey === undefined) throw new Error(`${field} has no list of its own`);
    const query = readPage(projection, page, relation.foreignKey);
    const shape = JSON.stringify([field, query.shape, query.values]);
    const pages = this.loader(projection.selection, `page ${shape}`, async (keys) => {
      const rows = await this.rows(projection, pageStatement(projection, query.shape), { ...query.values, keys });
      const byParent = grouped(rows);
      return keys.map((each) => new FoundPage(byParent.get(each) ?? [], query, () => counts.load(each)));
    });
    const counts: DataLoader<string, number> = this.loader(projection.selection, `count ${shape}`, async (keys) => {
      const found = await this.execute(countStatement(projection, query.shape), { ...query.values, keys });
      const byParent = new Map(found.map((each) => [each['$parent'] as string, each['count'] as number]));
      return keys.map((each) => byParent.get(each) ?? 0);
    });
    return pages.load(key);
  }

  /** Returns the value of a relation on a row: another row, several rows, or null if it is hidden. */
  relation(row: Row, field: string): unknown {
    if (readAhead(field) in row) return row[readAhead(field)];
    const { projection, key, relation } = this.through(row, field);
    if (key === null || !projection?.visibility.rows || !relation) return nothing(relation);
    return this.loader(projection.selection, 'related', async (keys) => {
      const found = await this.found(relation, projection, keys);
      return keys.map((each) => found.get(each) ?? nothing(relation, relation.kind));
    }).load(key);
  }

  /** Returns the value of a derived field on a row. Null if it is hidden. */
  derived(row: Row, field: string): unknown {
    const { selection, visibility, hiddenSources } = row[ORIGIN].projection;
    const shown = visibility.shows(field);
    if (shown === 'never' || (typeof shown === 'function' && row[hiddenKey(field)] !== true)) return null;
    const derivation = selection.mapping.derivations.get(field);
    const seen =
      hiddenSources.length === 0
        ? row
        : Object.assign({}, row, Object.fromEntries(hiddenSources.map((source) => [source, row[hiddenKey(source)]])));
    return derivation?.compute(seen, this.viewer);
  }

  private projectionFor(entity: EntityClass, info: GraphQLResolveInfo): Projection {
    this.answersChange ||= info.operation.operation === 'mutation';
    return projectionOf(selectionOf(this.mappings, this.mappingOf(entity), info), this.viewer);
  }

  private mappingOf(entity: EntityClass): TypeMapping {
    return this.mappings.get(entity.name) as TypeMapping;
  }

  private emptyProjection(mapping: TypeMapping): Projection {
    const selection = emptySelections.get(mapping) ?? emptySelection(mapping);
    emptySelections.set(mapping, selection);
    return projectionOf(selection, this.viewer);
  }

  /** Returns the projection of the other side of a relation, and the key of its rows. */
  private through(row: Row, field: string) {
    const { selection, related } = row[ORIGIN].projection;
    return {
      projection: related.get(field),
      key: (row[field] ?? null) as string | null,
      relation: selection.mapping.relations.get(field),
    };
  }

  private loader<T>(
    selection: Selection,
    name: string,
    load: (keys: readonly string[]) => Promise<readonly T[]>,
  ): DataLoader<string, T> {
    const ofSelection = this.loaders.get(selection) ?? new Map<string, DataLoader<string, unknown>>();
    this.loaders.set(selection, ofSelection);
    const known = ofSelection.get(name) ?? new DataLoader<string, unknown>(load);
    ofSelection.set(name, known);
    return known as DataLoader<string, T>;
  }

  private async rows(projection: Projection, statement: Statement, values: Values): Promise<Row[]> {
    const origin: RowOrigin = { reader: this, projection };
    const rows = (await this.execute(statement, values)).map((found) =>
      unpack(rowOf(found, origin), projection.embedded),
    );
    if (rows.length > 0) await Promise.all(projection.batched.map((field) => this.loadBatch(rows, projection, field)));
    return rows;
  }

  /** Reads a relation of all these rows in advance with one statement, so that no row needs a promise of its own. */
  private async loadBatch(rows: readonly Row[], { selection, related }: Projection, field: string): Promise<void> {
    const relation = selection.mapping.relations.get(field) as Relation;
    const projection = related.get(field) as Projection;
    const keys = new Set(projection.visibility.rows ? rows.map((row) => row[field] as string | null) : []);
    keys.delete(null);
    const found =
      keys.size > 0 ? await this.found(relation, projection, [...keys] as string[]) : new Map<string, Row | Row[]>();
    for (const row of rows) {
      const key = projection.visibility.rows ? (row[field] as string | null) : null;
      row[readAhead(field)] = key === null ? nothing(relation) : (found.get(key) ?? nothing(relation, relation.kind));
    }
  }

  /** Returns the rows on the other side of a relation, by their keys. */
  private async found(
    { kind, foreignKey = '', order = [] }: Relation,
    projection: Projection,
    keys: readonly string[],
  ): Promise<Map<string, Row | Row[]>> {
    if (kind === 'many')
      return grouped(await this.rows(projection, childrenStatement(projection, foreignKey, order), { keys }));
    return new Map(
      (await this.rows(projection, rowsStatement(projection), { keys })).map((row) => [row['id'] as string, row]),
    );
  }

  private execute(statement: Statement, values: Values): Promise<readonly Record<string, unknown>[]> {
    const { userId, memberId, today } = this.viewer;
    return this.run(
      statement.text,
      parameterValues(statement, { ...values, user: userId, member: memberId, now: this.now, today }),
      statement.dependsOnValues,
      this.answersChange,
    );
  }
}

/** Returns the value of a relation on a row, through the row's own reader. */
export const relationOf = (row: Row, field: string): unknown => row[ORIGIN].reader.relation(row, field);

/** Returns the value of a derived field on a row, through the row's own reader. */
export const derivedOf = (row: Row, field: string): unknown => row[ORIGIN].reader.derived(row, field);

function grouped(rows: readonly Row[]): Map<string, Row[]> {
  const byParent = new Map<string, Row[]>();
  for (const row of rows) {
    const parent = row['$parent'] as string;
    const siblings = byParent.get(parent);
    if (siblings) siblings.push(row);
    else byParent.set(parent, [row]);
  }
  return byParent;
}

/** A page of found rows. Creates edges and cursors only if they are selected. */
class FoundPage implements Connection<Row> {
  readonly nodes: Row[];
  readonly #hasMore: boolean;
  readonly #shape: ListQuery['shape'];

  /** @param found the rows of the page, and one more if there is a next page. */
  constructor(
    found: readonly Row[],
    { shape, size }: ListQuery,
    readonly totalCount: () => Promise<number>,
  ) {
    this.nodes = found.slice(0, size);
    if (shape.isBackwards) this.nodes.reverse();
    this.#hasMore = found.length > size;
    this.#shape = shape;
  }

  get edges(): { cursor: string; node: Row }[] {
    return this.nodes.map((node) => ({ cursor: this.#cursorOf(node), node }));
  }

  get pageInfo(): PageInfo {
    const { isBackwards, hasCursor } = this.#shape;
    const [start, end] = [this.nodes[0], this.nodes.at(-1)];
    return {
      hasNextPage: isBackwards ? hasCursor : this.#hasMore,
      hasPreviousPage: isBackwards ? this.#hasMore : hasCursor,
      startCursor: start ? this.#cursorOf(start) : null,
      endCursor: end ? this.#cursorOf(end) : null,
    };
  }

  #cursorOf(row: Row): string {
    return toCursor(this.#shape.order, { value: row['$order'], id: row['id'] as string });
  }
}
