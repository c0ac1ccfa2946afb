import { VaultKey } from '../../entities/vault.ts';
import { recordChange } from '../audit/event.ts';
import { tokenBytes } from '../crypto/token.ts';
import { keepingKeys, VaultKeys, wrapKeys, type KeepKeys } from '../crypto/vault.ts';
import { addGrant, isGenuineGrant, type Grantee } from './grants.ts';
import { withVault, type OpenVault } from './open.ts';
import { rewrap } from './rewrap.ts';
import { AlteredError, holdVault, writeState } from './state.ts';
import type { Scope } from '../scope.ts';

/**
 * Rotates the vault's key and grants the new one to all holders of the old one. Starts to re-encrypt all values; both
 * keys can be read until that is complete. Everyone else must unlock the vault again.
 * @returns the vault's id.
 * @throws VAULT_LOCKED
 */
export async function rotateVaultKey(scope: Scope): Promise<string> {
  return keepingKeys(async (keep) => {
    const { vaultId, keys } = await scope.transaction(async (tx) => {
      await holdVault(tx);
      return withVault(tx, async (vault) => {
        recordChange(tx, { action: 'vault.rotate', targetType: 'Vault', targetId: vault.vaultId });
        return { vaultId: vault.vaultId, keys: await replaceKey(tx, vault, keep) };
      });
    });
    return finish(scope, vaultId, keys);
  });
}

/** Re-encrypts as many values as possible under the new key. A rotation takes effect with its first transaction. */
export async function finish(scope: Scope, vaultId: string, keys: VaultKeys): Promise<string> {
  try {
    await rewrap(scope, vaultId, keys);
  } catch (error) {
    scope.warn(`Vault key rotation interrupted: ${String(error)}`);
  }
  return vaultId;
}

interface GrantedRow {
  user_id: string | null;
  mark: string;
  public_key: string | null;
}

/**
 * Creates and grants the new key in the caller's transaction, while the vault's row is locked. @returns the old keys
 * and the new one, registered with `keep`.
 */
export async function replaceKey(scope: Scope, vault: OpenVault, keep: KeepKeys): Promise<VaultKeys> {
  const { vaultId, kitKey, keys, userId, sessionId } = vault;
  const at = scope.now();
  const next = new VaultKey({ version: keys.active + 1 });
  const renewed = keep(keys.copy().withNext(next.version, VaultKeys.generate()));
  await scope.em.execute(`update vault_keys set state = 'decrypt_only', updated_at = ? where id = ?`, [
    at,
    vault.keyId,
  ]);
  scope.em.persist(next);
  await scope.em.flush();
  for (const grantee of await grantees(scope, vault))
    addGrant(scope, vaultId, { id: next.id, version: next.version, bytes: renewed.key() }, grantee);
  await writeState(scope, { vaultId, kitKey }, renewed);
  const token = tokenBytes('vlt1', scope.vaultToken ?? '') ?? Buffer.alloc(0);
  const wrapped = wrapKeys(scope.keyring, token, { sessionId, userId, vaultId, version: next.version }, renewed);
  token.fill(0);
  await scope.em.execute('delete from vault_sessions where id <> ?', [vault.vaultSessionId]);
  await scope.em.execute('update vault_sessions set wrapped_key = ?, updated_at = ? where id = ?', [
    wrapped,
    at,
    vault.vaultSessionId,
  ]);
  return renewed;
}

/**
 * Returns all holders of the active key. @throws {AlteredError} if a grant, or its public key, was not written by a
 * holder.
 */
async function grantees(scope: Scope, { vaultId, kitKey, keyId, keys }: OpenVault): Promise<Grantee[]> {
  const rows = await scope.em.execute<GrantedRow[]>(
    `select g.user_id, g.mark, p.public_key from vault_grants g
     left join users u on u.id = g.user_id left join user_keys p on p.user_id = g.user_id
     where g.vault_key_id = ? and (g.user_id is null or u.deleted_at is null)`,
    [keyId],
  );
  return rows.map(({ user_id, mark, public_key }) => {
    const grantee = {
      userId: user_id,
      publicKey: Buffer.from((user_id === null ? kitKey : public_key) ?? '', 'base64url'),
    };
    if (!isGenuineGrant(keys.key(), { ...grantee, vaultId, version: keys.active }, mark)) throw new AlteredError();
    return grantee;
  });
}
