import { createHash, randomBytes } from 'node:crypto';
import { fromBase64Url } from './framing.ts';

/**
 * The kinds of opaque tokens. Each token starts with the four characters of its kind, so that a leaked one can be
 * identified.
 */
export type OpaqueToken = 'dvt1' | 'lct1' | 'vlt1';

const tokenLength = 32;

/** Creates a token of 256 random bits for a known device, a login challenge, or an unlocked vault. */
export function mintToken(kind: OpaqueToken): string {
  return `${kind}.${randomBytes(tokenLength).toString('base64url')}`;
}

/** Whether the text has the form of such a token. Any other text needs no lookup. */
export function isToken(kind: OpaqueToken, text: string): boolean {
  return tokenBytes(kind, text) !== null;
}

/** Returns the random bytes of a token. Null if the text is malformed. The caller must zero the bytes. */
export function tokenBytes(kind: OpaqueToken, text: string): Buffer | null {
  const bytes = text.startsWith(`${kind}.`) ? fromBase64Url(text.slice(kind.length + 1)) : null;
  return bytes?.byteLength === tokenLength ? bytes : null;
}

/** SHA-256 in hexadecimal, the only stored form of a token. */
export function hashToken(token: string): string {
  return createHash('sha256').update(token).digest('hex');
}
