import { BackupCode, TotpCredential } from '../entities/credential.ts';
import { evenBeforeEnrollment, noRows, signedIn, steppedUp, type Operations } from './rule.ts';

export const operations: Operations = {
  Mutation: {
    beginTotp: steppedUp(evenBeforeEnrollment),
    confirmTotp: steppedUp(evenBeforeEnrollment),
    disableTotp: steppedUp(signedIn),
    regenerateBackupCodes: steppedUp(signedIn),
    reauthenticate: evenBeforeEnrollment,
    renewSession: evenBeforeEnrollment,
  },
};

export const rows = [BackupCode, TotpCredential].map(noRows);
