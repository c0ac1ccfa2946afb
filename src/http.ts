import { AsyncLocalStorage } from 'node:async_hooks';
import { randomUUID } from 'node:crypto';
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import { ApolloServer, HeaderMap, type ApolloServerPlugin, type GraphQLRequestContext } from '@apollo/server';
import {
  ApolloServerPluginCacheControlDisabled,
  ApolloServerPluginLandingPageDisabled,
  ApolloServerPluginUsageReportingDisabled,
} from '@apollo/server/plugin/disabled';
import { fastifyApolloDrainPlugin, fastifyApolloHandler } from '@as-integrations/fastify';
import cookie from '@fastify/cookie';
import cors from '@fastify/cors';
import fastify, {
  LogController,
  type FastifyBaseLogger,
  type FastifyError,
  type FastifyInstance,
  type FastifyReply,
  type FastifyRequest,
} from 'fastify';
import { GraphQLError, Kind, type GraphQLFormattedError, type GraphQLSchema, type OperationDefinitionNode } from 'graphql';
import helmet from 'helmet';
import { demandBounds, rootFieldsOf, type Bounds } from './complexity.ts';
import type { Config } from './config.ts';
import type { Context, Incoming } from './context.ts';
import { badInput, isAway, Refusal, refusals, toPublic, unavailable } from './errors.ts';
import { gatewayOf, type Execute, type Execution } from './execution.ts';
import type { Metrics } from './metrics.ts';
import { isIdempotencyKey } from './services/idempotency.ts';
import { bearerIn, Sockets, type Prepare } from './socket.ts';

/** What HTTP serves. */
export interface Served {
  readonly config: Config;
  readonly schema: GraphQLSchema;
  readonly execute: Execute;
  readonly contextOf: (incoming: Incoming) => Promise<Context>;
  /** Milliseconds until an access token ends. */
  readonly timeLeft: (accessToken: string) => number;
  /** Resolves while the database answers. */
  readonly checkDatabase: () => Promise<void>;
  /** What keeps the service from being ready, in a sentence; null where it is. */
  readonly trouble: () => string | null;
  /** Whether more than the settings can be asked: as soon as it was ready once, and until the end. */
  readonly isServing: () => boolean;
  readonly metrics: Metrics;
  /** The playground, where it is offered. */
  readonly playground?: (app: FastifyInstance) => Promise<void>;
}

/** Bytes a request body, or a message on a WebSocket, may have. */
const bodyLimit = 100_000;

/** Tokens a document may have. */
const maxTokens = 2_000;

/** Tokens are kept where no script can read them, and sent to no other path. */
const cookieNames = { refreshToken: 'unionhall_refresh', deviceToken: 'unionhall_device' } as const;
const deviceCookieSeconds = 365 * 86_400;

/** The request being answered, for what no context reaches. */
const current = new AsyncLocalStorage<{ readonly id: string; readonly endsAt: number }>();

/** Milliseconds an idle connection is kept: longer than load balancers keep theirs, so that it is they who close it. */
const keepAlive = 75_000;

/** Milliseconds in which the database has to answer for the service to be healthy. */
const healthPatience = 2_000;

/** Seconds after which to ask again what could not be answered. */
const retryAfter = 2;

/** Where the operation goes that came over a WebSocket and is found fit to be subscribed to. */
const subscribing = new AsyncLocalStorage<{ found: Execution | null }>();

