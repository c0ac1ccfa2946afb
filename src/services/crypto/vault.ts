import { createHmac, createSecretKey, hkdfSync, randomBytes, timingSafeEqual } from 'node:crypto';
import { frame, fromBase64Url } from './framing.ts';
import { decrypt, encrypt, SealError } from './gcm.ts';
import type { Keyring } from './keyring.ts';

const keyLength = 32;
const saltScheme = 'hkdf-sha256-v1';
const wrapScheme = 'wrap-v3';
const noSalt = Buffer.alloc(0);

/** The versions of a vault's key that a user may use, including the active one. The holder must wipe them. */
export class VaultKeys {
  constructor(
    readonly active: number,
    private readonly keys: ReadonlyMap<number, Buffer>,
  ) {
    if (!keys.has(active)) throw new SealError();
  }

  static generate(): Buffer {
    return randomBytes(keyLength);
  }

  get versions(): readonly number[] {
    return [...this.keys.keys()];
  }

  /** @throws {SealError} if there is no such version. */
  key(version: number = this.active): Buffer {
    const key = this.keys.get(version);
    if (key === undefined) throw new SealError();
    return key;
  }

  has(version: number): boolean {
    return this.keys.has(version);
  }

  /** Returns the same keys with a newer one, which becomes active. The bytes are shared. */
  withNext(version: number, key: Buffer): VaultKeys {
    return new VaultKeys(version, new Map([...this.keys, [version, key]]));
  }

  /** Returns the same keys in separate bytes. */
  copy(): VaultKeys {
    return new VaultKeys(this.active, new Map([...this.keys].map(([version, key]) => [version, Buffer.from(key)])));
  }

  wipe(): void {
    for (const key of this.keys.values()) key.fill(0);
  }

  /** Returns version ‖ key for each. The caller must zero the bytes. */
  toBytes(): Buffer {
    const bytes = Buffer.alloc(this.keys.size * (4 + keyLength));
    let at = 0;
    for (const [version, key] of this.keys) {
      bytes.writeUInt32BE(version, at);
      bytes.set(key, at + 4);
      at += 4 + keyLength;
    }
    return bytes;
  }

  static fromBytes(active: number, bytes: Buffer): VaultKeys {
    const keys = new Map<number, Buffer>();
    for (let at = 0; at + 4 + keyLength <= bytes.byteLength; at += 4 + keyLength)
      keys.set(bytes.readUInt32BE(at), Buffer.from(bytes.subarray(at + 4, at + 4 + keyLength)));
    return new VaultKeys(active, keys);
  }
}

/** Registers keys to be wiped. @returns the same keys. */
export type KeepKeys = (keys: VaultKeys) => VaultKeys;

/** Runs `act` and wipes all keys that it registered with `keep`, whether it succeeds or fails. */
export async function keepingKeys<Done>(act: (keep: KeepKeys) => Promise<Done>): Promise<Done> {
  const kept: VaultKeys[] = [];
  const keep: KeepKeys = (keys) => {
    kept.push(keys);
    return keys;
  };
  try {
    return await act(keep);
  } finally {
    for (const keys of kept) keys.wipe();
  }
}

/** The identity of one stored value. It is unique, and moving, renaming or rolling back a value changes it. */
export interface RecordFacts {
  readonly vaultId: string;
  readonly secretId: string;
  readonly keyName: string;
  readonly version: number;
  /** The vault key's version. */
  readonly keyVersion: number;
}

/** Creates the salt of a new row, prefixed with the derivation: `hkdf-sha256-v1:<base64url>`. */
export const freshSalt = (): string => `${saltScheme}:${randomBytes(keyLength).toString('base64url')}`;

/**
 * Derives the Fernet key of one stored value. The caller must zero it. @throws {SealError} if the salt is malformed.
 */
export function recordKey(vaultKey: Uint8Array, salt: string, facts: RecordFacts): Buffer {
  const [scheme, encoded = '', ...rest] = salt.split(':');
  const bytes = fromBase64Url(encoded);
  if (scheme !== saltScheme || rest.length > 0 || bytes?.byteLength !== keyLength) throw new SealError();
  const info = frame('record', facts.vaultId, facts.secretId, facts.keyName, facts.version, facts.keyVersion);
  return derive(vaultKey, bytes, info);
}

