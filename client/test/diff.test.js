import assert from 'node:assert/strict';
import { execFileSync, spawnSync } from 'node:child_process';
import { copyFile, mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { unnamed } from '../diff.js';

const before = 'type Query { grievance(id: ID!): String notes: String } enum Step { ONE TWO }';
const log = (text) => `# Changelog\n\n## Unreleased\n\n${text}\n\n## 0.1.0\n\n- \`Query.notes\` is gone.\n`;
const paths = async (now, text = '') => (await unnamed(before, now, log(text))).map(({ path }) => path);

test('reports removed, renamed and newly required parts as breaking', async () => {
  assert.deepEqual(await paths('type Query { grievance(id: ID!): String } enum Step { ONE TWO }'), ['Query.notes']);
  assert.deepEqual(await paths('type Query { grievance(id: ID!, year: Int!): String notes: String } enum Step { ONE TWO }'), [
    'Query.grievance.year',
  ]);
  assert.deepEqual(await paths('type Query { grievance(id: ID!): String notes: String } enum Step { ONE }'), ['Step.TWO']);
});

test('does not report added, deprecated or described parts', async () => {
  const now =
    '"The first" type Query { grievance(id: ID!, year: Int): String notes: String @deprecated(reason: "x") more: Int! } enum Step { ONE TWO }';
  assert.deepEqual(await paths(now), []);
});

test('allows only the breaking changes that the unreleased section names', async () => {
  const now = 'type Query { grievance(id: ID!): String } enum Step { ONE }';
  assert.deepEqual(await paths(now, '- `Query.notes` is gone: ask `Query.grievance`.'), ['Step.TWO']);
  assert.deepEqual(await paths(now, '- `Query.notes` and `Step.TWO` are gone.'), []);
});

test('compares with the last tag: a breaking change fails until it is named, and additions or a missing tag pass', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'unionhall-diff-'));
  const place = (file, text) => writeFile(join(folder, file), text);
  const git = (...words) => execFileSync('git', ['-c', 'user.name=t', '-c', 'user.email=t@local.test', ...words], { cwd: folder });
  const run = (...words) => {
    const { status, stdout, stderr } = spawnSync(process.execPath, [join(folder, 'client', 'diff.js'), ...words], { encoding: 'utf8' });
    return { status, said: `${stdout}${stderr}` };
  };
  try {
    await mkdir(join(folder, 'client'));
    await copyFile(join(import.meta.dirname, '..', 'diff.js'), join(folder, 'client', 'diff.js'));
    await symlink(join(import.meta.dirname, '..', 'node_modules'), join(folder, 'client', 'node_modules'));
    await place('package.json', '{ "type": "module" }');
    await place('CHANGELOG.md', log(''));
    await place('schema.graphql', before);
    git('init', '-q');
    git('add', 'schema.graphql', 'CHANGELOG.md');
    git('commit', '-q', '--no-gpg-sign', '-m', 'first');
    assert.deepEqual(run(), { status: 0, said: 'No release tag exists yet, so the schema was not compared.\n' });

    git('tag', 'v0.1.0');
    await place('schema.graphql', before.replace('notes: String', 'notes: String more: Int'));
    assert.deepEqual(run(), { status: 0, said: 'No breaking changes since v0.1.0, except those in CHANGELOG.md.\n' });

    await place('schema.graphql', before.replace('notes: String', ''));
    const broken = run();
    assert.equal(broken.status, 1);
    assert.match(broken.said, /^Query\.notes: .*removed/m);
    assert.match(broken.said, /Describe breaking changes in CHANGELOG\.md\.\n/);

    await place('CHANGELOG.md', log('- `Query.notes` is gone: ask `Query.grievance`.'));
    assert.equal(run().status, 0);

    // A name in the previous release does not count for the next one.
    git('commit', '-q', '--no-gpg-sign', '-a', '-m', 'second');
    git('tag', 'v0.2.0');
    await place('schema.graphql', 'type Query { grievance(id: ID!): String } enum Step { ONE }');
    assert.match(run().said, /^Step\.TWO: /m);
    assert.equal(run('v0.1.0').status, 1);
    assert.notEqual(run('v9').status, 0);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
});
