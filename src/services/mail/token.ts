import type { SqlEntityManager } from '@mikro-orm/postgresql';
import { databaseNow } from '../../entities/clock.ts';
import { OneTimeToken } from '../../entities/credential.ts';
import { TokenType } from '../../entities/session.ts';
import type { User } from '../../entities/user.ts';
import { mailedToken } from '../crypto/mailed.ts';
import type { Keyring } from '../crypto/keyring.ts';
import { hashToken } from '../crypto/token.ts';
import type { TokenJob } from './job.ts';
import type { MailQueue } from './queue.ts';

/** What it takes to mail a token. */
export interface TokenMailTools {
  readonly mail: Pick<MailQueue, 'enqueue'>;
  readonly keyring: Keyring;
  readonly now: () => Date;
}

/** Seconds in which an address can be verified: mail may be read the next day. */
export const verificationAge = 86_400;

/** An invitation's token is a reset: the first password is chosen as any later one is. */
export const tokenTypes = {
  'password-reset': TokenType.PASSWORD_RESET,
  invitation: TokenType.PASSWORD_RESET,
  'email-verification': TokenType.EMAIL_VERIFICATION,
} as const satisfies Record<TokenJob['kind'], TokenType>;

/**
 * Mails the user a token of so many seconds, in the caller's transaction; the earlier unused ones of its type stop
 * working. Only its hash is stored: the worker makes the token again from the row's id and the keyring, so a mail that is
 * sent twice brings the same one twice.
 */
export async function mailToken(
  em: SqlEntityManager,
  tools: TokenMailTools,
  { kind, user, lifetime }: { kind: TokenJob['kind']; user: User; lifetime: number },
): Promise<void> {
  const { mail, keyring } = tools;
  const type = tokenTypes[kind];
  const kid = keyring.active;
  // Two requests at once would each leave the other's token: they take turns.
  await em.execute('select from users where id = ? for no key update', [user.id]);
  await em.nativeDelete(OneTimeToken, { user: user.id, type, usedAt: null }, { filters: false });
  const expiresAt = new Date((await databaseNow(em, tools)).valueOf() + lifetime * 1000);
  const token = new OneTimeToken({
    user: em.getReference(user.constructor as typeof User, user.id, { wrapped: true }),
    type,
    tokenHash: '',
    sentTo: user.email,
    expiresAt,
  });
  token.tokenHash = hashToken(mailedToken(keyring, kid, type, { id: token.id, userId: user.id }));
  em.persist(token);
  await mail.enqueue(em, { kind, userId: user.id, tokenId: token.id, kid });
}
