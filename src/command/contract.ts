import { mkdir, writeFile } from 'node:fs/promises';
import { printPermissions } from '../permissions/print.ts';
import { buildOffline, printContract } from '../schema.ts';

/** Writes the contract, schema.graphql, from the code. */
export async function writeSchema(): Promise<void> {
  await writeFile('schema.graphql', printContract((await buildOffline()).schema));
}

/** Writes the table of permissions, docs/permissions.md, from the rules. */
export async function writePermissions(): Promise<void> {
  const { schema } = await buildOffline();
  await mkdir('docs', { recursive: true });
  await writeFile('docs/permissions.md', printPermissions(schema));
}
