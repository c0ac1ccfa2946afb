import type { GraphQLResolveInfo } from 'graphql';
import { Arg, Args, Ctx, ID, Info, Mutation, Query, Resolver } from 'type-graphql';
import type { Context } from '../context.ts';
import { connectionOf, includeDeletedOptions, pageOf, type Page } from '../entities/page.ts';
import { User } from '../entities/user.ts';
import { creating } from '../services/idempotency.ts';
import { AssignRoleInput } from '../services/user/assign-role.ts';
import { CreateUserInput } from '../services/user/create-user.ts';
import { UpdateUserInput } from '../services/user/update-user.ts';

const UserConnection = connectionOf(User);
const UserPage = pageOf(User);

@Resolver(User)
export class UserResolver {
  @Query(() => User, { nullable: true, description: "Returns the caller's own user account." })
  me(@Ctx() { read, viewer }: Context, @Info() info: GraphQLResolveInfo) {
    return read.one(User, { id: viewer.userId }, info);
  }

  @Query(() => UserConnection, { nullable: true, description: 'Lists user accounts.' })
  users(@Ctx() { read }: Context, @Args(() => UserPage) page: Page, @Info() info: GraphQLResolveInfo) {
    return read.page(User, page, info);
  }

  @Query(() => User, {
    nullable: true,
    description: 'Returns a user account. Fails with NOT_FOUND if it does not exist or is hidden from the caller.',
  })
  user(
    @Ctx() { read }: Context,
    @Arg('id', () => ID, { description: 'The id of the user.' }) id: string,
    @Arg('includeDeleted', () => Boolean, includeDeletedOptions) includeDeleted: boolean,
    @Info() info: GraphQLResolveInfo,
  ) {
    return read.one(User, { id }, info, includeDeleted);
  }

  @Mutation(
    () => User,
    creating(
      'Creates a user account and sends an invitation by e-mail. The user sets the first password with ' +
        '`resetPassword` and the token from the e-mail, which also verifies the address. The token is ' +
        'valid for 7 days by default.',
    ),
  )
  async createUser(
    @Ctx() { once, read }: Context,
    @Arg('input', () => CreateUserInput, { description: 'The account to create.' }) input: CreateUserInput,
    @Info() info: GraphQLResolveInfo,
  ) {
    return read.one(User, { id: await once(info, ({ users }) => users.create(input)) }, info);
  }

  @Mutation(() => User, {
    description:
      'Changes the name, e-mail address, or member link of a user. A new address starts unverified and ' +
      'receives a verification token. The previous address receives a notification.',
  })
  async updateUser(
    @Ctx() { users, read }: Context,
    @Arg('id', () => ID, { description: 'The id of the user.' }) id: string,
    @Arg('input', () => UpdateUserInput, { description: 'The fields to change.' }) input: UpdateUserInput,
    @Info() info: GraphQLResolveInfo,
  ) {
    return read.one(User, { id: await users.update(id, input) }, info);
  }

  @Mutation(() => User, {
    description:
      'Marks the e-mail address of a user as verified. Fails with CONFLICT if another account already uses the address.',
  })
  async verifyUser(
    @Ctx() { users, read }: Context,
    @Arg('id', () => ID, { description: 'The id of the user.' }) id: string,
    @Info() info: GraphQLResolveInfo,
  ) {
    return read.one(User, { id: await users.verify(id) }, info);
  }

  @Mutation(() => User, {
    description:
      'Deactivates a user, effective with the next request, and ends all sessions of the user. Fails ' +
      "with CONFLICT for the owner and the last admin. Fails with FORBIDDEN for the caller's own " +
      'account.',
  })
  async deactivateUser(
    @Ctx() { users, read }: Context,
    @Arg('id', () => ID, { description: 'The id of the user.' }) id: string,
    @Info() info: GraphQLResolveInfo,
  ) {
    return read.one(User, { id: await users.deactivate(id) }, info);
  }

