import { createContext, createElement, useCallback, useContext, useEffect, useRef, useState, type ReactNode } from 'react';
import type { AskOptions, Client } from './client.js';
import type { Document } from './document.js';
import type { Failure, Result } from './failure.js';
import type { Subscriptions } from './subscriptions.js';

const ClientContext = createContext<Client | null>(null);

/** Provides the client to the hooks below it. */
export function UnionhallProvider({ client, children }: { client: Client; children?: ReactNode }): ReactNode {
  return createElement(ClientContext.Provider, { value: client }, children);
}

/** @throws {Error} outside a `UnionhallProvider`. */
export function useClient(): Client {
  const client = useContext(ClientContext);
  if (!client) throw new Error('useClient needs a UnionhallProvider above it.');
  return client;
}

export interface QueryState<Data> {
  /** The last result, also while the next one is loading. A failed field is null. */
  readonly data: Data | null;
  readonly failure: Failure | null;
  readonly isLoading: boolean;
  /** Sends the query again. */
  readonly refetch: () => void;
}

/** Sends a query when the component mounts, and again when the variables change. */
export function useQuery<Data, Variables>(document: Document<Data, Variables>, variables: Variables): QueryState<Data> {
  const client = useClient();
  const [state, setState] = useState<Omit<QueryState<Data>, 'refetch'>>({ data: null, failure: null, isLoading: true });
  const [round, setRound] = useState(0);
  const key = JSON.stringify(variables);
  useEffect(() => {
    const abort = new AbortController();
    setState((before) => ({ ...before, isLoading: true }));
    void ask(client, document, JSON.parse(key ?? '{}') as Variables, { signal: abort.signal }).then((result) => {
      if (!abort.signal.aborted) setState({ data: result.data, failure: result.ok ? null : result.failure, isLoading: false });
    });
    return () => abort.abort();
  }, [client, document, key, round]);
  return { ...state, refetch: useCallback(() => setRound((before) => before + 1), []) };
}

export interface MutationState<Data, Variables> {
  readonly send: (variables: Variables) => Promise<Result<Data>>;
  readonly failure: Failure | null;
  readonly isSending: boolean;
}

/** Sends a mutation when `send` is called. */
export function useMutation<Data, Variables>(document: Document<Data, Variables>): MutationState<Data, Variables> {
  const client = useClient();
  const [state, setState] = useState<{ failure: Failure | null; isSending: boolean }>({ failure: null, isSending: false });
  const send = useCallback(
    async (variables: Variables) => {
      setState({ failure: null, isSending: true });
      const result = await ask(client, document, variables);
      setState({ failure: result.ok ? null : result.failure, isSending: false });
      return result;
    },
    [client, document],
  );
  return { ...state, send };
}

/** Calls `next` for each event while the component is mounted. */
export function useSubscription<Data, Variables>(
  subscriptions: Subscriptions,
  document: Document<Data, Variables>,
  variables: Variables,
  next: (data: Data) => void,
): Failure | null {
  const [failure, setFailure] = useState<Failure | null>(null);
  const latest = useRef(next);
  useEffect(() => {
    latest.current = next;
  });
  const key = JSON.stringify(variables);
  useEffect(() => {
    setFailure(null);
    const sink = { next: (data: Data) => latest.current(data), failed: setFailure };
    return subscriptions.subscribe(document, JSON.parse(key ?? '{}') as Variables, sink);
  }, [subscriptions, document, key]);
  return failure;
}

/** `ask` for variables of a type parameter. */
const ask = <Data, Variables>(client: Client, document: Document<Data, Variables>, variables: Variables, options?: AskOptions) =>
  (client.ask as (...given: unknown[]) => Promise<Result<Data>>).call(client, document, variables, options);
