import { Field, InputType } from 'type-graphql';
import { Organization, organizationProblems, OrganizationType } from '../../entities/organization.ts';
import { recordChange } from '../audit/event.ts';
import { parseInput, assertNoProblems, validValues, flush } from '../record/index.ts';
import type { Scope } from '../scope.ts';
import { OrganizationInput } from './organization-input.ts';
import { saltingFieldProblems } from './salting-fields.ts';

@InputType({ description: 'An organization to create.' })
export class CreateOrganizationInput extends OrganizationInput {
  @Field(() => String, { description: 'The name. At most 200 characters.' })
  name!: string;

  @Field(() => OrganizationType, { description: 'The type of the organization.' })
  orgType!: OrganizationType;
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
