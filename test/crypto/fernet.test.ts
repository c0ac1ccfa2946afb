import { execFileSync, spawnSync } from 'node:child_process';
import { createCipheriv, createHmac, randomBytes } from 'node:crypto';
import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { decryptFernet, encryptFernet, FernetError, readFernetKey } from '../../src/services/crypto/fernet.ts';
import { deriveMasterKey, stretch } from '../../src/services/crypto/stretch.ts';

// Test vectors of the specification: generate.json, verify.json and invalid.json of github.com/fernet/spec.
const secret = readFernetKey('cw_0x689RpI-jtRR7oE8h_eQsKImvJapLeSbXpwF4e4=');
const token = 'gAAAAAAdwJ6wAAECAwQFBgcICQoLDA0ODy021cpGVWKZ_eEwCGM4BLLF_5CV9dOPmrhuVUPgJobwOz7JcbmrR64jVmpU4IwqDA==';
const made = new Date('1985-10-26T01:20:00-07:00');
const read = { ttl: 60, at: new Date('1985-10-26T01:20:01-07:00') };
const iv = Buffer.from([...Array(16).keys()]);
const text = (bytes: Buffer): string => bytes.toString('utf8');

const python = '/usr/bin/python3';
const hasPython = spawnSync(python, ['-c', 'import cryptography.fernet']).status === 0;
/** Runs a program that reads JSON from stdin and prints JSON. */
const ask = <T>(program: string, given: unknown): T =>
  JSON.parse(execFileSync(python, ['-c', `import sys, json, base64\n${program}`], { input: JSON.stringify(given) }).toString()) as T;

describe('Fernet, by its specification', () => {
  it('creates the token of generate.json', () => {
    expect(encryptFernet(secret, Buffer.from('hello'), { at: made, iv })).toBe(token);
  });

  it('reads the token of verify.json', () => {
    expect(text(decryptFernet(secret, token, read))).toBe('hello');
  });

  it.each([
    ['incorrect mac', 'gAAAAAAdwJ6xAAECAwQFBgcICQoLDA0OD3HkMATM5lFqGaerZ-fWPAl1-szkFVzXTuGb4hR8AKtwcaX1YdykQUFBQUFBQUFBQQ=='],
    ['too short', 'gAAAAAAdwJ6xAAECAwQFBgcICQoLDA0OD3HkMATM5lFqGaerZ-fWPA=='],
    ['invalid base64', '%%%%%%%%%%%%%AECAwQFBgcICQoLDA0OD3HkMATM5lFqGaerZ-fWPAl1-szkFVzXTuGb4hR8AKtwcaX1YdykRtfsH-p1YsUD2Q=='],
    [
      'payload size not multiple of block size',
      'gAAAAAAdwJ6xAAECAwQFBgcICQoLDA0OD3HkMATM5lFqGaerZ-fWPOm73QeoCk9uGib28Xe5vz6oxq5nmxbx_v7mrfyudzUm',
    ],
    ['payload padding error', 'gAAAAAAdwJ6xAAECAwQFBgcICQoLDA0ODz4LEpdELGQAad7aNEHbf-JkLPIpuiYRLQ3RtXatOYREu2FWke6CnJNYIbkuKNqOhw=='],
    [
      'far-future TS (unacceptable clock skew)',
      'gAAAAAAdwStRAAECAwQFBgcICQoLDA0OD3HkMATM5lFqGaerZ-fWPAnja1xKYyhd-Y6mSkTOyTGJmw2Xc2a6kBd-iX9b_qXQcw==',
    ],
    [
      'incorrect IV (causes padding error)',
      'gAAAAAAdwJ6xBQECAwQFBgcICQoLDA0OD3HkMATM5lFqGaerZ-fWPAkLhFLHpGtDBRLRTZeUfWgHSv49TF2AUEZ1TIvcZjK1zQ==',
    ],
  ])('refuses the tokens of invalid.json: %s', (_, invalid) => {
    expect(() => decryptFernet(secret, invalid, read)).toThrow(FernetError);
  });

  it('refuses the expired token of invalid.json only after its time', () => {
    const expired = 'gAAAAAAdwJ6xAAECAwQFBgcICQoLDA0OD3HkMATM5lFqGaerZ-fWPAl1-szkFVzXTuGb4hR8AKtwcaX1YdykRtfsH-p1YsUD2Q==';
    const late = new Date('1985-10-26T01:21:31-07:00');
    expect(() => decryptFernet(secret, expired, { ttl: 60, at: late })).toThrow(FernetError);
    expect(decryptFernet(secret, expired, { ttl: 600, at: late })).toHaveLength(0);
    expect(decryptFernet(secret, expired)).toHaveLength(0);
  });

  it.each([
    [0, -1, false],
    [0, 0, true],
    [60, 60, true],
    [60, 61, false],
    [60, -60, true],
    [60, -61, false],
  ])('with a lifetime of %i seconds, read after %i seconds, is accepted: %s', (ttl, seconds, isTaken) => {
    const at = new Date(made.valueOf() + 1000 * (seconds < 0 && ttl === 0 ? 1 : seconds));
    const act = () => decryptFernet(secret, token, { ttl, at });
    if (isTaken) expect(text(act())).toBe('hello');
    else expect(act).toThrow(FernetError);
  });
});

