import { frame, fromBase64Url } from './framing.ts';
import { decrypt, encrypt, overhead, SealError } from './gcm.ts';
import type { Keyring, KeyPurpose } from './keyring.ts';

/** The purposes whose keys seal; the keys of all others sign. */
export type SealPurpose = Extract<KeyPurpose, 'totp-seed' | 'database-credentials' | 'user-key-seal'>;

const scheme = 'seal-v1';

/**
 * AES-256-GCM under the active key for one purpose: `seal-v1:<kid>:<base64url of nonce ‖ ciphertext ‖ tag>`. It opens
 * with the same purpose and context only: name in the context what it belongs to, and it is of no use in another place.
 */
export function seal(keyring: Keyring, purpose: SealPurpose, context: readonly string[], bytes: Uint8Array): string {
  const kid = keyring.active;
  const sealed = encrypt(keyring.secret(kid, purpose), boundTo(kid, purpose, context), bytes);
  return `${scheme}:${kid}:${sealed.toString('base64url')}`;
}

/**
 * The bytes that were sealed; they belong to the caller, who zeroes them after use.
 * @throws {SealError} where the text is not such a seal, of a key that is gone, of another purpose or context, or altered.
 */
export function open(keyring: Keyring, purpose: SealPurpose, context: readonly string[], text: string): Buffer {
  const blob = read(text);
  if (blob === null || !keyring.has(blob.kid)) throw new SealError();
  const { kid, sealed } = blob;
  return decrypt(keyring.secret(kid, purpose), boundTo(kid, purpose, context), sealed);
}

/** Whether the blob is sealed with the key that seals today; any other is opened and sealed again on its next use. */
export function isOfActiveKey(keyring: Keyring, text: string): boolean {
  return read(text)?.kid === keyring.active;
}

function read(text: string): { readonly kid: string; readonly sealed: Buffer } | null {
  const [name, kid, encoded, ...rest] = text.split(':');
  if (name !== scheme || kid === undefined || encoded === undefined || rest.length > 0) return null;
  const sealed = fromBase64Url(encoded);
  return sealed === null || sealed.byteLength < overhead ? null : { kid, sealed };
}

function boundTo(kid: string, purpose: SealPurpose, context: readonly string[]): Buffer {
  return frame(scheme, kid, purpose, ...context);
}
