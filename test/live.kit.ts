import { createClient, type Client, type ClientOptions } from 'graphql-ws';
import { WebSocket } from 'ws';
import type { Database } from '../src/database/index.ts';
import { caseChannel } from '../src/entities/case.ts';

/** What a subscriber is told. */
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

/** A client of graphql-ws that does not come back. */
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
      // a lazy one would wait to close, and keep the process waiting
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

/** One subscription, and what it was told so far. */
export class Ears {
  readonly #told: Told[] = [];
  #waiting: ((told: Told) => void) | null = null;
  /** Resolves with why it ended: null where it was completed. */
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

  /** Nothing of a subscription says that it has begun: this tells it of a case it sees, until it hears. */
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

  /** What it was told until it hears the word that is given here. */
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

/** Tells every node what nobody did. */
export async function notify(run: Database['run'], kind: string, id: string, action: string): Promise<void> {
  await run('select pg_notify($1, $2)', [caseChannel, JSON.stringify({ kind, id, action })]);
}
