import { Secret } from '../../entities/vault.ts';
import { User } from '../../entities/user.ts';
import { badInput, notFound } from '../../errors.ts';
import { recordChange } from '../audit/event.ts';
import { withVault, type OpenVault } from './open.ts';
import { addVersion, decryptValue, demandName, findValue, renewValue, valuesOf } from './record.ts';
import { holdVault, writeState } from './state.ts';
import { within, type Scope } from './tools.ts';

/**
 * Gives a secret another name. Every value of it is encrypted anew, as the name is part of the key of each.
 * @returns the name as it is stored. @throws VAULT_LOCKED; NOT_FOUND; BAD_INPUT, also for a name that is taken.
 */
export async function renameSecret(scope: Scope, keyName: string, newKeyName: string): Promise<string> {
  return change(scope, 'secret.rename', keyName, async (inner, vault, secret) => {
    const { em, tools } = inner;
    const name = demandName(newKeyName, 'newKeyName');
    if (name === secret.keyName) return name;
    if ((await em.count(Secret, { keyName: name }, { filters: false })) > 0) throw badInput({ path: 'newKeyName', message: 'is taken' });
    for (const value of await valuesOf(em, secret.id)) await renewValue(em, vault, value, name, tools.now());
    secret.keyName = name;
    return name;
  });
}

/**
 * Makes an earlier value the current one, as a new version: nothing is lost by it.
 * @returns the secret's name. @throws VAULT_LOCKED; NOT_FOUND where there is no such secret or version.
 */
export async function restoreVersion(scope: Scope, keyName: string, version: number): Promise<string> {
  return change(scope, 'secret.restore', keyName, async ({ em, tools }, vault, secret) => {
    const plaintext = decryptValue(vault.vaultId, vault.keys, await findValue(em, secret.keyName, version));
    secret.version += 1;
    await em.flush();
    await addVersion(em, vault, secret, plaintext, { at: tools.now(), versionsKept: tools.vault.versionsKept });
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
  const { em, tools, viewer, client } = scope;
  return em.transactional(async (transaction) => {
    await holdVault(transaction);
    return withVault(within(scope, transaction), async (vault) => {
      const secret = await transaction.findOne(Secret, { keyName: demandName(keyName, 'keyName') }, { filters: false });
      if (secret === null) throw notFound();
      secret.updatedBy = transaction.getReference(User, vault.userId, { wrapped: true });
      secret.updatedAt = tools.now();
      const done = await act(within(scope, transaction), vault, secret);
      recordChange({ em: transaction, ...tools, viewer, client }, { action, targetType: 'Secret', targetId: secret.id });
      await writeState(transaction, vault, vault.keys);
      return done;
    });
  });
}
