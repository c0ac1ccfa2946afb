import { execFileSync, spawnSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { PassThrough } from 'node:stream';
import { DatabaseSync } from 'node:sqlite';
import { afterAll, beforeAll, describe, expect, it, jest } from '@jest/globals';
import type { SqlEntityManager } from '@mikro-orm/postgresql';
import { importVault, recover } from '../src/command/vault.ts';
import { readConfig } from '../src/config.ts';
import type { Database } from '../src/database/index.ts';
import { encryptFernet, readFernetKey } from '../src/services/crypto/fernet.ts';
import { Keyring } from '../src/services/crypto/keyring.ts';
import { deriveMasterKey } from '../src/services/crypto/stretch.ts';
import { importSecrets, readForeign, wipe } from '../src/services/vault/import.ts';
import { withQuestions } from '../src/command/terminal.ts';
import { Clock } from './support/local.ts';
import { aNode, bearer, seededDatabase, type Node } from './support/node.ts';
import { Keeper, password } from './vault.kit.ts';

const keyring = Keyring.parse(Keyring.generate());
const clock = new Clock();
const theirs = 'the word of the Python install';
let database: Database;
let node: Node;
let owner: Keeper;
let folder: string;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'unionhall-import-'));
  database = await seededDatabase(keyring);
  node = await aNode({ database, keyring, clock });
  await database.run(`update users set is_owner = true where username = 'admin'`, []);
  const login = 'mutation ($input: LoginInput!) { login(input: $input) { ... on SignedIn { accessToken } } }';
  const { data } = await node.ask<{ login: { accessToken: string } }>(login, { input: { identifier: 'admin', password } });
  const authorization = bearer(data.login.accessToken);
  owner = new Keeper((query, variables, headers) => node.ask(query, variables, { ...authorization, ...headers }) as never, password);
  await owner.see('createVault', { password });
  await owner.unlock();
});

afterAll(async () => rm(folder, { recursive: true, force: true }));

/** Writes a file of such an installation. */
async function aFile(name: string, secrets: readonly (readonly [keyName: string, value: string, description?: string])[]): Promise<string> {
  const path = join(folder, name);
  const salt = randomBytes(16);
  const key = readFernetKey(await deriveMasterKey(theirs, salt));
  const file = new DatabaseSync(path);
  file.exec(`create table auth_config (id integer primary key, password_hash varchar(256) not null, fernet_salt varchar(44) not null,
      created_at datetime not null, updated_at datetime not null);
    create table secrets_metadata (id integer primary key, key_name varchar(128) not null unique, encrypted_value text not null,
      description text, created_at datetime not null, updated_at datetime not null)`);
  const written = salt.toString('base64').replaceAll('+', '-').replaceAll('/', '_');
  file.prepare(`insert into auth_config values (1, '$argon2id$…', ?, '2026-01-01', '2026-01-01')`).run(written);
  const insert = file.prepare(`insert into secrets_metadata values (null, ?, ?, ?, '2026-01-01', '2026-01-01')`);
  for (const [keyName, value, description] of secrets) insert.run(keyName, encryptFernet(key, Buffer.from(value)), description ?? null);
  file.close();
  return path;
}

const em = () => database.orm.em.fork() as SqlEntityManager;
const tools = { keyring, now: clock.now, versionsKept: 10 };

async function bring(path: string, who = { username: 'admin', password }) {
  const secrets = await readForeign(path, theirs);
  try {
    return await importSecrets({ em: em(), ...tools }, who, secrets);
  } finally {
    wipe(secrets);
  }
}

