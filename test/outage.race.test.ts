import 'reflect-metadata';
import { mkdtemp, rm } from 'node:fs/promises';
import { Agent, request } from 'node:http';
import { createServer, connect, type AddressInfo, type Server as Proxy, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import pg from 'pg';
import { readConfig } from '../src/config.ts';
import { launch, start, type Service } from '../src/process/server.ts';
import { Keyring } from '../src/services/crypto/keyring.ts';
import { Caller } from './live.kit.ts';
import { startServer, type Server } from './support/server.ts';
import { smtpServer } from './support/smtp.ts';

// A separate PostgreSQL server, which is killed, restarted and cut off during requests.

let server: Server;
let folder: string;
let service: Service;
let proxy: Cut;
let token: string;

/** A proxy to the server that can be slow, or drop everything without closing connections. */
class Cut {
  readonly #sockets = new Set<Socket>();
  isCut = false;
  /** The delay of each packet in milliseconds. */
  delay = 0;
  url = '';

  constructor(private readonly proxy: Proxy) {}

  static async to(url: string): Promise<Cut> {
    const target = new URL(url);
    const cut: Cut = new Cut(
      createServer((near) => {
        const far = connect(Number(target.port), target.hostname);
        const link = { isLost: false };
        for (const [from, to] of [
          [near, far],
          [far, near],
        ] as const) {
          cut.#sockets.add(from);
          from.on('error', () => to.destroy());
          from.on('close', () => {
            cut.#sockets.delete(from);
            if (!cut.isCut) to.destroy();
          });
          const pass = cut.#passing(link, to);
          from.on('data', pass);
        }
      }),
    );
    await new Promise<void>((resolve) => void cut.proxy.listen(0, '127.0.0.1', resolve));
    cut.url = Object.assign(new URL(url), { port: String((cut.proxy.address() as AddressInfo).port) }).href;
    return cut;
  }

  /** Delivers bytes in order or not at all: after a loss, nothing more arrives on a connection. */
  #passing(link: { isLost: boolean }, to: Socket): (bytes: Buffer) => void {
    let before: Promise<unknown> = Promise.resolve();
    return (bytes) => {
      const due = performance.now() + this.delay;
      before = before.then(async () => {
        if (due > performance.now()) await setTimeout(due - performance.now());
        link.isLost ||= this.isCut;
        if (!link.isLost && to.writable) to.write(bytes);
      });
    };
  }

  close(): void {
    for (const socket of this.#sockets) socket.destroy();
    this.proxy.close();
  }
}

const environment = () => ({
  NODE_ENV: 'test',
  PORT: '0',
  LOG_LEVEL: 'silent',
  MAIL_WORKER: '0',
  SEED: '1',
  UNIONHALL_CONFIG_DIR: folder,
  LIMIT_SIGN_IN: '9999/300',
  CLEANUP_EVERY: '1',
  AUDIT_SEAL_EVERY: '1',
  REQUEST_TIMEOUT: '5',
  METRICS_PORT: '0',
});
const keyring = Keyring.parse(Keyring.generate());

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'unionhall-outage-'));
  server = await startServer();
  proxy = await Cut.to(server.url);
  service = await start(readConfig({ ...environment(), DATABASE_URL: proxy.url }), { keyring });
  const { data } = await ask(
    'mutation { login(input: { identifier: "admin", password: "unionhall-dev" }) { ... on SignedIn { accessToken } } }',
  );
  token = ((data?.['login'] ?? {}) as { accessToken: string }).accessToken;
}, 480_000);

afterAll(async () => {
  await service?.stop();
  proxy?.close();
  await server?.stop();
  if (folder) await rm(folder, { recursive: true, force: true });
});

interface Answer {
  readonly status: number;
  readonly data: Record<string, unknown> | null;
  readonly code: string | null;
  readonly retryAfter: unknown;
  readonly milliseconds: number;
  readonly text: string;
}

const agent = new Agent({ keepAlive: true });

function ask(query: string, variables: object = {}, url = service.url): Promise<Answer> {
  const begin = performance.now();
  return new Promise((resolve, reject) => {
    const headers = { 'content-type': 'application/json', ...(token && { authorization: `Bearer ${token}` }) };
    const asking = request(`${url}/graphql`, { method: 'POST', headers, agent }, (response) => {
      const parts: Buffer[] = [];
      response.on('data', (part: Buffer) => parts.push(part));
      response.once('error', reject);
      response.once('end', () => {
        const text = Buffer.concat(parts).toString();
        const { data, errors } = JSON.parse(text) as {
          data: Answer['data'];
          errors?: { extensions: { code: string; retryAfter?: number } }[];
        };
        const { code = null, retryAfter } = errors?.[0]?.extensions ?? {};
        resolve({ status: response.statusCode ?? 0, data: data ?? null, code, retryAfter, milliseconds: performance.now() - begin, text });
      });
    });
    asking.once('error', reject);
    asking.end(JSON.stringify({ query, variables }));
  });
}

