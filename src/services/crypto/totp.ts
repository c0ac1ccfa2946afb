import { createHmac, randomBytes, timingSafeEqual } from 'node:crypto';
import { toBase32 } from './base32.ts';
import { typedCode } from './typed.ts';

/** The account that an authenticator shows with a code. */
export interface TotpAccount {
  readonly issuer: string;
  /** The name of the account with the issuer: a username or an address. */
  readonly label: string;
}

const seedLength = 20;
const digits = 6;
const period = 30;
/** The number of steps by which the clocks of server and authenticator may differ in either direction. */
const tolerance = 1;
const alphabet = 'ABCDEFGHIJKLMNOPQRSTUVWXYZ234567';

/** Creates a seed of 160 random bits. The caller must zero it after use. */
export function mintSeed(): Buffer {
  return randomBytes(seedLength);
}

/** Formats the seed for typing into an authenticator: base32 (RFC 4648) without padding. */
export function seedText(seed: Uint8Array): string {
  return toBase32(seed, alphabet);
}

/**
 * Builds the URI that an authenticator scans, in the Key URI format. A colon separates issuer and label, even an
 * encoded one, so colons are removed from both.
 */
export function otpauthUri(seed: Uint8Array, { issuer, label }: TotpAccount): string {
  const [by, whom] = [issuer, label].map((text) => encodeURIComponent(text.replaceAll(':', '')));
  return `otpauth://totp/${by}:${whom}?secret=${seedText(seed)}&issuer=${by}&algorithm=SHA1&digits=${digits}&period=${period}`;
}

/** Returns the time step of an instant: the number of 30-second intervals since 1970. */
export function stepOf(at: Date): number {
  return Math.floor(at.valueOf() / (period * 1000));
}

/**
 * Returns the step of the code, among the current one and its two neighbors, or null. Never returns `lastStep` or an
 * earlier step. The caller stores the accepted step unless another call has done so meanwhile, so no code works twice.
 */
export function verifyTotp(seed: Uint8Array, code: string, at: Date, lastStep: number | null): number | null {
  const typed = typedCode(code);
  if (!/^[0-9]{6}$/.test(typed)) return null;
  const given = Buffer.from(typed, 'ascii');
  let accepted: number | null = null;
  // If two steps have the same code, the later wins. All steps are checked, so that the time does not reveal a near
  // match.
  for (let step = stepOf(at) - tolerance; step <= stepOf(at) + tolerance; step++) {
    const isCode = step >= 0 && timingSafeEqual(Buffer.from(hotp(seed, step), 'ascii'), given);
    if (isCode && step > (lastStep ?? -1)) accepted = step;
  }
  return accepted;
}

/** Computes the six digits of one step (RFC 4226, HMAC-SHA-1). */
export function hotp(seed: Uint8Array, step: number): string {
  const counter = Buffer.alloc(8);
  counter.writeBigUInt64BE(BigInt(step));
  const mac = createHmac('sha1', seed).update(counter).digest();
  const offset = mac.readUInt8(mac.byteLength - 1) & 0xf;
  const number = mac.readUInt32BE(offset) & 0x7fff_ffff;
  return String(number % 10 ** digits).padStart(digits, '0');
}
