// Installs the dependencies of the benchmark, builds the service and measures. `npm run bench -- --help` lists the
// options.
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { build } from '../scripts/build.js';

const usage = `npm run bench -- [options]

  --only list,me       only these parts: me, list, one, log, file, login, beside, readers, vault, growth, statements,
                       restart, refusals, reset, hostile, seeding, memory
  --rounds 5           how often each contender has its turn
  --seconds 4          how long a turn is
  --connections 8      how many connections ask at once, each waiting for its answer
  --scale 1000         how often the seeded rows are multiplied
  --profile list       profiles the service's CPU under that question instead (me, list, one, log, file)
  --save FILE          with --profile: writes the profile there, as DevTools reads it

  BENCH_DATABASE_URL   the PostgreSQL server to use; without it, one that npm brings`;

const options = /** @type {const} */ ({
  only: { type: 'string' },
  rounds: { type: 'string', default: '5' },
  seconds: { type: 'string', default: '4' },
  connections: { type: 'string', default: '8' },
  scale: { type: 'string', default: '1000' },
  profile: { type: 'string' },
  save: { type: 'string' },
  help: { type: 'boolean', default: false },
});

try {
  await main();
} catch (error) {
  console.error(error instanceof Error && error.name === 'BenchError' ? error.message : error);
  process.exitCode = 1;
}

async function main() {
  const { values } = parseArgs({ options });
  if (values.help) {
    console.log(usage);
    return;
  }
  install();
  if (!build()) throw new Error('The service does not compile.');
  const { run } = await import('./run.js');
  await run({
    only: values.only?.split(',').map((part) => part.trim()),
    rounds: number('rounds', values.rounds, 1),
    seconds: number('seconds', values.seconds, 0.1),
    connections: number('connections', values.connections, 1),
    scale: number('scale', values.scale, 10),
    profile: values.profile,
    save: values.save,
  });
}

/** Installs the lockfile in this folder, unless that was already done. */
function install() {
  const lock = readFileSync(join(import.meta.dirname, 'package-lock.json'));
  const wanted = createHash('sha256').update(lock).digest('hex');
  const mark = join(import.meta.dirname, 'node_modules', '.installed');
  if (existsSync(mark) && readFileSync(mark, 'utf8') === wanted) return;
  console.log('Installing what only the benchmark needs …');
  const npm = process.env.npm_execpath;
  const [command, first] = npm?.endsWith('.js') ? [process.execPath, [npm]] : ['npm', []];
  const { status } = spawnSync(command, [...first, 'ci', '--prefix', import.meta.dirname, '--ignore-scripts', '--loglevel=error'], {
    cwd: import.meta.dirname,
    stdio: ['ignore', 'ignore', 'inherit'],
    shell: process.platform === 'win32' && command === 'npm',
  });
  if (status !== 0) throw new Error('npm ci --prefix bench failed.');
  writeFileSync(mark, wanted);
}

/**
 * @param {string} name
 * @param {string} text
 * @param {number} least
 */
function number(name, text, least) {
  const value = Number(text);
  if (Number.isFinite(value) && value >= least) return value;
  throw Object.assign(new Error(`--${name} must be a number from ${least}.\n\n${usage}`), { name: 'BenchError' });
}
