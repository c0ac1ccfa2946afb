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

/** A parsed and validated operation with everything that its execution needs. */
export interface Execution {
  readonly document: DocumentNode;
  readonly operationName: string | null;
  /** Null if the document has no operation of that name, or if it has several and no name was given. */
  readonly operation: OperationDefinitionNode | null;
  readonly variables: Readonly<Record<string, unknown>>;
  readonly context: unknown;
  /** The progress of a mutation with several fields. */
  readonly progress?: Progress;
}

/** The results of the mutation fields so far, and whether the next field must not start. */
export interface Progress {
  readonly completed: Record<string, unknown>;
  isOver: boolean;
}

/** Executes operations. Every implementation gives the same answer. */
export type Execute = (execution: Execution) => Promise<ExecutionResult>;

/** Interprets the document of every operation, as the GraphQL reference implementation does. */
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
    return []; // the condition of a directive is null: the execution reports it
  }
}

/**
 * Executes a mutation with several fields one field after the other, and stops at the first error. Mutation fields are
 * not nullable, so GraphQL would then answer `data: null` and lose the earlier results. They are returned in
 * `extensions.completed`, under their keys.
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

/** Whether a completed field changed something. */
export const isDone = (execution: Execution, completed: Progress['completed']): boolean =>
  rootFields(execution).some(({ name, key }) => name !== '__typename' && key in completed);

/** Reduces a document to the fields of its operation that answer under one key. */
function withOnly({ document, operation }: Execution, key: string, root: string): DocumentNode {
  const definitions = document.definitions.map((each) =>
    each === operation || (each.kind === Kind.FRAGMENT_DEFINITION && each.typeCondition.name.value === root)
      ? { ...each, selectionSet: selecting(each.selectionSet, key) }
      : each,
  );
  return { ...document, definitions };
}

/** Keeps every spread, because the fragments on the root type are reduced in the same way. */
function selecting({ kind, selections }: SelectionSetNode, key: string): SelectionSetNode {
  const kept = selections.flatMap((each): SelectionNode[] => {
    if (each.kind === Kind.FIELD) return (each.alias ?? each.name).value === key ? [each] : [];
    return [each.kind === Kind.INLINE_FRAGMENT ? { ...each, selectionSet: selecting(each.selectionSet, key) } : each];
  });
  return { kind, selections: kept };
}

/** The number of executions after which an operation is compiled. Compiling takes as long as many executions. */
const worthCompiling = 4;

/**
 * The number of additional executions after an answer with errors, so that an operation that always fails is not
 * executed twice each time.
 */
const afterErrors = 100;

/**
 * Compiles queries that are executed repeatedly, and interprets everything else. Only a cached document (see
 * `http/documents.ts`) is executed more than once, and its compiled form lives as long as the document.
 *
 * For many documents, the answers of the compiler differ from the reference. So `isCompilable` selects what it may
 * compile, the reference coerces the variables, and an answer with errors is replaced by the answer of the reference.
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
    if (allowance && left !== undefined) allowance.left = left; // restore what the first execution used
    return interpret({ ...execution, context: withoutRefusals(context) });
  };
}

/** Copies the context for a second execution. Refusals were already recorded by the first one. */
const withoutRefusals = (context: unknown): object =>
  Object.create(context as object, { refused: { value: () => {} } }) as object;

/**
 * Names that are safe for the compiler, which builds other names from them. With underscores, two places could get the
 * same name.
 */
const plainName = /^(?!idx\d)[A-Za-z][A-Za-z0-9]*$/;

/**
 * Whether the compiler answers a valid document like the reference for any variables. Such a document has no
 * directives, uses variables only as whole arguments, and does not query the schema.
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
    // the compiler marks values that JSON cannot express with strings that start like this
    StringValue: ({ value }) => (value.includes('__MAGIC_') ? refuse() : undefined),
  });
  return isPlain;
}

/** The type of every variable that is already coerced. No schema can contain a type of this name. */
const coercedType = new GraphQLScalarType({ name: 'Coerced' });
const coercedName = '$coerced';

/** Compiles an operation whose variables are already coerced. Null if the compiler does not support it. */
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

/** The options of Apollo that replace the execution. */
interface Executing<Context extends BaseContext> {
  readonly gateway: Exclude<ApolloServerOptions<Context>['gateway'], undefined>;
  readonly plugin: ApolloServerPlugin<Context>;
}

/**
 * Replaces Apollo's executor. A plugin returns successful answers. Failed ones are passed on as the answer of a
 * gateway, so that Apollo formats their errors. Only failures take that way, because the gateway objects of Apollo keep
 * the request in memory until the next full garbage collection.
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
