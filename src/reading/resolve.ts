import { isInterfaceType, isObjectType, type GraphQLSchema } from 'graphql';
import type { Connection } from '../entities/page.ts';
import { derivedOf, relationOf } from './reader.ts';
import type { Row } from './row.ts';
import type { TypeMappings } from './mapping.ts';

/**
 * Lets the reading side answer every published relation and derived field of every type: relations are declared
 * once, in the entity, and need no resolver of their own. Fields with arguments keep the resolver they have. How many rows
 * a list has on all its pages is counted when it is asked, and its edges are made: what fails there fails that field alone,
 * compiled too. A row that stands for an interface names its type.
 */
export function attachReading(schema: GraphQLSchema, mappings: TypeMappings): void {
  for (const type of Object.values(schema.getTypeMap())) {
    // Synchronous, unlike TypeGraphQL's own: graphql-jit knows no other.
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
