import { Check, Entity, Enum, ManyToOne, OneToMany, Property, Unique } from '@mikro-orm/decorators/legacy';
import { Collection, type Ref } from '@mikro-orm/core';
import { Field, Int, ObjectType, registerEnumType } from 'type-graphql';
import { BenevolenceApplication } from './benevolence.ts';
import { Grievance } from './grievance.ts';
import { Derived, Listed } from './listing.ts';
import { MemberNote } from './note.ts';
import { Organization } from './organization.ts';
import { Contactable, Dated, Node, versionDescription } from './record.ts';
import { SaltingActivity } from './salting.ts';
import { cents, DateScalar, DecimalScalar } from './scalars.ts';
import { isAddress } from './user.ts';
import type { FieldProblem } from '../errors.ts';

export enum MemberStatus {
  ACTIVE = 'active',
  INACTIVE = 'inactive',
  SUSPENDED = 'suspended',
  RETIRED = 'retired',
  DECEASED = 'deceased',
}

registerEnumType(MemberStatus, {
  name: 'MemberStatus',
  description: 'The membership status.',
  valuesConfig: {
    ACTIVE: { description: 'In good standing.' },
    INACTIVE: { description: 'On the membership rolls but not working under an agreement.' },
    SUSPENDED: { description: 'Membership rights are suspended, for example for unpaid dues.' },
    RETIRED: { description: 'Retired.' },
    DECEASED: { description: 'Deceased.' },
  },
});

export enum MemberClassification {
  APPRENTICE_1 = 'apprentice_1',
  APPRENTICE_2 = 'apprentice_2',
  APPRENTICE_3 = 'apprentice_3',
  APPRENTICE_4 = 'apprentice_4',
  APPRENTICE_5 = 'apprentice_5',
  JOURNEYMAN = 'journeyman',
  FOREMAN = 'foreman',
  RETIREE = 'retiree',
  HONORARY = 'honorary',
}

registerEnumType(MemberClassification, {
  name: 'MemberClassification',
  description: 'The trade classification of a member.',
  valuesConfig: {
    APPRENTICE_1: { description: 'First-year apprentice.' },
    APPRENTICE_2: { description: 'Second-year apprentice.' },
    APPRENTICE_3: { description: 'Third-year apprentice.' },
    APPRENTICE_4: { description: 'Fourth-year apprentice.' },
    APPRENTICE_5: { description: 'Fifth-year apprentice.' },
    JOURNEYMAN: { description: 'Journeyman.' },
    FOREMAN: { description: 'Foreman.' },
    RETIREE: { description: 'Retiree.' },
    HONORARY: { description: 'Honorary member.' },
  },
});

export interface MemberFacts {
  memberNumber: string;
  firstName: string;
  lastName: string;
  middleName?: string | null;
  status?: MemberStatus;
  classification: MemberClassification;
  address?: string | null;
  city?: string | null;
  state?: string | null;
  zipCode?: string | null;
  phone?: string | null;
  email?: string | null;
  dateOfBirth?: string | null;
  hireDate?: string | null;
  notes?: string | null;
}

/** How to enter a person with one name, because both names are required. */
export const oneName = 'for a person with one name, enter it as lastName and FNU (first name unknown) as firstName';

/** Returns the problems of a member's fields. Omitted fields are not checked. */
export function memberProblems(
  { memberNumber, email, dateOfBirth, hireDate }: Partial<MemberFacts>,
  today: string,
): FieldProblem[] {
  const laws: [isBroken: boolean, path: string, message: string][] = [
    [
      memberNumber !== undefined && !/^[A-Za-z0-9]+$/.test(memberNumber),
      'memberNumber',
      'must contain only unaccented letters and digits',
    ],
    [email != null && !isAddress(email), 'email', 'must be an e-mail address'],
    [dateOfBirth != null && dateOfBirth > today, 'dateOfBirth', 'must not be in the future'],
    [hireDate != null && hireDate > today, 'hireDate', 'must not be in the future'],
    [dateOfBirth != null && hireDate != null && dateOfBirth >= hireDate, 'hireDate', 'must be after the date of birth'],
  ];
  return laws.flatMap(([isBroken, path, message]) => (isBroken ? [{ path, message }] : []));
}

