import type { SessionConfig } from '../../config.ts';
import type { TokenTerms } from '../crypto/jwt.ts';

/** Tokens of another installation are signed with another keyring, so these names need not differ between two. */
export function termsOf({ accessTokenTtl }: SessionConfig): TokenTerms {
  return { issuer: 'unionhall', audience: 'unionhall', ttl: accessTokenTtl };
}

export function after(at: Date, seconds: number): Date {
  return new Date(at.valueOf() + seconds * 1000);
}
