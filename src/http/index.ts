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

/** What HTTP serves. */
export interface HttpOptions {
  readonly config: Config;
  readonly log: Logger;
  readonly schema: GraphQLSchema;
  readonly execute: Execute;
  readonly contextOf: (incoming: Incoming) => Promise<Context>;
  /** Milliseconds until an access token ends. */
  readonly timeLeft: (accessToken: string) => number;
  /** Resolves while the database answers. */
  /** Traces requests. Left out if tracing is off. */
  readonly onRequest?: onRequestHookHandler;
  readonly checkDatabase: () => Promise<string | null>;
  /** What keeps the service from being ready, in a sentence; null where it is. */
  readonly trouble: () => string | null;
  /** Whether more than the settings can be asked: as soon as it was ready once, and until the end. */
  readonly isServing: () => boolean;
  readonly metrics: Metrics;
  /** The documents that alone are executed; null where every document is. */
  readonly trusted: TrustedDocuments | null;
  /** The playground, where it is offered. */
  readonly playground?: (app: FastifyInstance) => Promise<void>;
}

/** Tokens a document may have. */
const maxTokens = 2_000;

/** Milliseconds an idle connection is kept: longer than load balancers keep theirs, so that it is they who close it. */
const keepAlive = 75_000;

/** Milliseconds in which the database has to answer for the service to be healthy. */
const healthPatience = 2_000;

/** The HTTP server: /graphql, /health, /livez and, where they are offered, /schema.graphql and the playground; and its WebSockets. Not listening yet. */
export async function createHttp(served: HttpOptions): Promise<{ app: FastifyInstance; sockets: Sockets }> {
  const { config, log, trouble } = served;
  const app = bareServer(served);
  const isProduction = config.environment === 'production';
  const wantsExplanation = ({ headers }: FastifyRequest): boolean => !isProduction && headers['x-explain'] === '1';
  readForwardedFor(app);
  // HTTP allows ignoring an unknown expectation; by default Node.js refuses it
  app.server.on('checkExpectation', (request, response) => app.server.emit('request', request, response));
  if (served.onRequest) app.addHook('onRequest', served.onRequest);
  app.addHook('onRequest', (request, reply, done) => {
    void reply.headers(headersOf(request));
    const asking = timedRequest(request.id, config.patience.request, callerIds(request.headers));
    current.run(wantsExplanation(request) ? { ...asking, explanation: newExplanation() } : asking, done);
  });
  app.addHook('onSend', (_request, reply, _payload, done) => {
    // a client that kept the connection would find it closed the next time, and an end would wait for it
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

/** Browsers on other origins, where there are any. */
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
    'x-request-id',
    'x-vault-token',
  ],
  exposedHeaders: ['x-request-id'],
  // it would be refused in plain text
  strictPreflight: false,
});

const security = securityHeaders();

/** The headers of every answer. */
const headersOf = ({ id }: FastifyRequest) => ({ ...security, 'cache-control': 'no-store', 'x-request-id': id });

const bareServer = ({ log, config: { trustedProxies, patience } }: HttpOptions): FastifyInstance =>
  fastify({
    loggerInstance: log as FastifyBaseLogger,
    logController: new LogController({ disableRequestLogging: true }),
    // log lines name their request themselves: a logger per request would cost as much as its lines
    childLoggerFactory: (logger) => logger,
    bodyLimit,
    trustProxy: trustedProxies.length > 0 ? [...trustedProxies] : false,
    genReqId: () => randomUUID(),
    // for an address that cannot be decoded, no hook and no handler of ours is asked
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
      // what asks for another protocol than this goes on in HTTP
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

/** Serves the schema as text to code generators and mocks, where introspection is allowed as well. */
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

/** Cuts Apollo's own lines at the first colon: an error's text follows, which may quote a document. */
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