@ObjectType({ description: 'A member of the local.', simpleResolvers: true, implements: Node })
@Entity({ tableName: 'members' })
@Listed({
  filter: ['memberNumber', 'firstName', 'lastName', 'status', 'classification', 'city', 'state', 'hireDate'],
  order: ['lastName', 'firstName', 'memberNumber', 'status', 'createdAt'],
  by: ['lastName', 'ASC'],
  texts: ['memberNumber', 'firstName', 'lastName', 'city', 'state'],
  unique: ['memberNumber'],
  next: { lastName: 'firstName', firstName: 'lastName' },
  search: [{ texts: ['firstName', 'middleName', 'lastName', 'memberNumber'] }, { texts: ['email'], phones: ['phone'] }],
})
@Unique({
  name: 'members_member_number_unique',
  expression: 'create unique index "members_member_number_unique" on "members" (lower("member_number"))',
})
@Check({ name: 'members_name_not_empty', expression: `first_name <> '' and last_name <> ''` })
@Check({ name: 'members_email_form', expression: `email ~ '^[^@[:space:]]+@[^@[:space:]]+$'` })
@Check({ name: 'members_born_before_hired', expression: 'date_of_birth < hire_date' })
@Check({ name: 'members_member_number_form', expression: `member_number ~ '^[A-Za-z0-9]+$'` })
export class Member extends Contactable {
  @Field(() => String, {
    description: 'The number on the union card: letters (A–Z) and digits. Unique, ignoring case.',
  })
  @Property({ type: 'string', length: 30, collation: 'C' })
  memberNumber: string;

  @Field(() => String, { description: 'The first name.' })
  @Property({ type: 'string', length: 100, collation: 'C' })
  firstName: string;

  @Field(() => String, { description: 'The last name.' })
  @Property({ type: 'string', length: 100, collation: 'C' })
  lastName: string;

  @Field(() => String, { nullable: true, description: 'The middle name or initial. Null if not set.' })
  @Property({ type: 'string', length: 100, nullable: true })
  middleName: string | null;

  @Field(() => String, { description: 'The first, middle, and last name.' })
  @Derived('firstName', 'middleName', 'lastName')
  get fullName(): string {
    return [this.firstName, this.middleName, this.lastName].filter(Boolean).join(' ');
  }

  @Field(() => MemberStatus, { description: 'The membership status.' })
  @Enum({ items: () => MemberStatus })
  status: MemberStatus;

  @Field(() => MemberClassification, { nullable: true, description: 'The trade classification.' })
  @Enum({ items: () => MemberClassification })
  classification: MemberClassification;

  @Field(() => DateScalar, { nullable: true, description: 'The date of birth. Null if not set.' })
  @Property({ type: 'date', nullable: true })
  dateOfBirth: string | null;

  @Field(() => DateScalar, {
    nullable: true,
    description: 'The date on which the member joined the trade or the local. Null if not set.',
  })
  @Property({ type: 'date', nullable: true })
  hireDate: string | null;

  @Field(() => String, { nullable: true, description: 'Additional notes, which the member can read. Null if not set.' })
  @Property({ type: 'text', nullable: true })
  notes: string | null;

  @Field(() => [MemberEmployment], {
    nullable: true,
    description: 'The employments of the member, latest first. Organizers see only current employments.',
  })
  @OneToMany({ entity: () => MemberEmployment, mappedBy: 'member', orderBy: { startDate: 'desc', id: 'desc' } })
  employments = new Collection<MemberEmployment>(this);

  @OneToMany({ entity: () => Grievance, mappedBy: 'member' })
  grievances = new Collection<Grievance>(this);

  @OneToMany({ entity: () => BenevolenceApplication, mappedBy: 'member' })
  benevolenceApplications = new Collection<BenevolenceApplication>(this);

  @OneToMany({ entity: () => MemberNote, mappedBy: 'member' })
  memberNotes = new Collection<MemberNote>(this);

