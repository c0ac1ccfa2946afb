import { Check, Entity, Enum, Index, ManyToOne, PrimaryKey, Property, Trigger } from '@mikro-orm/decorators/legacy';
import type { Ref } from '@mikro-orm/core';
import { Identified } from './record.ts';
import { User } from './user.ts';

export enum AuditOutcome {
  SUCCEEDED = 'succeeded',
  DENIED = 'denied',
  FAILED = 'failed',
}

/** What an event says: who did what to which record, and how it ended. Never a value, never a secret. */
export interface AuditFacts {
  at: Date;
  actor: Ref<User> | null;
  sessionId: string | null;
  ipAddress: string | null;
  action: string;
  targetType: string | null;
  targetId: string | null;
  outcome: AuditOutcome;
  /** Why it was refused, for whoever reads the log: nobody else is told. */
  reason?: string | null;
  requestId: string;
  count: number;
}

/** One thing that was done or refused. Rows can only be added: the database itself refuses everything else. */
@Entity({ tableName: 'audit_events' })
@Index({ properties: ['at', 'id'] })
@Index({ properties: ['actor', 'at', 'id'] })
@Index({ properties: ['action', 'at', 'id'] })
@Index({ properties: ['targetType', 'targetId', 'at', 'id'] })
@Check({ name: 'audit_events_count_positive', expression: 'count > 0' })
@Trigger({
  name: 'audit_events_only_grow',
  timing: 'before',
  events: ['update', 'delete', 'truncate'],
  forEach: 'statement',
  body: `raise exception 'audit_events can only be added to' using errcode = 'insufficient_privilege';`,
})
export class AuditEvent extends Identified {
  @Property({ type: 'datetime', length: 3 })
  at: Date;

  @ManyToOne({ entity: () => User, ref: true, nullable: true, deleteRule: 'restrict' })
  actor: Ref<User> | null;

  @Property({ type: 'uuid', nullable: true })
  sessionId: string | null;

  @Property({ type: 'string', length: 45, nullable: true })
  ipAddress: string | null;

  @Property({ type: 'string', length: 100, collation: 'C' })
  action: string;

  @Property({ type: 'string', length: 100, nullable: true, collation: 'C' })
  targetType: string | null;

  @Property({ type: 'uuid', nullable: true })
  targetId: string | null;

  @Enum({ items: () => AuditOutcome })
  outcome: AuditOutcome;

  @Property({ type: 'string', length: 50, nullable: true, collation: 'C' })
  reason: string | null;

  @Property({ type: 'string', length: 100 })
  requestId: string;

  @Property({ type: 'integer' })
  count: number;

  /** HMAC-SHA256 over all of the above, base64url, preceded by the key that made it: `kid.mac`. */
  @Property({ type: 'string', length: 100 })
  mac: string;

  constructor(facts: AuditFacts, mac: (event: AuditEvent) => string) {
    super();
    this.at = facts.at;
    this.actor = facts.actor;
    this.sessionId = facts.sessionId;
    this.ipAddress = facts.ipAddress;
    this.action = facts.action;
    this.targetType = facts.targetType;
    this.targetId = facts.targetId;
    this.outcome = facts.outcome;
    this.reason = facts.reason ?? null;
    this.requestId = facts.requestId;
    this.count = facts.count;
    this.mac = mac(this);
  }
}

/**
 * The same refusal again and again within one minute, counted in one row until the minute is over; it is an
 * {@link AuditEvent} then, and the row is gone. So nobody can fill a disk by being refused.
 */
@Entity({ tableName: 'denials' })
@Index({ properties: ['minute'] })
@Check({ name: 'denials_count_positive', expression: 'count > 0' })
export class Denial {
  @PrimaryKey({ type: 'string', length: 100, collation: 'C' })
  action!: string;

  @PrimaryKey({ type: 'string', length: 50, collation: 'C' })
  reason!: string;

  /** Who is counted: the id of the actor or of whom it was aimed at, else the address it came from. */
  @PrimaryKey({ type: 'string', length: 50, collation: 'C' })
  key!: string;

  /** Minutes since 1970. */
  @PrimaryKey({ type: 'integer' })
  minute!: number;

  @Enum({ items: () => AuditOutcome })
  outcome!: AuditOutcome;

  /** The latest one's, as are all that follow. */
  @Property({ type: 'datetime', length: 3 })
  at!: Date;

  @Property({ type: 'uuid', nullable: true })
  actorId!: string | null;

  @Property({ type: 'uuid', nullable: true })
  sessionId!: string | null;

  @Property({ type: 'string', length: 45, nullable: true })
  ipAddress!: string | null;

  @Property({ type: 'uuid', nullable: true })
  targetId!: string | null;

  @Property({ type: 'string', length: 100 })
  requestId!: string;

  @Property({ type: 'integer' })
  count!: number;
}
