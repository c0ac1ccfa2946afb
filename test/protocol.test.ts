import { once } from 'node:events';
import { request } from 'node:http';
import { beforeAll, describe, expect, it } from '@jest/globals';
import { readAddress } from '../src/http/address.ts';
import { WebSocket } from 'ws';
import { socketUrl } from './live.kit.ts';
import { aLocal, type Local } from './support/local.ts';

// Tests unusual requests by the rules of GraphQL over HTTP and WebSockets, and the handling of addresses.

const lines: string[] = [];
let local: Local;
beforeAll(async () => {
  const environment = { LOG_LEVEL: 'info', TRUSTED_PROXIES: '127.0.0.1' };
  local = await aLocal({ environment, logTo: { write: (line) => void lines.push(line) } });
});

interface Raw {
  readonly status: number;
  readonly headers: Readonly<Record<string, unknown>>;
  readonly body: string;
}

/** Sends headers unchanged: an array is one header sent several times. */
function send(path: string, headers: Record<string, string | string[]>, body?: string): Promise<Raw> {
  return new Promise((resolve, reject) => {
    const asking = request(`${local.url}${path}`, { method: body === undefined ? 'GET' : 'POST', headers }, (response) => {
      const parts: Buffer[] = [];
      response.on('data', (part: Buffer) => parts.push(part));
      response.once('end', () =>
        resolve({ status: response.statusCode ?? 0, headers: response.headers, body: Buffer.concat(parts).toString() }),
      );
    });
    asking.once('error', reject).end(body);
  });
}

const json = { 'content-type': 'application/json' };
const post = (query: string, headers: Record<string, string | string[]> = {}, more: object = {}): Promise<Raw> =>
  send('/graphql', { ...json, ...headers }, JSON.stringify({ query, ...more }));

describe('a null variable for an argument with a default', () => {
  const fieldsOf = async (query: string, variables: object) => {
    const { errors, data } = await local.admin.ask(query, variables);
    return errors.length === 0 ? data : [errors.map(({ extensions: { code } }) => code), errors.map((e) => e.extensions['fields'])];
  };
  const required = (path: string) => [['BAD_INPUT'], [[{ path, message: 'is required' }]]];

  it('is BAD_INPUT with its path, each time it is sent, and logs no error', async () => {
    const before = lines.length;
    const connect = `mutation ($p: Int) {
      testConnection(input: { host: "h", database: "d", username: "u", password: "not-for-logs", port: $p }) { status }
    }`;
    for (let round = 0; round < 6; round += 1) {
      expect(await fieldsOf(connect, { p: null })).toEqual(required('input.port'));
      expect(await fieldsOf('query ($d: Boolean) { members(includeDeleted: $d) { totalCount } }', { d: null })).toEqual(
        required('includeDeleted'),
      );
    }
    const said = lines.slice(before);
    expect(said.join('')).not.toContain('not-for-logs');
    expect(said.filter((line) => (JSON.parse(line) as { level: number }).level >= 40)).toEqual([]);
  });

  it.each<[string, string, object, string]>([
    [
      'in a fragment',
      'query ($d: Boolean) { ...f } fragment f on Query { members(includeDeleted: $d) { totalCount } }',
      {},
      'includeDeleted',
    ],
    [
      'as the default of the variable',
      'query ($d: Boolean = null) { members(includeDeleted: $d) { totalCount } }',
      { d: undefined },
      'includeDeleted',
    ],
    ['for the condition of a directive', 'query ($d: Boolean = true) { isConfigured @include(if: $d) }', {}, 'if'],
    [
      'in a list',
      'query ($d: Date = "2026-01-02") { members(filter: { hireDate: { in: ["2026-03-01", $d] } }) { totalCount } }',
      {},
      'filter.hireDate.in[1]',
    ],
  ])('is found %s', async (_what, query, variables, path) => {
    expect(await fieldsOf(query, { d: null, ...variables })).toEqual(required(path));
  });

  it('is accepted if the default applies, or if the field is omitted', async () => {
    const members = { members: { totalCount: expect.any(Number) } };
    expect(await fieldsOf('query ($d: Boolean) { members(includeDeleted: $d) { totalCount } }', {})).toEqual(members);
    for (const condition of ['@include(if: $w)', '@skip(if: true)']) {
      const query = `query ($d: Boolean, $w: Boolean = false) {
        a: isConfigured @skip(if: $w)
        ... on Query ${condition} { members(includeDeleted: $d) { totalCount } }
      }`;
      expect(await fieldsOf(query, { d: null })).toEqual({ a: false });
    }
  });
});

