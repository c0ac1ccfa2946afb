import { Check, Entity, Formula, Index, ManyToOne, OneToMany, Property, Unique } from '@mikro-orm/decorators/legacy';
import { Collection, type Ref } from '@mikro-orm/core';
import { Field, ID, Int, ObjectType } from 'type-graphql';
import { normalizeEmail, normalizeIdentifier } from './identifier.ts';
import { Derived, Listed } from './listing.ts';
import { Member } from './member.ts';
import { Kept, Node } from './record.ts';
import { UserRole } from './role.ts';
import { DateTimeScalar } from './scalars.ts';
import { isLonger } from './text.ts';
import type { Viewer } from './viewer.ts';

/** An account that can sign in. */
@ObjectType({ description: 'A user account.', simpleResolvers: true, implements: Node })
@Entity({ tableName: 'users' })
@Listed({
  filter: ['username', 'email', 'firstName', 'lastName', 'isActive', 'isVerified', 'lockedUntil', 'member'],
  order: ['username', 'email', 'lastName', 'createdAt'],
  by: ['username', 'ASC'],
  texts: ['username', 'email', 'firstName', 'lastName'],
  unique: ['username', 'email'],
  normalized: { username: normalizeIdentifier, email: normalizeEmail },
  next: { lastName: 'firstName' },
  search: [{ texts: ['firstName', 'lastName', 'username', 'email'] }],
})
@Unique({
  name: 'users_username_unique',
  expression: 'create unique index "users_username_unique" on "users" (lower("username"))',
})
// A self-entered address is only a claim until it is verified, and several users may claim the same one. A unique index
// over claims would reveal whether an account has the address. A deleted user holds neither an address nor a member.
@Unique({
  name: 'users_email_proved_unique',
  expression: `create unique index "users_email_proved_unique" on "users" (lower("email"))
    where ("is_verified" or not ("is_self_registered" or "is_email_claimed")) and "deleted_at" is null`,
})
@Unique({
  name: 'users_member_id_unique',
  expression: 'create unique index "users_member_id_unique" on "users" ("member_id") where "deleted_at" is null',
})
@Index({ name: 'users_email_claimed', expression: 'create index "users_email_claimed" on "users" (lower("email"))' })
@Unique({
  name: 'users_single_owner_unique',
  expression: 'create unique index "users_single_owner_unique" on "users" ("is_owner") where "is_owner"',
})
@Check({ name: 'users_username_form', expression: `username ~ '^[A-Za-z0-9._-]{2,50}$'` })
@Check({ name: 'users_email_form', expression: `email ~ '^[^@[:space:]]+@[^@[:space:]]+$'` })
@Check({ name: 'users_failed_login_attempts_not_negative', expression: 'failed_login_attempts >= 0' })
export class User extends Kept {
  @Field(() => String, {
    description:
      'The username for login: 2 to 50 characters from A–Z, a–z, 0–9, `.`, `_`, and `-`. Unique, ignoring case.',
  })
  @Property({ type: 'string', length: 50, collation: 'C' })
  username: string;

  @Field(() => String, {
    description:
      'The e-mail address. Verified addresses are unique, ignoring case. An unverified address can also belong to another user.',
  })
  @Property({ type: 'string', length: 254, collation: 'C' })
  email: string;

  @Property({ type: 'string', length: 500 })
  passwordHash: string;

  @Field(() => String, { description: 'The first name.' })
  @Property({ type: 'string', length: 100, collation: 'C' })
  firstName: string;

  @Field(() => String, { description: 'The last name.' })
  @Property({ type: 'string', length: 100, collation: 'C' })
  lastName: string;

  @Field(() => Boolean, { description: 'Whether the account is active. Inactive users cannot sign in.' })
  @Property({ type: 'boolean' })
  isActive: boolean = true;

  @Field(() => Boolean, { description: 'Whether the e-mail address is verified.' })
  @Property({ type: 'boolean' })
  isVerified: boolean = false;

  /** Whether the user registered themselves, so that nobody else vouches for the account. */
  @Property({ type: 'boolean', default: false })
  isSelfRegistered: boolean = false;

  /** Whether the user changed the address, so that nobody else vouches for it until it is verified. */
  @Property({ type: 'boolean', default: false })
  isEmailClaimed: boolean = false;

  @Field(() => Boolean, { description: 'Whether the user owns the instance. There is one owner.' })
  @Property({ type: 'boolean' })
  isOwner: boolean = false;

  @Field(() => Boolean, {
    nullable: true,
    description:
      'Whether the user must change the password. Until then, most operations fail with PASSWORD_CHANGE_REQUIRED.',
  })
  @Property({ type: 'boolean' })
  passwordMustChange: boolean = false;

  /**
   * How often the user's key pair was written. The mark of the pair covers this number, so that restoring an earlier
   * pair is detected.
   */
  @Property({ type: 'integer', default: 0 })
  keyVersion: number = 0;

  @Field(() => Int, {
    nullable: true,
    description: 'The number of consecutive wrong passwords from devices that have never signed in as this user.',
  })
  @Property({ type: 'integer' })
  failedLoginAttempts: number = 0;

  @Field(() => DateTimeScalar, {
    nullable: true,
    description:
      'When the login lock after wrong passwords ends. It can be in the past. Null if no lock occurred since the last login.',
  })
  @Property({ type: 'datetime', length: 3, nullable: true })
  lockedUntil: Date | null = null;

