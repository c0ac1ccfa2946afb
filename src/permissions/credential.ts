import { BackupCode, LoginChallenge, OneTimeToken, TotpCredential } from '../entities/credential.ts';
import { evenBeforeEnrollment, noRows, signedIn, steppedUp, type Operations } from './rule.ts';

export const operations: Operations = {
  Mutation: {
    beginTotp: steppedUp(evenBeforeEnrollment),
    confirmTotp: steppedUp(evenBeforeEnrollment),
    disableTotp: steppedUp(signedIn),
    regenerateBackupCodes: steppedUp(signedIn),
  },
};

export const rows = [BackupCode, LoginChallenge, OneTimeToken, TotpCredential].map(noRows);
