import { badCredentials, badInput, unauthenticated } from '../../errors.ts';
import { readKit } from '../crypto/kit.ts';
import type { KeyPair } from '../crypto/box.ts';
import { keepingKeys } from '../crypto/vault.ts';
import { ownPair } from './create.ts';
import { SealError } from '../crypto/gcm.ts';
import { dropPair, readPair, type StoredPair } from '../proof/stored-pair.ts';
import { grantAll, grantsOf, isGranted, openGrants } from './grants.ts';
import { holdVault } from './state.ts';
import { proveViewer, type ViewerProof } from '../proof/proof.ts';
import type { Scope } from '../scope.ts';
import { beginSession, demandVault, lasting, type VaultToken } from './unlock.ts';

/**
 * Grants the caller access to the vault with the recovery kit, and unlocks it. The kit stays valid.
 * @throws BAD_INPUT if the kit is malformed; BAD_CREDENTIALS for another vault's kit or a wrong password; CONFLICT if
 * there is no vault; RATE_LIMITED.
 */
export async function recoverVault(scope: Scope, recoveryKit: string, password: string): Promise<VaultToken> {
  const { userId } = scope.viewer;
  if (userId === null) throw unauthenticated();
  const vaultId = await demandVault(scope);
  const kit = readKit(recoveryKit);
  if (kit === null)
    throw badInput({
      path: 'recoveryKit',
      message: 'is not a valid recovery kit: check for wrong or missing characters',
    });
  try {
    const proved = await proveViewer(scope, { password }, { action: 'vault.recover', path: '', asksCode: false });
    await demandKitOf(scope, kit);
    const pair = await usablePair(scope, userId, password, proved);
    return await keepingKeys(async (keep) => {
      const { keys, token } = await scope.transaction(async (tx) => {
        if (!(await proved.spend(tx))) throw badCredentials('spent_proof');
        await holdVault(tx);
        const keys = keep(openGrants(await grantsOf(tx, null), vaultId, null, kit));
        await grantAll(tx, vaultId, keys, pair);
        return { keys, token: await beginSession(tx, keys, 'vault.recover') };
      });
      return lasting(scope, vaultId, keys, token);
    });
  } finally {
    kit.privateKey.fill(0);
  }
}

/** Returns the caller's own key pair. Replaces it if it cannot be decrypted, because the kit restores every grant. */
async function usablePair(scope: Scope, userId: string, password: string, proved: ViewerProof): Promise<StoredPair> {
  try {
    const pair = await ownPair(scope, password, proved);
    readPair(scope.keyring, pair);
    return pair;
  } catch (error) {
    if (!(error instanceof SealError)) throw error;
    await scope.transaction((tx) => dropPair(tx, userId));
    return ownPair(scope, password, proved);
  }
}

async function demandKitOf(scope: Scope, kit: KeyPair): Promise<void> {
  const found = await scope.em.execute<object[]>('select id from vaults where kit_key = ?', [
    kit.publicKey.toString('base64url'),
  ]);
  if (found.length === 0 || !isGranted(await grantsOf(scope, null))) throw badCredentials('another_kit');
}
