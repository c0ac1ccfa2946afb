import { isInterfaceType, isObjectType, type GraphQLSchema } from 'graphql';
import type { Connection } from '../entities/page.ts';
import { derivedOf, relationOf } from './reader.ts';
import type { Row } from './row.ts';
import type { TypeMappings } from './mapping.ts';

/**
 * Adds resolvers for every published relation and derived field of every type, so that relations are declared only
 * once, in the entity. Fields with arguments keep their own resolver. The count and the edges of a list are computed
 * when their field is resolved, so that an error there affects only that field, also in compiled queries. A row of an
 * interface returns its type name.
 */
export function attachReading(schema: GraphQLSchema, mappings: TypeMappings): void {
  for (const type of Object.values(schema.getTypeMap())) {
    // TypeGraphQL's own is asynchronous, which graphql-jit does not support
    if (isInterfaceType(type)) type.resolveType = ({ __typename }: { readonly __typename: string }) => __typename;
    const made = isObjectType(type) && type.name.endsWith('Connection') ? type.getFields() : {};
    if (made['totalCount']) made['totalCount'].resolve = ({ totalCount }: Connection<Row>) => totalCount();
    if (made['edges']) made['edges'].resolve = ({ edges }: Connection<Row>) => edges;
    if (made['pageInfo']) made['pageInfo'].resolve = ({ pageInfo }: Connection<Row>) => pageInfo;
  }
  for (const mapping of mappings.values()) {
    const type = schema.getType(mapping.type);
    if (!isObjectType(type)) continue;
    for (const field of Object.values(type.getFields())) {
      const { name } = field;
      if (field.args.length > 0) continue;
      if (mapping.derivations.has(name)) field.resolve = (row: Row) => derivedOf(row, name);
      else if (mapping.relations.has(name)) field.resolve = (row: Row) => relationOf(row, name);
    }
  }
}
