import { readFile } from 'node:fs/promises';
import { z } from 'zod';
import { ConfigError } from '../config.ts';

/** Apollo's interface of the cache of persisted queries. */
interface Persisted {
  get(key: string): Promise<string | undefined>;
  set(key: string, value: string): Promise<void>;
  delete(key: string): Promise<boolean>;
}

/**
 * `@apollo/generate-persisted-query-manifest` writes the first form, and the client preset of GraphQL Code Generator
 * the second.
 */
const manifest = z.union([
  z.object({
    format: z.literal('apollo-persisted-query-manifest'),
    version: z.literal(1),
    operations: z.array(z.object({ id: z.string().min(1), body: z.string().min(1) })),
  }),
  z.record(z.string().min(1), z.string().min(1)),
]);

/** The only documents that may be executed, sent in full or by their id in a manifest. */
export class TrustedDocuments {
  readonly #byId: ReadonlyMap<string, string>;
  readonly #texts: ReadonlySet<string>;

  constructor(documents: Iterable<readonly [id: string, text: string]>) {
    this.#byId = new Map(documents);
    this.#texts = new Set(this.#byId.values());
  }

  has(text: string): boolean {
    return this.#texts.has(text);
  }

  /** Apollo's cache of persisted queries. Nothing is added to it. */
  readonly persisted: Persisted = {
    get: async (key) => this.#byId.get(key.slice('apq:'.length)),
    set: async () => {},
    delete: async () => false,
  };
}

/**
 * Reads a manifest.
 * @param path null if no manifest is configured.
 * @throws {ConfigError} if the file cannot be read or has another form.
 */
export async function readTrusted(path: string | null): Promise<TrustedDocuments | null> {
  if (path === null) return null;
  const text = await readFile(path, 'utf8').catch((error: NodeJS.ErrnoException) => {
    throw new ConfigError([`TRUSTED_DOCUMENTS names a file that cannot be read (${error.code ?? error.name})`]);
  });
  const { success, data } = manifest.safeParse(jsonOf(text));
  if (!success) throw new ConfigError(['TRUSTED_DOCUMENTS must name a manifest of persisted documents']);
  return new TrustedDocuments(
    'operations' in data && Array.isArray(data.operations)
      ? data.operations.map(({ id, body }) => [id, body])
      : Object.entries(data as Record<string, string>),
  );
}

function jsonOf(text: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch {
    return undefined;
  }
}
