import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { openSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { Keyring } from '../src/services/crypto/keyring.ts';
import { serverDatabase } from './support/database.ts';
import { buildProgram } from './support/process.ts';
import { freePort } from './support/server.ts';

// The built service with a blocked standard output.

let built: ReturnType<typeof buildProgram>;
let folder: string;
const children: ChildProcess[] = [];

beforeAll(async () => {
  built = buildProgram();
  folder = await mkdtemp(join(tmpdir(), 'unionhall-output-'));
}, 120_000);

afterAll(async () => {
  for (const child of children) child.kill('SIGKILL');
  if (folder) await rm(folder, { recursive: true, force: true });
});

interface Running {
  readonly child: ChildProcess;
  readonly url: string;
  readonly metrics: string;
}

async function begin(stdout: 'pipe' | number, more: Readonly<Record<string, string>> = {}): Promise<Running> {
  const [port, metricsPort] = [await freePort(), await freePort()];
  const env = {
    PATH: process.env['PATH'],
    NODE_ENV: 'development',
    PORT: String(port),
    METRICS_PORT: String(metricsPort),
    UNIONHALL_CONFIG_DIR: join(folder, `config-${port}`),
    UNIONHALL_DATA_DIR: join(folder, `data-${port}`),
    ...more,
  };
  const child = spawn(process.execPath, [built.program, 'start'], { env, stdio: ['ignore', stdout, 'pipe'] });
  children.push(child);
  child.stderr?.resume();
  const url = `http://127.0.0.1:${port}`;
  while (!(await isHealthy(url))) {
    if (child.exitCode !== null) throw new Error(`The service ended with ${child.exitCode}`);
    await pause(100);
  }
  return { child, url, metrics: `http://127.0.0.1:${metricsPort}/metrics` };
}

const isHealthy = async (url: string): Promise<boolean> =>
  await fetch(`${url}/health`).then(
    ({ status }) => status === 200,
    () => false,
  );

async function ask(
  url: string,
  query: string,
  token: string | null = null,
  more: Readonly<Record<string, string>> = {},
): Promise<{ data: Record<string, never>; errors?: unknown }> {
  const headers = { 'content-type': 'application/json', ...more, ...(token !== null && { authorization: `Bearer ${token}` }) };
  const response = await fetch(`${url}/graphql`, { method: 'POST', headers, body: JSON.stringify({ query }) });
  return (await response.json()) as { data: Record<string, never> };
}

async function droppedAt(metrics: string): Promise<number> {
  const text = await (await fetch(metrics)).text();
  return Number(/^unionhall_log_lines_dropped_total (\d+)$/m.exec(text)?.[1]);
}

/** Sends requests until lines are dropped. */
async function overflow({ url, metrics }: Running): Promise<void> {
  // long lines fill the pipe sooner
  const query = `query ${'a'.repeat(100)} { isConfigured }`;
  const headers = { 'x-request-id': 'b'.repeat(100), traceparent: `00-${'c'.repeat(32)}-${'d'.repeat(16)}-01` };
  while (!((await droppedAt(metrics)) > 0)) await Promise.all(Array.from({ length: 200 }, () => ask(url, query, null, headers)));
}

/** Changes a record, and checks the change. */
async function change({ url }: Running): Promise<void> {
  const login = 'mutation { login(input: { identifier: "admin", password: "unionhall-dev" }) { ... on SignedIn { accessToken } } }';
  const signedIn = (await ask(url, login)) as unknown as { data: { login: { accessToken: string } } };
  const token = signedIn.data.login.accessToken;
  const member = '{ memberNumber: "MOUTPUT9", firstName: "Rosa", lastName: "Diaz", classification: JOURNEYMAN }';
  const made = await ask(url, `mutation { createMember(input: ${member}) { memberNumber } }`, token);
  expect(made).toEqual({ data: { createMember: { memberNumber: 'MOUTPUT9' } } });
  const found = await ask(url, '{ members(filter: { memberNumber: { eq: "MOUTPUT9" } }) { totalCount } }', token);
  expect(found).toEqual({ data: { members: { totalCount: 1 } } });
}

async function stop({ child }: Running): Promise<void> {
  child.kill('SIGTERM');
  const [code] = (await once(child, 'exit')) as [number | null];
  expect(code).toBe(0);
}

describe('a command whose output is closed', () => {
  it('ends normally, without a stack', async () => {
    const env = { PATH: process.env['PATH'], UNIONHALL_CONFIG_DIR: join(folder, 'doctor'), UNIONHALL_DATA_DIR: join(folder, 'doctor') };
    const child = spawn(process.execPath, [built.program, 'doctor'], { env, stdio: ['ignore', 'pipe', 'pipe'] });
    child.stdout.destroy();
    const said: string[] = [];
    child.stderr.on('data', (part: Buffer) => said.push(String(part)));
    const [code] = (await once(child, 'close')) as [number | null];
    expect([0, 1]).toContain(code);
    expect(said.join('')).not.toMatch(/EPIPE|\n\s+at /);
  }, 120_000);
});

describe('a service that cannot write its log', () => {
  it('answers requests, counts dropped lines and stops in order if the pipe is full', async () => {
    const service = await begin('pipe');
    await overflow(service);
    await change(service);
    // a reader that resumes gets the number of dropped lines, and then new lines
    const heard: string[] = [];
    service.child.stdout?.on('data', (part: Buffer) => heard.push(String(part)));
    while (!/"dropped":\d+,"msg":"log output recovered/.test(heard.join(''))) await pause(50);
    await ask(service.url, 'query AfterRecovery { isConfigured }');
    await stop(service);
    expect(heard.join('')).toContain('"operation":"AfterRecovery"');
  }, 300_000);

  it('answers requests, counts dropped lines and stops in order if the disk is full', async () => {
    const service = await begin(openSync('/dev/full', 'w'));
    await overflow(service);
    await change(service);
    await stop(service);
  }, 300_000);

  it('answers requests, counts dropped lines and stops in order if the pipe is closed', async () => {
    const service = await begin('pipe');
    service.child.stdout?.destroy();
    await overflow(service);
    await change(service);
    await stop(service);
  }, 300_000);
});

describe('in production', () => {
  it('standard output contains only JSON lines, including the set-up token, and none is lost at the end', async () => {
    const database = await serverDatabase();
    const keys = Keyring.generate();
    const environment = { NODE_ENV: 'production', LOG_LEVEL: 'info', DATABASE_URL: database.url, UNIONHALL_KEYS: keys, HIBP_URL: 'off' };
    try {
      const service = await begin('pipe', { ...environment, STOP_DELAY: '0' });
      const heard: string[] = [];
      service.child.stdout?.on('data', (part: Buffer) => heard.push(String(part)));
      for (let n = 0; n < 50; n += 1) await ask(service.url, `query Last${n} { isConfigured }`);
      const ended = once(service.child.stdout as NodeJS.ReadableStream, 'end');
      await stop(service);
      await ended;
      const lines = heard.join('').trimEnd().split('\n');
      const parsed = lines.map((line) => JSON.parse(line) as { msg?: string; operation?: string });
      expect(parsed.filter(({ msg }) => /token for setupOwner: sut1\.[\w-]{43}$/.test(msg ?? ''))).toHaveLength(1);
      expect(parsed.filter(({ msg }) => msg?.startsWith('Unionhall answers at http://'))).toHaveLength(1);
      expect(parsed.flatMap(({ operation }) => operation ?? [])).toEqual(Array.from({ length: 50 }, (_, n) => `Last${n}`));
    } finally {
      await database.drop();
    }
  }, 120_000);
});
