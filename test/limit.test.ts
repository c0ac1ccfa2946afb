import 'reflect-metadata';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import type { MikroORM } from '@mikro-orm/postgresql';
import { readConfig } from '../src/config.ts';
import { networkOf, reserveAttempt, takeAttempt, type LimitName } from '../src/services/limit.ts';
import type { RunSql } from '../src/services/scope.ts';
import { severalNodes, type Nodes } from './factor.kit.ts';
import { client, codeOf, embedded, Local, password, rules } from './session.kit.ts';
import { aLocal } from './support/local.ts';

let orm: MikroORM;
let runSql: RunSql;
let local: Local;
let settled = 0;

beforeAll(async () => {
  ({ orm, runSql } = await embedded());
}, 60_000);
afterAll(async () => orm.close());
beforeEach(() => {
  local = new Local(orm, runSql);
  local.rules = { ...rules, limits: { ...rules.limits, 'mail-account': { turns: 3, seconds: 60 } } };
});

const take = (key: string, name: LimitName = 'mail-account') => takeAttempt(local.scope, name, key);
const refusal = (key: string) =>
  take(key).then(
    () => null,
    (error: unknown) => error,
  );

describe('a limit', () => {
  it('allows a number of turns, then reports the wait, and allows one again exactly after it', async () => {
    for (const wait of [0, 10, 10]) {
      local.clock.turn(wait);
      await take('a');
    }
    expect(await refusal('a')).toMatchObject({ code: 'RATE_LIMITED', details: { retryAfter: 40 } });
    local.clock.turn(39);
    expect(await refusal('a')).toMatchObject({ details: { retryAfter: 1 } });
    local.clock.turn(1);
    await take('a');
    expect(await refusal('a')).toMatchObject({ details: { retryAfter: 10 } });
  });

  it('allows no more than that in any time window', async () => {
    const given: number[] = [];
    for (let second = 0; second < 300; second++) {
      if ((await refusal('window')) === null) given.push(second);
      local.clock.turn(1);
    }
    for (const from of given) expect(given.filter((at) => at >= from && at < from + 60).length).toBeLessThanOrEqual(3);
    expect(given).toHaveLength(15);
  });

  it('rounds the wait up to whole seconds', async () => {
    for (let turn = 0; turn < 3; turn++) await take('b');
    local.clock.turn(0.5);
    expect(await refusal('b')).toMatchObject({ details: { retryAfter: 60 } });
    local.clock.turn(59.4);
    expect(await refusal('b')).toMatchObject({ details: { retryAfter: 1 } });
  });

  it('is not extended by refused attempts', async () => {
    for (let turn = 0; turn < 3; turn++) await take('c');
    for (let turn = 0; turn < 20; turn++) expect(await refusal('c')).not.toBeNull();
    local.clock.turn(60);
    expect(await refusal('c')).toBeNull();
  });

  it('counts each key and each name separately', async () => {
    for (let turn = 0; turn < 3; turn++) await take('d');
    expect(await refusal('e')).toBeNull();
    await take('d', 'register');
    expect(await refusal('d')).not.toBeNull();
  });

  it('follows a change of its setting, up and down', async () => {
    const set = (turns: number) => (local.rules = { ...rules, limits: { ...rules.limits, 'mail-account': { turns, seconds: 60 } } });
    for (let turn = 0; turn < 3; turn++) await take('f');
    set(5);
    expect(await refusal('f')).toBeNull();
    set(2);
    expect(await refusal('f')).not.toBeNull();
    local.clock.turn(60);
    for (const isGiven of [true, true, false]) expect((await refusal('f')) === null).toBe(isGiven);
  });

  it('stores keys only as hashes, and turns only as long as they count', async () => {
    await runSql('delete from rate_limits', []);
    for (let turn = 0; turn < 9; turn++) {
      await refusal('198.51.100.7');
      local.clock.turn(61);
    }
    const rows = (await runSql('select key, cardinality(turns) as turns from rate_limits', [])) as { key: string; turns: number }[];
    expect(rows).toHaveLength(1);
    for (const { key, turns } of rows) {
      expect(key).toMatch(/^[\w-]{43}$/);
      expect(turns).toBe(1);
    }
  });

  it('returns one attempt, and no other of the same instant', async () => {
    const [first] = [await reserveAttempt(local.scope, 'mail-account', 'h'), await take('h'), await take('h')];
    expect(await refusal('h')).not.toBeNull();
    await first.giveBack();
    expect(await refusal('h')).toBeNull();
    const refused = await reserveAttempt(local.scope, 'mail-account', 'h');
    await refused.giveBack(); // it was never taken
    expect([refused.wait, (await refusal('h')) === null]).toEqual([60, false]);
  });

  it('refuses an attempt inside a transaction that could undo it', async () => {
    await expect(local.scope.transaction((tx) => takeAttempt(tx, 'register', 'g'))).rejects.toThrow('before opening the transaction');
  });
});

