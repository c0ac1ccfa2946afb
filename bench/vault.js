import { execFile } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { readConfig } from '../dist/src/config.js';
import { openDatabase } from '../dist/src/database/index.js';
import { changeEvent } from '../dist/src/services/audit/event.js';
import { sealEvents, sealingLock } from '../dist/src/services/audit/seal.js';
import { Keyring } from '../dist/src/services/crypto/keyring.js';
import { add } from '../dist/src/services/record/index.js';
import { ask, headersOf, loginBody, poolSize, usageOf } from './contenders/index.js';
import { counted } from './count.js';
import { cycle, load } from './load.js';
import { heading, median, megabytes, ratioRow, say, table } from './print.js';

const password = 'unionhall-dev';
/** Unlocks that are counted, at once; and those that come all at once, to see what they do to the others. */
const unlocks = 8;
const rush = 200;
const unlockTarget = 0.85;
/** A reveal without its audit write may cost twice what a look-up does. */
const revealTarget = 0.5;

const unlockBody = JSON.stringify({
  query: 'mutation Unlock($password: String!) { unlockVault(password: $password) { vaultToken } }',
  variables: { password },
});

/** @typedef {{ url: string, pid: number }} Service */

/**
 * What the vault costs, asked of the service alone: nobody else has one.
 *
 * @param {{ bench: import('./database.js').Bench, contenders: readonly Service[], pool: import('./questions.js').Pool,
 *   options: { rounds: number, seconds: number, connections: number } }} setting
 */
export async function vault({ bench, contenders: [service], pool, options }) {
  const accessTokens = await makeVault(bench, service);
  await reveals(bench, service, accessTokens[0], pool, options);
  await unlocking(service, accessTokens, options);
  await rushing(service, accessTokens, options);
}

/** Who has access to the vault: of one person, attempts at once are few. */
const others = ['officer', 'staff', 'organizer', 'vp', 'manager', 'president'];

/** The vault of the seeded admin, with as many secrets as a local may have. @returns the access tokens of all who have access */
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

/** One after another: of what is batched with other requests, the cost of a part cannot be taken off. */
async function reveals(bench, service, accessToken, pool, { rounds, seconds }) {
  const options = { rounds, seconds, connections: 1 };
  heading('A secret that is revealed, and one row that is looked up');
  const { url } = service;
  const headers = headersOf(accessToken);
  const query = 'query One($id: ID!) { grievance(id: $id) { id grievanceNumber status filedDate } }';
  const lookups = cycle(pool.ids.map((id) => ({ body: JSON.stringify({ query, variables: { id } }), headers, bytes: null })));
  const reveal = 'mutation Reveal($keyName: String!) { revealSecret(keyName: $keyName) { keyName version value } }';
  const writer = await auditWriter(bench);
  const [looked, revealed, written] = [[], [], []];
  for (let round = 0; round < options.rounds + 1; round += 1) {
    const vaultToken = await unlock(url, accessToken);
    const release = await writer.holdSealing();
    const asking = cycle(
      names.map((keyName) => ({
        body: JSON.stringify({ query: reveal, variables: { keyName } }),
        headers: withVault(accessToken, vaultToken),
        bytes: null,
      })),
    );
    const turn = [
      await counted(bench, service, () => load(url, lookups, options)),
      await counted(bench, service, () => load(url, asking, options)),
      await counted(bench, process, () => writer.write(options)),
    ];
    await release();
    await writer.seal();
    // what runs often is compiled in the first round, which does not count
    if (round > 0) for (const [at, each] of [looked, revealed, written].entries()) each.push(turn[at]);
  }
  await writer.close();
  const without = revealed.map((each, round) => less(each, written[round]));
  table(
    ['', 'a second', 'of each round', 'CPU ms: process', 'database'],
    [
      ['one grievance, by its id', looked],
      ['one secret, by its name', revealed],
      ['the audit write by itself', written],
      ['the reveal without it', without],
    ].map(([name, each]) => [
      name,
      median(each.map(({ perSecond }) => perSecond)).toFixed(0),
      each.map(({ perSecond }) => perSecond.toFixed(0)).join(' '),
      ...['cpu', 'databaseCpu'].map((of) => median(each.map((one) => one[of] ?? NaN)).toFixed(2)),
    ]),
  );
  say('');
  // By CPU, where the system tells: what else is busy on the machine shows less in it.
  const isTold = without.every(({ cpu, databaseCpu }) => Number.isFinite(cpu + databaseCpu));
  const byCpu = (each) => each.map(({ cpu, databaseCpu }) => ({ perSecond: 1000 / (cpu + databaseCpu) }));
  const [ours, theirs] = isTold ? [byCpu(without), byCpu(looked)] : [without, looked];
  const other = isTold ? 'look-up, by CPU alone' : 'look-up';
  table(['question', 'of', 'ratio', 'spread', 'target', ''], [ratioRow('reveal without its write', other, ours, theirs, revealTarget)]);
}

/** What one costs beyond the other: the time that the machine needs for it, where both are asked without pause. */
const less = (one, other) => ({
  perSecond: 1 / (1 / one.perSecond - 1 / other.perSecond),
  cpu: one.cpu - other.cpu,
  databaseCpu: one.databaseCpu - other.databaseCpu,
});

/**
 * Writes audit events as a reveal does, and does nothing else. Sealing belongs to the audit, goes on long after the
 * writing, and would be counted to whatever is asked then: it can be held, as by another node, and done in between.
 */
async function auditWriter({ url, keys, pool }) {
  const tools = { keyring: Keyring.parse(keys), now: () => new Date() };
  const { orm, run, close } = await openDatabase({ databaseUrl: url, databasePoolSize: poolSize, dataDirectory: '' });
  const [{ id: userId }] = await run(`select id from users where username = 'admin'`);
  const viewer = { userId, sessionId: randomUUID() };
  const change = { action: 'secret.reveal', targetType: 'Secret', targetId: randomUUID() };
  const writeOne = () => {
    const em = orm.em.fork();
    return add(em, run, [changeEvent(tools, viewer, { ipAddress: '127.0.0.1', requestId: randomUUID() }, change)]);
  };
  const write = async ({ connections, seconds }) => {
    let count = 0;
    const began = performance.now();
    const on = async () => {
      for (; performance.now() - began < seconds * 1000; count += 1) await writeOne();
    };
    await Promise.all(Array.from({ length: connections }, on));
    return { count, perSecond: count / ((performance.now() - began) / 1000) };
  };
  const holdSealing = async () => {
    const holder = await pool.connect();
    await holder.query('select pg_advisory_lock($1)', [sealingLock]);
    return async () => {
      await holder.query('select pg_advisory_unlock($1)', [sealingLock]);
      holder.release();
    };
  };
  const seal = async () => {
    // null where the service is at it
    while ((await sealEvents(orm.em.fork(), tools.keyring)) !== 0);
  };
  await write({ connections: poolSize, seconds: 0.5 });
  await seal();
  return { write, holdSealing, seal, close };
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

/** All at once; when the last is answered, all again. */
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
