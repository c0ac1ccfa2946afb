import { setTimeout } from 'node:timers/promises';
import { ask, headersOf, loginBody } from './contenders/index.js';
import { benchPassword } from './database.js';
import { cycle, load } from './load.js';
import { heading, median, ratioRow, say, table } from './print.js';
import { compared, questions } from './questions.js';

/** The users with slow reads, one connection each. */
const readers = ['admin', 'staff', 'president', 'vp'];

const target = 0.7;

const list = '{ grievances(first: 5) { nodes { id } } }';
const summaries = `{ ${Array.from({ length: 9 }, (_, n) => `s${n}: grievanceSummary { count byStatus { count } }`).join(' ')} }`;

/**
 * Measures which share of its throughput `me` keeps while four users' reads wait for a locked table, and while four
 * users' reads take long.
 *
 * @param {import('./run.js').Setting} setting
 */
export async function besideReaders({ bench, contenders: [service], pool, options }) {
  heading(`me, beside ${readers.length} stuck and ${readers.length} slow readers`);
  const me = questions.find(({ name }) => name === 'me');
  const asked = cycle((await compared(me, pool, [service])).get('service'));
  const tokens = await Promise.all(readers.map(async (name) => (await ask(service.url, loginBody(name, benchPassword))).login.accessToken));
  const alone = [];
  const beside = { stuck: [], slow: [] };
  await load(service.url, asked, { ...options, seconds: 1 });
  for (let round = 0; round < options.rounds; round += 1) {
    alone.push(await load(service.url, asked, options));
    const locker = await bench.pool.connect();
    try {
      await locker.query('begin');
      await locker.query('lock table grievances in access exclusive mode');
      beside.stuck.push(await besideThose(service.url, tokens, list, () => load(service.url, asked, options)));
    } finally {
      await locker.query('rollback');
      locker.release();
    }
    beside.slow.push(await besideThose(service.url, tokens, summaries, () => load(service.url, asked, options)));
  }
  const rows = Object.entries({ 'me alone': alone, 'beside stuck readers': beside.stuck, 'beside slow readers': beside.slow });
  table(
    ['', 'a second', 'of each round', '99% ms'],
    rows.map(([name, each]) => [
      name,
      median(each.map(({ perSecond }) => perSecond)).toFixed(0),
      each.map(({ perSecond }) => perSecond.toFixed(0)).join(' '),
      median(each.map(({ slow }) => slow)).toFixed(1),
    ]),
  );
  say('');
  table(
    ['question', 'of', 'ratio', 'spread', 'target', ''],
    Object.entries(beside).map(([name, each]) => ratioRow(`me beside ${name} readers`, 'me alone', each, alone, target)),
  );
}

/**
 * @template T
 * @param {string} url
 * @param {readonly string[]} tokens
 * @param {string} query
 * @param {() => Promise<T>} measure
 * @returns {Promise<T>}
 */
async function besideThose(url, tokens, query, measure) {
  const ending = new AbortController();
  const reading = tokens.map(async (token) => {
    const request = { method: 'POST', headers: headersOf(token), body: JSON.stringify({ query }), signal: ending.signal };
    while (!ending.signal.aborted)
      await fetch(url, request)
        .then((response) => response.text())
        .catch(() => '');
  });
  await setTimeout(500);
  try {
    return await measure();
  } finally {
    ending.abort();
    await Promise.all(reading);
  }
}
