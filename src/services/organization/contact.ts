import { ref } from '@mikro-orm/postgresql';
import { Field, InputType, Int } from 'type-graphql';
import {
  contactProblems,
  Organization,
  OrganizationContact,
  type OrganizationContactFacts,
} from '../../entities/organization.ts';
import { versionOptions } from '../../entities/record.ts';
import type { FieldProblem } from '../../errors.ts';
import { recordChange } from '../audit/event.ts';
import {
  assertVersion,
  parseInput,
  findVisible,
  missingProblems,
  assertNoProblems,
  validValues,
  versionProblems,
  flush,
  type ParsedInput,
} from '../record/index.ts';
import type { Scope } from '../scope.ts';

@InputType({
  description:
    'A new contact or changes to a contact. For changes, omitted fields keep their values, and null clears an optional field.',
})
export class OrganizationContactInput {
  @Field(() => String, {
    nullable: true,
    description: 'The first name. At most 100 characters. Required for a new contact. Must not be null.',
  })
  firstName?: string | null;

  @Field(() => String, {
    nullable: true,
    description: 'The last name. At most 100 characters. Required for a new contact. Must not be null.',
  })
  lastName?: string | null;

  @Field(() => String, { nullable: true, description: 'The job title. At most 100 characters.' })
  title?: string | null;

  @Field(() => String, {
    nullable: true,
    description: 'The telephone number, stored as entered. At most 50 characters.',
  })
  phone?: string | null;

  @Field(() => String, { nullable: true, description: 'The e-mail address.' })
  email?: string | null;

  @Field(() => Boolean, {
    nullable: true,
    description:
      'Whether this is the primary contact. True replaces the current primary contact. Defaults to false ' +
      'for a new contact. Must not be null.',
  })
  isPrimary?: boolean | null;

  @Field(() => String, { nullable: true, description: 'Additional notes.' })
  notes?: string | null;

  @Field(() => Int, versionOptions)
  version?: number | null;
}

/**
 * Adds a contact to an organization.
 * @returns the organization's id.
 * @throws BAD_INPUT with every problem; NOT_FOUND if the organization is missing or hidden from the caller.
 */
export async function addContact(
  scope: Scope,
  organizationId: string,
  input: OrganizationContactInput,
): Promise<string> {
  const { version, ...told } = input;
  const read = parseInput(scope, OrganizationContact, { ...told, isPrimary: input.isPrimary ?? false });
  assertNoProblems([
    ...problemsOf(read),
    ...missingProblems(input, 'firstName', 'lastName'),
    ...versionProblems(version),
  ]);
  return scope.transaction(async (tx) => {
    const organization = await findVisible(tx, Organization, organizationId, { path: 'organizationId', isHeld: true });
    if (input.isPrimary) await replacePrimary(tx, organization);
    const contact = new OrganizationContact({
      ...(read.values as OrganizationContactFacts),
      organization: ref(organization),
    });
    tx.em.persist(contact);
    recordChange(tx, {
      action: 'organization.add_contact',
      targetType: 'OrganizationContact',
      targetId: contact.id,
    });
    await flush(tx);
    return organization.id;
  });
}

/**
 * Changes a contact.
 * @returns the organization's id.
 * @throws BAD_INPUT with every problem; NOT_FOUND; CONFLICT if the version is outdated.
 */
export async function updateContact(
  scope: Scope,
  id: string,
  { version, ...input }: OrganizationContactInput,
): Promise<string> {
  const read = parseInput(scope, OrganizationContact, input);
  assertNoProblems(problemsOf(read));
  return scope.transaction(async (tx) => {
    const { contact, organization } = await held(tx, id);
    assertVersion(contact, version);
    if (Object.keys(read.values).length === 0) return organization.id;
    if (input.isPrimary && !contact.isPrimary) await replacePrimary(tx, organization);
    Object.assign(contact, read.values);
    recordChange(tx, {
      action: 'organization.update_contact',
      targetType: 'OrganizationContact',
      targetId: contact.id,
    });
    await flush(tx);
    return organization.id;
  });
}

/**
 * Deletes a contact. If it was the primary one, the organization has none until another one is chosen.
 * @returns the organization's id.
 * @throws BAD_INPUT if the id is malformed; NOT_FOUND; CONFLICT if the version is outdated.
 */
export async function deleteContact(scope: Scope, id: string, version?: number | null): Promise<string> {
  return scope.transaction(async (tx) => {
    const { contact, organization } = await held(tx, id);
    assertVersion(contact, version);
    contact.deletedAt = scope.now();
    recordChange(tx, {
      action: 'organization.delete_contact',
      targetType: 'OrganizationContact',
      targetId: contact.id,
    });
    await flush(tx);
    return organization.id;
  });
}

const problemsOf = (read: ParsedInput<OrganizationContactInput>): FieldProblem[] => [
  ...read.problems,
  ...contactProblems(validValues(read) as Partial<OrganizationContactFacts>),
];

/** Locks the organization first: concurrent changes of its contacts wait there, and then see the current contact. */
async function held(scope: Scope, id: string): Promise<{ contact: OrganizationContact; organization: Organization }> {
  const seen = await findVisible(scope, OrganizationContact, id);
  const organization = await findVisible(scope, Organization, seen.organization.id, { isHeld: true });
  return { contact: await findVisible(scope, OrganizationContact, id, { isHeld: true }), organization };
}

/** Flushes before another contact becomes primary, so that there are never two. */
async function replacePrimary(scope: Scope, organization: Organization): Promise<void> {
  for (const contact of await scope.em.find(OrganizationContact, { organization: organization.id, isPrimary: true }))
    contact.isPrimary = false;
  await scope.em.flush();
}
