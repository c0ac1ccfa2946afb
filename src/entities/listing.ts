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
}

type EntityClass = abstract new (...args: never[]) => object;

const listings = new Map<EntityClass, Listing>();
const derivations = new Map<object, Map<string, readonly string[]>>();

/**
 * Publishes an entity as a list. Each named column gets an index composed for the keyset that the list pages by:
 * an order `(column, id)`, a filter `(column, default order, id)`; rows that were deleted are in none of them.
 */
export function Listed(listing: Listing) {
  return <T extends EntityClass>(entity: T): void => {
    listings.set(entity, listing);
    const [byProperty] = listing.by;
    const keys = new Map<string, string[]>();
    for (const property of new Set([byProperty, ...listing.order])) keys.set(property, [property, 'id']);
    for (const property of listing.filter) {
      if (keys.has(property)) continue;
      keys.set(property, [property, byProperty, 'id']);
    }
    const where = entity.prototype instanceof Kept ? { where: 'deleted_at is null' } : {};
    for (const properties of keys.values()) Index({ properties, ...where } as never)(entity as never);
  };
}

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
