import type { Socket } from 'node:net';
import type { Client, ClientBase } from 'pg';

/** Looks after the connections to one server. */
export interface Guard {
  /** Breaks the connection when the server falls silent on it. @returns what ends the watch. */
  watch(client: ClientBase): () => void;
  /** Replaces all connections: the address leads to another server by now. */
  renew(): void;
}

/** How often connections are looked at, in milliseconds. */
const beat = 1000;

/**
 * Breaks connections on which an answer is due and nothing comes: a server that lost its power, or a firewall that forgot
 * the connection, never says so, and a query on it would wait for a quarter of an hour.
 */
export class SilenceGuard implements Guard {
  readonly #watched = new Map<ClientBase, { read: number; beats: number }>();
  #timer: NodeJS.Timeout | null = null;

  constructor(
    /** Seconds without a word while an answer is due. */
    private readonly patience: number,
    private readonly onRenew: () => void,
  ) {}

  watch(client: ClientBase): () => void {
    this.#watched.set(client, { read: 0, beats: 0 });
    this.#timer ??= setInterval(() => this.#look(), beat).unref();
    return () => {
      this.#watched.delete(client);
      if (this.#watched.size > 0 || this.#timer === null) return;
      clearInterval(this.#timer);
      this.#timer = null;
    };
  }

  renew(): void {
    this.onRenew();
  }

  #look(): void {
    for (const [client, heard] of this.#watched) {
      const { bytesRead: read } = socketOf(client);
      const isSilent = isDue(client) && read === heard.read;
      heard.beats = isSilent ? heard.beats + 1 : 0;
      heard.read = read;
      if (heard.beats * beat >= this.patience * 1000) destroySocket(client);
    }
  }
}

/** The server answers, and writes nothing: it is a standby, or was one when the connection was made. */
export const isMisplaced = (error: { readonly code?: unknown } | Error): boolean =>
  (error as { code?: unknown }).code === '25006';

/** @throws an error with PostgreSQL's own code for it, where the server takes no writes: after a fail-over, say. */
export async function demandPrimary(client: ClientBase): Promise<void> {
  const { rows } = await client.query<{ transaction_read_only: string }>('show transaction_read_only');
  if (rows[0]?.transaction_read_only !== 'on') return;
  await (client as Client).end().catch(() => undefined);
  throw Object.assign(new Error('The database server is read-only; it may be a standby.'), { code: '25006' });
}

/**
 * Keeps what people write out of the server's log, as far as the role may: MikroORM sends values within the text of its
 * statements (mikro-orm/mikro-orm#8001), and PostgreSQL logs the text of a statement that fails, with the rows concerned.
 */
export async function limitServerLog(client: ClientBase): Promise<void> {
  await client.query(
    `select set_config(name, value, false) from (values ${logSettings}) as setting (name, value)
     where has_parameter_privilege(name, 'SET')`,
  );
}

const logSettings = Object.entries({
  log_min_error_statement: 'panic',
  log_error_verbosity: 'terse',
  log_min_duration_statement: '-1',
  log_min_duration_sample: '-1',
  log_statement: 'none',
  log_duration: 'off',
})
  .map(([name, value]) => `('${name}', '${value}')`)
  .join(', ');

/** Ends a connection without a word: what waits on it fails. */
export const destroySocket = (client: ClientBase): void => void socketOf(client).destroy();

interface Inside {
  readonly connection: { readonly stream: Socket };
  readonly readyForQuery?: boolean;
}

const socketOf = (client: ClientBase): Socket => (client as unknown as Inside).connection.stream;
const isDue = (client: ClientBase): boolean => (client as unknown as Inside).readyForQuery === false;
