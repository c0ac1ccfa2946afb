import type { GraphQLResolveInfo } from 'graphql';
import { Arg, Ctx, Info, Mutation, Resolver } from 'type-graphql';
import type { Context } from '../context.ts';
import { User } from '../entities/user.ts';
import { ReauthenticateInput } from '../services/proof/proof.ts';
import { BackupCodes } from '../services/session/codes.ts';
import { TotpEnrollment } from '../services/session/enrol.ts';

@Resolver()
export class CredentialResolver {
  @Mutation(() => TotpEnrollment, {
    description: 'Begins to set up a second factor for the caller. It counts only after confirmTotp. Needs a fresh proof of who it is.',
  })
  beginTotp(@Ctx() { sessions }: Context) {
    return sessions.beginTotp();
  }

  @Mutation(() => BackupCodes, {
    description:
      'Confirms the second factor that was begun: from then on, signing in asks for it. Answers ten backup codes, this one time. Needs a fresh proof of who it is.',
  })
  confirmTotp(
    @Ctx() { sessions }: Context,
    @Arg('code', () => String, { description: 'The six digits that the authenticator app shows.' }) code: string,
  ) {
    return sessions.confirmTotp(code);
  }

  @Mutation(() => User, {
    description:
      "Removes the caller's second factor and its backup codes, after the password and a code. Needs a fresh proof of who it is.",
  })
  async disableTotp(
    @Ctx() { sessions, read }: Context,
    @Arg('input', () => ReauthenticateInput, { description: 'The password, and a code of the second factor or a backup code.' })
    input: ReauthenticateInput,
    @Info() info: GraphQLResolveInfo,
  ) {
    return read.one(User, { id: await sessions.disableTotp(input) }, info);
  }

  @Mutation(() => BackupCodes, {
    description: 'Gives the caller ten new backup codes; the old ones no longer work. Needs a fresh proof of who it is.',
  })
  regenerateBackupCodes(@Ctx() { sessions }: Context) {
    return sessions.regenerateBackupCodes();
  }
}
