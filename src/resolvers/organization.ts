import type { GraphQLResolveInfo } from 'graphql';
import { Arg, Args, Ctx, FieldResolver, ID, Info, Int, Mutation, Query, Resolver, Root } from 'type-graphql';
import type { Context } from '../context.ts';
import { Organization } from '../entities/organization.ts';
import { connectionOf, includeDeletedOptions, pageOf, type Page } from '../entities/page.ts';
import { versionOptions } from '../entities/record.ts';
import { creating } from '../services/idempotency.ts';
import { OrganizationContactInput } from '../services/organization/contact.ts';
import { CreateOrganizationInput } from '../services/organization/create-organization.ts';
import { UpdateOrganizationInput } from '../services/organization/update-organization.ts';
import { GrievanceConnection, GrievancePage } from './grievance.ts';
import { SaltingActivityConnection, SaltingActivityPage } from './salting.ts';

const OrganizationConnection = connectionOf(Organization);
const OrganizationPage = pageOf(Organization);

@Resolver(Organization)
export class OrganizationResolver {
  @Query(() => OrganizationConnection, {
    nullable: true,
    description: 'Lists organizations: employers, unions, training partners, and JATCs.',
  })
  organizations(@Ctx() { read }: Context, @Args(() => OrganizationPage) page: Page, @Info() info: GraphQLResolveInfo) {
    return read.page(Organization, page, info);
  }

  @Query(() => Organization, {
    nullable: true,
    description: 'Returns an organization. Fails with NOT_FOUND if it does not exist or is hidden from the caller.',
  })
  organization(
    @Ctx() { read }: Context,
    @Arg('id', () => ID, { description: 'The id of the organization.' }) id: string,
    @Arg('includeDeleted', () => Boolean, includeDeletedOptions) includeDeleted: boolean,
    @Info() info: GraphQLResolveInfo,
  ) {
    return read.one(Organization, { id }, info, includeDeleted);
  }

  @Mutation(() => Organization, creating('Creates an organization.'))
  async createOrganization(
    @Ctx() { read, once }: Context,
    @Arg('input', () => CreateOrganizationInput, { description: 'The organization to create.' })
    input: CreateOrganizationInput,
    @Info() info: GraphQLResolveInfo,
  ) {
    return read.one(Organization, { id: await once(info, ({ organizations }) => organizations.create(input)) }, info);
  }

  @Mutation(() => Organization, {
    description: 'Changes an organization. Organizers can change only the salting fields.',
  })
  async updateOrganization(
    @Ctx() { read, organizations }: Context,
    @Arg('id', () => ID, { description: 'The id of the organization.' }) id: string,
    @Arg('input', () => UpdateOrganizationInput, { description: 'The fields to change.' })
    input: UpdateOrganizationInput,
    @Info() info: GraphQLResolveInfo,
  ) {
    return read.one(Organization, { id: await organizations.update(id, input) }, info);
  }

  @Mutation(() => Organization, {
    description:
      'Deletes an organization. Existing records keep showing it. Fails with CONFLICT if a grievance against it is open.',
  })
  async deleteOrganization(
    @Ctx() { read, organizations }: Context,
    @Arg('id', () => ID, { description: 'The id of the organization.' }) id: string,
    @Arg('version', () => Int, versionOptions) version: number | null,
    @Info() info: GraphQLResolveInfo,
  ) {
    return read.deleted(Organization, await organizations.delete(id, version ?? null), info);
  }

  @Mutation(() => Organization, creating('Adds a contact to an organization and returns the organization.'))
  async createOrganizationContact(
    @Ctx() { read, once }: Context,
    @Arg('organizationId', () => ID, { description: 'The id of the organization.' }) organizationId: string,
    @Arg('input', () => OrganizationContactInput, { description: 'The contact to add.' })
    input: OrganizationContactInput,
    @Info() info: GraphQLResolveInfo,
  ) {
    return read.one(
      Organization,
      { id: await once(info, ({ organizations }) => organizations.addContact(organizationId, input)) },
      info,
    );
  }

  @Mutation(() => Organization, { description: 'Changes a contact and returns the organization.' })
  async updateOrganizationContact(
    @Ctx() { read, organizations }: Context,
    @Arg('id', () => ID, { description: 'The id of the contact.' }) id: string,
    @Arg('input', () => OrganizationContactInput, { description: 'The fields to change.' })
    input: OrganizationContactInput,
    @Info() info: GraphQLResolveInfo,
  ) {
    return read.one(Organization, { id: await organizations.updateContact(id, input) }, info);
  }

  @Mutation(() => Organization, { description: 'Deletes a contact and returns the organization.' })
  async deleteOrganizationContact(
    @Ctx() { read, organizations }: Context,
    @Arg('id', () => ID, { description: 'The id of the contact.' }) id: string,
    @Arg('version', () => Int, versionOptions) version: number | null,
    @Info() info: GraphQLResolveInfo,
  ) {
    return read.one(Organization, { id: await organizations.deleteContact(id, version ?? null) }, info);
  }

  @FieldResolver(() => GrievanceConnection, {
    nullable: true,
    description: 'The grievances against this organization as the employer.',
  })
  grievances(
    @Root() row: unknown,
    @Ctx() { read }: Context,
    @Args(() => GrievancePage) page: Page,
    @Info() info: GraphQLResolveInfo,
  ) {
    return read.related(row, page, info);
  }

  @FieldResolver(() => SaltingActivityConnection, {
    nullable: true,
    description: 'The salting activities that target this organization.',
  })
  saltingActivities(
    @Root() row: unknown,
    @Ctx() { read }: Context,
    @Args(() => SaltingActivityPage) page: Page,
    @Info() info: GraphQLResolveInfo,
  ) {
    return read.related(row, page, info);
  }
}
