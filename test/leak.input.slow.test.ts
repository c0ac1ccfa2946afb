import { once } from 'node:events';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { GraphQLSchema } from 'graphql';
import { WebSocket } from 'ws';
import { refusals } from '../src/errors.ts';
import { everything, showsMarker, type Asked } from './leak.input.kit.ts';
import { schemaOf } from './rights/kit.ts';
import { aLocal, type Local } from './support/local.ts';

// Sends a marker in every position of every input of every operation, with all kinds of errors around it. Neither a
// response nor a log line may contain it.

const lines: string[] = [];
let local: Local;
let schema: GraphQLSchema;

const limits = ['SIGN_IN', 'SECOND_FACTOR', 'MAIL_ACCOUNT', 'MAIL_ADDRESS', 'REGISTER', 'REFRESH', 'CONNECTION'];
const environment = {
  ...Object.fromEntries(limits.map((name) => [`LIMIT_${name}`, '9999/1'])),
  LOGIN_ATTEMPTS: '100',
  REGISTRATION: 'open',
  LOG_LEVEL: 'debug',
};

beforeAll(async () => {
  local = await aLocal({ comparesExecutions: false, environment, logTo: { write: (line) => void lines.push(line) } });
  schema = await schemaOf(local);
});

/** The response to one request. */
interface Reply {
  readonly body: string;
  readonly codes: readonly string[];
}

async function post(asked: Asked, headers: Record<string, string>): Promise<Reply> {
  const response = await fetch(`${local.url}/graphql`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', ...headers },
    body: JSON.stringify(asked),
  });
  const body = await response.text();
  const { errors = [] } = JSON.parse(body) as { errors?: { extensions?: { code?: string } }[] };
  return { body: `${JSON.stringify([...response.headers])}${body}`, codes: errors.map(({ extensions }) => String(extensions?.code)) };
}

/** An error, from a refused subscription or a result. */
interface Refused {
  readonly extensions?: { readonly code?: string };
}

/** Uses one socket after the other, because an invalid message closes it. */
class Asker {
  #socket: WebSocket | null = null;
  #number = 0;

  constructor(private readonly params: object) {}

  async ask(asked: Asked): Promise<Reply> {
    const socket = this.#socket ?? (await this.#open());
    this.#socket = socket;
    const id = String((this.#number += 1));
    const answered = new Promise<Reply>((resolve) => {
      const hear = (data: Buffer): void => {
        const message = JSON.parse(String(data)) as { id?: string; payload?: Refused[] | { errors?: Refused[] } };
        if (message.id !== id) return;
        const { payload = [] } = message;
        const errors = Array.isArray(payload) ? payload : (payload.errors ?? []);
        end({ body: String(data), codes: errors.map(({ extensions }) => String(extensions?.code)) });
      };
      const close = (code: number, reason: Buffer): void => {
        this.#socket = null;
        end({ body: `${code} ${String(reason)}`, codes: [] });
      };
      const end = (reply: Reply): void => {
        socket.off('message', hear).off('close', close);
        resolve(reply);
      };
      socket.on('message', hear).on('close', close);
    });
    socket.send(JSON.stringify({ id, type: 'subscribe', payload: asked }));
    return await answered;
  }

  async close(): Promise<void> {
    const socket = this.#socket;
    if (!socket || socket.readyState === WebSocket.CLOSED) return;
    socket.close();
    await once(socket, 'close');
  }

  async #open(): Promise<WebSocket> {
    const socket = new WebSocket(`${local.url.replace(/^http/, 'ws')}/graphql`, 'graphql-transport-ws');
    await once(socket, 'open');
    socket.send(JSON.stringify({ type: 'connection_init', payload: this.params }));
    await once(socket, 'message');
    return socket;
  }
}

const askers: Asker[] = [];
afterAll(async () => await Promise.all(askers.map((asker) => asker.close())));

/** The share of the requests that each run sends, starting at a different place. `LEAK_QUESTIONS=all` sends all. */
const part = process.env['LEAK_QUESTIONS'] === 'all' ? 1 : 4;
const first = Math.floor(Math.random() * 1000);

/** Sends all requests, or every n-th, and returns the faults in the responses and the log. */
async function faultsOf(ask: (asked: Asked) => Promise<Reply>, { atOnce = 20, every = 1 } = {}) {
  const faults: unknown[] = [];
  let count = 0;
  const check = async ([what, asked]: readonly [string, Asked]): Promise<void> => {
    const { body, codes } = await ask(asked);
    const isKnown = codes.every((code) => code in refusals && code !== 'INTERNAL');
    if (showsMarker(body) || !isKnown) faults.push([what, asked, body]);
  };
  let some: (readonly [string, Asked])[] = [];
  const checkSome = async (): Promise<void> => {
    const before = lines.length;
    await Promise.all(some.map(check));
    const wrong = lines.slice(before).filter((line) => showsMarker(line) || (JSON.parse(line) as { level: number }).level >= 50);
    if (wrong.length > 0) faults.push([some.map(([what]) => what), wrong]);
    count += some.length;
    some = [];
  };
  let index = first;
  for (const each of everything(schema)) if ((index += 1) % (every * part) === 0 && some.push(each) >= atOnce) await checkSome();
  await checkSome();
  return { faults: faults.slice(0, 10), count };
}

describe('submitted input', () => {
  it('is in no response and in no log line, whatever is wrong with it: for an anonymous caller', async () => {
    const { faults, count } = await faultsOf((asked) => post(asked, {}));
    expect(faults).toEqual([]);
    expect(count).toBeGreaterThan(5_000 / part);
  }, 600_000);

  it('is in no response and in no log line, whatever is wrong with it: for an admin', async () => {
    const authorization = `Bearer ${await local.admin.token()}`;
    expect((await faultsOf((asked) => post(asked, { authorization }), { every: 5 })).faults).toEqual([]);
  }, 600_000);

  it.each(['admin', 'anonymous'] as const)(
    'is in no WebSocket message and in no log line: for %s',
    async (who) => {
      const token = await local[who].token();
      const asker = new Asker(token === null ? {} : { authorization: `Bearer ${token}` });
      askers.push(asker);
      expect((await faultsOf((asked) => asker.ask(asked), { atOnce: 1, every: 7 })).faults).toEqual([]);
    },
    600_000,
  );
});
