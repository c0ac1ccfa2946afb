import { Field, Int, ObjectType } from 'type-graphql';
import { v7 as uuidv7 } from 'uuid';
import { AuditOutcome } from '../../entities/audit.ts';
import { databaseNow } from '../../entities/clock.ts';
import { Session } from '../../entities/session.ts';
import { User } from '../../entities/user.ts';
import { recordAudit } from '../audit/event.ts';
import { signAccessToken } from '../crypto/jwt.ts';
import { mintRefreshToken } from '../crypto/refresh.ts';
import { hashToken } from '../crypto/token.ts';
import { after, termsOf } from './session-terms.ts';
import type { Scope } from '../scope.ts';

/** The tokens that a device gets at a sign-in or refresh. */
export interface IssuedSession {
  readonly userId: string;
  readonly sessionId: string;
  readonly refreshToken: string;
  /** The counter of the refresh token, which the access token also contains. */
  readonly counter: number;
  readonly deviceToken: string | null;
}

/** The tokens that a browser keeps in HttpOnly cookies, where no script can read them. */
export interface TokenCookies {
  readonly refreshToken: string;
  /** Null if the browser already has it. */
  readonly deviceToken: string | null;
  /** The seconds until the refresh token expires, unless it is refreshed. */
  readonly maxAge: number;
}

/** The outcome of every use case that signs a device in. */
@ObjectType({ description: 'A signed-in session with its tokens.' })
export class SignedIn {
  @Field(() => String, { description: 'The access token. Send it as `Authorization: Bearer …` with every request.' })
  accessToken: string;

  @Field(() => String, { description: 'The scheme for the access token: always `Bearer`.' })
  tokenType: string = 'Bearer';

  @Field(() => Int, { description: 'The number of seconds until the access token expires. Refresh it before then.' })
  expiresIn: number;

  @Field(() => String, {
    nullable: true,
    description: 'The refresh token. It works once. Null if it was set as a cookie.',
  })
  refreshToken: string | null;

  @Field(() => String, {
    nullable: true,
    description:
      'The token that identifies this device at later logins. Failed logins from other devices then ' +
      'cannot lock it out. Null after a refresh or if it was set as a cookie.',
  })
  deviceToken: string | null;

  @Field(() => User, { description: 'The user who is signed in.' })
  user!: User;

  /** The id of the signed-in user. */
  readonly userId: string;
  readonly sessionId: string;

  /** The cookies to set if the client asked for them. No field then contains the same tokens. */
  readonly cookies: TokenCookies | null;

  constructor(issued: IssuedSession, { keyring, rules, now }: Scope, wantsCookies: boolean) {
    this.userId = issued.userId;
    this.sessionId = issued.sessionId;
    this.accessToken = signAccessToken(keyring, termsOf(rules), issued, now());
    this.expiresIn = rules.accessTokenTtl;
    this.refreshToken = wantsCookies ? null : issued.refreshToken;
    this.deviceToken = wantsCookies ? null : issued.deviceToken;
    this.cookies = wantsCookies
      ? {
          refreshToken: issued.refreshToken,
          deviceToken: issued.deviceToken,
          maxAge: Math.min(rules.idleAge, rules.maxAge),
        }
      : null;
  }
}

/** The user and the device of a new session. */
export interface NewSession {
  readonly userId: string;
  readonly deviceName: string | null;
  readonly deviceToken: string | null;
}

/**
 * Starts a session with its first refresh token, in the caller's transaction. The caller has completed every required
 * authentication.
 */
export async function startSession(scope: Scope, start: NewSession): Promise<IssuedSession> {
  const { keyring, rules } = scope;
  const at = await databaseNow(scope);
  const counter = 1;
  const sessionId = uuidv7();
  const user = scope.em.getReference(User, start.userId, { wrapped: true });
  const refreshToken = mintRefreshToken(keyring, { sessionId, counter, kid: keyring.active });
  const session = new Session({
    id: sessionId,
    user,
    deviceName: start.deviceName,
    userAgent: storable(scope.client.userAgent, 300),
    ipAddress: scope.client.ipAddress,
    at,
    expiresAt: after(at, rules.maxAge),
    idleEndsAt: after(at, rules.idleAge),
    refreshHash: hashToken(refreshToken),
    refreshKid: keyring.active,
  });
  scope.em.persist(session);
  recordAudit(scope, {
    at: scope.now(),
    actor: user,
    sessionId,
    ipAddress: scope.client.ipAddress,
    action: 'login',
    targetType: 'User',
    targetId: start.userId,
    outcome: AuditOutcome.SUCCEEDED,
    requestId: scope.client.requestId,
    count: 1,
  });
  return { userId: start.userId, sessionId, refreshToken, counter, deviceToken: start.deviceToken };
}

/** Prepares a header for storage and display: removes control characters and truncates it. */
function storable(text: string | null, length: number): string | null {
  return text === null ? null : text.replace(/\p{Cc}/gu, '').slice(0, length);
}
