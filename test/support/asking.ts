import { beforeAll } from '@jest/globals';
import pg from 'pg';
import { startServer, type Server } from './server.ts';

/**
 * For a file whose tests are about passwords: where the run's server lets everybody in, the file gets one of its own that asks.
 * To be called before any other hook, and stopped after all of them.
 */
export function serverThatAsks(): { stop(): Promise<void> } {
  let own: Server | undefined;
  beforeAll(async () => {
    const url = process.env['UNIONHALL_TEST_POSTGRES'] ?? '';
    if (!(await letsEverybodyIn(url))) return;
    own = await startServer();
    // the environment of this file alone
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
