import 'reflect-metadata';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import pg from 'pg';
import { Keyring } from '../src/services/crypto/keyring.ts';
import { serverDatabase } from './support/database.ts';
import { buildProgram, startProcess } from './support/process.ts';

// Stops the built service as a process.

let built: ReturnType<typeof buildProgram>;
let folder: string;
let database: Awaited<ReturnType<typeof serverDatabase>>;
let environment: Record<string, string>;

beforeAll(async () => {
  built = buildProgram();
  folder = await mkdtemp(join(tmpdir(), 'unionhall-stop-'));
  database = await serverDatabase();
  environment = {
    NODE_ENV: 'test',
    PORT: '0',
    DATABASE_URL: database.url,
    UNIONHALL_KEYS: Keyring.generate(),
    UNIONHALL_CONFIG_DIR: folder,
    MAIL_WORKER: '0',
    STOP_DELAY: '2',
  };
}, 300_000);

afterAll(async () => {
  await database?.drop();
  if (folder) await rm(folder, { recursive: true, force: true });
});

const body = JSON.stringify({ query: 'query Asked { isConfigured }' });
const headers = { 'content-type': 'application/json', authorization: 'Bearer a.secret.token' };

describe('a process that is stopped', () => {
  it('becomes unhealthy, answers running requests, and exits with 0', async () => {
    const process = await startProcess(built.program, environment);
    // as behind a load balancer: clients that see the shutdown use another node
    let isAway = false;
    const answers: unknown[] = [];
    const lanes = Array.from({ length: 8 }, async () => {
      while (!isAway) {
        const response = await fetch(`${process.url}/graphql`, { method: 'POST', headers, body }).catch((error: Error) => error);
        answers.push(response instanceof Error ? response.message : [response.status, await response.text()]);
      }
    });
    await setTimeout(500);
    process.signal('SIGTERM');
    for (;;) {
      const { status } = await fetch(`${process.url}/health`);
      if (status === 503) break;
    }
    isAway = true;
    await Promise.all(lanes);
    expect(await process.ended).toBe(0);
    expect(answers.length).toBeGreaterThan(8);
    expect(new Set(answers.map((answer) => JSON.stringify(answer)))).toEqual(
      new Set([JSON.stringify([200, '{"data":{"isConfigured":false}}\n'])]),
    );
    // one line for each, without submitted text
    const lines = process
      .said()
      .split('\n')
      .filter((line) => line.includes('"answered"'))
      .map((line) => JSON.parse(line) as object);
    expect(lines).toHaveLength(answers.length);
    expect(lines[0]).toMatchObject({
      operation: 'Asked',
      type: 'query',
      outcome: 'ok',
      requestId: expect.any(String),
      duration: expect.any(Number),
    });
    expect(process.said()).not.toMatch(/secret/);
  }, 120_000);

  it('waits for running requests, and not for idle connections', async () => {
    const process = await startProcess(built.program, { ...environment, STOP_DELAY: '0' });
    const admin = new pg.Client({ connectionString: database.url });
    await admin.connect();
    await admin.query('begin; lock table users in access exclusive mode');
    const asked = fetch(`${process.url}/graphql`, { method: 'POST', headers: { 'content-type': 'application/json' }, body });
    const waiting = `select 1 from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'`;
    while ((await admin.query(waiting)).rowCount === 0) await setTimeout(20);
    process.signal('SIGTERM');
    const isGone = () =>
      fetch(`${process.url}/livez`).then(
        () => false,
        () => true,
      );
    while (!(await isGone())) await setTimeout(20);
    await admin.query('rollback');
    await admin.end();
    const response = await asked;
    expect([response.status, response.headers.get('connection'), await response.text()]).toEqual([
      200,
      'close',
      '{"data":{"isConfigured":false}}\n',
    ]);
    expect(await process.ended).toBe(0);
  }, 120_000);

  it.each([
    ['SIGINT', 130],
    ['SIGTERM', 143],
  ] as const)(
    'twice by %s exits at once, with %s',
    async (signal, code) => {
      const process = await startProcess(built.program, { ...environment, STOP_DELAY: '60' });
      process.signal(signal);
      await setTimeout(1_000);
      process.signal(signal);
      expect(await process.ended).toBe(code);
    },
    120_000,
  );
});
