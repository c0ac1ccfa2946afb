import { execFile } from 'node:child_process';
import { availableParallelism, loadavg } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { seededAccounts } from '../dist/seeds/index.js';
import { readConfig } from '../dist/src/config.js';
import { openDatabase } from '../dist/src/database/index.js';
import { start as startService } from '../dist/src/process/server.js';
import { ask, headersOf, loginBody, startContender, titles, tokensFor, usageOf } from './contenders/index.js';
import { benchPassword, openBench, passwordCost } from './database.js';
import { counted } from './count.js';
import { cycle, load } from './load.js';
import { cpuRatio, heading, median, megabytes, ratioRow, say, table } from './print.js';
import { profile } from './profile.js';
import { compared, drawPool, listOf, questions } from './questions.js';
import { hostile } from './hostile.js';
import { besideReaders } from './readers.js';
import { refusals } from './refusals.js';
import { reset } from './reset.js';
import { seeding } from './seeding.js';
import { vault } from './vault.js';

/** The warm-up of each contender per query, in seconds, so that frequent code is compiled. */
const warmUp = 6;

/** @typedef {import('./contenders/index.js').Contender & { tokens: import('./contenders/index.js').Tokens }} Running */

/**
 * The setting of a part of the benchmark.
 *
 * @typedef {object} Setting
 * @property {import('./database.js').Bench} bench
 * @property {Running[]} contenders
 * @property {import('./questions.js').Pool} pool
 * @property {Options} options
 */

/**
 * @typedef {{ only?: string[], rounds: number, seconds: number, connections: number, scale: number, profile?: string, save?: string }} Options
 */

/** The number of logins that run beside `me`, and of those that are counted. */
const logins = 8;
const loginTarget = 0.85;
const besideTarget = 0.7;

/** The parts that do more than send one query, in order. */
const parts = { login, beside, readers: besideReaders, vault, growth, statements, restart, refusals, reset, hostile, seeding };

/** @param {Options} options */
export async function run(options) {
  for (const signal of ['SIGINT', 'SIGTERM']) process.once(signal, () => process.exit(130));
  const names = [...questions.map(({ name }) => name), ...Object.keys(parts), 'memory'];
  const unknown = [...(options.only ?? []), ...(options.profile ? [options.profile] : [])].filter((name) => !names.includes(name));
  if (unknown.length > 0)
    throw Object.assign(new Error(`There is no ${unknown.join(', ')}: there are ${names.join(', ')}.`), { name: 'BenchError' });
  const bench = await openBench(options.scale);
  try {
    if (options.profile) await profileOf(bench, options, options.profile);
    else await measure(bench, options);
  } finally {
    await bench.close();
  }
}

/**
 * @param {import('./database.js').Bench} bench
 * @param {Options} options
 */
async function measure(bench, options) {
  const { rows } = await bench.pool.query(
    `select current_setting('server_version') as version, (select count(*) from members) as members, (select count(*) from grievances) as grievances`,
  );
  const [{ version, members, grievances }] = rows;
  say(
    `${members} members and ${grievances} grievances in PostgreSQL ${version}; Node.js ${process.versions.node}; ${availableParallelism()} cores.`,
  );
  say(`${options.rounds} rounds of ${options.seconds} s, ${options.connections} connections, one contender at a time. ${machine()}`);
  const wants = (/** @type {string} */ part) => options.only === undefined || options.only.includes(part);
  const contenders = await startAll(bench);
  try {
    const setting = { bench, contenders, options, pool: await drawPool(bench, contenders) };
    const rested = await memoryOf(contenders);
    const asked = questions.filter(({ name }) => wants(name));
    if (asked.length > 0) await throughput(setting, asked);
    for (const [name, part] of Object.entries(parts)) if (wants(name)) await part(setting);
    if (wants('memory')) await memory(setting, rested);
    say(`\n${machine()}`);
  } finally {
    await Promise.all(contenders.map((contender) => contender.stop()));
  }
}

const machine = () => `The machine's load over the last minute was ${loadavg()[0].toFixed(1)}.`;

