import { describe, expect, it } from '@jest/globals';
import { PasswordHasher } from '../../src/services/crypto/hasher.ts';
import { Keyring } from '../../src/services/crypto/keyring.ts';

const keyring = Keyring.parse(Keyring.generate());
const cost = { memory: 19_456, time: 2 };
const settle = async () => {
  for (let turn = 0; turn < 20; turn++) await new Promise(setImmediate);
};

/** A preparation that the test completes. */
const choice = <T>(chosen: T, noted: () => void = () => {}) => {
  let make = (): void => {};
  const made = new Promise<void>((resolve) => (make = resolve));
  return {
    make,
    choose: async () => {
      noted();
      await made;
      return chosen;
    },
  };
};

describe('the order of jobs', () => {
  it('prepares the next jobs while others hash, and no more', async () => {
    const hasher = new PasswordHasher(keyring, cost, { concurrent: 1, waiting: 9 });
    const chosen: number[] = [];
    const hashed: number[] = [];
    const choices = [0, 1, 2].map((index) => choice(null, () => chosen.push(index)));
    const asked = choices.map(({ choose }, index) => hasher.verify('x', choose).then(() => hashed.push(index)));
    await settle();
    expect(chosen).toEqual([0]);
    choices[0]?.make();
    await settle();
    // The first one hashes for some milliseconds, while the second one prepares.
    expect([chosen, hashed]).toEqual([[0, 1], []]);
    await asked[0];
    await settle();
    expect(chosen).toEqual([0, 1]);
    choices[1]?.make();
    choices[2]?.make();
    await Promise.all(asked);
    expect(hashed).toEqual([0, 1, 2]);
  });

  it('keeps no core waiting for a slow preparation', async () => {
    const hasher = new PasswordHasher(keyring, cost, { concurrent: 2, waiting: 9 });
    const slow = choice(null);
    const hashed: string[] = [];
    const asked = hasher.verify('x', slow.choose).then(() => hashed.push('slow'));
    for (const name of ['first', 'second', 'third']) await hasher.verify('x', async () => null).then(() => hashed.push(name));
    expect(hashed).toEqual(['first', 'second', 'third']);
    slow.make();
    await asked;
    expect(hashed).toHaveLength(4);
  });

  it('prepares no more unanswered jobs than can hash or are next', async () => {
    let [running, most] = [0, 0];
    const hasher = new PasswordHasher(keyring, cost, { concurrent: 2, waiting: 30 });
    const ask = () =>
      hasher
        .verify('secret', async () => {
          running += 1;
          most = Math.max(most, running);
          return null;
        })
        .finally(() => (running -= 1));
    await Promise.all(Array.from({ length: 24 }, ask));
    // Two that hash, two that are next, and two that have just been answered.
    expect(most).toBeLessThanOrEqual(6);
    expect(most).toBeGreaterThanOrEqual(3);
  });

  it('counts all jobs inside against the queue, and admits new ones after them', async () => {
    const hasher = new PasswordHasher(keyring, cost, { concurrent: 1, waiting: 2 });
    const held = [0, 1, 2].map(() => choice(null));
    const asked = held.map(({ choose }) => hasher.verify('x', choose));
    let isChosen = false;
    const refused = hasher.verify('x', async () => {
      isChosen = true;
      return null;
    });
    await expect(refused).rejects.toMatchObject({ code: 'RATE_LIMITED', details: { retryAfter: 2 } });
    await expect(hasher.findCode('x', async () => [])).rejects.toMatchObject({ code: 'RATE_LIMITED' });
    await expect(hasher.mintCodes()).rejects.toMatchObject({ code: 'RATE_LIMITED' });
    await expect(hasher.hash('secret')).rejects.toMatchObject({ code: 'RATE_LIMITED' });
    expect(isChosen).toBe(false);
    for (const { make } of held) make();
    await Promise.all(asked);
    await hasher.verify('x', async () => null);
  });

  it('continues after failed preparations', async () => {
    const hasher = new PasswordHasher(keyring, cost, { concurrent: 2, waiting: 9 });
    const failing = Array.from({ length: 8 }, () => hasher.verify('x', async () => Promise.reject(new Error('database away'))));
    for (const each of failing) await expect(each).rejects.toThrow('database away');
    await Promise.all(Array.from({ length: 8 }, () => hasher.verify('x', async () => null)));
  });
});

describe('backup codes', () => {
  it('are created and found', async () => {
    const hasher = new PasswordHasher(keyring, cost);
    const { codes, hashes } = await hasher.mintCodes();
    expect([codes.length, hashes.length]).toEqual([10, 10]);
    expect(await hasher.findCode(codes[7] ?? '', async () => hashes)).toBe(7);
    expect(await hasher.findCode(codes[7] ?? '', async () => hashes.slice(0, 7))).toBeNull();
    expect(await hasher.findCode(codes[7] ?? '', async () => [])).toBeNull();
  });
});
