import { setTimeout } from 'node:timers/promises';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, jest } from '@jest/globals';
import pg from 'pg';
import { openDatabase, type Database } from '../src/database/index.ts';
import { sharesOf } from '../src/database/open.ts';
import { addressOf, openAgain, serverDatabase } from './support/database.ts';
import { aLocal, type Actor, type Local } from './support/local.ts';

// Tests that statements do not wait for blocked ones. On failure, a test times out.

/** Statements of a database that wait for a lock of a session outside the service. */
const waiting = `select pid, query from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'`;

async function until(isReached: () => Promise<boolean>): Promise<void> {
  while (!(await isReached())) await setTimeout(10);
}

describe('while lists of grievances wait', () => {
  const list = '{ grievances(first: 5) { nodes { id } } }';
  let local: Local;
  let locker: pg.Client;

  const sees = async (actor: Actor) => (await actor.see<{ me: { username: string } }>('{ me { username } }')).me.username;
  const health = async () => (await fetch(`${local.url}/health`)).status;
  const stuck = async () => (await locker.query(waiting)).rowCount ?? 0;

  beforeAll(async () => {
    local = await aLocal({ engine: 'postgresql', comparesExecutions: false });
    const { officer, staff, admin, president, member } = local;
    for (const actor of [officer, staff, admin, president, member]) await sees(actor);
    const [row] = await local.sql('select current_database() as name');
    locker = new pg.Client({ connectionString: addressOf(String(row?.['name'])) });
    await locker.connect();
  });
  afterAll(() => locker?.end());
  beforeEach(async () => {
    await locker.query('begin');
    await locker.query('lock table grievances in access exclusive mode');
  });
  afterEach(() => locker.query('rollback'));

  it('another user and /health are answered, however many lists one user requests', async () => {
    const lists: Promise<unknown>[] = [];
    for (let n = 0; n < 20; n += 1) {
      lists.push(local.officer.see(list));
      await setTimeout(5);
    }
    await until(async () => (await stuck()) > 0);
    for (let n = 0; n < 10; n += 1) expect([await sees(local.member), await health()]).toEqual(['member', 200]);
    expect(await stuck()).toBeLessThan(sharesOf(10).reads - 1);
    await locker.query('rollback');
    expect(await Promise.all(lists)).toHaveLength(20);
  });

  it('another user is answered beside four users whose lists wait', async () => {
    const { officer, staff, admin, president } = local;
    const lists = [officer, staff, admin, president].map((actor) => actor.see(list));
    await until(async () => (await stuck()) > 0);
    for (let n = 0; n < 10; n += 1) expect([await sees(local.member), await health()]).toEqual(['member', 200]);
    await locker.query('rollback');
    await Promise.all(lists);
  });

  it('another user is answered beside three users with eight waiting lists each', async () => {
    const { officer, staff, admin } = local;
    const lists: Promise<unknown>[] = [];
    for (let n = 0; n < 8; n += 1) {
      for (const actor of [officer, staff, admin]) lists.push(actor.see(list));
      await setTimeout(5);
    }
    await until(async () => (await stuck()) > 0);
    for (let n = 0; n < 10; n += 1) expect([await sees(local.member), await health()]).toEqual(['member', 200]);
    await locker.query('rollback');
    await Promise.all(lists);
  });

  it('requests of the same instant as a list are answered too', async () => {
    const lists = [local.officer, local.staff].map((actor) => actor.see(list));
    const others = Array.from({ length: 30 }, (_, n) => (n % 2 === 0 ? sees(local.member) : health()));
    expect(new Set(await Promise.all(others))).toEqual(new Set(['member', 200]));
    await locker.query('rollback');
    await Promise.all(lists);
  });
});