describe('a token', () => {
  const key = randomBytes(32);

  it('contains any bytes, and differs each time', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => {
        const [one, other] = [encryptFernet(key, bytes), encryptFernet(key, bytes)];
        expect(one).not.toBe(other);
        expect(decryptFernet(key, one).equals(bytes)).toBe(true);
      }),
    );
  });

  it('is refused with any single bit changed', () => {
    const whole = encryptFernet(key, Buffer.from('the bank’s key'));
    const bytes = Buffer.from(whole, 'base64url');
    for (let at = 0; at < bytes.byteLength * 8; at += 1) {
      const altered = Buffer.from(bytes);
      altered.writeUInt8(altered.readUInt8(at >> 3) ^ (1 << (at & 7)), at >> 3);
      const encoded = altered.toString('base64url').padEnd(whole.length, '=');
      expect(() => decryptFernet(key, encoded)).toThrow(FernetError);
    }
  });

  it('is refused when it is truncated or extended', () => {
    const whole = encryptFernet(key, Buffer.from('x'));
    for (let length = 0; length < whole.length; length += 1) {
      expect(() => decryptFernet(key, whole.slice(0, length))).toThrow(FernetError);
      expect(() => decryptFernet(key, whole.slice(length + 1))).toThrow(FernetError);
    }
    for (const text of [`${whole}A`, `${whole}\n`, ` ${whole}`, `${whole}=`, `${whole}====`, whole.slice(0, 20) + '\n' + whole.slice(20)])
      expect(() => decryptFernet(key, text)).toThrow(FernetError);
  });

  it('is refused in any other encoding: without padding, in the other alphabet, or with unused bits', () => {
    let whole = encryptFernet(key, Buffer.from('any text'));
    while (!/[-_]/.test(whole)) whole = encryptFernet(key, Buffer.from('any text'));
    expect(whole.endsWith('=')).toBe(true);
    expect(() => decryptFernet(key, whole.replace(/=+$/, ''))).toThrow(FernetError);
    expect(() => decryptFernet(key, whole.replaceAll('-', '+').replaceAll('_', '/'))).toThrow(FernetError);
    const alphabet = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_';
    const [bare, padding] = [whole.replace(/=+$/, ''), /=+$/.exec(whole)?.[0] ?? ''];
    const next = alphabet.charAt(alphabet.indexOf(bare.slice(-1)) + 1);
    const sloppy = `${bare.slice(0, -1)}${next}${padding}`;
    expect(Buffer.from(sloppy, 'base64url').equals(Buffer.from(whole, 'base64url'))).toBe(true);
    expect(() => decryptFernet(key, sloppy)).toThrow(FernetError);
  });

  it('is refused under another key, also one with an equal half', () => {
    const whole = encryptFernet(key, Buffer.from('x'.repeat(40)));
    expect(() => decryptFernet(randomBytes(32), whole)).toThrow(FernetError);
    const halves = [Buffer.concat([key.subarray(0, 16), randomBytes(16)]), Buffer.concat([randomBytes(16), key.subarray(16)])];
    for (const half of halves) {
      const read = (): Buffer | null => {
        try {
          return decryptFernet(half, whole);
        } catch (error) {
          expect(error).toBeInstanceOf(FernetError);
          return null;
        }
      };
      expect(read()?.toString() ?? '').not.toContain('xxxx');
    }
  });

  it('of another version is refused, even with a valid signature', () => {
    const cipher = createCipheriv('aes-128-cbc', key.subarray(16), iv);
    const body = Buffer.concat([Buffer.from([0x81]), Buffer.alloc(8), iv, cipher.update('x'), cipher.final()]);
    const signed = Buffer.concat([body, createHmac('sha256', key.subarray(0, 16)).update(body).digest()]);
    expect(() => decryptFernet(key, signed.toString('base64url').padEnd(Math.ceil(signed.length / 3) * 4, '='))).toThrow(FernetError);
  });

  it('fails with the same message for every fault, without content', () => {
    const errors = [token, 'x', '', '%%%%', token.slice(4)].map((each) => {
      try {
        decryptFernet(key, each);
        return '';
      } catch (error) {
        return String(error);
      }
    });
    expect(new Set(errors)).toEqual(new Set(['FernetError: The token is not valid']));
  });

  it.each([0, 16, 31, 33])('refuses a key of %i bytes', (length) => {
    expect(() => encryptFernet(Buffer.alloc(length), Buffer.alloc(1))).toThrow(RangeError);
    expect(() => decryptFernet(Buffer.alloc(length), token)).toThrow(RangeError);
  });

  it.each(['', 'AAAA', 'cw_0x689RpI-jtRR7oE8h_eQsKImvJapLeSbXpwF4e4', 'cw_0x689RpI-jtRR7oE8h_eQsKImvJapLeSbXpwF4e5='])(
    'refuses the key %p',
    (written) => {
      expect(() => readFernetKey(written)).toThrow(FernetError);
    },
  );
});

