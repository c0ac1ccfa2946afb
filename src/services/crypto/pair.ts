import { timingSafeEqual } from 'node:crypto';
import { publicKeyOf, type KeyPair } from './box.ts';
import { frame, fromBase64Url } from './framing.ts';
import { decrypt, encrypt, SealError } from './gcm.ts';
import type { Keyring } from './keyring.ts';
import { composed } from './password.ts';
import { isOfActiveKey, open, seal } from './seal.ts';
import { maxIterations, type Stretching } from './stretch.ts';

/** The owner of a key pair. */
export interface PairHolder {
  readonly userId: string;
  readonly publicKey: Buffer;
}

/**
 * A private key without its outer seal: still encrypted under the password, with the parameters of the key derivation.
 */
export interface PrivateSeal extends PairHolder {
  readonly stretching: Stretching;
  /** Whether it was sealed with the active system key. */
  readonly isOfActiveKey: boolean;
  readonly sealed: Buffer;
}

const purpose = 'user-key-seal';
const scheme = 'pbkdf2-sha256';
const macScheme = 'public-key-v2';

/** The 32 bytes derived from a password, and the parameters of the derivation. */
export interface Stretched {
  readonly key: Uint8Array;
  readonly stretching: Stretching;
}

/**
 * Encrypts a private key twice: under the 32 bytes derived from the password, as
 * `pbkdf2-sha256:<rounds>:<salt>:<sealed>`, and the result under the system key. Decryption requires both.
 */
export function sealPrivateKey(
  keyring: Keyring,
  userId: string,
  pair: KeyPair,
  { key, stretching }: Stretched,
): string {
  const holder = { userId, publicKey: pair.publicKey };
  const sealed = encrypt(key, boundTo(holder, stretching), pair.privateKey);
  return reseal(keyring, { ...holder, stretching, isOfActiveKey: true, sealed });
}

/** Renews the outer seal with the active system key. Needs no password. */
export function reseal(keyring: Keyring, { stretching: { iterations, salt }, sealed, ...holder }: PrivateSeal): string {
  const inner = Buffer.from(
    `${scheme}:${iterations}:${salt.toString('base64url')}:${sealed.toString('base64url')}`,
    'utf8',
  );
  return seal(keyring, purpose, contextOf(holder), inner);
}

/**
 * Removes the outer seal. @throws {SealError} if it belongs to another user, its system key is missing, or it was
 * altered.
 */
export function readPrivateSeal(keyring: Keyring, holder: PairHolder, text: string): PrivateSeal {
  const [name, rounds = '', salt = '', encoded = '', ...rest] = open(keyring, purpose, contextOf(holder), text)
    .toString('utf8')
    .split(':');
  const iterations = /^[1-9]\d{0,8}$/.test(rounds) ? Number(rounds) : 0;
  const [saltBytes, sealed] = [fromBase64Url(salt), fromBase64Url(encoded)];
  const isWhole = name === scheme && rest.length === 0 && iterations >= 1 && iterations <= maxIterations;
  if (!isWhole || saltBytes === null || sealed === null) throw new SealError();
  return {
    ...holder,
    stretching: { iterations, salt: saltBytes },
    isOfActiveKey: isOfActiveKey(keyring, text),
    sealed,
  };
}

/** Decrypts the private key with the bytes derived from the password. Null if they are wrong. */
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
 * Decrypts the private key with the password, which `stretch` converts to bytes. Null if the password is wrong. If the
 * {@link composed} password differs from the typed one, the typed one is tried too, for seals of earlier versions.
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

/** The content of a stored pair's mark: the owner, the public key, the seal, and the number of replacements. */
export interface MarkedPair extends PairHolder {
  readonly version: number;
  readonly sealed: string;
}

/**
 * The mark `<kid>.<HMAC>` identifies a stored pair as the user's latest. Without the keyring, nobody can replace the
 * pair.
 */
export function markPair(keyring: Keyring, pair: MarkedPair): string {
  return markOf(keyring, keyring.active, pair);
}

/** Whether the mark matches this pair in this version. */
export function isMarked(keyring: Keyring, pair: MarkedPair, mark: string): boolean {
  const [kid = ''] = mark.split('.');
  if (!keyring.has(kid)) return false;
  const [expected, given] = [Buffer.from(markOf(keyring, kid, pair)), Buffer.from(mark)];
  return expected.byteLength === given.byteLength && timingSafeEqual(expected, given);
}

/** Whether a mark was made with the active system key. */
export const isOfActiveKid = (keyring: Keyring, mark: string): boolean => mark.split('.')[0] === keyring.active;

function markOf(keyring: Keyring, kid: string, { userId, publicKey, version, sealed }: MarkedPair): string {
  return `${kid}.${keyring.mac(kid, 'public-key-mac', frame(macScheme, userId, publicKey, version, sealed)).toString('base64url')}`;
}

const contextOf = ({ userId, publicKey }: PairHolder): string[] => [userId, publicKey.toString('base64url')];

function boundTo({ userId, publicKey }: PairHolder, { iterations, salt }: Stretching): Buffer {
  return frame(scheme, iterations, salt, userId, publicKey);
}
