import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { serverDatabase } from './support/database.ts';
import { buildProgram, startProcess } from './support/process.ts';

interface Span {
  readonly name: string;
  readonly traceId: string;
  readonly spanId: string;
  readonly parentSpanId?: string;
}
interface Export {
  readonly resourceSpans: readonly { readonly scopeSpans: readonly { readonly spans: readonly Span[] }[] }[];
}

let built: ReturnType<typeof buildProgram>;
let place: Awaited<ReturnType<typeof serverDatabase>>;
let folder: string;
let collector: Server;
const bodies: string[] = [];

beforeAll(async () => {
  built = buildProgram();
  place = await serverDatabase();
  folder = await mkdtemp(join(tmpdir(), 'unionhall-tracing-'));
  collector = createServer((request, response) => {
    const parts: Buffer[] = [];
    request.on('data', (part: Buffer) => parts.push(part));
    request.on('end', () => {
      bodies.push(String(Buffer.concat(parts)));
      response.writeHead(200, { 'content-type': 'application/json' }).end('{}');
    });
  });
  await new Promise<void>((resolve) => void collector.listen(0, '127.0.0.1', resolve));
}, 180_000);

afterAll(async () => {
  collector?.closeAllConnections();
  await new Promise((resolve) => collector?.close(resolve));
  await place?.drop();
  if (folder) await rm(folder, { recursive: true, force: true });
});

it('a request is traced from HTTP to its GraphQL operation and SQL statements, in the trace of the caller', async () => {
  const service = await startProcess(built.program, {
    NODE_ENV: 'development',
    PORT: '0',
    SEED: '0',
    DATABASE_URL: place.url,
    UNIONHALL_CONFIG_DIR: join(folder, 'config'),
    AUDIT_SEAL_EVERY: '1',
    OTEL_EXPORTER_OTLP_ENDPOINT: `http://127.0.0.1:${(collector.address() as AddressInfo).port}`,
  });
  const traceId = 'c'.repeat(32);
  const headers = { 'content-type': 'application/json', traceparent: `00-${traceId}-${'d'.repeat(16)}-01` };
  const input = { identifier: 'nobody', password: 'secret-of-nobody' };
  const query = 'mutation SignIn($input: LoginInput!) { login(input: $input) { __typename } }';
  const response = await fetch(`${service.url}/graphql`, {
    method: 'POST',
    headers,
    body: JSON.stringify({ query, variables: { input } }),
  });
  await response.text();
  await service.stop();
  const spans = bodies.flatMap((body) =>
    (JSON.parse(body) as Export).resourceSpans.flatMap(({ scopeSpans }) => scopeSpans.flatMap(({ spans: each }) => each)),
  );
  const own = spans.filter((span) => span.traceId === traceId);
  const http = own.find(({ name }) => name === 'POST /graphql');
  const operation = own.find(({ name }) => name === 'mutation SignIn');
  expect(http?.parentSpanId).toBe('d'.repeat(16));
  expect(operation?.parentSpanId).toBe(http?.spanId);
  const statements = own.filter(({ name }) => /^[A-Z]+$/.test(name));
  expect(statements.some(({ parentSpanId }) => parentSpanId === operation?.spanId)).toBe(true);
  expect(bodies.join('')).not.toContain('secret-of-nobody');
}, 180_000);
