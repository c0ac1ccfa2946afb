import type { Projection } from './projection.ts';
import type { Reader } from './reader.ts';
import { readAhead } from './statement.ts';
import type { Relation } from './mapping.ts';

/** The key of a row's origin: its reader and its projection. Relations and derived fields are resolved with them. */
export const ORIGIN = Symbol('origin');

export interface RowOrigin {
  readonly reader: Reader;
  readonly projection: Projection;
}

/** A row of a response: the selected columns by field name. */
export type Row = Record<string, unknown> & { readonly [ORIGIN]: RowOrigin };

/**
 * Returns the value of a relation without rows: an empty list if a list was read or the schema forbids null, else null.
 */
export const nothing = (relation: Relation | undefined, looked?: 'one' | 'many'): readonly [] | null =>
  looked === 'many' || (relation?.isPromised && relation.kind === 'many') ? [] : null;

/** Creates a row from a result with the columns of a projection. */
export function rowOf(found: Record<string, unknown>, origin: RowOrigin): Row {
  (found as { [ORIGIN]: RowOrigin })[ORIGIN] = origin;
  return found as Row;
}

/** A row as a JSON array: the columns of its projection in order, then its embedded relations. */
type EmbeddedRow = readonly unknown[];

/** Converts the embedded rows of these relations into rows. */
export function unpack(row: Row, fields: Iterable<string>): Row {
  const { reader, projection } = row[ORIGIN];
  for (const field of fields) {
    const embeddedRow = row[readAhead(field)] as EmbeddedRow | null;
    const relation = projection.selection.mapping.relations.get(field) as Relation;
    const origin: RowOrigin = { reader, projection: projection.related.get(field) as Projection };
    if (embeddedRow === null) row[readAhead(field)] = nothing(relation);
    else
      row[readAhead(field)] =
        relation.kind === 'one'
          ? unpacked(embeddedRow, origin)
          : embeddedRow.map((each) => unpacked(each as EmbeddedRow, origin));
  }
  return row;
}

function unpacked(values: EmbeddedRow, origin: RowOrigin): Row {
  const { embeddedColumns, selection } = origin.projection;
  const row: Record<string, unknown> = {};
  let place = 0;
  for (const { as, type } of embeddedColumns) row[as] = fromJson(values[place++], type);
  for (const field of selection.certain) row[readAhead(field)] = values[place++];
  return unpack(rowOf(row, origin), selection.certain);
}

/** Converts a JSON value to the column's type. Instants and decimals arrive as text. */
const fromJson = (value: unknown, type: string): unknown =>
  type === 'timestamptz' && value !== null ? new Date(value as string) : value;