/** The HTTP server: /graphql, /health, /livez and, where it is offered, the playground; and its WebSockets. Not listening yet. */
export async function createHttp(served: Served): Promise<{ app: FastifyInstance; sockets: Sockets }> {
  const { config } = served;
  const app = fastify({
    logger: config.logLevel === 'silent' ? false : { level: config.logLevel, redact },
    logController: new LogController({ disableRequestLogging: true }),
    bodyLimit,
    trustProxy: config.trustedProxies.length > 0 ? [...config.trustedProxies] : false,
    genReqId: ({ headers }) => wellFormed(headers['x-request-id']) ?? traceOf(headers['traceparent']) ?? randomUUID(),
    forceCloseConnections: 'idle',
    return503OnClosing: false,
    keepAliveTimeout: keepAlive,
    requestTimeout: config.patience.request * 1000,
    http: {
      connectionsCheckingInterval: 1_000,
      headersTimeout: config.patience.request * 1000,
      // what asks for another protocol than this goes on in HTTP
      shouldUpgradeCallback: ({ headers }) => headers.upgrade?.toLowerCase() === 'websocket',
    },
    clientErrorHandler: refuseBroken,
  });
  const security = securityHeaders();
  app.addHook('onRequest', (request, reply, done) => {
    // As helmet does it: what serves files sets its own headers there, over these.
    for (const [name, value] of security) reply.raw.setHeader(name, value);
    void reply.header('x-request-id', request.id);
    // whoever keeps the connection would find it closed the next time
    if (served.trouble() !== null) void reply.header('connection', 'close');
    current.run({ id: request.id, endsAt: performance.now() + config.patience.request * 1000 }, done);
  });
  app.setNotFoundHandler((_request, reply) => reply.code(404).send({ error: 'There is nothing at this address.' }));
  app.setErrorHandler<FastifyError>((error, request, reply) => {
    const { status, message } = transportProblem(error);
    if (status >= 500) request.log.error({ err: error }, 'request failed');
    return reply.code(status).send({ error: message });
  });
  await app.register(cookie);
  await app.register(cors, {
    origin: [...config.corsOrigins],
    credentials: true,
    methods: ['GET', 'POST'],
    allowedHeaders: ['authorization', 'content-type', 'apollo-require-preflight', 'idempotency-key', 'x-request-id', 'x-vault-token'],
    exposedHeaders: ['x-request-id'],
  });
  app.get('/livez', () => ({ status: 'alive' }));
  app.get('/health', (_request, reply) => health(served, reply));
  const sockets = new Sockets({
    schema: served.schema,
    contextOf: served.contextOf,
    timeLeft: served.timeLeft,
    config: config.sockets,
    origins: config.corsOrigins,
    messageLimit: bodyLimit,
    log: app.log,
  });
  sockets.attach(app);
  await app.register(async (scope) => registerGraphql(scope, served, sockets));
  if (served.playground) await app.register(served.playground);
  return { app, sockets };
}

async function health({ checkDatabase, trouble }: Served, reply: FastifyReply): Promise<object> {
  const error = trouble() ?? (await answers(checkDatabase));
  if (error === null) return { status: 'healthy' };
  void reply.code(503);
  return { status: 'unhealthy', error };
}

async function answers(checkDatabase: Served['checkDatabase']): Promise<string | null> {
  try {
    await inTime(checkDatabase(), performance.now() + healthPatience);
    return null;
  } catch {
    return 'The database does not answer.';
  }
}

/** What was begun, or UNAVAILABLE when the time is over: what it does in the database is ended there by the same time-out. */
async function inTime<T>(begun: Promise<T>, endsAt: number): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const over = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(unavailable(retryAfter)), Math.max(0, endsAt - performance.now()));
  });
  try {
    return await Promise.race([begun, over]);
  } finally {
    clearTimeout(timer);
  }
}

/** What a log line never shows, wherever it stands in what is logged. */
const secrets = ['authorization', 'cookie', 'x-vault-token', 'password', 'setupToken', 'accessToken', 'refreshToken', 'token'];
const redact = [
  ...['authorization', 'cookie', '["x-vault-token"]'].map((name) => `req.headers${name.startsWith('[') ? '' : '.'}${name}`),
  ...secrets.flatMap((name) => (name.includes('-') ? [`["${name}"]`, `*["${name}"]`] : [name, `*.${name}`])),
];

/** What is no HTTP, or comes too slowly. */
function refuseBroken(error: NodeJS.ErrnoException, socket: Socket): void {
  if (error.code === 'ECONNRESET' || !socket.writable) {
    socket.destroy();
    return;
  }
  const [status, message] =
    error.code === 'ERR_HTTP_REQUEST_TIMEOUT'
      ? ['408 Request Timeout', 'The request did not come in time.']
      : error.code === 'HPE_HEADER_OVERFLOW'
        ? ['431 Request Header Fields Too Large', 'The headers are too large.']
        : ['400 Bad Request', 'The request is not valid HTTP.'];
  const body = JSON.stringify({ error: message });
  socket.end(
    `HTTP/1.1 ${status}\r\ncontent-type: application/json\r\ncontent-length: ${Buffer.byteLength(body)}\r\nconnection: close\r\n\r\n${body}`,
  );
}

/** What helmet sends with every answer. It is always the same, so it is worked out once. */
function securityHeaders(): readonly (readonly [name: string, value: string])[] {
  const headers = new Map<string, string>();
  const answer = { setHeader: (name: string, value: string) => headers.set(name, value), removeHeader: () => {} };
  const contentSecurityPolicy = { useDefaults: false, directives: { defaultSrc: ["'none'"], frameAncestors: ["'none'"] } };
  helmet({ contentSecurityPolicy })({} as IncomingMessage, answer as unknown as ServerResponse, () => {});
  return [...headers];
}

