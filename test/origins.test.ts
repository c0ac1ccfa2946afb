import { once } from 'node:events';
import { beforeAll, describe, expect, it } from '@jest/globals';
import WebSocket from 'ws';
import { Origins } from '../src/http/origins.ts';
import { aLocal, type Local } from './support/local.ts';

const elsewhere = 'https://elsewhere.example';

describe('in development', () => {
  let local: Local;
  const lines: string[] = [];
  beforeAll(async () => {
    const logTo = { write: (line: string) => void lines.push(line) };
    local = await aLocal({ environment: { NODE_ENV: 'development', LOG_LEVEL: 'warn' }, logTo });
  });

  const allowedFor = async (origin: string) => {
    const asks = { origin, 'access-control-request-method': 'POST', 'access-control-request-headers': 'content-type' };
    const { headers } = await fetch(`${local.url}/graphql`, { method: 'OPTIONS', headers: asks });
    return headers.get('access-control-allow-origin');
  };

  const statusOf = async (headers: Record<string, string>): Promise<number> => {
    const socket = new WebSocket(`${local.url.replace('http', 'ws')}/graphql`, 'graphql-transport-ws', { headers });
    const refused = once(socket, 'unexpected-response').then(([, response]) => (response as { statusCode: number }).statusCode);
    const opened = once(socket, 'open').then(() => 101);
    socket.on('error', () => {});
    const status = await Promise.race([refused, opened]);
    socket.terminate();
    return status;
  };

  it.each(['http://localhost:5173', 'http://127.0.0.1:3000', 'https://localhost', 'http://[::1]:8080', 'http://app.localhost:5173'])(
    'allows %s, for HTTP and for WebSockets',
    async (origin) => {
      expect([await allowedFor(origin), await statusOf({ origin })]).toEqual([origin, 101]);
    },
  );

  it.each(['http://localhost.evil.example', 'http://127.0.0.1.evil.example:3000', 'https://evil.example/localhost', 'null', elsewhere])(
    'does not allow %s',
    async (origin) => {
      expect([await allowedFor(origin), await statusOf({ origin })]).toEqual([null, 403]);
    },
  );

  it('opens WebSockets to the same page behind a proxy that changes the host, and to no other site', async () => {
    const origin = 'https://union.example';
    expect(await statusOf({ origin, 'sec-fetch-site': 'same-origin' })).toBe(101);
    expect(await statusOf({ origin, 'sec-fetch-site': 'cross-site' })).toBe(403);
  });

  it('allows every header that the service reads', async () => {
    const names = ['authorization', 'content-type', 'idempotency-key', 'traceparent', 'x-explain', 'x-request-id', 'x-vault-token'];
    const origin = 'http://localhost:5173';
    const asks = { origin, 'access-control-request-method': 'POST', 'access-control-request-headers': names.join(',') };
    const { headers } = await fetch(`${local.url}/graphql`, { method: 'OPTIONS', headers: asks });
    const allowed = (headers.get('access-control-allow-headers') ?? '').split(', ');
    expect(names.filter((name) => !allowed.includes(name))).toEqual([]);
  });

  it('logs one line for refusals, with the name of the setting', () => {
    const refusals = lines.filter((line) => line.includes('Origin refused'));
    expect(refusals.map((line) => JSON.parse(line) as object)).toEqual([
      expect.objectContaining({ origin: 'http://localhost.evil.example', refused: 1, msg: expect.stringContaining('CORS_ORIGINS') }),
    ]);
  });
});

describe('outside development', () => {
  it('allows no port of localhost', () => {
    const origins = new Origins({ environment: 'production', corsOrigins: [] }, { warn: () => {} });
    expect(origins.allowed).toEqual([]);
    expect(origins.admits({ headers: { origin: 'http://localhost:5173' }, host: 'union.example' })).toBe(false);
  });
});

describe('the log', () => {
  it('has at most one line a minute, with the number of refusals since the last', () => {
    let now = 0;
    const logged: unknown[] = [];
    const log = { warn: (entry: unknown) => void logged.push(entry) };
    const origins = new Origins({ environment: 'production', corsOrigins: ['https://front.example'] }, log as never, () => now);
    const ask = (origin?: string) => origins.admits({ headers: { origin }, host: 'union.example' });
    expect([ask(), ask('https://front.example'), ask('https://union.example')]).toEqual([true, true, true]);
    for (now = 0; now <= 60_000; now += 1_000) expect(ask(`${elsewhere}/${'x'.repeat(300)}`)).toBe(false);
    expect(logged).toEqual([
      { origin: expect.stringMatching(/^.{200}$/), refused: 1 },
      { origin: expect.any(String), refused: 60 },
    ]);
  });
});
