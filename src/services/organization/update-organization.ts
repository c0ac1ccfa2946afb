import { Field, InputType, Int } from 'type-graphql';
import { Organization, organizationProblems, OrganizationType } from '../../entities/organization.ts';
import { versionOptions } from '../../entities/record.ts';
import { recordChange } from '../audit/event.ts';
import { assertVersion, parseInput, findVisible, assertNoProblems, validValues, flush } from '../record/index.ts';
import type { Scope } from '../scope.ts';
import { OrganizationInput } from './organization-input.ts';
import { saltingFieldProblems } from './salting-fields.ts';

@InputType({
  description: 'Changes to an organization. Omitted fields keep their values. Null clears an optional field.',
})
export class UpdateOrganizationInput extends OrganizationInput {
  @Field(() => String, { nullable: true, description: 'The name. At most 200 characters. Must not be null.' })
  name?: string | null;

  @Field(() => OrganizationType, { nullable: true, description: 'The type of the organization. Must not be null.' })
  orgType?: OrganizationType | null;

  @Field(() => Int, versionOptions)
  version?: number | null;
}

/**
 * Changes an organization's record.
 * @returns its id.
 * @throws BAD_INPUT with every problem, including fields that the caller may not change; NOT_FOUND; CONFLICT if the
 * version is outdated.
 */
export async function updateOrganization(
  scope: Scope,
  id: string,
  { version, ...input }: UpdateOrganizationInput,
): Promise<string> {
  const read = parseInput(scope, Organization, input);
  assertNoProblems([
    ...read.problems,
    ...organizationProblems(validValues(read) as Partial<Organization>),
    ...saltingFieldProblems(scope.viewer, read.values as object),
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
