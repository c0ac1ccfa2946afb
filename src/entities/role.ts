import { Check, Entity, Enum, Index, ManyToOne, Property, Trigger, Unique } from '@mikro-orm/decorators/legacy';
import type { Ref } from '@mikro-orm/core';
import { Field, ObjectType, registerEnumType } from 'type-graphql';
import { BenevolenceReviewLevel } from './benevolence.ts';
import { Dated } from './record.ts';
import { DateTimeScalar } from './scalars.ts';
import { Person, User } from './user.ts';

export enum RoleName {
  ADMIN = 'admin',
  OFFICER = 'officer',
  STAFF = 'staff',
  ORGANIZER = 'organizer',
  INSTRUCTOR = 'instructor',
  MEMBER = 'member',
}

registerEnumType(RoleName, {
  name: 'RoleName',
  description: 'The six system roles. A custom role gives what the one it is based on gives.',
  valuesConfig: {
    ADMIN: { description: 'Runs the service: sees and changes everything.' },
    OFFICER: { description: 'An elected officer: reads every record, handles grievances, reviews and pays benevolence.' },
    STAFF: { description: 'Office staff: keep organizations, members and cases.' },
    ORGANIZER: { description: 'Organizes non-union employers: keeps salting activities.' },
    INSTRUCTOR: { description: 'Teaches apprentices: sees who the members are.' },
    MEMBER: { description: 'A member of the local: sees their own record and cases.' },
  },
});

/** A named set of rights: one of the six system roles, or a custom one that gives what its basis gives. */
@ObjectType({ description: 'A named set of rights that users are assigned.', simpleResolvers: true })
@Entity({ tableName: 'roles' })
@Check({ name: 'roles_name_lower_case', expression: `name = lower(name)` })
export class Role extends Dated {
  @Field(() => String, { description: 'The name that programs use, in lower case; unique.' })
  @Property({ type: 'string', length: 50, collation: 'C' })
  @Unique()
  name: string;

  @Field(() => String, { description: 'The name that people read.' })
  @Property({ type: 'string', length: 100 })
  displayName: string;

  @Field(() => String, { nullable: true, description: 'What the role is for.' })
  @Property({ type: 'text', nullable: true })
  description: string | null = null;

  @Field(() => Boolean, { description: 'Whether this is one of the six that can be neither deleted nor renamed.' })
  @Property({ type: 'boolean' })
  isSystemRole: boolean;

  @Field(() => RoleName, { description: 'The system role whose rights this role gives; a system role is based on itself.' })
  @Enum({ items: () => RoleName })
  basedOn: RoleName;

  constructor(facts: { name: string; displayName: string; description?: string | null; isSystemRole: boolean; basedOn: RoleName }) {
    super();
    this.name = facts.name;
    this.displayName = facts.displayName;
    this.description = facts.description ?? null;
    this.isSystemRole = facts.isSystemRole;
    this.basedOn = facts.basedOn;
  }
}

/** What the system roles are called, and what is said of them. */
export const systemRoles: Readonly<Record<RoleName, readonly [displayName: string, description: string]>> = {
  admin: ['Administrator', 'Runs the service: sees and changes every record, assigns roles, and decides about the settings of the local.'],
  officer: ['Officer', 'An elected officer: keeps members and employers, handles grievances, and reviews and pays benevolence.'],
  staff: ['Staff', 'The office of the local: keeps members and employers, files grievances, and takes in benevolence applications.'],
  organizer: [
    'Organizer',
    'Organizes employers that are not union yet: keeps salting activities and the organizing notes about employers.',
  ],
  instructor: ['Instructor', 'Teaches apprentices and journeymen: sees who the members are, and no case of theirs.'],
  member: ['Member', 'A member of the local: sees their own record, employments, grievances and benevolence applications.'],
};

/** One user's holding of one role, from an instant on and possibly until one. */
@ObjectType('RoleAssignment', { description: "A user's holding of a role.", simpleResolvers: true })
@Entity({ tableName: 'user_roles' })
@Unique({ properties: ['user', 'role'] })
@Check({
  name: 'user_roles_review_levels_known',
  expression: `review_levels <@ array['vp', 'admin', 'manager', 'president']::text[]`,
})
@Index({ properties: ['expiresAt'], where: 'expires_at is not null' })
// Whoever loses a role has the vault closed, by whichever way it was lost.
@Trigger({
  name: 'user_roles_close_vault',
  timing: 'after',
  events: ['update', 'delete'],
  forEach: 'row',
  body: `delete from vault_sessions where session_id in (select id from sessions where user_id = old.user_id); return null;`,
})
export class UserRole extends Dated {
  @ManyToOne({ entity: () => User, ref: true, deleteRule: 'cascade' })
  user: Ref<User>;

  @Field(() => Role, { description: 'The role.' })
  @ManyToOne({ entity: () => Role, ref: true, deleteRule: 'restrict', index: true })
  role: Ref<Role>;

  @Field(() => Person, { nullable: true, description: 'Who assigned it; null where nobody did or the caller may not know.' })
  @ManyToOne({ entity: () => User, ref: true, nullable: true, deleteRule: 'set null', index: true })
  assignedBy: Ref<User> | null;

  @Field(() => DateTimeScalar, { description: 'When the role was assigned.' })
  @Property({ type: 'datetime', length: 3 })
  assignedAt: Date;

  @Field(() => DateTimeScalar, { nullable: true, description: 'From this instant on the assignment gives nothing; null for no end.' })
  @Property({ type: 'datetime', length: 3, nullable: true })
  expiresAt: Date | null;

  @Field(() => [BenevolenceReviewLevel], { description: 'The levels of benevolence review that its holder may decide; empty for none.' })
  @Property({ type: 'array', columnType: 'text[]' })
  reviewLevels: BenevolenceReviewLevel[];

  constructor(facts: {
    user: Ref<User>;
    role: Ref<Role>;
    assignedBy?: Ref<User> | null;
    assignedAt: Date;
    expiresAt?: Date | null;
    reviewLevels?: BenevolenceReviewLevel[];
  }) {
    super();
    this.user = facts.user;
    this.role = facts.role;
    this.assignedBy = facts.assignedBy ?? null;
    this.assignedAt = facts.assignedAt;
    this.expiresAt = facts.expiresAt ?? null;
    this.reviewLevels = facts.reviewLevels ?? [];
  }
}
