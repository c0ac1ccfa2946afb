import { hasOwner } from '../account/new-account.ts';
import { regenerateBackupCodes } from '../credential/backup-codes.ts';
import { completeLogin } from './complete-login.ts';
import { confirmTotp } from '../credential/confirm-totp.ts';
import { disableTotp } from '../credential/disable-totp.ts';
import { beginTotp } from '../credential/begin-totp.ts';
import { logoutAll } from './logout-all.ts';
import { requestPasswordReset } from '../account/request-password-reset.ts';
import { login } from './login.ts';
import { logout } from './logout.ts';
import { changePassword } from '../account/change-password.ts';
import { reauthenticate } from '../credential/reauthenticate.ts';
import { refresh } from './refresh.ts';
import { register } from '../account/register.ts';
import { resetPassword } from '../account/reset-password.ts';
import { revokeSession } from './revoke-session.ts';
import { setupOwner } from '../account/setup-owner.ts';
import { requestEmailVerification } from '../account/request-verification.ts';
import { verifyEmail } from '../account/verify-email.ts';

/** Signing in and out, second factors, passwords and self-registration. */
export const sessions = {
  login,
  completeLogin,
  reauthenticate,
  refresh,
  logout,
  logoutAll,
  revoke: revokeSession,
  beginTotp,
  confirmTotp,
  disableTotp,
  regenerateBackupCodes,
  changePassword,
  requestPasswordReset,
  resetPassword,
  register,
  requestEmailVerification,
  verifyEmail,
  hasOwner,
  setupOwner,
};
