import { User } from '../../entities/user.ts';
import { VaultGrant, VaultKey } from '../../entities/vault.ts';
import { openSealed, sealTo, type KeyPair } from '../crypto/box.ts';
import { grantContext, isSameMark, markGrant, VaultKeys } from '../crypto/vault.ts';
import { AlteredError } from './state.ts';
import type { EntityScope } from '../scope.ts';

/** The holder of a grant: a user, or the recovery kit if there is no user. */
export interface Grantee {
  readonly userId: string | null;
  readonly publicKey: Buffer;
}

interface GrantRow {
  version: number;
  state: 'active' | 'decrypt_only';
  sealed_key: string;
  mark: string;
}

/** Returns the grants of a user or the recovery kit, for the versions that can still be read. */
export async function grantsOf({ em }: EntityScope, userId: string | null): Promise<GrantRow[]> {
  return em.execute<GrantRow[]>(
    `select k.version, k.state, g.sealed_key, g.mark from vault_grants g join vault_keys k on k.id = g.vault_key_id
     where g.user_id is not distinct from cast(? as uuid) and k.state <> 'destroyed' order by k.version`,
    [userId],
  );
}

export const isGranted = (grants: readonly GrantRow[]): boolean => grants.some(({ state }) => state === 'active');

/** Opens grants with the private key. The caller must wipe the keys. @throws {SealError} or {@link AlteredError} */
export function openGrants(
  grants: readonly GrantRow[],
  vaultId: string,
  userId: string | null,
  pair: KeyPair,
): VaultKeys {
  const keys = new Map<number, Buffer>();
  let active = 0;
  try {
    for (const { version, state, sealed_key, mark } of grants) {
      const key = openSealed(pair, grantContext({ vaultId, version, userId }), sealed_key);
      keys.set(version, key);
      if (!isSameMark(mark, markGrant(key, { vaultId, version, userId, publicKey: pair.publicKey })))
        throw new AlteredError();
      if (state === 'active') active = version;
    }
    return new VaultKeys(active, keys);
  } catch (error) {
    for (const key of keys.values()) key.fill(0);
    throw error;
  }
}

/** Whether a holder of the key made the stored grant for this public key. */
export function isGenuineGrant(
  vaultKey: Buffer,
  grant: Grantee & { readonly vaultId: string; readonly version: number },
  mark: string,
): boolean {
  return isSameMark(mark, markGrant(vaultKey, grant));
}

/** Grants one version of the key. Only a holder of the key can do so. */
export function addGrant(
  { em }: EntityScope,
  vaultId: string,
  key: { id: string; version: number; bytes: Buffer },
  grantee: Grantee,
): void {
  const { userId, publicKey } = grantee;
  const facts = { vaultId, version: key.version, userId, publicKey };
  em.persist(
    new VaultGrant({
      user: userId === null ? null : em.getReference(User, userId, { wrapped: true }),
      vaultKey: em.getReference(VaultKey, key.id, { wrapped: true }),
      sealedKey: sealTo(publicKey, grantContext(facts), key.bytes),
      mark: markGrant(key.bytes, facts),
    }),
  );
}

/** Grants every readable version, in place of the earlier grants. */
export async function grantAll(scope: EntityScope, vaultId: string, keys: VaultKeys, grantee: Grantee): Promise<void> {
  await scope.em.execute('delete from vault_grants where user_id = ?', [grantee.userId]);
  const rows = await scope.em.execute<{ id: string; version: number }[]>(
    `select id, version from vault_keys where state <> 'destroyed'`,
  );
  for (const { id, version } of rows)
    if (keys.has(version)) addGrant(scope, vaultId, { id, version, bytes: keys.key(version) }, grantee);
  await scope.em.flush();
}
