import type { SqlEntityManager } from '@mikro-orm/postgresql';
import { hashToken, isToken } from '../crypto/token.ts';
import { after, type SessionTools } from './tools.ts';

/** What is known about who tries to sign in, before anything is proved. */
export interface Account {
  /** Null where there is nobody who could sign in: unknown, not active, deleted. */
  readonly userId: string | null;
  /** The device that has signed in as this user before, if it is one. */
  readonly deviceId: string | null;
}

interface AccountRow {
  id: string;
  may_sign_in: boolean;
  device_id: string | null;
}

/** Where failures are counted: by the device that is known, else by the user. */
type Counter = { readonly table: 'users' | 'devices'; readonly id: string };

const nobody = '00000000-0000-0000-0000-000000000000';

/**
 * Finds the account that an identifier names, and the device if the user has signed in with it before. A username has no
 * `@` and an address has one, so one index answers.
 */
export async function findAccount(em: SqlEntityManager, identifier: string, deviceToken: string | null): Promise<Account> {
  const column = identifier.includes('@') ? 'email' : 'username';
  const deviceHash = deviceToken !== null && isToken('dvt1', deviceToken) ? hashToken(deviceToken) : '';
  // The column's collation has to be named: the parameter would be lowered by the database's, the index was by the column's.
  const [row] = await em.execute<AccountRow[]>(
    `select u.id, u.is_active and u.deleted_at is null as may_sign_in, d.id as device_id
     from users u left join devices d on d.user_id = u.id and d.token_hash = ?
     where lower(u.${column}) = lower(cast(? as text) collate "C")`,
    [deviceHash, identifier],
  );
  return row?.may_sign_in ? { userId: row.id, deviceId: row.device_id } : { userId: null, deviceId: null };
}

/**
 * Counts an attempt as failed before it is made, and answers the hash to hold the password against; null where the
 * account is locked or there is none. One guarded statement counts, so of any number of parallel attempts only as many
 * get the hash as the limit allows, and the last of them locks. A lock that has lapsed starts the count again.
 */
export async function reserveAttempt(em: SqlEntityManager, account: Account, { rules, now }: SessionTools): Promise<string | null> {
  const { table, id } = counterOf(account);
  const at = now();
  const attempts = 'case when locked_until is null then failed_login_attempts else 0 end + 1';
  // The count does not wait for the disk: an attempt on an account must not take longer than one on none.
  const reserved = await em.execute<object[]>(
    `update ${table}
     set failed_login_attempts = ${attempts}, locked_until = case when ${attempts} >= ? then cast(? as timestamptz) end
     where id = ? and (locked_until is null or locked_until <= ?) and set_config('synchronous_commit', 'off', true) = 'off'
     returning id`,
    [rules.loginAttempts, after(at, rules.loginLock), id, at],
  );
  return passwordHashOf(em, reserved.length === 1 ? account.userId : null);
}

/** The hash of a user who may sign in; asked of the database even for nobody, so that both take as long. */
export async function passwordHashOf(em: SqlEntityManager, userId: string | null): Promise<string | null> {
  const [row] = await em.execute<{ password_hash: string }[]>(
    `select password_hash from users where id = ? and is_active and deleted_at is null`,
    [userId ?? nobody],
  );
  return row?.password_hash ?? null;
}

/** Forgets the failures, after a password that was right. Those of other devices stay. */
export async function clearAttempts(em: SqlEntityManager, account: Account): Promise<void> {
  const { table, id } = counterOf(account);
  await em.execute(`update ${table} set failed_login_attempts = 0, locked_until = null where id = ?`, [id]);
}

function counterOf({ userId, deviceId }: Account): Counter {
  return deviceId === null ? { table: 'users', id: userId ?? nobody } : { table: 'devices', id: deviceId };
}
