// Tests the examples of docs/client.md for Apollo Client, urql and Relay. Each must compile, and a small app with it
// sends requests to the service.
import assert from 'node:assert/strict';
import { spawn, spawnSync } from 'node:child_process';
import { cpSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { after, before, test } from 'node:test';

const here = join(import.meta.dirname, '..');
const project = join(here, '..');
const windows = process.platform === 'win32';
/** The Node.js that is installed with the service. */
const node = join(project, 'node_modules', '.bin', windows ? 'node.cmd' : 'node');

let folder;
let service;
let url;
let token;
let employerId;

before(async () => {
  assert.ok(existsSync(node), 'Run `npm ci` in the folder above first: the apps ask the service there.');
  folder = mkdtempSync(join(here, '.apps-'));
  compile();
  const built = spawnSync(node, ['scripts/build.js'], { cwd: project, encoding: 'utf8', shell: windows });
  assert.equal(built.status, 0, built.stdout + built.stderr);
  const environment = {
    PATH: process.env.PATH,
    PORT: '0',
    LOG_LEVEL: 'warn',
    HIBP_URL: 'off',
    UNIONHALL_DATA_DIR: join(folder, 'data'),
    UNIONHALL_CONFIG_DIR: join(folder, 'config'),
  };
  service = spawn(node, ['dist/src/main.js', 'start'], { cwd: project, env: environment, shell: windows });
  url = await announced(service);
  const signIn = 'mutation ($input: LoginInput!) { login(input: $input) { ... on SignedIn { accessToken } } }';
  ({ accessToken: token } = (await ask(signIn, { input: { identifier: 'officer', password: 'unionhall-dev' } })).login);
  employerId = await employerWithMine();
});

after(async () => {
  if (service?.exitCode === null) {
    const ended = new Promise((done) => service.once('close', done));
    service.kill();
    await ended;
  }
  if (folder) rmSync(folder, { recursive: true, force: true });
});

/** Combines the apps with the examples of the document, and compiles them with both compilers. */
function compile() {
  const guide = readFileSync(join(project, 'docs', 'client.md'), 'utf8');
  const documented = (kind) => new RegExp(`\`\`\`${kind}\n(.*?)\`\`\``, 's').exec(guide)[1];
  cpSync(join(import.meta.dirname, 'apps'), folder, { recursive: true });
  cpSync(join(project, 'schema.graphql'), join(folder, 'schema.graphql'));
  mkdirSync(join(folder, 'node_modules'));
  symlinkSync(here, join(folder, 'node_modules', 'unionhall-client'), 'junction');
  const write = (name, text) => writeFileSync(join(folder, name), text);
  write('package.json', JSON.stringify({ type: 'commonjs' }));
  write('relay.config.json', documented('json relay'));
  write('relay-environment.ts', documented('ts relay'));
  write('apollo-client.ts', documented('ts apollo'));
  write('urql-client.ts', documented('ts urql'));
  const compilerOptions = { target: 'ES2022', module: 'NodeNext', strict: true, skipLibCheck: true, outDir: 'dist' };
  write('tsconfig.json', JSON.stringify({ compilerOptions, include: ['*.ts'] }));
  const relay = spawnSync(createRequire(import.meta.url)('relay-compiler'), ['relay.config.json'], { cwd: folder, encoding: 'utf8' });
  assert.equal(relay.status, 0, relay.stdout + relay.stderr);
  const tsc = spawnSync(process.execPath, [join(here, 'node_modules', 'typescript', 'bin', 'tsc')], { cwd: folder, encoding: 'utf8' });
  assert.equal(tsc.stdout, '');
}

/** Returns an employer with grievances. The caller represents one of the first two. */
async function employerWithMine() {
  const query = '{ me { id } organizations(first: 100) { nodes { id grievances(first: 2) { nodes { id availableActions } } } } }';
  const { me, organizations } = await ask(query);
  const open = ({ grievances: { nodes } }) => nodes.find(({ availableActions }) => availableActions.includes('UPDATE'));
  const employer = organizations.nodes.find((each) => each.grievances.nodes.length === 2 && open(each));
  const assign = 'mutation ($id: ID!, $user: ID!) { updateGrievance(id: $id, input: { assignedUserId: $user }) { id } }';
  await ask(assign, { id: open(employer).id, user: me.id });
  return employer.id;
}

/** Returns the address that the service prints. */
function announced(child) {
  let said = '';
  return new Promise((resolve, reject) => {
    child.once('close', () => reject(new Error(`The service ended: ${said}`)));
    for (const stream of [child.stdout, child.stderr])
      stream.on('data', (part) => {
        said += part;
        const found = /answers at \S*?(http:\/\/[\w.:]+\/graphql)/.exec(said);
        if (found) resolve(found[1]);
      });
  });
}

async function ask(query, variables = {}) {
  const headers = { 'content-type': 'application/json', ...(token && { authorization: `Bearer ${token}` }) };
  const response = await fetch(url, { method: 'POST', headers, body: JSON.stringify({ query, variables }) });
  const { data, errors } = await response.json();
  assert.equal(errors, undefined);
  return data;
}

/** Runs an app to its end. @returns its results */
function run(app) {
  const { status, stdout, stderr } = spawnSync(node, [join(folder, 'dist', `${app}.js`), url, token, employerId], {
    encoding: 'utf8',
    timeout: 30_000,
  });
  assert.equal(status, 0, stderr);
  return JSON.parse(stdout);
}

const idsOf = async (first) =>
  (await ask('query ($first: Int) { grievances(first: $first) { nodes { id } } }', { first })).grievances.nodes.map(({ id }) => id);

test('Apollo Client appends a page, finds a record by its id, and keeps the data beside a refused field', async () => {
  const { first, all, found, partly } = run('apollo');
  const expected = await idsOf(4);
  assert.deepEqual([first, all], [expected.slice(0, 2), expected]);
  assert.equal(found.__typename, 'Organization');
  assert.equal(typeof found.name, 'string');
  assert.deepEqual([typeof partly.data.me.id, partly.data.settings, partly.error], ['string', null, 'None of your roles allows this.']);
});

test('urql with Graphcache appends a page, reports no missing type, and shows a change in a record that it read before', async () => {
  const { first, all, city, errors, complaints } = run('urql');
  const expected = await idsOf(4);
  assert.deepEqual([first, all, city, errors], [expected.slice(0, 2), expected, 'Cohoes', [null, null, null]]);
  assert.deepEqual(complaints, []);
});

test('Relay pages below Query and does not confuse records', async () => {
  const { me, first, nodes, complaints } = run('relay');
  assert.deepEqual(complaints, []);
  assert.equal(first.length, 1);
  assert.deepEqual([nodes.length, new Set(nodes.map(({ id }) => id)).size, nodes[0].id], [2, 2, first[0].id]);
  const mine = nodes.map(({ assignedUser }) => assignedUser).find((user) => user?.userId === me.id);
  assert.equal(mine.fullName, me.fullName);
  assert.notEqual(mine.id, me.id);
});