describe('a statement', () => {
  let url: string;
  let drop: () => Promise<void>;
  let locker: pg.Client;
  let node: Database;

  const open = async (databasePoolSize = 10, options = {}) =>
    openDatabase({ databaseUrl: url, databasePoolSize, dataDirectory: '' }, options);
  const pidOf = async (rows: Promise<readonly Record<string, unknown>[]>) => (await rows)[0]?.['pid'];
  const pid = 'select pg_backend_pid() as pid';
  const hanging = 'select 1 as one from pg_advisory_xact_lock_shared(1)';
  const hung = async () => (await locker.query<{ pid: number }>(waiting)).rows.map((row) => row.pid);

  beforeAll(async () => {
    ({ url, drop } = await serverDatabase());
    locker = new pg.Client({ connectionString: url });
    await locker.connect();
  });
  afterAll(async () => {
    await locker?.end();
    await drop?.();
  });
  beforeEach(() => locker.query('select pg_advisory_lock(1)'));
  afterEach(async () => {
    await locker.query('select pg_advisory_unlock_all()');
    await node.close();
  });

  it.each([true, false])('is not sent behind a slow one if there is a free connection (prepared: %s)', async (prepares) => {
    node = await open(10, { prepares });
    const slow: Promise<unknown>[] = [];
    for (let n = 1; n < sharesOf(10).reads; n += 1) {
      slow.push(node.run(hanging));
      await until(async () => (await hung()).length === n);
      await setTimeout(30); // until it counts as slow
      expect(await hung()).not.toContain(await pidOf(node.run(pid)));
    }
    await locker.query('select pg_advisory_unlock_all()');
    await Promise.all(slow);
  });

  it('waits if no connection is free, fails at its time-out, and is answered when one is released', async () => {
    node = await open(10, { patience: 2 });
    const slow = Array.from({ length: sharesOf(10).reads }, async (_, n) => {
      await setTimeout(n * 40);
      return node.run(hanging).catch(({ code }: { code: string }) => code);
    });
    await until(async () => (await hung()).length === sharesOf(10).reads);
    await setTimeout(30);
    const late = await node.run('select 2 as two').catch(({ code }: { code: string }) => code);
    expect(await Promise.all(slow)).toEqual(slow.map(() => '57014')); // the server ended them
    expect([[{ two: 2 }], '53300']).toContainEqual(late);
    expect(await node.run('select 3 as three')).toEqual([{ three: 3 }]);
  });

  it('that reads is answered although it was sent behind a slow one, and one that writes runs once', async () => {
    node = await open();
    await node.run('create table written (n int)');
    await node.run(pid);
    const slow = node.runFor('slow')(hanging);
    const [write, read] = [node.run('insert into written values (1)'), node.runFor('fast')('select 2 as two')];
    expect(await read).toEqual([{ two: 2 }]);
    await locker.query('select pg_advisory_unlock_all()');
    await Promise.all([slow, write]);
    expect(await node.run('select count(*) as count from written')).toEqual([{ count: 1 }]);
    await node.run('drop table written');
  });

  it('of one user occupies few connections at a time', async () => {
    node = await open();
    const slow = Array.from({ length: 50 }, async (_, n) => {
      await setTimeout(n * 5);
      return node.runFor('greedy')(hanging);
    });
    await until(async () => (await hung()).length > 1);
    await setTimeout(300);
    expect(await hung()).toHaveLength(2);
    expect(await hung()).not.toContain(await pidOf(node.runFor('other')(pid)));
    await locker.query('select pg_advisory_unlock_all()');
    expect(await Promise.all(slow)).toEqual(slow.map(() => [{ one: 1 }]));
  });

  it('that took long uses at most a quarter of the connections, for all users together', async () => {
    node = await open();
    const ask = (n: number) => node.runFor(`user ${n % 4}`)(hanging);
    const first = ask(0);
    await until(async () => (await hung()).length === 1);
    await setTimeout(400); // until it counts as long
    const further = Array.from({ length: 12 }, (_, n) => ask(n));
    expect(await node.runFor('other')('select 2 as two')).toEqual([{ two: 2 }]);
    await setTimeout(100);
    expect(await hung()).toHaveLength(1); // a quarter of five, rounded down
    await locker.query('select pg_advisory_unlock_all()');
    expect(await Promise.all([first, ...further])).toHaveLength(13);
  });

  it('that took long is canceled if it would hold the last connection, and is answered later', async () => {
    node = await open();
    const { reads } = sharesOf(10);
    const slow = Array.from({ length: reads }, (_, n) => node.runFor(`user ${n}`)(`select ${n} as n from pg_advisory_xact_lock_shared(1)`));
    await until(async () => (await hung()).length === reads);
    for (let n = 0; n < 10; n += 1) expect(await node.runFor('other')('select 2 as two')).toEqual([{ two: 2 }]);
    await locker.query('select pg_advisory_unlock_all()');
    expect(await Promise.all(slow)).toEqual(slow.map((_, n) => [{ n }]));
  });

  it('uses an open connection if the server allows no further one', async () => {
    await locker.query(`create role reader login password 'reader' connection limit 2`);
    try {
      const own = Object.assign(new URL(url), { username: 'reader', password: 'reader' }).href;
      node = await openDatabase({ databaseUrl: own, databasePoolSize: 10, dataDirectory: '' });
      await node.run(pid);
      const answers = await Promise.all(Array.from({ length: 40 }, (_, n) => node.run('select $1::int as n', [n])));
      expect(answers.map(([row]) => row?.['n'])).toEqual(answers.map((_, n) => n));
    } finally {
      await node.close();
      await locker.query('drop role reader');
    }
  });

  it('that answers a change uses any connection and is retried, and any other fails at once', async () => {
    await locker.query(`create role reader login password 'reader' connection limit 1`);
    const own = Object.assign(new URL(url), { username: 'reader', password: 'reader' }).href;
    // the other connection is in the pool for changes
    node = await openDatabase({ databaseUrl: own, databasePoolSize: 2, dataDirectory: '' });
    try {
      await expect(node.runFor('user')('select 1 as one')).rejects.toMatchObject({ code: '53300' });
      const [ofChanges] = await node.orm.em.fork().execute<{ pid: number }[]>(pid);
      expect(await node.runFor('user')(pid, [], false, true)).toEqual([ofChanges]);
      await locker.query('alter role reader connection limit 0');
      await locker.query(`select pg_terminate_backend(pid) from pg_stat_activity where usename = 'reader'`);
      const answer = node.runFor('user')('select 1 as one', [], false, true);
      await expect(node.runFor('user')('select 1 as one')).rejects.toMatchObject({ code: '53300' });
      await locker.query('alter role reader connection limit 2');
      expect(await answer).toEqual([{ one: 1 }]);
      const pids = [await pidOf(node.run(pid)), await pidOf(node.run(pid))];
      expect(pids[0]).toBe(pids[1]);
      const slow = node.runFor('user')(hanging, [], false, true);
      await until(async () => (await hung()).length === 1);
      await locker.query('select pg_terminate_backend($1)', [pids[0]]);
      await locker.query('select pg_advisory_unlock_all()');
      expect(await slow).toEqual([{ one: 1 }]);
    } finally {
      await node.close();
      await locker.query('drop role reader');
    }
  });

  it.each([2, 3, 10])('occupies at most one of %s connections, as many as the pool has', async (size) => {
    node = await open(size);
    const patient = Promise.all(
      Array.from({ length: 30 }, async (_, n) => {
        await setTimeout(n * 10);
        return Promise.all([node.run(hanging), node.runReserved(hanging), node.orm.em.fork().execute(hanging)]);
      }),
    );
    await until(async () => (await hung()).length === size);
    await setTimeout(100);
    const counted = `select count(*)::int as count from pg_stat_activity where datname = current_database() and application_name = 'unionhall'`;
    expect((await locker.query<{ count: number }>(counted)).rows).toEqual([{ count: size }]);
    await locker.query('select pg_advisory_unlock_all()');
    await patient;
  });
});

