import { completeLogin } from './complete-login.ts';
import { login } from './login.ts';
import { logoutAll } from './logout-all.ts';
import { logout } from './logout.ts';
import { refresh } from './refresh.ts';
import { revokeSession } from './revoke-session.ts';

/** Signing in and out, and the sessions of the caller. */
export const sessions = {
  login,
  completeLogin,
  refresh,
  logout,
  logoutAll,
  revoke: revokeSession,
};
