import { Client as UrqlClient, fetchExchange, subscriptionExchange, type ClientOptions, type Exchange } from '@urql/core';
import { cacheExchange, type CacheExchangeOpts } from '@urql/exchange-graphcache';
import type { Client } from './client.js';
import { keys } from './generated/cache.js';
import type { Subscriptions } from './subscriptions.js';

export interface UrqlOptions {
  readonly subscriptions?: Subscriptions;
  /** Options of Graphcache, for example `resolvers` for connections with pages. */
  readonly cache?: CacheExchangeOpts;
  /** Exchanges between the cache and the network. */
  readonly exchanges?: readonly Exchange[];
}

/** Creates an urql client that sends the tokens of `client` and refreshes them. */
export function createUrqlClient(client: Client, { subscriptions, cache, exchanges = [] }: UrqlOptions = {}): UrqlClient {
  const socket = subscriptions?.socket;
  const live =
    socket &&
    subscriptionExchange({
      forwardSubscription: ({ query = '', variables }) => ({
        subscribe: (sink) => ({
          unsubscribe: socket.subscribe({ query, variables: variables as Record<string, unknown> }, sink as never),
        }),
      }),
    });
  const options: ClientOptions = {
    url: client.url,
    fetch: client.fetch,
    preferGetMethod: false,
    exchanges: [cacheExchange({ ...cache, keys: { ...keys, ...cache?.keys } }), ...exchanges, fetchExchange, ...(live ? [live] : [])],
  };
  return new UrqlClient(options);
}
