import type { GraphQLResolveInfo } from 'graphql';
import { Arg, Args, Ctx, ID, Info, Mutation, Query, Resolver } from 'type-graphql';
import type { Context } from '../context.ts';
import { connectionOf, includeDeletedOptions, pageOf, type Page } from '../entities/page.ts';
import { User } from '../entities/user.ts';
import { creating } from '../services/idempotency.ts';
import { ChangePasswordInput } from '../services/session/password.ts';
import { RegisterInput } from '../services/session/register.ts';
import { ResetPasswordInput } from '../services/session/reset.ts';
import { SetupOwnerInput } from '../services/session/setup.ts';
import { SignedIn } from '../services/session/start.ts';
import { AssignRoleInput } from '../services/user/assign-role.ts';
import { CreateUserInput } from '../services/user/create-user.ts';
import { UpdateProfileInput } from '../services/user/update-profile.ts';
import { UpdateUserInput } from '../services/user/update-user.ts';

const UserConnection = connectionOf(User);
const UserPage = pageOf(User);

@Resolver(User)
export class UserResolver {
  @Query(() => Boolean, { description: 'Whether an owner exists. Answers anyone.' })
  isConfigured(@Ctx() { sessions }: Context) {
    return sessions.hasOwner();
  }

  @Query(() => User, { nullable: true, description: 'Who is asking.' })
  me(@Ctx() { read, viewer }: Context, @Info() info: GraphQLResolveInfo) {
    return read.one(User, { id: viewer.userId }, info);
  }

  @Query(() => UserConnection, { nullable: true, description: 'Users; admins and officers see all, everyone else themselves.' })
  users(@Ctx() { read }: Context, @Args(() => UserPage) page: Page, @Info() info: GraphQLResolveInfo) {
    return read.page(User, page, info);
  }

  @Query(() => User, { nullable: true, description: 'One user.' })
  user(
    @Ctx() { read }: Context,
    @Arg('id', () => ID, { description: 'Their id.' }) id: string,
    @Arg('includeDeleted', () => Boolean, includeDeletedOptions) includeDeleted: boolean,
    @Info() info: GraphQLResolveInfo,
  ) {
    return read.one(User, { id }, info, includeDeleted);
  }

  @Mutation(() => SignedIn, {
    description:
      'First-time set-up: makes the owner, an admin, and signs in. It needs the set-up token that the service printed at its start. CONFLICT once there is an owner.',
  })
  setupOwner(
    @Ctx() { sessions }: Context,
    @Arg('input', () => SetupOwnerInput, { description: 'Who, and the proof that they may.' }) input: SetupOwnerInput,
  ) {
    return sessions.setupOwner(input);
  }

  @Mutation(() => Boolean, {
    description:
      'Makes an account of role member, where registration is open, and mails a token to its address. Until that is given back, the account may only verify its address, and is signed in to by its username.',
  })
  register(
    @Ctx() { sessions }: Context,
    @Arg('input', () => RegisterInput, { description: 'Who wants an account.' }) input: RegisterInput,
  ) {
    return sessions.register(input);
  }

  @Mutation(() => Boolean, {
    description: "Mails a token that verifies the caller's address; earlier ones stop working. Nothing is mailed where it is verified.",
  })
  requestEmailVerification(@Ctx() { sessions }: Context) {
    return sessions.requestEmailVerification();
  }

  @Mutation(() => Boolean, { description: 'Verifies the address that the token was mailed to. A token works once, for a day.' })
  verifyEmail(
    @Ctx() { sessions }: Context,
    @Arg('token', () => String, { description: 'The token of the latest verification mail.' }) token: string,
  ) {
    return sessions.verifyEmail(token);
  }

  @Mutation(() => Boolean, {
    description:
      'Mails a token for a new password to whoever has this address, for half an hour. The answer is true whether or not somebody has it. A reset ends all sessions and voids what was shared in the vault; the second factor stays.',
  })
  requestPasswordReset(
    @Ctx() { sessions }: Context,
    @Arg('email', () => String, { description: 'The e-mail address of an account.' }) email: string,
  ) {
    return sessions.requestPasswordReset(email);
  }

  @Mutation(() => Boolean, {
    description: 'Sets the password of whoever was mailed the token; also how an invited user sets the first one. It verifies the address.',
  })
  resetPassword(
    @Ctx() { sessions }: Context,
    @Arg('input', () => ResetPasswordInput, { description: 'The token, and the new password.' }) input: ResetPasswordInput,
  ) {
    return sessions.resetPassword(input);
  }

  @Mutation(() => SignedIn, {
    description:
      "Changes the caller's password. All other sessions end; this one goes on, with a new access token and the refresh token that it has.",
  })
  changePassword(
    @Ctx() { sessions, cookies }: Context,
    @Arg('input', () => ChangePasswordInput, { description: 'The password as it is, and as it is to be.' }) input: ChangePasswordInput,
  ) {
    return cookies.keep(sessions.changePassword(input, cookies.refreshToken));
  }

  @Mutation(() => User, {
    description:
      "Changes the caller's e-mail address. It is unverified until the token that is mailed to it comes back; the old address is told.",
  })
  async changeEmail(
    @Ctx() { users, read }: Context,
    @Arg('email', () => String, { description: 'The new address.' }) email: string,
    @Info() info: GraphQLResolveInfo,
  ) {
    return read.one(User, { id: await users.changeEmail(email) }, info);
  }

