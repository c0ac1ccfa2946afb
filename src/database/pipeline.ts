import { connect, Socket } from 'node:net';
import { Client, Query, type ClientConfig, type Connection, type QueryResult } from 'pg';
import { connectionLifetime } from './run.ts';
import { demandPrimary, isMisplaced, limitServerLog, type Guard } from './guard.ts';

type Rows = readonly Record<string, unknown>[];

/** A statement with its parameters and its name as a prepared statement. */
export interface Sent {
  readonly text: string;
  readonly values: unknown[];
  readonly name: string | undefined;
}

type Settle = (error: Error | null, result: QueryResult<Record<string, unknown>>) => void;

/** The options of a pipeline. */
export interface PipelineOptions {
  /** The maximum number of connections. */
  readonly size: number;
  /** The maximum number of connections that statements of one user occupy at a time. Further statements wait. */
  readonly perUser?: number;
  /** Whether a statement is sent before the responses to earlier ones arrive. */
  readonly isPipelined?: boolean;
  /** The seconds after which a statement that waits for a connection fails. Undefined means no time-out. */
  readonly patience?: number | undefined;
  readonly guard?: Guard | null;
}

/** The sender's facts about a statement. */
export interface Sender {
  /** The user who sent the request. */
  readonly user?: string | undefined;
  /** Whether the statement only reads, so it may run twice. */
  readonly mayRepeat?: boolean;
  /** Whether to retry while no connection is available, because the statement reads the response to a stored change. */
  readonly mustAnswer?: boolean;
}

/** A statement without a response for this many milliseconds is slow: no further statement is sent behind it. */
const slowAfter = 20;

/** The number of connections that further statements of one user leave to others. */
const keptForOthers = 4;

/** After this many milliseconds, a statement counts as long. */
const longAfter = 100;

/** How many times a text must be long to be remembered. A single time may be a hiccup of the server. */
const timesUntilKnown = 2;

/** How long a text is remembered as long, in milliseconds. A shorter execution ends it earlier. */
const knownFor = 1000;

/** The maximum number of connections that run long statements at a time. */
const forLong = (connections: number): number => Math.max(1, Math.floor(connections / 4));

/**
 * The number of connections that are opened for throughput. Further ones are opened only when all of these run slow
 * statements.
 */
const usualConnections = 4;

/** The maximum number of statements on a connection for it to receive more from the same turn of the event loop. */
const longestBatch = 10;

/** The default number of milliseconds in which a statement that must be answered is retried. */
const usualPatience = 10_000;

/** The delay in milliseconds before a connection that failed to open is retried while others are open. */
const reopenAfter = 1000;

/**
 * Runs independent statements on a few connections. Statements are sent without waiting for earlier responses, and all
 * statements of one turn of the event loop leave in one write: a write wakes the server's process, which costs more
 * than most statements. When a connection breaks, its statements fail, and a new connection replaces it.
 *
 * A slow statement does not delay others. Nothing more is sent on its connection, and the reads behind it are sent
 * again on a free connection. If no connection is left, statements wait here.
 *
 * Long statements use only a quarter of the connections, so that others have connections and processor time.
 */
export class Pipeline {
  readonly #lines: readonly PipelineConnection[];
  readonly #waiting: Pending[] = [];
  /** The texts of long statements: how many times each was long, and the time at which it is forgotten. */
  readonly #long = new Map<string, { times: number; until: number }>();
  readonly #perUser: number;
  readonly #patience: number;
  readonly #isPipelined: boolean;
  #timer: NodeJS.Timeout | null = null;
  #lookDue = 0;
  #closing: (() => void) | null = null;

  constructor(
    config: ClientConfig,
    { size, perUser = size, isPipelined = true, patience, guard = null }: PipelineOptions,
  ) {
    const events: ConnectionEvents = {
      answered: (pending, took) => this.#answered(pending, took),
      left: () => this.#drain(),
      notOpened: (left) => this.#reassign(left),
      failed: (pending, error) => this.#tryAgain(pending, error),
    };
    this.#lines = Array.from({ length: size }, () => new PipelineConnection(config, guard, events));
    this.#perUser = perUser;
    this.#isPipelined = isPipelined;
    this.#patience = patience === undefined ? Infinity : patience * 1000;
  }

