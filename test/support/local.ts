import 'reflect-metadata';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll } from '@jest/globals';
import type { EntityManager } from '@mikro-orm/core';
import type { DestinationStream } from 'pino';
import { seededAccounts } from '../../seeds/account.ts';
import { giveAccountsPasswords } from '../../seeds/password.ts';
import { readConfig, type Config } from '../../src/config.ts';
import type { Database } from '../../src/database/index.ts';
import { start, type Service } from '../../src/process/server.ts';
import { PasswordHasher } from '../../src/services/crypto/hasher.ts';
import { Keyring } from '../../src/services/crypto/keyring.ts';
import { startBalancer } from './balancer.ts';
import { addressOf, freshDatabase, openAgain } from './database.ts';
import { bothWays } from './executing.ts';
import { Mailboxes, type Letter } from './mailbox.ts';

/** A GraphQL response with its status. */
export interface Answer<Data = Record<string, never>> {
  readonly status: number;
  readonly data: Data;
  readonly errors: readonly {
    message: string;
    path?: readonly (string | number)[];
    extensions: Record<string, unknown> & { code: string };
  }[];
  /** The codes of the errors in order. */
  readonly codes: readonly string[];
  readonly headers: Headers;
}

/** A caller: anonymous, or a seeded user who signs in at the first request. */
export class Actor {
  #token: Promise<string> | null = null;

  constructor(
    private readonly url: () => string,
    readonly username: string | null,
  ) {}

  /** Sends a request and returns any response. */
  async ask<Data = Record<string, never>>(
    query: string,
    variables: object = {},
    headers: Record<string, string> = {},
  ): Promise<Answer<Data>> {
    const token = await this.token();
    return post<Data>(this.url(), { query, variables }, { ...(token !== null && { authorization: `Bearer ${token}` }), ...headers });
  }

  /** Sends a request that must succeed. @throws if there are errors. */
  async see<Data>(query: string, variables: object = {}): Promise<Data> {
    const { data, errors } = await this.ask<Data>(query, variables);
    if (errors.length > 0) throw new Error(`${this.username ?? 'anonymous'} was refused: ${JSON.stringify(errors)}`);
    return data;
  }

  /** Returns the access token, after signing in if necessary; null for an anonymous caller. */
  token(): Promise<string | null> {
    if (this.username === null) return Promise.resolve(null);
    this.#token ??= this.signIn();
    return this.#token;
  }

  private async signIn(): Promise<string> {
    const password = seededAccounts.find(({ username }) => username === this.username)?.password;
    const { data, errors } = await post<{ login: { accessToken: string } }>(
      this.url(),
      {
        query: 'mutation ($input: LoginInput!) { login(input: $input) { ... on SignedIn { accessToken } } }',
        variables: { input: { identifier: this.username, password } },
      },
      {},
    );
    if (errors.length > 0) throw new Error(`${this.username} could not sign in: ${JSON.stringify(errors)}`);
    return data.login.accessToken;
  }
}

/** A clock that tests turn. */
export class Clock {
  #ahead = 0;
  #stoppedAt: number | null = null;