  @Mutation(() => User, { description: 'Changes what the caller is called.' })
  async updateProfile(
    @Ctx() { users, read }: Context,
    @Arg('input', () => UpdateProfileInput, { description: 'What changes.' }) input: UpdateProfileInput,
    @Info() info: GraphQLResolveInfo,
  ) {
    return read.one(User, { id: await users.updateProfile(input) }, info);
  }

  @Mutation(
    () => User,
    creating(
      'Gives somebody an account: an invitation is mailed, whose token sets the first password with `resetPassword`, for a week. That verifies the address too.',
    ),
  )
  async createUser(
    @Ctx() { once, read }: Context,
    @Arg('input', () => CreateUserInput, { description: 'Who, and as what.' }) input: CreateUserInput,
    @Info() info: GraphQLResolveInfo,
  ) {
    return read.one(User, { id: await once(info, ({ users }) => users.create(input)) }, info);
  }

  @Mutation(() => User, {
    description:
      'Changes what a user is called, reached at and linked to. A new address is unverified until the token that is mailed to it comes back, and the former one is told.',
  })
  async updateUser(
    @Ctx() { users, read }: Context,
    @Arg('id', () => ID, { description: 'Their id.' }) id: string,
    @Arg('input', () => UpdateUserInput, { description: 'What changes.' }) input: UpdateUserInput,
    @Info() info: GraphQLResolveInfo,
  ) {
    return read.one(User, { id: await users.update(id, input) }, info);
  }

  @Mutation(() => User, {
    description: "Verifies a user's address by hand. CONFLICT where it is another account's by now.",
  })
  async verifyUser(
    @Ctx() { users, read }: Context,
    @Arg('id', () => ID, { description: 'Their id.' }) id: string,
    @Info() info: GraphQLResolveInfo,
  ) {
    return read.one(User, { id: await users.verify(id) }, info);
  }

  @Mutation(() => User, {
    description:
      'Keeps a user out, from the next request on; all their sessions end. CONFLICT for the owner and the last admin, FORBIDDEN for oneself.',
  })
  async deactivateUser(
    @Ctx() { users, read }: Context,
    @Arg('id', () => ID, { description: 'Their id.' }) id: string,
    @Info() info: GraphQLResolveInfo,
  ) {
    return read.one(User, { id: await users.deactivate(id) }, info);
  }

  @Mutation(() => User, {
    description:
      'Lets a user sign in again, unless they are linked to a member who was deleted. Who was invited and has no password yet is invited anew.',
  })
  async reactivateUser(
    @Ctx() { users, read }: Context,
    @Arg('id', () => ID, { description: 'Their id.' }) id: string,
    @Info() info: GraphQLResolveInfo,
  ) {
    return read.one(User, { id: await users.reactivate(id) }, info);
  }

  @Mutation(() => User, {
    description: 'Forgets all wrong passwords and codes of a user, who can sign in at once.',
  })
  async unlockUser(
    @Ctx() { users, read }: Context,
    @Arg('id', () => ID, { description: 'Their id.' }) id: string,
    @Info() info: GraphQLResolveInfo,
  ) {
    return read.one(User, { id: await users.unlock(id) }, info);
  }

  @Mutation(() => User, {
    description: 'Ends all sessions of another user, who can sign in again and is told by mail. FORBIDDEN for oneself: see logoutAll.',
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
      'Removes the second factor and the backup codes of another user who has lost them. All sessions of the user end, and the user is told by mail. FORBIDDEN for oneself: see disableTotp. CONFLICT for the owner, and where there is no second factor.',
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
      'Deletes a user, who is signed out everywhere and stays known by name where they did something; the username is never given again, but another account may get the address and the member record. CONFLICT for the owner, the last admin, and who represents somebody in an open grievance; FORBIDDEN for oneself.',
  })
  async deleteUser(
    @Ctx() { users, read }: Context,
    @Arg('id', () => ID, { description: 'Their id.' }) id: string,
    @Info() info: GraphQLResolveInfo,
  ) {
    return read.one(User, { id: await users.delete(id) }, info, true);
  }

  @Mutation(() => User, {
    description:
      'Assigns a role, perhaps until an instant; again, it changes on what terms the role is held. FORBIDDEN for oneself; CONFLICT where the owner or the last admin would come to an end.',
  })
  async assignRole(
    @Ctx() { users, read }: Context,
    @Arg('input', () => AssignRoleInput, { description: 'Who, which role, and on what terms.' }) input: AssignRoleInput,
    @Info() info: GraphQLResolveInfo,
  ) {
    return read.one(User, { id: await users.assignRole(input) }, info);
  }

  @Mutation(() => User, {
    description:
      'Takes a role from a user, from the next request on. FORBIDDEN for oneself; CONFLICT where the owner or the last admin would be none any more.',
  })
  async unassignRole(
    @Ctx() { users, read }: Context,
    @Arg('userId', () => ID, { description: 'From whom.' }) userId: string,
    @Arg('roleId', () => ID, { description: 'Which role.' }) roleId: string,
    @Info() info: GraphQLResolveInfo,
  ) {
    return read.one(User, { id: await users.unassignRole({ userId, roleId }) }, info);
  }

  @Mutation(() => User, {
    description:
      'Makes another user the owner: an active admin, without an end, whose address is verified. Only the owner may; whoever was it stays an admin.',
  })
  async transferOwnership(
    @Ctx() { users, read }: Context,
    @Arg('userId', () => ID, { description: 'Who is to own the instance.' }) userId: string,
    @Info() info: GraphQLResolveInfo,
  ) {
    return read.one(User, { id: await users.transferOwnership(userId) }, info);
  }
}
