import {
  Check,
  Entity,
  Enum,
  Formula,
  ManyToOne,
  OneToMany,
  OneToOne,
  Property,
  Unique,
} from '@mikro-orm/decorators/legacy';
import { Collection, type Ref } from '@mikro-orm/core';
import { Field, Int, ObjectType } from 'type-graphql';
import { Dated } from './record.ts';
import { RoleName } from './role.ts';
import { Session } from './session.ts';
import { Person, User } from './user.ts';

/** The roles whose holders may get access to the vault. */
export const vaultRoles: readonly RoleName[] = [RoleName.ADMIN, RoleName.OFFICER, RoleName.STAFF, RoleName.ORGANIZER];

/** The only vault of an instance. Its contents are {@link Secret}s; its key exists only in grants. */
@ObjectType({
  description: 'The vault, which stores the secrets of the local in encrypted form.',
  simpleResolvers: true,
})
@Entity({ tableName: 'vaults' })
@Unique({ name: 'vaults_single_unique', expression: 'create unique index "vaults_single_unique" on "vaults" ((true))' })
export class Vault extends Dated {
  /** The recovery kit's public key, base64url. */
  @Property({ type: 'string', length: 64 })
  kitKey: string;

  /** A MAC under the vault's key over the secrets, their names and their versions. Detects a rollback. */
  @Property({ type: 'string', length: 100 })
  state: string;

  @Field(() => Int, { description: 'The version of the vault key that encrypts new values.' })
  @Formula(() => `coalesce((select k.version from vault_keys k where k.state = 'active'), 0)`, {
    type: 'integer',
    lazy: true,
  })
  keyVersion?: number;

  @Field(() => Int, { description: 'The number of secrets.' })
  @Formula(() => '(select cast(count(*) as int) from secrets)', { type: 'integer', lazy: true })
  secretCount?: number;

  @Field(() => Int, {
    description:
      'The number of values still encrypted with an earlier vault key. The next unlock continues an interrupted key rotation.',
  })
  @Formula(
    () =>
      `(select cast(count(*) as int) from secret_versions v join vault_keys k on k.id = v.vault_key_id where k.state <> 'active')`,
    { type: 'integer', lazy: true },
  )
  rewrapsLeft?: number;

  constructor(facts: { kitKey: string; state: string }) {
    super();
    this.kitKey = facts.kitKey;
    this.state = facts.state;
  }
}

export enum VaultKeyState {
  ACTIVE = 'active',
  DECRYPT_ONLY = 'decrypt_only',
  DESTROYED = 'destroyed',
}

/** One version of the vault's key. The key itself exists only in grants. */
@Entity({ tableName: 'vault_keys' })
@Unique({
  name: 'vault_keys_single_active_unique',
  expression: `create unique index "vault_keys_single_active_unique" on "vault_keys" ("state") where "state" = 'active'`,
})
@Check({ name: 'vault_keys_version_positive', expression: 'version > 0' })
export class VaultKey extends Dated {
  @Property({ type: 'integer' })
  @Unique()
  version: number;

  @Enum({ items: () => VaultKeyState })
  state: VaultKeyState = VaultKeyState.ACTIVE;

  constructor(facts: { version: number }) {
    super();
    this.version = facts.version;
  }
}

/** One version of the vault's key, encrypted for one user's public key, or for the recovery kit if there is no user. */
@Entity({ tableName: 'vault_grants' })
@Unique({ properties: ['user', 'vaultKey'] })
export class VaultGrant extends Dated {
  @ManyToOne({ entity: () => User, ref: true, nullable: true, deleteRule: 'cascade' })
  user: Ref<User> | null;

  @ManyToOne({ entity: () => VaultKey, ref: true, deleteRule: 'cascade', index: true })
  vaultKey: Ref<VaultKey>;

  @Property({ type: 'text' })
  sealedKey: string;

  /** A MAC under the vault's key. Without that key, nobody can insert a grant that a rotation would renew. */
  @Property({ type: 'string', length: 100 })
  mark: string;

  constructor(facts: { user: Ref<User> | null; vaultKey: Ref<VaultKey>; sealedKey: string; mark: string }) {
    super();
    this.user = facts.user;
    this.vaultKey = facts.vaultKey;
    this.sealedKey = facts.sealedKey;
    this.mark = facts.mark;
  }
}

/**
 * An unlocked vault: its key, encrypted so that both the caller's token and the system key are needed to decrypt it.
 */
@Entity({ tableName: 'vault_sessions' })
export class VaultSession extends Dated {
  @ManyToOne({ entity: () => Session, ref: true, deleteRule: 'cascade', index: true })
  session: Ref<Session>;

  /** SHA-256 of the vault token, hex. */
  @Property({ type: 'string', length: 64 })
  @Unique()
  tokenHash: string;

  @Property({ type: 'text' })
  wrappedKey: string;

