import { RoleName } from '../entities/role.ts';
import type { RowCondition } from '../entities/rule.ts';
import type { Viewer } from '../entities/viewer.ts';
import type { Selection } from './selection.ts';
import { visibilityOf, type TypeVisibility } from './visibility.ts';

/** One thing to select: an expression over the row's alias, which may name `:user`, `:member` and `:now`. */
export interface SelectedColumn {
  readonly as: string;
  readonly sql: RowCondition;
  /** The PostgreSQL type, without length. */
  readonly type: string;
}

/** What one kind of viewer may see of a selection: the columns and rows to read. */
export interface Projection {
  /** Unique per projection. */
  readonly id: number;
  readonly selection: Selection;
  readonly visibility: TypeVisibility;
  readonly seesDeleted: boolean;
  readonly select: readonly SelectedColumn[];
  /** Derived fields' sources that are hidden as fields: they are selected under another name. */
  readonly hiddenSources: readonly string[];
  /** The projections of the selected relations. */
  readonly related: ReadonlyMap<string, Projection>;
  /** The relations that are embedded in a row of a list: those to one row, with no relation to many behind them. */
  readonly embedded: ReadonlySet<string>;
  /** The columns of an embedded row, in which all unconditional relations are embedded too. */
  readonly embeddedColumns: readonly SelectedColumn[];
  /** The other unconditional relations: each is read for all rows of a list in one statement. */
  readonly batched: readonly string[];
}

const projections = new WeakMap<Selection, Map<string, Projection>>();

/** Returns the projection of a selection for a viewer. It depends on the viewer's roles alone, so it serves all who share them. */
export function projectionOf(selection: Selection, viewer: Viewer): Projection {
  const ofSelection = projections.get(selection) ?? new Map<string, Projection>();
  projections.set(selection, ofSelection);
  const key = viewer.isAnonymous ? 'anonymous' : [...viewer.roles].sort().join();
  const known = ofSelection.get(key);
  if (known) return known;
  const projection = createProjection(selection, viewer);
  ofSelection.set(key, projection);
  return projection;
}

let created = 0;

function createProjection(selection: Selection, viewer: Viewer): Projection {
  const visibility = visibilityOf(selection.mapping.rule, viewer);
  const hiddenSources = [...selection.sources].filter((source) => visibility.shows(source) !== 'always');
  const select = new Map<string, Omit<SelectedColumn, 'as'>>([['id', ownId]]);
  for (const field of selection.fields) {
    const held = heldBy(selection, field);
    if (held) select.set(field, { ...held, sql: masked(held.sql, visibility.shows(field)) });
  }
  for (const field of selection.derived) {
    const shown = visibility.shows(field);
    if (typeof shown === 'function') select.set(hiddenKey(field), { sql: (row) => `(${shown(row)})`, type: 'boolean' });
  }
  for (const source of selection.sources) {
    const held = heldBy(selection, source);
    if (!held) throw new Error(`${selection.mapping.type} derives a field from ${source}, which is not a column`);
    select.set(hiddenSources.includes(source) ? hiddenKey(source) : source, held);
  }
  const related = new Map([...selection.relations].map(([field, next]) => [field, projectionOf(next, viewer)]));
  const isEmbedded = (field: string) =>
    selection.mapping.relations.get(field)?.kind === 'one' && related.get(field)?.batched.length === 0;
  const selected = [...select].map(([as, held]) => ({ as, ...held }));
  return {
    id: (created += 1),
    selection,
    visibility,
    seesDeleted: viewer.roles.has(RoleName.ADMIN),
    select: selected,
    embeddedColumns: columnsBeside({ select: selected, selection }, selection.certain),
    hiddenSources,
    related,
    embedded: new Set([...selection.certain].filter(isEmbedded)),
    batched: [...selection.certain].filter((field) => !isEmbedded(field)),
  };
}

/** The columns to select beside embedded relations, whose keys are not needed. */
export const columnsBeside = (
  { select, selection }: Pick<Projection, 'select' | 'selection'>,
  embedded: ReadonlySet<string>,
): readonly SelectedColumn[] => select.filter(({ as }) => !embedded.has(as) || selection.sources.has(as));

/** The column name for a hidden source of a derived field, or for whether a derived field is visible. */
export const hiddenKey = (source: string): string => `${source}$`;

/** The expression behind a field: its column, or for a relation to many the row's own id, by which the others are found. */
function heldBy({ mapping }: Selection, field: string): Omit<SelectedColumn, 'as'> | undefined {
  const column = mapping.columns.get(field);
  if (column) return { sql: column.sql, type: column.type };
  return mapping.relations.get(field)?.kind === 'many' ? ownId : undefined;
}

const ownId: Omit<SelectedColumn, 'as'> = { sql: (row) => `${row}."id"`, type: 'uuid' };

/** The expression as the viewer sees it: null on rows where the field is hidden. */
export function masked(sql: RowCondition, shown: ReturnType<TypeVisibility['shows']>): RowCondition {
  if (shown === 'always') return sql;
  if (shown === 'never') return () => 'null';
  return (row) => `case when ${shown(row)} then ${sql(row)} end`;
}
