import type { GraphQLResolveInfo } from 'graphql';
import { Arg, Ctx, Info, Mutation, Query, Resolver } from 'type-graphql';
import type { Context } from '../context.ts';
import { User } from '../entities/user.ts';
import { ChangePasswordInput } from '../services/account/change-password.ts';
import { RegisterInput } from '../services/account/register.ts';
import { ResetPasswordInput } from '../services/account/reset-password.ts';
import { SetupOwnerInput } from '../services/account/setup-owner.ts';
import { SignedIn } from '../services/sign-in/start-session.ts';
import { UpdateProfileInput } from '../services/account/update-profile.ts';

@Resolver()
export class AccountResolver {
  @Query(() => Boolean, { description: 'Returns whether an owner account exists.' })
  isConfigured(@Ctx() { accounts }: Context) {
    return accounts.hasOwner();
  }

  @Mutation(() => SignedIn, {
    description:
      'Creates the owner account during first-time setup and signs in. Requires the setup token that the ' +
      'service prints at startup. Fails with CONFLICT if an owner exists.',
  })
  setupOwner(
    @Ctx() { accounts }: Context,
    @Arg('input', () => SetupOwnerInput, { description: 'The owner account and the setup token.' })
    input: SetupOwnerInput,
  ) {
    return accounts.setupOwner(input);
  }

  @Mutation(() => Boolean, {
    description:
      'Creates an account with the member role and sends a verification token by e-mail. Fails with ' +
      'FORBIDDEN if registration is closed. Until verification, the account can do little else and must ' +
      'log in by username.',
  })
  register(
    @Ctx() { accounts }: Context,
    @Arg('input', () => RegisterInput, { description: 'The account to create.' }) input: RegisterInput,
  ) {
    return accounts.register(input);
  }

  @Mutation(() => Boolean, {
    description:
      'Sends a new verification token to the e-mail address of the caller. Earlier tokens become ' +
      'invalid. Sends nothing if the address is already verified.',
  })
  requestEmailVerification(@Ctx() { accounts }: Context) {
    return accounts.requestEmailVerification();
  }

  @Mutation(() => Boolean, {
    description: 'Verifies an e-mail address with the token that was sent to it. A token is valid once, for 24 hours.',
  })
  verifyEmail(
    @Ctx() { accounts }: Context,
    @Arg('token', () => String, { description: 'The token from the latest verification e-mail.' }) token: string,
  ) {
    return accounts.verifyEmail(token);
  }

  @Mutation(() => Boolean, {
    description:
      'Sends a password-reset token by e-mail. The token is valid for 30 minutes. Always returns true, ' +
      'whether or not the account exists.',
  })
  requestPasswordReset(
    @Ctx() { accounts }: Context,
    @Arg('email', () => String, { description: 'The e-mail address of the account.' }) email: string,
  ) {
    return accounts.requestPasswordReset(email);
  }

  @Mutation(() => Boolean, {
    description:
      'Sets a new password with a token from a reset or invitation e-mail, and verifies the address. ' +
      'Ends all sessions and removes vault access. An existing second factor stays active.',
  })
  resetPassword(
    @Ctx() { accounts }: Context,
    @Arg('input', () => ResetPasswordInput, { description: 'The token and the new password.' })
    input: ResetPasswordInput,
  ) {
    return accounts.resetPassword(input);
  }

  @Mutation(() => SignedIn, {
    description:
      'Changes the password of the caller. Ends all other sessions. This session continues with a new ' +
      'access token and its current refresh token.',
  })
  changePassword(
    @Ctx() { accounts, cookies }: Context,
    @Arg('input', () => ChangePasswordInput, { description: 'The current and the new password.' })
    input: ChangePasswordInput,
  ) {
    return cookies.keep(accounts.changePassword(input, cookies.refreshToken));
  }

  @Mutation(() => User, {
    description:
      'Changes the e-mail address of the caller. The new address starts unverified and receives a ' +
      'verification token. The previous address receives a notification.',
  })
  async changeEmail(
    @Ctx() { accounts, read }: Context,
    @Arg('email', () => String, { description: 'The new e-mail address.' }) email: string,
    @Info() info: GraphQLResolveInfo,
  ) {
    return read.one(User, { id: await accounts.changeEmail(email) }, info);
  }

  @Mutation(() => User, { description: 'Changes the name or username of the caller.' })
  async updateProfile(
    @Ctx() { accounts, read }: Context,
    @Arg('input', () => UpdateProfileInput, { description: 'The fields to change.' }) input: UpdateProfileInput,
    @Info() info: GraphQLResolveInfo,
  ) {
    return read.one(User, { id: await accounts.updateProfile(input) }, info);
  }
}
