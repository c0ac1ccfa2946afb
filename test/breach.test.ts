import { createHash } from 'node:crypto';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { BreachedPasswords } from '../src/services/proof/breached-passwords.ts';

const password = 'An injury to one is an injury to all';
const digest = createHash('sha1').update(password).digest('hex').toUpperCase();
const [prefix, suffix] = [digest.slice(0, 5), digest.slice(5)];
const other = (letter: string) => letter.repeat(35);

type Answer = (request: IncomingMessage, response: ServerResponse) => void;
let server: Server;
let baseUrl: string;
let answer: Answer;
let asked: { method: string; url: string; padding: unknown; body: string }[];
let warnings: string[];
/** A port that was just closed, so nothing listens there. */
const closedPort = await new Promise<number>((found) => {
  const brief = createServer().listen(0, '127.0.0.1', () => {
    const { port } = brief.address() as AddressInfo;
    brief.close(() => found(port));
  });
});
const timers = new Set<NodeJS.Timeout>();

// A new server per test, because a connection to the previous one may still be closing.
beforeEach(async () => {
  server = createServer((request, response) => {
    const { method = '', url = '', headers } = request;
    let body = '';
    request.on('data', (chunk: Buffer) => (body += chunk.toString()));
    request.on('end', () => {
      asked.push({ method, url, padding: headers['add-padding'], body });
      answer(request, response);
    });
  });
  await new Promise<void>((listening) => server.listen(0, '127.0.0.1', listening));
  baseUrl = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
});
beforeEach(() => {
  asked = [];
  warnings = [];
});
afterEach(async () => {
  for (const timer of timers) clearInterval(timer);
  timers.clear();
  server.closeAllConnections();
  await new Promise((closed) => server.close(closed));
});

const breached = (changes: { baseUrl?: string | null; timeout?: number } = {}) =>
  new BreachedPasswords({ baseUrl, timeout: 5000, warn: (message) => warnings.push(message), ...changes });
const lines = (...rows: string[]): Answer => says(rows.join('\r\n'));
const says =
  (text: string): Answer =>
  (_, response) =>
    response.end(text);

describe('a lookup', () => {
  it('sends only five digits of the hash and asks for padding', async () => {
    answer = lines(`${other('A')}:3`);
    await breached().has(password);
    expect(asked).toEqual([{ method: 'GET', url: `/range/${prefix}`, padding: 'true', body: '' }]);
  });

  it.each<[string, string, boolean]>([
    ['a hit', `${other('A')}:3\r\n${suffix}:12\r\n${other('F')}:1`, true],
    ['a hit on the first line', `${suffix}:1\r\n${other('F')}:1`, true],
    ['a hit on the last line', `${other('A')}:3\r\n${suffix}:12345678`, true],
    ['a hit before an ending line end', `${other('A')}:3\r\n${suffix}:1\r\n`, true],
    ['a hit with plain line ends', `${other('A')}:3\n${suffix}:1\n${other('F')}:1\n`, true],
    ['a hit in small letters', `${other('a')}:3\r\n${suffix.toLowerCase()}:1`, true],
    ['a hit beside its own padding', `${suffix}:0\r\n${suffix}:2`, true],
    ['a miss', `${other('A')}:3\r\n${other('F')}:1`, false],
    ['a miss by one digit', `${suffix.slice(0, -1)}${suffix.endsWith('0') ? '1' : '0'}:3`, false],
    ['padding', `${other('A')}:3\r\n${suffix}:0\r\n${other('F')}:0`, false],
    ['padding with more zeros', `${other('A')}:3\r\n${suffix}:00`, false],
  ])('finds %s', async (_, text, isBreached) => {
    answer = says(text);
    expect(await breached().has(password)).toBe(isBreached);
    expect(warnings).toEqual([]);
  });

  it('hashes the UTF-8 of any password', async () => {
    const hash = createHash('sha1').update(Buffer.from('пароль🔨', 'utf8')).digest('hex');
    answer = lines(`${hash.slice(5)}:1`);
    expect(await breached().has('пароль🔨')).toBe(true);
    expect(asked[0]?.url).toBe(`/range/${hash.slice(0, 5).toUpperCase()}`);
  });

  it.each(['', '/', '///', '/mirror', '/mirror/'])('uses the configured address, here with %j after the host', async (path) => {
    answer = lines(`${suffix}:1`);
    expect(await breached({ baseUrl: baseUrl + path }).has(password)).toBe(true);
    expect(asked[0]?.url).toBe(`${path.replace(/\/+$/, '')}/range/${prefix}`);
  });

  it('accepts a response as large as real ones', async () => {
    const many = Array.from({ length: 2000 }, (_, index) => `${index.toString(16).padStart(35, '0')}:${index}`);
    answer = lines(...many, `${suffix}:1`);
    expect(await breached().has(password)).toBe(true);
  });

  it('is skipped if no service is configured', async () => {
    answer = lines(`${suffix}:1`);
    expect(await breached({ baseUrl: null }).has(password)).toBe(false);
    expect([asked, warnings]).toEqual([[], []]);
  });

  it('takes at most one second by default', async () => {
    answer = () => undefined;
    const impatient = new BreachedPasswords({ baseUrl, warn: (message) => warnings.push(message) });
    expect(await impatient.has(password)).toBe(false);
    expect(warnings).toEqual([expect.stringContaining('took longer than 1000 ms')]);
  });
});

