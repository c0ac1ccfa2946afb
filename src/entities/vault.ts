import { Check, Entity, Enum, ManyToOne, OneToOne, Property, Unique } from '@mikro-orm/decorators/legacy';
import type { Ref } from '@mikro-orm/core';
import { Dated } from './record.ts';
import { Session } from './session.ts';
import { User } from './user.ts';

/** A user's X25519 key pair: whoever holds the password and the system key can open what was granted to it. */
@Entity({ tableName: 'user_keys' })
export class UserKey extends Dated {
  @OneToOne({ entity: () => User, ref: true, owner: true, deleteRule: 'cascade' })
  user: Ref<User>;

  @Property({ type: 'string', length: 64 })
  publicKey: string;

  /** Under the system key, so that a swapped public key is noticed. */
  @Property({ type: 'text' })
  publicKeyMac: string;

  /** Sealed under the password, that again under the system key; names its schemes, keys and costs. */
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

/** One version of the vault's key, sealed to one user's public key, or to the recovery kit's where there is no user. */
@Entity({ tableName: 'vault_grants' })
@Unique({ properties: ['user', 'vaultKey'] })
export class VaultGrant extends Dated {
  @ManyToOne({ entity: () => User, ref: true, nullable: true, deleteRule: 'cascade' })
  user: Ref<User> | null;

  @ManyToOne({ entity: () => VaultKey, ref: true, deleteRule: 'cascade', index: true })
  vaultKey: Ref<VaultKey>;

  @Property({ type: 'text' })
  sealedKey: string;

  constructor(facts: { user: Ref<User> | null; vaultKey: Ref<VaultKey>; sealedKey: string }) {
    super();
    this.user = facts.user;
    this.vaultKey = facts.vaultKey;
    this.sealedKey = facts.sealedKey;
  }
}

/** An unlocked vault: its key, wrapped so that both the caller's token and the system key are needed to open it. */
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

/** A secret's name and what may be known about it without opening the vault. No column can hold its value. */
@Entity({ tableName: 'secrets' })
@Check({ name: 'secrets_current_version_positive', expression: 'current_version > 0' })
export class Secret extends Dated {
  @Property({ type: 'string', length: 200, collation: 'C' })
  @Unique()
  keyName: string;

  @Property({ type: 'text', nullable: true })
  description: string | null = null;

  @Property({ type: 'integer' })
  currentVersion: number = 1;

  @ManyToOne({ entity: () => User, ref: true, nullable: true, deleteRule: 'set null', index: true })
  updatedBy: Ref<User> | null;

  constructor(facts: { keyName: string; updatedBy: Ref<User> }) {
    super();
    this.keyName = facts.keyName;
    this.updatedBy = facts.updatedBy;
  }
}

/** One stored value of a secret: a Fernet token under a key made for this row alone. */
@Entity({ tableName: 'secret_versions' })
@Unique({ properties: ['secret', 'version'] })
@Check({ name: 'secret_versions_version_positive', expression: 'version > 0' })
export class SecretVersion extends Dated {
  @ManyToOne({ entity: () => Secret, ref: true, deleteRule: 'cascade' })
  secret: Ref<Secret>;

  @Property({ type: 'integer' })
  version: number;

  @ManyToOne({ entity: () => VaultKey, ref: true, deleteRule: 'restrict', index: true })
  vaultKey: Ref<VaultKey>;

  @Property({ type: 'string', length: 64 })
  salt: string;

  @Property({ type: 'text' })
  token: string;

  @ManyToOne({ entity: () => User, ref: true, nullable: true, deleteRule: 'set null', index: true })
  createdBy: Ref<User> | null;

  constructor(facts: { secret: Ref<Secret>; version: number; vaultKey: Ref<VaultKey>; salt: string; token: string; createdBy: Ref<User> }) {
    super();
    this.secret = facts.secret;
    this.version = facts.version;
    this.vaultKey = facts.vaultKey;
    this.salt = facts.salt;
    this.token = facts.token;
    this.createdBy = facts.createdBy;
  }
}
