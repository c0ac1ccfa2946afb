import { createHash, randomBytes } from 'node:crypto';
import { fromBase64Url } from './framing.ts';

/** The opaque tokens, each named by its first four characters, so that a leaked one is known for what it is. */
export type OpaqueToken = 'dvt1' | 'lct1' | 'vlt1';

const tokenLength = 32;

/** A token of 256 random bits: a known device's, a login challenge's, or an unlocked vault's. */
export function mintToken(kind: OpaqueToken): string {
  return `${kind}.${randomBytes(tokenLength).toString('base64url')}`;
}

/** Whether the text has the form of such a token: what has not was never one, and need not be looked up. */
export function isToken(kind: OpaqueToken, text: string): boolean {
  return tokenBytes(kind, text) !== null;
}

/** The random bytes of such a token, or null where the text is none. They belong to the caller, who zeroes them. */
export function tokenBytes(kind: OpaqueToken, text: string): Buffer | null {
  const bytes = text.startsWith(`${kind}.`) ? fromBase64Url(text.slice(kind.length + 1)) : null;
  return bytes?.byteLength === tokenLength ? bytes : null;
}

/** SHA-256 in hex: all that is stored of any token. */
export function hashToken(token: string): string {
  return createHash('sha256').update(token).digest('hex');
}
