import type { GraphQLResolveInfo } from 'graphql';
import { Arg, Args, Ctx, ID, Info, Mutation, Query, Resolver } from 'type-graphql';
import type { Context } from '../context.ts';
import { connectionOf, includeDeletedOptions, pageOf, type Page } from '../entities/page.ts';
import { User } from '../entities/user.ts';
import { ChangePasswordInput, RegisterInput, ResetPasswordInput, SetupOwnerInput, SignedIn } from '../services/session/index.ts';
import { UpdateProfileInput } from '../services/user/index.ts';

const UserConnection = connectionOf(User);
const UserPage = pageOf(User);

@Resolver(User)
export class UserResolver {
  @Query(() => Boolean, { description: 'Whether an owner exists. Answers anyone.' })
  isConfigured(@Ctx() { users }: Context) {
    return users.hasOwner();
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
    @Ctx() { sessions, client }: Context,
    @Arg('input', () => SetupOwnerInput, { description: 'Who, and the proof that they may.' }) input: SetupOwnerInput,
  ) {
    return sessions.setupOwner(input, client);
  }

  @Mutation(() => Boolean, {
    description:
      'Makes an account of role member, where registration is open, and mails a token to its address. Until that is given back, the account may only verify its address, and is signed in to by its username.',
  })
  register(
    @Ctx() { sessions, client }: Context,
    @Arg('input', () => RegisterInput, { description: 'Who wants an account.' }) input: RegisterInput,
  ) {
    return sessions.register(input, client);
  }

  @Mutation(() => Boolean, {
    description: "Mails a token that verifies the caller's address; earlier ones stop working. Nothing is mailed where it is verified.",
  })
  requestEmailVerification(@Ctx() { sessions, viewer, client }: Context) {
    return sessions.requestEmailVerification(viewer, client);
  }

  @Mutation(() => Boolean, { description: 'Verifies the address that the token was mailed to. A token works once, for a day.' })
  verifyEmail(
    @Ctx() { sessions, client }: Context,
    @Arg('token', () => String, { description: 'The token of the latest verification mail.' }) token: string,
  ) {
    return sessions.verifyEmail(token, client);
  }

  @Mutation(() => Boolean, {
    description:
      'Mails a token for a new password to whoever has this address, for half an hour. The answer is true whether or not somebody has it. A reset ends all sessions and voids what was shared in the vault; the second factor stays.',
  })
  requestPasswordReset(
    @Ctx() { sessions, client }: Context,
    @Arg('email', () => String, { description: 'The e-mail address of an account.' }) email: string,
  ) {
    return sessions.requestPasswordReset(email, client);
  }

  @Mutation(() => Boolean, {
    description: 'Sets the password of whoever was mailed the token; also how an invited user sets the first one. It verifies the address.',
  })
  resetPassword(
    @Ctx() { sessions, client }: Context,
    @Arg('input', () => ResetPasswordInput, { description: 'The token, and the new password.' }) input: ResetPasswordInput,
  ) {
    return sessions.resetPassword(input, client);
  }

  @Mutation(() => SignedIn, {
    description:
      "Changes the caller's password. All other sessions end; this one goes on, with a new access token and the refresh token that it has.",
  })
  changePassword(
    @Ctx() { sessions, viewer, client, cookies }: Context,
    @Arg('input', () => ChangePasswordInput, { description: 'The password as it is, and as it is to be.' }) input: ChangePasswordInput,
  ) {
    return cookies.keep(sessions.changePassword(viewer, input, client, cookies.refreshToken));
  }

  @Mutation(() => User, {
    description:
      "Changes the caller's e-mail address. It is unverified until the token that is mailed to it comes back; the old address is told.",
  })
  async changeEmail(
    @Ctx() { users, viewer, client, read }: Context,
    @Arg('email', () => String, { description: 'The new address.' }) email: string,
    @Info() info: GraphQLResolveInfo,
  ) {
    return read.one(User, { id: await users.changeEmail(viewer, email, client) }, info);
  }

  @Mutation(() => User, { description: 'Changes what the caller is called.' })
  async updateProfile(
    @Ctx() { users, viewer, client, read }: Context,
    @Arg('input', () => UpdateProfileInput, { description: 'What changes.' }) input: UpdateProfileInput,
    @Info() info: GraphQLResolveInfo,
  ) {
    return read.one(User, { id: await users.updateProfile(viewer, input, client) }, info);
  }
}