  /** Retires all open connections. They still deliver the pending responses. */
  renew(): void {
    for (const line of this.#lines) line.renew();
  }

  /** Sends a statement as soon as a connection is available. */
  query(sent: Sent, sender: Sender = {}): Promise<Rows> {
    return new Promise((resolve, reject) => {
      this.#send(new Pending(sent, sender, resolve, reject));
      if (this.#timer === null) this.#lookLater();
    });
  }

  /** Waits for the pending responses and closes the connections. */
  async close(): Promise<void> {
    if (this.#waiting.length > 0) await new Promise<void>((resolve) => (this.#closing = resolve));
    await Promise.all(this.#lines.map((line) => line.close()));
    if (this.#timer) clearTimeout(this.#timer);
  }

  #send(pending: Pending): void {
    const line = this.#lineFor(pending, performance.now());
    if (line) line.query(pending);
    else this.#waiting.push(pending);
  }

  /** Returns the best connection for a statement. Null if it must wait. */
  #lineFor(pending: Pending, now: number): PipelineConnection | null {
    const { user, mustAnswer } = pending;
    const isLong = user !== undefined && this.#isLong(pending);
    if (isLong && this.#longLines() >= forLong(this.#lines.length)) return null;
    const isFull = this.#isFull(user);
    const opened = this.#lines.reduce((count, line) => count + (line.isOpened ? 1 : 0), 0);
    let [best, least]: [PipelineConnection | null, number] = [null, Infinity];
    for (const line of this.#lines) {
      if (isLong ? line.awaited.length > 0 : isFull && !line.serves(user)) continue;
      const isRefused = !line.isOpened && line.triedAt + reopenAfter > now;
      if (isRefused && (opened > 0 || mustAnswer)) continue;
      const rank = this.#rankOf(line, opened, now);
      if (rank < least) [best, least] = [line, rank];
    }
    return best;
  }

  /**
   * Ranks a connection; lower is better. Prefers one used in this turn, then a free one, then the one with the fewest
   * statements, then a new one.
   */
  #rankOf(line: PipelineConnection, opened: number, now: number): number {
    const { length } = line.awaited;
    if (line.isCancelling) return Infinity;
    if (length > 0 && (!this.#isPipelined || line.isSlow(now) || this.#isLong(line.awaited[0]))) return Infinity;
    if (line.isSpeaking && length < longestBatch) return 0;
    if (length > 0) return 2 + length;
    if (line.isOpened) return 1;
    return opened < usualConnections ? 2 : Number.MAX_VALUE;
  }

  /**
   * Whether statements of this user occupy as many connections as allowed. The limit is one when few connections are
   * free.
   */
  #isFull(user: string | undefined, leaving?: PipelineConnection): boolean {
    if (user === undefined || this.#perUser >= this.#lines.length) return false;
    let [held, left] = [0, 0];
    for (const line of this.#lines) {
      const isLeft = line === leaving && line.awaited[0]?.user !== user;
      if (!isLeft && line.serves(user)) held += 1;
      if (!line.awaited.some((pending) => pending.user !== user)) left += 1;
    }
    return held >= this.#perUser || (held > 0 && left < keptForOthers);
  }

  /** Whether a statement with this text is long now, or was long more than once lately. */
  #isLong(pending: Pending | undefined): boolean {
    if (pending === undefined || this.#long.size === 0) return false;
    const { text } = pending.sent;
    const known = this.#long.get(text);
    if (known === undefined) return false;
    return (
      known.times >= timesUntilKnown ||
      this.#lines.some(({ awaited: [oldest] }) => oldest?.tookLong && oldest.sent.text === text)
    );
  }

  /** Returns the number of connections that run long statements. */
  #longLines(): number {
    return this.#lines.filter(({ awaited }) => this.#isLong(awaited[0])).length;
  }

  #answered({ sent }: Pending, took: number): void {
    if (this.#long.size > 0 && took < longAfter) this.#long.delete(sent.text);
    this.#drain();
  }

  #drain(): void {
    if (this.#waiting.length === 0) return;
    for (const pending of this.#waiting.splice(0)) this.#send(pending);
  }

  /** Moves statements from a connection that could not be opened. @returns the statements that fail. */
  #reassign(left: readonly Pending[]): readonly Pending[] {
    if (this.#lines.some(({ isOpened }) => isOpened)) {
      for (const pending of left) this.#send(pending);
      return [];
    }
    this.#waiting.push(...left.filter(({ mustAnswer }) => mustAnswer));
    return left.filter(({ mustAnswer }) => !mustAnswer);
  }

  /** @returns whether a failed statement is retried. */
  #tryAgain(pending: Pending, error: Error & { readonly code?: string }): boolean {
    if (pending.line?.isCancelling && error.code === '57014' && pending.mayRepeat && pending.copies === 0) {
      this.#long.set(pending.sent.text, { times: timesUntilKnown, until: performance.now() + knownFor });
      pending.tookLong = false;
      this.#waiting.push(pending);
      return true;
    }
    const isOver = performance.now() - pending.sentAt > Math.min(this.#patience, usualPatience);
    if (!pending.mustAnswer || pending.copies > 0 || isOver || isOfStatement(error)) return false;
    this.#waiting.push(pending);
    return true;
  }

  #lookLater(): void {
    this.#lookDue = performance.now() + slowAfter;
    this.#timer = setTimeout(() => this.#look(), slowAfter).unref();
  }

  #look(): void {
    const now = performance.now();
    this.#timer = null;
    const isOver = ({ sentAt, mustAnswer }: Pending): boolean =>
      now - sentAt > (mustAnswer ? Math.min(this.#patience, usualPatience) : this.#patience);
    for (const pending of this.#waiting.filter(isOver)) {
      this.#waiting.splice(this.#waiting.indexOf(pending), 1);
      pending.settle(
        Object.assign(new Error('No database connection became free in time.'), { code: '53300' }),
        nothing,
      );
    }
    // if this process was late itself, there may be answers that it has not read
    if (now - this.#lookDue < slowAfter) this.#noteLong(now);
    this.#relieve(now);
    this.#makeRoom(now);
    this.#drain();
    if (this.#waiting.length === 0) this.#closing?.();
    const isBusy = this.#waiting.length > 0 || this.#lines.some(({ awaited }) => awaited.length > 0);
    if (isBusy) this.#lookLater();
  }

  #noteLong(now: number): void {
    for (const [text, { until }] of this.#long) if (until <= now) this.#long.delete(text);
    for (const line of this.#lines) {
      const [oldest] = line.awaited;
      if (!oldest || !line.isSlow(now, longAfter)) continue;
      const times = (this.#long.get(oldest.sent.text)?.times ?? 0) + (oldest.tookLong ? 0 : 1);
      oldest.tookLong = true;
      this.#long.set(oldest.sent.text, { times, until: now + knownFor });
    }
  }

  /** Sends reads that wait behind a slow statement again on a free connection. */
  #relieve(now: number): void {
    for (const line of this.#lines) {
      if (line.awaited.length < 2 || !line.isSlow(now)) continue;
      const free = this.#freeLine(now);
      if (!free) return;
      for (const pending of line.awaited.slice(1)) {
        if (!pending.mayRepeat || pending.line !== line) continue;
        if (free.serves(pending.user) || !this.#isFull(pending.user, line)) free.query(pending);
      }
    }
  }

  /**
   * Cancels a long statement to free its connection, if all connections hold slow statements and a statement waits that
   * is not long. The cancelled statement waits again. The statements that have run the longest continue.
   */
  #makeRoom(now: number): void {
    if (this.#lines.some((line) => line.isCancelling || !line.isSlow(now))) return;
    if (!this.#waiting.some((pending) => !this.#isLong(pending) && !this.#isFull(pending.user))) return;
    const long = this.#lines.filter((line) => line.isSlow(now, longAfter)).sort((a, b) => a.begunAt - b.begunAt);
    const isRepeatable = ({ mayRepeat, mustAnswer }: Pending): boolean => mayRepeat && !mustAnswer;
    long
      .slice(forLong(this.#lines.length))
      .find(({ awaited }) => awaited.every(isRepeatable))
      ?.cancel();
  }

  #freeLine(now: number): PipelineConnection | null {
    const free = this.#lines.filter(({ awaited, isCancelling }) => awaited.length === 0 && !isCancelling);
    return free.find(({ isOpened }) => isOpened) ?? free.find(({ triedAt }) => triedAt + reopenAfter <= now) ?? null;
  }
}

/** Whether the error concerns only the statement, so that the connection stays usable. */
const isOfStatement = (error: Error & { readonly severity?: string }): boolean => error.severity === 'ERROR';

/** A statement without a response. */
class Pending {
  readonly user: string | undefined;
  readonly mayRepeat: boolean;
  readonly mustAnswer: boolean;
  readonly sentAt = performance.now();
  /** The connection on which it was last sent. */
  line: PipelineConnection | null = null;
  /** The number of connections on which it was sent. */
  copies = 0;
  /** Whether it is counted as long. */
  tookLong = false;

  constructor(
    readonly sent: Sent,
    { user, mayRepeat = false, mustAnswer = false }: Sender,
    private readonly resolve: (rows: Rows) => void,
    private readonly reject: (error: Error) => void,
  ) {
    this.user = user;
    this.mayRepeat = mayRepeat;
    this.mustAnswer = mustAnswer;
  }

  /** Settles with the first result. An error counts only if no other connection can still answer. */
  settle(error: Error | null, result: QueryResult<Record<string, unknown>>): void {
    if (!error) this.resolve(result.rows);
    else if (this.copies === 0) this.reject(error);
  }
}

/**
 * How `pg` parses the columns of a result; it publishes no types for this. Rows with the same description share one
 * shape.
 */
interface Columns {
  fields: unknown;
  _parsers: unknown;
  _prebuiltEmptyResultObject: unknown;
}

/** The part of a query that `pg` calls and fills. */
interface PgQuery {
  _result: Columns;
  _accumulateRows: boolean;
  prepare(connection: Connection): void;
  handleRowDescription(message: object): void;
}

const AnyQuery = Query as unknown as new (text: string, values: unknown[], settle: Settle) => Query & PgQuery;

/** The column descriptions of the statements that are prepared on a connection. */
class Described {
  readonly columns = new Map<string, Columns>();
  /** Whether the next statement needs no description. */
  isKnown = false;

  constructor(connection: Connection) {
    const describe = connection.describe.bind(connection);
    connection.describe = (message, more) => {
      if (!this.isKnown) describe(message, more);
    };
  }
}

/**
 * A statement whose columns are described only the first time it runs on a connection. As long as it is prepared there,
 * its columns cannot change.
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
    if (this.name !== undefined)
      this.#described.columns.set(this.name, { fields, _parsers, _prebuiltEmptyResultObject });
  }

  #adopt(columns: Columns): void {
    Object.assign(this._result, columns);
    this._accumulateRows = true;
  }
}

interface OpenConnection {
  readonly client: Client;
  readonly described: Described;
  readonly socket: Socket;
  /**
   * When the connection stops taking statements. It keeps every statement that was ever prepared on it, so it must be
   * replaced.
   */
  readonly retiresAt: number;
}

/** Events of a connection, for its pipeline. */
interface ConnectionEvents {
  /** A statement was answered this many milliseconds after it became the oldest. */
  answered(pending: Pending, took: number): void;
  /** All statements on the connection were given up. */
  left(): void;
  /** The connection could not be opened. @returns the statements that fail. */
  notOpened(left: readonly Pending[]): readonly Pending[];
  /** A statement failed. @returns whether it is retried. */
  failed(pending: Pending, error: Error): boolean;
}

/** Fields of a `pg` client that its types do not declare. */
interface CancellableClient {
  readonly host: string;
  readonly port: number;
  readonly processID: number | null;
  readonly secretKey: number | null;
}

/** The code of a CancelRequest in PostgreSQL's protocol. */
const cancelRequest = 80_877_102;

/** How long the server has to receive a cancellation, in milliseconds. */
const cancelPatience = 2000;

class PipelineConnection {
  readonly #options: ClientConfig;
  readonly #guard: Guard | null;
  readonly #events: ConnectionEvents;
  #opened: OpenConnection | null = null;
  #opening: Promise<OpenConnection> | null = null;
  isSpeaking = false;
  /** Whether a cancellation is in progress. It can hit any statement until the server has received it. */
  isCancelling = false;
  /** The time of the last failed attempt to open it. */
  triedAt = -Infinity;
  #closing: Promise<unknown> = Promise.resolve();

  /** Statements without a response, in the order of the responses. */
  readonly awaited: Pending[] = [];
  /** The time at which each of them was sent. */
  readonly #times: number[] = [];
  /** The time of the latest answer. */
  #answeredAt = 0;
  /** Statements that wait until the connection is open. */
  readonly #unsent: Pending[] = [];

  constructor(options: ClientConfig, guard: Guard | null, events: ConnectionEvents) {
    this.#options = options;
    this.#guard = guard;
    this.#events = events;
  }

  get isOpened(): boolean {
    return this.#opened !== null;
  }

  /** Whether the oldest statement has waited too long for its response to send more behind it. */
  isSlow(now: number, after = slowAfter): boolean {
    return this.awaited.length > 0 && now - this.begunAt > after;
  }

  /** The time at which the oldest statement became the oldest: when it was sent, or when its predecessor was answered. */
  get begunAt(): number {
    return Math.max(this.#times[0] ?? 0, this.#answeredAt);
  }

  /** Whether it runs a statement of this user that was not sent again elsewhere. */
  serves(user: string | undefined): boolean {
    return user !== undefined && this.awaited.some((pending) => pending.user === user && pending.line === this);
  }

  renew(): void {
    if (this.#opened) this.#retire(this.#opened);
  }

  query(pending: Pending): void {
    pending.line = this;
    pending.copies += 1;
    this.awaited.push(pending);
    this.#times.push(performance.now());
    const opened = this.#current();
    if (opened) this.#send(opened, pending);
    else if (this.#unsent.push(pending) === 1) void this.#openAndSend();
  }

  /** Asks the server to cancel the oldest statement, over a separate connection. */
  cancel(): void {
    const { host, port, processID, secretKey } = (this.#opened?.client ?? {}) as Partial<CancellableClient>;
    if (!host || !port || !processID || !secretKey) return;
    this.isCancelling = true;
    const request = Buffer.alloc(16);
    for (const [place, value] of [16, cancelRequest, processID, secretKey].entries())
      request.writeInt32BE(value, place * 4);
    const socket = host.startsWith('/') ? connect(`${host}/.s.PGSQL.${port}`) : connect(port, host);
    socket.setTimeout(cancelPatience, () => socket.destroy());
    socket.on('error', () => {}); // the statement continues
    socket.on('close', () => {
      // an answer that was sent before the cancellation is read first
      setTimeout(() => {
        this.isCancelling = false;
        this.#events.left();
      }, slowAfter);
    });
    socket.end(request);
  }

  async close(): Promise<void> {
    const opened = this.#opened ?? (await this.#opening?.catch(() => null));
    if (opened) this.#retire(opened);
    await this.#closing;
  }

  #current(): OpenConnection | null {
    if (this.#opened && Date.now() >= this.#opened.retiresAt) this.#retire(this.#opened);
    return this.#opened;
  }

  /** The statement leaves when this turn of the event loop has read all its input. */
  #send({ client, socket, described }: OpenConnection, pending: Pending): void {
    if (!this.isSpeaking) {
      this.isSpeaking = true;
      socket.cork();
      setImmediate(() => {
        this.isSpeaking = false;
        socket.uncork();
      });
    }
    const settle: Settle = (error, result) => {
      if (error && isMisplaced(error)) this.#guard?.renew();
      this.#settle(pending, error, result);
    };
    client.query(new Statement(pending.sent, settle, described));
  }

  #settle(pending: Pending, error: Error | null, result: QueryResult<Record<string, unknown>>): void {
    const took = performance.now() - this.begunAt;
    this.#drop(pending);
    if (!error || !this.#events.failed(pending, error)) pending.settle(error, result);
    this.#events.answered(pending, took);
  }

  async #openAndSend(): Promise<void> {
    try {
      const opened = await this.#open();
      for (const pending of this.#unsent.splice(0)) this.#send(opened, pending);
    } catch (error) {
      this.triedAt = performance.now();
      const left = this.#unsent.splice(0);
      for (const pending of left) this.#drop(pending);
      const alone = left.filter(({ copies }) => copies === 0);
      for (const pending of this.#events.notOpened(alone)) pending.settle(error as Error, nothing);
      this.#events.left();
    }
  }

  #drop(pending: Pending): void {
    const place = this.awaited.indexOf(pending);
    this.awaited.splice(place, 1);
    this.#times.splice(place, 1);
    pending.copies -= 1;
    this.#answeredAt = performance.now();
  }

  #open(): Promise<OpenConnection> {
    this.#opening ??= this.#connect().finally(() => (this.#opening = null));
    return this.#opening;
  }

  async #connect(): Promise<OpenConnection> {
    const socket = new Socket();
    const client = new Client({ ...this.#options, pipeline: true, stream: () => socket } as ClientConfig);
    // only this connection: another one may be opened while this one, retired, still delivers responses
    const watched = this.#guard?.watch(client);
    const described = new Described((client as unknown as { readonly connection: Connection }).connection);
    const opened = { client, described, socket, retiresAt: Date.now() + connectionLifetime * 1000 };
    // statements report their own failure; without a listener, the error would end the process
    client.on('error', () => this.#forget(opened));
    client.on('end', () => {
      watched?.();
      this.#forget(opened);
    });
    await client.connect();
    await limitServerLog(client);
    if (this.#guard) await demandPrimary(client);
    this.#opened = opened;
    return opened;
  }

  #retire(opened: OpenConnection): void {
    this.#forget(opened);
    this.#closing = Promise.all([this.#closing, opened.client.end().catch(() => {})]);
  }

  #forget(opened: OpenConnection): void {
    if (this.#opened === opened) this.#opened = null;
  }
}

const nothing = { rows: [] } as unknown as QueryResult<Record<string, unknown>>;
