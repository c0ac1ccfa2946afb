import { timingSafeEqual } from 'node:crypto';
import { hash } from 'bcrypt';
import { readArgon, runArgon, type ArgonHash } from './argon.ts';

/** Bytes of a password that bcrypt looks at. */
const bcryptReach = 72;
/** A cost of 4 to 14: each further one takes twice as long, and 14 takes about a second. */
const bcryptForm = /^\$2[aby]\$(0[4-9]|1[0-4])\$([./A-Za-z0-9]{22})([./A-Za-z0-9]{30}[.CGKOSWaeimquy26])$/;

/** Whether a user may be brought with this hash: bcrypt (`$2a$`, `$2b$`, `$2y$`) or Argon2 of another system, at a cost we would pay. */
export function isImportable(text: string): boolean {
  return readBcrypt(text) !== null || readArgon(text) !== null;
}

/**
 * Whether the password is the one another system hashed, or null where this is no such hash, or no password of it: then
 * nothing was hashed, and the work of a wrong password is still to be done.
 *
 * The work is what the other system chose. Until such a user's first sign-in here, its time may tell that the account
 * is there and was imported; to hide that, every stranger would have to wait as long as the dearest hash takes.
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

/** For at most 72 bytes the three variants compute the same, so each is run as `$2b$`, which has no faults beyond. */
function readBcrypt(text: string): BcryptHash | null {
  const [, cost, salt, digest] = bcryptForm.exec(text) ?? [];
  return digest === undefined ? null : { salt: `$2b$${cost}$${salt}`, digest: Buffer.from(digest, 'ascii') };
}

/**
 * As bcrypt does, only the first 72 bytes are compared: the other system never looked at the rest, so a user of
 * a longer password there signs in with it. It is hashed whole at once, and after that the rest counts. A password with
 * a NUL is none: some implementations stop there, and then much shorter ones would do.
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
