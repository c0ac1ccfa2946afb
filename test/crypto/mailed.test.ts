import { randomUUID } from 'node:crypto';
import { describe, expect, it } from '@jest/globals';
import { frame } from '../../src/services/crypto/framing.ts';
import { Keyring, KeyringError } from '../../src/services/crypto/keyring.ts';
import { mailedToken, readMailedToken } from '../../src/services/crypto/mailed.ts';
import { mintRefreshToken } from '../../src/services/crypto/refresh.ts';

const older = Keyring.generate();
const keyring = Keyring.parse(`${Keyring.generate()},${older}`);
const kid = keyring.active;
const oldKid = older.split(':')[0] ?? '';
const claims = { id: randomUUID(), userId: randomUUID() };
const token = mailedToken(keyring, kid, 'password_reset', claims);

describe('a mailed token', () => {
  it('contains its row and user, under either key', () => {
    expect(token).toMatch(new RegExp(`^prt1\\.${kid}\\.[A-Za-z0-9_-]{86}$`));
    expect(readMailedToken(keyring, 'password_reset', token)).toEqual(claims);
    const old = mailedToken(keyring, oldKid, 'email_verification', claims);
    expect(old).toMatch(new RegExp(`^evt1\\.${oldKid}\\.`));
    expect(readMailedToken(keyring, 'email_verification', old)).toEqual(claims);
  });

  it('is the same each time, and differs for other claims', () => {
    expect(mailedToken(Keyring.parse(`${older}`), oldKid, 'password_reset', claims)).toBe(
      mailedToken(keyring, oldKid, 'password_reset', claims),
    );
    const others = [
      mailedToken(keyring, kid, 'email_verification', claims),
      mailedToken(keyring, oldKid, 'password_reset', claims),
      mailedToken(keyring, kid, 'password_reset', { ...claims, id: randomUUID() }),
      mailedToken(keyring, kid, 'password_reset', { ...claims, userId: randomUUID() }),
    ];
    const signatures = [token, ...others].map((each) => Buffer.from(each.split('.')[2] ?? '', 'base64url').subarray(32));
    expect(signatures.map(({ byteLength }) => byteLength)).toEqual([32, 32, 32, 32, 32]);
    expect(new Set(signatures.map((each) => each.toString('hex'))).size).toBe(5);
  });

  it('of one type is invalid as the other type, whatever name it is given', () => {
    expect(readMailedToken(keyring, 'email_verification', token)).toBeNull();
    expect(readMailedToken(keyring, 'email_verification', token.replace('prt1', 'evt1'))).toBeNull();
    const verification = mailedToken(keyring, kid, 'email_verification', claims);
    expect(readMailedToken(keyring, 'password_reset', verification)).toBeNull();
    expect(readMailedToken(keyring, 'password_reset', verification.replace('evt1', 'prt1'))).toBeNull();
    expect(readMailedToken(keyring, 'password_reset', mintRefreshToken(keyring, { sessionId: claims.id, counter: 1, kid }))).toBeNull();
  });

  it('is invalid with any single character changed', () => {
    for (let at = 0; at < token.length; at++) {
      const other = token[at] === 'A' ? 'B' : 'A';
      expect(readMailedToken(keyring, 'password_reset', token.slice(0, at) + other + token.slice(at + 1))).toBeNull();
    }
  });

  it.each<[string, (whole: string, encoded: string) => string]>([
    ['empty', () => ''],
    ['a name', () => 'prt1'],
    ['without a body', () => `prt1.${kid}.`],
    ['without a key', (_, encoded) => `prt1.${encoded}`],
    ['of another scheme', (_, encoded) => `prt2.${kid}.${encoded}`],
    ['under the name of another key', (_, encoded) => `prt1.${oldKid}.${encoded}`],
    ['under an unknown key', (_, encoded) => `prt1.gone.${encoded}`],
    ['under __proto__', (_, encoded) => `prt1.__proto__.${encoded}`],
    ['with a part too many', (whole) => `${whole}.x`],
    ['padded', (whole) => `${whole}==`],
    ['lengthened', (whole) => `${whole}AAAA`],
    ['shortened', (whole) => whole.slice(0, -4)],
    ['in plain base64', (whole, encoded) => whole.replace(encoded, Buffer.from(encoded, 'base64url').toString('base64'))],
    ['with white space', (whole) => `${whole}\n`],
    ['very long', (whole) => whole + 'A'.repeat(10_000)],
  ])('is invalid when it is %s', (_, change) => {
    expect(readMailedToken(keyring, 'password_reset', change(token, token.split('.')[2] ?? ''))).toBeNull();
  });

  it('is invalid for another keyring, and with a key for another purpose', () => {
    expect(readMailedToken(Keyring.parse(Keyring.generate()), 'password_reset', token)).toBeNull();
    const body = Buffer.from(token.split('.')[2] ?? '', 'base64url').subarray(0, 32);
    const mac = keyring.mac(kid, 'refresh-token', frame('prt1', kid, body));
    expect(readMailedToken(keyring, 'password_reset', `prt1.${kid}.${Buffer.concat([body, mac]).toString('base64url')}`)).toBeNull();
  });

  it('is not created for an invalid id or a missing key', () => {
    expect(() => mailedToken(keyring, kid, 'password_reset', { ...claims, id: 'x' })).toThrow();
    expect(() => mailedToken(keyring, kid, 'password_reset', { ...claims, userId: '' })).toThrow();
    expect(() => mailedToken(keyring, 'gone', 'password_reset', claims)).toThrow(KeyringError);
  });
});
