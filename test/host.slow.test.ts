import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { buildProgram, runProcess, startProcess } from './support/process.ts';

// Tests owner:create, users:password, backup and restore with the embedded database.

let built: ReturnType<typeof buildProgram>;
let folder: string;

beforeAll(async () => {
  built = buildProgram();
  folder = await mkdtemp(join(tmpdir(), 'unionhall-host-'));
}, 180_000);
afterAll(async () => {
  if (folder) await rm(folder, { recursive: true, force: true });
});

const environment = (name = 'first'): Record<string, string> => ({
  NODE_ENV: 'development',
  PORT: '0',
  SEED: '0',
  HIBP_URL: 'off',
  UNIONHALL_CONFIG_DIR: join(folder, name, 'config'),
  UNIONHALL_DATA_DIR: join(folder, name, 'data'),
});

/** Runs a command with lines on its standard input. */
async function type(input: string, ...words: string[]): Promise<{ said: string; code: unknown }> {
  const env = { PATH: process.env['PATH'], ...environment() };
  const child = spawn(process.execPath, [built.program, ...words], { env, stdio: ['pipe', 'pipe', 'pipe'] });
  const parts: string[] = [];
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (part: Buffer) => parts.push(String(part)));
  child.stdin.end(`${input}\n`);
  const [code] = (await once(child, 'close')) as unknown[];
  return { said: parts.join(''), code };
}

async function signIn(url: string, password: string): Promise<unknown> {
  const query = `mutation ($input: LoginInput!) { login(input: $input) { __typename } }`;
  const body = JSON.stringify({ query, variables: { input: { identifier: 'rosa', password } } });
  const response = await fetch(`${url}/graphql`, { method: 'POST', headers: { 'content-type': 'application/json' }, body });
  return ((await response.json()) as { data: { login: { __typename: string } | null } | null }).data?.login?.__typename ?? null;
}

const facts = ['--username', 'rosa', '--email', 'rosa@local.example', '--first-name', 'Rosa', '--last-name', 'Delgado'];
const [first, second] = ['correct horse battery', 'another staple of paper'];

describe('an operator on the host', () => {
  it('creates one owner', async () => {
    expect(await type('password', 'owner:create', ...facts)).toMatchObject({ code: 1, said: expect.stringContaining('password') });
    expect(await type(first, 'owner:create', ...facts)).toEqual({ code: 0, said: 'rosa owns the instance and can sign in.\n' });
    const again = await type(first, 'owner:create', ...facts);
    expect(again).toMatchObject({ code: 1, said: expect.stringContaining('This instance already has an owner.') });
  }, 180_000);

  it('sets a password', async () => {
    expect(await type(second, 'users:password', '--user', 'nobody')).toMatchObject({ code: 1 });
    expect(await type(second, 'users:password', '--user', 'rosa')).toMatchObject({ code: 0 });
    const service = await startProcess(built.program, environment());
    expect([await signIn(service.url, first), await signIn(service.url, second)]).toEqual([null, 'SignedIn']);
    const running = await runProcess(built.program, ['backup', '--output', join(folder, 'refused')], environment());
    expect(running).toMatchObject({ hasSucceeded: false, said: expect.stringContaining('in use by the process') });
    await service.stop();
  }, 180_000);

  it('backs up the instance and restores it', async () => {
    const output = join(folder, 'backup');
    expect(await runProcess(built.program, ['backup', '--output', output], environment())).toMatchObject({ hasSucceeded: true });
    expect((await readdir(output)).toSorted()).toEqual(['config', 'data']);
    const over = await runProcess(built.program, ['restore', '--input', output], environment());
    expect(over).toMatchObject({ hasSucceeded: false, said: expect.stringContaining('is not empty') });
    const restored = await runProcess(built.program, ['restore', '--input', output], environment('second'));
    expect(restored).toMatchObject({ hasSucceeded: true });
    const service = await startProcess(built.program, environment('second'));
    expect(await signIn(service.url, second)).toBe('SignedIn');
    await service.stop();
  }, 180_000);
});
