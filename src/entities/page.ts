import { ArgsType, Field, ID, InputType, Int, ObjectType, registerEnumType, getMetadataStorage } from 'type-graphql';
import { listingOf, publishedType, type Direction, type Listing, type SearchGroup } from './listing.ts';
import { tooComplex } from '../errors.ts';
import { Kept } from './record.ts';
import { DateScalar, DateTimeScalar, DecimalScalar } from './scalars.ts';

/** What a client asks of a list. */
export interface Page {
  /** Comparisons by name; of a list whose filters are plain, values by name. */
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

/** How many rows a page has at most, and where it was asked for without a size. */
export const [largestPage, usualPage] = [100, 20];

/** How a filter's fields compare. */
export const comparisons = ['eq', 'in', 'gte', 'lte', 'contains', 'isNull'] as const;
export type Comparison = (typeof comparisons)[number];

export enum OrderDirection {
  ASC = 'ASC',
  DESC = 'DESC',
}

registerEnumType(OrderDirection, {
  name: 'OrderDirection',
  description:
    'The direction of an order. Text compares without regard to case, accents and apostrophes, and an enumeration by the order ' +
    'of its values; the id breaks ties.',
  valuesConfig: { ASC: { description: 'Least first.' }, DESC: { description: 'Greatest first.' } },
});

/** Where a page lies in its list. */
@ObjectType({ description: 'Where a page lies in its list.', simpleResolvers: true })
export class PageInfo {
  @Field(() => Boolean, { description: 'Whether more follow. Paging backwards, whether a `before` was given.' })
  hasNextPage!: boolean;

  @Field(() => Boolean, { description: 'Whether more precede. Paging forwards, whether an `after` was given.' })
  hasPreviousPage!: boolean;

  @Field(() => String, { nullable: true, description: 'The cursor of the first record of the page; null when it is empty.' })
  startCursor!: string | null;

