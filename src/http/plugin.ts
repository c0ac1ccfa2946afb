import type { ApolloServerPlugin, GraphQLRequestContext } from '@apollo/server';
import {
  GraphQLError,
  visit,
  type FormattedExecutionResult,
  type GraphQLFormattedError,
  type GraphQLSchema,
} from 'graphql';
import type { Logger } from 'pino';
import { demandBounds, type Bounds } from './query-cost.ts';
import type { Context } from '../context.ts';
import { badInput, unavailable, untrustedDocument } from '../errors.ts';
import type { RequestOutcome, Metrics } from '../process/metrics.ts';
import { isIdempotencyKey } from '../services/idempotency.ts';
import { current, requestError } from './request-time.ts';
import { assertNoNullAtDefault } from './nulls.ts';
import { rootFields, type RootField } from './selection.ts';
import { isOfSocket } from './subscribing.ts';
import type { TrustedDocuments } from './trusted.ts';

// A plugin of Apollo. Every operation passes through all of them.

type Plugin = ApolloServerPlugin<Context>;
type Request = GraphQLRequestContext<Context>;

/**
 * The status codes of GraphQL over HTTP. A refused document is 4xx for clients that accept
 * `application/graphql-response+json`, and 200 for clients that accept only `application/json`. A request without a
 * document is 400 for both.
 */
export const statusByAccept: Plugin = {
  async requestDidStart() {
    return {
      async willSendResponse({ request, response, errors }: Request) {
        const isDocumentRefused =
          errors?.every(({ extensions }) => documentRefusals.has(String(extensions['code']))) ?? false;
        const accepted = request.http?.headers.get('accept') ?? '';
        if (isDocumentRefused && !accepted.includes('application/graphql-response+json')) response.http.status = 200;
      },
    };
  },
};

const documentRefusals = new Set([
  'GRAPHQL_PARSE_FAILED',
  'GRAPHQL_VALIDATION_FAILED',
  'BAD_USER_INPUT',
  'OPERATION_RESOLUTION_FAILURE',
]);

/** The report of a request that was answered. */
interface RequestSummary {
  /** The name that the client gave the operation. Without one, the names of its root fields. */
  readonly operation: string | null;
  readonly type: string;
  readonly outcome: string;
  /** Undefined for anonymous callers. */
  readonly userId?: string;
  /** Undefined if it is unknown. */
  readonly address?: string;
}

/** Receives the report of each request after it is answered. */
export type ReportRequest = (summary: RequestSummary, fields?: RequestOutcome['fields']) => void;

/** Counts each request and logs one line with its name, outcome and duration. */
export const createRequestReporter =
  (metrics: Metrics, log: Logger): ReportRequest =>
  (summary, fields = []) => {
    const {
      id: requestId,
      callerIds,
      beganAt,
    } = current.getStore() ?? { id: null, callerIds: {}, beganAt: performance.now() };
    const milliseconds = performance.now() - beganAt;
    metrics.answered({ type: summary.type, outcome: summary.outcome, seconds: milliseconds / 1000, fields });
    log.info({ requestId, ...callerIds, ...summary, duration: Math.round(milliseconds * 10) / 10 }, 'answered');
  };

/** Returns the user and the address of a request, as far as they are known. */
const callerOf = ({ viewer: { userId }, client: { ipAddress } }: Context) => ({
  ...(userId !== null && { userId }),
  ...(ipAddress !== null && { address: ipAddress }),
});

/** The report of a request that never became an operation. */
export const noOperation = (outcome: string): RequestSummary => ({ operation: null, type: 'none', outcome });

/** Reports what Apollo answers. */
export const reportRequests = (report: ReportRequest): Plugin => ({
  async contextCreationDidFail({ error }) {
    report(noOperation(error instanceof GraphQLError ? String(error.extensions['code']) : 'INTERNAL'));
  },
  async invalidRequestWasReceived() {
    report(noOperation('BAD_INPUT'));
  },
  async requestDidStart() {
    return {
      async willSendResponse({ document, operation, operationName, errors, response, contextValue }: Request) {
        const answer = response.body?.kind === 'single' ? response.body.singleResult : {};
        const outcome = errors?.length ? codeOf(answer.errors?.[0]) : 'ok';
        const fields = rootFields({ document, operation });
        const name = operationName ?? [...new Set(fields.map((field) => field.name))].join(' ');
        const summary = {
          operation: name === '' ? null : name.slice(0, 100),
          type: operation?.operation ?? 'none',
          outcome,
          ...callerOf(contextValue),
        };
        report(summary, outcomesOf(fields, answer));
      },
    };
  },
});

const codeOf = (error: GraphQLFormattedError | undefined): string =>
  (error?.extensions?.['code'] as string | undefined) ?? 'INTERNAL';

/**
 * Returns the outcome of each field: its first error, or the error that affects all fields. Fields after an error that
 * removed all data never started.
 */
