import { Field, ObjectType } from 'type-graphql';
import { v7 as uuidv7 } from 'uuid';
import { UniqueConstraintViolationException } from '@mikro-orm/core';
import { Vault, VaultKey } from '../../entities/vault.ts';
import { badCredentials, conflict, unauthenticated, type Refusal } from '../../errors.ts';
import { recordChange } from '../audit/event.ts';
import { generateKit, writeKit } from '../crypto/kit.ts';
import { VaultKeys } from '../crypto/vault.ts';
import { addGrant } from './grants.ts';
import { pairOf, type StoredPair } from '../proof/stored-pair.ts';
import { writeState } from './state.ts';
import { ensurePair } from '../proof/key-pair.ts';
import { proveViewer, type ViewerProof } from '../proof/proof.ts';
import type { Scope } from '../scope.ts';

@ObjectType({ description: 'A new vault and its recovery kit.' })
export class VaultCreated {
  @Field(() => Vault, { description: 'The vault. It is locked until `unlockVault`.' })
  vault!: Vault;

  @Field(() => String, {
    description:
      'The recovery kit, which restores access when every password is lost. It is shown only once. Write ' +
      'it down and keep it apart from the server.',
  })
  recoveryKit: string;

  constructor(
    readonly vaultId: string,
    recoveryKit: string,
  ) {
    this.recoveryKit = recoveryKit;
  }
}

/**
 * Creates the vault and grants its key to the caller and to the recovery kit.
 * @throws CONFLICT if there is a vault; BAD_CREDENTIALS.
 */
export async function createVault(scope: Scope, password: string): Promise<VaultCreated> {
  if ((await scope.em.count(Vault, {}, { filters: false })) > 0) throw alreadyMade();
  const proved = await proveViewer(scope, { password }, { action: 'vault.create', path: '', asksCode: false });
  const pair = await ownPair(scope, password, proved);
  const [kit, bytes, vaultId] = [generateKit(), VaultKeys.generate(), uuidv7()];
  const recoveryKit = writeKit(kit.privateKey);
  kit.privateKey.fill(0);
  const isMade = await scope
    .transaction(async (tx) => {
      if (!(await proved.spend(tx))) return false;
      const kitKey = kit.publicKey.toString('base64url');
      const key = new VaultKey({ version: 1 });
      tx.em.persist(Object.assign(new Vault({ kitKey, state: '' }), { id: vaultId }));
      tx.em.persist(key);
      await tx.em.flush();
      for (const grantee of [pair, { userId: null, publicKey: kit.publicKey }])
        addGrant(tx, vaultId, { id: key.id, version: 1, bytes }, grantee);
      await writeState(tx, { vaultId, kitKey }, new VaultKeys(1, new Map([[1, bytes]])));
      recordChange(tx, { action: 'vault.create', targetType: 'Vault', targetId: vaultId });
      return true;
    })
    .catch(refuseTaken)
    .finally(() => bytes.fill(0));
  if (!isMade) throw badCredentials('spent_proof');
  return new VaultCreated(vaultId, recoveryKit);
}

/** Returns the caller's own key pair, and creates it if there is none. */
export async function ownPair(scope: Scope, password: string, { stored }: ViewerProof): Promise<StoredPair> {
  const { userId } = scope.viewer;
  if (userId === null) throw unauthenticated();
  await ensurePair(scope, userId, password, stored);
  const pair = await pairOf(scope, userId);
  if (pair === null) throw badCredentials('spent_proof');
  return pair;
}

const alreadyMade = (): Refusal => conflict('The vault already exists.');

/** Of concurrent calls, one creates the vault. */
function refuseTaken(error: unknown): never {
  throw error instanceof UniqueConstraintViolationException ? alreadyMade() : error;
}
