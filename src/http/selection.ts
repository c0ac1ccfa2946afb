import { Kind, type DocumentNode, type FieldNode, type OperationDefinitionNode, type SelectionSetNode } from 'graphql';

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
    fieldsOf(document, operation.selectionSet).map(({ name, alias }) => ({
      name: name.value,
      key: (alias ?? name).value,
    }));
  known.set(operation, found);
  return found;
}

const fieldsOf = (document: DocumentNode, { selections }: SelectionSetNode): readonly FieldNode[] =>
  selections.flatMap((each) => {
    if (each.kind === Kind.FIELD) return [each];
    if (each.kind === Kind.INLINE_FRAGMENT) return fieldsOf(document, each.selectionSet);
    const fragment = document.definitions.find(
      (one) => one.kind === Kind.FRAGMENT_DEFINITION && one.name.value === each.name.value,
    );
    return fragment && 'selectionSet' in fragment ? fieldsOf(document, fragment.selectionSet) : [];
  });