  @Field(() => DateTimeScalar, {
    nullable: true,
    description: 'When the user last signed in. Null if the user never signed in.',
  })
  @Property({ type: 'datetime', length: 3, nullable: true })
  lastLoginAt: Date | null = null;

  @Field(() => Member, {
    nullable: true,
    description: 'The linked member record. Null if none is linked or when hidden from the caller.',
  })
  @ManyToOne({ entity: () => Member, ref: true, nullable: true, deleteRule: 'restrict', index: true })
  member: Ref<Member> | null = null;

  @Field(() => Boolean, { nullable: true, description: 'Whether login requires a second factor.' })
  @Formula(
    (user) => `exists (select 1 from totp_credentials c where c.user_id = ${user.id} and c.confirmed_at is not null)`,
    {
      type: 'boolean',
      lazy: true,
    },
  )
  hasTotp?: boolean;

  @Field(() => Boolean, {
    nullable: true,
    description:
      'Whether the roles of the caller require a second factor that is not set up yet. Until then, most ' +
      'operations fail with SECOND_FACTOR_ENROLLMENT_REQUIRED. Null for other users.',
  })
  @Derived('id')
  mustEnrollSecondFactor(viewer: Viewer): boolean | null {
    return this.id === viewer.userId ? viewer.mustEnroll : null;
  }

  @Field(() => [UserRole], { description: 'The role assignments of the user, including expired ones.' })
  @OneToMany({ entity: () => UserRole, mappedBy: 'user', orderBy: { assignedAt: 'asc', id: 'asc' } })
  roles = new Collection<UserRole>(this);

  @Field(() => String, { description: 'The first and last name.' })
  @Derived('firstName', 'lastName')
  get fullName(): string {
    return `${this.firstName} ${this.lastName}`;
  }

  /** Whether the account was created for a person who has not chosen a password yet. */
  get isInvited(): boolean {
    return this.passwordHash === noPassword;
  }

  constructor(facts: UserFacts & { readonly passwordHash: string }) {
    super();
    this.username = facts.username;
    this.email = facts.email;
    this.passwordHash = facts.passwordHash;
    this.firstName = facts.firstName;
    this.lastName = facts.lastName;
  }
}

/** Stored instead of a hash until the first password is chosen. It is not a valid hash, so no password matches. */
export const noPassword = 'none';

/**
 * SQL for whether the user at an alias holds the address: verified it, or got it from an administrator or an import.
 */
export const holdsEmail = (user: string): string =>
  `((${user}.is_verified or not (${user}.is_self_registered or ${user}.is_email_claimed)) and ${user}.deleted_at is null)`;

/** The names and the address of a user. */
export interface UserFacts {
  readonly username: string;
  readonly email: string;
  readonly firstName: string;
  readonly lastName: string;
}

/**
 * Addresses that mail servers accept without quotes. They cannot contain characters that end an address or start
 * another header.
 */
const addressForm = /^[^\s\p{C}@<>()[\]\\,;:"]{1,64}@[^\s\p{C}@<>()[\]\\,;:"]{1,253}$/u;

/** Whether mail can be sent to the address. */
export const isAddress = (email: string): boolean => email.length <= 254 && addressForm.test(email);

/** Returns the problems of a user's names and address. */
export function userProblems({
  username,
  email,
  firstName,
  lastName,
}: Partial<UserFacts>): { path: keyof UserFacts; message: string }[] {
  const problems: { path: keyof UserFacts; message: string }[] = [];
  if (username !== undefined && !/^[A-Za-z0-9._-]{2,50}$/.test(username))
    problems.push({
      path: 'username',
      message: 'must have 2 to 50 characters: unaccented letters, digits, ".", "_" and "-"',
    });
  // a trailing dot would make a second address of the same mailbox
  if (email !== undefined && !(isAddress(email) && /@[\x21-\x7e]+(?<!\.)$/.test(email)))
    problems.push({ path: 'email', message: 'must be an e-mail address' });
  for (const [path, name] of [
    ['firstName', firstName],
    ['lastName', lastName],
  ] as const)
    if (name !== undefined && (name.trim() === '' || isLonger(name, 100) || /\p{Cc}|\p{Surrogate}/u.test(name)))
      problems.push({ path, message: 'must have 1 to 100 characters' });
  return problems;
}

/** A user as other records show them: only the name. */
@ObjectType({ description: 'A user as shown on other records, with only the name.', simpleResolvers: true })
export class Person {
  @Field(() => ID, {
    description: 'The id of this Person for client caches. It differs from the id of the user, see `userId`.',
  })
  @Derived('id')
  id(this: { readonly id: string }): string {
    return personIdOf(this.id);
  }

  @Field(() => ID, { description: 'The id of the user. Use it in arguments and filters that take a user id.' })
  @Derived('id')
  userId(this: { readonly id: string }): string {
    return this.id;
  }

  @Field(() => String, { description: 'The first and last name.' })
  fullName!: string;
}

/**
 * Returns the id of a user as a {@link Person}. Clients cache records by id, Relay only by id, so the two ids must
 * differ. It is the user's id with the UUID version for applications (RFC 9562, section 5.8).
 */
export const personIdOf = (userId: string): string => `${userId.slice(0, 14)}8${userId.slice(15)}`;
