import type { SqlEntityManager } from '@mikro-orm/postgresql';
import { databaseNow } from '../../entities/clock.ts';
import { OneTimeToken } from '../../entities/account.ts';
import { TokenType } from '../../entities/account.ts';
import type { User } from '../../entities/user.ts';
import { mailedToken } from '../crypto/mailed.ts';
import type { Keyring } from '../crypto/keyring.ts';
import { hashToken } from '../crypto/token.ts';
import type { TokenJob } from './job.ts';
import type { MailQueue } from './queue.ts';

/** The parts of a scope that mailing a token needs. */
export interface TokenMailScope {
  readonly em: SqlEntityManager;
  readonly mail: Pick<MailQueue, 'enqueue'>;
  readonly keyring: Keyring;
  readonly now: () => Date;
}

/** The lifetime of a verification token in seconds: people may read mail the next day. */
export const verificationAge = 86_400;

/** An invitation's token is a reset token: the first password is chosen like any later one. */
export const tokenTypes = {
  'password-reset': TokenType.PASSWORD_RESET,
  invitation: TokenType.PASSWORD_RESET,
  'email-verification': TokenType.EMAIL_VERIFICATION,
} as const satisfies Record<TokenJob['kind'], TokenType>;

/** The purpose, the recipient and the lifetime in seconds of a token. */
interface TokenFacts {
  readonly kind: TokenJob['kind'];
  readonly user: User;
  readonly lifetime: number;
}

/** A usable token, and the job that mails it. */
export interface IssuedToken {
  readonly job: TokenJob;
  readonly token: string;
  readonly expiresAt: Date;
}

/** Issues a token to the user (see {@link issueToken}) and mails it, in the caller's transaction. */
export async function mailToken(scope: TokenMailScope, facts: TokenFacts): Promise<void> {
  await scope.mail.enqueue(scope.em, (await issueToken(scope, facts)).job);
}

/**
 * Issues a token with a lifetime in seconds, in the caller's transaction. Earlier unused tokens of its type stop
 * working. Only the hash is stored: the worker derives the token again from the row's id and the keyring, so a mail
 * that is sent twice has the same token. A reset for an invited user renews the invitation as long as it works: anyone
 * may request a reset, and that must not shorten what an admin granted.
 */
export async function issueToken(
  scope: Omit<TokenMailScope, 'mail'>,
  { kind, user, lifetime }: TokenFacts,
): Promise<IssuedToken> {
  const { em, keyring } = scope;
  const type = tokenTypes[kind];
  const kid = keyring.active;
  // Concurrent requests must take turns; otherwise each would leave the other's token.
  await em.execute('select from users where id = ? for no key update', [user.id]);
  const unused = { user: user.id, type, usedAt: null };
  const earlier =
    kind === 'password-reset' && user.isInvited
      ? await em.findOne(OneTimeToken, unused, { filters: false })
      : undefined;
  const at = await databaseNow(scope);
  const issued = earlier && earlier.expiresAt > at ? issuedAgain(keyring, user, earlier) : null;
  if (issued !== null) return issued;
  // Not if there is none: the number of statements must not reveal who was invited.
  if (earlier !== null) await em.nativeDelete(OneTimeToken, unused, { filters: false });
  const expiresAt = new Date(at.valueOf() + lifetime * 1000);
  const row = new OneTimeToken({
    user: em.getReference(user.constructor as typeof User, user.id, { wrapped: true }),
    type,
    tokenHash: '',
    sentTo: user.email,
    expiresAt,
  });
  const token = mailedToken(keyring, kid, type, { id: row.id, userId: user.id });
  row.tokenHash = hashToken(token);
  em.persist(row);
  return { job: { kind, userId: user.id, tokenId: row.id, kid }, token, expiresAt };
}

/**
 * Reissues an unused invitation. Null if its key is missing. Writes its row like that of a new token, at the same cost.
 */
function issuedAgain(keyring: Keyring, { id: userId }: User, row: OneTimeToken): IssuedToken | null {
  for (const kid of keyring.kids) {
    const token = mailedToken(keyring, kid, row.type, { id: row.id, userId });
    if (hashToken(token) !== row.tokenHash) continue;
    row.updatedAt = new Date(row.updatedAt.valueOf() + 1);
    return { job: { kind: 'invitation', userId, tokenId: row.id, kid }, token, expiresAt: row.expiresAt };
  }
  return null;
}