  @OneToMany({ entity: () => SaltingActivity, mappedBy: 'member' })
  saltingActivities = new Collection<SaltingActivity>(this);

  constructor(facts: MemberFacts) {
    super();
    this.memberNumber = facts.memberNumber;
    this.firstName = facts.firstName;
    this.lastName = facts.lastName;
    this.middleName = facts.middleName ?? null;
    this.status = facts.status ?? MemberStatus.ACTIVE;
    this.classification = facts.classification;
    this.address = facts.address ?? null;
    this.city = facts.city ?? null;
    this.state = facts.state ?? null;
    this.zipCode = facts.zipCode ?? null;
    this.phone = facts.phone ?? null;
    this.email = facts.email ?? null;
    this.dateOfBirth = facts.dateOfBirth ?? null;
    this.hireDate = facts.hireDate ?? null;
    this.notes = facts.notes ?? null;
  }
}

export interface EmploymentFacts {
  startDate: string;
  endDate?: string | null;
  jobTitle?: string | null;
  hourlyRate?: string | null;
}

/**
 * Returns the problems of an employment's fields. Omitted fields are not checked. An employment without an end date is
 * current, so neither date may be in the future.
 */
export function employmentProblems(
  { startDate, endDate, hourlyRate }: Partial<EmploymentFacts>,
  today: string,
): FieldProblem[] {
  const laws: [isBroken: boolean, path: string, message: string][] = [
    [startDate !== undefined && startDate > today, 'startDate', 'must not be in the future'],
    [endDate != null && endDate > today, 'endDate', 'must not be in the future'],
    [startDate !== undefined && endDate != null && endDate < startDate, 'endDate', 'must not be before the start date'],
    [hourlyRate != null && cents(hourlyRate) <= 0n, 'hourlyRate', 'must be more than zero'],
  ];
  return laws.flatMap(([isBroken, path, message]) => (isBroken ? [{ path, message }] : []));
}

/** A member's time with one employer. */
@ObjectType({ description: 'A period of employment of a member.', simpleResolvers: true })
@Entity({ tableName: 'member_employments' })
@Check({ name: 'member_employments_end_after_start', expression: 'end_date >= start_date' })
@Check({ name: 'member_employments_hourly_rate_positive', expression: 'hourly_rate > 0' })
export class MemberEmployment extends Dated {
  @ManyToOne({ entity: () => Member, ref: true, deleteRule: 'restrict', index: true })
  member: Ref<Member>;

  @Field(() => Organization, { nullable: true, description: 'The employer. Null when hidden from the caller.' })
  @ManyToOne({ entity: () => Organization, ref: true, deleteRule: 'restrict', index: true })
  organization: Ref<Organization>;

  @Field(() => DateScalar, { nullable: true, description: 'The first day of the employment.' })
  @Property({ type: 'date' })
  startDate: string;

  @Field(() => DateScalar, {
    nullable: true,
    description: 'The last day of the employment. Null while the employment continues.',
  })
  @Property({ type: 'date', nullable: true })
  endDate: string | null;

  @Field(() => Boolean, { description: 'Whether the employment continues: it has no last day.' })
  @Derived('endDate')
  get isCurrent(): boolean {
    return this.endDate === null;
  }

  @Field(() => String, { nullable: true, description: 'The job title. Null if not set.' })
  @Property({ type: 'string', length: 100, nullable: true })
  jobTitle: string | null;

  @Field(() => DecimalScalar, { nullable: true, description: 'The hourly rate in US dollars. Null if not set.' })
  @Property({ type: 'decimal', precision: 12, scale: 2, nullable: true })
  hourlyRate: string | null;

  @Field(() => Int, { description: versionDescription })
  @Property({ type: 'integer', version: true })
  version!: number;

  constructor(facts: EmploymentFacts & { member: Ref<Member>; organization: Ref<Organization> }) {
    super();
    this.member = facts.member;
    this.organization = facts.organization;
    this.startDate = facts.startDate;
    this.endDate = facts.endDate ?? null;
    this.jobTitle = facts.jobTitle ?? null;
    this.hourlyRate = facts.hourlyRate ?? null;
  }
}
