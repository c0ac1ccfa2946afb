import { sqlAfter, sqlNow } from '../../entities/clock.ts';
import { vaultRoles } from '../../entities/vault.ts';
import type { Viewer } from '../../entities/viewer.ts';
import { unauthenticated, vaultLocked } from '../../errors.ts';
import { SealError } from '../crypto/gcm.ts';
import { hashToken, tokenBytes } from '../crypto/token.ts';
import { unwrapKeys, type VaultKeys, type WrapBinding } from '../crypto/vault.ts';
import { oneValueSql, valueOf, type StoredValue, type ValueRow } from './record.ts';
import { demandState, digestSql } from './state.ts';
import { runOn, type Scope } from '../scope.ts';

/** An unlocked vault for the time of one use. The code that opened it wipes its keys. */
export interface OpenVault {
  readonly vaultId: string;
  readonly kitKey: string;
  /** The row id of the active key. */
  readonly keyId: string;
  readonly keys: VaultKeys;
  /** The row of the vault token. */
  readonly vaultSessionId: string;
  readonly userId: string;
  readonly sessionId: string;
}

interface OpenRow {
  id: string;
  session_id: string;
  wrapped_key: string;
  is_in_time: boolean;
  is_stale: boolean;
  vault_id: string;
  kit_key: string;
  state: string;
  key_id: string;
  version: number;
  is_granted: boolean;
  digest: string;
}

/** The same with a stored value. The value's id is null if there is no value. */
interface BothRow extends OpenRow, Omit<ValueRow, 'id' | 'version'> {
  value_id: string | null;
  value_version: number;
}

/**
 * Opens the vault with the caller's token, runs `act`, and wipes the keys. Asks the database each time whether the
 * vault is locked, so every node accepts the token, and none after another node locked the vault. The roles come from
 * the request; losing one later ends the user's vault session.
 * @throws VAULT_LOCKED; {@link AlteredError} if stored data was changed outside the vault.
 */
export async function withVault<Done>(scope: Scope, act: (vault: OpenVault) => Promise<Done>): Promise<Done> {
  return opened(scope, () => find(scope), act);
}

/** The requested value. The latest version if none is named. */
export interface ValueSelector {
  readonly keyName: string;
  readonly version: number | null;
}

/**
 * Like {@link withVault}, outside any transaction, together with a stored value. One prepared statement reads both at
 * the same instant, so that no rotation comes between. The value is null if there is none.
 */
export async function withValue<Done>(
  scope: Scope,
  { keyName, version }: ValueSelector,
  act: (vault: OpenVault, value: StoredValue | null) => Promise<Done>,
): Promise<Done> {
  let value: StoredValue | null = null;
  const findBoth = async (): Promise<OpenRow | undefined> => {
    const [row] = (await scope.run(findBothSql(scope), [
      ...findValues(scope),
      keyName,
      version,
    ])) as unknown as BothRow[];
    if (row && row.value_id !== null) value = valueOf({ ...row, id: row.value_id, version: row.value_version });
    return row;
  };
  return opened(scope, findBoth, (vault) => act(vault, value));
}

/** Whether the caller's token currently opens the vault. */
export async function isUnlocked(scope: Scope): Promise<boolean> {
  if (scope.vaultToken === null) return false;
  const row = await find(scope);
  return row !== undefined && reasonAgainst(row, scope.viewer) === null;
}

async function opened<Done>(
  scope: Scope,
  search: () => Promise<OpenRow | undefined>,
  act: (vault: OpenVault) => Promise<Done>,
): Promise<Done> {
  const vault = await open(scope, search);
  try {
    return await act(vault);
  } finally {
    vault.keys.wipe();
  }
}

