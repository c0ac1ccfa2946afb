import { AsyncLocalStorage } from 'node:async_hooks';
import type { ApolloServer } from '@apollo/server';
import type { Context } from '../context.ts';
import type { Execution } from './execution.ts';
import type { PrepareOperation } from './socket.ts';
import { timedRequest, current } from './request-time.ts';

/** Collects the operation of a WebSocket message after all checks of HTTP operations have passed. */
const place = new AsyncLocalStorage<{ found: Execution | null }>();

/** Whether the current operation came over a WebSocket. */
export const isOfSocket = (): boolean => place.getStore() !== undefined;

/** Runs all steps of an HTTP operation except its execution. @param seconds the time limit. */
export const preparing =
  (apollo: ApolloServer<Context>, seconds: number): PrepareOperation =>
  async ({ query, operationName, variables }, context, id) => {
    const mine: { found: Execution | null } = { found: null };
    const asked = { query, ...(operationName != null && { operationName }), variables: { ...variables } };
    const ask = () => apollo.executeOperation(asked, { contextValue: context });
    const { body } = await current.run(timedRequest(id, seconds), () => place.run(mine, ask));
    if (mine.found) return mine.found;
    return (body.kind === 'single' ? body.singleResult.errors : undefined) ?? [];
  };

/** Hands an operation over to its WebSocket, which executes it at every event. Null for an HTTP operation. */
export function handOver(execution: Execution): Promise<{ data: null }> | null {
  const waiting = place.getStore();
  if (!waiting || !execution.operation) return null;
  waiting.found = execution;
  return Promise.resolve({ data: null });
}
