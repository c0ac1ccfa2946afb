import type { GraphQLResolveInfo } from 'graphql';
import { Arg, Ctx, FieldResolver, ID, Info, Int, Mutation, Query, Resolver, Root } from 'type-graphql';
import type { Context } from '../context.ts';
import { Person } from '../entities/user.ts';
import { Secret, Vault } from '../entities/vault.ts';
import { VaultCreated } from '../services/vault/create.ts';
import { RevealedSecret } from '../services/vault/reveal.ts';
import { StoreSecretInput } from '../services/vault/store.ts';
import { VaultToken } from '../services/vault/unlock.ts';

const keyNameOptions = { description: 'The name of the secret.' };

@Resolver(Vault)
export class VaultResolver {
  @Query(() => Vault, { nullable: true, description: 'Returns the vault. Null until it is created.' })
  async vault(@Ctx() { read }: Context, @Info() info: GraphQLResolveInfo) {
    return (await read.all(Vault, { property: 'createdAt', direction: 'ASC' }, info))[0] ?? null;
  }

  @Query(() => [Secret], {
    nullable: true,
    description: 'Lists all secrets without their values. Requires an unlocked vault. Each call is audited.',
  })
  async secrets(@Ctx() { vault, read }: Context, @Info() info: GraphQLResolveInfo) {
    await vault.demandUnlocked();
    return read.all(Secret, { property: 'keyName', direction: 'ASC' }, info);
  }

  @Query(() => Secret, {
    nullable: true,
    description:
      'Returns a secret without its value. Fails with NOT_FOUND if it does not exist. Requires an ' +
      'unlocked vault. Each call is audited.',
  })
  async secret(
    @Ctx() { vault, read }: Context,
    @Arg('keyName', () => String, keyNameOptions) keyName: string,
    @Info() info: GraphQLResolveInfo,
  ) {
    return read.one(Secret, { keyName: await vault.demandListed(keyName) }, info);
  }

  @Mutation(() => VaultCreated, {
    description:
      'Creates the vault and returns its recovery kit, which is shown only once. Fails with CONFLICT if a vault exists.',
  })
  createVault(
    @Ctx() { vault }: Context,
    @Arg('password', () => String, { description: 'The password of the caller.' }) password: string,
  ) {
    return vault.create(password);
  }

  @Mutation(() => VaultToken, {
    description:
      'Unlocks the vault for this session and returns a vault token. Also counts as step-up ' +
      'authentication. Fails with CONFLICT if the caller has no vault access.',
  })
  unlockVault(
    @Ctx() { vault }: Context,
    @Arg('password', () => String, { description: 'The password of the caller.' }) password: string,
    @Arg('code', () => String, {
      nullable: true,
      description: 'The code from the authenticator app or a backup code. Required if the account has a second factor.',
    })
    code: string | null,
  ) {
    return vault.unlock(password, code ?? null);
  }

  @Mutation(() => Vault, {
    description: 'Locks the vault for this session. All vault tokens of the session become invalid.',
  })
  async lockVault(@Ctx() { vault, read }: Context, @Info() info: GraphQLResolveInfo) {
    return read.one(Vault, { id: await vault.lock() }, info);
  }

  @Mutation(() => VaultToken, {
    description:
      "Restores the caller's vault access with the recovery kit and unlocks the vault. Fails with " +
      'BAD_CREDENTIALS for the recovery kit of another vault.',
  })
  recoverVault(
    @Ctx() { vault }: Context,
    @Arg('recoveryKit', () => String, { description: 'The recovery kit from the creation of the vault.' })
    recoveryKit: string,
    @Arg('password', () => String, { description: 'The current password of the caller.' }) password: string,
  ) {
    return vault.recover(recoveryKit, password);
  }

  @Mutation(() => Secret, {
    description:
      'Stores a value as a new secret or as a new version of an existing secret. Requires an unlocked vault.',
  })
  async storeSecret(
    @Ctx() { vault, read }: Context,
    @Arg('input', () => StoreSecretInput, { description: 'The secret to store.' }) input: StoreSecretInput,
    @Info() info: GraphQLResolveInfo,
  ) {
    return read.one(Secret, { keyName: await vault.store(input) }, info);
  }

