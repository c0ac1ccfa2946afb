import { randomBytes, timingSafeEqual } from 'node:crypto';
import { argon2id, hash } from 'argon2';
import type { Keyring } from './keyring.ts';

/** What one hash costs: KiB of memory, and passes over it. */
export interface PasswordCost {
  readonly memory: number;
  readonly time: number;
}

/** What a verification found. */
export interface PasswordVerdict {
  readonly isRight: boolean;
  /** Whether the stored hash was made with an older key or at another cost than today's. Only a right password's counts. */
  readonly needsRehash: boolean;
}

export const maxPasswordLength = 128;

/** What a hash may ask of the machine that verifies it, wherever it came from. */
const bounds = { memory: 262_144, time: 20, lanes: 8 } as const;
const leastCost: PasswordCost = { memory: 19_456, time: 2 };
const lanes = 1;
const saltLength = 16;
const hashLength = 32;
const storedForm =
  /^pepper-v1:([A-Za-z0-9_-]{1,32}):\$argon2id\$v=19\$m=(\d{1,6}),t=(\d{1,2}),p=(\d)\$([A-Za-z0-9+/]{11,86})\$([A-Za-z0-9+/]{22,86})$/;

/**
 * Whether a password may be hashed at all: 1 to 128 characters of well-formed Unicode. It is not normalised: the very
 * characters that were typed are the password.
 */
export function isHashable(password: string): boolean {
  if (password === '' || password.length > 2 * maxPasswordLength || /\p{Surrogate}/u.test(password)) return false;
  return [...password].length <= maxPasswordLength;
}

/** @throws {RangeError} where hashes of this cost would be too cheap to keep, or refused when they are verified. */
export function checkCost({ memory, time }: PasswordCost): void {
  const isAllowed =
    Number.isInteger(memory) &&
    Number.isInteger(time) &&
    memory >= leastCost.memory &&
    memory <= bounds.memory &&
    time >= leastCost.time &&
    time <= bounds.time;
  if (isAllowed) return;
  throw new RangeError(
    `A password hash takes ${leastCost.memory} to ${bounds.memory} KiB and ${leastCost.time} to ${bounds.time} passes, not ${memory} and ${time}`,
  );
}

/** Argon2id behind a keyed pepper: `pepper-v1:<kid>:$argon2id$…`. Without the keyring, a stolen hash cannot be tried. */
export async function hashPassword(password: string, cost: PasswordCost, keyring: Keyring): Promise<string> {
  if (!isHashable(password)) throw new RangeError(`A password has 1 to ${maxPasswordLength} characters`);
  checkCost(cost);
  const fresh = { ...cost, kid: keyring.active, lanes, salt: randomBytes(saltLength) };
  return written({ ...fresh, digest: await digestOf(password, { ...fresh, length: hashLength }, keyring) });
}

/**
 * Whether the password is the one that was hashed. A stored text that is of no known scheme, of a key that is gone, or
 * that asks more than {@link bounds}, is nobody's password: it takes as long as any other wrong one.
 */
export async function verifyPassword(storedHash: string, password: string, cost: PasswordCost, keyring: Keyring): Promise<PasswordVerdict> {
  if (!isHashable(password)) return wrong;
  const known = readStored(storedHash, keyring);
  const target = known ?? dummy(cost, keyring);
  const digest = await digestOf(password, { ...target, length: target.digest.byteLength }, keyring);
  if (!timingSafeEqual(digest, target.digest) || known === null) return wrong;
  return { isRight: true, needsRehash: !isOfToday(known, cost, keyring) };
}

/**
 * A hash of no password at all, at today's cost, to verify against where there is no user: the work is the same and the
 * answer is always no. It costs nothing to make: its digest is random.
 */
export function dummyHash(cost: PasswordCost, keyring: Keyring): string {
  return written(dummy(cost, keyring));
}

const wrong: PasswordVerdict = { isRight: false, needsRehash: false };

interface StoredHash extends PasswordCost {
  readonly kid: string;
  readonly lanes: number;
  readonly salt: Buffer;
  readonly digest: Buffer;
}

function dummy({ memory, time }: PasswordCost, keyring: Keyring): StoredHash {
  return { kid: keyring.active, memory, time, lanes, salt: randomBytes(saltLength), digest: randomBytes(hashLength) };
}

function written({ kid, memory, time, lanes: p, salt, digest }: StoredHash): string {
  return `pepper-v1:${kid}:$argon2id$v=19$m=${memory},t=${time},p=${p}$${toBase64(salt)}$${toBase64(digest)}`;
}

function readStored(text: string, keyring: Keyring): StoredHash | null {
  const [, kid, m, t, p, salt = '', digest = ''] = storedForm.exec(text) ?? [];
  if (kid === undefined || !keyring.has(kid) || !isBase64(salt) || !isBase64(digest)) return null;
  const cost = { memory: Number(m), time: Number(t), lanes: Number(p) };
  return isBounded(cost) ? { kid, ...cost, salt: Buffer.from(salt, 'base64'), digest: Buffer.from(digest, 'base64') } : null;
}

function isBounded({ memory, time, lanes: p }: PasswordCost & { lanes: number }): boolean {
  return p >= 1 && p <= bounds.lanes && time >= 1 && time <= bounds.time && memory >= 8 * p && memory <= bounds.memory;
}

function isOfToday(found: StoredHash, cost: PasswordCost, keyring: Keyring): boolean {
  return found.kid === keyring.active && found.memory === cost.memory && found.time === cost.time && found.lanes === lanes;
}

/** Argon2id over the peppered password: what is hashed is an HMAC of it, so only the keyring's holder can try one. */
async function digestOf(
  password: string,
  { kid, memory, time, lanes: p, salt, length }: Omit<StoredHash, 'digest'> & { length: number },
  keyring: Keyring,
): Promise<Buffer> {
  const peppered = keyring.mac(kid, 'password-pepper', Buffer.from(password, 'utf8'));
  const options = { type: argon2id, version: 0x13, memoryCost: memory, timeCost: time, parallelism: p, salt, hashLength: length } as const;
  return hash(peppered, { ...options, raw: true }).finally(() => peppered.fill(0));
}

const toBase64 = (bytes: Buffer): string => bytes.toString('base64').replace(/=+$/, '');
const isBase64 = (text: string): boolean => toBase64(Buffer.from(text, 'base64')) === text;
