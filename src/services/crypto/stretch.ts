import { pbkdf2, randomBytes } from 'node:crypto';
import { promisify } from 'node:util';
import { padded } from './fernet.ts';

/** The derivation of a key from a password: PBKDF2 with SHA-256, with a number of rounds and a salt. */
export interface Stretching {
  readonly iterations: number;
  readonly salt: Buffer;
}

/** The maximum number of rounds that a stored key may require. */
export const maxIterations = 10_000_000;

/** The number of rounds in the Python installations that this service imports from and replaces. */
export const pythonIterations = 480_000;

const keyLength = 32;
const saltLength = 16;
const derive = promisify(pbkdf2);

export const freshStretching = (iterations: number): Stretching => ({ iterations, salt: randomBytes(saltLength) });

/** Derives 32 bytes from a password. The caller must zero them after use. */
export async function stretch(password: string, { iterations, salt }: Stretching): Promise<Buffer> {
  if (!Number.isInteger(iterations) || iterations < 1 || iterations > maxIterations)
    throw new RangeError(`PBKDF2 iterations must be from 1 to ${maxIterations}`);
  const bytes = Buffer.from(password, 'utf8');
  return derive(bytes, salt, iterations, keyLength, 'sha256').finally(() => bytes.fill(0));
}

/**
 * Derives the Fernet key that Python's PBKDF2HMAC (SHA-256, 32 bytes, 480,000 rounds) and urlsafe_b64encode give: 44
 * characters.
 */
export async function deriveMasterKey(password: string, salt: Uint8Array): Promise<string> {
  const key = await stretch(password, { iterations: pythonIterations, salt: Buffer.from(salt) });
  const text = padded(key);
  key.fill(0);
  return text;
}
