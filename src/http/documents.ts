import type { ApolloServerPlugin, BaseContext, GraphQLRequestContext } from '@apollo/server';
import { Kind, type DocumentNode, type SelectionSetNode } from 'graphql';
import type { Viewer } from '../entities/viewer.ts';
import { LRUCache } from 'lru-cache';
import { fragmentsOf } from './selection.ts';

/** The heap, in bytes, that documents and everything attached to them may use, as {@link bytesOf} estimates it. */
const defaultCapacity = 64_000_000;

/** Apollo's interface of a cache. */
interface Store<Value> {
  get(key: string): Promise<Value | undefined>;
  set(key: string, value: Value): Promise<void>;
  delete(key: string): Promise<boolean>;
}

interface ViewerContext extends BaseContext {
  readonly viewer: Pick<Viewer, 'isAnonymous'>;
}

/**
 * Caches parsed documents, so that a document that clients send again is parsed, validated, planned and compiled only
 * once. Plans and compiled queries are attached to the document by weak references. A document is cached after a
 * signed-in caller received an answer without errors, so nobody else can fill the cache. Persisted queries use the same
 * cache, because both are found by their hash.
 */
export class Documents<Context extends ViewerContext> {
  readonly #kept: LRUCache<string, DocumentNode>;

  constructor(capacity = defaultCapacity) {
    this.#kept = new LRUCache({ maxSize: capacity, maxEntrySize: capacity / 10 });
  }

  /** The estimated size of all cached documents, in bytes. */
  get bytes(): number {
    return this.#kept.calculatedSize;
  }

  /**
   * Apollo's cache of parsed documents. Apollo would store every valid document of any caller, so writes are ignored.
   */
  readonly parsed: Store<DocumentNode> = {
    get: async (key) => this.#kept.get(hashIn(key)),
    set: async () => {},
    delete: async () => false,
  };

  /**
   * Apollo's cache of persisted queries. Apollo would store anything that is sent with a hash, so writes are ignored.
   */
  readonly persisted: Store<string> = {
    get: async (key) => this.#kept.get(hashIn(key))?.loc?.source.body,
    set: async () => {},
    delete: async () => false,
  };

  readonly plugin: ApolloServerPlugin<Context> = {
    requestDidStart: async () => ({ willSendResponse: async (request) => this.#keep(request) }),
  };

  #keep({ document, queryHash, operation, errors, response, contextValue }: GraphQLRequestContext<Context>): void {
    if (!document || queryHash === undefined || contextValue.viewer.isAnonymous) return;
    // a subscription is answered elsewhere, and is parsed once
    if (!operation || operation.operation === 'subscription') return;
    const { body } = response;
    const hasErrors = errors !== undefined || body?.kind !== 'single' || body.singleResult.errors !== undefined;
    if (!hasErrors && this.#kept.get(queryHash) !== document)
      this.#kept.set(queryHash, document, { size: bytesOf(document) });
  }
}

/** Removes the prefix that Apollo adds to a hash. */
const hashIn = (key: string): string => key.slice(key.lastIndexOf(':') + 1);

/** The heap, in bytes and rounded up: per character, per parsed token, and per planned and compiled field. */
const [perCharacter, perToken, perField] = [2, 500, 4_000];

/**
 * Estimates the heap that a document uses after it is planned and compiled. The fields of a fragment count at each
 * spread, because they are planned and compiled each time.
 */
export function bytesOf(document: DocumentNode): number {
  const fragments = fragmentsOf(document);
  const known = new Map<string, number>();
  const inFragment = (name: string): number => {
    const found = known.get(name) ?? fieldsIn(fragments.get(name)?.selectionSet);
    known.set(name, found);
    return found;
  };
  const fieldsIn = (set: SelectionSetNode | undefined): number =>
    (set?.selections ?? []).reduce(
      (sum, each) =>
        sum +
        (each.kind === Kind.FRAGMENT_SPREAD
          ? inFragment(each.name.value)
          : Number(each.kind === Kind.FIELD) + fieldsIn(each.selectionSet)),
      0,
    );
  const fields = document.definitions.reduce(
    (sum, each) => sum + (each.kind === Kind.OPERATION_DEFINITION ? fieldsIn(each.selectionSet) : 0),
    0,
  );
  const { source, startToken } = document.loc ?? {};
  let tokens = 0;
  for (let token = startToken; token; token = token.next ?? undefined) tokens += 1;
  return (source?.body.length ?? 0) * perCharacter + tokens * perToken + fields * perField;
}
