import type { ApolloServerPlugin } from '@apollo/server';
import { Kind, type DirectiveNode, type DocumentNode, type OperationDefinitionNode, type SelectionNode } from 'graphql';
import type { Context } from '../context.ts';

/**
 * Refuses `@skip` and `@include` in the root selection set of a subscription, as the GraphQL specification of September
 * 2025 requires (5.2.4.1). graphql-js 16 evaluates them during validation, without variables, and throws if one is
 * missing. This plugin moves them to the operation, where graphql-js refuses them: "may not be used on SUBSCRIPTION".
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

/** Lists the selections in the root selection set of an operation, also those inside fragments. */
function rootSelections({ definitions }: DocumentNode, operation: OperationDefinitionNode): ReadonlySet<SelectionNode> {
  const found = new Set(operation.selectionSet.selections);
  // a `for` loop over a set also visits what is added meanwhile, each item once
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
