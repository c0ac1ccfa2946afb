import 'reflect-metadata';
import { existsSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setImmediate } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';
import type { PGlite } from '@electric-sql/pglite';
import { readConfig } from '../src/config.ts';
import { openDatabase, type Database } from '../src/database/index.ts';
import { nativeClient } from '../src/database/open.ts';
import { start } from '../src/process/server.ts';
import { Keyring } from '../src/services/crypto/keyring.ts';
import { MailQueue } from '../src/services/mail/index.ts';
import { Start, StoppedError, type StartSteps } from '../src/process/start-up.ts';

/** A start without a service, with the calls of its steps. */
interface Told {
  readonly start: Start<string>;
  readonly begun: number;
  readonly discarded: readonly string[];
  /** Resolves when it waits before a retry. */
  readonly waits: Promise<void>;
}

function starting(begin: StartSteps<string>['begin']): Told {
  const discarded: string[] = [];
  let begun = 0;
  let wait = (): void => undefined;
  const waits = new Promise<void>((resolve) => (wait = resolve));
  const begins = new Start<string>({
    begin: (migrating) => {
      begun += 1;
      return begin(migrating);
    },
    passing: (error) => (error as Error).message,
    waiting: () => Promise.resolve(wait()),
    discard: (work) => Promise.resolve(void discarded.push(work)),
  });
  return {
    start: begins,
    discarded,
    waits,
    get begun() {
      return begun;
    },
  };
}

const away = () => Promise.reject(new Error('refused'));

describe('a start', () => {
  it('retries until it succeeds', async () => {
    const told = starting(() => (told.begun < 2 ? away() : Promise.resolve('work')));
    expect(await told.start.run()).toBe('work');
    expect([told.begun, told.start.stage, told.discarded]).toEqual([2, 'ready', []]);
  });

  it('that is stopped while it waits does not retry', async () => {
    const told = starting(away);
    const run = told.start.run();
    await told.waits;
    await setImmediate();
    told.start.stop();
    await expect(run).rejects.toThrow(StoppedError);
    expect(told.begun).toBe(1);
  });

  it('that moves while it waits does not retry, and is ready there', async () => {
    const told = starting(away);
    const run = told.start.run();
    await told.waits;
    await setImmediate();
    expect(told.start.adopt('elsewhere')).toBeNull();
    expect(await run).toBe('elsewhere');
    expect([told.begun, told.start.stage, told.discarded]).toEqual([1, 'ready', []]);
  });

  it.each(['stop', 'adopt'] as const)('discards its result after %s', async (how) => {
    let finish = (_work: string): void => undefined;
    const told = starting(() => new Promise((resolve) => (finish = resolve)));
    const run = told.start.run();
    if (how === 'stop') told.start.stop();
    else told.start.adopt('elsewhere');
    finish('too late');
    expect(await run.catch((error: Error) => error.name)).toBe(how === 'stop' ? 'StoppedError' : 'elsewhere');
    expect([told.begun, told.discarded]).toEqual([1, ['too late']]);
  });

  it('ends after an error that a retry cannot fix', async () => {
    const never = new Start<string>({
      begin: away,
      passing: () => null,
      waiting: () => Promise.resolve(),
      discard: () => Promise.resolve(),
    });
    await expect(never.run()).rejects.toThrow('refused');
  });
});

describe('an embedded database', () => {
  let folder: string;
  let database: Database;
  let pglite: PGlite;

  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'unionhall-start-'));
    database = await openDatabase({ databaseUrl: null, databasePoolSize: 1, dataDirectory: join(folder, 'data') });
    pglite = await nativeClient<PGlite>(database);
  }, 60_000);
  afterEach(async () => {
    jest.restoreAllMocks();
    await database?.close();
    if (folder) await rm(folder, { recursive: true, force: true });
  });

  const begin = () =>
    start(readConfig({ NODE_ENV: 'production', PORT: '0', LOG_LEVEL: 'silent', UNIONHALL_CONFIG_DIR: folder }), {
      database,
      keyring: Keyring.parse(Keyring.generate()),
    });
  const isLocked = () => existsSync(join(folder, 'data.lock'));
  const refuse = () => Promise.reject(new Error('it does not stop'));

  it.each(['what listens', 'mail'])(
    'is closed although %s does not stop, which is reported',
    async (job) => {
      if (job === 'what listens') jest.spyOn(pglite, 'listen').mockResolvedValue(refuse);
      const service = await begin();
      const { stop } = MailQueue.prototype;
      if (job === 'mail')
        jest.spyOn(MailQueue.prototype, 'stop').mockImplementation(async function (this: MailQueue) {
          await stop.call(this);
          await refuse();
        });
      expect(isLocked()).toBe(true);
      await expect(service.stop()).rejects.toThrow('it does not stop');
      expect(isLocked()).toBe(false);
    },
    60_000,
  );

  it('is closed although the listener does not stop, if the work cannot start, with the reason', async () => {
    jest.spyOn(pglite, 'listen').mockImplementation(async () => {
      await database.run('alter table users rename to people');
      return refuse;
    });
    await expect(begin()).rejects.toThrow('relation "users" does not exist');
    expect(isLocked()).toBe(false);
  }, 60_000);
});

describe('HOST', () => {
  it('that is not an address is reported', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'unionhall-start-'));
    const environment = { NODE_ENV: 'test', PORT: '0', LOG_LEVEL: 'silent', HOST: 'nowhere.invalid', UNIONHALL_CONFIG_DIR: folder };
    await expect(start(readConfig(environment))).rejects.toThrow('HOST cannot be resolved.');
    await rm(folder, { recursive: true, force: true });
  }, 60_000);
});
