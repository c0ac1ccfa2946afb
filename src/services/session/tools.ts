import { sqlNow, type Clocked } from '../../entities/clock.ts';
import type { Keyring } from '../crypto/keyring.ts';
import type { PasswordHasher } from '../crypto/hasher.ts';
import type { AccessTokens, TokenTerms } from '../crypto/jwt.ts';
import type { Limits } from '../limit.ts';
import type { MailQueue } from '../mail/index.ts';

/** What the operator decided about sessions: all in seconds, but for the attempts. */
export interface SessionRules {
  readonly accessTokenTtl: number;
  /** How long a replaced refresh token is honored after its successor's first use. */
  readonly refreshGrace: number;
  /** How long a replaced refresh token is honored at most, while its successor is not used. */
  readonly refreshRetry: number;
  readonly maxAge: number;
  readonly idleAge: number;
  /** What an old refresh token ends: its session, or all of the user's. */
  readonly reuseEnds: 'session' | 'user';
  readonly loginAttempts: number;
  readonly loginLock: number;
  /** How long who was given an account has to set its first password. */
  readonly invitationTtl: number;
  /** How long a proof of who somebody is opens what asks for a fresh one. */
  readonly stepUpAge: number;
  /** Rounds that make the key from a password, under which a user's own key is sealed. */
  readonly keyIterations: number;
  /** Characters a new password must have. */
  readonly passwordMinLength: number;
  /** Whether new passwords must not be what strangers try early, as in production. */
  readonly refusesGuessablePasswords: boolean;
  readonly isRegistrationOpen: boolean;
  /** Operations that need a verified address of everybody. */
  readonly verifiedOperations: readonly string[];
  /** Roles whose holders may do nothing else before they have a second factor. */
  readonly secondFactorRoles: readonly string[];
  readonly limits: Limits;
  /** Audit events for refusals of signed-in callers, and as many for anonymous ones. */
  readonly refusalsPerDay: number;
}

/** What every use case of a session works with. */
export interface SessionTools {
  readonly keyring: Keyring;
  readonly passwords: PasswordHasher;
  readonly tokens: AccessTokens;
  readonly mail: Pick<MailQueue, 'enqueue'>;
  /** Whether a password is known from a breach; no where that cannot be found out. */
  readonly breached: { has(password: string): Promise<boolean> };
  /** The proof of who may own an instance that nobody owns. */
  readonly setup: { isToken(text: string): Promise<boolean>; forget(): Promise<void> };
  readonly rules: SessionRules;
  readonly now: () => Date;
}

/** Where a request came from. */
export interface Client {
  readonly ipAddress: string | null;
  readonly userAgent: string | null;
  readonly requestId: string;
}

/** Tokens of another installation are signed with another keyring, so these names need not differ between two. */
export function termsOf({ accessTokenTtl }: SessionRules): TokenTerms {
  return { issuer: 'unionhall', audience: 'unionhall', ttl: accessTokenTtl };
}

/** SQL for whether the session at an alias lasts. */
export const isLive = (session: string, clocked: Clocked): string =>
  `${session}.ended_at is null and ${session}.expires_at > ${sqlNow(clocked)} and ${session}.idle_ends_at > ${sqlNow(clocked)}`;

export function after(at: Date, seconds: number): Date {
  return new Date(at.valueOf() + seconds * 1000);
}
