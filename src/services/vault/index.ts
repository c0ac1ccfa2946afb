import type { SqlEntityManager } from '@mikro-orm/postgresql';
import { AuditOutcome } from '../../entities/audit.ts';
import type { Viewer } from '../../entities/viewer.ts';
import { Refusal } from '../../errors.ts';
import { recordRefusal } from '../audit/denial.ts';
import { recordChange } from '../audit/event.ts';
import { FernetError } from '../crypto/fernet.ts';
import { SealError } from '../crypto/seal.ts';
import { deleteSecret, renameSecret, restoreVersion } from './change.ts';
import { createVault, type VaultCreated } from './create.ts';
import { grantVaultAccess } from './grant.ts';
import { lockVault } from './lock.ts';
import { isUnlocked, withVault } from './open.ts';
import { demandName, ValueError } from './record.ts';
import { recoverVault } from './recover.ts';
import { revealSecret, withSecret, type RevealedSecret } from './reveal.ts';
import { revokeVaultAccess } from './revoke.ts';
import { rotateVaultKey } from './rotate.ts';
import { AlteredError } from './state.ts';
import { storeSecret, type StoreSecretInput } from './store.ts';
import { RequestScope, within, type Client, type Scope, type Storage, type VaultTools } from './tools.ts';
import { unlockVault, type VaultToken } from './unlock.ts';

export { VaultCreated } from './create.ts';
export { RevealedSecret } from './reveal.ts';
export { StoreSecretInput } from './store.ts';
export { VaultToken } from './unlock.ts';
export { importSecrets, readForeign, wipe } from './import.ts';
export { recoverFor, renewSystemSeals, statusOf, tellStatus } from './operator.ts';
export type { Proofs, VaultRules, VaultTools } from './tools.ts';

/** Refusals that are counted where they are made, as attempts are, unless they say why they were made. */
const countedElsewhere = new Set(['BAD_CREDENTIALS', 'RATE_LIMITED']);

/** The keys and passwords of the local. Every refusal is in the audit log: one event per request within the limits, or counted. */
export class VaultService {
  constructor(
    private readonly storage: Storage,
    private readonly tools: VaultTools,
    private readonly viewer: Viewer,
    private readonly vaultToken: string | null,
  ) {}

  /** @throws CONFLICT where there is a vault; BAD_CREDENTIALS; BAD_INPUT; RATE_LIMITED. */
  create(password: string, client: Client): Promise<VaultCreated> {
    return this.audited('vault.create', client, (scope) => createVault(scope, password));
  }

  /** @throws CONFLICT where there is no vault, or no access to it; BAD_CREDENTIALS; BAD_INPUT; RATE_LIMITED. */
  unlock(password: string, code: string | null, client: Client): Promise<VaultToken> {
    return this.audited('vault.unlock', client, (scope) => unlockVault(scope, password, code));
  }

  /** @returns the vault's id. @throws CONFLICT where there is no vault. */
  lock(client: Client): Promise<string> {
    return this.audited('vault.lock', client, lockVault);
  }

  /** @throws CONFLICT where there is no vault; BAD_CREDENTIALS; BAD_INPUT; RATE_LIMITED. */
  recover(recoveryKit: string, password: string, client: Client): Promise<VaultToken> {
    return this.audited('vault.recover', client, (scope) => recoverVault(scope, recoveryKit, password));
  }

  /** @returns the secret's name. @throws VAULT_LOCKED; BAD_INPUT; CONFLICT. */
  store(input: StoreSecretInput, client: Client): Promise<string> {
    return this.audited('secret.store', client, (scope) => storeSecret(scope, input));
  }

  /** @throws VAULT_LOCKED; NOT_FOUND; BAD_INPUT. */
  reveal(keyName: string, version: number | null, client: Client): Promise<RevealedSecret> {
    return this.audited('secret.reveal', client, (scope) => revealSecret(scope, keyName, version));
  }

  /** @returns the secret's new name. @throws VAULT_LOCKED; NOT_FOUND; BAD_INPUT. */
  rename(keyName: string, newKeyName: string, client: Client): Promise<string> {
    return this.audited('secret.rename', client, (scope) => renameSecret(scope, keyName, newKeyName));
  }

  /** @returns the secret's name. @throws VAULT_LOCKED; NOT_FOUND; BAD_INPUT. */
  restore(keyName: string, version: number, client: Client): Promise<string> {
    return this.audited('secret.restore', client, (scope) => restoreVersion(scope, keyName, version));
  }

  /** @param before what is answered of that name, read while it is there. @throws VAULT_LOCKED; NOT_FOUND; BAD_INPUT. */
  delete<Row>(keyName: string, client: Client, before: (keyName: string) => Promise<Row>): Promise<Row> {
    return this.audited('secret.delete', client, (scope) => deleteSecret(scope, keyName, before));
  }