  @Property({ type: 'datetime', length: 3 })
  lastUsedAt: Date;

  @Property({ type: 'datetime', length: 3 })
  expiresAt: Date;

  constructor(facts: { session: Ref<Session>; tokenHash: string; wrappedKey: string; at: Date; expiresAt: Date }) {
    super();
    this.session = facts.session;
    this.tokenHash = facts.tokenHash;
    this.wrappedKey = facts.wrappedKey;
    this.lastUsedAt = facts.at;
    this.expiresAt = facts.expiresAt;
  }
}

/** The name and metadata of a secret. No column holds its value. */
@ObjectType({
  description: 'A secret without its value. Only `revealSecret` returns the value.',
  simpleResolvers: true,
})
@Entity({ tableName: 'secrets' })
@Check({ name: 'secrets_current_version_positive', expression: 'current_version > 0' })
export class Secret extends Dated {
  @Field(() => String, { description: 'The unique name of the secret.' })
  @Property({ type: 'string', length: 200, collation: 'C' })
  @Unique()
  keyName: string;

  @Field(() => String, { nullable: true, description: 'The purpose of the secret. Null if not set.' })
  @Property({ type: 'text', nullable: true })
  description: string | null = null;

  @Field(() => Int, { description: 'The number of the latest version.' })
  @Property({ type: 'integer', fieldName: 'current_version' })
  version: number = 1;

  @Field(() => [SecretVersion], { description: 'The stored versions, latest first.' })
  @OneToMany({ entity: () => SecretVersion, mappedBy: 'secret', orderBy: { version: 'desc' } })
  versions = new Collection<SecretVersion>(this);

  @Field(() => Person, {
    nullable: true,
    description: 'The user who last changed the secret. Null if unknown or hidden from the caller.',
  })
  @ManyToOne({ entity: () => User, ref: true, nullable: true, deleteRule: 'set null', index: true })
  updatedBy: Ref<User> | null;

  constructor(facts: { keyName: string; updatedBy: Ref<User> }) {
    super();
    this.keyName = facts.keyName;
    this.updatedBy = facts.updatedBy;
  }
}

/** One stored value of a secret: a Fernet token under a key that is derived for this row only. */
@ObjectType({ description: 'A stored version of a secret, without its value.', simpleResolvers: true })
@Entity({ tableName: 'secret_versions' })
@Unique({ properties: ['secret', 'version'] })
@Check({ name: 'secret_versions_version_positive', expression: 'version > 0' })
export class SecretVersion extends Dated {
  @ManyToOne({ entity: () => Secret, ref: true, deleteRule: 'cascade' })
  secret: Ref<Secret>;

  @Field(() => Int, { description: 'The number of the version. Later versions have greater numbers.' })
  @Property({ type: 'integer' })
  version: number;

  @ManyToOne({ entity: () => VaultKey, ref: true, deleteRule: 'restrict', index: true })
  vaultKey: Ref<VaultKey>;

  /** The salt from which the row's key is derived, with the name of the derivation. */
  @Property({ type: 'string', length: 64 })
  salt: string;

  @Property({ type: 'text' })
  token: string;

  @Field(() => Person, {
    nullable: true,
    description: 'The user who stored the version. Null if unknown or hidden from the caller.',
  })
  @ManyToOne({ entity: () => User, ref: true, nullable: true, deleteRule: 'set null', index: true })
  createdBy: Ref<User> | null;

  constructor(facts: {
    secret: Ref<Secret>;
    version: number;
    vaultKey: Ref<VaultKey>;
    salt: string;
    token: string;
    createdBy: Ref<User>;
  }) {
    super();
    this.secret = facts.secret;
    this.version = facts.version;
    this.vaultKey = facts.vaultKey;
    this.salt = facts.salt;
    this.token = facts.token;
    this.createdBy = facts.createdBy;
  }
}

/** A user's X25519 key pair. Opening a grant to it requires the user's password and the system key. */
@Entity({ tableName: 'user_keys' })
export class UserKey extends Dated {
  @OneToOne({ entity: () => User, ref: true, owner: true, deleteRule: 'cascade' })
  user: Ref<User>;

  @Property({ type: 'string', length: 64 })
  publicKey: string;

  /** A MAC under the system key over the whole pair and its version. Detects an altered or restored pair. */
  @Property({ type: 'text' })
  publicKeyMac: string;

  /** The private key, encrypted under the password and then under the system key. Names its schemes, keys and costs. */
  @Property({ type: 'text' })
  sealedPrivateKey: string;

  constructor(facts: { user: Ref<User>; publicKey: string; publicKeyMac: string; sealedPrivateKey: string }) {
    super();
    this.user = facts.user;
    this.publicKey = facts.publicKey;
    this.publicKeyMac = facts.publicKeyMac;
    this.sealedPrivateKey = facts.sealedPrivateKey;
  }
}
