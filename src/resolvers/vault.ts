import type { GraphQLResolveInfo } from 'graphql';
import { Arg, Ctx, FieldResolver, ID, Info, Int, Mutation, Query, Resolver, Root } from 'type-graphql';
import type { Context } from '../context.ts';
import { Person } from '../entities/user.ts';
import { Secret, Vault } from '../entities/vault.ts';
import { VaultCreated } from '../services/vault/create.ts';
import { RevealedSecret } from '../services/vault/reveal.ts';
import { StoreSecretInput } from '../services/vault/store.ts';
import { VaultToken } from '../services/vault/unlock.ts';

const keyNameOptions = { description: "The secret's name." };

@Resolver(Vault)
export class VaultResolver {
  @Query(() => Vault, { nullable: true, description: 'The vault; null until one was created.' })
  async vault(@Ctx() { read }: Context, @Info() info: GraphQLResolveInfo) {
    return (await read.all(Vault, { property: 'createdAt', direction: 'ASC' }, info))[0] ?? null;
  }

  @Query(() => [Secret], {
    nullable: true,
    description: 'The names of all secrets, and never a value. Needs an unlocked vault, and is written down.',
  })
  async secrets(@Ctx() { vault, read }: Context, @Info() info: GraphQLResolveInfo) {
    await vault.demandUnlocked();
    return read.all(Secret, { property: 'keyName', direction: 'ASC' }, info);
  }

  @Query(() => Secret, { nullable: true, description: 'One secret, without its value. Needs an unlocked vault, and is written down.' })
  async secret(
    @Ctx() { vault, read }: Context,
    @Arg('keyName', () => String, keyNameOptions) keyName: string,
    @Info() info: GraphQLResolveInfo,
  ) {
    return read.one(Secret, { keyName: await vault.demandListed(keyName) }, info);
  }

  @Mutation(() => VaultCreated, {
    description:
      'Makes the vault, once, by the owner. The recovery kit is shown this one time. Needs a fresh proof of who it is, and the password.',
  })
  createVault(@Ctx() { vault }: Context, @Arg('password', () => String, { description: 'The own password.' }) password: string) {
    return vault.create(password);
  }

  @Mutation(() => VaultToken, {
    description: 'Unlocks the vault for this session. Counts as a fresh proof of who it is. Send the token in the header x-vault-token.',
  })
  unlockVault(
    @Ctx() { vault }: Context,
    @Arg('password', () => String, { description: 'The own password.' }) password: string,
    @Arg('code', () => String, { nullable: true, description: 'A code, where the account has a second factor.' }) code: string | null,
  ) {
    return vault.unlock(password, code ?? null);
  }

  @Mutation(() => Vault, { description: 'Locks the vault for this session, whatever tokens it has.' })
  async lockVault(@Ctx() { vault, read }: Context, @Info() info: GraphQLResolveInfo) {
    return read.one(Vault, { id: await vault.lock() }, info);
  }

  @Mutation(() => VaultToken, {
    description:
      'Restores access with the recovery kit, for an admin, and unlocks the vault. Needs a fresh proof of who it is, and the password.',
  })
  recoverVault(
    @Ctx() { vault }: Context,
    @Arg('recoveryKit', () => String, { description: 'The kit that was shown when the vault was made.' }) recoveryKit: string,
    @Arg('password', () => String, { description: 'The own password, as it is now.' }) password: string,
  ) {
    return vault.recover(recoveryKit, password);
  }

  @Mutation(() => Secret, { description: 'Stores a value, as a new secret or as a new version of one.' })
  async storeSecret(
    @Ctx() { vault, read }: Context,
    @Arg('input', () => StoreSecretInput, { description: 'The name, and the value.' }) input: StoreSecretInput,
    @Info() info: GraphQLResolveInfo,
  ) {
    return read.one(Secret, { keyName: await vault.store(input) }, info);
  }

