import type { EntityManager } from '@mikro-orm/sql';
import type { Tables } from './row.ts';

/** The database as this file sees it: below the entities, so that no hook, filter or default touches a seeded row. */
type Untyped = Record<string, Record<string, unknown>>;

const chunkSize = 500;

/**
 * Adds the rows that are not there yet, whatever became of those that are, and returns the ids of the added ones.
 * @param parents names the column of the row it belongs to: such a row is added together with that one or not at all,
 * so that what a user has removed from a seeded record does not come back.
 */
export async function addMissing<Table extends Exclude<keyof Tables, 'grievance_counters'>>(
  em: EntityManager,
  table: Table,
  rows: Iterable<Tables[Table]>,
  parents?: { readonly of: (row: Tables[Table]) => string | null; readonly added: ReadonlySet<string> },
): Promise<Set<string>> {
  const added = new Set<string>();
  for (const chunk of chunks(parents ? belonging(rows, parents) : rows)) {
    const inserted = await em
      .getKysely<Untyped>()
      .insertInto(table)
      .values(chunk.map((row): Record<string, unknown> => ({ ...row })))
      .onConflict((conflict) => conflict.column('id').doNothing())
      .returning('id')
      .execute();
    for (const { id } of inserted) added.add(String(id));
  }
  return added;
}

/** Which of the ids are not in the table. */
export async function missingIds(em: EntityManager, table: keyof Tables, ids: readonly string[]): Promise<string[]> {
  const missing = new Set(ids);
  for (const chunk of chunks(ids)) {
    const found = await em.getKysely<Untyped>().selectFrom(table).select('id').where('id', 'in', chunk).execute();
    for (const { id } of found) missing.delete(String(id));
  }
  return [...missing];
}

function* belonging<Row>(
  rows: Iterable<Row>,
  parents: { readonly of: (row: Row) => string | null; readonly added: ReadonlySet<string> },
): Generator<Row> {
  for (const row of rows) if (parents.added.has(parents.of(row) ?? '')) yield row;
}

function* chunks<T>(items: Iterable<T>): Generator<T[]> {
  let chunk: T[] = [];
  for (const item of items) {
    if (chunk.push(item) < chunkSize) continue;
    yield chunk;
    chunk = [];
  }
  if (chunk.length > 0) yield chunk;
}
