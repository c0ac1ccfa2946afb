import type { IndexCallback } from '@mikro-orm/core';
import { Index } from '@mikro-orm/decorators/legacy';
import { getMetadataStorage } from 'type-graphql';
import { Kept } from './record.ts';
import { folded, separator } from './text.ts';

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
  readonly isReadPerGrant?: boolean;
  /** Text that is unique without regard to case, so that a filter by one finds a row at most. */
  readonly unique?: readonly string[];
  /** Text that is stored in one form, with what brings a text into it: filters by `eq` and `in` compare with that. */
  readonly normalized?: Readonly<Record<string, (text: string) => string>>;
  /** Of an order by text, the property that comes next where two are the same: the first name after the last. */
  readonly next?: Readonly<Record<string, string>>;
  /** Orders by text that go by other SQL over the column than text does; what is unique among them is so with its case. */
  readonly sorts?: Readonly<Record<string, (column: string) => string>>;
  /** What the filter `search` looks through, in groups: each is looked through for those who see all of it. */
  readonly search?: readonly SearchGroup[];
}

/** Properties that are searched together. */
export interface SearchGroup {
  readonly texts: readonly string[];
  /** Telephone numbers, of which the digits alone count. */
  readonly phones?: readonly string[];
}

/** What rows are sorted by, as SQL over the columns, and its PostgreSQL type. */
export interface SortKey {
  readonly sql: (columnOf: (property: string) => string) => string;
  readonly type: 'int' | 'text';
}

type EntityClass = abstract new (...args: never[]) => object;

const listings = new Map<EntityClass, Listing>();
const derivations = new Map<object, Map<string, readonly string[]>>();

/**
 * Publishes an entity as a list. Each named column gets an index composed for the keyset that the list pages by:
 * an order `(sort key, id)`, a filter `(column, default order, id)`; what a text contains, and what is searched, is found by
 * trigrams. Rows that were deleted are in none of them, and in one of their own.
 */
export function Listed(listing: Listing) {
  return <T extends EntityClass>(entity: T): void => {
    listings.set(entity, listing);
    const isKept = entity.prototype instanceof Kept;
    const where = isKept ? ` where ${standing}` : '';
    const index = (options: object) => Index(options as never)(entity as never);
    for (const { name, parts } of keysOf(entity, listing)) {
      if (parts.every((part) => typeof part === 'string')) index({ properties: parts, ...(isKept && { where: standing }) });
      else index({ name: nameOf(entity, name), expression: keyset(parts, where) });
    }
    if (isKept) index({ name: nameOf(entity, 'deleted'), properties: ['id'], where: 'deleted_at is not null' });
    const { texts = [], search = [] } = listing;
    if (texts.length > 0) index({ name: nameOf(entity, 'trigrams'), expression: trigrams(texts.map(foldedText), where) });
    if (search.length > 0) index({ name: nameOf(entity, 'search'), expression: trigrams(search.map(searchedText), where) });
  };
}

const standing = 'deleted_at is null';

/** What an index or a statement makes of the columns of properties. */
type OverColumns = (columnOf: (property: string) => string) => string;

interface Key {
  readonly name: string;
  /** A property as it stands, or what it is sorted by. */
  readonly parts: readonly (string | OverColumns)[];
}

function keysOf(entity: EntityClass, { filter, order, by: [first], unique = [] }: Listing): Key[] {
  const sorted = (property: string): string | OverColumns => sortKeyOf(entity, property)?.sql ?? property;
  const isSortedAsItStands = sorted(first) === first;
  const filters = filter.filter((property) => !unique.includes(property) && !(property === first && isSortedAsItStands));
  return [
    ...[...new Set([first, ...order])].map((property) => ({ name: `by ${property}`, parts: [sorted(property), 'id'] })),
    ...filters.map((property) => ({ name: `${property} by ${first}`, parts: [property, sorted(first), 'id'] })),
  ];
}

/**
 * What rows are sorted by in the order of a property, where that is not the column as it stands: an enumeration by the
 * places of its values, what is unique without regard to case, other text without regard to accents and apostrophes either.
 */
export function sortKeyOf(entity: EntityClass, property: string): SortKey | undefined {
  const { sorts = {}, unique = [], next = {} } = listings.get(entity) ?? {};
  const [given, type] = [sorts[property], publishedType(entity, property)?.type];
  if (given) return { type: 'text', sql: (columnOf) => given(columnOf(property)) };
  const values = getMetadataStorage().enums.some(({ enumObj }) => enumObj === type) ? Object.values(type as object) : undefined;
  if (values)
    return { type: 'int', sql: (columnOf) => `array_position(array[${values.map(quoted).join(', ')}]::text[], ${columnOf(property)})` };
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

/** Everything of a group in one text, telephone numbers as their digits. */
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

/** `benevolence_application_deleted`, `member_status_by_last_name`. */
const nameOf = (entity: EntityClass, what: string): string => `${entity.name} ${what}`.replace(/(?<=[a-z])(?=[A-Z])| /g, '_').toLowerCase();

/** The type of a published property; undefined for what is not published. */
export function publishedType(entity: EntityClass, property: string): { type: unknown } | undefined {
  const { fields } = getMetadataStorage();
  for (let owner = entity as unknown; typeof owner === 'function' && owner !== Function.prototype; owner = Object.getPrototypeOf(owner)) {
    const field = fields.find(({ target, name }) => target === owner && name === property);
    if (field) return { type: field.getType() };
  }
  return undefined;
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
