import type { ApolloServerPlugin } from '@apollo/server';
import type { Context, ContextSources } from '../context.ts';
import type { RunQuery } from '../reading/reader.ts';
import { current } from './request-time.ts';

/** The content of `extensions.explain`, in development, for a request with the header `x-explain: 1`. */
export interface Explanation {
  /** The computed cost of the operation. Null until it is computed. */
  cost: number | null;
  /** The maximum cost, from MAX_COST. */
  costLimit: number | null;
  /** The statements that read, in the order in which they ended. Values of callers appear only as parameters. */
  readonly statements: { readonly sql: string; readonly milliseconds: number; readonly rows: number }[];
}

export const newExplanation = (): Explanation => ({ cost: null, costLimit: null, statements: [] });

/** Records the statements of a request that asked for an explanation. */
export function explained(sources: ContextSources): ContextSources {
  const explanation = current.getStore()?.explanation;
  if (!explanation) return sources;
  const recorded =
    (run: RunQuery): RunQuery =>
    async (sql, ...more) => {
      const beganAt = performance.now();
      const rows = await run(sql, ...more);
      explanation.statements.push({
        sql,
        milliseconds: Math.round((performance.now() - beganAt) * 10) / 10,
        rows: rows.length,
      });
      return rows;
    };
  const { run, runFor, runReserved } = sources;
  return {
    ...sources,
    run: recorded(run),
    runFor: (userId) => recorded(runFor(userId)),
    runReserved: recorded(runReserved),
  };
}

/** Adds the explanation to the response. */
export const explains: ApolloServerPlugin<Context> = {
  async requestDidStart() {
    return {
      async willSendResponse({ response: { body } }) {
        const explanation = current.getStore()?.explanation;
        if (explanation && body.kind === 'single')
          body.singleResult.extensions = { ...body.singleResult.extensions, explain: explanation };
      },
    };
  },
};
