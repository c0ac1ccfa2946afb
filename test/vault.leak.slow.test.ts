import { randomBytes } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import pg from 'pg';
import { openSealed } from '../src/services/crypto/box.ts';
import { encryptFernet, readFernetKey } from '../src/services/crypto/fernet.ts';
import { Keyring } from '../src/services/crypto/keyring.ts';
import { readKit } from '../src/services/crypto/kit.ts';
import { openPrivateKey, readPrivateSeal } from '../src/services/crypto/pair.ts';
import { deriveMasterKey, stretch } from '../src/services/crypto/stretch.ts';
import { tokenBytes } from '../src/services/crypto/token.ts';
import { grantContext, recordKey } from '../src/services/crypto/vault.ts';
import { dumpOf, Secrets } from './leak.kit.ts';
import { serverDatabase } from './support/database.ts';
import { buildProgram, runProcess, startProcess, type Process } from './support/process.ts';
import { Keeper } from './vault.kit.ts';

// Makes a thousand reveals in the built service on a real server, with the operator's commands beside it.

const reveals = 1000;
const secrets = new Secrets();
const [oldKey, newKey] = [Keyring.generate(), Keyring.generate()];
const password = secrets.add('password', `Zwölf Boxkämpfer ${randomBytes(6).toString('hex')}`);
const values = new Map(
  Array.from({ length: 10 }, (_, at) => [
    `secret ${at}`,
    secrets.add(`value ${at}`, `“${randomBytes(9).toString('base64')}” \\ & ${at}: ${randomBytes(4 + at * 7).toString('base64url')}`),
  ]),
);

let built: ReturnType<typeof buildProgram>;
let folder: string;
let database: Awaited<ReturnType<typeof serverDatabase>>;
let client: pg.Client;
let service: Process;
let owner: Keeper;
let userId: string;
/** The output of the service and the commands. */
let said = '';
/** The responses, except those that deliver a secret. */
const answers: string[] = [];

const sql = async (text: string, given: readonly unknown[] = []) => (await client.query<Record<string, unknown>>(text, [...given])).rows;
const bytes = (name: string, secret: Uint8Array): string => secrets.add(name, Buffer.from(secret).toString('base64'), Buffer.from(secret));
const environment = (...keys: string[]): Record<string, string> => ({
  NODE_ENV: 'production',
  PORT: '0',
  LOG_LEVEL: 'debug',
  DATABASE_URL: database.url,
  UNIONHALL_KEYS: keys.join(','),
  UNIONHALL_CONFIG_DIR: join(folder, 'config'),
  HIBP_URL: 'off',
});

/** Runs a command with both keys, the new one first. */
async function run(words: readonly string[], input = ''): Promise<{ said: string; hasSucceeded: boolean }> {
  const done = await runProcess(built.program, words, environment(newKey, oldKey), input);
  said += done.said;
  return done;
}

async function post(query: string, variables: object, headers: Record<string, string>) {
  const response = await fetch(`${service.url}/graphql`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', ...headers },
    body: JSON.stringify({ query, variables }),
  });
  const text = await response.text();
  if (!/(unlock|reveal|recover|create)(Vault|Secret)\(/.test(query)) answers.push(text);
  const { data, errors = [] } = JSON.parse(text) as { data: never; errors?: { extensions: { code: string } }[] };
  return { status: response.status, data, errors, codes: errors.map(({ extensions }) => extensions.code), headers: response.headers };
}

async function signIn(): Promise<void> {
  const login = 'mutation ($input: LoginInput!) { login(input: $input) { ... on SignedIn { accessToken user { id } } } }';
  const { data } = await post(login, { input: { identifier: 'rosa', password } }, {});
  const { accessToken, user } = (data as { login: { accessToken: string; user: { id: string } } }).login;
  userId = user.id;
  const authorization = `Bearer ${accessToken}`;
  owner = new Keeper((query, variables, headers) => post(query, variables, { authorization, ...headers }) as never, password);
}

