import { execFile } from 'node:child_process';
import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { readConfig } from '../dist/src/config.js';
import { ask, headersOf, loginBody, startContender, usageOf } from './contenders/index.js';
import { benchPassword } from './database.js';
import { counted } from './count.js';
import { cycle, load } from './load.js';
import { cpuRatio, heading, median, megabytes, ratioRow, say, table } from './print.js';

const password = benchPassword;
/** The number of measured unlocks at a time, and of simultaneous unlocks that test the effect on other requests. */
const unlocks = 8;
const rush = 200;
const unlockTarget = 0.85;
/** A reveal without its audit event may take twice as long as a lookup. */
const revealTarget = 0.5;

const unlockBody = JSON.stringify({
  query: 'mutation Unlock($password: String!) { unlockVault(password: $password) { vaultToken } }',
  variables: { password },
});

/** @typedef {{ url: string, pid: number }} Service */

/**
 * Measures the vault of the service. The other contenders have no vault.
 *
 * @param {{ bench: import('./database.js').Bench, contenders: readonly Service[], pool: import('./questions.js').Pool,
 * options: { rounds: number, seconds: number, connections: number } }} setting
 */
export async function vault({ bench, contenders: [service], pool, options }) {
  const accessTokens = await makeVault(bench, service);
  await reveals(bench, service, accessTokens[0], pool, options);
  await unlocking(service, accessTokens, options);
  await rushing(service, accessTokens, options);
}

/** The users with vault access. Several are needed, because attempts per user are limited. */
const others = ['officer', 'staff', 'organizer', 'vp', 'manager', 'president'];

/**
 * Creates the vault of the seeded admin, with as many secrets as a local may have. @returns the access tokens of all
 * users with access
 */
async function makeVault({ pool }, { url }) {
  await pool.query(`update users set is_owner = true where username = 'admin'`);
  const { login } = await ask(url, loginBody('admin', password));
  const create = 'mutation Create($password: String!) { createVault(password: $password) { vault { keyVersion } } }';
  await ask(url, { query: create, variables: { password } }, login.accessToken);
  const vaultToken = await unlock(url, login.accessToken);
  const store = 'mutation Store($input: StoreSecretInput!) { storeSecret(input: $input) { version } }';
  for (const keyName of names)
    await asked(url, { query: store, variables: { input: { keyName, value: `the value of ${keyName}` } } }, login.accessToken, vaultToken);
  const tokens = [login.accessToken];
  for (const username of others) {
    tokens.push((await ask(url, loginBody(username, password))).login.accessToken);
    const { rows } = await pool.query('select id from users where username = $1', [username]);
    const grant = 'mutation Grant($userId: ID!) { grantVaultAccess(userId: $userId) { keyVersion } }';
    await asked(url, { query: grant, variables: { userId: rows[0].id } }, login.accessToken, vaultToken);
  }
  return tokens;
}

const names = Array.from({ length: 20 }, (_, at) => `secret ${String(at).padStart(2, '0')}`);

/** @returns {Promise<string>} the vault token */
async function unlock(url, accessToken) {
  const { unlockVault } = await ask(url, JSON.parse(unlockBody), accessToken);
  return unlockVault.vaultToken;
}

const withVault = (accessToken, vaultToken) => ({ ...headersOf(accessToken), 'x-vault-token': vaultToken });

async function asked(url, body, accessToken, vaultToken) {
  const response = await fetch(url, { method: 'POST', headers: withVault(accessToken, vaultToken), body: JSON.stringify(body) });
  const { data, errors } = await response.json();
  if (errors) throw new Error(`${url} answers ${JSON.stringify(errors)}`);
  return data;
}

/**
 * Measures a reveal without its audit event, with a service that omits this event. Sequential requests show the cost of
 * each part; simultaneous ones share round trips to the database.
 */
async function reveals(bench, service, accessToken, pool, options) {
  heading('A secret that is revealed, and one row that is looked up');
  const headers = withVault(accessToken, await unlock(service.url, accessToken));
  const asking = (query, variables) =>
    cycle(variables.map((each) => ({ body: JSON.stringify({ query, variables: each }), headers, bytes: null })));
  const lookups = asking(
    'query One($id: ID!) { grievance(id: $id) { id grievanceNumber status filedDate } }',
    pool.ids.map((id) => ({ id })),
  );
  const secrets = asking(
    'mutation Reveal($keyName: String!) { revealSecret(keyName: $keyName) { keyName version value } }',
    names.map((keyName) => ({ keyName })),
  );
  const turn = (contender, asked, connections) => counted(bench, contender, () => load(contender.url, asked, { ...options, connections }));
  const manners = [...new Set([1, options.connections])].map((connections) => ({ connections, looked: [], revealed: [], audited: [] }));
  const before = await eventsOf(bench);
  const unaudited = await startContender('service', bench, ['--import', join(import.meta.dirname, 'contenders', 'unaudited.js')]);
  try {
    for (const { connections, looked, revealed } of manners)
      // the first round is a warm-up and does not count
      for (let round = 0; round < options.rounds + 1; round += 1) {
        const both = [await turn(unaudited, lookups, connections), await turn(unaudited, secrets, connections)];
        if (round > 0) for (const [at, each] of [looked, revealed].entries()) each.push(both[at]);
      }
  } finally {
    await unaudited.stop();
  }
  for (const { connections, audited } of manners)
    for (let round = 0; round < options.rounds; round += 1) audited.push(await turn(service, secrets, connections));
  const expected = manners.flatMap(({ audited }) => audited).reduce((sum, { count }) => sum + count, before);
  const events = await eventsOf(bench);
  if (events !== expected) throw new Error(`The audit log should have ${expected} reveals, and has ${events}.`);
  table(
    ['', 'at once', 'a second', 'of each round', 'CPU ms: process', 'database'],
    manners.flatMap(({ connections, looked, revealed, audited }) =>
      [
        ['one grievance, by its id', looked],
        ['one secret, by its name, without its audit write', revealed],
        ['the same with it', audited],
      ].map(([name, each]) => [
        name,
        connections,
        median(each.map(({ perSecond }) => perSecond)).toFixed(0),
        each.map(({ perSecond }) => perSecond.toFixed(0)).join(' '),
        ...['cpu', 'databaseCpu'].map((of) => median(each.map((one) => one[of] ?? NaN)).toFixed(2)),
      ]),
    ),
  );
  say('');
  table(
    ['question', 'of', 'ratio', 'spread', 'target', '', 'by CPU alone'],
    manners.map(({ connections, looked, revealed }) => [
      ...ratioRow(`reveal without its write, ${connections} at once`, 'look-up', revealed, looked, revealTarget),
      cpuRatio(revealed, looked),
    ]),
  );
}

