import 'reflect-metadata';
import { createServer } from 'node:net';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { readConfig } from '../src/config.ts';
import { authentications } from '../src/process/metrics.ts';
import { operations } from '../src/permissions/index.ts';
import { launch, start } from '../src/process/server.ts';
import { Keyring } from '../src/services/crypto/keyring.ts';
import { aLocal, type Local } from './support/local.ts';
import { freePort } from './support/server.ts';

type Series = ReadonlyMap<string, number>;

/** Reads the Prometheus metrics at an address, by name and labels. */
async function read(url: string): Promise<Series> {
  const response = await fetch(url);
  expect([response.status, response.headers.get('content-type')]).toEqual([200, expect.stringMatching(/^text\/plain/)]);
  const lines = (await response.text()).split('\n').filter((line) => line !== '' && !line.startsWith('#'));
  return new Map(lines.map((line) => [line.slice(0, line.lastIndexOf(' ')), Number(line.slice(line.lastIndexOf(' ') + 1))]));
}

let local: Local;
let url: string;
let folder: string;
beforeAll(async () => {
  local = await aLocal({ engine: 'postgresql', comparesExecutions: false, environment: { METRICS_PORT: '0' } });
  url = local.service.metricsUrl ?? '';
  folder = await mkdtemp(join(tmpdir(), 'unionhall-metrics-'));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

const headers = { 'content-type': 'application/json' };

/** Sends a request to this node, past any load balancer. */
async function ask(query: string, more: object = {}, token: string | null = null): Promise<string[]> {
  const response = await fetch(`${local.service.url}/graphql`, {
    method: 'POST',
    headers: { ...headers, ...(token !== null && { authorization: `Bearer ${token}` }) },
    body: JSON.stringify({ query, ...more }),
  });
  const { errors = [] } = (await response.json()) as { errors?: { extensions: { code: string } }[] };
  return errors.map(({ extensions }) => extensions.code);
}

/** Returns how much each of our series grew meanwhile. */
async function counted(act: () => Promise<unknown>, name = /^unionhall_(requests|authentications)_total/): Promise<Record<string, number>> {
  const before = await read(url);
  await act();
  const after = [...(await read(url))].filter(([series]) => name.test(series));
  return Object.fromEntries(
    after.map(([series, n]) => [series, n - (before.get(series) ?? 0)] as const).filter(([, grown]) => grown !== 0),
  );
}

const login = (identifier: string, password: string): string =>
  `login(input: { identifier: "${identifier}", password: "${password}" }) { __typename }`;

describe('the metrics port', () => {
  it('counts requests by operation type and outcome, and sign-ins by operation', async () => {
    const grown = await counted(async () => {
      expect(await ask('{ isConfigured }')).toEqual([]);
      expect(await ask('query Named { isConfigured }')).toEqual([]);
      expect(await ask('{ me { id } }')).toEqual(['UNAUTHENTICATED']);
      expect(await ask('{ isConfigured me { id } }')).toEqual(['UNAUTHENTICATED']);
      expect(await ask('{ nothing }')).toEqual(['BAD_INPUT']);
      expect(await ask('{ me {')).toEqual(['BAD_INPUT']);
      for (const body of ['{"query":', 'x'.repeat(100_001), '[]', '5', '{"query":5}', '{"query":""}', '{}'])
        await fetch(`${local.service.url}/graphql`, { method: 'POST', headers, body });
      await fetch(`${local.service.url}/graphql?query={isConfigured}`);
      expect(await ask(`{ me { ${'id '.repeat(2_001)} } }`)).toEqual(['TOO_COMPLEX']);
      expect(await ask(`{ ${Array.from({ length: 11 }, (_, n) => `a${n}: isConfigured`).join(' ')} }`)).toEqual(['TOO_COMPLEX']);
      expect(await ask(`mutation { ${login('officer', 'unionhall-dev')} }`)).toEqual([]);
      expect(await ask(`mutation { ${login('officer', 'wrong')} }`)).toEqual(['BAD_CREDENTIALS']);
      expect(await ask(`mutation { ${login('nobody', 'wrong')} }`)).toEqual(['BAD_CREDENTIALS']);
    });
    expect(grown).toEqual({
      'unionhall_requests_total{type="query",outcome="ok"}': 2,
      'unionhall_requests_total{type="query",outcome="UNAUTHENTICATED"}': 2,
      'unionhall_requests_total{type="none",outcome="BAD_INPUT"}': 10,
      'unionhall_requests_total{type="none",outcome="TOO_COMPLEX"}': 1,
      'unionhall_requests_total{type="query",outcome="TOO_COMPLEX"}': 1,
      'unionhall_requests_total{type="mutation",outcome="ok"}': 1,
      'unionhall_requests_total{type="mutation",outcome="BAD_CREDENTIALS"}': 2,
      'unionhall_authentications_total{operation="login",outcome="ok"}': 1,
      'unionhall_authentications_total{operation="login",outcome="BAD_CREDENTIALS"}': 2,
    });
  });

  it('counts guesses under their operation, also in fragments, with aliases or beside refused fields', async () => {
    const grown = await counted(async () => {
      await ask(`mutation { ...all } fragment all on Mutation { ...one } fragment one on Mutation { ${login('officer', 'wrong')} }`);
      await ask(`mutation { ... on Mutation { me: ${login('officer', 'wrong')} } }`);
      await ask(`mutation { ${login('officer', 'unionhall-dev')} logoutAll }`);
      await ask(`mutation { logoutAll ${login('officer', 'not even tried')} }`);
    });
    expect(grown).toEqual({
      'unionhall_authentications_total{operation="login",outcome="BAD_CREDENTIALS"}': 2,
      'unionhall_authentications_total{operation="login",outcome="ok"}': 1,
      'unionhall_authentications_total{operation="logoutAll",outcome="UNAUTHENTICATED"}': 2,
      'unionhall_requests_total{type="mutation",outcome="BAD_CREDENTIALS"}': 2,
      'unionhall_requests_total{type="mutation",outcome="UNAUTHENTICATED"}': 2,
    });
  });

  it('has no label that a client can choose', async () => {
    const token = await local.officer.token();
    const all = async (round: number): Promise<void> => {
      const name = `Made${round}Up`;
      await ask(`query ${name} { isConfigured }`, { operationName: name }, token);
      await ask(`query ${name} { ${name} }`, {}, token);
      await ask(`{ ${name}: isConfigured }`, { operationName: `Other${round}` });
      await ask(`mutation ${name} { ${name}: ${login(name, name)} }`);
      await ask(`query ($id: ID!) { grievance(id: $id) { id } }`, { variables: { id: name } }, `${token}${name}`);
      await ask(`subscription ${name} { grievanceChanged { action } }`);
      await fetch(`${local.service.url}/${name}`, { headers: { 'user-agent': name, 'x-request-id': name } });
      await fetch(`${url}/${name}`);
      await fetch(`${url}?${name}`);
    };
    await all(0);
    const before = [...(await read(url)).keys()].filter((series) => series.startsWith('unionhall_'));
    for (let round = 1; round <= 20; round += 1) await all(round);
    const after = [...(await read(url)).keys()];
    expect(after.filter((series) => series.startsWith('unionhall_'))).toEqual(before);
    expect(after.filter((series) => /Made|officer|nobody/.test(series))).toEqual([]);
  });

  it('has the duration of requests by type', async () => {
    const grown = await counted(() => Promise.all([1, 2, 3].map(() => ask('{ isConfigured }'))), /^unionhall_request_duration_seconds/);
    expect(grown).toMatchObject({
      'unionhall_request_duration_seconds_count{type="query"}': 3,
      'unionhall_request_duration_seconds_bucket{le="+Inf",type="query"}': 3,
    });
    expect(grown['unionhall_request_duration_seconds_sum{type="query"}']).toBeGreaterThan(0);
    const buckets = [...(await read(url))].filter(([series]) => /_bucket\{.*type="query"/.test(series)).map(([, n]) => n);
    expect(buckets.length).toBeGreaterThan(10);
    expect(buckets).toEqual(buckets.toSorted((one, other) => one - other));
  });

  it('has connections, waiting mails, and the process with its event-loop lag', async () => {
    const grown = await counted(() => ask('mutation { requestPasswordReset(email: "officer@unionhall.test") }'), /^unionhall_queue_jobs/);
    expect(grown).toEqual({ 'unionhall_queue_jobs{state="created"}': 1 });
    const series = await read(url);
    expect(series.get('unionhall_pool_connections{state="open"}')).toBeGreaterThan(0);
    expect(series.get('unionhall_pool_connections{state="idle"}')).toBeGreaterThanOrEqual(0);
    expect(series.get('unionhall_pool_connections{state="waiting"}')).toBe(0);
    expect(series.get('nodejs_eventloop_lag_seconds')).toBeGreaterThanOrEqual(0);
    expect(series.get('nodejs_eventloop_lag_p99_seconds')).toBeGreaterThan(0);
    expect(series.get('process_resident_memory_bytes')).toBeGreaterThan(1024 ** 2);
  });

  it('serves nothing else, and answers other paths in JSON', async () => {
    const origin = new URL(url).origin;
    for (const [path, init] of [
      ['/'],
      ['/graphql', { method: 'POST', headers, body: '{"query":"{ isConfigured }"}' }],
      ['/health'],
    ] as const) {
      const response = await fetch(`${origin}${path}`, init);
      expect([response.status, await response.json()]).toEqual([404, { error: 'Nothing exists at this address.' }]);
    }
    expect((await fetch(url, { method: 'POST' })).status).toBe(404);
  });
});

describe('metrics', () => {
  it('are not served at the public port', async () => {
    const response = await fetch(`${local.service.url}/metrics`);
    expect([response.status, await response.json()]).toEqual([404, { error: 'Nothing exists at this address.' }]);
  });

  it('are off by default', async () => {
    expect(readConfig({}).metricsPort).toBeNull();
    const other = await aLocal();
    expect(other.service.metricsUrl).toBeNull();
  });

  it('count existing operations', () => {
    expect([...authentications].filter((name) => !(name in operations.Mutation))).toEqual([]);
  });
});

describe('a service that is not ready', () => {
  const environment = async (more: object) => ({
    NODE_ENV: 'test',
    PORT: '0',
    LOG_LEVEL: 'silent',
    MAIL_WORKER: '0',
    UNIONHALL_CONFIG_DIR: folder,
    DATABASE_URL: `postgres://unionhall:x@127.0.0.1:${await freePort()}/unionhall`,
    ...more,
  });
  const keyring = Keyring.parse(Keyring.generate());

  it('serves its metrics as well', async () => {
    const port = await freePort();
    const launched = await launch(readConfig(await environment({ METRICS_PORT: String(port) })), { keyring });
    const response = await fetch(`${launched.url}/graphql`, { method: 'POST', headers, body: '{"query":"{ isConfigured }"}' });
    expect(response.status).toBe(503);
    const series = await read(`http://127.0.0.1:${port}/metrics`);
    expect(series.get('unionhall_requests_total{type="query",outcome="UNAVAILABLE"}')).toBe(1);
    expect(series.get('unionhall_pool_connections{state="open"}')).toBe(0);
    expect([...series.keys()].filter((name) => name.startsWith('unionhall_queue_jobs'))).toEqual([]);
    await launched.stop();
    await expect(launched.ready).rejects.toThrow('stopped before it was ready');
    await expect(fetch(`http://127.0.0.1:${port}/metrics`)).rejects.toThrow('fetch failed');
  });

  it('exits with a message if a port is taken, and releases the other port', async () => {
    const taken = createServer().listen(0, '127.0.0.1');
    await once(taken, 'listening');
    const { port } = taken.address() as { port: number };
    const other = String(await freePort());
    for (const [ports, variable] of [
      [{ PORT: other, METRICS_PORT: String(port) }, 'METRICS_PORT'],
      [{ PORT: String(port), METRICS_PORT: other }, 'PORT'],
    ] as const) {
      await expect(start(readConfig(await environment(ports)), { keyring })).rejects.toThrow(`The port in ${variable} is already in use.`);
      await expect(fetch(`http://127.0.0.1:${other}/livez`)).rejects.toThrow('fetch failed');
    }
    taken.close();
  });
});
