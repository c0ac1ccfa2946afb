import { describe, expect, it } from '@jest/globals';
import { foldCase, normalizeEmail, normalizeIdentifier } from '../../src/entities/identifier.ts';
import { findBackupCode, mintBackupCodes } from '../../src/services/crypto/code.ts';
import { generateKit, readKit, writeKit } from '../../src/services/crypto/kit.ts';
import { Keyring } from '../../src/services/crypto/keyring.ts';
import { hashPassword, verifyPassword } from '../../src/services/crypto/password.ts';
import { hotp, mintSeed, stepOf, verifyTotp } from '../../src/services/crypto/totp.ts';
import { typedCode, typedToken } from '../../src/services/crypto/typed.ts';
import { generatePair } from '../../src/services/crypto/box.ts';
import { openByPassword, readPrivateSeal, sealPrivateKey } from '../../src/services/crypto/pair.ts';
import { freshStretching, stretch } from '../../src/services/crypto/stretch.ts';

const cost = { memory: 19_456, time: 2 };
const keyring = Keyring.parse(Keyring.generate());
const fullWidth = (text: string): string => text.replace(/[!-~]/g, (letter) => String.fromCharCode(letter.charCodeAt(0) + 0xfee0));

describe('a typed code', () => {
  const [seed, at] = [mintSeed(), new Date('2026-03-01T12:00:00Z')];
  const code = hotp(seed, stepOf(at));
  const halves = [code.slice(0, 3), code.slice(3)] as const;

  it.each<[string, string]>([
    ['with a space', halves.join(' ')],
    ['with a no-break space', halves.join('\u00a0')],
    ['with a hyphen', halves.join('-')],
    ['with a line end', `${code}\r\n`],
    ['in full-width digits', fullWidth(code)],
  ])('is accepted %s', (_, typed) => {
    expect(verifyTotp(seed, typed, at, null)).toBe(stepOf(at));
  });

  it('is refused with another digit', () => {
    expect(verifyTotp(seed, `${code}0`, at, null)).toBeNull();
    expect(verifyTotp(seed, code.slice(1), at, null)).toBeNull();
  });

  it('may be a backup code or a recovery kit in full-width characters', async () => {
    const { codes, hashes } = await mintBackupCodes(cost, keyring);
    expect(await findBackupCode(` ${fullWidth(codes[3] ?? '')}`, hashes, cost, keyring)).toBe(3);
    const kit = generateKit();
    expect(readKit(fullWidth(writeKit(kit.privateKey)))?.privateKey).toEqual(kit.privateKey);
  });

  it('is not changed if it is too long to be a code', () => {
    const long = ' 1'.repeat(200);
    expect([typedCode(long), typedToken(long)]).toEqual([long, long]);
  });
});

describe('a pasted token', () => {
  it('keeps its dashes, and loses white space', () => {
    expect(typedToken(' prt1.k1.a-b_\r\n c-d\u200b ')).toBe('prt1.k1.a-b_c-d');
  });
});

describe('an identifier', () => {
  it.each<[string, string]>([
    ['officer@unionhall.test ', 'officer@unionhall.test'],
    ['a@b\u00fccher.example', 'a@xn--bcher-kva.example'],
    ['a@BU\u0308CHER.example', 'a@xn--bcher-kva.example'],
    ['a@XN--BCHER-KVA.example', 'a@xn--bcher-kva.example'],
    ['\u212aate@example.org', 'Kate@example.org'],
    ['\u00c9lodie@Example.ORG', '\u00e9lodie@example.org'],
    ['a@b/\u00fc.example', 'a@b/\u00fc.example'],
    ['a@\u00fc%2e.example', 'a@\u00fc%2e.example'],
  ])('%s becomes %s', (given, normal) => {
    expect(normalizeIdentifier(given)).toBe(normal);
    expect(normalizeEmail(normal)).toBe(normal);
  });

  it('that is a username is trimmed and composed', () => {
    expect(normalizeIdentifier(' \u212aate\t')).toBe('Kate');
    expect(normalizeIdentifier('\uff22\uff4f\uff42\uff0e1')).toBe('Bob.1');
    expect(normalizeIdentifier('\uff42\uff20\uff42\uff0eexample')).toBe('b@b.example');
  });

  it('is lower-cased as in the database: A to Z', () => {
    expect(foldCase('A\u0130Z\u00c9')).toBe('a\u0130z\u00c9');
  });
});

describe('a password with an accent', () => {
  const [one, two] = ['caf\u00e9 au local', 'cafe\u0301 au local'];

  it('matches in any composition that the keyboard sends', async () => {
    for (const chosen of [one, two]) {
      const stored = await hashPassword(chosen, cost, keyring);
      for (const typed of [one, two])
        expect(await verifyPassword(stored, typed, cost, keyring)).toEqual({ isRight: true, needsRehash: false });
    }
  });

  it('matches a hash of another composition, which is then replaced', async () => {
    const { hash } = await import('bcrypt');
    const stored = await hash(two, 4);
    expect(await verifyPassword(stored, two, cost, keyring)).toEqual({ isRight: true, needsRehash: true });
    expect((await verifyPassword(stored, `${two}x`, cost, keyring)).isRight).toBe(false);
  });

  it('opens a key that was sealed with the original composition', async () => {
    const [pair, stretching] = [generatePair(), freshStretching(1000)];
    const sealed = sealPrivateKey(keyring, 'user', pair, { key: await stretch(two, stretching), stretching });
    const seal = readPrivateSeal(keyring, { userId: 'user', publicKey: pair.publicKey }, sealed);
    const open = (password: string) => openByPassword(seal, password, (each) => stretch(each, stretching));
    expect(await open(two)).toEqual(pair.privateKey);
    expect(await open(`${two}x`)).toBeNull();
  });
});
