import { AuditOutcome } from '../../entities/audit.ts';
import { VaultKeyState } from '../../entities/vault.ts';
import { hostClient, recordAudit } from '../audit/event.ts';
import { readKit } from '../crypto/kit.ts';
import { isOfActiveKid, reseal } from '../crypto/pair.ts';
import { SealError } from '../crypto/gcm.ts';
import { keepingKeys } from '../crypto/vault.ts';
import { pairOf, readPair, writePair, type StoredPair } from '../proof/stored-pair.ts';
import type { EntityScope, Scope } from '../scope.ts';
import { grantAll, grantsOf, isGranted, openGrants } from './grants.ts';
import { AlteredError, holdVault } from './state.ts';
import { OperatorError } from '../../errors.ts';

/** The parts of a scope that the vault commands on the host need. */
export type OperatorScope = Pick<Scope, 'em' | 'keyring' | 'now'>;

/** A vault command failed. The message says why. */
export class VaultError extends OperatorError {}

/** Counts of the vault that are visible without unlocking it. */
export interface VaultStatus {
  readonly isMade: boolean;
  readonly secrets: number;
  readonly people: number;
  readonly openVaults: number;
  /** The number of stored values under each version of the vault's key. */
  readonly values: readonly { readonly version: number; readonly state: string; readonly count: number }[];
  /**
   * The number of users' own keys under each system key, of the seal or of the mark. A partly renewed key counts under
   * both.
   */
  readonly pairs: readonly { readonly kid: string; readonly count: number }[];
}

/** Counts the data under each key. @param idleTtl seconds after which an unused vault locks itself. */
export async function statusOf({ em }: EntityScope, idleTtl: number, at: Date = new Date()): Promise<VaultStatus> {
  const count = async (text: string, values: unknown[] = []): Promise<number> =>
    (await em.execute<{ count: number }[]>(`select cast(count(*) as int) as count from ${text}`, values))[0]?.count ??
    0;
  return {
    isMade: (await count('vaults')) > 0,
    secrets: await count('secrets'),
    people: await count(
      `vault_grants g join vault_keys k on k.id = g.vault_key_id join users u on u.id = g.user_id
       where k.state = 'active' and u.deleted_at is null`,
    ),
    openVaults: await count('vault_sessions where expires_at > ? and last_used_at > ?', [
      at,
      new Date(at.valueOf() - idleTtl * 1000),
    ]),
    values: await em.execute(
      `select k.version, k.state, cast(count(v.id) as int) as count from vault_keys k left join secret_versions v on v.vault_key_id = k.id
       where k.state <> '${VaultKeyState.DESTROYED}' group by k.version, k.state order by k.version`,
    ),
    pairs: await em.execute(
      `select kid, cast(count(*) as int) as count from (select id, split_part(sealed_private_key, ':', 2) as kid from user_keys
        union select id, split_part(public_key_mac, '.', 1) from user_keys) hanging group by 1 order by 1`,
    ),
  };
}

/** Formats the status for the terminal. */
export function formatStatus({ isMade, secrets, people, openVaults, values, pairs }: VaultStatus): string {
  if (!isMade) return 'The vault does not exist yet.';
  const counted = (count: number, one: string, many: string): string => `${count} ${count === 1 ? one : many}`;
  return [
    `${counted(secrets, 'secret', 'secrets')}; ${counted(people, 'person has', 'people have')} access; ${openVaults} unlocked now.`,
    'Values by version of the vault key:',
    ...values.map(
      ({ version, state, count }) =>
        `  version ${version} (${state.replace('_', ' ')}): ${counted(count, 'value', 'values')}`,
    ),
    'User keys by system key:',
    ...pairs.map(({ kid, count }) => `  ${kid}: ${count}`),
  ].join('\n');
}

/**
 * Re-encrypts the vault keys of users with the active system key. Needs no passwords, and no user notices.
 * @returns how many were re-encrypted, and how many cannot be decrypted because their key is missing or they were
 * altered.
 */
export async function renewSystemSeals(scope: OperatorScope): Promise<{ renewed: number; unreadable: number }> {
  const done = { renewed: 0, unreadable: 0 };
  for (const { user_id: userId } of await scope.em.execute<{ user_id: string }[]>(
    'select user_id from user_keys order by user_id',
  )) {
    try {
      if (await renewPair(scope, userId)) done.renewed += 1;
    } catch (error) {
      if (!(error instanceof SealError || error instanceof AlteredError)) throw error;
      done.unreadable += 1;
    }
  }
  return done;
}

/** Re-encrypts one key by compare and swap: a concurrent password change may have re-encrypted it already. */
async function renewPair(scope: OperatorScope, userId: string): Promise<boolean> {
  const { keyring } = scope;
  const pair = await pairOf(scope, userId);
  if (pair === null) return false;
  const seal = readPair(keyring, pair);
  if (seal.isOfActiveKey && isOfActiveKid(keyring, pair.mark)) return false;
  return await writePair(scope, pair, reseal(keyring, seal));
}

/**
 * Gives a user access with the recovery kit, on the host. Needs no password: access is encrypted for the user's public
 * key.
 * @throws {VaultError} if this is not possible.
 */
export async function recoverFor(scope: OperatorScope, recoveryKit: string, username: string): Promise<void> {
  const kit = readKit(recoveryKit);
  if (kit === null) throw new VaultError('This is not a valid recovery kit. Check for wrong or missing characters.');
  try {
    await scope.em.transactional(async (em) => {
      const inner = { ...scope, em };
      await holdVault(inner);
      const [vault] = await em.execute<{ id: string; kit_key: string }[]>('select id, kit_key from vaults');
      if (vault === undefined)
        throw new VaultError('The vault does not exist yet. The owner creates it with createVault.');
      const grants = await grantsOf(inner, null);
      if (vault.kit_key !== kit.publicKey.toString('base64url') || !isGranted(grants))
        throw new VaultError('The recovery kit belongs to another vault.');
      const userId = await findActiveUser(inner, username);
      if (userId === null) throw new VaultError('No active user has that username.');
      const pair = await usablePair(inner, userId);
      if (pair === null)
        throw new VaultError(
          'The user has no vault key yet. It is created the next time they sign in with their password.',
        );
      await keepingKeys((keep) => grantAll(inner, vault.id, keep(openGrants(grants, vault.id, null, kit)), pair));
      const facts = {
        action: 'vault.recover',
        targetType: 'User',
        targetId: userId,
        outcome: AuditOutcome.SUCCEEDED,
      } as const;
      recordAudit(inner, {
        at: scope.now(),
        actor: null,
        sessionId: null,
        ...hostClient(),
        count: 1,
        ...facts,
      });
    });
  } finally {
    kit.privateKey.fill(0);
  }
}

/** Returns the id of the active user with this name. */
export async function findActiveUser({ em }: EntityScope, username: string): Promise<string | null> {
  const [user] = await em.execute<{ id: string }[]>(
    'select id from users where lower(username) = lower(cast(? as text) collate "C") and is_active and deleted_at is null',
    [username],
  );
  return user?.id ?? null;
}

/** Loads the key pair of a user. @throws {VaultError} if it cannot be decrypted. */
async function usablePair(scope: OperatorScope, userId: string): Promise<StoredPair | null> {
  try {
    const pair = await pairOf(scope, userId);
    if (pair !== null) readPair(scope.keyring, pair);
    return pair;
  } catch (error) {
    if (!(error instanceof SealError)) throw error;
    throw new VaultError(
      "The user's vault key cannot be decrypted: its system key is missing, or it was altered. " +
        'To get a new one, the user resets the password by mail and signs in.',
    );
  }
}
