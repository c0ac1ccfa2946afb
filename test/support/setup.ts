import { randomBytes } from 'node:crypto';
import { chmodSync, mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { buildFolder } from './process.ts';
import { startServer, type Server } from './server.ts';
import { Leftovers } from './leftovers.ts';

/**
 * Runs once before all tests. Starts the PostgreSQL server of the run, unless DATABASE_URL is set, and creates a
 * temporary folder for everything that the run writes. Tests get both, and a prefix for databases, from the
 * environment.
 */
export default async function setup(): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), 'unionhall-test-'));
  chmodSync(folder, 0o711); // PostgreSQL may run as another user
  const temporary = join(folder, 'tmp');
  mkdirSync(temporary);
  chmodSync(temporary, 0o711);
  const server: Pick<Server, 'url' | 'stop'> = process.env['DATABASE_URL']
    ? { url: process.env['DATABASE_URL'], stop: () => Promise.resolve() }
    : await startServer({ home: folder });
  const run = `unionhall_test_${randomBytes(5).toString('hex')}`;
  process.env['UNIONHALL_TEST_POSTGRES'] = server.url;
  process.env['UNIONHALL_TEST_RUN'] = run;
  process.env['UNIONHALL_TEST_NOTES'] = folder;
  process.env['TMPDIR'] = temporary;
  (globalThis as Teardown).endTestRun = async () => {
    const leftovers = new Leftovers({ url: server.url, run, folder, temporary });
    await leftovers.collect();
    await server.stop();
    rmSync(buildFolder(), { recursive: true, force: true });
    leftovers.finish();
  };
}

export interface Teardown {
  endTestRun?: () => Promise<void>;
}
