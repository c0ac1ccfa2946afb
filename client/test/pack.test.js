// Tests what a new user does in an empty folder: installs the packed client, writes operations and sees compiler
// errors.
import assert from 'node:assert/strict';
import { execFileSync, spawnSync } from 'node:child_process';
import { copyFileSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';

const here = join(import.meta.dirname, '..');
const folder = mkdtempSync(join(tmpdir(), 'unionhall-pack-'));
const windows = process.platform === 'win32';
const npm = (...words) => execFileSync('npm', words, { cwd: folder, encoding: 'utf8', shell: windows, stdio: ['ignore', 'pipe', 'pipe'] });

const write = (name, text) => writeFileSync(join(folder, name), text);

before(() => {
  const [{ filename }] = JSON.parse(
    execFileSync('npm', ['pack', '--json', '--ignore-scripts', '--pack-destination', folder], {
      cwd: here,
      encoding: 'utf8',
      shell: windows,
    }),
  );
  write('package.json', JSON.stringify({ name: 'empty', private: true, type: 'module' }));
  npm('install', '--no-audit', '--no-fund', '--ignore-scripts', `./${filename}`, 'typescript@5.9.3', 'gql.tada@1.11.3');
});

after(() => rmSync(folder, { recursive: true, force: true }));

const options = { target: 'ES2022', module: 'NodeNext', moduleResolution: 'NodeNext', strict: true, noEmit: true, types: [] };

/** @returns the compiler's messages for each file, and all others under '' */
function check(files, more = {}) {
  for (const [name, text] of Object.entries(files)) write(name, text);
  write('tsconfig.json', JSON.stringify({ compilerOptions: { ...options, ...more }, files: Object.keys(files) }));
  const tsc = join(folder, 'node_modules', 'typescript', 'bin', 'tsc');
  const lines = spawnSync(process.execPath, [tsc], { cwd: folder, encoding: 'utf8' }).stdout.split('\n');
  return (name) => lines.filter((line) => /error TS/.test(line) && line.startsWith(name)).join('\n');
}

const asking = (field) => `
import { createClient, BenevolenceApplicationsDocument } from 'unionhall-client';
const client = createClient({ url: '/graphql' });
const answer = await client.ask(BenevolenceApplicationsDocument, { first: 5 });
if (answer.ok) {
  const amounts: string[] = answer.data.benevolenceApplications?.nodes.map(({ ${field} }) => ${field}) ?? [];
  void amounts;
} else if (answer.failure.code === 'BAD_INPUT') {
  answer.failure.fields.map(({ path }) => path);
} else if (answer.failure.code === 'RATE_LIMITED') {
  const seconds: number = answer.failure.retryAfter;
  void seconds;
}
export {};
`;

test('the packed client type-checks in an empty project, and the compiler finds mistakes', () => {
  const right = asking('amountRequested');
  const [, documented] = /```ts client\n(.*?)```/s.exec(readFileSync(join(here, '..', 'docs', 'client.md'), 'utf8'));
  const files = {
    'documented.ts': documented,
    'right.ts': right,
    'field.ts': asking('amountAsked'),
    'variable.ts': right.replace('first: 5', "first: 'five'"),
    'code.ts': right.replace("'RATE_LIMITED'", "'TOO_MANY'"),
  };
  const said = check(files, { skipLibCheck: false });
  assert.equal(said('right.ts'), '');
  assert.equal(said('documented.ts'), '');
  assert.equal(said('node_modules'), '');
  assert.match(said('field.ts'), /'amountAsked' does not exist/);
  assert.match(said('variable.ts'), /not assignable to type/);
  assert.match(said('code.ts'), /no overlap/);
});

test('it runs, and installs only what the GraphQL types need', () => {
  const { packages } = JSON.parse(readFileSync(join(folder, 'package-lock.json'), 'utf8'));
  assert.deepEqual(Object.keys(packages['node_modules/unionhall-client'].dependencies).sort(), [
    '@graphql-typed-document-node/core',
    'graphql',
  ]);
  const script = "import('unionhall-client').then((all) => console.log(typeof all.createClient))";
  assert.equal(execFileSync(process.execPath, ['-e', script], { cwd: folder, encoding: 'utf8' }).trim(), 'function');
});

test('gql.tada reads the contract as docs/client.md shows, and finds a mistake', () => {
  const guide = readFileSync(join(here, '..', 'docs', 'client.md'), 'utf8');
  const [settings, code, shell] = ['json', 'ts', 'sh'].map((kind) => new RegExp(`\`\`\`${kind} gql.tada\n(.*?)\`\`\``, 's').exec(guide)[1]);
  assert.match(shell, /^npm install gql\.tada && npm install --save-dev typescript@5\ncp \.\.\/schema\.graphql \.\n$/);
  const front = mkdtempSync(join(folder, 'front-'));
  copyFileSync(join(here, '..', 'schema.graphql'), join(front, 'schema.graphql'));
  writeFileSync(join(front, 'tsconfig.json'), settings);
  const run = (...words) => spawnSync(process.execPath, words, { cwd: front, encoding: 'utf8' });
  const generated = run(join(folder, 'node_modules', 'gql.tada', 'bin', 'cli.js'), 'generate-output');
  assert.equal(generated.status, 0, generated.stderr);
  const check = () => run(join(folder, 'node_modules', 'typescript', 'bin', 'tsc'), '--noEmit').stdout;
  writeFileSync(join(front, 'query.ts'), code);
  assert.equal(check(), '');
  writeFileSync(join(front, 'query.ts'), code.replace(/\bfullName\b/, 'wholeName'));
  assert.match(check(), /^query\.ts.*error TS/);
});

test('the Vite project in docs/client.md passes `tsc -b`, and the compiler finds mistakes', () => {
  const guide = readFileSync(join(here, '..', 'docs', 'client.md'), 'utf8');
  const blocks = [...guide.matchAll(/```tsx? vite (src\/\S+)\n(.*?)```/gs)].map(([, name, text]) => [name, text]);
  assert.deepEqual(
    blocks.map(([name]) => name),
    ['src/unionhall.ts', 'src/App.tsx', 'src/apollo.ts', 'src/urql.ts', 'src/mocks.ts', 'src/mocked-schema.ts'],
  );
  const packages = ['graphql-ws', 'react', '@types/react', '@apollo/client', 'rxjs', '@urql/core', '@urql/exchange-graphcache', 'msw'];
  const { devDependencies } = JSON.parse(readFileSync(join(here, 'package.json'), 'utf8'));
  const wanted = [...packages, '@graphql-tools/mock'].map((name) => `${name}@${devDependencies[name]}`);
  npm('install', '--no-audit', '--no-fund', '--ignore-scripts', ...wanted);
  const front = mkdtempSync(join(folder, 'vite-'));
  mkdirSync(join(front, 'src'));
  // as in the Vite template: this file contains only references
  writeFileSync(join(front, 'tsconfig.json'), JSON.stringify({ files: [], references: [{ path: './tsconfig.app.json' }] }));
  const compilerOptions = {
    target: 'ES2023',
    lib: ['ES2023', 'DOM', 'DOM.Iterable'],
    module: 'ESNext',
    moduleResolution: 'bundler',
    jsx: 'react-jsx',
    strict: true,
    noEmit: true,
    skipLibCheck: true,
    verbatimModuleSyntax: true,
    types: [],
    tsBuildInfoFile: './app.tsbuildinfo',
  };
  writeFileSync(join(front, 'tsconfig.app.json'), JSON.stringify({ compilerOptions, include: ['src'] }));
  for (const [name, text] of blocks) writeFileSync(join(front, name), text);
  const subscribing = /```ts subscriptions\n(.*?)```/s.exec(guide)[1];
  writeFileSync(join(front, 'src', 'subscribing.ts'), subscribing);
  const check = () =>
    spawnSync(process.execPath, [join(folder, 'node_modules', 'typescript', 'bin', 'tsc'), '-b'], { cwd: front, encoding: 'utf8' }).stdout;
  assert.equal(check(), '');
  writeFileSync(join(front, 'src', 'subscribing.ts'), subscribing.replace('grievance.status', 'grievance.state'));
  assert.match(check(), /subscribing\.ts.*'state' does not exist/);
});

test('the package is ready to publish', () => {
  const manifest = JSON.parse(readFileSync(join(folder, 'node_modules', 'unionhall-client', 'package.json'), 'utf8'));
  assert.deepEqual(
    [manifest.license, manifest.type, manifest.private, manifest.publishConfig],
    ['Apache-2.0', 'module', undefined, { access: 'public', provenance: true }],
  );
  const at = (path) => readFileSync(join(folder, 'node_modules', 'unionhall-client', path), 'utf8');
  for (const entry of Object.values(manifest.exports).flatMap((each) => (typeof each === 'string' ? [each] : Object.values(each))))
    at(entry);
  for (const file of ['README.md', 'LICENSE']) assert.ok(at(file).length > 500);
  assert.equal(at('dist/schema.graphql'), readFileSync(join(here, '..', 'schema.graphql'), 'utf8'));
});
