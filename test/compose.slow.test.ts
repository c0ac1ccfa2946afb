import 'reflect-metadata';
import { spawnSync } from 'node:child_process';
import { existsSync, readFileSync, statSync } from 'node:fs';
import { cp, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import pg from 'pg';
import { parse } from 'yaml';
import { variables } from '../src/config.ts';
import { project } from './support/house.ts';
import { buildProgram, runProcess, startProcess } from './support/process.ts';
import { startServer, type Server } from './support/server.ts';

interface ServiceFile {
  readonly command?: readonly string[];
  readonly environment?: Readonly<Record<string, string>>;
  readonly secrets?: readonly string[];
  readonly volumes?: readonly string[];
  readonly ports?: readonly string[];
  readonly networks: readonly string[] | Readonly<Record<string, { readonly ipv4_address?: string }>>;
  readonly read_only?: boolean;
  readonly cap_drop?: readonly string[];
  readonly security_opt?: readonly string[];
  readonly mem_limit?: string;
  readonly pids_limit?: number;
  readonly healthcheck?: unknown;
}

interface ComposeFile {
  readonly services: Readonly<Record<string, ServiceFile>>;
  readonly networks: { readonly back: unknown };
  readonly secrets: Readonly<Record<string, { readonly file: string }>>;
}

const read = (file: string): string => readFileSync(join(project, file), 'utf8');
const compose = parse(read('compose.yaml')) as ComposeFile;
const services = Object.entries(compose.services);
const { unionhall, migrate, proxy, database } = compose.services as Record<string, ServiceFile>;
/** Returns the statements of a script or a block of a page, without psql commands. */
const statementsOf = (text: string): string[] => text.split('\n').filter((line) => line.endsWith(';'));

describe('compose.yaml', () => {
  it.each(services)('%s has no privileges, a read-only root file system and resource limits', (_, service) => {
    expect(service).toMatchObject({ read_only: true, cap_drop: ['ALL'], security_opt: ['no-new-privileges:true'] });
    expect([service.mem_limit, service.pids_limit]).toEqual([expect.stringMatching(/^\d+[mg]$/), expect.any(Number)]);
  });

  it('publishes only the proxy, whose address the service trusts', () => {
    expect(services.filter(([, { ports }]) => ports !== undefined).map(([name]) => name)).toEqual(['proxy']);
    const { front } = proxy!.networks as Readonly<Record<string, { readonly ipv4_address?: string }>>;
    expect(unionhall?.environment?.['TRUSTED_PROXIES']).toBe(front?.ipv4_address);
    expect(read('deploy/Caddyfile')).toMatch(/^\{\$DOMAIN\} \{[^}]*reverse_proxy unionhall:4000$/m);
    expect([database?.networks, compose.networks.back]).toEqual([['back'], { internal: true }]);
  });

  it('has its secrets in files that the script writes, and none in the environment', async () => {
    const used = new Set(services.flatMap(([, { secrets = [] }]) => secrets));
    expect([...used].sort()).toEqual(Object.keys(compose.secrets).sort());
    for (const [name, { file }] of Object.entries(compose.secrets)) expect(file).toBe(`deploy/secrets/${name}`);
    for (const [, { environment = {}, secrets = [] }] of services) {
      const paths = Object.values(environment).filter((value) => value.startsWith('/run/secrets/'));
      for (const path of paths) expect(secrets).toContain(path.slice('/run/secrets/'.length));
      expect(JSON.stringify(environment)).not.toMatch(/:\/\/|PASSWORD}|KEYS}|SMTP_URL}/);
    }
    expect(await readFile(join(project, '.gitignore'), 'utf8')).toContain('\ndeploy/secrets/\n');
    expect(read('.dockerignore')).toContain('\ndeploy\n');
  });

  it('refers to existing variables and files', () => {
    for (const { environment = {} } of [unionhall!, migrate!])
      for (const name of Object.keys(environment)) expect(Object.keys(variables)).toContain(name);
    const mounted = services.flatMap(([, { volumes = [] }]) => volumes).filter((volume) => volume.startsWith('./'));
    expect(mounted.length).toBeGreaterThan(2);
    for (const volume of mounted) expect(existsSync(join(project, volume.split(':')[0] ?? ''))).toBe(true);
    for (const script of ['make-secrets.sh', 'roles.sh', 'grants.sh'])
      expect(statSync(join(project, 'deploy', script)).mode & 0o111).not.toBe(0);
  });

  it('checks the health of the container with /livez, like the image', () => {
    const [, health = ''] = /^HEALTHCHECK (.*)$/m.exec(read('Dockerfile')) ?? [];
    expect(health).toMatch(/\/livez`/);
    expect(unionhall?.healthcheck).toBeUndefined();
  });

  it('has the statements of docs/operations.md in its scripts', () => {
    const block = (name: string): string =>
      new RegExp(`\`\`\`sql ${name}\\n([\\s\\S]*?)\`\`\``).exec(read('docs/operations.md'))?.[1] ?? '';
    const roles = statementsOf(read('deploy/roles.sh')).map((line) => line.replaceAll(':"database"', 'unionhall'));
    const neutral = (line: string): string => line.replace(/password .*;$/, 'password …;');
    expect(roles.map(neutral)).toEqual(statementsOf(block('roles')).map(neutral));
    expect(statementsOf(read('deploy/grants.sh'))).toEqual(statementsOf(block('grants')));
  });
});

