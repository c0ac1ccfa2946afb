import type { Tables } from './row.ts';

/** Why nothing was seeded. */
export class SeedError extends Error {
  override readonly name = 'SeedError';
}

export type SeedPhase = 0 | 1 | 2;

/** What the seeders of one run share. */
export type SeedRun = {
  readonly phases: readonly SeedPhase[];
  readonly scale: number;
  /** The hash of each account that is not there yet, by username. */
  readonly passwordHashes: ReadonlyMap<string, string>;
  /** Notes how many rows went into a table. */
  readonly wrote: (table: keyof Tables, count: number) => void;
};

/** Seeders write what a run gives them; without one, as under a bare command of the ORM, they would not know what. */
export function demandRun(run: SeedRun | undefined): SeedRun {
  if (!run) throw new SeedError('Seed with seed() of seeds/index.ts: it asks where it is and what to write, and writes it as a whole.');
  return run;
}