  /** @returns the vault's id. @throws VAULT_LOCKED; NOT_FOUND; CONFLICT; BAD_INPUT. */
  grant(userId: string, client: Client): Promise<string> {
    return this.audited('vault.grant', client, (scope) => grantVaultAccess(scope, userId));
  }

  /** @returns the vault's id. @throws VAULT_LOCKED; NOT_FOUND; CONFLICT; BAD_INPUT. */
  revoke(userId: string, client: Client): Promise<string> {
    return this.audited('vault.revoke', client, (scope) => revokeVaultAccess(scope, userId));
  }

  /** @returns the vault's id. @throws VAULT_LOCKED */
  rotate(client: Client): Promise<string> {
    return this.audited('vault.rotate', client, rotateVaultKey);
  }

  /**
   * Lets code inside the service use a secret, as the adapter of an integrator does: the plaintext is handed to `use`, and
   * zeroed when that is done. It is written down before, like every reveal. What a machine needs with no person present
   * is configuration, and no secret of the vault.
   * @throws VAULT_LOCKED; NOT_FOUND; what `use` throws, which is no refusal of the vault.
   */
  async useSecret<Done>(vaultToken: string, keyName: string, use: (value: Buffer) => Promise<Done>, client: Client): Promise<Done> {
    const wanted = { keyName, version: null, action: 'secret.use' };
    const [used] = await this.audited('secret.use', client, () =>
      withSecret(this.scope(client, vaultToken), wanted, ({ value }) => Promise.allSettled([Promise.resolve(value).then(use)])),
    );
    if (used.status === 'rejected') throw used.reason;
    return used.value;
  }

  /** Lets the names of the secrets be read. @throws VAULT_LOCKED */
  demandUnlocked(client: Client): Promise<void> {
    return this.listed(client, () => undefined);
  }

  /** The same for one secret. @returns its name as it would be stored. @throws VAULT_LOCKED; BAD_INPUT. */
  demandListed(keyName: string, client: Client): Promise<string> {
    return this.listed(client, () => demandName(keyName, 'keyName'));
  }

  /** Whether the token that came with the request opens the vault. */
  isUnlocked(client: Client): Promise<boolean> {
    return isUnlocked(this.scope(client));
  }

  /** The ids of the users who have access. */
  async grantees(): Promise<string[]> {
    const rows = await this.em.execute<{ id: string }[]>(
      `select g.user_id as id from vault_grants g join vault_keys k on k.id = g.vault_key_id join users u on u.id = g.user_id
       where k.state = 'active' and u.deleted_at is null order by g.created_at, g.id`,
    );
    return rows.map(({ id }) => id);
  }

  private listed<Named>(client: Client, name: () => Named): Promise<Named> {
    return this.audited('secret.list', client, (scope) =>
      this.em.transactional((transaction) =>
        withVault(within(scope, transaction), async ({ vaultId }) => {
          const named = name();
          recordChange(
            { em: transaction, ...this.tools, viewer: this.viewer, client },
            { action: 'secret.list', targetType: 'Vault', targetId: vaultId },
          );
          return named;
        }),
      ),
    );
  }

  private scope(client: Client, vaultToken = this.vaultToken): Scope {
    return new RequestScope(this.storage, this.tools, this.viewer, client, vaultToken);
  }

  private get em(): SqlEntityManager {
    return this.storage.em;
  }

  /** Does something, and writes down where it is refused: on its own, as what was begun is undone. */
  private async audited<Done>(action: string, client: Client, act: (scope: Scope) => Promise<Done>): Promise<Done> {
    try {
      return await act(this.scope(client));
    } catch (error) {
      const reason = reasonOf(error);
      if (reason !== null) await this.recordRefusal(action, reason, error instanceof ValueError ? error.secretId : null, client);
      throw error;
    }
  }

  private async recordRefusal(action: string, reason: string, secretId: string | null, client: Client): Promise<void> {
    const { userId: actorId, sessionId } = this.viewer;
    const outcome = reason === 'altered' ? AuditOutcome.FAILED : AuditOutcome.DENIED;
    const facts = { action, reason, outcome, actorId, sessionId } as const;
    await recordRefusal(this.em.fork(), this.tools, { facts, at: this.tools.now(), requester: client, count: 1, secretId });
  }
}

/** Why, in the words of the audit log; null for what is counted elsewhere, or is no refusal. */
function reasonOf(error: unknown): string | null {
  if (error instanceof AlteredError || error instanceof SealError || error instanceof FernetError) return 'altered';
  if (!(error instanceof Refusal)) return null;
  if (typeof error.cause === 'string') return error.cause;
  return countedElsewhere.has(error.code) ? null : error.code.toLowerCase();
}
