import type { ApolloServerPlugin, BaseContext, GraphQLRequestContext } from '@apollo/server';
import { Kind, type DocumentNode, type SelectionSetNode } from 'graphql';
import type { Viewer } from '../entities/viewer.ts';
import { LRUCache } from 'lru-cache';
import { fragmentsOf } from './selection.ts';

/** Bytes of heap that the documents may take with all that hangs on them, as {@link bytesOf} estimates it. */
const defaultCapacity = 64_000_000;

/** What Apollo keeps values in. */
interface Store<Value> {
  get(key: string): Promise<Value | undefined>;
  set(key: string, value: Value): Promise<void>;
  delete(key: string): Promise<boolean>;
}

interface ViewerContext extends BaseContext {
  readonly viewer: Pick<Viewer, 'isAnonymous'>;
}

/**
 * Keeps parsed documents, so that what clients send again and again is parsed, validated, planned and compiled once: plans
 * and compiled queries hang on the document weakly. A document is kept once a signed-in caller was answered it without
 * errors, so nobody else can fill the cache. The same documents are the persisted queries, as both are found by their hash.
 */
export class Documents<Context extends ViewerContext> {
  readonly #kept: LRUCache<string, DocumentNode>;

  constructor(capacity = defaultCapacity) {
    this.#kept = new LRUCache({ maxSize: capacity, maxEntrySize: capacity / 10 });
  }

  /** The estimated bytes of all documents that are kept. */
  get bytes(): number {
    return this.#kept.calculatedSize;
  }

  /** Apollo's store of parsed documents. Apollo stores every valid document, from any caller: that is ignored. */
  readonly parsed: Store<DocumentNode> = {
    get: async (key) => this.#kept.get(hashIn(key)),
    set: async () => {},
    delete: async () => false,
  };

  /** Apollo's store of persisted queries, which it would fill with whatever is sent with a hash. */
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
    // a subscription is answered elsewhere, and parsed once for each
    if (!operation || operation.operation === 'subscription') return;
    const { body } = response;
    const hasErrors = errors !== undefined || body?.kind !== 'single' || body.singleResult.errors !== undefined;
    if (!hasErrors && this.#kept.get(queryHash) !== document)
      this.#kept.set(queryHash, document, { size: bytesOf(document) });
  }
}

/** Apollo puts a prefix before a hash. */
const hashIn = (key: string): string => key.slice(key.lastIndexOf(':') + 1);

/** Bytes of heap, rounded up: of a character, of a token once it is parsed, and of a field once it is planned and compiled. */
const [perCharacter, perToken, perField] = [2, 500, 4_000];

/**
 * How much of the heap a document takes once it is planned and compiled. Fields count where their fragments are spread:
 * each time, they are planned and compiled.
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
