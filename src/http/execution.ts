import { HeaderMap, type ApolloServerOptions, type ApolloServerPlugin, type BaseContext } from '@apollo/server';
import {
  BREAK,
  execute,
  getVariableValues,
  GraphQLScalarType,
  Kind,
  visit,
  type DocumentNode,
  type ExecutionResult,
  type GraphQLError,
  type GraphQLSchema,
  type OperationDefinitionNode,
  type SelectionNode,
  type SelectionSetNode,
} from 'graphql';
import { collectFields } from 'graphql/execution/collectFields.js';
import { compileQuery, isCompiledQuery, type CompiledQuery } from 'graphql-jit';
import type { Context } from '../context.ts';
import { fragmentsOf, rootFields } from './selection.ts';

/** What one operation is executed with, parsed and validated. */
export interface Execution {
  readonly document: DocumentNode;
  readonly operationName: string | null;
  /** Null where the document has none of that name, or several and no name was given. */
  readonly operation: OperationDefinitionNode | null;
  readonly variables: Readonly<Record<string, unknown>>;
  readonly context: unknown;
  /** How far a mutation of several fields is. */
  readonly progress?: Progress;
}

/** What the fields of a mutation answered so far, and whether the next one is not to begin. */
export interface Progress {
  readonly completed: Record<string, unknown>;
  isOver: boolean;
}

/** Executes operations. What is answered does not depend on which of these does it. */
export type Execute = (execution: Execution) => Promise<ExecutionResult>;

/** Walks through the document of every operation, as GraphQL's reference does. */
export function interpreting(schema: GraphQLSchema): Execute {
  const interpret: Execute = async ({ document, operationName, variables, context }) =>
    execute({ schema, document, operationName, variableValues: variables, contextValue: context });
  return async (execution) => {
    const keys = mutationKeys(schema, execution);
    return keys.length > 1
      ? oneByOne(interpret, execution, keys, String(schema.getMutationType()))
      : interpret(execution);
  };
}

/**
 * Returns the keys of the mutation fields that these variables select, in the order in which GraphQL executes them. Empty
 * for other operations, and for variables that the execution refuses.
 */
function mutationKeys(schema: GraphQLSchema, { document, operation, variables }: Execution): readonly string[] {
  const type = schema.getMutationType();
  if (operation?.operation !== 'mutation' || !type) return [];
  const { coerced } = getVariableValues(schema, operation.variableDefinitions ?? [], variables, { maxErrors: 1 });
  if (!coerced) return [];
  const fragments = Object.fromEntries(fragmentsOf(document));
  try {
    return [...collectFields(schema, fragments, coerced, type, operation.selectionSet).keys()];
  } catch {
    return []; // a null for the condition of a directive: the execution reports it
  }
}

/**
 * Executes a mutation of several fields field by field, in their order, until one is refused. Mutation fields are not
 * nullable, so GraphQL answers `data: null` then, and the results of the fields before would be lost: they are answered
 * as `extensions.completed`, under their keys.
 */
async function oneByOne(
  run: Execute,
  execution: Execution,
  keys: readonly string[],
  root: string,
): Promise<ExecutionResult> {
  const progress = execution.progress ?? newProgress();
  const { completed } = progress;
  const errors: GraphQLError[] = [];
  for (const key of keys) {
    if (progress.isOver) break;
    const result = await run({ ...execution, document: withOnly(execution, key, root) });
    errors.push(...(result.errors ?? []));
    if (!result.data) return isDone(execution, completed) ? { data: null, errors, extensions: { completed } } : result;
    Object.assign(completed, result.data);
  }
  return { data: completed, ...(errors.length > 0 && { errors }) };
}

export const newProgress = (): Progress => ({
  completed: Object.create(null) as Record<string, unknown>,
  isOver: false,
});

/** Whether a field that was completed did something. */
export const isDone = (execution: Execution, completed: Progress['completed']): boolean =>
  rootFields(execution).some(({ name, key }) => name !== '__typename' && key in completed);

/** The document with the fields of its operation that answer under one key, and no others. */
function withOnly({ document, operation }: Execution, key: string, root: string): DocumentNode {
  const definitions = document.definitions.map((each) =>
    each === operation || (each.kind === Kind.FRAGMENT_DEFINITION && each.typeCondition.name.value === root)
      ? { ...each, selectionSet: selecting(each.selectionSet, key) }
      : each,
  );
  return { ...document, definitions };
}

/** Keeps every spread: the fragments on the root type are reduced alike. */
function selecting({ kind, selections }: SelectionSetNode, key: string): SelectionSetNode {
  const kept = selections.flatMap((each): SelectionNode[] => {
    if (each.kind === Kind.FIELD) return (each.alias ?? each.name).value === key ? [each] : [];
    return [each.kind === Kind.INLINE_FRAGMENT ? { ...each, selectionSet: selecting(each.selectionSet, key) } : each];
  });
  return { kind, selections: kept };
}

