import { randomBytes } from 'node:crypto';
import { hash as argon2, verify as argon2Verify } from 'argon2';
import { describe, expect, it } from '@jest/globals';
import { PasswordHasher } from '../../src/services/crypto/hasher.ts';
import { Keyring } from '../../src/services/crypto/keyring.ts';
import { checkCost, dummyHash, hashPassword, isHashable, verifyPassword } from '../../src/services/crypto/password.ts';

const cost = { memory: 19_456, time: 2 };
const text = Keyring.generate();
const keyring = Keyring.parse(text);
const form = new RegExp(`^pepper-v1:${keyring.active}:\\$argon2id\\$v=19\\$m=19456,t=2,p=1\\$[A-Za-z0-9+/]{22}\\$[A-Za-z0-9+/]{43}$`);

describe('a password hash', () => {
  it('contains its scheme, key and parameters, and has a random salt', async () => {
    const [one, other] = await Promise.all([hashPassword('secret', cost, keyring), hashPassword('secret', cost, keyring)]);
    expect(one).toMatch(form);
    expect(one).not.toBe(other);
    expect(await verifyPassword(one, 'secret', cost, keyring)).toEqual({ isRight: true, needsRehash: false });
    expect(await verifyPassword(one, 'Secret', cost, keyring)).toEqual({ isRight: false, needsRehash: false });
  });

  it('is Argon2id of the peppered password: another implementation agrees, and the bare password does not match', async () => {
    const encoded = (await hashPassword('secret', cost, keyring)).split(':')[2] ?? '';
    const peppered = keyring.mac(keyring.active, 'password-pepper', 'secret');
    expect(await argon2Verify(encoded, peppered)).toBe(true);
    expect(await argon2Verify(encoded, 'secret')).toBe(false);
  });

  it('cannot be verified with another keyring', async () => {
    const stored = await hashPassword('secret', cost, keyring);
    const foreign = Keyring.parse(`${keyring.active}:${randomBytes(32).toString('base64')}`);
    expect((await verifyPassword(stored, 'secret', cost, foreign)).isRight).toBe(false);
    expect((await verifyPassword(stored, 'secret', cost, Keyring.parse(Keyring.generate()))).isRight).toBe(false);
  });

  it('is outdated when its key is no longer active or its cost differs', async () => {
    const stored = await hashPassword('secret', cost, keyring);
    const rotated = Keyring.parse(`${Keyring.generate()},${text}`);
    expect(await verifyPassword(stored, 'secret', cost, rotated)).toEqual({ isRight: true, needsRehash: true });
    expect((await verifyPassword(stored, 'secret', { memory: 20_000, time: 2 }, keyring)).needsRehash).toBe(true);
    expect((await verifyPassword(stored, 'secret', { memory: 19_456, time: 3 }, keyring)).needsRehash).toBe(true);
    expect((await verifyPassword(stored, 'wrong', { memory: 20_000, time: 2 }, keyring)).needsRehash).toBe(false);
  });

  it('is computed from composed characters, without truncation or trimming', async () => {
    const [composed, decomposed] = ['caf\u00e9 local', 'cafe\u0301 local'];
    const stored = await hashPassword(composed, cost, keyring);
    expect((await verifyPassword(stored, composed, cost, keyring)).isRight).toBe(true);
    expect(await verifyPassword(stored, decomposed, cost, keyring)).toEqual({ isRight: true, needsRehash: false });
    for (const other of [`${composed} `, `${composed}\0`, `${composed}\0x`])
      expect((await verifyPassword(stored, other, cost, keyring)).isRight).toBe(false);
    const long = await hashPassword('x'.repeat(128), cost, keyring);
    expect((await verifyPassword(long, 'x'.repeat(127), cost, keyring)).isRight).toBe(false);
    expect((await verifyPassword(long, 'x'.repeat(128), cost, keyring)).isRight).toBe(true);
  });

  it('accepts any 1 to 128 characters', async () => {
    expect(['x', 'x'.repeat(128), '🔨'.repeat(128), '\0', '密码'].map(isHashable)).toEqual([true, true, true, true, true]);
    expect(['', 'x'.repeat(129), '🔨'.repeat(129), '\ud800', 'a\udc00b', 'x'.repeat(1e6)].map(isHashable)).toEqual(Array(6).fill(false));
    await expect(hashPassword('x'.repeat(129), cost, keyring)).rejects.toThrow(RangeError);
    expect((await verifyPassword(dummyHash(cost, keyring), 'x'.repeat(129), cost, keyring)).isRight).toBe(false);
  });
});

describe('the cost', () => {
  it.each([
    [19_455, 2],
    [19_456, 1],
    [262_145, 2],
    [19_456, 21],
    [19_456.5, 2],
    [Number.NaN, 2],
    [19_456, Number.POSITIVE_INFINITY],
  ])('of %d KiB and %d passes is refused', async (memory, time) => {
    expect(() => checkCost({ memory, time })).toThrow(RangeError);
    expect(() => new PasswordHasher(keyring, { memory, time })).toThrow(RangeError);
    await expect(hashPassword('secret', { memory, time }, keyring)).rejects.toThrow(RangeError);
  });
});

