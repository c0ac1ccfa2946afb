import { Field, InputType, Int } from 'type-graphql';
import { Organization, organizationProblems, OrganizationType } from '../../entities/organization.ts';
import { versionOptions } from '../../entities/record.ts';
import { recordChange } from '../audit/event.ts';
import { assertVersion, parseInput, findVisible, assertNoProblems, validValues, flush } from '../record/index.ts';
import type { Scope } from '../scope.ts';
import { notTheirs } from './salting-fields.ts';

@InputType({ description: 'What changes of an organization; what is left out stays, null clears.' })
export class UpdateOrganizationInput {
  @Field(() => String, { nullable: true, description: 'Name; at most 200 characters.' })
  name?: string | null;

  @Field(() => OrganizationType, { nullable: true, description: 'What it is to the local.' })
  orgType?: OrganizationType | null;

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

  @Field(() => Int, versionOptions)
  version?: number | null;
}

/**
 * Changes what is recorded of an organization.
 * @returns its id.
 * @throws BAD_INPUT naming all that is wrong, the fields that are not the caller's to change among them; NOT_FOUND;
 * CONFLICT for another version.
 */
export async function updateOrganization(scope: Scope, id: string, { version, ...input }: UpdateOrganizationInput): Promise<string> {
  const read = parseInput(scope, Organization, input);
  assertNoProblems([
    ...read.problems,
    ...organizationProblems(validValues(read) as Partial<Organization>),
    ...notTheirs(scope.viewer, read.values as object),
  ]);
  return scope.transaction(async (tx) => {
    const organization = await findVisible(tx, Organization, id, { isHeld: true });
    assertVersion(organization, version);
    if (Object.keys(read.values).length === 0) return organization.id;
    Object.assign(organization, read.values);
    recordChange(tx, {
      action: 'organization.update',
      targetType: 'Organization',
      targetId: organization.id,
    });
    await flush(tx);
    return organization.id;
  });
}
