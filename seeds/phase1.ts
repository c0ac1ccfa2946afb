import type { EntityManager } from '@mikro-orm/core';
import { Seeder } from '@mikro-orm/seeder';
import { kinds } from './kinds.ts';
import { addKinds, demandRun, type SeedRun } from './run.ts';

/** Phase 1: the register — organizations with their contacts, members with their employments. */
export class PhaseOneSeeder extends Seeder<SeedRun> {
  override async run(_: EntityManager, run?: SeedRun): Promise<void> {
    await addKinds(demandRun(run), kinds[1]);
  }
}
