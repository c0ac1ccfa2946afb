import { heading, median, say, table } from './print.js';

/** How many requests of each kind one round sends. */
const times = 50;

/**
 * Measures how long the response to a password reset takes for a known and for an unknown address. Sends them in pairs,
 * each in random order.
 *
 * @param {{ contenders: readonly { url: string }[], options: { rounds: number } }} setting
 */
export async function reset({ contenders: [service], options }) {
  heading('A password reset that is asked for, by whether an account has the address');
  const took = { known: /** @type {number[]} */ ([]), unknown: /** @type {number[]} */ ([]) };
  for (let n = -times; n < times * options.rounds; n += 1) {
    const pair = /** @type {const} */ (Math.random() < 0.5 ? ['known', 'unknown'] : ['unknown', 'known']);
    for (const kind of pair) {
      const milliseconds = await timeOf(service.url, kind === 'known' ? 'officer@unionhall.test' : `absent${n + times}@unionhall.test`);
      if (n >= 0) took[kind].push(milliseconds);
    }
  }
  const differences = took.known.map((milliseconds, n) => milliseconds - took.unknown[n]);
  table(
    ['address', 'median ms', 'p90 ms'],
    Object.entries(took).map(([kind, each]) => [kind, median(each).toFixed(3), quantile(each, 0.9).toFixed(3)]),
  );
  say(`\n  median of the differences: ${median(differences).toFixed(3)} ms`);
}

const quantile = (/** @type {readonly number[]} */ numbers, /** @type {number} */ at) =>
  numbers.toSorted((a, b) => a - b)[Math.floor(numbers.length * at)] ?? 0;

/**
 * @param {string} url
 * @param {string} email
 */
async function timeOf(url, email) {
  const query = 'mutation ($email: String!) { requestPasswordReset(email: $email) }';
  const began = performance.now();
  const response = await fetch(url, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ query, variables: { email } }),
  });
  const text = await response.text();
  const milliseconds = performance.now() - began;
  if (!text.includes('"requestPasswordReset":true')) throw new Error(`It was answered ${text.slice(0, 300)}`);
  return milliseconds;
}
