import { createCipheriv, createDecipheriv, createHmac, randomBytes } from 'node:crypto';
import { inspect } from 'node:util';
import { describe, expect, it } from '@jest/globals';
import { frame } from '../../src/services/crypto/framing.ts';
import { Keyring } from '../../src/services/crypto/keyring.ts';
import { isOfActiveKey, open, seal } from '../../src/services/crypto/seal.ts';
import { SealError } from '../../src/services/crypto/gcm.ts';

const older = Keyring.generate();
const newer = Keyring.generate();
const before = Keyring.parse(older);
const keyring = Keyring.parse(`${newer},${older}`);
const kid = keyring.active;
const context = ['user', 'a'] as const;
const bytes = Buffer.from('twenty bytes of seed', 'utf8');
const blob = seal(keyring, 'totp-seed', context, bytes);
const encoded = blob.split(':')[2] ?? '';

const failure = (text: string, ring = keyring, ...[purpose = 'totp-seed', within = context]: Partial<Parameters<typeof where>>) => {
  try {
    open(ring, purpose, within, text);
    return null;
  } catch (error) {
    return error;
  }
};
const where = (purpose: Parameters<typeof open>[1], within: readonly string[]) => [purpose, within];

describe('a seal', () => {
  it('names its scheme and key, and opens to the same bytes', () => {
    expect(blob).toMatch(new RegExp(`^seal-v1:${kid}:[A-Za-z0-9_-]+$`));
    expect(open(keyring, 'totp-seed', context, blob)).toEqual(bytes);
    expect(Buffer.from(encoded, 'base64url')).toHaveLength(12 + bytes.byteLength + 16);
  });

  it('does not reveal its content, and differs each time', () => {
    const other = seal(keyring, 'totp-seed', context, bytes);
    expect(other).not.toBe(blob);
    expect(Buffer.from(encoded, 'base64url').includes(bytes.subarray(0, 6))).toBe(false);
    const nonces = Array.from({ length: 100 }, () => seal(keyring, 'totp-seed', [], bytes).split(':')[2]?.slice(0, 16));
    expect(new Set(nonces).size).toBe(100);
  });

  it.each([0, 1, 15, 16, 17, 10_000])('contains %i bytes', (length) => {
    const held = Buffer.alloc(length, 7);
    expect(open(keyring, 'user-key-seal', [], seal(keyring, 'user-key-seal', [], held))).toEqual(held);
  });

  it('does not change the input, and returns bytes that may be zeroed', () => {
    const held = Buffer.from('mine');
    const sealed = seal(keyring, 'totp-seed', context, held);
    expect(held.toString()).toBe('mine');
    open(keyring, 'totp-seed', context, sealed).fill(0);
    expect(open(keyring, 'totp-seed', context, sealed).toString()).toBe('mine');
  });

  it('is AES-256-GCM under the key of its purpose, bound to the framed context: another implementation agrees', () => {
    const whole = Buffer.from(encoded, 'base64url');
    const opening = createDecipheriv('aes-256-gcm', keyring.purpose(kid, 'totp-seed'), whole.subarray(0, 12));
    opening.setAAD(frame('seal-v1', kid, 'totp-seed', ...context)).setAuthTag(whole.subarray(-16));
    expect(Buffer.concat([opening.update(whole.subarray(12, -16)), opening.final()])).toEqual(bytes);
  });
});

describe('a sealed value that was moved', () => {
  it.each<[string, Parameters<typeof where>]>([
    ['to another row', ['totp-seed', ['user', 'b']]],
    ['to no context', ['totp-seed', []]],
    ['to more context', ['totp-seed', ['user', 'a', '']]],
    ['to the same letters in other fields', ['totp-seed', ['use', 'ra']]],
    ['to the same letters in one field', ['totp-seed', ['usera']]],
    ['to the fields in another order', ['totp-seed', ['a', 'user']]],
    ['to another purpose', ['user-key-seal', context]],
  ])('%s does not open', (_, [purpose, within]) => {
    expect(failure(blob, keyring, purpose, within)).toBeInstanceOf(SealError);
  });

  it('does not open under the name of another key', () => {
    expect(failure(`seal-v1:${before.active}:${encoded}`)).toBeInstanceOf(SealError);
  });

  it('does not open for another instance, even if its key has the same name', () => {
    const foreign = Keyring.parse(`${kid}:${randomBytes(32).toString('base64')}`);
    expect(failure(blob, foreign)).toBeInstanceOf(SealError);
    expect(failure(blob, before)).toBeInstanceOf(SealError);
  });
});

