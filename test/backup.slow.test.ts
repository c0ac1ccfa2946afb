import { spawnSync } from 'node:child_process';
import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import pg from 'pg';
import { project } from './support/house.ts';
import { buildProgram, runProcess, startProcess, type Process } from './support/process.ts';
import { startServer, type Server } from './support/server.ts';

// Runs the commands of docs/backup.md: backs up a service, removes its server, and restores into an empty server.

/** The newest PostgreSQL that Debian installed, because the embedded one from npm has no pg_dump. */
const installed = ((): string | undefined => {
  const root = '/usr/lib/postgresql';
  const versions = existsSync(root) ? readdirSync(root).toSorted((one, other) => Number(other) - Number(one)) : [];
  return versions.map((version) => join(root, version)).find((folder) => existsSync(join(folder, 'bin', 'pg_dump')));
})();

/** Returns a block of a page by its language and name. */
function blockOf(page: string, name: string): string {
  const [, text] = new RegExp(`\`\`\`${name}\\n([\\s\\S]*?)\`\`\``).exec(readFileSync(join(project, 'docs', page), 'utf8')) ?? [];
  if (text === undefined) throw new Error(`docs/${page} has no block ${name}.`);
  return text;
}

const password = 'correct horse battery';
const [migrator, application] = [
  { username: 'unionhall_migrator', password: 'change me' },
  { username: 'unionhall_application', password: 'change me too' },
];

