import { ArgsType, Field, ID, InputType, Int, ObjectType, registerEnumType, getMetadataStorage } from 'type-graphql';
import { listingOf, publishedType, type Direction, type Listing, type SearchGroup } from './listing.ts';
import { tooComplex } from '../errors.ts';
import { Kept } from './record.ts';
import { DateScalar, DateTimeScalar, DecimalScalar } from './scalars.ts';

/** The arguments of a list. */
export interface Page {
  /** Comparisons by name. For a list with plain filters, values by name. */
  filter?: Readonly<Record<string, unknown>> | null;
  orderBy?: { field: string; direction: Direction } | null;
  first?: number | null;
  after?: string | null;
  last?: number | null;
  before?: string | null;
  includeDeleted?: boolean;
}

type EntityClass = abstract new (...args: never[]) => object;
type Class<T> = new () => T;

/** The maximum and the default number of rows per page. */
export const [largestPage, usualPage] = [100, 20];

/** The operators of filter fields. */
export const comparisons = ['eq', 'in', 'notIn', 'gte', 'lte', 'contains', 'isNull'] as const;
export type Comparison = (typeof comparisons)[number];

export enum OrderDirection {
  ASC = 'ASC',
  DESC = 'DESC',
}

registerEnumType(OrderDirection, {
  name: 'OrderDirection',
  description:
    'A sort direction. Text sorts without regard to case, accents, and apostrophes. Enum values sort ' +
    'in their domain order. The id breaks ties.',
  valuesConfig: {
    ASC: { description: 'Ascending: smallest first.' },
    DESC: { description: 'Descending: largest first.' },
  },
});

/** The position of a page in its list. */
@ObjectType({ description: 'The position of a page in its list.', simpleResolvers: true })
export class PageInfo {
  @Field(() => Boolean, {
    description: 'Whether more records follow this page. When paging backwards, whether `before` was given.',
  })
  hasNextPage!: boolean;

  @Field(() => Boolean, {
    description: 'Whether more records precede this page. When paging forwards, whether `after` was given.',
  })
  hasPreviousPage!: boolean;

  @Field(() => String, {
    nullable: true,
    description: 'The cursor of the first record on the page. Null if the page is empty.',
  })
  startCursor!: string | null;

  @Field(() => String, {
    nullable: true,
    description: 'The cursor of the last record on the page. Null if the page is empty.',
  })
  endCursor!: string | null;
}

/** A page of a list, as reading returns it for every connection. */
export interface Connection<Row = object> {
  edges: { cursor: string; node: Row }[];
  nodes: Row[];
  pageInfo: PageInfo;
  totalCount: () => Promise<number>;
}

/** Returns the connection type of an entity's list: `GrievanceConnection` for Grievance. */
export function connectionOf(entity: EntityClass): Class<Connection> {
  const name = entity.name;
  const edge = named(`${name}Edge`, class {});
  ObjectType(edge.name, { description: `A record of type ${name} and its cursor.`, simpleResolvers: true })(edge);
  publish(edge, 'cursor', () => String, { description: 'The opaque cursor of the record, for `after` and `before`.' });
  publish(edge, 'node', () => entity, { description: 'The record.' });

  const connection = named(`${name}Connection`, class {} as Class<Connection>);
  ObjectType(connection.name, { description: `A page of ${name} records.`, simpleResolvers: true })(connection);
  publish(connection, 'edges', () => [edge], { description: 'The records on the page with their cursors.' });
  publish(connection, 'nodes', () => [entity], { description: 'The records on the page.' });
  publish(connection, 'pageInfo', () => PageInfo, { description: 'The position of the page in the list.' });
  publish(connection, 'totalCount', () => Int, {
    description:
      'The number of matching records that the caller can see, across all pages. Computed only when requested.',
  });
  return connection;
}

/** Returns the arguments of an entity's list: filter, order and page. Built from its {@link listingOf listing}. */
export function pageOf(entity: EntityClass): Class<Page> {
  const listing = listingOf(entity);
  if (!listing) throw new Error(`${entity.name} is not listed`);
  const page = named(`${entity.name}Page`, class {} as Class<Page>);
  ArgsType()(page);
  const filter = filterOf(entity, listing);
  const [property, direction] = listing.by;
  publish(page, 'filter', () => filter, { nullable: true, description: 'Restricts the list to matching records.' });
  if (listing.order.length > 0) {
    const order = orderOf(entity, listing.order);
    publish(page, 'orderBy', () => order, {
      nullable: true,
      description: `The sort order. Defaults to ${toConstantCase(property)} ${direction}.`,
    });
  }
  publish(page, 'first', () => Int, {
    nullable: true,
    description:
      `Returns this many records from the start of the list or after the cursor: 1 to ${largestPage}. ` +
      `Defaults to ${usualPage} if \`last\` is not given.`,
  });
  publish(page, 'after', () => String, {
    nullable: true,
    description: 'Returns records after this cursor. Use it with `first`.',
  });
  publish(page, 'last', () => Int, {
    nullable: true,
    description: `Returns this many records from the end of the list or before the cursor: 1 to ${largestPage}.`,
  });
  publish(page, 'before', () => String, {
    nullable: true,
    description: 'Returns records before this cursor. Use it with `last`.',
  });
  if (entity.prototype instanceof Kept) publish(page, 'includeDeleted', () => Boolean, includeDeletedOptions);
  return page;
}

