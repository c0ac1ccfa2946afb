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

/** The effect of a replaced password on a user's key pair. */
export interface PairMove {
  /** The version that was read. If the pair was written since, it is not moved. */
  readonly version: number;
  /** `none` if there was no pair, `lost` if it cannot be decrypted. */
  readonly to: SealedPair | 'none' | 'lost';
}

interface SealedPair {
  readonly publicKey: Buffer;
  readonly sealed: string;
}

/**
 * Creates the key pair of a user who may get access to the vault and has no pair. This requires the password, under
 * which the pair is encrypted. Once per user, the sign-in takes as much longer as PBKDF2 takes.
 * @param stored the hash that matched the password. If it has changed meanwhile, no pair is created.
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

/** Returns the key version of a user who may get access to the vault and has no pair. Null for any other user. */
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

/**
 * Re-encrypts a user's private key under the new password. A key that cannot be decrypted, because its system key is
 * missing, is lost.
 */
export async function resealPair(scope: Scope, userId: string, password: string, next: string): Promise<PairMove> {
  const [row] = await scope.em.execute<
    { key_version: number; public_key: string | null; sealed_private_key: string | null }[]
  >(
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
  // The private half was opened for exactly this public half, so its mark is renewed.
  const sealed = sealPrivateKey(scope.keyring, userId, { publicKey, privateKey }, { key, stretching });
  for (const bytes of [key, privateKey]) bytes.fill(0);
  return { version, to: { publicKey, sealed } };
}

/**
 * Writes the re-encrypted keys while the user's row is locked at that version, and deletes lost ones.
 * @throws CONFLICT if that would lose access to the vault, which must not be a side effect.
 */
export async function movePair(
  scope: Pick<Scope, 'em' | 'keyring' | 'now'>,
  userId: string,
  { version, to }: PairMove,
): Promise<void> {
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
