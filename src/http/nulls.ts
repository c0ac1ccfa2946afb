import {
  getVariableValues,
  isNonNullType,
  Kind,
  TypeInfo,
  visit,
  visitWithTypeInfo,
  type ASTVisitor,
  type DirectiveNode,
  type DocumentNode,
  type FragmentDefinitionNode,
  type GraphQLSchema,
  type OperationDefinitionNode,
  type VariableNode,
} from 'graphql';
import { badInput } from '../errors.ts';
import { placeOf } from './error-format.ts';

/** A parsed and validated operation with its variables. */
interface Operation {
  readonly document: DocumentNode;
  readonly operation: OperationDefinitionNode;
  readonly variables: Readonly<Record<string, unknown>>;
}

/**
 * Refuses a null variable at a position that has a default and must not be null. Validation allows such a variable
 * (GraphQL specification, "All Variable Usages Are Allowed"), and execution would fail after other fields have run.
 * @throws BAD_INPUT
 */
export function assertNoNullAtDefault(schema: GraphQLSchema, { document, operation, variables }: Operation): void {
  const definitions = operation.variableDefinitions ?? [];
  const hasNull =
    Object.values(variables).includes(null) || definitions.some(({ defaultValue }) => defaultValue?.kind === Kind.NULL);
  if (!hasNull) return;
  const { coerced } = getVariableValues(schema, definitions, variables);
  if (!coerced) return; // the execution reports what is wrong
  const usage = findNullUsage(schema, { document, operation, variables: coerced });
  if (usage) throw badInput({ path: placeOf(usage) || usage.name.value, message: 'is required' });
}

/** Finds the first wrong usage, also in fragments, but not in selections that `@skip` or `@include` excludes. */
function findNullUsage(schema: GraphQLSchema, { document, operation, variables }: Operation): VariableNode | undefined {
  const types = new TypeInfo(schema);
  const pending = new Set<OperationDefinitionNode | FragmentDefinitionNode>([operation]);
  let found: VariableNode | undefined;
  const omitExcluded = (node: Selection): false | undefined => (isExcluded(node, variables) ? false : undefined);
  const visitor: ASTVisitor = {
    VariableDefinition: () => false,
    Field: omitExcluded,
    InlineFragment: omitExcluded,
    FragmentSpread: (spread) => {
      const fragment = document.definitions.find(
        (each) => each.kind === Kind.FRAGMENT_DEFINITION && each.name.value === spread.name.value,
      );
      if (fragment?.kind === Kind.FRAGMENT_DEFINITION && !isExcluded(spread, variables)) pending.add(fragment);
      return omitExcluded(spread);
    },
    Variable: (variable) => {
      if (variables[variable.name.value] === null && isNonNullType(types.getInputType())) found ??= variable;
    },
  };
  // a `for` loop over a set also visits what is added meanwhile, each item once
  for (const definition of pending) visit(definition, visitWithTypeInfo(types, visitor));
  return found;
}

interface Selection {
  readonly directives?: readonly DirectiveNode[] | undefined;
}

function isExcluded({ directives = [] }: Selection, variables: Operation['variables']): boolean {
  return directives.some(({ name, arguments: [condition] = [] }) => {
    if (condition === undefined) return false;
    const { value } = condition;
    const given =
      value.kind === Kind.VARIABLE ? variables[value.name.value] : value.kind === Kind.BOOLEAN && value.value;
    return (name.value === 'skip' && given === true) || (name.value === 'include' && given === false);
  });
}