describe('the network of an address', () => {
  it.each([
    ['203.0.113.7', '203.0.113.7'],
    ['::ffff:203.0.113.7', '203.0.113.7'],
    ['2001:db8:1:2:3:4:5:6', '2001:db8:1:2'],
    ['2001:0DB8:0001:0002::1', '2001:db8:1:2'],
    ['2001:db8::1', '2001:db8:0:0'],
    ['::1', '0:0:0:0'],
    ['fe80::1%eth0', 'fe80:0:0:0'],
    [null, ''],
  ])('%s counts as %s', (address, network) => {
    expect(networkOf(address)).toBe(network);
  });
});

describe('the defaults', () => {
  it('have the documented values', () => {
    expect(readConfig({}).sessions.limits).toEqual({
      'sign-in': { turns: 20, seconds: 300 },
      'second-factor': { turns: 10, seconds: 900 },
      'mail-account': { turns: 3, seconds: 900 },
      'mail-address': { turns: 20, seconds: 3600 },
      register: { turns: 5, seconds: 3600 },
      refresh: { turns: 60, seconds: 60 },
      connection: { turns: 10, seconds: 60 },
      token: { turns: 20, seconds: 300 },
      refusal: { turns: 100, seconds: 3600 },
    });
  });

  it.each(['20', '20/', '0/300', '20/0', '-1/3', '20/300/1', '1e3/5', '20 / 300', '99999/1'])('cannot be set to %s', (text) => {
    expect(() => readConfig({ LIMIT_SIGN_IN: text })).toThrow('LIMIT_SIGN_IN');
  });

  it('allow twenty wrong sign-ins from one address in five minutes, for any user, and do not count successful ones', async () => {
    local.rules = { ...rules, limits: readConfig({}).sessions.limits };
    await local.settle(`limited.${++settled}`);
    const guess = (n: number) => codeOf(local.login({ identifier: `nobody${n}` }));
    for (let turn = 0; turn < 25; turn++) expect(await codeOf(local.login())).toBe('no refusal');
    for (let turn = 0; turn < 19; turn++) expect(await guess(turn)).toBe('BAD_CREDENTIALS');
    for (let turn = 0; turn < 25; turn++) expect(await codeOf(local.login())).toBe('no refusal');
    expect(await guess(20)).toBe('BAD_CREDENTIALS');
    await expect(local.login()).rejects.toMatchObject({ code: 'RATE_LIMITED', details: { retryAfter: 300 } });
    const elsewhere = { ...client, ipAddress: '203.0.113.8' };
    expect(await codeOf(local.sessions.login({ identifier: local.user.username, password }, elsewhere))).toBe('no refusal');
    local.clock.turn(300);
    expect(await codeOf(local.login())).toBe('no refusal');
  });

  it('give a known device and a session their own turns, only for their own account', async () => {
    local.rules = { ...rules, limits: readConfig({}).sessions.limits };
    await local.settle(`known.${++settled}`);
    const { accessToken, deviceToken } = await local.login();
    const viewer = await local.viewer(accessToken);
    if (viewer === null) throw new Error('Nobody is signed in');
    const here = { ...client, ipAddress: '203.0.113.99' };
    const signIn = (input: object) =>
      codeOf(local.sessions.login({ identifier: local.user.username, password, deviceToken, ...input }, here));
    for (let turn = 0; turn < 20; turn++) expect(await signIn({ identifier: `junk${turn}` })).toBe('BAD_CREDENTIALS');
    // the address has no turn left, and a device is known to its own account only
    expect(await signIn({ identifier: 'junk' })).toBe('RATE_LIMITED');
    expect(await signIn({ deviceToken: null })).toBe('RATE_LIMITED');
    for (let turn = 0; turn < 25; turn++) expect(await signIn({})).toBe('no refusal');
    for (let turn = 0; turn < 25; turn++)
      expect(await codeOf(local.sessions.reauthenticate(viewer, { password }, here))).toBe('no refusal');
    // its own turns are limited too, and belong to it alone
    local.rules = { ...local.rules, loginAttempts: 100 };
    for (let turn = 0; turn < 20; turn++) expect(await signIn({ password: 'wrong' })).toBe('BAD_CREDENTIALS');
    expect(await signIn({})).toBe('RATE_LIMITED');
    expect(await codeOf(local.sessions.reauthenticate(viewer, { password }, here))).toBe('no refusal');
  });

  it('allow sixty refreshes per session and minute, and forged tokens take none', async () => {
    local.rules = { ...rules, limits: { ...rules.limits, refresh: readConfig({}).sessions.limits.refresh } };
    await local.settle(`refreshing.${++settled}`);
    let { refreshToken } = await local.login();
    const other = await local.login();
    for (let turn = 0; turn < 70; turn++) expect(await codeOf(local.refresh(`${refreshToken}A`))).toBe('UNAUTHENTICATED');
    for (let turn = 0; turn < 60; turn++) ({ refreshToken } = await local.refresh(refreshToken));
    await expect(local.refresh(refreshToken)).rejects.toMatchObject({ code: 'RATE_LIMITED', details: { retryAfter: 60 } });
    expect(await codeOf(local.refresh(other.refreshToken))).toBe('no refusal');
    local.clock.turn(60);
    expect(await codeOf(local.refresh(refreshToken))).toBe('no refusal');
  });
});

