import type { OneTimeToken } from '../../entities/account.ts';
import { isLive } from '../../entities/session.ts';
import type { Keyring } from '../crypto/keyring.ts';
import { mailedToken } from '../crypto/mailed.ts';
import { isOfActiveKey, seal } from '../crypto/seal.ts';
import { hashToken } from '../crypto/token.ts';
import { seedPurpose, withSeed } from '../proof/second-factor.ts';
import type { EntityScope, Scope } from '../scope.ts';

/** How much stored data depends on one system key. */
export interface KeyUse {
  readonly kid: string;
  /** The active key protects new data, and kept keys only read old data. Data of a missing key cannot be used. */
  readonly state: 'active' | 'kept' | 'gone';
  readonly counts: Readonly<Record<KeyedKind, number>>;
}

export type KeyedKind = (typeof kinds)[number];

const kinds = [
  'sessions',
  'passwords',
  'TOTP seeds',
  'backup codes',
  'mailed tokens',
  'idempotency keys',
  'vault keys',
  'open vaults',
  'audit events',
  'audit seals',
] as const;

/**
 * Counts the usable data per system key: active sessions, passwords and second factors of users who are not deleted,
 * unexpired mailed tokens and idempotency keys, and all audit events and seals. Verifying the audit log needs the keys
 * that made it.
 */
export async function countKeys(scope: Pick<Scope, 'em' | 'keyring'>, at: Date): Promise<KeyUse[]> {
  const found: (readonly [KeyedKind, ReadonlyMap<string, number>])[] = [];
  for (const [kind, text] of Object.entries(countings) as [Exclude<KeyedKind, 'mailed tokens'>, string][])
    found.push([
      kind,
      await count(
        scope,
        text,
        Array.from({ length: text.split('?').length - 1 }, () => at),
      ),
    ]);
  found.push(['mailed tokens', await countMailed(scope, at)]);
  const { keyring } = scope;
  const kids = new Set([...keyring.kids, ...found.flatMap(([, counts]) => [...counts.keys()])]);
  return [...kids].map((kid) => ({
    kid,
    state: kid === keyring.active ? 'active' : keyring.has(kid) ? 'kept' : 'gone',
    counts: Object.fromEntries(found.map(([kind, counts]) => [kind, counts.get(kid) ?? 0])) as Record<
      KeyedKind,
      number
    >,
  }));
}

/** Formats the counts as a table with one line per key. */
export function formatKeyUses(uses: readonly KeyUse[]): string {
  const rows = uses.map(({ kid, state, counts }) => [kid, state, ...kinds.map((kind) => String(counts[kind]))]);
  const table = [['key', 'is', ...kinds], ...rows];
  const widths = table.reduce<number[]>((most, row) => row.map((cell, at) => Math.max(cell.length, most[at] ?? 0)), []);
  return table
    .map((row) =>
      row.map((cell, at) => (at < 2 ? cell.padEnd(widths[at] ?? 0) : cell.padStart(widths[at] ?? 0))).join('  '),
    )
    .join('\n');
}

/**
 * Re-encrypts the TOTP seeds with the active system key. Needs no user, and no user notices.
 * @returns how many were re-encrypted, and how many cannot be decrypted because their key is missing or they were
 * altered.
 */
export async function renewSeeds(
  scope: Pick<Scope, 'em' | 'keyring' | 'now'>,
): Promise<{ renewed: number; unreadable: number }> {
  const { em, keyring, now } = scope;
  const done = { renewed: 0, unreadable: 0 };
  const rows = await em.execute<SeedRow[]>('select id, user_id, sealed_seed from totp_credentials order by id');
  for (const { id, user_id: userId, sealed_seed: sealed } of rows) {
    if (isOfActiveKey(keyring, sealed)) continue;
    const resealed = withSeed(keyring, userId, sealed, (seed) => seal(keyring, seedPurpose, [userId], seed));
    if (resealed === null) done.unreadable += 1;
    // compare and swap: a concurrent sign-in may have re-encrypted the seed, or a new factor may have replaced it
    else if (await replaceSeed(scope, { id, from: sealed, to: resealed }, now())) done.renewed += 1;
  }
  return done;
}

