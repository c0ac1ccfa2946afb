import { spawnSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { faults, type Fault } from './list.ts';

// Puts one fault after another into the sources, and prints which of them the tests detect. Run it in a copy of the
// repository, because it changes sources. `node test/faults/run.ts` runs the tests that each fault names, `all` every
// fast test, and `full` every test. Further words select faults by name.

const project = join(import.meta.dirname, '..', '..');
const jest = join(project, 'node_modules', 'jest', 'bin', 'jest.js');
const node = join(project, 'node_modules', '.bin', 'node');

function isCaught({ file, from, to, tests }: Fault, mode: string): boolean {
  const path = join(project, file);
  const source = readFileSync(path, 'utf8');
  if (source.split(from).length !== 2) throw new Error(`${file} has not exactly one ${from}`);
  writeFileSync(
    path,
    source.replace(from, () => to),
  );
  try {
    const config = mode === 'full' ? ['--config', 'jest.full.config.js'] : [];
    const given = ['--experimental-vm-modules', jest, '--bail', '--silent', ...config, ...(mode === 'named' ? tests : [])];
    return spawnSync(node, given, { cwd: project, stdio: ['ignore', 'ignore', 'ignore'] }).status !== 0;
  } finally {
    writeFileSync(path, source);
  }
}

const words = process.argv.slice(2);
const mode = ['all', 'full'].find((each) => words.includes(each)) ?? 'named';
const chosen = words.filter((word) => word !== mode);
let missed = 0;
for (const fault of faults.filter(({ name }) => chosen.every((word) => name.includes(word)))) {
  const caught = isCaught(fault, mode);
  if (!caught) missed += 1;
  console.log(`${caught ? 'caught' : 'MISSED'}  ${fault.name}`);
}
process.exitCode = missed === 0 ? 0 : 1;
