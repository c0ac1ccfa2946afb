import { frame, fromBase64Url } from './framing.ts';
import { decrypt, encrypt, overhead, SealError } from './gcm.ts';
import type { Keyring, KeyPurpose } from './keyring.ts';

/** The purposes whose keys encrypt. The keys of all other purposes sign. */
export type SealPurpose = Extract<KeyPurpose, 'totp-seed' | 'database-credentials' | 'user-key-seal'>;

const scheme = 'seal-v1';

/**
 * Encrypts with AES-256-GCM under the active key for one purpose: `seal-v1:<kid>:<base64url of nonce ‖ ciphertext ‖
 * tag>`. Decryption requires the same purpose and context. Name the owner of the value in the context, so that the seal
 * is useless elsewhere.
 */
export function seal(keyring: Keyring, purpose: SealPurpose, context: readonly string[], bytes: Uint8Array): string {
  const kid = keyring.active;
  const sealed = encrypt(keyring.secret(kid, purpose), boundTo(kid, purpose, context), bytes);
  return `${scheme}:${kid}:${sealed.toString('base64url')}`;
}

/**
 * Decrypts a sealed value. The caller must zero the returned bytes.
 * @throws {SealError} if the text is malformed, its key is missing, its purpose or context differs, or it was altered.
 */
export function open(keyring: Keyring, purpose: SealPurpose, context: readonly string[], text: string): Buffer {
  const blob = read(text);
  if (blob === null || !keyring.has(blob.kid)) throw new SealError();
  const { kid, sealed } = blob;
  return decrypt(keyring.secret(kid, purpose), boundTo(kid, purpose, context), sealed);
}

/** Whether the value is sealed with the active key. Any other is sealed again on its next use. */
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
