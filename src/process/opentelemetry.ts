import { createRequire } from 'node:module';
import {
  context,
  propagation,
  ROOT_CONTEXT,
  SpanKind,
  SpanStatusCode,
  trace,
  type Context,
  type Span,
} from '@opentelemetry/api';
import { AsyncLocalStorageContextManager } from '@opentelemetry/context-async-hooks';
import { W3CTraceContextPropagator } from '@opentelemetry/core';
import { OTLPTraceExporter } from '@opentelemetry/exporter-trace-otlp-http';
import { resourceFromAttributes } from '@opentelemetry/resources';
import { BatchSpanProcessor, TracerProvider } from '@opentelemetry/sdk-trace';
import pg from 'pg';
import type { Execute } from '../http/execution.ts';
import type { Trace, Tracing } from './trace.ts';
import { version } from './version.ts';

const tracer = trace.getTracer('unionhall', version);

/** Sends traces of HTTP requests, GraphQL operations, SQL statements and jobs to an OTLP endpoint. */
export function startTracing(endpoint: string): Tracing {
  const exporter = new OTLPTraceExporter({ url: `${endpoint.replace(/\/$/, '')}/v1/traces` });
  const resource = resourceFromAttributes({ 'service.name': 'unionhall', 'service.version': version });
  const provider = new TracerProvider({ resource, spanProcessors: [new BatchSpanProcessor({ exporter })] });
  trace.setGlobalTracerProvider(provider);
  context.setGlobalContextManager(new AsyncLocalStorageContextManager().enable());
  propagation.setGlobalPropagator(new W3CTraceContextPropagator());
  const restores = [...new Set([pg.Client, ormClient()])].map(traceSql);
  return {
    trace: inSpan,
    onRequest: ({ method, headers }, reply, done) => {
      const parent = propagation.extract(ROOT_CONTEXT, headers);
      const [path] = reply.request.url.split('?');
      const attributes = { 'http.request.method': method, 'url.path': path };
      const span = tracer.startSpan(
        `${method} ${reply.request.routeOptions.url ?? ''}`.trim(),
        { kind: SpanKind.SERVER, attributes },
        parent,
      );
      reply.raw.once('close', () => {
        span.setAttribute('http.response.status_code', reply.raw.statusCode);
        if (reply.raw.statusCode >= 500) span.setStatus({ code: SpanStatusCode.ERROR });
        span.end();
      });
      context.with(trace.setSpan(parent, span), done);
    },
    execute: tracedExecute,
    stop: async () => {
      for (const restore of restores) restore();
      await provider.shutdown();
    },
  };
}

const inSpan: Trace = async (name, work) => await within(tracer.startSpan(name), work);

const tracedExecute =
  (execute: Execute): Execute =>
  async (execution) => {
    const { operation, operationName } = execution;
    const type = operation?.operation ?? 'operation';
    const name = operationName ?? operation?.name?.value;
    const attributes = {
      'graphql.operation.type': type,
      ...(name !== undefined && { 'graphql.operation.name': name }),
    };
    return await within(tracer.startSpan(name === undefined ? type : `${type} ${name}`, { attributes }), () =>
      execute(execution),
    );
  };

async function within<Result>(span: Span, work: () => Promise<Result>): Promise<Result> {
  try {
    return await context.with(trace.setSpan(context.active(), span), work);
  } catch (error) {
    span.setStatus({ code: SpanStatusCode.ERROR, message: (error as Error).name });
    throw error;
  } finally {
    span.end();
  }
}

/** The client that the ORM uses: npm may install a second version of `pg` for it. */
function ormClient(): typeof pg.Client {
  const orm = createRequire(createRequire(import.meta.url).resolve('@mikro-orm/postgresql'));
  return (orm('pg') as typeof pg).Client;
}

type Query = (this: unknown, ...words: unknown[]) => unknown;

/** Adds a span to each statement of `pg`. Statements have parameters, so their text contains no values. */
function traceSql(client: typeof pg.Client): () => void {
  const prototype = client.prototype as unknown as { query: Query };
  const { query } = prototype;
  prototype.query = function traced(...words) {
    const [first] = words as [string | { readonly text?: string; readonly submit?: unknown }];
    const text = typeof first === 'string' ? first : (first?.text ?? '');
    const [verb = 'SQL'] = /\w+/.exec(text) ?? [];
    const attributes = { 'db.system.name': 'postgresql', 'db.query.text': text.slice(0, 2_000) };
    const span = tracer.startSpan(verb.toUpperCase(), { kind: SpanKind.CLIENT, attributes });
    const end = (error?: unknown): void => {
      if (error) span.setStatus({ code: SpanStatusCode.ERROR, message: (error as { code?: string }).code ?? 'error' });
      span.end();
    };
    const at = words.findLastIndex((word) => typeof word === 'function');
    if (at >= 0) words[at] = endingAfter(words[at] as Query, context.active(), end);
    const result = query.apply(this, words);
    if (result instanceof Promise) result.then(() => end(), end);
    else if (at < 0) endWithQuery(result, end);
    return result;
  };
  return () => {
    prototype.query = query;
  };
}

const endingAfter =
  (callback: Query, active: Context, end: (error?: unknown) => void): Query =>
  (error, ...results) => {
    end(error);
    return context.with(active, callback, undefined, error, ...results);
  };

/** A query object reports its own end. */
function endWithQuery(query: unknown, end: (error?: unknown) => void): void {
  const submitted = query as { handleError?: Query; handleReadyForQuery?: Query } | undefined;
  if (submitted?.handleError === undefined || submitted.handleReadyForQuery === undefined) return end();
  const { handleError, handleReadyForQuery } = submitted;
  submitted.handleError = function handled(...words) {
    end(words[0]);
    return handleError.apply(this, words);
  };
  submitted.handleReadyForQuery = function handled(...words) {
    end();
    return handleReadyForQuery.apply(this, words);
  };
}
