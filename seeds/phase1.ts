import type { EntityManager } from '@mikro-orm/core';
import { Seeder } from '@mikro-orm/seeder';
import { agreementDossiers, agreementKind, unitDossiers, unitKind } from './agreement.ts';
import { seedAlone } from './alone.ts';
import { calendarDossiers, calendarKind } from './holiday.ts';
import { kinds } from './kinds.ts';
import { addKinds, type SeedRun } from './run.ts';
import { addDossiers } from './writing.ts';

/**
 * Phase 1: the register. Organizations with their contacts, members with their employments, the working-day calendar,
 * and the agreements with their signatory employers.
 */
export class PhaseOneSeeder extends Seeder<SeedRun> {
  override async run(em: EntityManager, run?: SeedRun): Promise<void> {
    if (!run) return await seedAlone(em, 1);
    // one of each at every scale
    const agreements = [
      { kind: calendarKind, dossiers: calendarDossiers() },
      { kind: unitKind, dossiers: unitDossiers() },
      { kind: agreementKind, dossiers: agreementDossiers() },
    ];
    await addDossiers(run.connection, agreements, (_kind, _size, added) => run.wrote(added));
    await addKinds(run, kinds[1]);
  }
}