describe('on several nodes', () => {
  let several: Nodes;
  beforeAll(async () => {
    several = await severalNodes(2);
  }, 60_000);
  afterAll(async () => several.close());

  it.each([1, 2, 3, 4, 5])('allows exactly the maximum to concurrent callers (round %s)', async (round) => {
    const codes = await Promise.all(
      Array.from({ length: 32 }, (_, index) => {
        const node = several.nodes[index % 2] as Local;
        node.rules = { ...rules, limits: { ...rules.limits, register: { turns: 7, seconds: 60 } } };
        return codeOf(takeAttempt(node.scope, 'register', `round ${round}`));
      }),
    );
    expect(codes.filter((code) => code === 'no refusal')).toHaveLength(7);
    expect(codes.filter((code) => code === 'RATE_LIMITED')).toHaveLength(25);
  });
});

describe('the service', () => {
  it('refuses the sign-in after the last turn with the seconds to wait, and keeps existing sessions', async () => {
    const running = await aLocal({ environment: { LIMIT_SIGN_IN: '3/300' } });
    running.clock.stop();
    await running.admin.see('{ me { id } }');
    const query = 'mutation { login(input: { identifier: "staff", password: "wrong" }) { __typename } }';
    for (const code of ['BAD_CREDENTIALS', 'BAD_CREDENTIALS', 'BAD_CREDENTIALS', 'RATE_LIMITED']) {
      const { codes, errors } = await running.anonymous.ask(query);
      expect(codes).toEqual([code]);
      if (code === 'RATE_LIMITED') expect(errors[0]?.extensions['retryAfter']).toBe(300);
    }
    await running.admin.see('{ me { id } }');
  });
});
