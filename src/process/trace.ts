import type { onRequestHookHandler } from 'fastify';
import type { Execute } from '../http/execution.ts';

/** Runs work inside a span of its own. */
export type Trace = <Result>(name: string, work: () => Promise<Result>) => Promise<Result>;

/** Traces of this process, if OTEL_EXPORTER_OTLP_ENDPOINT is set. */
export interface Tracing {
  /** For jobs. */
  readonly trace: Trace;
  /** Starts a span for each HTTP request, with the parent in its `traceparent` header. */
  readonly onRequest: onRequestHookHandler;
  /** Adds a span to each GraphQL operation. */
  execute(execute: Execute): Execute;
  /** Sends the spans that are still in the buffer. */
  stop(): Promise<void>;
}

/** Loads OpenTelemetry only if an endpoint is set. */
export async function tracingTo(endpoint: string | null): Promise<Tracing | null> {
  if (endpoint === null) return null;
  const { startTracing } = await import('./opentelemetry.ts');
  return startTracing(endpoint);
}
