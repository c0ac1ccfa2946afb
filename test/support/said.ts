import { expect } from '@jest/globals';
import type { Answer } from './local.ts';

/** Returns the message of each invalid field, after its path. */
export function saidOf({ codes, errors }: Answer<unknown>): string[] {
  expect(codes).toEqual(['BAD_INPUT']);
  const fields = (errors[0]?.extensions['fields'] ?? []) as { path: string; message: string }[];
  return fields.map(({ path, message }) => `${path} ${message}`);
}
