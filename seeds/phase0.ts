import type { EntityManager as AnyEntityManager } from '@mikro-orm/core';
import { Seeder } from '@mikro-orm/seeder';
import type { EntityManager } from '@mikro-orm/sql';
import { roleRows, userRoleRows, userRows } from './account.ts';
import type { RoleRow, Tables } from './row.ts';
import { demandRun, type SeedRun } from './run.ts';
import { addMissing } from './writing.ts';

/** What stands in place of a password hash that no password can match, as in a database that is handed on. */
export const unusableHash = '!';

/** Phase 0: the six system roles, and the accounts that hold them. */
export class AuthSeeder extends Seeder<SeedRun> {
  override async run(em: AnyEntityManager, context?: SeedRun): Promise<void> {
    const run = demandRun(context);
    const sql = em as EntityManager;
    run.wrote('roles', await addRoles(sql, roleRows()));
    const users = await addMissing(sql, 'users', userRows(run.passwordHashes, unusableHash));
    run.wrote('users', users.size);
    const assignments = userRoleRows(await roleIds(sql));
    const assigned = await addMissing(sql, 'user_roles', assignments, { of: ({ user_id }) => user_id, added: users });
    run.wrote('user_roles', assigned.size);
  }
}

/** The ids of the roles by their names: an instance may have made the system roles itself, with ids of its own. */
export async function roleIds(em: EntityManager): Promise<Map<string, string>> {
  const roles = await em.getKysely<Pick<Tables, 'roles'>>().selectFrom('roles').select(['id', 'name']).execute();
  return new Map(roles.map(({ id, name }) => [name, id]));
}

async function addRoles(em: EntityManager, roles: readonly RoleRow[]): Promise<number> {
  const added = await em
    .getKysely<Pick<Tables, 'roles'>>()
    .insertInto('roles')
    .values([...roles])
    .onConflict((conflict) => conflict.doNothing())
    .returning('id')
    .execute();
  return added.length;
}
