import { hasOwner } from './account.ts';
import { regenerateBackupCodes } from './codes.ts';
import { completeLogin } from './complete.ts';
import { confirmTotp } from './confirm.ts';
import { disableTotp } from './disable.ts';
import { beginTotp } from './enrol.ts';
import { logoutAll } from './everywhere.ts';
import { requestPasswordReset } from './forget.ts';
import { login } from './login.ts';
import { logout } from './logout.ts';
import { changePassword } from './password.ts';
import { reauthenticate } from './reauthenticate.ts';
import { refresh } from './refresh.ts';
import { register } from './register.ts';
import { resetPassword } from './reset.ts';
import { revokeSession } from './revoke.ts';
import { setupOwner } from './setup.ts';
import { requestEmailVerification } from './verification.ts';
import { verifyEmail } from './verify.ts';

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
