import { ReferenceKind, type EntityMetadata, type EntityProperty, type MetadataStorage } from '@mikro-orm/core';
import {
  getNamedType,
  isNonNullType,
  isObjectType,
  type GraphQLField,
  type GraphQLObjectType,
  type GraphQLSchema,
} from 'graphql';
import { derivationOf, listingOf, sortKeyOf, type Listing } from '../entities/listing.ts';
import { Kept } from '../entities/record.ts';
import type { RowRule } from '../entities/rule.ts';

type EntityClass = RowRule['entity'];

/** A value of a row: a column, or an SQL expression over the row's alias. */
export interface Column {
  /** Returns the SQL for a row alias. */
  readonly sql: (row: string) => string;
  /** The PostgreSQL type for comparisons, without length. */
  readonly type: string;
  readonly isNullable: boolean;
  /** The sort value: the column itself, or an expression, for example the position of an enum value. */
  readonly sort: { readonly sql: (row: string) => string; readonly type: string };
  /** Whether it is text that is unique regardless of case, and so is compared regardless of case. */
  readonly isCaseless: boolean;
}

/** A field that leads from a row to other rows. */
export interface Relation {
  /** `one`: this row stores the id of the other. `many`: the other rows store the id of this one. */
  readonly kind: 'one' | 'many';
  /** The GraphQL type of the other rows. */
  readonly target: string;
  /** Whether the field has pages and arguments. */
  readonly isPaged: boolean;
  /** Whether the schema forbids null, so that a hidden list is empty instead of null. */
  readonly isPromised: boolean;
  /** For `many`: the column of the other table that stores this row's id, and the order of the rows. */
  readonly foreignKey?: string;
  readonly order?: readonly { readonly sql: (row: string) => string; readonly direction: 'asc' | 'desc' }[];
}

/** A field that the entity's getter or method computes from columns. */
export interface Derivation {
  readonly from: readonly string[];
  readonly compute: (row: object, viewer: unknown) => unknown;
}

/**
 * The data that reading needs about a GraphQL type whose objects are rows. Collected once, when the schema is built.
 */
export interface TypeMapping {
  readonly type: string;
  readonly entity: EntityClass;
  readonly table: string;
  readonly isKept: boolean;
  readonly rule: RowRule;
  readonly listing: Listing | undefined;
  readonly columns: ReadonlyMap<string, Column>;
  readonly relations: ReadonlyMap<string, Relation>;
  readonly derivations: ReadonlyMap<string, Derivation>;
}

export type TypeMappings = ReadonlyMap<string, TypeMapping>;

/** Maps every published type with a row rule, together with the entity's metadata. */
export function mappingsOf(schema: GraphQLSchema, metadata: MetadataStorage, rules: readonly RowRule[]): TypeMappings {
  const mappings = new Map<string, TypeMapping>();
  for (const rule of rules) {
    const type = schema.getType(rule.type);
    if (isObjectType(type)) mappings.set(rule.type, mappingOf(type, metadata.get(rule.entity as never), rule));
  }
  return mappings;
}

function mappingOf(type: GraphQLObjectType, meta: EntityMetadata, rule: RowRule): TypeMapping {
  const columns = new Map<string, Column>();
  const relations = new Map<string, Relation>();
  const derivations = new Map<string, Derivation>();
  for (const property of Object.values(meta.properties) as EntityProperty[]) {
    const column = columnOf(property, meta, rule.entity);
    if (column) columns.set(property.name, column);
  }
  for (const field of Object.values(type.getFields())) {
    const derivation =
      (rule.view && derivationFor(type, rule.view, field.name)) ?? derivationFor(type, rule.entity, field.name);
    if (derivation) derivations.set(field.name, derivation);
    const property = meta.properties[field.name as never] as EntityProperty | undefined;
    const relation = property && relationOf(property, field);
    if (relation) relations.set(field.name, relation);
  }
  return {
    type: type.name,
    entity: rule.entity,
    table: meta.tableName,
    isKept: rule.entity.prototype instanceof Kept,
    rule,
    listing: listingOf(rule.entity),
    columns,
    relations,
    derivations,
  };
}

