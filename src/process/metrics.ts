import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { setTimeout } from 'node:timers/promises';
import type { Pool } from 'pg';
import { collectDefaultMetrics, Counter, Gauge, Histogram, Registry } from 'prom-client';
import { nativeClient, type Database } from '../database/open.ts';
import { droppedLines } from './log.ts';

/** The outcome of one operation. */
export interface RequestOutcome {
  /** `query`, `mutation` or `subscription`; `none` for a request without a valid operation. */
  readonly type: string;
  /** `ok`, or the code of the first error. */
  readonly outcome: string;
  /** From the request headers to the response. */
  readonly seconds: number;
  /** The root fields, by their names in the schema, with their outcomes. */
  readonly fields: readonly { readonly name: string; readonly outcome: string }[];
}

/** The Prometheus metrics of a process. Labels never contain text that a client can choose. */
export class Metrics {
  readonly registry = new Registry();
  readonly #requests = new Counter({
    name: 'unionhall_requests_total',
    help: 'GraphQL requests by operation type and outcome.',
    labelNames: ['type', 'outcome'] as const,
    registers: [this.registry],
  });
  readonly #seconds = new Histogram({
    name: 'unionhall_request_duration_seconds',
    help: 'Duration of GraphQL requests.',
    labelNames: ['type'] as const,
    buckets: [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10],
    registers: [this.registry],
  });
  readonly #authentications = new Counter({
    name: 'unionhall_authentications_total',
    help: 'Authentication operations by operation and outcome.',
    labelNames: ['operation', 'outcome'] as const,
    registers: [this.registry],
  });

  answered({ type, outcome, seconds, fields }: RequestOutcome): void {
    this.#requests.inc({ type, outcome });
    this.#seconds.observe({ type }, seconds);
    for (const field of fields)
      if (authentications.has(field.name)) this.#authentications.inc({ operation: field.name, outcome: field.outcome });
  }

  /** Adds metrics of the process (memory, processor, event loop) and of its database (connections, jobs). */
  watch(database: () => Database | undefined): void {
    collectDefaultMetrics({ register: this.registry });
    const connections = new Gauge({
      name: 'unionhall_pool_connections',
      help: 'Connections of the pool that is used for writes, and requests that wait for one.',
      labelNames: ['state'] as const,
      registers: [this.registry],
      collect: async () => {
        const pool = await poolOf(database());
        connections.set({ state: 'open' }, pool?.totalCount ?? 0);
        connections.set({ state: 'idle' }, pool?.idleCount ?? 0);
        connections.set({ state: 'waiting' }, pool?.waitingCount ?? 0);
      },
    });
    const dropped = new Counter({
      name: 'unionhall_log_lines_dropped_total',
      help: 'Log lines dropped because standard output was blocked.',
      registers: [this.registry],
      collect: () => {
        dropped.reset();
        dropped.inc(droppedLines());
      },
    });
    const jobs = new Gauge({
      name: 'unionhall_queue_jobs',
      help: 'Mails in the queue by state.',
      labelNames: ['state'] as const,
      registers: [this.registry],
      collect: async () => {
        jobs.reset();
        for (const { state, count } of await jobsOf(database())) jobs.set({ state: String(state) }, Number(count));
      },
    });
  }
}

/** The operations that are counted by name. */
export const authentications: ReadonlySet<string> = new Set([
  'login',
  'completeLogin',
  'refresh',
  'logout',
  'logoutAll',
  'reauthenticate',
  'renewSession',
  'changePassword',
  'resetPassword',
  'requestPasswordReset',
  'register',
  'setupOwner',
  'unlockVault',
]);

/** Serves metrics on a separate port without authentication. Keep that port private. */
export async function publish(
  metrics: Metrics,
  { host, port }: { readonly host: string; readonly port: number },
  database: () => Database | undefined,
): Promise<{ readonly url: string; stop(): Promise<void> }> {
  metrics.watch(database);
  const server = createServer((request, response) => {
    if (request.method !== 'GET' || request.url !== '/metrics') {
      response
        .writeHead(404, { ...noStore, 'content-type': 'application/json' })
        .end('{"error":"Nothing exists at this address."}');
      return;
    }
    void metrics.registry.metrics().then(
      (text) => response.writeHead(200, { ...noStore, 'content-type': metrics.registry.contentType }).end(text),
      () =>
        response
          .writeHead(500, { ...noStore, 'content-type': 'application/json' })
          .end('{"error":"The metrics could not be collected."}'),
    );
  });
  await new Promise<void>((resolve, reject) => void server.once('error', reject).listen(port, host, resolve));
  const { address, port: taken, family } = server.address() as AddressInfo;
  return {
    url: `http://${family === 'IPv6' ? `[${address}]` : address}:${taken}/metrics`,
    stop: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

const noStore = { 'cache-control': 'no-store' };

async function poolOf(database: Database | undefined): Promise<Pool | null> {
  return database?.engine === 'postgresql' ? await nativeClient<Pool>(database).catch(() => null) : null;
}

/**
 * The time-out of the database, in milliseconds. A scraper waits only a few seconds and would get no metrics in an
 * outage.
 */
const patience = 2_000;

async function jobsOf(database: Database | undefined): Promise<readonly Record<string, unknown>[]> {
  const counting = database?.run(
    `select state::text as state, count(*) as count from pgboss.job where name = 'mail' group by 1`,
  );
  return (await Promise.race([counting?.catch(() => []), setTimeout(patience, [], { ref: false })])) ?? [];
}
