import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { setTimeout } from 'node:timers/promises';
import { chromium, type Browser, type BrowserContext, type Page } from 'playwright-core';
import { startProcess, type Process } from '../support/process.ts';

// Tests several browser tabs that share a session, with the built service. Run it with `npm run test:browser`; set
// TABS_SECONDS=60 for a longer test.

const program = process.env['CHROMIUM'] || '/usr/bin/chromium';
const seconds = Number(process.env['TABS_SECONDS'] ?? 10);
/** The average delay between two refreshes in the busiest tab, in milliseconds. */
const pause = Number(process.env['TABS_PAUSE'] ?? 300);
const refreshName = 'unionhall_refresh';

let folder: string;
let service: Process;
let browser: Browser;

before(async () => {
  assert.ok(existsSync(program), `Chromium is not at ${program}: install it, or say where it is with CHROMIUM=/path/to/chromium.`);
  folder = await mkdtemp(join(tmpdir(), 'unionhall-tabs-'));
  service = await startProcess(join(import.meta.dirname, '..', '..', 'dist', 'src', 'main.js'), {
    PORT: '0',
    LOG_LEVEL: 'warn',
    HIBP_URL: 'off',
    LIMIT_REFRESH: '9999/60',
    UNIONHALL_DATA_DIR: join(folder, 'data'),
    UNIONHALL_CONFIG_DIR: join(folder, 'config'),
  });
  browser = await chromium.launch({
    executablePath: program,
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
  if (folder) await rm(folder, { recursive: true, force: true });
});

void test(`three tabs that refresh for ${seconds} s stay signed in`, async () => {
  await inTabs('officer', async (tabs, context) => {
    const counts = await Promise.all(tabs.map((page, place) => page.evaluate(refreshOften, { seconds, pause: pause * (place + 1) })));
    for (const { refused, refreshed } of counts) {
      assert.deepEqual(refused, []);
      assert.ok(refreshed > seconds / 3, `a tab refreshed ${refreshed} times`);
    }
    // Without a lock, one of two concurrent refreshes loses the race. With three, one could lag two refreshes behind.
    for (let round = 0; round < 30; round += 1) {
      const at = Date.now() + 250;
      const pair = tabs.filter((_, place) => place !== round % 3);
      const answers = await Promise.all(pair.map((page) => page.evaluate(refreshAt, at)));
      assert.deepEqual(answers, [null, null]);
    }
    for (const page of tabs) {
      const { code, accessToken } = await page.evaluate(refreshOnce);
      assert.equal(code, null);
      assert.equal(await page.evaluate(whoAmI, accessToken), 'officer');
    }
    assert.match(await tokenIn(context), /^rft1\./);
  });
});

void test('the tokens of the browser are unreadable for the page and other sites', async () => {
  await inTabs('member', async ([page], context) => {
    assert.equal(await page?.evaluate('document.cookie'), '');
    for (const cookie of await context.cookies(`${service.url}/graphql`))
      assert.deepEqual([cookie.httpOnly, cookie.sameSite, cookie.path], [true, 'Strict', '/graphql']);
    assert.deepEqual(await context.cookies(`${service.url}/livez`), []);
  });
});

void test('a forged token affects no session', async () => {
  await inTabs('staff', async (tabs, context) => {
    const token = await tokenIn(context);
    const forged = `${token.slice(0, -8)}${token.at(-8) === 'A' ? 'B' : 'A'}${token.slice(-7)}`;
    for (let time = 0; time < 5; time += 1) assert.equal(await refreshElsewhere(forged), 'UNAUTHENTICATED');
    for (const page of tabs) assert.equal((await page.evaluate(refreshOnce)).code, null);
    // The same for a request that the browser itself sends: its token is lost, but the session continues.
    const newest = await tokenIn(context);
    await context.addCookies([
      { name: refreshName, value: forged, domain: '127.0.0.1', path: '/graphql', httpOnly: true, sameSite: 'Strict' },
    ]);
    for (const page of tabs) assert.equal((await page.evaluate(refreshOnce)).code, 'UNAUTHENTICATED');
    assert.equal(await refreshElsewhere(newest), null);
  });
});

void test('a stolen older token ends the session in all tabs and causes an alert mail', async () => {
  await inTabs('organizer', async (tabs, context) => {
    const stolen = await tokenIn(context);
    const accessTokens: (string | null)[] = [];
    for (const page of tabs) accessTokens.push((await page.evaluate(refreshOnce)).accessToken);
    for (const [place, page] of tabs.entries()) assert.equal(await page.evaluate(whoAmI, accessTokens[place] ?? null), 'organizer');
    const kept = await tokenIn(context);
    assert.equal(await refreshElsewhere(stolen), 'UNAUTHENTICATED');
    for (const [place, page] of tabs.entries()) {
      assert.equal(await page.evaluate(whoAmI, accessTokens[place] ?? null), 'UNAUTHENTICATED');
      assert.equal((await page.evaluate(refreshOnce)).code, 'UNAUTHENTICATED');
    }
    assert.equal(await tokenIn(context), kept, 'a refusal leaves the cookie as it is');
    await untilSaid(/You were signed out for your safety[^]*?"organizer"/);
    assert.deepEqual(new Set([...service.said().matchAll(/account "(\w+)", /g)].map(([, name]) => name)), new Set(['organizer']));
  });
});

/** Signs in with cookies in the first of three tabs, and returns all three. */
async function inTabs(username: string, act: (tabs: readonly Page[], context: BrowserContext) => Promise<void>): Promise<void> {
  const context = await browser.newContext();
  try {
    const tabs = [await context.newPage(), await context.newPage(), await context.newPage()];
    for (const page of tabs) await page.goto(service.url);
    assert.equal(await tabs[0]?.evaluate(signIn, username), null);
    await act(tabs, context);
  } finally {
    await context.close();
  }
}

async function tokenIn(context: BrowserContext): Promise<string> {
  const cookie = (await context.cookies(`${service.url}/graphql`)).find(({ name }) => name === refreshName);
  assert.ok(cookie, 'the refresh token is in its cookie');
  return cookie.value;
}

/** Refreshes with a stolen token and no browser. @returns the error code, or null. */
async function refreshElsewhere(token: string): Promise<string | null> {
  const response = await fetch(`${service.url}/graphql`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', cookie: `${refreshName}=${token}` },
    body: JSON.stringify({ query: 'mutation { refresh { accessToken } }' }),
  });
  const { errors = [] } = (await response.json()) as { errors?: { extensions: { code: string } }[] };
  return errors[0]?.extensions.code ?? null;
}

/** The queue checks for mail every few seconds. */
async function untilSaid(what: RegExp): Promise<void> {
  for (let time = 0; time < 150; time += 1) {
    if (what.test(service.said())) return;
    await setTimeout(100);
  }
  assert.match(service.said(), what);
}

// The following functions run in the page, each sent there as text.

interface Said {
  data: { login?: Tokens; refresh?: Tokens; me?: { username: string } } | null;
  errors?: { extensions: { code: string } }[];
}

interface Tokens {
  accessToken: string;
  refreshToken: string | null;
  deviceToken: string | null;
}

async function signIn(username: string): Promise<string | null> {
  const query = 'mutation ($input: LoginInput!) { login(input: $input) { ... on SignedIn { refreshToken deviceToken } } }';
  const input = { identifier: username, password: 'unionhall-dev', cookie: true };
  const headers = { 'content-type': 'application/json' };
  const response = await fetch('/graphql', { method: 'POST', headers, body: JSON.stringify({ query, variables: { input } }) });
  const { data, errors = [] } = (await response.json()) as Said;
  return errors[0]?.extensions.code ?? data?.login?.refreshToken ?? data?.login?.deviceToken ?? null;
}

async function refreshOnce(): Promise<{ code: string | null; accessToken: string | null }> {
  const body = JSON.stringify({ query: 'mutation { refresh { accessToken refreshToken } }' });
  const response = await fetch('/graphql', { method: 'POST', headers: { 'content-type': 'application/json' }, body });
  const { data, errors = [] } = (await response.json()) as Said;
  if (data?.refresh?.refreshToken) throw new Error('The refresh token is in the answer.');
  return { code: errors[0]?.extensions.code ?? null, accessToken: data?.refresh?.accessToken ?? null };
}

async function refreshAt(at: number): Promise<string | null> {
  await new Promise((resolve) => globalThis.setTimeout(resolve, at - Date.now()));
  const body = JSON.stringify({ query: 'mutation { refresh { accessToken } }' });
  const response = await fetch('/graphql', { method: 'POST', headers: { 'content-type': 'application/json' }, body });
  const { errors = [] } = (await response.json()) as Said;
  return errors[0]?.extensions.code ?? null;
}

async function whoAmI(accessToken: string | null): Promise<string> {
  const headers = { 'content-type': 'application/json', authorization: `Bearer ${accessToken}` };
  const response = await fetch('/graphql', { method: 'POST', headers, body: JSON.stringify({ query: '{ me { username } }' }) });
  const { data, errors = [] } = (await response.json()) as Said;
  return errors[0]?.extensions.code ?? data?.me?.username ?? '';
}

/** Refreshes repeatedly, one tab at a time, as docs/identity.md requires of a client. */
async function refreshOften(given: { seconds: number; pause: number }): Promise<{ refreshed: number; refused: string[] }> {
  const post = async (query: string, more: Record<string, string> = {}) => {
    const headers = { 'content-type': 'application/json', ...more };
    const response = await fetch('/graphql', { method: 'POST', headers, body: JSON.stringify({ query }) });
    return (await response.json()) as Said;
  };
  const refused: string[] = [];
  let refreshed = 0;
  for (const end = Date.now() + given.seconds * 1000; Date.now() < end; refreshed += 1) {
    const { data, errors = [] } = await navigator.locks.request('refresh', () => post('mutation { refresh { accessToken } }'));
    for (const { extensions } of errors) refused.push(`refresh ${refreshed}: ${extensions.code}`);
    const me = await post('{ me { id } }', { authorization: `Bearer ${data?.refresh?.accessToken}` });
    for (const { extensions } of me.errors ?? []) refused.push(`me ${refreshed}: ${extensions.code}`);
    await new Promise((resolve) => globalThis.setTimeout(resolve, (0.5 + Math.random()) * given.pause));
  }
  return { refreshed, refused };
}
