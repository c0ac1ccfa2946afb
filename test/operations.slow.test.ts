import { randomBytes } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import pg from 'pg';
import { Keyring } from '../src/services/crypto/keyring.ts';
import { serverDatabase } from './support/database.ts';
import { project } from './support/house.ts';
import { buildProgram, runProcess, startProcess, startWorker, type Process } from './support/process.ts';

// Checks the promises of docs/operations.md with its own statements and commands, in processes of the built service.

const page = readFileSync(join(project, 'docs', 'operations.md'), 'utf8');
const suffix = randomBytes(4).toString('hex');
const [migrator, application] = [`unionhall_migrator_${suffix}`, `unionhall_application_${suffix}`];

let built: ReturnType<typeof buildProgram>;
let folder: string;
let database: Awaited<ReturnType<typeof serverDatabase>>;
let superuser: pg.Client;
let app: pg.Client;
let service: Process | undefined;
const keys = Keyring.generate();

/** Returns an SQL block of the page with the roles and the database of this run. */
function block(name: string): string {
  const [, text] = new RegExp(`\`\`\`sql ${name}\\n([\\s\\S]*?)\`\`\``).exec(page) ?? [];
  if (text === undefined) throw new Error(`The page has no block ${name}`);
  const name_ = new URL(database.url).pathname.slice(1);
  return text
    .replaceAll('unionhall_migrator', migrator)
    .replaceAll('unionhall_application', application)
    .replaceAll('on database unionhall ', `on database "${name_}" `);
}

const urlOf = (role: string, password: string): string => {
  const url = new URL(database.url);
  [url.username, url.password] = [role, password];
  return url.href;
};
const connected = async (connectionString: string): Promise<pg.Client> => {
  const client = new pg.Client({ connectionString });
  await client.connect();
  return client;
};
const environmentFor = (url: string): Record<string, string> => ({
  NODE_ENV: 'production',
  PORT: '0',
  LOG_LEVEL: 'warn',
  DATABASE_URL: url,
  UNIONHALL_KEYS: keys,
  UNIONHALL_CONFIG_DIR: folder,
  HIBP_URL: 'off',
  AUDIT_SEAL_EVERY: '1',
  CLEANUP_EVERY: '1',
});
const asMigrator = () => environmentFor(urlOf(migrator, 'change me'));
const asApplication = () => environmentFor(urlOf(application, 'change me too'));
const run = (...words: string[]) => runProcess(built.program, words, asApplication());

beforeAll(async () => {
  built = buildProgram();
  folder = await mkdtemp(join(tmpdir(), 'unionhall-operations-'));
  database = await serverDatabase();
  superuser = await connected(database.url);
}, 180_000);

afterAll(async () => {
  await service?.stop();
  await app?.end();
  await superuser?.end();
  await database?.drop();
  const { url, drop } = await serverDatabase();
  const cleaner = await connected(url);
  for (const role of [migrator, application]) await cleaner.query(`drop role if exists ${role}`);
  await cleaner.end();
  await drop();
  if (folder) await rm(folder, { recursive: true, force: true });
});

const ask = async (query: string, variables: object = {}): Promise<{ data: Record<string, unknown>; errors?: unknown }> => {
  const response = await fetch(`${service?.url}/graphql`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ query, variables }),
  });
  return (await response.json()) as { data: Record<string, unknown> };
};
const value = async (text: string): Promise<unknown> => {
  const { rows } = await superuser.query<Record<string, unknown>>(text);
  return Object.values(rows[0] ?? {})[0];
};
/** Runs a statement, and returns its SQLSTATE, or that it succeeded. */
const tried = async (client: pg.Client, text: string): Promise<string> =>
  client.query(text).then(
    () => 'done',
    (error: { code: string }) => error.code,
  );