/** The binding of a vault session. */
export interface WrapBinding {
  readonly sessionId: string;
  readonly userId: string;
  readonly vaultId: string;
  /** The version of the vault's key that was active. */
  readonly version: number;
}

/**
 * Encrypts vault keys so that decryption requires both the token and the system key: `wrap-v3:<kid>:<base64url>`.
 * @param token the bytes of the vault token.
 */
export function wrapKeys(keyring: Keyring, token: Uint8Array, binding: WrapBinding, keys: VaultKeys): string {
  const kid = keyring.active;
  const boundTo = boundBytes(kid, binding);
  const bytes = keys.toBytes();
  const key = wrappingKey(keyring, kid, token, boundTo);
  const wrapped = encrypt(key, boundTo, bytes);
  key.fill(0);
  bytes.fill(0);
  return `${wrapScheme}:${kid}:${wrapped.toString('base64url')}`;
}

/**
 * @throws {SealError} if the token, session, user, vault or version differs, the system key is missing, or the text was
 * altered.
 */
export function unwrapKeys(keyring: Keyring, token: Uint8Array, binding: WrapBinding, text: string): VaultKeys {
  const [scheme, kid = '', encoded = '', ...rest] = text.split(':');
  const wrapped = fromBase64Url(encoded);
  if (scheme !== wrapScheme || rest.length > 0 || wrapped === null || !keyring.has(kid)) throw new SealError();
  const boundTo = boundBytes(kid, binding);
  const key = wrappingKey(keyring, kid, token, boundTo);
  try {
    const bytes = decrypt(key, boundTo, wrapped);
    const keys = VaultKeys.fromBytes(binding.version, bytes);
    bytes.fill(0);
    return keys;
  } finally {
    key.fill(0);
  }
}

function wrappingKey(keyring: Keyring, kid: string, token: Uint8Array, boundTo: Uint8Array): Buffer {
  const both = frame(token, boundTo);
  const key = keyring.mac(kid, 'vault-session', both);
  both.fill(0);
  return key;
}

const boundBytes = (kid: string, { sessionId, userId, vaultId, version }: WrapBinding): Buffer =>
  frame(wrapScheme, kid, sessionId, userId, vaultId, version);

/** The grant of a version of the vault's key to a user, or to the recovery kit if there is no user. */
export interface GrantFacts {
  readonly vaultId: string;
  readonly version: number;
  readonly userId: string | null;
  readonly publicKey: Uint8Array;
}

/** The context of a grant's encryption, besides the public key. It binds the grant to its user and version. */
export const grantContext = ({ vaultId, version, userId }: Omit<GrantFacts, 'publicKey'>): string[] => [
  'vault-grant',
  vaultId,
  String(version),
  userId ?? 'recovery-kit',
];

/**
 * The MAC of a grant. Only a holder of the vault's key can make it, so nobody else can insert a grant that a rotation
 * would renew.
 */
export const markGrant = (vaultKey: Uint8Array, { vaultId, version, userId, publicKey }: GrantFacts): string =>
  mark(vaultKey, 'grant-v1', frame(vaultId, version, userId, publicKey));

/** The facts that the mark of a vault's state covers. */
export interface StateFacts {
  readonly vaultId: string;
  readonly version: number;
  readonly kitKey: string;
  readonly digest: string;
}

/** The MAC of the whole vault's state: the secrets with their names and values, and the latest key. */
export const markState = (vaultKey: Uint8Array, { vaultId, version, kitKey, digest }: StateFacts): string =>
  mark(vaultKey, 'state-v3', frame(vaultId, version, kitKey, digest));

/** Compares two marks in constant time. */
export function isSameMark(one: string, other: string): boolean {
  const [a, b] = [Buffer.from(one), Buffer.from(other)];
  return a.byteLength === b.byteLength && timingSafeEqual(a, b);
}

function mark(vaultKey: Uint8Array, scheme: string, fields: Uint8Array): string {
  const key = derive(vaultKey, noSalt, frame('mark', scheme));
  const made = `${scheme}:${createHmac('sha256', createSecretKey(key)).update(fields).digest('base64url')}`;
  key.fill(0);
  return made;
}

/** HKDF-SHA256. Takes a key object: Node.js converts raw bytes to one anyway, and detects them slowly. */
const derive = (from: Uint8Array, salt: Uint8Array, info: Uint8Array): Buffer =>
  Buffer.from(hkdfSync('sha256', createSecretKey(from), salt, info, keyLength));
