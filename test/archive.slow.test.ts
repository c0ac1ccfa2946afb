import { randomBytes } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { appendFile, mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { stripVTControlCharacters } from 'node:util';
import { afterAll, beforeAll, beforeEach, describe, expect, it, jest } from '@jest/globals';
import type { SqlEntityManager } from '@mikro-orm/postgresql';
import pg from 'pg';
import { runCommand } from '../src/command/index.ts';
import { migrate, openDatabase, type Database } from '../src/database/index.ts';
import { AuditOutcome } from '../src/entities/audit.ts';
import {
  archiveLines,
  checkArchive,
  planArchive,
  readHead,
  removeArchived,
  sealEvents,
  formatHead,
  verifyArchive,
  verifyAudit,
  type ArchiveFile,
  type ChainHead,
} from '../src/services/audit/index.ts';
import { startSealing } from '../src/process/periodic.ts';
import { recordAudit } from '../src/services/audit/event.ts';
import { Keyring } from '../src/services/crypto/keyring.ts';
import { freshDatabase, serverDatabase } from './support/database.ts';
import { project } from './support/house.ts';

const keys = Keyring.generate();
const keyring = Keyring.parse(keys);
const now = (): Date => new Date('2026-09-01T00:00:00.000Z');

let folder: string;
let files = 0;
const newPath = (): string => join(folder, `${(files += 1)}.jsonl`);

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'unionhall-archive-'));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

/** Writes and seals this many events of a month. */
async function write({ orm }: Database, month: string, count: number, isSealed = true): Promise<void> {
  const em = orm.em.fork() as SqlEntityManager;
  for (let n = 0; n < count; n += 1)
    recordAudit(
      { em, keyring },
      {
        at: new Date(`${month}-15T12:00:00.${String(n).padStart(3, '0')}Z`),
        actor: null,
        sessionId: null,
        ipAddress: '192.0.2.1',
        action: `${month}.${n}`,
        targetType: null,
        targetId: null,
        outcome: AuditOutcome.FAILED,
        reason: 'wrong_password',
        requestId: 'é "quoted"\n',
        count: 1,
      },
    );
  await em.flush();
  if (isSealed) while ((await sealEvents({ em: orm.em.fork() as SqlEntityManager, keyring })) !== 0);
}

/** Writes the file of an archive without deleting events. */
async function writeFileFor({ run }: Database, before: string, most?: number): Promise<{ path: string; file: ArchiveFile }> {
  const path = newPath();
  let text = '';
  for await (const line of archiveLines(run, await planArchive(run, keyring, before), most)) text += line;
  await writeFile(path, text);
  return { path, file: await verifyArchive(path, keyring) };
}

const remove = (database: Database, file: ArchiveFile): Promise<number> =>
  removeArchived({ em: database.orm.em.fork() as SqlEntityManager, keyring, now }, file);

async function archive(database: Database, before: string): Promise<{ path: string; file: ArchiveFile }> {
  const written = await writeFileFor(database, before);
  await remove(database, written.file);
  return written;
}

const tables = ['audit_events', 'audit_seals', 'audit_archives'];

/** Changes rows as a superuser can, without the triggers. */
async function tamper(database: Database, ...statements: string[]): Promise<void> {
  for (const table of tables) await database.run(`alter table ${table} disable trigger user`);
  for (const statement of statements) await database.run(statement);
  for (const table of tables) await database.run(`alter table ${table} enable trigger user`);
}

const actionsOf = async ({ run }: Database): Promise<unknown[]> =>
  (await run('select action from audit_events order by at, action')).map(({ action }) => action);
const stateOf = async ({ run }: Database): Promise<unknown[]> =>
  await Promise.all(tables.map((table) => run(`select coalesce(json_agg(t order by t::text), '[]')::text as rows from ${table} t`)));