/** @param {import('./database.js').Bench} bench */
async function startAll(bench) {
  const contenders = [];
  for (const name of /** @type {const} */ (['service', 'postgraphile', 'bare'])) {
    const contender = await startContender(name, bench);
    contenders.push({ ...contender, tokens: await tokensFor(contender, bench) });
  }
  return contenders;
}

/**
 * @param {Setting} setting
 * @param {readonly import('./questions.js').Question[]} asked
 */
async function throughput(setting, asked) {
  heading('Throughput');
  /** @type {Map<string, Map<string, Turn[]>>} */
  const results = new Map();
  for (const question of asked) results.set(question.name, await rounds(setting, question, setting.options));
  table(
    ['question', 'contender', 'requests/s', 'of each round', 'CPU ms: process', 'database', 'median ms', '99% ms'],
    [...results].flatMap(([question, turns]) =>
      [...turns].map(([name, each]) => [
        question,
        titles[name],
        median(each.map(({ perSecond }) => perSecond)).toFixed(0),
        each.map(({ perSecond }) => perSecond.toFixed(0)).join(' '),
        middleOf(each, ({ cpu }) => cpu),
        middleOf(each, ({ databaseCpu }) => databaseCpu),
        median(each.map(({ middle }) => middle)).toFixed(1),
        median(each.map(({ slow }) => slow)).toFixed(1),
      ]),
    ),
  );
  say('\n  Unionhall as a multiple of:\n');
  table(
    ['question', 'of', 'ratio', 'spread', 'target', '', 'by CPU alone'],
    asked.flatMap(({ name, targets }) => {
      const turns = results.get(name);
      return ['postgraphile', 'bare'].map((other) => [
        ...ratioRow(name, titles[other], turns.get('service'), turns.get(other), targets[other]),
        cpuRatio(turns.get('service'), turns.get(other)),
      ]);
    }),
  );
}

/** @typedef {{ count: number, perSecond: number, middle: number, slow: number, cpu: number | null, databaseCpu: number | null }} Turn */

/**
 * Compares the responses to a query, then measures each contender once per round, in a different order each round.
 *
 * @param {Setting} setting
 * @param {import('./questions.js').Question} question
 * @param {{ rounds: number, seconds: number, connections: number }} options
 * @returns {Promise<Map<string, Turn[]>>}
 */
async function rounds({ bench, contenders, pool }, question, options) {
  const requests = await compared(question, pool, contenders);
  say(`  ${question.name}: ${question.says}. All answers are the same.`);
  const asking = new Map([...requests].map(([name, each]) => [name, cycle(each)]));
  const turns = new Map(contenders.map(({ name }) => [name, /** @type {Turn[]} */ ([])]));
  const turn = async (contender, seconds) => {
    const asked = asking.get(contender.name);
    await load(contender.url, asked, { ...options, seconds: Math.min(0.5, seconds / 4) });
    return await counted(bench, contender, () => load(contender.url, asked, { ...options, seconds }));
  };
  for (const contender of contenders) await turn(contender, warmUp);
  for (let round = 0; round < options.rounds; round += 1) {
    for (let place = 0; place < contenders.length; place += 1) {
      const contender = contenders[(round + place) % contenders.length];
      turns.get(contender.name)?.push(await turn(contender, options.seconds));
    }
  }
  say('');
  return turns;
}

/** @param {Setting} setting */
async function login(setting) {
  heading('Signing in');
  const { contenders, options } = setting;
  const [service] = contenders;
  const asked = cycle(loginRequests());
  await load(service.url, asked, { connections: logins, seconds: 1 });
  const ours = [];
  const hashing = [];
  for (let round = 0; round < options.rounds; round += 1) {
    hashing.push({ perSecond: await hash(options.seconds) });
    ours.push(await load(service.url, asked, { connections: logins, seconds: options.seconds }));
  }
  table(
    ['', 'a second', 'of each round'],
    [
      [`logins, ${logins} at once`, ours],
      [`Argon2id alone, ${availableParallelism()} at once`, hashing],
    ].map(([name, each]) => [
      name,
      median(each.map(({ perSecond }) => perSecond)).toFixed(1),
      each.map(({ perSecond }) => perSecond.toFixed(1)).join(' '),
    ]),
  );
  say('');
  table(['question', 'of', 'ratio', 'spread', 'target', ''], [ratioRow('login', 'Argon2id alone', ours, hashing, loginTarget)]);
}

