import { Check, Entity, Enum, ManyToOne, OneToMany, Property, Unique } from '@mikro-orm/decorators/legacy';
import { Collection, type Ref } from '@mikro-orm/core';
import { Field, Int, ObjectType, registerEnumType } from 'type-graphql';
import { Grievance } from './grievance.ts';
import { Listed } from './listing.ts';
import { Contactable, Node, Versioned } from './record.ts';
import { SaltingActivity } from './salting.ts';
import { isAddress } from './user.ts';
import type { FieldProblem } from '../errors.ts';

export enum OrganizationType {
  EMPLOYER = 'employer',
  UNION = 'union',
  TRAINING_PARTNER = 'training_partner',
  JATC = 'jatc',
}

registerEnumType(OrganizationType, {
  name: 'OrganizationType',
  description: 'The type of an organization.',
  valuesConfig: {
    EMPLOYER: { description: 'An employer, with or without a union.' },
    UNION: { description: 'A union local, such as this local.' },
    TRAINING_PARTNER: { description: 'A school or center that trains members.' },
    JATC: { description: 'A joint apprenticeship and training committee (JATC).' },
  },
});

export interface OrganizationFacts {
  name: string;
  orgType: OrganizationType;
  unitSize?: number | null;
  address?: string | null;
  city?: string | null;
  state?: string | null;
  zipCode?: string | null;
  phone?: string | null;
  email?: string | null;
  website?: string | null;
  saltingScore?: number | null;
  saltingNotes?: string | null;
}

/** The actions on an organization besides reading it. */
export enum OrganizationAction {
  CREATE = 'create',
  UPDATE = 'update',
  /** Changes the salting fields. */
  SALT = 'salt',
  DELETE = 'delete',
}

/** The fields for organizing, which only some roles read and change. */
export const saltingFields = ['saltingScore', 'saltingNotes'] as const satisfies readonly (keyof OrganizationFacts)[];

/** Returns the problems of an organization's fields. Omitted fields are not checked. */
export function organizationProblems({
  unitSize,
  email,
  website,
  saltingScore,
}: Partial<OrganizationFacts>): FieldProblem[] {
  const laws: [isBroken: boolean, path: string, message: string][] = [
    [unitSize != null && unitSize <= 0, 'unitSize', 'must be more than zero'],
    [email != null && !isAddress(email), 'email', 'must be an e-mail address'],
    [
      website != null && !isWebAddress(website),
      'website',
      'must be a web address that begins with http:// or https://',
    ],
    [saltingScore != null && (saltingScore < 1 || saltingScore > 5), 'saltingScore', 'must be from 1 to 5'],
  ];
  return laws.flatMap(([isBroken, path, message]) => (isBroken ? [{ path, message }] : []));
}

