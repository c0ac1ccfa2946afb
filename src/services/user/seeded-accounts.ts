import { noPassword } from '../../entities/user.ts';
import { hostClient, recordChange } from '../audit/event.ts';
import type { PasswordHasher } from '../crypto/hasher.ts';
import type { Scope } from '../scope.ts';
import { endAccess } from './deactivate-user.ts';
import { SeededError } from '../../errors.ts';

/** The passwords that the seeds give to their accounts. They are public. */
export const seededPasswords = ['unionhall-dev', 'testpass'] as const;

/** The creation time of every seeded account. No operation changes it, unlike its username and address. */
export const seededAt = '2024-01-03T14:00:00.000Z';

/** The domain of every seeded e-mail address. */
export const seededDomain = 'unionhall.test';

/** Selects the seeded users that can sign in, whatever their password. The parameter is `seededAt`. */
export const activeSeededUsers =
  'select username from users where created_at = $1 and is_active and deleted_at is null';

/** An account with a public password. */
export interface SeededUser {
  readonly id: string;
  readonly username: string;
}

/**
 * Returns the accounts whose password is one of the seeds', also those that an admin could reactivate. Costs one query
 * where no account was seeded.
 */
export async function findSeededUsers({ em, passwords }: Pick<Scope, 'em' | 'passwords'>): Promise<SeededUser[]> {
  const candidates = await em.execute<(SeededUser & { hash: string })[]>(
    `select id, username, password_hash as hash from users
     where deleted_at is null and password_hash <> ? and (created_at = ? or email like ?) order by username`,
    [noPassword, seededAt, `%@${seededDomain}`],
  );
  const found: SeededUser[] = [];
  for (const { id, username, hash } of candidates) if (await isPublic(hash, passwords)) found.push({ id, username });
  return found;
}

/** @throws {SeededError} when a public password opens an account. */
export async function refuseSeededUsers(scope: Pick<Scope, 'em' | 'passwords'>): Promise<void> {
  const users = await findSeededUsers(scope);
  if (users.length > 0) throw new SeededError(users);
}

/**
 * Deactivates these accounts, removes their passwords, ends their sessions and takes the ownership from them, in one
 * transaction with its audit events.
 */
export async function disableSeededUsers(
  scope: Pick<Scope, 'em' | 'keyring' | 'now'>,
  users: readonly SeededUser[],
): Promise<void> {
  const origin = hostClient();
  await scope.em.transactional(async (em) => {
    const inner = { ...scope, em };
    for (const { id } of users) {
      const record = (action: string) =>
        recordChange(
          { ...inner, viewer: { userId: null, sessionId: null }, client: origin },
          { action, targetType: 'User', targetId: id },
        );
      const [former] = await em.execute<object[]>('select from users where id = ? and is_owner for no key update', [
        id,
      ]);
      await em.execute(
        'update users set is_active = false, is_owner = false, password_hash = ?, updated_at = ? where id = ?',
        [noPassword, scope.now(), id],
      );
      await endAccess(inner, id);
      record('user.deactivate');
      if (former !== undefined) record('user.remove_ownership');
    }
  });
}

async function isPublic(hash: string, passwords: PasswordHasher): Promise<boolean> {
  for (const password of seededPasswords) {
    if ((await passwords.verify(password, () => Promise.resolve(hash))).isRight) return true;
  }
  return false;
}
