import type { GraphQLResolveInfo } from 'graphql';
import { Arg, Ctx, Info, Mutation, Resolver } from 'type-graphql';
import type { Context } from '../context.ts';
import { User } from '../entities/user.ts';
import { ReauthenticateInput } from '../services/proof/proof.ts';
import { BackupCodes } from '../services/credential/backup-codes.ts';
import { SignedIn } from '../services/sign-in/start-session.ts';
import { TotpEnrollment } from '../services/credential/begin-totp.ts';

@Resolver()
export class CredentialResolver {
  @Mutation(() => TotpEnrollment, {
    description:
      'Starts the setup of a second factor. It takes effect after `confirmTotp`. Fails with CONFLICT if a second factor exists.',
  })
  beginTotp(@Ctx() { credentials }: Context) {
    return credentials.beginTotp();
  }

  @Mutation(() => BackupCodes, {
    description:
      'Activates the second factor that `beginTotp` started and returns ten backup codes. Later logins ' +
      'require the second factor. Fails with BAD_CREDENTIALS if the code is wrong.',
  })
  confirmTotp(
    @Ctx() { credentials }: Context,
    @Arg('code', () => String, { description: 'The six-digit code from the authenticator app.' }) code: string,
  ) {
    return credentials.confirmTotp(code);
  }

  @Mutation(() => User, {
    description:
      'Removes the second factor and the backup codes of the caller. Fails with CONFLICT without a second factor.',
  })
  async disableTotp(
    @Ctx() { credentials, read }: Context,
    @Arg('input', () => ReauthenticateInput, {
      description: 'The password, and a code from the authenticator app or a backup code.',
    })
    input: ReauthenticateInput,
    @Info() info: GraphQLResolveInfo,
  ) {
    return read.one(User, { id: await credentials.disableTotp(input) }, info);
  }

  @Mutation(() => BackupCodes, {
    description:
      'Replaces the backup codes of the caller with ten new ones. Fails with CONFLICT without a second factor.',
  })
  regenerateBackupCodes(@Ctx() { credentials }: Context) {
    return credentials.regenerateBackupCodes();
  }

  @Mutation(() => Boolean, {
    description: 'Verifies the identity of the caller again, as step-up authentication for the current session.',
  })
  async reauthenticate(
    @Ctx() { credentials }: Context,
    @Arg('input', () => ReauthenticateInput, {
      description: 'The password and, if the account has a second factor, a code.',
    })
    input: ReauthenticateInput,
  ) {
    await credentials.reauthenticate(input);
    return true;
  }

  @Mutation(() => SignedIn, {
    description:
      'Verifies the identity of the caller again, like `reauthenticate`. Returns a new access token and the current refresh token.',
  })
  renewSession(
    @Ctx() { credentials, cookies }: Context,
    @Arg('input', () => ReauthenticateInput, {
      description: 'The password and, if the account has a second factor, a code.',
    })
    input: ReauthenticateInput,
  ) {
    return cookies.keep(credentials.reauthenticate(input, cookies.refreshToken));
  }
}
