import type { Lens } from './lens.ts';
import type { Reader } from './reader.ts';
import { readAhead } from './statement.ts';
import type { Relation } from './subject.ts';

/** Where a row came from: who read it, and through which lens. Its relations and derived fields are found by that. */
export const ORIGIN = Symbol('origin');

export interface Origin {
  readonly reader: Reader;
  readonly lens: Lens;
}

/** A row as it is answered: the asked columns under their field names. */
export type Row = Record<string, unknown> & { readonly [ORIGIN]: Origin };

/** What a relation answers where it leads to nothing: a list of none where rows were looked for or the schema promises one. */
export const nothing = (relation: Relation | undefined, looked?: 'one' | 'many'): readonly [] | null =>
  looked === 'many' || (relation?.isPromised && relation.kind === 'many') ? [] : null;

/** A row found by a statement that selects what its lens wants. */
export function rowOf(found: Record<string, unknown>, origin: Origin): Row {
  (found as { [ORIGIN]: Origin })[ORIGIN] = origin;
  return found as Row;
}

/** A row in one value: what its lens selects in that order, then what its relations lead to. */
type Folded = readonly unknown[];

/** Makes rows of what these relations were folded into. */
export function unfold(row: Row, fields: Iterable<string>): Row {
  const { reader, lens } = row[ORIGIN];
  for (const field of fields) {
    const folded = row[readAhead(field)] as Folded | null;
    const relation = lens.plan.subject.relations.get(field) as Relation;
    const origin: Origin = { reader, lens: lens.related.get(field) as Lens };
    if (folded === null) row[readAhead(field)] = nothing(relation);
    else
      row[readAhead(field)] = relation.kind === 'one' ? unfolded(folded, origin) : folded.map((each) => unfolded(each as Folded, origin));
  }
  return row;
}

function unfolded(values: Folded, origin: Origin): Row {
  const { inFold, plan } = origin.lens;
  const row: Record<string, unknown> = {};
  let place = 0;
  for (const { as, type } of inFold) row[as] = fromJson(values[place++], type);
  for (const field of plan.certain) row[readAhead(field)] = values[place++];
  return unfold(rowOf(row, origin), plan.certain);
}

/** JSON has no instants; numbers with a fraction come as their text. */
const fromJson = (value: unknown, type: string): unknown => (type === 'timestamptz' && value !== null ? new Date(value as string) : value);
