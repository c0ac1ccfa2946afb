import { RoleName } from '../entities/role.ts';
import type { RowCondition } from '../entities/rule.ts';
import type { Viewer } from '../entities/viewer.ts';
import type { Selection } from './selection.ts';
import { visibilityOf, type TypeVisibility } from './visibility.ts';

/** A value to select: an expression over the row's alias. It may use `:user`, `:member` and `:now`. */
export interface SelectedColumn {
  readonly as: string;
  readonly sql: RowCondition;
  /** The PostgreSQL type, without length. */
  readonly type: string;
}

/** The columns and rows of a selection that viewers with the same roles may see. */
export interface Projection {
  /** Unique for each projection. */
  readonly id: number;
  readonly selection: Selection;
  readonly visibility: TypeVisibility;
  readonly seesDeleted: boolean;
  readonly select: readonly SelectedColumn[];
  /** Sources of derived fields that are hidden as fields. They are selected under another name. */
  readonly hiddenSources: readonly string[];
  /** The projections of the selected relations. */
  readonly related: ReadonlyMap<string, Projection>;
  /**
   * The relations that are embedded in a list row: relations to one row, without a relation to many rows below them.
   */
  readonly embedded: ReadonlySet<string>;
  /** The columns of an embedded row, with all its unconditional relations. */
  readonly embeddedColumns: readonly SelectedColumn[];
  /** The other unconditional relations. Each is read in one statement for all rows of a list. */
  readonly batched: readonly string[];
}

const projections = new WeakMap<Selection, Map<string, Projection>>();

/**
 * Returns the projection of a selection for a viewer. It depends only on the roles, so all viewers with these roles
 * share it.
 */
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

/** Returns the columns to select beside embedded relations, whose keys are not needed. */
export const columnsBeside = (
  { select, selection }: Pick<Projection, 'select' | 'selection'>,
  embedded: ReadonlySet<string>,
): readonly SelectedColumn[] => select.filter(({ as }) => !embedded.has(as) || selection.sources.has(as));

/** The column name for a hidden source of a derived field, or for the visibility of a derived field. */
export const hiddenKey = (source: string): string => `${source}$`;

/** Returns the expression of a field: its column, or the row's own id for a relation to many rows. */
function heldBy({ mapping }: Selection, field: string): Omit<SelectedColumn, 'as'> | undefined {
  const column = mapping.columns.get(field);
  if (column) return { sql: column.sql, type: column.type };
  return mapping.relations.get(field)?.kind === 'many' ? ownId : undefined;
}

const ownId: Omit<SelectedColumn, 'as'> = { sql: (row) => `${row}."id"`, type: 'uuid' };

/** Returns the expression as the viewer sees it: null on rows where the field is hidden. */
export function masked(sql: RowCondition, shown: ReturnType<TypeVisibility['shows']>): RowCondition {
  if (shown === 'always') return sql;
  if (shown === 'never') return () => 'null';
  return (row) => `case when ${shown(row)} then ${sql(row)} end`;
}