  @Mutation(() => RevealedSecret, {
    description: 'Returns the value of a secret. Requires an unlocked vault. Each call is audited first.',
  })
  revealSecret(
    @Ctx() { vault }: Context,
    @Arg('keyName', () => String, keyNameOptions) keyName: string,
    @Arg('version', () => Int, {
      nullable: true,
      description: 'The number of the version. Defaults to the latest version.',
    })
    version: number | null,
  ) {
    return vault.reveal(keyName, version ?? null);
  }

  @Mutation(() => Secret, { description: 'Renames a secret. Requires an unlocked vault.' })
  async renameSecret(
    @Ctx() { vault, read }: Context,
    @Arg('keyName', () => String, keyNameOptions) keyName: string,
    @Arg('newKeyName', () => String, { description: 'The new name, 1 to 200 characters.' }) newKeyName: string,
    @Info() info: GraphQLResolveInfo,
  ) {
    return read.one(Secret, { keyName: await vault.rename(keyName, newKeyName) }, info);
  }

  @Mutation(() => Secret, {
    description: 'Stores the value of an earlier version as a new version. Requires an unlocked vault.',
  })
  async restoreSecretVersion(
    @Ctx() { vault, read }: Context,
    @Arg('keyName', () => String, keyNameOptions) keyName: string,
    @Arg('version', () => Int, { description: 'The number of the version to restore.' }) version: number,
    @Info() info: GraphQLResolveInfo,
  ) {
    return read.one(Secret, { keyName: await vault.restore(keyName, version) }, info);
  }

  @Mutation(() => Secret, {
    description:
      'Permanently deletes a secret with all its versions and returns its last state. Requires an unlocked vault.',
  })
  async deleteSecret(
    @Ctx() { vault, read }: Context,
    @Arg('keyName', () => String, keyNameOptions) keyName: string,
    @Info() info: GraphQLResolveInfo,
  ) {
    return vault.delete(keyName, (name) => read.one(Secret, { keyName: name }, info));
  }

  @Mutation(() => Vault, {
    description:
      'Grants vault access to a user. Requires an unlocked vault. Fails with CONFLICT if the user lacks ' +
      'a suitable role or has not signed in with a password yet.',
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
      'Revokes the vault access of a user and rotates the vault key. Everyone else must unlock the vault ' +
      'again. Requires an unlocked vault. Fails with CONFLICT for the owner and the last user with ' +
      'access.',
  })
  async revokeVaultAccess(
    @Ctx() { vault, read }: Context,
    @Arg('userId', () => ID, { description: 'The id of the user.' }) userId: string,
    @Info() info: GraphQLResolveInfo,
  ) {
    return read.one(Vault, { id: await vault.revoke(userId) }, info);
  }

  @Mutation(() => Vault, {
    description: 'Rotates the vault key. Everyone else must unlock the vault again. Requires an unlocked vault.',
  })
  async rotateVaultKey(@Ctx() { vault, read }: Context, @Info() info: GraphQLResolveInfo) {
    return read.one(Vault, { id: await vault.rotate() }, info);
  }

  @FieldResolver(() => Boolean, {
    description: 'Whether the `x-vault-token` header of this request unlocks the vault.',
  })
  isUnlocked(@Ctx() { vault }: Context) {
    return vault.isUnlocked();
  }

  @FieldResolver(() => [Person], { description: 'The users with access to the vault.' })
  async grantees(@Ctx() { vault, read }: Context, @Info() info: GraphQLResolveInfo) {
    return read.some('Person', await vault.grantees(), info);
  }
}

@Resolver(VaultCreated)
export class VaultCreatedResolver {
  @FieldResolver(() => Vault, { description: 'The vault. It is locked until `unlockVault`.' })
  vault(@Root() { vaultId }: VaultCreated, @Ctx() { read }: Context, @Info() info: GraphQLResolveInfo) {
    return read.one(Vault, { id: vaultId }, info);
  }
}