async function registerGraphql(app: FastifyInstance, served: Served, sockets: Sockets): Promise<void> {
  const { config, schema, contextOf } = served;
  const isProduction = config.environment === 'production';
  const execute = bounding(served.execute);
  const apollo = new ApolloServer<Context>({
    gateway: gatewayOf(schema, (execution) => handOver(execution) ?? execute(execution)),
    introspection: !isProduction,
    hideSchemaDetailsFromClientErrors: isProduction,
    includeStacktraceInErrorResponses: false,
    stopOnTerminationSignals: false,
    csrfPrevention: true,
    maxRecursiveSelections: 1_000,
    parseOptions: { maxTokens },
    persistedQueries: false,
    logger: app.log,
    formatError: (formatted, error) =>
      toPublic(formatted, error, current.getStore()?.id, (cause, id) =>
        app.log.error({ err: cause, requestId: id }, 'refused for a private reason'),
      ),
    plugins: [
      ApolloServerPluginLandingPageDisabled(),
      ApolloServerPluginCacheControlDisabled(),
      ApolloServerPluginUsageReportingDisabled(),
      fastifyApolloDrainPlugin(app),
      statusByAccept,
      observed(served, app.log),
      eachItsTransport,
      onlyWhatIsReady(served),
      noNulCharacters,
      bounded(schema, config.bounds),
      oneForAKey(schema),
    ],
  });
  await apollo.start();
  app.setErrorHandler<FastifyError>((error, request, reply) => {
    const { status, message } = transportProblem(error);
    if (status >= 500) request.log.error({ err: error }, 'request failed');
    const code = status >= 500 ? 'INTERNAL' : 'BAD_INPUT';
    return reply.code(status).send({ errors: [{ message, extensions: { code, requestId: request.id } }] });
  });
  app.removeContentTypeParser('text/plain');
  const answer = fastifyApolloHandler(apollo, {
    context: (request, reply) => orUnavailable(contextOf(incoming(request, reply, isProduction))),
  });
  const upgrade = sockets.opening(preparing(apollo, config.patience.request * 1000));
  app.route({
    method: ['GET', 'POST'],
    url: '/graphql',
    handler: (request, reply) => (sockets.isUpgrade(request) ? upgrade(request, reply) : answer.call(app, request, reply)),
  });
}

/** Takes an operation through all that HTTP's are taken through, but for its execution. */
const preparing =
  (apollo: ApolloServer<Context>, patience: number): Prepare =>
  async ({ query, operationName, variables }, context, id) => {
    const place: { found: Execution | null } = { found: null };
    const asked = { query, ...(operationName != null && { operationName }), variables: { ...variables } };
    const ask = () => apollo.executeOperation(asked, { contextValue: context });
    const { body } = await current.run({ id, endsAt: performance.now() + patience }, () => subscribing.run(place, ask));
    if (place.found) return place.found;
    return (body.kind === 'single' ? body.singleResult.errors : undefined) ?? [];
  };

/** Puts an operation where a WebSocket waits for it, which executes it at every event; null for one of HTTP. */
function handOver(execution: Execution): Promise<{ data: null }> | null {
  const place = subscribing.getStore();
  if (!place || !execution.operation) return null;
  place.found = execution;
  return Promise.resolve({ data: null });
}

function incoming(request: FastifyRequest, reply: FastifyReply, isProduction: boolean): Incoming {
  const options = { httpOnly: true, sameSite: 'strict', secure: isProduction, path: '/graphql' } as const;
  return {
    client: { ipAddress: request.ip, userAgent: request.headers['user-agent'] ?? null, requestId: request.id },
    accessToken: bearerIn(request.headers.authorization),
    vaultToken: sole(request.headers['x-vault-token']),
    onEnd: (leave) => void reply.raw.once('close', leave),
    idempotencyKey: sole(request.headers['idempotency-key']),
    cookies: given({ refreshToken: request.cookies[cookieNames.refreshToken], deviceToken: request.cookies[cookieNames.deviceToken] }),
    setCookies: (cookies) => {
      if (cookies === null) {
        void reply.clearCookie(cookieNames.refreshToken, options);
        return;
      }
      void reply.setCookie(cookieNames.refreshToken, cookies.refreshToken, { ...options, maxAge: cookies.maxAge });
      if (cookies.deviceToken !== null) {
        void reply.setCookie(cookieNames.deviceToken, cookies.deviceToken, { ...options, maxAge: deviceCookieSeconds });
      }
    },
  };
}

/** A header that was sent once. */
const sole = (header: string | string[] | undefined): string | null => (typeof header === 'string' ? header : null);

