import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import pg from 'pg';
import { from as copyFrom, to as copyTo } from 'pg-copy-streams';
import { seed } from '../dist/seeds/index.js';
import { noPassword } from '../dist/src/entities/user.js';
import { migrate, openDatabase } from '../dist/src/database/index.js';
import { heading, median, ratioRow, say, table } from './print.js';

/** The required rows per second, as a share of COPY alone. */
const target = 0.8;

/** The scale that is seeded in each round. */
const scale = 100;

/** Every seeded table, after the tables that it refers to. */
const tables = [
  'organizations',
  'members',
  'roles',
  'users',
  'user_roles',
  'organization_contacts',
  'member_employments',
  'salting_activities',
  'grievance_counters',
  'grievances',
  'grievance_step_records',
  'benevolence_applications',
  'benevolence_reviews',
  'case_events',
];

/**
 * Compares seeding with COPY of the same rows into the same tables with the same indexes, also in one transaction.
 *
 * @param {{ bench: import('./database.js').Bench, options: { rounds: number } }} setting
 */
export async function seeding({ bench, options }) {
  heading('Seeding in bulk');
  const [seeded, copied] = [[], []];
  let rows = 0;
  for (let round = 0; round < options.rounds; round += 1) {
    await within(bench, async (database, url) => {
      const seconds = await secondsOf(() =>
        seed(database.orm.em, { environment: 'development', hashPassword: async () => noPassword, scale }),
      );
      const texts = await textsOf(url);
      rows = texts.reduce((sum, { count }) => sum + count, 0);
      seeded.push({ perSecond: rows / seconds });
      await within(bench, async (_database, other) => copied.push({ perSecond: rows / (await secondsOf(() => copy(other, texts))) }));
    });
  }
  say(`  ${rows} rows in ${tables.length} tables.\n`);
  table(
    ['', 'rows a second', 'of each round'],
    [
      ['seeding', seeded],
      ['COPY alone', copied],
    ].map(([name, each]) => [
      name,
      median(each.map(({ perSecond }) => perSecond)).toFixed(0),
      each.map(({ perSecond }) => perSecond.toFixed(0)).join(' '),
    ]),
  );
  say('');
  table(['question', 'of', 'ratio', 'spread', 'target', ''], [ratioRow('seeding', 'COPY alone', seeded, copied, target)]);
}

/** Creates an empty database with all tables beside the measured one, and drops it afterwards. */
async function within({ url, pool }, act) {
  const name = `${new URL(url).pathname.slice(1)}_${Math.random().toString(36).slice(2, 10)}`;
  await pool.query(`create database "${name}"`);
  const own = Object.assign(new URL(url), { pathname: `/${name}` }).href;
  const database = await openDatabase({ databaseUrl: own, databasePoolSize: 2, dataDirectory: '' });
  try {
    await migrate(database);
    await act(database, own);
  } finally {
    await database.close();
    await pool.query(`drop database "${name}" with (force)`);
  }
}

/** Returns the rows of each table as COPY writes them. */
async function textsOf(url) {
  return await connected(url, async (client) => {
    const texts = [];
    for (const name of tables) {
      const parts = [];
      for await (const part of client.query(copyTo(`copy ${name} to stdout`))) parts.push(part);
      const text = Buffer.concat(parts);
      texts.push({ name, text, count: text.reduce((lines, byte) => lines + Number(byte === 10), 0) });
    }
    return texts;
  });
}

/** Only inserts the rows. */
async function copy(url, texts) {
  await connected(url, async (client) => {
    await client.query('begin');
    for (const { name, text } of texts) await pipeline(Readable.from([text]), client.query(copyFrom(`copy ${name} from stdin`)));
    await client.query('commit');
  });
}

async function connected(url, act) {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  try {
    return await act(client);
  } finally {
    await client.end();
  }
}

async function secondsOf(act) {
  const began = performance.now();
  await act();
  return (performance.now() - began) / 1000;
}
