import { spawn, spawnSync, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { cp, mkdir, mkdtemp, readdir, readFile, rm, stat, symlink, writeFile } from 'node:fs/promises';
import { hostname, tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { setTimeout } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { dumpTemplate, LockedError, migrate, openDatabase, type DatabaseConfig } from '../src/database/index.ts';
import { emptyDatabase, freshDatabase } from './support/database.ts';
import { buildProgram } from './support/process.ts';

/** Runs the built program, because these tests kill processes. */
describe('the embedded database', () => {
  const project = join(import.meta.dirname, '..');
  let build: string;
  let folder: string;
  const children: ChildProcess[] = [];

  beforeAll(async () => {
    build = buildProgram().folder;
    folder = await mkdtemp(join(tmpdir(), 'unionhall-data-'));
    await (await openDatabase(at('new'))).close();
    for (const name of ['held', 'raced', 'earlier', 'kept']) await cp(at('new').dataDirectory, at(name).dataDirectory, { recursive: true });
  }, 180_000);

  afterAll(async () => {
    for (const child of children) child.kill('SIGKILL');
    if (folder) await rm(folder, { recursive: true, force: true });
  });

  const at = (name: string): DatabaseConfig => ({ databaseUrl: null, databasePoolSize: 1, dataDirectory: join(folder, name) });

  /** A process that opens the database, prints `open` or the error, and then runs the code. */
  function aProcess(
    name: string,
    code = 'await new Promise(() => setInterval(() => {}, 1000));',
    within: readonly string[] = [],
  ): { child: ChildProcess; lines: AsyncIterator<string> } {
    const script = `
      import 'reflect-metadata';
      const { openDatabase } = await import(${JSON.stringify(join(build, 'src', 'database', 'index.js'))});
      const database = await openDatabase(${JSON.stringify(at(name))}).catch((error) => { console.log(error.message); process.exit(3); });
      console.log('open');
      ${code}`;
    const [command, ...words] = [...within, process.execPath, '--input-type=module', '-e', script];
    const child = spawn(command, words, { stdio: ['ignore', 'pipe', 'inherit'], cwd: project });
    children.push(child);
    return { child, lines: createInterface({ input: child.stdout! })[Symbol.asyncIterator]() };
  }

  const said = async (lines: AsyncIterator<string>): Promise<string> => ((await lines.next()).value as string | undefined) ?? '';

  async function killed(child: ChildProcess): Promise<void> {
    const gone = once(child, 'exit');
    child.kill('SIGKILL');
    await gone;
  }

  it('is readable for its owner only, and leaves an empty lock file', async () => {
    const database = await openDatabase(at('private'));
    expect(database.isFresh).toBe(true);
    expect((await stat(at('private').dataDirectory)).mode & 0o777).toBe(0o700);
    for (const end of ['lock', 'lock.sqlite']) {
      expect((await stat(`${at('private').dataDirectory}.${end}`)).mode & 0o777).toBe(0o600);
    }
    await database.close();
    expect((await readdir(folder)).filter((name) => name.startsWith('private.'))).toEqual(['private.lock.sqlite']);
    expect((await stat(`${at('private').dataDirectory}.lock.sqlite`)).size).toBe(0);
  });

  it('is refused to a second process and to the same one, with the name of the holder', async () => {
    const { child, lines } = aProcess('held');
    expect(await said(lines)).toBe('open');
    const refusal = await openDatabase(at('held')).catch((error: unknown) => error as LockedError);
    expect(refusal).toBeInstanceOf(LockedError);
    const { holder, message } = refusal as LockedError;
    expect(holder).toEqual({ pid: child.pid, host: hostname(), since: expect.any(String) });
    expect(message).toContain(`pid ${child.pid} on host ${hostname()} since ${holder?.since}`);
    expect(message).toContain(at('held').dataDirectory);
    await killed(child);
    const database = await openDatabase(at('held'));
    await expect(openDatabase(at('held'))).rejects.toThrow(String(process.pid));
    await database.close();
  }, 180_000);

  it('is opened by exactly one of several processes, also after that one was killed', async () => {
    for (let round = 0; round < 2; round += 1) {
      const racers = [1, 2, 3, 4].map(() => aProcess('raced'));
      const words = await Promise.all(racers.map(({ lines }) => said(lines)));
      const winner = racers[words.indexOf('open')]!;
      expect(words.filter((word) => word === 'open')).toHaveLength(1);
      expect(words.filter((word) => word.includes('is in use by'))).toHaveLength(3);
      const { pid } = JSON.parse(await readFile(`${at('raced').dataDirectory}.lock`, 'utf8')) as { pid: number };
      expect(pid).toBe(winner.child.pid);
      await killed(winner.child);
    }
  }, 120_000);

  it.each(['{"pid":1,"startedAt":null,"host":"elsewhere","id":"another"}', 'not a lock', ''])(
    'opens beside a lock file of an earlier version: %s',
    async (text) => {
      await writeFile(`${at('earlier').dataDirectory}.lock`, text);
      await (await openDatabase(at('earlier'))).close();
    },
    60_000,
  );

  it('is refused while a process of an earlier version uses it, whose lock file stays', async () => {
    const file = `${at('earlier').dataDirectory}.lock`;
    const other = spawn(process.execPath, ['-e', 'setInterval(() => {}, 1000)'], { stdio: 'ignore' });
    const text = JSON.stringify({ pid: other.pid, startedAt: null, host: hostname(), id: 'another' });
    await writeFile(file, text);
    try {
      const reason = `is in use by the process with pid ${other.pid}, of an earlier version`;
      await expect(openDatabase(at('earlier'))).rejects.toThrow(reason);
      expect(await readFile(file, 'utf8')).toBe(text);
    } finally {
      await killed(other);
    }
    await (await openDatabase(at('earlier'))).close();
  }, 60_000);

  it('is created again if its process was killed during the creation', async () => {
    const { child } = aProcess('begun');
    while (!existsSync(join(at('begun').dataDirectory, 'PG_VERSION'))) await setTimeout(5);
    await killed(child);
    expect(existsSync(join(at('begun').dataDirectory, 'unionhall.unfinished'))).toBe(true);
    const database = await openDatabase(at('begun'));
    expect(database.isFresh).toBe(true);
    expect(await database.run('select 1 as one')).toEqual([{ one: 1 }]);
    await database.close();
  }, 180_000);

  it('keeps committed data when its process is killed, repeatedly', async () => {
    const writing = `
      await database.run('create table if not exists kept (n int primary key, filler text)');
      const [{ most }] = await database.run('select coalesce(max(n), 0) as most from kept');
      for (let n = most + 1; ; n += 1) {
        if (n % 2) await database.run('insert into kept values ($1::int, repeat($2, 2000))', [n, 'x']);
        else await database.orm.em.fork().transactional((em) => em.execute('insert into kept values (?, repeat(?, 2000))', [n, 'y']));
        console.log(String(n));
      }`;
    let acknowledged = 0;
    for (const after of [100, 300, 600]) {
      const { child, lines } = aProcess('kept', writing);
      expect(await said(lines)).toBe('open');
      let last = '';
      const until = Date.now() + after;
      while (Date.now() < until) last = await said(lines);
      await killed(child);
      for (let line = await said(lines); line !== ''; line = await said(lines)) last = line;
      expect(Number(last)).toBeGreaterThan(acknowledged);
      acknowledged = Number(last);
    }
    const database = await openDatabase(at('kept'));
    const [row] = await database.run('select count(*) as count, max(n) as last from kept');
    expect(row!['count']).toBe(row!['last']);
    expect(row!['last']).toBeGreaterThanOrEqual(acknowledged);
    await database.close();
  }, 120_000);

  /** Runs a process in its own PID namespace, like a container, with an optional host name. */
  const inNamespace = (host: string | null): string[] => [
    'unshare',
    '--pid',
    '--fork',
    '--mount-proc',
    '--kill-child',
    ...(host === null ? [] : ['--uts', 'sh', '-c', `hostname ${host} && exec "$0" "$@"`]),
  ];
  const [unshare = '', ...probe] = inNamespace('probe');
  const namespaces = spawnSync(unshare, [...probe, 'true'], { encoding: 'utf8' });
  const canUnshare = namespaces.status === 0;

  it.each([
    ['with the same host name', null, null],
    ['with another host name', 'first', 'second'],
  ])(
    canUnshare
      ? 'is refused to a process in another PID namespace %s, loses nothing, and opens at once after SIGKILL'
      : `is not tried in PID namespaces %s: ${namespaces.error?.message ?? namespaces.stderr}`,
    async (_, first, second) => {
      if (!canUnshare) return;
      const name = `namespace-${first ?? 'same'}`;
      const writing = `
        await database.run('create table written (n int primary key)');
        for (let n = 1; n <= 300; n += 1) await database.run('insert into written values ($1::int)', [n]);
        console.log('300 written');
        await new Promise(() => setInterval(() => {}, 1000));`;
      const holder = aProcess(name, writing, inNamespace(first));
      expect(await said(holder.lines)).toBe('open');
      // in its own namespace, node is the first process, because sh and the child of unshare are replaced by exec
      const named = `in use by the process with pid 1 on host ${first ?? hostname()}`;
      expect(await said(aProcess(name, '', inNamespace(second)).lines)).toContain(named);
      expect(await said(holder.lines)).toBe('300 written');
      expect(await said(aProcess(name, '', inNamespace(second)).lines)).toContain(named);
      await killed(holder.child);
      const counting = `
        console.log(JSON.stringify(await database.run('select count(*) as count from written')));
        await database.close();`;
      const next = aProcess(name, counting, inNamespace(second));
      expect(await said(next.lines)).toBe('open');
      expect(await said(next.lines)).toBe('[{"count":300}]');
    },
    120_000,
  );

  it(
    canUnshare
      ? 'is refused to a process that has the folder alone mounted, at another path'
      : `is not tried at a mount: ${namespaces.error?.message ?? namespaces.stderr}`,
    async () => {
      if (!canUnshare) return;
      const mountPoint = at('mounted').dataDirectory;
      await mkdir(mountPoint);
      const { child, lines } = aProcess('volume');
      expect(await said(lines)).toBe('open');
      const mount = `mount --bind "${at('volume').dataDirectory}" "${mountPoint}" && exec "$0" "$@"`;
      const within = ['unshare', '--mount', '--pid', '--fork', '--kill-child', 'sh', '-c', mount];
      expect(await said(aProcess('mounted', '', within).lines)).toContain(`in use by the process with pid ${child.pid}`);
      await killed(child);
      expect(await said(aProcess('mounted', '', within).lines)).toBe('open');
    },
    120_000,
  );

  it('is refused to a process that uses a symbolic link, and opens there later', async () => {
    const { child, lines } = aProcess('target');
    expect(await said(lines)).toBe('open');
    await symlink(at('target').dataDirectory, at('link').dataDirectory);
    await expect(openDatabase(at('link'))).rejects.toThrow(`in use by the process with pid ${child.pid}`);
    await killed(child);
    await (await openDatabase(at('link'))).close();
  }, 120_000);

  it('is a file from which others can start', async () => {
    const source = await emptyDatabase('embedded');
    await migrate(source);
    await source.run('insert into grievance_counters (year, last) values (2020, 7)');
    const template = await dumpTemplate(source);
    await source.close();
    const database = await openDatabase(at('copied'), { template });
    expect(await database.run('select last from grievance_counters')).toEqual([{ last: 7 }]);
    expect(await migrate(database)).toEqual([]);
    await database.close();
    const again = await openDatabase(at('copied'), { template });
    expect(again.isFresh).toBe(false);
    await again.close();
  }, 180_000);
});

describe('a template', () => {
  it('contains no password hash', async () => {
    const database = await freshDatabase({ seeded: true, engine: 'embedded' });
    const rows = await database.run('select count(*) as count, count(*) filter (where password_hash like $1) as hashed from users', ['$%']);
    expect(rows).toEqual([{ count: 10, hashed: 0 }]);
    await database.close();
  });
});
