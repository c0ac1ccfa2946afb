import assert from 'node:assert/strict';
import { spawn, type ChildProcess } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { chromium, type Browser, type Page, type Response, type ConsoleMessage, type Request } from 'playwright-core';
import { isSubscription, windows, type Example } from '../../src/http/playground.ts';

// Tests the playground in Chromium with the built service. Run it with `npm run test:browser`.

const program = process.env['CHROMIUM'] || '/usr/bin/chromium';
const project = join(import.meta.dirname, '..', '..');
const story = await windows();
const titles = story.map(({ title }) => title);
/** A script for the page that finds texts with a low contrast. */
const paleTexts = await readFile(join(import.meta.dirname, 'contrast.js'), 'utf8');

let service: { url: string; stop: () => Promise<void> };
let browser: Browser;
let pictures: string | undefined;

before(async () => {
  assert.ok(existsSync(program), `Chromium is not at ${program}: install it, or say where it is with CHROMIUM=/path/to/chromium.`);
  pictures = await mkdtemp(join(tmpdir(), 'unionhall-playground-'));
  await startAnew();
  browser = await chromium.launch({
    executablePath: program,
    // the browser's own background requests are not part of the test
    args: [
      '--no-sandbox',
      '--disable-gpu',
      '--no-first-run',
      '--disable-background-networking',
      '--disable-component-update',
      '--disable-sync',
    ],
  });
});

after(async () => {
  await browser?.close();
  await service?.stop();
  if (pictures) console.log(`Pictures are in ${pictures}`);
});

for (const colorScheme of ['light', 'dark'] as const) {
  void test(`the story, operation by operation, in ${colorScheme}`, async () => {
    if (colorScheme === 'dark') await startAnew(); // the vault can be created only once
    await visit(colorScheme, async (page) => {
      assert.deepEqual(await tabs(page).allInnerTexts(), titles);
      assert.equal(await openTab(page).innerText(), 'Sign in');
      await picture(page, colorScheme, 'opened');
      for (const { title, examples } of story) {
        await open(page, title);
        for (const example of examples) {
          await choose(page, example.as);
          if (isSubscription(example)) await listen(page, example, title);
          else await see(page, example, examples.length > 1);
          await picture(page, colorScheme, example.name.replace('/', ' '));
          if (isSubscription(example)) await page.getByRole('button', { name: 'Cancel' }).click();
        }
      }
    });
  });
}

void test('the first request signs in the user in the menu', async () => {
  await visit('light', async (page) => {
    await open(page, 'Who am I');
    assert.equal(((await send(page)).data['me'] as { fullName: string }).fullName, 'Dennis Okafor');
  });
});

void test('another user in the menu sees their own data, and the previous one stays signed in', async () => {
  await visit('light', async (page) => {
    await send(page);
    await open(page, 'Who am I');
    for (const [username, fullName] of [
      ['member', 'Carla Benedetti'],
      ['officer', 'Dennis Okafor'],
      ['member', 'Carla Benedetti'],
    ] as const) {
      await choose(page, username);
      assert.equal(((await send(page)).data['me'] as { fullName: string }).fullName, fullName);
    }
    await picture(page, 'light', 'as a member');
    await open(page, 'The latest grievances');
    const { grievances } = (await send(page)).data as { grievances: { nodes: { member: { fullName: string } }[] } };
    assert.deepEqual(new Set(grievances.nodes.map(({ member }) => member.fullName)), new Set(['Carla Benedetti']));
  });
});

void test('the user in the menu is signed in automatically', async () => {
  await visit('light', async (page) => {
    await open(page, 'Who am I');
    for (const [username, fullName] of [
      ['member', 'Carla Benedetti'],
      ['officer', 'Dennis Okafor'],
    ] as const) {
      await choose(page, username);
      assert.equal(((await send(page)).data['me'] as { fullName: string }).fullName, fullName);
    }
  });
});

void test('the schema is available without signing in, and a reload keeps the windows, the token and the user', async () => {
  await visit('light', async (page) => {
    await page.getByRole('button', { name: 'Docs' }).click();
    await page.locator('app-doc-viewer').getByText('Query', { exact: true }).first().waitFor();
    await picture(page, 'light', 'documentation');
    await page.getByRole('button', { name: 'Docs' }).click();
    await send(page);
    await open(page, 'Who am I');
    await page.waitForTimeout(4_000); // the page stores the content of windows within a second, or later on a slow machine
    await page.reload();
    await tabs(page).first().waitFor();
    assert.deepEqual(await tabs(page).allInnerTexts(), titles);
    assert.equal(await openTab(page).innerText(), 'Who am I');
    assert.equal(((await send(page)).data['me'] as { fullName: string }).fullName, 'Dennis Okafor');
  });
});

