import { Secret } from '../../entities/vault.ts';
import { User } from '../../entities/user.ts';
import { badInput, notFound } from '../../errors.ts';
import { recordChange } from '../audit/event.ts';
import { withVault, type OpenVault } from './open.ts';
import { addVersion, decryptValue, demandName, findValue, renewValue, valuesOf } from './record.ts';
import { holdVault, writeState } from './state.ts';
import type { Scope } from '../scope.ts';

/**
 * Gives a secret another name. Every value of it is encrypted anew, as the name is part of the key of each.
 * @returns the name as it is stored. @throws VAULT_LOCKED; NOT_FOUND; BAD_INPUT, also for a name that is taken.
 */
export async function renameSecret(scope: Scope, keyName: string, newKeyName: string): Promise<string> {
  return change(scope, 'secret.rename', keyName, async (inner, vault, secret) => {
    const { em } = inner;
    const name = demandName(newKeyName, 'newKeyName');
    if (name === secret.keyName) return name;
    if ((await em.count(Secret, { keyName: name }, { filters: false })) > 0) throw badInput({ path: 'newKeyName', message: 'is taken' });
    for (const value of await valuesOf(inner, secret.id)) await renewValue(inner, vault, value, { keyName: name, at: scope.now() });
    secret.keyName = name;
    return name;
  });
}

/**
 * Makes an earlier value the current one, as a new version: nothing is lost by it.
 * @returns the secret's name. @throws VAULT_LOCKED; NOT_FOUND where there is no such secret or version.
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
 * Deletes a secret with all its versions, for good.
 * @param before what is answered of that name, read while it is there. @throws VAULT_LOCKED; NOT_FOUND; BAD_INPUT.
 */
export async function deleteSecret<Row>(scope: Scope, keyName: string, before: (keyName: string) => Promise<Row>): Promise<Row> {
  const name = await withVault(scope, async () => demandName(keyName, 'keyName'));
  const row = await before(name);
  await change(scope, 'secret.delete', name, async ({ em }, _vault, secret) => {
    em.remove(secret);
    await em.flush();
  });
  return row;
}

/** One transaction: the vault is held and open, the secret is there, and what is stored is marked afterwards. */
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
