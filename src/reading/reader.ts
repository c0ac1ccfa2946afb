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

/** Runs SQL with `$1` parameters; planned for these very values, or once for all; tried again where it must be answered. */
export type RunQuery = (
  text: string,
  parameters: readonly unknown[],
  isForTheseValues?: boolean,
  mustAnswer?: boolean,
) => Promise<readonly Record<string, unknown>[]>;

type EntityClass = RowRule['entity'];

/** Selects the rows that figures count: from and to a day, both included, and about one record. */
export interface FiguresInput {
  readonly from: string | null;
  readonly to: string | null;
  readonly about?: string | null;
  /** How many rows are read at most; all where it is left out. */
  readonly most?: number;
}

/** A row that somebody names. */
interface RowKey {
  readonly entity: EntityClass;
  readonly id: string;
}

const emptySelections = new WeakMap<TypeMapping, Selection>();

/**
 * Reads answers for one request: plain rows of the selected columns, always through the viewer's row filter. A relation to one
 * comes with its row; one to many takes a statement for all rows of its level. What the viewer may not see does not exist.
 */
export class Reader {
  /** Whether a mutation is answered: the change is stored by then, and a client that hears of a failure would repeat it. */
  private answersChange = false;
  private readonly loaders = new Map<Selection, Map<string, DataLoader<string, unknown>>>();

  constructor(
    private readonly mappings: TypeMappings,
    private readonly viewer: Viewer,
    private readonly run: RunQuery,
    private readonly now: Date,
  ) {}

  /**
   * The one row with these values. @throws NOT_FOUND where there is none, or none for this viewer; BAD_INPUT for
   * what is no id; FORBIDDEN for deleted rows unless the viewer is an admin.
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

  /** The row that the caller has just deleted, for the answer to that alone. @throws NOT_FOUND where it is hidden. */
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

  /** Whether the viewer sees a row of each of these, none of them deleted. */
  sees(...rows: readonly [RowKey, ...RowKey[]]): Promise<boolean> {
    return this.seesRows(rows, false);
  }

  /** Whether the viewer sees this row, or saw it until it was deleted. */
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

  /** Every row, for what is few by its nature. */
  all(entity: EntityClass, order: Order, info: GraphQLResolveInfo): Promise<Row[]> {
    const projection = this.projectionFor(entity, info);
    return this.rows(projection, allStatement(projection, order), {});
  }

  /** The rows of a type with these ids, as far as they exist for the viewer, in this order. */
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
   * The rows with these ids, of whichever of these types, in this order; null where the viewer sees none. One statement
   * finds their types, and one for each type that was found reads them.
   * @throws BAD_INPUT for what is no id, and for too many.
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

  /** A page of an entity's list. */
  async page(entity: EntityClass, page: Page, info: GraphQLResolveInfo): Promise<Connection<Row>> {
    const projection = this.projectionFor(entity, info);
    const query = readPage(projection, page);
    const rows = await this.rows(projection, pageStatement(projection, query.shape), query.values);
    const count = async () =>
      ((await this.execute(countStatement(projection, query.shape), query.values))[0] as { count: number }).count;
    return new FoundPage(rows, query, count);
  }

  /**
   * Figures over the rows that the viewer sees, read by one statement.
   * @throws BAD_INPUT for days that go backwards and for what is no id; NOT_FOUND where the one they are to be about is hidden.
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

  /** Figures that are one row. @throws BAD_INPUT for days that go backwards. */
  async total(figures: Figures, query: FiguresInput): Promise<Record<string, unknown>> {
    return (await this.figures(figures, query))[0] as Record<string, unknown>;
  }

  /** The row that figures are about, together with the others of the same answer; null where it is hidden. */
  named(entity: EntityClass, id: string, info: GraphQLResolveInfo): Promise<Row | null> {
    const projection = this.projectionFor(entity, info);
    return this.loader<Row | null>(projection.selection, 'named', async (keys) => {
      const found = new Map(
        (await this.rows(projection, rowsStatement(projection), { keys })).map((row) => [row['id'] as string, row]),
      );
      return keys.map((each) => found.get(each) ?? null);
    }).load(id);
  }

  /** The page of a list that belongs to a row, in one statement for all rows of that level; null where it is hidden. */
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

  /** What a field that is a relation answers on a row: another row, rows, or null where it is hidden. */
  relation(row: Row, field: string): unknown {
    if (readAhead(field) in row) return row[readAhead(field)];
    const { projection, key, relation } = this.through(row, field);
    if (key === null || !projection?.visibility.rows || !relation) return nothing(relation);
    return this.loader(projection.selection, 'related', async (keys) => {
      const found = await this.found(relation, projection, keys);
      return keys.map((each) => found.get(each) ?? nothing(relation, relation.kind));
    }).load(key);
  }

  /** What a derived field answers on a row; null where it is hidden. */
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

  /** From a row along a relation: the projection for the other side, and the key by which it is found. */
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

  /** Reads a relation of all these rows ahead in one statement, so that no row waits for a promise of its own. */
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

  /** The rows on the other side of a relation, by the key that leads to them. */
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

/** The value of a relation on a row, read by the row's own reader. */
export const relationOf = (row: Row, field: string): unknown => row[ORIGIN].reader.relation(row, field);

/** What a derived field answers on a row. */
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

/** A page as it was found. Creates edges and cursors when they are selected. */
class FoundPage implements Connection<Row> {
  readonly nodes: Row[];
  readonly #hasMore: boolean;
  readonly #shape: ListQuery['shape'];

  /** @param found one row more than the page holds, where there are more. */
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