describe('GraphQL over HTTP', () => {
  it('treats an empty operation name as missing', async () => {
    const query = encodeURIComponent('{ isConfigured }');
    const preflight = { 'apollo-require-preflight': '1' };
    for (const path of [`/graphql?query=${query}&operationName=`, `/graphql?operationName=&query=${query}`])
      expect((await send(path, preflight)).body).toBe('{"data":{"isConfigured":false}}\n');
    expect((await post('{ isConfigured }', {}, { operationName: '' })).body).toBe('{"data":{"isConfigured":false}}\n');
  });

  it('forbids caching of this and all other computed responses', async () => {
    const query = encodeURIComponent('{ isConfigured }');
    const answers = [
      await send(`/graphql?query=${query}`, { 'apollo-require-preflight': '1' }),
      await send('/graphql?query=', { 'apollo-require-preflight': '1' }),
      await send('/graphql?query=%7B', { 'apollo-require-preflight': '1' }),
      await send(`/graphql?query=${query}`, {}),
      await post('{ isConfigured }'),
      await send('/graphql', json, '{'),
      await send('/graphql', { ...json, upgrade: 'websocket', connection: 'upgrade' }),
      await send('/health', {}),
      await send('/livez', {}),
      await send('/nothing', {}),
      await send('/%zz', {}),
      await send('/livez', { expect: 'a miracle' }),
    ];
    expect(answers.map(({ headers }) => headers['cache-control'])).toEqual(answers.map(() => 'no-store'));
  });

  it('answers an undecodable path like an unknown path', async () => {
    const { status, headers, body } = await send('/%zz', {});
    expect([status, JSON.parse(body)]).toEqual([400, { error: expect.not.stringContaining('zz') }]);
    expect(headers).toMatchObject({ 'x-content-type-options': 'nosniff', 'x-request-id': expect.stringMatching(/^[\w-]{36}$/) });
  });

  it('ignores an unknown expectation', async () => {
    expect(await send('/livez', { expect: 'a miracle' })).toMatchObject({ status: 200, body: '{"status":"alive"}' });
  });

  it.each(['authorization', 'x-vault-token', 'idempotency-key'])('refuses two %s headers', async (name) => {
    const { status, body } = await post('{ isConfigured }', { [name]: ['one', 'two'] });
    expect([status, JSON.parse(body)]).toEqual([
      400,
      { errors: [{ message: expect.stringContaining(name), extensions: { code: 'BAD_INPUT', requestId: expect.any(String) } }] },
    ]);
  });

  it.each([
    ['an alias', '{ __proto__: isConfigured }', {}],
    ['an alias within', '{ isConfigured ...f } fragment f on Query { members { __proto__: totalCount } }', {}],
    ['a variable', 'query ($__proto__: Int) { members(first: $__proto__) { totalCount } }', {}],
    ['a field of an input', '{ members(filter: { __proto__: { id: { eq: "x" } } }) { totalCount } }', {}],
    ['a variable that nobody declared', '{ isConfigured }', { variables: JSON.parse('{ "__proto__": { "a": 1 } }') as object }],
  ])('refuses __proto__ as the name of %s', async (_what, query, more) => {
    expect(JSON.parse((await post(query, {}, more)).body)).toMatchObject({ errors: [{ extensions: { code: 'BAD_INPUT' } }] });
    expect(({} as Record<string, unknown>)['a']).toBeUndefined();
  });

  it('answers fields that are called like a property of every object, compiled and interpreted', async () => {
    const query = '{ constructor: isConfigured hasOwnProperty: isConfigured toString: __typename valueOf: isConfigured }';
    const expected = { constructor: false, hasOwnProperty: false, toString: 'Query', valueOf: false };
    for (let round = 0; round < 6; round += 1) expect(JSON.parse((await post(query)).body)).toEqual({ data: expected });
    const named = 'query ($constructor: Int, $toString: Int) { a: members(first: $constructor) { totalCount } b: isConfigured }';
    expect((await local.admin.ask(named, { constructor: 5 })).codes).toEqual(['BAD_INPUT']); // one is not used
    const used = 'query ($constructor: Int) { members(first: $constructor) { totalCount } }';
    for (const variables of [{}, { constructor: 5 }])
      expect(await local.admin.see(used, variables)).toEqual({ members: { totalCount: expect.any(Number) } });
  });

  it('logs an operation without a name by its root fields', async () => {
    const id = (await post('{ isConfigured x: __typename y: isConfigured }')).headers['x-request-id'];
    expect(JSON.parse(lines.find((line) => line.includes(String(id))) ?? '{}')).toMatchObject({ operation: 'isConfigured __typename' });
  });
});

