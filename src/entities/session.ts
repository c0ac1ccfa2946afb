import { Check, Entity, Enum, Index, ManyToOne, Property, Unique } from '@mikro-orm/decorators/legacy';
import type { Ref } from '@mikro-orm/core';
import { Field, ObjectType } from 'type-graphql';
import { Derived } from './listing.ts';
import { Dated, Node } from './record.ts';
import { DateTimeScalar } from './scalars.ts';
import { User } from './user.ts';
import type { Viewer } from './viewer.ts';

/** Why a session ended early. */
export enum SessionEnd {
  LOGOUT = 'logout',
  REVOKED = 'revoked',
  REUSE = 'reuse',
  PASSWORD_CHANGED = 'password_changed',
  USER_DISABLED = 'user_disabled',
}

/**
 * A signed-in device. All its refresh tokens are one family. Only the counter and the hash of the current token are
 * stored; a rotation compares and swaps the counter.
 */
@ObjectType({ description: 'A session: a device that is signed in.', simpleResolvers: true, implements: Node })
@Entity({ tableName: 'sessions' })
@Index({ properties: ['user', 'lastSeenAt'] })
@Index({ properties: ['idleEndsAt'] })
@Check({ name: 'sessions_failed_login_attempts_not_negative', expression: 'failed_login_attempts >= 0' })
@Check({ name: 'sessions_end_has_reason', expression: '(ended_at is null) = (end_reason is null)' })
@Check({ name: 'sessions_refresh_counter_positive', expression: 'refresh_counter > 0' })
export class Session extends Dated {
  @ManyToOne({ entity: () => User, ref: true, deleteRule: 'cascade' })
  user: Ref<User>;

  @Field(() => String, { nullable: true, description: 'The name of the device, as given at login. Null if not set.' })
  @Property({ type: 'string', length: 100, nullable: true })
  deviceName: string | null;

  @Field(() => String, { nullable: true, description: 'The `User-Agent` header sent at login. Null if not sent.' })
  @Property({ type: 'string', length: 300, nullable: true })
  userAgent: string | null;

  @Field(() => String, {
    nullable: true,
    description: 'The IP address of the latest login or refresh. Null if unknown.',
  })
  @Property({ type: 'string', length: 45, nullable: true })
  ipAddress: string | null;

  @Field(() => DateTimeScalar, { description: 'When the device last signed in or refreshed its tokens.' })
  @Property({ type: 'datetime', length: 3 })
  lastSeenAt: Date;

  @Field(() => DateTimeScalar, { description: 'When the session ends, regardless of use.' })
  @Property({ type: 'datetime', length: 3 })
  expiresAt: Date;

  /** When the session expires, unless it is refreshed. */
  @Property({ type: 'datetime', length: 3 })
  idleEndsAt: Date;

  /** When the user last authenticated in this session. */
  @Property({ type: 'datetime', length: 3 })
  authenticatedAt: Date;

  @Property({ type: 'integer' })
  refreshCounter: number = 1;

  /** SHA-256 of the current refresh token, hex. */
  @Property({ type: 'string', length: 64 })
  refreshHash: string;

  /** The key that signed the current refresh token. */
  @Property({ type: 'string', length: 32 })
  refreshKid: string;

  /** When the current refresh token was issued. */
  @Property({ type: 'datetime', length: 3 })
  refreshedAt: Date;

  /**
   * When an access token that was issued with the refresh token was first used. Null before. The previous refresh token
   * is accepted until shortly after.
   */
  @Property({ type: 'datetime', length: 3, nullable: true })
  firstUsedAt: Date | null = null;

  /** Failed step-up attempts in this session. Other sessions and sign-ins have their own counts. */
  @Property({ type: 'integer', default: 0 })
  failedLoginAttempts: number = 0;

  @Property({ type: 'datetime', length: 3, nullable: true })
  lockedUntil: Date | null = null;

  @Property({ type: 'datetime', length: 3, nullable: true })
  endedAt: Date | null = null;

  @Enum({ items: () => SessionEnd, nullable: true })
  endReason: SessionEnd | null = null;

  @Field(() => Boolean, { description: 'Whether this session sent the request.' })
  @Derived('id')
  isCurrent(viewer: Viewer): boolean {
    return this.id === viewer.sessionId;
  }

  constructor(facts: {
    id: string;
    user: Ref<User>;
    deviceName: string | null;
    userAgent: string | null;
    ipAddress: string | null;
    at: Date;
    expiresAt: Date;
    idleEndsAt: Date;
    refreshHash: string;
    refreshKid: string;
  }) {
    super();
    this.id = facts.id;
    this.user = facts.user;
    this.deviceName = facts.deviceName;
    this.userAgent = facts.userAgent;
    this.ipAddress = facts.ipAddress;
    this.createdAt = facts.at;
    this.lastSeenAt = facts.at;
    this.authenticatedAt = facts.at;
    this.refreshedAt = facts.at;
    this.expiresAt = facts.expiresAt;
    this.idleEndsAt = facts.idleEndsAt;
    this.refreshHash = facts.refreshHash;
    this.refreshKid = facts.refreshKid;
  }
}

/** A device that has signed in before. It has its own count of failures, so that nobody else can lock its user out. */
@Entity({ tableName: 'devices' })
@Check({ name: 'devices_failed_login_attempts_not_negative', expression: 'failed_login_attempts >= 0' })
export class Device extends Dated {
  @ManyToOne({ entity: () => User, ref: true, deleteRule: 'cascade', index: true })
  user: Ref<User>;

  /** SHA-256 of the device token, hex. */
  @Property({ type: 'string', length: 64 })
  @Unique()
  tokenHash: string;

  @Property({ type: 'datetime', length: 3 })
  lastSeenAt: Date;

  @Property({ type: 'integer' })
  failedLoginAttempts: number = 0;

  @Property({ type: 'datetime', length: 3, nullable: true })
  lockedUntil: Date | null = null;

  constructor(facts: { user: Ref<User>; tokenHash: string; at: Date }) {
    super();
    this.user = facts.user;
    this.tokenHash = facts.tokenHash;
    this.lastSeenAt = facts.at;
  }
}

/** A sign-in that waits for the second factor. */
@Entity({ tableName: 'login_challenges' })
@Index({ properties: ['expiresAt'] })
export class LoginChallenge extends Dated {
  @ManyToOne({ entity: () => User, ref: true, deleteRule: 'cascade', index: true })
  user: Ref<User>;

  /** SHA-256, hex. */
  @Property({ type: 'string', length: 64 })
  @Unique()
  tokenHash: string;

  /** The device that started the sign-in, if the user has signed in with it before. */
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

/** SQL for whether the session at an alias is live. @param now SQL for the current instant. */
export const isLive = (session: string, now: string): string =>
  `${session}.ended_at is null and ${session}.expires_at > ${now} and ${session}.idle_ends_at > ${now}`;
