import { isDeepStrictEqual } from 'node:util';
import type { ExecutionResult, GraphQLSchema } from 'graphql';
import { compiling, interpreting, type Execute } from '../../src/http/execution.ts';

/** Compiles every query at once and also interprets it. Throws if the answers differ, including errors. */
export function bothWays(schema: GraphQLSchema): Execute {
  const [compiled, interpreted] = [compiling(schema, 1), interpreting(schema)];
  return async (execution) => {
    const answer = await compiled(execution);
    if (execution.operation?.operation !== 'query') return answer;
    const expected = await interpreted(execution);
    const [made, wanted] = [comparable(answer), comparable(expected)];
    if (!isDeepStrictEqual(made, wanted))
      throw new Error(`Compiled, an operation answers ${JSON.stringify(made)} and not ${JSON.stringify(wanted)}`);
    return answer;
  };
}

/** Returns the parts of a result that reach a client. Errors of parallel fields have no order. */
export const comparable = ({ data, errors = [] }: ExecutionResult) => ({
  data: JSON.stringify(data),
  errors: errors
    .map(({ message, path, locations, extensions, originalError, nodes }) => ({
      message,
      path: path?.join('.'),
      locations,
      extensions,
      original: originalError?.constructor.name,
      isOfVariable: nodes?.map(({ kind }) => kind).includes('VariableDefinition' as never) ?? false,
    }))
    .sort((a, b) => ((a.path ?? '') < (b.path ?? '') ? -1 : 1)),
});
