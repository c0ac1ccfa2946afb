import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import pg from 'pg';
import { readConfig } from '../src/config.ts';
import { start } from '../src/process/server.ts';
import { serverDatabase } from './support/database.ts';
import { buildProgram, runProcess } from './support/process.ts';

// Tests seeding with MikroORM's CLI, and at a start.

let built: ReturnType<typeof buildProgram>;
let folder: string;

beforeAll(async () => {
  built = buildProgram();
  folder = await mkdtemp(join(tmpdir(), 'unionhall-seeder-'));
}, 120_000);

afterAll(async () => {
  if (folder) await rm(folder, { recursive: true, force: true });
});

const environmentOf = (name: string, more: Readonly<Record<string, string>> = {}): Record<string, string> => ({
  NODE_ENV: 'test',
  UNIONHALL_CONFIG_DIR: join(folder, `${name}-config`),
  UNIONHALL_DATA_DIR: join(folder, `${name}-data`),
  ...more,
});

/** Runs `npx mikro-orm seeder:run` after `npm run build`. Returns its output and whether it succeeded. */
function runSeeder(environment: Readonly<Record<string, string>>, ...words: readonly string[]): { said: string; hasSucceeded: boolean } {
  const cli = join(import.meta.dirname, '..', 'node_modules', '@mikro-orm', 'cli', 'cli.js');
  const given = [cli, 'seeder:run', '--config', join(built.folder, 'mikro-orm.config.js'), ...words];
  const env = { PATH: process.env['PATH'], ...environment };
  const { stdout, stderr, status } = spawnSync(process.execPath, given, { env, encoding: 'utf8' });
  return { said: stdout + stderr, hasSucceeded: status === 0 };
}

describe("MikroORM's CLI", () => {
  it('seeds the database of the service if DATABASE_URL is not set', () => {
    const environment = environmentOf('embedded');
    const first = runSeeder(environment);
    expect(first.said).toMatch(/Added 6 roles, 10 users, .* 20 grievances/);
    expect(first.hasSucceeded).toBe(true);
    expect(existsSync(environment['UNIONHALL_DATA_DIR'] ?? '')).toBe(true);
    expect(runSeeder(environment, '--class', 'PhaseTwoSeeder').said).toContain('All seeded records already exist.');
  }, 240_000);

  it('seeds the database of DATABASE_URL, with passwords under the service’s keyring', async () => {
    const { url, drop } = await serverDatabase();
    const environment = environmentOf('server', { DATABASE_URL: url });
    const client = new pg.Client({ connectionString: url });
    try {
      const early = runSeeder(environment);
      expect(early.hasSucceeded).toBe(false);
      expect(early.said).toContain('The database has no tables yet. Create them first: npm run db:migrate');
      expect(await runProcess(built.program, ['db:migrate'], environment)).toMatchObject({ hasSucceeded: true });
      expect(runSeeder(environment)).toMatchObject({ hasSucceeded: true });
      await client.connect();
      const { rows } = await client.query(
        `select count(*)::int as users, count(*) filter (where password_hash like 'pepper-v1:%')::int as hashed,
           (select count(*)::int from grievances) as grievances from users`,
      );
      expect(rows).toEqual([{ users: 10, hashed: 10, grievances: 20 }]);
    } finally {
      await client.end();
      await drop();
    }
  }, 240_000);

  it('is refused in production', async () => {
    const { url, drop } = await serverDatabase();
    try {
      for (const more of [{}, { DATABASE_URL: url }]) {
        const { said, hasSucceeded } = runSeeder(environmentOf('production', { ...more, NODE_ENV: 'production' }));
        expect([said, hasSucceeded]).toEqual([expect.stringContaining('Seeding is refused in production'), false]);
      }
      expect(existsSync(join(folder, 'production-config'))).toBe(false);
    } finally {
      await drop();
    }
  }, 240_000);
});

describe('a start on the embedded database', () => {
  it.each([
    ['seeds it where SEED is not set', {}, 10],
    ['seeds it with SEED=1', { SEED: '1' }, 10],
    ['leaves it empty with SEED=0', { SEED: '0' }, 0],
  ])('%s', async (name, more, users) => {
    const config = readConfig({ ...environmentOf(name), PORT: '0', LOG_LEVEL: 'silent', MAIL_WORKER: '0', ...more });
    const service = await start(config);
    try {
      expect(service.hasSeeded).toBe(users > 0);
      expect(service.setupToken === null).toBe(users > 0);
      expect(await service.database.run('select count(*)::int as users from users')).toEqual([{ users }]);
    } finally {
      await service.stop();
    }
  });
});