async function open(scope: Scope, search: () => Promise<OpenRow | undefined>): Promise<OpenVault> {
  const { viewer, vaultToken } = scope;
  const { userId, sessionId } = viewer;
  if (userId === null || sessionId === null) throw unauthenticated();
  const token = vaultToken === null ? null : tokenBytes('vlt1', vaultToken);
  if (vaultToken === null || token === null) throw vaultLocked(vaultToken === null ? 'no_token' : 'malformed_token');
  const row = await search();
  const reason = row === undefined ? 'unknown_token' : reasonAgainst(row, viewer);
  if (row === undefined || reason !== null) throw vaultLocked(reason ?? '');
  const { vault_id: vaultId, kit_key: kitKey, version } = row;
  const keys = unwrapped(scope, token, { sessionId, userId, vaultId, version }, row.wrapped_key);
  try {
    demandGenuine(row, keys);
  } catch (error) {
    keys.wipe();
    throw error;
  }
  if (row.is_stale)
    await scope.em.execute(`update vault_sessions set last_used_at = ${sqlNow(scope)} where id = ?`, [row.id]);
  return { vaultId, kitKey, keyId: row.key_id, keys, vaultSessionId: row.id, userId, sessionId };
}

/** All columns that the mark on the vault's state depends on: the encrypted keys, and what they marked. */
const markedColumns = ['wrapped_key', 'vault_id', 'version', 'kit_key', 'digest', 'state'] as const;

/** The rows that were verified, by the id of the token's row. */
const genuine = new Map<string, Pick<OpenRow, (typeof markedColumns)[number]>>();

/** The maximum number of cached rows: as many as unlock the vault in a day. */
const mostGenuine = 1000;

/**
 * Verifies the mark of the vault's state. Between two uses, the columns are usually unchanged, and were verified with
 * the same keys: then the mark is not computed again. @throws {AlteredError}
 */
function demandGenuine(row: OpenRow, keys: VaultKeys): void {
  const before = genuine.get(row.id);
  if (before !== undefined && markedColumns.every((column) => before[column] === row[column])) return;
  const { wrapped_key, vault_id, version, kit_key, digest, state } = row;
  demandState(keys, { vaultId: vault_id, kitKey: kit_key, state, digest });
  if (genuine.size >= mostGenuine) genuine.clear();
  genuine.set(row.id, { wrapped_key, vault_id, version, kit_key, digest, state });
}

/**
 * SQL that reads the rows of the vault, the token and the caller, optionally with more columns from more tables.
 * Updates the time of use only once it is stale, because parallel uses would otherwise wait for one another.
 */
const openSql = (scope: Pick<Scope, 'now' | 'vault'>, columns = '', joins = ''): string =>
  `select w.id, w.session_id, w.wrapped_key,
     w.expires_at > ${sqlNow(scope)} and w.last_used_at > ${sqlAfter(scope, -scope.vault.idleTtl)} as is_in_time,
     w.last_used_at < ${sqlAfter(scope, -scope.vault.idleTtl / 20)} as is_stale,
     v.id as vault_id, v.kit_key, v.state, k.id as key_id, k.version, g.id is not null as is_granted, ${digestSql} as digest${columns}
   from vault_sessions w cross join vaults v join vault_keys k on k.state = 'active'
     left join vault_grants g on g.user_id = $1 and g.vault_key_id = k.id${joins}
   where w.token_hash = $2`;

const findBothSql = (scope: Scope): string =>
  openSql(
    scope,
    ', f.id as value_id, f.secret_id, f.key_name, f.version as value_version, f.key_version, f.salt, f.token',
    ` left join lateral (${oneValueSql('$3', '$4')}) f on true`,
  );

const findValues = ({ viewer, vaultToken }: Scope): unknown[] => [viewer.userId, hashToken(vaultToken ?? '')];

async function find(scope: Scope): Promise<OpenRow | undefined> {
  const [row] = (await runOn(scope.em)(openSql(scope), findValues(scope))) as unknown as OpenRow[];
  return row;
}

function reasonAgainst(row: OpenRow, { sessionId, roles }: Viewer): string | null {
  if (row.session_id !== sessionId) return 'foreign_token';
  if (!row.is_in_time) return 'expired';
  if (!vaultRoles.some((role) => roles.has(role))) return 'no_role';
  return row.is_granted ? null : 'no_grant';
}

function unwrapped({ keyring }: Scope, token: Buffer, binding: WrapBinding, text: string): VaultKeys {
  try {
    return unwrapKeys(keyring, token, binding, text);
  } catch (error) {
    // The system key is missing, or the text was altered. The user can unlock the vault again with the password.
    throw error instanceof SealError ? vaultLocked('unreadable') : error;
  } finally {
    token.fill(0);
  }
}
