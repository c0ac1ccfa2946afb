import { AsyncLocalStorage } from 'node:async_hooks';
import type { ApolloServer } from '@apollo/server';
import type { Context } from '../context.ts';
import type { Execution } from './execution.ts';
import type { PrepareOperation } from './socket.ts';
import { timedRequest, current } from './request-time.ts';

/** Where the operation goes that came over a WebSocket and is found fit to be subscribed to. */
const place = new AsyncLocalStorage<{ found: Execution | null }>();

/** Whether the operation that is looked at came over a WebSocket. */
export const isOfSocket = (): boolean => place.getStore() !== undefined;

/** Takes an operation through all that HTTP's are taken through, but for its execution. @param seconds that it may take. */
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

/** Puts an operation where a WebSocket waits for it, which executes it at every event; null for one of HTTP. */
export function handOver(execution: Execution): Promise<{ data: null }> | null {
  const waiting = place.getStore();
  if (!waiting || !execution.operation) return null;
  waiting.found = execution;
  return Promise.resolve({ data: null });
}
