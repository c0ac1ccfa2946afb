import { vaultRoles } from '../../entities/vault.ts';
import { unauthenticated, vaultLocked } from '../../errors.ts';
import { SealError } from '../crypto/seal.ts';
import { hashToken, tokenBytes } from '../crypto/token.ts';
import { unwrapKeys, type VaultKeys, type WrapBinding } from '../crypto/vault.ts';
import { oneValueSql, valueOf, type StoredValue, type ValueRow } from './record.ts';
import { demandState, digestSql } from './state.ts';
import { after, type Scope } from './tools.ts';

/** An unlocked vault, for as long as something is done with it: whoever opened it wipes its keys. */
export interface OpenVault {
  readonly vaultId: string;
  readonly kitKey: string;
  /** The id of the active key's row. */
  readonly keyId: string;
  readonly keys: VaultKeys;
  /** The row that the token found. */
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
  has_role: boolean;
  digest: string;
}

/**
 * Opens the vault with the caller's token, does something with it, and wipes the keys. Everything that keeps a vault
 * locked is asked of the database each time, so any node may serve the token, and none after it was locked on another.
 * @throws VAULT_LOCKED; {@link AlteredError} where what is stored was changed behind the vault's back.
 */
export async function withVault<Done>(scope: Scope, act: (vault: OpenVault) => Promise<Done>): Promise<Done> {
  const { em, viewer, vaultToken } = scope;
  const asked = findSql(scope, vaultToken, viewer.userId);
  return opened(scope, async () => (await em.execute<OpenRow[]>(asked.text, [...asked.values]))[0], act);
}

/** Which stored value; the latest where no version is named. */
export interface WantedValue {
  readonly keyName: string;
  readonly version: number | null;
}

/**
 * As {@link withVault}, outside every transaction, with a stored value beside it: both by one prepared statement, as they
 * were at one instant, so that no rotation comes between them. The value is null where there is none.
 */
export async function withValue<Done>(
  scope: Scope,
  { keyName, version }: WantedValue,
  act: (vault: OpenVault, value: StoredValue | null) => Promise<Done>,
): Promise<Done> {
  const { run, viewer, vaultToken } = scope;
  const { text, values } = findSql(scope, vaultToken, viewer.userId, `(select row_to_json(f) from (${oneValueSql}) f) as value`, [
    keyName,
    version,
  ]);
  let value: ValueRow | null = null;
  const find = async (): Promise<OpenRow | undefined> => {
    const [row] = (await run(numbered(text), values)) as unknown as (OpenRow & { value: ValueRow | null })[];
    value = row?.value ?? null;
    return row;
  };
  return opened(scope, find, (vault) => act(vault, value && valueOf(value)));
}

/** The parameters by their numbers: no operator that is written here has a question mark. */
function numbered(text: string): string {
  let count = 0;
  return text.replaceAll('?', () => `$${(count += 1)}`);
}

/** Whether the caller's token opens the vault now. */
export async function isUnlocked(scope: Scope): Promise<boolean> {
  const { em, viewer, vaultToken } = scope;
  if (vaultToken === null) return false;
  const { text, values } = findSql(scope, vaultToken, viewer.userId);
  const [row] = await em.execute<OpenRow[]>(text, values);
  return row !== undefined && reasonAgainst(row, viewer.sessionId) === null;
}

async function opened<Done>(
  scope: Scope,
  find: () => Promise<OpenRow | undefined>,
  act: (vault: OpenVault) => Promise<Done>,
): Promise<Done> {
  const vault = await open(scope, find);
  try {
    return await act(vault);
  } finally {
    vault.keys.wipe();
  }
}

async function open({ em, tools, viewer, vaultToken }: Scope, find: () => Promise<OpenRow | undefined>): Promise<OpenVault> {
  const { userId, sessionId } = viewer;
  if (userId === null || sessionId === null) throw unauthenticated();
  const token = vaultToken === null ? null : tokenBytes('vlt1', vaultToken);
  if (vaultToken === null || token === null) throw vaultLocked(vaultToken === null ? 'no_token' : 'malformed_token');
  const row = await find();
  const reason = row === undefined ? 'unknown_token' : reasonAgainst(row, sessionId);
  if (row === undefined || reason !== null) throw vaultLocked(reason ?? '');
  const { vault_id: vaultId, kit_key: kitKey, version, state, digest } = row;
  const keys = unwrapped(tools, token, { sessionId, userId, vaultId, version }, row.wrapped_key);
  try {
    demandState(keys, { vaultId, kitKey, state, digest });
  } catch (error) {
    keys.wipe();
    throw error;
  }
  if (row.is_stale) await em.execute('update vault_sessions set last_used_at = ? where id = ?', [tools.now(), row.id]);
  return { vaultId, kitKey, keyId: row.key_id, keys, vaultSessionId: row.id, userId, sessionId };
}

/** What the vault's row, the token's and the caller's tell, with more columns where they are wanted. */
function findSql(
  { tools: { vault, now } }: Scope,
  vaultToken: string | null,
  userId: string | null,
  more = 'null as value',
  moreValues: readonly unknown[] = [],
): { text: string; values: unknown[] } {
  const at = now();
  const roles = vaultRoles.map(() => '?').join(', ');
  return {
    text: `select w.id, w.session_id, w.wrapped_key, w.expires_at > ? and w.last_used_at > ? as is_in_time, w.last_used_at < ? as is_stale,
       v.id as vault_id, v.kit_key, v.state, k.id as key_id, k.version, ${digestSql} as digest,
       exists (select 1 from vault_grants g where g.user_id = ? and g.vault_key_id = k.id) as is_granted,
       exists (select 1 from user_roles a join roles r on r.id = a.role_id
         where a.user_id = ? and (a.expires_at is null or a.expires_at > ?) and r.based_on in (${roles})) as has_role, ${more}
     from vault_sessions w cross join vaults v join vault_keys k on k.state = 'active' where w.token_hash = ?`,
    values: [
      at,
      after(at, -vault.idleTtl),
      // The time of use is written now and then, and not each time: parallel uses would wait for one another.
      after(at, -vault.idleTtl / 20),
      userId,
      userId,
      at,
      ...vaultRoles,
      ...moreValues,
      hashToken(vaultToken ?? ''),
    ],
  };
}

function reasonAgainst(row: OpenRow, sessionId: string | null): string | null {
  if (row.session_id !== sessionId) return 'foreign_token';
  if (!row.is_in_time) return 'expired';
  if (!row.has_role) return 'no_role';
  return row.is_granted ? null : 'no_grant';
}

function unwrapped({ keyring }: Scope['tools'], token: Buffer, binding: WrapBinding, text: string): VaultKeys {
  try {
    return unwrapKeys(keyring, token, binding, text);
  } catch (error) {
    // Wrapped with a system key that is gone, or altered: the password opens the vault again.
    throw error instanceof SealError ? vaultLocked('unreadable') : error;
  } finally {
    token.fill(0);
  }
}
