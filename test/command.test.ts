import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { stripVTControlCharacters } from 'node:util';
import { afterAll, beforeAll, describe, expect, it, jest } from '@jest/globals';
import { buildProgram, runCommand } from '../src/command/index.ts';
import { Keyring } from '../src/services/crypto/keyring.ts';
import { memberColumns } from '../src/services/member/import-members.ts';
import { organizationColumns } from '../src/services/organization/import-organizations.ts';

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

/** Returns the stderr and the exit code of a command. */
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
    [['vault:import', '--bogus'], "Unknown option '--bogus'.\nUsage: unionhall vault:import --file x.sqlite [options]"],
    [['vault:import', '--file', 'x.sqlite'], 'Either --user or --dry-run is required.'],
    [
      ['vault:recover', '--user'],
      "Option '--user <username>' argument missing.\nUsage: unionhall vault:recover --user <username> [options]",
    ],
    [['doctor', '--jsn'], "Unknown option '--jsn'.\n(Did you mean --json?)\nUsage: unionhall doctor [options]"],
    [['users:recover'], "Required option '--user <username>' not specified.\nUsage: unionhall users:recover --user <username> [options]"],
    [['audit:verify', '--a.b'], "Unknown option '--a.b'.\nUsage: unionhall audit:verify [options]"],
    [['seed', '-x'], "Unknown option '-x'.\nUsage: unionhall seed [options]"],
    [['db:reset', '--bogus'], "Unknown option '--bogus'.\nUsage: unionhall db:reset [options]"],
    [
      ['keys:rotate', 'now'],
      "Too many arguments for 'keys:rotate'. Expected 0 arguments but got 1.\nUsage: unionhall keys:rotate [options]",
    ],
    [['members:import'], "Required option '--file <file>' not specified.\nUsage: unionhall members:import --file members.csv [options]"],
    [['users:import', 'a', '--file', 'b'], 'Name one file.\nUsage: unionhall users:import --file users.jsonl [options]'],
    [['key:status'], "Unknown command 'key:status'.\n(Did you mean keys:status?)\nList the commands: unionhall --help"],
  ])('with the wrong arguments %j prints its usage and does nothing', async (words, said) => {
    const { said: text, code } = await run(...words);
    expect([stripVTControlCharacters(text), code]).toEqual([`${said}\n`, 1]);
    expect(await readdir(folder)).toEqual([]);
  });

  it.each([['audit:verify'], ['keys:status'], ['keys:retire', 'k1']])('%s creates no keyring', async (...words) => {
    const { said, code } = await run(...words);
    const directory = join(folder, 'config');
    expect([stripVTControlCharacters(said), code]).toEqual([
      `There is no keyring in ${directory}. A start makes one for a new database; for one that was used before, restore its keyring.\n`,
      1,
    ]);
    expect(await readdir(folder)).toEqual([]);
  });

  it.each(['db:migrate', 'seed', 'audit:verify', 'keys:status', 'vault:status', 'mail:redrive', 'worker'])(
    '%s reports in a sentence that the database is unreachable',
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

  it.each(['db:migrate', 'keys:status'])('%s reports in a sentence that the Unix socket does not exist', async (name) => {
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

describe('the help', () => {
  const print = async (...words: string[]): Promise<string> => {
    const parts: string[] = [];
    const write = jest.spyOn(process.stdout, 'write').mockImplementation((part) => parts.push(String(part)) > 0);
    try {
      await runCommand(words);
      return parts.join('');
    } finally {
      write.mockRestore();
    }
  };
  const { scripts } = JSON.parse(readFileSync(join(import.meta.dirname, '..', 'package.json'), 'utf8')) as {
    scripts: Record<string, string>;
  };
  const names = buildProgram(() => Promise.resolve()).commands.map((command) => command.name());

  it('lists every npm script that runs a command', async () => {
    const run = Object.values(scripts).flatMap((script) => /^node scripts\/run\.js (\S+)/.exec(script)?.[1] ?? []);
    expect(run.length).toBeGreaterThan(20);
    expect(run.filter((name) => !names.includes(name))).toEqual([]);
    const text = await print();
    expect(names.filter((name) => name !== 'seed:phase2' && !text.includes(`  ${name}`))).toEqual([]);
  });

  it.each(names)('of %s prints its usage', async (name) => {
    expect(await print(name, '--help')).toMatch(new RegExp(`^Usage: unionhall ${name} .*\n\n\\S`));
  });

  it('of an import lists the columns with their alternative names', async () => {
    for (const [name, columns] of Object.entries({ 'members:import': memberColumns, 'organizations:import': organizationColumns })) {
      const text = await print(name, '--help');
      const all = Object.entries(columns).flatMap(([column, { names: others = [] }]) => [column, ...others]);
      expect(all.filter((each) => !text.includes(each))).toEqual([]);
    }
  });

  it('of the settings describes the input of a test', async () => {
    expect(await print('settings', '--help')).toContain('{"host":"db.example","port":5432,');
  });

  /** Runs bash with the completion script, and returns the suggestions for a line. */
  async function complete(line: string): Promise<string[]> {
    const script = `${await print('completion', 'bash')}
      COMP_LINE="$1" COMP_POINT=\${#1}; _unionhall; printf '%s\\n' "\${COMPREPLY[@]}"`;
    const { stdout } = spawnSync('bash', ['-c', script, 'bash', line], { encoding: 'utf8' });
    return stdout.split('\n').filter(Boolean);
  }

  it.each([
    ['unionhall do', ['doctor']],
    ['unionhall users:unl', ['unlock']],
    ['unionhall settings s', ['show', 'save']],
    ['unionhall members:import --da', ['--dates']],
    ['unionhall nothing --d', []],
  ])('completes "%s" in bash', async (line, offered) => {
    expect(await complete(line)).toEqual(offered);
  });
});

it('suggests what to do if a package of the seeds is missing', async () => {
  jest.unstable_mockModule('../seeds/index.ts', () => {
    throw Object.assign(new Error("Cannot find package 'absent'"), { code: 'ERR_MODULE_NOT_FOUND' });
  });
  const { said, code } = await run('seed');
  expect(stripVTControlCharacters(said)).toContain('run `npm ci`, or set SEED=0 to start with an empty database.\n');
  expect(said).not.toContain('absent');
  expect(code).toBe(1);
});
