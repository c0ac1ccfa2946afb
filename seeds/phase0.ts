import type { EntityManager } from '@mikro-orm/core';
import { Seeder } from '@mikro-orm/seeder';
import { seedAlone } from './alone.ts';
import { accountDossier, accountIds, accounts, roleRows, seededAccounts, seededOwner, userId } from './account.ts';
import type { SeedConnection } from './connection.ts';
import type { Dossier } from './dossier.ts';
import type { SeedRun } from './run.ts';
import { addDossiers, missingIds } from './writing.ts';

/** Phase 0: the six system roles and their accounts. */
export class AuthSeeder extends Seeder<SeedRun> {
  override async run(em: EntityManager, run?: SeedRun): Promise<void> {
    if (!run) return await seedAlone(em, 0);
    run.wrote({ roles: await addRoles(run.connection) });
    const series = { kind: accounts, dossiers: await missingAccounts(run) };
    await addDossiers(run.connection, [series], (_kind, _size, added) => run.wrote(added));
  }
}

/** Returns the ids of the roles by name. An instance may have created the system roles itself, with other ids. */
export async function roleIds(connection: SeedConnection): Promise<Map<string, string>> {
  const roles = await connection.query<{ id: string; name: string }>('select id, name from roles');
  return new Map(roles.map(({ id, name }) => [name, id]));
}

/** Compares roles by name, because they may exist with other ids. */
async function addRoles(connection: SeedConnection): Promise<number> {
  const text = `insert into roles select * from json_populate_recordset(null::roles, $1::json) on conflict do nothing returning id`;
  return (await connection.query(text, [JSON.stringify(roleRows())])).length;
}

/** Hashes one password after the other, because hashing is expensive, and only for accounts that do not exist yet. */
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
