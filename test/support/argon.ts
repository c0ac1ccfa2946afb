import { createRequire } from 'node:module';
import { join } from 'node:path';
import { expect } from '@jest/globals';
import type * as Argon from 'argon2';

// Replaces the package `argon2` in all tests except test/crypto (jest.config.js). It has the same functions, but a hash
// at the minimum cost, which tests use, takes a sixteenth of the memory and one pass. The test suite hashes thousands
// of times, and waiting proves nothing. The stored text and its comparison stay the same. Tests of the built service
// use the real package.

// Imported by its file, because its name would resolve to this module.
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
