import 'reflect-metadata';
import { randomBytes } from 'node:crypto';
import { mkdtemp, readdir, rm, stat } from 'node:fs/promises';
import { PassThrough } from 'node:stream';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import pg from 'pg';
import { readConfig, type Config } from '../src/config.ts';
import { start } from '../src/process/server.ts';
import { Keyring } from '../src/services/crypto/keyring.ts';
import { SavedConnection } from '../src/services/setting/saved.ts';
import { changeSettings, type SettingsAction } from '../src/command/settings.ts';
import { serverThatAsks } from './support/asking.ts';
import { serverDatabase } from './support/database.ts';
import { buildProgram, runProcess } from './support/process.ts';

// Runs `npm run settings` as an operator does: on a terminal, and with one line of input.

const secret = 'hunter2-never-shown';
const keyring = Keyring.parse(Keyring.generate());
let url: string;
let input: Record<string, unknown>;
const asking = serverThatAsks();
const folders: string[] = [];
const closing: (() => Promise<unknown>)[] = [];

async function aDatabase(): Promise<string> {
  const database = await serverDatabase();
  closing.unshift(database.drop);
  return database.url;
}

const partsOf = (address: string): Record<string, unknown> => {
  const { hostname: host, port, pathname, username, password } = new URL(address);
  return { host, port: Number(port), database: pathname.slice(1), username, password: decodeURIComponent(password) || 'any' };
};

beforeAll(async () => {
  url = await aDatabase();
  input = partsOf(url);
});

afterAll(async () => {
  for (const close of closing) await close();
  await Promise.all(folders.map((each) => rm(each, { recursive: true, force: true })));
  await asking.stop();
});

async function configured(more: Record<string, string> = {}): Promise<Config> {
  const folder = await mkdtemp(join(tmpdir(), 'unionhall-settings-'));
  folders.push(folder);
  const own = { NODE_ENV: 'production', PORT: '0', LOG_LEVEL: 'silent', MAIL_WORKER: '0', HIBP_URL: 'off' };
  return readConfig({ ...own, UNIONHALL_CONFIG_DIR: join(folder, 'config'), UNIONHALL_DATA_DIR: join(folder, 'data'), ...more });
}

/** The sequences that move a terminal's cursor. */
const controls = new RegExp(`${String.fromCharCode(27)}\\[\\d*[A-Z]`, 'g');

/** Returns the content of the configuration directory, which may be empty. */
const kept = (config: Config): Promise<string[]> => readdir(config.configDirectory).catch(() => []);

interface Said {
  /** Its result, or the error message. */
  readonly answer: string;
  readonly isFailure: boolean;
  /** The result for programs. */
  readonly facts?: object | undefined;
  /** All output before that. */
  readonly shown: string;
  readonly askedForKeys: number;
}

/** Runs the command with typed answers, one per question, or with the whole text at once without a terminal. */
async function run(config: Config, word: SettingsAction, typed: string | readonly string[]): Promise<Said> {
  const [reading, writing] = [Object.assign(new PassThrough(), { isTTY: typeof typed !== 'string' }), new PassThrough()];
  let shown = '';
  let askedForKeys = 0;
  const lines = typeof typed === 'string' ? [] : [...typed];
  writing.on('data', (part: Buffer) => {
    shown += part.toString();
    // an operator at the terminal reads the question first
    if (shown.replace(controls, '').endsWith(': ')) {
      const line = lines.shift();
      if (line === '^D') reading.end();
      else if (line !== undefined) setImmediate(() => reading.write(`${line}\r`));
    }
  });
  if (typeof typed === 'string') reading.end(typed);
  const keys = (): Promise<Keyring> => {
    askedForKeys += 1;
    return Promise.resolve(keyring);
  };
  const done = changeSettings(config, keys, word, { input: reading, output: writing });
  const [answer, isFailure, facts] = await done.then(
    ({ text, facts }) => [text, false, facts] as const,
    (error: Error) => {
      // the command prints their messages, and the stack of other errors
      expect(['SettingsError', 'SilenceError']).toContain(error.name);
      return [error.message, true] as const;
    },
  );
  expect(answer + shown + JSON.stringify(facts)).not.toContain(secret);
  return { answer, isFailure, facts, shown, askedForKeys };
}

const json = (more: object = {}): string => `${JSON.stringify({ ...input, ...more })}\n`;

