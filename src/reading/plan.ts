import {
  getNamedType,
  isObjectType,
  type FieldNode,
  type GraphQLObjectType,
  type GraphQLResolveInfo,
  type SelectionNode,
  type SelectionSetNode,
} from 'graphql';
import type { Subject, Subjects } from './subject.ts';

/**
 * What an operation asks of one type at one place: its fields, and the same for each relation. A field asked twice, by
 * alias or in fragments, asks for the union; what `@skip` or `@include` may leave out is in it, so that a plan depends on
 * the document alone and serves every request that sends it.
 */
export interface Plan {
  readonly subject: Subject;
  /** Columns and relations that are answered as they stand. */
  readonly fields: ReadonlySet<string>;
  /** Derived fields, and the columns they are computed from. */
  readonly derived: ReadonlySet<string>;
  readonly sources: ReadonlySet<string>;
  readonly relations: ReadonlyMap<string, Plan>;
  /** The relations that are asked whatever the variables say, so that they can be read ahead. */
  readonly certain: ReadonlySet<string>;
}

/** One field as it is asked in all places together. */
interface AskedField {
  readonly nodes: FieldNode[];
  isCertain: boolean;
}

/** Plans by operation and place. What is asked at a root depends on which of its field nodes are not skipped, too. */
const plans = new WeakMap<object, Map<string, { nodes: readonly FieldNode[]; plan: Plan }[]>>();

/** Kept for one place: more than an honest document has. */
const keptPlans = 8;

/** What asks for nothing but whether a row is there. */
export const barePlan = (subject: Subject): Plan => ({
  subject,
  fields: new Set(),
  derived: new Set(),
  sources: new Set(),
  relations: new Map(),
  certain: new Set(),
});

/** The plan for the rows that the field being resolved answers. */
export function planOf(subjects: Subjects, subject: Subject, info: GraphQLResolveInfo): Plan {
  const places = plans.get(info.operation) ?? new Map<string, { nodes: readonly FieldNode[]; plan: Plan }[]>();
  plans.set(info.operation, places);
  const place = `${placeOf(info)} ${subject.type}`;
  const atPlace = places.get(place) ?? [];
  places.set(place, atPlace);
  const known = atPlace.find(({ nodes }) => isSame(nodes, info.fieldNodes));
  if (known) return known.plan;
  const plan = build(subjects, subject, info, selectionsOf(info.fieldNodes));
  if (atPlace.length < keptPlans) atPlace.push({ nodes: info.fieldNodes, plan });
  return plan;
}

const isSame = (one: readonly FieldNode[], other: readonly FieldNode[]): boolean =>
  one.length === other.length && one.every((node, index) => node === other[index]);

/** The response path without list indexes, with the type that answers it. */
function placeOf(info: GraphQLResolveInfo): string {
  const keys: string[] = [info.parentType.name];
  for (let path: typeof info.path | undefined = info.path; path; path = path.prev) if (typeof path.key === 'string') keys.push(path.key);
  return keys.join('.');
}

function build(subjects: Subjects, subject: Subject, info: GraphQLResolveInfo, selections: readonly SelectionSetNode[]): Plan {
  const asked = fieldsOf(rowType(subject, info), selections, info);
  const fields = new Set<string>();
  const derived = new Set<string>();
  const sources = new Set<string>();
  const relations = new Map<string, Plan>();
  const certain = new Set<string>();
  for (const [name, { nodes, isCertain }] of asked) {
    const derivation = subject.derivations.get(name);
    if (derivation) {
      derived.add(name);
      for (const source of derivation.from) sources.add(source);
    } else {
      fields.add(name);
    }
    const target = targetOf(subjects, subject, name, info);
    if (!target) continue;
    relations.set(name, build(subjects, target, info, selectionsOf(nodes)));
    if (isCertain && subject.relations.get(name)?.isPaged === false) certain.add(name);
  }
  return { subject, fields, derived, sources, relations, certain };
}

const rowType = (subject: Subject, info: GraphQLResolveInfo): GraphQLObjectType => info.schema.getType(subject.type) as GraphQLObjectType;

/** The subject whose rows a field leads to: directly, or through a connection. */
function targetOf(subjects: Subjects, subject: Subject, field: string, info: GraphQLResolveInfo): Subject | undefined {
  const of = rowType(subject, info).getFields()[field]?.type;
  if (!of) return undefined;
  const { name } = getNamedType(of);
  return subjects.get(name) ?? subjects.get(name.replace(/Connection$/, ''));
}

const selectionsOf = (nodes: readonly FieldNode[]): SelectionSetNode[] => nodes.flatMap(({ selectionSet }) => selectionSet ?? []);

/** What was found so far, and whether no condition leaves out what is found now. */
interface Search {
  readonly isCertain: boolean;
  readonly found: Map<string, AskedField>;
}

/** The fields asked of a row type; what wraps rows in a connection (`edges`, `node`, `nodes`) is looked through. */
function fieldsOf(
  type: GraphQLObjectType,
  selections: readonly SelectionSetNode[],
  info: GraphQLResolveInfo,
  { isCertain, found }: Search = { isCertain: true, found: new Map() },
): Map<string, AskedField> {
  for (const selection of selections.flatMap((set) => set.selections)) {
    if (isOfOther(type, selection, info)) continue;
    const stays = isCertain && !selection.directives?.length;
    const inner = selection.kind === 'FragmentSpread' ? info.fragments[selection.name.value]?.selectionSet : selection.selectionSet;
    if (selection.kind === 'Field' && type.getFields()[selection.name.value]) {
      const asked = found.get(selection.name.value) ?? { nodes: [], isCertain: false };
      asked.nodes.push(selection);
      asked.isCertain ||= stays;
      found.set(selection.name.value, asked);
    } else if (inner && (selection.kind !== 'Field' || isWrapper(selection))) {
      fieldsOf(type, [inner], info, { isCertain: stays, found });
    }
  }
  return found;
}

/** Whether a fragment is about rows of another type: where a field may answer rows of several. */
function isOfOther({ name }: GraphQLObjectType, selection: SelectionNode, { schema, fragments }: GraphQLResolveInfo): boolean {
  if (selection.kind === 'Field') return false;
  const { typeCondition } = selection.kind === 'FragmentSpread' ? (fragments[selection.name.value] ?? {}) : selection;
  const on = typeCondition?.name.value ?? name;
  return on !== name && isObjectType(schema.getType(on)) && !/(Connection|Edge)$/.test(on);
}

const isWrapper = ({ name }: FieldNode): boolean => ['edges', 'node', 'nodes'].includes(name.value);
