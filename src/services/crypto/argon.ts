import { argon2d, argon2i, argon2id, hash } from 'argon2';

/** The parameters of an Argon2 hash: variant, memory in KiB, passes, lanes and salt. */
export interface ArgonParameters {
  readonly variant: keyof typeof variants;
  readonly version: 16 | 19;
  readonly memory: number;
  readonly time: number;
  readonly lanes: number;
  readonly salt: Buffer;
}

/** A parsed stored hash. */
export interface ArgonHash extends ArgonParameters {
  readonly digest: Buffer;
}

/** The maximum cost of verifying a hash of any origin. */
export const bounds = { memory: 262_144, time: 20, lanes: 8 } as const;

const variants = { argon2d, argon2i, argon2id } as const;
const form =
  /^\$(argon2id|argon2i|argon2d)(?:\$v=(16|19))?\$([mtp]=[1-9]\d{0,5}(?:,[mtp]=[1-9]\d{0,5}){2})\$([A-Za-z0-9+/]{11,86})\$([A-Za-z0-9+/]{22,86})$/;

/** `$argon2id$v=19$m=…,t=…,p=…$salt$digest`: the form that all implementations share. */
export function writeArgon({ variant, version, memory, time, lanes, salt, digest }: ArgonHash): string {
  return `$${variant}$v=${version}$m=${memory},t=${time},p=${lanes}$${toBase64(salt)}$${toBase64(digest)}`;
}

/**
 * Parses that form. Null if the text has another form or exceeds {@link bounds}. A hash without a version has version
 * 16. The parameters may be in any order, because some implementations write them in their own.
 */
export function readArgon(text: string): ArgonHash | null {
  const [, variant, version, parameters = '', salt = '', digest = ''] = form.exec(text) ?? [];
  const cost = readCost(parameters);
  if (!isVariant(variant) || cost === null || !isBase64(salt) || !isBase64(digest)) return null;
  const bytes = { salt: Buffer.from(salt, 'base64'), digest: Buffer.from(digest, 'base64') };
  return { variant, version: version === '19' ? 19 : 16, ...cost, ...bytes };
}

/** Computes a digest of this length. The caller must zero the input. */
export async function runArgon(input: Buffer, parameters: ArgonParameters, length: number): Promise<Buffer> {
  const { variant, version, memory, time, lanes, salt } = parameters;
  const cost = { memoryCost: memory, timeCost: time, parallelism: lanes };
  return hash(input, { type: variants[variant], version, ...cost, salt, hashLength: length, raw: true });
}

function isVariant(text: string | undefined): text is ArgonParameters['variant'] {
  return text !== undefined && Object.hasOwn(variants, text);
}

function readCost(text: string): Pick<ArgonParameters, 'memory' | 'time' | 'lanes'> | null {
  const named = new Map(text.split(',').map((part) => [part.charAt(0), Number(part.slice(2))]));
  const [memory = 0, time = 0, lanes = 0] = ['m', 't', 'p'].map((name) => named.get(name));
  const areGiven = memory >= 8 * lanes && time >= 1 && lanes >= 1;
  return areGiven && memory <= bounds.memory && time <= bounds.time && lanes <= bounds.lanes
    ? { memory, time, lanes }
    : null;
}

const toBase64 = (bytes: Buffer): string => bytes.toString('base64').replace(/=+$/, '');
const isBase64 = (text: string): boolean => toBase64(Buffer.from(text, 'base64')) === text;
