import { createCipheriv, createDecipheriv, createSecretKey, randomBytes } from 'node:crypto';
import { SealError } from './seal.ts';

const cipher = 'aes-256-gcm';
const nonceLength = 12;
const tagLength = 16;

/** AES-256-GCM under a key of 32 bytes: nonce ‖ ciphertext ‖ tag. It opens only with the same bound bytes. */
export function encrypt(key: Uint8Array, boundTo: Uint8Array, bytes: Uint8Array): Buffer {
  const nonce = randomBytes(nonceLength);
  const sealing = createCipheriv(cipher, createSecretKey(key), nonce, { authTagLength: tagLength });
  sealing.setAAD(boundTo);
  return Buffer.concat([nonce, sealing.update(bytes), sealing.final(), sealing.getAuthTag()]);
}

/**
 * The bytes that were encrypted; they belong to the caller, who zeroes them after use.
 * @throws {SealError} for another key, other bound bytes, or anything that was altered.
 */
export function decrypt(key: Uint8Array, boundTo: Uint8Array, sealed: Uint8Array): Buffer {
  if (sealed.byteLength < nonceLength + tagLength) throw new SealError();
  const end = sealed.byteLength - tagLength;
  const opening = createDecipheriv(cipher, createSecretKey(key), sealed.subarray(0, nonceLength), { authTagLength: tagLength });
  opening.setAAD(boundTo).setAuthTag(sealed.subarray(end));
  const bytes = opening.update(sealed.subarray(nonceLength, end));
  try {
    opening.final();
    return bytes;
  } catch {
    bytes.fill(0);
    throw new SealError();
  }
}
