import { timingSafeEqual } from 'node:crypto';
import { publicKeyOf, type KeyPair } from './box.ts';
import { frame, fromBase64Url } from './framing.ts';
import { decrypt, encrypt, SealError } from './gcm.ts';
import type { Keyring } from './keyring.ts';
import { composed } from './password.ts';
import { isOfActiveKey, open, seal } from './seal.ts';
import { maxIterations, type Stretching } from './stretch.ts';

/** Whose key pair it is. */
export interface PairHolder {
  readonly userId: string;
  readonly publicKey: Buffer;
}

/** A private key out of the outer seal: what the password still closes, and how a key is made of that. */
export interface PrivateSeal extends PairHolder {
  readonly stretching: Stretching;
  /** Whether it was sealed with the system key that seals today. */
  readonly isOfActiveKey: boolean;
  readonly sealed: Buffer;
}

const purpose = 'user-key-seal';
const scheme = 'pbkdf2-sha256';
const macScheme = 'public-key-v2';

/** The 32 bytes that a password gives, and how it gave them. */
export interface Stretched {
  readonly key: Uint8Array;
  readonly stretching: Stretching;
}

/**
 * Seals a private key twice: under the 32 bytes that the password gives, as `pbkdf2-sha256:<rounds>:<salt>:<sealed>`, and
 * that under the system key. Neither alone opens it.
 */
export function sealPrivateKey(keyring: Keyring, userId: string, pair: KeyPair, { key, stretching }: Stretched): string {
  const holder = { userId, publicKey: pair.publicKey };
  const sealed = encrypt(key, boundTo(holder, stretching), pair.privateKey);
  return sealAgain(keyring, { ...holder, stretching, isOfActiveKey: true, sealed });
}

/** Puts the outer seal on again, with the system key of today: it takes no password. */
export function sealAgain(keyring: Keyring, { stretching: { iterations, salt }, sealed, ...holder }: PrivateSeal): string {
  const inner = Buffer.from(`${scheme}:${iterations}:${salt.toString('base64url')}:${sealed.toString('base64url')}`, 'utf8');
  return seal(keyring, purpose, contextOf(holder), inner);
}

/** Takes the outer seal off. @throws {SealError} where it is another user's, of a system key that is gone, or altered. */
export function readPrivateSeal(keyring: Keyring, holder: PairHolder, text: string): PrivateSeal {
  const [name, rounds = '', salt = '', encoded = '', ...rest] = open(keyring, purpose, contextOf(holder), text).toString('utf8').split(':');
  const iterations = /^[1-9]\d{0,8}$/.test(rounds) ? Number(rounds) : 0;
  const [saltBytes, sealed] = [fromBase64Url(salt), fromBase64Url(encoded)];
  const isWhole = name === scheme && rest.length === 0 && iterations >= 1 && iterations <= maxIterations;
  if (!isWhole || saltBytes === null || sealed === null) throw new SealError();
  return { ...holder, stretching: { iterations, salt: saltBytes }, isOfActiveKey: isOfActiveKey(keyring, text), sealed };
}

/** The private key, by the bytes that the password gives; null where they are not the right ones. */
export function openPrivateKey({ stretching, sealed, ...holder }: PrivateSeal, key: Uint8Array): Buffer | null {
  try {
    const privateKey = decrypt(key, boundTo(holder, stretching), sealed);
    if (privateKey.byteLength === 32 && publicKeyOf(privateKey).equals(holder.publicKey)) return privateKey;
    privateKey.fill(0);
    return null;
  } catch (error) {
    if (error instanceof SealError) return null;
    throw error;
  }
}

/**
 * The private key, by the password, which `stretch` makes bytes of; null where it is not the right one. Where the password
 * is another once it is {@link composed}, it is tried as it was typed too, for seals of earlier versions.
 */
export async function openByPassword(
  seal: PrivateSeal,
  password: string,
  stretch: (password: string) => Promise<Buffer>,
): Promise<Buffer | null> {
  let found: Buffer | null = null;
  for (const each of new Set([composed(password), password])) {
    const key = await stretch(each);
    const opened = openPrivateKey(seal, key);
    key.fill(0);
    if (found === null) found = opened;
    else opened?.fill(0);
  }
  return found;
}

/** The content of a stored pair's mark: the public key's owner, the seals, and how often they were replaced. */
export interface MarkedPair extends PairHolder {
  readonly version: number;
  readonly sealed: string;
}

/** The mark by which a stored pair is known as this user's latest: `<kid>.<HMAC>`. Without the keyring, none can be put in its place. */
export function markPair(keyring: Keyring, pair: MarkedPair): string {
  return markOf(keyring, keyring.active, pair);
}

/** Whether the mark is this pair's, of this version. */
export function isMarked(keyring: Keyring, pair: MarkedPair, mark: string): boolean {
  const [kid = ''] = mark.split('.');
  if (!keyring.has(kid)) return false;
  const [expected, given] = [Buffer.from(markOf(keyring, kid, pair)), Buffer.from(mark)];
  return expected.byteLength === given.byteLength && timingSafeEqual(expected, given);
}

/** Whether a mark was made with the system key that marks today. */
export const isOfActiveKid = (keyring: Keyring, mark: string): boolean => mark.split('.')[0] === keyring.active;

function markOf(keyring: Keyring, kid: string, { userId, publicKey, version, sealed }: MarkedPair): string {
  return `${kid}.${keyring.mac(kid, 'public-key-mac', frame(macScheme, userId, publicKey, version, sealed)).toString('base64url')}`;
}

const contextOf = ({ userId, publicKey }: PairHolder): string[] => [userId, publicKey.toString('base64url')];

function boundTo({ userId, publicKey }: PairHolder, { iterations, salt }: Stretching): Buffer {
  return frame(scheme, iterations, salt, userId, publicKey);
}
