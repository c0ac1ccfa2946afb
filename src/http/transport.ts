import { isUtf8 } from 'node:buffer';
import type { IncomingHttpHeaders, IncomingMessage, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import type { FastifyError, FastifyInstance } from 'fastify';
import helmet from 'helmet';
import { refusals } from '../errors.ts';

/** The maximum size of a request body or a WebSocket message, in bytes. */
export const bodyLimit = 100_000;

/** The ids that the caller or a proxy gave a request. Use them for the log only: a caller can send anything. */
export interface CallerIds {
  readonly clientRequestId?: string;
  readonly traceId?: string;
}

/** Reads the caller's own ids of a request. Ignores malformed ones. */
export function callerIds(headers: IncomingHttpHeaders): CallerIds {
  const [clientRequestId, traceId] = [wellFormed(headers['x-request-id']), traceOf(headers['traceparent'])];
  return { ...(clientRequestId !== undefined && { clientRequestId }), ...(traceId !== undefined && { traceId }) };
}

/** Headers of /graphql that must be sent once. Node.js joins some repeated headers and drops others. */
const soleHeaders: ReadonlySet<string> = new Set([
  'host',
  'authorization',
  'x-vault-token',
  'idempotency-key',
  'content-type',
]);

/** @throws 400 for a header that was sent twice. */
export function demandSoleHeaders({ rawHeaders }: IncomingMessage): void {
  const seen = new Set<string>();
  for (const [index, header] of rawHeaders.entries()) {
    const name = header.toLowerCase();
    if (index % 2 === 1 || !soleHeaders.has(name)) continue;
    if (seen.has(name))
      throw Object.assign(new Error(`two ${name} headers`), { statusCode: 400, code: duplicateHeader });
    seen.add(name);
  }
}

const duplicateHeader = 'DUPLICATE_HEADER';

/** Returns an id if it is short and safe for a log line. */
const wellFormed = (id: string | string[] | undefined): string | undefined =>
  typeof id === 'string' && /^[\w.:-]{1,100}$/.test(id) ? id : undefined;

/** Returns the trace id of a header in the W3C Trace Context format. */
function traceOf(header: string | string[] | undefined): string | undefined {
  const [, version, trace, span] =
    /^([0-9a-f]{2})-([0-9a-f]{32})-([0-9a-f]{16})-[0-9a-f]{2}$/.exec(String(header)) ?? [];
  return version === undefined || version === 'ff' || /^0+$/.test(trace ?? '') || /^0+$/.test(span ?? '')
    ? undefined
    : trace;
}

/** Computes the headers that helmet adds to every response. They never change. */
export function securityHeaders(): Readonly<Record<string, string>> {
  const headers: Record<string, string> = {};
  const answer = {
    setHeader: (name: string, value: string) => void (headers[name.toLowerCase()] = value),
    removeHeader: () => {},
  };
  const contentSecurityPolicy = {
    useDefaults: false,
    directives: { defaultSrc: ["'none'"], frameAncestors: ["'none'"] },
  };
  helmet({ contentSecurityPolicy })({} as IncomingMessage, answer as unknown as ServerResponse, () => {});
  return headers;
}

/** The milliseconds that a refused client has to close the connection. */
const lastWord = 1_000;

/** Answers a request that is not HTTP or arrives too slowly. */
export function refuseBroken(error: NodeJS.ErrnoException, socket: Socket): void {
  if (error.code === 'ECONNRESET' || !socket.writable) {
    socket.destroy();
    return;
  }
  const [status, message] = brokenBy[error.code ?? ''] ?? ['400 Bad Request', 'The request is not valid HTTP.'];
  const body = JSON.stringify({ error: message });
  socket.end(
    `HTTP/1.1 ${status}\r\ncontent-type: application/json\r\ncontent-length: ${Buffer.byteLength(body)}\r\ncache-control: no-store\r\nconnection: close\r\n\r\n${body}`,
  );
  // a client that never closes its half would keep the connection open
  setTimeout(() => socket.destroy(), lastWord).unref();
}

const brokenBy: Readonly<Record<string, readonly [status: string, message: string]>> = {
  ERR_HTTP_REQUEST_TIMEOUT: ['408 Request Timeout', 'The request was not received in time.'],
  HPE_HEADER_OVERFLOW: ['431 Request Header Fields Too Large', 'The headers are too large.'],
};

/** Accepts UTF-8 only. Refuses a body that declares another encoding or is not valid UTF-8. */
export function readOnlyUtf8(app: FastifyInstance): void {
  const parse = app.getDefaultJsonParser('error', 'error');
  app.removeAllContentTypeParsers();
  app.addContentTypeParser<Buffer>('application/json', { parseAs: 'buffer' }, (request, body, done) => {
    const [, charset = 'utf-8'] = /;\s*charset="?([^\s;"]*)/i.exec(request.headers['content-type'] ?? '') ?? [];
    if (!/^utf-?8$/i.test(charset) || !isUtf8(body)) {
      done(Object.assign(new Error('not UTF-8'), { statusCode: 415, code: notUtf8 }));
      return;
    }
    void parse(request, body.toString('utf8'), done);
  });
}

const notUtf8 = 'NOT_UTF8';

/** Returns the public error for a request that is refused before GraphQL processes it. */
export function transportProblem({ statusCode = 500, code }: FastifyError): { status: number; message: string } {
  if (statusCode >= 500) return { status: 500, message: refusals.INTERNAL };
  return { status: statusCode, message: transportProblems[code] ?? 'This address does not accept the request.' };
}

const transportProblems: Readonly<Record<string, string>> = {
  FST_ERR_CTP_BODY_TOO_LARGE: `The body is larger than ${bodyLimit / 1000} kB.`,
  FST_ERR_CTP_INVALID_MEDIA_TYPE: 'The content type must be application/json.',
  FST_ERR_CTP_EMPTY_JSON_BODY: 'The body is empty.',
  FST_ERR_CTP_INVALID_JSON_BODY: 'The body is not valid JSON.',
  [duplicateHeader]: `Send each of these headers at most once: ${[...soleHeaders].join(', ')}.`,
  [notUtf8]: 'The body must be encoded in UTF-8.',
};