async function unlock(): Promise<void> {
  const token = secrets.add('vault token', await owner.unlock());
  bytes('bytes of a vault token', tokenBytes('vlt1', token) ?? Buffer.alloc(0));
}

/** Decrypts the stored data with the password and the system key, and records every key on the way to the values. */
async function noteKeys(keys: string): Promise<void> {
  const keyring = Keyring.parse(keys);
  const [pair] = await sql('select public_key, sealed_private_key from user_keys where user_id = $1', [userId]);
  const publicKey = Buffer.from(String(pair?.['public_key']), 'base64url');
  const seal = readPrivateSeal(keyring, { userId, publicKey }, String(pair?.['sealed_private_key']));
  const stretched = await stretch(password, seal.stretching);
  const privateKey = openPrivateKey(seal, stretched) ?? Buffer.alloc(0);
  bytes('key from the password', stretched);
  bytes('private key', privateKey);
  const [vault] = await sql('select id from vaults');
  const vaultId = String(vault?.['id']);
  const grants = await sql(
    'select k.id, k.version, g.sealed_key from vault_grants g join vault_keys k on k.id = g.vault_key_id where g.user_id = $1',
    [userId],
  );
  for (const { id, version, sealed_key } of grants) {
    const keyVersion = Number(version);
    const vaultKey = openSealed({ publicKey, privateKey }, grantContext({ vaultId, version: keyVersion, userId }), String(sealed_key));
    bytes(`vault key ${keyVersion}`, vaultKey);
    const stored = await sql(
      'select s.id, s.key_name, v.version, v.salt from secret_versions v join secrets s on s.id = v.secret_id where v.vault_key_id = $1',
      [id],
    );
    for (const row of stored) {
      const facts = { vaultId, secretId: String(row['id']), keyName: String(row['key_name']), version: Number(row['version']), keyVersion };
      bytes(`record key of ${facts.keyName}, ${keyVersion}`, recordKey(vaultKey, String(row['salt']), facts));
    }
  }
}

beforeAll(async () => {
  built = buildProgram();
  folder = await mkdtemp(join(tmpdir(), 'unionhall-vault-'));
  database = await serverDatabase();
  client = new pg.Client({ connectionString: database.url });
  await client.connect();
  for (const [at, key] of [oldKey, newKey].entries()) bytes(`system key ${at}`, Buffer.from(key.split(':')[1] ?? '', 'base64'));
}, 120_000);

afterAll(async () => {
  await service?.stop();
  await client?.end();
  await database?.drop();
  if (folder) await rm(folder, { recursive: true, force: true });
});

describe('in a database without migrations', () => {
  it('read-only commands say what to do', async () => {
    const commands = ['keys:status', 'vault:status', 'audit:verify', 'audit:export'];
    const answers = await Promise.all(commands.map((command) => run([command])));
    for (const [at, { hasSucceeded, said: words }] of answers.entries())
      expect([commands[at], hasSucceeded, words]).toEqual([
        commands[at],
        false,
        expect.stringMatching(/^The database is not migrated .* npm run db:migrate\n$/),
      ]);
  });

  it('writing commands migrate it, and then the others work', async () => {
    expect((await run(['keys:rotate'])).said).toMatch(/^0 user keys and 0 TOTP seeds moved to k/);
    expect((await run(['vault:status'])).said).toBe('The vault does not exist yet.\n');
  });
});

