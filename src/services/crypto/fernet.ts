import {
  createCipheriv,
  createDecipheriv,
  createHmac,
  createSecretKey,
  randomBytes,
  timingSafeEqual,
  type KeyObject,
} from 'node:crypto';

/** Values that only tests may set. */
export interface FernetMaking {
  readonly at?: Date;
  readonly iv?: Buffer;
}

/** How long a token is accepted. Without a limit if omitted. */
export interface FernetTerm {
  /** Seconds after the token's creation. */
  readonly ttl: number;
  readonly at?: Date;
}

const version = 0x80;
const headLength = 1 + 8 + 16;
const macLength = 32;
const blockLength = 16;
/** The seconds by which another machine's clock may be ahead. */
const skew = 60;

/** Encrypts bytes as a Fernet token. The first half of the 32-byte key signs, the second encrypts. */
export function encryptFernet(
  key: Uint8Array,
  bytes: Uint8Array,
  { at = new Date(), iv = randomBytes(16) }: FernetMaking = {},
): string {
  demandKey(key);
  const head = Buffer.alloc(9);
  head.writeUInt8(version, 0);
  head.writeBigUInt64BE(BigInt(Math.floor(at.valueOf() / 1000)), 1);
  const cipher = createCipheriv('aes-128-cbc', secretOf(key, 16), iv);
  const signed = Buffer.concat([head, iv, cipher.update(bytes), cipher.final()]);
  return padded(Buffer.concat([signed, sign(key, signed)]));
}

/**
 * Decrypts a token. The caller must zero the returned bytes.
 * @throws {FernetError} the same for every fault. Verifies the HMAC before reading anything else.
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

/** Parses a key in Fernet's form: 44 characters of padded base64url, for 32 bytes. @throws {FernetError} otherwise. */
export function readFernetKey(text: string): Buffer {
  const key = fromPadded(text);
  if (key?.byteLength !== 32) throw new FernetError();
  return key;
}

/** The same error for every unreadable token. It reveals nothing of the token. */
export class FernetError extends Error {
  override readonly name = 'FernetError';

  constructor() {
    super('The token is not valid');
  }
}

/** Encodes base64url with padding, as Fernet does everywhere. */
export const padded = (bytes: Buffer): string => {
  const text = bytes.toString('base64url');
  return text.padEnd(Math.ceil(text.length / 4) * 4, '=');
};

/** Decodes only the canonical encoding; null otherwise. A lenient decoder would accept two texts as the same token. */
function fromPadded(text: string): Buffer | null {
  if (text === '' || text.length % 4 !== 0 || !/^[A-Za-z0-9_-]+={0,2}$/.test(text)) return null;
  const bytes = Buffer.from(text, 'base64url');
  return padded(bytes) === text ? bytes : null;
}

function demandKey(key: Uint8Array): void {
  if (key.byteLength !== 32) throw new RangeError('A Fernet key must have 32 bytes');
}

/**
 * Returns the half of the key that starts at this offset. As a key object, because Node.js detects raw bytes slowly.
 */
const secretOf = (key: Uint8Array, from: 0 | 16): KeyObject => createSecretKey(key.subarray(from, from + 16));

const sign = (key: Uint8Array, bytes: Uint8Array): Buffer =>
  createHmac('sha256', secretOf(key, 0)).update(bytes).digest();

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
