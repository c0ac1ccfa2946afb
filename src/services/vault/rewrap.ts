import type { SqlEntityManager } from '@mikro-orm/postgresql';
import { FernetError } from '../crypto/fernet.ts';
import { SealError } from '../crypto/seal.ts';
import type { VaultKeys } from '../crypto/vault.ts';
import { renewValue, staleValues } from './record.ts';
import { holdVault } from './state.ts';
import type { VaultTools } from './tools.ts';

type RewrapTools = Pick<VaultTools, 'now' | 'warn' | 'vault'>;

/** Transactions in one request. */
const mostBatches = 100;
const first = '00000000-0000-0000-0000-000000000000';

/**
 * Puts what is under earlier keys under the active one, a few values in each transaction: it may be interrupted anywhere,
 * and goes on where it was. A key under which nothing is left is destroyed, with everything by which it was granted. A
 * value that does not open stays as it is, and is told of.
 */
export async function rewrap(em: SqlEntityManager, tools: RewrapTools, vaultId: string, keys: VaultKeys): Promise<void> {
  let last: string | null = first;
  for (let round = 0; last !== null && round < mostBatches; round += 1) {
    const from: string = last;
    last = await em.fork().transactional((transaction) => rewrapSome(transaction, tools, vaultId, keys, from));
  }
  await em.fork().transactional((transaction) => destroyUnused(transaction, tools));
}

/** @returns the last value that was looked at, or null where there are no more. */
async function rewrapSome(
  em: SqlEntityManager,
  tools: RewrapTools,
  vaultId: string,
  keys: VaultKeys,
  from: string,
): Promise<string | null> {
  const stale = await em.execute<object[]>(`select 1 from vault_keys where state = 'decrypt_only' limit 1`);
  if (stale.length === 0) return null;
  await holdVault(em);
  const [active] = await em.execute<{ id: string; version: number }[]>(`select id, version from vault_keys where state = 'active'`);
  // Somebody rotated again meanwhile, and goes on with it.
  if (active?.version !== keys.active) return null;
  const { batch } = tools.vault;
  const values = await staleValues(em, from, batch);
  for (const value of values) {
    if (!keys.has(value.keyVersion)) continue;
    try {
      await renewValue(em, { vaultId, keyId: active.id, keys }, value, value.keyName, tools.now());
    } catch (error) {
      if (!(error instanceof SealError || error instanceof FernetError)) throw error;
      tools.warn(`Vault value cannot be decrypted: version ${value.version} of the secret ${value.secretId}`);
    }
  }
  return values.length < batch ? null : (values.at(-1)?.id ?? null);
}

async function destroyUnused(em: SqlEntityManager, { now }: RewrapTools): Promise<void> {
  const unused = `state = 'decrypt_only' and not exists (select 1 from secret_versions v where v.vault_key_id = vault_keys.id)`;
  if ((await em.execute<object[]>(`select 1 from vault_keys where ${unused} limit 1`)).length === 0) return;
  await holdVault(em);
  await em.execute(`update vault_keys set state = 'destroyed', updated_at = ? where ${unused}`, [now()]);
  await em.execute(`delete from vault_grants where vault_key_id in (select id from vault_keys where state = 'destroyed')`);
}