/** @returns {import('./load.js').Asked[]} */
const loginRequests = () =>
  seededAccounts.map(({ username }) => ({
    body: JSON.stringify(loginBody(username, benchPassword)),
    headers: headersOf(),
    bytes: null,
  }));

/** @param {number} seconds */
async function hash(seconds) {
  const program = join(import.meta.dirname, 'contenders', 'hashing.js');
  const { stdout } = await promisify(execFile)(process.execPath, [
    program,
    ...[seconds, passwordCost.memory, passwordCost.time].map(String),
  ]);
  return JSON.parse(stdout).perSecond;
}

/** @param {Setting} setting */
async function beside({ contenders, pool, options }) {
  heading(`me, beside ${logins} logins at once`);
  const [service] = contenders;
  const me = questions.find(({ name }) => name === 'me');
  const asked = cycle((await compared(me, pool, [service])).get('service'));
  const signingIn = cycle(loginRequests());
  const alone = [];
  const accompanied = [];
  const alongside = [];
  await load(service.url, asked, { ...options, seconds: 1 });
  for (let round = 0; round < options.rounds; round += 1) {
    alone.push(await load(service.url, asked, options));
    const [mine, theirs] = await Promise.all([
      load(service.url, asked, options),
      load(service.url, signingIn, { connections: logins, seconds: options.seconds }),
    ]);
    accompanied.push(mine);
    alongside.push(theirs);
  }
  table(
    ['', 'a second', 'of each round'],
    [
      ['me alone', alone],
      ['me beside logins', accompanied],
      ['the logins', alongside],
    ].map(([name, each]) => [
      name,
      median(each.map(({ perSecond }) => perSecond)).toFixed(0),
      each.map(({ perSecond }) => perSecond.toFixed(0)).join(' '),
    ]),
  );
  say('');
  table(['question', 'of', 'ratio', 'spread', 'target', ''], [ratioRow('me beside logins', 'me alone', accompanied, alone, besideTarget)]);
}

/** @param {Setting} setting */
async function growth(setting) {
  heading('Growth of a page');
  const sizes = [10, 25, 50, 100];
  const { options } = setting;
  const brief = { ...options, rounds: Math.min(3, options.rounds), seconds: options.seconds / 2 };
  /** @type {Map<string, Map<number, Turn[]>>} */
  const results = new Map(setting.contenders.map(({ name }) => [name, new Map()]));
  for (const size of sizes) {
    for (const [name, turns] of await rounds(setting, listOf(size), brief)) results.get(name)?.set(size, turns);
  }
  const perRequest = (turns) => median(turns.map(({ perSecond }) => 1e6 / perSecond));
  const cpuOf = (turns) => median(turns.map(({ cpu, databaseCpu }) => ((cpu ?? 0) + (databaseCpu ?? 0)) * 1000));
  table(
    ['contender', ...sizes.map((size) => `${size} rows`), 'µs per more row', 'of which CPU'],
    [...results].map(([name, bySize]) => [
      titles[name],
      ...sizes.map((size) => `${median(bySize.get(size).map(({ perSecond }) => perSecond)).toFixed(0)}/s`),
      slope(sizes.map((size) => [size, perRequest(bySize.get(size))])).toFixed(1),
      slope(sizes.map((size) => [size, cpuOf(bySize.get(size))])).toFixed(1),
    ]),
  );
}

/**
 * Computes the slope by least squares.
 *
 * @param {readonly (readonly [number, number])[]} points
 */
function slope(points) {
  const mean = (axis) => points.reduce((sum, point) => sum + point[axis], 0) / points.length;
  const [x, y] = [mean(0), mean(1)];
  return points.reduce((sum, [px, py]) => sum + (px - x) * (py - y), 0) / points.reduce((sum, [px]) => sum + (px - x) ** 2, 0);
}

