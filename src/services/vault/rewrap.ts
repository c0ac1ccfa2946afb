import { FernetError } from '../crypto/fernet.ts';
import { SealError } from '../crypto/gcm.ts';
import type { VaultKeys } from '../crypto/vault.ts';
import { renewValue, staleValues } from './record.ts';
import { holdVault } from './state.ts';
import type { Scope } from '../scope.ts';

/** The maximum number of transactions per request. */
const mostBatches = 100;
const first = '00000000-0000-0000-0000-000000000000';

/**
 * Re-encrypts values under earlier keys with the active one, a few per transaction. It can be interrupted anywhere and
 * resumes there. A key without remaining values is destroyed with all its grants. A value that cannot be decrypted
 * stays unchanged and is reported.
 */
export async function rewrap(scope: Scope, vaultId: string, keys: VaultKeys): Promise<void> {
  let last: string | null = first;
  for (let round = 0; last !== null && round < mostBatches; round += 1) {
    const from: string = last;
    last = await forked(scope).transaction((tx) => rewrapSome(tx, vaultId, keys, from));
  }
  await forked(scope).transaction((tx) => destroyUnused(tx));
}

/** @returns the last processed value. Null if there are no more. */
async function rewrapSome(scope: Scope, vaultId: string, keys: VaultKeys, from: string): Promise<string | null> {
  const stale = await scope.em.execute<object[]>(`select 1 from vault_keys where state = 'decrypt_only' limit 1`);
  if (stale.length === 0) return null;
  await holdVault(scope);
  const [active] = await scope.em.execute<{ id: string; version: number }[]>(
    `select id, version from vault_keys where state = 'active'`,
  );
  // A concurrent rotation has replaced the key and does the rest.
  if (active?.version !== keys.active) return null;
  const { batch } = scope.vault;
  const values = await staleValues(scope, from, batch);
  for (const value of values) {
    if (!keys.has(value.keyVersion)) continue;
    try {
      await renewValue(scope, { vaultId, keyId: active.id, keys }, value, { keyName: value.keyName, at: scope.now() });
    } catch (error) {
      if (!(error instanceof SealError || error instanceof FernetError)) throw error;
      scope.warn(`Vault value cannot be decrypted: version ${value.version} of the secret ${value.secretId}`);
    }
  }
  return values.length < batch ? null : (values.at(-1)?.id ?? null);
}

async function destroyUnused(scope: Scope): Promise<void> {
  const unused = `state = 'decrypt_only' and not exists (select 1 from secret_versions v where v.vault_key_id = vault_keys.id)`;
  if ((await scope.em.execute<object[]>(`select 1 from vault_keys where ${unused} limit 1`)).length === 0) return;
  await holdVault(scope);
  await scope.em.execute(`update vault_keys set state = 'destroyed', updated_at = ? where ${unused}`, [scope.now()]);
  await scope.em.execute(
    `delete from vault_grants where vault_key_id in (select id from vault_keys where state = 'destroyed')`,
  );
}

/** The same scope with an empty entity manager. */
const forked = (scope: Scope): Scope => ({ ...scope, em: scope.em.fork() });
