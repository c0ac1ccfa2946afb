import { chmod, mkdir, mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { createHmac, hkdfSync } from 'node:crypto';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { inspect } from 'node:util';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { frame, fromBase64Url } from '../../src/services/crypto/framing.ts';
import { loadKeyring } from '../../src/services/crypto/keyfile.ts';
import { Keyring, KeyringError } from '../../src/services/crypto/keyring.ts';

const key = (number: number, length = 32) => Buffer.from(hkdfSync('sha256', String(number), '', '', length)).toString('base64');

describe('a keyring', () => {
  it('has its first key active, and the others beside it', () => {
    const keyring = Keyring.parse(`new:${key(1)}, old:${key(2)}\n`);
    expect(keyring.active).toBe('new');
    expect([keyring.has('new'), keyring.has('old'), keyring.has('other'), keyring.has('__proto__')]).toEqual([true, true, false, false]);
  });

  it('can be created', () => {
    const [one, other] = [Keyring.generate(), Keyring.generate()];
    expect(one).not.toBe(other);
    expect(Keyring.parse(one).active).toBe(one.split(':')[0]);
  });

  it.each([
    ['', 'empty'],
    ['  \n', 'empty'],
    ['a', 'must have the form'],
    [key(1), 'must have the form'],
    [`:${key(1)}`, 'name of key 1'],
    [`a b:${key(1)}`, 'name of key 1'],
    [`a.b:${key(1)}`, 'name of key 1'],
    [`${'a'.repeat(33)}:${key(1)}`, 'name of key 1'],
    [`a:${key(1)},b:${key(2, 31)}`, 'Key 2 of the keyring must be base64 of exactly 32'],
    [`a:${key(1, 33)}`, 'exactly 32'],
    ['a:', 'exactly 32'],
    [`a:${key(1)} x`, 'exactly 32'],
    [`a:${key(1).replace('=', '')}`, 'exactly 32'],
    [`a:${key(1).replace('8=', '9=')}`, 'exactly 32'],
    [`a:${key(1)},a:${key(2)}`, 'has the name of an earlier one'],
    [`a:${key(1)},b:${key(1)}`, 'is the same as an earlier one'],
    [`a:${key(1)},`, 'must have the form'],
  ])('refuses %# without showing it', (text, message) => {
    const parse = () => Keyring.parse(text);
    expect(parse).toThrow(KeyringError);
    expect(parse).toThrow(message);
    try {
      parse();
    } catch (error) {
      expect(inspect(error)).not.toContain(key(1).slice(0, 12));
    }
  });

  it('derives a separate key for each key and purpose', () => {
    const keyring = Keyring.parse(`a:${key(1)},b:${key(2)}`);
    const derived = [
      keyring.purpose('a', 'audit'),
      keyring.purpose('a', 'access-token'),
      keyring.purpose('b', 'audit'),
      Buffer.from(key(1), 'base64'),
    ].map((bytes) => bytes.toString('hex'));
    expect(new Set(derived).size).toBe(4);
    expect(keyring.purpose('a', 'audit')).toEqual(
      Buffer.from(hkdfSync('sha256', Buffer.from(key(1), 'base64'), '', frame('unionhall', 'audit'), 32)),
    );
    expect(() => keyring.purpose('c', 'audit')).toThrow(KeyringError);
  });

  it('returns bytes that the caller may zero, and stable objects', () => {
    const keyring = Keyring.parse(`a:${key(1)}`);
    const bytes = keyring.purpose('a', 'audit');
    const mac = createHmac('sha256', bytes).update('x').digest();
    bytes.fill(0);
    expect(keyring.secret('a', 'audit')).toBe(keyring.secret('a', 'audit'));
    expect(keyring.mac('a', 'audit', 'x')).toEqual(mac);
  });

  it('does not print its keys', () => {
    const keyring = Keyring.parse(`a:${key(1)}`);
    keyring.secret('a', 'audit');
    for (const text of [inspect(keyring, { depth: 9, showHidden: true }), JSON.stringify(keyring), String(keyring)])
      expect(text).not.toMatch(/AQEB|0101|01 01/);
  });
});

describe('framing', () => {
  it('encodes no two lists of fields the same', () => {
    const lists = [['ab', 'c'], ['a', 'bc'], ['abc'], ['abc', ''], ['abc', null], ['', 'abc'], [null, 'abc'], []];
    expect(new Set(lists.map((fields) => frame(...fields).toString('hex'))).size).toBe(lists.length);
    expect(frame(12)).toEqual(frame('12'));
  });

  it('accepts base64url in its canonical form only', () => {
    expect(fromBase64Url('AQI')).toEqual(Buffer.from([1, 2]));
    for (const text of ['', 'AQJ', 'AQI=', 'AQ+/', 'A', ' AQI', 'AQI\n', 'AQ I']) expect(fromBase64Url(text)).toBeNull();
  });
});

describe('loadKeyring', () => {
  let directory: string;
  beforeEach(async () => {
    directory = await mkdtemp(join(tmpdir(), 'unionhall-keys-'));
  });
  afterEach(async () => rm(directory, { recursive: true, force: true }));

  it('uses only the given text', async () => {
    expect((await loadKeyring({ keys: `a:${key(1)}`, directory, mayMake: true })).active).toBe('a');
    expect(await readdir(directory)).toEqual([]);
  });

  it('uses the given file', async () => {
    const file = join(directory, 'mounted');
    await writeFile(file, `m:${key(1)}\n`, { mode: 0o444 });
    expect((await loadKeyring({ keys: file, directory, mayMake: false })).active).toBe('m');
  });

  it.each([key(1), '/no/such/file', './no/such', `${key(3)}/x`])('never shows a wrong value that was given as a path', async (keys) => {
    const error: unknown = await loadKeyring({ keys, directory, mayMake: true }).catch((thrown: unknown) => thrown);
    expect(error).toBeInstanceOf(KeyringError);
    expect(String(error)).toMatch(/UNIONHALL_KEYS is neither .*ENOENT/);
    expect(inspect(error)).not.toContain(keys);
  });

  it('says what to set if there is no keyring and none may be created', async () => {
    await expect(loadKeyring({ keys: null, directory, mayMake: false })).rejects.toThrow(/Set UNIONHALL_KEYS, or set UNIONHALL_CONFIG_DIR/);
    expect(await readdir(directory)).toEqual([]);
  });

  it('creates one that only its owner can read, and finds it again', async () => {
    const inner = join(directory, 'a', 'b');
    const made = await loadKeyring({ keys: null, directory: inner, mayMake: true });
    expect((await stat(join(inner, 'keys'))).mode & 0o777).toBe(0o600);
    expect((await stat(inner)).mode & 0o777).toBe(0o700);
    expect(await readdir(inner)).toEqual(['keys']);
    expect((await loadKeyring({ keys: null, directory: inner, mayMake: false })).active).toBe(made.active);
  });

  it('creates one keyring when many processes start at once', async () => {
    const inner = join(directory, 'race');
    const made = await Promise.all(Array.from({ length: 20 }, () => loadKeyring({ keys: null, directory: inner, mayMake: true })));
    expect(new Set(made.map(({ active }) => active)).size).toBe(1);
    expect(await readdir(inner)).toEqual(['keys']);
  });

  it.each([0o640, 0o604, 0o644, 0o620])('refuses a file that others can read or write (%i)', async (mode) => {
    await writeFile(join(directory, 'keys'), `a:${key(1)}`);
    await chmod(join(directory, 'keys'), mode);
    await expect(loadKeyring({ keys: null, directory, mayMake: true })).rejects.toThrow(/chmod 0600/);
  });

  it('refuses a directory where others can replace the file', async () => {
    await loadKeyring({ keys: null, directory, mayMake: true });
    await chmod(directory, 0o777);
    await expect(loadKeyring({ keys: null, directory, mayMake: true })).rejects.toThrow(/chmod 0700/);
  });

  it('never overwrites an unusable file', async () => {
    await writeFile(join(directory, 'keys'), 'broken', { mode: 0o600 });
    await expect(loadKeyring({ keys: null, directory, mayMake: true })).rejects.toThrow(KeyringError);
    expect(await readFile(join(directory, 'keys'), 'utf8')).toBe('broken');
    await rm(join(directory, 'keys'));
    await mkdir(join(directory, 'keys'), { mode: 0o700 });
    await expect(loadKeyring({ keys: null, directory, mayMake: true })).rejects.toThrow();
  });

  it.each([
    ['zero bytes', Buffer.alloc(32)],
    ['one byte repeated', Buffer.alloc(32, 0x61)],
    ['a word repeated', Buffer.from('changeme'.repeat(4))],
    ['few different bytes', Buffer.from(Array.from({ length: 32 }, (_, at) => at % 11))],
  ])('refuses a key of %s without showing it', (_, bytes) => {
    const encoded = bytes.toString('base64');
    const parse = () => Keyring.parse(`good:${key(1)},weak:${encoded}`);
    expect(parse).toThrow('Key 2 of the keyring is not random: create one with `openssl rand -base64 32`');
    expect(parse).not.toThrow(encoded);
  });

  it('creates keys that it accepts', () => {
    for (let time = 0; time < 1000; time += 1) Keyring.parse(Keyring.generate());
  });
});
