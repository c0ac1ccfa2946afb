import { describe, expect, it } from '@jest/globals';
import { readConfig } from '../src/config.ts';
import { aLocal, type Local } from './support/local.ts';

const production = { NODE_ENV: 'production', UNIONHALL_CONFIG_DIR: '/nowhere' };

describe('the configured cookies', () => {
  it.each<[string, Record<string, string>, object]>([
    ['of development', {}, { path: '/graphql', secure: false, sameSite: 'strict', refresh: 'unionhall_refresh' }],
    ['of production', production, { path: '/graphql', secure: true, sameSite: 'strict', refresh: '__Secure-unionhall_refresh' }],
    [
      'under a prefix',
      { PUBLIC_URL: 'https://union.example/hall/' },
      { path: '/hall/graphql', secure: true, sameSite: 'strict', refresh: '__Secure-unionhall_refresh' },
    ],
    [
      'of plain HTTP in production, where the operator says so',
      { ...production, COOKIE_SECURE: '0' },
      { path: '/graphql', secure: false, sameSite: 'strict', refresh: 'unionhall_refresh' },
    ],
    [
      'of another instance on the host, for every path',
      { ...production, COOKIE_NAME: 'local-12', COOKIE_PATH: '/' },
      { path: '/', secure: true, sameSite: 'strict', refresh: '__Host-local-12_refresh' },
    ],
    [
      'for a front end on another site',
      { PUBLIC_URL: 'https://front.example', COOKIE_PATH: '/graphql', COOKIE_SAME_SITE: 'none' },
      { path: '/graphql', secure: true, sameSite: 'none', refresh: '__Secure-unionhall_refresh' },
    ],
  ])('%s', (_, environment, expected) => {
    const { path, secure, sameSite, names } = readConfig({ NODE_ENV: 'test', ...environment }).cookies;
    expect({ path, secure, sameSite, refresh: names.refreshToken }).toEqual(expected);
    expect(names.deviceToken).toBe(names.refreshToken.replace('_refresh', '_device'));
  });

  it.each([
    [{ COOKIE_SAME_SITE: 'none' }, /COOKIE_SAME_SITE=none requires secure cookies/],
    [{ COOKIE_PATH: 'graphql' }, /COOKIE_PATH .*must begin with \//],
    [{ COOKIE_PATH: '/a; Domain=example' }, /COOKIE_PATH/],
    [{ COOKIE_NAME: 'a=b' }, /COOKIE_NAME/],
  ])('refuse %j', (environment, message) => {
    expect(() => readConfig({ NODE_ENV: 'test', ...environment })).toThrow(message);
  });
});

/** A client with the cookies of a browser. */
class Browser {
  readonly jar = new Map<string, string>();

  constructor(private readonly local: Local) {}

  async signIn(identifier: string, password = 'unionhall-dev'): Promise<readonly string[]> {
    const query = 'mutation ($input: LoginInput!) { login(input: $input) { ... on SignedIn { accessToken } } }';
    const cookie = [...this.jar].map(([name, value]) => `${name}=${value}`).join('; ');
    const reply = await this.local.anonymous.ask(query, { input: { identifier, password, cookie: true } }, { cookie });
    for (const line of reply.headers.getSetCookie()) {
      const [, name = '', value = ''] = /^([^=]+)=([^;]*)/.exec(line) ?? [];
      this.jar.set(name, decodeURIComponent(value));
    }
    return reply.codes;
  }

  get devices(): string[] {
    return (this.jar.get('unionhall_device') ?? '').split('~');
  }
}

describe('a browser of several users', () => {
  it('stays a known device of the last five', async () => {
    const local = await aLocal();
    const browser = new Browser(local);
    const people = ['officer', 'staff', 'organizer', 'instructor', 'vp'];
    for (const person of people) expect(await browser.signIn(person)).toEqual([]);
    const devices = browser.devices;
    expect(new Set(devices).size).toBe(5);
    const stranger = new Browser(local);
    for (let time = 0; time < 5; time++) expect(await stranger.signIn('officer', 'wrong')).toEqual(['BAD_CREDENTIALS']);
    expect(await stranger.signIn('officer')).toEqual(['BAD_CREDENTIALS']);
    expect(await browser.signIn('officer')).toEqual([]);
    expect(browser.devices).toEqual([devices.at(-1), ...devices.slice(0, -1)]);
    expect(await browser.signIn('president')).toEqual([]);
    expect(browser.devices).toHaveLength(5);
    expect(browser.devices).not.toContain(devices[3]);
    const [row] = await local.sql('select count(*)::int as count from devices');
    expect(row).toEqual({ count: 6 });
  });

  it('accepts only device tokens from a request', async () => {
    const local = await aLocal();
    const browser = new Browser(local);
    browser.jar.set('unionhall_device', ['x', '', 'dvt1.', `vlt1.${'A'.repeat(43)}`, 'y'.repeat(2000)].join('~'));
    expect(await browser.signIn('officer')).toEqual([]);
    expect(browser.devices).toEqual([expect.stringMatching(/^dvt1\.[A-Za-z0-9_-]{43}$/)]);
  });
});

describe('under a prefix', () => {
  it('cookies have the path that the browser knows, and the page has no absolute addresses', async () => {
    const local = await aLocal({ environment: { PUBLIC_URL: 'http://127.0.0.1/hall' } });
    const reply = await local.anonymous.ask('mutation ($input: LoginInput!) { login(input: $input) { ... on SignedIn { accessToken } } }', {
      input: { identifier: 'officer', password: 'unionhall-dev', cookie: true },
    });
    for (const line of reply.headers.getSetCookie()) expect(line).toContain('; Path=/hall/graphql; HttpOnly; SameSite=Strict');
    const front = await (await fetch(local.url)).text();
    const page = await (await fetch(`${local.url}/playground/`)).text();
    const script = await (await fetch(`${local.url}/playground/start.js`)).text();
    const windows = await (await fetch(`${local.url}/playground/windows.json`)).text();
    for (const text of [front, page, script, windows]) expect(text).not.toMatch(/(?:href|src|fetch|URL)[=(]\\?["']\//);
  });
});
