import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { cpSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, delimiter, join } from 'node:path';
import { after, before, test } from 'node:test';
import { blocksOf, patched } from '../../scripts/new-domain.ts';

// Follows docs/domain.md literally in a copy of the repository. Run it with `npm run test:guide`.

const project = join(import.meta.dirname, '..', '..');
const guide = readFileSync(join(project, 'docs', 'domain.md'), 'utf8');

/** Folders that a copy has separately, or does without. */
const left = new Set(['node_modules', '.git', 'dist', '.unionhall', 'coverage']);

let copy: string;

before(() => {
  copy = mkdtempSync(join(tmpdir(), 'unionhall-guide-'));
  cpSync(project, copy, { recursive: true, filter: (source) => !left.has(basename(source)) });
  mkdirSync(join(copy, 'node_modules'));
  // Shares only the packages; caches of the tests stay separate.
  for (const name of readdirSync(join(project, 'node_modules')).filter((each) => each !== '.cache'))
    symlinkSync(join(project, 'node_modules', name), join(copy, 'node_modules', name));
});

after(() => rmSync(copy, { recursive: true, force: true }));

void test('the guide to a new domain produces a working service within the rules of the house', () => {
  const migrations = readdirSync(join(copy, 'migrations')).length;
  run('npm run new:domain -- apprenticeship');
  const commands = blocksOf(guide).flatMap(({ kind, text }) => (kind === 'sh' ? text.trim().split('\n') : []));
  for (const command of commands.filter((each) => !each.startsWith('perl'))) run(command);
  assert.equal(readdirSync(join(copy, 'migrations')).length, migrations + 1);
  const schema = readFileSync(join(copy, 'schema.graphql'), 'utf8');
  assert.match(schema, /^ {2}beginApprenticeship\($/m);
  assert.match(schema, /^type ApprenticeshipConnection \{$/m);
  assert.match(readFileSync(join(copy, 'docs', 'permissions.md'), 'utf8'), /\bbeginApprenticeship\b/);
});

void test('an outdated guide is detected', () => {
  assert.throws(() => patched('a\nb', ' c\n+d\n'), /"c" is not where the guide says/);
  assert.equal(patched('a\nb\na', ' b\n a\n+d\n@@\n a\n+e\n'), 'a\ne\nb\na\nd');
  assert.throws(() => run('node -e "process.exit(3)"'), /process\.exit\(3\)/);
});

/** Runs a command of the guide in the copy, as if pasted. */
function run(command: string): void {
  const began = performance.now();
  const { DATABASE_URL: _, NODE_OPTIONS: __, ...environment } = process.env;
  const PATH = `${join(copy, 'node_modules', '.bin')}${delimiter}${environment['PATH']}`;
  const { status, stdout, stderr } = spawnSync(command, { cwd: copy, encoding: 'utf8', shell: true, env: { ...environment, PATH } });
  assert.equal(status, 0, `${command}\n${stdout}\n${stderr}`);
  console.log(`${((performance.now() - began) / 1000).toFixed(1)} s: ${command}`);
}
