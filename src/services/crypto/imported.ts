import { timingSafeEqual } from 'node:crypto';
import { hash } from 'bcrypt';
import { readArgon, runArgon, type ArgonHash } from './argon.ts';

/** The number of bytes of a password that bcrypt uses. */
const bcryptReach = 72;
/** A cost of 4 to 14. Each step doubles the time, and 14 takes about a second. */
const bcryptForm = /^\$2[aby]\$(0[4-9]|1[0-4])\$([./A-Za-z0-9]{22})([./A-Za-z0-9]{30}[.CGKOSWaeimquy26])$/;

/**
 * Whether a user can be imported with this hash: bcrypt (`$2a$`, `$2b$`, `$2y$`) or Argon2 of another system, at an
 * affordable cost.
 */
export function isImportable(text: string): boolean {
  return readBcrypt(text) !== null || readArgon(text) !== null;
}

/**
 * Whether the password matches a hash of another system. Null if the hash has no known form or the password cannot
 * match it: then nothing was hashed, and the caller must still do the work of a wrong password.
 *
 * The other system chose the work. Until such a user's first sign-in here, its duration may reveal that the account
 * exists and was imported. To hide that, every unknown user would have to wait as long as the most expensive hash
 * takes.
 */
export async function verifyImported(text: string, password: string): Promise<boolean | null> {
  const bcrypt = readBcrypt(text);
  if (bcrypt !== null) return verifyBcrypt(bcrypt, password);
  const argon = readArgon(text);
  return argon === null ? null : verifyArgon(argon, password);
}

interface BcryptHash {
  readonly salt: string;
  readonly digest: Buffer;
}

/** For at most 72 bytes the three variants compute the same. Each runs as `$2b$`, which has no further faults. */
function readBcrypt(text: string): BcryptHash | null {
  const [, cost, salt, digest] = bcryptForm.exec(text) ?? [];
  return digest === undefined ? null : { salt: `$2b$${cost}$${salt}`, digest: Buffer.from(digest, 'ascii') };
}

/**
 * Compares only the first 72 bytes, as bcrypt does. The other system never used the rest, so users with a longer
 * password can sign in. The whole password is then hashed at once, and the rest counts afterwards. A password with a
 * NUL never matches: some implementations stop there, so that much shorter ones would match.
 */
async function verifyBcrypt({ salt, digest }: BcryptHash, password: string): Promise<boolean | null> {
  if (password.includes('\0')) return null;
  const bytes = Buffer.from(password, 'utf8');
  const found = await hash(bytes.subarray(0, bcryptReach), salt).finally(() => bytes.fill(0));
  return timingSafeEqual(Buffer.from(found.slice(-digest.byteLength), 'ascii'), digest);
}

async function verifyArgon(stored: ArgonHash, password: string): Promise<boolean> {
  const bytes = Buffer.from(password, 'utf8');
  const found = await runArgon(bytes, stored, stored.digest.byteLength).finally(() => bytes.fill(0));
  return timingSafeEqual(found, stored.digest);
}
