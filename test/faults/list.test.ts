import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from '@jest/globals';
import { faults } from './list.ts';

const project = join(import.meta.dirname, '..', '..');

it.each(faults)('a deliberate fault fits the sources: $name', ({ file, from, to }) => {
  expect(readFileSync(join(project, file), 'utf8').split(from)).toHaveLength(2);
  expect(to).not.toBe(from);
});
