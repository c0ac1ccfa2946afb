import type { SqlEntityManager } from '@mikro-orm/postgresql';
import { isMarked, readPrivateSeal, type PrivateSeal } from '../crypto/pair.ts';
import type { Keyring } from '../crypto/keyring.ts';
import { AlteredError } from './state.ts';

/** A user's key pair as it is stored. */
export interface StoredPair {
  readonly userId: string;
  readonly publicKey: Buffer;
  readonly mark: string;
  readonly sealed: string;
}

/** A user's key pair, or null where there is none. @throws {AlteredError} where the public key is not known as this user's. */
export async function pairOf(em: SqlEntityManager, keyring: Keyring, userId: string): Promise<StoredPair | null> {
  const [row] = await em.execute<{ public_key: string; public_key_mac: string; sealed_private_key: string }[]>(
    'select public_key, public_key_mac, sealed_private_key from user_keys where user_id = ?',
    [userId],
  );
  if (row === undefined) return null;
  const pair = { userId, publicKey: Buffer.from(row.public_key, 'base64url'), mark: row.public_key_mac, sealed: row.sealed_private_key };
  // more than one text reads as the same bytes: only the one that was written is taken
  if (pair.publicKey.toString('base64url') !== row.public_key || !isMarked(keyring, pair, pair.mark)) throw new AlteredError();
  return pair;
}

export const readPair = (keyring: Keyring, { userId, publicKey, sealed }: StoredPair): PrivateSeal =>
  readPrivateSeal(keyring, { userId, publicKey }, sealed);
