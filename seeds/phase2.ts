import type { EntityManager } from '@mikro-orm/core';
import { Seeder } from '@mikro-orm/seeder';
import { seedAlone } from './alone.ts';
import { RoleName } from '../src/entities/role.ts';
import { agreementIds } from './agreement.ts';
import { accountIds, linkedMembers, seededAccounts, userId } from './account.ts';
import { anchorDate, instantOn } from './calendar.ts';
import type { SeedConnection } from './connection.ts';
import type { ScaledKind } from './dossier.ts';
import { counterRows, grievances } from './grievance.ts';
import { kinds } from './kinds.ts';
import { memberId, memberIndex, members } from './member.ts';
import { bookDossiers, bookKind } from './referral.ts';
import { organizationId, organizations } from './organization.ts';
import { roleIds } from './phase0.ts';
import { addKinds, SeedError, type SeedRun } from './run.ts';
import { addDossiers, missingIds } from './writing.ts';

/** Phase 2: organizing, benevolence, grievances and referral, and the links from users to members. */
export class PhaseTwoSeeder extends Seeder<SeedRun> {
  override async run(em: EntityManager, run?: SeedRun): Promise<void> {
    if (!run) return await seedAlone(em, 2);
    const { connection, phases, scale } = run;
    // no check is needed for rows that this run has written itself
    if (!phases.includes(0) || !phases.includes(1)) await demandPrerequisites(connection, scale);
    const isNew = await isWithoutGrievances(connection);
    // the books once, whatever the scale
    await addDossiers(connection, [{ kind: bookKind, dossiers: bookDossiers() }], (_kind, _size, added) => run.wrote(added));
    await addKinds(run, kinds[2]);
    await raisePlaces(connection);
    run.wrote({ grievance_counters: await raiseCounters(connection, scale) });
    if (isNew) await linkUsers(connection);
  }
}

/** @throws {SeedError} with the missing rows, before anything is written. */
async function demandPrerequisites(connection: SeedConnection, scale: number): Promise<void> {
  const roles = await roleIds(connection);
  const missingRoles = Object.values(RoleName).filter((name) => !roles.has(name));
  const users = new Set(await missingIds(connection, 'users', accountIds));
  const missingUsers = seededAccounts.map(({ username }) => username as string).filter((username) => users.has(userId(username)));
  const missing = [
    missingRoles.length > 0 && `the roles ${missingRoles.join(', ')} (phase 0)`,
    missingUsers.length > 0 && `the users ${missingUsers.join(', ')} (phase 0)`,
    await lackOf(connection, organizations, organizationId, scale),
    await lackOf(connection, members, memberId, scale),
    await lackOfAgreements(connection),
  ].filter((each) => each !== null && each !== false);
  if (missing.length > 0) throw new SeedError(`Phase 2 was not seeded. Missing records: ${missing.join('; ')}.`);
}

async function lackOfAgreements(connection: SeedConnection): Promise<string | null> {
  const missing = (await missingIds(connection, 'agreements', agreementIds)).length;
  return missing === 0 ? null : `${missing} of ${agreementIds.length} agreements (phase 1)`;
}

async function lackOf(
  connection: SeedConnection,
  kind: ScaledKind,
  idAt: (index: number) => string,
  scale: number,
): Promise<string | null> {
  const count = scale * kind.perBlock;
  let missing = 0;
  for (let from = 0; from < count; from += kind.perBlock) {
    const ids = Array.from({ length: kind.perBlock }, (_, slot) => idAt(from + slot));
    missing += (await missingIds(connection, kind.table, ids)).length;
  }
  return missing === 0 ? null : `${missing} of ${count} ${kind.table} (phase 1)`;
}

/** Whether the first block, whose grievances need the links, does not exist yet. */
async function isWithoutGrievances(connection: SeedConnection): Promise<boolean> {
  const [first] = grievances.dossiers(1);
  const ids = first?.grievances?.map(({ id }) => id) ?? [];
  return (await missingIds(connection, 'grievances', ids)).length > 0;
}

/**
 * Raises the counters where necessary, and returns how many were raised. Never lowers one, so that no number is used
 * twice.
 */
async function raiseCounters(connection: SeedConnection, scale: number): Promise<number> {
  const text = `insert into grievance_counters as counter (year, last) select year, last from json_populate_recordset(null::grievance_counters, $1::json)
    on conflict (year) do update set last = excluded.last where counter.last < excluded.last returning year`;
  return (await connection.query(text, [JSON.stringify(counterRows(scale))])).length;
}

/** The next registration on a book gets the place after those that were seeded. */
async function raisePlaces(connection: SeedConnection): Promise<void> {
  await connection.query(`update referral_books b set last_place = r.last
    from (select book_id, max(place) as last from registrations group by book_id) r where r.book_id = b.id and b.last_place < r.last`);
}

/** Links the users who are members to their records. Does not change an existing link. */
async function linkUsers(connection: SeedConnection): Promise<void> {
  const text = 'update users set member_id = $2, updated_at = $3 where id = $1 and member_id is null';
  for (const [username, slot] of Object.entries(linkedMembers)) {
    await connection.query(text, [userId(username), memberId(memberIndex(0, slot)), instantOn(anchorDate, 0)]);
  }
}