  readonly now = (): Date => new Date((this.#stoppedAt ?? Date.now()) + this.#ahead);

  /** Moves it forward. */
  turn(seconds: number): void {
    this.#ahead += seconds * 1000;
  }

  /** Stops the clock, so that only `turn` moves it, and a test near a limit may take any time. */
  stop(): void {
    this.#stoppedAt ??= Date.now();
  }
}

/** A running union local: the whole service on its own seeded database, with the seeded users. */
export interface Local extends Record<
  'anonymous' | 'admin' | 'officer' | 'staff' | 'organizer' | 'instructor' | 'member' | 'vp' | 'manager' | 'president' | 'testuser',
  Actor
> {
  readonly url: string;
  readonly database: Database;
  readonly keyring: Keyring;
  readonly clock: Clock;
  readonly service: Service;
  /** The directory of its keys and its set-up token. */
  readonly configDirectory: string;
  /** Returns the mails to an address so far, the latest last, each with its token. */
  mailbox(address: string): Promise<readonly Letter[]>;
  /** Returns the token of the latest mail to an address. */
  mailedToken(address: string): Promise<string>;
  /** Runs SQL with `$1` parameters, bypassing the service. */
  readonly sql: Database['run'];
  /** The text of every statement so far. */
  readonly heard: readonly string[];
}

export interface LocalOptions {
  /** `postgresql` for tests that need a real server: races, isolation, time-outs. */
  readonly engine?: 'default' | 'embedded' | 'postgresql';
  /**
   * Executes every query in both ways, and fails if the answers differ. On in the full run, unless a test turns it off.
   */
  readonly comparesExecutions?: boolean;
  /** Environment variables of the service. */
  readonly environment?: Readonly<Record<string, string>>;
  /** Receives the log lines; LOG_LEVEL sets the level. */
  readonly logTo?: DestinationStream;
}

const running: { stop(): Promise<unknown> }[] = [];

/**
 * Fewer iterations for keys from passwords than a configuration allows, unless the test sets them, and so few values
 * per transaction of a rotation that most take several.
 */
export const hurried = (config: Config, { PBKDF2_ITERATIONS }: Readonly<Record<string, string>>): Config =>
  PBKDF2_ITERATIONS === undefined
    ? { ...config, sessions: { ...config.sessions, keyIterations: 1000 }, vault: { ...config.vault, batch: 3 } }
    : config;

/**
 * Hashes each password once, because all seeded ones are equal and each hash occupies a core as long as a sign-in does.
 */
export function hashedOnce(hasher: PasswordHasher): (password: string) => Promise<string> {
  const hashes = new Map<string, Promise<string>>();
  return (password) => {
    const hash = hashes.get(password) ?? hasher.hash(password);
    hashes.set(password, hash);
    return hash;
  };
}

/** No periodic jobs, and no time-out that a busy machine could reach. */
export const quiet = { CLEANUP_EVERY: '86400', AUDIT_SEAL_EVERY: '86400', REQUEST_TIMEOUT: '300' };

/** All users of a test sign in from one address. */
const plenty = '1000/300';

const folders: string[] = [];

afterAll(async () => {
  for (const each of running.splice(0)) await each.stop();
  await Promise.all(folders.splice(0).map((folder) => rm(folder, { recursive: true, force: true })));
});

/** Starts a local, and stops it after the tests of the file. */
export async function aLocal({
  engine = 'default',
  environment = {},
  comparesExecutions = process.env['UNIONHALL_TEST_FULL'] === '1',
  logTo,
}: LocalOptions = {}): Promise<Local> {
  const configDirectory = await mkdtemp(join(tmpdir(), 'unionhall-config-'));
  folders.push(configDirectory);
  const own = { NODE_ENV: 'test', PORT: '0', LOG_LEVEL: 'silent', UNIONHALL_CONFIG_DIR: configDirectory, MAIL_WORKER: '0' };
  const config = hurried(readConfig({ ...own, ...quiet, LIMIT_SIGN_IN: plenty, LIMIT_TOKEN: plenty, ...environment }), environment);
  const keyring = Keyring.parse(Keyring.generate());
  const heard: string[] = [];
  const database = await freshDatabase({ seeded: true, engine, onStatement: (text) => heard.push(text) });
  const hasher = new PasswordHasher(keyring, config.passwordCost);
  await giveAccountsPasswords(database.orm.em as EntityManager, hashedOnce(hasher));
  const clock = new Clock();
  const given = { ...(comparesExecutions && { execute: bothWays }), ...(logTo && { logTo }) };
  const service = await start(config, { database, keyring, now: clock.now, ...given });
  running.push(service);
  const door = isBalanced(engine) ? await balanced(service, { config, keyring, now: clock.now }) : service.url;
  const url = (): string => `${door}/graphql`;
  const mailboxes = new Mailboxes({ database, keyring, now: clock.now });
  const actors = Object.fromEntries(seededAccounts.map(({ username }) => [username, new Actor(url, username)]));
  return {
    ...actors,
    anonymous: new Actor(url, null),
    url: door,
    database,
    keyring,
    clock,
    service,
    configDirectory: config.configDirectory,
    mailbox: (address: string) => mailboxes.of(address),
    mailedToken: (address: string) => mailboxes.tokenOf(address),
    sql: database.run,
    heard,
  } as unknown as Local;
}

/** Whether the run has two nodes behind a load balancer, for tests on a server. */
const isBalanced = (engine: LocalOptions['engine']): boolean =>
  engine === 'postgresql' && process.env['UNIONHALL_TEST_BALANCER'] === 'haproxy';

/** Starts a second node on the same database, and HAProxy before both. @returns its address. */
async function balanced(
  { database, url }: Service,
  { config, keyring, now }: { config: Config; keyring: Keyring; now: () => Date },
): Promise<string> {
  const [row] = await database.run('select current_database() as name');
  const second = await start(config, { database: await openAgain(addressOf(String(row?.['name']))), keyring, now });
  const balancer = await startBalancer([url, second.url]);
  // stopping the first node drops its database
  running.unshift(balancer, second);
  return balancer.url;
}

async function post<Data>(url: string, body: object, headers: Record<string, string>): Promise<Answer<Data>> {
  const response = await fetch(url, {
    method: 'POST',
    headers: { 'content-type': 'application/json', ...headers },
    body: JSON.stringify(body),
  });
  const { data, errors = [] } = (await response.json()) as { data: Data; errors?: Answer['errors'] };
  return { status: response.status, data, errors, codes: errors.map(({ extensions }) => extensions.code), headers: response.headers };
}
