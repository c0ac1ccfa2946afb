import { Check, Entity, Enum, Formula, ManyToOne, OneToMany, Property, Unique } from '@mikro-orm/decorators/legacy';
import { Collection, type Ref } from '@mikro-orm/core';
import { Field, Int, ObjectType } from 'type-graphql';
import { Dated } from './record.ts';
import { RoleName } from './role.ts';
import { Session } from './session.ts';
import { Person, User } from './user.ts';

/** Who may be given access to the vault at all. */
export const vaultRoles: readonly RoleName[] = [RoleName.ADMIN, RoleName.OFFICER, RoleName.STAFF, RoleName.ORGANIZER];

/** The one vault of an instance. What it holds is in {@link Secret}; its key exists only in grants. */
@ObjectType({ description: 'The vault, in which the keys and passwords of the local are kept.', simpleResolvers: true })
@Entity({ tableName: 'vaults' })
@Unique({ name: 'vaults_single_unique', expression: 'create unique index "vaults_single_unique" on "vaults" ((true))' })
export class Vault extends Dated {
  /** The recovery kit's public key, base64url. */
  @Property({ type: 'string', length: 64 })
  kitKey: string;

  /** Which secrets there are, under which names and at which versions, marked with the vault's key: what is rolled back is noticed. */
  @Property({ type: 'string', length: 100 })
  state: string;

  @Field(() => Int, { description: 'The version of the key that seals what is new.' })
  @Formula(() => `coalesce((select k.version from vault_keys k where k.state = 'active'), 0)`, { type: 'integer', lazy: true })
  keyVersion?: number;

  @Field(() => Int, { description: 'How many secrets there are.' })
  @Formula(() => '(select cast(count(*) as int) from secrets)', { type: 'integer', lazy: true })
  secretCount?: number;

  @Field(() => Int, {
    description: 'How many stored values are still under an earlier key: a rotation that was interrupted goes on at the next unlock.',
  })
  @Formula(
    () => `(select cast(count(*) as int) from secret_versions v join vault_keys k on k.id = v.vault_key_id where k.state <> 'active')`,
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

  /** Under the vault's key: who does not hold it cannot slip in a grant that a rotation would renew. */
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

/** A secret's name and what may be known about it. No column can hold its value. */
@ObjectType({ description: 'A secret: its name, and never its value, which revealSecret alone answers.', simpleResolvers: true })
@Entity({ tableName: 'secrets' })
@Check({ name: 'secrets_current_version_positive', expression: 'current_version > 0' })
export class Secret extends Dated {
  @Field(() => String, { description: 'The name that programs and people ask for; unique.' })
  @Property({ type: 'string', length: 200, collation: 'C' })
  @Unique()
  keyName: string;

  @Field(() => String, { nullable: true, description: 'What it is for.' })
  @Property({ type: 'text', nullable: true })
  description: string | null = null;

  @Field(() => Int, { description: 'The version that is revealed where none is named: the latest.' })
  @Property({ type: 'integer', fieldName: 'current_version' })
  version: number = 1;

  @Field(() => [SecretVersion], { description: 'The versions that are kept, the latest first.' })
  @OneToMany({ entity: () => SecretVersion, mappedBy: 'secret', orderBy: { version: 'desc' } })
  versions = new Collection<SecretVersion>(this);

  @Field(() => Person, { nullable: true, description: 'Who changed it last; null where they are gone.' })
  @ManyToOne({ entity: () => User, ref: true, nullable: true, deleteRule: 'set null', index: true })
  updatedBy: Ref<User> | null;

  constructor(facts: { keyName: string; updatedBy: Ref<User> }) {
    super();
    this.keyName = facts.keyName;
    this.updatedBy = facts.updatedBy;
  }
}

/** One stored value of a secret: a Fernet token under a key made for this row alone. */
@ObjectType({ description: 'One stored value of a secret: when it was stored, and by whom.', simpleResolvers: true })
@Entity({ tableName: 'secret_versions' })
@Unique({ properties: ['secret', 'version'] })
@Check({ name: 'secret_versions_version_positive', expression: 'version > 0' })
export class SecretVersion extends Dated {
  @ManyToOne({ entity: () => Secret, ref: true, deleteRule: 'cascade' })
  secret: Ref<Secret>;

  @Field(() => Int, { description: 'Its number; later ones are greater.' })
  @Property({ type: 'integer' })
  version: number;

  @ManyToOne({ entity: () => VaultKey, ref: true, deleteRule: 'restrict', index: true })
  vaultKey: Ref<VaultKey>;

  /** From which the row's key is made, with the name of how. */
  @Property({ type: 'string', length: 64 })
  salt: string;

  @Property({ type: 'text' })
  token: string;

  @Field(() => Person, { nullable: true, description: 'Who stored it; null where they are gone.' })
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
