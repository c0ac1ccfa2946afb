import DataLoader from 'dataloader';
import type { GraphQLResolveInfo } from 'graphql';
import { validate as isUuid } from 'uuid';
import { badInput, forbidden, notFound } from '../errors.ts';
import { largestPage, type Connection, type Page, type PageInfo } from '../entities/page.ts';
import type { RowRule } from '../entities/rule.ts';
import type { Figures } from '../entities/summary.ts';
import type { Viewer } from '../entities/viewer.ts';
import { toCursor } from './cursor.ts';
import { lensOf, setApart, type Lens } from './lens.ts';
import { readPage, type Asked } from './list.ts';
import { barePlan, planOf, type Plan } from './plan.ts';
import { nothing, ORIGIN, rowOf, unfold, type Origin, type Row } from './row.ts';
import {
  allStatement,
  bind,
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
import type { Relation, Subject, Subjects } from './subject.ts';

/** Runs SQL with `$1` parameters; planned for these very values, or once for all; tried again where it must be answered. */
export type RunSql = (
  text: string,
  parameters: readonly unknown[],
  isForTheseValues?: boolean,
  mustAnswer?: boolean,
) => Promise<readonly Record<string, unknown>[]>;

type EntityClass = RowRule['entity'];

/** Which rows figures are asked of: by day, both included, and about which one. */
export interface FiguresAsked {
  readonly from: string | null;
  readonly to: string | null;
  readonly about?: string | null;
  /** How many rows are read at most; all where it is left out. */
  readonly most?: number;
}

/** A row that somebody names. */
interface Wanted {
  readonly entity: EntityClass;
  readonly id: string;
}

const barePlans = new WeakMap<Subject, Plan>();

/**
 * Reads answers for one request: plain rows of the asked columns, always through the viewer's row filter. A relation to one
 * comes with its row; one to many takes a statement for all rows of its level. What the viewer may not see does not exist.
 */
export class Reader {
  /** Whether a mutation is answered: the change is stored by then, and a client that hears of a failure would repeat it. */
  private answersChange = false;
  private readonly loaders = new Map<Plan, Map<string, DataLoader<string, unknown>>>();

  constructor(
    private readonly subjects: Subjects,
    private readonly viewer: Viewer,
    private readonly run: RunSql,
    private readonly now: Date,
  ) {}

  /**
   * The one row with these values. @throws NOT_FOUND where there is none, or none for this viewer; BAD_INPUT for
   * what is no id; FORBIDDEN when deleted rows are asked for by someone other than an admin.
   */
  async one(
    entity: EntityClass,
    by: Readonly<Record<string, string | null>>,
    info: GraphQLResolveInfo,
    includeDeleted = false,
  ): Promise<Row> {
    if ('id' in by && by['id'] !== null && !isUuid(by['id'])) throw badInput({ path: 'id', message: 'must be a UUID' });
    const lens = this.lensFor(entity, info);
    if (includeDeleted && !lens.seesDeleted) throw forbidden('Only admins may request deleted records.');
    return this.theOne(lens, by, includeDeleted);
  }

  /** The row that the caller has just deleted, for the answer to that alone. @throws NOT_FOUND where it is hidden. */
  async deleted(entity: EntityClass, id: string, info: GraphQLResolveInfo): Promise<Row> {
    return this.theOne(this.lensFor(entity, info), { id }, true);
  }

  private async theOne(lens: Lens, by: Readonly<Record<string, string | null>>, includeDeleted: boolean): Promise<Row> {
    const [found] = await this.execute(oneStatement(lens, Object.keys(by), includeDeleted), by);
    if (!found) throw notFound();
    return unfold(rowOf(found, { reader: this, lens }), lens.plan.certain);
  }

  /** Whether the viewer sees a row of each of these, none of them deleted. */
  sees(...rows: readonly [Wanted, ...Wanted[]]): Promise<boolean> {
    return this.seesRows(rows, false);
  }

  /** Whether the viewer sees this row, or saw it until it was deleted. */
  saw(row: Wanted): Promise<boolean> {
    return this.seesRows([row], true);
  }

  private async seesRows(rows: readonly [Wanted, ...Wanted[]], evenDeleted: boolean): Promise<boolean> {
    const lenses = rows.map(({ entity }) => this.bareLens(this.subjectOf(entity))) as [Lens, ...Lens[]];
    const [found] = await this.execute(seesStatement(lenses, evenDeleted), Object.fromEntries(rows.map(({ id }, place) => [place, id])));
    return found?.['sees'] === true;
  }

  /** Every row, for what is few by its nature. */
  all(entity: EntityClass, order: Order, info: GraphQLResolveInfo): Promise<Row[]> {
    const lens = this.lensFor(entity, info);
    return this.rows(lens, allStatement(lens, order), {});
  }

  /** The rows of a type with these ids, as far as they exist for the viewer, in this order. */
  async some(type: string, ids: readonly string[], info: GraphQLResolveInfo): Promise<Row[]> {
    const lens = lensOf(planOf(this.subjects, this.subjects.get(type) as Subject, info), this.viewer);
    this.answersChange ||= info.operation.operation === 'mutation';
    if (!lens.sight.rows || ids.length === 0) return [];
    const found = new Map((await this.rows(lens, rowsStatement(lens), { keys: ids })).map((row) => [row['id'] as string, row]));
    return ids.flatMap((id) => found.get(id) ?? []);
  }

  /**
   * The rows with these ids, of whichever of these types, in this order; null where the viewer sees none. One statement
   * finds their types, and one for each type that was found reads them.
   * @throws BAD_INPUT for what is no id, and for too many.
   */
  async nodes(types: readonly string[], ids: readonly string[], info: GraphQLResolveInfo): Promise<(Row | null)[]> {
    const argument = info.fieldName === 'node' ? () => 'id' : (place: number) => `ids[${place}]`;
    if (ids.length > largestPage) throw badInput({ path: 'ids', message: `must not list more than ${largestPage} ids` });
    const wrong = ids.flatMap((id, place) => (isUuid(id) ? [] : [{ path: argument(place), message: 'must be a UUID' }]));
    if (wrong.length > 0) throw badInput(...wrong);
    const found = new Map((await this.typesOf(types, ids)).map(({ type, id }) => [id, type]));
    const read = await Promise.all([...new Set(found.values())].map((type) => this.ofType(type, found, info)));
    const rows = new Map(read.flat().map((row) => [row['id'] as string, row]));
    return ids.map((id) => rows.get(id.toLowerCase()) ?? null);
  }

  private async typesOf(types: readonly string[], ids: readonly string[]): Promise<{ readonly type: string; readonly id: string }[]> {
    const subjects = types.map((type) => this.subjects.get(type) as Subject);
    const [first, ...others] = subjects.map((subject) => this.bareLens(subject)).filter(({ sight }) => sight.rows);
    if (!first || ids.length === 0) return [];
    return (await this.execute(typesStatement([first, ...others]), { keys: ids })) as never;
  }

  private async ofType(type: string, types: ReadonlyMap<string, string>, info: GraphQLResolveInfo): Promise<Row[]> {
    const lens = lensOf(planOf(this.subjects, this.subjects.get(type) as Subject, info), this.viewer);
    const keys = [...types].flatMap(([id, each]) => (each === type ? [id] : []));
    const rows = await this.rows(lens, rowsStatement(lens, false), { keys });
    return rows.map((row) => Object.assign(row, { __typename: type }));
  }

  /** A page of an entity's list. */
  async page(entity: EntityClass, page: Page, info: GraphQLResolveInfo): Promise<Connection<Row>> {
    const lens = this.lensFor(entity, info);
    const asked = readPage(lens, page);
    const rows = await this.rows(lens, pageStatement(lens, asked.shape), asked.values);
    const count = async () => ((await this.execute(countStatement(lens, asked.shape), asked.values))[0] as { count: number }).count;
    return new FoundPage(rows, asked, count);
  }

  /**
   * Figures over the rows that the viewer sees, read by one statement.
   * @throws BAD_INPUT for days that go backwards and for what is no id; NOT_FOUND where the one they are to be about is hidden.
   */
  async figures(figures: Figures, { from, to, about = null, most }: FiguresAsked): Promise<readonly Record<string, unknown>[]> {
    if (from !== null && to !== null && from > to) throw badInput({ path: 'from', message: 'must not be later than to' });
    if (about !== null && !isUuid(about)) throw badInput({ path: figures.about?.argument ?? 'id', message: 'must be a UUID' });
    const shape = { hasFrom: from !== null, hasTo: to !== null, isAboutOne: about !== null };
    const others = figures.about && this.bareLens(this.subjectOf(figures.about.entity));
    const statement = figuresStatement(this.bareLens(this.subjectOf(figures.of)), figures, others, shape);
    const found = await this.execute(statement, { from, to, about, most: most ?? null });
    if (about !== null && found.length === 0) throw notFound();
    return found;
  }

  /** Figures that are one row. @throws BAD_INPUT for days that go backwards. */
  async total(figures: Figures, asked: FiguresAsked): Promise<Record<string, unknown>> {
    return (await this.figures(figures, asked))[0] as Record<string, unknown>;
  }

  /** The row that figures are about, together with the others of the same answer; null where it is hidden. */
  named(entity: EntityClass, id: string, info: GraphQLResolveInfo): Promise<Row | null> {
    const lens = this.lensFor(entity, info);
    return this.loader<Row | null>(lens.plan, 'named', async (keys) => {
      const found = new Map((await this.rows(lens, rowsStatement(lens), { keys })).map((row) => [row['id'] as string, row]));
      return keys.map((each) => found.get(each) ?? null);
    }).load(id);
  }

  /** The page of a list that belongs to a row, in one statement for all rows of that level; null where it is hidden. */
  related(row: unknown, page: Page, info: GraphQLResolveInfo): Promise<Connection<Row> | null> {
    return (row as Row)[ORIGIN].reader.pageOf(row as Row, info.fieldName, page);
  }

  private pageOf(row: Row, field: string, page: Page): Promise<Connection<Row> | null> {
    const { lens, key, relation } = this.through(row, field);
    if (key === null || !lens?.sight.rows) return Promise.resolve(null);
    if (relation?.foreignKey === undefined) throw new Error(`${field} has no list of its own`);
    const asked = readPage(lens, page, relation.foreignKey);
    const shape = JSON.stringify([field, asked.shape, asked.values]);
    const pages = this.loader(lens.plan, `page ${shape}`, async (keys) => {
      const rows = await this.rows(lens, pageStatement(lens, asked.shape), { ...asked.values, keys });
      const byParent = grouped(rows);
      return keys.map((each) => new FoundPage(byParent.get(each) ?? [], asked, () => counts.load(each)));
    });
    const counts: DataLoader<string, number> = this.loader(lens.plan, `count ${shape}`, async (keys) => {
      const found = await this.execute(countStatement(lens, asked.shape), { ...asked.values, keys });
      const byParent = new Map(found.map((each) => [each['$parent'] as string, each['count'] as number]));
      return keys.map((each) => byParent.get(each) ?? 0);
    });
    return pages.load(key);
  }

  /** What a field that is a relation answers on a row: another row, rows, or null where it is hidden. */
  relation(row: Row, field: string): unknown {
    if (readAhead(field) in row) return row[readAhead(field)];
    const { lens, key, relation } = this.through(row, field);
    if (key === null || !lens?.sight.rows || !relation) return nothing(relation);
    return this.loader(lens.plan, 'related', async (keys) => {
      const found = await this.found(relation, lens, keys);
      return keys.map((each) => found.get(each) ?? nothing(relation, relation.kind));
    }).load(key);
  }

  /** What a derived field answers on a row; null where it is hidden. */
  derived(row: Row, field: string): unknown {
    const { plan, sight, apart } = row[ORIGIN].lens;
    const shown = sight.shows(field);
    if (shown === 'never' || (typeof shown === 'function' && row[setApart(field)] !== true)) return null;
    const derivation = plan.subject.derivations.get(field);
    const seen =
      apart.length === 0 ? row : Object.assign({}, row, Object.fromEntries(apart.map((source) => [source, row[setApart(source)]])));
    return derivation?.compute(seen, this.viewer);
  }

  private lensFor(entity: EntityClass, info: GraphQLResolveInfo): Lens {
    this.answersChange ||= info.operation.operation === 'mutation';
    return lensOf(planOf(this.subjects, this.subjectOf(entity), info), this.viewer);
  }

  private subjectOf(entity: EntityClass): Subject {
    return this.subjects.get(entity.name) as Subject;
  }

  private bareLens(subject: Subject): Lens {
    const plan = barePlans.get(subject) ?? barePlan(subject);
    barePlans.set(subject, plan);
    return lensOf(plan, this.viewer);
  }

  /** From a row along a relation: the lens for the other side, and the key by which it is found. */
  private through(row: Row, field: string) {
    const { plan, related } = row[ORIGIN].lens;
    return { lens: related.get(field), key: (row[field] ?? null) as string | null, relation: plan.subject.relations.get(field) };
  }

  private loader<T>(plan: Plan, name: string, load: (keys: readonly string[]) => Promise<readonly T[]>): DataLoader<string, T> {
    const ofPlan = this.loaders.get(plan) ?? new Map<string, DataLoader<string, unknown>>();
    this.loaders.set(plan, ofPlan);
    const known = ofPlan.get(name) ?? new DataLoader<string, unknown>(load);
    ofPlan.set(name, known);
    return known as DataLoader<string, T>;
  }

  private async rows(lens: Lens, statement: Statement, values: Values): Promise<Row[]> {
    const origin: Origin = { reader: this, lens };
    const rows = (await this.execute(statement, values)).map((found) => unfold(rowOf(found, origin), lens.folds));
    if (rows.length > 0) await Promise.all(lens.leads.map((field) => this.lead(rows, lens, field)));
    return rows;
  }

  /** Reads a relation of all these rows ahead of its being asked, in one statement: no row waits for a promise of its own. */
  private async lead(rows: readonly Row[], { plan, related }: Lens, field: string): Promise<void> {
    const relation = plan.subject.relations.get(field) as Relation;
    const lens = related.get(field) as Lens;
    const keys = new Set(lens.sight.rows ? rows.map((row) => row[field] as string | null) : []);
    keys.delete(null);
    const found = keys.size > 0 ? await this.found(relation, lens, [...keys] as string[]) : new Map<string, Row | Row[]>();
    for (const row of rows) {
      const key = lens.sight.rows ? (row[field] as string | null) : null;
      row[readAhead(field)] = key === null ? nothing(relation) : (found.get(key) ?? nothing(relation, relation.kind));
    }
  }

  /** The rows on the other side of a relation, by the key that leads to them. */
  private async found(
    { kind, foreignKey = '', order = [] }: Relation,
    lens: Lens,
    keys: readonly string[],
  ): Promise<Map<string, Row | Row[]>> {
    if (kind === 'many') return grouped(await this.rows(lens, childrenStatement(lens, foreignKey, order), { keys }));
    return new Map((await this.rows(lens, rowsStatement(lens), { keys })).map((row) => [row['id'] as string, row]));
  }

  private execute(statement: Statement, values: Values): Promise<readonly Record<string, unknown>[]> {
    const { userId, memberId, today } = this.viewer;
    return this.run(
      statement.text,
      bind(statement, { ...values, user: userId, member: memberId, now: this.now, today }),
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

/** What was found of a page: edges and cursors are made of it where they are asked. */
class FoundPage implements Connection<Row> {
  readonly nodes: Row[];
  readonly #hasMore: boolean;
  readonly #shape: Asked['shape'];

  /** @param found one row more than the page holds, where there are more. */
  constructor(
    found: readonly Row[],
    { shape, size }: Asked,
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
