import 'reflect-metadata';
import { randomBytes } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import pg from 'pg';
import { readConfig } from '../src/config.ts';
import { migrate, openDatabase } from '../src/database/index.ts';
import { examine } from '../src/command/doctor.ts';
import { start } from '../src/process/server.ts';
import { Keyring } from '../src/services/crypto/keyring.ts';
import { probe } from '../src/services/setting/probe.ts';
import { serverDatabase } from './support/database.ts';

const marker = randomBytes(4).toString('hex');
const role = `unionhall_unsuitable_${marker}`;
const password = 'hunter2-never-shown';
const ascii = `${process.env['UNIONHALL_TEST_RUN']}_ascii_${marker}`;
let place: { readonly url: string; readonly drop: () => Promise<void> };
let admin: pg.Client;
let folder: string;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'unionhall-unsuitable-'));
  place = await serverDatabase();
  admin = new pg.Client({ connectionString: place.url });
  await admin.connect();
  await admin.query(`create database "${ascii}" template template0 encoding 'SQL_ASCII' lc_collate 'C' lc_ctype 'C'`);
  await admin.query(`create role ${role} login password '${password}'`);
}, 60_000);
afterAll(async () => {
  await admin?.query(`drop owned by ${role}`);
  await admin?.query(`drop role ${role}`);
  await admin?.query(`drop database "${ascii}" with (force)`);
  await admin?.end();
  await place?.drop();
  if (folder) await rm(folder, { recursive: true, force: true });
});

/** Returns the location of a database on the server, as an API client enters it. */
function placeOf(database: string, user?: string) {
  const { hostname: host, port, username, password: own } = new URL(place.url);
  return {
    host,
    port: Number(port),
    database,
    username: user ?? decodeURIComponent(username),
    password: user === undefined ? decodeURIComponent(own) : password,
    ssl: false,
  };
}

const asciiUrl = (): string => Object.assign(new URL(place.url), { pathname: `/${ascii}` }).href;
const nameOf = (url: string): string => new URL(url).pathname.slice(1);

describe('a database whose encoding is not UTF8', () => {
  const configured = () =>
    readConfig({
      NODE_ENV: 'production',
      PORT: '0',
      LOG_LEVEL: 'silent',
      DATABASE_URL: asciiUrl(),
      UNIONHALL_KEYS: Keyring.generate(),
      UNIONHALL_CONFIG_DIR: folder,
    });

  it('fails a connection test', async () => {
    expect(await probe(placeOf(ascii), null)).toEqual({ reason: 'encoding' });
  });

  it('is not migrated, and ends the start', async () => {
    const database = await openDatabase({ databaseUrl: asciiUrl(), databasePoolSize: 1, dataDirectory: '' });
    await expect(migrate(database)).rejects.toThrow('The encoding of the database is SQL_ASCII. Use a database with the encoding UTF8');
    expect(await database.run(`select 1 as one from pg_tables where schemaname = 'public'`)).toEqual([]);
    await database.close();
    await expect(start(configured())).rejects.toThrow('Connection failed: ENCODING. Correct DATABASE_URL.');
  }, 60_000);

  it('is found by doctor', async () => {
    const findings = await examine(configured(), { patience: 500 });
    expect(findings).toContainEqual({
      what: 'Encoding',
      says: 'The encoding is SQL_ASCII; UTF8 is required.',
      isFault: true,
    });
  });
});

describe('a role that cannot create the tables', () => {
  const found = () => probe(placeOf(nameOf(place.url), role), null);

  it('fails a connection test before the tables exist, whichever privilege is missing', async () => {
    const name = `"${nameOf(place.url)}"`;
    expect(await found()).toEqual({ reason: 'privileges' });
    await admin.query(`grant create on schema public to ${role}`);
    expect(await found()).toEqual({ reason: 'privileges' });
    await admin.query(`grant create on database ${name} to ${role}`);
    expect(await found()).toMatchObject({ reason: null, hasOwner: false });
    await admin.query(`revoke create on schema public from ${role}`);
    expect(await found()).toEqual({ reason: 'privileges' });
    await admin.query(`revoke create on database ${name} from ${role}`);
  });

  it('passes it after another role has created them', async () => {
    const database = await openDatabase({ databaseUrl: place.url, databasePoolSize: 2, dataDirectory: '' });
    await migrate(database);
    await database.close();
    expect(await found()).toMatchObject({ reason: null });
  }, 60_000);
});
