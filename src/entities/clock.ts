import type { SqlEntityManager } from '@mikro-orm/postgresql';

/** The clock of this process. Used for records, texts, and tokens that are verified without the database. */
export const systemClock = (): Date => new Date();

export interface Clocked {
  readonly now: () => Date;
}

/**
 * Returns SQL for the current instant. Statements compare sessions, tokens, locks and limits with it. It is the
 * database's clock, so all nodes agree even if their own clocks differ. If a test injects a clock, returns its instant
 * as a literal.
 */
export const sqlNow = ({ now }: Clocked): string =>
  now === systemClock ? 'now()' : `timestamptz '${now().toISOString()}'`;

/** Returns SQL for the instant this many seconds from now, or before now if negative. */
export const sqlAfter = (clocked: Clocked, seconds: number): string =>
  `(${sqlNow(clocked)} + interval '${seconds} seconds')`;

/** Reads the current instant from the database, for records that are derived from it. */
export async function databaseNow(scope: Clocked & { readonly em: SqlEntityManager }): Promise<Date> {
  const [row] = await scope.em.execute<{ at: Date | string }[]>(`select ${sqlNow(scope)} as at`);
  return new Date(row?.at ?? scope.now());
}

/**
 * Reads the current instant inside a transaction. Unlike `now()`, which is the start of the transaction, it is later
 * than every instant that was read under the same lock before.
 */
export async function instantAfterLock(scope: Clocked & { readonly em: SqlEntityManager }): Promise<Date> {
  if (scope.now !== systemClock) return scope.now();
  const [row] = await scope.em.execute<{ at: Date | string }[]>('select clock_timestamp() as at');
  return new Date(row?.at ?? scope.now());
}