describe.each(['embedded', 'postgresql'] as const)('archiving on the %s engine', (engine) => {
  let database: Database;

  beforeAll(async () => {
    database = await freshDatabase({ seeded: false, engine });
  }, 60_000);
  afterAll(() => database?.close());
  beforeEach(() => tamper(database, 'truncate audit_events, audit_seals, audit_archives, audit_backlog'));

  const verify = (kept?: ChainHead) => verifyAudit(database.run, keyring, { most: 2, ...(kept && { kept }) });

  it('moves the events before a month into a file, and the remaining log still verifies', async () => {
    await write(database, '2026-04', 3);
    await write(database, '2026-05', 2);
    await write(database, '2026-06', 2);
    const { head } = await verify();
    const { path, file } = await archive(database, '2026-06');
    expect([file.from, file.to.sequence]).toEqual([{ sequence: 0, hash: null }, 5]);
    expect((await readFile(path, 'utf8')).trimEnd().split('\n').length).toBe(6);
    expect(await actionsOf(database)).toEqual(['2026-06.0', '2026-06.1', 'audit.archive']);
    expect(await verify(head)).toEqual({ head, unsealed: 1, fault: null });
    await expect(checkArchive(database.run, keyring, file)).resolves.toBeUndefined();
    await write(database, '2026-07', 2);
    expect(await verify(head)).toMatchObject({ head: { sequence: 10 }, unsealed: 0, fault: null });
    expect(await verifyArchive(path, keyring, file.to)).toEqual(file);
  });

  it('continues where the last archive ended, even if no seal was left', async () => {
    await write(database, '2026-04', 3);
    const first = await archive(database, '2026-06');
    expect(await database.run('select sequence from audit_seals')).toEqual([]);
    expect(await verify()).toEqual({ head: first.file.to, unsealed: 1, fault: null });
    await write(database, '2026-06', 2);
    const second = await archive(database, '2026-10');
    expect([second.file.from, second.file.to.sequence]).toEqual([first.file.to, 6]);
    for (const { file } of [first, second]) await checkArchive(database.run, keyring, file);
    await write(database, '2026-08', 1);
    expect(await verify()).toMatchObject({ head: { sequence: 8 }, unsealed: 0, fault: null });
  });

  it('takes a prefix of the chain, without unsealed events and later months', async () => {
    await write(database, '2026-05', 2);
    await write(database, '2026-06', 1);
    await write(database, '2026-05', 1);
    await write(database, '2026-04', 1, false);
    const { file } = await archive(database, '2026-06');
    expect(file.to.sequence).toBe(2);
    expect((await actionsOf(database)).length).toBe(4);
    expect(await verify()).toMatchObject({ head: { sequence: 4 }, unsealed: 2, fault: null });
    await expect(planArchive(database.run, keyring, '2026-06')).rejects.toThrow(
      'no sealed events remain before the first event of 2026-06',
    );
  });

  it.each([1, 2, 3, 100])('writes the same file, %i rows at a time', async (most) => {
    await write(database, '2026-05', 3);
    const { path } = await writeFileFor(database, '2026-06');
    expect(await readFile((await writeFileFor(database, '2026-06', most)).path, 'utf8')).toBe(await readFile(path, 'utf8'));
  });

  it('is repeated safely after an interruption between the file and the deletion', async () => {
    await write(database, '2026-05', 3);
    const before = await stateOf(database);
    const { path, file } = await writeFileFor(database, '2026-06');
    expect(await stateOf(database)).toEqual(before);
    await expect(checkArchive(database.run, keyring, file)).rejects.toThrow('no archive of this database ends with event 3');
    // fails in the middle of the deletion
    await database.run('alter table audit_archives rename to elsewhere');
    await database.run('create view audit_archives as select * from elsewhere where sequence < 0 union all select * from elsewhere');
    await expect(remove(database, file)).rejects.toThrow();
    await database.run('drop view audit_archives');
    await database.run('alter table elsewhere rename to audit_archives');
    expect(await stateOf(database)).toEqual(before);
    const again = await archive(database, '2026-06');
    expect(await readFile(again.path, 'utf8')).toBe(await readFile(path, 'utf8'));
    await checkArchive(database.run, keyring, again.file);
    expect((await verify()).fault).toBeNull();
  });

  it('deletes nothing if the file no longer matches the database', async () => {
    await write(database, '2026-05', 3);
    const [first, second] = [await writeFileFor(database, '2026-06'), await writeFileFor(database, '2026-06')];
    await tamper(database, 'create temporary table kept as select * from audit_events');
    await tamper(database, `delete from audit_events where action = '2026-05.1'`);
    const before = await stateOf(database);
    await expect(remove(database, first.file)).rejects.toThrow('Nothing was deleted');
    expect(await stateOf(database)).toEqual(before);
    await tamper(database, `insert into audit_events select * from kept where action = '2026-05.1'`, 'drop table kept');
    await database.run('delete from audit_backlog');
    expect(await remove(database, first.file)).toBe(3);
    await expect(remove(database, second.file)).rejects.toThrow('Nothing was deleted');
    expect((await verify()).fault).toBeNull();
  });

  it('refuses an altered log and writes no file', async () => {
    await write(database, '2026-05', 3);
    await tamper(database, `update audit_events set count = 2 where action = '2026-05.1'`);
    await expect(planArchive(database.run, keyring, '2026-06')).rejects.toThrow(/^Nothing was archived: .* \(number 2 .*\) was altered/);
  });

  it('distinguishes an altered file from an altered database', async () => {
    await write(database, '2026-05', 3);
    await write(database, '2026-06', 2);
    const { path } = await archive(database, '2026-06');
    const text = await readFile(path, 'utf8');
    const [header = '', ...lines] = text.trimEnd().split('\n');
    const altered: readonly (readonly [string, RegExp])[] = [
      [text.replace('2026-05.1', '2026-05.7'), /was altered\. Event .* \(number 2 of the chain\) was altered/],
      [[header, lines[1], lines[0], lines[2]].join('\n'), /was altered\. .*number 1 of the chain\) is missing/],
      [[header, lines[0], lines[2]].join('\n'), /was altered\. .*number 2 of the chain\) is missing/],
      [[header, lines[0], lines[1]].join('\n'), /was altered: it ends with event 2 /],
      [[header, ...lines, lines[2]].join('\n'), /was altered\. .*number 4 of the chain\) is missing/],
      [lines.join('\n'), /is not an archive/],
      ['', /is not an archive/],
      [`${header}\n{}`, /was altered: line 2 is not an event/],
      [text.replace('"count":1', '"count":"1"'), /was altered: line 2 is not an event/],
      [text.replace('"reason"', '"note":1,"reason"'), /was altered: line 2 is not an event/],
      [text.replace(/"hash":"\w/, '"hash":"='), /was altered/],
      [text.replaceAll(keyring.active, 'other'), /cannot be verified\. .* does not have its key/],
    ];
    for (const [content, said] of altered) {
      const copy = newPath();
      await writeFile(copy, content);
      expect([said, content === text]).toEqual([said, false]);
      await expect(verifyArchive(copy, keyring)).rejects.toThrow(said);
    }
    // a complete but different file
    const copy = newPath();
    await writeFile(copy, text.replace('"before":"2026-06"', '"before":"2026-07"'));
    await expect(checkArchive(database.run, keyring, await verifyArchive(copy, keyring))).rejects.toThrow('differs from the archived one');
    // the database has not changed meanwhile
    expect((await verify()).fault).toBeNull();
    const changes = {
      hash: 'reverse(hash)',
      before: `'2026-05'`,
      digest: 'reverse(digest)',
      at: `'infinity'`,
      mac: `kid`,
    };
    for (const [column, value] of Object.entries({ ...changes, kid: `'other'` })) {
      await tamper(
        database,
        'create temporary table kept as select * from audit_archives',
        `update audit_archives set ${column} = ${value}`,
      );
      const kind = column === 'kid' ? 'unknown archive key' : 'altered archive';
      expect([column, (await verify()).fault]).toEqual([column, { kind, eventId: null, sequence: 3 }]);
      await expect(verifyArchive(path, keyring).then((file) => checkArchive(database.run, keyring, file))).rejects.toThrow(
        /^The file is intact\. The row of audit_archives with the sequence 3 /,
      );
      await tamper(database, 'delete from audit_archives', 'insert into audit_archives select * from kept', 'drop table kept');
    }
    await tamper(database, 'create temporary table kept as select * from audit_archives', 'delete from audit_archives');
    expect((await verify()).fault).toEqual({ kind: 'missing event', eventId: null, sequence: 1 });
    await tamper(database, 'insert into audit_archives select * from kept', 'drop table kept');
    await tamper(database, 'update audit_archives set sequence = 4');
    expect((await verify()).fault).toMatchObject({ kind: 'altered archive' });
  });

  it('adds no seal after an altered archive', async () => {
    await write(database, '2026-05', 2);
    await archive(database, '2026-06');
    await tamper(database, 'update audit_archives set hash = reverse(hash)');
    await expect(sealEvents({ em: database.orm.em.fork() as SqlEntityManager, keyring })).rejects.toThrow('was altered');
    expect(await database.run('select sequence from audit_seals')).toEqual([]);
  });

  it('compares a kept head with the database or the file that contains it', async () => {
    await write(database, '2026-05', 3);
    await write(database, '2026-06', 1);
    const headAt = async (sequence: number): Promise<ChainHead> => ({
      sequence,
      hash: (await database.run('select hash from audit_seals where sequence = $1', [sequence]))[0]?.['hash'] as string,
    });
    const [second, third, fourth] = [await headAt(2), await headAt(3), await headAt(4)];
    const { path } = await archive(database, '2026-06');
    const after = async (head: ChainHead) => (await verifyAudit(database.run, keyring, { after: head })).fault;
    for (const head of [third, fourth]) expect([(await verify(head)).fault, await after(head)]).toEqual([null, null]);
    const archived = { kind: 'archived', eventId: null, sequence: 2 };
    expect([(await verify(second)).fault, await after(second)]).toEqual([archived, archived]);
    const other = { sequence: 3, hash: fourth.hash };
    expect([(await verify(other)).fault, await after(other)]).toEqual(
      Array.from({ length: 2 }, () => ({ kind: 'other chain', eventId: null, sequence: 3 })),
    );
    expect((await verify({ sequence: 9, hash: fourth.hash })).fault).toEqual({ kind: 'truncated', eventId: null, sequence: 5 });
    for (const head of [second, third]) await expect(verifyArchive(path, keyring, head)).resolves.toBeDefined();
    await expect(verifyArchive(path, keyring, other)).rejects.toThrow('belongs to another chain');
    await expect(verifyArchive(path, keyring, fourth)).rejects.toThrow('does not contain the given head');
    // truncated up to the archive
    await tamper(database, 'truncate audit_events, audit_seals, audit_backlog');
    expect((await verify(fourth)).fault).toEqual({ kind: 'truncated', eventId: null, sequence: 4 });
  });
});