  @Mutation(() => User, {
    description:
      'Reactivates a user. A user who has not set a password receives a new invitation. Fails with ' +
      'CONFLICT if the linked member record is deleted.',
  })
  async reactivateUser(
    @Ctx() { users, read }: Context,
    @Arg('id', () => ID, { description: 'The id of the user.' }) id: string,
    @Info() info: GraphQLResolveInfo,
  ) {
    return read.one(User, { id: await users.reactivate(id) }, info);
  }

  @Mutation(() => User, {
    description: 'Resets the failed login attempts of a user and ends any lock.',
  })
  async unlockUser(
    @Ctx() { users, read }: Context,
    @Arg('id', () => ID, { description: 'The id of the user.' }) id: string,
    @Info() info: GraphQLResolveInfo,
  ) {
    return read.one(User, { id: await users.unlock(id) }, info);
  }

  @Mutation(() => User, {
    description:
      'Ends all sessions of another user and notifies the user by e-mail. Fails with FORBIDDEN for the ' +
      "caller's own account; use `logoutAll` instead.",
  })
  async endSessions(
    @Ctx() { users, read }: Context,
    @Arg('userId', () => ID, { description: 'The id of the user.' }) userId: string,
    @Info() info: GraphQLResolveInfo,
  ) {
    return read.one(User, { id: await users.endSessions(userId) }, info);
  }

  @Mutation(() => User, {
    description:
      'Removes the second factor and the backup codes of another user. Ends all sessions of the user and ' +
      'sends a notification. Fails with CONFLICT for the owner or without a second factor. Fails with ' +
      "FORBIDDEN for the caller's own account; use `disableTotp` instead.",
  })
  async removeSecondFactor(
    @Ctx() { users, read }: Context,
    @Arg('userId', () => ID, { description: 'The id of the user.' }) userId: string,
    @Info() info: GraphQLResolveInfo,
  ) {
    return read.one(User, { id: await users.removeSecondFactor(userId) }, info);
  }

  @Mutation(() => User, {
    description:
      'Deletes a user and ends all sessions of the user. Existing records keep showing the name, and the ' +
      'username stays reserved. Another account can use the address and the member record. Fails with ' +
      'CONFLICT for the owner, the last admin, and a representative in an open grievance. Fails with ' +
      "FORBIDDEN for the caller's own account.",
  })
  async deleteUser(
    @Ctx() { users, read }: Context,
    @Arg('id', () => ID, { description: 'The id of the user.' }) id: string,
    @Info() info: GraphQLResolveInfo,
  ) {
    return read.one(User, { id: await users.delete(id) }, info, true);
  }

  @Mutation(() => User, {
    description:
      "Assigns a role to a user or changes an existing assignment. Fails with FORBIDDEN for the caller's " +
      'own roles. Fails with CONFLICT if an expiry date would end the admin role of the owner or the last admin.',
  })
  async assignRole(
    @Ctx() { users, read }: Context,
    @Arg('input', () => AssignRoleInput, { description: 'The user, the role, and the terms of the assignment.' })
    input: AssignRoleInput,
    @Info() info: GraphQLResolveInfo,
  ) {
    return read.one(User, { id: await users.assignRole(input) }, info);
  }

  @Mutation(() => User, {
    description:
      'Removes a role from a user, effective with the next request. Fails with FORBIDDEN for the ' +
      "caller's own roles. Fails with CONFLICT if the owner or the last admin would lose the admin role.",
  })
  async unassignRole(
    @Ctx() { users, read }: Context,
    @Arg('userId', () => ID, { description: 'The id of the user.' }) userId: string,
    @Arg('roleId', () => ID, { description: 'The id of the role.' }) roleId: string,
    @Info() info: GraphQLResolveInfo,
  ) {
    return read.one(User, { id: await users.unassignRole({ userId, roleId }) }, info);
  }

  @Mutation(() => User, {
    description:
      'Makes another user the owner. The previous owner remains an admin. Fails with CONFLICT unless the ' +
      'new owner is an active admin with a verified address and a role that does not expire.',
  })
  async transferOwnership(
    @Ctx() { users, read }: Context,
    @Arg('userId', () => ID, { description: 'The id of the new owner.' }) userId: string,
    @Info() info: GraphQLResolveInfo,
  ) {
    return read.one(User, { id: await users.transferOwnership(userId) }, info);
  }
}