describe('a Python installation', () => {
  it('is imported completely, and again without a change', async () => {
    await owner.store('mail', 'the same');
    await owner.store('broker', 'of this one');
    const path = await aFile('whole.sqlite', [
      ['bank', 'the bank’s — “key”', 'The bank.'],
      ['mail', 'the same'],
      ['broker', 'of the other one'],
    ]);
    expect(await bring(path)).toEqual({ added: 1, changed: 1, unchanged: 1 });
    expect(await Promise.all(['bank', 'mail', 'broker'].map((name) => owner.reveal(name)))).toEqual([
      'the bank’s — “key”',
      'the same',
      'of the other one',
    ]);
    expect(await owner.reveal('broker', 1)).toBe('of this one');
    expect(await owner.see('secret', { keyName: 'bank' })).toMatchObject({
      description: 'The bank.',
      updatedBy: { fullName: 'Ruth Calloway' },
    });
    expect(await bring(path)).toEqual({ added: 0, changed: 0, unchanged: 3 });
    const events = await database.run(
      `select count(*)::int as count, count(distinct request_id)::int as runs from audit_events
       where action = 'secret.import' and request_id like 'host-%'`,
      [],
    );
    expect(events).toEqual([{ count: 2, runs: 1 }]);
  });

  it('is read only with its own password, completely or not at all, without showing values', async () => {
    const path = await aFile('wrong.sqlite', [['bank', 'a value not to be told']]);
    await expect(readForeign(path, 'another')).rejects.toThrow(/"bank" cannot be decrypted/);
    const file = new DatabaseSync(path);
    file.prepare(`insert into secrets_metadata values (null, 'c', ?, null, '', '')`).run('gAAAAA');
    file.close();
    await expect(readForeign(path, theirs)).rejects.toThrow(/"c" cannot be decrypted/);
  });

  it('gets a message for each secret that does not open or cannot be stored', async () => {
    const path = await aFile('several.sqlite', [
      ['bank', 'of another install'],
      ['broker', ''],
      ['mail', 'x'],
      ['wire', 'of another install'],
    ]);
    const file = new DatabaseSync(path);
    const token = encryptFernet(randomBytes(32), Buffer.from('x'));
    file.prepare(`update secrets_metadata set encrypted_value = ? where key_name = 'bank'`).run(token);
    file.prepare(`update secrets_metadata set encrypted_value = 7 where key_name = 'wire'`).run();
    file.close();
    const lines = await readForeign(path, theirs).catch((error: Error) => error.message.split('\n'));
    expect(lines).toEqual([
      expect.stringMatching(/^The secret "bank" cannot be decrypted/),
      expect.stringMatching(/^The secret "wire" cannot be decrypted/),
    ]);
  });

  it.each<[string, (salt: Buffer) => Buffer]>([
    ['as it is', (salt) => salt],
    ['in base64', (salt) => Buffer.from(salt.toString('base64').replaceAll('+', '-').replaceAll('/', '_'))],
  ])('is read with a salt in bytes, %s', async (what, written) => {
    const path = await aFile(`salt ${what}.sqlite`, [['bank', 'x']]);
    const file = new DatabaseSync(path);
    const salt = Buffer.from(String(file.prepare('select fernet_salt from auth_config').get()?.['fernet_salt']), 'base64url');
    file.prepare('update auth_config set fernet_salt = ?').run(written(salt));
    file.close();
    expect((await readForeign(path, theirs)).map(({ keyName }) => keyName)).toEqual(['bank']);
  });

  it.each<[string, readonly (readonly [string, string, string?])[], RegExp]>([
    ['a value with a character that is none', [['nul', 'a\0b']], /"nul" is not text/],
    ['such a description', [['nul', 'v', 'a\0b']], /"nul" has a description that is not text/],
    ['a name that cannot be kept', [['x'.repeat(201), 'v']], /1 to 200 characters/],
    ['a value that is too long', [['long', 'x'.repeat(65_537)]], /"long" has a value of more than 64 kB/],
  ])('is refused with %s', async (what, secrets, message) => {
    await expect(readForeign(await aFile(`${what}.sqlite`, secrets), theirs)).rejects.toThrow(message);
  });

  it('must have the right file format', async () => {
    const path = join(folder, 'text.sqlite');
    await writeFile(path, 'no database at all');
    await expect(readForeign(path, theirs)).rejects.toThrow(/must be a readable SQLite database/);
    const nowhere = join(folder, 'nowhere.sqlite');
    await expect(readForeign(nowhere, theirs)).rejects.toThrow(`The file ${nowhere} does not exist.`);
    await expect(readForeign(join(path, 'within.sqlite'), theirs)).rejects.toThrow('cannot be read (ENOTDIR)');
    await expect(readForeign(folder, theirs)).rejects.toThrow(/must be a readable SQLite database/);
    const empty = await aFile('empty.sqlite', []);
    const file = new DatabaseSync(empty);
    file.exec('delete from auth_config');
    file.close();
    await expect(readForeign(empty, theirs)).rejects.toThrow(/never set up/);
  });

  it('is stored by a user with access, with their own password', async () => {
    const path = await aFile('access.sqlite', [['never', 'stored']]);
    await expect(bring(path, { username: 'admin', password: 'wrong' })).rejects.toThrow('The password of admin is incorrect');
    await expect(bring(path, { username: 'officer', password })).rejects.toThrow('No active user with that username has access');
    await expect(bring(path, { username: 'nobody', password })).rejects.toThrow('No active user with that username has access');
    expect(await owner.reveal('never')).toBe('NOT_FOUND');
  });
});

