import {
  Check,
  Entity,
  Enum,
  Index,
  ManyToOne,
  PrimaryKey,
  Property,
  Trigger,
  Unique,
} from '@mikro-orm/decorators/legacy';
import { BigIntType, type Ref } from '@mikro-orm/core';
import { Field, ID, Int, ObjectType, registerEnumType } from 'type-graphql';
import { Listed } from './listing.ts';
import { Identified, Node } from './record.ts';
import { DateTimeScalar } from './scalars.ts';
import { Person, User } from './user.ts';

export enum AuditOutcome {
  SUCCEEDED = 'succeeded',
  DENIED = 'denied',
  FAILED = 'failed',
}

registerEnumType(AuditOutcome, {
  name: 'AuditOutcome',
  description: 'The outcome of an audited action.',
  valuesConfig: {
    SUCCEEDED: { description: 'The action was performed.' },
    DENIED: {
      description: 'The action was refused before it was tried, for example for lack of permission or by a rate limit.',
    },
    FAILED: { description: 'The action was tried and failed, for example with a wrong password.' },
  },
});

/**
 * The content of an audit event: who did what to which record, and the outcome. Contains no field values and no
 * secrets.
 */
export interface AuditFacts {
  at: Date;
  actor: Ref<User> | null;
  sessionId: string | null;
  ipAddress: string | null;
  action: string;
  targetType: string | null;
  targetId: string | null;
  outcome: AuditOutcome;
  /** The reason for the refusal. Only readers of the audit log see it. */
  reason?: string | null;
  requestId: string;
  count: number;
}

/** The target types of events about members and users. Officers read only these events. */
export const peopleTargets = ['Member', 'MemberEmployment', 'RoleAssignment', 'User'] as const;

/** SQL for whether the event at an alias is about members or users. The index has the same text, so that it is used. */
export const isOfPeople = (row?: string): string =>
  `${row === undefined ? '' : `${row}.`}target_type in (${peopleTargets.map((name) => `'${name}'`).join(', ')})`;

/**
 * SQL of a trigger that refuses everything but inserts, and deletes in a transaction that archives. Only the table's
 * owner may do those. The schema is named because otherwise a temporary table of the caller would hide `pg_class`.
 */
const onlyGrows = (table: string): string =>
  [
    `if tg_op = 'DELETE' and pg_catalog.current_setting('unionhall.archiving', true) = 'on'`,
    `and pg_catalog.pg_has_role(current_user, (select relowner from pg_catalog.pg_class where oid = tg_relid), 'usage')`,
    `then return null; end if;`,
    `raise exception '${table} can only be added to' using errcode = 'insufficient_privilege';`,
  ].join(' ');

/**
 * An action that succeeded, failed or was refused. The database refuses everything but inserts. The transaction that
 * adds an event also adds it to the backlog, where it waits until a seal puts it into the chain.
 */
@ObjectType({
  description: 'An audit record of an action that was performed or refused. Contains no secrets and no field values.',
  simpleResolvers: true,
  implements: Node,
})
@Entity({ tableName: 'audit_events' })
@Listed({
  filter: ['actor', 'action', 'targetType', 'targetId', 'outcome'],
  order: [],
  by: ['at', 'DESC'],
  plain: {
    from: ['at', 'gte', 'Matches events at or after this time.'],
    to: ['at', 'lte', 'Matches events at or before this time.'],
  },
  isReadPerGrant: true,
})
@Index({ name: 'audit_events_of_people', properties: ['at', 'id'], where: isOfPeople() })
@Check({ name: 'audit_events_count_positive', expression: 'count > 0' })
@Trigger({
  name: 'audit_events_only_grow',
  timing: 'before',
  events: ['update', 'delete', 'truncate'],
  forEach: 'statement',
  body: onlyGrows('audit_events'),
})
@Trigger({
  name: 'audit_events_wait',
  timing: 'after',
  events: ['insert'],
  forEach: 'row',
  body: `insert into audit_backlog (event_id) values (new.id); return null;`,
})
export class AuditEvent extends Identified {
  @Field(() => DateTimeScalar, {
    description: 'When the event occurred. For a combined event (see `count`), the last occurrence.',
  })
  @Property({ type: 'datetime', length: 3 })
  at: Date;

  @Field(() => Person, {
    nullable: true,
    description:
      'The acting user. Null for the service itself, for anonymous callers, and when hidden from the caller.',
  })
  @ManyToOne({ entity: () => User, ref: true, nullable: true, deleteRule: 'restrict' })
  actor: Ref<User> | null;

  @Property({ type: 'uuid', nullable: true })
  sessionId: string | null;

  @Field(() => String, { nullable: true, description: 'The IP address of the client. Null if there was no client.' })
  @Property({ type: 'string', length: 45, nullable: true })
  ipAddress: string | null;

  @Field(() => String, {
    description: 'The action, for example `login` or `salting.log`. For a refused operation, its name in the schema.',
  })
  @Property({ type: 'string', length: 100, collation: 'C' })
  action: string;

