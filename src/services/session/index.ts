import type { SqlEntityManager } from '@mikro-orm/postgresql';
import type { Viewer } from '../../entities/viewer.ts';
import { login, type LoginInput, type SecondFactorRequired } from './login.ts';
import { logout } from './logout.ts';
import { refresh } from './refresh.ts';
import type { SignedIn } from './start.ts';
import type { Client, SessionTools } from './tools.ts';

export { authenticate, viewerSql, type RunSql } from './authenticate.ts';
export { endSessions } from './end.ts';
export { LoginInput, LoginResult, SecondFactorMethod, SecondFactorRequired } from './login.ts';
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

  /** @throws UNAUTHENTICATED */
  refresh(token: string, client: Client, wantsCookies = false): Promise<SignedIn> {
    return refresh(this.em, this.tools, token, client, wantsCookies);
  }

  /** @throws UNAUTHENTICATED */
  logout(viewer: Viewer, client: Client): Promise<true> {
    return logout(this.em, this.tools, viewer, client);
  }
}
