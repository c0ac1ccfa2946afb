import { randomBytes } from 'node:crypto';
import { mkdtemp, readdir, readFile, rename, rm, stat, writeFile, chmod } from 'node:fs/promises';
import { createServer, type AddressInfo, type Server, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import pg from 'pg';
import { readConfig } from '../src/config.ts';
import { caseChannel } from '../src/entities/case.ts';
import type { DatabaseConnection } from '../src/entities/setting.ts';
import { launch, start, type Service } from '../src/process/server.ts';
import { Keyring } from '../src/services/crypto/keyring.ts';
import { RestrictedSocket, mayConnectTo } from '../src/services/setting/address.ts';
import { readConnection, urlOf } from '../src/services/setting/input.ts';
import { SavedConnection, SavedError } from '../src/services/setting/saved.ts';
import { version } from '../src/process/version.ts';
import { Caller, notify } from './live.kit.ts';
import { serverThatAsks } from './support/asking.ts';
import { serverDatabase } from './support/database.ts';
import { aLocal, type Local } from './support/local.ts';

const asking = serverThatAsks();
const folders: string[] = [];
const folder = async (): Promise<string> => {
  const made = await mkdtemp(join(tmpdir(), 'unionhall-setting-'));
  folders.push(made);
  return made;
};
const servers: Server[] = [];
const sockets = new Set<Socket>();
const services: { stop(): Promise<unknown> }[] = [];
const databases: { drop(): Promise<void> }[] = [];
afterAll(async () => {
  await Promise.all(services.map((service) => service.stop()));
  for (const socket of sockets) socket.destroy();
  for (const server of servers) server.close();
  await Promise.all(databases.map((database) => database.drop()));
  await Promise.all(folders.map((each) => rm(each, { recursive: true, force: true })));
  await asking.stop();
});

/** Starts a server that treats each connection with this function. @returns its port. */
async function listening(answer: (socket: Socket) => void): Promise<number> {
  const server = createServer((socket) => {
    sockets.add(socket.on('error', () => undefined));
    answer(socket);
  });
  servers.push(server);
  await new Promise<void>((resolve) => void server.listen(0, '127.0.0.1', resolve));
  return (server.address() as AddressInfo).port;
}

async function emptyServer(): Promise<DatabaseConnection> {
  const database = await serverDatabase();
  databases.push(database);
  return connectionTo(database.url);
}

function connectionTo(url: string): DatabaseConnection {
  const { hostname, port, pathname, username, password } = new URL(url);
  return {
    host: hostname,
    port: Number(port),
    database: pathname.slice(1),
    username,
    password: decodeURIComponent(password),
    ssl: false,
  };
}

const connectionShown = (url: string): object => {
  const { host, port, database, username } = connectionTo(url);
  return { source: 'SAVED', host, port, database, username, isReady: true };
};

const secret = 'hunter2-never-shown';
const nowhere = { host: '127.0.0.1', port: 1, database: 'unionhall', username: 'unionhall', password: secret };

const test = `mutation ($input: ConnectionInput!, $token: String) {
  testConnection(input: $input, setupToken: $token) { status reason message serverVersion hasOwner latencyMs }
}`;
const save = `mutation ($input: ConnectionInput!, $token: String) {
  saveConnection(input: $input, setupToken: $token) {
    status reason message connection { source host port database username serverVersion isReady }
  }
}`;

interface Answer {
  readonly status: number;
  readonly data: Record<string, Record<string, unknown>> | null;
  readonly codes: readonly string[];
  readonly text: string;
}

async function ask(url: string, query: string, variables: object = {}, more: Record<string, string> = {}): Promise<Answer> {
  const headers = { 'content-type': 'application/json', ...more };
  const response = await fetch(`${url}/graphql`, { method: 'POST', headers, body: JSON.stringify({ query, variables }) });
  const text = await response.text();
  const { data, errors = [] } = JSON.parse(text) as { data: Answer['data']; errors?: { extensions: { code: string } }[] };
  return { status: response.status, data, codes: errors.map(({ extensions }) => extensions.code), text };
}

describe('addresses', () => {
  it.each([
    ['169.254.169.254', false],
    ['169.254.0.1', false],
    ['::ffff:169.254.169.254', false],
    ['::ffff:a9fe:a9fe', false],
    ['64:ff9b::a9fe:a9fe', false],
    ['fe80::1', false],
    ['fe80::1%lo', false],
    ['fd00:ec2::254', false],
    ['100.100.100.200', false],
    ['168.63.129.16', false],
    ['0.0.0.0', false],
    ['::', false],
    ['224.0.0.1', false],
    ['255.255.255.255', false],
    ['ff02::1', false],
    ['no address', false],
    ['127.0.0.1', true],
    ['::1', true],
    ['10.1.2.3', true],
    ['192.168.1.10', true],
    ['169.253.255.255', true],
    ['169.255.0.1', true],
    ['203.0.113.7', true],
    ['2001:db8::1', true],
    ['fd12:3456::1', true],
  ])('%s: %s', (address, isAllowed) => {
    expect(mayConnectTo(address)).toBe(isAllowed);
  });

  it('are checked when the connection is opened, for any name', async () => {
    for (const given of [[5432, '169.254.169.254'], [5432, '2852039166'], [5432, '0xa9fea9fe'], ['/tmp/.s.PGSQL.5432'], [{ port: 1 }]])
      await expect(new Promise((_, reject) => void new RestrictedSocket().once('error', reject).connect(...given))).rejects.toMatchObject({
        code: 'FORBIDDEN_ADDRESS',
      });
  });
});

describe('a saved connection', () => {
  const connection: DatabaseConnection = { ...nowhere, host: 'db.example', port: 5433, ssl: true };
  const keyring = Keyring.parse(Keyring.generate());

  it.each([
    [false, ['db_credentials.enc', 'fernet.key']],
    [true, ['db_credentials.enc']],
  ])('sealed: %s, is readable only for the service, and reveals nothing', async (isSealed, files) => {
    const directory = join(await folder(), 'new');
    const saved = new SavedConnection(directory, keyring, isSealed);
    expect(await saved.read()).toBeNull();
    await saved.write({ ...connection, host: 'before' });
    await saved.write(connection);
    expect(await new SavedConnection(directory, keyring, !isSealed).read()).toEqual(connection);
    expect((await readdir(directory)).sort()).toEqual(files);
    expect((await stat(directory)).mode & 0o777).toBe(0o700);
    for (const file of files) {
      expect((await stat(join(directory, file))).mode & 0o777).toBe(0o600);
      const text = await readFile(join(directory, file), 'latin1');
      expect(text).not.toMatch(/hunter2|db\.example|unionhall/);
      expect(Buffer.from(text, 'base64url').toString('latin1')).not.toMatch(/hunter2|db\.example/);
    }
  });

  it('is refused, and not ignored, if it does not open or others can read it', async () => {
    const directory = await folder();
    const saved = new SavedConnection(directory, keyring, true);
    await saved.write(connection);
    await expect(new SavedConnection(directory, Keyring.parse(Keyring.generate()), true).read()).rejects.toThrow(SavedError);
    const file = join(directory, 'db_credentials.enc');
    await chmod(file, 0o640);
    await expect(saved.read()).rejects.toThrow(/chmod 0600/);
    await chmod(file, 0o600);
    await writeFile(file, 'gAAAAA==');
    await expect(saved.read()).rejects.toThrow(/fernet\.key.* is missing/);
  });

  it('moves to the active system key, and is unchanged if it already uses it or does not open', async () => {
    const directory = await folder();
    const [before, after] = [Keyring.generate(), Keyring.generate()];
    const under = (...keys: string[]) => new SavedConnection(directory, Keyring.parse(keys.join(',')), true);
    expect(await under(after, before).renew()).toBe(false);
    await under(before).write(connection);
    await expect(under(after).renew()).rejects.toThrow(SavedError);
    expect([await under(before).renew(), await under(after, before).renew(), await under(after, before).renew()]).toEqual([
      false,
      true,
      false,
    ]);
    expect(await under(after).read()).toEqual(connection);
    const unsealed = new SavedConnection(await folder(), Keyring.parse(before), false);
    await unsealed.write(connection);
    expect(await unsealed.renew()).toBe(false);
  });

  it('keeps the previous one if it cannot be written', async () => {
    const file = join(await folder(), 'file');
    await writeFile(file, '');
    await expect(new SavedConnection(join(file, 'directory'), keyring, true).write(connection)).rejects.toThrow(SavedError);
  });

  it('becomes a URL in which no part can be mistaken for another', () => {
    const odd = { ...nowhere, host: '::1', username: 'a:b@c', password: 'p/?#@ ü%', database: 'd/e', ssl: true };
    const url = new URL(urlOf(odd));
    expect([url.hostname, url.port, url.search]).toEqual(['[::1]', '1', '?sslmode=verify-full']);
    expect([url.username, url.password, url.pathname.slice(1)].map(decodeURIComponent)).toEqual([odd.username, odd.password, odd.database]);
  });
});

describe('an input', () => {
  it('gets all its problems reported, without values', () => {
    const wrong = { host: '/var/run', port: 0, database: '', username: 'x'.repeat(64), password: `${secret}\0` };
    expect(() => readConnection(wrong)).toThrow(/input\.host .*input\.port .*input\.database .*input\.username .*input\.password /);
    expect(() => readConnection(wrong)).not.toThrow(/hunter2|var\/run/);
  });
});

describe('an instance without an owner', () => {
  let local: Local;
  let token: string;
  const events = () =>
    local.sql(
      `select action, outcome, reason from audit_events where action like 'setting.%' or action like '%Connection' or action = 'settings' order by id`,
    );
  const counted = () => local.sql('select action, outcome, reason, actor_id from denials order by at, action');
  const ports: Record<string, number> = {};
  beforeAll(async () => {
    local = await aLocal({ environment: { LIMIT_CONNECTION: '100/60' } });
    token = local.service.setupToken ?? '';
    ports['greets'] = await listening((socket) => void socket.write('SSH-2.0-OpenSSH_9.2\r\n'));
    ports['speaks HTTP'] = await listening((socket) => void socket.once('data', () => socket.end('HTTP/1.1 400 Bad Request\r\n\r\n')));
    ports['hangs up'] = await listening((socket) => void socket.end());
    ports['is silent'] = await listening(() => undefined);
    ports['has no TLS'] = await listening((socket) => void socket.once('data', () => socket.write('N')));
  });

  it.each<[string, object, string]>([
    ['a closed port', {}, 'REFUSED'],
    ['a link-local address', { host: '169.254.169.254', port: 80 }, 'NOT_ALLOWED'],
    ['a link-local address as one number', { host: '2852039166' }, 'NOT_ALLOWED'],
    ['a name that is none', { host: 'nowhere.invalid' }, 'UNREACHABLE'],
    ['what greets', { port: 'greets' }, 'NOT_POSTGRESQL'],
    ['what speaks HTTP', { port: 'speaks HTTP' }, 'NOT_POSTGRESQL'],
    ['what hangs up', { port: 'hangs up' }, 'NOT_POSTGRESQL'],
    ['a black hole', { port: 'is silent' }, 'TIMEOUT'],
    ['a server without TLS', { port: 'has no TLS', ssl: true }, 'TLS'],
  ])('tests %s, and gives the reason', async (_, given: { port?: number | string }, reason) => {
    const before = await readdir(local.configDirectory);
    const port = typeof given.port === 'string' ? ports[given.port] : (given.port ?? 1);
    const answer = await ask(local.url, test, { input: { ...nowhere, ...given, port }, token });
    expect(answer.data?.['testConnection']).toEqual({
      status: 'FAILED',
      reason,
      message: `Connection failed: ${reason}`,
      serverVersion: null,
      hasOwner: null,
      latencyMs: null,
    });
    expect(answer.text).not.toContain(secret);
    expect(await readdir(local.configDirectory)).toEqual(before);
    expect(await counted()).toContainEqual({ action: 'setting.test', outcome: 'failed', reason: reason.toLowerCase(), actor_id: null });
  });

  it('tests a PostgreSQL server: its user, its database, and its content', async () => {
    const input = await emptyServer();
    const tested = async (more: object) => (await ask(local.url, test, { input: { ...input, ...more }, token })).data?.['testConnection'];
    expect(await tested({})).toEqual({
      status: 'OK',
      reason: null,
      message: null,
      serverVersion: expect.stringMatching(/^\d+/),
      hasOwner: false,
      latencyMs: expect.any(Number),
    });
    expect(await tested({ password: secret })).toMatchObject({ reason: 'AUTHENTICATION' });
    expect(await tested({ database: 'nothing_of_that_name' })).toMatchObject({ reason: 'UNKNOWN_DATABASE' });
    expect(await tested({ ssl: true })).toMatchObject({ reason: 'TLS' });
  });

  it('refuses callers without the token or the permission, with an event each if signed in, else a count', async () => {
    const count = (await events()).length;
    const wrong = { input: nowhere, token: `sut1.${'A'.repeat(43)}` };
    expect((await ask(local.url, test, wrong)).codes).toEqual(['BAD_CREDENTIALS']);
    expect((await ask(local.url, save, wrong)).codes).toEqual(['BAD_CREDENTIALS']);
    expect((await local.anonymous.ask(test, { input: nowhere })).codes).toEqual(['UNAUTHENTICATED']);
    for (let times = 0; times < 2; times += 1) expect((await local.officer.ask(save, { input: nowhere })).codes).toEqual(['FORBIDDEN']);
    while ((await events()).length < count + 2) await new Promise(setImmediate);
    expect(
      (await events())
        .slice(count)
        .map(({ action, outcome, reason }) => `${action} ${outcome} ${reason}`)
        .sort(),
    ).toEqual(['saveConnection denied forbidden', 'saveConnection denied forbidden']);
    const refusals = async () => (await counted()).map(({ action, outcome, reason }) => `${action} ${outcome} ${reason}`);
    while (!(await refusals()).includes('testConnection denied unauthenticated')) await new Promise(setImmediate);
    expect(await refusals()).toEqual(
      expect.arrayContaining(['setting.save denied wrong_setup_token', 'setting.test denied wrong_setup_token']),
    );
    expect((await local.officer.ask('{ settings { version } }')).codes).toEqual(['FORBIDDEN']);
    while ((await events()).length === count + 2) await new Promise(setImmediate);
    expect((await events()).at(-1)).toEqual({ action: 'settings', outcome: 'denied', reason: 'forbidden' });
  });

  it('requires step-up from an admin, and shows the current database', async () => {
    expect((await local.admin.ask(test, { input: nowhere })).codes).toEqual([]);
    const { settings } = await local.admin.see<{ settings: Record<string, unknown> }>(
      '{ settings { connection { source host port database username isReady } configDirectory mailConfigured version } }',
    );
    expect(settings).toEqual({
      connection: { source: 'EMBEDDED', host: null, port: null, database: null, username: null, isReady: true },
      configDirectory: local.configDirectory,
      mailConfigured: false,
      version,
    });
    expect(JSON.parse(await readFile('package.json', 'utf8'))).toMatchObject({ version });
    local.clock.turn(700);
    expect((await local.admin.ask(test, { input: nowhere })).codes).toEqual(['STEP_UP_REQUIRED']);
    expect((await local.admin.ask(save, { input: nowhere })).codes).toEqual(['STEP_UP_REQUIRED']);
  });
});

describe('a service', () => {
  const environment = async (more: object = {}) => ({
    NODE_ENV: 'production',
    PORT: '0',
    LOG_LEVEL: 'silent',
    MAIL_WORKER: '0',
    HIBP_URL: 'off',
    UNIONHALL_CONFIG_DIR: await folder(),
    UNIONHALL_DATA_DIR: join(await folder(), 'data'),
    ...more,
  });
  const isConfigured = '{ isConfigured }';

  it('starts embedded, moves to a server, stays there after a restart, and waits if that server is gone', async () => {
    const said: string[] = [];
    const variables = await environment();
    const config = readConfig(variables);
    const service: Service = await start(config, { announce: (text) => said.push(text) });
    services.push(service);
    const token = service.setupToken ?? '';
    const refused = await ask(service.url, save, { input: nowhere, token });
    expect(refused.data?.['saveConnection']).toMatchObject({
      status: 'FAILED',
      reason: 'REFUSED',
      connection: { source: 'EMBEDDED', isReady: true },
    });
    expect(await readdir(config.configDirectory)).toEqual(['keys', 'setup-token']);

    const input = await emptyServer();
    const { password: _, ssl, ...shown } = input;
    expect(ssl).toBe(false);
    const moved = await ask(service.url, save, { input, token });
    expect(moved.data?.['saveConnection']).toEqual({
      status: 'SAVED',
      reason: null,
      message: null,
      connection: { source: 'SAVED', ...shown, serverVersion: expect.any(String), isReady: true },
    });
    expect(moved.text).not.toContain(input.password);
    expect(said).toEqual([expect.stringContaining(service.setupToken ?? 'no token')]);
    expect(service.setupToken).not.toBe(token);
    expect(service.database.engine).toBe('postgresql');
    expect((await ask(service.url, test, { input: nowhere, token })).codes).toEqual(['BAD_CREDENTIALS']);
    expect((await ask(service.url, isConfigured)).data).toEqual({ isConfigured: false });
    await service.stop();

    const again = await start(config);
    expect([again.place.source, again.setupToken]).toEqual(['saved', service.setupToken]);
    await again.stop();

    await databases.pop()?.drop();
    const lost = await launch(config, { announce: (text) => said.push(text) });
    services.push(lost);
    const health = await fetch(`${lost.url}/health`);
    expect([health.status, await health.json()]).toEqual([503, { status: 'unhealthy', error: expect.any(String) }]);
    expect((await fetch(`${lost.url}/livez`)).status).toBe(200);
    expect(await ask(lost.url, isConfigured)).toMatchObject({ status: 503, codes: ['UNAVAILABLE'] });
    while (said.length < 2) await new Promise((resolve) => setTimeout(resolve, 20));
    const [, fresh = ''] = /(sut1\.\S+)$/.exec(said[1] ?? '') ?? [];
    expect(said[1]).toContain('UNKNOWN_DATABASE');
    expect((await ask(lost.url, test, { input: nowhere, token: `${fresh}x` })).codes).toEqual(['BAD_CREDENTIALS']);
    const other = await emptyServer();
    expect((await ask(lost.url, test, { input: other, token: fresh })).data?.['testConnection']).toMatchObject({ status: 'OK' });
    expect((await ask(lost.url, save, { input: other, token: fresh })).data?.['saveConnection']).toMatchObject({ status: 'SAVED' });
    expect((await lost.ready).place.server?.database).toBe(other.database);
    expect((await fetch(`${lost.url}/health`)).status).toBe(200);
    expect((await ask(lost.url, isConfigured)).data).toEqual({ isConfigured: false });
  });

  it('stays at DATABASE_URL, and says so', async () => {
    const database = await serverDatabase();
    databases.push(database);
    const service = await start(readConfig(await environment({ DATABASE_URL: database.url })));
    services.push(service);
    const token = service.setupToken ?? '';
    expect((await ask(service.url, save, { input: await emptyServer(), token })).codes).toEqual(['CONFLICT']);
    expect(service.place.source).toBe('environment');
    await service.stop();
  });

  it('allows a limited number of tests a minute, also without a database to count in', async () => {
    const keys = Keyring.generate();
    const variables = await environment({ LIMIT_CONNECTION: '2/60', UNIONHALL_KEYS: keys });
    const config = readConfig(variables);
    await new SavedConnection(config.configDirectory, Keyring.parse(keys), true).write({ ...nowhere, ssl: false });
    let said = '';
    const lost = await launch(config, { announce: (text) => (said = text) });
    services.push(lost);
    while (said === '') await new Promise((resolve) => setTimeout(resolve, 20));
    const token = /(sut1\.\S+)$/.exec(said)?.[1];
    expect(said).not.toContain(secret);
    for (const codes of [[], [], ['RATE_LIMITED']]) expect((await ask(lost.url, test, { input: nowhere, token })).codes).toEqual(codes);
  });

  it('ends a start that cannot succeed with a message only', async () => {
    const { port, host } = await emptyServer();
    const config = readConfig(await environment({ DATABASE_URL: `postgres://postgres:${secret}@${host}:${port}/postgres` }));
    await expect(start(config)).rejects.toThrow(/^Connection failed: AUTHENTICATION\. Correct DATABASE_URL\.$/);
  });

  it('disconnects subscribers when it moves; they reconnect, and receive changes of the new database', async () => {
    const first = await serverDatabase();
    databases.push(first);
    const variables = { NODE_ENV: 'test', SEED: '1', UNIONHALL_KEYS: Keyring.generate() };
    const config = readConfig(await environment(variables));
    const saved = new SavedConnection(config.configDirectory, Keyring.parse(variables.UNIONHALL_KEYS), false);
    await saved.write(connectionTo(first.url));
    const before = await start(config);
    const login = 'mutation { login(input: { identifier: "admin", password: "unionhall-dev" }) { ... on SignedIn { accessToken } } }';
    const token = String((await ask(before.url, login)).data?.['login']?.['accessToken']);
    await before.stop();
    // the same users and sessions on another server, like a restored backup
    const second = await serverDatabase(new URL(first.url).pathname.slice(1));
    databases.push(second);

    const service = await start(config);
    services.push(service);
    const params = { authorization: `Bearer ${token}` };
    const changes = 'subscription { grievanceChanged { action grievance { id } } }';
    const id = String((await service.database.run(`select id from grievances where deleted_at is null order by id limit 1`))[0]?.['id']);
    const caller = new Caller(service.url, params);
    await caller.listen(changes).ready(service.database.run, id);
    const moved = await ask(service.url, save, { input: connectionTo(second.url) }, params);
    expect(moved.data?.['saveConnection']).toMatchObject({ status: 'SAVED', connection: connectionShown(second.url) });
    expect(await caller.closed).toEqual({ code: 1012, reason: 'Changes may have been missed' });

    const again = new Caller(service.url, params);
    const ears = await again.listen(changes).ready(service.database.run, id);
    const other = new pg.Client({ connectionString: first.url });
    await other.connect();
    const told = JSON.stringify({ kind: 'Grievance', id, action: 'settle' });
    await other.query('select pg_notify($1, $2)', [caseChannel, told]);
    expect(await ears.fence(service.database.run, id)).toEqual([]); // the previous database sends no more notifications
    await notify(service.database.run, 'Grievance', id, 'settle');
    expect(await ears.next()).toMatchObject({ data: { grievanceChanged: { action: 'SETTLE', grievance: { id } } } });
    await again.hangUp();
    const left = `select 1 from pg_stat_activity where datname = current_database() and application_name like 'unionhall%'`;
    while ((await other.query(left)).rowCount) await new Promise((resolve) => setTimeout(resolve, 20));
    await other.end();
  });

  it('does not report a move if the connection cannot be saved, and stays', async () => {
    const config = readConfig(await environment({ NODE_ENV: 'test', SEED: '1' }));
    const service = await start(config);
    services.push(service);
    const login = 'mutation { login(input: { identifier: "admin", password: "unionhall-dev" }) { ... on SignedIn { accessToken } } }';
    const authorization = `Bearer ${(await ask(service.url, login)).data?.['login']?.['accessToken']}`;
    // a file in place of the directory, where not even root can write
    await rename(config.configDirectory, `${config.configDirectory}.away`);
    await writeFile(config.configDirectory, '');
    const refused = await ask(service.url, save, { input: await emptyServer() }, { authorization });
    await rm(config.configDirectory);
    await rename(`${config.configDirectory}.away`, config.configDirectory);
    expect(refused.codes).toEqual(['CONFLICT']);
    expect(await service.database.run(`select outcome from audit_events where action = 'setting.save'`)).toEqual([]);
  });

  it('that is stopped while it moves ends on both databases', async () => {
    const service = await start(readConfig(await environment()));
    services.push(service);
    const [input, admin] = [await emptyServer(), new pg.Client({ connectionString: process.env['UNIONHALL_TEST_POSTGRES'] })];
    await admin.connect();
    const there = `select 1 from pg_stat_activity where datname = '${input.database}' and application_name like 'unionhall%'`;
    const moving = ask(service.url, save, { input, token: service.setupToken });
    while ((await admin.query(there)).rowCount === 0) await new Promise(setImmediate);
    expect(await service.stop()).toBe(true);
    expect((await moving).data?.['saveConnection']).toMatchObject({ status: 'SAVED' });
    // a server process ends a moment after its connection
    while ((await admin.query(there)).rowCount !== 0) await new Promise((resolve) => setTimeout(resolve, 20));
    await admin.end();
  });

  it('says what to do if the user of DATABASE_URL cannot create the tables', async () => {
    const database = await serverDatabase();
    databases.push(database);
    const role = `unionhall_reader_${randomBytes(4).toString('hex')}`;
    const admin = new pg.Client({ connectionString: database.url });
    await admin.connect();
    await admin.query(`create role ${role} login password 'x'; revoke all on schema public from public`);
    const url = Object.assign(new URL(database.url), { username: role, password: 'x' }).href;
    const starting = environment({ DATABASE_URL: url }).then((variables) => start(readConfig(variables)));
    await expect(starting).rejects.toThrow(
      /^The user in DATABASE_URL lacks the database privileges .* create the tables: npm run db:migrate/,
    );
    await admin.query(`drop role ${role}`);
    await admin.end();
  });
});
