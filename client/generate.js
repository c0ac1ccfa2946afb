// Generates types for the operations in operations/ from ../schema.graphql: `npm run generate`, or `npm run
// client:generate` in the project folder.
import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { generate } from '@graphql-codegen/cli';
import { buildSchema, isAbstractType, isIntrospectionType, isObjectType } from 'graphql';

const here = import.meta.dirname;
// presets are resolved from the working directory
process.chdir(here);
const into = `${join(here, 'src', 'generated')}/`;

rmSync(into, { recursive: true, force: true });
await generate(
  {
    schema: join(here, '..', 'schema.graphql'),
    documents: [join(here, 'operations', '*.graphql')],
    silent: true,
    generates: {
      [into]: {
        preset: 'client',
        presetConfig: { fragmentMasking: false },
        config: {
          documentMode: 'string',
          useTypeImports: true,
          enumsAsTypes: true,
          strictScalars: true,
          scalars: { Date: 'string', DateTime: 'string', Decimal: 'string' },
          importExtension: '.js',
          emitLegacyCommonJSImports: false,
        },
      },
    },
  },
  true,
);

const schema = buildSchema(readFileSync(join(here, '..', 'schema.graphql'), 'utf8'));
const types = Object.values(schema.getTypeMap()).filter((type) => !isIntrospectionType(type));
const roots = [schema.getQueryType(), schema.getMutationType(), schema.getSubscriptionType()];
const withoutId = types.filter((type) => isObjectType(type) && !roots.includes(type) && !('id' in type.getFields()));
const possible = types.filter((type) => isAbstractType(type));
const lines = [
  '/** For Graphcache: the types that have no id, and are a part of what they stand in. */',
  `export const keys: Record<string, () => null> = {\n${withoutId.map(({ name }) => `  ${name}: () => null,\n`).join('')}};`,
  '',
  '/** For the InMemoryCache of Apollo Client: which types an interface or a union may be. */',
  `export const possibleTypes: Record<string, string[]> = {\n${possible
    .map(
      (type) =>
        `  ${type.name}: [${schema
          .getPossibleTypes(type)
          .map(({ name }) => `'${name}'`)
          .join(', ')}],\n`,
    )
    .join('')}};`,
];
const isConnection = ({ type }) => String(type).replace('!', '').endsWith('Connection');
const paged = types
  .filter((type) => isObjectType(type))
  .map((type) => [type.name, Object.values(type.getFields()).filter(isConnection)])
  .filter(([, fields]) => fields.length > 0);
lines.push(
  '',
  '/** The fields of each type that are paged. */',
  `export const connections: Record<string, string[]> = {\n${paged
    .map(([type, fields]) => `  ${type}: [${fields.map(({ name }) => `'${name}'`).join(', ')}],\n`)
    .join('')}};`,
);
writeFileSync(join(into, 'cache.ts'), `${lines.join('\n')}\n`);

const creating = Object.values(schema.getMutationType().getFields()).filter(({ description }) =>
  /`idempotency-key`\s+header/.test(description ?? ''),
);
writeFileSync(
  join(into, 'creating.ts'),
  `/** The mutations that support the idempotency-key header. */\nexport const creating: ReadonlySet<string> = new Set([\n${creating
    .map(({ name }) => `  '${name}',\n`)
    .join('')}]);\n`,
);

writeFileSync(
  join(into, 'schema.ts'),
  `/** The schema, for mocks. */\nexport const typeDefs = ${JSON.stringify(readFileSync(join(here, '..', 'schema.graphql'), 'utf8'))};\n`,
);
writeFileSync(
  join(into, 'seeds.ts'),
  `/** Records of the seeds; see record.js. */\nexport const seeds: readonly unknown[] = JSON.parse(${JSON.stringify(readFileSync(join(here, 'seeds.json'), 'utf8'))});\n`,
);
