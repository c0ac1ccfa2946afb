// The upper limit of unlocking the vault: PBKDF2 alone, as many at once as there are cores. The arguments are the
// duration in seconds and the iterations.
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
