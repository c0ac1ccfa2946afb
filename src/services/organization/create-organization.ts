import { Field, InputType, Int } from 'type-graphql';
import { Organization, organizationProblems, OrganizationType } from '../../entities/organization.ts';
import { recordChange } from '../audit/event.ts';
import { parseInput, assertNoProblems, validValues, flush } from '../record/index.ts';
import type { Scope } from '../scope.ts';
import { saltingFieldProblems } from './salting-fields.ts';

@InputType({ description: 'An organization to create.' })
export class CreateOrganizationInput {
  @Field(() => String, { description: 'The name. At most 200 characters.' })
  name!: string;

  @Field(() => OrganizationType, { description: 'The type of the organization.' })
  orgType!: OrganizationType;

  @Field(() => Int, {
    nullable: true,
    description: 'The number of workers in the proposed or actual bargaining unit. Must be more than zero.',
  })
  unitSize?: number | null;

  @Field(() => String, { nullable: true, description: 'The street address. At most 200 characters.' })
  address?: string | null;

  @Field(() => String, { nullable: true, description: 'The city. At most 100 characters.' })
  city?: string | null;

  @Field(() => String, { nullable: true, description: 'The state. At most 50 characters.' })
  state?: string | null;

  @Field(() => String, { nullable: true, description: 'The ZIP code. At most 20 characters.' })
  zipCode?: string | null;

  @Field(() => String, {
    nullable: true,
    description: 'The telephone number, stored as entered. At most 50 characters.',
  })
  phone?: string | null;

  @Field(() => String, { nullable: true, description: 'The e-mail address.' })
  email?: string | null;

  @Field(() => String, {
    nullable: true,
    description: 'The URL of the website, starting with `http://` or `https://`. At most 300 characters.',
  })
  website?: string | null;

  @Field(() => Int, {
    nullable: true,
    description: 'The organizing potential, from 1 (low) to 5 (high). Only admins and organizers can set it.',
  })
  saltingScore?: number | null;

  @Field(() => String, {
    nullable: true,
    description: 'Notes for organizers. Only admins and organizers can set them.',
  })
  saltingNotes?: string | null;
}

/**
 * Records an organization.
 * @returns its id.
 * @throws BAD_INPUT with every problem, including fields that the caller may not set.
 */
export async function createOrganization(scope: Scope, input: CreateOrganizationInput): Promise<string> {
  const read = parseInput(scope, Organization, input);
  assertNoProblems([
    ...read.problems,
    ...organizationProblems(validValues(read)),
    ...saltingFieldProblems(scope.viewer, read.values),
  ]);
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
