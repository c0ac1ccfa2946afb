import { AuditOutcome } from '../../entities/audit.ts';
import { Refusal } from '../../errors.ts';
import { recordRefusal } from '../audit/denial.ts';
import { recordChange } from '../audit/event.ts';
import { FernetError } from '../crypto/fernet.ts';
import { SealError } from '../crypto/gcm.ts';
import type { Scope } from '../scope.ts';
import { deleteSecret, renameSecret, restoreVersion } from './change.ts';
import { createVault } from './create.ts';
import { grantVaultAccess } from './grant.ts';
import { lockVault } from './lock.ts';
import { isUnlocked, withVault } from './open.ts';
import { demandName, ValueError } from './record.ts';
import { recoverVault } from './recover.ts';
import { revealSecret, withSecret } from './reveal.ts';
import { revokeVaultAccess } from './revoke.ts';
import { rotateVaultKey } from './rotate.ts';
import { AlteredError } from './state.ts';
import { storeSecret } from './store.ts';
import { unlockVault } from './unlock.ts';

/** The codes of refusals that are counted where they occur, as attempts, unless they name a reason. */
const countedElsewhere = new Set(['BAD_CREDENTIALS', 'RATE_LIMITED']);

/** Records every refusal of a use case in the audit log: one event per request within the limits, otherwise counted. */
const audited =
  <Args extends unknown[], Result>(action: string, useCase: (scope: Scope, ...args: Args) => Promise<Result>) =>
  async (scope: Scope, ...args: Args): Promise<Result> => {
    try {
      return await useCase(scope, ...args);
    } catch (error) {
      const reason = reasonOf(error);
      if (reason !== null)
        await recordVaultRefusal(scope, action, reason, error instanceof ValueError ? error.secretId : null);
      throw error;
    }
  };

/** Uses a connection of its own, because the transaction of the refused operation is rolled back. */
async function recordVaultRefusal(
  scope: Scope,
  action: string,
  reason: string,
  secretId: string | null,
): Promise<void> {
  const { viewer, client, now } = scope;
  const outcome = reason === 'altered' ? AuditOutcome.FAILED : AuditOutcome.DENIED;
  const facts = { action, reason, outcome, actorId: viewer.userId, sessionId: viewer.sessionId } as const;
  await recordRefusal({ ...scope, em: scope.em.fork() }, { facts, at: now(), client, count: 1, secretId });
}

/** Returns the reason for the audit log. Null if the error is counted elsewhere or is not a refusal. */
function reasonOf(error: unknown): string | null {
  if (error instanceof AlteredError || error instanceof SealError || error instanceof FernetError) return 'altered';
  if (!(error instanceof Refusal)) return null;
  if (typeof error.cause === 'string') return error.cause;
  return countedElsewhere.has(error.code) ? null : error.code.toLowerCase();
}

/** Records that the names of secrets were read. */
const list = <Named>(scope: Scope, name: () => Named): Promise<Named> =>
  scope.transaction((tx) =>
    withVault(tx, async ({ vaultId }) => {
      const named = name();
      recordChange(tx, { action: 'secret.list', targetType: 'Vault', targetId: vaultId });
      return named;
    }),
  );

/** Allows the names of all secrets to be read. @throws VAULT_LOCKED */
const demandUnlocked = (scope: Scope): Promise<void> => list(scope, () => undefined);

/** Allows one secret to be read. @returns its name as it would be stored. @throws VAULT_LOCKED; BAD_INPUT. */
const demandListed = (scope: Scope, keyName: string): Promise<string> =>
  list(scope, () => demandName(keyName, 'keyName'));

/** Returns the ids of the users with access. */
async function grantees({ em }: Scope): Promise<string[]> {
  const rows = await em.execute<{ id: string }[]>(
    `select g.user_id as id from vault_grants g join vault_keys k on k.id = g.vault_key_id join users u on u.id = g.user_id
     where k.state = 'active' and u.deleted_at is null order by g.created_at, g.id`,
  );
  return rows.map(({ id }) => id);
}

/**
 * Lets code of the service use a secret, for example to call another system. `use` gets the plaintext, which is zeroed
 * afterwards. The use is recorded first, like a reveal.
 * @throws VAULT_LOCKED; NOT_FOUND; errors of `use`, which are not recorded as refusals.
 */
export async function useSecret<Done>(
  scope: Scope,
  keyName: string,
  use: (value: Buffer) => Promise<Done>,
): Promise<Done> {
  const wanted = { keyName, version: null, action: 'secret.use' };
  const using = (own: Scope) =>
    withSecret(own, wanted, ({ value }) => Promise.allSettled([Promise.resolve(value).then(use)]));
  const [used] = await audited('secret.use', using)(scope);
  if (used.status === 'rejected') throw used.reason;
  return used.value;
}

/** The keys and passwords of the local. */
export const vault = {
  create: audited('vault.create', createVault),
  unlock: audited('vault.unlock', unlockVault),
  lock: audited('vault.lock', lockVault),
  recover: audited('vault.recover', recoverVault),
  store: audited('secret.store', storeSecret),
  reveal: audited('secret.reveal', revealSecret),
  rename: audited('secret.rename', renameSecret),
  restore: audited('secret.restore', restoreVersion),
  delete: audited('secret.delete', deleteSecret<unknown>),
  grant: audited('vault.grant', grantVaultAccess),
  revoke: audited('vault.revoke', revokeVaultAccess),
  rotate: audited('vault.rotate', rotateVaultKey),
  demandUnlocked: audited('secret.list', demandUnlocked),
  demandListed: audited('secret.list', demandListed),
  isUnlocked,
  grantees,
};