describe('a thousand reveals', () => {
  it('succeed beside a rotation of either key and all kinds of errors', async () => {
    service = await startProcess(built.program, environment(oldKey));
    const setupToken = /sut1\.[\w-]+/.exec(service.said())?.[0];
    const person = { username: 'rosa', email: 'rosa@local.test', firstName: 'Rosa', lastName: 'Delgado', password };
    const setup = 'mutation ($input: SetupOwnerInput!) { setupOwner(input: $input) { accessToken } }';
    expect((await post(setup, { input: { ...person, setupToken } }, {})).codes).toEqual([]);
    await signIn();
    const { recoveryKit } = await owner.see('createVault', { password });
    bytes('private key of the kit', readKit(secrets.add('recovery kit', recoveryKit))?.privateKey ?? Buffer.alloc(0));
    await unlock();
    for (const [name, value] of values) await owner.store(name, value);
    await noteKeys(oldKey);

    const names = [...values.keys()];
    const revealFrom = async (first: number, last: number): Promise<void> => {
      for (let at = first; at < last; at += 1) {
        const name = names[at % names.length] ?? '';
        expect([name, await owner.reveal(name)]).toEqual([name, values.get(name)]);
      }
    };
    const reveal = (count: number) =>
      Promise.all(Array.from({ length: 10 }, (_, at) => revealFrom((at * count) / 10, ((at + 1) * count) / 10)));
    await reveal(reveals / 2);
    await owner.see('rotateVaultKey');
    await owner.see('renameSecret', { keyName: 'secret 9', newKeyName: 'renamed' });
    await owner.see('restoreSecretVersion', { keyName: 'renamed', version: 1 });
    await owner.see('renameSecret', { keyName: 'renamed', newKeyName: 'secret 9' });
    await noteKeys(oldKey);

    said += service.said();
    await service.stop();
    service = await startProcess(built.program, environment(newKey, oldKey));
    expect((await run(['keys:rotate'])).said).toMatch(/^1 user key and 0 TOTP seeds moved to k/);
    await unlock();
    await reveal(reveals / 2);
    expect((await run(['vault:status'])).said).toMatch(new RegExp(`: 11 values\n.*system key:\n  ${newKey.split(':')[0]}: 1$`, 'm'));
    expect((await run(['keys:status'])).said).toMatch(/^k\w+ +kept .*$/m);
    await noteKeys(newKey);

    expect((await owner.ask('unlockVault', { password: secrets.add('wrong password', `${password}!`) })).codes).toEqual([
      'BAD_CREDENTIALS',
    ]);
    expect((await owner.ask('revealSecret', { keyName: 'secret 1' }, `vlt1.${'A'.repeat(43)}`)).codes).toEqual(['VAULT_LOCKED']);
    expect((await owner.ask('storeSecret', { input: { keyName: '', value: values.get('secret 1') } })).codes).toEqual(['BAD_INPUT']);
    const unwritable = secrets.add('value that cannot be stored', 'nicht zu speichern, nirgends');
    await sql('alter table secret_versions rename to away');
    expect((await owner.ask('storeSecret', { input: { keyName: 'secret 1', value: unwritable } })).codes).toEqual(['INTERNAL']);
    await sql('alter table away rename to secret_versions');
    await sql(`alter table audit_events rename to away`);
    expect((await owner.ask('revealSecret', { keyName: 'secret 1' })).codes).toEqual(['INTERNAL']);
    await sql(`alter table away rename to audit_events`);
  }, 60_000);

  it('were each recorded', async () => {
    expect(
      await sql(`select cast(count(*) as int) as count from audit_events where action = 'secret.reveal' and outcome = 'succeeded'`),
    ).toEqual([{ count: reveals }]);
  });

  it('continue beside the commands that take a password or the kit', async () => {
    const kit = secrets.all.find(({ name }) => name === 'recovery kit')?.text ?? '';
    expect((await run(['vault:recover', '--user', 'rosa'], `${kit.slice(0, -1)}\n`)).hasSucceeded).toBe(false);
    expect((await run(['vault:recover', '--user', 'rosa'], `${kit}\n`)).said).toMatch(/^rosa has access to the vault again/);
    const theirs = secrets.add('password of the other install', 'das Wort der anderen Anlage');
    const brought = secrets.add('value that is brought over', 'mitgebracht von drüben: 47 11');
    const [path, salt] = [join(folder, 'other.sqlite'), randomBytes(16)];
    const file = new DatabaseSync(path);
    file.exec('create table auth_config (id integer primary key, password_hash text, fernet_salt text)');
    file.exec('create table secrets_metadata (id integer primary key, key_name text, encrypted_value text, description text)');
    file.prepare(`insert into auth_config values (1, 'x', ?)`).run(salt.toString('base64url').padEnd(24, '='));
    const token = encryptFernet(readFernetKey(await deriveMasterKey(theirs, salt)), Buffer.from(brought));
    file.prepare(`insert into secrets_metadata values (1, 'brought', ?, null)`).run(token);
    file.close();
    const bring = (more: string[], input: string) => run(['vault:import', '--file', path, ...more], input);
    expect((await bring(['--dry-run'], `${theirs}x\n`)).said).toMatch(/cannot be decrypted/);
    // older releases of Node.js warn that their SQLite is experimental
    expect(await bring(['--dry-run'], `${theirs}\n`)).toEqual({
      hasSucceeded: true,
      said: expect.stringMatching(/(^|\n)1 secret can be imported; nothing was stored\.\n$/),
    });
    expect(await sql(`select id from secrets where key_name = 'brought'`)).toEqual([]);
    expect((await bring(['--user', 'rosa'], `${theirs}\n${password}\n`)).said).toMatch(/^Added 1 secret and changed 0;/m);
    expect(await owner.reveal('brought')).toBe(brought);
  }, 60_000);
});

