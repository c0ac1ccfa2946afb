// The limit of unlocking the vault: PBKDF2 and nothing else, as many at once as there are cores. Started with the seconds it
// has, and the rounds.
import { pbkdf2, randomBytes } from 'node:crypto';
import { availableParallelism } from 'node:os';
import { promisify } from 'node:util';

const [seconds, iterations] = process.argv.slice(2).map(Number);
const derive = promisify(pbkdf2);
const [password, salt] = [randomBytes(13), randomBytes(16)];
const began = performance.now();
let count = 0;
const stretch = async () => {
  while (performance.now() - began < seconds * 1000) {
    await derive(password, salt, iterations, 32, 'sha256');
    count += 1;
  }
};
await Promise.all(Array.from({ length: availableParallelism() }, stretch));
console.log(JSON.stringify({ perSecond: count / ((performance.now() - began) / 1000) }));
