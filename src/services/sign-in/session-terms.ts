import type { SessionConfig } from '../../config.ts';
import { sqlNow, type Clocked } from '../../entities/clock.ts';
import type { TokenTerms } from '../crypto/jwt.ts';

/** Tokens of another installation are signed with another keyring, so these names need not differ between two. */
export function termsOf({ accessTokenTtl }: SessionConfig): TokenTerms {
  return { issuer: 'unionhall', audience: 'unionhall', ttl: accessTokenTtl };
}

/** SQL for whether the session at an alias lasts. */
export const isLive = (session: string, clocked: Clocked): string =>
  `${session}.ended_at is null and ${session}.expires_at > ${sqlNow(clocked)} and ${session}.idle_ends_at > ${sqlNow(clocked)}`;

export function after(at: Date, seconds: number): Date {
  return new Date(at.valueOf() + seconds * 1000);
}
