import { createHmac, randomBytes, timingSafeEqual } from 'node:crypto';
import { toBase32 } from './base32.ts';
import { typedCode } from './typed.ts';

/** Whom an authenticator shows a code for. */
export interface TotpAccount {
  readonly issuer: string;
  /** The account's name with the issuer: a username or an address. */
  readonly label: string;
}

const seedLength = 20;
const digits = 6;
const period = 30;
/** Steps by which the clocks of server and authenticator may differ, either way. */
const tolerance = 1;
const alphabet = 'ABCDEFGHIJKLMNOPQRSTUVWXYZ234567';

/** A seed of 160 random bits; it belongs to the caller, who zeroes it after use. */
export function mintSeed(): Buffer {
  return randomBytes(seedLength);
}

/** The seed as it is typed into an authenticator: base32 of RFC 4648, without padding. */
export function seedText(seed: Uint8Array): string {
  return toBase32(seed, alphabet);
}

/**
 * The address that an authenticator scans, in the Key URI format. A colon parts issuer and label there, even an encoded
 * one, so there is none in either.
 */
export function otpauthUri(seed: Uint8Array, { issuer, label }: TotpAccount): string {
  const [by, whom] = [issuer, label].map((text) => encodeURIComponent(text.replaceAll(':', '')));
  return `otpauth://totp/${by}:${whom}?secret=${seedText(seed)}&issuer=${by}&algorithm=SHA1&digits=${digits}&period=${period}`;
}

/** The time step of an instant: how many times 30 seconds have passed since 1970. */
export function stepOf(at: Date): number {
  return Math.floor(at.valueOf() / (period * 1000));
}

/**
 * The step whose code this is, of the present one and its two neighbours, or null. It is never `lastStep` or an earlier
 * one: the caller stores what was accepted, where nobody else has stored as much meanwhile, and so no code works twice.
 */
export function verifyTotp(seed: Uint8Array, code: string, at: Date, lastStep: number | null): number | null {
  const typed = typedCode(code);
  if (!/^[0-9]{6}$/.test(typed)) return null;
  const given = Buffer.from(typed, 'ascii');
  let accepted: number | null = null;
  // The later step wins where two have one code, and all are looked at: neither tells how near a guess was in time.
  for (let step = stepOf(at) - tolerance; step <= stepOf(at) + tolerance; step++) {
    const isCode = step >= 0 && timingSafeEqual(Buffer.from(hotp(seed, step), 'ascii'), given);
    if (isCode && step > (lastStep ?? -1)) accepted = step;
  }
  return accepted;
}

/** RFC 4226: the six digits of one step, by HMAC-SHA-1. */
export function hotp(seed: Uint8Array, step: number): string {
  const counter = Buffer.alloc(8);
  counter.writeBigUInt64BE(BigInt(step));
  const mac = createHmac('sha1', seed).update(counter).digest();
  const offset = mac.readUInt8(mac.byteLength - 1) & 0xf;
  const number = mac.readUInt32BE(offset) & 0x7fff_ffff;
  return String(number % 10 ** digits).padStart(digits, '0');
}
