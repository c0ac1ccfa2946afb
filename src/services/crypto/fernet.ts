import { createCipheriv, createDecipheriv, createHmac, createSecretKey, randomBytes, timingSafeEqual, type KeyObject } from 'node:crypto';

/** What a test may choose, and nothing else should. */
export interface FernetMaking {
  readonly at?: Date;
  readonly iv?: Buffer;
}

/** Until when a token is taken; for ever where nothing is said. */
export interface FernetTerm {
  /** Seconds after it was made. */
  readonly ttl: number;
  readonly at?: Date;
}

const version = 0x80;
const headLength = 1 + 8 + 16;
const macLength = 32;
const blockLength = 16;
/** Seconds by which another machine's clock may be ahead. */
const skew = 60;

/** A Fernet token of the bytes, under a key of 32: the first half signs, the second encrypts. */
export function encryptFernet(key: Uint8Array, bytes: Uint8Array, { at = new Date(), iv = randomBytes(16) }: FernetMaking = {}): string {
  demandKey(key);
  const head = Buffer.alloc(9);
  head.writeUInt8(version, 0);
  head.writeBigUInt64BE(BigInt(Math.floor(at.valueOf() / 1000)), 1);
  const cipher = createCipheriv('aes-128-cbc', secretOf(key, 16), iv);
  const signed = Buffer.concat([head, iv, cipher.update(bytes), cipher.final()]);
  return padded(Buffer.concat([signed, sign(key, signed)]));
}

/**
 * The bytes of a token; they belong to the caller, who zeroes them after use.
 * @throws {FernetError} one for every fault. Nothing of a token is looked at before its HMAC is found right.
 */
export function decryptFernet(key: Uint8Array, token: string, term?: FernetTerm): Buffer {
  demandKey(key);
  const bytes = fromPadded(token);
  if (bytes === null || bytes.byteLength < headLength + blockLength + macLength) throw new FernetError();
  const signed = bytes.subarray(0, -macLength);
  if (!timingSafeEqual(sign(key, signed), bytes.subarray(-macLength))) throw new FernetError();
  if (signed[0] !== version || (term !== undefined && !isInTime(signed, term))) throw new FernetError();
  return decrypted(key, signed);
}

/** The 32 bytes of a key as Fernet writes it: 44 characters of padded base64url. @throws {FernetError} for any other text. */
export function readFernetKey(text: string): Buffer {
  const key = fromPadded(text);
  if (key?.byteLength !== 32) throw new FernetError();
  return key;
}

/** The one error for whatever keeps a token from being read; it shows nothing of it. */
export class FernetError extends Error {
  override readonly name = 'FernetError';

  constructor() {
    super('The token is not valid');
  }
}

/** Base64url with its padding, as Fernet writes everything. */
export const padded = (bytes: Buffer): string => {
  const text = bytes.toString('base64url');
  return text.padEnd(Math.ceil(text.length / 4) * 4, '=');
};

/** Null for what is not the one way to write some bytes: a decoder that is lenient lets two tokens be the same. */
function fromPadded(text: string): Buffer | null {
  if (text === '' || text.length % 4 !== 0 || !/^[A-Za-z0-9_-]+={0,2}$/.test(text)) return null;
  const bytes = Buffer.from(text, 'base64url');
  return padded(bytes) === text ? bytes : null;
}

function demandKey(key: Uint8Array): void {
  if (key.byteLength !== 32) throw new RangeError('A Fernet key must have 32 bytes');
}

/** The half of the key that begins there. Node.js is slow to find out that bytes are no key object. */
const secretOf = (key: Uint8Array, from: 0 | 16): KeyObject => createSecretKey(key.subarray(from, from + 16));

const sign = (key: Uint8Array, bytes: Uint8Array): Buffer => createHmac('sha256', secretOf(key, 0)).update(bytes).digest();

function isInTime(signed: Buffer, { ttl, at = new Date() }: FernetTerm): boolean {
  const now = at.valueOf() / 1000;
  const made = Number(signed.readBigUInt64BE(1));
  return made + ttl >= now && made <= now + skew;
}

function decrypted(key: Uint8Array, signed: Buffer): Buffer {
  const decipher = createDecipheriv('aes-128-cbc', secretOf(key, 16), signed.subarray(9, headLength));
  const parts: Buffer[] = [];
  try {
    parts.push(decipher.update(signed.subarray(headLength)));
    parts.push(decipher.final());
    return Buffer.concat(parts);
  } catch {
    throw new FernetError();
  } finally {
    for (const part of parts) part.fill(0);
  }
}
