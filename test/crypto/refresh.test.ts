import { randomUUID } from 'node:crypto';
import { describe, expect, it } from '@jest/globals';
import { frame } from '../../src/services/crypto/framing.ts';
import { Keyring } from '../../src/services/crypto/keyring.ts';
import { mintRefreshToken, verifyRefreshToken } from '../../src/services/crypto/refresh.ts';
import { hashToken, isToken, mintToken } from '../../src/services/crypto/token.ts';

const older = Keyring.generate();
const keyring = Keyring.parse(`${Keyring.generate()},${older}`);
const kid = keyring.active;
const oldKid = older.split(':')[0] ?? '';
const claims = { sessionId: randomUUID(), counter: 1, kid };
const token = mintRefreshToken(keyring, claims);

describe('a refresh token', () => {
  it('contains its session, counter and key', () => {
    expect(token).toMatch(new RegExp(`^rft1\\.${kid}\\.[A-Za-z0-9_-]{70}$`));
    expect(verifyRefreshToken(keyring, token)).toEqual(claims);
    const last = { ...claims, counter: 4_294_967_295, kid: oldKid };
    expect(verifyRefreshToken(keyring, mintRefreshToken(keyring, last))).toEqual(last);
  });

  it('is the same for the same claims, and differs for others', () => {
    expect(mintRefreshToken(keyring, claims)).toBe(token);
    for (const change of [{ counter: 2 }, { sessionId: randomUUID() }, { kid: oldKid }])
      expect(mintRefreshToken(keyring, { ...claims, ...change })).not.toBe(token);
  });

  it('is invalid with any single character changed', () => {
    for (let at = 0; at < token.length; at++) {
      const other = token[at] === 'A' ? 'B' : 'A';
      expect(verifyRefreshToken(keyring, token.slice(0, at) + other + token.slice(at + 1))).toBeNull();
    }
  });

  it.each<[string, (whole: string, encoded: string) => string]>([
    ['empty', () => ''],
    ['a name', () => 'rft1'],
    ['without a body', () => `rft1.${kid}.`],
    ['without a key', (_, encoded) => `rft1.${encoded}`],
    ['of another scheme', (_, encoded) => `rft2.${kid}.${encoded}`],
    ['under the name of another key', (_, encoded) => `rft1.${oldKid}.${encoded}`],
    ['under an unknown key', (_, encoded) => `rft1.gone.${encoded}`],
    ['under __proto__', (_, encoded) => `rft1.__proto__.${encoded}`],
    ['with a part too many', (whole) => `${whole}.x`],
    ['padded', (whole) => `${whole}==`],
    ['lengthened', (whole) => `${whole}AAAA`],
    ['shortened', (whole) => whole.slice(0, -4)],
    ['with white space', (whole) => `${whole}\n`],
    ['very long', (whole) => whole + 'A'.repeat(10_000)],
  ])('is invalid when it is %s', (_, change) => {
    expect(verifyRefreshToken(keyring, change(token, token.split('.')[2] ?? ''))).toBeNull();
  });

  it('is invalid for another keyring, and with a key for another purpose', () => {
    expect(verifyRefreshToken(Keyring.parse(Keyring.generate()), token)).toBeNull();
    const body = Buffer.from(token.split('.')[2] ?? '', 'base64url').subarray(0, 20);
    const mac = keyring.mac(kid, 'access-token', frame('rft1', kid, body));
    expect(verifyRefreshToken(keyring, `rft1.${kid}.${Buffer.concat([body, mac]).toString('base64url')}`)).toBeNull();
  });

  it('counts only up to the largest number that it can contain', () => {
    expect(() => mintRefreshToken(keyring, { ...claims, counter: 2 ** 32 })).toThrow('out of range');
    expect(() => mintRefreshToken(keyring, { ...claims, sessionId: 'x' })).toThrow();
  });
});

describe('an opaque token', () => {
  it('is random, names its kind, and has a recognizable form', () => {
    expect(mintToken('dvt1')).toMatch(/^dvt1\.[A-Za-z0-9_-]{43}$/);
    expect(mintToken('dvt1')).not.toBe(mintToken('dvt1'));
    expect(isToken('dvt1', mintToken('dvt1'))).toBe(true);
    for (const text of ['', 'dvt1', 'dvt1.', mintToken('lct1'), `${mintToken('dvt1')}A`, `dvt1.${'A'.repeat(42)}B`])
      expect(isToken('dvt1', text)).toBe(false);
  });

  it('is stored as SHA-256, hex', () => {
    expect(hashToken('abc')).toBe('ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad');
  });
});