const write = 'mutation ($name: String!) { createRole(input: { name: $name, displayName: "Outage", basedOn: MEMBER }) { id } }';
const read = '{ members(first: 5) { nodes { id employments { id } } } }';

/** Sends requests until it is stopped. @returns the responses, and the names whose creation was confirmed. */
function load(lanes: number): { end(): Promise<{ answers: Answer[]; acknowledged: string[] }> } {
  let isOver = false;
  const answers: Answer[] = [];
  const acknowledged: string[] = [];
  const lane = async (n: number): Promise<void> => {
    for (let round = 0; !isOver; round += 1) {
      const name = `r${n}_${round}_${Math.random().toString(36).slice(2, 10)}`;
      const answer = n % 2 === 0 ? await ask(write, { name }) : await ask(read);
      answers.push(answer);
      if (n % 2 === 0 && answer.code === null) acknowledged.push(name);
      if (answer.code !== null) await setTimeout(20);
    }
  };
  const lines = Promise.all(Array.from({ length: lanes }, (_, n) => lane(n)));
  return {
    end: async () => {
      isOver = true;
      await lines;
      return { answers, acknowledged };
    },
  };
}

async function recovered(): Promise<void> {
  for (;;) {
    const { status } = await fetch(`${service.url}/health`);
    if (status === 200) return;
    await setTimeout(50);
  }
}

/** Checks that no response took longer than allowed, and that each is correct or UNAVAILABLE. */
function demandOrderly(answers: readonly Answer[]): void {
  expect(new Set(answers.map(({ code }) => code))).toEqual(new Set([null, 'UNAVAILABLE']));
  for (const { code, retryAfter, status, text } of answers.filter((answer) => answer.code !== null)) {
    expect([code, retryAfter, [200, 503].includes(status)]).toEqual(['UNAVAILABLE', 2, true]);
    expect(text).not.toMatch(/ECONN|terminat|postgres|127\.0|administrator|timeout/i);
  }
  expect(Math.max(...answers.map(({ milliseconds }) => milliseconds))).toBeLessThan(60_000);
}

async function demandKept(names: readonly string[]): Promise<void> {
  const rows = await service.database.run('select name from roles where name = any($1::text[])', [names]);
  expect(rows).toHaveLength(names.length);
}

describe('under load, when the database server', () => {
  it.each(['SIGKILL', 'SIGINT'] as const)(
    'ends by %s and returns, all requests are answered, and all committed data exists',
    async (signal) => {
      const loading = load(8);
      await setTimeout(500);
      await server.halt(signal);
      for (;;) {
        const { status } = await fetch(`${service.url}/health`);
        if (status === 503) break;
      }
      expect((await fetch(`${service.url}/livez`)).status).toBe(200);
      expect(await ask('{ me { id } }')).toMatchObject({ code: 'UNAVAILABLE', status: 503 });
      await server.revive();
      await recovered();
      await setTimeout(300);
      const { answers, acknowledged } = await loading.end();
      demandOrderly(answers);
      expect(acknowledged.length).toBeGreaterThan(0);
      await demandKept(acknowledged);
      expect((await ask(read)).code).toBeNull();
    },
    120_000,
  );

  it('closes all sessions of its clients, the next request is answered', async () => {
    const admin = new pg.Client({ connectionString: server.url });
    await admin.connect();
    const loading = load(8);
    for (let times = 0; times < 5; times += 1) {
      await setTimeout(100);
      await admin.query(`select pg_terminate_backend(pid) from pg_stat_activity where application_name = 'unionhall'`);
    }
    await recovered();
    const { answers, acknowledged } = await loading.end();
    demandOrderly(answers);
    await demandKept(acknowledged);
    const { rows } = await admin.query<{ open: number }>(
      `select count(*)::int as open from pg_stat_activity where application_name = 'unionhall'`,
    );
    expect(rows[0]?.open).toBeLessThanOrEqual(10);
    await admin.end();
  }, 60_000);

  it('becomes read-only, as after a failover, changes fail until it is writable', async () => {
    const admin = new pg.Client({ connectionString: server.url });
    await admin.connect();
    await admin.query('alter database postgres set default_transaction_read_only = on');
    await admin.query(`select pg_terminate_backend(pid) from pg_stat_activity where application_name = 'unionhall'`);
    expect((await ask(write, { name: 'standby' })).code).toBe('UNAVAILABLE');
    expect((await fetch(`${service.url}/health`)).status).toBe(503);
    await admin.query('set default_transaction_read_only = off; alter database postgres reset default_transaction_read_only');
    await recovered();
    expect((await ask(write, { name: 'primary' })).code).toBeNull();
    await admin.end();
  }, 60_000);

  it('falls silent, requests end in time, and continue when it responds', async () => {
    const loading = load(4);
    await setTimeout(200);
    proxy.isCut = true;
    await setTimeout(6_000);
    expect((await fetch(`${service.url}/health`)).status).toBe(503);
    const metrics = await fetch(service.metricsUrl ?? '', { signal: AbortSignal.timeout(8_000) });
    expect(await metrics.text()).toMatch(/unionhall_requests_total\{type="\w+",outcome="UNAVAILABLE"\} \d/);
    proxy.isCut = false;
    await recovered();
    const { answers, acknowledged } = await loading.end();
    demandOrderly(answers);
    await demandKept(acknowledged);
    expect((await ask(read)).code).toBeNull();
  }, 60_000);
});

