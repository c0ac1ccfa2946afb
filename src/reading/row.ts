import type { Projection } from './projection.ts';
import type { Reader } from './reader.ts';
import { readAhead } from './statement.ts';
import type { Relation } from './mapping.ts';

/** Where a row came from: who read it, and through which projection. Its relations and derived fields are found by that. */
export const ORIGIN = Symbol('origin');

export interface RowOrigin {
  readonly reader: Reader;
  readonly projection: Projection;
}

/** A row of an answer: the selected columns under their field names. */
export type Row = Record<string, unknown> & { readonly [ORIGIN]: RowOrigin };

/** What a relation answers where it leads to nothing: a list of none where rows were looked for or the schema promises one. */
export const nothing = (relation: Relation | undefined, looked?: 'one' | 'many'): readonly [] | null =>
  looked === 'many' || (relation?.isPromised && relation.kind === 'many') ? [] : null;

/** A row found by a statement that selects what its projection wants. */
export function rowOf(found: Record<string, unknown>, origin: RowOrigin): Row {
  (found as { [ORIGIN]: RowOrigin })[ORIGIN] = origin;
  return found as Row;
}

/** A row as one JSON array: the columns of its projection in their order, then its embedded relations. */
type EmbeddedRow = readonly unknown[];

/** Turns the embedded rows of these relations into rows. */
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

/** JSON has no instants; numbers with a fraction come as their text. */
const fromJson = (value: unknown, type: string): unknown =>
  type === 'timestamptz' && value !== null ? new Date(value as string) : value;
