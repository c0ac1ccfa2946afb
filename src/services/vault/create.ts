import { Field, ObjectType } from 'type-graphql';
import { v7 as uuidv7 } from 'uuid';
import { UniqueConstraintViolationException } from '@mikro-orm/core';
import { Vault, VaultKey } from '../../entities/vault.ts';
import { badCredentials, conflict, unauthenticated, type Refusal } from '../../errors.ts';
import { recordChange } from '../audit/event.ts';
import { generateKit, writeKit } from '../crypto/kit.ts';
import { VaultKeys } from '../crypto/vault.ts';
import { addGrant } from './grants.ts';
import { pairOf, type StoredPair } from '../pair.ts';
import { writeState } from './state.ts';
import type { Proved, Scope } from './tools.ts';

@ObjectType({ description: 'A vault that was just made, and its recovery kit.' })
export class VaultCreated {
  @Field(() => Vault, { description: 'The vault; it is locked until it is unlocked.' })
  vault!: Vault;

  @Field(() => String, {
    description:
      'Opens the vault when every password is lost. It is shown this one time and kept nowhere: write it down, and keep it apart from the server.',
  })
  recoveryKit: string;

  constructor(
    readonly vaultId: string,
    recoveryKit: string,
  ) {
    this.recoveryKit = recoveryKit;
  }
}

/** Makes the vault: its key, granted to who asks and to the recovery kit. @throws CONFLICT where there is one; BAD_CREDENTIALS. */
export async function createVault(scope: Scope, password: string): Promise<VaultCreated> {
  const { em, tools, viewer, client } = scope;
  if ((await em.count(Vault, {}, { filters: false })) > 0) throw alreadyMade();
  const proved = await tools.proofs.prove(em, viewer, { password }, { action: 'vault.create', client }, { path: '', asksCode: false });
  const pair = await ownPair(scope, password, proved);
  const [kit, bytes, vaultId] = [generateKit(), VaultKeys.generate(), uuidv7()];
  const recoveryKit = writeKit(kit.privateKey);
  kit.privateKey.fill(0);
  const isMade = await em
    .transactional(async (transaction) => {
      if (!(await proved.spend(transaction))) return false;
      const kitKey = kit.publicKey.toString('base64url');
      const key = new VaultKey({ version: 1 });
      transaction.persist(Object.assign(new Vault({ kitKey, state: '' }), { id: vaultId }));
      transaction.persist(key);
      await transaction.flush();
      for (const grantee of [pair, { userId: null, publicKey: kit.publicKey }])
        addGrant(transaction, vaultId, { id: key.id, version: 1, bytes }, grantee);
      await writeState(transaction, { vaultId, kitKey }, new VaultKeys(1, new Map([[1, bytes]])));
      recordChange(transaction, tools, viewer, client, { action: 'vault.create', targetType: 'Vault', targetId: vaultId });
      return true;
    })
    .catch(refuseTaken)
    .finally(() => bytes.fill(0));
  if (!isMade) throw badCredentials('spent_proof');
  return new VaultCreated(vaultId, recoveryKit);
}

/** The caller's own key pair, made now where there is none. */
export async function ownPair({ em, tools, viewer }: Scope, password: string, { stored }: Proved): Promise<StoredPair> {
  const { userId } = viewer;
  if (userId === null) throw unauthenticated();
  await tools.proofs.ensurePair(em, userId, password, stored);
  const pair = await pairOf(em, tools.keyring, userId);
  if (pair === null) throw badCredentials('spent_proof');
  return pair;
}

const alreadyMade = (): Refusal => conflict('The vault already exists.');

/** Of several who make it at once, one does. */
function refuseTaken(error: unknown): never {
  throw error instanceof UniqueConstraintViolationException ? alreadyMade() : error;
}
