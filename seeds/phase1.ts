import type { EntityManager } from '@mikro-orm/core';
import { Seeder } from '@mikro-orm/seeder';
import { seedAlone } from './alone.ts';
import { calendarDossiers, calendarKind } from './holiday.ts';
import { kinds } from './kinds.ts';
import { addKinds, type SeedRun } from './run.ts';
import { addDossiers } from './writing.ts';

/** Phase 1: the register — organizations with their contacts, members with their employments, and the working-day calendar. */
export class PhaseOneSeeder extends Seeder<SeedRun> {
  override async run(em: EntityManager, run?: SeedRun): Promise<void> {
    if (!run) return await seedAlone(em, 1);
    await addKinds(run, kinds[1]);
    // one, whatever the scale
    await addDossiers(run.connection, [{ kind: calendarKind, dossiers: calendarDossiers() }], (_kind, _size, added) => run.wrote(added));
  }
}