/** The description of every argument that includes deleted rows. */
export const includeDeletedOptions = {
  defaultValue: false,
  description: 'Whether to include deleted records. Fails with FORBIDDEN unless the caller is an admin.',
};

/** `filedDate` → `FILED_DATE`. */
export const toConstantCase = (property: string): string =>
  property.replace(/([a-z0-9])([A-Z])/g, '$1_$2').toUpperCase();

/** Returns the filter name of a property. A relation is filtered by its id. */
export const filterName = (entity: EntityClass, property: string): string =>
  isRelation(published(entity, property).type) ? `${property}Id` : property;

/** The maximum number of comparisons in one `or` or `not`. An alternative without comparisons counts as one. */
export const mostNested = 50;

function filterOf(entity: EntityClass, listing: Listing): Class<object> {
  const filter = conditionsOf(entity, 'Filter', listing);
  const { plain, search } = listing;
  if (search) publish(filter, 'search', () => String, { nullable: true, description: searchOf(search) });
  if (plain) return filter;
  // A separate type: an input type that contains itself could be nested without limit.
  const condition = conditionsOf(entity, 'Condition', listing);
  const most = `At most ${mostNested} comparisons.`;
  publish(filter, 'or', () => [condition], {
    nullable: true,
    description: `Matches records that meet at least one of these conditions. An empty list matches nothing. ${most}`,
  });
  publish(filter, 'not', () => [condition], {
    nullable: true,
    description: `Matches records that meet none of these conditions. ${most}`,
  });
  return filter;
}

/** Builds an input type with a field for each filter of a listing. */
function conditionsOf(
  entity: EntityClass,
  suffix: 'Filter' | 'Condition',
  { filter: properties, plain }: Listing,
): Class<object> {
  const filter = named(`${entity.name}${suffix}`, class {} as Class<object>);
  const description = `Conditions for ${entity.name} records. A record must meet all of them. A null condition has no effect.`;
  InputType(filter.name, { description })(filter);
  for (const property of properties) {
    const { type } = published(entity, property);
    const comparison = plain ? valueOf(type) : comparisonOf(type);
    const description = `Matches ${idOf(type)}\`${property}\`.`;
    publish(filter, filterName(entity, property), () => comparison, { nullable: true, description });
  }
  for (const [name, [property, , description]] of Object.entries(plain ?? {})) {
    const { type } = published(entity, property);
    publish(filter, name, () => type, { nullable: true, description });
  }
  return filter;
}

/** The maximum number of words and of characters in one search. */
export const [mostWords, longestSearch] = [10, 200];

function searchOf(groups: readonly SearchGroup[]): string {
  const properties = groups
    .flatMap(({ texts, phones = [] }) => [...texts, ...phones])
    .map((property) => `\`${property}\``);
  return [
    `Matches records that contain every word of this text in ${properties.slice(0, -1).join(', ')}, or ${properties.at(-1)}.`,
    'Parts of words match, in any order. Ignores case, accents, and apostrophes.',
    ...(groups.some(({ phones }) => phones) ? ['Telephone numbers match by digits only.'] : []),
    'Does not search fields that are hidden from the caller.',
    `At most ${mostWords} words and ${longestSearch} characters. Blank text has no effect.`,
  ].join(' ');
}

/** Names the id by which a relation is filtered. Empty for other properties. */
function idOf(type: unknown): string {
  if (!isRelation(type)) return '';
  return 'userId' in ((type as EntityClass).prototype as object) ? 'the user id of ' : 'the id of ';
}

function orderOf(entity: EntityClass, properties: readonly string[]): Class<object> {
  const fields = Object.fromEntries(properties.map((property) => [toConstantCase(property), property]));
  registerEnumType(fields, {
    name: `${entity.name}OrderField`,
    description: `The fields by which ${entity.name} records can be sorted.`,
    valuesConfig: Object.fromEntries(
      properties.map((property) => [toConstantCase(property), { description: `Sorts by \`${property}\`.` }]),
    ),
  });
  const order = named(`${entity.name}Order`, class {} as Class<object>);
  InputType(order.name, { description: `A sort order for ${entity.name} records.` })(order);
  publish(order, 'field', () => fields, { description: 'The field to sort by.' });
  publish(order, 'direction', () => OrderDirection, {
    defaultValue: OrderDirection.ASC,
    description: 'The sort direction.',
  });
  return order;
}

interface Comparable {
  readonly name: string;
  readonly values: string;
  readonly by: readonly Comparison[];
}

