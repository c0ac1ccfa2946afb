// Types the operations in operations/ by ../schema.graphql: `npm run generate`, or `npm run client:generate` above.
import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { generate } from '@graphql-codegen/cli';

const here = import.meta.dirname;
// presets are looked for from the working directory
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
