import { v7 as uuidv7 } from 'uuid';
import type { Keyring } from '../crypto/keyring.ts';
import {
  isMarked,
  markPair,
  readPrivateSeal,
  type MarkedPair,
  type PairHolder,
  type PrivateSeal,
} from '../crypto/pair.ts';
import { SealError } from '../crypto/gcm.ts';
import type { Scope } from '../scope.ts';

/** A user's key pair as it is stored. */
export interface StoredPair extends MarkedPair {
  readonly mark: string;
}

/** A version of a pair. Each write increments the version in the user's row. */
export interface PairVersion extends PairHolder {
  readonly version: number;
}

type PairScope = Pick<Scope, 'em' | 'keyring' | 'now'>;

/**
 * Loads a user's key pair. Null if there is none.
 * @throws {SealError} if it is not the pair that was written last: altered, of another user, or restored.
 */
export async function pairOf(
  { em, keyring }: Pick<PairScope, 'em' | 'keyring'>,
  userId: string,
): Promise<StoredPair | null> {
  const [row] = await em.execute<
    { public_key: string; public_key_mac: string; sealed_private_key: string; key_version: number }[]
  >(
    `select k.public_key, k.public_key_mac, k.sealed_private_key, u.key_version
     from user_keys k join users u on u.id = k.user_id where k.user_id = ?`,
    [userId],
  );
  if (row === undefined) return null;
  const publicKey = Buffer.from(row.public_key, 'base64url');
  const pair = {
    userId,
    publicKey,
    version: row.key_version,
    sealed: row.sealed_private_key,
    mark: row.public_key_mac,
  };
  // several texts decode to the same bytes: only the written one is accepted
  if (publicKey.toString('base64url') !== row.public_key || !isMarked(keyring, pair, pair.mark)) throw new SealError();
  return pair;
}

/** Removes the outer seal of the pair. @throws {SealError} if its system key is missing. */
export const readPair = (keyring: Keyring, { userId, publicKey, sealed }: StoredPair): PrivateSeal =>
  readPrivateSeal(keyring, { userId, publicKey }, sealed);

/** Stores the first pair of a user, if the stored password is unchanged and no pair was written since that version. */
export async function addPair(
  { em, keyring, now }: PairScope,
  before: PairVersion,
  sealed: string,
  passwordHash: string,
): Promise<void> {
  const { userId, publicKey, version } = before;
  const at = now();
  const mark = markPair(keyring, { userId, publicKey, version: version + 1, sealed });
  await em.execute(
    `with held as (update users set key_version = key_version + 1
       where id = ? and key_version = ? and password_hash = ? and is_active and deleted_at is null returning id)
     insert into user_keys (id, created_at, updated_at, user_id, public_key, public_key_mac, sealed_private_key)
     select cast(? as uuid), cast(? as timestamptz), cast(? as timestamptz), id, cast(? as text), cast(? as text), cast(? as text) from held`,
    [userId, version, passwordHash, uuidv7(), at, at, publicKey.toString('base64url'), mark, sealed],
  );
}

/**
 * Stores a pair under a new seal. @returns false without any change if it was written since that version, as by a
 * password change.
 */
export async function writePair(
  { em, keyring, now }: PairScope,
  before: PairVersion,
  sealed: string,
): Promise<boolean> {
  const { userId, publicKey, version } = before;
  const mark = markPair(keyring, { userId, publicKey, version: version + 1, sealed });
  const written = await em.execute<object[]>(
    `with held as (update users set key_version = key_version + 1 where id = ? and key_version = ? returning id)
     update user_keys k set sealed_private_key = ?, public_key_mac = ?, updated_at = ? from held where k.user_id = held.id returning k.id`,
    [userId, version, sealed, mark, now()],
  );
  return written.length === 1;
}

/** Deletes a user's key pair. Restoring the row would be detected. */
export async function dropPair({ em }: Pick<Scope, 'em'>, userId: string): Promise<void> {
  await em.execute('update users set key_version = key_version + 1 where id = ?', [userId]);
  await em.execute('delete from user_keys where user_id = ?', [userId]);
}

/** Deletes a user's key pair and its access to the vault. @returns whether the user had access. */
export async function voidPair(scope: Pick<Scope, 'em'>, userId: string): Promise<boolean> {
  const voided = await scope.em.execute<object[]>('delete from vault_grants where user_id = ? returning id', [userId]);
  await dropPair(scope, userId);
  return voided.length > 0;
}