describe('a sealed value that was altered', () => {
  it('does not open with any bit of its nonce, ciphertext or tag changed', () => {
    const whole = Buffer.from(encoded, 'base64url');
    for (let bit = 0; bit < whole.byteLength * 8; bit++) {
      const changed = Buffer.from(whole);
      changed.writeUInt8(changed.readUInt8(bit >> 3) ^ (1 << (bit & 7)), bit >> 3);
      expect(failure(`seal-v1:${kid}:${changed.toString('base64url')}`)).toBeInstanceOf(SealError);
    }
  });

  it('does not open with any character of the text changed', () => {
    for (let index = 0; index < blob.length; index++) {
      const other = blob[index] === 'A' ? 'B' : 'A';
      expect(failure(blob.slice(0, index) + other + blob.slice(index + 1))).toBeInstanceOf(SealError);
    }
  });

  const short = (bytesLeft: number) => Buffer.alloc(bytesLeft).toString('base64url');
  it.each([
    ['empty', ''],
    ['a name', 'seal-v1'],
    ['without a body', `seal-v1:${kid}:`],
    ['without a key', `seal-v1:${encoded}`],
    ['with an empty key', `seal-v1::${encoded}`],
    ['of another scheme', blob.replace('seal-v1', 'seal-v2')],
    ['of an unknown key', blob.replace(kid, 'gone')],
    ['of __proto__', blob.replace(kid, '__proto__')],
    ['with a part too many', `${blob}:x`],
    ['padded', `${blob}=`],
    ['in plain base64', `seal-v1:${kid}:${Buffer.alloc(40, 0xff).toString('base64')}`],
    ['with a line end', `${blob}\n`],
    ['with a space', ` ${blob}`],
    ['lengthened', `${blob}AAAA`],
    ['shortened', blob.slice(0, -4)],
    ['too short for nonce and tag', `seal-v1:${kid}:${short(27)}`],
    ['just nonce and tag of zeros', `seal-v1:${kid}:${short(28)}`],
  ])('does not open when it is %s', (_, text) => {
    expect(failure(text)).toBeInstanceOf(SealError);
  });

  it('does not open with a shorter tag, although the cipher would allow one', () => {
    const sealing = createCipheriv('aes-256-gcm', keyring.purpose(kid, 'totp-seed'), Buffer.alloc(12), { authTagLength: 12 });
    sealing.setAAD(frame('seal-v1', kid, 'totp-seed', ...context));
    const whole = Buffer.concat([Buffer.alloc(12), sealing.update(bytes), sealing.final(), sealing.getAuthTag()]);
    expect(failure(`seal-v1:${kid}:${whole.toString('base64url')}`)).toBeInstanceOf(SealError);
  });

  it('fails with the same message for every fault, without content', () => {
    const errors = [failure(''), failure(blob.slice(0, -4)), failure(blob, before), failure(blob, keyring, 'user-key-seal')];
    const key = createHmac('sha256', 'x').update(bytes).digest('hex');
    expect(new Set(errors.map(String))).toEqual(new Set(['SealError: The stored value cannot be decrypted']));
    for (const error of errors) expect(inspect(error, { showHidden: true })).not.toContain(key);
    for (const error of errors as Error[]) expect([error.cause, error.stack?.includes(encoded)]).toEqual([undefined, false]);
  });
});

describe('rotation', () => {
  it('opens values of an older key, reports that, and seals again under the active key', () => {
    const old = seal(before, 'totp-seed', context, bytes);
    expect(open(keyring, 'totp-seed', context, old)).toEqual(bytes);
    expect([isOfActiveKey(before, old), isOfActiveKey(keyring, old)]).toEqual([true, false]);
    const anew = seal(keyring, 'totp-seed', context, open(keyring, 'totp-seed', context, old));
    expect(isOfActiveKey(keyring, anew)).toBe(true);
    expect(open(Keyring.parse(newer), 'totp-seed', context, anew)).toEqual(bytes);
  });

  it('does not count an invalid value for the active key', () => {
    for (const text of ['', 'x', `seal-v1:${kid}`, `seal-v1:${kid}:`, `seal-v2:${kid}:${encoded}`, `${blob}:x`])
      expect(isOfActiveKey(keyring, text)).toBe(false);
  });
});