describe(installed ? 'a backup' : 'a backup, not tried: Debian has no PostgreSQL installed', () => {
  let built: ReturnType<typeof buildProgram>;
  let folder: string;
  let server: Server | undefined;
  let service: Process | undefined;
  let configDirectory: string;

  const urlOf = (login: { username: string; password: string }): string =>
    Object.assign(new URL(server?.url ?? ''), { ...login, pathname: '/unionhall' }).href;
  const environmentFor = (url: string): Record<string, string> => ({
    NODE_ENV: 'production',
    PORT: '0',
    LOG_LEVEL: 'warn',
    HIBP_URL: 'off',
    AUDIT_SEAL_EVERY: '1',
    DATABASE_URL: url,
    UNIONHALL_CONFIG_DIR: configDirectory,
  });
  const run = async (...words: string[]) => await runProcess(built.program, words, environmentFor(urlOf(application)));

  /** Runs a block of the page in the backup folder. */
  function shell(text: string): void {
    const env = {
      PATH: `${installed}/bin:${process.env['PATH']}`,
      MIGRATOR_URL: urlOf(migrator),
      SUPERUSER_URL: (server?.url ?? '').replace(/\/postgres$/, ''),
      UNIONHALL_CONFIG_DIR: configDirectory,
    };
    const { status, stderr } = spawnSync('sh', ['-euc', text], { cwd: folder, env, encoding: 'utf8' });
    expect({ status, stderr }).toEqual({ status: 0, stderr: '' });
  }

  /** Creates the database and the two roles on an empty server. */
  async function createDatabase(): Promise<void> {
    server = await startServer({ installed });
    shell(blockOf('backup.md', 'sh create'));
    await execute(Object.assign(new URL(server.url), { pathname: '/unionhall' }).href, blockOf('operations.md', 'sql roles'));
  }

  async function execute(connectionString: string, statements: string): Promise<void> {
    const client = new pg.Client({ connectionString });
    await client.connect();
    try {
      await client.query(statements);
    } finally {
      await client.end();
    }
  }

  async function send(
    query: string,
    variables: object = {},
    headers: Record<string, string> = {},
  ): Promise<Record<string, Record<string, string>>> {
    const response = await fetch(`${service?.url}/graphql`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', ...headers },
      body: JSON.stringify({ query, variables }),
    });
    const { data, errors } = (await response.json()) as { data: Record<string, Record<string, string>>; errors?: unknown };
    expect(errors).toBeUndefined();
    return data;
  }

  async function unlockVault(accessToken = ''): Promise<Record<string, string>> {
    const authorization = `Bearer ${accessToken}`;
    const unlock = 'mutation ($password: String!) { unlockVault(password: $password) { vaultToken } }';
    const { unlockVault } = await send(unlock, { password }, { authorization });
    return { authorization, 'x-vault-token': unlockVault?.['vaultToken'] ?? '' };
  }

  beforeAll(async () => {
    if (!installed) return;
    folder = await mkdtemp(join(tmpdir(), 'unionhall-backup-'));
    configDirectory = join(folder, 'config');
    built = buildProgram();
  }, 180_000);
  afterAll(async () => {
    await service?.stop();
    await server?.stop();
    if (folder) await rm(folder, { recursive: true, force: true });
  });

  let head = '';

  it('a backup of a running service with an owner, a vault and a secret succeeds', async () => {
    if (!installed) return;
    await createDatabase();
    expect(await runProcess(built.program, ['db:migrate'], environmentFor(urlOf(migrator)))).toMatchObject({ hasSucceeded: true });
    await execute(urlOf(migrator), blockOf('operations.md', 'sql grants'));
    service = await startProcess(built.program, environmentFor(urlOf(application)));
    const [setupToken] = /sut1\.[\w-]{43}/.exec(service.said()) ?? [];
    const input = { setupToken, username: 'rosa', email: 'rosa@local.example', password, firstName: 'Rosa', lastName: 'Delgado' };
    const claim = 'mutation ($input: SetupOwnerInput!) { setupOwner(input: $input) { accessToken } }';
    const { setupOwner } = await send(claim, { input });
    const accessToken = setupOwner?.['accessToken'];
    const create = 'mutation ($password: String!) { createVault(password: $password) { recoveryKit } }';
    await send(create, { password }, { authorization: `Bearer ${accessToken}` });
    const store = 'mutation ($input: StoreSecretInput!) { storeSecret(input: $input) { keyName } }';
    await send(store, { input: { keyName: 'bank', value: 'the value' } }, await unlockVault(accessToken));
    while (head === '') [, head = ''] = /(\d+:[\w-]{43})\s*$/.exec((await run('audit:verify')).said) ?? [];
    shell(blockOf('backup.md', 'sh backup'));
    const options = { ...environmentFor(urlOf(migrator)), PATH: `${installed}/bin` };
    expect(await runProcess(built.program, ['backup', '--output', join(folder, 'whole')], options)).toMatchObject({ hasSucceeded: true });
    const without = await runProcess(built.program, ['backup', '--output', join(folder, 'none')], { ...options, PATH: folder });
    expect(without).toMatchObject({ hasSucceeded: false, said: expect.stringContaining('pg_dump is not installed.') });
    for (const file of ['unionhall.dump', 'unionhall-config.tar.gz']) expect(statSync(join(folder, file)).mode & 0o777).toBe(0o600);
  }, 120_000);

  it('restoring it into an empty server lets the owner sign in and reveal the secret', async () => {
    if (!installed) return;
    await service?.stop();
    await server?.stop();
    await rm(configDirectory, { recursive: true });
    configDirectory = join(folder, 'restored');
    await createDatabase();
    shell(blockOf('backup.md', 'sh restore'));
    expect(await run('audit:verify', '--head', head)).toMatchObject({ hasSucceeded: true });
    const other = head.replace(/.$/, (last) => (last === 'A' ? 'E' : 'A'));
    expect(await run('audit:verify', '--head', other)).toMatchObject({ hasSucceeded: false });
    service = await startProcess(built.program, environmentFor(urlOf(application)));
    const signIn = 'mutation ($input: LoginInput!) { login(input: $input) { ... on SignedIn { accessToken } } }';
    const { login } = await send(signIn, { input: { identifier: 'rosa', password } });
    const reveal = 'mutation { revealSecret(keyName: "bank") { value } }';
    expect(await send(reveal, {}, await unlockVault(login?.['accessToken']))).toEqual({
      revealSecret: { value: 'the value' },
    });
  }, 120_000);

  it('one command restores it as well', async () => {
    if (!installed) return;
    await service?.stop();
    await server?.stop();
    configDirectory = join(folder, 'restored by command');
    await createDatabase();
    const superuser = Object.assign(new URL(server?.url ?? ''), { pathname: '/unionhall' }).href;
    const options = { ...environmentFor(superuser), PATH: `${installed}/bin` };
    expect(await runProcess(built.program, ['restore', '--input', join(folder, 'whole')], options)).toMatchObject({ hasSucceeded: true });
    const again = await runProcess(built.program, ['restore', '--input', join(folder, 'whole')], options);
    expect(again).toMatchObject({ hasSucceeded: false, said: expect.stringContaining('is not empty') });
    service = await startProcess(built.program, environmentFor(urlOf(application)));
    const signIn = 'mutation ($input: LoginInput!) { login(input: $input) { ... on SignedIn { accessToken } } }';
    const { login } = await send(signIn, { input: { identifier: 'rosa', password } });
    expect(login?.['accessToken']).toMatch(/./);
  }, 120_000);
});