/** How often an operation is executed before it is compiled: compiling takes as long as many executions. */
const worthCompiling = 4;

/** How many more executions it takes after an answer with errors, so that what always fails is not executed twice each time. */
const afterErrors = 100;

/**
 * Compiles a query that is executed again and again, and interprets everything else. Only a parsed document that is kept
 * (see `http/documents.ts`) is ever executed twice, and the compiled form lives as long as the document.
 *
 * The compiler's answers differ from the reference's for many documents. `isCompilable` says which it may take; its variables
 * are coerced by the reference; and an answer with errors is discarded for that of the reference.
 */
export function compiling(schema: GraphQLSchema, after = worthCompiling): Execute {
  const interpret = interpreting(schema);
  const compile = compilerOf(schema);
  const times = new WeakMap<OperationDefinitionNode, number>();
  const compiled = new WeakMap<OperationDefinitionNode, CompiledQuery | null>();
  return async (execution) => {
    const { operation, variables, context } = execution;
    if (operation?.operation !== 'query') return interpret(execution);
    const time = (times.get(operation) ?? 0) + 1;
    times.set(operation, time);
    if (time === after) compiled.set(operation, isCompilable(execution.document) ? compile(execution) : null);
    const query = compiled.get(operation);
    if (!query) return interpret(execution);
    const { coerced } = getVariableValues(schema, operation.variableDefinitions ?? [], variables, { maxErrors: 1 });
    if (!coerced) return interpret(execution);
    const { allowance } = context as Partial<Pick<Context, 'allowance'>>;
    const left = allowance?.left;
    const result = await query.query(undefined, context, coerced);
    if (!result.errors) return result;
    times.set(operation, -afterErrors);
    compiled.delete(operation);
    if (allowance && left !== undefined) allowance.left = left; // what the first execution spent of it is given back
    return interpret({ ...execution, context: withoutRefusals(context) });
  };
}

/** The same context for a second execution: what it refuses is on record from the first. */
const withoutRefusals = (context: unknown): object =>
  Object.create(context as object, { refused: { value: () => {} } }) as object;

/** Names that the compiler makes names of its own from; with underscores, those of two places could be the same. */
const plainName = /^(?!idx\d)[A-Za-z][A-Za-z0-9]*$/;

/**
 * Whether the compiler answers a valid document as the reference does, whatever its variables are: it has no directives, its
 * variables stand for whole arguments, and it does not ask about the schema.
 */
export function isCompilable(document: DocumentNode): boolean {
  let isPlain = true;
  const refuse = (): typeof BREAK => {
    isPlain = false;
    return BREAK;
  };
  visit(document, {
    Directive: refuse,
    Field: ({ name, alias }) => {
      const isOfSchema = name.value.startsWith('__') && name.value !== '__typename';
      return isOfSchema || (alias && !plainName.test(alias.value)) ? refuse() : undefined;
    },
    Variable: ({ name }, _key, parent) => {
      const isWhole =
        parent && 'kind' in parent && (parent.kind === Kind.ARGUMENT || parent.kind === Kind.VARIABLE_DEFINITION);
      return isWhole && plainName.test(name.value) ? undefined : refuse();
    },
    // the compiler marks what JSON cannot say by strings that begin so
    StringValue: ({ value }) => (value.includes('__MAGIC_') ? refuse() : undefined),
  });
  return isPlain;
}

/** The type of every variable that is coerced before: no schema can have one of this name. */
const coercedType = new GraphQLScalarType({ name: 'Coerced' });
const coercedName = '$coerced';

/** Compiles an operation; null for what the compiler does not know. Its variables are given to it coerced. */
function compilerOf(schema: GraphQLSchema): (execution: Execution) => CompiledQuery | null {
  const getType = (name: string) => (name === coercedName ? coercedType : schema.getType(name));
  const withCoerced = Object.create(schema, { getType: { value: getType } }) as GraphQLSchema;
  return ({ document, operationName }) => {
    const made = compileQuery(withCoerced, withCoercedVariables(document), operationName ?? undefined, {
      disablingCapturingStackErrors: true,
    });
    return isCompiledQuery(made) ? made : null;
  };
}

const withCoercedVariables = (document: DocumentNode): DocumentNode =>
  visit(document, {
    VariableDefinition: ({ kind, variable, loc }) => ({
      kind,
      variable,
      type: { kind: Kind.NAMED_TYPE, name: { kind: Kind.NAME, value: coercedName } },
      ...(loc && { loc }),
    }),
  });

/** What of Apollo's options says how operations are executed. */
interface Executing<Context extends BaseContext> {
  readonly gateway: Exclude<ApolloServerOptions<Context>['gateway'], undefined>;
  readonly plugin: ApolloServerPlugin<Context>;
}

/**
 * Replaces Apollo's executor. What succeeds is answered by a plugin; what fails goes on as the
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
            return {
              http: { headers: new HeaderMap() },
              body: { kind: 'single', singleResult: { data: result.data } },
            };
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