  @Field(() => String, {
    nullable: true,
    description: 'The type of the affected record. Null for actions without one.',
  })
  @Property({ type: 'string', length: 100, nullable: true, collation: 'C' })
  targetType: string | null;

  @Field(() => ID, {
    nullable: true,
    description: 'The id of the affected record, which can be hidden or deleted. Null for actions without one.',
  })
  @Property({ type: 'uuid', nullable: true })
  targetId: string | null;

  @Field(() => AuditOutcome, { description: 'The outcome.' })
  @Enum({ items: () => AuditOutcome })
  outcome: AuditOutcome;

  @Property({ type: 'string', length: 50, nullable: true, collation: 'C' })
  reason: string | null;

  @Field(() => String, {
    description:
      'The request id, as in the `x-request-id` response header and the log. For a combined event, the id of the last request.',
  })
  @Property({ type: 'string', length: 100 })
  requestId: string;

  @Field(() => Int, {
    description:
      'The number of occurrences. More than 1 only for combined events: refusals or failures of one kind within one minute.',
  })
  @Property({ type: 'integer' })
  count: number;

  /** HMAC-SHA256 over all columns above, as `kid.mac`: the id of the key, and the MAC in base64url. */
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

/** An event without a seal. The database adds the row with the event; sealing removes it. */
@Entity({ tableName: 'audit_backlog' })
export class AuditBacklog {
  @PrimaryKey({ type: 'uuid' })
  eventId!: string;
}

/**
 * The place of an event in the chain. The hash covers the event and the previous seal, so no event can be changed,
 * omitted or moved without breaking all later seals. Rows can only be added. There is no foreign key, because checking it
 * would lock, and so rewrite, each event that is sealed.
 */
@Entity({ tableName: 'audit_seals' })
@Unique({ properties: ['eventId'] })
@Check({ name: 'audit_seals_sequence_positive', expression: 'sequence > 0' })
@Trigger({
  name: 'audit_seals_only_grow',
  timing: 'before',
  events: ['update', 'delete', 'truncate'],
  forEach: 'statement',
  body: onlyGrows('audit_seals'),
})
export class AuditSeal {
  /** Starts at 1 and has no gaps. */
  @PrimaryKey({ type: new BigIntType('number'), autoincrement: false })
  sequence!: number;

  @Property({ type: 'uuid' })
  eventId!: string;

  /** The key that made the hash. */
  @Property({ type: 'string', length: 32, collation: 'C' })
  kid!: string;

  /** HMAC-SHA256, base64url. */
  @Property({ type: 'string', length: 43, collation: 'C' })
  hash!: string;
}

/**
 * Records the beginning of the chain that was written to a file and deleted here, up to one seal. Each archive follows
 * the one before. Verification starts after the latest. Rows can only be added.
 */
@Entity({ tableName: 'audit_archives' })
@Check({ name: 'audit_archives_sequence_positive', expression: 'sequence > 0' })
@Trigger({
  name: 'audit_archives_only_grow',
  timing: 'before',
  events: ['update', 'delete', 'truncate'],
  forEach: 'statement',
  body: `raise exception 'audit_archives can only be added to' using errcode = 'insufficient_privilege';`,
})
export class AuditArchive {
  /** The number of the last seal in the file. */
  @PrimaryKey({ type: new BigIntType('number'), autoincrement: false })
  sequence!: number;

  /** The hash of the last seal in the file. */
  @Property({ type: 'string', length: 43, collation: 'C' })
  hash!: string;

  /** The first month that the archive leaves out, in UTC: `2026-06`. */
  @Property({ type: 'string', length: 7, collation: 'C' })
  before!: string;

  /** SHA-256 of the file, hexadecimal. */
  @Property({ type: 'string', length: 64, collation: 'C' })
  digest!: string;

  /** When the rows were deleted. */
  @Property({ type: 'datetime', length: 3 })
  at!: Date;

  /** The key that made the MAC. */
  @Property({ type: 'string', length: 32, collation: 'C' })
  kid!: string;

  /** HMAC-SHA256 over all of the above, base64url. */
  @Property({ type: 'string', length: 43, collation: 'C' })
  mac!: string;
}

/**
 * Identical refusals within one minute, counted in one row. When the minute is over, they become one {@link AuditEvent}
 * and the row is deleted. So refused requests cannot fill the disk.
 */
@Entity({ tableName: 'denials' })
@Index({ properties: ['minute'] })
@Check({ name: 'denials_count_positive', expression: 'count > 0' })
export class Denial {
  @PrimaryKey({ type: 'string', length: 100, collation: 'C' })
  action!: string;

  @PrimaryKey({ type: 'string', length: 50, collation: 'C' })
  reason!: string;

  /** The key of the count: the id of the actor or of the target user, otherwise the network of the address. */
  @PrimaryKey({ type: 'string', length: 50, collation: 'C' })
  key!: string;

  /** Minutes since 1970. */
  @PrimaryKey({ type: 'integer' })
  minute!: number;

  @Enum({ items: () => AuditOutcome })
  outcome!: AuditOutcome;

  /** The instant of the latest refusal. The columns below also describe that one. */
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
