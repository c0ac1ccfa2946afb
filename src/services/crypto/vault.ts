import { createHmac, createSecretKey, hkdfSync, randomBytes, timingSafeEqual } from 'node:crypto';
import { frame, fromBase64Url } from './framing.ts';
import { decrypt, encrypt, SealError } from './gcm.ts';
import type { Keyring } from './keyring.ts';

const keyLength = 32;
const saltScheme = 'hkdf-sha256-v1';
const wrapScheme = 'wrap-v3';
const noSalt = Buffer.alloc(0);

/** The versions of a vault's key that a user may open, including the active one. Their holder wipes them. */
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

  /** @throws {SealError} where there is no such version. */
  key(version: number = this.active): Buffer {
    const key = this.keys.get(version);
    if (key === undefined) throw new SealError();
    return key;
  }

  has(version: number): boolean {
    return this.keys.has(version);
  }

  /** The same keys and a newer one, which becomes active; the bytes are shared. */
  withNext(version: number, key: Buffer): VaultKeys {
    return new VaultKeys(version, new Map([...this.keys, [version, key]]));
  }

  /** The same keys in bytes of their own. */
  copy(): VaultKeys {
    return new VaultKeys(this.active, new Map([...this.keys].map(([version, key]) => [version, Buffer.from(key)])));
  }

  wipe(): void {
    for (const key of this.keys.values()) key.fill(0);
  }

  /** Version ‖ key for each; to be zeroed. */
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

/** Takes keys of which it is known by whom they are wiped. @returns the same. */
export type Keep = (keys: VaultKeys) => VaultKeys;

/** Does something with keys that live as long as it: whatever it keeps is wiped when it is over, however it ends. */
export async function keepingKeys<Done>(act: (keep: Keep) => Promise<Done>): Promise<Done> {
  const kept: VaultKeys[] = [];
  const keep: Keep = (keys) => {
    kept.push(keys);
    return keys;
  };
  try {
    return await act(keep);
  } finally {
    for (const keys of kept) keys.wipe();
  }
}

/** Which one stored value: no two have the same of these, and none keeps them when it is moved, renamed or rolled back. */
export interface RecordFacts {
  readonly vaultId: string;
  readonly secretId: string;
  readonly keyName: string;
  readonly version: number;
  /** The vault key's version. */
  readonly keyVersion: number;
}

/** A new row's salt, with the name of what is done with it: `hkdf-sha256-v1:<base64url>`. */
export const freshSalt = (): string => `${saltScheme}:${randomBytes(keyLength).toString('base64url')}`;

/** The key of one stored value, for Fernet; it belongs to the caller, who zeroes it. @throws {SealError} for no such salt. */
export function recordKey(vaultKey: Uint8Array, salt: string, facts: RecordFacts): Buffer {
  const [scheme, encoded = '', ...rest] = salt.split(':');
  const bytes = fromBase64Url(encoded);
  if (scheme !== saltScheme || rest.length > 0 || bytes?.byteLength !== keyLength) throw new SealError();
  const info = frame('record', facts.vaultId, facts.secretId, facts.keyName, facts.version, facts.keyVersion);
  return derive(vaultKey, bytes, info);
}

/** What a vault session is bound to. */
export interface WrapBinding {
  readonly sessionId: string;
  readonly userId: string;
  readonly vaultId: string;
  /** The version of the vault's key that was active. */
  readonly version: number;
}

/**
 * Wraps vault keys so that it takes the token and the system key to unwrap them: `wrap-v3:<kid>:<base64url>`.
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

/** @throws {SealError} for another token, another session, user, vault or version, a system key that is gone, or altered text. */
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

/** To whom a version of the vault's key was given: to a user, or to the recovery kit where there is none. */
export interface GrantFacts {
  readonly vaultId: string;
  readonly version: number;
  readonly userId: string | null;
  readonly publicKey: Uint8Array;
}

/** What a grant is sealed with beside the public key: it opens as nobody else's, and as no other version's. */
export const grantContext = ({ vaultId, version, userId }: Omit<GrantFacts, 'publicKey'>): string[] => [
  'vault-grant',
  vaultId,
  String(version),
  userId ?? 'recovery-kit',
];

/** The mark that only a holder of the vault's key can put on a grant: none can be slipped in, to be renewed at a rotation. */
export const markGrant = (vaultKey: Uint8Array, { vaultId, version, userId, publicKey }: GrantFacts): string =>
  mark(vaultKey, 'grant-v1', frame(vaultId, version, userId, publicKey));

/** What the mark of a vault's state covers. */
export interface StateFacts {
  readonly vaultId: string;
  readonly version: number;
  readonly kitKey: string;
  readonly digest: string;
}

/** The mark on the state of the whole vault: which secrets there are, under which names, with which values, and which key is the latest. */
export const markState = (vaultKey: Uint8Array, { vaultId, version, kitKey, digest }: StateFacts): string =>
  mark(vaultKey, 'state-v3', frame(vaultId, version, kitKey, digest));

/** Whether two marks are the same, in a time that does not tell how much of them is. */
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

/** HKDF-SHA256. Node.js makes a key object of the bytes in any case, and is slow to find out that they are none yet. */
const derive = (from: Uint8Array, salt: Uint8Array, info: Uint8Array): Buffer =>
  Buffer.from(hkdfSync('sha256', createSecretKey(from), salt, info, keyLength));
