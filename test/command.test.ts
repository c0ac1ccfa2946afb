import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { stripVTControlCharacters } from 'node:util';
import { afterAll, beforeAll, describe, expect, it, jest } from '@jest/globals';
import { runCommand } from '../src/command/index.ts';
import { Keyring } from '../src/services/crypto/keyring.ts';

const environment = process.env;
let folder: string;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'unionhall-command-'));
  process.env = { NODE_ENV: 'test', UNIONHALL_CONFIG_DIR: join(folder, 'config'), UNIONHALL_DATA_DIR: join(folder, 'data') };
});

afterAll(async () => {
  process.env = environment;
  await rm(folder, { recursive: true, force: true });
});

/** What a command says on stderr, and its exit code. */
async function run(...words: string[]): Promise<{ said: string; code: typeof process.exitCode }> {
  const before = process.exitCode;
  const parts: string[] = [];
  const write = jest.spyOn(process.stderr, 'write').mockImplementation((part) => parts.push(String(part)) > 0);
  try {
    await runCommand(words);
    return { said: parts.join(''), code: process.exitCode };
  } finally {
    write.mockRestore();
    process.exitCode = before;
  }
}

describe('a command', () => {
  it.each<[readonly string[], string]>([
    [['vault:import', '--bogus'], `Unknown option '--bogus'. Usage: npm run vault:import -- --file x.sqlite (--user rosa | --dry-run)`],
    [
      ['vault:import', 'x.sqlite'],
      `Unexpected argument 'x.sqlite'. Usage: npm run vault:import -- --file x.sqlite (--user rosa | --dry-run)`,
    ],
    [['vault:recover', '--bogus=x'], `Unknown option '--bogus'. Usage: npm run vault:recover -- --user rosa`],
    [['vault:recover', '--user'], `Option '--user <value>' argument missing. Usage: npm run vault:recover -- --user rosa`],
    [['users:recover', '--bogus'], `Unknown option '--bogus'. Usage: npm run users:recover -- --user rosa`],
    [['users:recover'], 'Usage: npm run users:recover -- --user rosa'],
    [
      ['audit:verify', '--a.b'],
      `Unknown option '--a.b'. Usage: npm run audit:verify -- [--head number:hash] [--after number:hash | --archive audit.jsonl]`,
    ],
    [['seed', '-x'], `Unknown option '-x'. Usage: npm run seed -- [--phase 0|1|2] [--scale 1000]`],
    [['db:reset', '--bogus'], `Unknown option '--bogus'. Usage: npm run db:reset -- [--force]`],
    [['vault:status', '--bogus'], 'vault:status takes no arguments: npm run vault:status'],
    [['keys:rotate', 'now'], 'keys:rotate takes no arguments: npm run keys:rotate'],
  ])('that is asked %j says in one line how to ask it, and does nothing', async (words, said) => {
    const { said: text, code } = await run(...words);
    expect([stripVTControlCharacters(text), code]).toEqual([`${said}\n`, 1]);
    expect(await readdir(folder)).toEqual([]);
  });

  it.each([['audit:verify'], ['keys:status'], ['keys:retire', 'k1']])('%s makes no keyring', async (...words) => {
    const { said, code } = await run(...words);
    const directory = join(folder, 'config');
    expect([stripVTControlCharacters(said), code]).toEqual([
      `There is no keyring in ${directory}. A start makes one for a new database; for one that was used before, restore its keyring.\n`,
      1,
    ]);
    expect(await readdir(folder)).toEqual([]);
  });

  it.each(['db:migrate', 'seed', 'audit:verify', 'keys:status', 'vault:status', 'mail:redrive', 'worker'])(
    '%s says in a sentence that the database cannot be reached',
    async (name) => {
      process.env['DATABASE_URL'] = 'postgres://u:p@127.0.0.1:1/x';
      process.env['UNIONHALL_KEYS'] = Keyring.generate();
      const { said, code } = await run(name);
      delete process.env['DATABASE_URL'];
      expect([stripVTControlCharacters(said), code]).toEqual([
        'Connection failed: REFUSED. The host refused the connection: no server listens on this port.\n',
        1,
      ]);
    },
  );

  it.each(['db:migrate', 'keys:status'])('%s says in a sentence that there is no Unix socket', async (name) => {
    process.env['DATABASE_URL'] = `postgres://u@/x?host=${folder}`;
    process.env['UNIONHALL_KEYS'] = Keyring.generate();
    const { said, code } = await run(name);
    delete process.env['DATABASE_URL'];
    delete process.env['UNIONHALL_KEYS'];
    expect([stripVTControlCharacters(said), code]).toEqual([
      'Connection failed: UNREACHABLE. The host does not exist, is unreachable, or accepts no more connections.\n',
      1,
    ]);
  });
});
