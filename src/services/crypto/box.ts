import { createHash, createPrivateKey, createPublicKey, diffieHellman, generateKeyPairSync, hkdfSync, type KeyObject } from 'node:crypto';
import { frame, fromBase64Url } from './framing.ts';
import { decrypt, encrypt, SealError } from './gcm.ts';

/** An X25519 key pair, 32 bytes each. The private half is the holder's to zero. */
export interface KeyPair {
  readonly publicKey: Buffer;
  readonly privateKey: Buffer;
}

const scheme = 'box-v1';
const keyLength = 32;
/** What stands before the bytes of a key in DER, RFC 8410. */
const privateHead = Buffer.from('302e020100300506032b656e04220420', 'hex');
const publicHead = Buffer.from('302a300506032b656e032100', 'hex');

export function generatePair(): KeyPair {
  const { publicKey, privateKey } = generateKeyPairSync('x25519');
  return { publicKey: bytesOf(publicKey), privateKey: ownBytes(privateKey) };
}

/** The public half of a private key. */
export function publicKeyOf(privateKey: Uint8Array): Buffer {
  return bytesOf(createPublicKey(privateObject(privateKey)));
}

/** A short name of a public key: which one something was sealed to. */
export function nameOf(publicKey: Uint8Array): string {
  return createHash('sha256').update(frame(scheme, publicKey)).digest().subarray(0, 9).toString('base64url');
}

/**
 * Seals to a public key: X25519 with a key pair that lives for this one seal, HKDF-SHA256, AES-256-GCM, as
 * `box-v1:<name of the public key>:<base64url of ephemeral public key ‖ nonce ‖ ciphertext ‖ tag>`. It opens with the same
 * context only.
 */
export function sealTo(publicKey: Uint8Array, context: readonly string[], bytes: Uint8Array): string {
  const ephemeral = generatePair();
  const name = nameOf(publicKey);
  const bound = boundTo(name, ephemeral.publicKey, publicKey, context);
  const key = agreed(ephemeral.privateKey, publicKey, bound);
  const sealed = Buffer.concat([ephemeral.publicKey, encrypt(key, bound, bytes)]);
  key.fill(0);
  ephemeral.privateKey.fill(0);
  return `${scheme}:${name}:${sealed.toString('base64url')}`;
}

/**
 * The bytes that were sealed; they belong to the caller, who zeroes them after use.
 * @throws {SealError} where the text is no such seal, to another key, of another context, or altered.
 */
export function openSealed({ publicKey, privateKey }: KeyPair, context: readonly string[], text: string): Buffer {
  const [found, name, encoded, ...rest] = text.split(':');
  const bytes = encoded === undefined ? null : fromBase64Url(encoded);
  const isWhole = found === scheme && name === nameOf(publicKey) && rest.length === 0 && bytes !== null && bytes.byteLength > keyLength;
  if (!isWhole) throw new SealError();
  const ephemeral = bytes.subarray(0, keyLength);
  const bound = boundTo(name, ephemeral, publicKey, context);
  const key = agreed(privateKey, ephemeral, bound);
  try {
    return decrypt(key, bound, bytes.subarray(keyLength));
  } finally {
    key.fill(0);
  }
}

function boundTo(name: string, ephemeral: Uint8Array, publicKey: Uint8Array, context: readonly string[]): Buffer {
  return frame(scheme, name, ephemeral, publicKey, ...context);
}

function agreed(privateKey: Uint8Array, publicKey: Uint8Array, info: Uint8Array): Buffer {
  const shared = agree(privateKey, publicKey);
  const key = Buffer.from(hkdfSync('sha256', shared, Buffer.alloc(0), info, keyLength));
  shared.fill(0);
  return key;
}

/** A public key that is a point of small order would make the secret one that anybody knows: OpenSSL refuses it. */
function agree(privateKey: Uint8Array, publicKey: Uint8Array): Buffer {
  try {
    return diffieHellman({ privateKey: privateObject(privateKey), publicKey: publicObject(publicKey) });
  } catch {
    throw new SealError();
  }
}

function privateObject(bytes: Uint8Array): KeyObject {
  const der = Buffer.concat([privateHead, bytes]);
  try {
    return createPrivateKey({ key: der, format: 'der', type: 'pkcs8' });
  } catch {
    throw new SealError();
  } finally {
    der.fill(0);
  }
}

function publicObject(bytes: Uint8Array): KeyObject {
  return createPublicKey({ key: Buffer.concat([publicHead, bytes]), format: 'der', type: 'spki' });
}

const bytesOf = (publicKey: KeyObject): Buffer => publicKey.export({ format: 'der', type: 'spki' }).subarray(publicHead.byteLength);

function ownBytes(privateKey: KeyObject): Buffer {
  const der = privateKey.export({ format: 'der', type: 'pkcs8' });
  const bytes = Buffer.from(der.subarray(privateHead.byteLength));
  der.fill(0);
  return bytes;
}