void test('the schema graph opens from the page and shows the types without another origin', async () => {
  await visit('light', async (page) => {
    const [graph] = await Promise.all([page.waitForEvent('popup'), page.getByRole('link', { name: 'Schema graph' }).click()]);
    const faults: string[] = [];
    graph.on('console', (message) => isFault(message) && faults.push(message.text()));
    graph.on('pageerror', (error) => faults.push(error.message));
    await graph.locator('svg .node').getByText('Grievance', { exact: true }).first().waitFor({ timeout: 60_000 });
    assert.ok((await graph.locator('svg .node').count()) > 20);
    await picture(graph, 'light', 'schema graph');
    assert.deepEqual(faults, []);
  });
});

for (const viewport of [
  { width: 1280, height: 720 },
  { width: 1024, height: 768 },
]) {
  void test(`the first screen of ${viewport.width} by ${viewport.height} shows the operation, its buttons and all windows`, async () => {
    await visit(
      'light',
      async (page) => {
        const operation = page.locator('app-query-editor .cm-content');
        await operation.getByText('mutation', { exact: true }).waitFor();
        const shown = [
          page.getByRole('button', { name: 'Send Request' }),
          page.getByText('(Send mutation SignIn)'),
          operation.getByText('methods', { exact: true }), // its last field
          page.locator('app-header').getByText('officer: Dennis Okafor'),
          page.getByRole('link', { name: 'Restore examples' }),
          ...(await tabs(page).all()),
        ];
        for (const each of shown) {
          const box = await each.boundingBox();
          assert.ok(box && box.x >= 0 && box.y >= 0, await each.innerText());
          assert.ok(box.x + box.width <= viewport.width && box.y + box.height <= viewport.height, await each.innerText());
        }
        assert.equal(await page.locator('.show-variables').count(), 0);
        assert.ok(!(await page.locator('.query-result__none-art').isVisible()));
        await picture(page, 'light', `first screen ${viewport.width}`);
      },
      viewport,
    );
  });
}

void test('an ended session is replaced automatically', async () => {
  await visit('light', async (page) => {
    await open(page, 'Who am I');
    const sent = page.waitForRequest((request) => Boolean(request.headers()['authorization']));
    await send(page);
    const authorization = String((await sent).headers()['authorization']);
    const response = await fetch(`${service.url}/graphql`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', authorization },
      body: JSON.stringify({ query: 'mutation { logoutAll }' }),
    });
    assert.equal(((await response.json()) as { errors?: unknown }).errors, undefined);
    assert.equal(((await send(page)).data['me'] as { fullName: string }).fullName, 'Dennis Okafor');
  });
});

void test('Send in a window of several operations sends the visible one', async () => {
  await visit('light', async (page) => {
    await open(page, 'A hardship application');
    assert.ok('benevolenceApplications' in (await send(page)).data);
  });
});

void test('the status of an answer shows that it has errors', async () => {
  await visit('light', async (page) => {
    await open(page, 'The vault');
    assert.equal((await send(page)).errors?.[0]?.extensions.code, 'FORBIDDEN');
    await page.locator('.response-status-code[data-has-errors]').waitFor();
    await open(page, 'Who am I');
    await send(page);
    await page.locator('.response-status-code:not([data-has-errors])').waitFor();
  });
});

void test('a closed window can be reopened from the collection, and "Restore examples" restores all', async () => {
  await visit('light', async (page) => {
    await page.reload();
    await openTab(page).waitFor();
    await page.locator('app-window-switcher-item', { hasText: 'Members' }).locator('[track-id="close_window_tab"]').click();
    await tabs(page).getByText('Members').waitFor({ state: 'detached' });
    await page.locator('[track-id="show_collections"]').click();
    await page.locator('app-query-collections').getByText('Examples', { exact: true }).click();
    await page.locator('app-query-collections').getByText('Members', { exact: true }).click();
    await openTab(page).getByText('Members').waitFor();
    assert.ok('members' in (await send(page)).data);

    await tabs(page).getByText('The vault').waitFor();
    await page.locator('app-window-switcher-item', { hasText: 'The vault' }).locator('[track-id="close_window_tab"]').click();
    await tabs(page).getByText('The vault').waitFor({ state: 'detached' });
    await page.getByRole('link', { name: 'Restore examples' }).click();
    await page.getByRole('button', { name: 'Restore' }).click();
    await openTab(page).getByText('Sign in').waitFor();
    assert.deepEqual(await tabs(page).allInnerTexts(), titles);
  });
});

