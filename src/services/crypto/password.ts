import { randomBytes, timingSafeEqual } from 'node:crypto';
import { bounds, readArgon, runArgon, writeArgon, type ArgonHash, type ArgonParameters } from './argon.ts';
import { verifyImported } from './imported.ts';
import type { Keyring } from './keyring.ts';

/** What one hash costs: KiB of memory, and passes over it. */
export interface PasswordCost {
  readonly memory: number;
  readonly time: number;
}

/** What a verification found. */
export interface PasswordVerdict {
  readonly isRight: boolean;
  /** Whether the stored hash was imported, or made with an older key or at another cost than today's. Only a right password's counts. */
  readonly needsRehash: boolean;
}

/** A stored hash of ours, read: its key, its variant of Argon2, its cost, salt and digest. */
export interface PasswordHash extends ArgonHash {
  readonly kid: string;
}

export const maxPasswordLength = 128;

const leastCost: PasswordCost = { memory: 19_456, time: 2 };
const saltLength = 16;
const hashLength = 32;

/**
 * Whether a password may be hashed at all: 1 to 128 characters of well-formed Unicode.
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
    `The cost of a password hash must be ${leastCost.memory} to ${bounds.memory} KiB and ${leastCost.time} to ${bounds.time} passes, not ${memory} and ${time}`,
  );
}

/**
 * A password as it is hashed: composed (NFC), because one keyboard sends an accented letter as one character and another
 * as two.
 */
export const composed = (password: string): string => password.normalize('NFC');

/** Argon2id behind a keyed pepper: `pepper-v1:<kid>:$argon2id$…`. Without the keyring, a stolen hash cannot be tried. */
export async function hashPassword(password: string, cost: PasswordCost, keyring: Keyring): Promise<string> {
  if (!isHashable(password)) throw new RangeError(`A password must have 1 to ${maxPasswordLength} characters`);
  checkCost(cost);
  const fresh = { ...freshParameters(cost), kid: keyring.active };
  return written({ ...fresh, digest: await digestOf(composed(password), fresh, hashLength, keyring) });
}

/**
 * Whether the password is the one that was hashed, here or by the system a user was imported from. A stored text that is
 * of no known scheme, of a key that is gone, or that asks more than {@link bounds}, matches no password: it takes as
 * long as any other wrong one. Where the password is another once it is {@link composed}, it is tried as it was typed too,
 * for hashes of earlier versions and other systems: always, so that a right one takes as long as a wrong one.
 */
export async function verifyPassword(storedHash: string, password: string, cost: PasswordCost, keyring: Keyring): Promise<PasswordVerdict> {
  if (!isHashable(password)) return wrong;
  const verdict = await verifyExactly(storedHash, composed(password), cost, keyring);
  if (composed(password) === password) return verdict;
  const { isRight } = await verifyExactly(storedHash, password, cost, keyring);
  return verdict.isRight ? verdict : { isRight, needsRehash: isRight };
}

async function verifyExactly(storedHash: string, password: string, cost: PasswordCost, keyring: Keyring): Promise<PasswordVerdict> {
  const isOfImport = await verifyImported(storedHash, password);
  if (isOfImport !== null) return { isRight: isOfImport, needsRehash: isOfImport };
  const known = readUsable(storedHash, keyring);
  const target = known ?? dummy(cost, keyring);
  const digest = await digestOf(password, target, target.digest.byteLength, keyring);
  if (!timingSafeEqual(digest, target.digest) || known === null) return wrong;
  return { isRight: true, needsRehash: !isOfToday(known, cost, keyring) };
}

/** What a hash of ours says of itself, or null where the text is none, or asks more than {@link bounds}. */
export function readPasswordHash(text: string): PasswordHash | null {
  const [, kid, encoded = ''] = /^pepper-v1:([A-Za-z0-9_-]{1,32}):(.+)$/.exec(text) ?? [];
  const found = readArgon(encoded);
  if (kid === undefined || found === null) return null;
  return found.variant === 'argon2id' && found.version === 19 ? { kid, ...found } : null;
}

/**
 * A hash of no password at all, at today's cost, to verify against where there is no user: the work is the same and the
 * answer is always no. It costs nothing to make: its digest is random.
 */
export function dummyHash(cost: PasswordCost, keyring: Keyring): string {
  return written(dummy(cost, keyring));
}

/** Argon2id at today's form and this cost, over a new salt. */
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

/** Argon2id over the peppered password: what is hashed is an HMAC of it, so only the keyring's holder can try one. */
async function digestOf(password: string, parameters: Omit<PasswordHash, 'digest'>, length: number, keyring: Keyring): Promise<Buffer> {
  const peppered = keyring.mac(parameters.kid, 'password-pepper', Buffer.from(password, 'utf8'));
  return runArgon(peppered, parameters, length).finally(() => peppered.fill(0));
}
