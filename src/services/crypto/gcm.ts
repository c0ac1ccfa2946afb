import { createCipheriv, createDecipheriv, randomBytes, type CipherKey } from 'node:crypto';

const cipher = 'aes-256-gcm';
const nonceLength = 12;
const tagLength = 16;

/** The length of a nonce and a tag in bytes. */
export const overhead = nonceLength + tagLength;

/** The same error for every value that cannot be decrypted. It reveals nothing of the value. */
export class SealError extends Error {
  override readonly name = 'SealError';

  constructor() {
    super('The stored value cannot be decrypted');
  }
}

/**
 * Encrypts with AES-256-GCM under a 32-byte key: nonce ‖ ciphertext ‖ tag. Decryption requires the same bound bytes.
 */
export function encrypt(key: CipherKey, boundTo: Uint8Array, bytes: Uint8Array): Buffer {
  const nonce = randomBytes(nonceLength);
  const sealing = createCipheriv(cipher, key, nonce, { authTagLength: tagLength });
  sealing.setAAD(boundTo);
  return Buffer.concat([nonce, sealing.update(bytes), sealing.final(), sealing.getAuthTag()]);
}

/**
 * Decrypts the bytes. The caller must zero the returned bytes.
 * @throws {SealError} if the key or the bound bytes differ, or anything was altered.
 */
export function decrypt(key: CipherKey, boundTo: Uint8Array, sealed: Uint8Array): Buffer {
  if (sealed.byteLength < overhead) throw new SealError();
  const end = sealed.byteLength - tagLength;
  const opening = createDecipheriv(cipher, key, sealed.subarray(0, nonceLength), { authTagLength: tagLength });
  opening.setAAD(boundTo).setAuthTag(sealed.subarray(end));
  const bytes = opening.update(sealed.subarray(nonceLength, end));
  try {
    opening.final();
    return bytes;
  } catch {
    // Output before the tag check may be a forgery, or a secret that was read under another name.
    bytes.fill(0);
    throw new SealError();
  }
}
