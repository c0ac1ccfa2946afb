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

/** The options of a seeding run. */
export interface SeedOptions {
  environment: 'development' | 'test' | 'production';
  /** Called once for each account that is added. It may return `noPassword` to leave the account without a password. */
  hashPassword: (password: string) => Promise<string>;
  /** The phases to run. Undefined means all. */
  phases?: readonly SeedPhase[];
  /** How many times the rows of phases 1 and 2 are written. Undefined means once. */
  scale?: number;
  /** Whether the seeded admin becomes the owner of an instance without an owner, so that its vault can be created. */
  givesOwner?: boolean;
  /**
   * Called after each batch: the number of processed records of phases 1 and 2, the number of all of them, the table of
   * the last batch, and the number of rows added so far. If it throws, nothing is stored.
   */
  progress?: (done: number, total: number, table: keyof Tables, rows: number) => void;
}

/** The result of a run. */
export interface SeedReport {
  /** The number of rows that were added per table. Tables without new rows are missing. */
  written: Partial<Record<keyof Tables, number>>;
  /** The users who can sign in to the seeded database. */
  accounts: readonly Pick<SeededAccount, 'username' | 'password' | 'role'>[];
}

/** Runs the phases of a run in order. From MikroORM's CLI, it runs all of them. */
export class DatabaseSeeder extends Seeder<SeedRun> {
  override async run(em: AnyEntityManager, run?: SeedRun): Promise<void> {
    if (!run) return await seedAlone(em);
    for (const [phase, Phase] of seeders.entries()) {
      if (run.phases.includes(phase as SeedPhase)) await new Phase().run(em, run);
    }
  }
}

const seeders = [AuthSeeder, PhaseOneSeeder, PhaseTwoSeeder] as const;

/**
 * Adds all missing rows in one transaction. @throws {SeedError} if a row could not be added; nothing is stored then.
 */
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

/**
 * Turns a unique violation into a SeedError: another row already has a username, member number or grievance number that
 * a seeded row needs.
 */
function asSeedError(error: unknown): unknown {
  const { code, constraint } = error as { code?: unknown; constraint?: unknown };
  if (code !== '23505') return error;
  return new SeedError(`Nothing was seeded: an existing row has the same unique value as a seeded row (${String(constraint)}).`, {
    cause: error,
  });
}
