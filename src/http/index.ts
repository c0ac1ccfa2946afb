import { randomUUID } from 'node:crypto';
import { ApolloServer } from '@apollo/server';
import {
  ApolloServerPluginCacheControlDisabled,
  ApolloServerPluginLandingPageDisabled,
  ApolloServerPluginUsageReportingDisabled,
} from '@apollo/server/plugin/disabled';
import { fastifyApolloDrainPlugin, fastifyApolloHandler } from '@as-integrations/fastify';
import cookie from '@fastify/cookie';
import cors from '@fastify/cors';
import fastify, {
  type onRequestHookHandler,
  LogController,
  type FastifyBaseLogger,
  type FastifyError,
  type FastifyInstance,
  type FastifyReply,
  type FastifyRequest,
} from 'fastify';
import type { GraphQLSchema } from 'graphql';
import type { Logger } from 'pino';
import type { Config } from '../config.ts';
import type { Context, Incoming } from '../context.ts';
import { printContract } from '../schema.ts';
import { toPublic } from './error-format.ts';
import { executing, type Execute } from './execution.ts';
import { failuresTo, plain, type ReportFailure } from '../process/log.ts';
import type { Metrics } from '../process/metrics.ts';
import { Sockets } from './socket.ts';
import { readForwardedFor } from './address.ts';
import { timedRequest, bounding, current, withDeadline, orUnavailable } from './request-time.ts';
import { noRootConditions } from './conditions.ts';
import { Documents } from './documents.ts';
import { explains, newExplanation } from './explain.ts';
import { incoming } from './incoming.ts';
import { Origins } from './origins.ts';
import type { TrustedDocuments } from './trusted.ts';
import {
  checkOperations,
  bounded,
  eachItsTransport,
  noNulCharacters,
  noNullAtDefault,
  noPrototypeNames,
  noOperation,
  reportRequests,
  oneForAKey,
  onlyTrusted,
  onlyWhatIsReady,
  statusByAccept,
  createRequestReporter,
  type ReportRequest,
} from './plugin.ts';
import { handOver, preparing } from './subscribing.ts';
import {
  bodyLimit,
  callerIds,
  demandSoleHeaders,
  readOnlyUtf8,
  refuseBroken,
  securityHeaders,
  transportProblem,
} from './transport.ts';

/** The parts that the HTTP server needs. */
export interface HttpOptions {
  readonly config: Config;
  readonly log: Logger;
  readonly schema: GraphQLSchema;
  readonly execute: Execute;
  readonly contextOf: (incoming: Incoming) => Promise<Context>;
  /** Returns the milliseconds until an access token expires. */
  readonly timeLeft: (accessToken: string) => number;
  /** Traces requests. Undefined if tracing is off. */
  readonly onRequest?: onRequestHookHandler;
  /** Resolves while the database answers. */
  readonly checkDatabase: () => Promise<string | null>;
  /** Says in a sentence why the service is not ready. Null if it is ready. */
  readonly trouble: () => string | null;
  /** Whether operations beyond the settings are served: from the first time the service is ready until it stops. */
  readonly isServing: () => boolean;
  readonly metrics: Metrics;
  /** The only documents that are executed. Null if every document is. */
  readonly trusted: TrustedDocuments | null;
  /** Registers the playground. Undefined if it is off. */
  readonly playground?: (app: FastifyInstance) => Promise<void>;
}

/** The maximum number of tokens in a document. */
const maxTokens = 2_000;

/** How long an idle connection is kept, in milliseconds. Longer than in load balancers, so that they close it first. */
const keepAlive = 75_000;

/** The time-out of the database for a health check, in milliseconds. */
const healthPatience = 2_000;

/**
 * Creates the HTTP server with its WebSockets: /graphql, /health, /livez and, if enabled, /schema.graphql and the
 * playground. It does not listen yet.
 */
