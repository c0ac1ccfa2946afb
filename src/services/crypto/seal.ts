import { createCipheriv, createDecipheriv, randomBytes } from 'node:crypto';
import { frame, fromBase64Url } from './framing.ts';
import type { Keyring, KeyPurpose } from './keyring.ts';

/** The purposes whose keys seal; the keys of all others sign. */
export type SealPurpose = Extract<KeyPurpose, 'totp-seed' | 'database-credentials' | 'user-key-seal'>;

const scheme = 'seal-v1';
const cipher = 'aes-256-gcm';
const nonceLength = 12;
const tagLength = 16;

/**
 * AES-256-GCM under the active key for one purpose: `seal-v1:<kid>:<base64url of nonce ‖ ciphertext ‖ tag>`. It opens
 * with the same purpose and context only: name in the context what it belongs to, and it is of no use in another place.
 */
export function seal(keyring: Keyring, purpose: SealPurpose, context: readonly string[], bytes: Uint8Array): string {
  const kid = keyring.active;
  const nonce = randomBytes(nonceLength);
  const sealing = createCipheriv(cipher, keyring.secret(kid, purpose), nonce, { authTagLength: tagLength });
  sealing.setAAD(boundTo(kid, purpose, context));
  const sealed = Buffer.concat([nonce, sealing.update(bytes), sealing.final(), sealing.getAuthTag()]);
  return `${scheme}:${kid}:${sealed.toString('base64url')}`;
}

/**
 * The bytes that were sealed; they belong to the caller, who zeroes them after use.
 * @throws {SealError} where the text is not such a seal, of a key that is gone, of another purpose or context, or altered.
 */
export function open(keyring: Keyring, purpose: SealPurpose, context: readonly string[], text: string): Buffer {
  const blob = read(text);
  if (blob === null || !keyring.has(blob.kid)) throw new SealError();
  const { kid, nonce, ciphertext, tag } = blob;
  const opening = createDecipheriv(cipher, keyring.secret(kid, purpose), nonce, { authTagLength: tagLength });
  opening.setAAD(boundTo(kid, purpose, context)).setAuthTag(tag);
  const bytes = opening.update(ciphertext);
  try {
    opening.final();
    return bytes;
  } catch {
    // What comes out before the tag was checked is somebody's guess, or a secret read under another name.
    bytes.fill(0);
    throw new SealError();
  }
}

/** Whether the blob is sealed with the key that seals today; any other is opened and sealed again on its next use. */
export function isOfActiveKey(keyring: Keyring, text: string): boolean {
  return read(text)?.kid === keyring.active;
}

/** The one error for whatever keeps a blob from being opened; it shows nothing of it. */
export class SealError extends Error {
  override readonly name = 'SealError';

  constructor() {
    super('The stored value cannot be decrypted');
  }
}

interface Sealed {
  readonly kid: string;
  readonly nonce: Buffer;
  readonly ciphertext: Buffer;
  readonly tag: Buffer;
}

function read(text: string): Sealed | null {
  const [name, kid, encoded, ...rest] = text.split(':');
  if (name !== scheme || kid === undefined || encoded === undefined || rest.length > 0) return null;
  const bytes = fromBase64Url(encoded);
  if (bytes === null || bytes.byteLength < nonceLength + tagLength) return null;
  const end = bytes.byteLength - tagLength;
  return { kid, nonce: bytes.subarray(0, nonceLength), ciphertext: bytes.subarray(nonceLength, end), tag: bytes.subarray(end) };
}

function boundTo(kid: string, purpose: SealPurpose, context: readonly string[]): Buffer {
  return frame(scheme, kid, purpose, ...context);
}