it('that answers a change must be answered, and one that answers a query may fail', async () => {
  const local = await aLocal({ comparesExecutions: false });
  const told: (boolean | undefined)[] = [];
  const { runFor } = local.database;
  const spy = jest.spyOn(local.service.database, 'runFor').mockImplementation((user) => {
    const run = runFor(user);
    return (text, params, isForTheseValues, mustAnswer) => {
      told.push(mustAnswer);
      return run(text, params, isForTheseValues, mustAnswer);
    };
  });
  void spy;
  await local.member.see('{ me { roles { role { name } } } }');
  expect(told.splice(0)).not.toContain(true);
  await local.member.see('mutation { updateProfile(input: { firstName: "Mo" }) { firstName roles { role { name } } } }');
  expect(new Set(told)).toEqual(new Set([true]));
});

it('also works with a pool of one', async () => {
  const { url, drop } = await serverDatabase();
  const node = await openAgain(url);
  const one = await openDatabase({ databaseUrl: url, databasePoolSize: 1, dataDirectory: '' });
  try {
    for (const run of [one.run, one.runFor('user'), one.runReserved]) expect(await run('select 1 as one')).toEqual([{ one: 1 }]);
  } finally {
    await Promise.all([node.close(), one.close()]);
    await drop();
  }
});
