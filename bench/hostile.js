import { headersOf } from './contenders/index.js';
import { heading, median, table } from './print.js';

/** The number of requests of each kind in one round. */
const times = 20;

const many = (/** @type {number} */ count, /** @type {(n: number) => string} */ each) =>
  Array.from({ length: count }, (_, n) => each(n)).join(' ');
const asked = (/** @type {string} */ query) => JSON.stringify({ query });
const cases = (/** @type {number} */ levels) =>
  `{ grievances(first: 1) ${'{ nodes { member { grievances(first: 1) '.repeat(levels / 2 - 1)}{ totalCount }${' } } }'.repeat(levels / 2 - 1)} }`;
const wideMember = '{ nodes { grievances(first: 100) { nodes { member { grievances(first: 100) { nodes { id } } } } } } }';

/** Harmful requests. Each is a different document, so that no cache applies. */
const harmful = {
  'a fragment bomb': (n) =>
    asked(`{ me { ...f0 } } ${many(25, (at) => `fragment f${at} on User { ${at === 24 ? `a${n}: id` : `...f${at + 1} ...f${at + 1}`} }`)}`),
  'a wide fragment bomb': (n) => asked(`{ me { ${'...f '.repeat(900)} } } fragment f on User { a${n}: id }`),
  '1,900 times the same field': (n) => asked(`query a${n} { me { ${'id '.repeat(1_900)} } }`),
  '900 unknown directives': (n) => asked(`query a${n} { me ${'@b '.repeat(900)} { id } }`),
  '20,000 tokens': (n) => asked(`query a${n} { me { ${'id '.repeat(20_000)} } }`),
  '30 levels': (n) => asked(`query a${n} ${cases(30)}`),
  '3,000 levels': (n) => asked(`query a${n} ${'{ members '.repeat(3_000)}${'}'.repeat(3_000)}`),
  '100 aliases': (n) => asked(`{ ${many(100, (at) => `a${n}_${at}: isConfigured`)} }`),
  'pages of pages': (n) => asked(`query a${n} { members(first: 100) ${wideMember} }`),
  'a body of 1 MB': (n) => asked(`{ me { id } } #${n}${'x'.repeat(1_000_000)}`),
  'a body in UTF-16': (n) => Buffer.from(asked(`query a${n} { me { id } }`), 'utf16le'),
};

/** A harmless request, also with a different document each time. */
const ordinary = (/** @type {number} */ n) =>
  asked(`query a${n} { me { username fullName roles { role { name } } } members(first: 20) { nodes { id fullName memberNumber } } }`);

/**
 * Measures how long the service takes to refuse harmful requests, compared with an ordinary request. Sends them in
 * turns.
 *
 * @param {{ contenders: readonly { url: string, tokens: Readonly<Record<string, string>> }[], options: { rounds: number
 * } }} setting
 */
export async function hostile({ contenders: [service], options }) {
  heading('What is sent to do harm, beside an ordinary request');
  const took = new Map([
    ['an ordinary request', /** @type {number[]} */ ([])],
    ...Object.keys(harmful).map((name) => [name, /** @type {number[]} */ ([])]),
  ]);
  for (let n = -times; n < times * options.rounds; n += 1) {
    const turn = [['an ordinary request', ordinary], ...Object.entries(harmful)];
    for (const [name, body] of turn) {
      const milliseconds = await timeOf(service, body(n + times), name !== 'an ordinary request');
      if (n >= 0) took.get(name)?.push(milliseconds);
    }
  }
  const [first] = took.values();
  table(
    ['what', 'median ms', 'of ordinary', 'at most'],
    [...took].map(([name, each], at) => [name, median(each).toFixed(1), (median(each) / median(first)).toFixed(2), at === 0 ? '' : '10']),
  );
}

/**
 * @param {{ url: string, tokens: Readonly<Record<string, string>> }} service
 * @param {string | Buffer} body
 * @param {boolean} isRefused
 */
async function timeOf({ url, tokens: { officer: token } }, body, isRefused) {
  const began = performance.now();
  const response = await fetch(url, { method: 'POST', headers: headersOf(token), body });
  const text = await response.text();
  const took = performance.now() - began;
  if (isRefused !== /"code":"(TOO_COMPLEX|BAD_INPUT)"/.test(text)) throw new Error(`It was answered ${text.slice(0, 300)}`);
  return took;
}