describe('the two roles in the documentation', () => {
  it('are created by its statements, and the tables by its command', async () => {
    await superuser.query(block('roles'));
    const early = await run('keys:rotate');
    expect([early.hasSucceeded, early.said]).toEqual([
      false,
      expect.stringMatching(/^The role in DATABASE_URL lacks a privilege .* npm run db:migrate\n$/),
    ]);
    const { said, hasSucceeded } = await runProcess(built.program, ['db:migrate'], asMigrator());
    expect([hasSucceeded, said]).toEqual([true, 'The database is up to date.\n']);
    const owner = await connected(urlOf(migrator, 'change me'));
    await owner.query(block('grants'));
    await owner.query(block('grants')); // repeated each time
    await owner.end();
  }, 60_000);

  it('let the service run as the application role', async () => {
    service = await startProcess(built.program, asApplication());
    const [token] = /sut1\.[\w-]{43}/.exec(service.said()) ?? [];
    const input = {
      setupToken: token,
      username: 'rosa',
      email: 'rosa@local.example',
      password: 'correct horse battery',
      firstName: 'Rosa',
      lastName: 'Delgado',
    };
    const { data, errors } = await ask('mutation ($input: SetupOwnerInput!) { setupOwner(input: $input) { accessToken } }', { input });
    expect([errors, data]).toEqual([undefined, { setupOwner: { accessToken: expect.any(String) } }]);
    expect(await ask('{ grievances { totalCount } }')).toMatchObject({ errors: [{ extensions: { code: 'UNAUTHENTICATED' } }] });
    while (Number(await value('select count(*) from denials')) === 0) await new Promise(setImmediate);
    while (Number(await value('select count(*) from audit_backlog')) > 0) await new Promise(setImmediate);
    expect(Number(await value('select count(*) from audit_seals'))).toBeGreaterThan(0);
    expect(service.said()).not.toMatch(/permission denied|"level":50|could not/);
  }, 60_000);

  describe('give the application role no way', () => {
    beforeAll(async () => {
      app = await connected(urlOf(application, 'change me too'));
    });

    const denied = '42501';
    it.each(['audit_events', 'audit_seals'])('to change %s', async (table) => {
      const function_ = String(
        await value(
          `select p.proname from pg_trigger t join pg_proc p on p.oid = t.tgfoid where t.tgrelid = '${table}'::regclass and tgname like '%only_grow'`,
        ),
      );
      const column = table === 'audit_events' ? 'action' : 'hash';
      const before = await value(`select md5(string_agg(t::text, ',' order by t::text)) from ${table} t`);
      for (const attempt of [
        `update ${table} set ${column} = 'x'`,
        `update ${table} set ${column} = 'x' where false`,
        `delete from ${table}`,
        `delete from ${table} where false`,
        `truncate ${table}`,
        `truncate ${table} cascade`,
        `select * from ${table} for update`,
        `drop table ${table}`,
        `drop table ${table} cascade`,
        `alter table ${table} disable trigger all`,
        `alter table ${table} disable trigger ${table}_only_grow`,
        `drop trigger ${table}_only_grow on ${table}`,
        `alter trigger ${table}_only_grow on ${table} rename to other`,
        `create trigger other before insert on ${table} for each row execute function suppress_redundant_updates_trigger()`,
        `create rule other as on insert to ${table} do instead nothing`,
        `drop function "${function_}" cascade`,
        `create or replace function "${function_}"() returns trigger as $$ begin return null; end; $$ language plpgsql`,
        `alter function "${function_}" owner to current_user`,
        `alter table ${table} rename to other`,
        `alter table ${table} rename column ${column} to other`,
        `alter table ${table} alter column ${column} type text using 'x'`,
        `alter table ${table} add column other int`,
        `alter table ${table} owner to ${application}`,
        `alter table ${table} enable row level security`,
        `alter table ${table} set schema pgboss`,
        `drop schema public cascade`,
        `create table public.other (id int)`,
        `set session_replication_role = replica`,
        `set role ${migrator}`,
        `set session authorization ${migrator}`,
        `drop owned by ${migrator}`,
        `reassign owned by ${migrator} to ${application}`,
        `alter role ${application} superuser`,
        `grant ${migrator} to ${application}`,
        `update mikro_orm_migrations set name = 'x'`,
        `delete from mikro_orm_migrations`,
      ])
        expect([attempt, await tried(app, attempt)]).toEqual([attempt, denied]);
      // PostgreSQL answers this with a warning
      await tried(app, `grant all on ${table} to ${application}`);
      expect(await tried(app, `delete from ${table}`)).toBe(denied);
      expect(await tried(app, `merge into ${table} t using (select 1) s on true when matched then delete`)).toBe(denied);
      expect(await tried(app, `insert into ${table} select * from ${table} on conflict do nothing`)).toBe('done');
      expect(await value(`select md5(string_agg(t::text, ',' order by t::text)) from ${table} t`)).toBe(before);
    });

    it('to remove an event from the backlog unnoticed', async () => {
      await service?.stop();
      service = undefined;
      await app.query(
        `insert into audit_events (id, at, action, outcome, request_id, count, mac) select '01900000-0000-7000-8000-0000000000bb', at, action, outcome, request_id, count, mac from audit_events limit 1`,
      );
      const { said, hasSucceeded } = await run('audit:verify');
      expect([hasSucceeded, said]).toEqual([
        false,
        expect.stringContaining('Event 01900000-0000-7000-8000-0000000000bb (not sealed) was altered'),
      ]);
      await superuser.query('alter table audit_events disable trigger user');
      await superuser.query(`delete from audit_events where id = '01900000-0000-7000-8000-0000000000bb'`);
      await superuser.query('alter table audit_events enable trigger user');
      expect((await run('audit:verify')).said).toContain('Event 01900000-0000-7000-8000-0000000000bb (not sealed) is missing.');
      await superuser.query(`delete from audit_backlog where event_id = '01900000-0000-7000-8000-0000000000bb'`);
      expect((await run('audit:verify')).hasSucceeded).toBe(true);
    }, 60_000);
  });

  it('beyond what the triggers leave the migrator, and verification detects changes by the owner', async () => {
    const owner = await connected(urlOf(migrator, 'change me'));
    for (const attempt of [`update audit_events set action = 'x'`, 'delete from audit_seals', 'truncate audit_events, audit_seals'])
      expect(await tried(owner, attempt)).toBe('42501');
    const id = await value('select event_id from audit_seals where sequence = 1');
    const action = await value(`select action from audit_events where id = '${String(id)}'`);
    await owner.query('alter table audit_events disable trigger user');
    await owner.query('update audit_events set action = $1 where id = $2', ['logout', id]);
    const { said, hasSucceeded } = await run('audit:verify');
    expect([hasSucceeded, said]).toEqual([false, expect.stringContaining(`Event ${String(id)} (number 1 of the chain) was altered`)]);
    await owner.query('update audit_events set action = $1 where id = $2', [action, id]);
    await owner.query('alter table audit_events enable trigger user');
    await owner.end();
  }, 60_000);
});

