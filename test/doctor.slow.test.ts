import 'reflect-metadata';
import { chmod, mkdir, mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { createServer, type AddressInfo, type Server, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import pg from 'pg';
import { readConfig, type Config } from '../src/config.ts';
import { migrate, openDatabase } from '../src/database/index.ts';
import { examine, type Measures } from '../src/command/doctor.ts';
import { Keyring } from '../src/services/crypto/keyring.ts';
import { SavedConnection } from '../src/services/setting/saved.ts';
import { serverThatAsks } from './support/asking.ts';
import { serverDatabase } from './support/database.ts';
import { buildProgram, runProcess } from './support/process.ts';
import { freePort } from './support/server.ts';
import { smtpServer } from './support/smtp.ts';

const secret = 'hunter2-never-shown';
const keys = Keyring.generate();

const asking = serverThatAsks();
const folders: string[] = [];
const closing: (() => unknown)[] = [];
afterAll(async () => {
  for (const close of closing) await close();
  await Promise.all(folders.map((each) => rm(each, { recursive: true, force: true })));
  await asking.stop();
});

async function folder(): Promise<string> {
  const made = await mkdtemp(join(tmpdir(), 'unionhall-doctor-'));
  folders.push(made);
  return made;
}

async function aDatabase(): Promise<string> {
  const { url, drop } = await serverDatabase();
  closing.push(drop);
  return url;
}

async function sql(url: string, text: string): Promise<Record<string, unknown>[]> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  try {
    return (await client.query<Record<string, unknown>>(text)).rows;
  } finally {
    await client.end();
  }
}

async function upToDate(url: string): Promise<string> {
  const database = await openDatabase({ databaseUrl: url, databasePoolSize: 2, dataDirectory: '' });
  await migrate(database);
  await database.close();
  return url;
}

/** Returns the configuration of a production installation, embedded by default. */
const configured = async (more: Record<string, string> = {}): Promise<Config> =>
  readConfig({
    NODE_ENV: 'production',
    UNIONHALL_KEYS: keys,
    UNIONHALL_CONFIG_DIR: await folder(),
    UNIONHALL_DATA_DIR: join(await folder(), 'data'),
    ...more,
  });

/** Returns the doctor's finding about one subject: `right` or `wrong`, and the sentence. */
async function said(config: Config, what: string, measures: Partial<Measures> = {}): Promise<string | undefined> {
  const findings = await examine(config, { patience: 500, ...measures });
  expect(JSON.stringify(findings)).not.toMatch(/hunter2|ECONN|SASL|password authentication failed|\bat .*\.ts/);
  const found = findings.find((finding) => finding.what === what);
  return found && `${found.isFault ? 'wrong' : 'right'}: ${found.says}`;
}

describe('doctor reports about the keys', () => {
  it('how many there are, and which is active', async () => {
    expect(await said(await configured(), 'Keys')).toMatch(/^right: The keyring has 1 key; \w+ is active\.$/);
    const two = `${keys},${Keyring.generate().replace(/^[^:]+/, 'older')}`;
    expect(await said(await configured({ UNIONHALL_KEYS: two }), 'Keys')).toMatch(/^right: The keyring has 2 keys; /);
  });

  it('that they are missing in production, where doctor creates no keys', async () => {
    const { keys: _, ...config } = await configured();
    expect(await said({ ...config, keys: null, mayMakeKeys: false }, 'Keys')).toMatch(/^wrong: There is no keyring\. Set UNIONHALL_KEYS/);
    expect(await readdir(config.configDirectory)).toEqual([]);
  });

  it('that a file is missing or contains no keyring, without its content', async () => {
    const place = await folder();
    expect(await said(await configured({ UNIONHALL_KEYS: join(place, 'none') }), 'Keys')).toMatch(/^wrong: .*\(ENOENT\)\.$/);
    await writeFile(join(place, 'odd'), `k1:${secret}`);
    expect(await said(await configured({ UNIONHALL_KEYS: join(place, 'odd') }), 'Keys')).toMatch(/^wrong: /);
    await mkdir(join(place, 'keys'), { mode: 0o700 });
    const { keys: _, ...config } = await configured({ UNIONHALL_CONFIG_DIR: place });
    expect(await said({ ...config, keys: null }, 'Keys')).toMatch(/^wrong: .*EISDIR/);
  });

  it('that a start would create them, and creates none itself', async () => {
    const { keys: _, ...config } = await configured();
    expect(await said({ ...config, keys: null }, 'Keys')).toMatch(/^right: /);
    expect(await readdir(config.configDirectory)).toEqual([]);
    expect(await said({ ...config, keys: null }, 'Config directory')).toMatch(/^right: /);
  });
});

describe('doctor reports about the configuration directory', () => {
  it.each(['keys', 'setup-token', 'db_credentials.enc', 'fernet.key'])('that others can read %s, and what to run', async (name) => {
    const config = await configured();
    const file = join(config.configDirectory, name);
    for (const [mode, isRight] of [
      [0o600, true],
      [0o640, false],
      [0o604, false],
    ] as const) {
      await writeFile(file, '');
      await chmod(file, mode);
      const says = await said(config, 'Config directory');
      expect(says).toBe(
        isRight
          ? `right: ${config.configDirectory} is protected from other users.`
          : `wrong: ${file} is readable by other users. Run: chmod 0600 "${file}"`,
      );
    }
  });

  it('all problems at once', async () => {
    const config = await configured();
    await chmod(config.configDirectory, 0o777);
    for (const name of ['keys', 'setup-token']) await writeFile(join(config.configDirectory, name), '', { mode: 0o644 });
    expect(await said(config, 'Config directory')).toMatch(
      /^wrong: .* is writable by other users.*chmod 0700.*\n.*keys.*\n.*setup-token.*chmod 0600/,
    );
  });

  it('that it does not exist yet', async () => {
    const config = await configured({ UNIONHALL_CONFIG_DIR: join(await folder(), 'new') });
    expect(await said(config, 'Config directory')).toMatch(/^right: .* does not exist yet/);
  });
});

describe('doctor reports about the database', () => {
  let url: string;
  beforeAll(async () => {
    url = await upToDate(await aDatabase());
  });

  it('that it is embedded, without creating it', async () => {
    const config = await configured();
    expect(await said(config, 'Database')).toMatch(/^right: The database is embedded, in /);
    expect(await said(config, 'Migrations')).toBeUndefined();
    await expect(readdir(config.dataDirectory)).rejects.toThrow('ENOENT');
  });

  it('its version, its migrations, and the difference of its clock', async () => {
    const config = await configured({ DATABASE_URL: url });
    expect(await said(config, 'Database')).toMatch(/^right: The server runs PostgreSQL \d+\.\d+.*\.$/);
    expect(await said(config, 'Migrations')).toBe('right: The database is up to date.');
    expect(await said(config, 'Clock')).toBe('right: The clock agrees with the database.');
    expect(await said(config, 'Direct connection')).toBeUndefined();
  });

  it.each<[string, (url: URL) => unknown, RegExp]>([
    [
      'there is none',
      (to) => (to.port = '1'),
      /^wrong: Connection failed: REFUSED\. The host refused the connection: no server listens on this port\.$/,
    ],
    ['the password is wrong', (to) => (to.password = secret), /^wrong: Connection failed: AUTHENTICATION\. The server rejected/],
    ['it has no such database', (to) => (to.pathname = '/none_of_that_name'), /^wrong: Connection failed: UNKNOWN_DATABASE\. /],
    ['it has no encryption', (to) => (to.search = '?sslmode=verify-full'), /^wrong: Connection failed: TLS\. /],
  ])('why it does not open: %s', async (_, change, says) => {
    const to = new URL(url);
    change(to);
    const config = await configured({ DATABASE_URL: to.href });
    expect(await said(config, 'Database')).toMatch(says);
    expect(await said(config, 'Migrations')).toBeUndefined();
  });

  it('that it is too old', async () => {
    expect(await said(await configured({ DATABASE_URL: url }), 'Database', { oldest: 990_000 })).toMatch(
      /^wrong: The server runs PostgreSQL .*; 99 or later is required\.$/,
    );
  });

  it.each([60_000, -60_000])('that the clocks differ by %s ms', async (ahead) => {
    const config = await configured({ DATABASE_URL: url });
    expect(await said(config, 'Clock', { now: () => Date.now() + ahead })).toMatch(
      /^wrong: The clock differs from the database by (59|60|61) s: /,
    );
  });

  it('the missing steps, without doing them', async () => {
    const bare = await aDatabase();
    expect(await said(await configured({ DATABASE_URL: bare }), 'Migrations')).toMatch(
      /^wrong: \d+ migrations are pending\. Run npm run db:migrate/,
    );
    const made = `select (select count(*) from pg_class where relnamespace = 'public'::regnamespace)
      + (select count(*) from pg_namespace where nspname !~ '^pg_|^information_schema$' and nspname <> 'public') as count`;
    expect(await sql(bare, made)).toEqual([{ count: '0' }]);
  });

  it('that a migration is missing or unknown', async () => {
    const other = await upToDate(await aDatabase());
    const config = await configured({ DATABASE_URL: other });
    await sql(other, 'delete from mikro_orm_migrations where name = (select max(name) from mikro_orm_migrations)');
    expect(await said(config, 'Migrations')).toMatch(/^wrong: 1 migration is pending/);
    await sql(other, `insert into mikro_orm_migrations (name) values ('Migration29990101000000')`);
    expect(await said(config, 'Migrations')).toMatch(/^wrong: The database was created by a newer version of this program/);
    expect(await sql(other, `select count(*)::int as count from audit_events`)).toEqual([{ count: 0 }]);
  });

  it('that it is read-only', async () => {
    const other = await aDatabase();
    await sql(other, `alter database "${new URL(other).pathname.slice(1)}" set default_transaction_read_only = on`);
    expect(await said(await configured({ DATABASE_URL: other }), 'Database')).toMatch(/^wrong: The server is read-only/);
  });

  it('whether the direct address works', async () => {
    const direct = async (to: string) => said(await configured({ DATABASE_URL: url, DATABASE_DIRECT_URL: to }), 'Direct connection');
    expect(await direct(url)).toBe('right: The server in DATABASE_DIRECT_URL responds.');
    expect(await direct('postgres://unionhall@127.0.0.1:1/unionhall')).toMatch(/^wrong: Connection failed: REFUSED/);
  });

  it('that the saved connection does not open, or where it leads', async () => {
    const config = await configured();
    const { hostname, port, pathname, username, password } = new URL(url);
    const server = { host: hostname, port: Number(port), database: pathname.slice(1), username, password, ssl: false };
    await new SavedConnection(config.configDirectory, Keyring.parse(keys), true).write(server);
    expect(await said(config, 'Database')).toMatch(/^right: The server runs PostgreSQL /);
    expect(await said({ ...config, keys: Keyring.generate() }, 'Database')).toMatch(/^wrong: .*db_credentials\.enc cannot be decrypted/);
    expect(await said({ ...config, keys: 'nonsense:' }, 'Database')).toMatch(
      /^wrong: The saved connection cannot be decrypted without the keyring/,
    );
  });
});

describe('doctor reports about mail', () => {
  const mail = async (url: string, more: object = {}) =>
    said(await configured({ SMTP_URL: url, MAIL_FROM: 'local@union.example', ...more }), 'Mail');

  it('that no server is set, which is only right in development', async () => {
    expect(await said(await configured(), 'Mail')).toMatch(/^wrong: SMTP_URL is not set\. Mails wait/);
    expect(await said(await configured({ NODE_ENV: 'development' }), 'Mail')).toMatch(/^right: SMTP_URL is not set/);
  });

  it('that the server accepts mail, without sending any', async () => {
    const server = await smtpServer();
    closing.push(server.close);
    expect(await mail(server.url)).toBe('right: The mail server accepts mail.');
    expect(server.received).toEqual([]);
  });

  it('that it is missing, silent, closes the connection, or refuses encryption or sign-in', async () => {
    const [silent, rude] = await Promise.all([listening(() => undefined), listening((socket) => socket.end())]);
    expect(await mail(`smtp://127.0.0.1:${await freePort()}`)).toBe('wrong: The mail server in SMTP_URL cannot be reached.');
    expect(await mail(`smtp://127.0.0.1:${silent}`)).toBe('wrong: The mail server in SMTP_URL does not respond.');
    expect(await mail(`smtp://127.0.0.1:${rude}`)).toMatch(
      /^wrong: The mail server in SMTP_URL (closes the connection|cannot be reached)\.$/,
    );
    const trusted = await smtpServer();
    const plain = await smtpServer({ disabledCommands: ['STARTTLS'] });
    closing.push(trusted.close, plain.close);
    const says = 'wrong: The mail server in SMTP_URL does not offer encryption with a trusted certificate.';
    expect(await mail(`smtp://127.0.0.1:${trusted.port}`)).toBe(says);
    expect(await mail(`smtp://127.0.0.1:${plain.port}`)).toBe(says);
    const guarded = await smtpServer({ allowInsecureAuth: true, onAuth: (_auth, _session, done) => done(new Error(`not ${secret}`)) });
    closing.push(guarded.close);
    expect(await mail(guarded.url.replace('//', `//rosa:${secret}@`))).toBe(
      'wrong: The mail server in SMTP_URL rejects the username or the password.',
    );
  });

  const servers: Server[] = [];
  const sockets: Socket[] = [];
  async function listening(answer: (socket: Socket) => unknown): Promise<number> {
    const server = createServer((socket) => {
      sockets.push(socket.on('error', () => undefined));
      answer(socket);
    });
    servers.push(server);
    closing.push(() => {
      for (const socket of sockets) socket.destroy();
      server.close();
    });
    await new Promise<void>((resolve) => void server.listen(0, '127.0.0.1', resolve));
    return (server.address() as AddressInfo).port;
  }
});

describe('doctor reports about the disk', () => {
  it('how much space is free, and whether it is enough', async () => {
    const config = await configured();
    expect(await said(config, 'Disk', { room: 1 })).toMatch(/^right: \d+ MB are free at .*unionhall-doctor-/);
    expect(await said(config, 'Disk', { room: Infinity })).toMatch(/^wrong: Only \d+ MB are free at .*: the database cannot be changed/);
    const onServer = await configured({ DATABASE_URL: await aDatabase() });
    expect(await said(onServer, 'Disk', { room: Infinity })).toMatch(
      /^wrong: .* at .*: keys and tokens cannot be saved when the disk is full\.$/,
    );
  });
});

describe('npm run doctor', () => {
  let built: ReturnType<typeof buildProgram>;
  beforeAll(() => {
    built = buildProgram();
  }, 180_000);

  const colours = new RegExp(`${String.fromCharCode(27)}\\[\\d+m`, 'g');
  const linesOf = (text: string): string[] => text.replaceAll(colours, '').trim().split('\n');
  const beginnings = (text: string): string[] =>
    linesOf(text).map((line) => line.slice(0, line.indexOf(':') === -1 ? undefined : line.indexOf(':')));

  it('reports that an embedded installation is right, and does not change it', async () => {
    const [config, data] = [await folder(), await folder()];
    const environment = { NODE_ENV: 'development', UNIONHALL_CONFIG_DIR: config, UNIONHALL_DATA_DIR: join(data, 'data') };
    const { said: text, hasSucceeded } = await runProcess(built.program, ['doctor'], environment);
    expect(hasSucceeded).toBe(true);
    expect(beginnings(text)).toEqual(['Keys', 'Config directory', 'Database', 'Mail', 'Disk'].map((what) => `ok      ${what}`));
    expect([await readdir(config), await readdir(data)]).toEqual([[], []]);
  });

  it('exits with 1 for a problem on a server, and with 0 after it is solved', async () => {
    const server = await smtpServer();
    closing.push(server.close);
    const environment = {
      NODE_ENV: 'production',
      UNIONHALL_KEYS: keys,
      UNIONHALL_CONFIG_DIR: await folder(),
      DATABASE_URL: await aDatabase(),
      SMTP_URL: server.url,
      MAIL_FROM: 'local@union.example',
    };
    const before = await runProcess(built.program, ['doctor'], environment);
    expect(before.hasSucceeded).toBe(false);
    expect(beginnings(before.said).toSorted()).toEqual(
      [
        '1 check failed.',
        ...['Clock', 'Config directory', 'Database', 'Disk', 'Keys', 'Database keys', 'Mail'].map((what) => `ok      ${what}`),
        'failed  Migrations',
      ].toSorted(),
    );
    expect((await runProcess(built.program, ['db:migrate'], environment)).hasSucceeded).toBe(true);
    const after = await runProcess(built.program, ['doctor'], environment);
    expect([after.hasSucceeded, linesOf(after.said).filter((line) => !line.startsWith('ok'))]).toEqual([true, []]);
  });
});