  @Mutation(() => RevealedSecret, {
    description: 'Answers the value of a secret, once that was written down. Needs a fresh proof of who it is.',
  })
  revealSecret(
    @Ctx() { vault }: Context,
    @Arg('keyName', () => String, keyNameOptions) keyName: string,
    @Arg('version', () => Int, { nullable: true, description: 'Which version; the latest when left out.' }) version: number | null,
  ) {
    return vault.reveal(keyName, version ?? null);
  }

  @Mutation(() => Secret, { description: 'Gives a secret another name.' })
  async renameSecret(
    @Ctx() { vault, read }: Context,
    @Arg('keyName', () => String, keyNameOptions) keyName: string,
    @Arg('newKeyName', () => String, { description: 'The name it is to have, of 1 to 200 characters.' }) newKeyName: string,
    @Info() info: GraphQLResolveInfo,
  ) {
    return read.one(Secret, { keyName: await vault.rename(keyName, newKeyName) }, info);
  }

  @Mutation(() => Secret, { description: 'Stores the value of an earlier version anew, as the latest.' })
  async restoreSecretVersion(
    @Ctx() { vault, read }: Context,
    @Arg('keyName', () => String, keyNameOptions) keyName: string,
    @Arg('version', () => Int, { description: 'The version to restore.' }) version: number,
    @Info() info: GraphQLResolveInfo,
  ) {
    return read.one(Secret, { keyName: await vault.restore(keyName, version) }, info);
  }

  @Mutation(() => Secret, { description: 'Deletes a secret with all its versions, for good, and answers it as it was.' })
  async deleteSecret(
    @Ctx() { vault, read }: Context,
    @Arg('keyName', () => String, keyNameOptions) keyName: string,
    @Info() info: GraphQLResolveInfo,
  ) {
    return vault.delete(keyName, (name) => read.one(Secret, { keyName: name }, info));
  }

  @Mutation(() => Vault, {
    description:
      'Gives a user access to the vault, who need not be there; for who has access and unlocked it. Needs a fresh proof of who it is.',
  })
  async grantVaultAccess(
    @Ctx() { vault, read }: Context,
    @Arg('userId', () => ID, { description: 'The id of the user.' }) userId: string,
    @Info() info: GraphQLResolveInfo,
  ) {
    return read.one(Vault, { id: await vault.grant(userId) }, info);
  }

  @Mutation(() => Vault, {
    description:
      "Takes a user's access to the vault away, and gives the vault a new key. Everybody else unlocks it again. Needs a fresh proof of who it is.",
  })
  async revokeVaultAccess(
    @Ctx() { vault, read }: Context,
    @Arg('userId', () => ID, { description: 'The id of the user.' }) userId: string,
    @Info() info: GraphQLResolveInfo,
  ) {
    return read.one(Vault, { id: await vault.revoke(userId) }, info);
  }

  @Mutation(() => Vault, {
    description: 'Gives the vault a new key. Everybody else unlocks it again. Needs a fresh proof of who it is.',
  })
  async rotateVaultKey(@Ctx() { vault, read }: Context, @Info() info: GraphQLResolveInfo) {
    return read.one(Vault, { id: await vault.rotate() }, info);
  }

  @FieldResolver(() => Boolean, { description: 'Whether the token that came with this request in x-vault-token opens it.' })
  isUnlocked(@Ctx() { vault }: Context) {
    return vault.isUnlocked();
  }

  @FieldResolver(() => [Person], { description: 'Who has access.' })
  async grantees(@Ctx() { vault, read }: Context, @Info() info: GraphQLResolveInfo) {
    return read.some('Person', await vault.grantees(), info);
  }
}

@Resolver(VaultCreated)
export class VaultCreatedResolver {
  @FieldResolver(() => Vault, { description: 'The vault; it is locked until it is unlocked.' })
  vault(@Root() { vaultId }: VaultCreated, @Ctx() { read }: Context, @Info() info: GraphQLResolveInfo) {
    return read.one(Vault, { id: vaultId }, info);
  }
}
