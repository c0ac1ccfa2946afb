import type { EntityManager as AnyEntityManager } from '@mikro-orm/core';
import { Seeder } from '@mikro-orm/seeder';
import type { EntityManager } from '@mikro-orm/sql';
import { rows } from './rows.ts';
import { demandRun, type SeedRun } from './run.ts';
import { addMissing } from './writing.ts';

/** Phase 1: the register — organizations with their contacts, members with their employments. */
export class PhaseOneSeeder extends Seeder<SeedRun> {
  override async run(em: AnyEntityManager, context?: SeedRun): Promise<void> {
    const run = demandRun(context);
    const sql = em as EntityManager;
    const source = rows(run.scale);
    const organizations = await addMissing(sql, 'organizations', source.organizations());
    const contacts = await addMissing(sql, 'organization_contacts', source.organization_contacts(), {
      of: ({ organization_id }) => organization_id,
      added: organizations,
    });
    const members = await addMissing(sql, 'members', source.members());
    const employments = await addMissing(sql, 'member_employments', source.member_employments(), {
      of: ({ member_id }) => member_id,
      added: members,
    });
    run.wrote('organizations', organizations.size);
    run.wrote('organization_contacts', contacts.size);
    run.wrote('members', members.size);
    run.wrote('member_employments', employments.size);
  }
}