describe('a service with an invalid response', () => {
  const trickle: Answer = (_, response) => {
    timers.add(setInterval(() => response.write(`${other('A')}:3\r\n`), 5));
  };
  const cut: Answer = (_, response) => {
    response.writeHead(200, { 'Content-Length': '4000' });
    response.write(`${suffix}:1\r\n${other('A')}`, () => response.destroy());
  };
  const cutChunk: Answer = (_, response) => {
    response.write(`${suffix}:1\r\n${other('A')}:`, () => response.destroy());
  };
  const status =
    (code: number, headers = {}): Answer =>
    (_, response) =>
      response.writeHead(code, headers).end(`${suffix}:1`);
  const flood: Answer = (_, response) => {
    const more = () => {
      while (response.write(`${other('A')}:3\r\n`.repeat(100)));
    };
    response.on('drain', more);
    more();
  };

  it.each<[string, Answer, string]>([
    ['a line without a colon', lines(`${other('A')}:3`, suffix, `${other('F')}:1`), 'malformed'],
    ['a line without its count', lines(`${other('A')}:3`, `${suffix}:`), 'malformed'],
    ['a count that is no number', lines(`${suffix}:many`), 'malformed'],
    ['a negative count', lines(`${suffix}:-1`), 'malformed'],
    ['a line with white space', lines(` ${suffix}:1`), 'malformed'],
    ['a line that was cut', says(`${other('A')}:3\r\n${other('B').slice(20)}`), 'malformed'],
    ['whole hashes', lines(`${digest}:1`), 'malformed'],
    ['nothing', says(''), 'malformed'],
    ['a page', says('<!doctype html><title>Sign in to the Wi-Fi</title>'), 'malformed'],
    ['a connection that ends mid-way', cut, 'could not be reached ('],
    ['a chunked answer that ends mid-way', cutChunk, 'could not be reached ('],
    ['no answer at all', (_, response) => response.destroy(), 'could not be reached ('],
    ['an error', status(500), 'answered with status 500'],
    ['a refusal', status(429, { 'Retry-After': '2' }), 'answered with status 429'],
    ['not found', status(404), 'answered with status 404'],
    ['no content', (_, response) => response.writeHead(204).end(), 'answered with status 204'],
    ['an answer without an end', flood, 'longer than 262144 bytes'],
  ])('with %s: the password passes, with one warning', async (_, given, reason) => {
    answer = given;
    expect(await breached().has(password)).toBe(false);
    expect(warnings).toEqual([expect.stringContaining(reason)]);
  });

  it.each<[string, Answer]>([
    ['never answers', () => undefined],
    ['answers a line at a time, without end', trickle],
    ['answers its head only', (_, response) => response.flushHeaders()],
  ])('and %s is abandoned at the time-out', async (_, given) => {
    answer = given;
    expect(await breached({ timeout: 150 }).has(password)).toBe(false);
    expect(warnings).toEqual(['Breached-password check skipped: the service took longer than 150 ms']);
  });

  it.each([301, 302, 307, 308])('and a redirect with %i is not followed', async (code) => {
    const elsewhere: string[] = [];
    const stranger = createServer((request, response) => {
      elsewhere.push(request.url ?? '');
      response.end(`${suffix}:1`);
    });
    await new Promise<void>((listening) => stranger.listen(0, '127.0.0.1', listening));
    answer = status(code, { Location: `http://127.0.0.1:${(stranger.address() as AddressInfo).port}/range/${prefix}` });
    expect(await breached().has(password)).toBe(false);
    await new Promise((closed) => stranger.close(closed));
    expect([elsewhere, warnings]).toEqual([[], [expect.stringContaining(`answered with status ${code}`)]]);
  });

  it.each([
    ['cannot be reached', `http://127.0.0.1:${closedPort}`, 'could not be reached (ECONNREFUSED)'],
    ['has an address that is none', 'nowhere', 'could not be reached (ERR_INVALID_URL)'],
    ['has an address of another kind', 'ftp://127.0.0.1', 'could not be reached'],
  ])('and %s: the password passes, with one warning', async (_, address, reason) => {
    expect(await breached({ baseUrl: address }).has(password)).toBe(false);
    expect(warnings).toEqual([expect.stringContaining(reason)]);
  });

  it('and a match in its readable part still counts', async () => {
    answer = lines(other('A'), `${suffix}:1`, 'x');
    expect(await breached().has(password)).toBe(true);
    expect(warnings).toEqual([]);
  });

  it('is logged without the password, its hash, or any part of it', async () => {
    const gone = `http://127.0.0.1:${closedPort}`;
    for (const given of [cut, cutChunk, status(500), lines(suffix), flood]) {
      answer = given;
      await breached().has(password);
    }
    for (const address of [gone, `${gone}/${'x'.repeat(10)}`, 'nowhere']) await breached({ baseUrl: address }).has(password);
    expect(warnings).toHaveLength(8);
    for (const secret of [password, prefix, suffix, digest.toLowerCase().slice(0, 5), gone])
      expect(warnings.join('\n').toLowerCase()).not.toContain(secret.toLowerCase());
  });
});
