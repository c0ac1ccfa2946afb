import { createHash } from 'node:crypto';
import { generatePair, publicKeyOf, type KeyPair } from './box.ts';
import { crockford, fromBase32, toBase32, typedCrockford } from './base32.ts';
import { frame } from './framing.ts';
import { typedCode } from './typed.ts';

const name = 'UHRK1';
const keyLength = 32;
const checkLength = 3;
/** The length of a kit with a generous number of dashes and spaces. */
const maxTyped = 300;

/** A recovery kit: a private key that is shown once and then kept on paper. */
export const generateKit = generatePair;

/**
 * Formats a private key as `UHRK1-XXXX-…`, fourteen groups of four characters, with a check that detects typing errors.
 */
export function writeKit(privateKey: Uint8Array): string {
  const bytes = Buffer.concat([privateKey, checkOf(privateKey)]);
  const text = toBase32(bytes, crockford);
  bytes.fill(0);
  return `${name}-${(text.match(/.{4}/g) ?? []).join('-')}`;
}

/** Parses a kit. Accepts lower case, other dashes or spaces, O for 0, and I or L for 1. Null if it is not a kit. */
export function readKit(text: string): KeyPair | null {
  const bare = typedCode(text).toUpperCase();
  if (text.length > maxTyped || !bare.startsWith(name)) return null;
  const bytes = fromBase32(typedCrockford(bare.slice(name.length)), crockford);
  if (bytes?.byteLength !== keyLength + checkLength) return null;
  const privateKey = bytes.subarray(0, keyLength);
  if (!checkOf(privateKey).equals(bytes.subarray(keyLength))) {
    bytes.fill(0);
    return null;
  }
  return { privateKey, publicKey: publicKeyOf(privateKey) };
}

const checkOf = (privateKey: Uint8Array): Buffer =>
  createHash('sha256').update(frame(name, privateKey)).digest().subarray(0, checkLength);
