import {
  Kind,
  type DocumentNode,
  type FieldNode,
  type FragmentDefinitionNode,
  type OperationDefinitionNode,
  type SelectionSetNode,
} from 'graphql';

/** A field at the root of an operation. */
export interface RootField {
  /** What the schema calls it. */
  readonly name: string;
  /** Where its answer stands in `data`. */
  readonly key: string;
}

/** The root fields of documents that are repeated, which Apollo keeps. */
const known = new WeakMap<OperationDefinitionNode, readonly RootField[]>();

/** Returns the root fields of a valid operation, including those in fragments. */
export function rootFields({
  document,
  operation,
}: {
  readonly document?: DocumentNode | undefined;
  readonly operation?: OperationDefinitionNode | null | undefined;
}): readonly RootField[] {
  if (!document || !operation) return [];
  const found =
    known.get(operation) ??
    [...selectedFields(fragmentsOf(document), operation.selectionSet)].map(({ node: { name, alias } }) => ({
      name: name.value,
      key: (alias ?? name).value,
    }));
  known.set(operation, found);
  return found;
}

/** The fragments of a document by their names. */
export type Fragments = ReadonlyMap<string, FragmentDefinitionNode>;

export const fragmentsOf = ({ definitions }: DocumentNode): Fragments =>
  new Map(definitions.flatMap((each) => (each.kind === Kind.FRAGMENT_DEFINITION ? [[each.name.value, each]] : [])));

/**
 * Yields the fields of a selection set in a valid document, including those in fragments, each with the type condition
 * of the innermost fragment around it.
 */
export function* selectedFields(
  fragments: Fragments,
  { selections }: SelectionSetNode,
  on?: string,
): Generator<{ node: FieldNode; on: string | undefined }> {
  for (const each of selections) {
    if (each.kind === Kind.FIELD) {
      yield { node: each, on };
      continue;
    }
    const fragment = each.kind === Kind.INLINE_FRAGMENT ? each : fragments.get(each.name.value);
    if (fragment) yield* selectedFields(fragments, fragment.selectionSet, fragment.typeCondition?.name.value ?? on);
  }
}
