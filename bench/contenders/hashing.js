// The upper limit of signing in: Argon2id alone, as many hashes at once as there are cores. The argument is the
// duration in seconds.
import { randomBytes } from 'node:crypto';
import { availableParallelism } from 'node:os';
import argon2 from 'argon2';

const [seconds, memoryCost, timeCost] = process.argv.slice(2).map(Number);
const password = randomBytes(32);
const stored = await argon2.hash(password, { type: argon2.argon2id, memoryCost, timeCost, parallelism: 1 });
const began = performance.now();
let count = 0;
const verify = async () => {
  while (performance.now() - began < seconds * 1000) {
    if (!(await argon2.verify(stored, password))) throw new Error('The password is right, and was refused.');
    count += 1;
  }
};
await Promise.all(Array.from({ length: availableParallelism() }, verify));
console.log(JSON.stringify({ perSecond: count / ((performance.now() - began) / 1000) }));
