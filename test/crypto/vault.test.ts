import { randomBytes } from 'node:crypto';
import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { fromBase32, toBase32 } from '../../src/services/crypto/base32.ts';
import { generatePair, nameOf, openSealed, publicKeyOf, sealTo } from '../../src/services/crypto/box.ts';
import { Keyring } from '../../src/services/crypto/keyring.ts';
import { generateKit, readKit, writeKit } from '../../src/services/crypto/kit.ts';
import { isMarked, markPair, openPrivateKey, readPrivateSeal, reseal, sealPrivateKey } from '../../src/services/crypto/pair.ts';
import { SealError } from '../../src/services/crypto/gcm.ts';
import { freshStretching, stretch } from '../../src/services/crypto/stretch.ts';
import { isToken, mintToken, tokenBytes } from '../../src/services/crypto/token.ts';
import {
  freshSalt,
  grantContext,
  isSameMark,
  markGrant,
  markState,
  recordKey,
  unwrapKeys,
  VaultKeys,
  wrapKeys,
} from '../../src/services/crypto/vault.ts';

const older = Keyring.generate();
const newer = Keyring.generate();
const before = Keyring.parse(older);
const keyring = Keyring.parse(`${newer},${older}`);
const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex');

/** Yields every text with one character changed, and every truncated text. */
function* spoilt(text: string): Generator<string> {
  for (let at = 0; at < text.length; at += 1) {
    for (const other of ['A', 'B', ':', '0', 'x']) if (text[at] !== other) yield `${text.slice(0, at)}${other}${text.slice(at + 1)}`;
    yield text.slice(0, at);
    yield text.slice(at + 1);
  }
  yield `${text}A`;
  yield `${text}:`;
}

describe('a box', () => {
  const [pair, stranger] = [generatePair(), generatePair()];
  const context = ['vault-grant', 'a', '1'];
  const bytes = randomBytes(32);

  it('opens with the private key, and names the public key that it is sealed to', () => {
    const box = sealTo(pair.publicKey, context, bytes);
    expect(box).toMatch(new RegExp(`^box-v1:${nameOf(pair.publicKey)}:[A-Za-z0-9_-]+$`));
    expect(openSealed(pair, context, box)).toEqual(bytes);
    expect(sealTo(pair.publicKey, context, bytes)).not.toBe(box);
    expect(publicKeyOf(pair.privateKey)).toEqual(pair.publicKey);
  });

  it('does not open with another key, in another context, or altered', () => {
    const box = sealTo(pair.publicKey, context, bytes);
    expect(() => openSealed(stranger, context, box)).toThrow(SealError);
    expect(() => openSealed({ ...stranger, publicKey: pair.publicKey }, context, box)).toThrow(SealError);
    for (const other of [[], ['vault-grant', 'a'], ['vault-grant', 'a', '2'], ['vault-grant', 'a1'], [...context, '']])
      expect(() => openSealed(pair, other, box)).toThrow(SealError);
    for (const text of spoilt(box)) expect(() => openSealed(pair, context, text)).toThrow(SealError);
  });

  it('is never sealed to a key whose secret is publicly known', () => {
    for (const weak of [Buffer.alloc(32), Buffer.concat([Buffer.from([1]), Buffer.alloc(31)])])
      expect(() => sealTo(weak, context, bytes)).toThrow(SealError);
  });
});

