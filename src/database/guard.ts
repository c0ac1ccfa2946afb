import type { Socket } from 'node:net';
import type { Client, ClientBase } from 'pg';

/** Watches the connections to one server. */
export interface Guard {
  /** Closes the connection if the server stops responding on it. @returns a function that ends the watch. */
  watch(client: ClientBase): () => void;
  /** Replaces all connections, because the address now leads to another server. */
  renew(): void;
}

/** The interval of the checks, in milliseconds. */
const beat = 1000;

/**
 * Closes connections on which a response is due but nothing arrives. A server without power, or a firewall that forgot
 * the connection, sends no error, and a query on it would wait for a quarter of an hour.
 */
export class SilenceGuard implements Guard {
  readonly #watched = new Map<ClientBase, { read: number; beats: number }>();
  #timer: NodeJS.Timeout | null = null;

  constructor(
    /** The maximum seconds of silence while a response is due. */
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

/** True if the server responds but is read-only: it is a standby, or was one when the connection was opened. */
export const isMisplaced = (error: { readonly code?: unknown } | Error): boolean =>
  (error as { code?: unknown }).code === '25006';

/** @throws PostgreSQL's own error if the server is read-only, for example after a failover. */
export async function demandPrimary(client: ClientBase): Promise<void> {
  const { rows } = await client.query<{ transaction_read_only: string }>('show transaction_read_only');
  if (rows[0]?.transaction_read_only !== 'on') return;
  await (client as Client).end().catch(() => undefined);
  throw Object.assign(new Error('The database server is read-only; it may be a standby.'), { code: '25006' });
}

/**
 * Keeps submitted data out of the server's log, as far as the role allows. MikroORM sends values inside the text of its
 * statements (mikro-orm/mikro-orm#8001), and PostgreSQL logs the text of a failed statement with the affected rows.
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

/** Destroys a connection. Everything that waits on it fails. */
export const destroySocket = (client: ClientBase): void => void socketOf(client).destroy();

interface Inside {
  readonly connection: { readonly stream: Socket };
  readonly readyForQuery?: boolean;
}

const socketOf = (client: ClientBase): Socket => (client as unknown as Inside).connection.stream;
const isDue = (client: ClientBase): boolean => (client as unknown as Inside).readyForQuery === false;
