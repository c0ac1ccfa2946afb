import 'reflect-metadata';
import { randomBytes } from 'node:crypto';
import { access, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { SqlEntityManager } from '@mikro-orm/postgresql';
import { readConfig } from '../src/config.ts';
import { examine } from '../src/command/doctor.ts';
import type { Database } from '../src/database/index.ts';
import { loadKeyring } from '../src/services/crypto/keyfile.ts';
import { Keyring } from '../src/services/crypto/keyring.ts';
import { keyringProblem, registerKeys, retireKey } from '../src/services/key.ts';
import { failureOf } from '../src/services/setting/failure.ts';
import { probe } from '../src/services/setting/probe.ts';
import { addressOf, freshDatabase } from './support/database.ts';
import { Clock } from './support/local.ts';
import { aNode, seededDatabase } from './support/node.ts';

const aKey = (): string => randomBytes(32).toString('base64');
const texts = { k1: `k1:${aKey()}`, k2: `k2:${aKey()}`, k3: `k3:${aKey()}`, other: `k1:${aKey()}` };
/** Returns a keyring of these keys, the active one first. `other` is another key with the name k1. */
const ring = (...kids: (keyof typeof texts)[]): Keyring => Keyring.parse(kids.map((kid) => texts[kid]).join(','));
const emOf = ({ orm }: Database): SqlEntityManager => orm.em as SqlEntityManager;
const clock = new Clock();
const folders: string[] = [];

afterAll(async () => {
  await Promise.all(folders.map((folder) => rm(folder, { recursive: true, force: true })));
});

describe('a database with accounts', () => {
  let database: Database;
  const start = async (keyring: Keyring): Promise<string> => {
    const node = await aNode({ database, keyring, clock });
    const login = 'mutation { login(input: { identifier: "officer", password: "unionhall-dev" }) { __typename } }';
    const { codes } = await node.ask(login);
    await node.stop();
    return codes.join() || 'signed in';
  };

  beforeAll(async () => {
    database = await seededDatabase(ring('k1'));
    expect(await start(ring('k1'))).toBe('signed in');
  }, 60_000);

  it.each([
    ['another key of the same name', ring('other'), /Key k1 in the keyring differs from the key k1 that this database was used with/],
    ['a key of another name', ring('k3'), /has none of the keys that this database was used with \(k1\)/],
    ['another key of the same name behind a new one', ring('k2', 'other'), /differs from the key k1/],
  ])('prevents a service with %s from starting, and nothing changes', async (_, keyring, problem) => {
    const before = await database.run('select * from system_keys');
    await expect(start(keyring)).rejects.toThrow(problem);
    expect(await database.run('select * from system_keys')).toEqual(before);
    expect(await start(ring('k1'))).toBe('signed in');
  });

  it('prevents it as well if the database of an earlier version knows no keys yet', async () => {
    await database.run('delete from system_keys');
    await expect(start(ring('other'))).rejects.toThrow(/differs from the key k1/);
    await expect(start(ring('k3'))).rejects.toThrow(/has none of the keys that this database was used with \(k1\)/);
    expect(await database.run('select * from system_keys')).toEqual([]);
    expect(await start(ring('k1'))).toBe('signed in');
  });

  it('accepts a new key in steps, and releases the old one when nothing depends on it', async () => {
    for (const keyring of [ring('k1', 'k2'), ring('k2', 'k1')]) expect(await start(keyring)).toBe('signed in');
    await expect(start(ring('k2'))).rejects.toThrow(/lacks the key k1, which stored passwords.* need.*npm run keys:retire -- k1/);
    await database.run(`update users set password_hash = replace(password_hash, ':k1:', ':k2:') where password_hash like 'pepper-v1:k1:%'`);
    await database.run(`delete from user_keys where sealed_private_key like 'seal-v1:k1:%'`);
    expect(await start(ring('k2'))).toBe('signed in');
  });

  it('starts without a key that an operator retired, even if data depends on it', async () => {
    expect(await start(ring('k3', 'k2'))).toBe('signed in');
    await expect(start(ring('k3'))).rejects.toThrow(/lacks the key k2/);
    expect(await retireKey(database.run, 'nobody')).toBe(false);
    expect(await retireKey(database.run, 'k2')).toBe(true);
    expect(await start(ring('k3'))).toBe('signed in');
    expect(await keyringProblem(database.run, ring('k2'))).toMatch(/none of the keys/);
  });
});

describe('a new keyring', () => {
  const made = async (): Promise<{ file: string; keyring: Keyring }> => {
    const directory = await mkdtemp(join(tmpdir(), 'unionhall-keys-'));
    folders.push(directory);
    return { file: join(directory, 'keys'), keyring: await loadKeyring({ keys: null, directory, mayMake: true }) };
  };
  const isThere = (file: string): Promise<boolean> =>
    access(file).then(
      () => true,
      () => false,
    );

  it('is removed if the database was used with another one, and stays if a database has accepted it', async () => {
    const [taken, empty] = [await freshDatabase({ seeded: false }), await freshDatabase({ seeded: false })];
    try {
      await registerKeys({ em: emOf(taken), keyring: ring('k1') });
      const { file, keyring } = await made();
      await expect(registerKeys({ em: emOf(taken), keyring })).rejects.toThrow(/none of the keys/);
      expect(await isThere(file)).toBe(false);
      const second = await made();
      await registerKeys({ em: emOf(empty), keyring: second.keyring });
      await expect(registerKeys({ em: emOf(taken), keyring: second.keyring })).rejects.toThrow(/none of the keys/);
      expect(await isThere(second.file)).toBe(true);
    } finally {
      await Promise.all([taken.close(), empty.close()]);
    }
  });
});

describe('on a server', () => {
  let database: Database;
  let connection: Parameters<typeof probe>[0];
  let databaseUrl: string;

  beforeAll(async () => {
    database = await freshDatabase({ seeded: false, engine: 'postgresql' });
    const [row] = await database.run('select current_database() as name');
    databaseUrl = addressOf(String(row?.['name']));
    const { hostname: host, port, username, password, pathname } = new URL(databaseUrl);
    connection = { host, port: Number(port), database: pathname.slice(1), username, password, ssl: false };
  }, 60_000);
  afterAll(() => database.close());

  it('one of several keyrings claims an empty database', async () => {
    const keyrings = Array.from({ length: 8 }, () => Keyring.parse(Keyring.generate()));
    const settled = await Promise.allSettled(keyrings.map((keyring) => registerKeys({ em: emOf(database), keyring })));
    expect(settled.filter(({ status }) => status === 'fulfilled')).toHaveLength(1);
    expect(await database.run('select count(*)::int as count from system_keys')).toEqual([{ count: 1 }]);
    await database.run('delete from system_keys');
  });

  it('a connection test, a move and doctor report different keys', async () => {
    expect(await probe(connection, ring('k3'))).toMatchObject({ reason: null });
    await registerKeys({ em: emOf(database), keyring: ring('k1') });
    expect(await probe(connection, ring('k1'))).toMatchObject({ reason: null });
    expect(await probe(connection, ring('other'))).toEqual({ reason: 'other_keyring' });
    expect(await probe(connection, null)).toEqual({ reason: 'other_keyring' });
    const refused = await registerKeys({ em: emOf(database), keyring: ring('other') }).catch((error: unknown) => error);
    expect(failureOf(refused)).toBe('other_keyring');
    const found = async (keys: string) => {
      const folder = await mkdtemp(join(tmpdir(), 'unionhall-keys-'));
      folders.push(folder);
      const config = readConfig({ NODE_ENV: 'test', DATABASE_URL: databaseUrl, UNIONHALL_KEYS: keys, UNIONHALL_CONFIG_DIR: folder });
      return (await examine(config)).find(({ what }) => what === 'Database keys');
    };
    expect(await found(texts.k1)).toMatchObject({ isFault: false });
    expect(await found(texts.other)).toMatchObject({ isFault: true, says: expect.stringContaining('differs from the key k1') });
  });
});
