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

/** What a device that just signed in or refreshed was given. */
export interface Issued {
  readonly userId: string;
  readonly sessionId: string;
  readonly refreshToken: string;
  /** The counter of the refresh token, which the access token names too. */
  readonly counter: number;
  readonly deviceToken: string | null;
}

/** The tokens that a browser keeps in HttpOnly cookies, where no script can read them. */
export interface TokenCookies {
  readonly refreshToken: string;
  /** Null where the browser has it already. */
  readonly deviceToken: string | null;
  /** Seconds until the refresh token is of no use, unless it is refreshed. */
  readonly maxAge: number;
}

/** The outcome of every use case after which a device is signed in. */
@ObjectType({ description: 'A signed-in session with its tokens.' })
export class SignedIn {
  @Field(() => String, { description: 'The access token. Send it as `Authorization: Bearer …` with every request.' })
  accessToken: string;

  @Field(() => String, { description: 'The scheme for the access token: always `Bearer`.' })
  tokenType: string = 'Bearer';

  @Field(() => Int, { description: 'The number of seconds until the access token expires. Refresh it before then.' })
  expiresIn: number;

  @Field(() => String, { nullable: true, description: 'The refresh token. It works once. Null if it was set as a cookie.' })
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

  /** Who is signed in, for whoever reads the user. */
  readonly userId: string;
  readonly sessionId: string;

  /** What to set as cookies, where the client asked for that; the same tokens are then in no field. */
  readonly cookies: TokenCookies | null;

  constructor(issued: Issued, { keyring, rules, now }: Scope, wantsCookies: boolean) {
    this.userId = issued.userId;
    this.sessionId = issued.sessionId;
    this.accessToken = signAccessToken(keyring, termsOf(rules), issued, now());
    this.expiresIn = rules.accessTokenTtl;
    this.refreshToken = wantsCookies ? null : issued.refreshToken;
    this.deviceToken = wantsCookies ? null : issued.deviceToken;
    this.cookies = wantsCookies
      ? { refreshToken: issued.refreshToken, deviceToken: issued.deviceToken, maxAge: Math.min(rules.idleAge, rules.maxAge) }
      : null;
  }
}

/** Who signs in, and on what. */
export interface NewSession {
  readonly userId: string;
  readonly deviceName: string | null;
  readonly deviceToken: string | null;
}

/**
 * Starts a session with its first refresh token, in the caller's transaction, after the user has been proved in every
 * way the account asks for.
 */
export async function startSession(scope: Scope, start: NewSession): Promise<Issued> {
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

/** A header as it can be stored and shown: without control characters, and cut where it is too long. */
function storable(text: string | null, length: number): string | null {
  return text === null ? null : text.replace(/\p{Cc}/gu, '').slice(0, length);
}
