import { createClient, type Client, type ClientOptions } from 'graphql-ws';
import { WebSocket } from 'ws';
import type { Database } from '../src/database/index.ts';
import { caseChannel } from '../src/entities/case.ts';

/** An event of a subscriber. */
export interface Told {
  readonly data?: Record<
    string,
    { action: string; grievance?: { id: string; notes?: string | null }; application?: { id: string } }
  > | null;
  readonly errors?: readonly { message: string; extensions: { code: string; requestId: string; fields?: unknown } }[];
}

export interface Closing {
  readonly code: number;
  readonly reason: string;
}

export type Params = Record<string, unknown>;

export const socketUrl = (url: string): string => `${url.replace(/^http/, 'ws')}/graphql`;

/** A graphql-ws client that does not reconnect. */
export class Caller {
  readonly closed: Promise<Closing>;
  readonly #client: Client;
  socket: WebSocket | null = null;

  constructor(url: string, connectionParams: Params | undefined, headers: Record<string, string> = {}, more: Partial<ClientOptions> = {}) {
    let tell: (closing: Closing) => void = () => {};
    this.closed = new Promise((resolve) => (tell = resolve));
    class Impl extends WebSocket {
      constructor(address: string, protocols: string | string[]) {
        super(address, protocols, { headers });
      }
    }
    this.#client = createClient({
      url: socketUrl(url),
      ...(connectionParams && { connectionParams }),
      webSocketImpl: Impl,
      retryAttempts: 0,
      // a lazy one would wait before closing, and keep the process alive
      lazy: false,
      onNonLazyError: () => {},
      on: {
        opened: (socket) => (this.socket = socket as WebSocket),
        closed: (event) => tell({ code: (event as Closing).code, reason: (event as Closing).reason }),
      },
      ...more,
    });
  }

  listen(query: string, variables: Record<string, unknown> = {}): Ears {
    return new Ears(this.#client, query, variables);
  }

  async hangUp(): Promise<Closing> {
    await this.#client.dispose();
    return this.closed;
  }
}

/** One subscription with its events so far. */
export class Ears {
  readonly #told: Told[] = [];
  #waiting: ((told: Told) => void) | null = null;
  /** Resolves with the reason for its end; null if it completed. */
  readonly ended: Promise<unknown>;
  readonly stop: () => void;

  constructor(client: Client, query: string, variables: Record<string, unknown>) {
    let [end, stop]: [(why: unknown) => void, () => void] = [() => {}, () => {}];
    this.ended = new Promise((resolve) => (end = resolve));
    stop = client.subscribe<never>(
      { query, variables },
      { next: (told) => this.#hear(told as Told), error: (why) => end(why), complete: () => end(null) },
    );
    this.stop = stop;
  }

  next(): Promise<Told> {
    const told = this.#told.shift();
    return told ? Promise.resolve(told) : new Promise((resolve) => (this.#waiting = resolve));
  }

  #hear(told: Told): void {
    if (!this.#waiting) {
      this.#told.push(told);
      return;
    }
    this.#waiting(told);
    this.#waiting = null;
  }

  /**
   * Sends events about a visible case until one arrives, because nothing else shows that a subscription has started.
   */
  async ready(run: Database['run'], id: string, kind = 'Grievance'): Promise<this> {
    const first = this.next();
    const heard = { isSo: false };
    void first.then(() => (heard.isSo = true));
    while (!heard.isSo) {
      await notify(run, kind, id, 'update');
      await Promise.race([first, new Promise((resolve) => setTimeout(resolve, 25))]);
    }
    await this.fence(run, id, kind);
    return this;
  }

  /** Returns its events until this word arrives. */
  async fence(run: Database['run'], id: string, kind = 'Grievance'): Promise<Told[]> {
    await notify(run, kind, id, 'withdraw');
    const before: Told[] = [];
    for (;;) {
      const told = await this.next();
      if (Object.values(told.data ?? {})[0]?.action === 'WITHDRAW') return before;
      before.push(told);
    }
  }
}

/** Sends every node a notification without a change. */
export async function notify(run: Database['run'], kind: string, id: string, action: string): Promise<void> {
  await run('select pg_notify($1, $2)', [caseChannel, JSON.stringify({ kind, id, action })]);
}
