import { UniqueConstraintViolationException, type SqlEntityManager } from '@mikro-orm/postgresql';
import { User } from '../../entities/user.ts';
import { hostClient, recordChange } from '../audit/event.ts';
import type { Keyring } from '../crypto/keyring.ts';
import { issueToken } from '../mail/index.ts';
import { forgetFailures } from './unlock-user.ts';
import { OperatorError } from '../../errors.ts';

/** The dependencies of the commands on the host that change a user. */
export interface UserCommandTools {
  readonly keyring: Keyring;
  readonly now: () => Date;
}

/** A user command failed. The message says why. */
export class UserError extends OperatorError {}

/** The lifetimes of printed tokens, in seconds. */
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
 * Issues the token with which a user, or the owner, chooses a password. A user without a password gets the current or a new
 * invitation. Other users get a reset, which replaces an earlier one.
 * @throws {UserError} if no active user has that name.
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
    const { job, token, expiresAt } = await issueToken({ em: transaction, ...tools }, { kind: 'password-reset', user, lifetime });
    await transaction.flush();
    await transaction.execute('update one_time_tokens set was_printed = true where id = ?', [job.tokenId]);
    return { kind: user.isInvited ? 'invitation' : 'password-reset', token, expiresAt };
  });
}

/** Clears the failed attempts of a user, who can sign in at once. @throws {UserError} */
export async function unlockByName(em: SqlEntityManager, tools: UserCommandTools, username: string): Promise<void> {
  await changeByName(em, tools, { username, action: 'user.unlock' }, (transaction, { id }) => forgetFailures({ em: transaction }, id));
}

/** Verifies the e-mail address of a user without a mailed token. @throws {UserError} */
export async function verifyByName(em: SqlEntityManager, tools: UserCommandTools, username: string): Promise<void> {
  await changeByName(em, tools, { username, action: 'user.verify' }, async (transaction, user) => {
    user.isVerified = true;
    await transaction.flush().catch((error: unknown) => {
      throw error instanceof UniqueConstraintViolationException ? new UserError('Another account already has this address.') : error;
    });
  });
}

const nobody = { userId: null, sessionId: null };

/** Changes a user in one transaction with an audit event without an actor. @throws {UserError} */
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
    recordChange({ em: transaction, ...tools, viewer: nobody, client: hostClient() }, { action, targetType: 'User', targetId: user.id });
    return outcome;
  });
}
