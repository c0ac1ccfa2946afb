import { beforeAll, beforeEach, describe, expect, it, jest } from '@jest/globals';
import { Keyring } from '../../src/services/crypto/keyring.ts';

// Counts hashing and comparing without changing them.
const [argon, bcrypt, crypto] = [await import('argon2'), await import('bcrypt'), await import('node:crypto')];
const argonHash = jest.fn(argon.hash);
const bcryptHash = jest.fn(bcrypt.hash);
const timingSafeEqual = jest.fn(crypto.timingSafeEqual);
jest.unstable_mockModule('argon2', () => ({ ...argon, hash: argonHash }));
jest.unstable_mockModule('bcrypt', () => ({ ...bcrypt, hash: bcryptHash }));
jest.unstable_mockModule('node:crypto', () => ({ ...crypto, timingSafeEqual }));
const { PasswordHasher } = await import('../../src/services/crypto/hasher.ts');
const { dummyHash, hashPassword, readPasswordHash, verifyPassword } = await import('../../src/services/crypto/password.ts');

const cost = { memory: 19_456, time: 2 };
const keyring = Keyring.parse(Keyring.generate());
const password = 'An injury to one is an injury to all';
const hash = async (text: string) => hashPassword(text, cost, keyring);
const isRight = async (stored: string, text: string) => (await verifyPassword(stored, text, cost, keyring)).isRight;
const work = () =>
  argonHash.mock.calls.map(([, given]) => [given?.type, given?.memoryCost, given?.timeCost, given?.parallelism, given?.hashLength]);
let stored: string;

beforeAll(async () => {
  stored = await hash(password);
});
beforeEach(() => {
  for (const mock of [argonHash, bcryptHash, timingSafeEqual]) mock.mockClear();
});

