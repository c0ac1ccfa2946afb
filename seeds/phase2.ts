import type { EntityManager as AnyEntityManager } from '@mikro-orm/core';
import { Seeder } from '@mikro-orm/seeder';
import type { EntityManager } from '@mikro-orm/sql';
import { RoleName } from '../src/entities/role.ts';
import { linkedMembers, seededAccounts, userId } from './account.ts';
import { anchorDate, instantOn } from './calendar.ts';
import { memberId, memberIndex, membersPerBlock } from './member.ts';
import { organizationId, organizationsPerBlock } from './organization.ts';
import { roleIds } from './phase0.ts';
import type { GrievanceCounterRow, Tables } from './row.ts';
import { rows } from './rows.ts';
import { demandRun, SeedError, type SeedRun } from './run.ts';
import { addMissing, missingIds } from './writing.ts';

/** Phase 2: what the local does — organizing, benevolence, grievances — and the links from users to members. */
export class PhaseTwoSeeder extends Seeder<SeedRun> {
  override async run(em: AnyEntityManager, context?: SeedRun): Promise<void> {
    const run = demandRun(context);
    const sql = em as EntityManager;
    await demandPrerequisites(sql, run.scale);
    const source = rows(run.scale);
    const activities = await addMissing(sql, 'salting_activities', source.salting_activities());
    run.wrote('salting_activities', activities.size);
    const applications = await addMissing(sql, 'benevolence_applications', source.benevolence_applications());
    run.wrote('benevolence_applications', applications.size);
    const ofApplications = { of: (row: { application_id: string | null }) => row.application_id, added: applications };
    run.wrote('benevolence_reviews', (await addMissing(sql, 'benevolence_reviews', source.benevolence_reviews(), ofApplications)).size);
    const grievances = await addMissing(sql, 'grievances', source.grievances());
    run.wrote('grievances', grievances.size);
    const ofGrievances = { of: (row: { grievance_id: string | null }) => row.grievance_id, added: grievances };
    run.wrote(
      'grievance_step_records',
      (await addMissing(sql, 'grievance_step_records', source.grievance_step_records(), ofGrievances)).size,
    );
    const ofCases = {
      of: (row: Tables['case_events']) => row.grievance_id ?? row.application_id,
      added: new Set([...applications, ...grievances]),
    };
    run.wrote('case_events', (await addMissing(sql, 'case_events', source.case_events(), ofCases)).size);
    for (const counter of source.grievance_counters()) run.wrote('grievance_counters', await raiseCounter(sql, counter));
    const [first] = source.grievances();
    if (first && grievances.has(first.id)) await linkUsers(sql);
  }
}

/** Refuses, naming what is missing, before anything is written. */
async function demandPrerequisites(em: EntityManager, scale: number): Promise<void> {
  const roles = await roleIds(em);
  const missingRoles = Object.values(RoleName).filter((name) => !roles.has(name));
  const users = new Set(
    await missingIds(
      em,
      'users',
      seededAccounts.map(({ username }) => userId(username)),
    ),
  );
  const missingUsers = seededAccounts.map(({ username }) => username as string).filter((username) => users.has(userId(username)));
  const organizations = await missingIds(em, 'organizations', upTo(scale * organizationsPerBlock, organizationId));
  const members = await missingIds(em, 'members', upTo(scale * membersPerBlock, memberId));
  const missing = [
    missingRoles.length > 0 && `the roles ${missingRoles.join(', ')} (phase 0)`,
    missingUsers.length > 0 && `the users ${missingUsers.join(', ')} (phase 0)`,
    organizations.length > 0 && `${organizations.length} of ${scale * organizationsPerBlock} organizations (phase 1)`,
    members.length > 0 && `${members.length} of ${scale * membersPerBlock} members (phase 1)`,
  ].filter((each) => each !== false);
  if (missing.length > 0) throw new SeedError(`Phase 2 was not seeded, since it needs what is missing here: ${missing.join('; ')}.`);
}

const upTo = (count: number, idAt: (index: number) => string): string[] => Array.from({ length: count }, (_, index) => idAt(index));

/** Never lowers a counter: numbers that were given since stay given. */
async function raiseCounter(em: EntityManager, { year, last }: GrievanceCounterRow): Promise<number> {
  const raised = await em
    .getKysely<Pick<Tables, 'grievance_counters'>>()
    .insertInto('grievance_counters')
    .values({ year, last })
    .onConflict((conflict) => conflict.column('year').doUpdateSet({ last }).where('grievance_counters.last', '<', last))
    .returning('year')
    .execute();
  return raised.length;
}

/** Links the users who are members to their records, once: a link that was changed since is left alone. */
async function linkUsers(em: EntityManager): Promise<void> {
  for (const [username, slot] of Object.entries(linkedMembers)) {
    await em
      .getKysely<Pick<Tables, 'users'>>()
      .updateTable('users')
      .set({ member_id: memberId(memberIndex(0, slot)), updated_at: instantOn(anchorDate, 0) })
      .where('id', '=', userId(username))
      .where('member_id', 'is', null)
      .execute();
  }
}
