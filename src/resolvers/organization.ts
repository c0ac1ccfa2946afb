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
  @Query(() => OrganizationConnection, { nullable: true, description: 'Organizations: employers, the local, training partners, JATCs.' })
  organizations(@Ctx() { read }: Context, @Args(() => OrganizationPage) page: Page, @Info() info: GraphQLResolveInfo) {
    return read.page(Organization, page, info);
  }

  @Query(() => Organization, { nullable: true, description: 'One organization.' })
  organization(
    @Ctx() { read }: Context,
    @Arg('id', () => ID, { description: 'Its id.' }) id: string,
    @Arg('includeDeleted', () => Boolean, includeDeletedOptions) includeDeleted: boolean,
    @Info() info: GraphQLResolveInfo,
  ) {
    return read.one(Organization, { id }, info, includeDeleted);
  }

  @Mutation(() => Organization, creating('Records an organization.'))
  async createOrganization(
    @Ctx() { read, once }: Context,
    @Arg('input', () => CreateOrganizationInput, { description: 'What is known of it.' }) input: CreateOrganizationInput,
    @Info() info: GraphQLResolveInfo,
  ) {
    return read.one(Organization, { id: await once(info, ({ organizations }) => organizations.create(input)) }, info);
  }

  @Mutation(() => Organization, { description: 'Changes what is recorded of an organization; organizers change its salting fields.' })
  async updateOrganization(
    @Ctx() { read, organizations }: Context,
    @Arg('id', () => ID, { description: 'Its id.' }) id: string,
    @Arg('input', () => UpdateOrganizationInput, { description: 'What changes.' }) input: UpdateOrganizationInput,
    @Info() info: GraphQLResolveInfo,
  ) {
    return read.one(Organization, { id: await organizations.update(id, input) }, info);
  }

  @Mutation(() => Organization, {
    description: 'Deletes an organization against which no grievance is open. What was recorded about it keeps showing it.',
  })
  async deleteOrganization(
    @Ctx() { read, organizations }: Context,
    @Arg('id', () => ID, { description: 'Its id.' }) id: string,
    @Arg('version', () => Int, versionOptions) version: number | null,
    @Info() info: GraphQLResolveInfo,
  ) {
    return read.deleted(Organization, await organizations.delete(id, version ?? null), info);
  }

  @Mutation(() => Organization, creating('Adds a contact to an organization, which is answered.'))
  async createOrganizationContact(
    @Ctx() { read, once }: Context,
    @Arg('organizationId', () => ID, { description: 'The id of the organization.' }) organizationId: string,
    @Arg('input', () => OrganizationContactInput, { description: 'Who it is.' }) input: OrganizationContactInput,
    @Info() info: GraphQLResolveInfo,
  ) {
    return read.one(Organization, { id: await once(info, ({ organizations }) => organizations.addContact(organizationId, input)) }, info);
  }

  @Mutation(() => Organization, { description: 'Changes a contact, and answers the organization.' })
  async updateOrganizationContact(
    @Ctx() { read, organizations }: Context,
    @Arg('id', () => ID, { description: 'The id of the contact.' }) id: string,
    @Arg('input', () => OrganizationContactInput, { description: 'What changes.' }) input: OrganizationContactInput,
    @Info() info: GraphQLResolveInfo,
  ) {
    return read.one(Organization, { id: await organizations.updateContact(id, input) }, info);
  }

  @Mutation(() => Organization, { description: 'Deletes a contact, and answers the organization.' })
  async deleteOrganizationContact(
    @Ctx() { read, organizations }: Context,
    @Arg('id', () => ID, { description: 'The id of the contact.' }) id: string,
    @Arg('version', () => Int, versionOptions) version: number | null,
    @Info() info: GraphQLResolveInfo,
  ) {
    return read.one(Organization, { id: await organizations.deleteContact(id, version ?? null) }, info);
  }

  @FieldResolver(() => GrievanceConnection, { nullable: true, description: 'The grievances filed against this employer.' })
  grievances(@Root() row: unknown, @Ctx() { read }: Context, @Args(() => GrievancePage) page: Page, @Info() info: GraphQLResolveInfo) {
    return read.related(row, page, info);
  }

  @FieldResolver(() => SaltingActivityConnection, { nullable: true, description: 'The organizing activities that targeted it.' })
  saltingActivities(
    @Root() row: unknown,
    @Ctx() { read }: Context,
    @Args(() => SaltingActivityPage) page: Page,
    @Info() info: GraphQLResolveInfo,
  ) {
    return read.related(row, page, info);
  }
}
