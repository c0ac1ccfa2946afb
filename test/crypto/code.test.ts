import { randomBytes } from 'node:crypto';
import { beforeAll, beforeEach, describe, expect, it, jest } from '@jest/globals';
import { Keyring } from '../../src/services/crypto/keyring.ts';

// Counts the calls without changing them.
const argon = await import('argon2');
const crypto = await import('node:crypto');
const hash = jest.fn(argon.hash);
const timingSafeEqual = jest.fn(crypto.timingSafeEqual);
jest.unstable_mockModule('argon2', () => ({ ...argon, hash }));
jest.unstable_mockModule('node:crypto', () => ({ ...crypto, timingSafeEqual }));
const { findBackupCode, mintBackupCodes } = await import('../../src/services/crypto/code.ts');
const { hashPassword } = await import('../../src/services/crypto/password.ts');

const cost = { memory: 19_456, time: 2 };
const text = Keyring.generate();
const keyring = Keyring.parse(text);
const alphabet = '0123456789ABCDEFGHJKMNPQRSTVWXYZ';
let codes: readonly string[];
let hashes: readonly string[];
const code = (index: number) => codes[index] ?? '';
const find = async (typed: string, stored = hashes, ring = keyring) => findBackupCode(typed, stored, cost, ring);

beforeAll(async () => {
  ({ codes, hashes } = await mintBackupCodes(cost, keyring));
});
beforeEach(() => {
  hash.mockClear();
  timingSafeEqual.mockClear();
});

describe('backup codes', () => {
  it('are ten different ones of 80 bits, in readable groups', () => {
    expect(codes).toHaveLength(10);
    expect(new Set(codes).size).toBe(10);
    for (const each of codes) expect(each).toMatch(/^(?:[0-9A-HJKMNP-TV-Z]{4}-){3}[0-9A-HJKMNP-TV-Z]{4}$/);
  });

  it('use the whole alphabet', async () => {
    const { codes: more } = await mintBackupCodes(cost, keyring);
    const seen = new Set([...codes, ...more].join('').replaceAll('-', ''));
    expect([...seen].every((letter) => alphabet.includes(letter))).toBe(true);
    expect(seen.size).toBeGreaterThan(25);
  });

  it('are stored with scheme, key, parameters, and one salt and digest each, and fit their column', () => {
    const form = new RegExp(
      `^backup-v1:${keyring.active}:\\$argon2id\\$v=19\\$m=19456,t=2,p=1\\$([A-Za-z0-9+/]{22})\\$([A-Za-z0-9+/]{43})$`,
    );
    const parts = hashes.map((stored) => form.exec(stored));
    expect(new Set(parts.map((found) => found?.[1])).size).toBe(1);
    expect(new Set(parts.map((found) => found?.[2])).size).toBe(10);
    for (const stored of hashes) expect(stored.length).toBeLessThanOrEqual(500);
  });

  it('have a different salt in each batch', async () => {
    const other = await mintBackupCodes(cost, keyring);
    const salts = [hashes[0], other.hashes[0]].map((stored) => stored?.split('$')[4]);
    expect(salts[0]).not.toBe(salts[1]);
    expect(other.codes.filter((each) => codes.includes(each))).toEqual([]);
  });

  it('do not appear in what is stored', () => {
    const stored = hashes.join('\n').toUpperCase();
    for (const each of codes) for (const group of [each, each.replaceAll('-', '')]) expect(stored).not.toContain(group);
  });

  it('refuse the same cost values as passwords', async () => {
    await expect(mintBackupCodes({ memory: 8, time: 1 }, keyring)).rejects.toThrow(RangeError);
  });
});

describe('a backup code', () => {
  it.each([0, 4, 9])('is found in its batch as number %i', async (index) => {
    expect(await find(code(index))).toBe(index);
  });

  it('is found among the remaining ones', async () => {
    expect(await find(code(7), hashes.slice(5))).toBe(2);
    expect(await find(code(1), hashes.slice(5))).toBeNull();
  });

  it.each<[string, (typed: string) => string]>([
    ['in small letters', (typed) => typed.toLowerCase()],
    ['without dashes', (typed) => typed.replaceAll('-', '')],
    ['with spaces for dashes', (typed) => typed.replaceAll('-', ' ')],
    ['with white space around', (typed) => `  ${typed}\n`],
    ['with other dashes', (typed) => typed.replace('-', '–').replace('-', '‐')],
    ['with spaces that do not break', (typed) => typed.replaceAll('-', '\u00a0')],
    ['with O for 0', (typed) => typed.replaceAll('0', 'O')],
    ['with o for 0', (typed) => typed.replaceAll('0', 'o')],
    ['with l for 1', (typed) => typed.replaceAll('1', 'l')],
    ['with I for 1', (typed) => typed.replaceAll('1', 'I')],
  ])('is accepted %s', async (_, change) => {
    const index = Math.max(
      codes.findIndex((each) => change(each) !== each),
      0,
    );
    expect(await find(change(code(index)))).toBe(index);
  });

  it.each<[string, (typed: string) => string]>([
    ['empty', () => ''],
    ['only dashes', () => '----'],
    ['short', (typed) => typed.slice(0, -1)],
    ['long', (typed) => `${typed}0`],
    ['twice', (typed) => `${typed}-${typed}`],
    ['with a U', (typed) => `U${typed.slice(1)}`],
    ['with a letter whose capital is plain', (typed) => `ſ${typed.slice(1)}`],
    ['with a NUL', (typed) => `${typed}\0`],
    ['with an underscore', (typed) => typed.replace('-', '_')],
    ['after a great many spaces', (typed) => ' '.repeat(1000) + typed],
    ['very long', (typed) => typed.repeat(10_000)],
    ['a stored hash', () => hashes[0] ?? ''],
    ['another one', () => 'ABCD-EFGH-JKMN-PQRS'],
  ])('is refused when it is %s, with the same work', async (_, change) => {
    expect(await find(change(code(0)))).toBeNull();
    expect(hash).toHaveBeenCalledTimes(1);
  });

  it('is refused with any single character changed', async () => {
    for (const index of [0, 5, 18]) {
      const other = alphabet[(alphabet.indexOf(code(0).charAt(index)) + 1) % 32];
      expect(await find(code(0).slice(0, index) + other + code(0).slice(index + 1))).toBeNull();
    }
  });
});

