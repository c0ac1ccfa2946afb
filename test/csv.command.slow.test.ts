import { execFile } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { serverDatabase } from './support/database.ts';
import { buildProgram } from './support/process.ts';

const header = 'memberNumber,firstName,lastName,classification';

/** Runs the built program, because the output of a command can only be checked in a process. */
describe('npm run', () => {
  const project = join(import.meta.dirname, '..');
  let program: string;
  let folder: string;
  let database: Awaited<ReturnType<typeof serverDatabase>>;

  const node = (...words: string[]) =>
    new Promise<{ code: number; out: string; err: string }>((resolve) => {
      const env = {
        ...process.env,
        NODE_ENV: 'test',
        NODE_COMPILE_CACHE: join(project, 'node_modules', '.cache', 'compiled'),
        DATABASE_URL: database.url,
        UNIONHALL_CONFIG_DIR: folder,
      };
      execFile(process.execPath, words, { cwd: project, env }, (error, out, err) => resolve({ code: Number(error?.code ?? 0), out, err }));
    });
  const run = (...words: string[]) => node(program, ...words);

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'unionhall-csv-'));
    database = await serverDatabase();
    ({ program } = buildProgram());
  }, 180_000);

  afterAll(async () => {
    await database.drop();
    await rm(folder, { recursive: true, force: true });
  });

  it('reports what it did, also by its exit code', async () => {
    const file = join(folder, 'some.csv');
    await writeFile(file, `${header}\nCLI1,Ada,Roy,foreman\n`);
    expect(await run('members:import', '--dry-run', '--file', file)).toMatchObject({
      code: 0,
      out: '1 member would be added; 0 exist already.\n',
    });
    expect(await run('members:import', '--file', file)).toMatchObject({ code: 0, out: 'Added 1 member; 0 exist already.\n' });
    await writeFile(file, `${header},phone,notes\nCLI1,Ada,Roy,foreman,555,"\ue000\nred"\nCLI2,Bea,Roy,foreman,,\n`);
    expect((await run('members:import', '--file', file)).err).toContain('memberNumber belongs to a record with other values; use --update');
    expect(await run('members:import', '--update', '--dry-run', '--file', file)).toMatchObject({
      code: 0,
      out: [
        `${file}:2: memberNumber "CLI1": phone (empty) → "555"`,
        String.raw`${file}:2: memberNumber "CLI1": notes (empty) → "\u{e000}\nred"`,
        '1 member would be added and 1 updated; 0 exist already.\n',
      ].join('\n'),
    });
    expect(await run('members:import', '--update', '--file', file)).toMatchObject({
      code: 0,
      out: 'Added 1 member and updated 1; 0 exist already.\n',
    });
    await writeFile(file, 'name,orgType\nCLI Works,employer\nCLI Club,nothing\n');
    const refused = await run('organizations:import', '--file', file);
    expect(refused).toMatchObject({ code: 1, out: '' });
    expect(refused.err).toContain(`${file}:3: orgType must be one of employer`);
    expect(refused.err).toContain('Nothing was imported: 1 line has problems.');
    expect(refused.err).not.toMatch(/\n {4}at /);
    for (const words of [[], ['--file'], ['--file', file, 'more']])
      expect(await run('organizations:import', ...words)).toMatchObject({
        code: 1,
        err: expect.stringContaining('Usage: unionhall organizations:import --file organizations.csv'),
      });
  }, 300_000);
});
