import { ApolloClient, ApolloLink, HttpLink, InMemoryCache, type InMemoryCacheConfig } from '@apollo/client';
import { GraphQLWsLink } from '@apollo/client/link/subscriptions';
import { getMainDefinition, relayStylePagination } from '@apollo/client/utilities';
import type { Client } from './client.js';
import { connections, possibleTypes } from './generated/cache.js';
import type { Subscriptions } from './subscriptions.js';

export interface ApolloOptions {
  readonly subscriptions?: Subscriptions;
  /** Additional options of the cache. */
  readonly cache?: InMemoryCacheConfig;
  /** Links before the network. */
  readonly links?: readonly ApolloLink[];
}

/** The arguments that select another list. The others (`first`, `after`, `last`, `before`) only select another page. */
const listArguments = ['filter', 'orderBy', 'includeDeleted'];

/**
 * Creates an Apollo Client that sends and refreshes the tokens of `client`, and merges the pages of every list by
 * `edges`.
 */
export function createApolloClient(client: Client, { subscriptions, cache, links = [] }: ApolloOptions = {}): ApolloClient {
  const http = new HttpLink({ uri: client.url, fetch: client.fetch });
  const isSubscription = ({ query }: ApolloLink.Operation) => {
    const definition = getMainDefinition(query);
    return definition.kind === 'OperationDefinition' && definition.operation === 'subscription';
  };
  const network = subscriptions ? ApolloLink.split(isSubscription, new GraphQLWsLink(subscriptions.socket), http) : http;
  return new ApolloClient({
    link: ApolloLink.from([...links, network]),
    cache: new InMemoryCache({ possibleTypes, ...cache, typePolicies: { ...paging(), ...cache?.typePolicies } }),
  });
}

function paging(): NonNullable<InMemoryCacheConfig['typePolicies']> {
  const policies = Object.entries(connections).map(([type, fields]) => {
    const merged = fields.map((field) => [field, relayStylePagination(listArguments)] as const);
    return [type, { fields: Object.fromEntries(merged) }] as const;
  });
  return Object.fromEntries(policies);
}