describe('a stored password', () => {
  it('1. has a unique hash each time it is stored', async () => {
    const hashes = await Promise.all(Array.from({ length: 5 }, async () => hash(password)));
    expect(new Set([stored, ...hashes]).size).toBe(6);
    expect(new Set([stored, ...hashes].map((text) => text.split('$')[4])).size).toBe(6);
  });

  it('2. has one format: scheme, key, variant, version, parameters, salt, digest', () => {
    expect(stored).toMatch(/^pepper-v1:[A-Za-z0-9_-]{1,32}:\$argon2id\$v=\d+\$m=\d+,t=\d+,p=\d+\$[A-Za-z0-9+/]+\$[A-Za-z0-9+/]+$/);
    expect(stored.split(':')[1]).toBe(keyring.active);
  });

  it('3. has one length for any password: a salt of 16 bytes and a digest of 32', async () => {
    for (const text of ['x', password, '🔨'.repeat(128)]) expect((await hash(text)).length).toBe(stored.length);
    const { salt, digest } = readPasswordHash(stored) ?? {};
    expect([salt?.byteLength, digest?.byteLength]).toEqual([16, 32]);
    expect(stored.length).toBeLessThanOrEqual(500);
  });

  it('4. has at least the configured cost, and at least 19 MiB and 2 passes', async () => {
    const dear = { memory: 32_768, time: 3 };
    const { memory = 0, time = 0 } = readPasswordHash(await hashPassword(password, dear, keyring)) ?? {};
    expect(memory).toBeGreaterThanOrEqual(dear.memory);
    expect(time).toBeGreaterThanOrEqual(dear.time);
    for (const cheap of [
      { ...cost, memory: 19_455 },
      { ...cost, time: 1 },
    ])
      await expect(hashPassword(password, cheap, keyring)).rejects.toThrow(RangeError);
  });

  it('5. does not match a wrong password', async () => {
    expect(await isRight(stored, password)).toBe(true);
    for (const wrong of [password.slice(1), password.slice(0, -1), `${password}.`, password.toLowerCase(), 'x'])
      expect(await isRight(stored, wrong)).toBe(false);
  });

  it('6. is compared in constant time: whole digests, once, by timingSafeEqual, wherever they differ', async () => {
    const { salt = Buffer.alloc(0), digest = Buffer.alloc(0) } = readPasswordHash(stored) ?? {};
    const withDigest = (at: number) => {
      const other = Buffer.from(digest);
      other.writeUInt8(other.readUInt8(at) ^ 1, at);
      return stored.replace(/[^$]+$/, other.toString('base64').replace(/=+$/, ''));
    };
    expect(salt).toHaveLength(16);
    for (const text of [withDigest(0), withDigest(31), dummyHash(cost, keyring), 'no hash at all', stored]) {
      timingSafeEqual.mockClear();
      expect(await isRight(text, password)).toBe(text === stored);
      expect(timingSafeEqual.mock.calls.map(([one, other]) => [one.byteLength, other.byteLength])).toEqual([[32, 32]]);
    }
  });

  it('7. may be long: each of 128 characters counts, and one more is refused before hashing', async () => {
    const long = await hash('x'.repeat(128));
    expect(await isRight(long, 'x'.repeat(128))).toBe(true);
    expect(await isRight(long, `${'x'.repeat(127)}y`)).toBe(false);
    argonHash.mockClear();
    await expect(hash('x'.repeat(129))).rejects.toThrow(RangeError);
    expect(await isRight(long, 'x'.repeat(129))).toBe(false);
    expect(work()).toEqual([]);
  });

  it.each(['Straße пароль 密码 🔨', '!"#$%&\'()*+,-./:;<=>?@[\\]^_`{|}~', '$argon2id$v=19$', '\u0000\u001b\u007f', '👩‍🔧'])(
    '8. may contain Unicode and symbols: %j',
    async (text) => {
      const of = await hash(text);
      expect(await isRight(of, text)).toBe(true);
      expect(await isRight(of, text.slice(0, -1))).toBe(false);
    },
  );

  it('9. does not appear in its hash: not plain, in base64, in hex, or as an unpeppered hash', async () => {
    const bytes = Buffer.from(password);
    for (const text of [password, bytes.toString('base64').slice(0, 40), bytes.toString('hex')]) expect(stored).not.toContain(text);
    const raw = Buffer.concat([readPasswordHash(stored)?.salt ?? bytes, readPasswordHash(stored)?.digest ?? bytes]);
    expect(raw.includes(bytes.subarray(0, 4))).toBe(false);
    expect(await argon.verify(stored.split(':')[2] ?? '', password)).toBe(false);
  });

  it('10. is never empty', async () => {
    await expect(hash('')).rejects.toThrow(RangeError);
    expect(await isRight(stored, '')).toBe(false);
  });

  it('11. has significant white space', async () => {
    const spaced = await hash(' a  b ');
    expect(await isRight(spaced, ' a  b ')).toBe(true);
    for (const text of ['a  b', ' a b ', ' a  b', 'a  b ', ' a\t b ', ' a  b \n']) expect(await isRight(spaced, text)).toBe(false);
  });

  it('12. has readable parameters', async () => {
    const dear = await hashPassword(password, { memory: 20_480, time: 3 }, keyring);
    expect(readPasswordHash(dear)).toMatchObject({ kid: keyring.active, memory: 20_480, time: 3, lanes: 1 });
    for (const text of ['', password, dear.slice(0, -30), dear.replace('t=3', 't=0'), dear.replace('pepper-v1', 'pepper-v2')])
      expect(readPasswordHash(text)).toBeNull();
  });

  it('13. has a readable variant, which is always Argon2id of version 19', () => {
    expect(readPasswordHash(stored)).toMatchObject({ variant: 'argon2id', version: 19 });
    for (const text of [stored.replace('argon2id', 'argon2i'), stored.replace('argon2id', 'argon2d'), stored.replace('v=19', 'v=16')])
      expect(readPasswordHash(text)).toBeNull();
  });

  it('14. verifies with the same result every time, without a change', async () => {
    const again = await Promise.all(Array.from({ length: 6 }, async (_, index) => isRight(stored, index % 2 === 0 ? password : 'x')));
    expect(again).toEqual([true, false, true, false, true, false]);
  });

  it('15. takes the same time to hash, verify and refuse, also for an unknown user: one Argon2id of the same cost', async () => {
    const hasher = new PasswordHasher(keyring, cost);
    await hasher.hash(password);
    await hasher.verify(password, async () => stored);
    await hasher.verify('wrong', async () => stored);
    await hasher.verify(password, async () => 'no hash at all');
    await hasher.verify(password, async () => null);
    expect(work()).toEqual(Array(5).fill([argon.argon2id, 19_456, 2, 1, 32]));
    expect(bcryptHash).not.toHaveBeenCalled();
  });

  it('16. may come from bcrypt, which reads 72 bytes: it is accepted like there, and then hashed completely', async () => {
    const long = password.repeat(3);
    const imported = await bcrypt.hash(long, 4);
    const hasher = new PasswordHasher(keyring, cost);
    expect((await hasher.verify('wrong', async () => imported)).renewed).toBeNull();
    expect((await hasher.verify(long.slice(0, 71), async () => imported)).isRight).toBe(false);
    const { isRight: isIn, renewed } = await hasher.verify(long, async () => imported);
    expect([isIn, readPasswordHash(renewed ?? '')?.variant]).toEqual([true, 'argon2id']);
    expect(await isRight(renewed ?? '', long)).toBe(true);
    expect(await isRight(renewed ?? '', long.slice(0, 72))).toBe(false);
  });
});
