import { setTimeout } from 'node:timers/promises';
import type { PGlite } from '@electric-sql/pglite';
import { Client, type ClientConfig, type Pool } from 'pg';
import { nativeClient, type Database } from './open.ts';

/** Who hears what the database tells on a channel. */
export interface Listener {
  readonly channel: string;
  /** What was told with a transaction that committed, on whichever node. */
  readonly hear: (payload: string) => void;
  /** The connection was lost and is there again: what was told in between is not told again. */
  readonly missed: () => void;
  readonly warn: (message: string) => void;
  /** Milliseconds between two looks whether the connection lives. */
  readonly every?: number;
  /** The address of the server itself, where the database is reached through a pooler: that one does not listen. */
  readonly url?: string | null;
}

/** Listening that goes on until it is stopped. */
export interface Listening {
  stop(): Promise<void>;
}

/**
 * Listens on one connection of its own, and connects again whenever that is lost, for as long as it takes. A pooler that
 * hands connections out by the transaction does not listen: the address must lead to the server itself.
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

/** Milliseconds until the first further try, doubled with each up to the longest; each is up to half shorter, by chance. */
const [firstPause, longestPause] = [200, 30_000];

class ReconnectingListener implements Listening {
  readonly #ending = new AbortController();
  #client: Client | null = null;
  #going: Promise<void> = Promise.resolve();

  constructor(
    private readonly options: ClientConfig,
    private readonly listener: Listener,
  ) {}

  /** Listens when it returns, or tries on: nobody is kept from starting. */
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

  /** A connection that breaks without a word is found out by asking. */
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

/** A connection that listens. */
interface OpenListener {
  /** Resolves when it does so no more. */
  readonly lost: Promise<void>;
}

const pause = (milliseconds: number, signal: AbortSignal): Promise<unknown> =>
  setTimeout(milliseconds, null, { ref: false, signal }).catch(() => null);
