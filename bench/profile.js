import { writeFile } from 'node:fs/promises';
import { relative, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { startContender } from './contenders/index.js';
import { heading, say, table } from './print.js';

const project = join(import.meta.dirname, '..');

/**
 * Starts the service with an inspector, and samples its CPU while `work` sends requests.
 *
 * @param {import('./database.js').Bench} bench
 * @param {(service: import('./contenders/index.js').Contender) => Promise<() => Promise<{ count: number, perSecond:
 * number }>>} prepare
 * @param {string | undefined} file
 */
export async function profile(bench, prepare, file) {
  const service = await startContender('service', bench, ['--inspect=127.0.0.1:0']);
  const [address] = /ws:\/\/\S+/.exec(service.said()) ?? [];
  if (!address) throw new Error(`The inspector does not say where it listens.\n${service.said()}`);
  const inspector = await connect(address);
  const work = await prepare(service);
  await inspector.send('Profiler.enable');
  await inspector.send('Profiler.setSamplingInterval', { interval: 200 });
  await inspector.send('Profiler.start');
  const { count, perSecond } = await work();
  const { profile: found } = await inspector.send('Profiler.stop');
  inspector.close();
  await service.stop();
  if (file) await writeFile(file, JSON.stringify(found));
  print(found, count);
  say(`\n${count} requests, ${perSecond.toFixed(0)} a second while being sampled.${file ? ` The profile is in ${file}.` : ''}`);
}

/** @param {string} address */
export async function connect(address) {
  const socket = new WebSocket(address);
  await new Promise((resolve, reject) => {
    socket.addEventListener('open', resolve);
    socket.addEventListener('error', () => reject(new Error('The inspector does not answer.')));
  });
  /** @type {Map<number, { resolve: (result: any) => void, reject: (error: Error) => void }>} */
  const waiting = new Map();
  socket.addEventListener('message', ({ data }) => {
    const { id, result, error } = JSON.parse(String(data));
    if (error) waiting.get(id)?.reject(new Error(error.message));
    else waiting.get(id)?.resolve(result);
    waiting.delete(id);
  });
  let last = 0;
  return {
    /** @param {string} method @param {object} [params] @returns {Promise<any>} */
    send: (method, params) =>
      new Promise((resolve, reject) => {
        last += 1;
        waiting.set(last, { resolve, reject });
        socket.send(JSON.stringify({ id: last, method, params }));
      }),
    close: () => socket.close(),
  };
}

function print({ nodes, samples, timeDeltas }, requests) {
  const nodesById = new Map(nodes.map((node) => [node.id, node]));
  const byFunction = new Map();
  const byPackage = new Map();
  let busy = 0;
  let idle = 0;
  for (const [at, id] of samples.entries()) {
    const { callFrame } = nodesById.get(id);
    const took = timeDeltas[at];
    if (callFrame.functionName === '(idle)') {
      idle += took;
      continue;
    }
    busy += took;
    const where = packageOf(callFrame);
    add(byPackage, where, took);
    add(byFunction, `${callFrame.functionName || '(anonymous)'}\t${where}\t${placeOf(callFrame)}`, took);
  }
  const share = (took) => `${((100 * took) / busy).toFixed(1)}%`;
  const each = (took) => (took / requests).toFixed(1);
  heading(
    `Where the service's own CPU goes: ${(busy / requests).toFixed(0)} µs a request, idle for ${((100 * idle) / (busy + idle)).toFixed(0)}% of the time`,
  );
  table(
    ['package', 'self', 'µs/request'],
    ranked(byPackage)
      .slice(0, 25)
      .map(([name, took]) => [name, share(took), each(took)]),
  );
  say('');
  table(
    ['function', 'package', 'self', 'µs/request', 'where'],
    ranked(byFunction)
      .slice(0, 40)
      .map(([key, took]) => {
        const [name, where, place] = key.split('\t');
        return [name, where, share(took), each(took), place];
      }),
  );
}

const add = (map, key, took) => map.set(key, (map.get(key) ?? 0) + took);
const ranked = (map) => [...map].sort(([, a], [, b]) => b - a);

function packageOf({ url, functionName }) {
  if (url === '') return functionName === '(garbage collector)' ? 'gc' : functionName === '(program)' ? '(program)' : 'built-in';
  if (url.startsWith('node:')) return `node ${url.slice('node:'.length).split('/').slice(0, 2).join('/')}`;
  const installed = url.split('/node_modules/').at(-1);
  if (url.includes('/node_modules/'))
    return installed
      .split('/')
      .slice(0, installed.startsWith('@') ? 2 : 1)
      .join('/');
  return pathOf(url)
    .replace(/^dist\//, '')
    .split('/')
    .slice(0, 2)
    .join('/');
}

const placeOf = ({ url, lineNumber }) =>
  url === '' ? '' : `${url.includes('/node_modules/') ? url.split('/node_modules/').at(-1) : pathOf(url)}:${lineNumber + 1}`;

const pathOf = (url) => (url.startsWith('file:') ? relative(project, fileURLToPath(url)) : url);