describe('under load, when the connection to the database', () => {
  it('is slow, requests take longer or fail with UNAVAILABLE in time, and all committed data exists', async () => {
    const loading = load(6);
    await setTimeout(200);
    proxy.delay = 300;
    const { code, milliseconds } = await ask(read);
    expect([code, milliseconds > 300]).toEqual([null, true]);
    await setTimeout(3_000);
    proxy.delay = 3_000; // longer than a request may take
    while ((await fetch(`${service.url}/health`)).status === 200) await setTimeout(50);
    expect((await ask(write, { name: 'too_slow' })).code).toBe('UNAVAILABLE');
    expect((await fetch(`${service.url}/livez`)).status).toBe(200);
    proxy.delay = 0;
    await recovered();
    const { answers, acknowledged } = await loading.end();
    demandOrderly(answers);
    expect(acknowledged.length).toBeGreaterThan(0);
    await demandKept(acknowledged);
    expect((await ask(write, { name: 'quick_again' })).code).toBeNull();
  }, 120_000);
});

describe('a subscriber to live changes', () => {
  const grievances = 'subscription { grievanceChanged { action grievance { id notes } } }';

  it('is disconnected after a database outage, reconnects, and receives events', async () => {
    const run = service.database.run;
    const [row] = await run(`select id from grievances where status = 'open' and deleted_at is null order by id limit 1`);
    const id = String(row?.['id']);
    const caller = new Caller(service.url, { authorization: `Bearer ${token}` });
    await caller.listen(grievances).ready(run, id);
    await server.halt('SIGKILL');
    expect((await ask(read)).code).toBe('UNAVAILABLE');
    await server.revive();
    expect(await caller.closed).toEqual({ code: 1012, reason: 'Changes may have been missed' });
    await recovered();
    const again = new Caller(service.url, { authorization: `Bearer ${token}` });
    const ears = await again.listen(grievances).ready(run, id);
    const update = 'mutation ($id: ID!) { updateGrievance(id: $id, input: { notes: "after the outage" }) { id } }';
    expect((await ask(update, { id })).code).toBeNull();
    expect(await ears.next()).toMatchObject({ data: { grievanceChanged: { grievance: { id, notes: 'after the outage' } } } });
    await again.hangUp();
  }, 120_000);
});

describe('a mail', () => {
  it('that is queued while the sending node has no database connection is sent afterwards', async () => {
    const mailbox = await smtpServer();
    const way = await Cut.to(server.url);
    const sender = await start(
      readConfig({ ...environment(), MAIL_WORKER: '1', DATABASE_URL: way.url, SMTP_URL: mailbox.url, MAIL_FROM: 'local@union.example' }),
      { keyring },
    );
    const reset = (email: string) => ask(`mutation { requestPasswordReset(email: "${email}") }`);
    expect((await reset('officer@unionhall.test')).code).toBeNull();
    while (mailbox.received.length < 1) await setTimeout(50);
    way.isCut = true;
    while ((await fetch(`${sender.url}/health`)).status === 200) await setTimeout(50);
    expect((await reset('staff@unionhall.test')).code).toBeNull();
    await setTimeout(8_000); // its connections have timed out meanwhile
    expect(mailbox.received).toHaveLength(1);
    way.isCut = false;
    while (mailbox.received.length < 2) await setTimeout(50);
    expect(mailbox.received.map(({ to }) => to)).toEqual(['officer@unionhall.test', 'staff@unionhall.test']);
    await sender.stop();
    way.close();
    await mailbox.close();
  }, 120_000);
});