describe('a user’s key pair', () => {
  const stretching = freshStretching(10);
  const pair = generatePair();
  const holder = { userId: 'rosa', publicKey: pair.publicKey };

  it('opens with the password and the system key together only', async () => {
    const key = await stretch('the password', stretching);
    const text = sealPrivateKey(keyring, 'rosa', pair, { key, stretching });
    expect(text).toMatch(new RegExp(`^seal-v1:${keyring.active}:`));
    const read = readPrivateSeal(keyring, holder, text);
    expect(read.stretching).toEqual(stretching);
    expect(openPrivateKey(read, key)).toEqual(pair.privateKey);
    expect(openPrivateKey(read, await stretch('another', stretching))).toBeNull();
    expect(() => readPrivateSeal(Keyring.parse(Keyring.generate()), holder, text)).toThrow(SealError);
    for (const inner of [read.sealed.toString('base64url'), pair.privateKey.toString('base64url')]) expect(text).not.toContain(inner);
  });

  it('belongs to one user and one public key, and does not open if altered', async () => {
    const key = await stretch('the password', stretching);
    const text = sealPrivateKey(keyring, 'rosa', pair, { key, stretching });
    expect(() => readPrivateSeal(keyring, { ...holder, userId: 'karl' }, text)).toThrow(SealError);
    expect(() => readPrivateSeal(keyring, { ...holder, publicKey: generatePair().publicKey }, text)).toThrow(SealError);
    for (const each of spoilt(text)) expect(() => readPrivateSeal(keyring, holder, each)).toThrow(SealError);
    const read = readPrivateSeal(keyring, holder, text);
    expect(openPrivateKey({ ...read, userId: 'karl' }, key)).toBeNull();
    expect(openPrivateKey({ ...read, stretching: { ...stretching, iterations: 11 } }, key)).toBeNull();
  });

  it('moves to a new system key without the password', async () => {
    const key = await stretch('the password', stretching);
    const old = readPrivateSeal(before, holder, sealPrivateKey(before, 'rosa', pair, { key, stretching }));
    expect(readPrivateSeal(keyring, holder, sealPrivateKey(before, 'rosa', pair, { key, stretching })).isOfActiveKey).toBe(false);
    const moved = reseal(keyring, old);
    const read = readPrivateSeal(Keyring.parse(newer), holder, moved);
    expect(read.isOfActiveKey).toBe(true);
    expect(openPrivateKey(read, key)).toEqual(pair.privateKey);
  });

  it('has a MAC for this key, user, version and keyring', () => {
    const marked = { ...holder, version: 3, sealed: 'sealed' };
    const mark = markPair(keyring, marked);
    expect(isMarked(keyring, marked, mark)).toBe(true);
    expect(isMarked(keyring, marked, markPair(before, marked))).toBe(true);
    expect(isMarked(before, marked, mark)).toBe(false);
    for (const other of [{ userId: 'karl' }, { publicKey: generatePair().publicKey }, { version: 2 }, { sealed: 'sealed before' }])
      expect(isMarked(keyring, { ...marked, ...other }, mark)).toBe(false);
    for (const each of spoilt(mark)) expect(isMarked(keyring, marked, each)).toBe(false);
  });
});

describe('the key of a stored value', () => {
  const vaultKey = VaultKeys.generate();
  const facts = { vaultId: 'v', secretId: 's', keyName: 'bank', version: 1, keyVersion: 1 };

  it('is unique to its row: another salt, vault, secret, name or version gives another key', () => {
    const salt = freshSalt();
    const same = hex(recordKey(vaultKey, salt, facts));
    expect(hex(recordKey(vaultKey, salt, { ...facts }))).toBe(same);
    const others = [
      recordKey(vaultKey, freshSalt(), facts),
      recordKey(VaultKeys.generate(), salt, facts),
      ...Object.entries(facts).map(([name, value]) =>
        recordKey(vaultKey, salt, { ...facts, [name]: typeof value === 'number' ? value + 1 : `${value}x` }),
      ),
      recordKey(vaultKey, salt, { ...facts, secretId: 'sb', keyName: 'ank' }),
      recordKey(vaultKey, salt, { ...facts, version: 11, keyVersion: 0 }),
    ].map(hex);
    expect(new Set([same, ...others]).size).toBe(others.length + 1);
  });

  it('accepts only a salt that names its use', () => {
    const salt = freshSalt();
    expect(salt).toMatch(/^hkdf-sha256-v1:[A-Za-z0-9_-]{43}$/);
    for (const wrong of ['', salt.slice(15), `hkdf-sha256-v2:${salt.slice(15)}`, salt.slice(0, -1), `${salt}A`, `${salt}:`])
      expect(() => recordKey(vaultKey, wrong, facts)).toThrow(SealError);
  });
});

describe('wrapped vault keys', () => {
  const token = randomBytes(32);
  const binding = { sessionId: 's', userId: 'u', vaultId: 'v', version: 2 };
  const keys = new VaultKeys(
    2,
    new Map([
      [1, VaultKeys.generate()],
      [2, VaultKeys.generate()],
    ]),
  );

  it('open with the token and the system key together', () => {
    const text = wrapKeys(keyring, token, binding, keys);
    expect(text).toMatch(new RegExp(`^wrap-v3:${keyring.active}:[A-Za-z0-9_-]+$`));
    const found = unwrapKeys(keyring, token, binding, text);
    expect([found.active, found.versions, hex(found.key(1)), hex(found.key())]).toEqual([2, [1, 2], hex(keys.key(1)), hex(keys.key(2))]);
    expect(() => unwrapKeys(keyring, randomBytes(32), binding, text)).toThrow(SealError);
    expect(() => unwrapKeys(before, token, binding, text)).toThrow(SealError);
  });

  it('belong to one session, user, vault and version, and do not open if altered', () => {
    const text = wrapKeys(keyring, token, binding, keys);
    for (const [name, value] of Object.entries(binding))
      expect(() => unwrapKeys(keyring, token, { ...binding, [name]: typeof value === 'number' ? 1 : 'x' }, text)).toThrow(SealError);
    for (const each of spoilt(text)) expect(() => unwrapKeys(keyring, token, binding, each)).toThrow(SealError);
  });

  it('are zeros after they are wiped, and have only the given versions', () => {
    const own = unwrapKeys(keyring, token, binding, wrapKeys(keyring, token, binding, keys));
    expect(() => own.key(3)).toThrow(SealError);
    expect(() => new VaultKeys(3, new Map([[1, own.key(1)]]))).toThrow(SealError);
    own.wipe();
    expect([hex(own.key(1)), hex(own.key(2))]).toEqual(['00'.repeat(32), '00'.repeat(32)]);
  });

  it('are requested with a token of a fixed form', () => {
    const token = mintToken('vlt1');
    expect(token).toMatch(/^vlt1\.[A-Za-z0-9_-]{43}$/);
    expect(tokenBytes('vlt1', token)).toHaveLength(32);
    for (const wrong of ['', 'vlt1.', token.slice(1), `${token}A`, token.slice(0, -1), token.replace('vlt1', 'dvt1')])
      expect([isToken('vlt1', wrong), tokenBytes('vlt1', wrong)]).toEqual([false, null]);
  });
});

