import type { IndexCallback } from '@mikro-orm/core';
import { Index } from '@mikro-orm/decorators/legacy';
import { getMetadataStorage } from 'type-graphql';
import { Kept } from './record.ts';
import { folded, separator } from './text.ts';

export type Direction = 'ASC' | 'DESC';

/** How an entity is listed: the columns that clients can filter and sort by, and the default order. */
export interface Listing {
  /** Property names; a relation is filtered by its id. */
  readonly filter: readonly string[];
  /** Names of required properties. */
  readonly order: readonly string[];
  readonly by: readonly [property: string, direction: Direction];
  /** Filters on text columns that support `contains`. */
  readonly texts?: readonly string[];
  /**
   * For lists whose filters are plain values instead of comparisons. Each of `filter` then means equality. These names
   * add further filters: the property, the comparison, and the description.
   */
  readonly plain?: Readonly<Record<string, readonly [property: string, by: 'gte' | 'lte', description: string]>>;
  /**
   * Whether to read the rows of each grant separately, each by its own index, and merge them into the page. No index
   * has the rows of several grants in their order.
   */
  readonly isReadPerGrant?: boolean;
  /** Text that is unique when case is ignored, so that a filter by it finds at most one row. */
  readonly unique?: readonly string[];
  /**
   * Text that is stored in a normalized form, with the function that normalizes it. The filters `eq` and `in` normalize
   * their operands.
   */
  readonly normalized?: Readonly<Record<string, (text: string) => string>>;
  /** For an order by text, the property that breaks ties: the first name after the last name. */
  readonly next?: Readonly<Record<string, string>>;
  /** Text orders that use their own SQL over the column. Unique text is then unique including its case. */
  readonly sorts?: Readonly<Record<string, (column: string) => string>>;
  /**
   * The groups of properties that the filter `search` covers. A group is searched only for viewers who see all of its
   * properties.
   */
  readonly search?: readonly SearchGroup[];
}

/** Properties that are searched together. */
export interface SearchGroup {
  readonly texts: readonly string[];
  /** Telephone numbers, which are compared by their digits only. */
  readonly phones?: readonly string[];
}

/** The sort expression: SQL over the columns, and its PostgreSQL type. */
export interface SortKey {
  readonly sql: (columnOf: (property: string) => string) => string;
  readonly type: 'int' | 'text';
}

type EntityClass = abstract new (...args: never[]) => object;

const listings = new Map<EntityClass, Listing>();
const derivations = new Map<object, Map<string, readonly string[]>>();

/**
 * Publishes an entity as a list. Adds indexes that match keyset pagination: `(sort key, id)` for each order, and
 * `(column, default order, id)` for each filter. `contains` and `search` use trigram indexes. Deleted rows are excluded
 * from these and have an index of their own.
 */
export function Listed(listing: Listing) {
  return <T extends EntityClass>(entity: T): void => {
    listings.set(entity, listing);
    const isKept = entity.prototype instanceof Kept;
    const where = isKept ? ` where ${standing}` : '';
    const index = (options: object) => Index(options as never)(entity as never);
    for (const { name, parts } of keysOf(entity, listing)) {
      if (parts.every((part) => typeof part === 'string'))
        index({ properties: parts, ...(isKept && { where: standing }) });
      else index({ name: nameOf(entity, name), expression: keyset(parts, where) });
    }
    if (isKept) index({ name: nameOf(entity, 'deleted'), properties: ['id'], where: 'deleted_at is not null' });
    const { texts = [], search = [] } = listing;
    if (texts.length > 0)
      index({ name: nameOf(entity, 'trigrams'), expression: trigrams(texts.map(foldedText), where) });
    if (search.length > 0)
      index({ name: nameOf(entity, 'search'), expression: trigrams(search.map(searchedText), where) });
  };
}

const standing = 'deleted_at is null';

/** SQL over the columns of properties. */
type OverColumns = (columnOf: (property: string) => string) => string;

interface Key {
  readonly name: string;
  /** A property, or SQL for its sort key. */
  readonly parts: readonly (string | OverColumns)[];
}

function keysOf(entity: EntityClass, { filter, order, by: [first], unique = [] }: Listing): Key[] {
  const sorted = (property: string): string | OverColumns => sortKeyOf(entity, property)?.sql ?? property;
  const isSortedAsItStands = sorted(first) === first;
  const filters = filter.filter(
    (property) => !unique.includes(property) && !(property === first && isSortedAsItStands),
  );
  return [
    ...[...new Set([first, ...order])].map((property) => ({ name: `by ${property}`, parts: [sorted(property), 'id'] })),
    ...filters.map((property) => ({ name: `${property} by ${first}`, parts: [property, sorted(first), 'id'] })),
  ];
}

