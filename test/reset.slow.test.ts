import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { afterAll, beforeAll, expect, it } from '@jest/globals';
import pg from 'pg';
import { serverDatabase } from './support/database.ts';
import { buildProgram, runProcess, startProcess, type Process } from './support/process.ts';
import { freePort } from './support/server.ts';

let built: ReturnType<typeof buildProgram>;
let place: Awaited<ReturnType<typeof serverDatabase>>;
let folder: string;
let service: Process;
let environment: Record<string, string>;

beforeAll(async () => {
  built = buildProgram();
  place = await serverDatabase();
  folder = await mkdtemp(join(tmpdir(), 'unionhall-reset-'));
  environment = {
    NODE_ENV: 'development',
    DATABASE_URL: place.url,
    PORT: String(await freePort()),
    UNIONHALL_CONFIG_DIR: join(folder, 'config'),
  };
  service = await startProcess(built.program, environment);
}, 180_000);

afterAll(async () => {
  await service?.stop();
  await place?.drop();
  if (folder) await rm(folder, { recursive: true, force: true });
});

async function health(): Promise<{ status: string; error?: string }> {
  return (await (await fetch(`${service.url}/health`)).json()) as { status: string };
}

it('db:reset beside a running service keeps its mail working', async () => {
  expect(await runProcess(built.program, ['db:reset', '--force'], environment)).toMatchObject({ hasSucceeded: true });
  expect(await health()).toEqual({ status: 'healthy' });
  const query = 'mutation { requestPasswordReset(email: "officer@unionhall.test") }';
  const headers = { 'content-type': 'application/json' };
  const answer = await fetch(`${service.url}/graphql`, { method: 'POST', headers, body: JSON.stringify({ query }) });
  expect(await answer.json()).toEqual({ data: { requestPasswordReset: true } });
  while (!/password-reset|Reset your password|rst1\./i.test(service.said())) await pause(100);
}, 180_000);

it('/health and the doctor report a missing mail queue, and db:migrate creates it', async () => {
  const client = new pg.Client({ connectionString: place.url });
  await client.connect();
  await client.query('drop schema pgboss cascade');
  await client.end();
  const problem = 'The mail queue is missing. Run npm run db:migrate.';
  expect(await health()).toEqual({ status: 'unhealthy', error: problem });
  const { hasSucceeded, said } = await runProcess(built.program, ['doctor'], environment);
  expect(hasSucceeded).toBe(false);
  expect(said).toContain(`failed  Mail queue: ${problem}`);
  expect(await runProcess(built.program, ['db:migrate'], environment)).toMatchObject({ hasSucceeded: true });
  expect(await health()).toEqual({ status: 'healthy' });
}, 180_000);