describe('the secrets', () => {
  let dump: Map<string, string>;

  beforeAll(async () => {
    dump = await dumpOf({ run: sql });
    await service.stop();
    said += service.said();
  });

  it('were many of every kind', () => {
    const counts = [
      'value',
      'vault token',
      'vault key',
      'record key',
      'private key',
      'key from the password',
      'recovery kit',
      'system key',
    ].map((kind) => secrets.all.filter(({ name }) => name.startsWith(kind)).length);
    expect(counts).toEqual([12, 2, 2, 21, 2, 1, 1, 2]);
    for (const { text, bytes: secret } of secrets.all) expect(Math.min(text.length, secret.byteLength)).toBeGreaterThan(5);
  });

  it('are not in a dump of the database', () => {
    expect([...dump.keys()]).toEqual(expect.arrayContaining(['public.secret_versions', 'public.vault_sessions', 'pgboss.job']));
    expect(secrets.foundIn(dump)).toEqual([]);
  });

  it('are not in the output of the service and the commands', () => {
    expect(said.split('\n').length).toBeGreaterThan(10);
    expect(secrets.foundIn(new Map([['the logs', said]]))).toEqual([]);
  });

  it('are not in responses, except those that deliver them', () => {
    expect(answers.length).toBeGreaterThan(10);
    expect(secrets.foundIn(new Map([['the answers', answers.join('\n')]]))).toEqual([]);
  });

  it('would be found in any encoding, among other data, so the search works', () => {
    for (const { name, text, bytes: secret } of secrets.all) {
      const low = secret.toString('hex');
      const forms = [text, low, low.toUpperCase(), secret.toString('base64'), secret.toString('base64url'), secret.toString('latin1')];
      const mixed = [...low].map((letter, at) => (at % 2 === 0 ? letter.toUpperCase() : letter)).join('');
      const amid = Buffer.concat([Buffer.from('xy'), secret, Buffer.from('z')]);
      for (const form of [...forms.slice(0, 5), mixed, amid.toString('base64'), amid.toString('base64url')])
        expect(secrets.foundIn(new Map([['a row', `(7,"${form}",t)`]]))).toContain(`${name} in a row`);
    }
    for (const table of ['secret_versions', 'vault_grants', 'vault_sessions', 'user_keys'])
      expect(dump.get(`public.${table}`)).toMatch(/gAAAA|box-v1:|wrap-v3:|seal-v1:/);
  });
});