const given = <T extends Record<string, string | undefined>>(values: T): { [Key in keyof T]?: string } =>
  Object.fromEntries(Object.entries(values).filter(([, value]) => value !== undefined)) as { [Key in keyof T]?: string };

/** The id of the trace that a caller is in, where it is of the form that the W3C gives it. */
function traceOf(header: string | string[] | undefined): string | undefined {
  const [, version, trace, span] = /^([0-9a-f]{2})-([0-9a-f]{32})-([0-9a-f]{16})-[0-9a-f]{2}$/.exec(String(header)) ?? [];
  return version === undefined || version === 'ff' || /^0+$/.test(trace ?? '') || /^0+$/.test(span ?? '') ? undefined : trace;
}

/** An id that a caller may choose: short, and fit for a log line. */
const wellFormed = (id: string | string[] | undefined): string | undefined =>
  typeof id === 'string' && /^[\w.:-]{1,100}$/.test(id) ? id : undefined;

/** What Fastify refuses before GraphQL sees it, in our words. */
function transportProblem({ statusCode = 500, code }: FastifyError): { status: number; message: string } {
  const messages: Record<string, string> = {
    FST_ERR_CTP_BODY_TOO_LARGE: `The body is larger than ${bodyLimit / 1000} kB.`,
    FST_ERR_CTP_INVALID_MEDIA_TYPE: 'The content type must be application/json.',
    FST_ERR_CTP_EMPTY_JSON_BODY: 'The body is empty.',
    FST_ERR_CTP_INVALID_JSON_BODY: 'The body is not valid JSON.',
  };
  if (statusCode >= 500) return { status: 500, message: refusals.INTERNAL };
  return { status: statusCode, message: messages[code] ?? 'The request is not valid HTTP for this address.' };
}

/**
 * GraphQL over HTTP: a refused document is 4xx for clients that accept `application/graphql-response+json`, and 200 for
 * those that only know `application/json`. A request without a document is 400 for both.
 */
const statusByAccept: ApolloServerPlugin<Context> = {
  async requestDidStart() {
    return {
      async willSendResponse({ request, response, errors }: GraphQLRequestContext<Context>) {
        const isDocumentRefused = errors?.every(({ extensions }) => documentRefusals.has(String(extensions['code']))) ?? false;
        const accepted = request.http?.headers.get('accept') ?? '';
        if (isDocumentRefused && !accepted.includes('application/graphql-response+json')) response.http.status = 200;
      },
    };
  },
};

const documentRefusals = new Set(['GRAPHQL_PARSE_FAILED', 'GRAPHQL_VALIDATION_FAILED', 'BAD_USER_INPUT', 'OPERATION_RESOLUTION_FAILURE']);

/** Looks at an operation before it begins. What is thrown there is a refusal of the document, and answered as one. */
const beforehand = (look: (request: GraphQLRequestContext<Context>) => void): ApolloServerPlugin<Context> => ({
  async requestDidStart() {
    return {
      async didResolveOperation(request: GraphQLRequestContext<Context>) {
        try {
          look(request);
        } catch (refusal) {
          throw new GraphQLError('refused', {
            originalError: refusal as Error,
            extensions: { code: 'BAD_USER_INPUT', http: { status: 400 } },
          });
        }
      },
    };
  },
});

/** Queries and mutations are asked over HTTP, subscriptions over a WebSocket, and neither the other way. */
const eachItsTransport = beforehand(({ operation }) => {
  const isOfSocket = subscribing.getStore() !== undefined;
  if (!operation || (operation.operation === 'subscription') === isOfSocket) return;
  throw badInput({
    path: 'query',
    message: isOfSocket ? 'is no subscription: ask it over HTTP' : 'is a subscription: ask it over a WebSocket, by graphql-transport-ws',
  });
});

/** UNAVAILABLE as the answer to a whole request. */
const wholly = (cause: unknown): GraphQLError =>
  new GraphQLError('unavailable', {
    originalError: cause instanceof Refusal ? cause : unavailable(retryAfter, cause),
    extensions: { code: 'UNAVAILABLE', http: { status: 503, headers: new HeaderMap([['retry-after', String(retryAfter)]]) } },
  });

/** Nobody can be asked who is asking: the whole request is unavailable. */
async function orUnavailable(context: Promise<Context>): Promise<Context> {
  try {
    return await inTime(context, current.getStore()?.endsAt ?? Infinity);
  } catch (error) {
    throw isAway(error) || (error instanceof Refusal && error.code === 'UNAVAILABLE') ? wholly(error) : error;
  }
}