/** Counts the reveals in the audit log. @returns {Promise<number>} */
async function eventsOf({ pool }) {
  const { rows } = await pool.query(`select count(*) from audit_events where action = 'secret.reveal'`);
  return Number(rows[0].count);
}

async function unlocking({ url }, accessTokens, options) {
  heading('Unlocking the vault');
  const { keyIterations } = readConfig({}).sessions;
  const asking = cycle(accessTokens.map((token) => ({ body: unlockBody, headers: headersOf(token), bytes: null })));
  await load(url, asking, { connections: unlocks, seconds: 1 });
  const ours = [];
  const stretching = [];
  for (let round = 0; round < options.rounds; round += 1) {
    stretching.push(await child('stretching.js', [options.seconds, keyIterations]));
    ours.push(await load(url, asking, { connections: unlocks, seconds: options.seconds }));
  }
  turns([
    [`unlocks, ${unlocks} at once`, ours],
    [`PBKDF2 alone, ${availableParallelism()} at once`, stretching],
  ]);
  table(['question', 'of', 'ratio', 'spread', 'target', ''], [ratioRow('unlock', 'PBKDF2 alone', ours, stretching, unlockTarget)]);
}

async function rushing({ url, pid }, accessTokens, options) {
  heading(`${rush} unlocks at once, and me beside them`);
  const me = cycle([
    { body: JSON.stringify({ query: 'query Me { me { username fullName } }' }), headers: headersOf(accessTokens[0]), bytes: null },
  ]);
  await load(url, me, { ...options, seconds: 1 });
  const alone = [];
  const accompanied = [];
  const outcomes = new Map();
  const before = await usageOf(pid);
  let most = before?.memory ?? 0;
  for (let round = 0; round < options.rounds; round += 1) {
    alone.push(await load(url, me, options));
    const until = performance.now() + options.seconds * 1000;
    const watching = setInterval(() => void usageOf(pid).then((usage) => (most = Math.max(most, usage?.memory ?? 0))), 25);
    const [mine] = await Promise.all([load(url, me, options), rushUntil(url, accessTokens, until, outcomes)]);
    clearInterval(watching);
    accompanied.push(mine);
  }
  turns([
    ['me alone', alone],
    [`me beside ${rush} unlocks`, accompanied],
  ]);
  table(['question', 'of', 'ratio', 'spread', 'target', ''], [ratioRow(`me beside ${rush} unlocks`, 'me alone', accompanied, alone)]);
  const slow = median(accompanied.map((each) => each.slow));
  say(`\n  Of me beside them, 99% were answered within ${slow.toFixed(0)} ms.`);
  say(`  The unlocks: ${[...outcomes].map(([code, count]) => `${count} ${code}`).join(', ')}.`);
  const rest = await usageOf(pid);
  const grown = before === null ? null : most - before.memory;
  say(`  Memory: ${megabytes(before?.memory)} MB before, ${megabytes(grown)} MB more at most, ${megabytes(rest?.memory)} MB after.`);
}

/** Sends all requests at once, and again after the last response. */
async function rushUntil(url, accessTokens, until, outcomes) {
  const once = async (_, at) => {
    const headers = headersOf(accessTokens[at % accessTokens.length]);
    const { errors } = await (await fetch(url, { method: 'POST', headers, body: unlockBody })).json();
    const outcome = errors ? errors[0].extensions.code : 'unlocked';
    outcomes.set(outcome, (outcomes.get(outcome) ?? 0) + 1);
  };
  while (performance.now() < until) await Promise.all(Array.from({ length: rush }, once));
}

/**
 * @param {string} name
 * @param {readonly number[]} given
 * @returns {Promise<{ perSecond: number }>}
 */
async function child(name, given) {
  const program = join(import.meta.dirname, 'contenders', name);
  const { stdout } = await promisify(execFile)(process.execPath, [program, ...given.map(String)]);
  return JSON.parse(stdout);
}

/** @param {readonly (readonly [string, readonly { perSecond: number }[]])[]} rows */
function turns(rows) {
  table(
    ['', 'a second', 'of each round'],
    rows.map(([name, each]) => [
      name,
      median(each.map(({ perSecond }) => perSecond)).toFixed(1),
      each.map(({ perSecond }) => perSecond.toFixed(1)).join(' '),
    ]),
  );
  say('');
}
