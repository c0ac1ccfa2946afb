import type { SessionConfig } from '../../config.ts';
import type { TokenTerms } from '../crypto/jwt.ts';

/** Fixed names are sufficient: another installation signs its tokens with another keyring. */
export function termsOf({ accessTokenTtl }: SessionConfig): TokenTerms {
  return { issuer: 'unionhall', audience: 'unionhall', ttl: accessTokenTtl };
}

export function after(at: Date, seconds: number): Date {
  return new Date(at.valueOf() + seconds * 1000);
}