void test('windows and users can be chosen by keyboard, and menus offer nothing about other services', async () => {
  await visit('light', async (page) => {
    await tabs(page).getByText('Who am I').focus();
    await page.keyboard.press('Enter');
    await openTab(page).getByText('Who am I').waitFor();
    const menu = page.locator('app-header .header__menu-item');
    await menu.first().focus();
    await page.keyboard.press('Enter');
    const items = page.getByRole('menuitem');
    await items.getByText('officer: Dennis Okafor').and(page.locator(':focus')).waitFor();
    assert.ok(!(await items.getByText('No environment').isVisible()));
    await page.keyboard.press('ArrowUp');
    await items.getByText('admin: Ruth Calloway').and(page.locator(':focus')).waitFor();
    await page.keyboard.press('Enter');
    await page.locator('app-header').getByText('admin: Ruth Calloway').waitFor();
    assert.equal(((await send(page)).data['me'] as { fullName: string }).fullName, 'Ruth Calloway');
    await menu.last().click();
    await items.getByText('Settings').waitFor();
    for (const name of ['Star on GitHub', 'Report a bug']) assert.ok(!(await items.getByText(name).isVisible()), name);
  });
});

for (const colorScheme of ['light', 'dark'] as const) {
  void test(`texts of the page have a contrast of at least 4.5 to 1 in ${colorScheme}`, async () => {
    await visit(colorScheme, async (page) => {
      await open(page, 'Who am I');
      await send(page);
      await page.getByRole('button', { name: 'Docs' }).click();
      await page.locator('app-doc-viewer').getByText('Query', { exact: true }).first().click();
      await page.locator('.doc-viewer-item-query-description').first().waitFor();
      await picture(page, colorScheme, 'contrast');
      await holdContrast(page);
    });
  });
}

void test('the start page opens a window of the playground', async () => {
  await visit('light', async (page) => {
    await page.goto(service.url);
    await picture(page, 'light', 'start page');
    await holdContrast(page);
    assert.deepEqual(await page.locator('.story a').allInnerTexts(), titles);
    await page.getByRole('link', { name: 'The latest grievances' }).click();
    await openTab(page).getByText('The latest grievances').waitFor();
  });
});

void test('one query as two users shows both answers, the differences and their rules', async () => {
  await visit('light', async (page) => {
    await page.goto(`${service.url}/playground/compare`);
    await page.getByRole('button', { name: 'Send as both' }).click();
    const rules = page.locator('#rules li');
    await rules.getByText(/^Grievance: .*Members see their own grievances\.$/).waitFor();
    const totals = page.locator('mark').getByText('"totalCount"');
    assert.equal(await totals.count(), 2);
    await holdContrast(page);
    await picture(page, 'light', 'two people');
    await page.getByLabel('As').last().selectOption('officer');
    await page.getByRole('button', { name: 'Send as both' }).click();
    await rules.getByText('Both people get the same.').waitFor();
    assert.equal(await page.locator('mark').count(), 0);
  });
});

/** Checks the contrast of all texts after animations have ended. */
async function holdContrast(page: Page): Promise<void> {
  const pale = (): Promise<unknown> => page.evaluate(paleTexts);
  for (let time = 0; time < 40 && String(await pale()) !== ''; time += 1) await page.waitForTimeout(250);
  assert.deepEqual(await pale(), []);
}

/** Starts another service with a new database. */
async function startAnew(): Promise<void> {
  await service?.stop();
  service = await startService();
}

