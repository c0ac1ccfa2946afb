import type { Config } from '../src/config.ts';
import type { SeedConnection } from './connection.ts';
import type { ScaledKind } from './dossier.ts';
import type { Tables } from './row.ts';
import { addDossiers, type Added } from './writing.ts';
import { OperatorError } from '../src/errors.ts';

/** The reason why nothing was seeded. */
export class SeedError extends OperatorError {}

/** @throws {SeedError} in production. */
export function refuseProduction(environment: Config['environment']): void {
  if (environment === 'production') throw new SeedError('Seeding is refused in production: the passwords of seeded accounts are public.');
}

export type SeedPhase = 0 | 1 | 2;

/** The state that the seeders of one run share. */
export type SeedRun = {
  readonly connection: SeedConnection;
  readonly phases: readonly SeedPhase[];
  readonly scale: number;
  readonly givesOwner: boolean;
  readonly hashPassword: (password: string) => Promise<string>;
  /** Adds to the number of rows per table. */
  readonly wrote: (added: Added) => void;
  /** Adds to the number of processed records of a table. */
  readonly passed: (table: keyof Tables, count: number) => void;
};

/** Adds the missing dossiers of these kinds, at the scale of the run. */
export async function addKinds(run: SeedRun, kinds: readonly ScaledKind[]): Promise<void> {
  const series = kinds.map((kind) => ({ kind, dossiers: kind.dossiers(run.scale) }));
  await addDossiers(run.connection, series, ({ table }, size, added) => {
    run.wrote(added);
    run.passed(table, size);
  });
}
