import { setImmediate as turn } from 'node:timers/promises';
import type { SeedConnection } from './connection.ts';
import type { Dossier, Kind } from './dossier.ts';
import { columnsOf, linesOf } from './line.ts';
import type { Tables } from './row.ts';

/** The number of rows that were added per table. */
export type Added = { [Table in keyof Tables]?: number };

/** Dossiers of one kind. */
export interface Series {
  readonly kind: Kind;
  readonly dossiers: Iterable<Dossier>;
}

/** Called for each batch with its kind, its number of dossiers, and the rows that were added. */
export type Told = (kind: Kind, size: number, added: Added) => void;

/** The number of dossiers per batch: large enough to be fast, and small enough to limit memory at every scale. */
const batchSize = 2000;

/** The number of dossiers after which the event loop gets a turn, so that prepared data reaches the database. */
const sliceSize = 20;

/** The lines of a dossier: the id of its main row, and the lines per table. */
interface Sheet {
  readonly id: string;
  readonly lines: readonly string[];
}

/** Dossiers of a kind with their lines per table. */
interface Batch {
  readonly kind: Kind;
  readonly size: number;
  readonly texts: readonly Buffer[];
}

/**
 * Adds the dossiers whose main row does not exist yet, and leaves the others unchanged: rows that a user removed from a
 * seeded record do not return. Generates the next batch while the database writes one.
 */
export async function addDossiers(connection: SeedConnection, series: readonly Series[], told: Told): Promise<void> {
  let last = Promise.resolve();
  const errors: unknown[] = [];
  try {
    for await (const batch of batchesOf(connection, series)) {
      const before = last;
      last = write(connection, batch, told);
      last.catch((error: unknown) => errors.push(error));
      await before;
    }
    await last;
  } catch (error) {
    await Promise.allSettled([last]); // wait for it, so that nothing is written after the transaction
    // after a failed statement, the later ones only report that the transaction is aborted
    throw errors[0] ?? error;
  }
}

/** Returns the ids that are not in the table. */
export async function missingIds(connection: SeedConnection, table: keyof Tables, ids: readonly string[]): Promise<string[]> {
  const text = `select id from unnest($1::uuid[]) as wanted (id) where not exists (select from ${table} where id = wanted.id)`;
  return (await connection.query<{ id: string }>(text, [ids])).map(({ id }) => id);
}

async function* batchesOf(connection: SeedConnection, series: readonly Series[]): AsyncGenerator<Batch> {
  for (const { kind, dossiers } of series) {
    // an empty table contains no ids, so no batch needs to be checked
    const [filled] = await connection.query(`select from ${kind.table} limit 1`);
    const seal = async (sheets: readonly Sheet[]) => batchOf(kind, sheets, filled ? await missingOf(connection, kind, sheets) : sheets);
    let sheets: Sheet[] = [];
    for (const dossier of dossiers) {
      if (sheets.push(sheetOf(kind, dossier)) % sliceSize === 0) await turn();
      if (sheets.length < batchSize) continue;
      yield await seal(sheets);
      sheets = [];
    }
    if (sheets.length > 0) yield await seal(sheets);
  }
}

function sheetOf(kind: Kind, dossier: Dossier): Sheet {
  const [first] = dossier[kind.table] as readonly { id: string }[] as readonly [{ id: string }];
  return { id: first.id, lines: tablesOf(kind).map((table) => linesOf(table, dossier[table] ?? [])) };
}

async function missingOf(connection: SeedConnection, { table }: Kind, sheets: readonly Sheet[]): Promise<Sheet[]> {
  const ids = sheets.map(({ id }) => id);
  const missing = new Set(await missingIds(connection, table, ids));
  return sheets.filter(({ id }) => missing.has(id));
}

async function batchOf(kind: Kind, { length }: readonly Sheet[], missing: readonly Sheet[]): Promise<Batch> {
  const texts: Buffer[] = [];
  for (const nth of tablesOf(kind).keys()) texts.push(await encoded(missing.map(({ lines }) => lines[nth] ?? '')));
  return { kind, size: length, texts };
}

async function encoded(lines: readonly string[]): Promise<Buffer> {
  const pieces: Buffer[] = [];
  for (let from = 0; from < lines.length; from += 5 * sliceSize) {
    pieces.push(Buffer.from(lines.slice(from, from + 5 * sliceSize).join('')));
    await turn();
  }
  return Buffer.concat(pieces);
}

async function write(connection: SeedConnection, { kind, size, texts }: Batch, told: Told): Promise<void> {
  const added: Added = {};
  for (const [nth, table] of tablesOf(kind).entries()) {
    const text = texts[nth];
    if (text?.length) added[table] = await connection.copy(`${table} (${columnsOf(table)})`, text);
  }
  told(kind, size, added);
}

const tablesOf = ({ table, parts }: Kind): readonly (keyof Tables)[] => [table, ...parts];
