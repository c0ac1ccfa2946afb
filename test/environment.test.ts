import { spawnSync } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it, jest } from '@jest/globals';
import { ConfigError, readConfig, variables } from '../src/config.ts';
import { project } from './support/house.ts';

/** A script for every version of Node.js that npm may find, so it has no types. */
const { readEnvironment, warnOfUnknown } = (await import(String('../scripts/environment.js'))) as {
  readEnvironment(file: string): Record<string, string>;
  warnOfUnknown(names: readonly string[], variables: object): void;
};

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'unionhall-environment-'));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

const text = 'NODE_ENV=production\r\nMAIL_FROM="Local 5 – Zürich <a@b.example>"\r\n';
const written = async (bytes: Uint8Array): Promise<string> => {
  await writeFile(join(folder, '.env'), bytes);
  return join(folder, '.env');
};

describe('.env', () => {
  it.each(['', '\ufeff'])('is read as UTF-8, with Windows line endings, and with the byte order mark %j', async (mark) => {
    expect(readEnvironment(await written(Buffer.from(mark + text)))).toEqual({
      NODE_ENV: 'production',
      MAIL_FROM: 'Local 5 – Zürich <a@b.example>',
    });
  });

  it.each([
    ['UTF-16 (little endian)', Buffer.from(`\ufeff${text}`, 'utf16le')],
    ['UTF-16 (big endian)', Buffer.from(`\ufeff${text}`, 'utf16le').swap16()],
    ['UTF-16 or UTF-32 without a byte order mark', Buffer.from(text, 'utf16le')],
    ['not UTF-8, possibly Windows-1252', Buffer.from('MAIL_FROM=Zürich <a@b.example>', 'latin1')],
  ])('is refused by every npm script when it is %s', async (encoding, bytes) => {
    const file = await written(bytes);
    expect(() => readEnvironment(file)).toThrow(`.env is ${encoding}`);
    const script = join(project, 'scripts', 'run.js');
    const { status, stderr, stdout } = spawnSync(process.execPath, [script, 'start'], { cwd: folder, encoding: 'utf8' });
    expect([status, stdout, stderr]).toEqual([1, '', expect.stringMatching(/^\.env is .*Save it as UTF-8\.\n$/)]);
  });

  it('causes a warning about unknown names in one line, without values', () => {
    const said = jest.spyOn(console, 'error').mockImplementation(() => undefined);
    try {
      warnOfUnknown(['PORT', 'TRUSTED_PROXY', 'toString'], variables);
      warnOfUnknown(['PORT'], variables);
      expect(said.mock.calls).toEqual([['.env has unknown settings: TRUSTED_PROXY, toString. docs/configuration.md lists all settings.']]);
    } finally {
      said.mockRestore();
    }
  });
});

/** Returns the configuration's message about one variable. Null if it is valid. */
function said(environment: Record<string, string>): string | null {
  try {
    readConfig(environment);
    return null;
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    return error.problems.join('\n');
  }
}

