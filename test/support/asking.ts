import { beforeAll } from '@jest/globals';
import pg from 'pg';
import { startServer, type Server } from './server.ts';

/**
 * For test files about database passwords: if the server of the test run accepts everyone, starts a separate one that
 * requires passwords. Call it before any other hook, and stop it after all of them.
 */
export function serverThatAsks(): { stop(): Promise<void> } {
  let own: Server | undefined;
  beforeAll(async () => {
    const url = process.env['UNIONHALL_TEST_POSTGRES'] ?? '';
    if (!(await letsEverybodyIn(url))) return;
    own = await startServer();
    // only in the environment of this file
    process.env['UNIONHALL_TEST_POSTGRES'] = own.url;
  }, 120_000);
  return { stop: async () => own?.stop() };
}

async function letsEverybodyIn(url: string): Promise<boolean> {
  const client = new pg.Client({ connectionString: Object.assign(new URL(url), { password: 'of-nobody' }).href });
  client.on('error', () => undefined);
  try {
    await client.connect();
    return true;
  } catch {
    return false;
  } finally {
    await client.end().catch(() => undefined);
  }
}
