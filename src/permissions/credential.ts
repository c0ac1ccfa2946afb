import { BackupCode, LoginChallenge, OneTimeToken, TotpCredential } from '../entities/credential.ts';
import { noRows, signedIn, steppedUp, type Operations } from './rule.ts';

export const operations: Operations = {
  Mutation: {
    beginTotp: steppedUp(signedIn),
    confirmTotp: steppedUp(signedIn),
    disableTotp: steppedUp(signedIn),
    regenerateBackupCodes: steppedUp(signedIn),
  },
};

export const rows = [BackupCode, LoginChallenge, OneTimeToken, TotpCredential].map(noRows);
