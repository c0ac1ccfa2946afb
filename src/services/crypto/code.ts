import { randomBytes, timingSafeEqual } from 'node:crypto';
import { readArgon, runArgon, writeArgon, type ArgonHash } from './argon.ts';
import { crockford, toBase32, typedCrockford } from './base32.ts';
import { frame } from './framing.ts';
import type { Keyring } from './keyring.ts';
import { checkCost, freshParameters, type PasswordCost } from './password.ts';
import { typedCode } from './typed.ts';

/** Ten codes that are shown once, and the stored hash of each, in the same order. */
export interface NewBackupCodes {
  readonly codes: readonly string[];
  readonly hashes: readonly string[];
}

const scheme = 'backup-v1';
const batchSize = 10;
const codeBytes = 10;
const hashLength = 32;
/** The length of a code with a generous number of dashes and spaces. */
const maxTyped = 64;

/**
 * Creates ten codes of 80 random bits, `XXXX-XXXX-XXXX-XXXX`. All are hashed with one salt and peppered like passwords,
 * as `backup-v1:<kid>:$argon2id$…`. So one guess against all ten costs one Argon2id, for the service and for a thief
 * with the keyring.
 */
export async function mintBackupCodes(cost: PasswordCost, keyring: Keyring): Promise<NewBackupCodes> {
  checkCost(cost);
  const batch = { ...freshParameters(cost), kid: keyring.active };
  const codes = Array.from({ length: batchSize }, mintCode);
  const hashes: string[] = [];
  // One after another: ten at once would need ten times the memory and every thread.
  for (const code of codes)
    hashes.push(written({ ...batch, digest: await digestOf(normal(code) ?? '', batch, keyring) }));
  return { codes: codes.map(grouped), hashes };
}

/**
 * Returns the hash of a batch that matches the code, or null. Costs one Argon2id, whether the code is right, wrong or
 * malformed, and whatever is stored. Compares all hashes in constant time. Ignores hashes whose salt differs from the
 * first: they belong to another batch.
 */
export async function findBackupCode(
  code: string,
  hashes: readonly string[],
  cost: PasswordCost,
  keyring: Keyring,
): Promise<number | null> {
  const stored = hashes.map((text) => readUsable(text, keyring));
  const batch = stored.find((hash) => hash !== null) ?? { ...freshParameters(cost), kid: keyring.active };
  const typed = normal(code);
  const digest = await digestOf(typed ?? '', batch, keyring);
  let found: number | null = null;
  for (const [index, hash] of stored.entries()) {
    const isSame = hash !== null && isOfBatch(hash, batch) && timingSafeEqual(hash.digest, digest);
    if (isSame && typed !== null) found = index;
  }
  return found;
}

type CodeHash = ArgonHash & { readonly kid: string };
type Batch = Omit<CodeHash, 'digest'>;

function mintCode(): string {
  return toBase32(randomBytes(codeBytes), crockford);
}

const grouped = (code: string): string => code.replace(/.{4}(?=.)/g, '$&-');

/**
 * Normalizes a typed code to sixteen characters: lower case, other dashes or spaces, O for 0, and I or L for 1 are
 * accepted.
 */
function normal(code: string): string | null {
  const bare = typedCode(code);
  if (code.length > maxTyped || !/^[0-9A-Za-z]{16}$/.test(bare)) return null;
  const plain = typedCrockford(bare);
  return plain.includes('U') ? null : plain;
}

function written(hash: CodeHash): string {
  return `${scheme}:${hash.kid}:${writeArgon(hash)}`;
}

function readUsable(text: string, keyring: Keyring): CodeHash | null {
  const [name, kid, encoded = '', ...rest] = text.split(':');
  if (name !== scheme || kid === undefined || rest.length > 0 || !keyring.has(kid)) return null;
  const hash = readArgon(encoded);
  const isOurs = hash?.variant === 'argon2id' && hash.version === 19 && hash.digest.byteLength === hashLength;
  return isOurs ? { kid, ...hash } : null;
}

function isOfBatch(hash: CodeHash, batch: Batch): boolean {
  const { kid, memory, time, lanes, salt } = hash;
  const isSameCost = memory === batch.memory && time === batch.time && lanes === batch.lanes;
  return kid === batch.kid && isSameCost && salt.equals(batch.salt);
}

/** Framed before the pepper, so that a code and a password with the same letters have different hashes. */
async function digestOf(code: string, batch: Batch, keyring: Keyring): Promise<Buffer> {
  const peppered = keyring.mac(batch.kid, 'password-pepper', frame(scheme, code));
  return runArgon(peppered, batch, hashLength).finally(() => peppered.fill(0));
}
