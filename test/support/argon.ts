import { createRequire } from 'node:module';
import { join } from 'node:path';
import { expect } from '@jest/globals';
import type * as Argon from 'argon2';

// Stands in for the package `argon2` in all tests but those of test/crypto (jest.config.js): the same functions, but a hash at
// the least cost that is allowed, which is what tests use, takes a sixteenth of the memory and one pass. A suite hashes
// thousands of times, and nothing is proved by waiting for it; what the stored text says, and what is compared, is the same.
// Tests that run the built service have the real one.

// By its file: by its name, this would be found again.
const file = join(import.meta.dirname, '..', '..', 'node_modules', 'argon2', 'argon2.cjs');
const real = createRequire(import.meta.url)(file) as typeof Argon;
const isReal = /[\\/]test[\\/]crypto[\\/]/.test(expect.getState().testPath ?? '');

export const { argon2d, argon2i, argon2id, verify, needsRehash } = real;

const hashCheaply = (input: Buffer | string, options: Parameters<typeof Argon.hash>[1] = {}): Promise<Buffer | string> => {
  const isLeast = options.memoryCost === 19_456 && options.timeCost === 2;
  return real.hash(input, isLeast ? { ...options, memoryCost: 1216, timeCost: 1 } : options);
};

export const hash = (isReal ? real.hash : hashCheaply) as typeof Argon.hash;
export default { ...real, hash };