describe('a setting', () => {
  it.each([
    ['TRUSTED_PROXIES', ['nginx', '10.0.0.0/33', '10.0.0.0/-1', '10.0.0.0/8/8', '::1/129', '10.0.0'], /must list IP addresses or networks/],
    ['TRUSTED_PROXIES', ['0.0.0.0/0', '::/0', '10.0.0.0/08'], /must list IP addresses or networks/],
    [
      'CORS_ORIGINS',
      ['*', 'https://*.a.example', 'null', 'https://a.example/', 'https://a.example/path', 'a.example', 'ftp://a.example'],
      /must list origins/,
    ],
    [
      'MAIL_FROM',
      ['not an address', 'a@b, c@d', 'Local <a>', 'Local <a@b', ''.padEnd(301, 'a@b')],
      /^MAIL_FROM must (?:be an e-mail address|have at most 300 characters)/,
    ],
    ['MAIL_FROM', ['Local 5: Zürich <a@b.example>', 'Local; 5 <a@b.example>'], /a name that contains : or ; in double quotes/],
    [
      'DATABASE_URL',
      ['postgres://u@h/d?sslmode=allow', 'postgres://u@h/d?sslmode='],
      /must have one of these values as sslmode: disable, /,
    ],
    ['DATABASE_URL', ['u@h', 'http://u@h/d', 'postgres://u@h:70000/d'], /must be the address of a PostgreSQL server: postgres:/],
    ['DATABASE_URL', ['postgres://u:p%@h/d', 'postgres://u:%zz@h/d'], /write %25 for a literal %/],
    ['PUBLIC_URL', ['https://a.example/?a=b', 'https://u:secret@a.example'], /must have no user and no query/],
    ['SMTP_URL', ['smtp://u:p%@h', 'smtps://u:p%zz@h'], /write %25 for a literal %/],
    ['DATABASE_URL', ['postgres://u:p@h', 'postgres://u:p@h/', 'postgres://u:p@h/?sslmode=require'], /must name a database/],
    ['DATABASE_URL', ['postgres://u@a,b/d', 'postgres://u:p,x@a:1,b:2/d'], /must name one host/],
    ['DATABASE_URL', ['postgres://u@/d?host=a'], /for the folder of a Unix socket/],
    ['DATABASE_URL', ['postgres://u@h/d?sslrootcert=/no/such', 'postgres://u@h/d?sslkey=/no/such'], /cannot be read \(ENOENT\)/],
    [
      'DATABASE_URL',
      [
        'options=-c%20statement_timeout=0',
        'statement_timeout=0',
        'query_timeout=0',
        'lock_timeout=0',
        'TimeZone=Asia/Tokyo',
        'idle_in_transaction_session_timeout=0',
        'connectionTimeoutMillis=0',
        'user=x',
      ].map((parameter) => `postgres://u:secret@h/d?sslmode=require&${parameter}`),
      /may only have the parameters .*: the service sets time-outs and the time zone itself/,
    ],
  ])('%s is refused as %j, with the correct form', (name, values, problem) => {
    for (const value of values) {
      const problems = said({ [name]: value });
      expect({ value, problems }).toEqual({ value, problems: expect.stringMatching(problem) });
      expect(problems).toMatch(new RegExp(`^${name} `));
      expect(problems).not.toContain('secret');
    }
  });

  it.each([
    ['TRUSTED_PROXIES', '10.0.0.0/8, ::1,fd00::/8 , 127.0.0.1'],
    ['CORS_ORIGINS', 'https://a.example, http://localhost:3000'],
    ['MAIL_FROM', '"Local 5, Zürich" <a@b.example>'],
    ['MAIL_FROM', '"Local 5: Zürich" <a@b.example>'],
    ['MAIL_FROM', 'Local 5, Zürich <a@b.example>'],
    ['MAIL_FROM', 'a@b.example'],
    ['PUBLIC_URL', 'https://a.example/app/#'],
    ['DATABASE_URL', 'postgres://u:p,x%25@[::1]:5432/d?sslmode=verify-full'],
    ['DATABASE_URL', 'postgresql://user@/db?host=/socket'],
    ['DATABASE_URL', 'postgres://u@h/d?application_name=direct'],
  ])('%s is accepted as %s', (name, value) => {
    expect(said({ [name]: value })).toBeNull();
  });

  it('can come from a file, which may be empty only for the mail server', async () => {
    const file = await written(Buffer.from('postgres://u:p@h/d\n'));
    expect(readConfig({ DATABASE_URL_FILE: file }).databaseUrl).toBe('postgres://u:p@h/d');
    expect(said({ DATABASE_URL_FILE: file, DATABASE_URL: 'postgres://u@h/d' })).toBe(
      'DATABASE_URL and DATABASE_URL_FILE must not both be set',
    );
    expect(said({ SMTP_URL_FILE: join(folder, 'none') })).toBe('SMTP_URL_FILE names a file that cannot be read (ENOENT)');
    const empty = await written(Buffer.from('\n'));
    expect(readConfig({ SMTP_URL_FILE: empty }).mail.smtp).toBeNull();
    for (const name of ['DATABASE_URL', 'DATABASE_DIRECT_URL', 'ADMIN_PASSWORD'])
      expect(said({ [`${name}_FILE`]: empty })).toBe(`${name}_FILE must name a file that is not empty`);
  });
});
