import 'reflect-metadata';
import { randomBytes } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { SqlEntityManager } from '@mikro-orm/postgresql';
import { readConfig } from '../src/config.ts';
import { examine } from '../src/command/doctor.ts';
import { migrate, openDatabase } from '../src/database/index.ts';
import { Keyring } from '../src/services/crypto/keyring.ts';
import { registerKeys } from '../src/services/key.ts';

describe('the doctor', () => {
  let folder: string;
  const [own, foreign] = [0, 1].map(() => `k1:${randomBytes(32).toString('base64')}`) as [string, string];

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'unionhall-keys-'));
  });
  afterAll(() => rm(folder, { recursive: true, force: true }));

  it('reports that an embedded database in production belongs to another keyring', async () => {
    const installed = (keys: string) =>
      readConfig({
        NODE_ENV: 'production',
        UNIONHALL_DATA_DIR: join(folder, 'data'),
        UNIONHALL_CONFIG_DIR: join(folder, 'config'),
        UNIONHALL_KEYS: keys,
      });
    const database = await openDatabase(installed(own));
    await migrate(database);
    await registerKeys({ em: database.orm.em as SqlEntityManager, keyring: Keyring.parse(own) });
    await database.close();
    const found = async (keys: string) => (await examine(installed(keys))).find(({ what }) => what === 'Database keys');
    expect(await found(own)).toMatchObject({ isFault: false });
    expect(await found(foreign)).toMatchObject({ isFault: true, says: expect.stringContaining('differs from the key k1') });
  });
});
