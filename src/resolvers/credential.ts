import type { GraphQLResolveInfo } from 'graphql';
import { Arg, Ctx, Info, Mutation, Resolver } from 'type-graphql';
import type { Context } from '../context.ts';
import { User } from '../entities/user.ts';
import { ReauthenticateInput } from '../services/proof/proof.ts';
import { BackupCodes } from '../services/credential/backup-codes.ts';
import { TotpEnrollment } from '../services/credential/begin-totp.ts';

@Resolver()
export class CredentialResolver {
  @Mutation(() => TotpEnrollment, {
    description: 'Starts the setup of a second factor. It takes effect after `confirmTotp`. Fails with CONFLICT if a second factor exists.',
  })
  beginTotp(@Ctx() { sessions }: Context) {
    return sessions.beginTotp();
  }

  @Mutation(() => BackupCodes, {
    description:
      'Activates the second factor that `beginTotp` started and returns ten backup codes. Later logins ' +
      'require the second factor. Fails with BAD_CREDENTIALS if the code is wrong.',
  })
  confirmTotp(
    @Ctx() { sessions }: Context,
    @Arg('code', () => String, { description: 'The six-digit code from the authenticator app.' }) code: string,
  ) {
    return sessions.confirmTotp(code);
  }

  @Mutation(() => User, {
    description: 'Removes the second factor and the backup codes of the caller. Fails with CONFLICT without a second factor.',
  })
  async disableTotp(
    @Ctx() { sessions, read }: Context,
    @Arg('input', () => ReauthenticateInput, { description: 'The password, and a code from the authenticator app or a backup code.' })
    input: ReauthenticateInput,
    @Info() info: GraphQLResolveInfo,
  ) {
    return read.one(User, { id: await sessions.disableTotp(input) }, info);
  }

  @Mutation(() => BackupCodes, {
    description: 'Replaces the backup codes of the caller with ten new ones. Fails with CONFLICT without a second factor.',
  })
  regenerateBackupCodes(@Ctx() { sessions }: Context) {
    return sessions.regenerateBackupCodes();
  }
}
