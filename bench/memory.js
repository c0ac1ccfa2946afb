import { openBench } from './database.js';
import { headersOf, startContender, tokensFor } from './contenders/index.js';
import { connect } from './profile.js';
import { heading, say, table } from './print.js';

// Measures how much memory documents use in a service with a heap of 512 MB: first a normal load of a few documents
// that are sent often, then new documents, each five times, from signed-in and anonymous callers.
//
// node bench/memory.js [--scale=1] [--documents=1500]

const options = Object.fromEntries(process.argv.slice(2).map((each) => each.replace(/^--/, '').split('=')));
const scale = Number(options.scale ?? 1);
const documents = Number(options.documents ?? 1500);
const heap = 512;
const times = 5;
const atOnce = 8;

const leaves = ['id', 'grievanceNumber', 'status', 'filedDate', 'incidentDate', 'createdAt', 'updatedAt', 'contractArticle'];
const branches = [
  'employer { id name city }',
  'member { id fullName memberNumber }',
  'steps { id stepNumber meetingDate outcome }',
  'history { id at }',
];

/** About 6 kB: many fields, nested deeply enough to need a statement and a plan of their own. */
const large = (/** @type {number} */ n) => {
  const inner = `${leaves.join(' ')} ${branches.join(' ')}`;
  const some = (/** @type {number} */ at) => leaves.filter((_, place) => ((n + at) >> place) & 1).join(' ');
  const parts = Array.from(
    { length: 9 },
    (_, at) =>
      `p${at}: grievances(first: ${1 + ((n + at) % 5)}) { nodes { ${inner} ${some(at)} member { grievances(first: 1) { nodes { ${inner} } } } } }`,
  );
  return `query Large${n} { ${parts.join(' ')} }`;
};

/** A few documents, as large as those of front ends. */
const honest = Array.from({ length: 60 }, (_, n) => ({
  query: `query Honest${n}($first: Int!) { grievances(first: $first) { totalCount nodes { ${leaves.filter((_leaf, at) => (n + 1) & (1 << (at % 6))).join(' ') || 'id'} ${branches[n % 4]} ${branches[(n + 1) % 4]} } } }`,
}));

const kinds = {
  'an honest load': {
    count: 60 * 40,
    body: (n) => ({ ...honest[n % 60], variables: { first: 1 + (Math.floor(n / 60) % 25) } }),
    as: 'officer',
    times: 1,
  },
  'documents of a signed-in caller': { count: documents, body: (n) => ({ query: large(n) }), as: 'officer', times },
  'documents of an anonymous caller': { count: documents, body: (n) => ({ query: large(n + 100_000) }), as: null, times },
  'documents that are not valid': {
    count: documents,
    body: (n) => ({ query: large(n + 200_000).replace('status', 'unknown') }),
    as: 'officer',
    times,
  },
  'filters by variables': {
    count: documents,
    body: (n) => ({
      query:
        'query F($first: Int, $f: GrievanceFilter) { grievances(first: $first, filter: $f) { nodes { id employer { name } steps { id } } } }',
      variables: {
        first: 1 + (n % 100),
        f: n % 2 ? { filedDate: { gte: '2020-01-01' } } : { grievanceNumber: { contains: 'x' }, status: { eq: 'SETTLED' } },
      },
    }),
    as: 'officer',
    times: 1,
  },
  'an honest load again': {
    count: 60 * 20,
    body: (n) => ({ ...honest[n % 60], variables: { first: 1 + (Math.floor(n / 60) % 25) } }),
    as: 'officer',
    times: 1,
  },
};

const bench = await openBench(scale);
const service = await startContender('service', bench, [`--max-old-space-size=${heap}`, '--inspect=127.0.0.1:0']);
try {
  await measure();
} catch (error) {
  say(`The service did not survive: ${/** @type {Error} */ (error).message}\n${service.said().slice(-2000)}`);
  process.exitCode = 1;
} finally {
  await service.stop();
  await bench.close();
}

async function measure() {
  const tokens = await tokensFor(service, bench);
  const inspector = await connect(/ws:\/\/\S+/.exec(service.said())?.[0] ?? '');
  const rows = [['at the start', '', ...(await memory(inspector))]];
  for (const [name, kind] of Object.entries(kinds)) {
    const began = performance.now();
    await ask(kind, tokens);
    const perSecond = ((kind.count * kind.times) / ((performance.now() - began) / 1000)).toFixed(0);
    rows.push([name, perSecond, ...(await memory(inspector))]);
    say(`${name}: ${rows.at(-1)?.slice(1).join(', ')}`);
  }
  inspector.close();
  heading(
    `Memory with --max-old-space-size=${heap}: ${documents} documents of ${(large(1).length / 1000).toFixed(1)} kB, each ${times} times`,
  );
  table(['after', 'requests/s', 'heap after gc', 'resident'], rows);
}

/** Returns the used heap after a garbage collection, and the resident memory. */
async function memory(inspector) {
  await inspector.send('HeapProfiler.collectGarbage');
  const { usedSize } = await inspector.send('Runtime.getHeapUsage');
  const { result } = await inspector.send('Runtime.evaluate', { expression: 'process.memoryUsage().rss' });
  return [usedSize, result.value].map((bytes) => `${(bytes / 1e6).toFixed(0)} MB`);
}

async function ask({ count, body, as, times: each }, tokens) {
  let next = 0;
  let isTold = false;
  await Promise.all(
    Array.from({ length: atOnce }, async () => {
      while (next < count) {
        const text = JSON.stringify(body(next));
        next += 1;
        for (let time = 0; time < each; time += 1) {
          const headers = as === null ? { 'content-type': 'application/json' } : headersOf(tokens[as]);
          const response = await fetch(service.url, { method: 'POST', headers, body: text });
          const answer = await response.text();
          if (!isTold && answer.includes('"errors"')) {
            isTold = true;
            say(answer.slice(0, 300));
          }
        }
      }
    }),
  );
}
