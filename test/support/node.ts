import 'reflect-metadata';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll } from '@jest/globals';
import type { EntityManager } from '@mikro-orm/core';
import { giveAccountsPasswords } from '../../seeds/password.ts';
import { readConfig } from '../../src/config.ts';
import type { Database } from '../../src/database/index.ts';
import { start } from '../../src/process/server.ts';
import { PasswordHasher } from '../../src/services/crypto/hasher.ts';
import type { Keyring } from '../../src/services/crypto/keyring.ts';
import { freshDatabase, type FreshDatabase } from './database.ts';
import { hashedOnce, hurried, quiet, type Answer, type Clock } from './local.ts';

/** The options of a node. */
export interface NodeOptions {
  readonly database: Database;
  readonly keyring: Keyring;
  readonly clock: Clock;
  /** Environment variables. */
  readonly environment?: Readonly<Record<string, string>>;
  /** Receives the log lines from level info on; without it, nothing is logged. */
  readonly logTo?: (line: string) => void;
}

/** The response with its original body. */
export type Reply<Data> = Answer<Data> & { readonly body: string };

/** One process of a local: a whole service on a database that others also use, with the given keyring. */
export interface Node {
  readonly url: string;
  /** Null when the instance has an owner. */
  readonly setupToken: string | null;
  ask<Data = Record<string, unknown>>(query: string, variables?: object, headers?: Record<string, string>): Promise<Reply<Data>>;
  /** Stops it; the database stays open for the others. */
  stop(): Promise<void>;
}

const nodes: Node[] = [];
const databases: Database[] = [];
const folders: string[] = [];

afterAll(async () => {
  await Promise.all(nodes.map((node) => node.stop()));
  await Promise.all(databases.map((database) => database.close()));
  await Promise.all(folders.map((folder) => rm(folder, { recursive: true, force: true })));
});

/**
 * Creates a seeded database whose accounts have passwords under this keyring's active key. It is closed after the tests
 * of the file.
 */
export async function seededDatabase(keyring: Keyring, options: Partial<FreshDatabase> = {}): Promise<Database> {
  const database = await freshDatabase({ seeded: true, ...options });
  databases.push(database);
  const hasher = new PasswordHasher(keyring, { memory: 19_456, time: 2 });
  await giveAccountsPasswords(database.orm.em as EntityManager, hashedOnce(hasher));
  return database;
}

/** Starts a node, and stops it after the tests of the file. */
export async function aNode({ database, keyring, clock, environment = {}, logTo }: NodeOptions): Promise<Node> {
  const configDirectory = await mkdtemp(join(tmpdir(), 'unionhall-node-'));
  folders.push(configDirectory);
  const own = {
    NODE_ENV: 'test',
    PORT: '0',
    LOG_LEVEL: logTo ? 'info' : 'silent',
    UNIONHALL_CONFIG_DIR: configDirectory,
    MAIL_WORKER: '0',
  };
  const given = { ...own, ...quiet, LIMIT_SIGN_IN: '1000/300', LIMIT_TOKEN: '1000/300', LIMIT_REFRESH: '1000/60', ...environment };
  const config = hurried(readConfig(given), environment);
  const shared = Object.create(database, { close: { value: () => Promise.resolve() } }) as Database;
  const service = await start(config, { database: shared, keyring, now: clock.now, ...(logTo && { logTo: { write: logTo } }) });
  const node: Node = {
    url: service.url,
    setupToken: service.setupToken,
    ask: (query, variables = {}, headers = {}) => post(`${service.url}/graphql`, { query, variables }, headers),
    stop: async () => {
      await service.stop();
    },
  };
  nodes.push(node);
  return node;
}

/** Returns the header with an access token. */
export const bearer = (token: string): Record<string, string> => ({ authorization: `Bearer ${token}` });

async function post<Data>(url: string, body: object, headers: Record<string, string>): Promise<Reply<Data>> {
  const response = await fetch(url, {
    method: 'POST',
    headers: { 'content-type': 'application/json', ...headers },
    body: JSON.stringify(body),
  });
  const text = await response.text();
  const { data, errors = [] } = JSON.parse(text) as { data: Data; errors?: Answer['errors'] };
  const codes = errors.map(({ extensions }) => extensions.code);
  return { status: response.status, data, errors, codes, headers: response.headers, body: text };
}
