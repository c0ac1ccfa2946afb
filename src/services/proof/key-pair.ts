import { sqlNow } from '../../entities/clock.ts';
import { vaultRoles } from '../../entities/vault.ts';
import { isInForce } from '../../entities/role.ts';
import { conflict } from '../../errors.ts';
import { generatePair } from '../crypto/box.ts';
import { openByPassword, readPrivateSeal, sealPrivateKey, type PrivateSeal } from '../crypto/pair.ts';
import { composed } from '../crypto/password.ts';
import { SealError } from '../crypto/gcm.ts';
import { freshStretching } from '../crypto/stretch.ts';
import { addPair, voidPair, writePair } from './stored-pair.ts';
import type { Scope } from '../scope.ts';

/** What becomes of a user's key pair when the password is replaced. */
export interface PairMove {
  /** Of what was read: where it was written since, nothing is moved. */
  readonly version: number;
  /** `none` where there was none, `lost` where it does not open. */
  readonly to: SealedPair | 'none' | 'lost';
}

interface SealedPair {
  readonly publicKey: Buffer;
  readonly sealed: string;
}

/**
 * Makes the key pair of somebody who may be given the vault and has none yet: only now, as the password is known, can it
 * be sealed. Once in a user's life, the sign-in takes as long as PBKDF2 longer.
 * @param stored the hash that the password was held against: where it is another by now, no pair is made.
 */
export async function ensurePair(scope: Scope, userId: string, password: string, stored: string): Promise<void> {
  const version = await versionWithout(scope, userId);
  if (version === null) return;
  const stretching = freshStretching(scope.rules.keyIterations);
  const key = await scope.passwords.stretch(composed(password), stretching);
  const pair = generatePair();
  const sealed = sealPrivateKey(scope.keyring, userId, pair, { key, stretching });
  for (const bytes of [key, pair.privateKey]) bytes.fill(0);
  await addPair(scope, { userId, publicKey: pair.publicKey, version }, sealed, stored);
}

/** The version of who may be given the vault and has no pair; null for anybody else. */
async function versionWithout(scope: Scope, userId: string): Promise<number | null> {
  const roles = vaultRoles.map(() => '?').join(', ');
  const [found] = await scope.em.execute<{ key_version: number }[]>(
    `select u.key_version from users u where u.id = ? and not exists (select 1 from user_keys k where k.user_id = u.id)
     and exists (select 1 from user_roles a join roles r on r.id = a.role_id
       where a.user_id = u.id and ${isInForce('a', sqlNow(scope))} and r.based_on in (${roles}))`,
    [userId, ...vaultRoles],
  );
  return found?.key_version ?? null;
}

/** Seals a user's private key under the new password; one that does not open, as its system key is not here, is lost by that. */
export async function resealPair(scope: Scope, userId: string, password: string, next: string): Promise<PairMove> {
  const [row] = await scope.em.execute<{ key_version: number; public_key: string | null; sealed_private_key: string | null }[]>(
    'select u.key_version, k.public_key, k.sealed_private_key from users u left join user_keys k on k.user_id = u.id where u.id = ?',
    [userId],
  );
  const version = row?.key_version ?? 0;
  if (!row?.public_key || !row.sealed_private_key) return { version, to: 'none' };
  const publicKey = Buffer.from(row.public_key, 'base64url');
  const privateKey = await opened(scope, readSeal(scope, { userId, publicKey }, row.sealed_private_key), password);
  if (privateKey === null) return { version, to: 'lost' };
  const stretching = freshStretching(scope.rules.keyIterations);
  const key = await scope.passwords.stretch(composed(next), stretching);
  // The private half opened for this public half and no other, so its mark is renewed.
  const sealed = sealPrivateKey(scope.keyring, userId, { publicKey, privateKey }, { key, stretching });
  for (const bytes of [key, privateKey]) bytes.fill(0);
  return { version, to: { publicKey, sealed } };
}

/**
 * Writes the resealed keys while the user's row is locked at that version, and deletes the lost ones.
 * @throws CONFLICT where access to the vault would go with it: that is not done by the way.
 */
export async function movePair(scope: Pick<Scope, 'em' | 'keyring' | 'now'>, userId: string, { version, to }: PairMove): Promise<void> {
  if (to === 'lost' && (await voidPair(scope, userId)))
    throw conflict(
      'This would end your access to the vault: your vault key cannot be decrypted. ' +
        'Ask the operator to restore the system key, or reset your password by mail, which also ends the access.',
    );
  if (typeof to === 'object') await writePair(scope, { userId, publicKey: to.publicKey, version }, to.sealed);
}

function readSeal({ keyring }: Scope, holder: Parameters<typeof readPrivateSeal>[1], text: string): PrivateSeal | null {
  try {
    return readPrivateSeal(keyring, holder, text);
  } catch (error) {
    if (error instanceof SealError) return null;
    throw error;
  }
}

async function opened({ passwords }: Scope, seal: PrivateSeal | null, password: string): Promise<Buffer | null> {
  if (seal === null) return null;
  return openByPassword(seal, password, (each) => passwords.stretch(each, seal.stretching));
}