describe('a stored text that is not one of our hashes', () => {
  const salt = Buffer.alloc(16, 1).toString('base64').replace(/=+$/, '');
  const digest = Buffer.alloc(32, 1).toString('base64').replace(/=+$/, '');
  const stored = (parameters: string, s = salt, d = digest) => `pepper-v1:${keyring.active}:$argon2id$v=19$${parameters}$${s}$${d}`;

  it.each([
    [''],
    ['secret'],
    ['$2b$10$N9qo8uLOickgx2ZMRZoMyeIjZAgcfl7p92ldGxad68LJZdL17lhWy'],
    [`$argon2id$v=19$m=19456,t=2,p=1$${salt}$${digest}`],
    [stored('m=4194304,t=2,p=1')],
    [stored('m=262145,t=2,p=1')],
    [stored('m=999999,t=1,p=1')],
    [stored('m=19456,t=21,p=1')],
    [stored('m=19456,t=0,p=1')],
    [stored('m=19456,t=2,p=9')],
    [stored('m=19456,t=2,p=0')],
    [stored('m=8,t=2,p=8')],
    [stored('m=19456,t=2,p=1', 'AAAA')],
    [stored('m=19456,t=2,p=1', salt, 'AAAAAAAA')],
    [stored('m=19456,t=2,p=1', salt, 'A'.repeat(87))],
    [stored('m=19456,t=2,p=1', `${salt.slice(0, -1)}B`)],
    [stored('m=19456,t=2,p=1').replace('v=19', 'v=16')],
    [stored('m=19456,t=2,p=1').replace('argon2id', 'argon2i')],
    [stored('m=19456,t=2,p=1,data=AAAA')],
    [stored('m=19456,t=2,p=1').replace(keyring.active, 'gone')],
    [stored('m=19456,t=2,p=1').replace('pepper-v1', 'pepper-v2')],
    [`${stored('m=19456,t=2,p=1')}\n`],
  ])('never matches, and costs no more than any other: %#', async (text) => {
    const start = process.cpuUsage();
    expect(await verifyPassword(text, 'secret', cost, keyring)).toEqual({ isRight: false, needsRehash: false });
    const { user, system } = process.cpuUsage(start); // microseconds of CPU; elapsed time would include the load of the machine
    expect(user + system).toBeGreaterThan(3_000);
    expect(user + system).toBeLessThan(2_000_000);
  });

  it('does not match as an unpeppered hash in our form either', async () => {
    const bare = await argon2('secret', { memoryCost: 19_456, timeCost: 2, parallelism: 1 });
    const [, , , , s = '', d = ''] = bare.split('$');
    expect((await verifyPassword(stored('m=19456,t=2,p=1', s, d), 'secret', cost, keyring)).isRight).toBe(false);
  });
});

describe('the dummy', () => {
  it('has the form and cost of a hash, differs each time, and matches no password', async () => {
    expect(dummyHash(cost, keyring)).toMatch(form);
    expect(dummyHash(cost, keyring)).not.toBe(dummyHash(cost, keyring));
    expect((await verifyPassword(dummyHash(cost, keyring), '', cost, keyring)).isRight).toBe(false);
    expect((await verifyPassword(dummyHash(cost, keyring), 'secret', cost, keyring)).isRight).toBe(false);
  });
});

describe('the hasher', () => {
  const gate = () => {
    let open = () => {};
    const opened = new Promise<void>((resolve) => (open = resolve));
    return { opened, open };
  };

  it('hashes and verifies', async () => {
    const hasher = new PasswordHasher(keyring, cost);
    const stored = await hasher.hash('secret');
    expect(await hasher.verify('secret', async () => stored)).toEqual({ isRight: true, stored, renewed: null });
    expect(await hasher.verify('wrong', async () => stored)).toEqual({ isRight: false, stored, renewed: null });
    expect(await hasher.verify('secret', async () => null)).toEqual({ isRight: false, stored: null, renewed: null });
  });

  it('replaces an outdated hash if the password was correct', async () => {
    const stored = await hashPassword('secret', cost, keyring);
    const hasher = new PasswordHasher(keyring, { memory: 20_000, time: 2 });
    const { renewed } = await hasher.verify('secret', async () => stored);
    expect(await hasher.verify('secret', async () => renewed)).toEqual({ isRight: true, stored: renewed, renewed: null });
    expect((await hasher.verify('wrong', async () => stored)).renewed).toBeNull();
  });

  it('runs a limited number at once, queues a limited number in order, and refuses the rest at once', async () => {
    const hasher = new PasswordHasher(keyring, cost, { concurrent: 2, waiting: 2 });
    const { opened, open } = gate();
    const chosen: number[] = [];
    const ask = (index: number) =>
      hasher.verify('x', async () => {
        chosen.push(index);
        await opened;
        return null;
      });
    const asked = [0, 1, 2, 3].map(ask);
    await Promise.resolve();
    await expect(ask(4)).rejects.toMatchObject({ code: 'RATE_LIMITED', details: { retryAfter: 2 } });
    expect(chosen).toEqual([0, 1]);
    open();
    await Promise.all(asked);
    expect(chosen).toEqual([0, 1, 2, 3]);
    await ask(5);
    expect(chosen).toHaveLength(5);
  });

  it('continues with the next after a failure', async () => {
    const hasher = new PasswordHasher(keyring, cost, { concurrent: 1, waiting: 9 });
    const failing = hasher.verify('x', async () => Promise.reject(new Error('database away')));
    const next = hasher.verify('x', async () => null);
    await expect(failing).rejects.toThrow('database away');
    expect((await next).isRight).toBe(false);
    await expect(hasher.hash('')).rejects.toThrow(RangeError);
    expect(await hasher.hash('secret')).toMatch(form);
  });
});