describe('MACs under the vault’s key', () => {
  const vaultKey = VaultKeys.generate();
  const grant = { vaultId: 'v', version: 1, userId: 'rosa', publicKey: randomBytes(32) };

  it('distinguish all grants and states', () => {
    const marks = [
      markGrant(vaultKey, grant),
      markGrant(VaultKeys.generate(), grant),
      markGrant(vaultKey, { ...grant, vaultId: 'w' }),
      markGrant(vaultKey, { ...grant, version: 2 }),
      markGrant(vaultKey, { ...grant, userId: 'karl' }),
      markGrant(vaultKey, { ...grant, userId: null }),
      markGrant(vaultKey, { ...grant, publicKey: randomBytes(32) }),
      markState(vaultKey, { vaultId: 'v', version: 1, kitKey: 'kit', digest: 'digest' }),
      markState(vaultKey, { vaultId: 'v', version: 1, kitKey: 'kit', digest: 'other' }),
      markState(vaultKey, { vaultId: 'v', version: 1, kitKey: 'ki', digest: 'tdigest' }),
      markState(vaultKey, { vaultId: 'v', version: 2, kitKey: 'kit', digest: 'digest' }),
      markState(vaultKey, { vaultId: 'w', version: 1, kitKey: 'kit', digest: 'digest' }),
    ];
    expect(new Set(marks).size).toBe(marks.length);
    expect(isSameMark(marks[0] ?? '', markGrant(vaultKey, { ...grant }))).toBe(true);
    expect(isSameMark(marks[0] ?? '', marks[1] ?? '')).toBe(false);
    expect(isSameMark('a', 'ab')).toBe(false);
  });

  it('use another context for a user’s key than for the kit', () => {
    expect(grantContext({ ...grant, userId: null })).not.toEqual(grantContext(grant));
  });
});

describe('a recovery kit', () => {
  it('is read in any spelling of its characters', () => {
    fc.assert(
      fc.property(fc.uint8Array({ minLength: 32, maxLength: 32 }), (bytes) => {
        const text = writeKit(bytes);
        expect(text).toMatch(/^UHRK1(-[0-9A-HJKMNP-TV-Z]{4}){14}$/);
        for (const typed of [
          text,
          text.toLowerCase(),
          text.replaceAll('-', ' '),
          ` ${text.replaceAll('-', '–')}\n`,
          text.replaceAll('0', 'O'),
        ])
          expect(hex(readKit(typed)?.privateKey ?? Buffer.alloc(0))).toBe(hex(bytes));
      }),
      { numRuns: 20 },
    );
  });

  it('is a pair', () => {
    const kit = generateKit();
    expect(readKit(writeKit(kit.privateKey))).toEqual(kit);
  });

  it('is refused with a typing error', () => {
    const text = writeKit(generateKit().privateKey);
    for (let at = 6; at < text.length; at += 1) {
      if (text[at] === '-') continue;
      for (const other of '0123456789ABCDEFGHJKMNPQRSTVWXYZ') {
        if (text[at] === other) continue;
        expect(readKit(`${text.slice(0, at)}${other}${text.slice(at + 1)}`)).toBeNull();
      }
    }
    const groups = text.split('-');
    const swapped = [...groups.slice(0, 3), groups[4], groups[3], ...groups.slice(5)].join('-');
    for (const wrong of [
      '',
      'UHRK1',
      swapped,
      text.slice(0, -1),
      `${text}0`,
      text.replace('UHRK1', 'UHRK2'),
      'x'.repeat(400),
      `${text.slice(0, -1)}U`,
    ])
      if (wrong !== text) expect(readKit(wrong)).toBeNull();
  });
});

describe('base 32', () => {
  const alphabet = '0123456789ABCDEFGHJKMNPQRSTVWXYZ';

  it('decodes what it encodes, in canonical form only', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 40 }), (bytes) => {
        expect(hex(fromBase32(toBase32(bytes, alphabet), alphabet) ?? Buffer.from('none'))).toBe(hex(bytes));
      }),
    );
    for (const wrong of ['U', '0', '000', '01', 'Z1', 'l0']) expect(fromBase32(wrong, alphabet)).toBeNull();
  });
});