describe('test', () => {
  it('reports its result, and leaves nothing on either side', async () => {
    const config = await configured();
    const said = await run(config, 'test', json());
    expect(said).toMatchObject({
      answer: expect.stringMatching(/^PostgreSQL \d+.* responded in \d+ ms\. The instance has no owner yet\.$/),
      isFailure: false,
      facts: { serverVersion: expect.any(String), latencyMs: expect.any(Number), hasOwner: false, saved: false },
      shown: '',
      askedForKeys: 0,
    });
    expect(await kept(config)).toEqual([]);
    await expect(stat(config.dataDirectory)).rejects.toThrow('ENOENT');
    const client = new pg.Client({ connectionString: url });
    await client.connect();
    const { rows } = await client.query(`select relname from pg_class where relnamespace = 'public'::regnamespace`);
    await client.end();
    expect(rows).toEqual([]);
  });

  it('also works if DATABASE_URL is set', async () => {
    expect(await run(await configured({ DATABASE_URL: url }), 'test', json())).toMatchObject({ isFailure: false });
  });

  it.each<[string, object, RegExp]>([
    ['a closed port', { port: 1 }, /^Connection failed: REFUSED\. The host refused the connection: no server listens on this port\.$/],
    ['a wrong password', { password: secret }, /^Connection failed: AUTHENTICATION\. /],
    ['no such database', { database: 'none_of_that_name' }, /^Connection failed: UNKNOWN_DATABASE\. /],
    ['no encryption', { ssl: true }, /^Connection failed: TLS\. /],
    ['a link-local address', { host: '169.254.169.254' }, /^Connection failed: NOT_ALLOWED\. /],
  ])('gives the reason: %s', async (_, more, says) => {
    const config = await configured();
    expect(await run(config, 'test', json(more))).toMatchObject({ isFailure: true, answer: expect.stringMatching(says) });
    expect(await kept(config)).toEqual([]);
  });

  it.each<[string, string]>([
    ['text', secret],
    ['half of it', '{"host": "x"'],
    ['nothing in it', 'null'],
    ['an empty line', ''],
  ])('reads one line of JSON, and no %s', async (_, text) => {
    expect(await run(await configured(), 'test', `${text}\n`)).toMatchObject({
      isFailure: true,
      answer: expect.stringMatching(/^Standard input has no such JSON\. .*one line of JSON.*:\n\{"host":/),
    });
  });

  it('ends if the input ends', async () => {
    for (const typed of ['', ['localhost', '^D']])
      expect(await run(await configured(), 'test', typed)).toMatchObject({
        isFailure: true,
        answer: 'Nothing was changed: no input was given.',
      });
  });

  it('reports all invalid answers in one sentence, under their prompts', async () => {
    const wrong = { host: '/var/run', port: 'x', database: '', username: 'x'.repeat(64), password: `${secret}\0` };
    for (const text of [`${JSON.stringify(wrong)}\n`, '{}\n', '5\n']) {
      const { answer, isFailure } = await run(await configured(), 'test', text);
      expect(isFailure).toBe(true);
      expect(answer).toMatch(
        /^Invalid input: host must be .*; (port must be from 1 to 65535; )?database must have 1 to 63 characters; username must .*\.$/,
      );
      expect(answer).not.toMatch(/input\.|var\/run/);
    }
  });
});

describe('save', () => {
  it('creates the tables, saves the connection for the service only, and the next start uses it', async () => {
    const address = await aDatabase();
    const config = await configured();
    const said = await run(config, 'save', json(partsOf(address)));
    expect(said.answer).toMatch(
      /^PostgreSQL .* has no owner yet\.\nThe database is up to date\. The connection is saved and used from the next start\.$/,
    );
    expect(await kept(config)).toEqual(['db_credentials.enc']);
    expect((await stat(join(config.configDirectory, 'db_credentials.enc'))).mode & 0o777).toBe(0o600);
    const service = await start(config, { keyring });
    expect([service.place.source, service.place.server?.database]).toEqual(['saved', partsOf(address)['database']]);
    await service.stop();
    expect((await run(config, 'show', '')).answer).toMatch(/^Database: .* at .*, user .*, saved in the settings\.$/);
  });

  it('is refused if DATABASE_URL is set, before any question', async () => {
    const config = await configured({ DATABASE_URL: url });
    expect(await run(config, 'save', ['never asked'])).toEqual({
      answer: 'DATABASE_URL sets the database connection. Change it there.',
      isFailure: true,
      shown: '',
      askedForKeys: 0,
    });
  });

  it('keeps the previous connection if the new one does not work', async () => {
    const config = await configured();
    const saved = new SavedConnection(config.configDirectory, keyring, true);
    await saved.write({ host: 'before', port: 5432, database: 'd', username: 'u', password: secret, ssl: false });
    expect(await run(config, 'save', json({ port: 1 }))).toMatchObject({ isFailure: true });
    const role = `unionhall_reader_${randomBytes(4).toString('hex')}`;
    const admin = new pg.Client({ connectionString: url });
    await admin.connect();
    closing.push(async () => {
      const cleaner = new pg.Client({ connectionString: process.env['UNIONHALL_TEST_POSTGRES'] });
      await cleaner.connect();
      await cleaner.query(`drop role if exists ${role}`);
      await cleaner.end();
    });
    await admin.query(`create role ${role} login password '${secret}'; revoke all on schema public from public`);
    await admin.end();
    expect(await run(config, 'save', json({ username: role, password: secret }))).toMatchObject({
      isFailure: true,
      answer: expect.stringMatching(/^Connection failed: PRIVILEGES\. The database user may not create or use the tables\.$/),
    });
    expect(await saved.read()).toMatchObject({ host: 'before' });
  });
});

describe('on a terminal', () => {
  it('each value is prompted for, and the password is hidden', async () => {
    const config = await configured();
    const password = String(input['password']);
    const lines = [input['host'], input['port'], input['database'], input['username'], 'n', password].map(String);
    const said = await run(config, 'test', lines);
    expect(said).toMatchObject({ isFailure: false, answer: expect.stringMatching(/^PostgreSQL /) });
    const words = said.shown.replace(controls, '');
    expect(
      words
        .split(/\r?\n/)
        .map((line) => line.trim())
        .filter(Boolean),
    ).toEqual([
      `Host: ${lines[0]}`,
      `Port [5432]: ${lines[1]}`,
      `Database: ${lines[2]}`,
      `User: ${lines[3]}`,
      'Use TLS, y or n [n]: n',
      'Password (hidden):',
    ]);
  });

  it('a wrong password is also hidden, and an empty answer means the default', async () => {
    const { shown, answer } = await run(await configured(), 'test', ['127.0.0.1', '', 'd', 'u', '', `${secret}\u007f\u001b[D${secret}`]);
    expect(answer).toMatch(/^Connection failed: /);
    expect(shown).toContain('User: ');
    expect(shown).not.toMatch(/hunter2/);
  });
});

describe('show', () => {
  it('reports the current database and its source', async () => {
    const config = await configured();
    expect(await run(config, 'show', '')).toMatchObject({
      answer: `Database: embedded, in ${config.dataDirectory}.`,
      facts: { source: 'embedded', directory: config.dataDirectory },
    });
    expect(await kept(config)).toEqual([]);
    const named = await configured({ DATABASE_URL: `postgres://rosa:${secret}@db.example/local` });
    expect(await run(named, 'show', '')).toMatchObject({
      answer: 'Database: local at db.example:5432, user rosa, set by DATABASE_URL.',
      facts: { source: 'environment', host: 'db.example', port: 5432, database: 'local', username: 'rosa' },
    });
  });
});

describe('npm run settings', () => {
  it('ends with a message and exit code 1, and leaves nothing, if the input ends', async () => {
    const built = buildProgram();
    const config = await configured();
    const environment = { NODE_ENV: 'production', UNIONHALL_CONFIG_DIR: config.configDirectory, UNIONHALL_DATA_DIR: config.dataDirectory };
    for (const [words, says, hasSucceeded] of [
      [['settings'], /^Database: embedded, in .*\.\n$/, true],
      [['settings', 'test'], /Nothing was changed: no input was given\./, false],
      [['settings', 'burn'], /'burn' is invalid for argument 'action'\. Allowed choices are show, test, save\./, false],
    ] as const) {
      const ran = await runProcess(built.program, words, environment);
      expect([ran.hasSucceeded, ran.said]).toEqual([hasSucceeded, expect.stringMatching(says)]);
      expect(ran.said).not.toMatch(/\bat .*\.js/);
    }
    expect(await kept(config)).toEqual([]);
  }, 180_000);
});
