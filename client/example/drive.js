// Tests the built page in Chromium against a service that it starts: `node drive.js`, after `npm run build` here and in
// the project folder.
import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { preview } from 'vite';
import { startProcess } from '../../test/support/process.ts';

const project = join(import.meta.dirname, '..', '..');
const { chromium } = createRequire(join(project, 'package.json'))('playwright-core');
const program = process.env.CHROMIUM || '/usr/bin/chromium';

let folder;
let service;
let site;
let browser;
let url;

before(async () => {
  assert.ok(existsSync(program), `Chromium is not at ${program}: install it, or say where it is with CHROMIUM=/path/to/chromium.`);
  folder = await mkdtemp(join(tmpdir(), 'unionhall-example-'));
  service = await startProcess(join(project, 'dist', 'src', 'main.js'), {
    PORT: '0',
    LOG_LEVEL: 'warn',
    HIBP_URL: 'off',
    ACCESS_TOKEN_TTL: '10',
    UNIONHALL_DATA_DIR: join(folder, 'data'),
    UNIONHALL_CONFIG_DIR: join(folder, 'config'),
  });
  const proxy = { '/graphql': service.url };
  site = await preview({ root: import.meta.dirname, preview: { host: '127.0.0.1', port: 0, proxy } });
  url = `http://127.0.0.1:${site.httpServer.address().port}/`;
  browser = await chromium.launch({
    executablePath: program,
    args: ['--no-sandbox', '--disable-gpu', '--no-first-run', '--disable-background-networking'],
  });
});

after(async () => {
  await browser?.close();
  await site?.close();
  await service?.stop();
  if (folder) await rm(folder, { recursive: true, force: true });
});

test('an officer without a level sees applications without buttons; the vice president decides, and another tab continues', async () => {
  await visiting('officer', async (page) => {
    assert.ok((await page.getByRole('listitem').count()) >= 20);
    assert.equal(await page.getByRole('button', { name: 'Approve' }).count(), 0);
  });
  await visiting('vp', async (page, context, asked) => {
    const due = page.getByRole('listitem').filter({ has: page.getByRole('button', { name: 'Approve' }) });
    const waiting = await due.count();
    assert.ok(waiting > 0, 'something waits for the vice president');
    const heading = await due.first().getByRole('heading').innerText();
    await due.first().getByRole('button', { name: 'Approve' }).click();
    const decided = page.getByRole('listitem').filter({ hasText: heading });
    await decided.getByText('VP approved').waitFor();
    assert.equal(await decided.getByRole('button').count(), 0, 'nobody decides twice');
    assert.equal(await due.count(), waiting - 1);

    // A second tab uses the same session. When the access token expires, only one of the tabs refreshes it.
    const other = await context.newPage();
    await other.goto(url);
    await other.getByText('Samuel Whitfield').waitFor();
    await page.waitForTimeout(10_500);
    for (const each of [page, other]) await each.reload();
    await Promise.all([page, other].map((each) => each.getByText('Samuel Whitfield').waitFor()));
    assert.ok(asked.filter((name) => name === 'Refresh').length >= 2);

    await other.getByRole('button', { name: 'Sign out' }).click();
    await other.getByRole('heading', { name: 'Sign in' }).waitFor();
    await page.reload();
    await page.getByRole('heading', { name: 'Sign in' }).waitFor();
  });
});

test('staff see what is due, earliest first', async () => {
  await visiting('staff', async (page) => {
    const dates = await page.getByRole('table', { name: 'What is due' }).locator('tbody td:first-child').allInnerTexts();
    assert.equal(dates.length, 10);
    assert.deepEqual(dates, dates.toSorted());
    assert.match(dates[0], /^\d{4}-\d\d-\d\d$/);
  });
});

test('an instructor sees no applications, a member sees their own, and a wrong password is reported', async () => {
  await visiting(
    'instructor',
    async (page) => {
      await page.getByText('None of your roles sees applications.').waitFor();
    },
    false,
  );
  await visiting('member', async (page) => {
    for (const heading of await page.getByRole('heading', { level: 2 }).allInnerTexts()) assert.match(heading, /^Carla Benedetti /);
    assert.equal(await page.getByRole('button', { name: 'Approve' }).count(), 0);
  });
  await signedInAs('nobody', 'wrong', async (page) => {
    assert.equal(await page.getByRole('alert').innerText(), 'The credentials are incorrect or have expired.');
  });
});

/** Signs in, and checks that the page had no error and sent requests to no other host. */
async function visiting(username, act, hasList = true) {
  await signedInAs(username, 'unionhall-dev', async (page, context, asked) => {
    await page.getByRole('heading', { name: 'Benevolence fund' }).waitFor();
    if (hasList) await page.getByRole('listitem').first().waitFor();
    await act(page, context, asked);
  });
}

async function signedInAs(username, password, act) {
  const context = await browser.newContext();
  const faults = [];
  const asked = [];
  context.on('request', (request) => {
    if (!request.url().startsWith(url) && !request.url().startsWith('data:')) faults.push(`asked ${request.url()}`);
    asked.push(/(?:query|mutation) (\w+)/.exec(request.postData() ?? '')?.[1]);
  });
  context.on('console', (message) => message.type() === 'error' && faults.push(message.text()));
  context.on('weberror', (error) => faults.push(String(error.error())));
  const page = await context.newPage();
  page.setDefaultTimeout(60_000);
  try {
    await page.goto(url);
    await page.getByLabel('Username or address').fill(username);
    await page.getByLabel('Password').fill(password);
    await page.getByRole('button', { name: 'Sign in' }).click();
    await act(page, context, asked);
    assert.deepEqual(faults, []);
  } catch (error) {
    if (faults.length > 0) console.error(faults.join('\n'));
    throw error;
  } finally {
    await context.close();
  }
}
