import { Check, Entity, Enum, Index, ManyToOne, OneToOne, Property, Unique } from '@mikro-orm/decorators/legacy';
import type { Ref } from '@mikro-orm/core';
import { Dated } from './record.ts';
import { Device, TokenType } from './session.ts';
import { User } from './user.ts';

/** A token that was mailed to a user and works once. Only its SHA-256 is stored. */
@Entity({ tableName: 'one_time_tokens' })
@Check({ name: 'one_time_tokens_type_is_mailed', expression: `type in ('password_reset', 'email_verification')` })
@Index({ properties: ['user', 'type'] })
@Index({ properties: ['expiresAt'] })
export class OneTimeToken extends Dated {
  @ManyToOne({ entity: () => User, ref: true, deleteRule: 'cascade' })
  user: Ref<User>;

  @Enum({ items: () => TokenType })
  type: TokenType.PASSWORD_RESET | TokenType.EMAIL_VERIFICATION;

  /** SHA-256, hex. */
  @Property({ type: 'string', length: 64 })
  @Unique()
  tokenHash: string;

  /** The address it was sent to: a token for an address the user no longer has proves nothing. */
  @Property({ type: 'string', length: 254 })
  sentTo: string;

  @Property({ type: 'datetime', length: 3 })
  expiresAt: Date;

  @Property({ type: 'datetime', length: 3, nullable: true })
  usedAt: Date | null = null;

  /** Whether an operator was shown it: then it proves nothing about the address. */
  @Property({ type: 'boolean', default: false })
  wasPrinted = false;

  constructor(facts: {
    user: Ref<User>;
    type: TokenType.PASSWORD_RESET | TokenType.EMAIL_VERIFICATION;
    tokenHash: string;
    sentTo: string;
    expiresAt: Date;
  }) {
    super();
    this.user = facts.user;
    this.type = facts.type;
    this.tokenHash = facts.tokenHash;
    this.sentTo = facts.sentTo;
    this.expiresAt = facts.expiresAt;
  }
}

/** A sign-in whose password was right and whose second factor is awaited. */
@Entity({ tableName: 'login_challenges' })
@Index({ properties: ['expiresAt'] })
export class LoginChallenge extends Dated {
  @ManyToOne({ entity: () => User, ref: true, deleteRule: 'cascade', index: true })
  user: Ref<User>;

  /** SHA-256, hex. */
  @Property({ type: 'string', length: 64 })
  @Unique()
  tokenHash: string;

  /** The device it began on, where the user has signed in with that before. */
  @ManyToOne({ entity: () => Device, ref: true, nullable: true, deleteRule: 'set null', index: true })
  device: Ref<Device> | null;

  @Property({ type: 'string', length: 100, nullable: true })
  deviceName: string | null;

  @Property({ type: 'boolean' })
  wantsCookie: boolean;

  @Property({ type: 'datetime', length: 3 })
  expiresAt: Date;

  @Property({ type: 'datetime', length: 3, nullable: true })
  usedAt: Date | null = null;

  constructor(facts: {
    user: Ref<User>;
    tokenHash: string;
    device: Ref<Device> | null;
    deviceName: string | null;
    wantsCookie: boolean;
    expiresAt: Date;
  }) {
    super();
    this.user = facts.user;
    this.tokenHash = facts.tokenHash;
    this.device = facts.device;
    this.deviceName = facts.deviceName;
    this.wantsCookie = facts.wantsCookie;
    this.expiresAt = facts.expiresAt;
  }
}

/** A user's second factor: the sealed seed, and the last time step that was accepted, so that none is accepted twice. */
@Entity({ tableName: 'totp_credentials' })
@Check({ name: 'totp_credentials_failed_attempts_not_negative', expression: 'failed_attempts >= 0' })
export class TotpCredential extends Dated {
  @OneToOne({ entity: () => User, ref: true, owner: true, deleteRule: 'cascade' })
  user: Ref<User>;

  /** Names its scheme and key. */
  @Property({ type: 'text' })
  sealedSeed: string;

  @Property({ type: 'datetime', length: 3, nullable: true })
  confirmedAt: Date | null = null;

  @Property({ type: 'integer', nullable: true })
  lastStep: number | null = null;

  @Property({ type: 'integer' })
  failedAttempts: number = 0;

  @Property({ type: 'datetime', length: 3, nullable: true })
  lockedUntil: Date | null = null;

  constructor(facts: { user: Ref<User>; sealedSeed: string }) {
    super();
    this.user = facts.user;
    this.sealedSeed = facts.sealedSeed;
  }
}

/** One of ten codes that stand in for the second factor, once each. All of a batch share one salt. */
@Entity({ tableName: 'backup_codes' })
@Unique({ properties: ['user', 'codeHash'] })
export class BackupCode extends Dated {
  @ManyToOne({ entity: () => User, ref: true, deleteRule: 'cascade' })
  user: Ref<User>;

  @Property({ type: 'string', length: 500 })
  codeHash: string;

  @Property({ type: 'datetime', length: 3, nullable: true })
  usedAt: Date | null = null;

  constructor(facts: { user: Ref<User>; codeHash: string }) {
    super();
    this.user = facts.user;
    this.codeHash = facts.codeHash;
  }
}
