import { describe, expect, it } from '@jest/globals';
import { hotp, mintSeed, otpauthUri, seedText, stepOf, verifyTotp } from '../../src/services/crypto/totp.ts';

const seed = Buffer.from('12345678901234567890', 'ascii');
const now = new Date('2026-05-01T12:00:15Z');
const step = stepOf(now);
const at = (seconds: number) => new Date(seconds * 1000);

/** A seed with the same code for this step and the next: the first in two million. */
const twice = Buffer.alloc(20);
twice.writeUInt32BE(2_103_653);

describe('HOTP', () => {
  it('gives the codes of RFC 4226 for the counters 0 to 9', () => {
    const codes = ['755224', '287082', '359152', '969429', '338314', '254676', '287922', '162583', '399871', '520489'];
    expect(codes.map((_, counter) => hotp(seed, counter))).toEqual(codes);
  });

  it('keeps leading zeros', () => {
    const counter = Array.from({ length: 1000 }, (_, index) => index).find((index) => hotp(seed, index).startsWith('0')) ?? -1;
    expect(hotp(seed, counter)).toMatch(/^0\d{5}$/);
    expect(verifyTotp(seed, hotp(seed, counter), at(counter * 30), null)).toBe(counter);
  });
});

describe('TOTP', () => {
  it.each([
    [59, 1, '94287082'],
    [1_111_111_109, 0x23523ec, '07081804'],
    [1_111_111_111, 0x23523ed, '14050471'],
    [1_234_567_890, 0x273ef07, '89005924'],
    [2_000_000_000, 0x3f940aa, '69279037'],
    [20_000_000_000, 0x27bc86aa, '65353130'],
  ])('equals the code of RFC 6238 at %i s, in its last six digits', (seconds, expected, eight) => {
    expect(stepOf(at(seconds))).toBe(expected);
    expect(hotp(seed, expected)).toBe(eight.slice(2));
    expect(verifyTotp(seed, eight.slice(2), at(seconds), null)).toBe(expected);
  });

  it('changes its step every 30 seconds', () => {
    expect([0, 29.999, 30, 59.999, 60].map((seconds) => stepOf(at(seconds)))).toEqual([0, 0, 1, 1, 2]);
  });

  it.each([
    [-2, null],
    [-1, step - 1],
    [0, step],
    [1, step + 1],
    [2, null],
  ])('returns the code of step %i: %s', (distance, accepted) => {
    expect(verifyTotp(seed, hotp(seed, step + distance), now, null)).toBe(accepted);
  });

  it('refuses the last accepted step and earlier ones, and accepts a later one', () => {
    const code = (distance: number) => hotp(seed, step + distance);
    expect([-1, 0, 1].map((distance) => verifyTotp(seed, code(distance), now, step))).toEqual([null, null, step + 1]);
    expect([-1, 0, 1].map((distance) => verifyTotp(seed, code(distance), now, step - 1))).toEqual([null, step, step + 1]);
    expect([-1, 0, 1].map((distance) => verifyTotp(seed, code(distance), now, step + 1))).toEqual([null, null, null]);
    expect(verifyTotp(seed, code(0), now, step + 1000)).toBeNull();
  });

  it('accepts the later of two steps with the same code, so that it cannot be used again', () => {
    const code = hotp(twice, step);
    expect(hotp(twice, step + 1)).toBe(code);
    expect(verifyTotp(twice, code, now, null)).toBe(step + 1);
    expect(verifyTotp(twice, code, now, step)).toBe(step + 1);
    expect(verifyTotp(twice, code, now, step + 1)).toBeNull();
  });

  it('has no step before the first', () => {
    expect(verifyTotp(seed, hotp(seed, 0), at(5), null)).toBe(0);
    expect(verifyTotp(seed, hotp(seed, 0), at(5), 0)).toBeNull();
    expect(verifyTotp(seed, hotp(seed, 1), at(5), null)).toBe(1);
    expect(verifyTotp(seed, hotp(seed, 2), at(5), null)).toBeNull();
  });

  it('differs for another seed', () => {
    expect(verifyTotp(mintSeed(), hotp(seed, step), now, null)).toBeNull();
  });

  it.each([
    ['empty', () => ''],
    ['short', (code: string) => code.slice(1)],
    ['long', (code: string) => `${code}0`],
    ['in Arabic digits', (code: string) => code.replace(/\d/g, (digit) => String.fromCodePoint(0x660 + Number(digit)))],
    ['before a NUL', (code: string) => `${code}\0`],
    ['with a plus', (code: string) => `+${code.slice(1)}`],
    ['with a minus', (code: string) => `-${code.slice(1)}`],
    ['in exponent form', () => '1e0005'],
    ['hexadecimal', () => '0x1234'],
    ['very long', (code: string) => code.repeat(100_000)],
  ])('refuses a code that is %s', (_, write) => {
    expect(verifyTotp(seed, write(hotp(seed, step)), now, null)).toBeNull();
  });

  it('refuses each code with one digit changed', () => {
    const code = hotp(seed, step);
    for (let index = 0; index < 6; index++) {
      const other = String((Number(code[index]) + 1) % 10);
      expect(verifyTotp(seed, code.slice(0, index) + other + code.slice(index + 1), now, null)).toBeNull();
    }
  });
});

describe('a seed', () => {
  it('has 160 bits, and differs each time', () => {
    const [one, other] = [mintSeed(), mintSeed()];
    expect([one.byteLength, other.byteLength]).toEqual([20, 20]);
    expect(one.equals(other)).toBe(false);
    expect(seedText(one)).toMatch(/^[A-Z2-7]{32}$/);
  });

  it.each([
    ['', ''],
    ['f', 'MY'],
    ['fo', 'MZXQ'],
    ['foo', 'MZXW6'],
    ['foob', 'MZXW6YQ'],
    ['fooba', 'MZXW6YTB'],
    ['foobar', 'MZXW6YTBOI'],
    ['12345678901234567890', 'GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ'],
  ])('is encoded in the base32 of RFC 4648 without padding: %j', (bytes, text) => {
    expect(seedText(Buffer.from(bytes, 'ascii'))).toBe(text);
  });
});

describe('the URI for an authenticator', () => {
  it('contains the issuer, label, secret and parameters', () => {
    expect(otpauthUri(seed, { issuer: 'Unionhall', label: 'rosa.parks' })).toBe(
      'otpauth://totp/Unionhall:rosa.parks?secret=GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ&issuer=Unionhall&algorithm=SHA1&digits=6&period=30',
    );
  });

  it('encodes special characters, with %20 for a space', () => {
    const uri = otpauthUri(seed, { issuer: 'Local 79 & Söhne', label: 'rosa+union@local.test?x=1#y/z' });
    expect(uri).toContain(
      'otpauth://totp/Local%2079%20%26%20S%C3%B6hne:rosa%2Bunion%40local.test%3Fx%3D1%23y%2Fz?secret=GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ&',
    );
    expect(new URL(uri).searchParams.get('issuer')).toBe('Local 79 & Söhne');
    expect(new URL(uri).hash).toBe('');
  });

  it('omits colons, which would end the issuer', () => {
    const uri = otpauthUri(seed, { issuer: 'Local: 79', label: 'a:b' });
    expect(uri).toMatch(/^otpauth:\/\/totp\/Local%2079:ab\?/);
    expect(new URL(uri).searchParams.get('issuer')).toBe('Local 79');
  });
});
