import { BackupCode, TotpCredential } from '../entities/credential.ts';
import { evenBeforeEnrollment, noRows, signedIn, withStepUp, type Operations } from './rule.ts';

export const operations: Operations = {
  Mutation: {
    beginTotp: withStepUp(evenBeforeEnrollment),
    confirmTotp: withStepUp(evenBeforeEnrollment),
    disableTotp: withStepUp(signedIn),
    regenerateBackupCodes: withStepUp(signedIn),
    reauthenticate: evenBeforeEnrollment,
    renewSession: evenBeforeEnrollment,
  },
};

export const rows = [BackupCode, TotpCredential].map(noRows);