const comparables = new Map<unknown, Comparable>([
  [String, { name: 'String', values: 'a text', by: ['eq', 'in', 'notIn', 'contains', 'isNull'] }],
  [ID, { name: 'Id', values: 'an id', by: ['eq', 'in', 'notIn', 'isNull'] }],
  [Int, { name: 'Int', values: 'a number', by: ['eq', 'in', 'notIn', 'gte', 'lte', 'isNull'] }],
  [Boolean, { name: 'Boolean', values: 'a Boolean', by: ['eq'] }],
  [DateScalar, { name: 'Date', values: 'a date', by: ['eq', 'in', 'notIn', 'gte', 'lte', 'isNull'] }],
  [DateTimeScalar, { name: 'DateTime', values: 'a date and time', by: ['gte', 'lte', 'isNull'] }],
  [DecimalScalar, { name: 'Decimal', values: 'an amount of money', by: ['eq', 'in', 'notIn', 'gte', 'lte', 'isNull'] }],
]);

const comparisonTypes = new Map<unknown, Class<object>>();

/** Returns the input type with the comparisons for a value type: StringFilter, DateFilter, one per enum. */
function comparisonOf(type: unknown): Class<object> {
  const valueType = valueOf(type);
  const known = comparisonTypes.get(valueType);
  if (known) return known;
  const { name, values, by } = comparables.get(valueType) ?? ofEnum(valueType);
  const comparison = named(`${name}Filter`, class {} as Class<object>);
  comparisonTypes.set(valueType, comparison);
  const description = `Conditions for ${values}. The value must meet all of them. A null operand has no effect, as if it were omitted.`;
  InputType(comparison.name, { description })(comparison);
  const sentences: Record<Comparison, string> = {
    eq: 'Equals this value.',
    in: 'Equals one of these values, at most 100.',
    notIn: 'Equals none of these values, at most 100. Also matches null and hidden values.',
    gte: 'Is greater than or equal to this value.',
    lte: 'Is less than or equal to this value.',
    contains: 'Contains this text. Ignores case, accents, and apostrophes.',
    isNull: 'True matches only null; false matches only other values.',
  };
  for (const operator of by) {
    const operandOf = { in: () => [valueType], notIn: () => [valueType], isNull: () => Boolean } as Partial<
      Record<Comparison, () => unknown>
    >;
    publish(comparison, operator, operandOf[operator] ?? (() => valueType), {
      nullable: true,
      description: sentences[operator],
    });
  }
  return comparison;
}

function ofEnum(type: unknown): Comparable {
  const registered = getMetadataStorage().enums.find(({ enumObj }) => enumObj === type);
  if (!registered) throw new Error('Only scalars, enums and relations can be filtered by');
  return {
    name: registered.name,
    values: `${/^[AEIOU]/.test(registered.name) ? 'an' : 'a'} ${registered.name} value`,
    by: ['eq', 'in', 'notIn', 'isNull'],
  };
}

function published(entity: EntityClass, property: string): { type: unknown } {
  const found = publishedType(entity, property);
  if (!found) throw new Error(`${entity.name}.${property} is not published, so it cannot be listed by`);
  return found;
}

/** Returns the type of a column's values: the id for a relation. */
const valueOf = (type: unknown): unknown => (isRelation(type) ? ID : type);

const isRelation = (type: unknown): boolean =>
  typeof type === 'function' && ![String, Number, Boolean, Date].includes(type as never);

function named<T extends Class<object>>(name: string, type: T): T {
  return Object.defineProperty(type, 'name', { value: name });
}

function publish(
  type: Class<object>,
  property: string,
  of: () => unknown,
  options: { nullable?: boolean; defaultValue?: unknown; description: string },
): void {
  Field(of as never, options)(type.prototype as object, property);
}

/** The number of objects that a response may still contain beyond the static count of its document. */
export class Allowance {
  /** Unlimited for mutations: their change has already been made. */
  left = Infinity;

  /** Resolves when the earlier lists have been counted. */
  #counted: Promise<unknown> = Promise.resolve();

  /** @throws TOO_COMPLEX */
  spend(objects: number): void {
    this.left -= objects;
    if (this.left < 0) throw tooComplex('The lists in the response exceed the object limit. Request fewer objects.');
  }

  /**
   * Reads a long list once its length is known. Lists are counted one after another, and each reserves its objects
   * while it is read. After one list is refused, no other is counted. The objects of a list are spent when they are
   * answered.
   * @param length the number of objects beyond the static count of the list.
   * @throws TOO_COMPLEX before anything is read.
   */
  async read<T>(length: () => Promise<number>, read: () => Promise<T>): Promise<T> {
    const counted = this.#counted.then(async () => {
      this.spend(0);
      const objects = await length();
      this.spend(objects);
      return objects;
    });
    this.#counted = counted.catch(() => {});
    const objects = await counted;
    try {
      return await read();
    } finally {
      this.left += objects;
    }
  }
}
