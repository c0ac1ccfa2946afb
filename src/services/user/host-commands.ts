import { UniqueConstraintViolationException } from '@mikro-orm/postgresql';
import { User } from '../../entities/user.ts';
import { hostClient, recordChange } from '../audit/event.ts';
import { issueToken } from '../mail/index.ts';
import type { Scope } from '../scope.ts';
import { forgetFailures } from './unlock-user.ts';
import { OperatorError } from '../../errors.ts';

/** The parts of a scope that host commands for a user need. */
export type UserCommandScope = Pick<Scope, 'em' | 'keyring' | 'now'>;

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
 * Issues the token with which a user, or the owner, chooses a password. A user without a password gets the current or a
 * new invitation. Other users get a reset, which replaces an earlier one.
 * @throws {UserError} if no active user has that name.
 */
export async function issueLink(
  scope: UserCommandScope,
  username: string,
  lifetimes: Lifetimes,
): Promise<PrintedToken> {
  return changeByName(scope, { username, action: 'user.issue_link' }, async (inner, user) => {
    if (!user.isActive)
      throw new UserError(`${user.username} is deactivated. Ask an administrator to reactivate the account first.`);
    const lifetime = user.isInvited ? lifetimes.invitation : lifetimes.reset;
    const { job, token, expiresAt } = await issueToken(inner, { kind: 'password-reset', user, lifetime });
    await inner.em.flush();
    await inner.em.execute('update one_time_tokens set was_printed = true where id = ?', [job.tokenId]);
    return { kind: user.isInvited ? 'invitation' : 'password-reset', token, expiresAt };
  });
}

/** Clears the failed attempts of a user, who can sign in at once. @throws {UserError} */
export async function unlockByName(scope: UserCommandScope, username: string): Promise<void> {
  await changeByName(scope, { username, action: 'user.unlock' }, (inner, { id }) => forgetFailures(inner, id));
}

/** Verifies the e-mail address of a user without a mailed token. @throws {UserError} */
export async function verifyByName(scope: UserCommandScope, username: string): Promise<void> {
  await changeByName(scope, { username, action: 'user.verify' }, async ({ em }, user) => {
    user.isVerified = true;
    await em.flush().catch((error: unknown) => {
      throw error instanceof UniqueConstraintViolationException
        ? new UserError('Another account already has this address.')
        : error;
    });
  });
}

const nobody = { userId: null, sessionId: null };

/** Changes a user in one transaction with an audit event without an actor. @throws {UserError} */
export async function changeByName<Inner extends UserCommandScope, Outcome>(
  scope: Inner,
  { username, action }: { readonly username: string; readonly action: string },
  work: (inner: Inner, user: User) => Promise<Outcome>,
): Promise<Outcome> {
  return scope.em.transactional(async (em) => {
    const inner = { ...scope, em };
    const [row] = await em.execute<{ id: string }[]>(
      'select id from users where lower(username) = lower(cast(? as text) collate "C") and deleted_at is null for no key update',
      [username],
    );
    if (row === undefined) throw new UserError(`The user ${username} does not exist.`);
    const user = await em.findOneOrFail(User, row.id, { filters: false });
    const outcome = await work(inner, user);
    recordChange({ ...inner, viewer: nobody, client: hostClient() }, { action, targetType: 'User', targetId: user.id });
    return outcome;
  });
}
