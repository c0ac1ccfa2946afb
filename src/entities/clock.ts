import type { SqlEntityManager } from '@mikro-orm/postgresql';

/** The clock of this process: for records, texts, and tokens that are verified without the database. */
export const systemClock = (): Date => new Date();

export interface Clocked {
  readonly now: () => Date;
}

/**
 * Returns SQL for the current instant, with which statements compare sessions, tokens, locks and limits. It is the
 * database's clock, so nodes agree whatever their own clocks say. Tests inject a clock, whose instant is written instead.
 */
export const sqlNow = ({ now }: Clocked): string => (now === systemClock ? 'now()' : `timestamptz '${now().toISOString()}'`);

/** Returns SQL for the instant so many seconds after the current one; before it, where they are negative. */
export const sqlAfter = (clocked: Clocked, seconds: number): string => `(${sqlNow(clocked)} + interval '${seconds} seconds')`;

/** Asks the database for the current instant, for records that are made of it. */
export async function databaseNow(scope: Clocked & { readonly em: SqlEntityManager }): Promise<Date> {
  const [row] = await scope.em.execute<{ at: Date | string }[]>(`select ${sqlNow(scope)} as at`);
  return new Date(row?.at ?? scope.now());
}