describe('a socket', () => {
  it('is refused before its acknowledgement if the token has expired, within the clock tolerance', async () => {
    const token = await local.officer.token();
    let isAcknowledged = false;
    local.clock.stop();
    local.clock.turn(30 * 60 + 10);
    const socket = new WebSocket(socketUrl(local.url), 'graphql-transport-ws');
    const closed = once(socket, 'close') as Promise<[number, Buffer]>;
    socket.on('message', () => (isAcknowledged = true));
    await once(socket, 'open');
    socket.send(JSON.stringify({ type: 'connection_init', payload: { authorization: `Bearer ${String(token)}` } }));
    const [code] = await closed;
    local.clock.turn(-(30 * 60 + 10));
    expect([code, isAcknowledged]).toEqual([4403, false]);
  });
});

describe('a client address', () => {
  it.each([
    ['203.0.113.8', '203.0.113.8'],
    ['203.0.113.8:51000', '203.0.113.8'],
    ['[2001:db8::1]:51234', '2001:db8::1'],
    ['[2001:db8::1]', '2001:db8::1'],
    ['2001:DB8::1', '2001:db8::1'],
    ['fe80::1%eth0', 'fe80::1'],
    ['::ffff:1.2.3.4', '1.2.3.4'],
    ['::FFFF:0102:0304', '1.2.3.4'],
    ['[::ffff:1.2.3.4]:80', '1.2.3.4'],
    [' 203.0.113.8 ', '203.0.113.8'],
    ['unknown', null],
    ['_hidden', null],
    ['203.0.113.8:', null],
    ['203.0.113', null],
    ['300.1.1.1:80', null],
    ['[junk]:80', null],
    ['', null],
    [undefined, null],
  ])('is parsed from %p as %p', (said, address) => {
    expect(readAddress(said)).toBe(address);
  });

  it.each([
    ['203.0.113.8:51000', '203.0.113.8'],
    ['[2001:db8::1]:51234', '2001:db8::1'],
    ['::ffff:198.51.100.4', '198.51.100.4'],
    ['198.51.100.9:1, 127.0.0.1:2', '198.51.100.9'],
    ['junk', '127.0.0.1'],
    ['203.0.113.9, junk', '127.0.0.1'],
  ])('is stored and counted as the trusted proxy names it, if that is an address: %s', async (said, address) => {
    const name = `nobody-${said.replace(/\W/g, '')}`;
    await local.sql('delete from denials');
    await post(`mutation { login(input: { identifier: "${name}", password: "wrong" }) { __typename } }`, { 'x-forwarded-for': said });
    let rows: readonly Record<string, unknown>[] = [];
    while (rows.length === 0) rows = await local.sql('select ip_address from denials');
    expect(rows).toEqual([{ ip_address: address }]);
  });

  it('causes one warning if a proxy in a private network is not trusted', async () => {
    const heard: string[] = [];
    const untrusting = await aLocal({ environment: { LOG_LEVEL: 'warn' }, logTo: { write: (line) => void heard.push(line) } });
    for (const said of ['203.0.113.7', '203.0.113.8']) await untrusting.anonymous.ask('{ isConfigured }', {}, { 'x-forwarded-for': said });
    expect(heard.filter((line) => line.includes('TRUSTED_PROXIES'))).toHaveLength(1);
    expect(lines.filter((line) => line.includes('TRUSTED_PROXIES'))).toEqual([]);
  });
});