/** Refuses URLs with a username or a password: every reader of the record would see them. */
function isWebAddress(text: string): boolean {
  if (!/^https?:\/\/[^\s\p{C}@/?#]+([/?#][^\s\p{C}]*)?$/u.test(text)) return false;
  return URL.canParse(text);
}

/** An employer, a union, a training partner or a JATC. */
@ObjectType({
  description: 'An organization: an employer, a union, a training partner, or a JATC.',
  simpleResolvers: true,
  implements: Node,
})
@Entity({ tableName: 'organizations' })
@Listed({
  filter: ['name', 'orgType', 'unitSize', 'city', 'state', 'saltingScore'],
  order: ['name', 'orgType', 'createdAt'],
  by: ['name', 'ASC'],
  texts: ['name', 'city', 'state'],
  search: [{ texts: ['name', 'city'] }, { texts: ['email'], phones: ['phone'] }],
})
@Check({ name: 'organizations_name_not_empty', expression: `name <> ''` })
@Check({ name: 'organizations_email_form', expression: `email ~ '^[^@[:space:]]+@[^@[:space:]]+$'` })
@Check({ name: 'organizations_website_form', expression: `website ~ '^https?://[^[:space:]]+$'` })
@Check({ name: 'organizations_unit_size_positive', expression: 'unit_size > 0' })
@Check({ name: 'organizations_salting_score_range', expression: 'salting_score between 1 and 5' })
export class Organization extends Contactable {
  @Field(() => String, { description: 'The name.' })
  @Property({ type: 'string', length: 200, collation: 'C' })
  name: string;

  @Field(() => OrganizationType, { nullable: true, description: 'The type of the organization.' })
  @Enum({ items: () => OrganizationType })
  orgType: OrganizationType;

  @Field(() => Int, {
    nullable: true,
    description: 'The number of workers in the proposed or actual bargaining unit. Null if not set.',
  })
  @Property({ type: 'integer', nullable: true })
  unitSize: number | null;

  @Field(() => String, { nullable: true, description: 'The URL of the website. Null if not set.' })
  @Property({ type: 'string', length: 300, nullable: true })
  website: string | null;

  @Field(() => Int, {
    nullable: true,
    description: 'The organizing potential, from 1 (low) to 5 (high). Null if not set.',
  })
  @Property({ type: 'integer', nullable: true })
  saltingScore: number | null;

  @Field(() => String, { nullable: true, description: 'Notes for organizers. Null if not set.' })
  @Property({ type: 'text', nullable: true })
  saltingNotes: string | null;

  @Field(() => [OrganizationContact], {
    nullable: true,
    description: 'The contacts at the organization, primary contact first.',
  })
  @OneToMany({
    entity: () => OrganizationContact,
    mappedBy: 'organization',
    orderBy: { isPrimary: 'desc', lastName: 'asc', firstName: 'asc', id: 'asc' },
  })
  contacts = new Collection<OrganizationContact>(this);

  @OneToMany({ entity: () => Grievance, mappedBy: 'employer' })
  grievances = new Collection<Grievance>(this);

  @OneToMany({ entity: () => SaltingActivity, mappedBy: 'organization' })
  saltingActivities = new Collection<SaltingActivity>(this);

  constructor(facts: OrganizationFacts) {
    super();
    this.name = facts.name;
    this.orgType = facts.orgType;
    this.unitSize = facts.unitSize ?? null;
    this.address = facts.address ?? null;
    this.city = facts.city ?? null;
    this.state = facts.state ?? null;
    this.zipCode = facts.zipCode ?? null;
    this.phone = facts.phone ?? null;
    this.email = facts.email ?? null;
    this.website = facts.website ?? null;
    this.saltingScore = facts.saltingScore ?? null;
    this.saltingNotes = facts.saltingNotes ?? null;
  }
}

export interface OrganizationContactFacts {
  organization: Ref<Organization>;
  firstName: string;
  lastName: string;
  title?: string | null;
  phone?: string | null;
  email?: string | null;
  isPrimary: boolean;
  notes?: string | null;
}

/** Returns the problems of a contact's fields. Omitted fields are not checked. */
export const contactProblems = ({ email }: Partial<OrganizationContactFacts>): FieldProblem[] =>
  email != null && !isAddress(email) ? [{ path: 'email', message: 'must be an e-mail address' }] : [];

/** A contact person at an organization. An organization has at most one primary contact. */
@ObjectType({ description: 'A contact person at an organization.', simpleResolvers: true })
@Entity({ tableName: 'organization_contacts' })
@Unique({
  properties: ['organization'],
  where: 'is_primary and deleted_at is null',
  name: 'organization_contacts_single_primary_unique',
})
@Check({ name: 'organization_contacts_name_not_empty', expression: `first_name <> '' and last_name <> ''` })
@Check({ name: 'organization_contacts_email_form', expression: `email ~ '^[^@[:space:]]+@[^@[:space:]]+$'` })
export class OrganizationContact extends Versioned {
  @ManyToOne({ entity: () => Organization, ref: true, deleteRule: 'restrict', index: true })
  organization: Ref<Organization>;

  @Field(() => String, { description: 'The first name.' })
  @Property({ type: 'string', length: 100 })
  firstName: string;

  @Field(() => String, { description: 'The last name.' })
  @Property({ type: 'string', length: 100, collation: 'C' })
  lastName: string;

  @Field(() => String, { nullable: true, description: 'The job title. Null if not set.' })
  @Property({ type: 'string', length: 100, nullable: true })
  title: string | null;

  @Field(() => String, { nullable: true, description: 'The telephone number as entered. Null if not set.' })
  @Property({ type: 'string', length: 50, nullable: true })
  phone: string | null;

  @Field(() => String, { nullable: true, description: 'The e-mail address. Null if not set.' })
  @Property({ type: 'string', length: 254, nullable: true })
  email: string | null;

  @Field(() => Boolean, { description: 'Whether this is the primary contact. An organization has at most one.' })
  @Property({ type: 'boolean' })
  isPrimary: boolean;

  @Field(() => String, { nullable: true, description: 'Additional notes. Null if not set.' })
  @Property({ type: 'text', nullable: true })
  notes: string | null;

  constructor(facts: OrganizationContactFacts) {
    super();
    this.organization = facts.organization;
    this.firstName = facts.firstName;
    this.lastName = facts.lastName;
    this.title = facts.title ?? null;
    this.phone = facts.phone ?? null;
    this.email = facts.email ?? null;
    this.isPrimary = facts.isPrimary;
    this.notes = facts.notes ?? null;
  }
}
