import { createHash, randomBytes } from 'node:crypto';
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import pg from 'pg';
import { giveAccountsPasswords, seed } from '../dist/seeds/index.js';
import { noPassword } from '../dist/src/entities/user.js';
import { migrate, openDatabase } from '../dist/src/database/index.js';
import { PasswordHasher } from '../dist/src/services/crypto/hasher.js';
import { Keyring } from '../dist/src/services/crypto/keyring.js';
import { startServer } from '../test/support/server.ts';
import { say } from './print.js';

/** The password of every seeded account in the benchmark. Production refuses the public ones. */
export const benchPassword = 'a password of the benchmark';

/** The cost of Argon2id in the benchmark: the service's default, which is also the minimum. */
export const passwordCost = { memory: 19_456, time: 2 };

/** The database role that PostGraphile uses for each request. */
export const officerRole = 'unionhall_bench_officer';

/**
 * A seeded database for this run, and the keyring of its passwords.
 *
 * @typedef {object} Bench
 * @property {string} url
 * @property {string} keys as in UNIONHALL_KEYS
 * @property {pg.Pool} pool for queries beside the measurement
 * @property {() => Promise<void>} close drops the database; the seeded original of the copy stays
 */

/**
 * Copies the database that was seeded at this scale, and creates the original if it is missing.
 *
 * @param {number} scale
 * @returns {Promise<Bench>}
 */
export async function openBench(scale) {
  const given = process.env.BENCH_DATABASE_URL;
  const server = given ? { url: given, stop: async () => {} } : await startServer();
  try {
    return await copied(server, scale);
  } catch (error) {
    await server.stop();
    throw error;
  }
}

/**
 * @param {{ url: string, stop: () => Promise<void> }} server
 * @param {number} scale
 * @returns {Promise<Bench>}
 */
async function copied(server, scale) {
  const template = await seeded(server.url, scale);
  const name = `${runs}${Math.floor(Date.now() / 3_600_000)}_${randomBytes(4).toString('hex')}`;
  await administer(server.url, async (client) => {
    await forgetOldRuns(client);
    await client.query(`create database ${name} template ${template}`);
  });
  const url = at(server.url, name);
  const keys = Keyring.generate();
  try {
    await givePasswords(url, keys);
    await letPostgraphileRead(url);
  } catch (error) {
    await administer(server.url, (client) => client.query(`drop database ${name} with (force)`));
    throw error;
  }
  const pool = new pg.Pool({ connectionString: url, max: 2, application_name: 'unionhall_bench' });
  const close = async () => {
    await pool.end();
    await administer(server.url, async (client) => {
      await client.query(`drop database ${name} with (force)`);
      // another run may need the role
      await client.query(`drop role if exists ${officerRole}`).catch(() => {});
    });
    await server.stop();
  };
  return { url, keys, pool, close };
}

const runs = 'unionhall_bench_run_';

/**
 * Drops databases that killed runs left behind, after some hours.
 *
 * @param {pg.Client} client
 */
async function forgetOldRuns(client) {
  const { rows } = await client.query('select datname from pg_database where starts_with(datname, $1)', [runs]);
  for (const { datname } of rows) {
    const [hour] = datname.slice(runs.length).split('_');
    if (Number(hour) < Date.now() / 3_600_000 - 6) await client.query(`drop database "${datname}"`).catch(() => {});
  }
}

/**
 * Returns the name of the database with the rows of this scale. It stays on the server for the next run. Drops a
 * database that was seeded from other sources.
 *
 * @param {string} server
 * @param {number} scale
 */
async function seeded(server, scale) {
  const family = `unionhall_bench_seeded_${scale}_`;
  const name = `${family}${await seedKey()}`;
  const unfinished = `${name}_unfinished`;
  const { isThere, old } = await administer(server, async (client) => {
    const { rows } = await client.query('select datname from pg_database where starts_with(datname, $1)', [family]);
    const names = rows.map(({ datname }) => datname);
    return { isThere: names.includes(name), old: names.filter((each) => each !== name) };
  });
  if (isThere) return name;
  await administer(server, async (client) => {
    for (const each of old) await client.query(`drop database "${each}" with (force)`);
    await client.query(`create database ${unfinished}`);
  });
  const began = performance.now();
  say(`Seeding at scale ${scale} …`);
  await fill(at(server, unfinished), scale);
  await administer(server, (client) => client.query(`alter database ${unfinished} rename to ${name}`));
  say(`Seeded in ${((performance.now() - began) / 1000).toFixed(0)} s.`);
  return name;
}

/** Returns a hash of everything that determines the tables and their rows. */
async function seedKey() {
  const project = join(import.meta.dirname, '..');
  const hash = createHash('sha256').update(await readFile(join(project, 'node_modules', '@faker-js', 'faker', 'package.json')));
  for (const source of ['migrations', 'seeds']) {
    const folder = join(project, 'dist', source);
    const files = (await readdir(folder, { recursive: true })).filter((file) => file.endsWith('.js'));
    for (const file of files.sort()) hash.update(`${source}/${file}\0`).update(await readFile(join(folder, file)));
  }
  return hash.digest('hex').slice(0, 12);
}

/**
 * @param {string} url
 * @param {number} scale
 */
async function fill(url, scale) {
  const database = await openDatabase({ databaseUrl: url, databasePoolSize: 2, dataDirectory: '' });
  try {
    await migrate(database);
    await seed(database.orm.em, { environment: 'development', hashPassword: async () => noPassword, scale });
    await database.run('vacuum (freeze, analyze)');
    await database.run('checkpoint').catch(() => {});
  } finally {
    await database.close();
  }
}

/**
 * @param {string} url
 * @param {string} keys
 */
async function givePasswords(url, keys) {
  const hasher = new PasswordHasher(Keyring.parse(keys), passwordCost);
  const database = await openDatabase({ databaseUrl: url, databasePoolSize: 2, dataDirectory: '' });
  try {
    await giveAccountsPasswords(database.orm.em, () => hasher.hash(benchPassword));
  } finally {
    await database.close();
  }
}

/** @param {string} url */
async function letPostgraphileRead(url) {
  const sql = await readFile(join(import.meta.dirname, 'contenders', 'postgraphile.sql'), 'utf8');
  await administer(url, (client) => client.query(sql));
}

/**
 * @template T
 * @param {string} url
 * @param {(client: pg.Client) => Promise<T>} work
 * @returns {Promise<T>}
 */
async function administer(url, work) {
  const client = new pg.Client({ connectionString: url, application_name: 'unionhall_bench' });
  await client.connect();
  try {
    return await work(client);
  } finally {
    await client.end();
  }
}

/**
 * @param {string} server
 * @param {string} name
 */
function at(server, name) {
  const url = new URL(server);
  url.pathname = `/${name}`;
  return url.href;
}
