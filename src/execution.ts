import { HeaderMap, type ApolloServerOptions, type ApolloServerPlugin, type BaseContext } from '@apollo/server';
import {
  execute,
  getVariableValues,
  GraphQLError,
  Kind,
  type DocumentNode,
  type ExecutionResult,
  type FragmentDefinitionNode,
  type GraphQLSchema,
  type OperationDefinitionNode,
  type SelectionNode,
  type SelectionSetNode,
} from 'graphql';
import { compileQuery, isCompiledQuery, type CompiledQuery } from 'graphql-jit';
import { rootFields } from './http/selection.ts';

/** What one operation is executed with, parsed and validated. */
export interface Execution {
  readonly document: DocumentNode;
  readonly operationName: string | null;
  /** Null where the document has none of that name, or several and no name was given. */
  readonly operation: OperationDefinitionNode | null;
  readonly variables: Readonly<Record<string, unknown>>;
  readonly context: unknown;
}

/** Executes operations. What is answered does not depend on which of these does it. */
export type Execute = (execution: Execution) => Promise<ExecutionResult>;

/** Walks through the document of every operation, as GraphQL's reference does. */
export function interpreting(schema: GraphQLSchema): Execute {
  const interpret: Execute = async ({ document, operationName, variables, context }) =>
    execute({ schema, document, operationName, variableValues: variables, contextValue: context });
  return async (execution) => {
    const keys = execution.operation?.operation === 'mutation' ? new Set(rootFields(execution).map(({ key }) => key)) : noKeys;
    return keys.size > 1 ? oneByOne(interpret, execution, keys) : interpret(execution);
  };
}

const noKeys: ReadonlySet<string> = new Set();

/**
 * Executes a mutation of several fields field by field, in their order, until one is refused. Mutation fields are not
 * nullable, so GraphQL answers `data: null` then, and the results of the fields before would be lost: they are answered
 * as `extensions.completed`, under their keys.
 */
async function oneByOne(run: Execute, execution: Execution, keys: ReadonlySet<string>): Promise<ExecutionResult> {
  const completed = Object.create(null) as Record<string, unknown>;
  const errors: GraphQLError[] = [];
  for (const key of keys) {
    const result = await run({ ...execution, document: withOnly(execution, key) });
    errors.push(...(result.errors ?? []));
    if (!result.data) return Object.keys(completed).length === 0 ? result : { data: null, errors, extensions: { completed } };
    Object.assign(completed, result.data);
  }
  return { data: completed, ...(errors.length > 0 && { errors }) };
}

/** The document with the fields of its operation that answer under one key, and no others. */
function withOnly({ document, operation }: Execution, key: string): DocumentNode {
  const fragments = new Map(
    document.definitions.flatMap((each) => (each.kind === Kind.FRAGMENT_DEFINITION ? [[each.name.value, each]] : [])),
  );
  const definitions = document.definitions.map((each) =>
    each === operation ? { ...operation, selectionSet: selecting(operation.selectionSet, key, fragments) } : each,
  );
  return { ...document, definitions };
}

/** Fragments stand where they are spread, with the directives of the spread. */
function selecting(
  { selections }: SelectionSetNode,
  key: string,
  fragments: ReadonlyMap<string, FragmentDefinitionNode>,
): SelectionSetNode {
  const kept = selections.flatMap((each): SelectionNode[] => {
    if (each.kind === Kind.FIELD) return (each.alias ?? each.name).value === key ? [each] : [];
    const { selectionSet } = each.kind === Kind.INLINE_FRAGMENT ? each : (fragments.get(each.name.value) as FragmentDefinitionNode);
    const inner = selecting(selectionSet, key, fragments);
    return inner.selections.length === 0 ? [] : [{ kind: Kind.INLINE_FRAGMENT, directives: each.directives ?? [], selectionSet: inner }];
  });
  return { kind: Kind.SELECTION_SET, selections: kept };
}

/** How often a query has to come before it is worth compiling: that takes as long as many executions. */
const worthCompiling = 4;

/** How many queries stay compiled: more than the clients of one service have. */
const mostCompiled = 500;