  @Field(() => String, { nullable: true, description: 'The cursor of the last record of the page; null when it is empty.' })
  endCursor!: string | null;
}

/** A page of a list: what the reading side answers for every connection. */
export interface Connection<Row = object> {
  edges: { cursor: string; node: Row }[];
  nodes: Row[];
  pageInfo: PageInfo;
  totalCount: () => Promise<number>;
}

/** The connection type of an entity's list, `GrievanceConnection` for Grievance. */
export function connectionOf(entity: EntityClass): Class<Connection> {
  const name = entity.name;
  const edge = named(`${name}Edge`, class {});
  ObjectType(edge.name, { description: `One ${name} on a page.`, simpleResolvers: true })(edge);
  publish(edge, 'cursor', () => String, { description: 'Where the record stands in the list; opaque.' });
  publish(edge, 'node', () => entity, { description: 'The record.' });

  const connection = named(`${name}Connection`, class {} as Class<Connection>);
  ObjectType(connection.name, { description: `A page of a list of ${name}.`, simpleResolvers: true })(connection);
  publish(connection, 'edges', () => [edge], { description: 'The records with their cursors.' });
  publish(connection, 'nodes', () => [entity], { description: 'The records.' });
  publish(connection, 'pageInfo', () => PageInfo, { description: 'Where the page lies.' });
  publish(connection, 'totalCount', () => Int, {
    description: 'How many records the caller may see pass the filter, on all pages; counted only when asked.',
  });
  return connection;
}

/** The arguments of an entity's list: filter, order and page, made from how it is {@link listingOf listed}. */
export function pageOf(entity: EntityClass): Class<Page> {
  const listing = listingOf(entity);
  if (!listing) throw new Error(`${entity.name} is not listed`);
  const page = named(`${entity.name}Page`, class {} as Class<Page>);
  ArgsType()(page);
  const filter = filterOf(entity, listing);
  const [property, direction] = listing.by;
  publish(page, 'filter', () => filter, { nullable: true, description: 'Only records for which all of this holds.' });
  if (listing.order.length > 0) {
    const order = orderOf(entity, listing.order);
    publish(page, 'orderBy', () => order, {
      nullable: true,
      description: `The order; ${screaming(property)} ${direction} when left out.`,
    });
  }
  publish(page, 'first', () => Int, {
    nullable: true,
    description: `How many from the start, or after the cursor: 1 to ${largestPage}, ${usualPage} when neither first nor last is given.`,
  });
  publish(page, 'after', () => String, { nullable: true, description: 'A cursor: only what follows it. Goes with first.' });
  publish(page, 'last', () => Int, { nullable: true, description: `How many from the end, or before the cursor: 1 to ${largestPage}.` });
  publish(page, 'before', () => String, { nullable: true, description: 'A cursor: only what precedes it. Goes with last.' });
  if (entity.prototype instanceof Kept) publish(page, 'includeDeleted', () => Boolean, includeDeletedOptions);
  return page;
}

/** How an argument that shows deleted rows is described, wherever it stands. */
export const includeDeletedOptions = { defaultValue: false, description: 'Whether deleted records are among them; for admins.' };

/** `filedDate` → `FILED_DATE`. */
export const screaming = (property: string): string => property.replace(/([a-z0-9])([A-Z])/g, '$1_$2').toUpperCase();

/** The name under which a property is filtered: a relation by its id. */
export const filterName = (entity: EntityClass, property: string): string =>
  isRelation(published(entity, property).type) ? `${property}Id` : property;

function filterOf(entity: EntityClass, { filter: properties, plain, search }: Listing): Class<object> {
  const filter = named(`${entity.name}Filter`, class {} as Class<object>);
  InputType(filter.name, { description: `What a ${entity.name} must be like; all that is given must hold.` })(filter);
  for (const property of properties) {
    const { type } = published(entity, property);
    const comparison = plain ? valueOf(type) : comparisonOf(type);
    const description = `Only those whose \`${property}\` ${(plain ? equals : compares)(idOf(type))}.`;
    publish(filter, filterName(entity, property), () => comparison, { nullable: true, description });
  }
  for (const [name, [property, , description]] of Object.entries(plain ?? {})) {
    const { type } = published(entity, property);
    publish(filter, name, () => type, { nullable: true, description });
  }
  if (search) publish(filter, 'search', () => String, { nullable: true, description: searchOf(search) });
  return filter;
}

/** Words at most in one search, and characters. */
export const [mostWords, longestSearch] = [10, 200];

function searchOf(groups: readonly SearchGroup[]): string {
  const properties = groups.flatMap(({ texts, phones = [] }) => [...texts, ...phones]).map((property) => `\`${property}\``);
  return [
    `Finds records in which every word occurs in one of: ${properties.join(', ')}.`,
    'Parts of words match, in any order, without regard to case, accents and apostrophes.',
    ...(groups.some(({ phones }) => phones) ? ['A telephone number matches by its digits.'] : []),
    'Fields that are hidden from the caller are not searched.',
    `At most ${mostWords} words and ${longestSearch} characters; blank text filters nothing.`,
  ].join(' ');
}

/** The field by which a relation is filtered; null for what is none. */
function idOf(type: unknown): string | null {
  if (!isRelation(type)) return null;
  return 'userId' in ((type as EntityClass).prototype as object) ? 'user id' : 'id';
}

const equals = (id: string | null): string => (id === null ? 'is this' : `has this ${id}`);
const compares = (id: string | null): string => {
  if (id === null) return 'compares like this';
  return `has ${id === 'id' ? 'an' : 'a'} ${id} that compares like this`;
};

function orderOf(entity: EntityClass, properties: readonly string[]): Class<object> {
  const fields = Object.fromEntries(properties.map((property) => [screaming(property), property]));
  registerEnumType(fields, {
    name: `${entity.name}OrderField`,
    description: `What a list of ${entity.name} can be ordered by.`,
    valuesConfig: Object.fromEntries(
      properties.map((property) => [screaming(property), { description: published(entity, property).description }]),
    ),
  });
  const order = named(`${entity.name}Order`, class {} as Class<object>);
  InputType(order.name, { description: `An order of a list of ${entity.name}.` })(order);
  publish(order, 'field', () => fields, { description: 'By what.' });
  publish(order, 'direction', () => OrderDirection, { defaultValue: OrderDirection.ASC, description: 'Which way.' });
  return order;
}

interface Comparable {
  readonly name: string;
  readonly values: string;
  readonly by: readonly Comparison[];
}

const comparables = new Map<unknown, Comparable>([
  [String, { name: 'String', values: 'text', by: ['eq', 'in', 'contains', 'isNull'] }],
  [ID, { name: 'Id', values: 'id', by: ['eq', 'in', 'isNull'] }],
  [Int, { name: 'Int', values: 'number', by: ['eq', 'in', 'gte', 'lte', 'isNull'] }],
  [Boolean, { name: 'Boolean', values: 'truth value', by: ['eq'] }],
  [DateScalar, { name: 'Date', values: 'day', by: ['eq', 'in', 'gte', 'lte', 'isNull'] }],
  [DateTimeScalar, { name: 'DateTime', values: 'instant', by: ['gte', 'lte', 'isNull'] }],
  [DecimalScalar, { name: 'Decimal', values: 'amount', by: ['eq', 'in', 'gte', 'lte', 'isNull'] }],
]);

const comparisonTypes = new Map<unknown, Class<object>>();

/** The input type that compares values of a type: StringFilter, DateFilter, one for each enum. */
function comparisonOf(type: unknown): Class<object> {
  const valueType = valueOf(type);
  const known = comparisonTypes.get(valueType);
  if (known) return known;
  const { name, values, by } = comparables.get(valueType) ?? ofEnum(valueType);
  const comparison = named(`${name}Filter`, class {} as Class<object>);
  comparisonTypes.set(valueType, comparison);
  InputType(comparison.name, { description: `Compares a ${values}; all that is given must hold.` })(comparison);
  const sentences: Record<Comparison, string> = {
    eq: `Is this ${values}.`,
    in: 'Is one of these, at most 100.',
    gte: 'Is this or greater.',
    lte: 'Is this or less.',
    contains: 'Contains this text, without regard to case, accents and apostrophes.',
    isNull: 'Whether there is none.',
  };
  for (const operator of by) {
    const operandOf = { in: () => [valueType], isNull: () => Boolean } as Partial<Record<Comparison, () => unknown>>;
    publish(comparison, operator, operandOf[operator] ?? (() => valueType), { nullable: true, description: sentences[operator] });
  }
  return comparison;
}

function ofEnum(type: unknown): Comparable {
  const registered = getMetadataStorage().enums.find(({ enumObj }) => enumObj === type);
  if (!registered) throw new Error('Only scalars, enums and relations can be filtered by');
  return { name: registered.name, values: 'value', by: ['eq', 'in', 'isNull'] };
}

function published(entity: EntityClass, property: string): { type: unknown; description: string } {
  const found = publishedType(entity, property);
  if (!found) throw new Error(`${entity.name}.${property} is not published, so it cannot be listed by`);
  return found;
}

/** The type of a column's values: a relation's is the id. */
const valueOf = (type: unknown): unknown => (isRelation(type) ? ID : type);

const isRelation = (type: unknown): boolean => typeof type === 'function' && ![String, Number, Boolean, Date].includes(type as never);

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

/** How many objects an operation may still be answered beyond what its document was counted as. */
export class Allowance {
  /** Nothing is refused of a mutation's answer: the change is made by then. */
  left = Infinity;

  /** @throws TOO_COMPLEX */
  spend(objects: number): void {
    this.left -= objects;
    if (this.left < 0) throw tooComplex('The lists in the response exceed the object limit. Request fewer objects.');
  }
}
