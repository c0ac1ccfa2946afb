import { pbkdf2, randomBytes } from 'node:crypto';
import { promisify } from 'node:util';
import { padded } from './fernet.ts';

/** How a key is made from a password: PBKDF2 with SHA-256, so many rounds over a salt. */
export interface Stretching {
  readonly iterations: number;
  readonly salt: Buffer;
}

/** What a stored key may ask of the machine that opens it. */
export const maxIterations = 10_000_000;

/** The rounds of the Python installations that this service reads and replaces. */
export const pythonIterations = 480_000;

const keyLength = 32;
const saltLength = 16;
const derive = promisify(pbkdf2);

export const freshStretching = (iterations: number): Stretching => ({ iterations, salt: randomBytes(saltLength) });

/** The 32 bytes that a password gives; they belong to the caller, who zeroes them after use. */
export async function stretch(password: string, { iterations, salt }: Stretching): Promise<Buffer> {
  if (!Number.isInteger(iterations) || iterations < 1 || iterations > maxIterations)
    throw new RangeError(`PBKDF2 iterations must be from 1 to ${maxIterations}`);
  const bytes = Buffer.from(password, 'utf8');
  return derive(bytes, salt, iterations, keyLength, 'sha256').finally(() => bytes.fill(0));
}

/** The Fernet key that Python's PBKDF2HMAC (SHA-256, 32 bytes, 480,000 rounds) and urlsafe_b64encode make: 44 characters. */
export async function deriveMasterKey(password: string, salt: Uint8Array): Promise<string> {
  const key = await stretch(password, { iterations: pythonIterations, salt: Buffer.from(salt) });
  const text = padded(key);
  key.fill(0);
  return text;
}