/** Operations that take the time they need: moving to another database has time-outs of its own. */
const unbounded: ReadonlySet<string> = new Set(['saveConnection']);

/** The same, with an end: at the time by which the request has to be answered. */
const bounding =
  (execute: Execute): Execute =>
  async (execution) => {
    const endsAt = current.getStore()?.endsAt;
    if (endsAt === undefined || rootFields(execution.operation).some((name) => unbounded.has(name))) return await execute(execution);
    try {
      return await inTime(execute(execution), endsAt);
    } catch (error) {
      if (error instanceof Refusal) return { data: null, errors: [wholly(error)] };
      throw error;
    }
  };

/** What may be asked before there is a database. */
const settings: ReadonlySet<string> = new Set(['testConnection', 'saveConnection', '__typename', '__schema', '__type']);

/** Until the service is ready, only what it takes to configure it is answered. */
const onlyWhatIsReady = ({ isServing }: Served): ApolloServerPlugin<Context> => ({
  async requestDidStart() {
    return {
      async didResolveOperation({ operation }: GraphQLRequestContext<Context>) {
        if (!isServing() && !rootFields(operation).every((name) => settings.has(name))) throw wholly(unavailable(retryAfter));
      },
    };
  },
});

/** The names of the root fields, in the schema; an empty one for a fragment. */
const rootFields = (operation: OperationDefinitionNode | null | undefined): string[] =>
  operation?.selectionSet.selections.map((each) => (each.kind === Kind.FIELD ? each.name.value : '')) ?? [];

const codeOf = (error: GraphQLFormattedError | undefined): string => (error?.extensions?.['code'] as string | undefined) ?? 'INTERNAL';

/** Counts each request, and writes one line about it: what it was called, how it ended, and how long it took. */
const observed = ({ metrics }: Served, log: FastifyBaseLogger): ApolloServerPlugin<Context> => ({
  async contextCreationDidFail({ error }) {
    const outcome = error instanceof GraphQLError ? String(error.extensions['code']) : 'INTERNAL';
    metrics.answered({ type: 'none', outcome, seconds: 0, fields: [] });
    log.info({ requestId: current.getStore()?.id, operation: null, type: 'none', outcome }, 'answered');
  },
  async requestDidStart() {
    const begin = performance.now();
    return {
      async willSendResponse({ operation, operationName, errors, response }: GraphQLRequestContext<Context>) {
        const seconds = (performance.now() - begin) / 1000;
        const shown = response.body?.kind === 'single' ? response.body.singleResult.errors : undefined;
        const outcome = errors?.length ? codeOf(shown?.[0]) : 'ok';
        const type = operation?.operation ?? 'none';
        metrics.answered({ type, outcome, seconds, fields: rootFields(operation) });
        const name = operationName?.slice(0, 100) ?? null;
        log.info(
          { requestId: current.getStore()?.id, operation: name, type, outcome, duration: Math.round(seconds * 10_000) / 10 },
          'answered',
        );
      },
    };
  },
});

/** PostgreSQL cannot store the character NUL, so no text may contain it. */
const noNulCharacters = beforehand(({ request, source }) => {
  if (containsNul(request.variables)) throw badInput({ path: 'variables', message: 'must not contain the character U+0000' });
  if (/\0|\\u0000|\\u\{0+\}/.test(source ?? '')) throw badInput({ path: 'query', message: 'must not contain the character U+0000' });
});

/** No operation begins that asks for more than one may. */
const bounded = (schema: GraphQLSchema, bounds: Bounds): ApolloServerPlugin<Context> =>
  beforehand(({ document, operation, request }) => {
    if (document && operation) demandBounds(schema, { document, operation, variables: request.variables ?? {} }, bounds);
  });

/** A mutation that comes with a key to know its retry by asks for one thing. A query is asked again without one. */
const oneForAKey = (schema: GraphQLSchema): ApolloServerPlugin<Context> =>
  beforehand(({ document, operation, request, contextValue: { idempotencyKey: key } }) => {
    if (key === null || !document || operation?.operation !== 'mutation') return;
    if (!isIdempotencyKey(key)) throw badInput({ path: 'idempotency-key', message: 'must be 1 to 255 visible characters of ASCII' });
    if (rootFieldsOf(schema, { document, operation, variables: request.variables ?? {} }) > 1)
      throw badInput({ path: 'query', message: 'must have one root field, as an idempotency-key came with it' });
  });

function containsNul(value: unknown): boolean {
  if (typeof value === 'string') return value.includes('\0');
  return typeof value === 'object' && value !== null && Object.values(value).some(containsNul);
}
