import { createCipheriv, createDecipheriv, randomBytes, type CipherKey } from 'node:crypto';

const cipher = 'aes-256-gcm';
const nonceLength = 12;
const tagLength = 16;

/** The bytes of a nonce and a tag. */
export const overhead = nonceLength + tagLength;

/** The one error for whatever keeps a value from being opened; it shows nothing of it. */
export class SealError extends Error {
  override readonly name = 'SealError';

  constructor() {
    super('The stored value cannot be decrypted');
  }
}

/** AES-256-GCM under a key of 32 bytes: nonce ‖ ciphertext ‖ tag. It opens only with the same bound bytes. */
export function encrypt(key: CipherKey, boundTo: Uint8Array, bytes: Uint8Array): Buffer {
  const nonce = randomBytes(nonceLength);
  const sealing = createCipheriv(cipher, key, nonce, { authTagLength: tagLength });
  sealing.setAAD(boundTo);
  return Buffer.concat([nonce, sealing.update(bytes), sealing.final(), sealing.getAuthTag()]);
}

/**
 * The bytes that were encrypted; they belong to the caller, who zeroes them after use.
 * @throws {SealError} for another key, other bound bytes, or anything that was altered.
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
    // What comes out before the tag was checked is somebody's guess, or a secret read under another name.
    bytes.fill(0);
    throw new SealError();
  }
}
