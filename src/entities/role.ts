import { Check, Entity, Enum, Index, ManyToOne, Property, Trigger, Unique } from '@mikro-orm/decorators/legacy';
import type { Ref } from '@mikro-orm/core';
import { Field, ObjectType, registerEnumType } from 'type-graphql';
import { conflict, type FieldProblem } from '../errors.ts';
import { BenevolenceReviewLevel } from './benevolence.ts';
import { Dated, Node } from './record.ts';
import { DateTimeScalar } from './scalars.ts';
import { isLonger } from './text.ts';
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
  description: 'A system role. A custom role grants the rights of the system role that it is based on.',
  valuesConfig: {
    ADMIN: { description: 'Administers the service, its users, and all records.' },
    OFFICER: {
      description:
        'An elected officer. Manages members, organizations, and grievances. Reviews and pays benevolence applications.',
    },
    STAFF: { description: 'Office staff. Manages members, organizations, grievances, and benevolence drafts.' },
    ORGANIZER: { description: 'An organizer. Manages salting activities.' },
    INSTRUCTOR: { description: 'An instructor of apprentices. Sees the names and status of members.' },
    MEMBER: { description: 'A member of the local. Sees their own record and cases.' },
  },
});

/** A named set of rights: a system role, or a custom role with the rights of the role that it is based on. */
@ObjectType({
  description: 'A named set of rights that can be assigned to users.',
  simpleResolvers: true,
  implements: Node,
})
@Entity({ tableName: 'roles' })
@Check({ name: 'roles_name_lower_case', expression: `name = lower(name)` })
export class Role extends Dated {
  @Field(() => String, { description: 'The unique name for programs, in lower case.' })
  @Property({ type: 'string', length: 50, collation: 'C' })
  @Unique()
  name: string;

  @Field(() => String, { description: 'The name for display.' })
  @Property({ type: 'string', length: 100 })
  displayName: string;

  @Field(() => String, { nullable: true, description: 'The purpose of the role. Null if not set.' })
  @Property({ type: 'text', nullable: true })
  description: string | null = null;

  @Field(() => Boolean, { description: 'Whether this is a system role. System roles cannot be deleted or renamed.' })
  @Property({ type: 'boolean' })
  isSystemRole: boolean;

  @Field(() => RoleName, {
    description: 'The system role whose rights this role grants. For a system role, the role itself.',
  })
  @Enum({ items: () => RoleName })
  basedOn: RoleName;

  constructor(facts: {
    name: string;
    displayName: string;
    description?: string | null;
    isSystemRole: boolean;
    basedOn: RoleName;
  }) {
    super();
    this.name = facts.name;
    this.displayName = facts.displayName;
    this.description = facts.description ?? null;
    this.isSystemRole = facts.isSystemRole;
    this.basedOn = facts.basedOn;
  }

  /** Whether holders may decide on benevolence applications, at the levels of their assignment. */
  get mayReview(): boolean {
    return this.basedOn === RoleName.ADMIN || this.basedOn === RoleName.OFFICER;
  }

  /** Changes the given texts. @throws CONFLICT if a system role would get another display name. */
  describe({ displayName = this.displayName, description = this.description }: RoleDescription): void {
    if (this.isSystemRole && displayName !== this.displayName)
      throw conflict('A system role cannot be renamed. You can change only its description.', 'system_role');
    this.displayName = displayName;
    this.description = description;
  }
}

/** The texts of a role. */
export interface RoleDescription {
  readonly displayName?: string | undefined;
  readonly description?: string | null | undefined;
}

/** The maximum number of characters in a description. */
const longestDescription = 2000;

/** Returns the problems of a role's texts. */
export function roleProblems({
  name,
  displayName,
  description,
}: RoleDescription & { readonly name?: string | undefined }): FieldProblem[] {
  const problems: FieldProblem[] = [];
  if (name !== undefined && !/^[a-z][a-z0-9_-]{0,49}$/.test(name))
    problems.push({
      path: 'name',
      message: 'must have 1 to 50 characters: lowercase letters, digits, "_" and "-", starting with a letter',
    });
  if (displayName != null && /\p{Cc}/u.test(displayName))
    problems.push({ path: 'displayName', message: 'must be one line' });
  if (description != null && isLonger(description, longestDescription))
    problems.push({ path: 'description', message: `must have at most ${longestDescription} characters` });
  return problems;
}

