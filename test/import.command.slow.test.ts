import 'reflect-metadata';
import { execFile } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { openDatabase } from '../src/database/index.ts';
import { serverDatabase } from './support/database.ts';
import { buildProgram } from './support/process.ts';

const hash = '$2b$05$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW';
const person = { username: 'w.ruiz', email: 'w.ruiz@example.org', firstName: 'Wanda', lastName: 'Ruiz', roles: ['staff'], hash };
const named = (username: string, facts: object = {}): object => ({ ...person, username, email: `${username}@example.org`, ...facts });
const jsonl = (...users: readonly unknown[]): string => `${users.map((user) => JSON.stringify(user)).join('\n')}\n`;

/** Runs the built program, because the output of a command can only be checked in a process. */
describe('npm run', () => {
  const project = join(import.meta.dirname, '..');
  let main: string;
  let folder: string;
  let database: Awaited<ReturnType<typeof serverDatabase>>;

  interface Ended {
    readonly code: number;
    readonly out: string;
    readonly err: string;
  }

  const node = (words: readonly string[], url = database.url) =>
    new Promise<Ended>((resolve) => {
      const env = {
        ...process.env,
        NODE_ENV: 'test',
        NODE_COMPILE_CACHE: join(project, 'node_modules', '.cache', 'compiled'),
        DATABASE_URL: url,
        UNIONHALL_DATA_DIR: join(folder, 'data'),
        UNIONHALL_CONFIG_DIR: folder,
      };
      execFile(process.execPath, [...words], { cwd: project, env }, (error, out, err) =>
        resolve({ code: Number(error?.code ?? 0), out, err }),
      );
    });
  const run = (...words: string[]) => node([main, 'users:import', ...words]);

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'unionhall-import-'));
    database = await serverDatabase();
    main = buildProgram().program;
  }, 180_000);

  afterAll(async () => {
    await database.drop();
    await rm(folder, { recursive: true, force: true });
  });

  it('users:import reports what it did, also by its exit code; keys:status shows under which key', async () => {
    const file = join(folder, 'users.jsonl');
    await writeFile(file, jsonl(named('cli.a'), named('cli.b')));
    expect(await run(file)).toMatchObject({ code: 0, out: 'Added 2 users; 0 exist already.\n' });
    await writeFile(file, jsonl(named('cli.a'), named('cli.c')));
    expect(await run(file, '--dry-run')).toMatchObject({ code: 0, out: '1 user would be added; 1 exists already.\n' });
    await writeFile(file, jsonl(named('cli.b'), named('cli.d', { hash: 'not to be told' })));
    const refused = await run(file);
    expect(refused).toMatchObject({ code: 1, out: '' });
    expect(refused.err).toContain(`${file}:2: hash must be a supported bcrypt or Argon2 hash`);
    expect(refused.err).toContain('Nothing was imported: 1 line has problems.');
    expect(refused.err).not.toMatch(/not to be told|\n {4}at /);
    const status = await node([main, 'keys:status']);
    expect(status).toMatchObject({
      code: 0,
      out: expect.stringMatching(/^key .* audit events +audit seals\nk[0-9a-f]{8} +active( +0){8} +2 +0\n$/),
    });
  }, 300_000);

  it('users:import does not wait for a service that uses the embedded database', async () => {
    const file = join(folder, 'waiting.jsonl');
    await writeFile(file, jsonl(named('cli.e')));
    const held = await openDatabase({ databaseUrl: null, databasePoolSize: 1, dataDirectory: join(folder, 'data') });
    try {
      expect(await node([main, 'users:import', file], '')).toMatchObject({
        code: 1,
        out: '',
        err: expect.stringContaining(`in use by the process with pid ${process.pid}`),
      });
    } finally {
      await held.close();
    }
  }, 180_000);

  it('users:import explains why it did not start with a file', async () => {
    const [nothing, none, directory] = await Promise.all([run(), run(join(folder, 'none.jsonl')), run(folder)]);
    expect(nothing).toMatchObject({ code: 1, err: expect.stringContaining('Usage: unionhall users:import --file users.jsonl') });
    expect(none).toMatchObject({ code: 1, err: expect.stringContaining('cannot be read (ENOENT)') });
    expect(directory).toMatchObject({ code: 1, err: expect.stringContaining('is a directory') });
  }, 180_000);
});
