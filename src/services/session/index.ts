import type { SqlEntityManager } from '@mikro-orm/postgresql';
import type { Viewer } from '../../entities/viewer.ts';
import { hasOwner } from './account.ts';
import { regenerateBackupCodes, type BackupCodes } from './codes.ts';
import { completeLogin, type CompleteLoginInput } from './complete.ts';
import { confirmTotp } from './confirm.ts';
import { disableTotp } from './disable.ts';
import { beginTotp, type TotpEnrollment } from './enrol.ts';
import { logoutAll } from './everywhere.ts';
import { login, type LoginInput, type SecondFactorRequired } from './login.ts';
import { logout } from './logout.ts';
import type { ReauthenticateInput } from './proof.ts';
import { reauthenticate } from './reauthenticate.ts';
import { requestPasswordReset } from './forget.ts';
import { changePassword, type ChangePasswordInput } from './password.ts';
import { refresh } from './refresh.ts';
import { register, type RegisterInput } from './register.ts';
import { resetPassword, type ResetPasswordInput } from './reset.ts';
import { setupOwner, type SetupOwnerInput } from './setup.ts';
import { requestEmailVerification } from './verification.ts';
import { verifyEmail } from './verify.ts';
import { revokeSession } from './revoke.ts';
import type { SignedIn } from './start.ts';
import type { Client, SessionTools } from './tools.ts';

export { authenticate, viewerSql, type RunSql } from './authenticate.ts';
export { endSessions } from './end.ts';
export { voidPair } from './pair.ts';
export { LoginInput, LoginResult, SecondFactorRequired } from './login.ts';
export { deviceSeparator, splitDeviceTokens } from './device.ts';
export { cleanUp, type CleanedUp } from './cleanup.ts';
export { BackupCodes } from './codes.ts';
export { CompleteLoginInput } from './complete.ts';
export { TotpEnrollment } from './enrol.ts';
export { SecondFactorMethod } from './factor.ts';
export { resetAge } from './forget.ts';
export { hasOwner } from './account.ts';
export { makeFirstAdmin } from './first.ts';
export { ChangePasswordInput } from './password.ts';
export { proofsWith, ReauthenticateInput } from './proof.ts';
export { RegisterInput } from './register.ts';
export { ResetPasswordInput } from './reset.ts';
export { SetupOwnerInput } from './setup.ts';
export { startCleanup, type Cleanup } from './rounds.ts';
export { SignedIn, startSession, type TokenCookies } from './start.ts';
export { termsOf, type Client, type SessionRules, type SessionTools } from './tools.ts';

/** How a device signs in, stays signed in, and signs out. */
export class SessionService {
  constructor(
    private readonly em: SqlEntityManager,
    private readonly tools: SessionTools,
  ) {}

  /** @throws BAD_CREDENTIALS, the same for every reason; RATE_LIMITED. */
  login(input: LoginInput, client: Client): Promise<SignedIn | SecondFactorRequired> {
    return login(this.em, this.tools, input, client);
  }

  /** @throws BAD_CREDENTIALS, the same for every reason; RATE_LIMITED. */
  completeLogin(input: CompleteLoginInput, client: Client): Promise<SignedIn> {
    return completeLogin(this.em, this.tools, input, client);
  }

  /** @throws BAD_CREDENTIALS; BAD_INPUT; RATE_LIMITED. */
  reauthenticate(viewer: Viewer, input: ReauthenticateInput, client: Client, cookie = ''): Promise<SignedIn> {
    return reauthenticate(this.em, this.tools, viewer, input, client, cookie);
  }

  /** @throws UNAUTHENTICATED; RATE_LIMITED. */
  refresh(token: string, client: Client, wantsCookies = false): Promise<SignedIn> {
    return refresh(this.em, this.tools, token, client, wantsCookies);
  }

  /** @throws UNAUTHENTICATED */
  logout(viewer: Viewer, client: Client): Promise<true> {
    return logout(this.em, this.tools, viewer, client);
  }

  /** @throws UNAUTHENTICATED */
  logoutAll(viewer: Viewer, client: Client): Promise<true> {
    return logoutAll(this.em, this.tools, viewer, client);
  }

  /** @throws NOT_FOUND */
  revoke(viewer: Viewer, sessionId: string, client: Client): Promise<true> {
    return revokeSession(this.em, this.tools, viewer, sessionId, client);
  }

  /** @throws CONFLICT where there is a second factor already. */
  beginTotp(viewer: Viewer, client: Client): Promise<TotpEnrollment> {
    return beginTotp(this.em, this.tools, viewer, client);
  }

  /** @throws BAD_CREDENTIALS; CONFLICT where none was begun; RATE_LIMITED. */
  confirmTotp(viewer: Viewer, code: string, client: Client): Promise<BackupCodes> {
    return confirmTotp(this.em, this.tools, viewer, code, client);
  }

  /** @returns the user's id. @throws BAD_CREDENTIALS; BAD_INPUT; CONFLICT where there is none; RATE_LIMITED. */
  disableTotp(viewer: Viewer, input: ReauthenticateInput, client: Client): Promise<string> {
    return disableTotp(this.em, this.tools, viewer, input, client);
  }

  /** @throws CONFLICT where there is no second factor; RATE_LIMITED. */
  regenerateBackupCodes(viewer: Viewer, client: Client): Promise<BackupCodes> {
    return regenerateBackupCodes(this.em, this.tools, viewer, client);
  }

  /** @throws BAD_CREDENTIALS, which counts as a failed attempt; BAD_INPUT; UNAUTHENTICATED; RATE_LIMITED. */
  changePassword(viewer: Viewer, input: ChangePasswordInput, client: Client, cookie: string): Promise<SignedIn> {
    return changePassword(this.em, this.tools, viewer, input, client, cookie);
  }

  /** @throws RATE_LIMITED */
  requestPasswordReset(email: string, client: Client): Promise<true> {
    return requestPasswordReset(this.em, this.tools, email, client);
  }

  /** @throws BAD_INPUT; RATE_LIMITED. */
  resetPassword(input: ResetPasswordInput, client: Client): Promise<true> {
    return resetPassword(this.em, this.tools, input, client);
  }

  /** @throws FORBIDDEN where registration is closed; BAD_INPUT; RATE_LIMITED. */
  register(input: RegisterInput, client: Client): Promise<true> {
    return register(this.em, this.tools, input, client);
  }

  /** @throws UNAUTHENTICATED; RATE_LIMITED. */
  requestEmailVerification(viewer: Viewer, client: Client): Promise<true> {
    return requestEmailVerification(this.em, this.tools, viewer, client);
  }

  /** @throws BAD_INPUT */
  verifyEmail(token: string, client: Client): Promise<true> {
    return verifyEmail(this.em, this.tools, token, client);
  }

  /** Whether somebody owns this instance: whether it was set up. */
  hasOwner(): Promise<boolean> {
    return hasOwner(this.em);
  }

  /** @throws CONFLICT where there is an owner; BAD_CREDENTIALS; BAD_INPUT. */
  setupOwner(input: SetupOwnerInput, client: Client): Promise<SignedIn> {
    return setupOwner(this.em, this.tools, input, client);
  }
}
