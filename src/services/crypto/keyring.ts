import { createHmac, createSecretKey, hkdfSync, randomBytes, type KeyObject } from 'node:crypto';
import { frame } from './framing.ts';
import { OperatorError } from '../../errors.ts';

/** The purpose of a derived key. Each key has exactly one purpose. */
export type KeyPurpose =
  | 'access-token'
  | 'refresh-token'
  | 'mailed-token'
  | 'password-pepper'
  | 'audit'
  | 'key-check'
  | 'rate-limit'
  | 'idempotency'
  | 'totp-seed'
  | 'database-credentials'
  | 'user-key-seal'
  | 'public-key-mac'
  | 'vault-session';

const keyLength = 32;
/** The minimum number of distinct bytes in a key. Of 32 random bytes, fewer are distinct once in 10^24 keys. */
const leastDistinct = 12;

/**
 * The system keys. The active key signs and seals new data; the others only read old data. The keys themselves are
 * never exposed, only keys derived per purpose. No error message of this class shows any part of a key.
 */
export class Keyring {
  readonly #keys: ReadonlyMap<string, KeyObject>;
  readonly #secrets = new Map<string, KeyObject>();

  /** The id of the key that currently signs and seals. */
  readonly active: string;

  private constructor(active: string, keys: ReadonlyMap<string, KeyObject>) {
    this.active = active;
    this.#keys = keys;
  }

  /** Generates the text of a new keyring with one key. */
  static generate(): string {
    const key = randomBytes(keyLength);
    const text = `k${randomBytes(4).toString('hex')}:${key.toString('base64')}`;
    key.fill(0);
    return text;
  }

  /**
   * Parses `kid:base64 of 32 bytes,kid2:…`, the active key first. @throws {KeyringError} that says which key is wrong,
   * and how.
   */
  static parse(text: string): Keyring {
    const keys = new Map<string, KeyObject>();
    const entries = text.split(',').map((entry) => entry.trim());
    if (text.trim() === '') throw new KeyringError('The keyring is empty');
    for (const [index, entry] of entries.entries()) {
      const [kid, key] = parseEntry(entry, index + 1);
      if (keys.has(kid)) throw new KeyringError(`Key ${index + 1} of the keyring has the name of an earlier one`);
      for (const other of keys.values())
        if (other.equals(key)) throw new KeyringError(`Key ${index + 1} of the keyring is the same as an earlier one`);
      keys.set(kid, key);
    }
    return new Keyring([...keys.keys()][0] as string, keys);
  }

  /** The names of all keys, the active one first. */
  get kids(): readonly string[] {
    return [...this.#keys.keys()];
  }

  has(kid: string): boolean {
    return this.#keys.has(kid);
  }

  /** Returns the 32-byte key for one purpose. The caller must zero it after use. */
  purpose(kid: string, purpose: KeyPurpose): Buffer {
    const key = this.#keys.get(kid);
    if (key === undefined) throw new KeyringError('The keyring has no key with that name');
    return Buffer.from(hkdfSync('sha256', key, Buffer.alloc(0), frame('unionhall', purpose), keyLength));
  }

  /** Returns the same key as a key object, which cannot be read by accident. Derived once. */
  secret(kid: string, purpose: KeyPurpose): KeyObject {
    const name = `${kid}/${purpose}`;
    const known = this.#secrets.get(name);
    if (known !== undefined) return known;
    const key = this.purpose(kid, purpose);
    const secret = createSecretKey(key);
    key.fill(0);
    this.#secrets.set(name, secret);
    return secret;
  }

  /** Computes HMAC-SHA256 under the key for one purpose. */
  mac(kid: string, purpose: KeyPurpose, bytes: Uint8Array | string): Buffer {
    return createHmac('sha256', this.secret(kid, purpose)).update(bytes).digest();
  }
}

/** The problem of a keyring. Never shows the keyring. */
export class KeyringError extends OperatorError {}

function parseEntry(entry: string, position: number): [kid: string, key: KeyObject] {
  const colon = entry.indexOf(':');
  if (colon === -1) throw new KeyringError(`Key ${position} of the keyring must have the form name:base64`);
  const kid = entry.slice(0, colon);
  if (!/^[A-Za-z0-9_-]{1,32}$/.test(kid))
    throw new KeyringError(`The name of key ${position} of the keyring must have 1 to 32 letters, digits, "_" and "-"`);
  const encoded = entry.slice(colon + 1);
  const bytes = Buffer.from(encoded, 'base64');
  const isRight = bytes.byteLength === keyLength && bytes.toString('base64') === encoded;
  const isRandom = new Set(bytes).size >= leastDistinct;
  const key = isRight ? createSecretKey(bytes) : null;
  bytes.fill(0);
  if (key === null)
    throw new KeyringError(`Key ${position} of the keyring must be base64 of exactly ${keyLength} bytes`);
  if (!isRandom)
    throw new KeyringError(
      `Key ${position} of the keyring is not random: create one with \`openssl rand -base64 ${keyLength}\``,
    );
  return [kid, key];
}
