import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { buildProgram, startProcess, startWorker, type Process } from './support/process.ts';
import { freePort } from './support/server.ts';

// Tests a rejected promise without a handler in the built service.

let built: ReturnType<typeof buildProgram>;
let folder: string;
const running: Pick<Process, 'stop'>[] = [];

/**
 * At a signal, graphql-js returns a list in which one item fails at once and another one later. The first failure
 * completes the response, and nothing handles the second.
 */
const leaving = `
import { buildSchema, execute, parse } from 'graphql';
const schema = buildSchema('type Query { items: [Item!]! } type Item { name: String! }');
const late = () => new Promise((_, reject) => setTimeout(reject, 1, new Error('left behind')));
const soon = () => { throw new Error('at once'); };
process.on('SIGUSR2', () => {
  execute({ schema, document: parse('{ items { name } }'), rootValue: { items: [{ name: late }, { name: soon }] } });
});`;

beforeAll(async () => {
  built = buildProgram();
  folder = await mkdtemp(join(tmpdir(), 'unionhall-rejection-'));
  await writeFile(join(built.folder, 'leaving.mjs'), leaving);
}, 120_000);

afterAll(async () => {
  for (const process of running) await process.stop();
  if (folder) await rm(folder, { recursive: true, force: true });
});

const environmentOf = async (name: string): Promise<Record<string, string>> => ({
  NODE_ENV: 'test',
  PORT: String(await freePort()),
  UNIONHALL_CONFIG_DIR: join(folder, `${name}-config`),
  UNIONHALL_DATA_DIR: join(folder, `${name}-data`),
  NODE_OPTIONS: `--import ${join(built.folder, 'leaving.mjs')}`,
});

/** Causes an unhandled rejection, and waits until it is logged or the process has ended. */
async function leaveBehind(process: Omit<Process, 'url'>): Promise<'goes on' | 'ended'> {
  let hasEnded = false;
  void process.ended.then(() => (hasEnded = true));
  process.signal('SIGUSR2');
  while (!process.said().includes('unhandled promise rejection') && !hasEnded) await pause(50);
  return hasEnded ? 'ended' : 'goes on';
}

it('an unhandled rejection does not end the service, which logs it with its stack', async () => {
  const service = await startProcess(built.program, await environmentOf('service'));
  running.push(service);
  expect(await leaveBehind(service)).toBe('goes on');
  const line = service
    .said()
    .split('\n')
    .find((each) => each.includes('unhandled promise rejection'));
  const { level, err } = JSON.parse(line ?? '{}') as { level: number; err: { stack: string } };
  expect({ level, stack: err.stack }).toEqual({ level: 50, stack: expect.stringMatching(/leaving\.mjs/) });
  expect((await fetch(`${service.url}/health`)).status).toBe(200);
}, 120_000);

it('an unhandled rejection does not end the worker', async () => {
  const worker = await startWorker(built.program, await environmentOf('worker'));
  running.push(worker);
  expect(await leaveBehind(worker)).toBe('goes on');
  expect(worker.said()).toContain('unhandled promise rejection');
}, 120_000);