function columnOf(property: EntityProperty, meta: EntityMetadata, entity: EntityClass): Column | undefined {
  const type = (property.columnTypes?.[0] ?? '').replace(/\(.*\)/, '');
  const isNullable = property.nullable ?? false;
  if (property.formula) {
    const formula = property.formula as (columns: Record<string, string>, table: { alias: string }) => unknown;
    const sql = (row: string) => `(${String(formula(namesOf(meta, row), { alias: row }))})`;
    return { sql, type, isNullable: true, sort: { sql, type }, isCaseless: false };
  }
  const isReference = isToOne(property) && property.owner !== false;
  if (property.kind !== ReferenceKind.SCALAR && !isReference) return undefined;
  const column = { sql: (row: string) => columnName(property, row), type: isReference ? 'uuid' : type };
  const sort = isReference ? column : (sortOf(property, meta, entity) ?? column);
  const { unique = [], sorts = {} } = listingOf(entity) ?? {};
  return { ...column, isNullable, sort, isCaseless: unique.includes(property.name) && !(property.name in sorts) };
}

/** Returns the sort expression of a property, if rows are not sorted by its column itself. */
function sortOf({ name }: EntityProperty, meta: EntityMetadata, entity: EntityClass): Column['sort'] | undefined {
  const key = sortKeyOf(entity, name);
  const nameOf = (property: string, row: string) =>
    columnName(meta.properties[property as never] as EntityProperty, row);
  return key && { type: key.type, sql: (row) => key.sql((property) => nameOf(property, row)) };
}

const columnName = (property: EntityProperty, row: string): string => `${row}."${property.fieldNames[0]}"`;

/** Returns the argument of a formula: the column of each property under the row's alias. */
const namesOf = (meta: EntityMetadata, row: string): Record<string, string> =>
  Object.fromEntries(
    (Object.values(meta.properties) as EntityProperty[])
      .filter(({ fieldNames, formula }) => fieldNames?.length === 1 && !formula)
      .map((property) => [property.name, columnName(property, row)]),
  );

const isToOne = ({ kind }: EntityProperty): boolean =>
  kind === ReferenceKind.MANY_TO_ONE || kind === ReferenceKind.ONE_TO_ONE;

function relationOf(property: EntityProperty, field: GraphQLField<unknown, unknown>): Relation | undefined {
  const inner = isNonNullType(field.type) ? field.type.ofType : field.type;
  const isPromised = isNonNullType(field.type);
  if (isToOne(property) && isObjectType(inner)) return { kind: 'one', target: inner.name, isPaged: false, isPromised };
  if (property.kind !== ReferenceKind.ONE_TO_MANY) return undefined;
  const target = property.targetMeta as EntityMetadata;
  const inverse = target.properties[property.mappedBy as never] as EntityProperty;
  const order = [property.orderBy ?? []]
    .flat()
    .flatMap((each) => Object.entries(each as Record<string, 'asc' | 'desc'>));
  return {
    kind: 'many',
    isPaged: field.args.length > 0,
    isPromised,
    target: getNamedType(field.type).name.replace(/Connection$/, ''),
    foreignKey: inverse.fieldNames[0] as string,
    order: order.map(([name, direction]) => {
      const column = target.properties[name as never] as EntityProperty;
      return {
        sql: sortOf(column, target, target.class as EntityClass)?.sql ?? ((row) => columnName(column, row)),
        direction,
      };
    }),
  };
}

function derivationFor(type: GraphQLObjectType, entity: EntityClass, field: string): Derivation | undefined {
  const from = derivationOf(entity, field);
  if (!from) return undefined;
  const descriptor = findDescriptor(entity.prototype as object, field);
  if (descriptor?.get) return { from, compute: (row) => descriptor.get?.call(row) as unknown };
  const method = descriptor?.value as ((viewer: unknown) => unknown) | undefined;
  if (method) return { from, compute: (row, viewer) => method.call(row, viewer) };
  throw new Error(`${type.name}.${field} is derived, but is neither a getter nor a method`);
}

function findDescriptor(prototype: object | null, name: string): PropertyDescriptor | undefined {
  if (prototype === null) return undefined;
  return (
    Object.getOwnPropertyDescriptor(prototype, name) ??
    findDescriptor(Object.getPrototypeOf(prototype) as object | null, name)
  );
}
