import { changeEmail } from './change-email.ts';
import { changePassword } from './change-password.ts';
import { hasOwner } from './new-account.ts';
import { register } from './register.ts';
import { requestPasswordReset } from './request-password-reset.ts';
import { requestEmailVerification } from './request-verification.ts';
import { resetPassword } from './reset-password.ts';
import { setupOwner } from './setup-owner.ts';
import { updateProfile } from './update-profile.ts';
import { verifyEmail } from './verify-email.ts';

/** The caller's own account: registration, the first owner, passwords, e-mail address and profile. */
export const accounts = {
  hasOwner,
  setupOwner,
  register,
  requestEmailVerification,
  verifyEmail,
  requestPasswordReset,
  resetPassword,
  changePassword,
  changeEmail,
  updateProfile,
};
