import { Field, InputType, Int } from 'type-graphql';
import { Organization, organizationProblems, OrganizationType } from '../../entities/organization.ts';
import { recordChange } from '../audit/event.ts';
import { parseInput, assertNoProblems, validValues, flush } from '../record/index.ts';
import type { Scope } from '../scope.ts';
import { notTheirs } from './salting-fields.ts';

@InputType({ description: 'An organization to be recorded.' })
export class CreateOrganizationInput {
  @Field(() => String, { description: 'Name; at most 200 characters.' })
  name!: string;

  @Field(() => OrganizationType, { description: 'What it is to the local.' })
  orgType!: OrganizationType;

  @Field(() => Int, { nullable: true, description: 'Workers in the proposed or actual bargaining unit; more than zero.' })
  unitSize?: number | null;

  @Field(() => String, { nullable: true, description: 'Street address; at most 200 characters.' })
  address?: string | null;

  @Field(() => String, { nullable: true, description: 'City; at most 100 characters.' })
  city?: string | null;

  @Field(() => String, { nullable: true, description: 'State; at most 50 characters.' })
  state?: string | null;

  @Field(() => String, { nullable: true, description: 'ZIP code; at most 20 characters.' })
  zipCode?: string | null;

  @Field(() => String, { nullable: true, description: 'Telephone number, kept as it is entered; at most 50 characters.' })
  phone?: string | null;

  @Field(() => String, { nullable: true, description: 'E-mail address.' })
  email?: string | null;

  @Field(() => String, { nullable: true, description: 'Web site, with http:// or https://; at most 300 characters.' })
  website?: string | null;

  @Field(() => Int, { nullable: true, description: 'How promising organizing here looks, from 1 to 5; for who may change salting.' })
  saltingScore?: number | null;

  @Field(() => String, { nullable: true, description: 'Notes for organizers; for who may change salting.' })
  saltingNotes?: string | null;
}

/**
 * Records an organization.
 * @returns its id.
 * @throws BAD_INPUT naming all that is wrong, the fields that are not the caller's to change among them.
 */
export async function createOrganization(scope: Scope, input: CreateOrganizationInput): Promise<string> {
  const read = parseInput(scope, Organization, input);
  assertNoProblems([...read.problems, ...organizationProblems(validValues(read)), ...notTheirs(scope.viewer, read.values)]);
  const organization = new Organization(read.values);
  scope.em.persist(organization);
  recordChange(scope, {
    action: 'organization.create',
    targetType: 'Organization',
    targetId: organization.id,
  });
  await flush(scope);
  return organization.id;
}