function outcomesOf(
  fields: readonly RootField[],
  { data, errors = [] }: FormattedExecutionResult,
): RequestOutcome['fields'] {
  const outcomes: { name: string; outcome: string }[] = [];
  for (const { name, key } of fields) {
    const error = errors.find(({ path }) => path === undefined || path[0] === key);
    outcomes.push({ name, outcome: error === undefined ? 'ok' : codeOf(error) });
    if (error?.path !== undefined && !data) break;
  }
  return outcomes;
}

/** Checks an operation before its execution. Throws to refuse it. */
type OperationCheck = (request: Request) => void;

/** Runs these checks in order. An error that they throw is answered as a refusal of the document. */
export const checkOperations = (...checks: readonly OperationCheck[]): Plugin => ({
  async requestDidStart() {
    return {
      async didResolveSource({ request }: Request) {
        if (request.operationName === '') delete request.operationName; // a form or a URL may leave it empty
      },
      async didResolveOperation(request: Request) {
        try {
          for (const check of checks) check(request);
        } catch (refusal) {
          if (refusal instanceof GraphQLError) throw refusal;
          throw new GraphQLError('refused', {
            originalError: refusal as Error,
            extensions: { code: 'BAD_USER_INPUT', http: { status: 400 } },
          });
        }
      },
    };
  },
});

/** With a manifest of trusted documents, refuses every other document, however it was sent. */
export const onlyTrusted =
  (trusted: TrustedDocuments | null): OperationCheck =>
  ({ source }) => {
    if (trusted && !trusted.has(source ?? '')) throw untrustedDocument();
  };

/** Accepts queries and mutations over HTTP only, and subscriptions over WebSockets only. */
export const eachItsTransport: OperationCheck = ({ operation }) => {
  if (!operation || (operation.operation === 'subscription') === isOfSocket()) return;
  throw badInput({
    path: 'query',
    message: isOfSocket()
      ? 'must be a subscription: send queries and mutations over HTTP'
      : 'must not be a subscription: send it over a WebSocket (graphql-transport-ws)',
  });
};

/** Operations that are served before a database is connected. */
const early: ReadonlySet<string> = new Set(['testConnection', 'saveConnection', '__typename', '__schema', '__type']);

/** Until the service is ready, accepts only the operations that configure it. */
export const onlyWhatIsReady =
  (isServing: () => boolean): OperationCheck =>
  (request) => {
    if (!isServing() && !rootFields(request).every(({ name }) => early.has(name))) throw requestError(unavailable());
  };

/** PostgreSQL cannot store the character NUL, so no text may contain it. */
export const noNulCharacters: OperationCheck = ({ request, source }) => {
  if (containsNul(request.variables))
    throw badInput({ path: 'variables', message: 'must not contain the character U+0000' });
  if (/\0|\\u0000|\\u\{0+\}/.test(source ?? ''))
    throw badInput({ path: 'query', message: 'must not contain the character U+0000' });
};

/** Used as the key of an object, this name would replace the object's prototype. */
export const noPrototypeNames: OperationCheck = ({ source, document }) => {
  if (!document || !source?.includes('__proto__')) return;
  visit(document, {
    Name: ({ value }) => {
      if (value === '__proto__') throw badInput({ path: 'query', message: 'must not use the name __proto__' });
    },
  });
};

/** Works without recursion, because input may be nested deeper than the call stack allows. */
function containsNul(value: unknown): boolean {
  const left: unknown[] = [value];
  while (left.length > 0) {
    const each = left.pop();
    if (typeof each === 'string' && each.includes('\0')) return true;
    if (typeof each === 'object' && each !== null) for (const part of Object.values(each)) left.push(part);
  }
  return false;
}

/** See {@link assertNoNullAtDefault}. */
export const noNullAtDefault =
  (schema: GraphQLSchema): OperationCheck =>
  ({ document, operation, request }) => {
    if (document && operation)
      assertNoNullAtDefault(schema, { document, operation, variables: request.variables ?? {} });
  };

/** Refuses an operation that exceeds the limits. */
export const bounded =
  (schema: GraphQLSchema, bounds: Bounds): OperationCheck =>
  ({ document, operation, request, contextValue: { allowance } }) => {
    if (!document || !operation) return;
    const cost = demandBounds(schema, { document, operation, variables: request.variables ?? {} }, bounds);
    const explanation = current.getStore()?.explanation;
    if (explanation) Object.assign(explanation, { cost, costLimit: bounds.cost });
    if (operation.operation !== 'mutation') allowance.left = bounds.cost - cost;
  };

/** Refuses several root fields in a mutation with an idempotency key. Queries need no key, because they can be repeated. */
export const oneForAKey: OperationCheck = ({ document, operation, contextValue: { idempotencyKey } }) => {
  if (idempotencyKey === null || !document || operation?.operation !== 'mutation') return;
  if (!isIdempotencyKey(idempotencyKey))
    throw badInput({ path: 'idempotency-key', message: 'must have 1 to 255 visible ASCII characters' });
  const fields = rootFields({ document, operation }).filter(({ name }) => name !== '__typename');
  if (new Set(fields.map(({ key }) => key)).size > 1)
    throw badInput({ path: 'query', message: 'must have only one root field when an idempotency-key is sent' });
};
