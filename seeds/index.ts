import type { EntityManager as AnyEntityManager } from '@mikro-orm/core';
import { Seeder } from '@mikro-orm/seeder';
import { seededAccounts, type SeededAccount } from './account.ts';
import { inTransaction } from './connection.ts';
import { kinds } from './kinds.ts';
import { AuthSeeder } from './phase0.ts';
import { PhaseOneSeeder } from './phase1.ts';
import { PhaseTwoSeeder } from './phase2.ts';
import type { Tables } from './row.ts';
import { seedAlone } from './alone.ts';
import { refuseProduction, SeedError, type SeedPhase, type SeedRun } from './run.ts';

export { seededAccounts, type SeededAccount } from './account.ts';
export { anchorDate } from './calendar.ts';
export type { Dossier, ScaledKind } from './dossier.ts';
export { kinds } from './kinds.ts';
export { giveAccountsPasswords } from './password.ts';
export { AuthSeeder } from './phase0.ts';
export { PhaseOneSeeder } from './phase1.ts';
export { PhaseTwoSeeder } from './phase2.ts';
export { progressOn } from './progress.ts';
export type { Tables } from './row.ts';
export { SeedError, type SeedPhase } from './run.ts';

/** What is seeded, and where. */
export interface SeedOptions {
  environment: 'development' | 'test' | 'production';
  /** Called once for each account that is added; it may answer `noPassword` to leave the account without a password. */
  hashPassword: (password: string) => Promise<string>;
  /** All of them where it is left out. */
  phases?: readonly SeedPhase[];
  /** How many times the rows of phases 1 and 2 are written; once where it is left out. */
  scale?: number;
  /** Whether the seeded admin is to own an instance that nobody owns, so that its vault can be made. */
  givesOwner?: boolean;
  /**
   * Hears after each batch how many records of phases 1 and 2 have been looked after, each with all that belongs to it,
   * of how many; which were the last; and how many rows were added up to then. Nothing is kept if it throws.
   */
  progress?: (done: number, total: number, table: keyof Tables, rows: number) => void;
}

/** What was written. */
export interface SeedReport {
  /** How many rows were added to each table; a table that got none is not named. */
  written: Partial<Record<keyof Tables, number>>;
  /** Who can sign in to the seeded database. */
  accounts: readonly Pick<SeededAccount, 'username' | 'password' | 'role'>[];
}

/** Runs the phases of a run in their order; without a run, all of them, as MikroORM's CLI does. */
export class DatabaseSeeder extends Seeder<SeedRun> {
  override async run(em: AnyEntityManager, run?: SeedRun): Promise<void> {
    if (!run) return await seedAlone(em);
    for (const [phase, Phase] of seeders.entries()) {
      if (run.phases.includes(phase as SeedPhase)) await new Phase().run(em, run);
    }
  }
}

const seeders = [AuthSeeder, PhaseOneSeeder, PhaseTwoSeeder] as const;

/** Adds what is not there yet in one transaction: all of it, or nothing with a {@link SeedError} that says why. */
export async function seed(em: AnyEntityManager, options: SeedOptions): Promise<SeedReport> {
  const { environment, scale = 1, givesOwner = false } = options;
  refuseProduction(environment);
  if (!Number.isSafeInteger(scale) || scale < 1) throw new SeedError('--scale must be a whole number of at least 1.');
  const phases = options.phases ?? [0, 1, 2];
  const written: SeedReport['written'] = {};
  const report = reportTo(written, options, phases);
  try {
    await inTransaction(em, async (connection) => {
      await new DatabaseSeeder().run(em, { connection, phases, scale, givesOwner, hashPassword: options.hashPassword, ...report });
    });
  } catch (error) {
    throw asSeedError(error);
  }
  return { written, accounts: seededAccounts.map(({ username, password, role }) => ({ username, password, role })) };
}

function reportTo(
  written: SeedReport['written'],
  { scale = 1, progress }: SeedOptions,
  wanted: readonly SeedPhase[],
): Pick<SeedRun, 'wrote' | 'passed'> {
  const total = wanted.flatMap((phase) => kinds[phase]).reduce((sum, { perBlock }) => sum + perBlock * scale, 0);
  let [done, rows] = [0, 0];
  return {
    wrote: (added) => {
      for (const [table, count] of Object.entries(added) as [keyof Tables, number][]) {
        rows += count;
        if (count > 0) written[table] = (written[table] ?? 0) + count;
      }
    },
    passed: (table, count) => {
      done += count;
      progress?.(done, total, table, rows);
    },
  };
}

/** A row that is not seeded may hold what a seeded one needs: a username, a member number, a grievance number. */
function asSeedError(error: unknown): unknown {
  const { code, constraint } = error as { code?: unknown; constraint?: unknown };
  if (code !== '23505') return error;
  return new SeedError(`Nothing was seeded: an existing row has the same unique value as a seeded row (${String(constraint)}).`, {
    cause: error,
  });
}
