import type { EntityManager } from '@mikro-orm/core';
import { Seeder } from '@mikro-orm/seeder';
import { seedAlone } from './alone.ts';
import { accountDossier, accountIds, accounts, roleRows, seededAccounts, seededOwner, userId } from './account.ts';
import type { SeedConnection } from './connection.ts';
import type { Dossier } from './dossier.ts';
import type { SeedRun } from './run.ts';
import { addDossiers, missingIds } from './writing.ts';

/** Phase 0: the six system roles, and the accounts that hold them. */
export class AuthSeeder extends Seeder<SeedRun> {
  override async run(em: EntityManager, run?: SeedRun): Promise<void> {
    if (!run) return await seedAlone(em, 0);
    run.wrote({ roles: await addRoles(run.connection) });
    const series = { kind: accounts, dossiers: await missingAccounts(run) };
    await addDossiers(run.connection, [series], (_kind, _size, added) => run.wrote(added));
  }
}

/** The ids of the roles by their names: an instance may have made the system roles itself, with ids of its own. */
export async function roleIds(connection: SeedConnection): Promise<Map<string, string>> {
  const roles = await connection.query<{ id: string; name: string }>('select id, name from roles');
  return new Map(roles.map(({ id, name }) => [name, id]));
}

/** Roles may be there under other ids, so that they are told by their names. */
async function addRoles(connection: SeedConnection): Promise<number> {
  const text = `insert into roles select * from json_populate_recordset(null::roles, $1::json) on conflict do nothing returning id`;
  return (await connection.query(text, [JSON.stringify(roleRows())])).length;
}

/** One after the other, since a hash is made to be costly, and only of those who are not there yet. */
async function missingAccounts({ connection, hashPassword, givesOwner }: SeedRun): Promise<Dossier[]> {
  const missing = new Set(await missingIds(connection, 'users', accountIds));
  const roles = await roleIds(connection);
  const owner = givesOwner && !(await hasOwner(connection)) ? seededOwner : null;
  const dossiers: Dossier[] = [];
  for (const account of seededAccounts) {
    if (missing.has(userId(account.username))) dossiers.push(accountDossier(account, await hashPassword(account.password), roles, owner));
  }
  return dossiers;
}

const hasOwner = async (connection: SeedConnection): Promise<boolean> =>
  (await connection.query('select id from users where is_owner')).length > 0;
