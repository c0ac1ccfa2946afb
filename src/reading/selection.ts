import {
  getNamedType,
  isObjectType,
  type FieldNode,
  type GraphQLObjectType,
  type GraphQLResolveInfo,
  type SelectionNode,
  type SelectionSetNode,
} from 'graphql';
import type { TypeMapping, TypeMappings } from './mapping.ts';

/**
 * The fields that an operation selects of one type at one place, and recursively of its relations. A field that is
 * selected several times, by alias or in fragments, gets the union of its selections. Fields with `@skip` or `@include`
 * are always part of it, so that a selection depends only on the document and serves all its requests.
 */
export interface Selection {
  readonly mapping: TypeMapping;
  /** Columns and relations that are returned unchanged. */
  readonly fields: ReadonlySet<string>;
  /** Derived fields, and the columns they are computed from. */
  readonly derived: ReadonlySet<string>;
  readonly sources: ReadonlySet<string>;
  readonly relations: ReadonlyMap<string, Selection>;
  /** Relations that are selected for all variables, so that they can be read in advance. */
  readonly certain: ReadonlySet<string>;
}

/** The field nodes of one field, from all its selections. */
interface SelectedField {
  readonly nodes: FieldNode[];
  isCertain: boolean;
}

/** Selections by operation and place. At a root, the selection also depends on which of the field nodes are skipped. */
const cache = new WeakMap<object, Map<string, { nodes: readonly FieldNode[]; selection: Selection }[]>>();

/** The maximum number of cached selections per place. Normal documents have fewer. */
const maxCached = 8;

/** Selects only whether a row exists. */
export const emptySelection = (mapping: TypeMapping): Selection => ({
  mapping,
  fields: new Set(),
  derived: new Set(),
  sources: new Set(),
  relations: new Map(),
  certain: new Set(),
});

/** Returns the selection of the rows that the field being resolved returns. */
export function selectionOf(mappings: TypeMappings, mapping: TypeMapping, info: GraphQLResolveInfo): Selection {
  const places =
    cache.get(info.operation) ?? new Map<string, { nodes: readonly FieldNode[]; selection: Selection }[]>();
  cache.set(info.operation, places);
  const place = `${placeOf(info)} ${mapping.type}`;
  const atPlace = places.get(place) ?? [];
  places.set(place, atPlace);
  const known = atPlace.find(({ nodes }) => isSame(nodes, info.fieldNodes));
  if (known) return known.selection;
  const selection = build(mappings, mapping, info, selectionSetsOf(info.fieldNodes));
  if (atPlace.length < maxCached) atPlace.push({ nodes: info.fieldNodes, selection });
  return selection;
}

const isSame = (one: readonly FieldNode[], other: readonly FieldNode[]): boolean =>
  one.length === other.length && one.every((node, index) => node === other[index]);

/** Returns the response path without list indexes, with the parent type. */
function placeOf(info: GraphQLResolveInfo): string {
  const keys: string[] = [info.parentType.name];
  for (let path: typeof info.path | undefined = info.path; path; path = path.prev)
    if (typeof path.key === 'string') keys.push(path.key);
  return keys.join('.');
}

function build(
  mappings: TypeMappings,
  mapping: TypeMapping,
  info: GraphQLResolveInfo,
  selections: readonly SelectionSetNode[],
): Selection {
  const selected = fieldsOf(rowType(mapping, info), selections, info);
  const fields = new Set<string>();
  const derived = new Set<string>();
  const sources = new Set<string>();
  const relations = new Map<string, Selection>();
  const certain = new Set<string>();
  for (const [name, { nodes, isCertain }] of selected) {
    const derivation = mapping.derivations.get(name);
    if (derivation) {
      derived.add(name);
      for (const source of derivation.from) sources.add(source);
    } else {
      fields.add(name);
    }
    const target = targetOf(mappings, mapping, name, info);
    if (!target) continue;
    relations.set(name, build(mappings, target, info, selectionSetsOf(nodes)));
    if (isCertain && mapping.relations.get(name)?.isPaged === false) certain.add(name);
  }
  return { mapping, fields, derived, sources, relations, certain };
}

const rowType = (mapping: TypeMapping, info: GraphQLResolveInfo): GraphQLObjectType =>
  info.schema.getType(mapping.type) as GraphQLObjectType;

/** Returns the type of the rows that a field leads to, directly or through a connection. */
function targetOf(
  mappings: TypeMappings,
  mapping: TypeMapping,
  field: string,
  info: GraphQLResolveInfo,
): TypeMapping | undefined {
  const of = rowType(mapping, info).getFields()[field]?.type;
  if (!of) return undefined;
  const { name } = getNamedType(of);
  return mappings.get(name) ?? mappings.get(name.replace(/Connection$/, ''));
}

const selectionSetsOf = (nodes: readonly FieldNode[]): SelectionSetNode[] =>
  nodes.flatMap(({ selectionSet }) => selectionSet ?? []);

/** A search for fields, and whether the next fields are selected unconditionally. */
interface Search {
  readonly isCertain: boolean;
  readonly found: Map<string, SelectedField>;
}

/** Collects the selected fields of a row type, also below the wrappers of a connection (`edges`, `node`, `nodes`). */
function fieldsOf(
  type: GraphQLObjectType,
  selections: readonly SelectionSetNode[],
  info: GraphQLResolveInfo,
  { isCertain, found }: Search = { isCertain: true, found: new Map() },
): Map<string, SelectedField> {
  for (const selection of selections.flatMap((set) => set.selections)) {
    if (isOfOther(type, selection, info)) continue;
    const stays = isCertain && !selection.directives?.length;
    const inner =
      selection.kind === 'FragmentSpread' ? info.fragments[selection.name.value]?.selectionSet : selection.selectionSet;
    if (selection.kind === 'Field' && type.getFields()[selection.name.value]) {
      const selected = found.get(selection.name.value) ?? { nodes: [], isCertain: false };
      selected.nodes.push(selection);
      selected.isCertain ||= stays;
      found.set(selection.name.value, selected);
    } else if (inner && (selection.kind !== 'Field' || isWrapper(selection))) {
      fieldsOf(type, [inner], info, { isCertain: stays, found });
    }
  }
  return found;
}

/** Whether a fragment applies to another type than this, on a field that may return rows of several types. */
function isOfOther(
  { name }: GraphQLObjectType,
  selection: SelectionNode,
  { schema, fragments }: GraphQLResolveInfo,
): boolean {
  if (selection.kind === 'Field') return false;
  const { typeCondition } = selection.kind === 'FragmentSpread' ? (fragments[selection.name.value] ?? {}) : selection;
  const on = typeCondition?.name.value ?? name;
  return on !== name && isObjectType(schema.getType(on)) && !/(Connection|Edge)$/.test(on);
}

const isWrapper = ({ name }: FieldNode): boolean => ['edges', 'node', 'nodes'].includes(name.value);
