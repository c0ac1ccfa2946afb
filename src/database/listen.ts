import { setTimeout } from 'node:timers/promises';
import type { PGlite } from '@electric-sql/pglite';
import { Client, type ClientConfig, type Pool } from 'pg';
import { nativeClient, type Database } from './open.ts';

/** Receives the notifications of a channel. */
export interface Listener {
  readonly channel: string;
  /** Called with the payload of a notification after its transaction committed on any node. */
  readonly hear: (payload: string) => void;
  /** Called when the connection was lost and is open again. Notifications in between are lost. */
  readonly missed: () => void;
  readonly warn: (message: string) => void;
  /** The interval of the connection checks, in milliseconds. */
  readonly every?: number;
  /** The address of the server itself, if the database is behind a pooler. A pooler does not forward notifications. */
  readonly url?: string | null;
}

/** A subscription to a channel. */
export interface Listening {
  stop(): Promise<void>;
}

/**
 * Listens on a separate connection and reconnects whenever it is lost. The address must lead to the server itself,
 * because a pooler in transaction mode does not support LISTEN.
 */
export async function listen(database: Pick<Database, 'orm' | 'engine'>, listener: Listener): Promise<Listening> {
  if (database.engine === 'embedded') {
    const leave = await (await nativeClient<PGlite>(database)).listen(listener.channel, listener.hear);
    return { stop: () => leave() };
  }
  const { options } = await nativeClient<Pool>(database);
  const listening = new ReconnectingListener(
    { ...(options as ClientConfig), ...(listener.url && { connectionString: listener.url }) },
    listener,
  );
  await listening.begin();
  return listening;
}

/**
 * The first and the longest delay between two retries, in milliseconds. The delay doubles each time, less up to half of
 * it at random.
 */
const [firstPause, longestPause] = [200, 30_000];

class ReconnectingListener implements Listening {
  readonly #ending = new AbortController();
  #client: Client | null = null;
  #going: Promise<void> = Promise.resolve();

  constructor(
    private readonly options: ClientConfig,
    private readonly listener: Listener,
  ) {}

  /** Starts to listen. If that fails, it retries in the background, so that the service can start. */
  async begin(): Promise<void> {
    const opened = await this.#connect();
    this.#going = this.#goOn(opened);
  }

  async stop(): Promise<void> {
    this.#ending.abort();
    await this.#client?.end().catch(() => {});
    await this.#going;
  }

  async #goOn(first: OpenListener | null): Promise<void> {
    await first?.lost;
    for (let tries = 0; !this.#ending.signal.aborted; tries += 1) {
      await pause(Math.min(firstPause * 2 ** tries, longestPause) * (0.5 + Math.random() / 2), this.#ending.signal);
      if (this.#ending.signal.aborted) return;
      const opened = await this.#connect();
      if (opened === null) continue;
      this.listener.missed();
      await opened.lost;
      tries = -1;
    }
  }

  async #connect(): Promise<OpenListener | null> {
    const client = new Client({ ...this.options, application_name: 'unionhall live changes', query_timeout: 10_000 });
    const lost = new Promise<void>((lose) => client.on('error', () => lose()).on('end', () => lose()));
    client.on('notification', ({ channel, payload }) => {
      if (channel === this.listener.channel) this.listener.hear(payload ?? '');
    });
    this.#client = client;
    try {
      await client.connect();
      await client.query(`listen ${client.escapeIdentifier(this.listener.channel)}`);
    } catch (error) {
      this.#lament(error instanceof Error ? error.message : 'unknown error');
      await client.end().catch(() => {});
      return null;
    }
    return { lost: this.#watch(client, lost) };
  }

  /** Checks the connection with a query, because a broken connection may report nothing. */
  async #watch(client: Client, lost: Promise<void>): Promise<void> {
    const ask = (): void => void client.query('select 1').catch(() => void client.end().catch(() => {}));
    const timer = setInterval(ask, this.listener.every ?? 30_000).unref();
    await lost;
    clearInterval(timer);
    await client.end().catch(() => {});
    this.#lament('connection lost');
  }

  #lament(what: string): void {
    if (!this.#ending.signal.aborted) this.listener.warn(`Connection for live changes failed (${what}); reconnecting.`);
  }
}

/** An open connection that listens. */
interface OpenListener {
  /** Resolves when the connection is lost. */
  readonly lost: Promise<void>;
}

const pause = (milliseconds: number, signal: AbortSignal): Promise<unknown> =>
  setTimeout(milliseconds, null, { ref: false, signal }).catch(() => null);
