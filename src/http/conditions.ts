import type { ApolloServerPlugin } from '@apollo/server';
import { Kind, type DirectiveNode, type DocumentNode, type OperationDefinitionNode, type SelectionNode } from 'graphql';
import type { Context } from '../context.ts';

/**
 * Has `@skip` and `@include` in the root selection set of a subscription refused, as the GraphQL specification of
 * September 2025 does (5.2.4.1). graphql-js 16 evaluates them without variables while it validates, and throws where one is
 * missing. So they are moved to the operation, where it refuses them: "may not be used on SUBSCRIPTION".
 */
export const noRootConditions: ApolloServerPlugin<Context> = {
  requestDidStart: async () => ({
    validationDidStart: async ({ document }) => {
      for (const each of document.definitions) {
        if (each.kind === Kind.OPERATION_DEFINITION && each.operation === 'subscription')
          moveConditions(document, each);
      }
    },
  }),
};

function moveConditions(document: DocumentNode, operation: OperationDefinitionNode): void {
  const moved: DirectiveNode[] = [];
  for (const selection of rootSelections(document, operation)) {
    const { directives = [] } = selection;
    const conditions = directives.filter(({ name }) => name.value === 'skip' || name.value === 'include');
    if (conditions.length === 0) continue;
    moved.push(...conditions);
    Object.assign(selection, { directives: directives.filter((directive) => !conditions.includes(directive)) });
  }
  if (moved.length > 0) Object.assign(operation, { directives: [...(operation.directives ?? []), ...moved] });
}

/** The selections in the root selection set of an operation, and those in the fragments there. */
function rootSelections({ definitions }: DocumentNode, operation: OperationDefinitionNode): ReadonlySet<SelectionNode> {
  const found = new Set(operation.selectionSet.selections);
  // what is added to a set while it is iterated is visited too, and only once
  for (const selection of found) {
    if (selection.kind === Kind.INLINE_FRAGMENT)
      for (const inner of selection.selectionSet.selections) found.add(inner);
    if (selection.kind !== Kind.FRAGMENT_SPREAD) continue;
    for (const each of definitions) {
      if (each.kind !== Kind.FRAGMENT_DEFINITION || each.name.value !== selection.name.value) continue;
      for (const inner of each.selectionSet.selections) found.add(inner);
    }
  }
  return found;
}
