import { isSameMark, markState, type VaultKeys } from '../crypto/vault.ts';
import type { EntityScope } from '../scope.ts';

/** What is stored was changed by somebody who does not hold the vault's key, or put back to what it was before. */
export class AlteredError extends Error {
  override readonly name = 'AlteredError';

  constructor() {
    super('The stored vault data was altered');
  }
}

/**
 * Which secrets there are, under which names, with which values, and which key of the vault is the latest: worked out where
 * the rows are. What a row's own key is made of cannot tell that a row went back to what it was. A secret's values have
 * consecutive versions, so their number, the oldest and the latest say which there are. PostgreSQL writes each column after
 * its length, so that no two states come to the same.
 */
export const digestSql = `(select encode(sha256(int4send((select max(version) from vault_keys)) || coalesce(string_agg(record_send(
    row(s.id, s.current_version, v.kept, v.oldest, v.latest, s.key_name, s.description)), '' order by s.id), '')), 'hex')
  from secrets s left join (select secret_id, count(*) as kept, min(version) as oldest, max(version) as latest
    from secret_versions group by secret_id) v on v.secret_id = s.id)`;

/** What the mark on the vault's state says. */
export interface VaultState {
  readonly vaultId: string;
  readonly kitKey: string;
  readonly state: string;
  readonly digest: string;
}

/** @throws {AlteredError} where the mark is not that of what is stored. */
export function demandState(keys: VaultKeys, { vaultId, kitKey, state, digest }: VaultState): void {
  if (!isSameMark(state, markState(keys.key(), { vaultId, version: keys.active, kitKey, digest }))) throw new AlteredError();
}

/** Marks what is stored now; in the transaction that changed it, while the vault's row is held. */
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

/** Holds the vault's row until the end of the transaction: whoever changes what it holds comes one after another. */
export async function holdVault({ em }: EntityScope, how: 'no key update' | 'share' = 'no key update'): Promise<void> {
  await em.execute(`select id from vaults for ${how}`);
}