/** Sends an example, which must return data without errors. */
async function see(page: Page, example: Example, isOneOfMany: boolean): Promise<void> {
  const { data, errors } = await send(page, isOneOfMany ? example : undefined);
  assert.deepEqual(errors, undefined, example.name);
  assert.ok(
    Object.values(data).every((field) => field !== null),
    example.name,
  );
  assert.match(await shown(page), /^\{\s*"data": \{/, example.name);
}

/** The change in another window that causes an event. */
const causes: Readonly<Record<string, readonly string[]>> = {
  '8-live-changes/1-grievances': ['4-a-grievance/1-file', '4-a-grievance/2-investigate'],
  '8-live-changes/2-applications': ['5-a-hardship-application/2-apply', '5-a-hardship-application/3-submit'],
};

/** Starts a subscription, causes its event in another window, and returns to read it. */
async function listen(page: Page, example: Example, title: string): Promise<void> {
  const subscribed = page
    .waitForEvent('websocket')
    .then((socket) => socket.waitForEvent('framesent', { predicate: ({ payload }) => String(payload).includes('"subscribe"') }));
  await pressAbove(page, example);
  await subscribed;
  for (const name of causes[example.name] ?? []) {
    const window = story.find(({ examples }) => examples.some((each) => each.name === name));
    const cause = window?.examples.find((each) => each.name === name);
    assert.ok(window && cause, name);
    await open(page, window.title);
    await choose(page, cause.as);
    await see(page, cause, true);
  }
  await open(page, title);
  // each event has its own result, and that of the new case may arrive first
  await page
    .locator('app-query-result .cm-content')
    .getByText(/"(INVESTIGATE|SUBMIT)"/)
    .first()
    .waitFor();
}

/** Altair's message about an empty response of a subscription. For our own responses, their content would differ. */
const nothingYet = 'Could not parse JSON. Using default instead.';

const isFault = (message: ConsoleMessage): boolean => ['error', 'warning'].includes(message.type()) && message.text() !== nothingYet;

/** Opens the page for a new visitor, and checks that forbidden things never happen. */
async function visit(
  colorScheme: 'light' | 'dark',
  act: (page: Page) => Promise<void>,
  viewport = { width: 1440, height: 900 },
): Promise<void> {
  const context = await browser.newContext({ viewport, colorScheme });
  const page = await context.newPage();
  page.setDefaultTimeout(60_000);
  await page.route('**/graphql', async (route) => {
    const response = await route.fetch();
    const body = await response.text();
    bodies.set(route.request(), body);
    await route.fulfill({ response, body });
  });
  const faults: string[] = [];
  page.on('console', (message) => isFault(message) && faults.push(`console: ${message.text()}`));
  page.on('pageerror', (error) => faults.push(`error: ${error.message}`));
  page.on('websocket', (socket) => socket.url() !== socketUrl() && faults.push(`opened a socket: ${socket.url()}`));
  context.on('request', (request) => !isOurs(request.url()) && faults.push(`asked another origin: ${request.url()}`));
  context.on('response', (response) => response.status() >= 400 && faults.push(`${response.status()}: ${response.url()}`));
  try {
    await page.goto(`${service.url}/playground/`);
    await openTab(page).getByText('Sign in').waitFor();
    await act(page);
    assert.deepEqual(faults, []);
  } catch (error) {
    await picture(page, colorScheme, 'failed');
    if (faults.length > 0) console.error(faults.join('\n'));
    throw error;
  } finally {
    await page.unrouteAll({ behavior: 'ignoreErrors' });
    await context.close();
  }
}

const socketUrl = (): string => `${service.url.replace(/^http/, 'ws')}/graphql`;
const isOurs = (url: string): boolean => url.startsWith(`${service.url}/`) || /^(data|blob):/.test(url);

const tabs = (page: Page) => page.locator('app-window-switcher-item .window-switcher__input');
const openTab = (page: Page) => page.locator('.window-switcher__item--active .window-switcher__input');

async function open(page: Page, title: string): Promise<void> {
  await tabs(page).getByText(title, { exact: true }).click();
  await openTab(page).getByText(title, { exact: true }).waitFor();
}

/** Chooses a seeded user in the environment menu. */
async function choose(page: Page, username: string): Promise<void> {
  const chosen = page.locator('app-header').getByText(/^\w+: \w+ \w+$/);
  if ((await chosen.innerText()).startsWith(`${username}: `)) return;
  await chosen.click();
  await page.getByText(`${username}: `).last().click();
  await page.locator('app-header').getByText(`${username}: `).waitFor();
  await page.keyboard.press('Escape');
}

/** The bodies of responses, because the browser does not keep those with no-store. */
const bodies = new WeakMap<Request, string>();

/** Presses the send button, or the one above the named operation, and returns the response when it is shown. */
async function send(
  page: Page,
  example?: Example,
): Promise<{ data: Record<string, unknown>; errors?: { extensions: { code: string } }[] }> {
  const clear = page.getByRole('button', { name: 'Clear' });
  if (await clear.isVisible()) await clear.click();
  const answered = page.waitForResponse((response) => isAnswer(response));
  await press(page, example);
  const answer = JSON.parse(bodies.get((await answered).request()) ?? 'null') as Awaited<ReturnType<typeof send>>;
  await page.locator('app-query-result .cm-content').getByText('"data"').waitFor();
  for (const [field, token] of Object.entries({ login: 'accessToken', unlockVault: 'vaultToken' })) {
    if ((answer.data as Record<string, unknown> | null)?.[field])
      await page.getByText(`Updated active environment variables: ${token}.`).last().waitFor();
  }
  return answer;
}

/** Repeats the click until a request is sent, because a click during rendering is lost. */
async function press(page: Page, example: Example | undefined): Promise<void> {
  for (let time = 0; time < 5; time += 1) {
    const asked = isDone(page.waitForRequest(`${service.url}/graphql`, { timeout: 15_000 }));
    if (example) await pressAbove(page, example);
    else await page.getByRole('button', { name: 'Send Request' }).click();
    if (await asked) return;
  }
}

/**
 * Scrolls until the button of the operation exists, because the editor renders only the visible part, and presses it.
 */
async function pressAbove(page: Page, { document, name: example }: Example): Promise<void> {
  const [, kind = '', name = ''] = /^(query|mutation|subscription) (\w+)/m.exec(document) ?? [];
  const button = page.locator('.query-editor__line-widget').getByText(`(Send ${kind} ${name})`);
  const editor = page.locator('.query-editor__input .cm-scroller, app-query-editor .cm-scroller').first();
  await editor.evaluate((element) => element.scrollTo(0, 0));
  for (let time = 0; time < 60; time += 1) {
    await page.waitForTimeout(60); // the previous content is still there for a moment
    if ((await button.isVisible()) && (await isDone(button.click({ timeout: 2_000 })))) return;
    await editor.evaluate((element) => element.scrollBy(0, 120));
  }
  throw new Error(`There is no button above ${example}.`);
}

const isDone = (act: Promise<unknown>): Promise<boolean> =>
  act.then(
    () => true,
    () => false,
  );

const isAnswer = (response: Response): boolean =>
  response.url() === `${service.url}/graphql` &&
  !/IntrospectionQuery|SignedInUser|mutation \(\$input: LoginInput!\)/.test(response.request().postData() ?? '');

const shown = (page: Page): Promise<string> => page.locator('app-query-result .cm-content').innerText();

async function picture(page: Page, colorScheme: string, name: string): Promise<void> {
  await page.waitForTimeout(400); // transitions
  await page.screenshot({ path: join(pictures ?? tmpdir(), `${colorScheme} ${name}.png`.replaceAll(' ', '-').toLowerCase()) });
}

/** Starts the built service in a process with its own folders. */
async function startService(): Promise<typeof service> {
  const folder = await mkdtemp(join(tmpdir(), 'unionhall-browser-'));
  const child = spawn(process.execPath, [join(project, 'dist', 'src', 'main.js'), 'start'], {
    cwd: project,
    env: {
      PATH: process.env['PATH'],
      PORT: '0',
      LOG_LEVEL: 'warn',
      UNIONHALL_DATA_DIR: join(folder, 'data'),
      UNIONHALL_CONFIG_DIR: join(folder, 'config'),
    },
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const ended = new Promise<void>((resolve) => child.once('exit', () => resolve()));
  const stop = async (): Promise<void> => {
    child.kill();
    await ended;
    await rm(folder, { recursive: true, force: true });
  };
  try {
    return { url: await announced(child), stop };
  } catch (error) {
    await stop();
    throw error;
  }
}

/** Returns the address that the service prints. */
function announced(child: ChildProcess): Promise<string> {
  return new Promise((resolve, reject) => {
    let said = '';
    child.stdout?.on('data', (text: Buffer) => {
      said += text.toString();
      const [, url] = /answers at \S*?(http:\/\/[\w.:]+)\/graphql/.exec(said) ?? [];
      if (url) resolve(url);
    });
    child.once('error', reject);
    child.once('exit', (code) => reject(new Error(`The service ended with ${code} before it answered: build it first. ${said}`)));
  });
}