describe('the commands in the documentation', () => {
  let head: string;

  it('verify the log and print its head', async () => {
    const { said, hasSucceeded } = await run('audit:verify');
    const sealed = String(await value('select count(*) from audit_seals'));
    const events = Number(sealed) === 1 ? '1 event is' : `${sealed} events are`;
    expect([hasSucceeded, said]).toEqual([
      true,
      expect.stringMatching(new RegExp(`^${events} sealed and unchanged; 0 more are waiting to be sealed\\.\n`)),
    ]);
    head = /^Store this head outside the database: (\d+:[\w-]{43})$/m.exec(said)?.[1] ?? '';
    expect(head).toBe(`${sealed}:${String(await value(`select hash from audit_seals order by sequence desc limit 1`))}`);
    expect((await run('audit:verify', '--head', head)).said).toContain('The log contains the given head.');
  }, 60_000);

  it('refuse an invalid head, and detect a truncated end', async () => {
    expect(await run('audit:verify', '--head', 'x')).toMatchObject({
      hasSucceeded: false,
      said: expect.stringContaining('--head must be'),
    });
    const [sequence = '', hash = ''] = head.split(':');
    const { said, hasSucceeded } = await run('audit:verify', '--head', `${Number(sequence) + 1}:${hash}`);
    expect([hasSucceeded, said]).toEqual([false, expect.stringContaining('the log ends before the given head')]);
    const other = await run('audit:verify', '--head', `${sequence}:${'a'.repeat(43)}`);
    expect([other.hasSucceeded, other.said]).toEqual([false, expect.stringContaining('the log was rewritten')]);
  }, 60_000);

  it('show what depends on the keys', async () => {
    const { said } = await run('keys:status');
    expect(said).toMatch(/audit events +audit seals/);
    expect(said.trim().split('\n').at(-1)).toMatch(
      new RegExp(`active .* ${String(await value('select count(*) from audit_events'))} +${head.split(':')[0]}$`),
    );
  }, 60_000);

  it('requeue dead letters', async () => {
    await superuser.query(
      `insert into pgboss.job (name, data, policy) select 'mail-dead', jsonb_build_object('kind', 'security-alert', 'userId', id,
         'alert', 'account-locked', 'at', '2026-01-15T17:03:00.000Z'), 'standard' from users`,
    );
    const waiting = `select count(*)::int from pgboss.job where name = 'mail' and data->>'alert' = 'account-locked'`;
    expect(await value(waiting)).toBe(0);
    expect(await run('mail:redrive')).toEqual({ hasSucceeded: true, said: '1 mail is back in the queue.\n' });
    expect(await value(waiting)).toBe(1);
    expect(await run('mail:redrive')).toEqual({ hasSucceeded: true, said: '0 mails are back in the queue.\n' });
  }, 60_000);

  it('export JSON lines, to stdout or to a new file', async () => {
    const { said, hasSucceeded } = await run('audit:export');
    expect(hasSucceeded).toBe(true);
    const lines = said
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line) as { id: string; seal: { sequence: number } });
    expect(lines.length).toBe(Number(await value('select count(*) from audit_events')));
    const file = join(folder, 'audit.jsonl');
    expect((await run('audit:export', '--output', file)).hasSucceeded).toBe(true);
    expect(await readFile(file, 'utf8')).toBe(said);
    expect(await run('audit:export', '--output', file)).toMatchObject({
      hasSucceeded: false,
      said: expect.stringContaining('already exists'),
    });
    expect((await run('audit:export', '--output', join(folder, 'no', 'where'))).said).toContain('cannot be written (ENOENT)');
    expect((await run('audit:export', '--from', '2999-01-01')).said).toBe('The audit log has no events in this range.\n');
    expect((await run('audit:export', '--to', '2999-01-01T00:00:00Z')).said).toBe(said);
    for (const wrong of ['yesterday', '2026-13-01', '2026-02-30', '1'])
      expect([wrong, await run('audit:export', '--from', wrong)]).toEqual([
        wrong,
        { hasSucceeded: false, said: expect.stringContaining('--from must be a date or a date and time') },
      ]);
  }, 60_000);
});

