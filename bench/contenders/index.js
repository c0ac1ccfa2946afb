import { spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { once } from 'node:events';
import { join } from 'node:path';
import jwt from 'jsonwebtoken';
import { benchPassword, officerRole } from '../database.js';

/** The maximum number of database connections of each contender. */
const poolSize = 10;

const project = join(import.meta.dirname, '..', '..');
const secret = randomBytes(32).toString('base64');

/** @typedef {'service' | 'postgraphile' | 'bare'} ContenderName */

/**
 * The seeded accounts that send requests: the officer can read every record, and the organizer writes what only
 * organizers may.
 */
export const askers = /** @type {const} */ (['officer', 'organizer']);

/** @typedef {typeof askers[number]} Asker */
/** @typedef {Readonly<Record<Asker, string>>} Tokens */

/**
 * A running contender.
 *
 * @typedef {object} Contender
 * @property {ContenderName} name
 * @property {string} url the address for requests
 * @property {number} pid
 * @property {() => string} said its output on stderr
 * @property {() => Promise<void>} stop
 */

/** The names of the contenders in the output. */
export const titles = /** @type {const} */ ({ service: 'Unionhall', postgraphile: 'PostGraphile', bare: 'bare' });

/** @type {Record<ContenderName, { program: string[], environment: (bench: import('../database.js').Bench) => Record<string, string> }>} */
const programs = {
  service: {
    program: [join('dist', 'src', 'main.js'), 'start'],
    environment: ({ keys }) => ({
      UNIONHALL_KEYS: keys,
      PORT: '0',
      ACCESS_TOKEN_TTL: '86400',
      LIMIT_SIGN_IN: '9999/1',
      LIMIT_MAIL_ACCOUNT: '9999/1',
      LIMIT_MAIL_ADDRESS: '9999/1',
    }),
  },
  postgraphile: {
    program: [join('bench', 'contenders', 'postgraphile.js')],
    environment: () => ({ GRAPHILE_ENV: 'production', BENCH_SECRET: secret, BENCH_ROLE: officerRole }),
  },
  bare: { program: [join('bench', 'contenders', 'bare.js')], environment: () => ({ BENCH_SECRET: secret }) },
};

/**
 * Starts a contender and waits until it prints its address.
 *
 * @param {ContenderName} name
 * @param {import('../database.js').Bench} bench
 * @param {string[]} nodeOptions
 * @returns {Promise<Contender>}
 */
export async function startContender(name, bench, nodeOptions = []) {
  const { program, environment } = programs[name];
  const { PATH, HOME, SystemRoot } = process.env;
  const child = spawn(process.execPath, [...nodeOptions, ...program], {
    cwd: project,
    env: {
      ...Object.fromEntries(Object.entries({ PATH, HOME, SystemRoot }).filter(([, value]) => value !== undefined)),
      NODE_ENV: 'production',
      DATABASE_URL: bench.url,
      DATABASE_POOL_SIZE: String(poolSize),
      ...environment(bench),
    },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const leave = () => child.kill('SIGKILL');
  process.once('exit', leave);
  let said = '';
  child.stderr.setEncoding('utf8').on('data', (text) => (said = `${said}${text}`.slice(-10_000)));
  const url = await new Promise((resolve, reject) => {
    let text = '';
    child.stdout.setEncoding('utf8').on('data', (part) => {
      text = `${text}${part}`.slice(-10_000);
      const [, found] = /answers at (http:\/\/[\w.:]+)/i.exec(text) ?? [];
      if (found) resolve(`${found}/graphql`);
    });
    child.once('error', reject);
    child.once('exit', (code) => reject(new Error(`${titles[name]} ended with ${code} before it answered.\n${text}${said}`)));
  });
  const stop = async () => {
    process.off('exit', leave);
    if (child.exitCode !== null || child.signalCode !== null) return;
    const ended = once(child, 'exit');
    child.kill('SIGTERM');
    await ended;
  };
  return { name, url, pid: /** @type {number} */ (child.pid), said: () => said, stop };
}

/**
 * Returns the tokens to send to a contender. The service issues its own at sign-in.
 *
 * @param {Pick<Contender, 'name' | 'url'>} contender
 * @param {import('../database.js').Bench} bench
 * @returns {Promise<Tokens>}
 */
export async function tokensFor({ name, url }, { pool }) {
  const { rows } = await pool.query('select username, id from users where username = any($1)', [askers]);
  const tokens = rows.map(async ({ username, id }) => [username, name === 'service' ? await signIn(url, username) : sign(id)]);
  return /** @type {Tokens} */ (Object.fromEntries(await Promise.all(tokens)));
}

/** @param {string} userId */
const sign = (userId) => jwt.sign({}, Buffer.from(secret, 'base64'), { subject: userId, audience: 'bench', expiresIn: '12h' });

/**
 * @param {string} url
 * @param {string} username
 */
async function signIn(url, username) {
  const { login } = await ask(url, loginBody(username, benchPassword));
  return login.accessToken;
}

/**
 * @param {string} identifier
 * @param {string} password
 */
export const loginBody = (identifier, password) => ({
  query: 'mutation Login($input: LoginInput!) { login(input: $input) { ... on SignedIn { accessToken refreshToken } } }',
  variables: { input: { identifier, password } },
});

/**
 * Sends one request.
 *
 * @param {string} url
 * @param {object} body
 * @param {string} [token]
 * @returns {Promise<any>} the data
 */
export async function ask(url, body, token) {
  const response = await fetch(url, { method: 'POST', headers: headersOf(token), body: JSON.stringify(body) });
  const { data, errors } = await response.json();
  if (errors) throw new Error(`${url} answers ${response.status} ${JSON.stringify(errors)}\nto ${JSON.stringify(body)}`);
  return data;
}

/** @param {string} [token] */
export const headersOf = (token) => ({ 'content-type': 'application/json', ...(token && { authorization: `Bearer ${token}` }) });

/**
 * The resources that a process has used so far, where the system reports them: seconds of CPU, and the current and the
 * maximum bytes of memory.
 *
 * @typedef {{ cpu: number, memory: number, most: number }} Usage
 */

/**
 * @param {number} pid
 * @returns {Promise<Usage | null>}
 */
export async function usageOf(pid) {
  try {
    const [stat, status] = await Promise.all(['stat', 'status'].map((file) => readFile(`/proc/${pid}/${file}`, 'utf8')));
    // the name in brackets may contain any characters
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    const ticksPerSecond = 100;
    const bytes = (/** @type {string} */ name) => Number(new RegExp(`^${name}:\\s+(\\d+) kB`, 'm').exec(status)?.[1] ?? 0) * 1024;
    return { cpu: (Number(fields[11]) + Number(fields[12])) / ticksPerSecond, memory: bytes('VmRSS'), most: bytes('VmHWM') };
  } catch {
    return null;
  }
}