describe('archiving on a server', () => {
  let database: Database;

  beforeAll(async () => {
    database = await freshDatabase({ seeded: false, engine: 'postgresql' });
  }, 60_000);
  afterAll(() => database?.close());

  it('keeps one chain with each event once, in a file or the table, while others write and seal', async () => {
    const warnings: string[] = [];
    const soon = (_: number, signal: AbortSignal) => new Promise<void>((resolve) => (signal.aborted ? resolve() : setImmediate(resolve)));
    const em = database.orm.em as SqlEntityManager;
    const sealing = startSealing({ em, keyring, every: 1, warn: (message) => warnings.push(message), wait: soon, batch: 3 });
    let isWriting = true;
    const writing = (async () => {
      for (let n = 0; n < 40; n += 1) await write(database, '2026-05', 5, false);
      isWriting = false;
    })();
    const archives: string[] = [];
    const heads: ChainHead[] = [];
    while (isWriting || archives.length < 3) {
      const written = await archive(database, '2026-10').catch((error: Error) => {
        if (!error.message.includes('no sealed events')) throw error;
      });
      if (written === undefined) continue;
      archives.push(await readFile(written.path, 'utf8'));
      heads.push(written.file.from, written.file.to);
      await checkArchive(database.run, keyring, written.file);
    }
    await writing;
    await sealing.stop();
    while ((await sealEvents({ em: em.fork(), keyring })) !== 0);
    expect(warnings).toEqual([]);
    for (let n = 2; n < heads.length; n += 2) expect(heads[n]).toEqual(heads[n - 1]);
    const verdict = await verifyAudit(database.run, keyring);
    expect(verdict).toMatchObject({ fault: null, unsealed: 0 });
    const ids = new Set(archives.flatMap((text) => [...text.matchAll(/"id":"([^"]+)"/g)].map(([, id]) => id)));
    for (const { id } of await database.run('select id from audit_events')) expect(ids.has(id as string)).toBe(false);
    expect(ids.size + (await actionsOf(database)).length).toBe(verdict.head.sequence);
    expect(verdict.head.sequence).toBe(200 + archives.length);
  }, 120_000);

  it('runs once if it is started twice', async () => {
    await write(database, '2026-05', 3);
    const { file } = await writeFileFor(database, '2026-10');
    const outcomes = await Promise.allSettled([remove(database, file), remove(database, file)]);
    expect(outcomes.map(({ status }) => status).toSorted()).toEqual(['fulfilled', 'rejected']);
    expect((await verifyAudit(database.run, keyring)).fault).toBeNull();
  });
});

describe('npm run audit:archive', () => {
  const environment = process.env;
  const page = readFileSync(join(project, 'docs', 'operations.md'), 'utf8');
  const suffix = randomBytes(4).toString('hex');
  const [migrator, application] = [`unionhall_migrator_${suffix}`, `unionhall_application_${suffix}`];
  let place: Awaited<ReturnType<typeof serverDatabase>>;
  let superuser: pg.Client;
  let database: Database;

  const urlOf = (role: string, password: string): string => Object.assign(new URL(place.url), { username: role, password }).href;
  const asMigrator = (): string => urlOf(migrator, 'change me');
  const asApplication = (): string => urlOf(application, 'change me too');

  /** Runs an SQL block of the page with the roles and the database of this test. */
  async function runBlock(client: pg.Client, name: string): Promise<void> {
    const [, text = ''] = new RegExp(`\`\`\`sql ${name}\\n([\\s\\S]*?)\`\`\``).exec(page) ?? [];
    const here = text
      .replaceAll('unionhall_migrator', migrator)
      .replaceAll('unionhall_application', application)
      .replaceAll('on database unionhall ', `on database "${new URL(place.url).pathname.slice(1)}" `);
    await client.query(here);
  }

  async function connected(url: string): Promise<pg.Client> {
    const client = new pg.Client({ connectionString: url });
    await client.connect();
    return client;
  }

  /** Returns the output of a command and whether it succeeded. */
  async function run(url: string | null, ...words: string[]): Promise<{ said: string; hasSucceeded: boolean }> {
    const config = join(folder, 'config');
    process.env = { NODE_ENV: 'test', UNIONHALL_CONFIG_DIR: config, UNIONHALL_DATA_DIR: join(folder, 'data'), UNIONHALL_KEYS: keys };
    if (url !== null) process.env['DATABASE_URL'] = url;
    const before = process.exitCode;
    process.exitCode = 0;
    const parts: string[] = [];
    const writes = [process.stdout, process.stderr].map((stream) =>
      jest.spyOn(stream, 'write').mockImplementation((part) => parts.push(String(part)) > 0),
    );
    try {
      await runCommand(words);
      return { said: stripVTControlCharacters(parts.join('')), hasSucceeded: process.exitCode === 0 };
    } finally {
      for (const each of writes) each.mockRestore();
      process.exitCode = before;
      process.env = environment;
    }
  }

  beforeAll(async () => {
    place = await serverDatabase();
    superuser = await connected(place.url);
    await runBlock(superuser, 'roles');
    database = await openDatabase({ databaseUrl: asMigrator(), databasePoolSize: 4, dataDirectory: '' });
    await migrate(database);
    await database.run('create schema pgboss');
    const owner = await connected(asMigrator());
    await runBlock(owner, 'grants');
    await owner.end();
    await write(database, '2026-04', 2);
    await write(database, '2026-05', 2);
    await write(database, '2026-06', 1);
  }, 60_000);
  afterAll(async () => {
    await database?.close();
    await superuser?.end();
    await place?.drop();
    const other = await serverDatabase();
    const cleaner = await connected(other.url);
    for (const role of [migrator, application]) await cleaner.query(`drop role if exists ${role}`);
    await cleaner.end();
    await other.drop();
  });

  it.each([
    [[], 'Usage: unionhall audit:archive'],
    [['--before', '2026-06'], 'Usage: unionhall audit:archive'],
    [['--before', '2026-13', '--output', 'x'], '--before must be a month that has begun'],
    [['--before', '2026-06-01', '--output', 'x'], '--before must be a month that has begun'],
    [['--before', '2999-01', '--output', 'x'], '--before must be a month that has begun'],
  ])('explains what is wrong with %j', async (words, said) => {
    expect(await run(asMigrator(), 'audit:archive', ...words)).toEqual({ said: expect.stringContaining(said), hasSucceeded: false });
  });

  it('is refused for the application role by the command, its privileges and the triggers', async () => {
    const path = newPath();
    const before = await stateOf(database);
    const { said, hasSucceeded } = await run(asApplication(), 'audit:archive', '--before', '2026-06', '--output', path);
    expect([hasSucceeded, said]).toEqual([
      false,
      expect.stringContaining('only the database role that owns the table audit_events can archive'),
    ]);
    await expect(stat(path)).rejects.toThrow('ENOENT');
    const app = await connected(asApplication());
    const codes = async (): Promise<unknown[]> => {
      const found: unknown[] = [];
      await app.query(`set unionhall.archiving = 'on'`);
      await app.query(
        'create temporary table pg_class as select oid, to_regrole(current_user::text)::oid as relowner from pg_catalog.pg_class',
      );
      for (const table of tables)
        for (const text of [`delete from ${table}`, `truncate ${table}`, `update ${table} set sequence = 1`])
          found.push(
            await app.query(text.replace('audit_events set sequence', 'audit_events set count')).catch(({ code }) => code as unknown),
          );
      await app.query('drop table pg_temp.pg_class');
      return found;
    };
    try {
      const denied = Array.from({ length: 9 }, () => '42501');
      expect(await codes()).toEqual(denied);
      const forged = `insert into audit_archives select sequence, hash, '2026-06', '', now(), kid, hash from audit_seals`;
      expect(await app.query(forged).catch(({ code }) => code as unknown)).toBe('42501');
      // privileges that an administrator granted by mistake
      await superuser.query(`grant all on ${tables.join()} to ${application}`);
      expect(await codes()).toEqual(denied);
      await superuser.query(`revoke update, delete, truncate on ${tables.join()} from ${application}`);
      await superuser.query(`revoke insert on audit_archives from ${application}`);
    } finally {
      await app.end();
    }
    expect(await stateOf(database)).toEqual(before);
  });

  it('lets the owner change nothing else, and delete only by archiving', async () => {
    for (const table of tables)
      for (const text of [`delete from ${table}`, `truncate ${table}`])
        await expect(database.run(text)).rejects.toThrow('only be added to');
    const owner = await connected(asMigrator());
    await owner.query(`set unionhall.archiving = 'on'`);
    for (const text of ['truncate audit_events', `update audit_seals set hash = 'x'`, 'delete from audit_archives'])
      await expect(owner.query(text)).rejects.toThrow('can only be added to');
    await owner.end();
  });

  it('archives as the migrator; the application verifies the remaining log and the file', async () => {
    const path = newPath();
    const { head } = await verifyAudit(database.run, keyring);
    const done = await run(asMigrator(), 'audit:archive', '--before', '2026-06', '--output', path);
    expect(done).toEqual({
      hasSucceeded: true,
      said: expect.stringMatching(/^4 events are archived in .*: events 1 to 4 of the chain, written before 2026-06\.\nStore this head/),
    });
    expect((await stat(path)).mode & 0o777).toBe(0o600);
    const [, kept = ''] = /^Store this head and the file outside the database: (\S+)$/m.exec(done.said) ?? [];
    expect(readHead(kept)?.sequence).toBe(4);
    const verified = await run(asApplication(), 'audit:verify', '--head', formatHead(head));
    expect(verified).toEqual({
      hasSucceeded: true,
      said: expect.stringMatching(
        /^5 events are sealed and unchanged; 1 more is waiting to be sealed\.\nOf these, the first 4 are archived\./,
      ),
    });
    const files_ = await run(asApplication(), 'audit:verify', '--archive', path, '--head', kept);
    expect(files_).toEqual({
      hasSucceeded: true,
      said: expect.stringMatching(/is unchanged: events 1 to 4 .* It contains the given head\.\n$/),
    });
    await appendFile(path, '{}\n');
    const altered = await run(asApplication(), 'audit:verify', '--archive', path);
    expect(altered).toEqual({ hasSucceeded: false, said: expect.stringContaining('was altered: line 6 is not an event') });
    expect((await run(asApplication(), 'audit:verify')).hasSucceeded).toBe(true);
    expect((await run(asApplication(), 'audit:verify', '--archive', join(folder, 'none'))).said).toContain('cannot be read (ENOENT)');
    // the keys of archives count like those of seals
    expect((await run(asApplication(), 'keys:status')).said).toMatch(/ audit events +audit seals\n.* active .* 2 +2\n$/);
    const old = await run(asApplication(), 'audit:verify', '--head', kept.replace('4:', '3:'));
    expect(old).toEqual({ hasSucceeded: false, said: expect.stringMatching(/^Number 3 of the chain was archived.*\n$/) });
    expect((await run(asMigrator(), 'audit:archive', '--before', '2026-07', '--output', path)).said).toContain('already exists');
  }, 60_000);

  it('works on the embedded database', async () => {
    expect((await run(null, 'db:migrate')).hasSucceeded).toBe(true);
    const embedded = await openDatabase({ databaseUrl: null, databasePoolSize: 1, dataDirectory: join(folder, 'data') });
    await write(embedded, '2026-05', 3);
    await embedded.close();
    const path = newPath();
    expect((await run(null, 'audit:archive', '--before', '2026-06', '--output', path)).said).toMatch(/^3 events are archived/);
    expect((await run(null, 'audit:verify', '--archive', path)).hasSucceeded).toBe(true);
    const { said } = await run(null, 'audit:verify', '--archive', path, '--json');
    expect(JSON.parse(said)).toEqual({ archive: path, after: 0, head: expect.stringMatching(/^3:/), before: '2026-06' });
    expect((await run(null, 'audit:verify')).said).toMatch(/^3 events are sealed and unchanged; 1 more is waiting/);
  }, 60_000);
});
