import { randomBytes, timingSafeEqual } from 'node:crypto';
import { bounds, readArgon, runArgon, writeArgon, type ArgonHash, type ArgonParameters } from './argon.ts';
import { verifyImported } from './imported.ts';
import type { Keyring } from './keyring.ts';

/** The cost of a hash: memory in KiB, and passes. */
export interface PasswordCost {
  readonly memory: number;
  readonly time: number;
}

/** The result of a verification. */
export interface PasswordVerdict {
  readonly isRight: boolean;
  /**
   * Whether the stored hash was imported, or made with an older key or at another cost than the current one. Only
   * meaningful for a right password.
   */
  readonly needsRehash: boolean;
}

/** A parsed hash of this service: key, Argon2 variant, cost, salt and digest. */
export interface PasswordHash extends ArgonHash {
  readonly kid: string;
}

export const maxPasswordLength = 128;

const leastCost: PasswordCost = { memory: 19_456, time: 2 };
const saltLength = 16;
const hashLength = 32;

/** Whether a password can be hashed: 1 to 128 characters of well-formed Unicode. */
export function isHashable(password: string): boolean {
  if (password === '' || password.length > 2 * maxPasswordLength || /\p{Surrogate}/u.test(password)) return false;
  return [...password].length <= maxPasswordLength;
}

/** @throws {RangeError} if hashes of this cost would be too cheap, or refused at verification. */
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
    `The cost of a password hash must be ${leastCost.memory} to ${bounds.memory} KiB and ${leastCost.time} to ${bounds.time} passes, not ${memory} and ${time}`,
  );
}

/**
 * Composes a password (NFC) before hashing, because some keyboards send an accented letter as one character and others
 * as two.
 */
export const composed = (password: string): string => password.normalize('NFC');

/**
 * Hashes with Argon2id and a keyed pepper: `pepper-v1:<kid>:$argon2id$…`. Without the keyring, a stolen hash cannot be
 * attacked.
 */
export async function hashPassword(password: string, cost: PasswordCost, keyring: Keyring): Promise<string> {
  if (!isHashable(password)) throw new RangeError(`A password must have 1 to ${maxPasswordLength} characters`);
  checkCost(cost);
  const fresh = { ...freshParameters(cost), kid: keyring.active };
  return written({ ...fresh, digest: await digestOf(composed(password), fresh, hashLength, keyring) });
}

/**
 * Whether the password matches a hash of this service or of the system that the user was imported from. A hash of an
 * unknown scheme, with a missing key or beyond {@link bounds} matches no password and takes as long as a wrong
 * password. If the {@link composed} password differs from the typed one, the typed one is tried too, for hashes of
 * earlier versions and other systems. It is always tried, so that a right password takes as long as a wrong one.
 */
export async function verifyPassword(
  storedHash: string,
  password: string,
  cost: PasswordCost,
  keyring: Keyring,
): Promise<PasswordVerdict> {
  if (!isHashable(password)) return wrong;
  const verdict = await verifyExactly(storedHash, composed(password), cost, keyring);
  if (composed(password) === password) return verdict;
  const { isRight } = await verifyExactly(storedHash, password, cost, keyring);
  return verdict.isRight ? verdict : { isRight, needsRehash: isRight };
}

async function verifyExactly(
  storedHash: string,
  password: string,
  cost: PasswordCost,
  keyring: Keyring,
): Promise<PasswordVerdict> {
  const isOfImport = await verifyImported(storedHash, password);
  if (isOfImport !== null) return { isRight: isOfImport, needsRehash: isOfImport };
  const known = readUsable(storedHash, keyring);
  const target = known ?? dummy(cost, keyring);
  const digest = await digestOf(password, target, target.digest.byteLength, keyring);
  if (!timingSafeEqual(digest, target.digest) || known === null) return wrong;
  return { isRight: true, needsRehash: !isOfToday(known, cost, keyring) };
}

/** Parses a hash of this service. Null if the text is not one, or exceeds {@link bounds}. */
export function readPasswordHash(text: string): PasswordHash | null {
  const [, kid, encoded = ''] = /^pepper-v1:([A-Za-z0-9_-]{1,32}):(.+)$/.exec(text) ?? [];
  const found = readArgon(encoded);
  if (kid === undefined || found === null) return null;
  return found.variant === 'argon2id' && found.version === 19 ? { kid, ...found } : null;
}

/**
 * Builds a hash that no password matches, at the current cost, to verify against if there is no user. The work is the
 * same, and the result is always no match. Cheap to build, because its digest is random.
 */
export function dummyHash(cost: PasswordCost, keyring: Keyring): string {
  return written(dummy(cost, keyring));
}

/** Returns the current Argon2id parameters at this cost, with a new salt. */
export function freshParameters({ memory, time }: PasswordCost): ArgonParameters {
  return { variant: 'argon2id', version: 19, memory, time, lanes: 1, salt: randomBytes(saltLength) };
}

const wrong: PasswordVerdict = { isRight: false, needsRehash: false };

function readUsable(text: string, keyring: Keyring): PasswordHash | null {
  const found = readPasswordHash(text);
  return found !== null && keyring.has(found.kid) ? found : null;
}

function dummy(cost: PasswordCost, keyring: Keyring): PasswordHash {
  return { kid: keyring.active, ...freshParameters(cost), digest: randomBytes(hashLength) };
}

function written(found: PasswordHash): string {
  return `pepper-v1:${found.kid}:${writeArgon(found)}`;
}

function isOfToday(found: PasswordHash, { memory, time }: PasswordCost, keyring: Keyring): boolean {
  return found.kid === keyring.active && found.memory === memory && found.time === time && found.lanes === 1;
}

/**
 * Computes Argon2id over an HMAC of the password (the pepper), so that only the holder of the keyring can guess
 * passwords.
 */
async function digestOf(
  password: string,
  parameters: Omit<PasswordHash, 'digest'>,
  length: number,
  keyring: Keyring,
): Promise<Buffer> {
  const peppered = keyring.mac(parameters.kid, 'password-pepper', Buffer.from(password, 'utf8'));
  return runArgon(peppered, parameters, length).finally(() => peppered.fill(0));
}