/**
 * Compiles a query that comes again and again to a function of its own, and interprets all others. A mutation takes
 * longer than its execution, and cannot be made twice to see whether both ways answer the same: it is interpreted.
 */
export function compiling(schema: GraphQLSchema, after = worthCompiling): Execute {
  const interpret = interpreting(schema);
  const times = new WeakMap<OperationDefinitionNode, number>();
  const compiled = new Map<OperationDefinitionNode, CompiledQuery | null>();
  return async (execution) => {
    const { operation, variables, context } = execution;
    if (operation?.operation !== 'query') return interpret(execution);
    if (!compiled.has(operation)) {
      const time = (times.get(operation) ?? 0) + 1;
      times.set(operation, time);
      if (time < after) return interpret(execution);
      keep(compiled, operation, compile(schema, execution));
    }
    const query = compiled.get(operation);
    if (!query) return interpret(execution);
    const result = await query.query(undefined, context, variables);
    if (result.data === undefined) return variableErrors(schema, execution) ?? interpret(execution);
    return asReference(result);
  };
}

/** Null for what the compiler does not know. */
function compile(schema: GraphQLSchema, { document, operationName }: Execution): CompiledQuery | null {
  try {
    const made = compileQuery(schema, document, operationName ?? undefined, { disablingCapturingStackErrors: true });
    return isCompiledQuery(made) ? made : null;
  } catch {
    return null;
  }
}

function keep<Key, Value>(kept: Map<Key, Value>, key: Key, value: Value): void {
  const oldest = kept.keys().next();
  if (kept.size >= mostCompiled && !oldest.done) kept.delete(oldest.value);
  kept.set(key, value);
}

/**
 * Nothing was executed because of the variables: what the reference says of them. The compiler takes a required field of
 * an input for missing though it has a default, and of those the reference says nothing.
 */
function variableErrors(schema: GraphQLSchema, { operation, variables }: Execution): ExecutionResult | null {
  const { errors } = getVariableValues(schema, operation?.variableDefinitions ?? [], variables, { maxErrors: 50 });
  return errors === undefined ? null : { errors };
}

/** The compiler's errors are of a class of its own: they become those of the reference. */
function asReference(result: ExecutionResult): ExecutionResult {
  return result.errors === undefined ? result : { ...result, errors: result.errors.map(errorAsReference) };
}

function errorAsReference({ message, path, locations, originalError }: GraphQLError): GraphQLError {
  const error = new GraphQLError(message, { path: path ?? null, originalError: originalError ?? null });
  return Object.assign(error, { locations });
}

/** What of Apollo's options says how operations are executed. */
export interface Executing<Context extends BaseContext> {
  readonly gateway: Exclude<ApolloServerOptions<Context>['gateway'], undefined>;
  readonly plugin: ApolloServerPlugin<Context>;
}

/**
 * Has Apollo execute otherwise than it would by itself. What succeeds is answered by a plugin; what fails goes on as the
 * answer of a gateway, whose errors Apollo puts in form. Not all goes that way, because what Apollo makes for a gateway
 * holds on to the request until the whole heap is collected.
 */
export function executing<Context extends BaseContext>(schema: GraphQLSchema, run: Execute): Executing<Context> {
  const failed = new WeakMap<object, Promise<ExecutionResult>>();
  return {
    plugin: {
      requestDidStart: async () => ({
        responseForOperation: async ({ document, operation, request, contextValue: context }) => {
          const { operationName = null, variables = {} } = request;
          const running = run({ document, operationName, operation: operation ?? null, variables, context });
          const result = await running.catch(() => null);
          if (result?.data && !result.errors)
            return { http: { headers: new HeaderMap() }, body: { kind: 'single', singleResult: { data: result.data } } };
          failed.set(context, running);
          return null;
        },
      }),
    },
    gateway: {
      load: async () => ({ executor: async ({ context }) => failed.get(context) as never }),
      onSchemaLoadOrUpdate: (listener) => {
        listener({ apiSchema: schema, coreSupergraphSdl: '' });
        return () => {};
      },
      stop: async () => {},
    },
  };
}