/** The display names and descriptions of the system roles. */
export const systemRoles: Readonly<Record<RoleName, readonly [displayName: string, description: string]>> = {
  admin: [
    'Administrator',
    'Runs the service: sees and changes every record, assigns roles, and decides about the settings of the local.',
  ],
  officer: [
    'Officer',
    'An elected officer: keeps members and employers, handles grievances, and reviews and pays benevolence.',
  ],
  staff: [
    'Staff',
    'The office of the local: keeps members and employers, files grievances, and takes in benevolence applications.',
  ],
  organizer: [
    'Organizer',
    'Organizes employers that are not union yet: keeps salting activities and the organizing notes about employers.',
  ],
  instructor: ['Instructor', 'Teaches apprentices and journeymen: sees who the members are, and no case of theirs.'],
  member: [
    'Member',
    'A member of the local: sees their own record, employments, grievances and benevolence applications.',
  ],
};

/** The assignment of a role to a user, from an instant on, possibly until another. */
@ObjectType('RoleAssignment', { description: 'The assignment of a role to a user.', simpleResolvers: true })
@Entity({ tableName: 'user_roles' })
@Unique({ properties: ['user', 'role'] })
@Check({
  name: 'user_roles_review_levels_known',
  expression: `review_levels <@ array['vp', 'admin', 'manager', 'president']::text[]`,
})
@Index({ properties: ['expiresAt'], where: 'expires_at is not null' })
// Losing a role closes the user's vault sessions, however it was lost.
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

  @Field(() => Person, {
    nullable: true,
    description: 'The user who assigned the role. Null for automatic assignments and when hidden from the caller.',
  })
  @ManyToOne({ entity: () => User, ref: true, nullable: true, deleteRule: 'set null', index: true })
  assignedBy: Ref<User> | null;

  @Field(() => DateTimeScalar, { description: 'When the role was assigned or the assignment last changed.' })
  @Property({ type: 'datetime', length: 3 })
  assignedAt: Date;

  @Field(() => DateTimeScalar, { nullable: true, description: 'When the assignment expires. Null means never.' })
  @Property({ type: 'datetime', length: 3, nullable: true })
  expiresAt: Date | null;

  @Field(() => [BenevolenceReviewLevel], {
    description: 'The benevolence review levels that the user may decide. Empty if not set.',
  })
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

  hasExpired(at: Date): boolean {
    return this.expiresAt !== null && this.expiresAt <= at;
  }

  /** Assigns the role again on other terms. Omitted terms stay, unless the assignment has expired. */
  renew({ expiresAt, reviewLevels }: AssignmentTerms, assignedBy: Ref<User>, at: Date): void {
    const isAnew = this.hasExpired(at);
    this.expiresAt = expiresAt === undefined && !isAnew ? this.expiresAt : (expiresAt ?? null);
    this.reviewLevels = reviewLevels === undefined && !isAnew ? this.reviewLevels : [...(reviewLevels ?? [])];
    this.assignedBy = assignedBy;
    this.assignedAt = at;
  }
}

/** SQL for whether the role assignment at an alias is in force. @param now SQL for the current instant. */
export const isInForce = (assignment: string, now: string): string =>
  `(${assignment}.expires_at is null or ${assignment}.expires_at > ${now})`;

/** The terms of an assignment. Null clears a term. */
export interface AssignmentTerms {
  readonly expiresAt?: Date | null | undefined;
  readonly reviewLevels?: readonly BenevolenceReviewLevel[] | null | undefined;
}

/** Returns the problems of the terms. */
export function termProblems(
  { expiresAt, reviewLevels }: AssignmentTerms,
  role: Pick<Role, 'mayReview'> | null,
  at: Date,
): FieldProblem[] {
  const problems: FieldProblem[] = [];
  if (expiresAt && expiresAt <= at) problems.push({ path: 'expiresAt', message: 'must be in the future' });
  if (new Set(reviewLevels).size < (reviewLevels ?? []).length)
    problems.push({ path: 'reviewLevels', message: 'must not list a level twice' });
  if (role && !role.mayReview && reviewLevels?.length)
    problems.push({ path: 'reviewLevels', message: 'must be empty: only admins and officers review applications' });
  return problems;
}
