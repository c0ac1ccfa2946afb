import { regenerateBackupCodes } from './backup-codes.ts';
import { beginTotp } from './begin-totp.ts';
import { confirmTotp } from './confirm-totp.ts';
import { disableTotp } from './disable-totp.ts';
import { reauthenticate } from './reauthenticate.ts';

/** Second factors, and step-up authentication. */
export const credentials = {
  beginTotp,
  confirmTotp,
  disableTotp,
  regenerateBackupCodes,
  reauthenticate,
};