export async function createHttp(served: HttpOptions): Promise<{ app: FastifyInstance; sockets: Sockets }> {
  const { config, log, trouble } = served;
  const app = bareServer(served);
  const isProduction = config.environment === 'production';
  const wantsExplanation = ({ headers }: FastifyRequest): boolean => !isProduction && headers['x-explain'] === '1';
  readForwardedFor(app);
  // by default, Node.js refuses an unknown expectation; HTTP allows ignoring it
  app.server.on('checkExpectation', (request, response) => app.server.emit('request', request, response));
  if (served.onRequest) app.addHook('onRequest', served.onRequest);
  app.addHook('onRequest', (request, reply, done) => {
    void reply.headers(headersOf(request));
    const asking = timedRequest(request.id, config.patience.request, callerIds(request.headers));
    current.run(wantsExplanation(request) ? { ...asking, explanation: newExplanation() } : asking, done);
  });
  app.addHook('onSend', (_request, reply, _payload, done) => {
    // during a shutdown, clients must not reuse the connection, and open connections would delay the end
    if (trouble() !== null) void reply.header('connection', 'close');
    done();
  });
  app.setNotFoundHandler((_request, reply) => reply.code(404).send({ error: 'Nothing exists at this address.' }));
  app.setErrorHandler<FastifyError>((error, request, reply) => {
    const { status, message } = transportProblem(error);
    if (status >= 500) log.error({ err: error, requestId: request.id }, 'request failed');
    return reply.code(status).send({ error: message });
  });
  await app.register(cookie);
  const origins = new Origins(config, app.log);
  const report = failuresTo(log);
  const sockets = socketsOf(served, app, { report, origins });
  app.addHook('onRequest', (request, _reply, done) => {
    if (!sockets.isUpgrade(request)) origins.admits(request);
    done();
  });
  if (origins.allowed.length > 0) await app.register(cors, corsOf(origins));
  app.get('/livez', () => ({ status: 'alive' }));
  app.get('/health', (_request, reply) => health(served, reply));
  if (config.environment !== 'production' && served.trusted === null) registerSchema(app, served.schema);
  sockets.attach(app);
  await app.register(async (scope) => registerGraphql(scope, served, sockets, report));
  if (served.playground) await app.register(served.playground);
  return { app, sockets };
}

/** The CORS options for the allowed origins. */
const corsOf = ({ allowed }: Origins) => ({
  origin: allowed,
  credentials: true,
  methods: ['GET', 'POST'],
  allowedHeaders: [
    'authorization',
    'content-type',
    'apollo-require-preflight',
    'idempotency-key',
    'traceparent',
    'x-explain',
    'x-request-id',
    'x-vault-token',
  ],
  exposedHeaders: ['x-request-id'],
  // the plugin would refuse in plain text
  strictPreflight: false,
});

const security = securityHeaders();

/** The headers of every response. */
const headersOf = ({ id }: FastifyRequest) => ({ ...security, 'cache-control': 'no-store', 'x-request-id': id });

const bareServer = ({ log, config: { trustedProxies, patience } }: HttpOptions): FastifyInstance =>
  fastify({
    loggerInstance: log as FastifyBaseLogger,
    logController: new LogController({ disableRequestLogging: true }),
    // log lines contain their request id; a logger per request would cost as much as its lines
    childLoggerFactory: (logger) => logger,
    bodyLimit,
    trustProxy: trustedProxies.length > 0 ? [...trustedProxies] : false,
    genReqId: () => randomUUID(),
    // for a URL that cannot be decoded, Fastify calls none of our hooks and handlers
    frameworkErrors: (error, request, reply: FastifyReply) => {
      const { status, message } = transportProblem(error);
      void reply.headers(headersOf(request)).code(status).send({ error: message });
    },
    forceCloseConnections: 'idle',
    return503OnClosing: false,
    keepAliveTimeout: keepAlive,
    requestTimeout: patience.request * 1000,
    http: {
      connectionsCheckingInterval: 1_000,
      headersTimeout: patience.request * 1000,
      // requests to upgrade to another protocol continue in HTTP
      shouldUpgradeCallback: ({ headers }) => headers.upgrade?.toLowerCase() === 'websocket',
    },
    clientErrorHandler: refuseBroken,
  });

const socketsOf = (
  { schema, contextOf, timeLeft, config }: HttpOptions,
  { log }: FastifyInstance,
  parts: { report: ReportFailure; origins: Origins },
): Sockets =>
  new Sockets({
    schema,
    contextOf,
    timeLeft,
    config: config.sockets,
    messageLimit: bodyLimit,
    log,
    ...parts,
  });

async function health({ checkDatabase, trouble }: HttpOptions, reply: FastifyReply): Promise<object> {
  const error = trouble() ?? (await answers(checkDatabase));
  if (error === null) return { status: 'healthy' };
  void reply.code(503);
  return { status: 'unhealthy', error };
}