describe('migrations', () => {
  const ways: Readonly<Record<string, (environment: Record<string, string>) => Promise<void>>> = {
    'npm start': async (environment) => await (await startProcess(built.program, environment)).stop(),
    'npm run worker': async (environment) => await (await startWorker(built.program, environment)).stop(),
    'npm run db:migrate': async (environment) =>
      expect(await runProcess(built.program, ['db:migrate'], environment)).toMatchObject({ hasSucceeded: true }),
  };

  it.each(Object.keys(ways))(
    'of %s bypass the pooler, without a time-out',
    async (way) => {
      const empty = await serverDatabase();
      const holder = await connected(empty.url);
      await holder.query('begin; create table mikro_orm_migrations (id int)');
      let isOver = false;
      const running = ways[way]?.({
        ...environmentFor(empty.url),
        DATABASE_DIRECT_URL: `${empty.url}?application_name=direct`,
        REQUEST_TIMEOUT: '1',
      }).finally(() => (isOver = true));
      running?.catch(() => undefined);
      const asked = 'select application_name as by from pg_stat_activity where pg_blocking_pids(pid) <> array[]::int[] and datname = $1';
      const name = new URL(empty.url).pathname.slice(1);
      const waiting: unknown[] = [];
      try {
        while (waiting.length === 0 && !isOver) waiting.push(...(await superuser.query(asked, [name])).rows);
        expect([await Promise.race([running, Promise.resolve(null)]), waiting]).toEqual([null, [{ by: 'direct' }]]);
        await setTimeout(3_500); // longer than the statement and idle-transaction time-outs
        await holder.query('rollback');
        await running;
        expect((await holder.query('select count(*)::int as members from members')).rows).toEqual([{ members: 0 }]);
      } finally {
        await holder.end();
        await running?.catch(() => undefined);
        await empty.drop();
      }
    },
    60_000,
  );
});
