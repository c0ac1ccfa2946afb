import {
  Kind,
  type DocumentNode,
  type FieldNode,
  type FragmentDefinitionNode,
  type OperationDefinitionNode,
  type SelectionSetNode,
} from 'graphql';

/** A root field of an operation. */
export interface RootField {
  /** The name in the schema. */
  readonly name: string;
  /** The key of its result in `data`. */
  readonly key: string;
}

/** Caches the root fields of operations. Apollo keeps repeated documents. */
const known = new WeakMap<OperationDefinitionNode, readonly RootField[]>();

/** Lists the root fields of a valid operation, also those inside fragments. */
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
