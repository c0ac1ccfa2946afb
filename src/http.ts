import { AsyncLocalStorage } from 'node:async_hooks';
import { randomUUID } from 'node:crypto';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { ApolloServer, type ApolloServerPlugin, type GraphQLRequestContext } from '@apollo/server';
import {
  ApolloServerPluginCacheControlDisabled,
  ApolloServerPluginLandingPageDisabled,
  ApolloServerPluginUsageReportingDisabled,
} from '@apollo/server/plugin/disabled';
import { fastifyApolloDrainPlugin, fastifyApolloHandler } from '@as-integrations/fastify';
import cookie from '@fastify/cookie';
import cors from '@fastify/cors';
import fastify, { LogController, type FastifyError, type FastifyInstance, type FastifyReply, type FastifyRequest } from 'fastify';
import { GraphQLError, type GraphQLSchema } from 'graphql';
import helmet from 'helmet';
import { demandBounds, rootFieldsOf, type Bounds } from './complexity.ts';
import type { Config } from './config.ts';
import type { Context, Incoming } from './context.ts';
import { badInput, refusals, toPublic } from './errors.ts';
import { gatewayOf, type Execute, type Execution } from './execution.ts';
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

/** The id of the request being answered, for errors raised where no context reaches. */
const requestId = new AsyncLocalStorage<string>();

/** Where the operation goes that came over a WebSocket and is found fit to be subscribed to. */
const subscribing = new AsyncLocalStorage<{ found: Execution | null }>();

/** The HTTP server: /graphql, /health, /livez and, where it is offered, the playground; and its WebSockets. Not listening yet. */
export async function createHttp(served: Served): Promise<{ app: FastifyInstance; sockets: Sockets }> {
  const { config } = served;
  const app = fastify({
    logger:
      config.logLevel === 'silent'
        ? false
        : { level: config.logLevel, redact: ['req.headers.authorization', 'req.headers.cookie', 'req.headers["x-vault-token"]'] },
    logController: new LogController({ disableRequestLogging: true }),
    bodyLimit,
    trustProxy: config.trustedProxies.length > 0 ? [...config.trustedProxies] : false,
    genReqId: ({ headers }) => wellFormed(headers['x-request-id']) ?? randomUUID(),
    forceCloseConnections: 'idle',
    // what asks for another protocol than this goes on in HTTP
    http: { shouldUpgradeCallback: ({ headers }) => headers.upgrade?.toLowerCase() === 'websocket' },
  });
  const security = securityHeaders();
  app.addHook('onRequest', (request, reply, done) => {
    // As helmet does it: what serves files sets its own headers there, over these.
    for (const [name, value] of security) reply.raw.setHeader(name, value);
    void reply.header('x-request-id', request.id);
    requestId.run(request.id, done);
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

async function health({ checkDatabase }: Served, reply: FastifyReply): Promise<object> {
  try {
    await checkDatabase();
    return { status: 'healthy' };
  } catch {
    void reply.code(503);
    return { status: 'unhealthy', error: 'The database does not answer.' };
  }
}

/** What helmet sends with every answer. It is always the same, so it is worked out once. */
function securityHeaders(): readonly (readonly [name: string, value: string])[] {
  const headers = new Map<string, string>();
  const answer = { setHeader: (name: string, value: string) => headers.set(name, value), removeHeader: () => {} };
  const contentSecurityPolicy = { useDefaults: false, directives: { defaultSrc: ["'none'"], frameAncestors: ["'none'"] } };
  helmet({ contentSecurityPolicy })({} as IncomingMessage, answer as unknown as ServerResponse, () => {});
  return [...headers];
}

async function registerGraphql(app: FastifyInstance, { config, schema, execute, contextOf }: Served, sockets: Sockets): Promise<void> {
  const isProduction = config.environment === 'production';
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
      toPublic(formatted, error, requestId.getStore(), (cause, id) =>
        app.log.error({ err: cause, requestId: id }, 'refused for a private reason'),
      ),
    plugins: [
      ApolloServerPluginLandingPageDisabled(),
      ApolloServerPluginCacheControlDisabled(),
      ApolloServerPluginUsageReportingDisabled(),
      fastifyApolloDrainPlugin(app),
      statusByAccept,
      eachItsTransport,
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
  const answer = fastifyApolloHandler(apollo, { context: (request, reply) => contextOf(incoming(request, reply, isProduction)) });
  const upgrade = sockets.opening(preparing(apollo));
  app.route({
    method: ['GET', 'POST'],
    url: '/graphql',
    handler: (request, reply) => (sockets.isUpgrade(request) ? upgrade(request, reply) : answer.call(app, request, reply)),
  });
}

/** Takes an operation through all that HTTP's are taken through, but for its execution. */
const preparing =
  (apollo: ApolloServer<Context>): Prepare =>
  async ({ query, operationName, variables }, context, id) => {
    const place: { found: Execution | null } = { found: null };
    const asked = { query, ...(operationName != null && { operationName }), variables: { ...variables } };
    const ask = () => apollo.executeOperation(asked, { contextValue: context });
    const { body } = await requestId.run(id, () => subscribing.run(place, ask));
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
