import { isSameMark, markState, type VaultKeys } from '../crypto/vault.ts';
import type { EntityScope } from '../scope.ts';

/** Stored data was changed without the vault's key, or restored to an earlier state. */
export class AlteredError extends Error {
  override readonly name = 'AlteredError';

  constructor() {
    super('The stored vault data was altered');
  }
}

/**
 * SQL for a digest of the vault's state: the secrets, their names and values, and the latest key. Computed in the
 * database. A row's own key cannot reveal that the row was restored to an earlier state. A secret's values have
 * consecutive versions, so their number, the oldest and the latest identify them. PostgreSQL prefixes each column with
 * its length, so different states never give the same input.
 */
export const digestSql = `(select encode(sha256(int4send((select max(version) from vault_keys)) || coalesce(string_agg(record_send(
    row(s.id, s.current_version, v.kept, v.oldest, v.latest, s.key_name, s.description)), '' order by s.id), '')), 'hex')
  from secrets s left join (select secret_id, count(*) as kept, min(version) as oldest, max(version) as latest
    from secret_versions group by secret_id) v on v.secret_id = s.id)`;

/** The content of the mark on the vault's state. */
export interface VaultState {
  readonly vaultId: string;
  readonly kitKey: string;
  readonly state: string;
  readonly digest: string;
}

/** @throws {AlteredError} if the mark does not match the stored data. */
export function demandState(keys: VaultKeys, { vaultId, kitKey, state, digest }: VaultState): void {
  if (!isSameMark(state, markState(keys.key(), { vaultId, version: keys.active, kitKey, digest })))
    throw new AlteredError();
}

/** Marks the current state, in the transaction that changed it, while the vault's row is locked. */
export async function writeState(
  { em }: EntityScope,
  { vaultId, kitKey }: Omit<VaultState, 'state' | 'digest'>,
  keys: VaultKeys,
): Promise<void> {
  await em.flush();
  const [row] = await em.execute<{ digest: string }[]>(`select ${digestSql} as digest`);
  const mark = markState(keys.key(), { vaultId, version: keys.active, kitKey, digest: row?.digest ?? '' });
  await em.execute('update vaults set state = ? where id = ?', [mark, vaultId]);
}

/** Locks the vault's row until the end of the transaction, so that changes of its content run one after another. */
export async function holdVault({ em }: EntityScope, how: 'no key update' | 'share' = 'no key update'): Promise<void> {
  await em.execute(`select id from vaults for ${how}`);
}