/**
 * Returns the sort key of a property if it differs from the column: the position of an enum value; case-insensitive
 * text if the property is unique; for other text, also without accents and apostrophes.
 */
export function sortKeyOf(entity: EntityClass, property: string): SortKey | undefined {
  const { sorts = {}, unique = [], next = {} } = listings.get(entity) ?? {};
  const [given, type] = [sorts[property], publishedType(entity, property)?.type];
  if (given) return { type: 'text', sql: (columnOf) => given(columnOf(property)) };
  const values = getMetadataStorage().enums.some(({ enumObj }) => enumObj === type)
    ? Object.values(type as object)
    : undefined;
  if (values)
    return {
      type: 'int',
      sql: (columnOf) => `array_position(array[${values.map(quoted).join(', ')}]::text[], ${columnOf(property)})`,
    };
  if (type !== String) return undefined;
  if (unique.includes(property)) return { type: 'text', sql: (columnOf) => `lower(${columnOf(property)})` };
  const texts = [property, next[property] ?? []].flat();
  return {
    type: 'text',
    sql: (columnOf) => `((${texts.map((text) => folded(columnOf(text))).join(` || ${separator} || `)}) collate "C")`,
  };
}

const quoted = (value: unknown): string => `'${String(value)}'`;

const foldedText =
  (text: string): OverColumns =>
  (columnOf) =>
    folded(columnOf(text));

/** SQL for all texts of a search group in one text, with telephone numbers as digits. */
export const searchedText =
  ({ texts, phones = [] }: SearchGroup): OverColumns =>
  (columnOf) => {
    const given = (property: string) => `coalesce(${columnOf(property)}, '')`;
    const digits = phones.map((phone) => `regexp_replace(${given(phone)}, '[^0-9]', '', 'g')`);
    return `(${[folded(`(${texts.map(given).join(` || ' ' || `)})`), ...digits].join(` || ' ' || `)})`;
  };

type Expression = IndexCallback<Record<string, unknown>>;

const keyset =
  (parts: Key['parts'], where: string): Expression =>
  (columns, table, name) => {
    const keys = parts.map((part) =>
      typeof part === 'string' ? `"${columns[part]}"` : `(${part((property) => `"${columns[property]}"`)})`,
    );
    return `create index "${name}" on "${table.name}" (${keys.join(', ')})${where}`;
  };

const trigrams =
  (texts: readonly OverColumns[], where: string): Expression =>
  (columns, table, name) => {
    const keys = texts.map((text) => `(${text((property) => `"${columns[property]}"`)}) gin_trgm_ops`).join(', ');
    return `create extension if not exists pg_trgm;\ncreate index "${name}" on "${table.name}" using gin (${keys})${where}`;
  };

/** Builds the name of an index: `benevolence_application_deleted`, `member_status_by_last_name`. */
const nameOf = (entity: EntityClass, what: string): string =>
  `${entity.name} ${what}`.replace(/(?<=[a-z])(?=[A-Z])| /g, '_').toLowerCase();

/** Returns the type of a published property. Undefined if the property is not published. */
export function publishedType(entity: EntityClass, property: string): { type: unknown } | undefined {
  const { fields } = getMetadataStorage();
  for (
    let owner = entity as unknown;
    typeof owner === 'function' && owner !== Function.prototype;
    owner = Object.getPrototypeOf(owner)
  ) {
    const field = fields.find(({ target, name }) => target === owner && name === property);
    if (field) return { type: field.getType() };
  }
  return undefined;
}

/** Returns the listing of an entity. Undefined if it has no list. */
export const listingOf = (entity: EntityClass): Listing | undefined => listings.get(entity);

/**
 * Marks a getter, or a method that takes the viewer, as a published field that is computed from columns. It must be a
 * pure function of the named properties, which are loaded whenever the field is selected.
 */
export function Derived(...properties: string[]) {
  return (prototype: object, name: string): void => {
    const own = derivations.get(prototype) ?? new Map<string, readonly string[]>();
    derivations.set(prototype, own.set(name, properties));
  };
}

/** Returns the properties from which a derived field is computed. Undefined if the field is a column. */
export function derivationOf(entity: EntityClass, field: string): readonly string[] | undefined {
  for (
    let prototype = entity.prototype as object | null;
    prototype;
    prototype = Object.getPrototypeOf(prototype) as object | null
  ) {
    const found = derivations.get(prototype)?.get(field);
    if (found) return found;
  }
  return undefined;
}
