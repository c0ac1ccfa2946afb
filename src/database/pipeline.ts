import { Socket } from 'node:net';
import { Client, Query, type ClientConfig, type Connection, type QueryResult } from 'pg';
import { connectionLifetime } from './run.ts';
import { demandPrimary, isMisplaced, type Guard } from './guard.ts';

type Rows = readonly Record<string, unknown>[];

/** A statement, its parameters, and the name to prepare it under. */
export interface Sent {
  readonly text: string;
  readonly values: unknown[];
  readonly name: string | undefined;
}

type Settle = (error: Error | null, result: QueryResult<Record<string, unknown>>) => void;

/**
 * A few connections for statements that stand alone. Each is sent without waiting for the answers before it, and all that
 * one turn of the event loop has to say leaves in one write: a write wakes the server's process, and costs more than
 * most statements do. A connection that breaks fails the statements on it, and is made anew by the next.
 */
export class Pipeline {
  readonly #lines: readonly Line[];

  /** @param size how many connections. */
  constructor(options: ClientConfig, size: number, guard: Guard | null = null) {
    this.#lines = Array.from({ length: size }, () => new Line(options, guard));
  }

  /** Uses no connection any more that is open now; what was sent on them is answered. */
  renew(): void {
    for (const line of this.#lines) line.renew();
  }

  /** Sends a statement on the connection that this turn of the event loop speaks on: the one with the fewest before it. */
  query(sent: Sent): Promise<Rows> {
    return this.#lines
      .reduce((best, line) => (line.isSpeaking || (!best.isSpeaking && line.awaited < best.awaited) ? line : best))
      .query(sent);
  }

  /** Lets what was sent be answered, and closes. */
  async close(): Promise<void> {
    await Promise.all(this.#lines.map((line) => line.close()));
  }
}

/** What `pg` makes of a description: it has no types for this. Rows that are made of the same one are of one shape. */
interface Columns {
  fields: unknown;
  _parsers: unknown;
  _prebuiltEmptyResultObject: unknown;
}

/** What `pg` calls, and fills, while it asks. */
interface Asking {
  _result: Columns;
  _accumulateRows: boolean;
  prepare(connection: Connection): void;
  handleRowDescription(message: object): void;
}

const AnyQuery = Query as unknown as new (text: string, values: unknown[], settle: Settle) => Query & Asking;

/** What is described of the statements that are prepared on a connection. */
class Described {
  readonly columns = new Map<string, Columns>();
  /** Whether what is sent now needs no description. */
  isKnown = false;

  constructor(connection: Connection) {
    const describe = connection.describe.bind(connection);
    connection.describe = (message, more) => {
      if (!this.isKnown) describe(message, more);
    };
  }
}

/**
 * A statement that has its columns described the first time it runs on a connection, and not again: as long as it is
 * prepared, the server answers it with no others.
 */
class Statement extends AnyQuery {
  readonly name: string | undefined;
  readonly #described: Described;

  constructor({ text, values, name }: Sent, settle: Settle, described: Described) {
    super(text, values, settle);
    this.name = name;
    this.#described = described;
  }

  override prepare(connection: Connection): void {
    const described = this.#described;
    const columns = this.name === undefined ? undefined : described.columns.get(this.name);
    if (columns) this.#adopt(columns);
    described.isKnown = columns !== undefined;
    try {
      super.prepare(connection);
    } finally {
      described.isKnown = false;
    }
  }

  override handleRowDescription(message: object): void {
    super.handleRowDescription(message);
    const { fields, _parsers, _prebuiltEmptyResultObject } = this._result;
    if (this.name !== undefined) this.#described.columns.set(this.name, { fields, _parsers, _prebuiltEmptyResultObject });
  }

  #adopt(columns: Columns): void {
    Object.assign(this._result, columns);
    this._accumulateRows = true;
  }
}

interface Opened {
  readonly client: Client;
  readonly described: Described;
  readonly socket: Socket;
  /** From then on it is not used any more: a connection keeps what was ever prepared on it. */
  readonly retiresAt: number;
}

class Line {
  readonly #options: ClientConfig;
  readonly #guard: Guard | null;
  #opened: Opened | null = null;
  #opening: Promise<Opened> | null = null;
  isSpeaking = false;
  #closing: Promise<unknown> = Promise.resolve();

  /** Statements whose answers have not come. */
  awaited = 0;

  constructor(options: ClientConfig, guard: Guard | null) {
    this.#options = options;
    this.#guard = guard;
  }

  renew(): void {
    if (this.#opened) this.#retire(this.#opened);
  }

  query(sent: Sent): Promise<Rows> {
    this.awaited += 1;
    return new Promise((resolve, reject) => {
      const settle: Settle = (error, result) => {
        this.awaited -= 1;
        if (error && isMisplaced(error)) this.#guard?.renew();
        if (error) reject(error);
        else resolve(result.rows);
      };
      const opened = this.#current();
      if (opened) this.#send(opened, sent, settle);
      else
        this.#open().then(
          (fresh) => this.#send(fresh, sent, settle),
          (error: Error) => settle(error, nothing),
        );
    });
  }

  async close(): Promise<void> {
    const opened = this.#opened ?? (await this.#opening?.catch(() => null));
    if (opened) this.#retire(opened);
    await this.#closing;
  }

  #current(): Opened | null {
    if (this.#opened && Date.now() >= this.#opened.retiresAt) this.#retire(this.#opened);
    return this.#opened;
  }

  /** The statement leaves when this turn of the event loop has read all that came in with it. */
  #send({ client, socket, described }: Opened, sent: Sent, settle: Settle): void {
    if (!this.isSpeaking) {
      this.isSpeaking = true;
      socket.cork();
      setImmediate(() => {
        this.isSpeaking = false;
        socket.uncork();
      });
    }
    client.query(new Statement(sent, settle, described));
  }

  #open(): Promise<Opened> {
    this.#opening ??= this.#connect().finally(() => (this.#opening = null));
    return this.#opening;
  }

  async #connect(): Promise<Opened> {
    const socket = new Socket();
    const client = new Client({ ...this.#options, pipeline: true, stream: () => socket } as ClientConfig);
    // of this connection alone: another may be opened while this one, retired, is still being answered
    const watched = this.#guard?.watch(client);
    const described = new Described((client as unknown as { readonly connection: Connection }).connection);
    const opened = { client, described, socket, retiresAt: Date.now() + connectionLifetime * 1000 };
    // What was sent on it fails by itself; without a listener the error would end the process.
    client.on('error', () => this.#forget(opened));
    client.on('end', () => {
      watched?.();
      this.#forget(opened);
    });
    await client.connect();
    if (this.#guard) await demandPrimary(client);
    this.#opened = opened;
    return opened;
  }

  #retire(opened: Opened): void {
    this.#forget(opened);
    this.#closing = Promise.all([this.#closing, opened.client.end().catch(() => {})]);
  }

  #forget(opened: Opened): void {
    if (this.#opened === opened) this.#opened = null;
  }
}

const nothing = { rows: [] } as unknown as QueryResult<Record<string, unknown>>;