describe('the work of a guess', () => {
  const parameters = () => hash.mock.calls.map(([, options]) => [options?.memoryCost, options?.timeCost, options?.type]);
  const once = [[19_456, 2, argon.argon2id]];

  it('is one Argon2id for the whole batch, and every hash is compared, whichever matches', async () => {
    for (const typed of [code(0), code(9), 'ABCD-EFGH-JKMN-PQRS']) {
      hash.mockClear();
      timingSafeEqual.mockClear();
      await find(typed);
      expect(parameters()).toEqual(once);
      expect(timingSafeEqual.mock.calls.map(([a, b]) => [a.byteLength, b.byteLength])).toEqual(Array(10).fill([32, 32]));
    }
  });

  it.each([
    ['there are none', []],
    ['none can be read', ['', 'x', 'backup-v1', 'backup-v1:gone:$argon2id$v=19$m=19456,t=2,p=1$AAAAAAAAAAAAAAAAAAAAAA$A']],
  ])('is the same where %s', async (_, stored) => {
    expect(await find(code(0), stored)).toBeNull();
    expect(parameters()).toEqual(once);
  });

  it('uses the cost that the codes were stored with', async () => {
    const dearer = await mintBackupCodes({ memory: 20_000, time: 3 }, keyring);
    hash.mockClear();
    expect(await find(dearer.codes[3] ?? '', dearer.hashes)).toBe(3);
    expect(parameters()).toEqual([[20_000, 3, argon.argon2id]]);
  });

  it('is one Argon2id per code when they are created, sequentially', async () => {
    let running = 0;
    let most = 0;
    hash.mockImplementation((async (...given: Parameters<typeof argon.hash>) => {
      most = Math.max(most, ++running);
      return argon.hash(...given).finally(() => running--);
    }) as typeof argon.hash);
    await mintBackupCodes(cost, keyring);
    hash.mockImplementation(argon.hash);
    expect([hash.mock.calls.length, most]).toEqual([10, 1]);
  });
});

describe('stored hashes', () => {
  it('are useless without the keyring, and still work after its rotation', async () => {
    const foreign = Keyring.parse(`${keyring.active}:${randomBytes(32).toString('base64')}`);
    expect(await find(code(2), hashes, foreign)).toBeNull();
    expect(await find(code(2), hashes, Keyring.parse(Keyring.generate()))).toBeNull();
    expect(await find(code(2), hashes, Keyring.parse(`${Keyring.generate()},${text}`))).toBe(2);
  });

  it('are peppered, and differ from those of passwords', async () => {
    const [, , encoded = ''] = hashes[0]?.split(':') ?? [];
    const bare = code(0).replaceAll('-', '');
    expect(await argon.verify(encoded, bare)).toBe(false);
    expect(await argon.verify(encoded, keyring.mac(keyring.active, 'password-pepper', bare))).toBe(false);
    const password = await hashPassword(bare, cost, keyring);
    expect(await find(code(0), [password])).toBeNull();
    expect(await find(code(0), [password.replace('pepper-v1', 'backup-v1')])).toBeNull();
  });

  it('that cannot be read are skipped and keep their place', async () => {
    expect(await find(code(1), ['', 'broken', ...hashes])).toBe(3);
  });

  it('of another batch do not match this code', async () => {
    const other = await mintBackupCodes(cost, keyring);
    expect(await find(code(0), [...other.hashes.slice(0, 5), ...hashes])).toBeNull();
    expect(await find(other.codes[0] ?? '', [...other.hashes.slice(0, 5), ...hashes])).toBe(0);
  });

  const salt = Buffer.alloc(16, 1).toString('base64').replace(/=+$/, '');
  const digest = Buffer.alloc(32, 1).toString('base64').replace(/=+$/, '');
  const stored = (parameters: string, s = salt, d = digest) => `backup-v1:${keyring.active}:$argon2id$v=19$${parameters}$${s}$${d}`;
  it.each([
    stored('m=262145,t=2,p=1'),
    stored('m=19456,t=21,p=1'),
    stored('m=19456,t=2,p=9'),
    stored('m=19456,t=2,p=1', 'AAAA'),
    stored('m=19456,t=2,p=1', salt, digest.slice(0, 22)),
    stored('m=30000,t=2,p=1').replace('argon2id', 'argon2i'),
    stored('m=30000,t=2,p=1').replace('v=19', 'v=16'),
    `${stored('m=30000,t=2,p=1')}:x`,
    stored('m=30000,t=2,p=1').replace('backup-v1', 'backup-v2'),
    stored('m=30000,t=2,p=1').replace(keyring.active, 'gone'),
  ])('with a higher cost or an invalid form are never computed: %#', async (broken) => {
    expect(await find(code(0), [broken])).toBeNull();
    expect(hash.mock.calls.map(([, options]) => options?.memoryCost)).toEqual([19_456]);
  });
});