async function answers(checkDatabase: HttpOptions['checkDatabase']): Promise<string | null> {
  try {
    return await withDeadline(checkDatabase(), performance.now() + healthPatience);
  } catch {
    return 'The database does not respond.';
  }
}

/** Serves the schema as text for code generators and mocks, if introspection is allowed. */
function registerSchema(app: FastifyInstance, schema: GraphQLSchema): void {
  let text: string | undefined;
  app.get('/schema.graphql', (_request, reply) =>
    reply.type('application/graphql; charset=utf-8').send((text ??= printContract(schema))),
  );
}

async function registerGraphql(
  app: FastifyInstance,
  served: HttpOptions,
  sockets: Sockets,
  report: ReportFailure,
): Promise<void> {
  const { config, log, contextOf } = served;
  const reportRequest = createRequestReporter(served.metrics, plain(log));
  const apollo = apolloOf(app, served, reportRequest, report);
  await apollo.start();
  app.setErrorHandler<FastifyError>((error, request, reply) => {
    const { status, message } = transportProblem(error);
    if (status >= 500) log.error({ err: error, requestId: request.id }, 'request failed');
    const code = status >= 500 ? 'INTERNAL' : 'BAD_INPUT';
    reportRequest(noOperation(code));
    return reply.code(status).send({ errors: [{ message, extensions: { code, requestId: request.id } }] });
  });
  readOnlyUtf8(app);
  app.addHook('onRequest', async ({ raw }) => demandSoleHeaders(raw));
  const answer = fastifyApolloHandler(apollo, {
    context: (request, reply) => orUnavailable(contextOf(incoming(request, reply, config.cookies))),
  });
  const upgrade = sockets.opening(preparing(apollo, config.patience.request));
  app.route({
    method: ['GET', 'POST'],
    url: '/graphql',
    handler: (request, reply) =>
      sockets.isUpgrade(request) ? upgrade(request, reply) : answer.call(app, request, reply),
  });
}

function apolloOf(
  app: FastifyInstance,
  { config, schema, ...served }: HttpOptions,
  reportRequest: ReportRequest,
  report: ReportFailure,
): ApolloServer<Context> {
  const isProduction = config.environment === 'production';
  const execute = bounding(served.execute);
  const { gateway, plugin } = executing<Context>(schema, (execution) => handOver(execution) ?? execute(execution));
  const documents = new Documents<Context>();
  return new ApolloServer<Context>({
    gateway,
    introspection: !isProduction,
    hideSchemaDetailsFromClientErrors: isProduction,
    includeStacktraceInErrorResponses: false,
    stopOnTerminationSignals: false,
    csrfPrevention: true,
    maxRecursiveSelections: 1_000,
    parseOptions: { maxTokens },
    documentStore: documents.parsed,
    persistedQueries: { cache: served.trusted?.persisted ?? documents.persisted },
    logger: withoutDetails(app.log),
    formatError: (formatted, error) => toPublic(formatted, error, current.getStore()?.id, report),
    plugins: [
      ApolloServerPluginLandingPageDisabled(),
      ApolloServerPluginCacheControlDisabled(),
      ApolloServerPluginUsageReportingDisabled(),
      fastifyApolloDrainPlugin(app),
      statusByAccept,
      ...(isProduction ? [] : [explains]),
      reportRequests(reportRequest),
      {
        unexpectedErrorProcessingRequest: async ({ error }) => report(error, current.getStore()?.id ?? '', 'INTERNAL'),
      },
      noRootConditions,
      checkOperations(
        onlyTrusted(served.trusted),
        eachItsTransport,
        onlyWhatIsReady(served.isServing),
        noNulCharacters,
        noPrototypeNames,
        bounded(schema, config.bounds),
        noNullAtDefault(schema),
        oneForAKey,
      ),
      documents.plugin,
      plugin,
    ],
  });
}

/** Cuts Apollo's log lines at the first colon, because the error text behind it may quote a document. */
function withoutDetails(log: FastifyBaseLogger): Logging {
  const brief = (message: unknown): string => `Apollo Server: ${String(message).split(':')[0]}`;
  return {
    debug: (message) => log.debug(brief(message)),
    info: (message) => log.info(brief(message)),
    warn: (message) => log.warn(brief(message)),
    error: (message) => log.error(brief(message)),
  };
}

type Logging = Record<'debug' | 'info' | 'warn' | 'error', (message?: unknown) => void>;
