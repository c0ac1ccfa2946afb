import { spawnSync } from 'node:child_process';
import { readdirSync, rmSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join, resolve } from 'node:path';

export const project = join(import.meta.dirname, '..');
const dist = join(project, 'dist');

/** The compiler's own program, to be run by this Node. */
export const tsc = join(dirname(createRequire(import.meta.url).resolve('typescript/package.json')), 'bin', 'tsc');

/**
 * Compiles the sources into dist, and deletes what sources that are gone left there; what stays is never missing in
 * between, so a service that runs from there keeps running.
 * @returns {boolean} whether it compiled
 */
export function build() {
  const { status, stdout } = spawnSync(process.execPath, [tsc, '-p', join(project, 'tsconfig.build.json'), '--listEmittedFiles'], {
    cwd: project,
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const lines = stdout.split(/\r?\n/);
  const emitted = lines.filter((line) => line.startsWith('TSFILE: ')).map((line) => resolve(project, line.slice('TSFILE: '.length)));
  const problems = lines.filter((line) => line !== '' && !line.startsWith('TSFILE: '));
  if (problems.length > 0) console.error(problems.join('\n'));
  if (status === 0) prune(new Set(emitted));
  return status === 0;
}

/** @param {ReadonlySet<string>} emitted */
function prune(emitted) {
  for (const entry of readdirSync(dist, { recursive: true, withFileTypes: true })) {
    const file = join(entry.parentPath, entry.name);
    if (entry.isFile() && !emitted.has(file)) rmSync(file, { force: true });
  }
}

if (import.meta.main ?? process.argv[1] === import.meta.filename) process.exitCode = build() ? 0 : 1;