describe('a key from a password', () => {
  it('equals that of Python’s PBKDF2HMAC, with 44 characters', async () => {
    const key = await deriveMasterKey('correct horse battery staple', Buffer.from('0123456789abcdef'));
    expect(key).toBe('_j8BXF02tRxDZ7G1flUchIfHkJ60sGlMDK8a2KKVJ3o=');
    expect(readFernetKey(key)).toHaveLength(32);
  });

  it('depends on every input', async () => {
    const salt = randomBytes(16);
    const same = await stretch('one', { iterations: 10, salt });
    expect(await stretch('one', { iterations: 10, salt })).toEqual(same);
    expect(await stretch('One', { iterations: 10, salt })).not.toEqual(same);
    expect(await stretch('one', { iterations: 11, salt })).not.toEqual(same);
    expect(await stretch('one', { iterations: 10, salt: randomBytes(16) })).not.toEqual(same);
  });

  it.each([0, -1, 1.5, Number.NaN, 10_000_001])('refuses %d iterations', async (iterations) => {
    await expect(stretch('x', { iterations, salt: Buffer.alloc(16) })).rejects.toThrow(RangeError);
  });
});

/** A developer's machine may lack Python; CI must have it. */
if (hasPython || process.env['CI'] === '1')
  describe('compatibility with Python’s cryptography', () => {
    const texts = ['', 'x', 'a block of sixteen', '“ja, claro”\n\u0000', 'x'.repeat(5000)];

    it('is installed', () => {
      expect(hasPython).toBe(true);
    });

    it('creates tokens that Python reads', () => {
      const key = randomBytes(32);
      const tokens = texts.map((each) => encryptFernet(key, Buffer.from(each)));
      const program = `from cryptography.fernet import Fernet
given = json.load(sys.stdin)
f = Fernet(given['key'])
print(json.dumps([f.decrypt(t.encode(), ttl=60).decode() for t in given['tokens']]))`;
      const written = key.toString('base64').replaceAll('+', '-').replaceAll('/', '_');
      expect(ask(program, { key: written, tokens })).toEqual(texts);
    });

    it('reads tokens from Python, with a key from the same password', async () => {
      const program = `from cryptography.fernet import Fernet
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.kdf.pbkdf2 import PBKDF2HMAC
given = json.load(sys.stdin)
key = base64.urlsafe_b64encode(PBKDF2HMAC(algorithm=hashes.SHA256(), length=32, salt=base64.b64decode(given['salt']), iterations=480000).derive(given['password'].encode()))
print(json.dumps({'key': key.decode(), 'tokens': [Fernet(key).encrypt(t.encode()).decode() for t in given['texts']]}))`;
      const [password, salt] = ['pässword, with „more“ than ASCII', randomBytes(16)];
      const answer = ask<{ key: string; tokens: string[] }>(program, { password, salt: salt.toString('base64'), texts });
      const key = await deriveMasterKey(password, salt);
      expect(key).toBe(answer.key);
      expect(answer.tokens.map((each) => text(decryptFernet(readFernetKey(key), each, { ttl: 60 })))).toEqual(texts);
    });

    it('refuses the same malformed tokens as Python', () => {
      const key = randomBytes(32);
      const whole = encryptFernet(key, Buffer.from('x'));
      const wrong = [whole.slice(1), whole.slice(0, -8), `A${whole.slice(1)}`, `${whole.slice(0, 30)}A${whole.slice(31)}`, ''].filter(
        (each) => each !== whole,
      );
      const program = `from cryptography.fernet import Fernet, InvalidToken
given = json.load(sys.stdin)
def takes(t):
    try:
        Fernet(given['key']).decrypt(t.encode())
        return True
    except InvalidToken:
        return False
print(json.dumps([takes(t) for t in given['tokens']]))`;
      const written = key.toString('base64').replaceAll('+', '-').replaceAll('/', '_');
      expect(ask(program, { key: written, tokens: wrong })).toEqual(wrong.map(() => false));
      for (const each of wrong) expect(() => decryptFernet(key, each)).toThrow(FernetError);
    });
  });
