import {
  createHash,
  createPrivateKey,
  createPublicKey,
  diffieHellman,
  generateKeyPairSync,
  hkdfSync,
  type KeyObject,
} from 'node:crypto';
import { frame, fromBase64Url } from './framing.ts';
import { decrypt, encrypt, SealError } from './gcm.ts';

/** An X25519 key pair, 32 bytes each. The holder must zero the private half. */
export interface KeyPair {
  readonly publicKey: Buffer;
  readonly privateKey: Buffer;
}

const scheme = 'box-v1';
const keyLength = 32;
/** The DER prefix of a private key, RFC 8410. */
const privateHead = Buffer.from('302e020100300506032b656e04220420', 'hex');
const publicHead = Buffer.from('302a300506032b656e032100', 'hex');

export function generatePair(): KeyPair {
  const { publicKey, privateKey } = generateKeyPairSync('x25519');
  return { publicKey: bytesOf(publicKey), privateKey: ownBytes(privateKey) };
}

/** Returns the public half of a private key. */
export function publicKeyOf(privateKey: Uint8Array): Buffer {
  return bytesOf(createPublicKey(privateObject(privateKey)));
}

/** Returns a short name of a public key, which identifies the recipient of a seal. */
export function nameOf(publicKey: Uint8Array): string {
  return createHash('sha256').update(frame(scheme, publicKey)).digest().subarray(0, 9).toString('base64url');
}

/**
 * Encrypts to a public key: X25519 with an ephemeral key pair, HKDF-SHA256, AES-256-GCM. The form is `box-v1:<name of
 * the public key>:<base64url of ephemeral public key ‖ nonce ‖ ciphertext ‖ tag>`. Decryption requires the same
 * context.
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
 * Decrypts a sealed value. The caller must zero the returned bytes.
 * @throws {SealError} if the text is malformed, for another key, of another context, or altered.
 */
export function openSealed({ publicKey, privateKey }: KeyPair, context: readonly string[], text: string): Buffer {
  const [found, name, encoded, ...rest] = text.split(':');
  const bytes = encoded === undefined ? null : fromBase64Url(encoded);
  const isWhole =
    found === scheme &&
    name === nameOf(publicKey) &&
    rest.length === 0 &&
    bytes !== null &&
    bytes.byteLength > keyLength;
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

/** OpenSSL refuses a public key of small order, which would make the secret predictable. */
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

const bytesOf = (publicKey: KeyObject): Buffer =>
  publicKey.export({ format: 'der', type: 'spki' }).subarray(publicHead.byteLength);

function ownBytes(privateKey: KeyObject): Buffer {
  const der = privateKey.export({ format: 'der', type: 'pkcs8' });
  const bytes = Buffer.from(der.subarray(privateHead.byteLength));
  der.fill(0);
  return bytes;
}
