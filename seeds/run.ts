import type { Config } from '../src/config.ts';
import type { SeedConnection } from './connection.ts';
import type { ScaledKind } from './dossier.ts';
import type { Tables } from './row.ts';
import { addDossiers, type Added } from './writing.ts';
import { OperatorError } from '../src/errors.ts';

/** Why nothing was seeded. */
export class SeedError extends OperatorError {}

/** @throws {SeedError} in production. */
export function refuseProduction(environment: Config['environment']): void {
  if (environment === 'production') throw new SeedError('Seeding is refused in production: the passwords of seeded accounts are public.');
}

export type SeedPhase = 0 | 1 | 2;

/** What the seeders of one run share. */
export type SeedRun = {
  readonly connection: SeedConnection;
  readonly phases: readonly SeedPhase[];
  readonly scale: number;
  readonly givesOwner: boolean;
  readonly hashPassword: (password: string) => Promise<string>;
  /** Notes how many rows went into a table. */
  readonly wrote: (added: Added) => void;
  /** Notes how many records of a table were looked after, with all that belongs to them. */
  readonly passed: (table: keyof Tables, count: number) => void;
};

/** Adds what is missing of the kinds, as often as the run is to. */
export async function addKinds(run: SeedRun, kinds: readonly ScaledKind[]): Promise<void> {
  const series = kinds.map((kind) => ({ kind, dossiers: kind.dossiers(run.scale) }));
  await addDossiers(run.connection, series, ({ table }, size, added) => {
    run.wrote(added);
    run.passed(table, size);
  });
}