describe('on a terminal', () => {
  const typed = 'hunter2-never-shown';

  /** A terminal that answers each question with a text that must be hidden. */
  function terminal(answer = `${typed}\r`): { input: PassThrough & { isTTY: boolean }; output: PassThrough; shown: () => string } {
    const [input, output] = [Object.assign(new PassThrough(), { isTTY: true }), new PassThrough()];
    let shown = '';
    const controls = new RegExp(`${String.fromCharCode(27)}\\[\\d*[A-Z]`, 'g');
    output.on('data', (part: Buffer) => {
      shown += part.toString().replace(controls, '');
      if (shown.endsWith(': ')) setImmediate(() => (answer === '^D' ? input.end() : input.write(answer)));
    });
    return { input, output, shown: () => shown.replaceAll('\r', '') };
  }
  const config = () => readConfig({ UNIONHALL_CONFIG_DIR: join(folder, 'config'), DATABASE_URL: 'postgres://127.0.0.1:1/none' });

  it('both passwords are hidden', async () => {
    const path = await aFile('typed.sqlite', [['bank', 'a value']]);
    const [trial, real] = [terminal(), terminal()];
    await expect(importVault(config(), { file: path, dryRun: true }, trial)).rejects.toThrow('"bank" cannot be decrypted');
    expect(trial.shown()).toBe('Password of the imported installation (hidden): \n');
    await expect(importVault(config(), { file: path, user: 'rosa' }, real)).rejects.toThrow('"bank" cannot be decrypted');
    expect(real.shown()).toBe('Password of the imported installation (hidden): \nPassword of rosa (hidden): \n');
  });

  it('an empty value is skipped and named, and the rest is read', async () => {
    const path = await aFile('empty value.sqlite', [
      ['bank', 'a value'],
      ['broker', ''],
      ['mail', 'another'],
      ['wire', ''],
    ]);
    const write = jest.spyOn(process.stdout, 'write').mockReturnValue(true);
    try {
      await importVault(config(), { file: path, dryRun: true }, terminal(`${theirs}\r`));
      expect(write.mock.calls.map(([text]) => text)).toEqual([
        '2 secrets can be imported; nothing was stored.\nSkipped because the value is empty: "broker", "wire".\n',
      ]);
    } finally {
      write.mockRestore();
    }
  });

  it('the recovery kit is hidden', async () => {
    const there = terminal();
    await expect(recover(config(), { user: 'rosa' }, there)).rejects.toThrow('ECONNREFUSED');
    expect(there.shown()).toBe('Recovery kit (hidden): \n');
  });

  it('or elsewhere, lines that arrive together are used as consecutive answers', async () => {
    for (const isTTY of [true, false]) {
      const [input, output] = [Object.assign(new PassThrough(), { isTTY }), new PassThrough()];
      const answers = withQuestions({ input, output }, async (questions) => [
        await questions.askSecretly('One'),
        await questions.ask('Two: '),
        await questions.askSecretly('Three'),
      ]);
      input.end('first\r\nsecond\nthird\n');
      expect(await answers).toEqual(['first', 'second', 'third']);
      if (!isTTY) expect(output.read()).toBeNull();
    }
  });

  it('nothing happens if the input ends', async () => {
    await expect(recover(config(), { user: 'rosa' }, terminal('^D'))).rejects.toThrow('Nothing was changed: no input was given.');
  });
});

const python = '/usr/bin/python3';
const hasPython = spawnSync(python, ['-c', 'import cryptography.fernet']).status === 0;
if (hasPython || process.env['CI'] === '1')
  describe('files that Python itself wrote', () => {
    it('are read', async () => {
      const path = join(folder, 'python.sqlite');
      const program = `import base64, os, sqlite3, sys
from cryptography.fernet import Fernet
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.kdf.pbkdf2 import PBKDF2HMAC
salt = os.urandom(16)
key = base64.urlsafe_b64encode(PBKDF2HMAC(algorithm=hashes.SHA256(), length=32, salt=salt, iterations=480000).derive(sys.argv[2].encode()))
db = sqlite3.connect(sys.argv[1])
db.execute('create table auth_config (id integer primary key, password_hash text, fernet_salt text)')
db.execute('create table secrets_metadata (id integer primary key, key_name text, encrypted_value text, description text)')
db.execute('insert into auth_config values (1, ?, ?)', ('x', base64.urlsafe_b64encode(salt).decode()))
db.execute('insert into secrets_metadata values (1, ?, ?, null)', ('from python', Fernet(key).encrypt('wértvoll'.encode()).decode()))
db.commit()`;
      execFileSync(python, ['-c', program, path, theirs]);
      const [secret] = await readForeign(path, theirs);
      expect([secret?.keyName, secret?.value.toString()]).toEqual(['from python', 'wértvoll']);
      expect(await bring(path)).toMatchObject({ added: 1 });
      expect(await owner.reveal('from python')).toBe('wértvoll');
    });
  });