/** Counts the statements of a service in this process, after one warm-up request. */
async function statements({ bench, pool }) {
  heading('Statements of a question, the session check among them');
  let heard = 0;
  const database = await openDatabase(
    { databaseUrl: bench.url, databasePoolSize: 2, dataDirectory: '' },
    { onStatement: () => (heard += 1) },
  );
  const config = readConfig({
    NODE_ENV: 'production',
    PORT: '0',
    LOG_LEVEL: 'silent',
    DATABASE_URL: bench.url,
    UNIONHALL_KEYS: bench.keys,
  });
  const service = await startService(config, { database });
  try {
    const contender = { name: /** @type {const} */ ('service'), url: `${service.url}/graphql` };
    const tokens = await tokensFor(contender, bench);
    const counts = [];
    for (const question of [
      questions.find(({ name }) => name === 'me'),
      questions.find(({ name }) => name === 'one'),
      questions.find(({ name }) => name === 'log'),
      ...[1, 10, 50, 100].map(listOf),
    ]) {
      const body = question.body.service(question.variants(pool)[0]);
      const token = tokens[question.as ?? 'officer'];
      await ask(contender.url, body, token);
      heard = 0;
      await ask(contender.url, body, token);
      counts.push([question.name, heard]);
    }
    table(['question', 'statements'], counts);
    const lists = new Set(counts.filter(([name]) => name.startsWith('list')).map(([, count]) => count));
    say(lists.size === 1 ? '\n  The same for a page of any size.' : '\n  MORE FOR A LARGER PAGE: the reading side is not right.');
  } finally {
    await service.stop();
  }
}

/** @param {Setting} setting */
async function restart({ bench, contenders, options }) {
  heading('From start to the first right answer');
  const me = questions.find(({ name }) => name === 'me');
  const times = new Map(contenders.map(({ name }) => [name, /** @type {number[]} */ ([])]));
  for (let round = 0; round < options.rounds; round += 1) {
    for (const { name, tokens } of contenders) {
      const began = performance.now();
      const contender = await startContender(name, bench);
      await ask(contender.url, me.body[name](null), tokens.officer);
      times.get(name)?.push((performance.now() - began) / 1000);
      await contender.stop();
    }
  }
  table(
    ['contender', 'seconds', 'of each round'],
    [...times].map(([name, each]) => [titles[name], median(each).toFixed(2), each.map((time) => time.toFixed(2)).join(' ')]),
  );
}

/** @param {readonly Running[]} contenders */
const memoryOf = (contenders) => Promise.all(contenders.map(({ pid }) => usageOf(pid)));

/**
 * @param {Setting} setting
 * @param {Awaited<ReturnType<typeof memoryOf>>} rested
 */
async function memory({ contenders }, rested) {
  heading('Memory, in MB');
  const loaded = await memoryOf(contenders);
  table(
    ['contender', 'before the load', 'after it', 'at most'],
    contenders.map(({ name }, at) => [
      titles[name],
      megabytes(rested[at]?.memory),
      megabytes(loaded[at]?.memory),
      megabytes(loaded[at]?.most),
    ]),
  );
}

/**
 * @param {import('./database.js').Bench} bench
 * @param {Options} options
 * @param {string} name
 */
async function profileOf(bench, options, name) {
  const question = questions.find((each) => each.name === name);
  if (!question) throw new Error(`There is no question ${name}.`);
  await profile(
    bench,
    async (service) => {
      const contender = { ...service, tokens: await tokensFor(service, bench) };
      const requests = await compared(question, await drawPool(bench, [contender]), [contender]);
      const asked = cycle(requests.get('service'));
      await load(service.url, asked, { ...options, seconds: 3 });
      return () => load(service.url, asked, options);
    },
    options.save,
  );
}

const middleOf = (turns, of) => {
  const values = turns.map(of).filter((value) => value !== null);
  return values.length === 0 ? '–' : median(values).toFixed(2);
};
