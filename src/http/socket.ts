import { randomUUID } from 'node:crypto';
import { ServerResponse, type IncomingMessage } from 'node:http';
import type { Socket } from 'node:net';
import { setTimeout as pause } from 'node:timers/promises';
import type { FastifyBaseLogger, FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import {
  createSourceEventStream,
  execute,
  GraphQLError,
  Kind,
  type ExecutionArgs,
  type ExecutionResult,
  type FormattedExecutionResult,
  type GraphQLFormattedError,
  type GraphQLSchema,
} from 'graphql';
import {
  CloseCode,
  GRAPHQL_TRANSPORT_WS_PROTOCOL,
  makeServer,
  type Context as Conversation,
  type SubscribePayload,
} from 'graphql-ws';
import { WebSocketServer, type WebSocket } from 'ws';
import type { SocketConfig } from '../config.ts';
import type { Context, Incoming } from '../context.ts';
import type { CaseChange } from '../entities/case.ts';
import { isAway, Refusal, tooComplex, unauthenticated } from '../errors.ts';
import type { Execution } from './execution.ts';
import type { Origins } from './origins.ts';
import { clientAddress } from './address.ts';
import { refuseBroken } from './transport.ts';
import type { ReportFailure } from '../process/log.ts';
import { operations } from '../permissions/index.ts';
import { BacklogOverflow } from '../services/case/case-changes.ts';
import { networkOf } from '../services/limit.ts';
import { toPublic } from './error-format.ts';
import { rootFields } from './selection.ts';

/** The parts that WebSockets need. */
export interface SocketParts {
  readonly schema: GraphQLSchema;
  readonly contextOf: (incoming: Incoming) => Promise<Context>;
  /** Returns the milliseconds until an access token expires. */
  readonly timeLeft: (accessToken: string) => number;
  readonly config: SocketConfig;
  /** The origins from which a browser may connect. */
  readonly origins: Pick<Origins, 'admits'>;
  /** The maximum size of a message, in bytes. */
  readonly messageLimit: number;
  readonly log: FastifyBaseLogger;
  readonly report: ReportFailure;
}

/**
 * Parses, validates and measures a document like over HTTP. Returns the operation, or the errors that the client may
 * read.
 */
export type PrepareOperation = (
  request: Pick<SubscribePayload, 'query' | 'operationName' | 'variables'>,
  context: Context,
  requestId: string,
) => Promise<Execution | readonly GraphQLFormattedError[]>;

/** Close codes and reasons, in addition to those of graphql-ws. graphql-ws reconnects except after 4401 and 4429. */
const ends = {
  /** the client reconnects with a new access token */
  expired: [CloseCode.Forbidden, 'The access token has expired'],
  /** the user must sign in again */
  signedOut: [CloseCode.Unauthorized, 'The session has ended'],
  roleLost: [CloseCode.Forbidden, 'Your roles no longer allow this'],
  tooMany: [4429, 'Too many WebSockets'],
  slow: [1013, 'The client is too slow for the changes'],
  missed: [1012, 'Changes may have been missed'],
  stopping: [1001, 'Going away'],
  broken: [CloseCode.InternalServerError, 'Internal server error'],
} as const satisfies Record<string, readonly [code: number, reason: string]>;

type End = readonly [code: number, reason: string];

/** The milliseconds that a client has to complete the close handshake. */
const closingTime = 1000;

/** Returns the access token in an authorization header, without `Bearer`. */
export const bearerIn = (header: unknown): string | null =>
  typeof header === 'string' ? (/^Bearer ([^\s]+)$/i.exec(header)?.[1] ?? null) : null;

/**
 * Serves subscriptions over WebSockets with the protocol graphql-transport-ws. Permissions are read again at every
 * event, and regularly between events. A socket closes when its access token, its session or a required role ends.
 */
export class Sockets {
  readonly #heads = new WeakMap<IncomingMessage, Buffer>();
  readonly #connections = new Map<WebSocket, SocketConnection>();
  readonly #counts = new ConnectionCounts();
  readonly #server: WebSocketServer;
  #isStopping = false;

  constructor(private readonly parts: SocketParts) {
    this.#server = new WebSocketServer({
      noServer: true,
      clientTracking: false,
      perMessageDeflate: false,
      maxPayload: parts.messageLimit,
      handleProtocols: (offered) =>
        offered.has(GRAPHQL_TRANSPORT_WS_PROTOCOL) ? GRAPHQL_TRANSPORT_WS_PROTOCOL : false,
    });
    this.#server.on('wsClientError', (error, socket) => refuseBroken(error, socket as Socket));
  }

  /**
   * Passes a server's upgrade requests through Fastify's hooks and routes, so that they are refused like all others.
   */
  attach(app: FastifyInstance): void {
    app.server.on('upgrade', (raw: IncomingMessage, socket: Socket, head: Buffer) => {
      // Node.js has removed its own listener, and an error without a listener ends the process
      socket.on('error', () => socket.destroy());
      this.#heads.set(raw, head);
      const response = new ServerResponse(raw);
      response.shouldKeepAlive = false;
      response.assignSocket(socket);
      response.once('finish', () => socket.end());
      app.routing(raw, response);
    });
    app.addHook('preClose', () => this.#stop());
  }

  isUpgrade({ raw }: FastifyRequest): boolean {
    return this.#heads.has(raw);
  }

  /** Returns the handler of upgrade requests. */
  opening(prepare: PrepareOperation): (request: FastifyRequest, reply: FastifyReply) => FastifyReply {
    return (request, reply) => {
      const refusal = this.#refusalOf(request);
      if (refusal) return reply.code(refusal.status).send({ error: refusal.message });
      void reply.hijack();
      const { raw } = request;
      const head = this.#heads.get(raw) as Buffer;
      this.#server.handleUpgrade(raw, raw.socket, head, (socket) => this.#open(socket, request, prepare));
      return reply;
    };
  }

  /** Disconnects all subscribers after changes may have been missed. They reconnect and read the current state. */
  missed(): void {
    for (const connection of this.#connections.values()) connection.close(ends.missed);
  }

  #refusalOf(request: FastifyRequest): { status: number; message: string } | null {
    if (this.#isStopping) return { status: 503, message: 'The service is stopping.' };
    const { upgrade } = request.headers;
    if (upgrade?.toLowerCase() !== 'websocket')
      return { status: 400, message: 'Only an upgrade to WebSocket is supported.' };
    return this.parts.origins.admits(request)
      ? null
      : { status: 403, message: 'CORS_ORIGINS does not allow this origin.' };
  }

  #open(socket: WebSocket, request: FastifyRequest, prepare: PrepareOperation): void {
    const connection = new SocketConnection(socket, request, { ...this.parts, prepare, counts: this.#counts });
    this.#connections.set(socket, connection);
    socket.once('close', () => this.#connections.delete(socket));
  }

  async #stop(): Promise<void> {
    this.#isStopping = true;
    const connections = [...this.#connections.values()];
    for (const connection of connections) connection.close(ends.stopping);
    const patience = new AbortController();
    await Promise.race([
      Promise.all(connections.map(({ closed }) => closed)),
      pause(closingTime, null, { ref: false, signal: patience.signal }).catch(() => null),
    ]);
    patience.abort();
    for (const socket of this.#connections.keys()) socket.terminate();
    await Promise.all(connections.map(({ closed }) => closed));
  }
}

/** Counts the sockets of each caller on this node. */
class ConnectionCounts {
  readonly #counts = new Map<string, number>();

  /** @returns false if the maximum is reached. */
  take(who: string, most: number): boolean {
    const count = this.#counts.get(who) ?? 0;
    if (count >= most) return false;
    this.#counts.set(who, count + 1);
    return true;
  }

  leave(who: string): void {
    const count = (this.#counts.get(who) ?? 1) - 1;
    if (count === 0) this.#counts.delete(who);
    else this.#counts.set(who, count);
  }
}

/** A running subscription. */
interface RunningSubscription {
  readonly requestId: string;
  /** The root field. Its permission is checked repeatedly. */
  readonly operation: string;
}

/** One socket, from its opening to its end. */
class SocketConnection {
  /** Resolves when the socket is closed and all its listeners have ended. */
  readonly closed: Promise<void>;
  readonly #client: Omit<Incoming['client'], 'requestId'>;
  readonly #requestId: string;
  readonly #running = new Set<RunningSubscription>();
  readonly #subscription = new WeakMap<ExecutionArgs, RunningSubscription>();
  readonly #timers: NodeJS.Timeout[] = [];
  #accessToken: string | null;
  #leave: (() => void) | null = null;

  constructor(
    private readonly socket: WebSocket,
    request: FastifyRequest,
    private readonly parts: SocketParts & { readonly prepare: PrepareOperation; readonly counts: ConnectionCounts },
  ) {
    this.#client = { ipAddress: clientAddress(request), userAgent: request.headers['user-agent'] ?? null };
    this.#requestId = request.id;
    this.#accessToken = bearerIn(request.headers.authorization);
    this.closed = this.#converse();
    this.#ping();
  }

  close([code, reason]: End): void {
    this.socket.close(code, reason);
  }

  async #converse(): Promise<void> {
    const { socket } = this;
    const server = makeServer({
      schema: this.parts.schema,
      connectionInitWaitTimeout: this.parts.config.initWait * 1000,
      onConnect: ({ connectionParams }) => this.#greet(connectionParams),
      onSubscribe: (conversation, _id, payload) => this.#prepare(conversation, payload),
      subscribe: (args) => this.#subscribe(args),
      // oxlint-disable-next-line max-params -- graphql-ws's signature
      onNext: (_conversation, _id, _payload, args, { data, errors }) => this.#published({ data, errors }, args),
    });
    const ended = server.opened(
      {
        protocol: socket.protocol,
        send: (data) => this.#send(data),
        close: (code, reason) => socket.close(code, reason),
        onMessage: (take) =>
          socket.on(
            'message',
            (data: Buffer) => void take(data.toString()).catch((error: unknown) => this.#fail(error)),
          ),
      },
      null,
    );
    // too large or broken: the socket closes automatically, with the reason
    socket.on('error', (error) => this.parts.log.debug({ err: error }, 'WebSocket connection failed'));
    const [code, reason] = await new Promise<[number, Buffer]>((resolve) =>
      socket.once('close', (...said: [number, Buffer]) => resolve(said)),
    );
    for (const timer of this.#timers) clearInterval(timer);
    this.#leave?.();
    await ended(code, String(reason));
  }

  /** Resolves when the message is sent, so that a client that does not read delays only its own messages. */
  #send(data: string): Promise<void> {
    return new Promise((resolve) => {
      if (this.socket.readyState !== this.socket.OPEN) resolve();
      else this.socket.send(data, () => resolve());
    });
  }

  #fail(error: unknown): void {
    if (error instanceof BacklogOverflow) {
      this.close(ends.slow);
      return;
    }
    this.parts.log.error({ err: error, requestId: this.#requestId }, 'WebSocket handler failed');
    this.close(ends.broken);
  }

  /**
   * Authenticates the client. Returning false closes the socket as forbidden; the client reconnects with a new access
   * token.
   */
  async #greet(params: Readonly<Record<string, unknown>> = {}): Promise<boolean> {
    const said = params['authorization'] ?? params['Authorization'];
    if (said !== undefined) this.#accessToken = bearerIn(said);
    const { viewer } = await this.#contextFor(this.#requestId);
    if (viewer.isAnonymous && (said !== undefined || this.#accessToken !== null)) return false;
    // the clock tolerance still accepts a token that has just expired; an acknowledgement would reset the client's
    // retry count
    if (this.#accessToken !== null && this.parts.timeLeft(this.#accessToken) === 0) return false;
    if (this.socket.readyState !== this.socket.OPEN) return false;
    const who = viewer.userId ?? `address ${networkOf(this.#client.ipAddress)}`;
    if (!this.parts.counts.take(who, this.parts.config.perUser)) {
      this.close(ends.tooMany);
      return true;
    }
    this.#leave = () => this.parts.counts.leave(who);
    if (this.#accessToken !== null) this.#watch(this.#accessToken);
    return true;
  }

  /** Closes the socket when its token expires, and checks its permissions regularly. */
  #watch(accessToken: string): void {
    const { timeLeft, config } = this.parts;
    this.#timers.push(
      setTimeout(() => this.close(ends.expired), timeLeft(accessToken)).unref(),
      setInterval(() => void this.#check(), config.checkEvery * 1000).unref(),
    );
  }

  #ping(): void {
    let isAwake = true;
    this.socket.on('pong', () => (isAwake = true));
    const ping = (): void => {
      if (!isAwake) {
        this.socket.terminate();
        return;
      }
      isAwake = false;
      this.socket.ping(() => {});
    };
    this.#timers.push(setInterval(ping, this.parts.config.pingEvery * 1000).unref());
  }

  async #check(): Promise<void> {
    try {
      await this.#contextNow(...this.#running);
    } catch (error) {
      // meanwhile, events are not delivered either: each of them checks permissions first
      this.parts.report(error, this.#requestId, isAway(error) ? 'UNAVAILABLE' : 'INTERNAL');
    }
  }

  #contextFor(requestId: string): Promise<Context> {
    const client = { ...this.#client, requestId };
    return this.parts.contextOf({ client, accessToken: this.#accessToken, cookies: () => ({}), setCookies: () => {} });
  }

  /**
   * Reads the viewer with the current permissions. Null, and the socket closes, if the subscriptions are no longer
   * allowed.
   */
  async #contextNow(...subscriptions: readonly RunningSubscription[]): Promise<Context | null> {
    const context = await this.#contextFor(subscriptions[0]?.requestId ?? this.#requestId);
    const end = this.#endFor(context, subscriptions);
    if (end === null) return context;
    this.close(end);
    return null;
  }

  #endFor({ viewer }: Context, subscriptions: readonly RunningSubscription[]): End | null {
    if (this.#accessToken !== null && this.parts.timeLeft(this.#accessToken) === 0) return ends.expired;
    if (viewer.isAnonymous) return ends.signedOut;
    const mayAll = subscriptions.every(({ operation }) => operations.Subscription[operation]?.judge(viewer) === true);
    return mayAll ? null : ends.roleLost;
  }

  async #prepare(
    { subscriptions }: Conversation,
    payload: SubscribePayload,
  ): Promise<ExecutionArgs | readonly GraphQLError[]> {
    const requestId = randomUUID();
    const { subscriptions: most } = this.parts.config;
    if (Object.keys(subscriptions).length > most)
      return [
        new PublicError(
          this.#publicly(tooComplex(`The limit is ${most} concurrent subscriptions per WebSocket.`), requestId),
        ),
      ];
    const context = await this.#contextFor(requestId);
    if (this.#accessToken !== null && context.viewer.isAnonymous) {
      this.close(this.#endFor(context, []) ?? ends.signedOut);
      return [new PublicError(this.#publicly(unauthenticated(), requestId))];
    }
    const prepared = await this.parts.prepare(payload, context, requestId);
    if (!('document' in prepared)) return prepared.map((error) => new PublicError(error));
    const { document, operation, operationName, variables } = prepared;
    const args = {
      schema: this.parts.schema,
      document,
      operationName,
      variableValues: variables,
      contextValue: context,
    };
    this.#subscription.set(args, { requestId, operation: rootFields({ document, operation })[0]?.name ?? '' });
    return args;
  }

  async #subscribe(args: ExecutionArgs): Promise<AsyncGenerator<ExecutionResult, undefined> | ExecutionResult> {
    const changes = await createSourceEventStream(args);
    if (!(Symbol.asyncIterator in changes)) return changes;
    const subscription = this.#subscription.get(args) as RunningSubscription;
    this.#running.add(subscription);
    return this.#resultsOf(changes as AsyncGenerator<CaseChange, undefined>, args, subscription);
  }

  /** Not a generator function, because `return` has no effect on a generator that waits. */
  #resultsOf(
    changes: AsyncGenerator<CaseChange, undefined>,
    args: ExecutionArgs,
    subscription: RunningSubscription,
  ): AsyncGenerator<ExecutionResult, undefined> {
    const leave = async (): Promise<IteratorReturnResult<undefined>> => {
      this.#running.delete(subscription);
      await changes.return(undefined);
      return { done: true, value: undefined };
    };
    const next = async (): Promise<IteratorResult<ExecutionResult, undefined>> => {
      for (;;) {
        const { done, value: change } = await changes.next();
        if (done) return await leave();
        const result = await this.#resultOf(change, args, subscription);
        if (result !== null) return { done: false, value: result };
      }
    };
    const stop = (error: unknown): Promise<IteratorReturnResult<undefined>> => {
      this.#fail(error);
      return leave();
    };
    return {
      next: () => next().catch(stop),
      return: leave,
      throw: leave,
      [Symbol.asyncIterator]() {
        return this;
      },
      [Symbol.asyncDispose]: async () => void (await leave()),
    };
  }

  /** Null if the subscriber may not receive the event. */
  async #resultOf(
    change: CaseChange,
    args: ExecutionArgs,
    subscription: RunningSubscription,
  ): Promise<ExecutionResult | null> {
    const context = await this.#contextNow(subscription);
    if (context === null || !(await context.cases.sees(change))) return null;
    context.allowance.left = (args.contextValue as Context).allowance.left;
    const result = (await execute({ ...args, rootValue: change, contextValue: context })) as ExecutionResult;
    return isOutOfSight(result) ? null : result;
  }

  #published({ data, errors }: ResolvedResult, args: ExecutionArgs): FormattedExecutionResult {
    const { requestId } = this.#subscription.get(args) as RunningSubscription;
    return {
      ...(data !== undefined && { data }),
      ...(errors && { errors: errors.map((error) => this.#publicly(error, requestId)) }),
    };
  }

  #publicly(error: unknown, requestId: string): GraphQLFormattedError {
    return toPublic(formatted(error), error, requestId, this.parts.report);
  }
}

interface ResolvedResult {
  readonly data: ExecutionResult['data'] | undefined;
  readonly errors: ExecutionResult['errors'] | undefined;
}

/** An error with only the parts that a client may read. */
class PublicError extends GraphQLError {
  constructor(private readonly said: GraphQLFormattedError) {
    super(said.message, { extensions: said.extensions ?? null });
  }

  override toJSON(): GraphQLFormattedError {
    return this.said;
  }
}

/** Formats an error. The executor refuses variables with errors that have no code. */
function formatted(error: unknown): GraphQLFormattedError {
  if (!(error instanceof GraphQLError)) return { message: '' };
  const isOfVariable = error.nodes?.[0]?.kind === Kind.VARIABLE_DEFINITION;
  return isOfVariable ? { ...error.toJSON(), extensions: { code: 'BAD_USER_INPUT' } } : error.toJSON();
}

/** True if the case was hidden between the check and the read. */
const isOutOfSight = ({ data, errors }: ExecutionResult): boolean =>
  !data &&
  (errors ?? []).some(({ originalError }) => originalError instanceof Refusal && originalError.code === 'NOT_FOUND');
