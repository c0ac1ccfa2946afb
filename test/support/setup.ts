import { randomBytes } from 'node:crypto';
import pg from 'pg';
import { startServer, type Server } from './server.ts';

/**
 * Once before all tests: a PostgreSQL server for what must be tested on one, either the one that DATABASE_URL names
 * or one of the run's own. Its address, and a name for what this run creates there, reach the tests by environment.
 */
export default async function setup(): Promise<void> {
  const server: Pick<Server, 'url' | 'stop'> = process.env['DATABASE_URL']
    ? { url: process.env['DATABASE_URL'], stop: () => Promise.resolve() }
    : await startServer();
  const run = `unionhall_test_${randomBytes(5).toString('hex')}`;
  process.env['UNIONHALL_TEST_POSTGRES'] = server.url;
  process.env['UNIONHALL_TEST_RUN'] = run;
  (globalThis as Teardown).endTestRun = async () => {
    await dropDatabases(server.url, run);
    await server.stop();
  };
}

export interface Teardown {
  endTestRun?: () => Promise<void>;
}

/** What tests that failed half-way did not drop, and the templates. */
async function dropDatabases(url: string, run: string): Promise<void> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  try {
    const { rows } = await client.query<{ datname: string }>('select datname from pg_database where starts_with(datname, $1)', [run]);
    for (const { datname } of rows) await client.query(`drop database if exists "${datname}" with (force)`);
  } finally {
    await client.end();
  }
}