const psql = spawnSync('psql', ['--version'], { encoding: 'utf8' });
const canRun = psql.status === 0 && process.platform !== 'win32';

describe(canRun ? 'the scripts of deploy' : 'the scripts of deploy, not run: psql is not installed', () => {
  let built: ReturnType<typeof buildProgram>;
  let folder: string;
  let server: Server;
  const secret = (name: string): string => join(folder, 'secrets', name);
  const run = (script: string, environment: Record<string, string> = {}) =>
    spawnSync(join(folder, script), {
      encoding: 'utf8',
      env: { PATH: process.env['PATH'], ROLE_SECRETS: join(folder, 'secrets'), ...environment },
    });
  const inContainer = (service: ServiceFile | undefined): Record<string, string> => ({
    NODE_ENV: 'production',
    PORT: '0',
    LOG_LEVEL: 'silent',
    HIBP_URL: 'off',
    UNIONHALL_CONFIG_DIR: join(folder, 'config'),
    ...Object.fromEntries(
      Object.entries(service?.environment ?? {})
        .filter(([, value]) => !value.startsWith('$'))
        .map(([name, value]) => [name, value.replace('/run/secrets', join(folder, 'secrets'))]),
    ),
  });

  beforeAll(async () => {
    if (!canRun) return;
    folder = await mkdtemp(join(tmpdir(), 'unionhall-compose-'));
    await cp(join(project, 'deploy'), folder, { recursive: true, filter: (path) => !path.includes('secrets/') });
    [built, server] = [buildProgram(), await startServer()];
    const superuser = new pg.Client({ connectionString: server.url });
    await superuser.connect();
    await superuser.query('create database unionhall');
    await superuser.end();
  }, 180_000);
  afterAll(async () => {
    await server?.stop();
    if (folder) await rm(folder, { recursive: true, force: true });
  });

  it('writes secrets once, in a private folder, and an empty one for mail', async () => {
    if (!canRun) return;
    expect(run('make-secrets.sh')).toMatchObject({ status: 0, stderr: '' });
    expect((await readdir(join(folder, 'secrets'))).sort()).toEqual(Object.keys(compose.secrets).sort());
    expect(statSync(join(folder, 'secrets')).mode & 0o777).toBe(0o700);
    const keys = await readFile(secret('keys'), 'utf8');
    expect(run('make-secrets.sh')).toMatchObject({ status: 0 });
    expect(await readFile(secret('keys'), 'utf8')).toBe(keys);
    expect(await readFile(secret('smtp_url'), 'utf8')).toBe('');
  });

  it('creates two roles: the migrator creates the tables, and the service cannot delete its audit log', async () => {
    if (!canRun) return;
    const { port, password } = new URL(server.url);
    for (const name of ['migrator_url', 'application_url'])
      await writeFile(secret(name), (await readFile(secret(name), 'utf8')).replace('@database:5432/', `@127.0.0.1:${port}/`));
    const connection = { PGHOST: '127.0.0.1', PGPORT: port, PGPASSWORD: password, POSTGRES_USER: 'postgres', POSTGRES_DB: 'unionhall' };
    expect(run('roles.sh', connection)).toMatchObject({ status: 0, stderr: '', stdout: '' });
    const migrated = await runProcess(built.program, ['db:migrate'], inContainer(migrate));
    expect(migrated).toEqual({ hasSucceeded: true, said: 'The database is up to date.\n' });
    for (let time = 1; time <= 2; time += 1) expect(run('grants.sh')).toMatchObject({ status: 0, stderr: '', stdout: '' });

    const service = await startProcess(built.program, inContainer(unionhall));
    const client = new pg.Client({ connectionString: (await readFile(secret('application_url'), 'utf8')).trim() });
    try {
      expect((await fetch(`${service.url}/livez`)).status).toBe(200);
      expect((await fetch(`${service.url}/health`)).status).toBe(200);
      await client.connect();
      const { rows } = await client.query('select rolsuper, rolcreatedb, rolcreaterole from pg_roles where rolname = current_user');
      expect(rows).toEqual([{ rolsuper: false, rolcreatedb: false, rolcreaterole: false }]);
      for (const statement of [
        'delete from audit_events',
        'update audit_seals set sequence = 0',
        'truncate audit_events',
        'drop table users',
        'alter table audit_events disable trigger all',
        'create table mine (n int)',
        'insert into mikro_orm_migrations (name) values ($$another$$)',
      ]) {
        const code = await client.query(statement).then(
          () => 'done',
          (error: { code: string }) => error.code,
        );
        expect({ statement, code }).toEqual({ statement, code: '42501' });
      }
    } finally {
      await client.end();
      await service.stop();
    }
  }, 120_000);
});
