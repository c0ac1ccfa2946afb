import { Secret } from '../../entities/vault.ts';
import { User } from '../../entities/user.ts';
import { badInput, notFound } from '../../errors.ts';
import { recordChange } from '../audit/event.ts';
import { withVault, type OpenVault } from './open.ts';
import { addVersion, decryptValue, demandName, findValue, renewValue, valuesOf } from './record.ts';
import { holdVault, writeState } from './state.ts';
import type { Scope } from '../scope.ts';

/**
 * Renames a secret. Encrypts all its values again, because the name is part of each value's key.
 * @returns the name as it is stored.
 * @throws VAULT_LOCKED; NOT_FOUND; BAD_INPUT, also if the name is taken.
 */
export async function renameSecret(scope: Scope, keyName: string, newKeyName: string): Promise<string> {
  return change(scope, 'secret.rename', keyName, async (inner, vault, secret) => {
    const { em } = inner;
    const name = demandName(newKeyName, 'newKeyName');
    if (name === secret.keyName) return name;
    if ((await em.count(Secret, { keyName: name }, { filters: false })) > 0)
      throw badInput({ path: 'newKeyName', message: 'is taken' });
    for (const value of await valuesOf(inner, secret.id))
      await renewValue(inner, vault, value, { keyName: name, at: scope.now() });
    secret.keyName = name;
    return name;
  });
}

/**
 * Makes an earlier value the current one, by adding it as a new version.
 * @returns the secret's name.
 * @throws VAULT_LOCKED; NOT_FOUND if the secret or the version does not exist.
 */
export async function restoreVersion(scope: Scope, keyName: string, version: number): Promise<string> {
  return change(scope, 'secret.restore', keyName, async (inner, vault, secret) => {
    const plaintext = decryptValue(vault.vaultId, vault.keys, await findValue(inner, secret.keyName, version));
    secret.version += 1;
    await inner.em.flush();
    await addVersion(inner, vault, secret, { plaintext, at: scope.now(), versionsKept: scope.vault.versionsKept });
    plaintext.fill(0);
    return secret.keyName;
  });
}

/**
 * Permanently deletes a secret with all its versions.
 * @param before reads the answer while the secret still exists.
 * @throws VAULT_LOCKED; NOT_FOUND; BAD_INPUT.
 */
export async function deleteSecret<Row>(
  scope: Scope,
  keyName: string,
  before: (keyName: string) => Promise<Row>,
): Promise<Row> {
  const name = await withVault(scope, async () => demandName(keyName, 'keyName'));
  const row = await before(name);
  await change(scope, 'secret.delete', name, async ({ em }, _vault, secret) => {
    em.remove(secret);
    await em.flush();
  });
  return row;
}

/**
 * Runs a change in one transaction: locks and opens the vault, finds the secret, and marks the new state afterwards.
 */
async function change<Done>(
  scope: Scope,
  action: string,
  keyName: string,
  act: (inner: Scope, vault: OpenVault, secret: Secret) => Promise<Done>,
): Promise<Done> {
  return scope.transaction(async (tx) => {
    await holdVault(tx);
    return withVault(tx, async (vault) => {
      const secret = await tx.em.findOne(Secret, { keyName: demandName(keyName, 'keyName') }, { filters: false });
      if (secret === null) throw notFound();
      secret.updatedBy = tx.em.getReference(User, vault.userId, { wrapped: true });
      secret.updatedAt = scope.now();
      const done = await act(tx, vault, secret);
      recordChange(tx, { action, targetType: 'Secret', targetId: secret.id });
      await writeState(tx, vault, vault.keys);
      return done;
    });
  });
}
