import type { EntityManager as AnyEntityManager } from '@mikro-orm/core';
import type { EntityManager } from '@mikro-orm/sql';
import { noPassword } from '../src/entities/user.ts';
import { seededAccounts, userId } from './account.ts';
import type { Tables } from './row.ts';

/** Sets the password hash of every seeded account without a password, and returns the number of these accounts. */
export async function giveAccountsPasswords(em: AnyEntityManager, hashPassword: (password: string) => Promise<string>): Promise<number> {
  const fork = em.fork() as EntityManager;
  const users = () => fork.getKysely<Pick<Tables, 'users'>>();
  const waiting = await users().selectFrom('users').select('id').where('password_hash', '=', noPassword).execute();
  const ids = new Set(waiting.map(({ id }) => id));
  const accounts = seededAccounts.filter(({ username }) => ids.has(userId(username)));
  for (const { username, password } of accounts) {
    await users()
      .updateTable('users')
      .set({ password_hash: await hashPassword(password) })
      .where('id', '=', userId(username))
      .where('password_hash', '=', noPassword)
      .execute();
  }
  return accounts.length;
}
