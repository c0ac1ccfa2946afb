import type { IndexCallback } from '@mikro-orm/core';
import { Index } from '@mikro-orm/decorators/legacy';
import { Kept } from './record.ts';

export type Direction = 'ASC' | 'DESC';

/** How an entity is listed: the columns a client may filter and order by, and the order when it names none. */
export interface Listing {
  /** Property names; a relation is filtered by its id. */
  readonly filter: readonly string[];
  /** Names of required properties. */
  readonly order: readonly string[];
  readonly by: readonly [property: string, direction: Direction];
  /** Filters that are text, and may be asked for what they contain. */
  readonly texts?: readonly string[];
  /**
   * Where a filter is a plain value and no comparison: equality with each of `filter`, and beside those these names, with
   * what they compare, how, and in words.
   */
  readonly plain?: Readonly<Record<string, readonly [property: string, by: 'gte' | 'lte', description: string]>>;
  /**
   * Whether the ways in which somebody sees rows are read each by an index of its own, and the first of all of them
   * together are the page: no index has the rows of one way or another in their order.
   */
  readonly isReadApart?: boolean;
  /** Orders in which no two rows have the same value, so that a filter by one finds a row at most. */
  readonly unique?: readonly string[];
}

type EntityClass = abstract new (...args: never[]) => object;

const listings = new Map<EntityClass, Listing>();
const derivations = new Map<object, Map<string, readonly string[]>>();

/**
 * Publishes an entity as a list. Each named column gets an index composed for the keyset that the list pages by:
 * an order `(column, id)`, a filter `(column, default order, id)`; what a text contains is found by trigrams. Rows that
 * were deleted are in none of them, and in one of their own.
 */
export function Listed(listing: Listing) {
  return <T extends EntityClass>(entity: T): void => {
    listings.set(entity, listing);
    const isKept = entity.prototype instanceof Kept;
    const index = (options: object) => Index(options as never)(entity as never);
    for (const properties of keysOf(listing)) index({ properties, ...(isKept && { where: standing }) });
    if (isKept) index({ name: nameOf(entity, 'deleted'), properties: ['id'], where: 'deleted_at is not null' });
    if (listing.texts) index({ name: nameOf(entity, 'trigrams'), expression: trigramsOf(listing.texts, isKept) });
  };
}

const standing = 'deleted_at is null';

function keysOf({ filter, order, by: [first], unique = [] }: Listing): string[][] {
  const orders = new Set([first, ...order]);
  const filters = filter.filter((property) => property !== first && !unique.includes(property));
  return [...[...orders].map((property) => [property, 'id']), ...filters.map((property) => [property, first, 'id'])];
}

/** The collation is that of the comparison: the columns' own knows upper and lower case of ASCII alone. */
const trigramsOf =
  (texts: readonly string[], isKept: boolean): IndexCallback<Record<string, unknown>> =>
  (columns, table, name) => {
    const keys = texts.map((text) => `"${columns[text]}" collate "default" gin_trgm_ops`).join(', ');
    const index = `create index "${name}" on "${table.name}" using gin (${keys})${isKept ? ` where ${standing}` : ''}`;
    return `create extension if not exists pg_trgm;\n${index}`;
  };

/** `benevolence_application_deleted`. */
const nameOf = (entity: EntityClass, what: string): string => `${entity.name.replace(/(?<=[a-z])(?=[A-Z])/g, '_').toLowerCase()}_${what}`;

/** How this entity is listed, or undefined when it has no list. */
export const listingOf = (entity: EntityClass): Listing | undefined => listings.get(entity);

/**
 * Marks a getter, or a method that is given the viewer, as a published field computed from other columns:
 * a pure function of the properties it names, which are read whenever the field is asked.
 */
export function Derived(...properties: string[]) {
  return (prototype: object, name: string): void => {
    const own = derivations.get(prototype) ?? new Map<string, readonly string[]>();
    derivations.set(prototype, own.set(name, properties));
  };
}

/** The properties a derived field is computed from, or undefined when the field is a column. */
export function derivationOf(entity: EntityClass, field: string): readonly string[] | undefined {
  for (let prototype = entity.prototype as object | null; prototype; prototype = Object.getPrototypeOf(prototype) as object | null) {
    const found = derivations.get(prototype)?.get(field);
    if (found) return found;
  }
  return undefined;
}
