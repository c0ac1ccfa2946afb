import 'reflect-metadata';
import { readFile } from 'node:fs/promises';
import { beforeAll, describe, expect, it } from '@jest/globals';
import { MikroORM } from '@mikro-orm/pglite';
import { isEnumType, isIntrospectionType, isSpecifiedScalarType, type GraphQLNamedType, type GraphQLSchema } from 'graphql';
import { ormOptions } from '../mikro-orm.config.ts';
import { printPermissions } from '../src/permissions/print.ts';
import { buildExecutable, printContract } from '../src/schema.ts';

let schema: GraphQLSchema;
beforeAll(async () => {
  const orm = await MikroORM.init({ ...ormOptions, dbName: 'memory://' } as never);
  ({ schema } = buildExecutable(orm.getMetadata()));
  await orm.close();
});

describe('generated files match the code', () => {
  it('schema.graphql: npm run schema', async () => {
    expect(await readFile('schema.graphql', 'utf8')).toBe(printContract(schema));
  });

  it('docs/permissions.md: npm run permissions', async () => {
    expect(await readFile('docs/permissions.md', 'utf8')).toBe(printPermissions(schema));
  });
});

describe('descriptions', () => {
  interface Described {
    readonly name: string;
    readonly description?: string | null | undefined;
  }

  /** Lists a type with all its parts. */
  function partsOf(type: GraphQLNamedType): [string, Described][] {
    const own: [string, Described][] = [[type.name, type]];
    if (isEnumType(type)) return [...own, ...type.getValues().map((value): [string, Described] => [`${type.name}.${value.name}`, value])];
    if (!('getFields' in type)) return own;
    return Object.values(type.getFields()).reduce<[string, Described][]>((parts, field) => {
      const args = ('args' in field ? field.args : []) as readonly Described[];
      return [
        ...parts,
        [`${type.name}.${field.name}`, field],
        ...args.map((arg): [string, Described] => [`${type.name}.${field.name}(${arg.name})`, arg]),
      ];
    }, own);
  }

  it('are on every type, field, argument and enum value', () => {
    const types = Object.values(schema.getTypeMap()).filter((type) => !isIntrospectionType(type) && !isSpecifiedScalarType(type));
    const parts = types.flatMap(partsOf);
    expect(parts.length).toBeGreaterThan(500);
    expect(parts.filter(([, { description }]) => !description?.trim()).map(([place]) => place)).toEqual([]);
  });
});
