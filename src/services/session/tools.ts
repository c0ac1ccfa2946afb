import { sqlNow, type Clocked } from '../../entities/clock.ts';
import type { Keyring } from '../crypto/keyring.ts';
import type { PasswordHasher } from '../crypto/hasher.ts';
import type { AccessTokens, TokenTerms } from '../crypto/jwt.ts';
import type { MailQueue } from '../mail/index.ts';
import type { SessionRules } from '../scope.ts';

export type { Client, SessionRules } from '../scope.ts';

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
