import { expect } from '@jest/globals';
import type { Answer } from './local.ts';

/** What was said of each field that was refused, after its path. */
export function saidOf({ codes, errors }: Answer<unknown>): string[] {
  expect(codes).toEqual(['BAD_INPUT']);
  const fields = (errors[0]?.extensions['fields'] ?? []) as { path: string; message: string }[];
  return fields.map(({ path, message }) => `${path} ${message}`);
}
