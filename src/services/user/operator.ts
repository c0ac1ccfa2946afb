import { UniqueConstraintViolationException, type SqlEntityManager } from '@mikro-orm/postgresql';
import { User } from '../../entities/user.ts';
import { hostOrigin, recordChange } from '../audit/event.ts';
import type { Keyring } from '../crypto/keyring.ts';
import { issueToken } from '../mail/index.ts';
import { forgetFailures } from './unlock.ts';

/** What the commands on the host that change a user work with. */
export interface UserCommandTools {
  readonly keyring: Keyring;
  readonly now: () => Date;
}

/** Says why a command cannot be done. */
export class UserError extends Error {
  override readonly name = 'UserError';
}

/** Seconds in which a printed token works. */
export interface Lifetimes {
  readonly invitation: number;
  readonly reset: number;
}

export interface PrintedToken {
  readonly kind: 'invitation' | 'password-reset';
  readonly token: string;
  readonly expiresAt: Date;
}

/**
 * Issues the token with which a user, the owner too, chooses a password: the invitation of a user without a password, the one
 * that works already or a new one, or a reset, which replaces an earlier one.
 * @throws {UserError} where nobody of that name may sign in.
 */
export async function issueLink(
  em: SqlEntityManager,
  tools: UserCommandTools,
  username: string,
  lifetimes: Lifetimes,
): Promise<PrintedToken> {
  return changeByName(em, tools, { username, action: 'user.issue_link' }, async (transaction, user) => {
    if (!user.isActive) throw new UserError(`${user.username} is deactivated. Ask an administrator to reactivate the account first.`);
    const lifetime = user.isInvited ? lifetimes.invitation : lifetimes.reset;
    const { job, token, expiresAt } = await issueToken(transaction, tools, { kind: 'password-reset', user, lifetime });
    await transaction.flush();
    await transaction.execute('update one_time_tokens set was_printed = true where id = ?', [job.tokenId]);
    return { kind: user.isInvited ? 'invitation' : 'password-reset', token, expiresAt };
  });
}

/** Forgets the wrong passwords and codes of a user, who can sign in at once. @throws {UserError} */
export async function unlockByName(em: SqlEntityManager, tools: UserCommandTools, username: string): Promise<void> {
  await changeByName(em, tools, { username, action: 'user.unlock' }, (transaction, { id }) => forgetFailures(transaction, id));
}

/** Verifies the address of a user, as the token that was mailed to it would. @throws {UserError} */
export async function verifyByName(em: SqlEntityManager, tools: UserCommandTools, username: string): Promise<void> {
  await changeByName(em, tools, { username, action: 'user.verify' }, async (transaction, user) => {
    user.isVerified = true;
    await transaction.flush().catch((error: unknown) => {
      throw error instanceof UniqueConstraintViolationException ? new UserError('Another account already has this address.') : error;
    });
  });
}

const nobody = { userId: null, sessionId: null };

/** Changes a user in one transaction with its audit event, which names no actor. @throws {UserError} */
export async function changeByName<Outcome>(
  em: SqlEntityManager,
  tools: UserCommandTools,
  { username, action }: { readonly username: string; readonly action: string },
  work: (em: SqlEntityManager, user: User) => Promise<Outcome>,
): Promise<Outcome> {
  return em.transactional(async (transaction) => {
    const [row] = await transaction.execute<{ id: string }[]>(
      'select id from users where lower(username) = lower(cast(? as text) collate "C") and deleted_at is null for no key update',
      [username],
    );
    if (row === undefined) throw new UserError(`The user ${username} does not exist.`);
    const user = await transaction.findOneOrFail(User, row.id, { filters: false });
    const outcome = await work(transaction, user);
    recordChange(transaction, tools, nobody, hostOrigin(), { action, targetType: 'User', targetId: user.id });
    return outcome;
  });
}
