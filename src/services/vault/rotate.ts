import { VaultKey } from '../../entities/vault.ts';
import { recordChange } from '../audit/event.ts';
import { tokenBytes } from '../crypto/token.ts';
import { keepingKeys, VaultKeys, wrapKeys, type Keep } from '../crypto/vault.ts';
import { addGrant, isGenuineGrant, type Grantee } from './grants.ts';
import { withVault, type OpenVault } from './open.ts';
import { rewrap } from './rewrap.ts';
import { AlteredError, holdVault, writeState } from './state.ts';
import type { Scope } from '../scope.ts';

/**
 * Gives the vault a new key, granted to everybody who had the old one. Both can be read until everything is under the new
 * one, which is begun here. Everybody else has to unlock the vault again.
 * @returns the vault's id. @throws VAULT_LOCKED
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

/** Puts everything under the new key, or as much as comes through: a rotation stands from its first transaction on. */
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

/** Makes the new key and grants it, in the caller's transaction, while the vault's row is held. @returns old keys and new, kept. */
export async function replaceKey(scope: Scope, vault: OpenVault, keep: Keep): Promise<VaultKeys> {
  const { vaultId, kitKey, keys, userId, sessionId } = vault;
  const at = scope.now();
  const next = new VaultKey({ version: keys.active + 1 });
  const renewed = keep(keys.copy().withNext(next.version, VaultKeys.generate()));
  await scope.em.execute(`update vault_keys set state = 'decrypt_only', updated_at = ? where id = ?`, [at, vault.keyId]);
  scope.em.persist(next);
  await scope.em.flush();
  for (const grantee of await grantees(scope, vault))
    addGrant(scope, vaultId, { id: next.id, version: next.version, bytes: renewed.key() }, grantee);
  await writeState(scope, { vaultId, kitKey }, renewed);
  const token = tokenBytes('vlt1', scope.vaultToken ?? '') ?? Buffer.alloc(0);
  const wrapped = wrapKeys(scope.keyring, token, { sessionId, userId, vaultId, version: next.version }, renewed);
  token.fill(0);
  await scope.em.execute('delete from vault_sessions where id <> ?', [vault.vaultSessionId]);
  await scope.em.execute('update vault_sessions set wrapped_key = ?, updated_at = ? where id = ?', [wrapped, at, vault.vaultSessionId]);
  return renewed;
}

/** Everybody who has the active key. @throws {AlteredError} where a grant, or the public key that it is for, was put there by no holder. */
async function grantees(scope: Scope, { vaultId, kitKey, keyId, keys }: OpenVault): Promise<Grantee[]> {
  const rows = await scope.em.execute<GrantedRow[]>(
    `select g.user_id, g.mark, p.public_key from vault_grants g
     left join users u on u.id = g.user_id left join user_keys p on p.user_id = g.user_id
     where g.vault_key_id = ? and (g.user_id is null or u.deleted_at is null)`,
    [keyId],
  );
  return rows.map(({ user_id, mark, public_key }) => {
    const grantee = { userId: user_id, publicKey: Buffer.from((user_id === null ? kitKey : public_key) ?? '', 'base64url') };
    if (!isGenuineGrant(keys.key(), { ...grantee, vaultId, version: keys.active }, mark)) throw new AlteredError();
    return grantee;
  });
}