interface SeedRow {
  id: string;
  user_id: string;
  sealed_seed: string;
}

async function replaceSeed(
  { em }: EntityScope,
  { id, from, to }: { readonly id: string; readonly from: string; readonly to: string },
  at: Date,
): Promise<boolean> {
  const text =
    'update totp_credentials set sealed_seed = ?, updated_at = ? where id = ? and sealed_seed = ? returning id';
  return (await em.execute<object[]>(text, [to, at, id, from])).length === 1;
}

/** SQL that counts data per key. Imported password hashes depend on no key until their users sign in. */
const countings: Readonly<Record<Exclude<KeyedKind, 'mailed tokens'>, string>> = {
  sessions: `select refresh_kid as kid, cast(count(*) as int) as count from sessions s
    where ${isLive('s', '?')} group by 1`,
  passwords: `select split_part(password_hash, ':', 2) as kid, cast(count(*) as int) as count from users
    where password_hash like 'pepper-v1:%' and deleted_at is null group by 1`,
  'TOTP seeds': `select split_part(c.sealed_seed, ':', 2) as kid, cast(count(*) as int) as count
    from totp_credentials c join users u on u.id = c.user_id where u.deleted_at is null group by 1`,
  'backup codes': `select split_part(c.code_hash, ':', 2) as kid, cast(count(*) as int) as count
    from backup_codes c join users u on u.id = c.user_id where c.used_at is null and u.deleted_at is null group by 1`,
  'idempotency keys': `select split_part(digest, '.', 1) as kid, cast(count(*) as int) as count
    from idempotency_keys where expires_at > ? group by 1`,
  // each vault key of a user depends on the key of its seal and on the key of the MAC of its public half
  'vault keys': `select h.kid, cast(count(*) as int) as count
    from (select k.id, split_part(k.sealed_private_key, ':', 2) as kid from user_keys k join users u on u.id = k.user_id where u.deleted_at is null
      union select k.id, split_part(k.public_key_mac, '.', 1) from user_keys k join users u on u.id = k.user_id where u.deleted_at is null) h
    group by 1`,
  'open vaults': `select split_part(w.wrapped_key, ':', 2) as kid, cast(count(*) as int) as count
    from vault_sessions w where w.expires_at > ? group by 1`,
  'audit events': `select split_part(mac, '.', 1) as kid, cast(count(*) as int) as count from audit_events group by 1`,
  'audit seals': `select kid, cast(count(*) as int) as count from
    (select kid from audit_seals union all select kid from audit_archives) as sealed group by 1`,
};

async function count({ em }: EntityScope, text: string, values: readonly unknown[]): Promise<Map<string, number>> {
  const rows = await em.execute<{ kid: string; count: number }[]>(text, [...values]);
  return new Map(rows.map(({ kid, count: found }) => [kid, found]));
}

interface MailedRow {
  id: string;
  user_id: string;
  type: OneTimeToken['type'];
  token_hash: string;
}

/** Counts mailed tokens. Only their hashes are stored, so each key is tried until one recreates the token. */
async function countMailed({ em, keyring }: Pick<Scope, 'em' | 'keyring'>, at: Date): Promise<Map<string, number>> {
  const rows = await em.execute<MailedRow[]>(
    'select id, user_id, type, token_hash from one_time_tokens where used_at is null and expires_at > ?',
    [at],
  );
  const counts = new Map<string, number>();
  for (const row of rows) {
    const kid = keyring.kids.find((each) => isMadeWith(keyring, each, row)) ?? '(unknown)';
    counts.set(kid, (counts.get(kid) ?? 0) + 1);
  }
  return counts;
}

function isMadeWith(keyring: Keyring, kid: string, { id, user_id: userId, type, token_hash }: MailedRow): boolean {
  return hashToken(mailedToken(keyring, kid, type, { id, userId })) === token_hash;
}