describe('a request', () => {
  it('that takes too long is answered in time, and its database work ends', async () => {
    const admin = new pg.Client({ connectionString: server.url });
    await admin.connect();
    await admin.query('begin; lock table roles in access exclusive mode');
    const { code, milliseconds } = await ask(write, { name: 'late' });
    expect(code).toBe('UNAVAILABLE');
    expect(milliseconds).toBeLessThan(60_000);
    const waiting = `select count(*)::int as waiting from pg_stat_activity where application_name = 'unionhall' and wait_event_type = 'Lock'`;
    while ((await admin.query<{ waiting: number }>(waiting)).rows[0]?.waiting) await setTimeout(50);
    await admin.query('rollback');
    expect((await ask(write, { name: 'late' })).code).toBeNull();
    await admin.end();
  }, 60_000);

  it('whose body arrives too slowly is refused', async () => {
    const { port } = new URL(service.url);
    const socket = connect(Number(port), '127.0.0.1');
    let said = '';
    socket.on('data', (bytes: Buffer) => (said += bytes.toString())).on('error', () => undefined);
    socket.write('POST /graphql HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\ncontent-length: 100\r\n\r\n{');
    await new Promise((resolve) => socket.once('close', resolve));
    expect(said).toMatch(/^HTTP\/1\.1 408 .*\{"error":"The request was not received in time\."\}$/s);
  }, 60_000);
});

describe('jobs', () => {
  it('continue after all of this', async () => {
    const unsealed = async (): Promise<number> =>
      Number((await service.database.run('select count(*) as count from audit_backlog'))[0]?.['count']);
    expect((await ask(write, { name: 'sealed' })).code).toBeNull();
    while ((await unsealed()) > 0) await setTimeout(50);
    const refused = 'mutation { login(input: { identifier: "nobody", password: "wrong" }) { __typename } }';
    expect((await ask(refused)).code).toBe('BAD_CREDENTIALS');
  }, 60_000);
});

describe('a start', () => {
  it('waits for a missing server, and logs it', async () => {
    await server.halt('SIGINT');
    const early = await launch(readConfig({ ...environment(), DATABASE_URL: server.url }), { keyring });
    while (early.stage !== 'connecting') await setTimeout(10);
    expect((await fetch(`${early.url}/livez`)).status).toBe(200);
    expect(await ask('{ isConfigured }', {}, early.url)).toMatchObject({ code: 'UNAVAILABLE', status: 503 });
    expect(await ask('{ __typename }', {}, early.url)).toMatchObject({ code: null, status: 200 });
    await server.revive();
    const ready = await early.ready;
    expect(await (await fetch(`${ready.url}/health`)).json()).toEqual({ status: 'healthy' });
    await early.stop();
  }, 60_000);

  it('of three nodes at once migrates an empty database once', async () => {
    const admin = new pg.Client({ connectionString: server.url });
    await admin.connect();
    await admin.query('create database together');
    const url = Object.assign(new URL(server.url), { pathname: '/together' }).href;
    const config = readConfig({ ...environment(), SEED: '0', DATABASE_URL: url });
    const nodes = await Promise.all([1, 2, 3].map(() => start(config, { keyring })));
    const ran = await nodes[0]?.database.run('select name, count(*) as count from mikro_orm_migrations group by name');
    expect(ran?.length).toBeGreaterThan(0);
    expect(ran?.every(({ count }) => count === 1)).toBe(true);
    expect(new Set(nodes.map(({ setupToken }) => setupToken)).size).toBe(1);
    await Promise.all(nodes.map((node) => node.stop()));
    await admin.end();
  }, 120_000);

  it('that is stopped before it is ready ends', async () => {
    const config = readConfig({ ...environment(), DATABASE_URL: 'postgres://unionhall:x@127.0.0.1:1/unionhall' });
    const never = await launch(config, { keyring });
    expect(await never.stop()).toBe(true);
    await expect(never.ready).rejects.toThrow('stopped before it was ready');
  });

  it('that is stopped during a migration ends after it, and leaves no connection', async () => {
    const admin = new pg.Client({ connectionString: server.url });
    await admin.connect();
    await admin.query('create database stopped');
    const url = Object.assign(new URL(server.url), { pathname: '/stopped' }).href;
    const holder = new pg.Client({ connectionString: url, application_name: 'holder' });
    await holder.connect();
    await holder.query('begin; create table mikro_orm_migrations (id int)');
    const early = await launch(readConfig({ ...environment(), SEED: '0', DATABASE_URL: url }), { keyring });
    const waiting = `select 1 from pg_stat_activity where datname = 'stopped' and wait_event_type = 'Lock'`;
    while ((await admin.query(waiting)).rowCount === 0) await setTimeout(20);
    let isOver = false;
    const stopping = early.stop().finally(() => (isOver = true));
    await setTimeout(500);
    expect(isOver).toBe(false);
    await holder.query('rollback');
    expect(await stopping).toBe(true);
    await expect(early.ready).rejects.toThrow('stopped before it was ready');
    const open = `select 1 from pg_stat_activity where datname = 'stopped' and application_name <> 'holder'`;
    while ((await admin.query(open)).rowCount !== 0) await setTimeout(20); // the server notices a moment later
    await holder.end();
    await admin.end();
  }, 60_000);
});
