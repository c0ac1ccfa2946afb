import { Client } from 'undici';

/**
 * A repeatable request.
 *
 * @typedef {object} Asked
 * @property {string} body
 * @property {Record<string, string>} headers
 * @property {number | null} bytes the length of the correct response; null if it varies
 */

/**
 * Sends requests through several connections for some seconds. Each connection sends its next request after the
 * response to the last. Every response must be 200 and have the length of the verified response.
 *
 * @param {string} url
 * @param {Iterator<Asked>} requests
 * @param {{ connections: number, seconds: number }} options
 */
export async function load(url, requests, { connections, seconds }) {
  const { origin, pathname } = new URL(url);
  const until = performance.now() + seconds * 1000;
  const latencies = [];
  const began = performance.now();
  await Promise.all(
    Array.from({ length: connections }, async () => {
      const client = new Client(origin, { pipelining: 1, keepAliveTimeout: 60_000 });
      try {
        while (performance.now() < until) {
          const at = performance.now();
          await once(client, pathname, requests.next().value);
          latencies.push(performance.now() - at);
        }
      } finally {
        await client.close();
      }
    }),
  );
  const took = (performance.now() - began) / 1000;
  latencies.sort((a, b) => a - b);
  const at = (share) => latencies[Math.floor((latencies.length - 1) * share)];
  return { count: latencies.length, perSecond: latencies.length / took, middle: at(0.5), slow: at(0.99) };
}

/**
 * @param {Client} client
 * @param {string} path
 * @param {Asked} asked
 * @returns {Promise<void>}
 */
function once(client, path, { body, headers, bytes }) {
  return new Promise((resolve, reject) => {
    let status = 0;
    let length = 0;
    /** @type {Buffer | undefined} */
    let first;
    client.dispatch(
      { method: 'POST', path, headers, body },
      {
        onRequestStart() {},
        onResponseStart(_controller, statusCode) {
          status = statusCode;
        },
        onResponseData(_controller, chunk) {
          length += chunk.length;
          first ??= chunk;
        },
        onResponseEnd() {
          const isRight = status === 200 && first !== undefined && (bytes === null ? isData(first) : length === bytes);
          if (isRight) resolve();
          else
            reject(
              new Error(
                `An answer under load is not the one that was compared: ${status}, ${length} bytes, ${first?.toString().slice(0, 500)}`,
              ),
            );
        },
        onResponseError(_controller, error) {
          reject(error);
        },
      },
    );
  });
}

const isData = (/** @type {Buffer} */ first) => first.subarray(0, 9).toString() === '{"data":{' && !first.includes('"errors":[');

/**
 * Yields the items in a loop, and continues where it stopped when it is used again.
 *
 * @template T
 * @param {readonly T[]} items
 * @returns {Generator<T, never>}
 */
export function* cycle(items) {
  for (;;) yield* items;
}
